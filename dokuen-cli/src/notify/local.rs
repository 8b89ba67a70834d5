//! Programs in `hooks/`: each is run with the event as JSON on standard input.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use dokuen_core::cmd::{Cmd, CmdError, Output};
use dokuen_core::{Host, fs};

use super::Told;
use super::log::Log;
use crate::exit::Failure;

/// How long one may take.
const LIMIT: Duration = Duration::from_secs(60);
/// So much of what one says is kept.
const MOST_OUTPUT: usize = 16 * 1024;

/// Those that are to be run, by name. What others could have written is never run; names with a dot in front are not
/// meant.
pub fn programs(host: &Host) -> Result<Vec<PathBuf>, Failure> {
    let dir = host.event_hooks_dir();
    let is_meant = |path: &PathBuf| {
        path.metadata().is_ok_and(|meta| meta.is_file() && meta.mode() & 0o100 != 0 && meta.mode() & 0o022 == 0)
    };
    let names = fs::names(&dir)?.into_iter().filter(|name| !name.starts_with('.'));
    Ok(names.map(|name| dir.join(name)).filter(is_meant).collect())
}

/// One after the other; what one says or breaks is none of the others' business.
pub fn run_all(host: &Host, told: &Told, log: &Log) -> Result<(), Failure> {
    for program in programs(host)? {
        let name = program.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let command = Cmd::new(&program, &host.event_hooks_dir())
            .env("PATH", host.conf.search_path())
            .env("HOME", &host.conf.app_user_home)
            .env("LANG", "C.UTF-8")
            .env("DOKUEN_EVENT", &told.kind)
            .env("DOKUEN_APP", told.app.as_deref().unwrap_or_default())
            .stdin(told.body.as_bytes())
            .for_people()
            .limit(LIMIT);
        let (said, how) = match command.run() {
            Ok(output) => (output, format!("{} was told", told.kind)),
            Err(CmdError::Failed { how, output, .. }) => (*output, format!("{}: it {how}", told.kind)),
            Err(other) => (Output::default(), format!("{}: {other}", told.kind)),
        };
        for bytes in [said.stdout, said.stderr] {
            log.say(&name, &String::from_utf8_lossy(&bytes[..bytes.len().min(MOST_OUTPUT)]));
        }
        log.say(&name, &how);
    }
    Ok(())
}
