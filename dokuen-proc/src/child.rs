//! The child of a wrapper: started clean, adopted when its wrapper was killed, ended with everything it started.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::ExitStatus;

use dokuen_core::Environment;
use dokuen_core::cmd::{self, Cmd};
use dokuen_core::fs::{self, FsError};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpgid};

use crate::cgroup::{self, Group};
use crate::environment::mark;
use crate::instance::Instance;
use crate::platform::{self, Member};
use crate::report::Report;
use crate::shell::{argv_without_shell, line_in_shell, line_with_listener};
use crate::spec::Spec;

/// A child that runs, ours or taken over.
#[derive(Debug)]
pub struct Child {
    /// Which process.
    pub member: Member,
    /// Readable when it ends; only for a child that is not ours to wait for.
    pub watched: Option<OwnedFd>,
    own: bool,
}

/// All that a start needs.
pub struct Start<'a> {
    /// What to run, and where.
    pub spec: &'a Spec,
    /// With which environment, in full.
    pub environment: &'a Environment,
    /// Where its lines go.
    pub log_pipe: &'a Path,
    /// Its soft limit on open files.
    pub files: Option<u64>,
    /// The socket that it is given open.
    pub listener: Option<&'a UnixListener>,
    /// The cgroup that it is to be in.
    pub group: Option<&'a Group>,
}

/// Why a child could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// Its environment or log pipe could not be read.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// The shell could not be started in the release.
    #[error("failed to start it in `{dir}`")]
    Spawn {
        /// The release.
        dir: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Child {
    /// Starts the Procfile line: a group of its own, and nothing open but the null device, the log pipe and the
    /// listener that it may be given.
    pub fn start(start: &Start<'_>) -> Result<Self, ChildError> {
        let spec = start.spec;
        let spawn = |argv: Vec<String>| start.spawn(&argv);
        let direct = argv_without_shell(&spec.command, &spec.tree, start.environment);
        let spawned = match direct.filter(|_| start.listener.is_none()).map(spawn) {
            Some(Ok(pid)) => Ok(pid),
            None if start.listener.is_some() => spawn(line_with_listener(&spec.command, &spec.tree)),
            // A script without a first line that names its interpreter, for one: the shell knows what to do, or to say.
            Some(Err(_)) | None => spawn(line_in_shell(&spec.command, &spec.tree)),
        };
        let pid = spawned.map_err(|source| ChildError::Spawn { dir: spec.tree.clone(), source })?;
        // A child that has ended already still answers here: it is a zombie until we reap it, and its pid stays taken.
        let started = platform::start_time(pid).unwrap_or(0);
        Ok(Self { member: Member { pid, started }, watched: None, own: true })
    }

    /// Takes over a child whose wrapper was killed: the one among the `left` that it had reported. One that is not among
    /// them has ended, and what it has started is nobody's child, whatever group that leads. A wrapper that was killed
    /// before it could report its child leaves it as the first that leads a process group.
    pub fn adopt(left: &[Member], report: &Report) -> Option<Self> {
        let is_it = |m: &&Member| report.child_started.is_none_or(|at| at == m.started);
        let member = *match report.child {
            Some(pid) => left.iter().filter(|m| m.pid == pid).find(is_it)?,
            // What it has left is being ended.
            None if report.phase == "ending" => return None,
            None => left.iter().filter(|m| leads_its_group(m)).min_by_key(|m| (m.started, m.pid))?,
        };
        let watched = platform::watch(member);
        Some(Self { member, watched, own: false })
    }

    /// Whether its end must be looked for now and then, since nothing tells of it.
    pub fn needs_looking_at(&self) -> bool {
        !self.own && self.watched.is_none()
    }

    /// How it ended, for a child that is not ours to wait for: nobody but its parent learns its exit status.
    pub fn adopted_end(&self) -> Option<String> {
        (!self.own && platform::start_time(self.member.pid) != Some(self.member.started)).then(|| "ended".to_owned())
    }
}

fn leads_its_group(member: &Member) -> bool {
    let pid = Pid::from_raw(member.pid);
    getpgid(Some(pid)) == Ok(pid)
}

impl Start<'_> {
    fn spawn(&self, argv: &[String]) -> std::io::Result<i32> {
        let open = || fs::open_pipe_to_write(self.log_pipe).map_err(|e| e.source);
        let tree = &self.spec.tree;
        let mut command = Cmd::new(&argv[0], tree).args(&argv[1..]).envs(self.environment.pairs()).to_std();
        // As a shell would have set it.
        command.env("PWD", tree).process_group(0);
        // All is opened before the limit is lowered: thousands of connections may be open beyond it.
        match self.listener {
            Some(listener) => command.stdin(OwnedFd::from(listener.try_clone()?)),
            None => command.stdin(fs::open_null().map_err(|e| e.source)?),
        };
        command.stdout(open()?).stderr(open()?);
        if let Some(group) = self.group {
            group.join(&mut command);
        }
        with_file_limit(self.files, || command.spawn()).map(|child| child.id() as i32)
    }
}

/// Runs `start` under the soft limit on open files that our own start had, which a child inherits; the wrapper has
/// raised its own. It has one thread, so nobody else sees the limit; what is open beyond it stays open.
fn with_file_limit<T>(files: Option<u64>, start: impl FnOnce() -> T) -> T {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).ok();
    if let (Some(soft), Some((_, hard))) = (files, raised) {
        // Failing to lower it is harmless.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, soft.min(hard), hard);
    }
    let started = start();
    if let Some((soft, hard)) = raised {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, soft, hard);
    }
    started
}

/// Collects every child that has ended: pid and how. Orphans that came back to us are among them.
pub fn reap() -> Vec<(i32, String)> {
    let mut ended = Vec::new();
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) => ended.push((pid.as_raw(), cmd::how(ExitStatus::from_raw(code << 8)))),
            Ok(WaitStatus::Signaled(pid, signal, _)) => {
                ended.push((pid.as_raw(), cmd::how(ExitStatus::from_raw(signal as i32))))
            }
            Ok(WaitStatus::StillAlive) | Err(_) => return ended,
            Ok(_) => {}
        }
    }
}

/// Everything the instance has started, as its wrapper sees it: what is below it, what carries the mark, and what is in
/// the cgroup.
pub fn tree(mark: &str, group: Option<&Group>) -> Vec<Member> {
    let below = platform::members(Some(std::process::id() as i32), mark);
    with_group(below, group.map(Group::members).unwrap_or_default())
}

/// These, and those of the numbers that are not among them.
pub fn with_group(mut all: Vec<Member>, group: Vec<i32>) -> Vec<Member> {
    let more: Vec<i32> = group.into_iter().filter(|pid| !all.iter().any(|member| member.pid == *pid)).collect();
    // One that has ended meanwhile has no start time, and is nobody.
    all.extend(more.into_iter().filter_map(|pid| Some(Member { pid, started: platform::start_time(pid)? })));
    all
}

/// Sends a signal to all of them.
pub fn signal_all(members: &[Member], signal: Signal) {
    for member in members {
        platform::signal(*member, signal);
    }
}

/// What still runs of an instance that has no wrapper, in its cgroup too.
pub fn leftovers(instance: &Instance) -> Vec<Member> {
    let spec = instance.spec().ok();
    with_group(marked(instance), spec.as_ref().map(in_cgroup).unwrap_or_default())
}

/// The numbers of what is in its cgroup.
pub fn in_cgroup(spec: &Spec) -> Vec<i32> {
    spec.cgroup.as_ref().map(|(dir, _)| cgroup::members(dir)).unwrap_or_default()
}

/// What carries its mark: one of these can be a child to take over.
pub fn marked(instance: &Instance) -> Vec<Member> {
    platform::members(None, &mark(instance))
}
