//! kill -9 of a wrapper under load, again and again: one instance, its child never touched, every line once.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::capture;
use crate::place::{Place, eventually, is_alive, signal};

pub fn run(full: bool) {
    let kills: u32 = if full { 5000 } else { 1000 };
    let place = Place::new("log_bytes: 10000000000\nstop_timeout: 2");
    let exe = std::env::current_exe().unwrap();
    let worker = place.runs("worker", &format!("exec {} helper count", exe.display()));
    let child = worker.report().child.unwrap();
    let log = place.app.logs_dir().join("dokuen.a.worker.1");
    let begun = Instant::now();
    for kill in 0..kills {
        let wrapper = worker.report().wrapper.unwrap();
        let size = log.metadata().map_or(0, |meta| meta.len());
        eventually("lines come", || log.metadata().is_ok_and(|meta| meta.len() > size));
        std::thread::sleep(Duration::from_micros(u64::from(kill) * 7919 % 10_000));
        signal(wrapper, Signal::SIGKILL);
        eventually("the wrapper is gone", || !worker.is_alive().unwrap());
        assert!(is_alive(child), "the child died with its wrapper");
        dokuen_proc::revive(&place.host.wrapper(), &worker).unwrap();
        eventually("it reports", || worker.report().wrapper != Some(wrapper));
        assert_eq!(worker.report().child, Some(child), "the child was started again");
    }
    let took = begun.elapsed();
    worker.stop().unwrap();
    worker.wait_gone(Duration::from_secs(20)).unwrap();
    capture::check(&log, 1);
    let lines = std::io::BufRead::lines(std::io::BufReader::new(std::fs::File::open(&log).unwrap())).count();
    println!(
        "{kills} times kill -9 of the wrapper in {:.0} s, {lines} lines: 1 instance, 0 lost, 0 doubled, 0 split, 0 starts of the child",
        took.as_secs_f64()
    );
}
