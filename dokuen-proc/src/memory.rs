//! Memory that is kept for later goes back to the system: a wrapper is idle nearly all its life, and thousands of them
//! may be.

#![cfg_attr(
    all(target_os = "linux", target_env = "gnu"),
    expect(unsafe_code, reason = "neither the C library's function nor the system call has a safe form")
)]

/// Gives back what neither the heap nor the stack needs now. To be called from near the bottom of the stack.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn give_back() {
    // SAFETY: it takes no pointer, touches only the allocator's own free memory, and locks as `malloc` does.
    unsafe { nix::libc::malloc_trim(0) };
    give_back_stack();
}

/// What deeper calls have left below us: the deepest were those of the start.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn give_back_stack() {
    const PAGE: usize = 4096;
    const DEEPEST: usize = 16 * PAGE;
    let mark = 0_u8;
    let here = std::hint::black_box(std::ptr::from_ref(&mark)).addr();
    // A page of distance is more than the red zone and this function's own calls need.
    let end = (here - PAGE) & !(PAGE - 1);
    // SAFETY: nothing lives below the stack pointer and its red zone; stacks grow down on every Linux that we build for
    // with glibc. A page that is given back is a zero page at its next use. Where less is mapped the call just fails.
    unsafe { nix::libc::madvise((end - DEEPEST) as *mut _, DEEPEST, nix::libc::MADV_DONTNEED) };
}

/// Other allocators do so by themselves, or cannot be told.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_back() {}
