//! What the benchmark runs of itself as a child: writers of lines.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

/// Nanoseconds that mean the same in every process.
pub fn now() -> u64 {
    UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64
}

/// Adds the line with this number, of 100 bytes with its end.
pub fn line(number: u64, to: &mut Vec<u8>) {
    let mut digits = [b'0'; 10];
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        *digit += (rest % 10) as u8;
        rest /= 10;
    }
    to.extend_from_slice(&digits);
    to.push(b' ');
    to.extend_from_slice(&[b'x'; 88]);
    to.push(b'\n');
}

pub fn run(words: &[String]) {
    match words[0].as_str() {
        "write" => write(words[1].parse().unwrap(), words[2].parse().unwrap(), words.get(3)),
        "count" => count(),
        "stream" => stream(words[1].parse().unwrap(), Path::new(&words[2])),
        other => panic!("{other}"),
    }
}

/// So many lines, with writes of `size` bytes, once the file `go` is there; with it, the process stays.
fn write(lines: u64, size: usize, go: Option<&String>) {
    let mut text = Vec::with_capacity(lines as usize * 100);
    (0..lines).for_each(|number| line(number, &mut text));
    while go.is_some_and(|go| !Path::new(go).exists()) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut out = File::from(std::io::stdout().as_fd().try_clone_to_owned().unwrap());
    for chunk in text.chunks(size) {
        out.write_all(chunk).unwrap();
    }
    if go.is_some() {
        std::thread::sleep(Duration::from_secs(100_000));
    }
}

/// So many lines, as fast as they are taken, then the file `last`.
fn stream(lines: u64, last: &Path) {
    let mut out = File::from(std::io::stdout().as_fd().try_clone_to_owned().unwrap());
    let mut text = Vec::new();
    for begin in (0..lines).step_by(600) {
        text.clear();
        (begin..lines.min(begin + 600)).for_each(|number| line(number, &mut text));
        out.write_all(&text).unwrap();
    }
    File::create(last).unwrap();
}

/// Lines without end, in writes that cut them anywhere: some twenty thousand a second.
fn count() {
    let mut out = File::from(std::io::stdout().as_fd().try_clone_to_owned().unwrap());
    let mut waiting = Vec::new();
    let mut size = 1;
    for number in 0.. {
        line(number, &mut waiting);
        size = size * 31 % 8191;
        if waiting.len() > size {
            out.write_all(&waiting[..size]).unwrap();
            waiting.drain(..size);
        }
        if number % 40 == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
