//! On which terms the processes of one type run: what an app says about it by config vars, beside what the conf says
//! for all. `NAME` counts for every type, `NAME_WORKER` for `worker` alone, and that one wins.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use dokuen_core::{Conf, Environment, ProcessType, parse_signal};
use nix::sys::signal::Signal;

use crate::cgroup::Bounds;

/// The terms of one process type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// `DOKUEN_LISTEN`: where a `web` process takes its requests.
    pub listen: Listen,
    /// `DOKUEN_STOP_SIGNAL`: the first signal when it is to stop.
    pub stop_signal: Signal,
    /// `DOKUEN_STOP_TIMEOUT`: seconds from there to KILL.
    pub stop_timeout: Duration,
    /// `DOKUEN_DRAIN_TIMEOUT`: seconds that requests under way may take before that.
    pub drain_timeout: Duration,
    /// `DOKUEN_LOG_BYTES`: a log larger than this is rotated.
    pub log_bytes: u64,
    /// `DOKUEN_MEMORY`: bytes of memory that it and all it starts may use together. `DOKUEN_PIDS`: how many processes and
    /// threads they may be.
    pub bounds: Bounds,
}

/// Where a `web` process takes its requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Listen {
    /// At 127.0.0.1:`$PORT`, behind a front.
    #[default]
    Port,
    /// At a unix socket that it binds itself, at `$SOCKET`.
    Path,
    /// At a unix socket that it is given open, as descriptor 3: `LISTEN_FDS`, as systemd does it.
    Fds,
}

/// A config var whose value makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} must be {wanted}")]
pub struct TermsError {
    /// The config var.
    pub name: String,
    /// What it can be.
    pub wanted: String,
}

const LISTEN: &str = "DOKUEN_LISTEN";
const STOP_SIGNAL: &str = "DOKUEN_STOP_SIGNAL";
const STOP_TIMEOUT: &str = "DOKUEN_STOP_TIMEOUT";
const DRAIN_TIMEOUT: &str = "DOKUEN_DRAIN_TIMEOUT";
const LOG_BYTES: &str = "DOKUEN_LOG_BYTES";
const APP_LOG_BYTES: &str = "DOKUEN_APP_LOG_BYTES";
const MEMORY: &str = "DOKUEN_MEMORY";
const PIDS: &str = "DOKUEN_PIDS";

const SECONDS: RangeInclusive<u64> = 0..=86_400;
/// The conf's own bounds.
const LOG: RangeInclusive<u64> = 10_000..=10_000_000_000;
const APP_LOG: RangeInclusive<u64> = 1_000_000..=1_000_000_000_000;
/// Below a megabyte nothing starts.
const LEAST_MEMORY: u64 = 1024 * 1024;

impl Terms {
    /// The terms for `kind` with these config vars.
    pub fn of(conf: &Conf, kind: &ProcessType, config: &Environment) -> Result<Self, TermsError> {
        let vars = Vars { config, suffix: format!("_{}", kind.as_str().to_ascii_uppercase().replace('-', "_")) };
        let seconds = |name| Ok(vars.read(name, &among(SECONDS), whole(SECONDS))?.map(Duration::from_secs));
        Ok(Self {
            listen: vars.read(LISTEN, &"port, path or fds", |v| v.parse().ok())?.unwrap_or_default(),
            stop_signal: vars
                .read(STOP_SIGNAL, &"a signal such as TERM, INT or 15", parse_signal)?
                .unwrap_or(conf.stop_signal),
            stop_timeout: seconds(STOP_TIMEOUT)?.unwrap_or(conf.stop_timeout),
            drain_timeout: seconds(DRAIN_TIMEOUT)?.unwrap_or(conf.drain_timeout),
            log_bytes: vars.read(LOG_BYTES, &among(LOG), whole(LOG))?.unwrap_or(conf.log_bytes),
            bounds: Bounds {
                memory: vars.read(MEMORY, &"bytes, with K, M or G behind them if you like, at least 1M", memory)?,
                pids: vars.read(PIDS, &among(1..=4_194_304), whole(1..=4_194_304))?,
            },
        })
    }

    /// Checks these config vars for every process type that one of them names.
    pub fn check(conf: &Conf, config: &Environment) -> Result<(), TermsError> {
        let bases = [LISTEN, STOP_SIGNAL, STOP_TIMEOUT, DRAIN_TIMEOUT, LOG_BYTES, MEMORY, PIDS];
        let kind_of = |name: &str| {
            let rest = bases.iter().find_map(|base| name.strip_prefix(base)?.strip_prefix('_'))?;
            ProcessType::parse(&rest.to_ascii_lowercase()).ok()
        };
        let web = ProcessType::parse("web").ok();
        app_log_bytes(config)?;
        for kind in config.0.keys().filter_map(|name| kind_of(name.as_str())).chain(web) {
            Self::of(conf, &kind, config)?;
        }
        Ok(())
    }
}

struct Vars<'a> {
    config: &'a Environment,
    suffix: String,
}

impl Vars<'_> {
    fn read<T>(
        &self,
        base: &str,
        wanted: &dyn Display,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, TermsError> {
        let own = format!("{base}{}", self.suffix);
        let name = if self.config.get(&own).is_some() { &own } else { base };
        read(self.config, name, wanted, parse)
    }
}

/// `DOKUEN_APP_LOG_BYTES`, for the app and not for a type: so much may all logs of its processes take together.
pub(crate) fn app_log_bytes(config: &Environment) -> Result<Option<u64>, TermsError> {
    read(config, APP_LOG_BYTES, &among(APP_LOG), whole(APP_LOG))
}

fn read<T>(
    config: &Environment,
    name: &str,
    wanted: &dyn Display,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, TermsError> {
    if config.get(name).is_none() {
        return Ok(None);
    }
    let value = config.text(name).and_then(|text| parse(text.trim()));
    value.map(Some).ok_or_else(|| TermsError { name: name.to_owned(), wanted: wanted.to_string() })
}

fn among(range: RangeInclusive<u64>) -> String {
    format!("a whole number from {} to {}", range.start(), range.end())
}

fn whole(range: RangeInclusive<u64>) -> impl Fn(&str) -> Option<u64> {
    move |text| text.parse().ok().filter(|n| range.contains(n))
}

fn memory(text: &str) -> Option<u64> {
    let (digits, unit) = match text.strip_suffix(['K', 'k']) {
        Some(digits) => (digits, 1 << 10),
        None => match text.strip_suffix(['M', 'm']) {
            Some(digits) => (digits, 1 << 20),
            None => text.strip_suffix(['G', 'g']).map_or((text, 1), |digits| (digits, 1 << 30)),
        },
    };
    digits.parse::<u64>().ok()?.checked_mul(unit).filter(|bytes| *bytes >= LEAST_MEMORY)
}

impl FromStr for Listen {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "port" => Ok(Self::Port),
            "path" => Ok(Self::Path),
            "fds" => Ok(Self::Fds),
            _ => Err(()),
        }
    }
}

impl Display for Listen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Port => "port",
            Self::Path => "path",
            Self::Fds => "fds",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conf() -> (tempfile::TempDir, Conf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dokuen.conf");
        let text = format!("base_domain_name: p.test\ndokuen_dir: {}\nstop_signal: INT\n", dir.path().display());
        dokuen_core::fs::replace(&path, text.as_bytes(), 0o600).unwrap();
        let conf = Conf::load(&path).unwrap();
        (dir, conf)
    }

    fn kind(name: &str) -> ProcessType {
        ProcessType::parse(name).unwrap()
    }

    #[test]
    fn a_types_own_config_var_beats_that_of_all_and_that_beats_the_conf() {
        let (_dir, conf) = conf();
        let config = Environment::default()
            .with("DOKUEN_STOP_TIMEOUT", "5")
            .with("DOKUEN_STOP_TIMEOUT_URGENT_WORKER", "90")
            .with("DOKUEN_STOP_SIGNAL_WEB", "quit")
            .with("DOKUEN_MEMORY", "512M");
        let of = |name| Terms::of(&conf, &kind(name), &config).unwrap();
        assert_eq!(of("web").stop_timeout, Duration::from_secs(5));
        assert_eq!(of("urgent-worker").stop_timeout, Duration::from_secs(90));
        assert_eq!((of("web").stop_signal, of("worker").stop_signal), (Signal::SIGQUIT, Signal::SIGINT));
        assert_eq!(of("web").bounds, Bounds { memory: Some(512 << 20), pids: None });
        assert_eq!(of("web").listen, Listen::Port);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let (_dir, conf) = conf();
        for (name, value) in [
            ("DOKUEN_STOP_SIGNAL", "SIGNOT"),
            ("DOKUEN_STOP_SIGNAL", "0"),
            ("DOKUEN_STOP_TIMEOUT_WORKER", "-1"),
            ("DOKUEN_DRAIN_TIMEOUT", "1.5"),
            ("DOKUEN_LISTEN", "socket"),
            ("DOKUEN_LOG_BYTES", "5"),
            ("DOKUEN_APP_LOG_BYTES", "999999"),
            ("DOKUEN_MEMORY", "12"),
            ("DOKUEN_MEMORY_X", "99999999999999999999G"),
            ("DOKUEN_PIDS", "0"),
        ] {
            let error = Terms::check(&conf, &Environment::default().with(name, value)).unwrap_err();
            assert_eq!(error.name, name, "{value}");
        }
        assert!(Terms::check(&conf, &Environment::default().with("DOKUEN_PIDS", "1")).is_ok());
    }
}
