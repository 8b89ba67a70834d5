//! `cargo bench -p dokuen-cli --bench push`: from `git push` to the first answer of the new release, beside the floor.
//!
//! The floor is a `git push` of the same commit to a plain bare repository, plus the app's own start until it listens.
//! Both sides run alternately in one run; what is printed is medians, their difference and their ratio.

#![expect(clippy::disallowed_methods, clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark, not a library")]
#![expect(dead_code, reason = "the harness of the tests has more than is measured here")]

#[path = "../../tests/it/harness.rs"]
mod harness;

use harness::{app, host, http, outcome, processes, snapshot};

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use app::App;
use host::Host;
use http::Client;

const ROUNDS: usize = 21;

fn main() {
    let host = Host::new();
    let app = host.app("hello", "hello").built_once();
    let bare = host.temp().join("bare.git");
    app.git(&["init", "-q", "--bare", &bare.display().to_string()]).ok();
    app.git(&["remote", "add", "bare", &bare.display().to_string()]).ok();
    app.push().ok();

    let (mut pushes, mut starts, mut answers, mut ends) = (vec![], vec![], vec![], vec![]);
    for round in 0..ROUNDS {
        app.greeting(&format!("round {round}"));
        pushes.push(timed(|| app.git(&["push", "bare", "master"]).ok()));
        starts.push(own_start(&app));
        let (answer, end) = push_until_answer(&app, &format!("round {round}\n"));
        answers.push(answer);
        ends.push(end);
    }

    let (push, start, answer, end) = (median(pushes), median(starts), median(answers), median(ends));
    let floor = push + start;
    println!("push to a bare repository        {:>7.1} ms", ms(push));
    println!("the app's own start              {:>7.1} ms", ms(start));
    println!("floor: both together             {:>7.1} ms", ms(floor));
    println!("dokuen: push to first new answer {:>7.1} ms", ms(answer));
    println!("dokuen: push to the prompt       {:>7.1} ms", ms(end));
    println!("above the floor                  {:>7.1} ms (target: at most 100)", ms(answer) - ms(floor));
    println!("ratio                            {:>7.2}", ms(answer) / ms(floor));
    println!("medians of {ROUNDS} rounds, both sides alternating, over a local path");
}

fn own_start(app: &App) -> Duration {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let begun = Instant::now();
    let mut hello = Command::new("./hello");
    let mut child =
        hello.current_dir(&app.checkout).env("PORT", port.to_string()).stdout(Stdio::null()).spawn().unwrap();
    while TcpStream::connect(address).is_err() {
        std::thread::sleep(Duration::from_micros(200));
    }
    let took = begun.elapsed();
    child.kill().unwrap();
    child.wait().unwrap();
    took
}

fn push_until_answer(app: &App, wanted: &str) -> (Duration, Duration) {
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let push = scope.spawn(|| {
            app.push().ok();
            begun.elapsed()
        });
        let mut client = Client::connect(app.host.listen(), &app.domain()).unwrap();
        loop {
            let body = client.get("/", "").unwrap().body;
            if body == wanted.as_bytes() {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        (begun.elapsed(), push.join().unwrap())
    })
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort();
    all[all.len() / 2]
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
