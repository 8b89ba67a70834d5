//! `rollback` to a release that does not run, until it answers, beside the app's own start.
//!
//! The switch is what lies between the line `starting web=1` and the first new answer: ports, wrapper, readiness, nginx,
//! ledger and symlinks.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::app::App;
use crate::host::Host;
use crate::own::{Own, until_answer};
use crate::{median, ms, worst};

pub fn measure(rounds: Option<usize>) {
    let rounds = rounds.unwrap_or(31);
    for (name, fixture, program) in
        [("hello", "hello", &["./hello"][..]), ("python", "python", &["python3", "server.py"])]
    {
        let app = Host::new().app(name, fixture);
        let app = if fixture == "hello" { app.built_once() } else { app };
        for greeting in ["one", "two"] {
            app.greeting(greeting).push().ok();
        }
        let (mut own, mut whole, mut switch) = (vec![], vec![], vec![]);
        for round in 0..rounds {
            own.push(Own::start(&app.host, program, &app.checkout).answers());
            let (all, from_start) = rollback(&app, if round % 2 == 0 { "one\n" } else { "two\n" });
            whole.push(all);
            switch.push(from_start);
        }
        let start = median(&own);
        let above = |all: Duration| ms(all) - ms(start);
        println!("{name}: the app's own start            {:>7.1} ms, worst {:.1}", ms(start), ms(worst(&own)));
        println!(
            "{name}: rollback until the new answers {:>7.1} ms, worst {:.1}",
            ms(median(&whole)),
            ms(worst(&whole))
        );
        println!("  above the own start: {:.1} ms (target: at most 150)", above(median(&whole)));
        println!(
            "  of it the switch: {:.1} ms median, {:.1} worst (targets: 10, 30), {rounds} rounds",
            above(median(&switch)),
            above(worst(&switch))
        );
    }
}

/// Since the command was begun, and since it says that it starts the release: the first answer of that release.
fn rollback(app: &App, wanted: &str) -> (Duration, Duration) {
    let mut command = app.host.command(app.host.program());
    command.args(["rollback", "--application", &app.name]).stdout(Stdio::piped()).stderr(Stdio::null());
    std::thread::scope(|scope| {
        let begun = Instant::now();
        let answered = scope.spawn(move || {
            until_answer(app.host.listen(), &app.domain(), |body| body == wanted.as_bytes());
            Instant::now()
        });
        let mut rollback = command.spawn().unwrap();
        let mut lines = BufReader::new(rollback.stdout.take().unwrap()).lines();
        let starting = lines.by_ref().find(|line| line.as_ref().unwrap().contains("starting"));
        let started = Instant::now();
        assert!(starting.is_some(), "it starts nothing");
        assert!(lines.last().is_none_or(|line| line.is_ok()) && rollback.wait().unwrap().success());
        let answered = answered.join().unwrap();
        (answered - begun, answered.saturating_duration_since(started))
    })
}
