//! A client that speaks as nginx does to an upstream: keep-alive, a pool, the path resolved at each connect, no retry.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

/// A response in full.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn closes(&self) -> bool {
        self.head.to_lowercase().contains("\r\nconnection: close\r\n")
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// A connection to a front.
pub struct Conn {
    pub stream: UnixStream,
    ahead: Vec<u8>,
}

impl Conn {
    pub fn to(path: &Path) -> Self {
        Self::try_to(path).unwrap()
    }

    pub fn try_to(path: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(Self { stream, ahead: Vec::new() })
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    pub fn ask(&mut self, request: &str) -> Reply {
        self.send(request);
        self.reply().unwrap()
    }

    pub fn get(&mut self, path: &str) -> Reply {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
    }

    pub fn post(&mut self, path: &str, body: &str) -> Reply {
        self.ask(&post(path, body))
    }

    pub fn reply(&mut self) -> io::Result<Reply> {
        self.reply_to(false)
    }

    /// Reads a response; one to HEAD has no body.
    pub fn reply_to(&mut self, head_only: bool) -> io::Result<Reply> {
        let head = self.head()?;
        let status = head[9..12].parse().unwrap();
        let field = |name: &str| {
            let lower = head.to_lowercase();
            let at = lower.find(&format!("\r\n{name}: "))? + name.len() + 4;
            Some(lower[at..].split("\r\n").next()?.to_owned())
        };
        let body = if head_only || matches!(status, 100..200 | 204 | 304) {
            Vec::new()
        } else if field("transfer-encoding").is_some() {
            self.chunks()?
        } else if let Some(length) = field("content-length") {
            self.exactly(length.parse().unwrap())?
        } else {
            self.rest()?
        };
        Ok(Reply { status, head, body })
    }

    pub fn head(&mut self) -> io::Result<String> {
        let head = self.until(b"\r\n\r\n")?;
        Ok(String::from_utf8(head).unwrap())
    }

    fn until(&mut self, mark: &[u8]) -> io::Result<Vec<u8>> {
        loop {
            if let Some(at) = self.ahead.windows(mark.len()).position(|w| w == mark) {
                return Ok(self.ahead.drain(..at + mark.len()).collect());
            }
            self.more()?;
        }
    }

    pub fn exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.ahead.len() < count {
            self.more()?;
        }
        Ok(self.ahead.drain(..count).collect())
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = String::from_utf8(self.until(b"\r\n")?).unwrap();
            let size = usize::from_str_radix(line.trim(), 16).unwrap();
            body.extend(self.exactly(size)?);
            assert_eq!(self.exactly(2)?, b"\r\n");
            if size == 0 {
                return Ok(body);
            }
        }
    }

    pub fn rest(&mut self) -> io::Result<Vec<u8>> {
        self.stream.read_to_end(&mut self.ahead)?;
        Ok(std::mem::take(&mut self.ahead))
    }

    /// At most so many of the bytes that come next; none at the end.
    pub fn some(&mut self, most: usize) -> io::Result<Vec<u8>> {
        if self.ahead.is_empty() && self.more().is_err() {
            return Ok(Vec::new());
        }
        let count = most.min(self.ahead.len());
        Ok(self.ahead.drain(..count).collect())
    }

    fn more(&mut self) -> io::Result<()> {
        let mut buf = [0; 16384];
        match self.stream.read(&mut buf)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            n => {
                self.ahead.extend_from_slice(&buf[..n]);
                Ok(())
            }
        }
    }

    /// Whether the front ended the connection, without waiting.
    pub fn is_ended(&mut self) -> bool {
        self.stream.set_nonblocking(true).unwrap();
        let read = self.stream.read(&mut [0]);
        self.stream.set_nonblocking(false).unwrap();
        !matches!(read, Err(e) if e.kind() == io::ErrorKind::WouldBlock)
    }

    /// Whether it ends without another byte.
    pub fn ends(&mut self) -> bool {
        self.ahead.is_empty() && matches!(self.stream.read(&mut [0]), Ok(0) | Err(_))
    }
}

pub fn post(path: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// nginx's `keepalive` directive: the connection used last is used first, and leaves only when a head said so.
pub struct Upstream {
    path: PathBuf,
    idle: Mutex<Vec<Conn>>,
}

impl Upstream {
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), idle: Mutex::default() }
    }

    fn take(&self) -> io::Result<Conn> {
        let mut idle = self.idle.lock().unwrap();
        while let Some(mut conn) = idle.pop() {
            if !conn.is_ended() {
                return Ok(conn);
            }
        }
        drop(idle);
        Conn::try_to(&self.path)
    }

    /// One request, sent once.
    pub fn ask(&self, request: &str) -> io::Result<Reply> {
        let mut conn = self.take()?;
        conn.stream.write_all(request.as_bytes())?;
        let reply = conn.reply()?;
        if !reply.closes() {
            self.idle.lock().unwrap().push(conn);
        }
        Ok(reply)
    }
}
