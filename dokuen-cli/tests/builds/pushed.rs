//! A push that may take as long as a package manager takes.

use std::process::Command;
use std::sync::Mutex;

use crate::app::App;
use crate::host::{Host, Options};

/// What a push said, and whether it went live.
pub struct Pushed {
    pub text: String,
    pub live: bool,
}

/// A host whose apps may take their time to start: on a busy machine Python takes seconds to read its modules.
pub fn host() -> Host {
    Host::with(Options { conf: "stop_timeout: 3\ndrain_timeout: 5\nboot_timeout: 60\n", ..Options::default() })
}

/// `git push`. Builds run one after the other: side by side they only wait for each other.
pub fn push(app: &App) -> Pushed {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut command: Command = app.host.command("git");
    let output = command.current_dir(&app.checkout).args(["push", "dokuen", "master"]).output().unwrap();
    Pushed { text: String::from_utf8_lossy(&output.stderr).into_owned(), live: output.status.success() }
}

impl Pushed {
    #[track_caller]
    pub fn goes_live(self) -> Self {
        assert!(self.live, "{}", self.text);
        self
    }

    #[track_caller]
    pub fn refused(self) -> Self {
        assert!(!self.live, "{}", self.text);
        self
    }

    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.text.contains(text), "it does not say {text:?}:\n{}", self.text);
        self
    }
}
