//! Accounts at authorities. The key is on disk before the authority hears of it, so an account is never lost.

use std::path::{Path, PathBuf};

use dokuen_core::{fnv1a, fs};
use instant_acme::{Account, AccountCredentials, ExternalAccountKey, Key, NewAccount};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::error::AcmeError;
use crate::line::{Heard, builder};
use crate::wish::Wish;

/// The account of this wish: the one on disk, or a new one.
pub async fn account(wish: &Wish, heard: &Heard) -> Result<Account, AcmeError> {
    if let Some(account) = known(&wish.accounts, &wish.directory, wish.root.as_deref(), heard).await? {
        return Ok(account);
    }
    fs::make_dirs(&wish.accounts, fs::PRIVATE_DIR)?;
    let at = |source| AcmeError::at("open an account", &wish.directory, source);
    let contact = wish.email.iter().map(|email| format!("mailto:{email}")).collect::<Vec<_>>();
    let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
    let (account, credentials) = match &wish.external {
        Some(external) => {
            let secret = base64_url(&external.key).ok_or(AcmeError::ExternalKey)?;
            let key = ExternalAccountKey::new(external.id.clone(), &secret);
            let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
            builder(wish.root.as_deref(), heard)?.create(&new, wish.directory.clone(), Some(&key)).await.map_err(at)?
        }
        None => {
            let key = key(&wish.accounts, &wish.directory)?;
            let made =
                builder(wish.root.as_deref(), heard)?.create_from_key(key, wish.directory.clone()).await.map_err(at)?;
            if !contact.is_empty() {
                made.0.update_contacts(&contact).await.map_err(at)?;
            }
            made
        }
    };
    let path = place(&wish.accounts, &wish.directory, "json");
    let text = serde_json::to_vec(&credentials).map_err(|source| AcmeError::State { path: path.clone(), source })?;
    fs::replace(&path, &text, fs::PRIVATE_FILE)?;
    Ok(account)
}

/// The account on disk, if there is one.
pub async fn known(
    accounts: &Path,
    directory: &str,
    root: Option<&Path>,
    heard: &Heard,
) -> Result<Option<Account>, AcmeError> {
    let path = place(accounts, directory, "json");
    let Some(bytes) = fs::read_if_there(&path)? else { return Ok(None) };
    let credentials: AccountCredentials =
        serde_json::from_slice(&bytes).map_err(|source| AcmeError::State { path, source })?;
    let account = builder(root, heard)?.from_credentials(credentials).await;
    account.map(Some).map_err(|source| AcmeError::at("reach the authority", directory, source))
}

/// The authority knows nothing of it any more. Its key stays, so the next account is by the same customer.
pub fn forget(wish: &Wish) -> Result<(), AcmeError> {
    Ok(fs::remove(&place(&wish.accounts, &wish.directory, "json"))?)
}

/// The key that an account has or is about to have.
fn key(accounts: &Path, directory: &str) -> Result<(Key, PrivateKeyDer<'static>), AcmeError> {
    let path = place(accounts, directory, "key");
    let at = |source| AcmeError::at("make a key for an account", directory, source);
    let der = match fs::read_if_there(&path)? {
        Some(bytes) => PrivatePkcs8KeyDer::from(bytes),
        None => {
            let (_, der) = Key::generate_pkcs8().map_err(at)?;
            fs::replace(&path, der.secret_pkcs8_der(), fs::PRIVATE_FILE)?;
            der
        }
    };
    Ok((Key::from_pkcs8_der(der.clone_key()).map_err(at)?, PrivateKeyDer::Pkcs8(der)))
}

/// One per authority, under a name that is made of its address.
fn place(accounts: &Path, directory: &str, extension: &str) -> PathBuf {
    accounts.join(format!("{:016x}.{extension}", fnv1a(directory.as_bytes())))
}

/// URL-safe base64, with or without its padding.
fn base64_url(text: &str) -> Option<Vec<u8>> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'-' | b'+' => Some(62),
        b'_' | b'/' => Some(63),
        _ => None,
    };
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0u32, 0);
    for byte in text.trim().trim_end_matches('=').bytes() {
        bits = (bits << 6) | u32::from(value(byte)?);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    (!bytes.is_empty()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_external_accounts_are_read_in_both_alphabets() {
        for (text, bytes) in [("AQID", &[1, 2, 3][..]), ("_-8", &[255, 239]), ("/+8=", &[255, 239])] {
            assert_eq!(base64_url(text).unwrap(), bytes);
        }
        assert_eq!((base64_url(""), base64_url("a b")), (None, None));
    }
}
