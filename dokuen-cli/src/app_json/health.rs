//! `healthchecks`: when a new process counts as ready, as dokku's users write it.
//!
//! Dokuen looks from the first millisecond on and takes the first good answer, so `wait` and `initialDelay` never hold
//! a deploy up: together with `attempts` they only say how long a new process may take.

use std::time::Duration;

use dokuen_core::ProcessType;
use dokuen_proc::{CheckCommand, CheckRequest, Statuses};

use super::place::Place;
use super::{AppJson, AppJsonError};

/// What a new process of one type must do to be ready.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// Each must be answered as it says; of `web` alone.
    pub requests: Vec<CheckRequest>,
    /// Each must exit with 0.
    pub commands: Vec<CheckCommand>,
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
const NOT_LOOKED_AT: [&str; 5] = ["listening", "port", "scheme", "onFailure", "warn"];
/// What only a process with a door can be asked.
const OF_REQUESTS: [&str; 4] = ["path", "status", "content", "httpHeaders"];
/// More headers of one check are refused.
const MOST_HEADERS: usize = 20;

pub(super) fn read(checks: &Place<'_>, parsed: &mut AppJson) -> Result<(), AppJsonError> {
    for (name, place) in checks.each_field()? {
        let Ok(kind) = ProcessType::parse(name) else { return place.wrong("is no process type") };
        let mut health = Health::default();
        for check in place.items(MOST_CHECKS)? {
            check_into(&check, &kind, &mut health, &mut parsed.notes)?;
        }
        parsed.health.insert(kind, health);
    }
    Ok(())
}

fn check_into(
    check: &Place<'_>,
    of: &ProcessType,
    health: &mut Health,
    notes: &mut Vec<String>,
) -> Result<(), AppJsonError> {
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
    if OF_REQUESTS.iter().any(|name| check.has(name)) {
        let request = request_of(check)?;
        match of.as_str() {
            "web" => health.requests.push(request),
            _ => notes.push(check.note("only web processes are asked for a path")),
        }
    }
    if let Some(command) = check.field("command")? {
        let line = command_of(&command)?;
        let (patience, pause) = (timeout.unwrap_or(TIMEOUT), wait.unwrap_or(WAIT).max(1));
        let (patience, pause) = (Duration::from_secs(patience), Duration::from_secs(pause));
        health.commands.push(CheckCommand { line, patience, pause });
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

fn request_of(check: &Place<'_>) -> Result<CheckRequest, AppJsonError> {
    let path = check.field("path")?.map(|place| path_of(&place)).transpose()?;
    let mut request = CheckRequest::to(path.as_deref().unwrap_or("/"));
    if let Some(status) = check.field("status")? {
        let parsed = Statuses::parse(&status.text_or_number()?);
        request.statuses = parsed.map_or_else(|| status.wrong("must be statuses such as 200-299,404"), Ok)?;
    }
    if let Some(content) = check.field("content")? {
        let text = content.text()?;
        if !is_content(text) {
            return content.wrong("must be text of 1 to 1000 bytes");
        }
        request.content = Some(text.to_owned());
    }
    if let Some(headers) = check.field("httpHeaders")? {
        request.headers = headers.items(MOST_HEADERS)?.iter().map(header_of).collect::<Result<_, _>>()?;
    }
    Ok(request)
}

fn header_of(place: &Place<'_>) -> Result<(String, String), AppJsonError> {
    let (Some(name), Some(value)) = (place.field("name")?, place.field("value")?) else {
        return place.wrong("must have a name and a value");
    };
    if !is_header_name(name.text()?) {
        return name.wrong("must be the name of a header that does not frame a message");
    }
    if !is_header_value(value.text()?) {
        return value.wrong("must be printable ASCII text of 1 to 1000 bytes");
    }
    Ok((name.text()?.to_owned(), value.text()?.to_owned()))
}

/// A line for a shell, or the words of a command as dokku has them.
fn command_of(place: &Place<'_>) -> Result<String, AppJsonError> {
    if !place.is_list() {
        return place.command();
    }
    let words = place.items(MOST_WORDS)?;
    let words = words.iter().map(Place::command).collect::<Result<Vec<_>, _>>()?;
    if words.is_empty() {
        return place.wrong("must be a command");
    }
    Ok(words.iter().map(|word| format!("'{}'", word.replace('\'', "'\\''"))).collect::<Vec<_>>().join(" "))
}

const MOST_WORDS: usize = 100;

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

/// What an answer must hold.
pub fn is_content(text: &str) -> bool {
    !text.is_empty() && text.len() <= 1000
}

/// What may stand behind the name of a header.
pub fn is_header_value(text: &str) -> bool {
    let printable = |b: u8| b == b' ' || b.is_ascii_graphic();
    !text.trim().is_empty() && text.trim() == text && text.len() <= 1000 && text.bytes().all(printable)
}

/// A token, and none of those by which the end of a message is found.
fn is_header_name(name: &str) -> bool {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let frames =
        ["connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade", "expect", "keep-alive"];
    let known = frames.iter().any(|other| name.eq_ignore_ascii_case(other));
    !name.is_empty() && name.len() <= 100 && name.bytes().all(token) && !known
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
        let requests = vec![CheckRequest::to("/a"), CheckRequest::to("/b")];
        let wanted = Health { requests, commands: vec![], request: secs(2), within: secs(30), uptime: secs(3) };
        assert_eq!(web(checks).unwrap(), (wanted, vec![]));
        assert_eq!(web(r#"[{"timeout": 9}]"#).unwrap().0, Health { request: secs(9), ..Health::default() });
        assert_eq!(web(r#"[{"initialDelay": 10}]"#).unwrap().0.within, secs(40));
        assert_eq!(web("[]").unwrap().0, Health::default());
    }

    #[test]
    fn an_answer_may_have_to_be_a_certain_one_and_a_command_to_succeed() {
        let checks = r#"[{"status": "200-204,301", "content": "ready", "httpHeaders": [{"name": "Host", "value": "a.b"}]},
                         {"path": "/n", "status": 204}, {"command": "bin/check -q", "timeout": 3, "wait": 0},
                         {"command": ["bin/check", "it's"]}]"#;
        let health = web(checks).unwrap().0;
        let first = CheckRequest {
            path: "/".to_owned(),
            headers: vec![("Host".to_owned(), "a.b".to_owned())],
            statuses: Statuses::parse("200-204,301").unwrap(),
            content: Some("ready".to_owned()),
        };
        let second = CheckRequest { statuses: Statuses::parse("204").unwrap(), ..CheckRequest::to("/n") };
        assert_eq!(health.requests, [first, second]);
        let command = |line: &str, patience, pause| CheckCommand {
            line: line.to_owned(),
            patience: Duration::from_secs(patience),
            pause: Duration::from_secs(pause),
        };
        assert_eq!(health.commands, [command("bin/check -q", 3, 1), command("'bin/check' 'it'\\''s'", 5, 5)]);
        let text = br#"{"healthchecks": {"worker": [{"command": "true", "path": "/x"}]}}"#;
        let read = AppJson::parse(text).unwrap();
        let worker = &read.health[&ProcessType::parse("worker").unwrap()];
        assert_eq!((worker.commands.len(), worker.requests.len()), (1, 0));
        assert_eq!(read.notes, ["healthchecks.worker[0]: only web processes are asked for a path"]);
    }

    #[test]
    fn what_is_not_done_is_said() {
        let checks = r#"[{"type": "liveness", "path": "no path"}, {"path": "/", "port": 5, "warn": true}]"#;
        let (health, notes) = web(checks).unwrap();
        assert_eq!(health.requests, [CheckRequest::to("/")]);
        assert_eq!(
            notes,
            [
                "healthchecks.web[0]: liveness checks are not made, only those when a process starts",
                "healthchecks.web[1]: port, warn is not looked at"
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
            (r#"[{"status": "2xx"}]"#, "app.json: healthchecks.web[0].status must be statuses such as 200-299,404"),
            (r#"[{"status": 600}]"#, "app.json: healthchecks.web[0].status must be statuses such as 200-299,404"),
            (r#"[{"status": true}]"#, "app.json: healthchecks.web[0].status must be text or a number"),
            (r#"[{"content": ""}]"#, "app.json: healthchecks.web[0].content must be text of 1 to 1000 bytes"),
            (r#"[{"command": ""}]"#, "app.json: healthchecks.web[0].command must be a command"),
            (r#"[{"command": []}]"#, "app.json: healthchecks.web[0].command must be a command"),
            (r#"[{"command": ["a", 5]}]"#, "app.json: healthchecks.web[0].command[1] must be a command"),
            (r#"[{"httpHeaders": {"Host": "x"}}]"#, "app.json: healthchecks.web[0].httpHeaders must be a list"),
            (
                r#"[{"httpHeaders": [{"name": "Host"}]}]"#,
                "app.json: healthchecks.web[0].httpHeaders[0] must have a name and a value",
            ),
            (
                r#"[{"httpHeaders": [{"name": "Content-Length", "value": "5"}]}]"#,
                "app.json: healthchecks.web[0].httpHeaders[0].name must be the name of a header",
            ),
            (
                r#"[{"httpHeaders": [{"name": "X", "value": "a\r\nb: c"}]}]"#,
                "app.json: healthchecks.web[0].httpHeaders[0].value must be printable ASCII text",
            ),
            (r#"[{"type": "boot"}]"#, "app.json: healthchecks.web[0].type must be one of startup, readiness, liveness"),
        ] {
            let error = web(checks).unwrap_err();
            assert!(error.starts_with(said), "{checks}: {error}");
        }
        let odd = AppJson::parse(br#"{"healthchecks": {"we b": []}}"#).unwrap_err().to_string();
        assert_eq!(odd, "app.json: healthchecks.we b is no process type");
    }
}
