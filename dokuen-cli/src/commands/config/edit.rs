//! `config:edit`: config vars as a file in an editor.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::Path;

use dokuen_core::cmd::{self, Cmd};
use dokuen_core::{Environment, Host, fs};

use super::Store;
use super::transfer::{as_dotenv, parse, sum_of};
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::topics::config::{ConfigEditArgs, ConfigImportArgs};

/// Opens them in `$VISUAL` or `$EDITOR`, and sets what was saved.
pub fn edit(host: &Host, args: &ConfigEditArgs, out: &mut Printer) -> Result<(), Failure> {
    let before = Store::of(host, &args.whose)?.load()?;
    let edited = edited_by_hand(&as_dotenv(&before)?)?;
    let dir = fs::at("make a directory in", &host.tmp_dir(), tempfile::tempdir_in(host.tmp_dir()))?;
    let file = dir.path().join("config");
    fs::replace_report(&file, edited.as_bytes(), fs::PRIVATE_FILE)?;
    let import = ConfigImportArgs {
        whose: args.whose.clone(),
        replace: true,
        no_restart: false,
        unless_changed_from: Some(sum_of(&before)),
        file,
    };
    super::import(host, &import, out)
}

/// What a person makes of a text: the file is theirs alone, and what they saved is a whole `.env` file.
pub fn edited_by_hand(text: &str) -> Result<String, Failure> {
    if !std::io::stdin().is_terminal() {
        let text = "an editor needs a terminal";
        return Err(Failure::usage(text).hint("dokuen config:export, then dokuen config:import"));
    }
    let failed = |e: std::io::Error| Failure::new(Exit::Failed, format!("failed to write a file for the editor: {e}"));
    let mut file = tempfile::Builder::new().prefix("config-").suffix(".env").tempfile().map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    run_editor(file.path())?;
    // Editors write beside and rename, so it is read by its name.
    let edited = fs::read(file.path())?;
    parse(&edited, "what was saved").map(|_: Environment| String::from_utf8_lossy(&edited).into_owned())
}

/// By a shell, as git does: `EDITOR` may hold options.
fn run_editor(file: &Path) -> Result<(), Failure> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let editor = set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| OsString::from("vi"));
    let mut script = editor.clone();
    script.push(" \"$@\"");
    let dir = std::env::current_dir().unwrap_or_else(|_| "/".into());
    let command = Cmd::new("/bin/sh", &dir).envs(std::env::vars_os()).arg("-c").arg(script).arg(editor).arg(file);
    let status = command.to_std().status();
    let status = status.map_err(|e| Failure::new(Exit::Failed, format!("failed to run the editor: {e}")))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(Exit::Failed, format!("the editor {}; nothing was set", cmd::how(status))))
}
