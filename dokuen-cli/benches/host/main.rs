//! `cargo bench -p dokuen-cli --bench host -- NAME...`: what a whole host does, beside what it is compared with.
//!
//! | NAME | what |
//! |---|---|
//! | `boot` | 20 apps until the last answers, beside the same 20 programs started by hand; of two kinds of apps |
//! | `rollback` | to a release that does not run, and the share of it above the app's own start that is the switch |
//! | `thousand` | a push with 1000 releases behind it, beside the 10th |
//! | `ps` | `ps` of 100 apps with 10 processes each, beside `ps -A` of the same machine |
//! | `current` | 10^6 looks at `current` while releases change, beside `rm` and `ln -s` |
//!
//! Both sides run in turns in one run, on a host of its own that is gone afterwards. Needs nginx, gcc, make and python3. A
//! number behind a NAME (`ps 20`) makes it smaller.

#![expect(clippy::disallowed_methods, clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark, not a library")]
#![expect(dead_code, reason = "the harness of the tests has more than is measured here")]

#[path = "../../tests/it/harness.rs"]
mod harness;

mod boot;
mod current;
mod own;
mod ps;
mod rollback;
mod thousand;

use harness::{app, host, http, outcome, processes, snapshot};

use std::time::{Duration, Instant};

type Figure = (&'static str, fn(Option<usize>));
const FIGURES: [Figure; 5] = [
    ("boot", boot::measure),
    ("rollback", rollback::measure),
    ("thousand", thousand::measure),
    ("ps", ps::measure),
    ("current", current::measure),
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let known = |word: &String| word.parse::<usize>().is_ok() || FIGURES.iter().any(|(name, _)| name == word);
    assert!(!words.is_empty() && words.iter().all(known), "which? {:?}", FIGURES.map(|(name, _)| name));
    for (at, word) in words.iter().enumerate() {
        let Some((_, measure)) = FIGURES.iter().find(|(name, _)| name == word) else { continue };
        println!("{word}, with a load of {}", load());
        measure(words.get(at + 1).and_then(|next| next.parse().ok()));
    }
}

fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("unknown").to_owned()
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn median(all: &[Duration]) -> Duration {
    let mut all = all.to_vec();
    all.sort();
    all[all.len() / 2]
}

fn worst(all: &[Duration]) -> Duration {
    all.iter().copied().max().unwrap()
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
