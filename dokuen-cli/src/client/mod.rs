//! Client mode: the same `dokuen` in a checkout runs the command on the host that the git remote `dokuen` names.
//!
//! Every argument is quoted for the one shell-like reader on the way, `dokuen-shell`. Config vars travel on standard
//! input, so that their values are in no argv and may hold newlines; other words with bytes that a command line cannot
//! hold are encoded. The result is ssh's: the remote exit status, or 255 in its own words.

mod encoding;
mod remote;
mod words;

pub use encoding::decode;

use std::ffi::{OsStr, OsString};
use std::io::{IsTerminal, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use dokuen_core::cmd::Cmd;

use crate::commands::config;
use crate::exit::{Exit, Failure};
use crate::place;
use crate::printer::Printer;
use crate::topics::config::Whose;
use remote::Remote;
use words::{Call, Typed};

/// Runs the command elsewhere when it is not for this machine; `None` when it is.
pub fn run(args: &[OsString], out: &mut Printer) -> Result<Option<u8>, Failure> {
    let typed = Typed::read(args);
    if typed.is_local || (typed.remote.is_none() && place::is_on_a_host()?) {
        return Ok(None);
    }
    let dir = std::env::current_dir().map_err(|e| Failure::new(Exit::Failed, format!("no working directory: {e}")))?;
    let name = typed.remote.clone().unwrap_or_else(|| "dokuen".into());
    let Some(url) = remote_url(&name, &dir) else {
        return match typed.remote {
            Some(_) => {
                Err(Failure::usage(format!("no git remote {} here", dokuen_core::shown(&name.to_string_lossy())))
                    .hint("git remote add NAME user@host:APP.git"))
            }
            None => Ok(None),
        };
    };
    match Remote::parse(&url)? {
        Remote::Local { dokuen, app } => Err(here(&dokuen, &typed.words(&app))),
        Remote::Ssh { destination, port, app } => {
            let to = To { destination, port, dir };
            match Call::to_edit(&typed, &app) {
                Some(whose) => edit(&to, &whose, out),
                None => ssh(&to, &Call::new(&typed, &app)?),
            }
            .map(Some)
        }
    }
}

/// The names of the apps that are in reach, for completion: those of this host, or of the one that the git remote
/// `dokuen` names. Nobody who completes wants to be asked for a password, or to wait.
pub fn app_names() -> Vec<String> {
    let here = || {
        place::nearest_conf().ok().flatten()?;
        let apps = crate::commands::apps::visible(&place::host(None).ok()?).ok()?;
        Some(apps.into_iter().map(|app| app.name.to_string()).collect())
    };
    here().or_else(app_names_there).unwrap_or_default()
}

fn app_names_there() -> Option<Vec<String>> {
    let dir = std::env::current_dir().ok()?;
    let Remote::Ssh { destination, port, .. } = Remote::parse(&remote_url(OsStr::new("dokuen"), &dir)?).ok()? else {
        return None;
    };
    let to = To { destination, port, dir };
    let options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=2"];
    let mut ssh = to.command_with(&options, &Call::of(&["apps"], Vec::new())).ok()?;
    let output = ssh.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

fn remote_url(name: &OsStr, dir: &Path) -> Option<String> {
    let git = Cmd::new("git", dir).envs(std::env::vars_os()).args(["remote", "get-url", "--"]).arg(name);
    let out = git.run().ok()?;
    Some(String::from_utf8_lossy(&out.stdout).trim_end_matches('\n').to_owned())
}

/// The host is this machine: its own `dokuen` takes this one's place.
fn here(dokuen: &Path, words: &[OsString]) -> Failure {
    let dir = dokuen.parent().unwrap_or(Path::new("/"));
    let error = Cmd::new(dokuen, dir).envs(std::env::vars_os()).args(words).to_std().exec();
    Failure::new(Exit::HostNotReady, format!("failed to start `{}`: {error}", dokuen.display()))
}

fn ssh(to: &To, call: &Call) -> Result<u8, Failure> {
    let mut ssh = to.command(call)?;
    let Some(input) = &call.stdin else { return Err(failed(ssh.exec())) };
    let mut child = ssh.stdin(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(mut pipe) = child.stdin.take() {
        // An ssh that does not connect says so itself, and closes the pipe.
        let _ = pipe.write_all(input);
    }
    child.wait().map(code).map_err(failed)
}

/// The config vars come here, are edited here, and go back: unless somebody else was quicker.
fn edit(to: &To, whose: &Whose, out: &mut Printer) -> Result<u8, Failure> {
    let named = whose.word();
    let export = Call::of(&["config:export", &named, "--format=dotenv"], Vec::new());
    let output = to.command(&export)?.stdin(Stdio::null()).stderr(Stdio::inherit()).output().map_err(failed)?;
    if !output.status.success() {
        return Ok(code(output.status));
    }
    let before = String::from_utf8_lossy(&output.stdout).into_owned();
    let sum = format!("--unless-changed-from={}", config::sum_of_dotenv(&before)?);
    let edited = config::edited_by_hand(&before, whose)?;
    let code = ssh(to, &Call::of(&["config:import", &named, "--replace", &sum], edited.text().as_bytes().to_vec()))?;
    if code != 0 {
        out.hint(&edited.keep());
    }
    Ok(code)
}

/// Where a call goes.
struct To {
    destination: String,
    port: Option<u16>,
    dir: PathBuf,
}

impl To {
    fn command(&self, call: &Call) -> Result<std::process::Command, Failure> {
        self.command_with(&[], call)
    }

    fn command_with(&self, options: &[&str], call: &Call) -> Result<std::process::Command, Failure> {
        let mut argv = program()?;
        argv.extend(options.iter().map(OsString::from));
        argv.extend(self.port.iter().flat_map(|port| ["-p".to_owned(), port.to_string()]).map(OsString::from));
        let terminal = call.is_console && std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        argv.push(if terminal { "-t" } else { "-T" }.into());
        argv.extend(["--".into(), OsString::from(&self.destination), call.line.clone()]);
        Ok(Cmd::new(&argv[0], &self.dir).envs(std::env::vars_os()).args(&argv[1..]).to_std())
    }
}

fn failed(cause: std::io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("failed to run ssh: {cause}"))
}

fn code(status: std::process::ExitStatus) -> u8 {
    u8::try_from(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())).unwrap_or(1)
}

/// `ssh`, or the words of `DOKUEN_SSH`, as git has `GIT_SSH_COMMAND`.
fn program() -> Result<Vec<OsString>, Failure> {
    let Some(text) = std::env::var("DOKUEN_SSH").ok().filter(|text| !text.is_empty()) else {
        return Ok(vec!["ssh".into()]);
    };
    let words = shlex::split(&text).filter(|words| !words.is_empty());
    let words = words.ok_or_else(|| Failure::usage("DOKUEN_SSH has a quote that is not closed"))?;
    Ok(words.into_iter().map(|word| PathBuf::from(word).into_os_string()).collect())
}
