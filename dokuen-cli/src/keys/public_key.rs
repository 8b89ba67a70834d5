//! One public key, parsed so strictly that what is written back can be nothing but a key.
//!
//! `ssh-keygen -l` is no check: it takes two lines, options before the key, CR, NUL and escape codes, and each of these
//! in `authorized_keys` is a way past the forced command. The `ssh-key` crate reads keys well, but would add nineteen
//! crates (one of them with an open advisory) for three fields and a few length-prefixed strings.

use std::fmt;

use dokuen_core::shown;

use super::base64;

/// A public key: its type, the bytes that type says it has, and a comment of plain characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// `ssh-ed25519` and its like.
    pub kind: &'static str,
    /// The key itself, in the form of RFC 4253.
    pub blob: Vec<u8>,
    /// Whose it is or where it lies, as the file said.
    pub comment: String,
}

/// Why a text is no public key that can be let in. A private key is never shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing, or nothing like a key.
    #[error("ssh public key {0}: only one line \"TYPE BASE64 COMMENT\", as in ~/.ssh/id_ed25519.pub")]
    NotAKey(String),
    /// Somebody pasted the wrong half.
    #[error(
        "this is a private key, which nobody else must ever see: give the file that ends in .pub, and think about making a new key"
    )]
    Private,
    /// RFC 4716, as PuTTY writes it.
    #[error("ssh public key in the format of RFC 4716: convert it first, with ssh-keygen -i -f FILE")]
    Rfc4716,
    /// A second line would be a key of its own.
    #[error("ssh public key: only one line, and this has {0}")]
    Lines(usize),
    /// More than any key has.
    #[error("ssh public key: only {MOST} bytes, and this has more")]
    TooLong,
    /// Bytes that no key line has.
    #[error("ssh public key {0}: only printable characters, and this holds a control character")]
    Control(String),
    /// Options are Dokuen's to write.
    #[error("ssh public key {0}: only the key itself, without options before it")]
    Options(String),
    /// A type that is unknown, or known to be weak.
    #[error("ssh public key of type {0}: only {kinds}", kinds = KINDS.join(", "))]
    Kind(String),
    /// The base64 part is damaged.
    #[error("ssh public key {0}: its base64 part is damaged")]
    Base64(String),
    /// The type in front and the type inside differ, or the parts have not the lengths they must have.
    #[error("ssh public key {0}: what its base64 part holds is no {1} key")]
    Blob(String, &'static str),
    /// Too few bits.
    #[error("ssh public key: an RSA key needs 2048 to 16384 bits, and this has {0}")]
    Bits(usize),
}

/// Types of today's OpenSSH; DSA is not among them.
const KINDS: [&str; 7] = [
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
];
/// An RSA key of 16384 bits with a long comment has less.
const MOST: usize = 8 * 1024;
const LONGEST_COMMENT: usize = 200;

impl PublicKey {
    /// Reads the text of a `.pub` file.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyError> {
        if bytes.len() > MOST {
            return Err(KeyError::TooLong);
        }
        let text = String::from_utf8_lossy(bytes);
        let line = one_line(&text)?;
        let mut fields = line.splitn(3, ' ').map(str::trim).filter(|field| !field.is_empty());
        let (first, second) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        let kind = kind(first, line)?;
        let blob = base64::decode(second).ok_or_else(|| KeyError::Base64(shown(line)))?;
        check_blob(kind, &blob).ok_or_else(|| KeyError::Blob(shown(line), kind))?;
        check_bits(kind, &blob)?;
        let comment = fields.next().unwrap_or_default();
        let plain = comment.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' });
        Ok(Self { kind, blob, comment: plain.take(LONGEST_COMMENT).collect() })
    }

    /// The base64 part, encoded anew from what was understood.
    pub fn encoded(&self) -> String {
        base64::encode(&self.blob)
    }

    /// `TYPE BASE64 COMMENT`.
    pub fn line(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = format!("{} {} {}", self.kind, self.encoded(), self.comment);
        f.write_str(line.trim_end())
    }
}

fn one_line(text: &str) -> Result<&str, KeyError> {
    if text.contains("PRIVATE KEY") || text.contains("PuTTY-User-Key-File") {
        return Err(KeyError::Private);
    }
    if text.contains("BEGIN SSH2 PUBLIC KEY") {
        return Err(KeyError::Rfc4716);
    }
    let line = text.strip_suffix('\n').unwrap_or(text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    match line.split('\n').count() {
        _ if line.trim().is_empty() => Err(KeyError::NotAKey(shown(""))),
        1 if line.chars().any(char::is_control) => Err(KeyError::Control(shown(line))),
        1 => Ok(line),
        lines => Err(KeyError::Lines(lines)),
    }
}

fn kind(first: &str, line: &str) -> Result<&'static str, KeyError> {
    if let Some(known) = KINDS.into_iter().find(|kind| *kind == first) {
        return Ok(known);
    }
    let inside = line.split([' ', '"']).skip(1).any(|word| KINDS.contains(&word));
    let looks_like_a_type = ["ssh-", "ecdsa-", "sk-"].iter().any(|start| first.starts_with(start));
    Err(match (first.starts_with('#'), inside, looks_like_a_type) {
        (false, true, _) => KeyError::Options(shown(line)),
        (_, _, true) => KeyError::Kind(shown(first)),
        _ => KeyError::NotAKey(shown(line)),
    })
}

/// The strings in a blob (RFC 4253, 5656, 8709, OpenSSH's PROTOCOL.u2f): so many, of these lengths, and nothing after.
fn check_blob(kind: &str, blob: &[u8]) -> Option<()> {
    let parts = parts(blob)?;
    let point = |curve: &str, length: usize, at: &[&[u8]]| {
        at[0] == curve.as_bytes() && at[1].len() == length && at[1].first() == Some(&4)
    };
    let (inner, rest) = parts.split_first()?;
    let right = match (kind, rest.len()) {
        ("ssh-ed25519", 1) => rest[0].len() == 32,
        ("sk-ssh-ed25519@openssh.com", 2) => rest[0].len() == 32 && rest[1].starts_with(b"ssh:"),
        ("ecdsa-sha2-nistp256", 2) => point("nistp256", 65, rest),
        ("ecdsa-sha2-nistp384", 2) => point("nistp384", 97, rest),
        ("ecdsa-sha2-nistp521", 2) => point("nistp521", 133, rest),
        ("sk-ecdsa-sha2-nistp256@openssh.com", 3) => point("nistp256", 65, rest) && rest[2].starts_with(b"ssh:"),
        ("ssh-rsa", 2) => (1..=8).contains(&rest[0].len()) && !rest[1].is_empty(),
        _ => false,
    };
    (*inner == kind.as_bytes() && right).then_some(())
}

fn check_bits(kind: &str, blob: &[u8]) -> Result<(), KeyError> {
    let modulus = parts(blob).filter(|_| kind == "ssh-rsa").and_then(|parts| parts.get(2).copied());
    let Some(modulus) = modulus else { return Ok(()) };
    let digits = &modulus[modulus.iter().take_while(|byte| **byte == 0).count()..];
    let bits = digits.len() * 8 - digits.first().map_or(0, |byte| byte.leading_zeros() as usize);
    if (2048..=16384).contains(&bits) { Ok(()) } else { Err(KeyError::Bits(bits)) }
}

fn parts(mut blob: &[u8]) -> Option<Vec<&[u8]>> {
    let mut parts = Vec::new();
    while !blob.is_empty() {
        let (length, rest) = blob.split_first_chunk::<4>()?;
        let (part, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        parts.push(part);
        blob = rest;
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1ZtEo0G0kq1J0fGm3S8d8Jd0mZ0x9J0bqj0m0gk0aB";

    fn refused(text: &str) -> String {
        PublicKey::parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_key_is_written_back_as_it_was_understood() {
        for (text, line) in [
            (GOOD.to_owned(), GOOD.to_owned()),
            (format!("{GOOD} me@laptop\r\n"), format!("{GOOD} me@laptop")),
            (format!("{GOOD} a $(id); `x` \"q\" 'q'\n"), format!("{GOOD} a $(id); `x` \"q\" 'q'")),
            (format!("{GOOD} b\u{f6}b \u{202e}x"), format!("{GOOD} b?b ?x")),
        ] {
            let key = PublicKey::parse(text.as_bytes()).unwrap();
            assert_eq!(key.line(), line);
            assert_eq!(PublicKey::parse(key.line().as_bytes()).unwrap(), key);
        }
    }

    #[test]
    fn everything_else_is_refused_in_words() {
        for (text, word) in [
            ("", "only one line"),
            ("invalid!", "only one line"),
            ("<html>404</html>", "only one line"),
            (&format!("# {GOOD}"), "only one line"),
            (&format!("{GOOD}\nssh-ed25519 AAAA x"), "this has 2"),
            (&format!("restrict,pty {GOOD}"), "without options"),
            (&format!("environment=\"A=/x\" {GOOD}"), "without options"),
            (&format!("{GOOD} a\0b"), "control character"),
            (&format!("{GOOD} \u{1b}[2Jx"), "control character"),
            (&format!("{GOOD}\rx"), "control character"),
            (&GOOD.replace("ssh-ed25519 ", "ssh-dss "), "of type \"ssh-dss\""),
            (&GOOD.replace("ssh-ed25519 ", "ssh-rsa "), "is no ssh-rsa key"),
            ("ssh-ed25519 AAAA", "is no ssh-ed25519 key"),
            ("ssh-ed25519 AAA", "damaged"),
            (&"A".repeat(1_000_000), "bytes"),
            ("---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n---- END SSH2 PUBLIC KEY ----\n", "ssh-keygen -i"),
        ] {
            assert!(refused(text).contains(word), "{text:.80}: {}", refused(text));
        }
    }

    #[test]
    fn a_private_key_is_not_echoed() {
        let text = refused("-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n");
        assert!(text.contains("private key") && !text.contains("c2VjcmV0"), "{text}");
    }
}
