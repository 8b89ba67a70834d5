//! An app in threads: one per connection, stopped as hard as a kill would.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// A request in full.
pub struct Asked {
    pub method: String,
    pub path: String,
    pub body: Vec<u8>,
}

/// Answers requests until it returns an error, which ends the connection.
pub trait Handler: Fn(Asked, &mut Peer) -> io::Result<()> + Send + Sync + 'static {}
impl<F: Fn(Asked, &mut Peer) -> io::Result<()> + Send + Sync + 'static> Handler for F {}

/// The app's end of a connection.
pub struct Peer {
    pub read: BufReader<TcpStream>,
    pub write: TcpStream,
}

impl Peer {
    pub fn ok(&mut self, body: impl AsRef<[u8]>) -> io::Result<()> {
        let body = body.as_ref();
        let mut bytes = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
        bytes.extend_from_slice(body);
        self.write.write_all(&bytes)
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.write.write_all(bytes.as_ref())
    }
}

/// What a handler returns to end its connection.
pub fn hang_up() -> io::Result<()> {
    Err(io::ErrorKind::ConnectionAborted.into())
}

/// Ends, hard, with this value.
pub struct App {
    pub addr: SocketAddr,
    pub connections: Arc<AtomicUsize>,
    pub requests: Arc<AtomicUsize>,
    open: Arc<Mutex<Option<Vec<TcpStream>>>>,
    thread: Option<JoinHandle<()>>,
}

impl App {
    pub fn new(handler: impl Handler) -> Self {
        Self::on("127.0.0.1:0".parse().unwrap(), handler)
    }

    /// Answers with what was sent.
    pub fn echo() -> Self {
        Self::new(|asked, peer| {
            peer.ok([asked.method.as_bytes(), b" ", asked.path.as_bytes(), b" ", &asked.body].concat())
        })
    }

    pub fn on(addr: SocketAddr, handler: impl Handler) -> Self {
        let listener = TcpListener::bind(addr).unwrap();
        let addr = listener.local_addr().unwrap();
        let (connections, requests) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let open = Arc::new(Mutex::new(Some(Vec::new())));
        let shared = (connections.clone(), requests.clone(), open.clone());
        let thread = Some(std::thread::spawn(move || accept(&listener, &Arc::new(handler), &shared)));
        Self { addr, connections, requests, open, thread }
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for App {
    fn drop(&mut self) {
        for stream in self.open.lock().unwrap().take().unwrap() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        let _ = TcpStream::connect(self.addr);
        self.thread.take().unwrap().join().unwrap();
    }
}

type Shared = (Arc<AtomicUsize>, Arc<AtomicUsize>, Arc<Mutex<Option<Vec<TcpStream>>>>);

fn accept<H: Handler>(listener: &TcpListener, handler: &Arc<H>, (connections, requests, open): &Shared) {
    for stream in listener.incoming() {
        let stream = stream.unwrap();
        let Some(open) = &mut *open.lock().unwrap() else { return };
        open.push(stream.try_clone().unwrap());
        connections.fetch_add(1, Ordering::SeqCst);
        let (handler, requests) = (handler.clone(), requests.clone());
        std::thread::spawn(move || {
            let end = stream.try_clone().unwrap();
            let _ = converse(stream, &*handler, &requests);
            // A clone of the socket is kept for the hard stop, so dropping this one does not close it.
            let _ = end.shutdown(Shutdown::Both);
        });
    }
}

fn converse(stream: TcpStream, handler: &impl Handler, requests: &AtomicUsize) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut peer = Peer { read: BufReader::new(stream.try_clone()?), write: stream };
    loop {
        let asked = read_request(&mut peer.read)?;
        requests.fetch_add(1, Ordering::SeqCst);
        handler(asked, &mut peer)?;
    }
}

fn read_request(read: &mut impl BufRead) -> io::Result<Asked> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if read.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let lower = head.to_lowercase();
    let length = lower.split("\r\ncontent-length: ").nth(1).and_then(|t| t.split("\r\n").next());
    let mut body = Vec::new();
    if path_of(&head).starts_with("/unread") {
    } else if lower.contains("\r\ntransfer-encoding: chunked") {
        read_chunks(read, &mut body)?;
    } else if let Some(length) = length {
        read.take(length.parse().unwrap()).read_to_end(&mut body)?;
    }
    Ok(Asked { method: head.split(' ').next().unwrap().to_owned(), path: path_of(&head), body })
}

fn path_of(head: &str) -> String {
    head.split(' ').nth(1).unwrap().to_owned()
}

fn read_chunks(read: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let mut line = String::new();
        read.read_line(&mut line)?;
        let size = u64::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        read.take(size).read_to_end(body)?;
        read.read_line(&mut String::new())?;
        if size == 0 {
            return Ok(());
        }
    }
}
