//! The places of an app: its state, its repository, and its run directory.

use std::path::{Path, PathBuf};

use super::{App, Front, own_dir_in};
use crate::conf::Conf;
use crate::domain::Domain;
use crate::env::EnvStore;
use crate::lock::{Lock, LockError};
use crate::name::{JobName, ProcessType, UserName};
use crate::storage::Storage;

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

    /// The hook in it, by which a push by path deploys.
    pub fn hook(&self) -> PathBuf {
        self.repo.join("hooks").join("pre-receive")
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

    /// The tree of a commit that was pushed, for the next push to begin with: `COMMIT.BYTES`.
    pub fn spare_source_dir(&self) -> PathBuf {
        self.dir.join("source")
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
        let (env, access, instances) = (self.env().dir(), self.access_dir(), self.instances_dir());
        vec![self.releases_dir(), self.ledger_dir(), env, access, self.logs_dir(), self.cache(), instances]
    }

    /// The report about one instance that people and scripts may read, inside the release.
    pub fn pid_file(&self, release: &Path, kind: &ProcessType, index: u16) -> PathBuf {
        own_dir_in(release).join(format!("dokuen.{}.{kind}.{index}.pid", self.name))
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

    /// Held by whoever changes the app.
    pub fn lock_file(&self) -> PathBuf {
        self.dir.join("lock")
    }

    /// The lock that every change of the app holds. Who has it has the app: one that was renamed since it was looked up
    /// leaves a link at its place, through which the lock would be that of the new name.
    pub fn lock(&self, doing: &str) -> Result<Lock, LockError> {
        let (path, what) = (self.lock_file(), format!("app {}", self.name));
        let lock = match Lock::try_take(&path, &what, doing) {
            Err(LockError::Open(e)) if e.is_not_found() => return Err(LockError::Gone { what }),
            other => other?,
        };
        if self.exists() && lock.is_at(&path) { Ok(lock) } else { Err(LockError::Gone { what }) }
    }

    /// `app.base`.
    pub fn domain(&self, conf: &Conf) -> Result<Domain, crate::BadName> {
        Domain::of_app(&self.name, &conf.base_domain)
    }
}
