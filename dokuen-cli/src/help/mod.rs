//! Everything that is told about the commands, from their one definition: help by topic, the reference, man pages,
//! completion.

mod complete;
mod grouped;
mod heroku;
mod reference;

pub use complete::{Shell, complete, script};
pub use grouped::grouped;
pub use heroku::instead;
pub use reference::reference;

use clap::Command;

use crate::exit::{Exit, Failure};
use crate::printer::Printer;

/// A man page in roff: of the program, or of one command.
pub fn man(program: Command, name: Option<&str>, out: &mut Printer) -> Result<(), Failure> {
    let page = match name {
        None => first(program),
        Some(name) => {
            let found = program.find_subcommand(name.replace('_', ":"));
            let none = || {
                let text = format!("{} is no command", dokuen_core::shown(name));
                Failure::usage(text).hint("dokuen help")
            };
            of_command(found.ok_or_else(none)?)
        }
    };
    out.out(&roff(page)?);
    Ok(())
}

/// All pages with the names of their files, `dokuen-config-set.1`.
pub fn pages(program: &Command) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let commands = shown(program).map(of_command);
    let named =
        commands.map(|page| Ok((format!("{}.1", page.get_display_name().unwrap_or("dokuen")), roff(page.clone())?)));
    std::iter::once(Ok(("dokuen.1".to_owned(), roff(first(program.clone()))?))).chain(named).collect()
}

/// The page that names all others. `help` has none, it is one.
fn first(program: Command) -> Command {
    program.disable_help_subcommand(true)
}

fn of_command(command: &Command) -> Command {
    let title = format!("dokuen-{}", command.get_name().replace(':', "-"));
    let bin = format!("dokuen {}", command.get_name());
    command.clone().display_name(title).bin_name(bin).disable_version_flag(true)
}

fn roff(page: Command) -> Result<Vec<u8>, Failure> {
    let mut roff = Vec::new();
    let written = clap_mangen::Man::new(page).render(&mut roff);
    written.map_err(|e| Failure::new(Exit::Failed, format!("failed to write the page: {e}")))?;
    let text = String::from_utf8_lossy(&roff).into_owned();
    Ok(text.lines().map(|line| format!("{}\n", as_page(line))).collect::<String>().into_bytes())
}

/// A line that names another page, `dokuen-config:set(1)`, names it as its file is called.
fn as_page(line: &str) -> String {
    let names_one = line.starts_with("dokuen\\-") && line.ends_with("(1)");
    if names_one { line.replace(':', "\\-") } else { line.to_owned() }
}

/// Commands that are shown, in the order of the definition.
fn shown(topic: &Command) -> impl Iterator<Item = &Command> {
    topic.get_subcommands().filter(|command| !command.is_hide_set())
}

/// The first line of what a command is about.
fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}
