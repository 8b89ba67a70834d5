//! `cron`: the app's scheduled jobs, in dokku's form.

use dokuen_core::{JobName, Schedule};

use super::place::Place;
use super::{AppJson, AppJsonError};

/// A scheduled job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// As it was given, or made from what it runs and when.
    pub name: JobName,
    /// What a shell is to run.
    pub command: String,
    /// When.
    pub schedule: Schedule,
    /// The schedule as it was written.
    pub written: String,
    /// `maintenance`: it is not to run for the time being.
    pub paused: bool,
    /// `timeout`: a run may take so many seconds.
    pub timeout: Option<u64>,
}

/// A week: a job that may run longer has no limit.
const LONGEST: u64 = 7 * 24 * 60 * 60;

/// More jobs of one app are refused.
const MOST_JOBS: usize = 100;

pub(super) fn read(list: &Place<'_>, parsed: &mut AppJson) -> Result<(), AppJsonError> {
    for place in list.items(MOST_JOBS)? {
        let job = job(&place)?;
        if parsed.cron.iter().any(|other| other.name == job.name) {
            return place.wrong(format!("has the name {} of a job before it", job.name));
        }
        if place.field("concurrency_policy")?.is_some_and(|policy| policy.text().is_ok_and(|text| text != "forbid")) {
            parsed.notes.push(place.note("a run that is due while the one before still runs is left out, in any case"));
        }
        parsed.cron.push(job);
    }
    Ok(())
}

fn job(place: &Place<'_>) -> Result<Job, AppJsonError> {
    let (Some(command), Some(schedule)) = (place.field("command")?, place.field("schedule")?) else {
        return place.wrong("must have a command and a schedule");
    };
    let command = command.command()?;
    let written = schedule.text()?.trim().to_owned();
    let parsed = match Schedule::parse(&written) {
        Ok(parsed) => parsed,
        Err(e) => return schedule.wrong(format!("cannot be followed: {e}")),
    };
    let name = match place.field("name")? {
        Some(name) => match JobName::parse(name.text()?) {
            Ok(name) => name,
            Err(e) => return name.wrong(format!("cannot be used: {e}")),
        },
        None => made_name(&written, &command),
    };
    let paused = place.field("maintenance")?.map(|place| place.yes_or_no()).transpose()?.unwrap_or(false);
    let timeout = place.field("timeout")?.map(|place| place.number(1..=LONGEST)).transpose()?;
    Ok(Job { name, command, schedule: parsed, written, paused, timeout })
}

/// The same for the same job wherever it stands in the list: `cleanup-3fa2`.
fn made_name(schedule: &str, command: &str) -> JobName {
    let program = command.split_ascii_whitespace().next().unwrap_or_default();
    let file = program.rsplit('/').next().unwrap_or_default();
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let word: String = file.chars().filter(plain).take(30).skip_while(|c| !c.is_ascii_alphanumeric()).collect();
    // FNV-1a: it only tells jobs of one app apart, and must be the same in every version.
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let hash = schedule.bytes().chain([0]).chain(command.bytes()).fold(0x811c_9dc5, step);
    let word = if word.is_empty() { "job" } else { &word };
    JobName::parse(&format!("{word}-{hash:08x}")).expect("it is made of what a name may hold")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs(list: &str) -> Result<Vec<Job>, String> {
        let text = format!(r#"{{"cron": {list}}}"#);
        AppJson::parse(text.as_bytes()).map(|read| read.cron).map_err(|e| e.to_string())
    }

    #[test]
    fn jobs_have_a_name_that_stays() {
        let read = jobs(
            r#"[{"command": "bin/clean up", "schedule": " @daily "}, {"command": "$X", "schedule": "* * * * *"},
                {"name": "a_1", "command": "x", "schedule": "0 4 * * mon", "maintenance": true, "concurrency_policy": "forbid"}]"#,
        )
        .unwrap();
        assert_eq!(read.iter().map(|job| job.paused).collect::<Vec<_>>(), [false, false, true]);
        assert!(read[0].name.as_str().starts_with("clean-"), "{}", read[0].name);
        assert!(read[1].name.as_str().starts_with("X-"), "{}", read[1].name);
        assert_eq!((read[2].name.as_str(), read[0].written.as_str()), ("a_1", "@daily"));
        let alone = jobs(r#"[{"schedule": "@daily", "command": "bin/clean up"}]"#).unwrap();
        assert_eq!(alone[0].name, read[0].name);
    }

    #[test]
    fn what_cannot_be_right_is_named_by_its_place() {
        for (list, said) in [
            ("{}", "app.json: cron must be a list"),
            ("[5]", "app.json: cron[0] must be an object"),
            (r#"[{"command": "x"}]"#, "app.json: cron[0] must have a command and a schedule"),
            (r#"[{"command": ["x"], "schedule": "@daily"}]"#, "app.json: cron[0].command must be a command"),
            (r#"[{"command": "x", "schedule": 5}]"#, "app.json: cron[0].schedule must be text"),
            (
                r#"[{"command": "x", "schedule": "* * *"}]"#,
                "app.json: cron[0].schedule cannot be followed: the schedule",
            ),
            (
                r#"[{"command": "x", "schedule": "@daily", "name": "../x"}]"#,
                "app.json: cron[0].name cannot be used: job name",
            ),
            (
                r#"[{"command": "x", "schedule": "@daily", "maintenance": 1}]"#,
                "app.json: cron[0].maintenance must be true or false",
            ),
            (
                r#"[{"command": "x", "schedule": "@daily", "timeout": 0}]"#,
                "app.json: cron[0].timeout must be a whole number from 1 to 604800",
            ),
            (
                r#"[{"command": "x", "schedule": "@daily"}, {"command": "x", "schedule": "@daily"}]"#,
                "app.json: cron[1] has the name x-",
            ),
        ] {
            let error = jobs(list).unwrap_err();
            assert!(error.starts_with(said), "{list}: {error}");
        }
        let many = vec![r#"{"command": "x", "schedule": "@daily"}"#; 101].join(",");
        assert!(jobs(&format!("[{many}]")).unwrap_err().contains("has 101 entries; 100 are allowed"));
    }
}
