//! Who hears of events.

use clap::{Args, Subcommand};
use dokuen_core::Host;

use super::{MaybeApp, Topic, done};
use crate::access::Needs;
use crate::commands::webhooks;
use crate::exit::Failure;
use crate::notify;
use crate::printer::Printer;
use crate::show::Form;

/// Who hears of events.
#[derive(Debug, Subcommand)]
#[command(rename_all = "verbatim")]
pub enum HooksCommand {
    /// List the webhooks of an app, or of the host
    #[command(name = "webhooks", aliases = ["webhooks:list"])]
    List(WebhooksArgs),
    /// Have events posted to a URL, signed
    #[command(name = "webhooks:add")]
    Add(WebhooksAddArgs),
    /// Have events no longer posted there
    #[command(name = "webhooks:remove")]
    Remove(WebhooksRemoveArgs),
    /// Post a test event to the webhooks, and show what comes back
    #[command(name = "webhooks:test")]
    Test(WebhooksTestArgs),
    /// Tell everybody of the event on standard input
    #[command(name = "notify", hide = true)]
    Notify,
}

impl Topic for HooksCommand {
    fn needs(&self) -> Needs<'_> {
        match self {
            Self::List(args) => args.app.needs(),
            Self::Add(args) => args.app.needs(),
            Self::Remove(args) => args.app.needs(),
            Self::Test(args) => args.app.needs(),
            Self::Notify => Needs::Local,
        }
    }

    fn change(&self) -> Option<String> {
        match self {
            Self::List(_) | Self::Notify => None,
            // A URL may hold a token.
            Self::Add(_) => Some("webhooks:add".to_owned()),
            Self::Remove(args) => Some(format!("webhooks:remove {}", args.id)),
            Self::Test(_) => Some("webhooks:test".to_owned()),
        }
    }

    fn run(&self, host: &Host, out: &mut Printer) -> Result<u8, Failure> {
        done(match self {
            Self::List(args) => webhooks::list(host, args, out),
            Self::Add(args) => webhooks::add(host, args, out),
            Self::Remove(args) => webhooks::remove(host, args, out),
            Self::Test(args) => webhooks::test(host, args, out),
            Self::Notify => notify::run(host),
        })
    }
}

/// `webhooks`
#[derive(Debug, Args)]
pub struct WebhooksArgs {
    /// Whose
    #[command(flatten)]
    pub app: MaybeApp,
    /// In which form
    #[command(flatten)]
    pub form: Form,
}

/// `webhooks:add`
#[derive(Debug, Args)]
pub struct WebhooksAddArgs {
    /// Whose
    #[command(flatten)]
    pub app: MaybeApp,
    /// Only of such events (deploy, crash, config, scale, ...), with commas between; of all when it is left out
    #[arg(short = 'e', long = "event", value_name = "KIND")]
    pub events: Vec<String>,
    /// Where to: https or http; - takes it from standard input
    #[arg(value_name = "URL")]
    pub url: String,
}

/// `webhooks:remove`
#[derive(Debug, Args)]
pub struct WebhooksRemoveArgs {
    /// Whose
    #[command(flatten)]
    pub app: MaybeApp,
    /// As `webhooks` shows it
    #[arg(value_name = "ID")]
    pub id: String,
}

/// `webhooks:test`
#[derive(Debug, Args)]
pub struct WebhooksTestArgs {
    /// Whose
    #[command(flatten)]
    pub app: MaybeApp,
    /// As `webhooks` shows it; all of them when it is left out
    #[arg(value_name = "ID")]
    pub id: Option<String>,
    /// In which form
    #[command(flatten)]
    pub form: Form,
}
