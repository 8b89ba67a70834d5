//! Where nginx's files lie, and where it listens.

use std::path::PathBuf;
use std::time::Duration;

use dokuen_core::{AppName, Domain, Host};

use crate::conf_path::{BadPath, ConfPath};
use crate::listen::{Door, Listen};
use crate::version::Build;

/// All that is the same for every app.
#[derive(Debug, Clone)]
pub struct Places {
    /// The directory whose `*.conf` nginx includes. Whoever can write here is nginx's master, root perhaps.
    pub dir: PathBuf,
    /// What Dokuen's own nginx needs.
    pub own: PathBuf,
    /// Scratch space.
    pub tmp: PathBuf,
    /// Held while files of nginx change.
    pub lock: PathBuf,
    /// A part of the name of each vhost's file.
    pub base_domain: Domain,
    /// What nginx answers certificate authorities with, where there is such a directory.
    pub challenges: Option<PathBuf>,
    /// Where logs of single apps go; none where nobody but root could keep them safe.
    pub logs: Option<PathBuf>,
    /// What nginx keeps of answers, where an app asks for that.
    pub cache: PathBuf,
    /// Where nginx listens.
    pub listen: Listen,
    /// How long nginx may take to put a change into force.
    pub patience: Duration,
}

const CATCH_ALL: &str = "00-default.conf";

impl Places {
    /// Those of a host with Dokuen set up.
    pub fn of(host: &Host) -> Self {
        Self {
            dir: host.nginx_dir(),
            own: host.own_nginx_dir(),
            tmp: host.tmp_dir(),
            lock: host.nginx_lock(),
            base_domain: host.conf.base_domain.clone(),
            challenges: Some(host.challenges_dir()),
            logs: Some(host.nginx_logs_dir()),
            cache: host.nginx_cache_dir(),
            listen: Listen::on(host.conf.listen).and_https(host.conf.listen_https),
            patience: Duration::from_secs(5),
        }
    }

    /// The door of this host's apps, for this nginx.
    pub(crate) fn door(&self, build: Build) -> Result<Door, BadPath> {
        let path = |path: &Option<PathBuf>| path.as_deref().map(ConfPath::new).transpose();
        let (challenges, logs) = (path(&self.challenges)?, path(&self.logs)?);
        Ok(Door { challenges, logs, cache: ConfPath::new(&self.cache)?, ..Door::of(&self.listen, build) })
    }

    /// Copies of the files that nginx last accepted all together.
    pub(crate) fn good(&self) -> PathBuf {
        self.dir.join(".good")
    }

    /// An app's vhost. It sorts behind [`Places::catch_all`], whatever the app's name.
    pub fn vhost(&self, app: &AppName) -> PathBuf {
        let name = format!("{app}.{}.conf", self.base_domain);
        // No app has a `_` in its name.
        let name = if name.as_str() < CATCH_ALL { format!("00_{name}") } else { name };
        self.dir.join(name)
    }

    /// The server for names that no app has, and what the vhosts share: nginx reads files in the order of their names,
    /// and a format of logs counts only behind the line that defines it.
    pub fn catch_all(&self) -> PathBuf {
        self.dir.join(CATCH_ALL)
    }

    /// There while a change may be on disk and not in force.
    pub(crate) fn pending(&self) -> PathBuf {
        self.dir.join(".pending")
    }
}
