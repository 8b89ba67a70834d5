//! Who vouches for whom.

use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

use crate::error::BadCertificate;

/// A certificate that was read, and where it stood.
pub struct Read<'a> {
    pub certificate: X509Certificate<'a>,
    pub place: usize,
}

/// Reads all of them.
pub fn read(ders: &[Vec<u8>]) -> Result<Vec<Read<'_>>, BadCertificate> {
    let each = ders.iter().enumerate().map(|(place, der)| match X509Certificate::from_der(der) {
        Ok((&[], certificate)) => Ok(Read { certificate, place }),
        _ => Err(BadCertificate::Unreadable(place + 1)),
    });
    each.collect()
}

/// The certificate of this key, then who vouches for it, and so on; without the root, which clients have. One that
/// belongs to nobody is an error: a slip, and nginx would send it to everybody.
pub fn ordered<'a>(mut all: Vec<Read<'a>>, key: &[u8]) -> Result<Vec<Read<'a>>, BadCertificate> {
    let leaf = all.iter().position(|one| one.certificate.public_key().raw == key).ok_or(BadCertificate::Mismatch)?;
    let mut chain = vec![all.remove(leaf)];
    // The same certificate twice is no stray.
    all.retain(|one| one.certificate.as_ref() != chain[0].certificate.as_ref());
    while let Some(next) = chain.last().and_then(|last| all.iter().position(|one| vouches(one, last))) {
        let issuer = all.remove(next);
        all.retain(|one| one.certificate.as_ref() != issuer.certificate.as_ref());
        chain.push(issuer);
    }
    if let Some(stray) = all.first() {
        return Err(BadCertificate::Stray(stray.certificate.subject().to_string()));
    }
    let is_root = |one: &Read<'_>| one.certificate.subject() == one.certificate.issuer();
    if chain.len() > 1 && chain.last().is_some_and(is_root) {
        chain.pop();
    }
    Ok(chain)
}

fn vouches(issuer: &Read<'_>, subject: &Read<'_>) -> bool {
    let (issuer, subject) = (&issuer.certificate, &subject.certificate);
    if issuer.subject() != subject.issuer() {
        return false;
    }
    match subject.verify_signature(Some(issuer.public_key())) {
        Ok(()) => true,
        // A kind of signature that cannot be computed here is left to nginx and to clients.
        Err(error) => matches!(error, x509_parser::error::X509Error::SignatureUnsupportedAlgorithm),
    }
}

/// Keys that OpenSSL would not serve, told before nginx is asked.
pub fn check_strength(certificate: &X509Certificate<'_>) -> Result<(), BadCertificate> {
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(key)) if key.key_size() < 2048 => Err(BadCertificate::Short(key.key_size())),
        _ => Ok(()),
    }
}
