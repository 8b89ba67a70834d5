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
        None => program,
        Some(name) => {
            let spelt = name.replace('_', ":");
            let found = program.find_subcommand(&spelt).cloned();
            let none = || {
                let text = format!("{} is no command", dokuen_core::shown(name));
                Failure::usage(text).hint("dokuen help")
            };
            let found = found.ok_or_else(none)?;
            let title = format!("dokuen-{}", found.get_name().replace(':', "-"));
            let bin = format!("dokuen {}", found.get_name());
            found.display_name(title).bin_name(bin).disable_version_flag(true)
        }
    };
    let mut roff = Vec::new();
    let written = clap_mangen::Man::new(page).render(&mut roff);
    written.map_err(|e| Failure::new(Exit::Failed, format!("failed to write the page: {e}")))?;
    out.out(&roff);
    Ok(())
}

/// Commands that are shown, in the order of the definition.
fn shown(topic: &Command) -> impl Iterator<Item = &Command> {
    topic.get_subcommands().filter(|command| !command.is_hide_set())
}

/// The first line of what a command is about.
fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}
