//! A new order, which says what its certificate takes the place of (RFC 9773, 5): authorities have wider limits for it.

use instant_acme::{Account, CertificateIdentifier, Error, Identifier, NewOrder, Order};

use crate::error::{AcmeError, BadCertificate};
use crate::wish::Wish;

/// Orders. What the certificate replaces is a courtesy: an authority that takes offence is asked again without it.
pub async fn order(wish: &Wish, account: &Account) -> Result<Order, AcmeError> {
    let names: Vec<Identifier> = wish.names.iter().cloned().map(Identifier::Dns).collect();
    let at = |source| AcmeError::at("order a certificate", &wish.directory, source);
    // One that cannot be read is all the more to be replaced.
    let replaced = wish.replaces.as_deref().and_then(|chain| identifier(chain).ok().flatten());
    if let Some(replaced) = replaced {
        match account.new_order(&NewOrder::new(&names).replaces(replaced)).await {
            Err(error) if is_for_what_it_replaces(&error) => {}
            other => return other.map_err(at),
        }
    }
    account.new_order(&NewOrder::new(&names)).await.map_err(at)
}

/// What authorities call it; `None` for one without the key of who vouches for it in it (RFC 5280, 4.2.1.1).
pub fn identifier(chain: &str) -> Result<Option<CertificateIdentifier<'static>>, BadCertificate> {
    let blocks = crate::pem::blocks(chain)?;
    let (leaf, _) = blocks.certificates.first().ok_or(BadCertificate::NoCertificate)?;
    Ok(CertificateIdentifier::try_from(leaf).ok().map(CertificateIdentifier::into_owned))
}

/// Whether the same order may pass without it: it has been replaced already, is unknown there, or another account's (after
/// a move to this machine); the authority says nothing of renewal; or it does not say back what it was told.
fn is_for_what_it_replaces(error: &Error) -> bool {
    match error {
        Error::Unsupported(_) => true,
        Error::Api(problem) => {
            let kind = problem.r#type.as_deref().and_then(|kind| kind.strip_prefix("urn:ietf:params:acme:error:"));
            matches!(kind, Some("alreadyReplaced" | "malformed" | "unauthorized"))
        }
        Error::Other(said) => said.to_string().starts_with("replaces field mismatch"),
        _ => false,
    }
}
