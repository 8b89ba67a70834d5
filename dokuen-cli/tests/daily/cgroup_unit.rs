//! The unit that has the cgroups of all apps from systemd: what `setup` writes, and what it runs.

use std::fs;
use std::process::{Child, Stdio};

use crate::cgroups::Groups;
use crate::host::{Host, eventually};

/// As if the conf had been written on a machine that systemd runs: with this directory of cgroups.
fn host_with(cgroup: &str) -> Host {
    let host = Host::new();
    let conf = host.dir().join("dokuen.conf");
    fs::write(&conf, format!("{}cgroup: {cgroup}\n", fs::read_to_string(&conf).unwrap())).unwrap();
    host
}

#[test]
fn setup_writes_a_unit_whose_cgroups_are_the_accounts_where_the_conf_names_it() {
    let host = host_with("/nowhere/dokuen-apps.service");
    let unit = host.dir().join("boot/dokuen-apps.service");
    let boot = || fs::read_to_string(host.dir().join("boot/dokuen.service")).unwrap();
    assert!(!unit.exists() && !boot().contains("dokuen-apps"));
    host.setup(&[]).ok();
    let text = fs::read_to_string(unit).unwrap();
    let start = format!("ExecStart=\"{}\" cgroups:hold", host.program().display());
    for line in
        ["Delegate=memory pids", "KillMode=process", "OOMPolicy=continue", "TasksMax=infinity", "Restart=always"]
            .into_iter()
            .chain([start.as_str()])
    {
        assert!(text.lines().any(|l| l == line), "{line}: {text}");
    }
    for line in ["Wants=dokuen-apps.service", "After=dokuen-apps.service"] {
        assert!(boot().lines().any(|l| l == line), "{line}");
    }
    host.dokuen(&["doctor"]).stdout_has("sudo systemctl start dokuen-apps.service");
}

#[test]
fn it_holds_the_cgroups_from_one_of_its_own_and_says_what_it_cannot_switch_on() {
    Host::new().dokuen(&["cgroups:hold"]).exits(9).stderr_has("names no `cgroup`");
    let Some(groups) = Groups::new("holding cgroups") else { return };
    let host = host_with(&groups.dir().display().to_string());
    let errors = host.temp().join("errors");
    let mut command = host.command(host.program());
    let command = command.arg("cgroups:hold").stdout(Stdio::null()).stderr(fs::File::create(&errors).unwrap());
    let holder = Holder(command.spawn().unwrap());
    let pid = i32::try_from(holder.0.id()).unwrap();
    eventually("it has gone out of the way", || groups.members("starters") == [pid]);
    let on = |what: &str| {
        let on = fs::read_to_string(groups.dir().join("cgroup.subtree_control")).unwrap();
        on.split_whitespace().any(|name| name == what)
    };
    // What this machine has not is named.
    let said = || fs::read_to_string(&errors).unwrap().matches("limits are not in force").count();
    eventually("all is on or named", || ["memory", "pids"].iter().filter(|what| on(what)).count() + said() == 2);
}

/// Ended with the test, before its directory of cgroups is to go.
struct Holder(Child);

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
