//! Descriptors that whoever started us left open: no child of ours may get them.

#![expect(unsafe_code, reason = "a descriptor by its number can only be borrowed unsafely")]

use std::os::fd::BorrowedFd;
use std::path::Path;

use dokuen_core::fs;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};

/// Marks everything above the three standard streams close-on-exec. A lock or a pipe of a git hook, passed on to a
/// process that lives for months, would be held for months.
pub fn keep_from_children() {
    for fd in fs::names(Path::new("/dev/fd")).unwrap_or_default().iter().filter_map(|n| n.parse::<i32>().ok()) {
        if fd > 2 {
            // SAFETY: the number is only handed to fcntl, which answers EBADF for one that is closed (the listing's own).
            let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
            let _ = fcntl(borrowed, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC));
        }
    }
    // The listing's buffer was the largest piece of the start: what comes after it should lie close together.
    crate::memory::give_back();
}
