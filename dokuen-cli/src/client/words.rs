//! From what was typed in a checkout to the one line that ssh carries.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use clap::Parser;
use clap::error::ErrorKind;
use dokuen_core::{AppName, EnvName, fs};

use super::encoding;
use crate::archive::{export, import};
use crate::args::{Cli, Command};
use crate::commands::config::given::{Source, one_from_stdin, split};
use crate::exit::{Exit, Failure};
use crate::help;
use crate::show::Look;
use crate::topics::apps::AppsCommand;
use crate::topics::config::{ConfigCommand, Whose, no_word_without_value};
use crate::topics::oneoffs::OneOffsCommand;
use crate::topics::processes::ProcessesCommand;

/// A command line, looked at only as far as needed to know where it is to run.
#[derive(Debug)]
pub struct Typed {
    /// `-r REMOTE`.
    pub remote: Option<OsString>,
    /// It is about this machine in any case: `setup`, `version`, help, or a conf is named.
    pub is_local: bool,
    /// The command and its arguments, without `-r`.
    words: Vec<OsString>,
}

/// What goes over ssh.
#[derive(Debug)]
pub struct Call {
    /// The command, quoted.
    pub line: OsString,
    /// What its standard input is to be, when it is not ours.
    pub stdin: Option<Vec<u8>>,
    /// Whether a person may want to talk to it.
    pub is_console: bool,
}

impl Typed {
    /// Reads up to the first word that is no option: what comes after is the command's own.
    pub fn read(args: &[OsString]) -> Self {
        let mut typed = Self { remote: None, is_local: false, words: Vec::new() };
        let mut rest = args.iter().skip(1);
        while let Some(arg) = rest.next() {
            let text = arg.to_string_lossy();
            match text.as_ref() {
                "-r" | "--remote" => typed.remote = rest.next().cloned(),
                _ if text.starts_with("--remote=") => typed.remote = Some(text["--remote=".len()..].into()),
                _ if text.starts_with("--config") => typed.is_local = true,
                "--debug" | "-q" | "--quiet" => typed.words.push(arg.clone()),
                _ if text.starts_with('-') => typed.is_local = true,
                command => {
                    typed.is_local |= command.ends_with(":help")
                        || matches!(
                            command,
                            "setup" | "version" | "help" | "completions" | "complete" | "man" | "docs:commands"
                        );
                    typed.words.push(command.replace('_', ":").into());
                    typed.words.extend(rest.by_ref().cloned());
                }
            }
        }
        typed.is_local |= typed.words.is_empty();
        typed
    }

    /// The words with the remote's app in them, where the command takes one and none was typed.
    pub fn words(&self, app: &AppName) -> Vec<OsString> {
        let at = self.words.iter().position(|word| !word.as_bytes().starts_with(b"-")).map_or(0, |at| at + 1);
        let mut with = self.words.clone();
        with.insert(at, format!("--application={app}").into());
        match parse(&with).map_err(|e| e.kind()) {
            // It was typed already, or the command is about no app.
            Err(ErrorKind::ArgumentConflict | ErrorKind::UnknownArgument) => self.words.clone(),
            _ => with,
        }
    }
}

impl Call {
    /// Whose config vars are to be edited, when that is what was typed: the editor runs here.
    pub fn to_edit(typed: &Typed, app: &AppName) -> Option<Whose> {
        match parse(&typed.words(app)).ok()?.command {
            Command::Config(ConfigCommand::Edit(args)) => Some(args.whose),
            _ => None,
        }
    }

    /// Words that were not typed, with what they are to read.
    pub fn of(words: &[&str], stdin: Vec<u8>) -> Self {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        Self { line: line(&words), stdin: Some(stdin), is_console: false }
    }

    /// The line for `dokuen-shell`. What is called wrongly is said here, before anything goes anywhere.
    pub fn new(typed: &Typed, app: &AppName) -> Result<Self, Failure> {
        let words = typed.words(app);
        let command = parse(&words).map_err(|e| said(&e))?.command;
        let call = |words: &[OsString], stdin| Self { line: line(words), stdin, is_console: false };
        Ok(match command {
            Command::Config(ConfigCommand::Set(args)) if !args.nul => {
                let mut words = vec!["config:set".into(), args.whose.word().into(), "--nul".into()];
                words.extend(args.no_restart.then(|| "--no-restart".into()));
                words.push("--".into());
                words.extend(names(&args.vars)?);
                call(&words, Some(entries(&args.vars)?))
            }
            Command::Config(ConfigCommand::Import(args)) if args.file != Path::new("-") => {
                let mut words = vec!["config:import".into(), args.whose.word().into()];
                words.extend(args.no_restart.then(|| "--no-restart".into()));
                words.extend(args.replace.then(|| "--replace".into()));
                let file = fs::read(&args.file).map_err(|e| Failure::new(Exit::Usage, e))?;
                call(&words, Some(file))
            }
            Command::Apps(AppsCommand::Export(_)) => {
                export::refuse_terminal()?;
                call(&words, None)
            }
            Command::Apps(AppsCommand::Import(_)) => {
                import::refuse_terminal()?;
                call(&words, None)
            }
            Command::Apps(AppsCommand::Destroy(args)) if args.confirm.is_none() => {
                Self { is_console: true, ..call(&words, None) }
            }
            Command::Processes(ProcessesCommand::Logs(_)) if Look::of_stdout().color => {
                let words: Vec<OsString> = words.iter().cloned().chain(["--color".into()]).collect();
                call(&words, None)
            }
            Command::OneOffs(OneOffsCommand::Run(args)) => Self { is_console: !args.no_tty, ..call(&words, None) },
            _ => call(&words, None),
        })
    }
}

fn parse(words: &[OsString]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once(OsStr::new("dokuen")).chain(words.iter().map(OsString::as_os_str)))
}

fn said(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    let name = first.split('\'').nth(1).filter(|_| error.kind() == ErrorKind::InvalidSubcommand);
    let hint = name.and_then(help::instead).map_or_else(|| "dokuen help".to_owned(), str::to_owned);
    Failure::new(Exit::Usage, first).hint(hint)
}

/// Quoted for one reader that splits into words and expands nothing; or, where a word holds what no command line can,
/// encoded.
fn line(words: &[OsString]) -> OsString {
    let plain = |word: &OsString| word.to_str().is_some_and(|text| !text.chars().any(char::is_control));
    if !words.iter().all(plain) {
        let encoded: Vec<String> = words.iter().map(|word| encoding::encode(word.as_bytes())).collect();
        let quoted: Vec<String> = encoded.into_iter().map(|w| if w.is_empty() { "''".into() } else { w }).collect();
        return format!("dokuen --encoded {}", quoted.join(" ")).into();
    }
    // NUL is all that cannot be quoted, and no argv holds one.
    let quoted = words.iter().filter_map(|word| shlex::try_quote(word.to_str()?).ok().map(|q| q.into_owned()));
    format!("dokuen {}", quoted.collect::<Vec<_>>().join(" ")).into()
}

/// `NAME=VALUE` entries as [`config:set --nul`](crate::topics::config::ConfigSetArgs) reads them; `NAME=-` and
/// `NAME=@FILE` are read here.
fn entries(vars: &[OsString]) -> Result<Vec<u8>, Failure> {
    one_from_stdin(vars)?;
    let mut all = Vec::new();
    for var in vars {
        let (name, value) = split(var.as_bytes()).unwrap_or_default();
        let name = EnvName::parse(&String::from_utf8_lossy(name))?;
        let value = Source::of(value).read(&name)?;
        if value.contains(&0) {
            return Err(Failure::usage(format!("a config var holds no NUL byte, and what {name} was given has one")));
        }
        all.extend([name.as_str().as_bytes(), b"=", &value, b"\0"].concat());
    }
    Ok(all)
}

fn names(vars: &[OsString]) -> Result<Vec<OsString>, Failure> {
    no_word_without_value(vars)?;
    let name = |var: &OsString| EnvName::parse(var.to_string_lossy().split('=').next().unwrap_or_default());
    vars.iter().map(|var| Ok(name(var)?.as_str().into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(words: &[&str]) -> Call {
        let args: Vec<OsString> = std::iter::once("dokuen").chain(words.iter().copied()).map(OsString::from).collect();
        Call::new(&Typed::read(&args), &AppName::parse("blog").unwrap()).unwrap()
    }

    #[test]
    fn the_app_comes_from_the_remote_unless_it_was_typed() {
        for (words, line) in [
            (&["ps"][..], "dokuen ps --application=blog"),
            (&["ps", "-a", "other"], "dokuen ps -a other"),
            (&["apps"], "dokuen apps"),
            (&["-r", "staging", "scale", "web=2"], "dokuen scale --application=blog web=2"),
            (&["run_command", "ls", "-a", "-r"], "dokuen run:command --application=blog ls -a -r"),
            (
                &["run", "sh", "-c", "echo \"$A\" 'b c'", ""],
                "dokuen run --application=blog sh -c 'echo \"$A\" '\\''b c'\\' ''",
            ),
            (&["run", "a\nb", ""], "dokuen --encoded run --application=blog a%0Ab ''"),
        ] {
            assert_eq!(shlex::split(call(words).line.to_str().unwrap()), shlex::split(line), "{words:?}");
        }
    }

    #[test]
    fn values_are_in_no_argv() {
        let call = call(&["config_set", "A=one two\n", "B="]);
        assert_eq!(call.line, "dokuen config:set '--application=blog' --nul -- A B");
        assert_eq!(call.stdin.unwrap(), b"A=one two\n\0B=\0");
    }
}
