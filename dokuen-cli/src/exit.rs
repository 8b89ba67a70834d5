//! Exit statuses, and the one error type that commands end with: a cause, a status, and what to do next.

use std::error::Error;
use std::fmt;

/// Exit statuses, the same for every command (`docs/exit-codes.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It failed.
    Failed = 1,
    /// It was called wrongly.
    Usage = 2,
    /// No such app, release, user or buildpack.
    NotFound = 3,
    /// Not allowed.
    Denied = 4,
    /// Another command holds the app.
    Busy = 5,
    /// The new release is not healthy; the old one was kept.
    Unhealthy = 6,
    /// The build failed.
    BuildFailed = 7,
    /// nginx refused the config, or could not be started.
    NginxRefused = 8,
    /// This host is not set up as expected.
    HostNotReady = 9,
}

/// Why a command ended badly.
#[derive(Debug)]
pub struct Failure {
    /// Its exit status.
    pub exit: Exit,
    /// What happened; its sources are printed below it, one a line.
    pub cause: Box<dyn Error + Send + Sync>,
    /// Lines that show it, from a log for one.
    pub details: Vec<String>,
    /// What to do next.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure with this status and cause.
    pub fn new(exit: Exit, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { exit, cause: cause.into(), details: Vec::new(), hint: None }
    }

    /// Called wrongly, in words.
    pub fn usage(text: impl Into<String>) -> Self {
        Self::new(Exit::Usage, text.into())
    }

    /// With a hint what to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The chain of causes as lines, outermost first.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let mut next: Option<&(dyn Error + 'static)> = Some(self.cause.as_ref());
        while let Some(error) = next {
            lines.extend(error.to_string().lines().map(str::to_owned));
            next = error.source();
        }
        lines.dedup();
        lines
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().join(": "))
    }
}

macro_rules! failures {
    ($($type:ty => $exit:expr),* $(,)?) => {
        $(impl From<$type> for Failure {
            fn from(cause: $type) -> Self {
                Self::new($exit, cause)
            }
        })*
    };
}

failures! {
    dokuen_core::fs::FsError => Exit::Failed,
    dokuen_core::cmd::CmdError => Exit::Failed,
    dokuen_core::BadName => Exit::Usage,
    dokuen_core::ScaleError => Exit::Usage,
    dokuen_core::ProcfileError => Exit::BuildFailed,
    crate::app_json::AppJsonError => Exit::BuildFailed,
    dokuen_core::ConfError => Exit::HostNotReady,
    dokuen_proc::BootError => Exit::Failed,
    dokuen_proc::InstanceError => Exit::Failed,
    dokuen_proc::RouteError => Exit::Failed,
    dokuen_proc::SpecError => Exit::Failed,
}

impl From<dokuen_core::LockError> for Failure {
    fn from(cause: dokuen_core::LockError) -> Self {
        use dokuen_core::LockError::{Busy, Gone};
        let exit = match cause {
            Busy { .. } => Exit::Busy,
            Gone { .. } => Exit::NotFound,
            _ => Exit::Failed,
        };
        Self::new(exit, cause)
    }
}

impl From<dokuen_proc::ReadyError> for Failure {
    fn from(cause: dokuen_proc::ReadyError) -> Self {
        let details = cause.log().to_vec();
        Self { details, ..Self::new(Exit::Unhealthy, cause) }
    }
}
