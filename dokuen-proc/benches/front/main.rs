//! `cargo bench -p dokuen-proc --bench front [-- [full] [post] [spin [80]|node]]`: one app behind nginx, directly on its TCP port,
//! through the front of a real wrapper, and on a unix socket of its own, in turns in one run, by wrk.
//!
//! Needs the Debian packages nginx and wrk. `post` sends POSTs, `spin` gives the app 100 µs of work for each request, or
//! as many as stand behind it, `node` takes the HTTP server that Node.js has for the app, `full` more and longer rounds.

#![expect(clippy::disallowed_methods, clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark, not a library")]

mod app;
mod load;
#[expect(dead_code, reason = "the tests use all of it")]
#[path = "../../tests/it/place.rs"]
mod place;
#[expect(dead_code, reason = "the other benchmark uses all of it")]
#[path = "../wrapper/process.rs"]
mod process;

use dokuen_core::Environment;
use dokuen_proc::{Instance, boot};
use load::{Nginx, requests};
use place::{Place, eventually};

const SIDES: [&str; 3] = ["tcp", "front", "unix"];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if words.first().is_some_and(|word| word == "helper") {
        return app::serve(&words[1..]);
    }
    let is = |name: &str| words.iter().any(|word| word == name);
    let behind = |name: &str| words.iter().skip_while(|word| *word != name).nth(1)?.parse().ok();
    let spin = if is("spin") { behind("spin").unwrap_or(100) } else { 0 };
    let runs = |place: &Place, listen: &str| if is("node") { node(place, listen) } else { native(place, spin, listen) };
    let (rounds, seconds) = if is("full") { (9, 4) } else { (5, 3) };
    let places = [Place::new(""), Place::new("")];
    let apps = [runs(&places[0], "port"), runs(&places[1], "path")];
    let tcp = format!("server 127.0.0.1:{};", apps[0].report().port.unwrap());
    let nginx = Nginx::start(
        &places[0].dir.path().join("nginx"),
        &[(SIDES[0], tcp), (SIDES[1], slots(&places[0])), (SIDES[2], slots(&places[1]))],
    );
    eventually("all answer", || (0..SIDES.len()).all(|side| nginx.answers(side)));
    let of = |app: &Instance| [app.report().wrapper, app.report().child];
    let all: Vec<i32> = apps.iter().flat_map(of).flatten().chain(nginx.workers()).collect();
    let spent = || all.iter().map(|pid| process::cpu(*pid)).chain([load::children()]).sum::<f64>();
    let (mut rates, mut costs) = (vec![], vec![]);
    for round in 0..rounds {
        let (mut rate, mut cost) = ([0.0; 3], [0.0; 3]);
        for turn in 0..SIDES.len() {
            let side = (round + turn) % SIDES.len();
            let before = spent();
            rate[side] = requests(nginx.port(side), seconds, is("post"), places[0].dir.path());
            cost[side] = (spent() - before) / (rate[side] * f64::from(seconds)) * 1e6;
        }
        let shown = SIDES.iter().zip(rate).zip(cost).map(|((name, r), c)| format!("{name} {r:>6.0}/s {c:>5.1} us"));
        println!("{}", shown.collect::<Vec<_>>().join("   "));
        rates.push(rate);
        costs.push(cost);
    }
    for (side, what, target) in [(1, "through the front", 0.90), (2, "on a unix socket", 1.25)] {
        let rate = middle(rates.iter().map(|r| r[side] / r[0]));
        let cost = middle(costs.iter().map(|c| c[0] / c[side]));
        println!(
            "{what} against TCP, medians of {rounds}: requests/s {rate:.2}x (target >= {target:.2}x), per CPU second of all {cost:.2}x"
        );
    }
    drop(nginx);
    for app in apps {
        app.stop().unwrap();
        app.wait_gone(std::time::Duration::from_secs(60)).unwrap();
    }
}

fn native(place: &Place, spin: u32, listen: &str) -> Instance {
    let exe = std::env::current_exe().unwrap();
    let door = if listen == "port" { "$PORT" } else { "$SOCKET" };
    runs(place, &format!("{} helper {spin} {door}", exe.display()), listen)
}

/// What a beginner's page about Node.js shows.
fn node(place: &Place, listen: &str) -> Instance {
    let script = place.file("app.js");
    let text = "require('http').createServer((request, response) => response.end('hello\\n'))
        .listen(process.env.SOCKET ? {path: process.env.SOCKET} : {port: process.env.PORT, host: '127.0.0.1'})";
    std::fs::write(&script, text).unwrap();
    runs(place, &format!("node {}", script.display()), listen)
}

fn runs(place: &Place, command: &str, listen: &str) -> Instance {
    let mut plan = place.plan("web", command, 1);
    plan.config = Environment::default().with("DOKUEN_LISTEN", listen);
    let ready = boot(&plan).unwrap().wait_until_ready().unwrap();
    let web = ready.instances()[0].clone();
    ready.switch().unwrap().keep();
    web
}

fn slots(place: &Place) -> String {
    let slot = |n: u16| format!("server \"unix:{}/{n}\" max_fails=0;", place.app.live_route().display());
    (1..=12).map(slot).collect()
}

fn middle(all: impl Iterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = all.collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}
