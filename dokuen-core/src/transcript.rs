//! What a push or command reports while it works, as data: who prints it decides how.

/// One line of a transcript, in mason's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    /// `* step`: something begins.
    Step(&'a str),
    /// `  = fact`: something is so.
    Fact(&'a str),
    /// A line of a buildpack or a hook, already in mason's form (`  + head`, indented, or plain).
    Output(&'a str),
    /// `  ! problem`: something is wrong; it goes to stderr where there are two streams.
    Problem(&'a str),
}

/// Somebody who listens to the work. Implementations never panic and never stop the work: a reader may leave.
pub trait Transcript {
    /// Takes one line, without its end.
    fn line(&mut self, line: Line<'_>);

    /// Whether the work is for its reader alone and its reader has gone: then it ends where that can still be done.
    fn is_abandoned(&self) -> bool {
        false
    }

    /// `* step`.
    fn step(&mut self, text: &str) {
        self.line(Line::Step(text));
    }

    /// `  = fact`.
    fn fact(&mut self, text: &str) {
        self.line(Line::Fact(text));
    }

    /// `  ! problem`.
    fn problem(&mut self, text: &str) {
        self.line(Line::Problem(text));
    }
}

impl std::fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Line::Step(text) => write!(f, "* {text}"),
            Line::Fact(text) => write!(f, "  = {text}"),
            Line::Output(text) => f.write_str(text),
            Line::Problem(text) => write!(f, "  ! {text}"),
        }
    }
}

/// Hears nothing.
#[derive(Debug, Default)]
pub struct Silent;

impl Transcript for Silent {
    fn line(&mut self, _: Line<'_>) {}
}

/// Keeps every line as text, for tests and for embedders that show it later.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Collected(pub Vec<String>);

impl Transcript for Collected {
    fn line(&mut self, line: Line<'_>) {
        self.0.push(line.to_string());
    }
}
