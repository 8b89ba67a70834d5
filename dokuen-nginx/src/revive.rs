//! Dokuen's own nginx, started again by whoever watches over it.

use dokuen_core::{Lock, LockError, fs};

use crate::apply::Change;
use crate::catch_all::Needs;
use crate::error::NginxError;
use crate::own::Own;
use crate::park::{Parked, apply_parking};
use crate::program::Nginx;
use crate::route::catch_all_change;

impl Own {
    /// Starts it where it has gone and is still wanted; `None` when there was nothing to do. Somebody who is changing nginx
    /// at this moment starts it by that.
    ///
    /// Whether it is wanted is asked with the lock held: what [`Own::stop`] has ended before that is to stay ended, and
    /// what it ends after, it finds.
    pub fn revive(&self, is_wanted: impl FnOnce() -> bool) -> Result<Option<Vec<Parked>>, NginxError> {
        if self.is_running() {
            return Ok(None);
        }
        fs::make_dirs(&self.places.dir, fs::PUBLIC_DIR)?;
        let _lock = match Lock::try_take(&self.places.lock, "nginx", "starting nginx again") {
            Err(LockError::Busy { .. }) => return Ok(None),
            other => other?,
        };
        if self.is_running() || !is_wanted() {
            return Ok(None);
        }
        let nginx = Nginx::Own(self.clone());
        apply_parking(&nginx, &[self.to_start_by(&nginx)?]).map(|(_, parked)| Some(parked))
    }

    /// Whoever watches has read the conf long ago, so nothing is written anew that is there.
    fn to_start_by(&self, nginx: &Nginx) -> Result<Change, NginxError> {
        let there = Change::none(self.places.catch_all())?;
        let missing = if there.bytes.is_none() { catch_all_change(nginx, Needs::default())? } else { None };
        Ok(missing.unwrap_or(there))
    }
}
