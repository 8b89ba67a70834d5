//! Which process our nginx is. A pid in a file is a claim; what that process says of itself decides.

use std::path::Path;

use dokuen_core::fs;

/// Whether the pid file names an nginx master that runs this conf.
pub fn is_our_master(pid_file: &Path, conf: &Path) -> bool {
    let Ok(Some(bytes)) = fs::read_if_there(pid_file) else { return false };
    let Ok(pid) = String::from_utf8_lossy(&bytes).trim().parse::<u32>() else { return false };
    command_line(pid).is_some_and(|line| is_master_of(&line, conf))
}

/// nginx writes the words it was started with behind its title, so another nginx has another line.
fn is_master_of(line: &str, conf: &Path) -> bool {
    let Some(words) = line.strip_prefix("nginx: master process ") else { return false };
    words.contains(&format!(" -c {} -p ", conf.display()))
}

/// The words of a process, one space between each; a zombie has none.
#[cfg(all(target_os = "linux", not(dokuen_portable)))]
fn command_line(pid: u32) -> Option<String> {
    let bytes = fs::read(Path::new(&format!("/proc/{pid}/cmdline"))).ok()?;
    Some(String::from_utf8_lossy(&bytes).replace('\0', " "))
}

#[cfg(not(all(target_os = "linux", not(dokuen_portable))))]
fn command_line(pid: u32) -> Option<String> {
    let ps = crate::program::command(Path::new("ps"), Path::new("/"));
    let output = ps.args(["-ww", "-o", "command=", "-p"]).arg(pid.to_string()).run().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
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
        assert!(command_line(std::process::id()).is_some_and(|line| !line.is_empty()));
    }
}
