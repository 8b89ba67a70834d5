//! Memory that is kept for later goes back to the system: a wrapper is idle nearly all its life, and thousands of them
//! may be.

/// Gives back what neither the heap nor the stack needs now: the deepest calls were those of the start. To be called from
/// near the bottom of the stack.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn give_back() {
    crate::sys::give_back_heap();
    crate::sys::give_back_stack();
}

/// Other allocators do so by themselves, or cannot be told.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_back() {}
