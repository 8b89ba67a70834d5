//! What can go wrong. The top line is mason's; what failed and why stands in the `source` chain.

use std::path::PathBuf;
use std::time::Duration;

use dokuen_core::fs::FsError;
use dokuen_core::{BadName, DotenvError, LockError, ProcfileError};

use crate::url::UrlError;

/// A build, or work on the machine's buildpacks, that failed. The tree of a failed build is of no use; the cache is.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A buildpack was named by something that is no URL of one.
    #[error("BUILDPACK should be a url containing buildpack-NAME.git")]
    Url(#[from] UrlError),
    /// `.buildpacks` is no list that a person wrote.
    #[error(".buildpacks names {count} buildpacks; {most} are allowed")]
    TooMany {
        /// How many.
        count: usize,
        /// The bound.
        most: usize,
    },
    /// It stands inside a directory that buildpacks may not be read from.
    #[error("buildpack `{path}` is not open to builds")]
    KeptOut {
        /// Where it was said to be.
        path: PathBuf,
    },
    /// It could not be fetched, and no copy of it is here.
    #[error("failed to clone buildpack")]
    Clone(#[from] GitError),
    /// There is no such branch, tag or commit.
    #[error("failed to check out branch {reference}")]
    Checkout {
        /// What stood behind `#`, or `HEAD`.
        reference: String,
        /// What git said.
        source: GitError,
    },
    /// No installed buildpack wants the tree, and it has no Procfile to be run as it is.
    #[error("no valid buildpack detected")]
    NoneDetected(#[source] Asked),
    /// `bin/compile` failed.
    #[error("compile failed")]
    Compile(#[source] ScriptError),
    /// `bin/detect` could not be asked.
    #[error("detect failed")]
    Detect(#[source] ScriptError),
    /// `bin/release` failed.
    #[error("release failed")]
    Release(#[source] ScriptError),
    /// What `bin/release` printed is not what it should be.
    #[error("release of {name} failed")]
    ReleaseText {
        /// The buildpack.
        name: String,
        /// What is wrong with it.
        source: ReleaseError,
    },
    /// The `export` file of a buildpack failed.
    #[error("export failed")]
    Export(#[source] ScriptError),
    /// The app's Procfile cannot be run.
    #[error("failed to read the Procfile")]
    Procfile(#[from] ProcfileError),
    /// The app's `.env` cannot be read.
    #[error("failed to read .env")]
    Dotenv(#[from] DotenvError),
    /// A file that should be text is not.
    #[error("`{path}` is not UTF-8 text")]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// Neither the app nor a buildpack says what to run.
    #[error("nothing to run: there is no Procfile, and no buildpack names a process")]
    NothingToRun,
    /// The tree to be built is not there.
    #[error("no such directory: {path}")]
    NoSuchDirectory {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The result would take the place of the app itself.
    #[error("`{path}` is or holds the app: the result must go elsewhere")]
    HoldsSource {
        /// Where the result was to go.
        path: PathBuf,
    },
    /// A path that depends on where somebody stands.
    #[error("`{path}` is not an absolute path")]
    Relative {
        /// The path.
        path: PathBuf,
    },
    /// Asked to remove what is not there.
    #[error("{name} buildpack is not installed")]
    NotInstalled {
        /// What was typed.
        name: String,
    },
    /// Asked for a format other than `dir` and `tgz`.
    #[error("no such output format: {format}")]
    NoSuchFormat {
        /// What was typed.
        format: String,
    },
    /// A file that a slug cannot hold: a FIFO, a socket, a device.
    #[error("`{path}` is neither a file, a directory nor a symbolic link")]
    Unpackable {
        /// The file.
        path: PathBuf,
    },
    /// A file or directory failed.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// The lock of a clone failed.
    #[error(transparent)]
    Lock(#[from] LockError),
}

/// Who was asked whether it wants the tree.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.text())]
pub struct Asked(pub Vec<String>);

impl Asked {
    fn text(&self) -> String {
        match self.0.as_slice() {
            [] => format!("none knows what is in it: {HELP}"),
            names => format!("asked: {}; {HELP}", names.join(", ")),
        }
    }
}

const HELP: &str = "add a Procfile, set BUILDPACK_URL, or install a buildpack";

/// A script of a buildpack that did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// It is not there.
    #[error("{name} has no `{script}`")]
    Missing {
        /// The buildpack.
        name: String,
        /// `bin/compile` and the like.
        script: &'static str,
    },
    /// It lacks its executable bit.
    #[error("`{script}` of {name} is not executable: `git update-index --chmod=+x {script}` in the buildpack mends it")]
    NotExecutable {
        /// The buildpack.
        name: String,
        /// `bin/compile` and the like.
        script: &'static str,
    },
    /// The system could not start it, or not read what it wrote.
    #[error("failed to run `{script}` of {name}")]
    Run {
        /// The buildpack.
        name: String,
        /// `bin/compile` and the like.
        script: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// It ended badly.
    #[error("`{script}` of {name} {how}{tail}")]
    Failed {
        /// The buildpack.
        name: String,
        /// `bin/compile` and the like.
        script: &'static str,
        /// `exited with 1`, `was ended by signal 9`.
        how: String,
        /// The last lines of its standard error, each behind `: ` or `; `; empty where they were shown already.
        tail: String,
    },
    /// It took too long and was ended.
    #[error("`{script}` of {name} did not end within {} s", limit.as_secs())]
    TimedOut {
        /// The buildpack.
        name: String,
        /// `bin/compile` and the like.
        script: &'static str,
        /// How long the build was given.
        limit: Duration,
    },
    /// The build was called off.
    #[error("`{script}` of {name} was interrupted")]
    Cancelled {
        /// The buildpack.
        name: String,
        /// `bin/compile` and the like.
        script: &'static str,
    },
    /// It and what it started became too many: a fork bomb, or a build that wants a larger limit.
    #[error("`{script}` of {name} had more than {most} processes and was ended")]
    Processes {
        /// The buildpack.
        name: String,
        /// `bin/compile` and the like.
        script: &'static str,
        /// The bound.
        most: usize,
    },
    /// It and what it started held too much memory.
    #[error("`{script}` of {name} held more than {most} MiB of memory and was ended")]
    Memory {
        /// The buildpack.
        name: String,
        /// `bin/compile` and the like.
        script: &'static str,
        /// The bound, in MiB.
        most: u64,
    },
    /// It wrote more than anybody will read.
    #[error("`{script}` of {name} wrote more than {most} bytes")]
    TooMuch {
        /// The buildpack.
        name: String,
        /// `bin/compile` and the like.
        script: &'static str,
        /// The bound.
        most: usize,
    },
}

/// A `git` that failed. Neither the text nor the argv it names holds a login.
#[derive(Debug, thiserror::Error)]
#[error("`git {verb}` for {url} {how}")]
pub struct GitError {
    pub(crate) verb: &'static str,
    pub(crate) url: String,
    pub(crate) how: String,
}

/// What `bin/release` printed and should not have.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// It is not text.
    #[error("it did not print UTF-8 text")]
    NotText,
    /// It is not the YAML it should be.
    #[error("{0}")]
    Yaml(String),
    /// A tag asks for an object.
    #[error("the tag {0} has no place there")]
    Tag(String),
    /// A name that is none.
    #[error(transparent)]
    Name(#[from] BadName),
    /// A variable only the platform may set.
    #[error("config var {0} is set by the platform")]
    Reserved(String),
    /// A value no process could be given.
    #[error("the value of {0} holds a NUL byte or is longer than 128 KiB")]
    Value(String),
    /// A command that is empty or more than one line.
    #[error("the command of process type {0} is empty or holds a control character")]
    Command(String),
}
