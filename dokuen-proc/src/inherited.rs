//! What whoever started us left open, or had ignored: no child of ours may get it.

use std::path::Path;

use dokuen_core::fs;

/// Marks everything above the three standard streams close-on-exec. A lock or a pipe of a git hook, passed on to a
/// process that lives for months, would be held for months. Ignored signals (of `nohup`, of Python, of a shell's `&`) are
/// ignored no longer. For the beginning of a program, before it catches signals of its own.
pub fn keep_from_children() {
    crate::sys::ignore_no_signal();
    for fd in fs::names(Path::new("/dev/fd")).unwrap_or_default().iter().filter_map(|n| n.parse::<i32>().ok()) {
        // The listing's own is among them, and closed by now.
        if fd > 2 {
            crate::sys::close_on_exec(fd);
        }
    }
    // The listing's buffer was the largest piece of the start: what comes after it should lie close together.
    crate::memory::give_back();
}
