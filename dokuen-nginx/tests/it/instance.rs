//! An instance of an app: it answers on a unix socket with its name and the head of the request it got.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

pub struct Instance {
    pub socket: PathBuf,
    /// How many connections nginx has opened.
    pub connections: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Instance {
    pub fn start(socket: &Path, name: &str) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        let (stop, connections) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (name, seen, counted) = (name.to_owned(), stop.clone(), connections.clone());
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if seen.load(Ordering::SeqCst) {
                    return;
                }
                counted.fetch_add(1, Ordering::SeqCst);
                let (name, stream) = (name.clone(), stream.unwrap());
                thread::spawn(move || serve(stream, &name));
            }
        });
        Self { socket: socket.to_owned(), connections, stop, thread: Some(thread) }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = UnixStream::connect(&self.socket);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Requests of one connection, until nginx closes it. A path of `/last` is answered with a close, as a front that is
/// being retired does.
fn serve(stream: UnixStream, name: &str) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    loop {
        let head = read_head(&mut reader);
        if head.is_empty() {
            return;
        }
        if head.contains("Upgrade: websocket\r\n") && head.contains("Connection: upgrade\r\n") {
            return echo(reader, stream);
        }
        let last = head.starts_with("GET /last ") || head.contains("Connection: close\r\n");
        let (body, more) = (format!("{name}\n{head}"), if last { "Connection: close\r\n" } else { "" });
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{more}\r\n{body}", body.len());
        if stream.write_all(answer.as_bytes()).is_err() || last {
            return;
        }
    }
}

fn read_head(reader: &mut impl BufRead) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return String::new();
        }
    }
    head
}

fn echo(mut reader: impl Read, mut stream: UnixStream) {
    let _ = stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n");
    let mut bytes = [0; 64];
    while let Ok(count @ 1..) = reader.read(&mut bytes) {
        let _ = stream.write_all(&bytes[..count]);
    }
}
