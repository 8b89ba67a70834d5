//! A client that sends exactly what a test says.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

pub fn connect(ip: IpAddr, port: u16) -> TcpStream {
    let stream = TcpStream::connect(SocketAddr::new(ip, port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

pub fn get(port: u16, host: &str, path: &str, headers: &[&str]) -> Answer {
    let more: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n");
    send(Ipv4Addr::LOCALHOST.into(), port, &request)
}

pub fn send(ip: IpAddr, port: u16, request: &str) -> Answer {
    let mut stream = connect(ip, port);
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}
