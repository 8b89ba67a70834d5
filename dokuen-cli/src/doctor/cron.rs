//! Whether the machine's scheduler starts scheduled jobs: it is seen by its ticks, whichever scheduler it is.

use std::path::Path;

use dokuen_core::{Host, NginxKind, Stamp, fs};

use super::{Check, Finding};
use crate::exit::Failure;
use crate::setup::{CRON_TIMER, LAUNCHD_CRON_PLIST, SYSTEMD_UNIT, crontab_line};

pub const CHECK: Check = Check { about: "cron", look, fix: None };

/// A tick comes every minute; this many seconds without one are too many.
const LATE: i64 = 180;

fn look(host: &Host) -> Result<Vec<Finding>, Failure> {
    let last = fs::read_if_there(&host.tick_file())?;
    let last = last.and_then(|bytes| Stamp::parse(String::from_utf8_lossy(&bytes).trim()));
    if last.is_some_and(|last| Stamp::now().seconds_since(last) <= LATE) {
        return Ok(vec![Finding::ok("scheduled jobs are looked for every minute")]);
    }
    let mut waiting = Vec::new();
    for app in host.apps()? {
        let jobs = crate::cron::jobs(&app)?;
        if !jobs.is_empty() && !app.stopped_file().exists() {
            waiting.push(app.name.to_string());
        }
    }
    if waiting.is_empty() {
        return Ok(vec![Finding::ok("no app has scheduled jobs")]);
    }
    let since = last.map_or_else(|| "ever".to_owned(), |last| format!("since {} UTC", last.for_people()));
    let says = format!("nobody has looked for scheduled jobs {since}; {} wait for it", waiting.join(", "));
    Ok(vec![Finding::problem(says, mend(host))])
}

fn mend(host: &Host) -> String {
    if cfg!(target_os = "macos") {
        let plist = host.boot_dir().join("dokuen-cron.plist");
        return format!(
            "sudo cp '{}' {LAUNCHD_CRON_PLIST} && sudo launchctl load -w {LAUNCHD_CRON_PLIST}",
            plist.display()
        );
    }
    let systemd = Path::new("/run/systemd/system").is_dir();
    let installed = Path::new(SYSTEMD_UNIT).with_file_name(CRON_TIMER).exists();
    match host.conf.nginx {
        NginxKind::System if systemd && installed => format!("sudo systemctl enable --now {CRON_TIMER}"),
        NginxKind::System if systemd => super::setup_again(host),
        _ => format!("add to the crontab of {}: {}", host.conf.app_user, crontab_line(host)),
    }
}
