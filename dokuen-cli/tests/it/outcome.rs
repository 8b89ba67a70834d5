//! What a command said and how it ended, and sentences about it.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use crate::app::App;

/// No command of the suite may take longer: one that does hangs.
const LONGEST: Duration = Duration::from_secs(120);
/// Who still holds an output of a command that has ended holds it for good.
const LINGER: Duration = Duration::from_secs(5);

/// An ended command.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub said: String,
    pub code: i32,
    pub out: Vec<u8>,
    pub err: String,
    pub took: Duration,
    app: Option<App>,
}

/// Runs a command to its end, with `input` as its standard input.
pub fn run(command: &mut Command, input: &[u8], app: Option<App>) -> Outcome {
    let said = format!("{command:?}");
    let begun = Instant::now();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|e| panic!("{said}: {e}"));
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
    // It may end without having read everything.
    thread::spawn(move || drop(stdin.write_all(&input)));
    let out = collect(child.stdout.take().unwrap());
    let err = collect(child.stderr.take().unwrap());
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > LONGEST {
            let _ = child.kill();
            panic!("{said} did not end; it said {:?}", err.recv_timeout(LINGER));
        }
        thread::sleep(Duration::from_millis(2));
    };
    let took = begun.elapsed();
    let whole = |from: std::sync::mpsc::Receiver<Vec<u8>>| {
        from.recv_timeout(LINGER).unwrap_or_else(|_| panic!("{said}: somebody still holds its output"))
    };
    let (out, err) = (whole(out), String::from_utf8_lossy(&whole(err)).into_owned());
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    let code = status.code().unwrap_or_else(|| 128 + signal.unwrap_or(0));
    Outcome { said, code, out, err, took, app }
}

fn collect(mut from: impl Read + Send + 'static) -> std::sync::mpsc::Receiver<Vec<u8>> {
    let (send, receive) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        let _ = send.send(bytes);
    });
    receive
}

impl Outcome {
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }

    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self}");
        self
    }

    #[track_caller]
    pub fn ok(self) -> Self {
        self.exits(0)
    }

    #[track_caller]
    pub fn fails(self) -> Self {
        assert_ne!(self.code, 0, "{self}");
        self
    }

    #[track_caller]
    pub fn stderr_has(self, text: &str) -> Self {
        assert!(self.err.contains(text), "stderr lacks {text:?}\n{self}");
        self
    }

    #[track_caller]
    pub fn stderr_lacks(self, text: &str) -> Self {
        assert!(!self.err.contains(text), "stderr has {text:?}\n{self}");
        self
    }

    #[track_caller]
    pub fn stdout_has(self, text: &str) -> Self {
        assert!(self.out().contains(text), "stdout lacks {text:?}\n{self}");
        self
    }

    #[track_caller]
    pub fn stdout_is(self, text: &str) -> Self {
        assert_eq!(self.out(), text, "{self}");
        self
    }

    #[track_caller]
    pub fn says_nothing_else(self) -> Self {
        assert_eq!(self.out(), "", "{self}");
        self
    }

    /// The app that this was about answers with this greeting.
    #[track_caller]
    pub fn serving(self, greeting: &str) -> Self {
        self.app.as_ref().unwrap().serves(greeting);
        self
    }

    /// As [`Outcome::serving`], after something that failed.
    #[track_caller]
    pub fn still_serving(self, greeting: &str) -> Self {
        self.serving(greeting)
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (out, err) = (self.out(), &self.err);
        write!(f, "{} exited with {}\n--- stdout\n{out}\n--- stderr\n{err}\n---", self.said, self.code)
    }
}
