//! A WebSocket client (RFC 6455) that says something and wants to hear it again, until it is told to go.

use std::io::{Error, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// The key of the standard's own example, and the answer to it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const GOING_AWAY: [u8; 2] = 1001_u16.to_be_bytes();
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// How long it lived until it was over, or until the app said that it goes. Any other end is an error.
pub fn talk(at: SocketAddr, host: &str, over: impl Fn() -> bool, mut heard: impl FnMut()) -> Result<Duration> {
    let mut stream = open(at, host)?;
    let begun = Instant::now();
    for number in 0.. {
        if over() {
            send(&mut stream, CLOSE, &GOING_AWAY)?;
            // A last word may cross with the close of the other side: both are the same frame.
            return match frame(&mut stream)? {
                (CLOSE, _) => Ok(begun.elapsed()),
                other => Err(Error::other(format!("closed, and heard {other:?}"))),
            };
        }
        let text = format!("message {number}").into_bytes();
        // The app may have gone between two messages; what it said at last is still to be read.
        let sent = send(&mut stream, TEXT, &text);
        match frame(&mut stream) {
            Ok((TEXT, same)) if same == text => heard(),
            Ok((CLOSE, why)) if why == GOING_AWAY => return Ok(begun.elapsed()),
            Ok(other) => return Err(Error::other(format!("message {number} came back as {other:?}"))),
            Err(e) => {
                let after = begun.elapsed();
                return Err(Error::other(format!("message {number}, after {after:?}: {e} (sending it: {sent:?})")));
            }
        }
        thread::sleep(Duration::from_millis(20));
    }
    unreachable!("numbers do not end")
}

fn open(at: SocketAddr, host: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&at, Duration::from_secs(10))?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.set_nodelay(true)?;
    write!(
        stream,
        "GET /ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: {KEY}\r\n\r\n"
    )?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    match head.starts_with("HTTP/1.1 101 ") && head.contains(ACCEPT) {
        true => Ok(stream),
        false => Err(Error::other(format!("no WebSocket: {head}"))),
    }
}

/// A client's frames are masked.
fn send(stream: &mut TcpStream, kind: u8, text: &[u8]) -> Result<()> {
    let masked = text.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    let bytes: Vec<u8> = [kind, 0x80 | text.len() as u8].into_iter().chain(MASK).chain(masked).collect();
    stream.write_all(&bytes)
}

fn frame(stream: &mut TcpStream) -> Result<(u8, Vec<u8>)> {
    let mut first = [0; 2];
    stream.read_exact(&mut first)?;
    let mut text = vec![0; usize::from(first[1])];
    stream.read_exact(&mut text)?;
    Ok((first[0], text))
}
