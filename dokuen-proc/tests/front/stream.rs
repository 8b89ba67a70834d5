//! Bodies larger than any buffer, and responses that take their time.

use std::io::{Read, Write};
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::app::{App, hang_up};
use crate::driver::eventually;
use crate::nginx::Conn;
use crate::pass::before;

const LARGE: usize = 50 << 20;
/// What sockets and the front may hold of a stream that nobody reads: the kernel's part is by far the larger.
const HELD: usize = 24 << 20;

fn pattern(offset: usize, buf: &mut [u8]) {
    for (i, byte) in buf.iter_mut().enumerate() {
        *byte = ((offset + i) % 251) as u8;
    }
}

fn check(read: &mut impl Read) -> usize {
    let (mut at, mut buf, mut expected) = (0, vec![0; 100_000], vec![0; 100_000]);
    while at < LARGE {
        let count = read.read(&mut buf).unwrap();
        assert!(count > 0, "ended at {at}");
        pattern(at, &mut expected[..count]);
        assert!(buf[..count] == expected[..count], "wrong bytes after {at}");
        at += count;
    }
    at
}

fn send_all(write: &mut impl Write) {
    let mut buf = vec![0; 125_000];
    for at in (0..LARGE).step_by(buf.len()) {
        let end = buf.len().min(LARGE - at);
        pattern(at, &mut buf[..end]);
        write.write_all(&buf[..end]).unwrap();
    }
}

#[test]
fn a_large_download_arrives_whole_and_waits_for_its_reader() {
    let (sent, progress) = channel();
    let app = App::new(move |_, peer| {
        peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n"))?;
        send_all(&mut Counted(&mut peer.write, &sent));
        Ok(())
    });
    let (_dir, front) = before(&app);
    let mut conn = Conn::to(&front.path);
    conn.send("GET / HTTP/1.1\r\n\r\n");
    assert!(stalls_at(&progress) < HELD);
    conn.head().unwrap();
    let ahead = conn.exactly(0).unwrap().len();
    assert_eq!(ahead + check(&mut Rest(&mut conn)), LARGE);
    assert_eq!(conn_after(&front, conn), 0);
}

fn conn_after(front: &crate::driver::Driver, conn: Conn) -> usize {
    eventually("the response is over", || front.in_flight() == 0);
    assert_eq!(front.connections(), 1);
    drop(conn);
    eventually("nginx's close is noticed", || front.connections() == 0);
    front.connections()
}

/// What the connection read ahead, then what comes.
struct Rest<'a>(&'a mut Conn);

impl Read for Rest<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let bytes = self.0.some(buf.len())?;
        buf[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

/// Reports what was written.
struct Counted<'a, W>(&'a mut W, &'a std::sync::mpsc::Sender<usize>);

impl<W: Write> Write for Counted<'_, W> {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        let count = self.0.write(buf)?;
        let _ = self.1.send(count);
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// How much was written by the time that nothing moves any more.
fn stalls_at(progress: &std::sync::mpsc::Receiver<usize>) -> usize {
    let mut total = progress.recv_timeout(Duration::from_secs(10)).unwrap();
    while let Ok(count) = progress.recv_timeout(Duration::from_millis(500)) {
        total += count;
    }
    total
}

#[test]
fn a_large_upload_arrives_whole_and_waits_for_the_app() {
    let (go, gate) = channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let app = App::new(move |_, peer| {
        gate.lock().unwrap().recv().unwrap();
        let got = check(&mut peer.read);
        peer.ok(got.to_string())
    });
    let (_dir, front) = before(&app);
    let mut conn = Conn::to(&front.path);
    conn.send(format!("POST /unread HTTP/1.1\r\nContent-Length: {LARGE}\r\n\r\n"));
    let (sent, progress) = channel();
    let mut stream = conn.stream.try_clone().unwrap();
    let sender = std::thread::spawn(move || send_all(&mut Counted(&mut stream, &sent)));
    assert!(stalls_at(&progress) < HELD);
    go.send(()).unwrap();
    sender.join().unwrap();
    assert_eq!(conn.reply().unwrap().text(), LARGE.to_string());
}

#[test]
fn both_ways_at_once() {
    let app = App::new(|_, peer| {
        peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n"))?;
        std::io::copy(&mut (&mut peer.read).take(LARGE as u64), &mut peer.write)?;
        Ok(())
    });
    let (_dir, front) = before(&app);
    let mut conn = Conn::to(&front.path);
    conn.send(format!("PUT /unread HTTP/1.1\r\nContent-Length: {LARGE}\r\n\r\n"));
    let mut stream = conn.stream.try_clone().unwrap();
    let sender = std::thread::spawn(move || send_all(&mut stream));
    conn.head().unwrap();
    assert_eq!(check(&mut Rest(&mut conn)), LARGE);
    sender.join().unwrap();
}

#[test]
fn a_stream_arrives_as_it_is_sent() {
    let (go, gate) = channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let app = App::new(move |_, peer| {
        peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")?;
        for i in 0..5 {
            peer.send(format!("data: {i}\n\n"))?;
            gate.lock().unwrap().recv().unwrap();
        }
        hang_up()
    });
    let (_dir, front) = before(&app);
    let mut conn = Conn::to(&front.path);
    conn.send("GET / HTTP/1.1\r\n\r\n");
    conn.head().unwrap();
    for i in 0..5 {
        // The app goes on only when this one was seen.
        assert_eq!(conn.exactly(9).unwrap(), format!("data: {i}\n\n").as_bytes());
        assert_eq!(front.in_flight(), 1);
        go.send(()).unwrap();
    }
    assert!(conn.ends());
}

#[test]
fn a_large_stream_does_not_keep_others_from_theirs() {
    let app = App::new(|asked, peer| {
        if asked.path == "/small" {
            return peer.ok("small");
        }
        peer.send("HTTP/1.1 200 OK\r\n\r\n")?;
        loop {
            peer.send([0; 65536])?;
        }
    });
    let (_dir, front) = before(&app);
    let mut endless = Conn::to(&front.path);
    endless.send("GET /endless HTTP/1.1\r\n\r\n");
    let reader = std::thread::spawn(move || while endless.some(1 << 20).is_ok_and(|b| !b.is_empty()) {});
    let mut conn = Conn::to(&front.path);
    for _ in 0..50 {
        assert_eq!(conn.get("/small").text(), "small");
    }
    drop((app, front));
    reader.join().unwrap();
}
