//! A thousand apps with ten names each: what a change of one app costs beside what nginx itself needs.
//!
//! The other side of the ratio is `nginx -t` and a reload of the same configuration until it answers, by hand. Both sides
//! are from one run: `cargo bench -p dokuen-nginx --bench thousand [ROUNDS]`.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on ends there")]
#![expect(clippy::print_stdout, reason = "its figures are what it is for")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use dokuen_core::cmd::Cmd;
use dokuen_core::{AppName, Domain, ServerName, fs};
use dokuen_nginx::{Account, ConfPath, Listen, Nginx, Own, Places, Site, find_program, rebuild, route};

const APPS: usize = 1000;
const NAMES: usize = 10;

fn main() {
    let rounds = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(7);
    let dir = tempfile::Builder::new().prefix("dn").tempdir().unwrap();
    let root = dir.path();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let places = Places {
        dir: root.join("nginx"),
        own: root.join("nginx/own"),
        tmp: root.join("tmp"),
        lock: root.join("nginx/.lock"),
        challenges: Some(root.join("acme")),
        logs: None,
        cache: root.join("cache"),
        base_domain: Domain::parse("test").unwrap(),
        listen: Listen::only(address),
        patience: Duration::from_secs(30),
    };
    let own = Own::new(places, find_program("").unwrap(), Account::for_workers("root").unwrap()).unwrap();
    let nginx = Nginx::Own(own.clone());
    let sites: Vec<Site> = (0..APPS).map(|n| site(root, n, 0)).collect();
    let boot = timed(|| assert!(rebuild(&nginx, &sites).unwrap().refused.is_empty()));
    println!("boot: {APPS} apps, {} names, nginx started: {} ms", APPS * (NAMES + 1), boot.as_millis());
    let again = timed(|| drop(rebuild(&nginx, &sites).unwrap()));
    println!("boot again, nothing to change: {} ms", again.as_millis());

    let (mut by_hand, mut ours, mut still) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        by_hand.push(timed(|| reload_by_hand(root, address, round)));
        ours.push(timed(|| route(&nginx, &site(root, 500, round + 1)).unwrap().keep()));
        still.push(timed(|| route(&nginx, &site(root, 500, round + 1)).unwrap().keep()));
    }
    let (by_hand, ours, still) = (median(by_hand), median(ours), median(still));
    println!("nginx -t and a reload until it answers, by hand: {by_hand:.0} ms (median of {rounds})");
    println!("route of one app with another name: {ours:.0} ms, {:.2} x", ours / by_hand);
    println!("route of one app that has not changed: {still:.2} ms");
    own.stop(Duration::ZERO).unwrap();
}

fn site(root: &Path, number: usize, round: usize) -> Site {
    let app = AppName::parse(&format!("app-{number}")).unwrap();
    let live = ConfPath::new(&root.join("run").join(&app).join("live")).unwrap();
    let base = Site::new(app, Domain::parse(&format!("app-{number}.test")).unwrap(), live);
    let name = |n| ServerName::parse(&format!("name-{n}-{round}.of-a-customer-of-app-{number}.example")).unwrap();
    Site { aliases: (0..NAMES).map(name).collect(), ..base }
}

/// What somebody without Dokuen does: a file is changed, tested, the reload asked for, and the answer looked at.
fn reload_by_hand(root: &Path, address: SocketAddr, round: usize) {
    let text = format!("server {{ listen {address}; server_name mark.test; return 200 mark-{round}; }}\n");
    fs::replace(&root.join("nginx/zz-mark.conf"), text.as_bytes(), fs::PUBLIC_FILE).unwrap();
    let own = root.join("nginx/own");
    let run = |args: &[&str]| {
        let nginx = Cmd::new(find_program("").unwrap(), &own).arg("-c").arg(own.join("nginx.conf")).arg("-p").arg(&own);
        nginx.args(args).run().unwrap();
    };
    run(&["-t"]);
    run(&["-s", "reload"]);
    while !answer(address).ends_with(&format!("mark-{round}")) {
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn answer(address: SocketAddr) -> String {
    let mut text = String::new();
    let Ok(mut stream) = TcpStream::connect(address) else { return text };
    let asked =
        stream.write_all(b"GET / HTTP/1.0\r\nHost: mark.test\r\n\r\n").and_then(|()| stream.read_to_string(&mut text));
    if asked.is_err() { String::new() } else { text }
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1000.0
}
