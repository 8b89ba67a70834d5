//! An app that does next to nothing, so that what stands before it is measured: one thread, keep-alive.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use mio::{Events, Interest, Poll, Token, event::Source};

const REPLY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n";
const LISTENER: Token = Token(0);

trait Conn: Read + Write + Source {}
impl<T: Read + Write + Source> Conn for T {}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    fn accept(&self) -> Option<Box<dyn Conn>> {
        match self {
            Self::Tcp(l) => l.accept().ok().map(|(s, _)| Box::new(nodelay(s)) as Box<dyn Conn>),
            Self::Unix(l) => l.accept().ok().map(|(s, _): (UnixStream, _)| Box::new(s) as Box<dyn Conn>),
        }
    }
}

fn nodelay(stream: TcpStream) -> TcpStream {
    stream.set_nodelay(true).unwrap();
    stream
}

/// `SPIN PORT-OR-PATH`: answers every request, after that many microseconds of work.
pub fn serve(words: &[String]) {
    let spin = Duration::from_micros(words[0].parse().unwrap());
    let mut listener = match words[1].parse::<u16>() {
        Ok(port) => Listener::Tcp(TcpListener::bind(([127, 0, 0, 1], port).into()).unwrap()),
        Err(_) => Listener::Unix(UnixListener::bind(&words[1]).unwrap()),
    };
    let mut poll = Poll::new().unwrap();
    match &mut listener {
        Listener::Tcp(l) => poll.registry().register(l, LISTENER, Interest::READABLE).unwrap(),
        Listener::Unix(l) => poll.registry().register(l, LISTENER, Interest::READABLE).unwrap(),
    }
    let (mut events, mut conns, mut next) = (Events::with_capacity(256), HashMap::new(), 1);
    loop {
        poll.poll(&mut events, None).unwrap();
        for event in &events {
            if event.token() == LISTENER {
                while let Some(mut conn) = listener.accept() {
                    poll.registry().register(&mut conn, Token(next), Interest::READABLE).unwrap();
                    conns.insert(Token(next), conn);
                    next += 1;
                }
            } else if conns.get_mut(&event.token()).is_some_and(|conn| !answer(conn, spin)) {
                conns.remove(&event.token());
            }
        }
    }
}

/// A request is what one read brings: wrk and nginx send each in one piece.
fn answer(conn: &mut Box<dyn Conn>, spin: Duration) -> bool {
    let mut bytes = [0; 4096];
    match conn.read(&mut bytes) {
        Ok(0) => false,
        Ok(_) => {
            let begun = Instant::now();
            while begun.elapsed() < spin {}
            conn.write_all(REPLY).is_ok()
        }
        Err(e) => e.kind() == ErrorKind::WouldBlock,
    }
}
