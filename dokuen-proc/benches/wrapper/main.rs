//! `cargo bench -p dokuen-proc --bench wrapper [-- [full] [memory] [burst] [capture] [many] [restart] [crash] [kill]]`: the
//! wrapper beside runsv + svlogd, `cat` and s6-log, both sides alternately in one run.
//!
//! Needs the Debian packages of `.ci/bench-packages`. Without names all figures are taken; `full` takes a minute of
//! idleness, a hundred million lines and five thousand kills instead of ten seconds, ten million and a thousand.

#![expect(clippy::disallowed_methods, clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark, not a library")]

mod capture;
mod helper;
mod kill;
mod memory;
#[path = "../../tests/it/place.rs"]
mod place;
mod process;
mod restart;
mod runit;

/// Takes one figure, the whole or the short way.
type Figure = fn(bool);

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if words.first().is_some_and(|word| word == "helper") {
        return helper::run(&words[1..]);
    }
    let full = words.iter().any(|word| word == "full");
    let named: Vec<&str> = words.iter().map(String::as_str).filter(|word| *word != "full").collect();
    let figures: [(&str, Figure); 7] = [
        ("memory", memory::idle),
        ("burst", memory::burst),
        ("capture", capture::run),
        ("many", capture::many),
        ("restart", restart::good_run),
        ("crash", restart::crash_loop),
        ("kill", kill::run),
    ];
    for (name, figure) in figures {
        if named.is_empty() || named.contains(&name) {
            figure(full);
        }
    }
}

/// One row: what, our side, their side, the ratio, and what it should be.
pub fn row(what: &str, ours: f64, theirs: f64, unit: &str, target: &str) {
    println!("{what:<52} {ours:>9.3} {unit:<3} {theirs:>9.3} {unit:<3} {:>6.2}x  {target}", ours / theirs);
}

/// The middle one.
pub fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}
