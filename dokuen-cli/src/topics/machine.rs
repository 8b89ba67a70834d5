//! The host as a whole.

use clap::{Args, Subcommand};
use dokuen_core::Host;

use super::{Topic, done};
use crate::access::Needs;
use crate::commands::{doctor, hold};
use crate::exit::Failure;
use crate::printer::Printer;
use crate::prune;
use crate::show::Form;

/// The host as a whole.
#[derive(Debug, Subcommand)]
#[command(rename_all = "verbatim")]
pub enum MachineCommand {
    /// Look for everything that can be wrong with this host, and say what mends it
    #[command(name = "doctor")]
    Doctor(DoctorArgs),
    /// Remove what pruning has set aside
    #[command(name = "tidy", hide = true)]
    Tidy,
    /// Hold the cgroups of all apps, for the unit that has them
    #[command(name = "cgroups:hold", hide = true)]
    Hold,
}

impl Topic for MachineCommand {
    fn needs(&self) -> Needs<'_> {
        match self {
            Self::Doctor(_) => Needs::Admin,
            Self::Tidy | Self::Hold => Needs::Local,
        }
    }

    fn change(&self) -> Option<String> {
        match self {
            Self::Doctor(args) if args.fix => Some("doctor --fix".to_owned()),
            Self::Doctor(_) | Self::Tidy | Self::Hold => None,
        }
    }

    fn run(&self, host: &Host, out: &mut Printer) -> Result<u8, Failure> {
        match self {
            Self::Doctor(args) => doctor::run(host, args, out),
            Self::Tidy => done(prune::tidy(host)),
            Self::Hold => done(hold::run(host, out)),
        }
    }
}

/// `doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Mend what can be mended without a risk
    #[arg(long)]
    pub fix: bool,
    /// In which form
    #[command(flatten)]
    pub form: Form,
}
