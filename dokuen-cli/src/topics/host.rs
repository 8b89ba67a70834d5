//! the machine as a whole

/// the machine as a whole
#[derive(Debug, Subcommand)]
#[command(rename_all = "verbatim")]
pub enum HostCommand {
    /// Remove what pruning has set aside
    #[command(name = "tidy", hide = true)]
    Tidy,
}

