//! Apps that listen at a unix socket themselves: nginx reaches them without a front in between.
//!
//! The name at which nginx looks for the instance is then a symlink to the app's own socket. An app that binds its
//! socket itself has a front for the time when it is not there: while it starts, starts anew or has crashed, requests
//! wait at the front, which has the name then. An app that is given its socket open needs none: the socket outlives it,
//! and requests wait in its backlog.

use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dokuen_core::fs;

use super::{Wrapper, WrapperError};
use crate::front::{self, Target};
use crate::machine::Event;
use crate::platform;
use crate::spec::Entry;

/// An app that was just started is looked at after this, then more and more rarely.
const FIRST_LOOK: Duration = Duration::from_millis(1);
const LAST_LOOK: Duration = Duration::from_millis(50);

/// How far an app is that binds its socket itself.
#[derive(Debug, Clone, Copy)]
pub(super) enum Direct {
    /// nginx finds the front, or there is no such app.
    Apart,
    /// It was started; its socket is looked for.
    Awaited { at: Instant, pause: Duration },
    /// nginx finds the app.
    Open,
}

impl Wrapper {
    pub(super) fn entry(&self) -> &Entry {
        self.spec.front.as_ref().map_or(&Entry::Port, |front| &front.entry)
    }

    /// Before a child is started: no socket of an earlier one is there, and the one that it is to be given is.
    pub(super) fn clear_entry(&mut self) -> Result<(), WrapperError> {
        match self.entry().clone() {
            Entry::Port => {}
            Entry::Path(socket) => fs::remove(&socket)?,
            Entry::Fds(socket) => {
                if self.listener.is_none() {
                    self.listener = Some(open(&socket)?);
                }
                self.lead_to(&socket)?;
            }
        }
        Ok(())
    }

    /// A child runs, started or taken over.
    pub(super) fn await_entry(&mut self) {
        match self.entry() {
            Entry::Path(_) => self.direct = Direct::Awaited { at: Instant::now(), pause: FIRST_LOOK },
            Entry::Port | Entry::Fds(_) => {}
        }
    }

    /// Takes the open socket of a child that was taken over back from it. Where that is not allowed the next child gets
    /// a new one.
    pub(super) fn take_listener_back(&mut self) {
        if let (Entry::Fds(socket), Some(child)) = (self.entry(), &self.child) {
            let fd = child.watched.as_ref().and_then(|pidfd| platform::descriptor_of(pidfd, FIRST_GIVEN));
            let is_it = |l: &UnixListener| l.local_addr().is_ok_and(|a| a.as_pathname() == Some(socket));
            self.listener = fd.map(UnixListener::from).filter(is_it);
        }
    }

    pub(super) fn look_for_entry(&mut self, now: Instant) {
        let Direct::Awaited { at, pause } = self.direct else { return };
        if at > now {
            return;
        }
        let pause = (pause * 2).min(LAST_LOOK);
        self.direct = Direct::Awaited { at: now + pause, pause };
        let Entry::Path(socket) = self.entry().clone() else { return };
        // To connect is the only way to know that it listens. Not to wait for: the app's backlog may be full.
        if mio::net::UnixStream::connect(&socket).is_ok() {
            self.go_direct(&socket);
        }
    }

    fn go_direct(&mut self, socket: &Path) {
        // As the front's: nginx connects as a member of the group.
        let led = fs::set_mode(socket, front::MODE).map_err(WrapperError::from).and_then(|()| self.lead_to(socket));
        if let Err(e) = led {
            self.say(&format!("nginx cannot be led to the app's socket, so its requests pass the wrapper: {e}"));
        }
        self.direct = Direct::Open;
        if let Some(front) = &mut self.front {
            front.open(self.poll.registry(), Target::Unix(socket.to_owned()));
        }
    }

    fn lead_to(&self, socket: &Path) -> Result<(), WrapperError> {
        let Some(paths) = &self.spec.front else { return Ok(()) };
        // Relative, so that the run directory can be looked at from anywhere.
        let name = |path: &Path| path.file_name().map(PathBuf::from).unwrap_or_default();
        let dir = socket.parent().map(name).unwrap_or_default();
        let target = Path::new("..").join(dir).join(name(socket));
        if fs::link_target(&paths.socket).ok().flatten().as_ref() != Some(&target) {
            fs::relink_report(&target, &paths.socket)?;
        }
        Ok(())
    }

    /// The app is down, or about to be: what comes now waits.
    pub(super) fn hold(&mut self) {
        let was_open = matches!(std::mem::replace(&mut self.direct, Direct::Apart), Direct::Open);
        if let (true, Some(paths), Some(front)) = (was_open, &self.spec.front, &mut self.front)
            && let Err(e) = front.rebind(&paths.socket, self.poll.registry())
        {
            let text = format!("requests cannot wait for the app's next start: {e}");
            self.say(&text);
        }
        if let Some(front) = &mut self.front {
            front.hold();
        }
    }

    /// Where nginx looks for us there is nothing any more: somebody has emptied the run directory.
    pub(super) fn open_again(&mut self) {
        let Some(paths) = self.spec.front.clone().filter(|paths| !paths.socket.exists()) else { return };
        let own = self.entry().socket().map(Path::to_owned);
        let opened = match (own, self.direct, &mut self.front) {
            (Some(own), Direct::Open, _) | (Some(own), _, None) if own.exists() => self.lead_to(&own),
            // Nobody can come to what listens at a socket without a name: it starts anew.
            (Some(_), Direct::Open, _) | (Some(_), _, None) => {
                self.listener = None;
                self.told(Event::Restart);
                Ok(())
            }
            (_, _, Some(front)) => front.rebind(&paths.socket, self.poll.registry()).map_err(WrapperError::from),
            (None, _, None) => Ok(()),
        };
        if let Err(e) = opened {
            self.say(&format!("nginx does not find the instance any more: {e}"));
        }
    }

    /// Requests with the app, as far as is known: an app that nginx talks to itself has as many as connections.
    pub(super) fn in_flight(&self) -> usize {
        let passed = self.front.as_ref().map_or(0, front::Front::in_flight);
        let own = self.entry().socket().map_or(0, platform::connections);
        passed.max(own)
    }

    pub(super) fn entry_deadline(&self) -> Option<Instant> {
        match self.direct {
            Direct::Awaited { at, .. } => Some(at),
            Direct::Apart | Direct::Open => None,
        }
    }
}

/// Bound at its very path, by which its connections are known; nothing has been led to it yet.
fn open(socket: &Path) -> Result<UnixListener, WrapperError> {
    fs::remove(socket)?;
    let listener = UnixListener::bind(socket)?;
    fs::set_mode(socket, front::MODE)?;
    Ok(listener)
}

/// The first descriptor that a process is given, by the convention of `LISTEN_FDS`.
const FIRST_GIVEN: i32 = 3;
