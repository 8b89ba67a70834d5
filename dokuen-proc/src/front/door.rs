//! The socket that nginx connects to: bound beside its path and renamed over it, so that the path is never missing.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener as StdListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dokuen_core::fs::{self, FsError};
use mio::net::{UnixListener, UnixStream};
use mio::{Interest, Registry, Token};
use nix::sys::resource::{Resource, getrlimit};

/// nginx connects as a member of the socket's group.
pub const MODE: u32 = 0o660;
/// Without a free descriptor accepting is tried again after this, or when a connection ends.
const PAUSE: Duration = Duration::from_millis(100);
/// Descriptors that are left to the rest of the process.
const OTHERS: u64 = 32;

/// Why a front could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum FrontError {
    /// The socket could not be bound beside its path.
    #[error("failed to listen beside `{path}`")]
    Bind {
        /// Where nginx is to find it.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// It could not be given its mode or its name.
    #[error("failed to put the socket in its place")]
    Place(#[from] FsError),
}

/// A listening socket.
pub struct Door {
    listener: Option<UnixListener>,
    identity: Option<(u64, u64)>,
    paused_until: Option<Instant>,
    most: usize,
}

impl Door {
    /// Listens at `path`, taking it over from whoever had it.
    pub fn bind(path: &Path, registry: &Registry, token: Token) -> Result<Self, FrontError> {
        let failed = |source| FrontError::Bind { path: path.to_owned(), source };
        let dir = path.parent().unwrap_or(Path::new("/"));
        // A short name: a socket's path has at most 107 bytes, and this one should not be what exceeds them.
        let beside = tempfile::Builder::new().prefix("~").rand_bytes(4).make_in(dir, |p| StdListener::bind(p));
        let (bound, beside) = beside.map_err(failed)?.into_parts();
        bound.set_nonblocking(true).map_err(failed)?;
        let mut listener = UnixListener::from_std(bound);
        registry.register(&mut listener, token, Interest::READABLE).map_err(failed)?;
        fs::set_mode(&beside, MODE)?;
        fs::rename_report(&beside, path)?;
        // The name is gone by the rename: nothing is left to clean up.
        let _ = beside.keep();
        Ok(Self { listener: Some(listener), identity: identity(path), paused_until: None, most: most_connections() })
    }

    /// The next connection, if there is one now and `open` of them are not as many as can be served.
    pub fn accept(&mut self, now: Instant, open: usize) -> Option<UnixStream> {
        self.paused_until = None;
        if open >= self.most {
            self.paused_until = Some(now + PAUSE);
            return None;
        }
        loop {
            match self.listener.as_ref()?.accept() {
                Ok((stream, _)) => return Some(stream),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return None,
                Err(e) if matches!(e.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted) => {}
                Err(_) => {
                    self.paused_until = Some(now + PAUSE);
                    return None;
                }
            }
        }
    }

    /// When to try again after the last descriptor was used up; no event will tell.
    pub fn paused_until(&self) -> Option<Instant> {
        self.paused_until
    }

    /// Whether `path` leads to this very socket: to go there would be to go in a circle.
    pub fn is_at(&self, path: &Path) -> bool {
        self.listener.is_some() && self.identity.is_some() && identity(path) == self.identity
    }

    /// Takes no more connections.
    pub fn close(&mut self, registry: &Registry) {
        self.paused_until = None;
        if let Some(mut listener) = self.listener.take() {
            // It fails only for what is not registered.
            let _ = registry.deregister(&mut listener);
        }
    }
}

/// Each connection may need another one to the app. If connections that nginx merely keeps took the last descriptors,
/// no request could go on; those that are not accepted wait in the socket's backlog instead.
fn most_connections() -> usize {
    let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((1024, 1024));
    usize::try_from(soft.saturating_sub(OTHERS) / 2).unwrap_or(usize::MAX).max(1)
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()))
}
