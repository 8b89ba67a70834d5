//! Sessions over ssh that are open, so that `removeuser` can name them: a file each, pid and start time in it. Both
//! together name one process for ever, also after it has become git or a program of an app.

use dokuen_core::{Host, Stamp, UserName, fs};

use crate::exit::Failure;

/// More files than this are looked through for dead ones.
const SWEEP_ABOVE: usize = 64;

/// A session as others see it.
#[derive(Debug)]
pub struct Open {
    /// Whose it is.
    pub user: String,
    /// Its process.
    pub pid: i32,
    /// Since when.
    pub since: String,
    /// What it does.
    pub doing: String,
}

/// This session, written down until it ends.
#[derive(Debug)]
pub struct Session {
    path: Option<std::path::PathBuf>,
}

impl Session {
    /// Writes it down. A courtesy: where that fails, the session goes on all the same.
    pub fn open(host: &Host, user: &UserName, doing: &str) -> Self {
        Self { path: write(host, user, doing).ok() }
    }

    /// What this process becomes is still this session; its file is found to be dead later.
    pub fn leave_open(mut self) {
        self.path = None;
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _ = fs::remove(path);
        }
    }
}

fn write(host: &Host, user: &UserName, doing: &str) -> Result<std::path::PathBuf, Failure> {
    let dir = host.sessions_dir();
    fs::make_dirs(&dir, fs::PRIVATE_DIR)?;
    if fs::names(&dir)?.len() > SWEEP_ABOVE {
        open(host)?;
    }
    let pid = std::process::id();
    let path = dir.join(format!("{user}.{pid}"));
    let started = i32::try_from(pid).ok().and_then(dokuen_proc::start_time).unwrap_or_default();
    let text = format!("{started}\n{}\n{doing}\n", Stamp::now().for_people());
    fs::replace_report(&path, text.as_bytes(), fs::PRIVATE_FILE)?;
    Ok(path)
}

/// Those whose process lives; files of others are removed.
pub fn open(host: &Host) -> Result<Vec<Open>, Failure> {
    let dir = host.sessions_dir();
    let mut all = Vec::new();
    for name in fs::names(&dir)? {
        let path = dir.join(&name);
        let text = fs::read_if_there(&path)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        match text.as_deref().and_then(|text| parse(&name, text)) {
            Some(session) => all.push(session),
            None => fs::remove(&path)?,
        }
    }
    Ok(all)
}

fn parse(name: &str, text: &str) -> Option<Open> {
    let (user, pid) = name.rsplit_once('.')?;
    let pid = pid.parse().ok()?;
    let mut lines = text.lines();
    let started: u64 = lines.next()?.parse().ok()?;
    let (since, doing) = (lines.next()?.to_owned(), lines.next()?.to_owned());
    let lives = dokuen_proc::start_time(pid) == Some(started);
    lives.then(|| Open { user: user.to_owned(), pid, since, doing })
}
