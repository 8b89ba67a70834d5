//! A chain and a key looked at: what they are good for, or why they are not.

use rustls::crypto::ring::sign::any_supported_type;
use serde::Serialize;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::X509Certificate;
use x509_parser::time::ASN1Time;

use crate::chain::{check_strength, ordered, read};
use crate::error::BadCertificate;
use crate::pem::blocks;

/// What a certificate says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct About {
    /// What it is good for.
    pub names: Vec<String>,
    /// Who vouches for it.
    pub issuer: String,
    /// From when on, `YYYY-mm-ddTHH:MM:SSZ`.
    pub not_before: String,
    /// Until when.
    pub not_after: String,
    /// From when on, in seconds since 1970.
    pub begins: i64,
    /// Until when.
    pub expires: i64,
    /// SHA-256 of it, in hex.
    pub fingerprint: String,
}

/// A certificate and its key that belong together, in the form that web servers take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// What it says.
    pub about: About,
    /// It and those that vouch for it, in their order, without the root.
    pub chain: String,
    /// Its key.
    pub key: String,
}

/// Looks at PEM text with certificates and one key, in any order, at this moment.
pub fn check(text: &str, now: i64) -> Result<Checked, BadCertificate> {
    let blocks = blocks(text)?;
    if blocks.certificates.is_empty() {
        return Err(BadCertificate::NoCertificate);
    }
    let (key, key_text) = match <[_; 1]>::try_from(blocks.keys) {
        Ok([key]) => key,
        Err(keys) if keys.is_empty() => return Err(BadCertificate::NoKey),
        Err(keys) => return Err(BadCertificate::Keys(keys.len())),
    };
    let public = any_supported_type(&key).ok().and_then(|key| key.public_key().map(|spki| spki.to_vec()));
    let public = public.ok_or(BadCertificate::BadKey)?;
    let ders: Vec<Vec<u8>> = blocks.certificates.iter().map(|(der, _)| der.to_vec()).collect();
    let chain = ordered(read(&ders)?, &public)?;
    let leaf = &chain[0].certificate;
    check_strength(leaf)?;
    check_time(leaf, now)?;
    Ok(Checked {
        about: about(leaf, &ders[chain[0].place])?,
        chain: chain.iter().map(|one| blocks.certificates[one.place].1.as_str()).collect(),
        key: key_text,
    })
}

fn check_time(leaf: &X509Certificate<'_>, now: i64) -> Result<(), BadCertificate> {
    let validity = leaf.validity();
    if validity.not_after.timestamp() <= now {
        return Err(BadCertificate::Expired(moment(validity.not_after)));
    }
    // Clocks of authorities and of machines differ by minutes.
    if validity.not_before.timestamp() > now + 600 {
        return Err(BadCertificate::Early(moment(validity.not_before)));
    }
    Ok(())
}

fn about(leaf: &X509Certificate<'_>, der: &[u8]) -> Result<About, BadCertificate> {
    let alternative = leaf.subject_alternative_name().ok().flatten();
    let names = alternative.iter().flat_map(|extension| &extension.value.general_names);
    let names: Vec<String> = names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        })
        .collect();
    if names.is_empty() {
        return Err(BadCertificate::NoNames);
    }
    let validity = leaf.validity();
    let sum = ring::digest::digest(&ring::digest::SHA256, der);
    Ok(About {
        names,
        issuer: leaf.issuer().to_string(),
        not_before: moment(validity.not_before),
        not_after: moment(validity.not_after),
        begins: validity.not_before.timestamp(),
        expires: validity.not_after.timestamp(),
        fingerprint: sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect(),
    })
}

fn moment(time: ASN1Time) -> String {
    let time = time.to_datetime();
    let (date, clock) = (time.date(), time.time());
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        clock.hour(),
        clock.minute(),
        clock.second()
    )
}

#[cfg(test)]
mod tests;
