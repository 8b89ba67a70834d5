//! Which sockets listen on a TCP port, asked of the Linux kernel itself: `NETLINK_SOCK_DIAG`, see sock_diag(7).
//!
//! `/proc/net/tcp` says the same, but to read it the kernel walks its whole table of connections, which takes
//! milliseconds even where there are none.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

const HEADER: usize = 16;
const REQUEST: usize = 72;
/// Where a found socket's inode stands: behind the header, family to retransmits, addresses, and four counters.
const INODE: usize = HEADER + 4 + 48 + 16;

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const PLAIN_REQUEST: u16 = 0x1;
const REQUEST_AND_DUMP: u16 = 0x301;
/// Where the local address and the cookie stand in a request.
const SOURCE: usize = HEADER + 12;
const COOKIE: usize = HEADER + 48;
const LISTEN: u32 = 1 << 10;
const ERROR: u16 = 2;
const DONE: u16 = 3;

/// The inodes of the sockets that listen on `port`, at whatever address. Fails where the kernel was built without it.
/// The kernel walks all that listen.
pub fn listening(port: u16) -> io::Result<Vec<u64>> {
    let socket = open()?;
    let mut found = Vec::new();
    for family in [family::INET, family::INET6] {
        send(socket.as_raw_fd(), &request(family, port), MsgFlags::empty())?;
        while !read_answer(&socket, &mut found)? {}
    }
    Ok(found)
}

/// Whether a connection to `port` of 127.0.0.1 would reach a socket that listens. The kernel looks it up as it would for
/// the connection, so it takes a tenth of the time of [`listening`], and nobody notices.
pub fn is_reached(port: u16) -> io::Result<bool> {
    let socket = open()?;
    send(socket.as_raw_fd(), &exact(port), MsgFlags::empty())?;
    match read_answer(&socket, &mut Vec::new()) {
        Ok(_) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

fn open() -> io::Result<OwnedFd> {
    Ok(socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkSockDiag)?)
}

/// What would take a connection from nowhere to 127.0.0.1: no peer, and any cookie.
fn exact(port: u16) -> [u8; REQUEST] {
    let mut bytes = request(family::INET, port);
    bytes[6..8].copy_from_slice(&PLAIN_REQUEST.to_ne_bytes());
    bytes[SOURCE..SOURCE + 4].copy_from_slice(&[127, 0, 0, 1]);
    bytes[COOKIE..COOKIE + 8].fill(0xff);
    bytes
}

/// As they are numbered on every Linux.
mod family {
    pub const INET: u8 = 2;
    pub const INET6: u8 = 10;
}

/// A header, then what is wanted: listening TCP sockets of this family, at this port; all else may be anything.
fn request(family: u8, port: u16) -> [u8; REQUEST] {
    let mut bytes = [0; REQUEST];
    bytes[0..4].copy_from_slice(&(REQUEST as u32).to_ne_bytes());
    bytes[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes[6..8].copy_from_slice(&REQUEST_AND_DUMP.to_ne_bytes());
    let tcp = 6;
    bytes[HEADER..HEADER + 2].copy_from_slice(&[family, tcp]);
    bytes[HEADER + 4..HEADER + 8].copy_from_slice(&LISTEN.to_ne_bytes());
    bytes[HEADER + 8..HEADER + 10].copy_from_slice(&port.to_be_bytes());
    bytes
}

/// Takes what the kernel has to say, and whether that was all of it.
fn read_answer(socket: &OwnedFd, found: &mut Vec<u64>) -> io::Result<bool> {
    let mut bytes = [0; 16 * 1024];
    let count = recv(socket.as_raw_fd(), &mut bytes, MsgFlags::empty())?;
    messages(&bytes[..count], found)
}

fn messages(mut bytes: &[u8], found: &mut Vec<u64>) -> io::Result<bool> {
    while let Some(length) = number(bytes, 0).map(|length| length as usize) {
        let message = bytes.get(..length).filter(|message| message.len() >= HEADER).ok_or_else(torn)?;
        match kind(message) {
            DONE => return Ok(true),
            ERROR => return Err(refusal(message)),
            _ => found.push(number(message, INODE).ok_or_else(torn)?.into()),
        }
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(false)
}

fn kind(message: &[u8]) -> u16 {
    u16::from_ne_bytes([message[4], message[5]])
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// The kernel says a negative `errno`.
fn refusal(message: &[u8]) -> io::Error {
    let errno = number(message, HEADER).map_or(0, |number| (number as i32).saturating_neg());
    io::Error::from_raw_os_error(errno)
}

fn torn() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the kernel's answer is torn")
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv6Addr, TcpListener, TcpStream};
    use std::os::unix::fs::MetadataExt;

    use super::{DONE, ERROR, HEADER, INODE, is_reached, listening, messages};

    fn inode(socket: &impl std::os::fd::AsRawFd) -> u64 {
        std::fs::metadata(format!("/proc/self/fd/{}", socket.as_raw_fd())).unwrap().ino()
    }

    #[test]
    fn what_listens_at_a_port_is_found_at_every_address_and_connections_are_not() {
        let one = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = one.local_addr().unwrap();
        let six = TcpListener::bind((Ipv6Addr::LOCALHOST, at.port())).unwrap();
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let _connected = TcpStream::connect(at).unwrap();
        let mut found = listening(at.port()).unwrap();
        found.sort();
        let mut expected = vec![inode(&one), inode(&six)];
        expected.sort();
        assert_eq!(found, expected);
        let port = other.local_addr().unwrap().port();
        drop(other);
        assert_eq!(listening(port).unwrap(), Vec::<u64>::new());
    }

    #[test]
    fn a_port_is_reached_by_whatever_would_take_a_connection_and_by_nothing_else() {
        for (at, reached) in
            [("127.0.0.1", true), ("0.0.0.0", true), ("::", true), ("::1", false), ("127.0.0.2", false)]
        {
            let listens = TcpListener::bind((at, 0)).unwrap();
            let port = listens.local_addr().unwrap().port();
            assert_eq!(is_reached(port).unwrap(), reached, "{at}");
            assert_eq!(TcpStream::connect(("127.0.0.1", port)).is_ok(), reached, "{at}");
            drop(listens);
            assert!(!is_reached(port).unwrap(), "{at}");
        }
    }

    #[test]
    fn the_other_end_of_a_connection_is_not_reached() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        assert!(!is_reached(client.local_addr().unwrap().port()).unwrap());
    }

    /// A message of such a length, kind and number at such a place.
    fn message(length: usize, kind: u16, (at, number): (usize, i32)) -> Vec<u8> {
        let mut bytes = vec![0; length.max(HEADER)];
        bytes[0..4].copy_from_slice(&(length as u32).to_ne_bytes());
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        if bytes.len() >= at + 4 {
            bytes[at..at + 4].copy_from_slice(&number.to_ne_bytes());
        }
        bytes
    }

    #[test]
    fn answers_end_where_the_kernel_says_so_and_bad_ones_are_errors() {
        let (socket, done) = (message(88, 20, (INODE, 77)), message(20, DONE, (HEADER, 0)));
        let refused = message(36, ERROR, (HEADER, -2));
        let table = [
            (socket.clone(), Ok((false, vec![77]))),
            ([socket.clone(), done.clone()].concat(), Ok((true, vec![77]))),
            (done, Ok((true, vec![]))),
            (vec![], Ok((false, vec![]))),
            (refused, Err("No such file or directory (os error 2)".to_owned())),
            (message(200, 20, (INODE, 1))[..100].to_vec(), Err("the kernel's answer is torn".to_owned())),
            (message(0, 20, (INODE, 1)), Err("the kernel's answer is torn".to_owned())),
            (message(40, 20, (INODE, 1)), Err("the kernel's answer is torn".to_owned())),
        ];
        for (bytes, expected) in table {
            let mut found = vec![];
            let read = messages(&bytes, &mut found).map(|done| (done, found)).map_err(|e| e.to_string());
            assert_eq!(read, expected);
        }
    }
}
