//! A command of the app's own (a release phase), run as a build script is: output by line, time bounded, nothing left.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use dokuen_core::Transcript;
use dokuen_core::cmd::{self, Cmd};

use crate::child::{How, Watch, Wiring, run};
use crate::compile::Limits;
use crate::family::Bounds;
use crate::lines::Lines;

/// A command that did not do its work. What it wrote was shown already.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The system could not start it, or not read what it wrote.
    #[error("it could not be run")]
    Run(#[source] std::io::Error),
    /// It ended badly: `exited with 1`, `was ended by signal 9`.
    #[error("it {0}")]
    Failed(String),
    /// It took too long and was ended.
    #[error("it did not end within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// Whoever asked for it has gone, or wants it no more.
    #[error("it was interrupted")]
    Cancelled,
}

/// Runs `command` with nothing on standard input and shows what it writes, line by line, in the order of writing.
/// When it has exited, or `cancel` is set, what it left running is ended.
pub fn stream(
    command: &Cmd,
    limit: Duration,
    cancel: Option<&AtomicBool>,
    out: &mut dyn Transcript,
) -> Result<(), StreamError> {
    let mut lines = Lines::new(out, Limits::default().output);
    let watch = Watch::new(limit, cancel).bounded(Bounds::NONE);
    let ended = run(command, &watch, Wiring::Together(&mut lines)).map_err(StreamError::Run)?;
    match ended.how {
        How::Exited(status) if status.success() => Ok(()),
        How::Exited(status) => Err(StreamError::Failed(cmd::how(status))),
        How::Cancelled => Err(StreamError::Cancelled),
        How::Enough | How::TimedOut | How::TooMuch(_) => Err(StreamError::TimedOut(limit)),
    }
}
