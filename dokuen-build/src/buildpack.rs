//! One buildpack and its three scripts.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dokuen_core::cmd::{self, Cmd};
use dokuen_core::{BuildpackName, Transcript};

use crate::child::{self, How, Watch, Wiring};
use crate::compile::Limits;
use crate::env::BuildEnv;
use crate::error::ScriptError;
use crate::export::Exported;
use crate::family::Excess;
use crate::form;
use crate::lines::Lines;
use crate::sink::{Head, Sink, Tail};

/// A directory with `bin/detect`, `bin/compile`, `bin/release`: fetched, installed, or one of our own written out.
#[derive(Debug, Clone)]
pub(crate) struct Buildpack {
    pub name: BuildpackName,
    /// Masked.
    pub url: String,
    pub dir: PathBuf,
    pub commit: Option<String>,
    /// A name for exactly these files; `None` for a directory that anybody may change.
    pub id: Option<String>,
}

/// What all scripts of one build share.
pub(crate) struct Site<'a> {
    pub dir: &'a Path,
    pub cache: &'a Path,
    pub env_dir: &'a Path,
    pub temp: &'a Path,
    pub env: &'a BuildEnv,
    pub limits: Limits,
    pub watch: Watch<'a>,
    /// What the buildpacks before exported for those after them.
    pub exported: Exported,
}

/// `detect` and `release` answer a question; what takes longer is stuck.
const MOST_FOR_AN_ANSWER: Duration = Duration::from_secs(60);
/// What `release` and `detect` may print.
const MOST_ANSWER: usize = 64 * 1024;

impl Buildpack {
    /// What `bin/detect` calls the tree, or `None` when it does not want it.
    pub fn detect(&self, site: &Site<'_>) -> Result<Option<String>, ScriptError> {
        let Some(script) = self.script("bin/detect")? else { return Ok(None) };
        let bytes = match self.answer(&script, site, script.cmd(site).arg(site.dir)) {
            Ok(bytes) => bytes,
            Err(ScriptError::Failed { .. }) => return Ok(None),
            Err(e) => return Err(e),
        };
        let first = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
        Ok(Some(form::harmless(first.trim_ascii()).chars().take(200).collect()))
    }

    /// Runs `bin/compile`; its output becomes lines of the transcript.
    pub fn compile(&self, site: &Site<'_>, out: &mut dyn Transcript) -> Result<(), ScriptError> {
        let script = self.must_have("bin/compile")?;
        let cmd = script.cmd(site).arg(site.dir).arg(site.cache).arg(site.env_dir);
        let mut lines = Lines::new(out, site.limits.output);
        let watch = site.watch.bounded(site.limits.bounds());
        let ended = script.run(&cmd, &watch, Wiring::Together(&mut lines))?;
        if ended.leftovers {
            out.fact("ended what the build left running");
        }
        script.judge(ended.how, site, String::new())
    }

    /// What `bin/release` printed; nothing when there is none.
    pub fn release(&self, site: &Site<'_>) -> Result<Vec<u8>, ScriptError> {
        match self.script("bin/release")? {
            Some(script) => self.answer(&script, site, script.cmd(site).arg(site.dir)),
            None => Ok(Vec::new()),
        }
    }

    /// Reads what the `export` file does to the environment of the next buildpack.
    pub fn export(&self, site: &Site<'_>) -> Result<Exported, ScriptError> {
        let file = self.dir.join("export");
        if !file.is_file() {
            return Ok(site.exported.clone());
        }
        let script = Script { path: PathBuf::from(Exported::shell()), relative: "export", name: self.name.to_string() };
        let bytes = self.answer(&script, site, script.cmd(site).args(Exported::ARGS).arg(&file))?;
        Ok(site.exported.clone().with_printed(&bytes))
    }

    /// `None` when it has no such script; one that cannot be run is an error.
    fn script(&self, relative: &'static str) -> Result<Option<Script>, ScriptError> {
        let script = Script { path: self.dir.join(relative), relative, name: self.name.to_string() };
        match script.path.metadata() {
            Err(_) => Ok(None),
            Ok(meta) if meta.permissions().mode() & 0o111 == 0 => {
                Err(ScriptError::NotExecutable { name: script.name, script: relative })
            }
            Ok(_) => Ok(Some(script)),
        }
    }

    fn must_have(&self, relative: &'static str) -> Result<Script, ScriptError> {
        self.script(relative)?.ok_or_else(|| ScriptError::Missing { name: self.name.to_string(), script: relative })
    }

    /// Standard output of a script that ended well, bounded in size and time.
    fn answer(&self, script: &Script, site: &Site<'_>, cmd: Cmd) -> Result<Vec<u8>, ScriptError> {
        let (mut out, mut err) = (Head::of(MOST_ANSWER), Tail::default());
        let watch = site.watch.within(MOST_FOR_AN_ANSWER.min(site.limits.time)).bounded(site.limits.bounds());
        let sinks: (&mut dyn Sink, &mut dyn Sink) = (&mut out, &mut err);
        let ended = script.run(&cmd, &watch, Wiring::Apart(sinks.0, sinks.1))?;
        script.judge(ended.how, site, err.text())?;
        Ok(out.bytes)
    }
}

struct Script {
    path: PathBuf,
    relative: &'static str,
    name: String,
}

impl Script {
    fn cmd(&self, site: &Site<'_>) -> Cmd {
        site.env.script(&self.path, site.dir, site.temp).envs(site.exported.pairs())
    }

    fn run(&self, cmd: &Cmd, watch: &Watch<'_>, wiring: Wiring<'_>) -> Result<child::Ended, ScriptError> {
        let named = |source| ScriptError::Run { name: self.name.clone(), script: self.relative, source };
        child::run(cmd, watch, wiring).map_err(named)
    }

    fn judge(&self, how: How, site: &Site<'_>, tail: String) -> Result<(), ScriptError> {
        let (name, script) = (self.name.clone(), self.relative);
        Err(match how {
            How::Exited(status) if status.success() => return Ok(()),
            How::Exited(status) => ScriptError::Failed { name, script, how: cmd::how(status), tail },
            How::TimedOut => {
                let limit =
                    if script == "bin/compile" { site.limits.time } else { MOST_FOR_AN_ANSWER.min(site.limits.time) };
                ScriptError::TimedOut { name, script, limit }
            }
            How::Cancelled => ScriptError::Cancelled { name, script },
            How::Enough => ScriptError::TooMuch { name, script, most: MOST_ANSWER },
            How::TooMuch(Excess::Processes(most)) => ScriptError::Processes { name, script, most },
            How::TooMuch(Excess::Memory(most)) => ScriptError::Memory { name, script, most: most / (1024 * 1024) },
        })
    }
}
