//! The door to programs: an argv, never a shell string; an absolute directory; an environment that starts empty.

#![expect(clippy::disallowed_methods, reason = "this is the door that the lint guards")]

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use crate::captured::{self, Ended};
use crate::kept::{Keep, WHOLE};

/// A program to be run, not yet started.
#[derive(Debug, Clone)]
pub struct Cmd {
    program: OsString,
    args: Vec<OsString>,
    dir: PathBuf,
    env: BTreeMap<OsString, OsString>,
    stdin: Vec<u8>,
    limit: Duration,
    keep: Keep,
}

/// What a program that succeeded wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// The number it had, which may be another's by now: `ps` lists itself, as a child of whoever asks. 0 if it never ran.
    pub pid: u32,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

/// A program that did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CmdError {
    /// It could not be started at all.
    #[error("failed to run `{argv}`")]
    Start {
        /// The program and its arguments.
        argv: String,
        /// What the system said.
        source: io::Error,
    },
    /// It ended badly.
    #[error("`{argv}` {how}{tail}")]
    Failed {
        /// The program and its arguments.
        argv: String,
        /// `exited with 1`, `was ended by signal 9`.
        how: String,
        /// The last lines of its standard error, each behind `: ` or `; `.
        tail: String,
        /// The exit status, `None` when a signal ended it.
        code: Option<i32>,
        /// All it wrote.
        output: Box<Output>,
    },
    /// It wrote more than can be used, and was killed.
    #[error("`{argv}` wrote more than {most} bytes")]
    TooMuch {
        /// The program and its arguments.
        argv: String,
        /// So much may be.
        most: usize,
    },
    /// It did not end in time and was killed.
    #[error("`{argv}` did not end within {} s", limit.as_secs())]
    TimedOut {
        /// The program and its arguments.
        argv: String,
        /// How long it was given.
        limit: Duration,
    },
}

impl Cmd {
    /// `program` is a name to be found in the given `PATH`, or an absolute path; it runs in `dir`.
    pub fn new(program: impl AsRef<OsStr>, dir: &Path) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            dir: dir.to_owned(),
            env: BTreeMap::new(),
            stdin: Vec::new(),
            limit: Duration::from_secs(600),
            keep: Keep::All,
        }
    }

    /// One more argument, passed as it is.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// More arguments, passed as they are.
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    /// One variable of its environment.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.insert(name.as_ref().to_owned(), value.as_ref().to_owned());
        self
    }

    /// Many variables of its environment.
    pub fn envs<N: AsRef<OsStr>, V: AsRef<OsStr>>(mut self, vars: impl IntoIterator<Item = (N, V)>) -> Self {
        for (name, value) in vars {
            self.env.insert(name.as_ref().to_owned(), value.as_ref().to_owned());
        }
        self
    }

    /// What it reads on standard input; nothing unless said.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// How long it may take; ten minutes unless said.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// What it writes is for people alone: where it is very much, the beginning and the end are enough.
    pub fn for_people(mut self) -> Self {
        self.keep = Keep::Ends;
        self
    }

    /// Runs it to its end and takes what it wrote; anything but exit 0 is an error that carries the same. Whatever it has left
    /// running is not waited for, even where that holds its output open. Of standard error there are the beginning and the
    /// end, where it is very much.
    pub fn run(&self) -> Result<Output, CmdError> {
        let argv = self.argv();
        let started = |source| CmdError::Start { argv: argv.clone(), source };
        let ended = captured::run(self.to_std(), &self.stdin, self.keep, self.limit).map_err(started)?;
        let (status, output) = match ended {
            Ended::Itself(status, output) => (status, output),
            Ended::TooLate => return Err(CmdError::TimedOut { argv, limit: self.limit }),
            Ended::TooMuch => return Err(CmdError::TooMuch { argv, most: WHOLE }),
        };
        if status.success() {
            return Ok(output);
        }
        Err(CmdError::Failed {
            argv,
            how: how(status),
            tail: tail(&output.stderr),
            code: status.code(),
            output: Box::new(output),
        })
    }

    /// The standard library's form of it, for callers that stream or replace the process. Standard input is theirs to set.
    pub fn to_std(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).current_dir(&self.dir).env_clear().envs(&self.env);
        command
    }

    /// The program and its arguments for a message. Secrets never stand here, since argv is world-readable anyway.
    pub fn argv(&self) -> String {
        let words = std::iter::once(&self.program).chain(&self.args);
        words.map(|w| w.to_string_lossy().escape_debug().to_string()).collect::<Vec<_>>().join(" ")
    }
}

/// `exited with 1` or `was ended by signal 9`.
pub fn how(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

fn tail(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<_> = text.lines().filter(|l| !l.trim().is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(3)..];
    if last.is_empty() { String::new() } else { format!(": {}", last.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Cmd {
        Cmd::new("/bin/sh", Path::new("/")).arg("-c").arg(script)
    }

    #[test]
    fn the_environment_starts_empty_and_stdin_is_what_was_given() {
        let out =
            sh("env | grep -v ^PWD= ; cat").env("ONLY", "this").stdin("in").env("PATH", "/usr/bin:/bin").run().unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        let mut lines: Vec<_> = text.lines().filter(|l| !l.starts_with("_=") && !l.starts_with("SHLVL=")).collect();
        lines.sort();
        assert_eq!(lines, ["ONLY=this", "PATH=/usr/bin:/bin", "in"]);
    }

    #[test]
    fn a_failure_says_argv_exit_and_the_end_of_stderr() {
        let err = sh("echo a >&2; echo b >&2; exit 3").run().unwrap_err();
        assert_eq!(err.to_string(), "`/bin/sh -c echo a >&2; echo b >&2; exit 3` exited with 3: a; b");
        assert!(sh("kill -9 $$").run().unwrap_err().to_string().ends_with("was ended by signal 9"));
        assert!(matches!(Cmd::new("/nowhere", Path::new("/")).run(), Err(CmdError::Start { .. })));
    }

    #[test]
    fn much_may_go_in_and_out_at_once_and_what_is_not_read_is_dropped() {
        let much = vec![b'x'; 1 << 20];
        let out = sh("/usr/bin/tee /dev/stderr").stdin(much.clone()).run().unwrap();
        assert!(out.stdout == much && out.stderr == much);
        assert_eq!(sh("exec <&-; echo done").stdin(much).run().unwrap().stdout, b"done\n");
    }

    #[test]
    fn an_output_without_end_is_bounded() {
        let flood = "while head -c 9000000 /dev/zero; do :; done";
        let path = |cmd: Cmd| cmd.env("PATH", "/usr/bin:/bin").limit(Duration::from_secs(20));
        let err = path(sh(flood)).run().unwrap_err();
        assert_eq!(err.to_string(), format!("`/bin/sh -c {flood}` wrote more than 67108864 bytes"));
        let much =
            "echo first; head -c 90000000 /dev/zero; echo last; head -c 90000000 /dev/zero >&2; echo why >&2; exit 3";
        let Err(CmdError::Failed { tail, output, .. }) = path(sh(much)).for_people().run() else { panic!() };
        assert!(output.stdout.starts_with(b"first\n\0") && output.stdout.ends_with(b"\0last\n"));
        assert!(output.stdout.len() < 2 << 20 && output.stderr.len() < 2 << 20 && tail.ends_with("why"));
    }

    #[test]
    fn what_it_leaves_running_is_not_waited_for() {
        let limit = Duration::from_secs(30);
        let begun = std::time::Instant::now();
        for left in ["/bin/sleep 60 & echo $!", "while :; do echo; done & echo $!"] {
            let out = sh(left).stdin(vec![b'x'; 1 << 20]).limit(limit).run().unwrap();
            let text = String::from_utf8(out.stdout).unwrap();
            let pid = text.split_ascii_whitespace().next().unwrap().parse().unwrap();
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
        }
        assert!(begun.elapsed() < limit);
    }

    #[test]
    fn too_long_is_killed_and_said() {
        let err = sh("exec /bin/sleep 60").limit(Duration::from_millis(50)).run().unwrap_err();
        assert!(matches!(err, CmdError::TimedOut { .. }), "{err}");
    }
}
