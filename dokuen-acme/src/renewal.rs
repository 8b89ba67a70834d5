//! What an authority thinks of when a certificate is to be renewed (ACME Renewal Information, RFC 9773): at once when it
//! has taken it back, or is about to.

use serde::Serialize;

use crate::account::known;
use crate::error::AcmeError;
use crate::later::told;
use crate::line::Heard;
use crate::order::run;
use crate::replaces::identifier;
use crate::wish::Issued;

/// When it is to be renewed: at any moment between two, in seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suggested {
    /// From when on. In the past: now.
    pub begins: i64,
    /// Until when.
    pub ends: i64,
    /// The address of a page that says why.
    pub why: Option<String>,
}

/// Asks the authority that issued a certificate. `None`: it has no opinion, or knows no account of ours.
pub fn renewal(issued: &Issued) -> Result<Option<Suggested>, AcmeError> {
    let heard = Heard::default();
    run(async {
        let account = known(&issued.accounts, &issued.directory, issued.root.as_deref(), &heard).await?;
        let Some(account) = account else { return Ok(None) };
        // One that has no name for authorities cannot be asked about.
        let Some(id) = identifier(&issued.chain)? else { return Ok(None) };
        match account.renewal_info(&id).await {
            Ok((info, _)) => Ok(Some(Suggested {
                begins: info.suggested_window.start.unix_timestamp(),
                ends: info.suggested_window.end.unix_timestamp(),
                why: info.explanation_url,
            })),
            Err(instant_acme::Error::Unsupported(_)) => Ok(None),
            Err(source) => Err(AcmeError::at("ask when a certificate is to be renewed", &issued.directory, source)),
        }
    })
    .map_err(|error| told(&issued.directory, error, &heard))
}
