//! Starting instances: a directory and a wrapper each. What was started and not kept is stopped again.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Stdio};
use std::time::Duration;

use dokuen_core::cmd::Cmd;
use dokuen_core::fs::{self, FsError};
use dokuen_core::{App, Environment, Host, ProcessType, Procfile};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::ending::stop_or_end;
use crate::environment::{MARK, lasting_environment};
use crate::instance::Instance;
use crate::log::LogRoom;
use crate::ready::Checks;
use crate::route;
use crate::spec::{Entry, FrontPaths, InstanceId, Spec};
use crate::terms::{Listen, Terms, TermsError};

/// Everything a boot needs. The caller holds the app's lock.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The machine.
    pub host: Host,
    /// The app.
    pub app: App,
    /// The release's tree.
    pub tree: PathBuf,
    /// The release number, `v3`.
    pub version: String,
    /// The commit it was built from, or nothing.
    pub commit: String,
    /// The generation the instances get.
    pub generation: u32,
    /// Which commands there are.
    pub procfile: Procfile,
    /// Which instances to start.
    pub instances: Vec<(ProcessType, u16)>,
    /// The app's config vars they start with: what is to be, which need not be on the disk yet.
    pub config: Environment,
    /// What ready means.
    pub checks: Checks,
}

/// Instances that were started and whose wrappers have said so. Dropped, they are stopped again.
#[derive(Debug)]
#[must_use = "instances that nobody keeps are stopped again"]
pub struct Booted {
    pub(crate) plan: Plan,
    pub(crate) started: Started,
}

/// Stops what it holds when it is dropped un-kept.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) instances: Vec<Instance>,
    /// Where each log stood before, so that a failure can show what this boot wrote.
    pub(crate) log_offsets: BTreeMap<InstanceId, u64>,
    pub(crate) kept: bool,
}

/// Why an instance could not be started.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// Its files.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// A config var that says how it is to run makes no sense.
    #[error(transparent)]
    Terms(#[from] TermsError),
    /// The Procfile does not have it.
    #[error("the Procfile has no process type `{0}`")]
    NoSuchType(ProcessType),
    /// The wrapper's program could not be run.
    #[error("failed to run `{program}`")]
    Wrapper {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The wrapper said why it could not begin, or said nothing.
    #[error("{name} could not be started: {cause}")]
    Refused {
        /// `web.1`.
        name: String,
        /// The wrapper's words.
        cause: String,
    },
}

/// A wrapper says `ready` within a moment, or something is badly wrong.
const ANSWER: Duration = Duration::from_secs(20);

/// glibc's allocator keeps freed pieces per thread for speed, scattered over a wrapper's few pages; without that the
/// pages go back. Other C libraries know no such variable, and the child's environment is not made from the wrapper's.
const ALLOCATOR: (&str, &str) = ("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0");

/// Starts every instance of the plan: first all wrappers, then their answers are read.
pub fn boot(plan: &Plan) -> Result<Booted, BootError> {
    let mut started = Started { instances: Vec::new(), log_offsets: BTreeMap::new(), kept: false };
    let mut answers = Vec::new();
    for (kind, index) in &plan.instances {
        let id = InstanceId { generation: plan.generation, kind: kind.clone(), index: *index };
        let instance = Instance::at(&plan.app.instances_dir(), id);
        let log = plan.app.log(kind, *index);
        started.log_offsets.insert(instance.id.clone(), log.metadata().map_or(0, |m| m.len()));
        lay_out(plan, &instance)?;
        started.instances.push(instance.clone());
        answers.push((instance.clone(), spawn(&plan.host.wrapper(), &instance)?));
    }
    for (instance, answer) in answers {
        expect_ready(&instance, answer)?;
    }
    Ok(Booted { plan: plan.clone(), started })
}

impl Booted {
    /// The instances.
    pub fn instances(&self) -> &[Instance] {
        &self.started.instances
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        for instance in &self.instances {
            let _ = stop_or_end(instance, PATIENCE);
        }
        for instance in &self.instances {
            if instance.wait_gone(PATIENCE).is_err() {
                // Nobody was served by it: asked a second time, the wrapper does not wait for the grace period.
                let _ = instance.stop();
                let _ = instance.wait_gone(PATIENCE);
            }
        }
    }
}

/// How long an instance that never served may take to leave politely.
const PATIENCE: Duration = Duration::from_secs(2);

fn lay_out(plan: &Plan, instance: &Instance) -> Result<(), BootError> {
    let spec = spec(plan, &instance.id)?;
    let environment = lasting_environment(&spec, plan.config.clone())?;
    fs::make_dirs(&plan.app.sockets_dir(), fs::PUBLIC_DIR)?;
    if let Some(socket) = spec.front.as_ref().and_then(|front| front.entry.socket()) {
        fs::make_dirs(socket.parent().unwrap_or(socket), fs::PUBLIC_DIR)?;
    }
    // Somebody may have removed what holds only derived things.
    fs::make_dirs(&plan.host.ports_dir(), fs::PRIVATE_DIR)?;
    fs::make_dirs(&plan.app.instances_dir(), fs::PRIVATE_DIR)?;
    fs::make_dir(instance.dir(), fs::PRIVATE_DIR)?;
    fs::replace_report(&instance.file("env"), &environment.to_nul(), fs::PRIVATE_FILE)?;
    fs::make_fifo(&instance.file("control"))?;
    fs::make_fifo(&instance.file("log"))?;
    // Last: a directory without a spec is one that nobody may start.
    fs::replace_report(&instance.file("spec"), spec.render().as_bytes(), fs::PRIVATE_FILE)?;
    Ok(())
}

fn spec(plan: &Plan, id: &InstanceId) -> Result<Spec, BootError> {
    let (host, app) = (&plan.host, &plan.app);
    let terms = Terms::of(&host.conf, &id.kind, &plan.config)?;
    let command = plan.procfile.command(&id.kind).ok_or_else(|| BootError::NoSuchType(id.kind.clone()))?;
    let own = app.own_sockets_dir().join(id.to_string());
    let front = id.kind.is_web().then(|| FrontPaths {
        socket: app.sockets_dir().join(id.to_string()),
        onward: app.live_route().join(route::slot_of(id.index).to_string()),
        entry: match terms.listen {
            Listen::Port => Entry::Port,
            Listen::Path => Entry::Path(own),
            Listen::Fds => Entry::Fds(own),
        },
    });
    Ok(Spec {
        app: app.name.to_string(),
        id: id.clone(),
        version: plan.version.clone(),
        tree: plan.tree.clone(),
        command: command.to_owned(),
        commit: plan.commit.clone(),
        search_path: host.conf.search_path(),
        global_env: host.global_env().dir(),
        app_env: app.env().dir(),
        log: app.log(&id.kind, id.index),
        log_bytes: terms.log_bytes,
        log_room: Some(LogRoom::of(app, &host.conf, &plan.config)),
        pid_file: app.pid_file(&plan.tree, &id.kind, id.index),
        ports_dir: host.ports_dir(),
        ports: host.conf.ports,
        front,
        stop_signal: terms.stop_signal,
        stop_timeout: terms.stop_timeout,
        drain_timeout: terms.drain_timeout,
        cgroup: host.conf.cgroup.as_ref().map(|dir| (dir.join(format!("{}.{id}", app.name)), terms.bounds)),
    })
}

fn spawn(program: &Path, instance: &Instance) -> Result<ChildStdout, BootError> {
    let command = Cmd::new(program, Path::new("/")).arg(instance.dir()).env(ALLOCATOR.0, ALLOCATOR.1);
    // Nobody's member, though who starts it may run below another wrapper.
    let mut command = command.env(MARK, "wrapper").to_std();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let failed = |source| BootError::Wrapper { program: program.to_owned(), source };
    let mut child = command.spawn().map_err(failed)?;
    child.stdout.take().ok_or_else(|| failed(std::io::Error::other("it has no standard output")))
}

fn expect_ready(instance: &Instance, mut answer: ChildStdout) -> Result<(), BootError> {
    let refused = |cause: &str| BootError::Refused { name: instance.id.name(), cause: cause.to_owned() };
    let timeout = PollTimeout::try_from(ANSWER).unwrap_or(PollTimeout::MAX);
    let waited = poll(&mut [PollFd::new(answer.as_fd(), PollFlags::POLLIN)], timeout);
    if waited != Ok(1) {
        return Err(refused(SILENT));
    }
    let mut text = [0; 1024];
    let count = answer.read(&mut text).unwrap_or(0);
    let text = String::from_utf8_lossy(&text[..count]).into_owned();
    match text.trim_end() {
        line if line == "ready" || line.starts_with("ready ") => Ok(()),
        "" => Err(refused("its wrapper has ended without a word")),
        line => Err(refused(line.strip_prefix("failed: ").unwrap_or(line))),
    }
}

/// The directory of its socket: gone with a reboot, it may be that of a name which the app had before, and then nobody
/// else makes it.
fn make_doorway(instance: &Instance) -> Result<(), FsError> {
    let front = instance.spec().ok().and_then(|spec| spec.front);
    let dir = front.as_ref().and_then(|front| front.socket.parent());
    dir.map_or(Ok(()), |dir| fs::make_dirs(dir, fs::PUBLIC_DIR))
}

const SILENT: &str = "its wrapper does not answer";

/// Gives an instance a wrapper again, which adopts what still runs or starts the child anew. Somebody else may be quicker
/// (`boot --watch` and a command both look), or it leaves in this very moment: then there is nothing to do any more.
pub fn revive(program: &Path, instance: &Instance) -> Result<(), BootError> {
    make_doorway(instance)?;
    match expect_ready(instance, spawn(program, instance)?) {
        Err(BootError::Refused { cause, .. })
            if cause != SILENT && (instance.is_alive()? || !instance.is_complete()) =>
        {
            Ok(())
        }
        other => other,
    }
}
