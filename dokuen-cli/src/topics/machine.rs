//! The host as a whole.

use clap::Subcommand;
use dokuen_core::Host;

use super::{Topic, done};
use crate::access::Needs;
use crate::exit::Failure;
use crate::printer::Printer;
use crate::prune;

/// The host as a whole.
#[derive(Debug, Subcommand)]
#[command(rename_all = "verbatim")]
pub enum MachineCommand {
    /// Remove what pruning has set aside
    #[command(name = "tidy", hide = true)]
    Tidy,
}

impl Topic for MachineCommand {
    fn needs(&self) -> Needs<'_> {
        match self {
            Self::Tidy => Needs::Local,
        }
    }

    fn change(&self) -> Option<String> {
        match self {
            Self::Tidy => None,
        }
    }

    fn run(&self, host: &Host, _: &mut Printer) -> Result<u8, Failure> {
        done(match self {
            Self::Tidy => prune::tidy(host),
        })
    }
}
