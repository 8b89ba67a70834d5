//! One of two instances is not to be reached: nginx finds the other one, and asks it no more often than it should.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::app::App;
use crate::host::{Host, eventually};
use crate::http::Client;

/// Requests that begin so long after the kill are not those that were under way.
const UNDER_WAY: Duration = Duration::from_millis(100);

/// What was answered otherwise than by 200, and when it was asked.
type Failures = Mutex<Vec<(Instant, String)>>;

fn ask(app: &App, post: bool, over: &AtomicBool, failures: &Failures) {
    while !over.load(Relaxed) {
        let begun = Instant::now();
        let answer = Client::connect(app.host.listen(), &app.domain()).and_then(|mut client| match post {
            true => client.post("/len", b"four"),
            false => client.get("/pid", "Connection: close\r\n"),
        });
        match answer {
            Ok(answer) if answer.status == 200 => {}
            Ok(answer) => failures.lock().unwrap().push((begun, answer.status.to_string())),
            Err(e) => failures.lock().unwrap().push((begun, e.to_string())),
        }
    }
}

#[test]
fn a_killed_wrapper_of_two_costs_no_request_that_comes_after() {
    let app = Host::new().app("hello", "python");
    app.push().ok();
    app.dokuen("scale", &["web=2"]).ok();
    let (over, failures) = (AtomicBool::new(false), Failures::default());
    let killed = std::thread::scope(|scope| {
        for client in 0..12 {
            scope.spawn({
                let (app, over, failures) = (&app, &over, &failures);
                move || ask(app, client % 2 == 0, over, failures)
            });
        }
        std::thread::sleep(Duration::from_millis(500));
        let wrappers = app.host.app_processes();
        let wrapper =
            wrappers.iter().find(|p| p.words.contains("dokuen-wrapper") && p.words.contains("web.1")).unwrap();
        kill(Pid::from_raw(wrapper.pid), Signal::SIGKILL).unwrap();
        let killed = Instant::now();
        std::thread::sleep(Duration::from_secs(2));
        over.store(true, Relaxed);
        killed
    });
    let mut failed = failures.into_inner().unwrap();
    failed.retain(|(begun, _)| *begun > killed + UNDER_WAY);
    assert!(failed.is_empty(), "{} failed: {:?}", failed.len(), &failed[..failed.len().min(5)]);
    app.dokuen("restart", &[]).ok();
    app.comes_to_run(&["web.1", "web.2"]);
}

const FATAL: &str = "import os\n\
    from http.server import BaseHTTPRequestHandler, HTTPServer\n\
    class Fatal(BaseHTTPRequestHandler):\n\
    \x20   def do_GET(self):\n\
    \x20       if self.path == '/die':\n\
    \x20           os.write(os.open('deaths', os.O_CREAT | os.O_APPEND | os.O_WRONLY), b'x')\n\
    \x20           os._exit(1)\n\
    \x20       self.send_response(200)\n\
    \x20       self.send_header('Content-Length', '0')\n\
    \x20       self.end_headers()\n\
    HTTPServer(('127.0.0.1', int(os.environ['PORT'])), Fatal).serve_forever()\n";

/// It is repeated, for it may be innocent; but not as often as there are slots.
#[test]
fn a_request_that_ends_the_app_is_not_asked_of_it_again_and_again() {
    let app = Host::new().app("hello", "python");
    app.with("server.py", FATAL).push().ok();
    let status = app.get("/die").status;
    let deaths = std::fs::read(app.release("current").join("deaths")).unwrap().len();
    assert_eq!((status, deaths), (502, 2));
    eventually("it answers again", || app.get("/").status == 200);
}
