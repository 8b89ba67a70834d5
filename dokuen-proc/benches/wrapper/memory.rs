//! Memory of idle wrappers, their wake-ups, and what a burst of lines leaves behind.

use std::fs;
use std::time::{Duration, Instant};

use dokuen_core::ProcessType;
use dokuen_proc::{Booted, Instance, boot};

use crate::place::{Place, eventually};
use crate::runit::Service;
use crate::{process, row};

const MANY: u16 = 50;
const LINE: &str = "echo hello; exec sleep 100000";

struct Many {
    place: Place,
    booted: Booted,
    services: Vec<Service>,
}

/// `MANY` web instances, with log and front, and as many services.
fn many() -> Many {
    let place = Place::new("log_bytes: 1000000000");
    let mut plan = place.plan("web", LINE, 1);
    plan.instances = (1..=MANY).map(|index| (ProcessType::parse("web").unwrap(), index)).collect();
    let booted = boot(&plan).unwrap();
    let services = (1..=MANY).map(|i| Service::start(&place.file(&format!("sv/{i}")), LINE)).collect();
    let reports = |i: &Instance| i.report().wrapper.is_some();
    eventually("all report", || booted.instances().iter().all(reports));
    eventually("all have logged", || (1..=MANY).all(|i| place.log(&format!("web.{i}")).contains("hello")));
    std::thread::sleep(Duration::from_secs(3));
    Many { place, booted, services }
}

fn wrapper(instance: &Instance) -> i32 {
    instance.report().wrapper.unwrap()
}

impl Many {
    fn sums(&self, of: fn(i32) -> f64) -> (f64, f64) {
        let ours = self.booted.instances().iter().map(|i| of(wrapper(i))).sum();
        (ours, self.services.iter().flat_map(Service::pids).map(of).sum())
    }
}

pub fn idle(full: bool) {
    let many = many();
    let (ours, theirs) = many.sums(process::pss);
    let n = f64::from(MANY);
    row("PSS per process, wrapper | runsv + svlogd, N = 50", ours / n, theirs / n, "kB", "<= 0.50x");
    let before = many.sums(process::switches);
    let seconds = if full { 60 } else { 10 };
    std::thread::sleep(Duration::from_secs(seconds));
    let after = many.sums(process::switches);
    println!(
        "wake-ups of all 50 in {seconds} idle seconds: wrappers {}, runsv + svlogd {} (target 0)",
        after.0 - before.0,
        after.1 - before.1
    );
}

pub fn burst(_: bool) {
    let many = many();
    for megabytes in [50, 200] {
        let go = many.place.file(&format!("go{megabytes}"));
        let line = format!(
            "exec {} helper write {} 65536 {}",
            std::env::current_exe().unwrap().display(),
            megabytes * 10_000,
            go.display()
        );
        let mut plan = many.place.plan("worker", &line, megabytes);
        plan.instances[0].1 = megabytes as u16;
        let booted = boot(&plan).unwrap();
        let service = Service::start(&many.place.file(&format!("sv/burst{megabytes}")), &line);
        std::thread::sleep(Duration::from_secs(2));
        let ours = [wrapper(&booted.instances()[0])];
        let theirs = service.pids();
        let sums = |of: fn(i32) -> f64| (ours.map(of)[0], theirs.iter().map(|pid| of(*pid)).sum::<f64>());
        let (pss, own) = (sums(process::pss), sums(process::own));
        fs::write(&go, "").unwrap();
        let log = many.place.app.logs_dir().join(format!("dokuen.a.worker.{megabytes}"));
        let most = u64::from(megabytes) * 10_000 * 129;
        eventually("all is logged", || log.metadata().is_ok_and(|meta| meta.len() >= most));
        let end = Instant::now();
        std::thread::sleep(Duration::from_secs(1).saturating_sub(end.elapsed()));
        let pss_after = process::pss(ours[0]);
        let own_after = process::own(ours[0]);
        eventually("svlogd is through", || {
            let before = process::cpu(theirs[1]);
            std::thread::sleep(Duration::from_millis(300));
            process::cpu(theirs[1]) - before < 0.001
        });
        row(&format!("wrapper's PSS 1 s after {megabytes} MB of lines | idle"), pss_after, pss.0, "kB", "<= 1.10x");
        row("  the same, what is its own (dirty)", own_after, own.0, "kB", "");
        row("  runsv + svlogd: PSS after | idle", sums(process::pss).1, pss.1, "kB", "");
        row("  runsv + svlogd: dirty after | idle", sums(process::own).1, own.1, "kB", "");
    }
}
