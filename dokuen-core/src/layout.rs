//! Every path in one place: what lies where under the dokuen directory and the run directory.

use std::path::{Path, PathBuf};

use crate::conf::{Conf, NginxKind};
use crate::domain::Domain;
use crate::env::EnvStore;
use crate::lock::{Lock, LockError};
use crate::name::{AppName, JobName, ProcessType, UserName};
use crate::port::Port;
use crate::storage::Storage;

/// The longest run directory whose sockets still fit into 103 bytes (macOS's bound; Linux has 107).
pub(crate) const LONGEST_RUN_DIR: usize = 103 - "/".len() - SHORT_APP - "/i/g4294967295.web.500".len();
/// App names longer than this stand shortened in the run directory.
const SHORT_APP: usize = 24;

/// An app's storage, by the directory of its config vars: wrappers know only that.
pub(crate) fn storage_beside(env: &Path) -> PathBuf {
    env.with_file_name("storage")
}

/// A machine with Dokuen set up: its conf, and from it every place.
#[derive(Debug, Clone)]
pub struct Host {
    /// The checked conf.
    pub conf: Conf,
}

/// The places of a front door's state, an app's or that of all apps.
#[derive(Debug, Clone)]
pub struct Front {
    dir: PathBuf,
}

/// One app's places. That there is such an app is the holder's business: see [`Host::app`].
#[derive(Debug, Clone)]
pub struct App {
    /// Its name.
    pub name: AppName,
    dir: PathBuf,
    repo: PathBuf,
    run: PathBuf,
}

impl Host {
    /// A host with this conf.
    pub fn new(conf: Conf) -> Self {
        Self { conf }
    }

    fn dir(&self) -> &Path {
        &self.conf.dokuen_dir
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
        self.dir().join("env").join(".lock")
    }

    /// Commands with this host's conf baked in.
    pub fn bin_dir(&self) -> PathBuf {
        self.dir().join("bin")
    }

    /// The wrapper's program.
    pub fn wrapper(&self) -> PathBuf {
        self.bin_dir().join("dokuen-wrapper")
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

    /// Hooks that every push over ssh runs, whatever stands in its repository.
    pub fn hooks_dir(&self) -> PathBuf {
        self.bin_dir().join("hooks")
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

    /// Clones of buildpacks named by URL, kept between builds.
    pub fn buildpack_cache(&self) -> PathBuf {
        self.dir().join("cache").join("buildpacks")
    }

    /// Vhosts and the default server; the file names nginx includes.
    pub fn nginx_dir(&self) -> PathBuf {
        self.dir().join("nginx")
    }

    /// What Dokuen's own nginx needs: its main conf, pid, logs, temporary files.
    pub fn own_nginx_dir(&self) -> PathBuf {
        self.dir().join("nginx").join("own")
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

    /// The program that speaks with certificate authorities.
    pub fn acme_program(&self) -> PathBuf {
        self.bin_dir().join("dokuen-acme")
    }

    /// Man pages, and what shells read to complete commands.
    pub fn share_dir(&self) -> PathBuf {
        self.dir().join("share")
    }

    /// Boot units: systemd's and launchd's.
    pub fn boot_dir(&self) -> PathBuf {
        self.dir().join("boot")
    }

    /// Scratch space on the same file system as everything else.
    pub fn tmp_dir(&self) -> PathBuf {
        self.dir().join("tmp")
    }

    /// An app's part of it, which only the holder of the app's lock uses.
    pub fn scratch_of(&self, app: &AppName) -> PathBuf {
        self.tmp_dir().join(format!("app-{app}"))
    }

    /// Every directory `setup` makes, with its mode. Only what nginx reads is open to others.
    pub fn directories(&self) -> Vec<(PathBuf, u32)> {
        use crate::fs::{PRIVATE_DIR, PUBLIC_DIR};
        let private = [
            self.apps_dir(),
            self.repos_dir(),
            self.ports_dir(),
            self.dir().join("env"),
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

impl App {
    /// Whether it was created.
    pub fn exists(&self) -> bool {
        // A link is what a rename has left, and no app.
        self.dir.symlink_metadata().is_ok_and(|meta| meta.is_dir())
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its bare repository.
    pub fn repo(&self) -> &Path {
        &self.repo
    }

    /// Built trees, by the second they were cut in.
    pub fn releases_dir(&self) -> PathBuf {
        self.dir.join("releases")
    }

    /// The symlink to the live tree.
    pub fn current(&self) -> PathBuf {
        self.dir.join("current")
    }

    /// The symlink to the tree before.
    pub fn previous(&self) -> PathBuf {
        self.dir.join("previous")
    }

    /// Numbered records of what ran: v1, v2, ...
    pub fn ledger_dir(&self) -> PathBuf {
        self.dir.join("ledger")
    }

    /// Which release number and generation of instances is live.
    pub fn live_file(&self) -> PathBuf {
        self.dir.join("live")
    }

    /// There while config vars change: what they were, in case the change does not go live.
    pub fn undo_file(&self) -> PathBuf {
        self.dir.join("undo")
    }

    /// There while git is about to move the branch to what a hook has made live.
    pub fn accepted_file(&self) -> PathBuf {
        self.dir.join("accepted")
    }

    /// There while the app is shut down on purpose.
    pub fn stopped_file(&self) -> PathBuf {
        self.dir.join("stopped")
    }

    /// There while a rename is not finished, with the old name in it.
    pub fn renaming_file(&self) -> PathBuf {
        self.dir.join("renaming")
    }

    /// There while an import is not finished: what a killed one has left is no app.
    pub fn importing_file(&self) -> PathBuf {
        self.dir.join("importing")
    }

    /// There while nobody may deploy the app: by whom, since when, why.
    pub fn frozen_file(&self) -> PathBuf {
        self.dir.join("frozen")
    }

    /// There once `scripts.postdeploy` of `app.json` has filled the app.
    pub fn filled_file(&self) -> PathBuf {
        self.dir.join("filled")
    }

    /// The branch whose pushes deploy.
    pub fn branch_file(&self) -> PathBuf {
        self.dir.join("branch")
    }

    /// Who besides admins may work on it: a file for each, with the role in it.
    pub fn access_dir(&self) -> PathBuf {
        self.dir.join("access")
    }

    /// One person's role in it.
    pub fn access_file(&self, user: &UserName) -> PathBuf {
        self.access_dir().join(user)
    }

    /// Directories that outlive its releases.
    pub fn storage(&self) -> Storage {
        Storage::beside(&self.env().dir())
    }

    /// Webhooks that hear of its events.
    pub fn webhooks_dir(&self) -> PathBuf {
        self.dir.join("webhooks")
    }

    /// Up to when each scheduled job was looked after.
    pub fn cron_dir(&self) -> PathBuf {
        self.dir.join("cron")
    }

    /// The last moment of a job that is done with.
    pub fn cron_file(&self, job: &JobName) -> PathBuf {
        self.cron_dir().join(job)
    }

    /// Held while jobs are started; a dot, so that no job has that name.
    pub fn cron_lock(&self) -> PathBuf {
        self.cron_dir().join(".lock")
    }

    /// The app's config vars.
    pub fn env(&self) -> EnvStore {
        EnvStore::new(self.dir.join("env"))
    }

    /// Logs of its instances.
    pub fn logs_dir(&self) -> PathBuf {
        self.dir.join("logs")
    }

    /// The log of one instance.
    pub fn log(&self, kind: &ProcessType, index: u16) -> PathBuf {
        self.logs_dir().join(format!("dokuen.{}.{kind}.{index}", self.name))
    }

    /// What builds said that made no release, by the name that it would have had.
    pub fn failed_builds_dir(&self) -> PathBuf {
        self.logs_dir().join("builds")
    }

    /// The buildpacks' cache between builds.
    pub fn cache(&self) -> PathBuf {
        self.dir.join("build")
    }

    /// One directory per instance that runs or ran: its spec, lock, state and log pipe.
    pub fn instances_dir(&self) -> PathBuf {
        self.dir.join("instances")
    }

    /// One directory per one-off that runs, or ran, in the background: `run.7`.
    pub fn runs_dir(&self) -> PathBuf {
        self.dir.join("runs")
    }

    /// What the build that runs says, or the last one has said.
    pub fn build_log(&self) -> PathBuf {
        self.named_log("build")
    }

    /// The log of something that has a name of its own, `run.7`.
    pub fn named_log(&self, name: &str) -> PathBuf {
        self.logs_dir().join(format!("dokuen.{}.{name}", self.name))
    }

    /// What `create` makes inside the app's directory.
    pub fn subdirectories(&self) -> Vec<PathBuf> {
        let env = self.dir.join("env");
        let (access, instances) = (self.access_dir(), self.instances_dir());
        vec![self.releases_dir(), self.ledger_dir(), env, access, self.logs_dir(), self.cache(), instances]
    }

    /// The report about one instance that people and scripts may read, inside the release.
    pub fn pid_file(&self, release: &Path, kind: &ProcessType, index: u16) -> PathBuf {
        release.join(".dokuen").join(format!("dokuen.{}.{kind}.{index}.pid", self.name))
    }

    /// The app's part of the run directory: `live`, route tables and sockets.
    pub fn run_dir(&self) -> &Path {
        &self.run
    }

    /// Sockets of instances.
    pub fn sockets_dir(&self) -> PathBuf {
        self.run.join("i")
    }

    /// Sockets at which apps listen themselves.
    pub fn own_sockets_dir(&self) -> PathBuf {
        self.run.join("s")
    }

    /// The app's names, certificates and settings of nginx: about today, so no part of a release.
    pub fn front(&self) -> Front {
        Front { dir: self.dir.join("front") }
    }

    /// Files of its front door that nginx's workers read (derived).
    pub fn worker_files_dir(&self) -> PathBuf {
        self.run.join("w")
    }

    /// The symlink to the route table that is in force.
    pub fn live_route(&self) -> PathBuf {
        self.run.join("live")
    }

    /// The lock that every change of the app holds.
    pub fn lock(&self, doing: &str) -> Result<Lock, LockError> {
        Lock::try_take(&self.dir.join("lock"), &format!("app {}", self.name), doing)
    }

    /// `app.base`.
    pub fn domain(&self, conf: &Conf) -> Result<Domain, crate::BadName> {
        Domain::of_app(&self.name, &conf.base_domain)
    }
}

impl Front {
    /// All of it.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Names besides the app's own, a line each.
    pub fn domains_file(&self) -> PathBuf {
        self.dir.join("domains")
    }

    /// Settings of nginx by name.
    pub fn settings_file(&self) -> PathBuf {
        self.dir.join("settings")
    }

    /// Pages of one's own: `502.html`, `maintenance.html`.
    pub fn pages_dir(&self) -> PathBuf {
        self.dir.join("pages")
    }

    /// There while the app is in maintenance.
    pub fn maintenance_file(&self) -> PathBuf {
        self.dir.join("maintenance")
    }

    /// Certificates with their keys, a directory each, never changed.
    pub fn certs_dir(&self) -> PathBuf {
        self.dir.join("certs")
    }

    /// Names the certificate in force.
    pub fn cert_file(&self) -> PathBuf {
        self.dir.join("cert")
    }

    /// How the certificate is had and kept up by itself.
    pub fn auto_file(&self) -> PathBuf {
        self.dir.join("auto")
    }

    /// Held while an order is under way.
    pub fn order_lock(&self) -> PathBuf {
        self.dir.join("order.lock")
    }

    /// An order at a certificate authority that is under way.
    pub fn order_dir(&self) -> PathBuf {
        self.dir.join("order")
    }

    /// Configuration of an admin's own: `server.conf`, `location.conf`, `http.conf`.
    pub fn snippets_dir(&self) -> PathBuf {
        self.dir.join("snippets")
    }

    /// A template of an admin's own, in place of the built-in one.
    pub fn template_file(&self) -> PathBuf {
        self.dir.join("nginx.conf.hbs")
    }
}

/// A short, still unique form of a name: socket paths have little room.
fn short(name: &AppName) -> String {
    if name.as_str().len() <= SHORT_APP {
        return name.to_string();
    }
    // FNV-1a: it only has to tell long names apart, and must be the same in every version.
    let hash =
        name.as_str().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    // A dot, which no app name holds, keeps it apart from the names of other apps.
    format!("{}.{:08x}", &name.as_str()[..15], (hash >> 32) as u32 ^ hash as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_socket_path_fits_everywhere() {
        let name = AppName::parse(&"a".repeat(63)).unwrap();
        assert_eq!(short(&name).len(), SHORT_APP);
        assert_ne!(short(&name), short(&AppName::parse(&"a".repeat(62)).unwrap()));
        let socket = format!("{}/{}/i/g{}.web.500", "r".repeat(LONGEST_RUN_DIR), short(&name), u32::MAX);
        assert!(socket.len() <= 103, "{}", socket.len());
    }
}
