//! Apps that listen at a unix socket themselves: nginx's way to them has no front in it.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use dokuen_proc::Instance;
use nix::sys::signal::Signal;

use crate::place::{Place, eventually, is_alive, signal};
use crate::web::App;

fn link(app: &App, web: &Instance) -> Option<PathBuf> {
    std::fs::read_link(app.place.app.sockets_dir().join(web.id.to_string())).ok()
}

fn leads_to_the_app(app: &App, web: &Instance) {
    let own = PathBuf::from(format!("../s/{}", web.id));
    eventually("nginx is led to the app itself", || link(app, web) == Some(own.clone()));
    assert_eq!(std::fs::metadata(app.route()).unwrap().mode() & 0o777, 0o660);
}

#[test]
fn an_app_that_binds_its_socket_is_reached_directly_and_missed_by_nobody_while_it_starts_anew() {
    let app = App::new("stop_timeout: 2");
    let web = app.runs("path", 1);
    let child = web.report().child.unwrap();
    leads_to_the_app(&app, &web);
    assert_eq!((app.ask("/"), web.report().port), (child, None));
    std::thread::sleep(Duration::from_millis(1100));
    signal(child, Signal::SIGKILL);
    eventually("requests wait at the front", || link(&app, &web).is_none());
    let next = app.ask("/");
    assert_eq!(web.report().child, Some(next));
    leads_to_the_app(&app, &web);
    assert_eq!(app.ask("/"), next);
    web.restart().unwrap();
    eventually("it was started anew", || web.report().child.is_some_and(|pid| pid != next));
    assert_eq!(Some(app.ask("/")), web.report().child);
    app.ends(&web);
}

#[test]
fn a_socket_that_an_app_is_given_outlives_it() {
    let app = App::new("stop_timeout: 2");
    let web = app.runs("fds", 1);
    let child = web.report().child.unwrap();
    leads_to_the_app(&app, &web);
    assert_eq!(app.ask("/"), child);
    std::thread::sleep(Duration::from_millis(1100));
    signal(child, Signal::SIGKILL);
    eventually("it is dead", || !is_alive(child));
    let next = app.ask("/");
    assert_ne!(next, child);
    eventually("it is the next one", || web.report().child == Some(next));
    app.ends(&web);
}

#[test]
fn a_new_wrapper_adopts_such_an_app_too() {
    for listen in ["path", "fds"] {
        let app = App::new("stop_timeout: 2");
        let web = app.runs(listen, 1);
        leads_to_the_app(&app, &web);
        let (child, wrapper) = (web.report().child.unwrap(), web.report().wrapper.unwrap());
        signal(wrapper, Signal::SIGKILL);
        eventually("the wrapper is gone", || !web.is_alive().unwrap());
        assert_eq!(app.ask("/"), child, "it is served without a wrapper");
        dokuen_proc::revive(&app.place.host.wrapper(), &web).unwrap();
        assert_eq!(app.ask("/"), child);
        leads_to_the_app(&app, &web);
        assert_eq!(web.report().child, Some(child));
        signal(child, Signal::SIGKILL);
        eventually("a new child runs", || web.report().child.is_some_and(|pid| pid != child && is_alive(pid)));
        assert_eq!(Some(app.ask("/")), web.report().child, "{listen}");
        app.ends(&web);
    }
}

/// Its backlog is full before anybody can find it, and it accepts nothing.
const HANGS: &str = r#"
import os, socket, time
door = socket.socket(socket.AF_UNIX)
door.bind(os.environ["SOCKET"] + ".new")
door.listen(0)
own = []
try:
    while True:
        own.append(socket.socket(socket.AF_UNIX))
        own[-1].setblocking(False)
        own[-1].connect(os.environ["SOCKET"] + ".new")
except OSError:
    pass
os.rename(os.environ["SOCKET"] + ".new", os.environ["SOCKET"])
print("hangs", flush=True)
time.sleep(600)
"#;

#[test]
fn an_app_that_listens_and_accepts_nothing_holds_up_neither_a_deploy_nor_its_wrapper() {
    let place = Place::new("stop_timeout: 2");
    let mut plan = place.plan("web", "python3 app.py", 1);
    std::fs::write(plan.tree.join("app.py"), HANGS).unwrap();
    plan.config = plan.config.with("DOKUEN_LISTEN", "path");
    plan.checks.timeout = Duration::from_secs(2);
    let booted = dokuen_proc::boot(&plan).unwrap();
    let web = booted.instances()[0].clone();
    eventually("it hangs", || place.log("web.1").contains("hangs"));
    let waits = std::thread::spawn(|| booted.wait_until_ready());
    eventually("the deploy is given up", || waits.is_finished());
    let error = waits.join().unwrap().unwrap_err().to_string();
    assert!(error.contains("it listens, but takes no connection"), "{error}");
    web.wait_gone(Duration::from_secs(10)).unwrap();
}

#[cfg(not(dokuen_portable))]
#[test]
fn what_such_an_app_is_asked_before_a_switch_it_answers_after_it() {
    for listen in ["path", "fds"] {
        let app = App::new("stop_timeout: 2");
        let old = app.runs(listen, 1);
        leads_to_the_app(&app, &old);
        let child = old.report().child.unwrap();
        std::thread::scope(|scope| {
            let slow = scope.spawn(|| app.ask("/slow"));
            std::thread::sleep(Duration::from_millis(200));
            let new = app.runs(listen, 2);
            dokuen_proc::retire([&old]).unwrap();
            assert_eq!(Some(app.ask("/")), new.report().child);
            assert_eq!(slow.join().unwrap(), child, "{listen}");
            old.wait_gone(Duration::from_secs(20)).unwrap();
            app.ends(&new);
        });
    }
}
