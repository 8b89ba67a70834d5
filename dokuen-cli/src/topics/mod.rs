//! The commands by topic, one file each: how they are typed, whom they are for, what they leave in the record of events,
//! and what runs them. The last three are matches without a default: a new command without a row does not compile.

pub mod apps;
pub mod builds;
pub mod certs;
pub mod config;
pub mod cron;
pub mod domains;
pub mod hooks;
pub mod machine;
pub mod nginx;
pub mod oneoffs;
pub mod people;
pub mod processes;
pub mod program;
pub mod releases;
pub mod storage;

use clap::Args;
use dokuen_core::Host;

use crate::access::Needs;
use crate::exit::Failure;
use crate::printer::Printer;
use crate::show::Form;

/// What every topic says of each of its commands.
pub trait Topic {
    /// What it asks of the person who typed it.
    fn needs(&self) -> Needs<'_>;

    /// What it leaves in the record of events: names only, since values and arguments may be secrets. `None` when it
    /// changes nothing.
    fn change(&self) -> Option<String>;

    /// The app it is about.
    fn app(&self) -> Option<&str> {
        self.needs().app()
    }

    /// Whether a program may take this process's place, so that nothing can be written down after.
    fn takes_this_process(&self) -> bool {
        false
    }

    /// Runs it; the number is its exit status.
    fn run(&self, host: &Host, out: &mut Printer) -> Result<u8, Failure>;
}

fn done(result: Result<(), Failure>) -> Result<u8, Failure> {
    result.map(|()| 0)
}

/// Which app.
#[derive(Debug, Args, Clone)]
pub struct AppArg {
    /// The app
    #[arg(short = 'a', long = "application", visible_alias = "app", value_name = "APP")]
    pub application: String,
}

/// Which app, and in which form its data is to be shown.
#[derive(Debug, Args, Clone)]
pub struct AppData {
    /// Which app
    #[command(flatten)]
    pub app: AppArg,
    /// In which form
    #[command(flatten)]
    pub form: Form,
}

/// Which app, or all.
#[derive(Debug, Args, Clone)]
pub struct MaybeApp {
    /// The app; all of them when it is left out
    #[arg(short = 'a', long = "application", visible_alias = "app", value_name = "APP")]
    pub application: Option<String>,
}

impl MaybeApp {
    /// One app is its people's business, all of them together the admins'.
    pub fn needs(&self) -> Needs<'_> {
        self.application.as_deref().map_or(Needs::Admin, Needs::Collaborator)
    }
}
