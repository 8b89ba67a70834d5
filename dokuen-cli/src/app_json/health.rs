//! `healthchecks`: when a new process counts as ready, as dokku's users write it.
//!
//! Dokuen looks from the first millisecond on and takes the first good answer, so `wait` and `initialDelay` never hold
//! a deploy up: together with `attempts` they only say how long a new process may take.

use std::time::Duration;

use dokuen_core::ProcessType;

use super::place::Place;
use super::{AppJson, AppJsonError};

/// What a new process of one type must do to be ready.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// Each must answer below 500.
    pub paths: Vec<String>,
    /// How long one answer may take.
    pub request: Option<Duration>,
    /// How long a new process may take to become ready.
    pub within: Option<Duration>,
    /// How long it must have run.
    pub uptime: Option<Duration>,
}

/// More checks of one type are refused.
const MOST_CHECKS: usize = 20;
/// A deploy that waits longer is not waited for by anybody.
const LONGEST: u64 = 3600;
/// What dokku takes where nothing is said.
const ATTEMPTS: u64 = 3;
const TIMEOUT: u64 = 5;
const WAIT: u64 = 5;

/// What dokku knows and Dokuen does not look at.
const NOT_LOOKED_AT: [&str; 8] =
    ["command", "content", "httpHeaders", "listening", "port", "scheme", "onFailure", "warn"];

pub(super) fn read(checks: &Place<'_>, parsed: &mut AppJson) -> Result<(), AppJsonError> {
    for (name, place) in checks.each_field()? {
        let Ok(kind) = ProcessType::parse(name) else { return place.wrong("is no process type") };
        let mut health = Health::default();
        for check in place.items(MOST_CHECKS)? {
            check_into(&check, &mut health, &mut parsed.notes)?;
        }
        parsed.health.insert(kind, health);
    }
    Ok(())
}

fn check_into(check: &Place<'_>, health: &mut Health, notes: &mut Vec<String>) -> Result<(), AppJsonError> {
    let kind = check.field("type")?.map(|place| one_of(&place, &["startup", "readiness", "liveness"])).transpose()?;
    if let Some(kind @ ("readiness" | "liveness")) = kind {
        notes.push(check.note(&format!("{kind} checks are not made, only those when a process starts")));
        return Ok(());
    }
    let seconds = |name: &str, least: u64| -> Result<Option<u64>, AppJsonError> {
        check.field(name)?.map(|place| place.number(least..=LONGEST)).transpose()
    };
    let (timeout, wait, delay) = (seconds("timeout", 1)?, seconds("wait", 0)?, seconds("initialDelay", 0)?);
    let attempts = seconds("attempts", 1)?;
    if let Some(path) = check.field("path")? {
        health.paths.push(path_of(&path)?);
    }
    health.request = health.request.max(timeout.map(Duration::from_secs));
    health.uptime = health.uptime.max(seconds("uptime", 1)?.map(Duration::from_secs));
    if attempts.or(wait).or(delay).is_some() {
        let each = timeout.unwrap_or(TIMEOUT) + wait.unwrap_or(WAIT);
        let all = delay.unwrap_or(0) + attempts.unwrap_or(ATTEMPTS) * each;
        if all > LONGEST {
            return check.wrong(format!("lets a process take {all} s; {LONGEST} are allowed"));
        }
        health.within = health.within.max(Some(Duration::from_secs(all)));
    }
    let left_out: Vec<&str> = NOT_LOOKED_AT.into_iter().filter(|name| check.has(name)).collect();
    if !left_out.is_empty() {
        notes.push(check.note(&format!("{} is not looked at", left_out.join(", "))));
    }
    Ok(())
}

fn one_of(place: &Place<'_>, allowed: &[&'static str]) -> Result<&'static str, AppJsonError> {
    let text = place.text()?;
    let found = allowed.iter().find(|word| **word == text);
    found.map_or_else(|| place.wrong(format!("must be one of {}", allowed.join(", "))), |word| Ok(*word))
}

fn path_of(place: &Place<'_>) -> Result<String, AppJsonError> {
    let path = place.text()?;
    if is_path(path) { Ok(path.to_owned()) } else { place.wrong("must be a path such as /health") }
}

/// What may stand in the first line of a request.
pub fn is_path(text: &str) -> bool {
    text.starts_with('/') && text.len() <= 1000 && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web(checks: &str) -> Result<(Health, Vec<String>), String> {
        let text = format!(r#"{{"healthchecks": {{"web": {checks}}}}}"#);
        let read = AppJson::parse(text.as_bytes()).map_err(|e| e.to_string())?;
        Ok((read.health[&ProcessType::web()].clone(), read.notes))
    }

    fn secs(count: u64) -> Option<Duration> {
        Some(Duration::from_secs(count))
    }

    #[test]
    fn checks_of_one_type_are_all_asked_for() {
        let checks = r#"[{"type": "startup", "name": "a", "path": "/a", "attempts": 10, "timeout": 2, "wait": 1},
                         {"path": "/b", "uptime": 3}]"#;
        let paths = vec!["/a".to_owned(), "/b".to_owned()];
        let wanted = Health { paths, request: secs(2), within: secs(30), uptime: secs(3) };
        assert_eq!(web(checks).unwrap(), (wanted, vec![]));
        assert_eq!(web(r#"[{"timeout": 9}]"#).unwrap().0, Health { request: secs(9), ..Health::default() });
        assert_eq!(web(r#"[{"initialDelay": 10}]"#).unwrap().0.within, secs(40));
        assert_eq!(web("[]").unwrap().0, Health::default());
    }

    #[test]
    fn what_is_not_done_is_said() {
        let checks = r#"[{"type": "liveness", "path": "no path"}, {"path": "/", "content": "x", "warn": true}]"#;
        let (health, notes) = web(checks).unwrap();
        assert_eq!(health.paths, ["/"]);
        assert_eq!(
            notes,
            [
                "healthchecks.web[0]: liveness checks are not made, only those when a process starts",
                "healthchecks.web[1]: content, warn is not looked at"
            ]
        );
    }

    #[test]
    fn what_cannot_be_right_is_named_by_its_place() {
        for (checks, said) in [
            ("{}", "app.json: healthchecks.web must be a list"),
            ("[5]", "app.json: healthchecks.web[0] must be an object"),
            (r#"[{"path": 5}]"#, "app.json: healthchecks.web[0].path must be text"),
            (r#"[{"path": "health"}]"#, "app.json: healthchecks.web[0].path must be a path such as /health"),
            (r#"[{"path": "/a b"}]"#, "app.json: healthchecks.web[0].path must be a path such as /health"),
            (r#"[{"path": "/\r\nX: y"}]"#, "app.json: healthchecks.web[0].path must be a path such as /health"),
            (r#"[{}, {"timeout": 0}]"#, "app.json: healthchecks.web[1].timeout must be a whole number from 1 to 3600"),
            (r#"[{"timeout": "5"}]"#, "app.json: healthchecks.web[0].timeout must be a whole number"),
            (r#"[{"wait": -1}]"#, "app.json: healthchecks.web[0].wait must be a whole number"),
            (r#"[{"attempts": 1.5}]"#, "app.json: healthchecks.web[0].attempts must be a whole number"),
            (r#"[{"attempts": 3000}]"#, "app.json: healthchecks.web[0] lets a process take 30000 s; 3600 are allowed"),
            (r#"[{"type": "boot"}]"#, "app.json: healthchecks.web[0].type must be one of startup, readiness, liveness"),
        ] {
            let error = web(checks).unwrap_err();
            assert!(error.starts_with(said), "{checks}: {error}");
        }
        let odd = AppJson::parse(br#"{"healthchecks": {"we b": []}}"#).unwrap_err().to_string();
        assert_eq!(odd, "app.json: healthchecks.we b is no process type");
    }
}
