//! PEM (RFC 7468): its blocks, as they stand.

use rustls::pki_types::pem::{PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::BadCertificate;

/// What a text holds: certificates and keys, each also as it stands.
#[derive(Debug, Default)]
pub struct Blocks {
    pub certificates: Vec<(CertificateDer<'static>, String)>,
    pub keys: Vec<(PrivateKeyDer<'static>, String)>,
}

/// Reads all blocks that matter; what stands between them is nobody's business.
pub fn blocks(text: &str) -> Result<Blocks, BadCertificate> {
    let mut blocks = Blocks::default();
    for block in split(text) {
        let label = block.lines().next().unwrap_or_default();
        if label.contains("BEGIN ENCRYPTED") || block.contains("Proc-Type: 4,ENCRYPTED") {
            return Err(BadCertificate::Encrypted);
        }
        if label.contains("PRIVATE KEY-----") {
            let key = PrivateKeyDer::from_pem_slice(block.as_bytes()).map_err(|_| BadCertificate::BadKey)?;
            blocks.keys.push((key, block));
        } else if label.contains("BEGIN CERTIFICATE-----") {
            let number = blocks.certificates.len() + 1;
            let (kind, der) = <(SectionKind, Vec<u8>)>::from_pem_slice(block.as_bytes())
                .map_err(|_| BadCertificate::Unreadable(number))?;
            if kind != SectionKind::Certificate {
                return Err(BadCertificate::Unreadable(number));
            }
            blocks.certificates.push((der.into(), block));
        }
    }
    Ok(blocks)
}

fn split(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut open = false;
    // Windows begins a text with a byte order mark, and two texts may have come together.
    for line in text.lines().map(|line| line.trim_end().trim_start_matches('\u{feff}')) {
        if line.starts_with("-----BEGIN ") {
            found.push(String::new());
            open = true;
        }
        if let Some(block) = found.last_mut().filter(|_| open) {
            block.push_str(line);
            block.push('\n');
        }
        open &= !line.starts_with("-----END ");
    }
    found
}
