//! What touches the machine outside the dokuen directory; root's part only, and only beside a system nginx.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use dokuen_core::cmd::Cmd;
use dokuen_core::{Host, NginxKind, Transcript, fs};
use nix::unistd::{Gid, Group, Uid, User, chown, geteuid};

use super::{alone, units};
use crate::doctor;
use crate::exit::{Exit, Failure};
use crate::printer::Printer;

/// Where systemd looks for what it starts at boot.
pub const SYSTEMD_UNIT: &str = "/etc/systemd/system/dokuen.service";
/// Where launchd does.
pub const LAUNCHD_PLIST: &str = "/Library/LaunchDaemons/dokuen.boot.plist";

/// Where launchd looks for what starts scheduled jobs.
pub const LAUNCHD_CRON_PLIST: &str = "/Library/LaunchDaemons/dokuen.cron.plist";

const AT_BOOT: &str = "to start everything at boot, renew certificates and start scheduled jobs";

fn by_crontab(host: &Host) -> String {
    format!("or, for scheduled jobs alone, add to the crontab of {}: {}", host.conf.app_user, units::crontab_line(host))
}

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Makes the account when it is not there; root only.
pub fn make_account(name: &str, group: Option<&str>, out: &mut Printer) -> Result<(), Failure> {
    if User::from_name(name).ok().flatten().is_some() {
        return Ok(());
    }
    if !geteuid().is_root() {
        return Err(Failure::new(Exit::HostNotReady, format!("there is no account {name}"))
            .hint("run setup as root, or name your own account with --appuser"));
    }
    let add = Cmd::new("useradd", Path::new("/")).env("PATH", PATH).args([
        "--system",
        "--create-home",
        "--shell",
        "/bin/bash",
    ]);
    let add = match group {
        Some(group) => add.args(["--gid", group]),
        None => add.arg("--user-group"),
    };
    add.arg("--").arg(name).run()?;
    out.fact(&format!("made the account {name}"));
    Ok(())
}

/// The directory of cgroups that systemd is to give a new host, where it is asked by root for a server's.
pub fn cgroup_of_apps(nginx: NginxKind, platform: &str) -> Option<&'static str> {
    let has_systemd = platform == "linux" && Path::new("/run/systemd/system").is_dir();
    // That file is there where all controllers are of version 2.
    let unified = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
    (geteuid().is_root() && nginx == NginxKind::System && has_systemd && unified).then_some(units::APPS_CGROUP)
}

/// The conf belongs to whoever ran setup; the account may read it.
pub fn share_conf(path: &Path, account: &str) -> Result<(), Failure> {
    let Some(user) = User::from_name(account).ok().flatten() else { return Ok(()) };
    if user.uid == geteuid() {
        return Ok(());
    }
    own(path, Uid::from_raw(0), user.gid)?;
    fs::set_mode(path, 0o640)?;
    Ok(())
}

/// Hands the directories to the account, wires nginx and the boot unit. What could not be done comes back as lines.
pub fn finish(host: &Host, platform: Option<&str>, out: &mut Printer) -> Result<Vec<String>, Failure> {
    hand_over(host)?;
    let mut left = Vec::new();
    match doctor::given_back(host) {
        Ok(given) => given.iter().for_each(|(tree, count)| out.fact(&doctor::says_given_back(host, tree, *count))),
        Err(failure) => left.push(format!("give what root has left in repositories back: {failure}")),
    }
    let root = geteuid().is_root();
    if host.conf.nginx == NginxKind::System {
        left.extend(wire_nginx(host, root, out)?);
    }
    left.extend(install_unit(host, platform.unwrap_or(std::env::consts::OS), root, out)?);
    Ok(left)
}

fn hand_over(host: &Host) -> Result<(), Failure> {
    let Some(user) = User::from_name(&host.conf.app_user).ok().flatten() else { return Ok(()) };
    if user.uid == geteuid() || !geteuid().is_root() {
        return Ok(());
    }
    // Programs stay root's: hooks are symlinks to them, and no app may rewrite them.
    for (dir, _) in host.directories().into_iter().filter(|(dir, _)| !dir.starts_with(host.bin_dir())) {
        own(&dir, user.uid, user.gid)?;
    }
    own(&host.cache_dir(), user.uid, user.gid)
}

/// The run directory is the account's; nginx's group may reach the sockets in it, nobody else.
pub fn make_run_dir(host: &Host) -> Result<(), Failure> {
    let dir = &host.conf.run_dir;
    let shared = host.conf.nginx == NginxKind::System && geteuid().is_root();
    fs::make_dirs(dir, if shared { RUN_MODE } else { fs::PRIVATE_DIR })?;
    let user = User::from_name(&host.conf.app_user).ok().flatten();
    match (user, nginx_group()) {
        (Some(user), Some(group)) if shared => {
            own(dir, user.uid, group.gid)?;
            fs::set_mode(dir, RUN_MODE)?;
        }
        (Some(user), _) if geteuid().is_root() => own(dir, user.uid, user.gid)?,
        _ => {}
    }
    Ok(())
}

/// Set-group-id, so that sockets and directories made in it belong to nginx's group too.
const RUN_MODE: u32 = 0o2750;

fn nginx_group() -> Option<Group> {
    ["www-data", "nginx", "_www"].iter().find_map(|name| Group::from_name(name).ok().flatten())
}

/// A reboot empties /run: systemd makes the run directory again before any service starts.
fn tmpfile(host: &Host) -> String {
    let group = nginx_group().map_or_else(|| host.conf.app_user.clone(), |group| group.name);
    format!("d {} {RUN_MODE:o} {} {group} -\n", host.conf.run_dir.display(), host.conf.app_user)
}

fn own(path: &Path, uid: Uid, gid: Gid) -> Result<(), Failure> {
    if !is_our_link(path) {
        return Ok(fs::own_of_foreign(path, uid.as_raw(), gid.as_raw())?);
    }
    let owned = chown(path, Some(uid), Some(gid)).map_err(std::io::Error::from);
    Ok(fs::at("hand over", path, owned)?)
}

/// As [`fs::set_mode`], through no link that the account may have put there.
pub fn set_mode(path: &Path, mode: u32) -> Result<(), Failure> {
    let set = if is_our_link(path) { fs::set_mode(path, mode) } else { fs::set_mode_of_foreign(path, mode) };
    Ok(set?)
}

/// A link that root has made leads to a larger disk, and is followed.
fn is_our_link(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|meta| meta.is_symlink() && meta.uid() == geteuid().as_raw())
}

fn wire_nginx(host: &Host, root: bool, out: &mut Printer) -> Result<Vec<String>, Failure> {
    let include = alone::include(&host.nginx_dir());
    let (file, line) = (Path::new(alone::INCLUDE), include.trim_end());
    if !root {
        return Ok(vec![format!("as root, add to the http block of nginx.conf: {line}")]);
    }
    if !file.parent().is_some_and(Path::is_dir) {
        return Ok(vec![format!("add to the http block of nginx.conf: {line}")]);
    }
    make_room(out)?;
    fs::replace(file, include.as_bytes(), fs::PUBLIC_FILE)?;
    out.fact(&format!("nginx includes {}/*.conf by {}", host.nginx_dir().display(), file.display()));
    if host.conf.app_user == "root" {
        return Ok(Vec::new());
    }
    permit_reload(host, out)
}

/// Debian's own page claims to be the default server, and nginx takes only one: its link goes, its file stays.
fn make_room(out: &mut Printer) -> Result<(), Failure> {
    let link = Path::new("/etc/nginx/sites-enabled/default");
    if link.is_symlink() {
        fs::remove(link)?;
        out.fact("nginx's welcome page is off (/etc/nginx/sites-available/default is kept)");
    }
    Ok(())
}

/// The one sudo rule: a root-owned program with fixed arguments.
fn permit_reload(host: &Host, out: &mut Printer) -> Result<Vec<String>, Failure> {
    let nginx = dokuen_nginx::find_program(&host.conf.search_path())?;
    let rule = format!("{} ALL=(root) NOPASSWD: {} -s reload", host.conf.app_user, nginx.display());
    let file = Path::new("/etc/sudoers.d/dokuen");
    if !file.parent().is_some_and(Path::is_dir) {
        return Ok(vec![format!("install sudo and allow: {rule}")]);
    }
    fs::replace(file, format!("{rule}\n").as_bytes(), 0o440)?;
    out.fact(&format!("{} may reload nginx by {}", host.conf.app_user, file.display()));
    Ok(Vec::new())
}

fn install_unit(host: &Host, platform: &str, root: bool, out: &mut Printer) -> Result<Vec<String>, Failure> {
    if platform == "macos" {
        let plist = host.boot_dir().join("dokuen.plist");
        return Ok(vec![format!(
            "sudo cp '{}' {LAUNCHD_PLIST}, then: sudo launchctl load -w {LAUNCHD_PLIST}; the same with \
             dokuen-certs.plist and dokuen-cron.plist beside it, which renew certificates and start scheduled jobs",
            plist.display()
        )]);
    }
    if !root {
        let lines = "mkdir -p ~/.config/systemd/user && cp '{}'/dokuen*.{service,timer} ~/.config/systemd/user/ && \
                     systemctl --user enable dokuen dokuen-certs.timer dokuen-cron.timer && loginctl enable-linger";
        let lines = lines.replace("{}", &host.boot_dir().display().to_string());
        return Ok(vec![format!("{AT_BOOT}: {lines}"), by_crontab(host)]);
    }
    if !Path::new("/run/systemd/system").is_dir() || host.conf.nginx == NginxKind::Own {
        let dir = host.boot_dir();
        let line = format!(
            "cp '{}'/dokuen*.{{service,timer}} /etc/systemd/system/ && systemctl enable dokuen dokuen-certs.timer \
             dokuen-cron.timer",
            dir.display()
        );
        return Ok(vec![format!("{AT_BOOT}: {line}"), by_crontab(host)]);
    }
    fs::replace(Path::new("/etc/tmpfiles.d/dokuen.conf"), tmpfile(host).as_bytes(), fs::PUBLIC_FILE)?;
    // Not copied from where the account may write: what stands in a unit is done by root.
    for (name, text) in units::of_systemd(host) {
        fs::replace(&Path::new(SYSTEMD_UNIT).with_file_name(name), text.as_bytes(), fs::PUBLIC_FILE)?;
    }
    systemctl(&["daemon-reload"])?;
    systemctl(&["enable", "--quiet", "dokuen.service"])?;
    systemctl(&["enable", "--quiet", "--now", units::RENEWAL_TIMER, units::CRON_TIMER])?;
    out.fact("systemd starts everything at boot (dokuen.service) and renews certificates (dokuen-certs.timer)");
    out.fact("systemd starts scheduled jobs (dokuen-cron.timer)");
    Ok(enable_nginx(out).into_iter().collect())
}

/// What leads to the apps has to come back after a reboot too: nginx may be there and not be enabled, as `fixtures/try`
/// leaves it. What could not be done comes back as a line.
fn enable_nginx(out: &mut Printer) -> Option<String> {
    if systemctl(&["is-enabled", "--quiet", "nginx.service"]).is_ok() {
        return None;
    }
    let enabled = systemctl(&["enable", "--quiet", "nginx.service"]);
    if enabled.is_ok() {
        out.fact("systemd starts nginx at boot (nginx.service), which it did not");
    }
    enabled.err().map(|failure| format!("nginx is to be started at boot: {failure}"))
}

/// What the boot unit does is wanted from the first minute on: who looks after wrappers.
pub fn start_watching(host: &Host, out: &mut Printer) -> Result<Watcher, Failure> {
    let installed = host.conf.nginx == NginxKind::System && Path::new(SYSTEMD_UNIT).exists();
    if !geteuid().is_root() || !installed || !Path::new("/run/systemd/system").is_dir() {
        return Ok(Watcher::IsNew);
    }
    if units::has_apps_unit(host) {
        systemctl(&["start", units::APPS])?;
        out.fact("systemd gives each process of an app a cgroup (dokuen-apps.service)");
    }
    let ran = systemctl(&["is-active", "--quiet", units::BOOT]).is_ok();
    systemctl(&["start", "--no-block", units::BOOT])?;
    out.fact("systemd watches over what runs");
    Ok(if ran { Watcher::OfBefore } else { Watcher::IsNew })
}

/// Who looks after wrappers when a setup ends.
#[derive(Debug, Clone, Copy)]
#[must_use = "one of before knows neither the new program nor the conf of today"]
pub enum Watcher {
    /// It was started just now, or it is none of setup's.
    IsNew,
    /// It ran already, with the program and the conf of before.
    OfBefore,
}

impl Watcher {
    /// systemd starts it anew when it has gone. A stop of its unit would be the stop of every app, and this is none.
    pub fn renew(self) {
        if let Self::OfBefore = self {
            // One that has just gone by itself is started anew as well.
            let _ = systemctl(&["kill", "--kill-who=main", units::BOOT]);
        }
    }
}

fn systemctl(args: &[&str]) -> Result<(), Failure> {
    Cmd::new("systemctl", Path::new("/")).env("PATH", PATH).args(args).run()?;
    Ok(())
}
