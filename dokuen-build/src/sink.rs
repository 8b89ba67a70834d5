//! Where the bytes of a child go.

use std::ops::ControlFlow;

/// Takes what a child writes, as it comes.
pub(crate) trait Sink {
    /// `Break` says that it has seen enough: the child is ended.
    fn take(&mut self, bytes: &[u8]) -> ControlFlow<()>;
    /// Whether nobody wants to know how it goes on: the child is ended.
    fn is_abandoned(&self) -> bool {
        false
    }
    /// Nothing came for a moment.
    fn idle(&mut self) {}
    /// Nothing will come any more.
    fn end(&mut self) {}
}

/// Keeps the first bytes and says when there were more.
pub(crate) struct Head {
    pub bytes: Vec<u8>,
    pub most: usize,
}

impl Head {
    pub fn of(most: usize) -> Self {
        Self { bytes: Vec::new(), most }
    }
}

impl Sink for Head {
    fn take(&mut self, bytes: &[u8]) -> ControlFlow<()> {
        let room = self.most - self.bytes.len();
        self.bytes.extend_from_slice(&bytes[..room.min(bytes.len())]);
        if bytes.len() > room { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Keeps the last bytes, for an error's text.
#[derive(Default)]
pub(crate) struct Tail(Vec<u8>);

impl Tail {
    const MOST: usize = 4096;

    /// The last three lines, made harmless, each behind `: ` or `; `.
    pub fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.0);
        let lines = lines(&text);
        joined(&lines[lines.len().saturating_sub(MOST_LINES)..])
    }

    /// As [`Tail::text`], of git: with the line that names the cause, which its advice may have pushed out.
    pub fn text_of_git(&self) -> String {
        let text = String::from_utf8_lossy(&self.0);
        let mut lines = lines(&text);
        lines.retain(|line| !ADVICE.contains(line));
        let last = lines.len().saturating_sub(MOST_LINES);
        let is_cause = |line: &&str| ["fatal: ", "error: "].iter().any(|lead| line.starts_with(lead));
        let cause = lines.iter().copied().find(is_cause).filter(|cause| !lines[last..].contains(cause));
        joined(&cause.into_iter().chain(lines[last..].iter().copied()).collect::<Vec<_>>())
    }
}

const MOST_LINES: usize = 3;
/// What git says after each failure to reach a repository.
const ADVICE: [&str; 2] = ["Please make sure you have the correct access rights", "and the repository exists."];

fn lines(text: &str) -> Vec<&str> {
    text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()).collect()
}

fn joined(lines: &[&str]) -> String {
    let lines = lines.iter().map(|line| crate::form::harmless(line.as_bytes())).collect::<Vec<_>>().join("; ");
    if lines.is_empty() { lines } else { format!(": {lines}") }
}

impl Sink for Tail {
    fn take(&mut self, bytes: &[u8]) -> ControlFlow<()> {
        self.0.extend_from_slice(&bytes[bytes.len().saturating_sub(Self::MOST)..]);
        let over = self.0.len().saturating_sub(Self::MOST);
        self.0.drain(..over);
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_that_git_names_is_among_its_lines() {
        for (said, shown) in [
            ("", ""),
            (
                "fatal: '/x' does not appear to be a git repository\nfatal: Could not read from remote repository.\n\n\
                 Please make sure you have the correct access rights\nand the repository exists.\n",
                ": fatal: '/x' does not appear to be a git repository; fatal: Could not read from remote repository.",
            ),
            ("a\nfatal: cause\nadvice 1\nadvice 2\nadvice 3\n", ": fatal: cause; advice 1; advice 2; advice 3"),
            ("remote: not found\nfatal: cause\n", ": remote: not found; fatal: cause"),
        ] {
            let mut tail = Tail::default();
            let _ = tail.take(said.as_bytes());
            assert_eq!(tail.text_of_git(), shown);
        }
    }
}
