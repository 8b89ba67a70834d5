//! What the kernel says of a process.

use std::fs;

fn field(pid: i32, file: &str, name: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_ascii_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0.0)
}

/// Its proportional share of memory, in kB.
pub fn pss(pid: i32) -> f64 {
    field(pid, "smaps_rollup", "Pss:")
}

/// What of it is its own and no file's: what a burst could leave behind.
pub fn own(pid: i32) -> f64 {
    field(pid, "smaps_rollup", "Private_Dirty:")
}

/// How often it was switched to.
pub fn switches(pid: i32) -> f64 {
    field(pid, "status", "voluntary_ctxt_switches:") + field(pid, "status", "nonvoluntary_ctxt_switches:")
}

/// Seconds on a processor.
pub fn cpu(pid: i32) -> f64 {
    field(pid, "schedstat", "") / 1e9
}

/// Its children.
pub fn children(pid: i32) -> Vec<i32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect()
}
