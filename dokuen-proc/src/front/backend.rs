//! Connections that the front makes: to its own app, or onward to its successor.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use mio::net::{TcpStream, UnixStream};
use mio::{Registry, Token};

use super::slab::Key;
use super::wire::{Stream, Wire};

/// A connection to something that answers requests.
pub struct Backend {
    /// Its socket.
    pub wire: Wire,
    /// Whose request it has; nobody's while it is idle in the pool.
    pub owner: Option<Key>,
    /// Where it leads.
    pub to: To,
    /// A response came on it before, so a close now may just be the app's tidying up.
    pub used: bool,
}

/// Where an app listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// At its port.
    Tcp(SocketAddr),
    /// At a socket of its own.
    Unix(PathBuf),
}

impl From<SocketAddr> for Target {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

/// Where a connection leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// To our app, in the life of it that had this number.
    Own(u64),
    /// To the front that is live now.
    Onward,
}

impl Backend {
    /// Begins to connect to the app.
    pub fn own(app: &Target, life: u64, owner: Key, registry: &Registry, token: Token) -> io::Result<Self> {
        let stream = match app {
            Target::Unix(path) => Stream::Unix(UnixStream::connect(path)?),
            Target::Tcp(address) => {
                let stream = TcpStream::connect(*address)?;
                // Heads and bodies go out in one write where they can; what does not must not wait for an acknowledgement.
                stream.set_nodelay(true)?;
                Stream::Tcp(stream)
            }
        };
        Self::new(stream, To::Own(life), owner, registry, token)
    }

    /// Connects to the successor's socket.
    pub fn onward(path: &Path, owner: Key, registry: &Registry, token: Token) -> io::Result<Self> {
        Self::new(Stream::Unix(UnixStream::connect(path)?), To::Onward, owner, registry, token)
    }

    fn new(stream: Stream, to: To, owner: Key, registry: &Registry, token: Token) -> io::Result<Self> {
        Ok(Self { wire: Wire::register(stream, registry, token)?, owner: Some(owner), to, used: false })
    }
}
