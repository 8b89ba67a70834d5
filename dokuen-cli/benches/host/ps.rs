//! `ps` of 100 apps with 10 processes each, beside procps' `ps -A` of the same machine.

use std::time::Instant;

use crate::host::{Host, Options};
use crate::{median, ms, timed};

const EACH: usize = 10;
const ROUNDS: usize = 11;

pub fn measure(apps: Option<usize>) {
    let count = apps.unwrap_or(100);
    let host = Host::with(Options::default());
    let begun = Instant::now();
    for number in 0..count {
        let app = host.app(&format!("app{number}"), "worker-only");
        app.with("Procfile", "worker: exec sleep 1000000\n");
        app.dokuen("config_set", &[&format!("DOKUEN_SCALE=worker={EACH}"), "DOKUEN_MIN_ALIVE=0"]).ok();
        app.push().ok();
    }
    println!("{count} apps with {EACH} processes each were pushed in {:.0} s", begun.elapsed().as_secs_f64());
    let (mut all, mut procps) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        procps.push(timed(|| host.command("ps").args(["-A", "-o", "pid,ppid,rss,pcpu"]).output().unwrap()));
        all.push(timed(|| assert_eq!(host.dokuen(&["ps"]).ok().out().lines().count(), count * EACH + 1)));
    }
    let (all, procps) = (median(&all), median(&procps));
    println!("ps -A of the machine       {:>7.1} ms", ms(procps));
    println!("dokuen ps of {:>4} processes {:>7.1} ms (target: at most 300)", count * EACH, ms(all));
    println!("ratio {:.2}, medians of {ROUNDS}", ms(all) / ms(procps));
}
