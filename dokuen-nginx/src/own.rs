//! An nginx of Dokuen's own: everything it needs lies in one directory, and an ordinary user may run it.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use dokuen_core::Lock;
use dokuen_core::fs::{self, FsError};
use nix::sys::resource::{Resource, getrlimit};
use nix::unistd::{Group, User, geteuid};
use serde::Serialize;

use crate::conf_path::ConfPath;
use crate::error::{Complaint, NginxError};
use crate::identity::is_our_master;
use crate::places::Places;
use crate::platform::Farewell;
use crate::program::{Nginx, Program, Told, command, words_of};
use crate::route::settle_catch_all;
use crate::template::{self, Main};

/// Dokuen's own nginx, running or not.
#[derive(Debug, Clone)]
pub struct Own {
    pub(crate) places: Places,
    pub(crate) program: Program,
    dir: ConfPath,
    include: ConfPath,
    account: Option<Account>,
}

/// Whom nginx's workers run as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Account {
    user: String,
    group: String,
}

impl Account {
    /// The account of this name with its first group; `None` unless we are root, who alone can choose.
    pub fn for_workers(name: &str) -> Result<Option<Self>, NginxError> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        let user = User::from_name(name).ok().flatten();
        let group = user.as_ref().and_then(|user| Group::from_gid(user.gid).ok().flatten());
        match (user, group) {
            (Some(user), Some(group)) if is_word(&user.name) && is_word(&group.name) => {
                Ok(Some(Self { user: user.name, group: group.name }))
            }
            _ => Err(NginxError::Account { name: name.to_owned() }),
        }
    }
}

fn is_word(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
}

/// A worker needs two files for a connection that it passes on.
const OPEN_FILES: u64 = 8192;

impl Own {
    /// One that runs `program`, with workers of this account: see [`Account::for_workers`].
    pub fn new(places: Places, program: PathBuf, account: Option<Account>) -> Result<Self, NginxError> {
        let (dir, include) = (ConfPath::new(&places.own)?, ConfPath::new(&places.dir)?);
        Ok(Self { places, program: Program::at(program), dir, include, account })
    }

    /// Starts it if it is not running, with at least the server for unknown names, and returns once it answers.
    pub fn start(&self) -> Result<(), NginxError> {
        fs::make_dirs(&self.places.dir, fs::PUBLIC_DIR)?;
        let _lock = Lock::take(&self.places.lock, "starting nginx")?;
        settle_catch_all(&Nginx::Own(self.clone()))
    }

    /// Ends it: requests under way may finish within `grace`, then it is ended at once.
    pub fn stop(&self, grace: Duration) -> Result<(), NginxError> {
        fs::make_dirs(&self.places.dir, fs::PUBLIC_DIR)?;
        let _lock = Lock::take(&self.places.lock, "stopping nginx")?;
        for (farewell, patience) in [(Farewell::Quit, grace), (Farewell::Stop, self.places.patience)] {
            if self.finds_master()? {
                self.signal(farewell.word())?;
            }
            self.tell(&self.orphans(), farewell);
            if until(patience, || !self.is_running() && self.orphans().is_empty()) {
                return Ok(());
            }
        }
        Err(NginxError::NotStopped { after: grace + self.places.patience })
    }

    /// Whether the process in the pid file is an nginx master, and ours.
    pub fn is_running(&self) -> bool {
        is_our_master(&self.pid_file(), &self.conf())
    }

    /// Has it read its configuration, the first time too.
    pub(crate) fn reload(&self) -> Result<Told, NginxError> {
        self.write_confs()?;
        if !self.finds_master()? {
            self.make_room()?;
            return self.launch().map(|()| Told::Started);
        }
        words_of(self.command(&self.conf()).args(["-s", "reload"]).run()).map(|()| Told::Reloaded)
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.dir.as_path().join("error.log")
    }

    pub(crate) fn conf(&self) -> PathBuf {
        self.dir.as_path().join("nginx.conf")
    }

    pub(crate) fn pid_file(&self) -> PathBuf {
        self.dir.as_path().join("nginx.pid")
    }

    fn signal_conf(&self) -> PathBuf {
        self.dir.as_path().join("signal.conf")
    }

    /// `nginx -s` reads the whole conf first, so a broken vhost would keep it from stopping: this conf has none.
    pub(crate) fn signal(&self, signal: &str) -> Result<(), NginxError> {
        fs::replace_report(&self.signal_conf(), template::signal(&self.dir)?.as_bytes(), fs::PUBLIC_FILE)?;
        match words_of(self.command(&self.signal_conf()).args(["-s", signal]).run()) {
            // It went between the look and the signal.
            Err(_) if !self.is_running() => Ok(()),
            other => other,
        }
    }

    /// The parent has bound the sockets when it exits; the master writes its pid a moment later.
    fn launch(&self) -> Result<(), NginxError> {
        words_of(self.command(&self.conf()).run()).map_err(|error| match error {
            NginxError::Reload { source } => NginxError::NotStarted { source },
            other => other,
        })?;
        if until(self.places.patience, || self.is_running()) {
            return Ok(());
        }
        let silent = || Complaint { text: "it was gone again at once".to_owned(), file: None };
        Err(NginxError::NotStarted { source: Nginx::Own(self.clone()).complaint_since(0).unwrap_or_else(silent) })
    }

    fn command(&self, conf: &Path) -> dokuen_core::cmd::Cmd {
        let dir = self.dir.as_path();
        command(self.program.path(), dir).arg("-c").arg(conf).arg("-p").arg(dir)
    }

    pub(crate) fn make_dir(&self) -> Result<(), FsError> {
        // Workers of another account pass through it to their temporary files.
        let mode = if self.account.is_some() { fs::PUBLIC_DIR } else { fs::PRIVATE_DIR };
        fs::make_dirs(self.dir.as_path(), mode)
    }

    fn write_confs(&self) -> Result<(), NginxError> {
        self.make_dir()?;
        let text = main_conf(&self.dir, &self.include, self.account.as_ref())?;
        if fs::read_if_there(&self.conf())?.as_deref() != Some(text.as_bytes()) {
            fs::replace(&self.conf(), text.as_bytes(), fs::PUBLIC_FILE)?;
        }
        Ok(())
    }
}

/// A main conf with everything in `dir`, whose vhosts are `include/*.conf`.
pub(crate) fn main_conf(dir: &ConfPath, include: &ConfPath, account: Option<&Account>) -> Result<String, NginxError> {
    let most = getrlimit(Resource::RLIMIT_NOFILE).map_or(0, |(_, hard)| hard);
    template::main(&Main { account, open_files: (most >= OPEN_FILES).then_some(OPEN_FILES), dir, include })
}

pub(crate) fn until(patience: Duration, done: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    while !done() {
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(4));
    }
    true
}
