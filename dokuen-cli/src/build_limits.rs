//! `DOKUEN_BUILD_TIMEOUT`, `DOKUEN_BUILD_PROCESSES`, `DOKUEN_BUILD_MEMORY`: how much a build may use.

use std::ops::RangeInclusive;
use std::time::Duration;

use dokuen_build::{BuildError, Limits, ScriptError};
use dokuen_core::Environment;

use crate::exit::Failure;

const TIME: &str = "DOKUEN_BUILD_TIMEOUT";
const PROCESSES: &str = "DOKUEN_BUILD_PROCESSES";
const MEMORY: &str = "DOKUEN_BUILD_MEMORY";

/// What the config says, over what is good for most.
pub fn read(config: &Environment) -> Result<Limits, Failure> {
    let usual = Limits::default();
    let time = number(config, TIME, "number of seconds", 1..=86_400)?;
    let processes = number(config, PROCESSES, "number", 10..=100_000)?;
    let memory = number(config, MEMORY, "number of MiB", 16..=16_777_216)?;
    Ok(Limits {
        time: time.map_or(usual.time, Duration::from_secs),
        processes: processes.and_then(|n| n.try_into().ok()).unwrap_or(usual.processes),
        memory: memory.map_or(usual.memory, |mib| mib << 20),
        ..usual
    })
}

/// What gives a build more, when it wanted more than it had.
pub fn hint(error: &BuildError) -> Option<String> {
    let (BuildError::Compile(script) | BuildError::Detect(script) | BuildError::Release(script)) = error else {
        return None;
    };
    let name = match script {
        ScriptError::TimedOut { .. } => TIME,
        ScriptError::Processes { .. } => PROCESSES,
        ScriptError::Memory { .. } => MEMORY,
        _ => return None,
    };
    Some(format!("dokuen config_set {name}=... allows a build more"))
}

fn number(config: &Environment, name: &str, what: &str, allowed: RangeInclusive<u64>) -> Result<Option<u64>, Failure> {
    if config.get(name).is_none() {
        return Ok(None);
    }
    let number = config.text(name).and_then(|text| text.parse().ok()).filter(|n| allowed.contains(n));
    let refused =
        || Failure::usage(format!("{name} must be a whole {what} from {} to {}", allowed.start(), allowed.end()));
    number.map(Some).ok_or_else(refused)
}
