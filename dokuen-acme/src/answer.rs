//! What the authority is shown: a file behind nginx, or a record in the DNS. Taken back when it is dropped.

use std::path::{Path, PathBuf};
use std::time::Duration;

use dokuen_core::cmd::Cmd;
use dokuen_core::fs;

use crate::error::AcmeError;
use crate::wish::Challenge;

/// Something that stands until the authority has looked.
#[derive(Debug)]
pub enum Answer {
    /// A file.
    File(PathBuf),
    /// A record, made by this hook.
    Record { hook: PathBuf, name: String, value: String },
}

impl Answer {
    /// Shows this token's answer for a name.
    pub fn show(way: &Challenge, name: &str, token: &str, file: &str, record: String) -> Result<Self, AcmeError> {
        match way {
            Challenge::Http(dir) => {
                // It becomes a file name: the alphabet of RFC 8555 8.3 and nothing else.
                let plain = token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
                if !plain || !(1..=200).contains(&token.len()) {
                    return Err(AcmeError::BadToken);
                }
                let path = dir.join(token);
                fs::make_dirs(dir, fs::PUBLIC_DIR)?;
                fs::replace_report(&path, file.as_bytes(), fs::PUBLIC_FILE)?;
                Ok(Self::File(path))
            }
            Challenge::Dns(hook) => {
                let name = format!("_acme-challenge.{}", name.trim_start_matches("*."));
                run(hook, "add", &name, &record)
                    .map_err(|source| AcmeError::Hook { name: name.clone(), source: Box::new(source) })?;
                Ok(Self::Record { hook: hook.clone(), name, value: record })
            }
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // A rest that stays shows nobody anything, and the certificate matters more than it.
        let _ = match self {
            Self::File(path) => fs::remove(path).is_ok(),
            Self::Record { hook, name, value } => run(hook, "remove", name, value).is_ok(),
        };
    }
}

fn run(hook: &Path, action: &str, name: &str, value: &str) -> Result<(), dokuen_core::cmd::CmdError> {
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let hook = Cmd::new(hook, Path::new("/")).env("PATH", path).limit(Duration::from_secs(600));
    hook.args([action, name, value]).run().map(drop)
}
