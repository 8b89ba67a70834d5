//! The nginx that serves the apps: which program it is, and how it is told of a change.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use dokuen_core::cmd::{Cmd, CmdError, Output};
use dokuen_core::fs;

use crate::error::{Complaint, NginxError};
use crate::own::Own;
use crate::places::Places;
use crate::version::Build;

/// Whose nginx it is.
#[derive(Debug, Clone)]
pub enum Nginx {
    /// Dokuen's own: started when it is not running.
    Own(Own),
    /// The machine's, which includes Dokuen's files and is started by others.
    System(System),
}

/// The machine's nginx.
#[derive(Debug, Clone)]
pub struct System {
    /// Where Dokuen's files lie.
    pub places: Places,
    /// The program, for tests in a scratch configuration: they need no rights.
    pub program: Program,
    /// What makes the master read its configuration anew, as an argv.
    pub reload: Vec<OsString>,
}

impl System {
    /// Reloaded directly, which is root's right.
    pub fn direct(places: Places, program: PathBuf) -> Self {
        let reload = [program.as_os_str(), "-s".as_ref(), "reload".as_ref()].map(OsString::from).to_vec();
        Self { places, program: Program::at(program), reload }
    }

    /// Reloaded through sudo, which must neither ask nor wait: one rule for exactly this argv.
    pub fn through_sudo(places: Places, program: PathBuf) -> Self {
        let direct = Self::direct(places, program);
        let reload = ["sudo", "-n"].map(OsString::from).into_iter().chain(direct.reload).collect();
        Self { reload, ..direct }
    }

    /// All that it would read at a start, each file behind its name, where it would start.
    pub(crate) fn dump(&self) -> Result<Output, CmdError> {
        command(self.program.path(), &self.places.dir).arg("-T").run()
    }
}

impl Nginx {
    /// Where its files lie and where it listens.
    pub fn places(&self) -> &Places {
        match self {
            Self::Own(own) => &own.places,
            Self::System(system) => &system.places,
        }
    }

    fn program(&self) -> &Program {
        match self {
            Self::Own(own) => &own.program,
            Self::System(system) => &system.program,
        }
    }

    /// Has it read its configuration anew. That this succeeds proves nothing: ask it for the sums.
    pub(crate) fn reload(&self) -> Result<Told, NginxError> {
        match self {
            Self::Own(own) => own.reload(),
            Self::System(system) => {
                let (program, args) = system.reload.split_first().ok_or_else(|| NginxError::Reload {
                    source: Complaint { text: "there is no command for it".to_owned(), file: None },
                })?;
                words_of(command(program.as_ref(), &system.places.dir).args(args).run()).map(|()| Told::Reloaded)
            }
        }
    }

    /// Whether somebody would follow a signal; of the machine's nginx it is taken for granted. Workers whose master was
    /// killed, or whose pid file was removed, answer all the same, until the next command that changes nginx.
    pub fn has_master(&self) -> bool {
        match self {
            Self::Own(own) => own.is_running(),
            Self::System(_) => true,
        }
    }

    /// What the program is: asked once, however often it is copied.
    pub fn build(&self) -> Result<Build, NginxError> {
        self.program().build()
    }

    /// Whether this main conf, with all that it includes, is one nginx would start with.
    pub(crate) fn test(&self, conf: &Path, dir: &Path) -> Result<(), NginxError> {
        words_of(command(self.program().path(), dir).arg("-t").arg("-c").arg(conf).arg("-p").arg(dir).run())
    }

    /// How long the log is that its master writes, where we can read it.
    pub(crate) fn log_length(&self) -> u64 {
        self.log().and_then(|log| log.metadata().ok()).map_or(0, |meta| meta.len())
    }

    /// What its master complained about since the log had this length.
    pub(crate) fn complaint_since(&self, length: u64) -> Option<Complaint> {
        use std::io::{Read, Seek, SeekFrom};
        let mut file = fs::open(&self.log()?).ok()?;
        file.seek(SeekFrom::Start(length)).ok()?;
        let mut said = Vec::new();
        file.take(1 << 20).read_to_end(&mut said).ok()?;
        Complaint::emerg(&String::from_utf8_lossy(&said))
    }

    fn log(&self) -> Option<PathBuf> {
        match self {
            Self::Own(own) => Some(own.log()),
            Self::System(_) => None,
        }
    }
}

/// An nginx that can be run. Copies share what one of them was told of it, so that a change of a vhost asks once; a
/// process that runs for long makes a new one each time, and hears of an upgrade.
#[derive(Debug, Clone)]
pub struct Program {
    path: PathBuf,
    build: Arc<OnceLock<Build>>,
}

impl Program {
    /// The one at this path.
    pub fn at(path: PathBuf) -> Self {
        Self { path, build: Arc::default() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn build(&self) -> Result<Build, NginxError> {
        if let Some(build) = self.build.get() {
            return Ok(*build);
        }
        let output = command(&self.path, Path::new("/")).arg("-V").run()?;
        Ok(*self.build.get_or_init(|| Build::parse(&String::from_utf8_lossy(&output.stderr))))
    }
}

/// How an nginx came to read its configuration.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Told {
    /// For the first time: nobody else answers.
    Started,
    /// Anew: workers with the old text answer for a while.
    Reloaded,
}

/// The first nginx in the search path or in the places of system programs that a user's search path leaves out.
pub fn find_program(search_path: &str) -> Result<PathBuf, NginxError> {
    let own = search_path.split(':').filter(|dir| dir.starts_with('/'));
    let mut dirs: Vec<_> = own.collect();
    dirs.extend(
        ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"]
            .iter()
            .filter(|dir| !search_path.split(':').any(|own| own == **dir)),
    );
    let found = dirs.iter().map(|dir| Path::new(dir).join("nginx")).find(|path| is_program(path));
    found.ok_or_else(|| NginxError::NotInstalled { searched: dirs.join(", ") })
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// `sudo` is the only program named without a path, and nothing Dokuen runs here takes long. No `GLIBC_TUNABLES`, though they
/// would halve what reading a configuration costs: docs/performance.md says why.
pub(crate) fn command(program: &Path, dir: &Path) -> Cmd {
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    Cmd::new(program, dir).env("PATH", path).limit(Duration::from_secs(20))
}

/// nginx's own words instead of an exit status, and the file it is about.
pub(crate) fn words_of(run: Result<Output, CmdError>) -> Result<(), NginxError> {
    let output = match run {
        Ok(_) => return Ok(()),
        Err(CmdError::Failed { output, .. }) => output,
        Err(other) => return Err(other.into()),
    };
    let mut source = Complaint::any(&String::from_utf8_lossy(&output.stderr));
    match source.file.take() {
        Some(file) => Err(NginxError::Refused { file, source }),
        None => Err(NginxError::Reload { source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_in_the_search_path_first() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("nginx");
        let search = format!("relative:{}:/usr/bin", dir.path().display());
        assert_ne!(find_program(&search).ok(), Some(program.clone()));
        fs::replace(&program, b"", 0o644).unwrap();
        assert_ne!(find_program(&search).ok(), Some(program.clone()), "not executable");
        fs::set_mode(&program, std::fs::Permissions::from_mode(0o755).mode()).unwrap();
        assert_eq!(find_program(&search).unwrap(), program);
    }
}
