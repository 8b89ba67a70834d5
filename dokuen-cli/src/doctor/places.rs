//! The directories and programs of a host: that they are there, the account's, and open to it; and to whoever comes by them.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use dokuen_core::{Host, NginxKind, fs};

use super::{Check, Finding};
use crate::exit::Failure;

pub const CHECK: Check = Check { about: "places", look, fix: Some(fix) };

/// What lies beside Dokuen's program, and who misses it.
const PROGRAMS: [(&str, &str); 5] = [
    ("dokuen-wrapper", "nothing can be started"),
    ("dokuen-acme", "certificates cannot be read or renewed"),
    ("dokuen-deploy", "pushes do not deploy"),
    ("dokuen-shell", "nobody can come in over ssh"),
    ("hooks/pre-receive", "pushes over ssh do not deploy"),
];

fn look(host: &Host) -> Result<Vec<Finding>, Failure> {
    let mut found: Vec<Finding> = missing(host).into_iter().map(|(dir, _)| says_missing(&dir)).collect();
    found.extend(PROGRAMS.iter().filter(|(name, _)| !host.bin_dir().join(name).exists()).map(|(name, then)| {
        let says = format!("there is no `{}`: {then}", host.bin_dir().join(name).display());
        Finding::problem(says, format!("dokuen setup {}", host.conf.dokuen_dir.display()))
    }));
    found.extend(closed(host)?);
    found.extend(run_dir(host));
    found.extend(ssh_dir(host));
    if found.is_empty() {
        found.push(Finding::ok("every directory and program is there, and the account's"));
    }
    Ok(found)
}

fn fix(host: &Host) -> Result<(), Failure> {
    for (dir, mode) in missing(host) {
        fs::make_dirs(&dir, mode)?;
    }
    Ok(())
}

fn missing(host: &Host) -> Vec<(PathBuf, u32)> {
    host.directories().into_iter().filter(|(dir, _)| dir.metadata().is_err()).collect()
}

fn says_missing(dir: &Path) -> Finding {
    Finding::problem(format!("there is no directory `{}`", dir.display()), "dokuen doctor --fix")
}

/// What the account cannot change although it is the one that does. Programs are root's on purpose.
fn closed(host: &Host) -> Result<Vec<Finding>, Failure> {
    let own = host.directories().into_iter().map(|(dir, _)| dir).filter(|dir| !dir.starts_with(host.bin_dir()));
    let mut all: Vec<PathBuf> = own.collect();
    for app in host.apps()? {
        all.extend([app.dir().to_owned(), app.repo().to_owned(), app.lock_file()]);
        all.extend(app.subdirectories());
    }
    let account = nix::unistd::geteuid().as_raw();
    let finding = |path: &PathBuf| says_closed(path, &path.metadata().ok()?, account, &host.conf.app_user);
    Ok(all.iter().filter_map(finding).collect())
}

fn says_closed(path: &Path, meta: &Metadata, account: u32, name: &str) -> Option<Finding> {
    let (shown, wanted) = (path.display(), if meta.is_dir() { 0o700 } else { 0o600 });
    if meta.uid() != account {
        let says = format!("`{shown}` is not {name}'s, who has to change it");
        return Some(Finding::problem(says, format!("sudo chown -R {name}: '{shown}'")));
    }
    let says = || format!("`{shown}` is closed to its own account: mode {:o}", meta.mode() & 0o7777);
    (meta.mode() & wanted != wanted).then(|| Finding::problem(says(), format!("chmod u+rwX '{shown}'")))
}

/// The machine's nginx comes to the sockets by its group.
fn run_dir(host: &Host) -> Option<Finding> {
    if host.conf.nginx == NginxKind::Own || host.conf.app_user == "root" {
        return None;
    }
    let dir = &host.conf.run_dir;
    let meta = dir.metadata().ok()?;
    let is_open = meta.mode() & 0o050 == 0o050 && meta.gid() != nix::unistd::getegid().as_raw();
    let says = || format!("nginx cannot look into `{}`: it is not open to nginx's group", dir.display());
    (!is_open).then(|| Finding::problem(says(), format!("sudo dokuen setup {}", host.conf.dokuen_dir.display())))
}

/// sshd believes no keys that others could have written.
fn ssh_dir(host: &Host) -> Option<Finding> {
    let keys = host.authorized_keys();
    let open = |path: &&Path| path.metadata().is_ok_and(|meta| meta.mode() & 0o022 != 0);
    let path = [keys.as_path(), keys.parent()?, &host.conf.app_user_home].into_iter().find(open)?;
    let says = format!("others can write `{}`: sshd takes no key from there", path.display());
    Some(Finding::problem(says, format!("chmod go-w '{}'", path.display())))
}
