//! Which host a command is for, and as whom it runs there.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use dokuen_core::fs::FsError;
use dokuen_core::{App, AppName, Conf, ConfError, Host, UserName};
use nix::errno::Errno;
use nix::unistd::{AccessFlags, User, access, geteuid, setgid, setuid};

use crate::archive::killed;
use crate::commands::rename;
use crate::exit::{Exit, Failure};

/// Finds the conf and takes on the account it names.
///
/// A command in `DIR/bin` knows its conf by where it lies; `--config` and `DOKUEN_CONF` come before that.
pub fn host(given: Option<&Path>) -> Result<Host, Failure> {
    host_after(given, |_| ())
}

/// As [`host`], with something that is done before that account is taken on.
pub fn host_after(given: Option<&Path>, before: impl FnOnce(&Host)) -> Result<Host, Failure> {
    let host = named(given)?;
    before(&host);
    taken_on(host)
}

/// As [`host`], for git's hook: only this process would become the account, and git would go on as root.
pub fn host_of_push() -> Result<Host, Failure> {
    let host = named(None)?;
    if geteuid().is_root() && account(&host.conf)?.uid != geteuid() {
        return Err(pushed_by_root(&host.conf));
    }
    taken_on(host)
}

fn pushed_by_root(conf: &Conf) -> Failure {
    let (dir, account) = (std::env::current_dir().unwrap_or_default(), &conf.app_user);
    let name = dir.file_name().and_then(|name| name.to_str()?.strip_suffix(".git"));
    let app = name.and_then(|name| AppName::parse(name).ok());
    // Gitolite has repositories of no app, and the same hook.
    let (this, over_ssh) = app.map_or_else(
        || ("this repository".to_owned(), String::new()),
        |app| {
            let server = &conf.git_server;
            (format!("the repository of {app}"), format!("git push {account}@{server}:{app}.git ..., or: "))
        },
    );
    let text = format!("{this} is {account}'s, and what root pushes would lie in everybody's way: nothing was taken");
    Failure::new(Exit::Denied, text).hint(format!("{over_ssh}sudo -u {account} git push ..."))
}

fn named(given: Option<&Path>) -> Result<Host, Failure> {
    let path = conf_path(given)?;
    Ok(Host::new(Conf::load(&path).map_err(unreadable_conf)?))
}

fn taken_on(host: Host) -> Result<Host, Failure> {
    become_account(&host.conf)?;
    leave_instance(&host.conf);
    Ok(host)
}

/// One that is closed to whoever asks is that of another account's host.
fn unreadable_conf(cause: ConfError) -> Failure {
    match &cause {
        ConfError::Read(e) if is_denied(e) => Failure::new(Exit::Denied, cause).hint("sudo dokuen ..."),
        _ => cause.into(),
    }
}

/// A file that somebody names is read as the account, also when root has typed it.
pub fn unreadable(cause: FsError) -> Failure {
    let denied = is_denied(&cause);
    let failure = Failure::new(Exit::Usage, cause);
    if denied { failure.hint("it is read as the account of the apps: give it on standard input") } else { failure }
}

fn is_denied(cause: &FsError) -> bool {
    cause.source.kind() == ErrorKind::PermissionDenied
}

/// What an app or a one-off starts by a command of ours, nginx say, must not be ended with its cgroup.
fn leave_instance(conf: &Conf) {
    if let (Some(_), Some(dir)) = (std::env::var_os(dokuen_proc::MARK), &conf.cgroup) {
        // Where it cannot leave, it is ended with what has started it, as anything is.
        let _ = dokuen_proc::enter_cgroups(dir, &conf.search_path());
    }
}

/// An app that must exist. "No right" and "no such app" are answered alike over ssh.
pub fn app(host: &Host, name: &str) -> Result<App, Failure> {
    let name = AppName::parse(name)?;
    let missing = Failure::new(Exit::NotFound, format!("no such app: {name}"));
    match host.app(name.clone()) {
        Some(app) if !killed::sweep(host, &app)? => Ok(app),
        _ => Err(match rename::heir(host, &host.app_at(name.clone())) {
            Some(heir) => missing.hint(format!("it is called {0} now: --application={0}", heir.name)),
            None => missing.hint(format!("dokuen create --application={name}")),
        }),
    }
}

fn conf_path(given: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(path) = given {
        return Ok(path.to_owned());
    }
    nearest_conf()?.ok_or_else(|| {
        Failure::new(Exit::HostNotReady, "no dokuen.conf: this machine has not been set up").hint(
            "dokuen setup DIR, then use DIR/bin/dokuen; or name a conf with --config; \
             or work from a git checkout with a remote called dokuen",
        )
    })
}

/// The conf of this program, when it is a host's.
pub fn nearest_conf() -> Result<Option<PathBuf>, Failure> {
    if let Some(path) = std::env::var_os("DOKUEN_CONF") {
        return Ok(Some(path.into()));
    }
    let beside = own_program()?.parent().and_then(Path::parent).map(|dir| dir.join("dokuen.conf"));
    Ok(beside.filter(|path| path.exists()))
}

/// Whether this program is a host's, and whoever runs it may know more of that than where it is.
pub fn is_on_a_host() -> Result<bool, Failure> {
    let denied = |path: PathBuf| access(&path, AccessFlags::R_OK) == Err(Errno::EACCES);
    Ok(nearest_conf()?.is_some_and(|path| !denied(path)))
}

/// The path of this program with every symlink resolved.
pub fn own_program() -> Result<PathBuf, Failure> {
    let found = std::env::current_exe().and_then(|path| path.canonicalize());
    found.map_err(|e| Failure::new(Exit::Failed, format!("failed to find this program's own path: {e}")))
}

/// Root acts as the account that owns everything, so that no file ends up with another owner.
pub(crate) fn become_account(conf: &Conf) -> Result<(), Failure> {
    let refused = |text: String| Failure::new(Exit::HostNotReady, text);
    let account = account(conf)?;
    if account.uid == geteuid() {
        return Ok(());
    }
    if !geteuid().is_root() {
        let text = format!("this host belongs to the account {}", conf.app_user);
        return Err(Failure::new(Exit::Denied, text).hint(format!("sudo -u {} dokuen ...", conf.app_user)));
    }
    let dropped = supplementary_groups(&account).and_then(|()| setgid(account.gid)).and_then(|()| setuid(account.uid));
    dropped.map_err(|e| refused(format!("failed to become the account {}: {e}", conf.app_user)))
}

/// The account that everything belongs to.
pub(crate) fn account(conf: &Conf) -> Result<User, Failure> {
    let missing = || format!("app_user {} is no user of this machine", conf.app_user);
    User::from_name(&conf.app_user).ok().flatten().ok_or_else(|| Failure::new(Exit::HostNotReady, missing()))
}

#[cfg(not(target_os = "macos"))]
fn supplementary_groups(account: &User) -> nix::Result<()> {
    let name = std::ffi::CString::new(account.name.as_str()).map_err(|_| nix::errno::Errno::EINVAL)?;
    nix::unistd::initgroups(&name, account.gid)
}

/// nix has no initgroups on macOS; there setup makes the account with its own group only.
#[cfg(target_os = "macos")]
fn supplementary_groups(_: &User) -> nix::Result<()> {
    Ok(())
}

/// Somebody who came in over ssh: set once, before anything is done in their name.
static VISITOR: OnceLock<Visitor> = OnceLock::new();

/// Who came in over ssh, and from where.
#[derive(Debug)]
pub struct Visitor {
    /// The name behind the key.
    pub user: UserName,
    /// The address the connection comes from.
    pub from: String,
}

/// From here on this process works for a visitor.
pub fn receive(visitor: Visitor) -> &'static Visitor {
    VISITOR.get_or_init(|| visitor)
}

/// Who came in over ssh; `None` for whoever is on the host itself.
pub fn visitor() -> Option<&'static Visitor> {
    VISITOR.get()
}

/// Who is at work: the name behind an ssh key (a hook has it from `dokuen-shell`), else the account.
pub fn who() -> String {
    if let Some(visitor) = visitor() {
        return visitor.user.to_string();
    }
    let named = std::env::var("DOKUEN_USER").ok().filter(|name| UserName::parse(name).is_ok());
    named.or_else(|| User::from_uid(geteuid()).ok().flatten().map(|u| u.name)).unwrap_or_else(|| "unknown".to_owned())
}

/// The address a visitor comes from.
pub fn from() -> Option<String> {
    let named = || std::env::var("DOKUEN_FROM").ok().filter(|text| text.parse::<std::net::IpAddr>().is_ok());
    visitor().map(|visitor| visitor.from.clone()).or_else(named)
}
