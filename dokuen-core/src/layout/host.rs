//! The places of a machine: under the dokuen directory, and what its conf says besides.

use std::path::{Path, PathBuf};

use super::{App, Front, Host, short};
use crate::conf::{Conf, NginxKind};
use crate::env::EnvStore;
use crate::name::{AppName, UserName};
use crate::port::Port;

impl Host {
    /// A host with this conf.
    pub fn new(conf: Conf) -> Self {
        Self { conf }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.conf.dokuen_dir
    }

    /// Its conf.
    pub fn conf_file(&self) -> PathBuf {
        self.dir().join("dokuen.conf")
    }

    /// Held while apps are made and destroyed.
    pub fn apps_lock(&self) -> PathBuf {
        self.apps_dir().join(".lock")
    }

    /// The directory of all apps.
    pub fn apps_dir(&self) -> PathBuf {
        self.dir().join("apps")
    }

    /// Bare repositories.
    pub fn repos_dir(&self) -> PathBuf {
        self.dir().join("repos")
    }

    /// Reserved ports.
    pub fn ports_dir(&self) -> PathBuf {
        self.dir().join("ports")
    }

    /// The file that stands for a reserved port.
    pub fn port_file(&self, port: Port) -> PathBuf {
        self.ports_dir().join(port.to_string())
    }

    /// Config vars of every app.
    pub fn global_env(&self) -> EnvStore {
        EnvStore::new(self.dir().join("env"))
    }

    /// Held while config vars of every app change; a dot, so that no config var has that name.
    pub fn global_env_lock(&self) -> PathBuf {
        self.global_env().dir().join(".lock")
    }

    /// What they were, while they change.
    pub fn global_env_undo(&self) -> PathBuf {
        self.global_env().dir().join(".undo")
    }

    /// Keys of those who may push.
    pub fn keys_dir(&self) -> PathBuf {
        self.dir().join("keys")
    }

    /// Somebody's public key.
    pub fn key_file(&self, user: &UserName) -> PathBuf {
        self.keys_dir().join(format!("{user}.key"))
    }

    /// There for an admin, with that word in it.
    pub fn role_file(&self, user: &UserName) -> PathBuf {
        self.keys_dir().join(format!("{user}.role"))
    }

    /// When and from where a key was used last.
    pub fn last_use_file(&self, user: &UserName) -> PathBuf {
        self.keys_dir().join(format!("{user}.used"))
    }

    /// Held while keys change.
    pub fn keys_lock(&self) -> PathBuf {
        self.keys_dir().join(".lock")
    }

    /// Where sshd looks for keys: derived from `keys/`, but for lines that are not Dokuen's.
    pub fn authorized_keys(&self) -> PathBuf {
        self.conf.app_user_home.join(".ssh").join("authorized_keys")
    }

    /// Who did what and when, a file a month; only ever appended to.
    pub fn events_dir(&self) -> PathBuf {
        self.dir().join("events")
    }

    /// Programs of people's own that hear of events.
    pub fn event_hooks_dir(&self) -> PathBuf {
        self.dir().join("hooks")
    }

    /// Webhooks that hear of every app's events.
    pub fn webhooks_dir(&self) -> PathBuf {
        self.dir().join("webhooks")
    }

    /// What became of telling people of events.
    pub fn notify_log(&self) -> PathBuf {
        self.dir().join("notify.log")
    }

    /// Sessions over ssh that are open; a dot, so that no app's directory has that name.
    pub fn sessions_dir(&self) -> PathBuf {
        self.conf.run_dir.join(".sessions")
    }

    /// Held by `boot --watch` as long as it watches.
    pub fn watch_lock(&self) -> PathBuf {
        self.conf.run_dir.join(".watch")
    }

    /// There from a shutdown of everything on until the next boot of everything.
    pub fn shut_down_file(&self) -> PathBuf {
        self.conf.run_dir.join(".shut-down")
    }

    /// Held while somebody looks for jobs that are due.
    pub fn tick_lock(&self) -> PathBuf {
        self.conf.run_dir.join(".tick.lock")
    }

    /// When jobs that are due were looked for last.
    pub fn tick_file(&self) -> PathBuf {
        self.conf.run_dir.join(".tick")
    }

    /// Buildpacks installed on the machine.
    pub fn buildpacks_dir(&self) -> PathBuf {
        self.dir().join("buildpacks")
    }

    /// What may be had again.
    pub fn cache_dir(&self) -> PathBuf {
        self.dir().join("cache")
    }

    /// Clones of buildpacks named by URL, kept between builds.
    pub fn buildpack_cache(&self) -> PathBuf {
        self.cache_dir().join("buildpacks")
    }

    /// Vhosts and the default server; the file names nginx includes.
    pub fn nginx_dir(&self) -> PathBuf {
        self.dir().join("nginx")
    }

    /// Where below the dokuen directory Dokuen's own nginx is: by this a process of one is known, whichever host's it is.
    pub const OWN_NGINX: &'static str = "nginx/own";

    /// What Dokuen's own nginx needs: its main conf, pid, logs, temporary files.
    pub fn own_nginx_dir(&self) -> PathBuf {
        self.dir().join(Self::OWN_NGINX)
    }

    /// What nginx keeps of answers, where an app asks for that.
    pub fn nginx_cache_dir(&self) -> PathBuf {
        self.nginx_dir().join("cache")
    }

    /// What the machine's nginx may read of an app's releases: a tree for each, and `current`, which follows them (derived).
    pub fn static_dir(&self, app: &AppName) -> PathBuf {
        self.nginx_dir().join("static").join(app)
    }

    /// Where logs of single apps go: the machine's nginx opens them as root, so only where root keeps its own.
    pub fn nginx_logs_dir(&self) -> PathBuf {
        match self.conf.nginx {
            NginxKind::Own => self.own_nginx_dir(),
            NginxKind::System => PathBuf::from("/var/log/nginx"),
        }
    }

    /// Held while files of nginx change.
    pub fn nginx_lock(&self) -> PathBuf {
        self.nginx_dir().join(".lock")
    }

    /// An app's vhost.
    pub fn vhost(&self, app: &AppName) -> PathBuf {
        self.nginx_dir().join(format!("{app}.{}.conf", self.conf.base_domain))
    }

    /// What is the same for the front door of every app: settings, snippets, a template, certificates, ACME accounts.
    pub fn front_dir(&self) -> PathBuf {
        self.dir().join("front")
    }

    /// The places of that.
    pub fn front(&self) -> Front {
        Front { dir: self.front_dir() }
    }

    /// Held while names are given out, so that each has one owner.
    pub fn names_lock(&self) -> PathBuf {
        self.front_dir().join(".lock")
    }

    /// The accounts at certificate authorities.
    pub fn acme_accounts_dir(&self) -> PathBuf {
        self.front_dir().join("accounts")
    }

    /// What nginx answers certificate authorities with. A dot, so that no app's directory has that name.
    pub fn challenges_dir(&self) -> PathBuf {
        self.conf.run_dir.join(".acme")
    }

    /// Scratch space on the same file system as everything else.
    pub fn tmp_dir(&self) -> PathBuf {
        self.dir().join("tmp")
    }

    /// An app's part of it, which only the holder of the app's lock uses.
    pub fn scratch_of(&self, app: &AppName) -> PathBuf {
        self.tmp_dir().join(format!("app-{app}"))
    }

    /// There while somebody wants the deploy of this app called off.
    pub fn cancel_file(&self, app: &AppName) -> PathBuf {
        self.tmp_dir().join(format!("cancel-{app}"))
    }

    /// Every directory `setup` makes, with its mode. Only what nginx reads is open to others.
    pub fn directories(&self) -> Vec<(PathBuf, u32)> {
        use crate::fs::{PRIVATE_DIR, PUBLIC_DIR};
        let private = [
            self.apps_dir(),
            self.repos_dir(),
            self.ports_dir(),
            self.global_env().dir(),
            self.keys_dir(),
            self.events_dir(),
            self.event_hooks_dir(),
            self.front_dir(),
            self.buildpacks_dir(),
            self.buildpack_cache(),
            self.boot_dir(),
            self.tmp_dir(),
        ];
        let public = [self.bin_dir(), self.hooks_dir(), self.nginx_dir()];
        private.into_iter().map(|d| (d, PRIVATE_DIR)).chain(public.into_iter().map(|d| (d, PUBLIC_DIR))).collect()
    }

    /// An app's places, whether or not it exists.
    pub fn app_at(&self, name: AppName) -> App {
        App {
            dir: self.apps_dir().join(&name),
            repo: self.repos_dir().join(format!("{name}.git")),
            run: self.conf.run_dir.join(short(&name)),
            name,
        }
    }

    /// An app that exists.
    pub fn app(&self, name: AppName) -> Option<App> {
        Some(self.app_at(name)).filter(App::exists)
    }

    /// Every app there is, by name.
    pub fn apps(&self) -> Result<Vec<App>, crate::fs::FsError> {
        let names = crate::fs::names(&self.apps_dir())?;
        Ok(names.iter().filter_map(|n| AppName::parse(n).ok()).filter_map(|n| self.app(n)).collect())
    }
}
