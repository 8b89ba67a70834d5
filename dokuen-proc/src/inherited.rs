//! Descriptors that whoever started us left open: no child of ours may get them.

use std::path::Path;

use dokuen_core::fs;

/// Marks everything above the three standard streams close-on-exec. A lock or a pipe of a git hook, passed on to a
/// process that lives for months, would be held for months.
pub fn keep_from_children() {
    for fd in fs::names(Path::new("/dev/fd")).unwrap_or_default().iter().filter_map(|n| n.parse::<i32>().ok()) {
        // The listing's own is among them, and closed by now.
        if fd > 2 {
            crate::sys::close_on_exec(fd);
        }
    }
    // The listing's buffer was the largest piece of the start: what comes after it should lie close together.
    crate::memory::give_back();
}
