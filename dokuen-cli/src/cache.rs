//! The bound of an app's build cache. It is looked at aside, after a deploy; what is too much goes in whole parts, the
//! largest first: a buildpack finds a part as it left it, or not at all.

use std::thread;
use std::time::{Duration, Instant};

use dokuen_build::{SpareRoom, make_spares};
use dokuen_core::{App, Host, Lock, LockError, fs};

use crate::exit::Failure;
use crate::{prune, room};

/// How long it waits for the deploy that has started it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Brings the cache of an app below the bound of the conf.
pub fn bound(host: &Host, app: &App) -> Result<(), Failure> {
    let surplus = surplus(host, app)?;
    if surplus.is_empty() {
        return Ok(());
    }
    // It takes seconds to weigh, and a moment to set aside: only for that is the app held. Where it cannot be had a build is at
    // work, whose own end looks again.
    let Some(_lock) = lock(app)? else { return Ok(()) };
    for part in surplus.into_iter().map(|part| app.cache().join(part)).filter(|part| part.exists()) {
        let name = part.file_name().unwrap_or_default().to_string_lossy();
        let aside = prune::rubbish(host, &format!("cache-{}-{}-{name}", app.name, std::process::id()));
        fs::rename(&part, &aside)?;
    }
    Ok(())
}

/// Makes ready what the next build would have to copy, where the bound and the disk have room for it: half of what is free
/// is left to everybody else. Without the lock: no push waits.
pub fn spare(host: &Host, app: &App) -> Result<(), Failure> {
    let free = room::free(host)?;
    let room = SpareRoom {
        cache: host.conf.cache_bytes,
        bytes: free.bytes / 2,
        files: free.inodes.map_or(u64::MAX, |inodes| inodes / 2),
    };
    Ok(make_spares(&app.cache(), &host.tmp_dir(), room)?)
}

/// The parts that have to go.
fn surplus(host: &Host, app: &App) -> Result<Vec<String>, Failure> {
    let mut parts = Vec::new();
    for name in fs::names(&app.cache())? {
        // What vanishes while it is weighed belongs to a build that runs, and weighs nothing.
        let size = fs_extra::dir::get_size(app.cache().join(&name)).unwrap_or(0);
        parts.push((size, name));
    }
    Ok(too_much(parts, host.conf.cache_bytes))
}

fn too_much(mut parts: Vec<(u64, String)>, most: u64) -> Vec<String> {
    let mut total: u64 = parts.iter().map(|(size, _)| size).sum();
    parts.sort();
    let mut gone = Vec::new();
    while total > most
        && let Some((size, name)) = parts.pop()
    {
        total -= size;
        gone.push(name);
    }
    gone
}

fn lock(app: &App) -> Result<Option<Lock>, Failure> {
    let until = Instant::now() + PATIENCE;
    loop {
        match app.lock("bounding its cache") {
            Ok(lock) => return Ok(Some(lock)),
            Err(LockError::Busy { .. }) if Instant::now() < until => thread::sleep(Duration::from_millis(100)),
            Err(LockError::Busy { .. } | LockError::Gone { .. }) => return Ok(None),
            Err(other) => return Err(other.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_parts_go_until_the_rest_fits() {
        let parts = || [(5, "a"), (70, "b"), (20, "c")].map(|(size, name)| (size, name.to_owned())).to_vec();
        assert_eq!(too_much(parts(), 95), Vec::<String>::new());
        assert_eq!(too_much(parts(), 94), ["b"]);
        assert_eq!(too_much(parts(), 24), ["b", "c"]);
        assert_eq!(too_much(parts(), 0), ["b", "c", "a"]);
    }
}
