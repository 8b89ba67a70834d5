//! git as Dokuen uses it: by argv, with object ids only, and with the hook's quarantine known to the reader alone.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use dokuen_core::cmd::{self, Cmd, CmdError};
use dokuen_core::{Conf, Host, fs};

use crate::exit::{Exit, Failure};
use crate::pushed_tree;
use crate::unpack::Unpack;

/// A commit that was looked at: its id is forty or sixty-four hexadecimal digits, nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit(String);

/// git itself takes a bomb of 10^10 files in a repository of 216 KiB; how much is too much is in the conf.
const LONGEST: Duration = Duration::from_secs(300);

impl Commit {
    /// `None` for anything but an object id.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        (hex && matches!(text.len(), 40 | 64)).then(|| Self(text.to_owned()))
    }

    /// The id.
    pub fn id(&self) -> &str {
        &self.0
    }

    /// Its first seven digits.
    pub fn short(&self) -> &str {
        &self.0[..7]
    }
}

/// git in a bare repository. In a hook the objects of the push are still in quarantine: git is told where by variables
/// that must reach it in the repository that is pushed to, and nowhere else.
pub fn git(host: &Host, repo: &Path) -> Cmd {
    let inherited = ["GIT_QUARANTINE_PATH", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"];
    let quarantine = inherited.iter().filter(|_| is_pushed_to(repo));
    let quarantine = quarantine.filter_map(|name| Some((*name, std::env::var_os(name)?)));
    outside(host, repo).envs(quarantine)
}

/// git that knows of no quarantine: inside one it changes no ref.
fn outside(host: &Host, repo: &Path) -> Cmd {
    Cmd::new("git", repo)
        .env("PATH", host.conf.search_path())
        .env("HOME", &host.conf.app_user_home)
        .env("GIT_DIR", ".")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "safe.directory")
        .env("GIT_CONFIG_VALUE_0", repo)
}

fn is_pushed_to(repo: &Path) -> bool {
    let quarantine = std::env::var_os("GIT_QUARANTINE_PATH").and_then(|path| Path::new(&path).canonicalize().ok());
    let repo = repo.canonicalize().ok();
    quarantine.zip(repo).is_some_and(|(quarantine, repo)| quarantine.starts_with(repo))
}

/// Settings that every repository of an app has. git accepts malformed trees unless it is told to look, and packs of any
/// size unless it is told a limit; push options are data that nobody reads.
pub fn safe_settings(host: &Host) -> Vec<(&'static str, String)> {
    let settings = [
        ("receive.fsckObjects", "true".to_owned()),
        ("receive.maxInputSize", host.conf.push_bytes.to_string()),
        ("receive.advertisePushOptions", "false".to_owned()),
    ];
    settings.into_iter().chain(HARMLESS.map(|fault| (fault, "warn".to_owned()))).collect()
}

/// What tools of former years have got wrong in commits and trees. Nobody can mend a history that is shared, and it does
/// no harm: who wrote a commit, and when, is for people, and a mode is the same number with zeros before it.
pub const HARMLESS: [&str; 6] = [
    "receive.fsck.badTimezone",
    "receive.fsck.missingNameBeforeEmail",
    "receive.fsck.missingSpaceBeforeDate",
    "receive.fsck.missingSpaceBeforeEmail",
    "receive.fsck.zeroPaddedDate",
    "receive.fsck.zeroPaddedFilemode",
];

/// What kind of object an id names: `commit`, `tree`, `tag`, `blob`.
pub fn kind(host: &Host, repo: &Path, id: &Commit) -> Result<String, Failure> {
    let out = git(host, repo).args(["cat-file", "-t", id.id()]).run()?;
    Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned())
}

/// The id of what a commit and a path in it name, `ID^{tree}` or `ID:path`; `None` when there is no such thing.
pub fn object(host: &Host, repo: &Path, spec: &str) -> Option<String> {
    let out = git(host, repo).args(["rev-parse", "--verify", "--quiet", "--end-of-options", spec]).run().ok()?;
    Some(String::from_utf8_lossy(&out.stdout).trim().to_owned())
}

/// A file at the top of a tree; `None` when it has none.
pub fn file(host: &Host, repo: &Path, tree: &str, name: &str) -> Option<Vec<u8>> {
    let out = git(host, repo).args(["cat-file", "blob", &format!("{tree}:{name}")]).run().ok()?;
    Some(out.stdout)
}

/// Refuses a commit whose history git cannot follow: a push from a shallow clone lacks parents, and git would refuse it
/// later. What else is wrong is said in git's own words.
pub fn check_history(host: &Host, repo: &Path, id: &Commit) -> Result<(), Failure> {
    let list = |more: &[&str]| git(host, repo).args(["rev-list", "--quiet", id.id()]).args(more).run();
    let Err(cause) = list(&["--not", "--all"]) else { return Ok(()) };
    // Without what the repository's own refs lead to: what is missing then is missing in the push.
    if list(&[]).is_err_and(|alone| lacks_parents(&alone)) {
        return Err(Failure::new(Exit::Failed, "the push comes from a shallow clone, which lacks history")
            .hint("git fetch --unshallow, then push again"));
    }
    let failure = Failure::new(Exit::Failed, Unreadable(cause));
    Err(failure.hint("on the host: dokuen doctor, and git fsck in the repository"))
}

/// Objects that are there and closed to the account are not missing.
fn lacks_parents(cause: &CmdError) -> bool {
    let said = cause.to_string();
    said.contains("Failed to traverse parents") && !said.contains("Permission denied")
}

#[derive(Debug, thiserror::Error)]
#[error("git cannot read the repository that was pushed to")]
struct Unreadable(#[source] CmdError);

/// Where a branch is.
pub fn branch(host: &Host, repo: &Path, name: &str) -> Option<Commit> {
    let name = format!("refs/heads/{name}");
    let out = git(host, repo).args(["rev-parse", "--verify", "--quiet", "--end-of-options", &name]).run().ok()?;
    Commit::parse(String::from_utf8_lossy(&out.stdout).trim())
}

/// The names of all refs, one in each line.
pub fn refs(host: &Host, repo: &Path) -> Result<String, Failure> {
    let out = git(host, repo).args(["for-each-ref", "--format=%(refname)"]).run()?;
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

/// Makes this branch the one that a clone checks out. Gitolite's repositories have a HEAD of Gitolite's.
pub fn point_head(host: &Host, repo: &Path, branch: &str) -> Result<(), Failure> {
    let name = format!("refs/heads/{branch}");
    // Reading the file costs less than starting git at every push.
    let is_there =
        fs::read_if_there(&repo.join("HEAD"))?.is_some_and(|head| head == format!("ref: {name}\n").as_bytes());
    if !is_there && !host.conf.gitolite {
        outside(host, repo).args(["symbolic-ref", "HEAD", &name]).run()?;
    }
    Ok(())
}

/// Whether `old` is part of `new`'s history.
pub fn is_ancestor(host: &Host, repo: &Path, old: &Commit, new: &Commit) -> bool {
    git(host, repo).args(["merge-base", "--is-ancestor", old.id(), new.id()]).run().is_ok()
}

/// One setting of the repository.
pub fn setting(host: &Host, repo: &Path, name: &str) -> Option<String> {
    let out = git(host, repo).args(["config", "--get", name]).run().ok()?;
    Some(String::from_utf8_lossy(&out.stdout).trim().to_owned())
}

/// What was written of a tree.
#[derive(Debug, Default)]
pub struct Archived {
    /// The files that are small enough to be a pointer to something larger.
    pub small: Vec<PathBuf>,
    /// Together with what is in all others.
    pub bytes: u64,
}

/// Writes the tree of a commit into `into`, or these paths of it, within limits on files, bytes and time. What is written
/// must not be there yet.
pub fn archive(host: &Host, repo: &Path, id: &Commit, paths: &[PathBuf], into: &Path) -> Result<Archived, Failure> {
    let command = git(host, repo).env("GIT_LITERAL_PATHSPECS", "1");
    let command = command.args(["-c", "tar.umask=0022", "archive", "--format=tar", id.id(), "--"]).args(paths);
    let failed = |e: std::io::Error| Failure::new(Exit::Failed, format!("failed to read the pushed tree: {e}"));
    let mut child =
        command.to_std().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(failed)?;
    let (Some(mut out), Some(mut err)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(failed(std::io::Error::other("git has no output")));
    };
    let pid = nix::unistd::Pid::from_raw(child.id() as i32);
    let (finished, watch) = channel::<()>();
    let watchdog = std::thread::Builder::new().spawn(move || {
        let late = watch.recv_timeout(LONGEST) == Err(RecvTimeoutError::Timeout);
        if late {
            // The child is ours and not yet waited for, so the pid is still its own.
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
        }
        late
    });
    let watchdog = match watchdog {
        Ok(watchdog) => watchdog,
        Err(e) => {
            let _ = child.kill().and_then(|()| child.wait());
            return Err(failed(e));
        }
    };
    // git fills its last block up after the end of the archive: whoever leaves before that ends it by SIGPIPE.
    let rest = |out: &mut dyn Read| std::io::copy(out, &mut std::io::sink());
    let unpacked = unpack(&host.conf, &mut out, into).and_then(|archived| rest(&mut out).map(|_| archived));
    let mut words = String::new();
    if unpacked.is_ok() {
        let _ = err.read_to_string(&mut words);
    } else {
        let _ = child.kill();
    }
    drop(finished);
    let late = watchdog.join().unwrap_or(false);
    let status = child.wait().map_err(failed)?;
    match unpacked {
        _ if late => {
            Err(Failure::new(Exit::Failed, format!("the pushed tree could not be read within {} s", LONGEST.as_secs())))
        }
        Err(e) => Err(failed(e)),
        Ok(archived) if status.success() => Ok(archived),
        Ok(_) => Err(Failure::new(Exit::Failed, format!("git archive {}: {}", cmd::how(status), words.trim()))),
    }
}

fn unpack(conf: &Conf, from: impl Read, into: &Path) -> std::io::Result<Archived> {
    let mut archive = tar::Archive::new(std::io::BufReader::with_capacity(128 * 1024, from));
    let mut unpack = Unpack::into(into)?;
    let (mut files, mut archived) = (0u64, Archived::default());
    for entry in archive.entries()? {
        let mut entry = entry?;
        files += 1;
        archived.bytes += entry.size();
        bounded(files, conf.tree_files, "files")?;
        bounded(archived.bytes, conf.tree_bytes, "bytes")?;
        if entry.header().entry_type().is_pax_global_extensions() {
            continue;
        }
        if entry.header().entry_type().is_file() && pushed_tree::may_be_pointer(entry.size()) {
            archived.small.push(into.join(entry.path()?));
        }
        unpack.take(&mut entry)?;
    }
    // git fills its last record with zeros after the end of the archive: who closes the pipe before ends it by a signal.
    std::io::copy(&mut archive.into_inner(), &mut std::io::sink())?;
    Ok(archived)
}

fn bounded(count: u64, most: u64, what: &str) -> std::io::Result<()> {
    let text = || format!("it holds more than {most} {what} (tree_{what} in dokuen.conf allows more)");
    if count > most { Err(std::io::Error::other(text())) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_object_ids_reach_git() {
        assert!(Commit::parse(&"a1".repeat(20)).is_some());
        for bad in ["", "HEAD", "--help", &"A1".repeat(20), &"a1".repeat(19), &"0".repeat(41)] {
            assert!(Commit::parse(bad).is_none(), "{bad}");
        }
    }
    #[test]
    fn objects_that_are_closed_are_not_missing() {
        let said = |tail: &str| CmdError::Failed {
            argv: "git rev-list".into(),
            how: "exited with 128".into(),
            tail: tail.into(),
            code: Some(128),
            output: Box::default(),
        };
        let missing = "error: Could not read edda342; fatal: Failed to traverse parents of commit 43a54ff";
        assert!(lacks_parents(&said(missing)));
        assert!(!lacks_parents(&said(&format!("error: unable to open loose object: Permission denied; {missing}"))));
        assert!(!lacks_parents(&said("fatal: bad object refs/heads/side")));
    }
}
