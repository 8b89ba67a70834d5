//! Which processes our nginx is. A pid in a file is a claim; what a process says of itself and has open decides.

use std::path::Path;

use dokuen_core::fs;
use nix::unistd::geteuid;

use crate::platform::{Process, command_line, has_log_below, look, nginxes};

/// Whether the pid file names an nginx master that runs this conf.
pub fn is_our_master(pid_file: &Path, conf: &Path) -> bool {
    claimed(pid_file).and_then(command_line).is_some_and(|line| is_master_of(&line, conf))
}

/// The number that the pid file holds, whosever it is by now.
fn claimed(pid_file: &Path) -> Option<i32> {
    let bytes = fs::read_if_there(pid_file).ok()??;
    String::from_utf8_lossy(&bytes).trim().parse::<u32>().ok()?.try_into().ok()
}

/// The master that runs this conf, wherever the pid file has gone. Another account may call a process whatever it likes.
pub fn find_master(conf: &Path) -> Option<i32> {
    let ours = |process: &Process| process.account == geteuid().as_raw() && is_master_of(&process.title, conf);
    nginxes().into_iter().find(ours).map(|process| process.pid)
}

/// nginx writes the words it was started with behind its title, so another nginx has another line.
fn is_master_of(line: &str, conf: &Path) -> bool {
    let Some(words) = line.strip_prefix(MASTER) else { return false };
    words.contains(&format!(" -c {} -p ", conf.display()))
}

const MASTER: &str = "nginx: master process ";
const WORKER: &str = "nginx: worker process";
/// Those that look after what nginx keeps of answers.
const CACHE: &str = "nginx: cache ";

/// Processes of our nginx whose master has gone: they answer as long as nobody ends them, and hear of no change.
///
/// They say nothing of themselves but their title, which nginx writes over their environment, and where they stand anybody
/// may stand. But each has open, as long as it lives, the error log that its master opened for it, and no other nginx
/// writes in this directory. Where that may not be seen they are known by their group, which has the master's number:
/// the system gives it to no other process before the last of them is gone.
pub fn orphans(dir: &Path, pid_file: &Path) -> Vec<Process> {
    let all = nginxes();
    let claimed = claimed(pid_file);
    all.iter().filter(|process| has_no_master(process, &all) && is_worker_in(process, dir, claimed)).cloned().collect()
}

fn has_no_master(process: &Process, all: &[Process]) -> bool {
    !all.iter().any(|other| other.pid == process.parent && other.title.starts_with(MASTER))
}

fn is_worker_in(process: &Process, dir: &Path, claimed: Option<i32>) -> bool {
    let is_worker = process.title.starts_with(WORKER) || process.title.starts_with(CACHE);
    is_worker && has_log_below(process.pid, dir).unwrap_or_else(|| claimed == Some(process.group))
}

/// Whether it is what it was, and not a successor with its number.
pub fn is_still(process: &Process, dir: &Path, pid_file: &Path) -> bool {
    let same = |now: &Process| now.group == process.group && is_worker_in(now, dir, claimed(pid_file));
    look(process.pid).as_ref().is_some_and(same)
}

/// Whether it hears new connections. One that was told to finish says so in its title, and hears none any more.
pub fn listens(process: &Process) -> bool {
    look(process.pid).is_some_and(|now| now.group == process.group && now.title == WORKER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_master_with_our_conf_is_ours() {
        let conf = Path::new("/d d/own/nginx.conf");
        for (line, ours) in [
            ("nginx: master process /usr/sbin/nginx -c /d d/own/nginx.conf -p /d d/own ", true),
            ("nginx: master process /usr/sbin/nginx -c /other/d d/own/nginx.conf -p /other ", false),
            ("nginx: master process /usr/sbin/nginx -c /d d/own/nginx.conf.old -p /d d/own", false),
            ("nginx: master process nginx", false),
            ("nginx: worker process", false),
            ("vi -c /d d/own/nginx.conf -p /d d/own", false),
            ("", false),
        ] {
            assert_eq!(is_master_of(line, conf), ours, "{line}");
        }
    }

    #[test]
    fn a_pid_that_somebody_else_has_is_not_ours() {
        let dir = tempfile::tempdir().unwrap();
        let pid_file = dir.path().join("pid");
        for text in [std::process::id().to_string(), "-1".to_owned(), "0".to_owned(), String::new(), "1 2".to_owned()] {
            fs::replace(&pid_file, text.as_bytes(), fs::PRIVATE_FILE).unwrap();
            assert!(!is_our_master(&pid_file, Path::new("/d/nginx.conf")), "{text}");
        }
        assert!(command_line(std::process::id() as i32).is_some_and(|line| !line.is_empty()));
    }
}
