//! `config:edit`: config vars as a file in an editor.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::Path;

use dokuen_core::cmd::{self, Cmd};
use dokuen_core::{Host, fs};

use super::Store;
use super::transfer::{as_dotenv, parse, sum_of};
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::topics::config::{ConfigEditArgs, ConfigImportArgs, Whose};

/// Opens them in `$VISUAL` or `$EDITOR`, and sets what was saved.
pub fn edit(host: &Host, args: &ConfigEditArgs, out: &mut Printer) -> Result<(), Failure> {
    let before = Store::of(host, &args.whose)?.load()?;
    let edited = edited_by_hand(&as_dotenv(&before)?, &args.whose)?;
    let dir = fs::at("make a directory in", &host.tmp_dir(), tempfile::tempdir_in(host.tmp_dir()))?;
    let file = dir.path().join("config");
    fs::replace_report(&file, edited.text().as_bytes(), fs::PRIVATE_FILE)?;
    let import = ConfigImportArgs {
        whose: args.whose.clone(),
        replace: true,
        no_restart: false,
        unless_changed_from: Some(sum_of(&before)),
        file,
    };
    super::import(host, &import, out).map_err(|failure| failure.hint(edited.keep()))
}

/// What a person saved. The file is theirs alone, and goes with this unless it is kept.
pub struct Edited {
    file: tempfile::NamedTempFile,
    text: String,
    whose: String,
}

impl Edited {
    /// A whole `.env` file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Nobody should have to type it again: the file stays, and this says where and what to do with it.
    pub fn keep(self) -> String {
        let import = format!("dokuen config:import --replace {}", self.whose);
        match self.file.keep() {
            Ok((_, path)) => {
                let path = path.display();
                format!("what you wrote is kept: mend '{path}', then {import} '{path}', and remove it")
            }
            Err(e) => format!("what you wrote could not be kept: {}", e.error),
        }
    }
}

/// What a person makes of a text. What they saved and cannot be read is kept.
pub fn edited_by_hand(text: &str, whose: &Whose) -> Result<Edited, Failure> {
    if !std::io::stdin().is_terminal() {
        let text = "an editor needs a terminal";
        return Err(Failure::usage(text).hint("dokuen config:export, then dokuen config:import"));
    }
    let failed = |e: std::io::Error| Failure::new(Exit::Failed, format!("failed to write a file for the editor: {e}"));
    let mut file = tempfile::Builder::new().prefix("config-").suffix(".env").tempfile().map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    run_editor(file.path())?;
    // Editors write beside and rename, so it is read by its name.
    let bytes = fs::read(file.path())?;
    let edited = Edited { file, text: String::from_utf8_lossy(&bytes).into_owned(), whose: whose.word() };
    match parse(&bytes, "what was saved") {
        Ok(_) => Ok(edited),
        Err(failure) => Err(failure.hint(edited.keep())),
    }
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
