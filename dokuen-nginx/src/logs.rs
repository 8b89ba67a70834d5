//! Logs of Dokuen's own nginx, kept from filling the disk. The machine's nginx has its own logrotate.

use std::path::{Path, PathBuf};

use dokuen_core::{Lock, LockError, fs};

use crate::error::NginxError;
use crate::own::Own;

/// Older parts, `access.log.1` (the newest) to `.4`.
const PARTS: u8 = 4;

impl Own {
    /// Sets aside each log that has grown beyond `most` bytes, and has nginx open its logs anew. Whoever changes nginx
    /// in this moment is not waited for: this is done again and again.
    pub fn tend_logs(&self, most: u64) -> Result<(), NginxError> {
        let dir = &self.places.own;
        // Written first: killed behind a rename, nginx still writes into the old file, which the next one is to notice.
        let note = dir.join(".reopen");
        if !note.exists() && large(dir, most)?.is_empty() {
            return Ok(());
        }
        let _lock = match Lock::try_take(&self.places.lock, "setting logs aside", "setting logs aside") {
            Err(LockError::Busy { .. }) => return Ok(()),
            other => other?,
        };
        fs::replace_report(&note, b"", fs::PRIVATE_FILE)?;
        for log in large(dir, most)? {
            set_aside(&log)?;
        }
        if self.finds_master()? {
            self.signal("reopen")?;
        }
        Ok(fs::remove(&note)?)
    }

    /// Removes the log that an app has of its own, which nginx no longer writes.
    pub fn remove_log(&self, app: &dokuen_core::AppName) -> Result<(), NginxError> {
        let log = self.places.own.join(access_log(app));
        fs::remove(&log)?;
        Ok((1..=PARTS).try_for_each(|number| fs::remove(&part(&log, number)))?)
    }
}

/// The name of the log that an app has of its own when it asks for one.
pub fn access_log(app: &dokuen_core::AppName) -> String {
    format!("dokuen.{app}.access.log")
}

fn large(dir: &Path, most: u64) -> Result<Vec<PathBuf>, NginxError> {
    let logs = fs::names(dir)?.into_iter().filter(|name| name.ends_with(".log")).map(|name| dir.join(name));
    Ok(logs.filter(|log| log.symlink_metadata().is_ok_and(|meta| meta.is_file() && meta.len() > most)).collect())
}

fn set_aside(log: &Path) -> Result<(), NginxError> {
    for number in (1..PARTS).rev().filter(|number| part(log, *number).exists()) {
        fs::rename(&part(log, number), &part(log, number + 1))?;
    }
    Ok(fs::rename(log, &part(log, 1))?)
}

fn part(log: &Path, number: u8) -> PathBuf {
    let mut path = log.as_os_str().to_owned();
    path.push(format!(".{number}"));
    path.into()
}
