//! `cargo bench -p dokuen-proc --bench front [-- [full] [post] [spin]]`: one app behind nginx, once directly on its TCP
//! port and once through the front of a real wrapper, both sides alternately in one run, by wrk.
//!
//! Needs the Debian packages nginx and wrk. `post` sends POSTs, `spin` gives the app 100 µs of work for each request,
//! `full` takes more and longer rounds.

#![expect(clippy::disallowed_methods, clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark, not a library")]

mod app;
mod load;
#[expect(dead_code, reason = "the tests use all of it")]
#[path = "../../tests/it/place.rs"]
mod place;
#[expect(dead_code, reason = "the other benchmark uses all of it")]
#[path = "../wrapper/process.rs"]
mod process;

use load::{Nginx, requests};
use place::{Place, eventually};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if words.first().is_some_and(|word| word == "helper") {
        return app::serve(&words[1..]);
    }
    let is = |name: &str| words.iter().any(|word| word == name);
    let spin = if is("spin") { 100 } else { 0 };
    let (rounds, seconds) = if is("full") { (9, 5) } else { (5, 3) };
    let place = Place::new("");
    let exe = std::env::current_exe().unwrap();
    let web = place.runs("web", &format!("{} helper {spin} $PORT", exe.display()));
    let tcp = format!("server 127.0.0.1:{};", web.report().port.unwrap());
    let slot = |n: u16| format!("server \"unix:{}/{n}\" max_fails=0;", place.app.live_route().display());
    let slots: String = (1..=12).map(slot).collect();
    let nginx = Nginx::start(&place.dir.path().join("nginx"), &[("tcp", tcp), ("front", slots)]);
    eventually("both answer", || (0..2).all(|side| nginx.answers(side)));
    let report = web.report();
    let all = [report.wrapper, report.child].into_iter().flatten().chain(nginx.workers()).collect::<Vec<_>>();
    let spent = || all.iter().map(|pid| process::cpu(*pid)).chain([load::children()]).sum::<f64>();
    let (mut ratios, mut costs) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let (mut found, mut cost) = ([0.0; 2], [0.0; 2]);
        for side in [round % 2, 1 - round % 2] {
            let before = spent();
            found[side] = requests(nginx.port(side), seconds, is("post"), place.dir.path());
            cost[side] = (spent() - before) / (found[side] * f64::from(seconds)) * 1e6;
        }
        println!(
            "direct {:>6.0}/s {:>5.1} us of CPU each   front {:>6.0}/s {:>5.1} us",
            found[0], cost[0], found[1], cost[1]
        );
        ratios.push(found[1] / found[0]);
        costs.push(cost[0] / cost[1]);
    }
    println!(
        "front against direct TCP, medians of {rounds} pairs: requests/s {:.3}x (target >= 0.90x), requests per CPU second of all {:.3}x",
        middle(ratios),
        middle(costs)
    );
    drop(nginx);
    web.stop().unwrap();
    web.wait_gone(std::time::Duration::from_secs(60)).unwrap();
}

fn middle(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}
