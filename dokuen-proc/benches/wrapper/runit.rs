//! Services under runsv, with svlogd as their logger.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::place::eventually;
use crate::process;

pub struct Service {
    pub runsv: Child,
}

impl Service {
    /// Runs `line` by a shell, below `dir`.
    pub fn start(dir: &Path, line: &str) -> Self {
        fs::create_dir_all(dir.join("log/main")).unwrap();
        script(&dir.join("run"), &format!("exec 2>&1\n{line}"));
        script(&dir.join("log/run"), "exec svlogd -tt ./main");
        let null = || Stdio::null();
        let runsv = Command::new("runsv").arg(dir).stdin(null()).stdout(null()).stderr(null()).spawn();
        let service = Self { runsv: runsv.unwrap_or_else(|e| panic!("runsv (package runit): {e}")) };
        eventually("runsv has its two children", || process::children(service.pid()).len() == 2);
        service
    }

    pub fn pid(&self) -> i32 {
        self.runsv.id() as i32
    }

    /// runsv and svlogd.
    pub fn pids(&self) -> Vec<i32> {
        let comm = |pid: &i32| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        let logger = process::children(self.pid()).into_iter().find(|pid| comm(pid).trim() == "svlogd");
        [Some(self.pid()), logger].into_iter().flatten().collect()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // TERM ends the service and its logger, then runsv.
        crate::place::signal(self.pid(), nix::sys::signal::Signal::SIGTERM);
        let _ = self.runsv.wait();
    }
}

fn script(path: &Path, text: &str) {
    fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
