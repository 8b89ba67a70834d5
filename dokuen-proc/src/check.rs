//! What a new instance must show before it counts as ready: an answer, or a command that succeeds beside it.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use dokuen_core::cmd::{Cmd, CmdError};
use dokuen_core::{Environment, fs};

use crate::attended::end_leftovers;
use crate::environment::{MARK, platform_environment};
use crate::instance::Instance;
use crate::report::Report;
use crate::shell::line_in_shell;

/// A request, and what its answer must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `/health`.
    pub path: String,
    /// Sent with it; a `Host` among them takes the place of the app's own name.
    pub headers: Vec<(String, String)>,
    /// The answer must have one of these.
    pub statuses: Statuses,
    /// The body must hold this.
    pub content: Option<String>,
}

impl Request {
    /// A plain one for this path.
    pub fn to(path: &str) -> Self {
        Self { path: path.to_owned(), headers: Vec::new(), statuses: Statuses::default(), content: None }
    }
}

/// Which answers are good ones: `200-299,404`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statuses(Vec<RangeInclusive<u16>>);

impl Default for Statuses {
    /// An app that says 404 or 401 to a stranger works.
    fn default() -> Self {
        Self(vec![100..=499])
    }
}

impl Statuses {
    /// Reads numbers and ranges with commas between.
    pub fn parse(text: &str) -> Option<Self> {
        let number =
            |text: &str| text.trim().parse().ok().filter(|n| text.trim().len() == 3 && (100..=599).contains(n));
        let range = |text: &str| match text.split_once('-') {
            Some((from, to)) => Some(number(from)?..=number(to)?).filter(|range| !range.is_empty()),
            None => number(text).map(|one| one..=one),
        };
        text.split(',').map(range).collect::<Option<Vec<_>>>().map(Self)
    }

    /// Whether this is one of them.
    pub fn have(&self, status: u16) -> bool {
        self.0.iter().any(|range| range.contains(&status))
    }
}

impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, range) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            match (range.start(), range.end()) {
                (from, to) if from == to => write!(f, "{comma}{from}")?,
                (from, to) => write!(f, "{comma}{from}-{to}")?,
            }
        }
        Ok(())
    }
}

/// A command that must exit with 0, run beside the instance with its environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// A line for a shell.
    pub line: String,
    /// How long one try may take.
    pub patience: Duration,
    /// Between two tries.
    pub pause: Duration,
}

impl Command {
    /// One try; what went wrong with it.
    pub(crate) fn run(&self, instance: &Instance, report: &Report, left: Duration) -> Result<(), String> {
        let spec = instance.spec().map_err(|e| e.to_string())?;
        let bytes = fs::read(&instance.file("env")).map_err(|e| e.to_string())?;
        let mut environment = Environment::from_nul(&bytes);
        environment.0.extend(platform_environment(&spec, report.port, instance).0);
        // A mark of its own: what it leaves behind is its, and not the instance's.
        let mark = instance.file("check");
        let argv = line_in_shell(&self.line, &spec.tree);
        let limit = self.patience.min(left.max(Duration::from_millis(100)));
        let command = Cmd::new(&argv[0], &spec.tree).args(&argv[1..]).envs(environment.with(MARK, &mark).pairs());
        let begun = Instant::now();
        let ran = command.for_people().limit(limit).run();
        end_leftovers(&mark, None);
        match ran {
            Ok(_) => Ok(()),
            Err(CmdError::Failed { how, tail, .. }) => Err(format!("`{}` {how}{tail}", self.line)),
            Err(CmdError::TimedOut { .. }) => {
                Err(format!("`{}` did not end within {} s", self.line, begun.elapsed().as_secs()))
            }
            Err(other) => Err(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_numbers_and_ranges() {
        for (text, good, bad) in [("200", 200, 201), ("200-299", 250, 300), (" 200 - 204 , 404", 404, 403)] {
            let all = Statuses::parse(text).unwrap();
            assert!(all.have(good) && !all.have(bad), "{text}");
        }
        assert_eq!(Statuses::parse("200-299,404").unwrap().to_string(), "200-299,404");
        for text in ["", ",", "2", "2xx", "099", "600", "299-200", "200-", "-200", "200;404", "+20"] {
            assert_eq!(Statuses::parse(text), None, "{text}");
        }
    }
}
