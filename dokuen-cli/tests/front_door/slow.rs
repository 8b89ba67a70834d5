//! Many clients that take their time with everything: nobody else waits for them, and the app hears of them late or never.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::app::App;
use crate::curl::curl;
use crate::host::Host;
use crate::settings::url;
use crate::timing::odd;

/// So many of each kind.
const CLIENTS: usize = 80;
const READERS: usize = 20;

/// The minute that nginx gives, and room for a busy machine.
const LONGEST: Duration = Duration::from_secs(150);

fn begin(host: &Host, app: &App, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(host.listen()).unwrap();
    write!(stream, "{}", request.replace("HOST", &app.domain())).unwrap();
    stream
}

/// A byte more from each of them, every now and then, until it is done or the test has failed.
fn drip(streams: &[TcpStream], byte: &[u8], done: &AtomicBool) {
    let deadline = Instant::now() + LONGEST;
    while !done.load(Ordering::Relaxed) && Instant::now() < deadline {
        for mut stream in streams {
            let _ = stream.write_all(byte);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn slow_heads_bodies_and_readers_keep_nobody_from_an_answer() {
    let host = Host::new();
    let app = odd(&host);
    let many = |request: &str| (0..CLIENTS).map(|_| begin(&host, &app, request)).collect::<Vec<_>>();
    let heads = many("GET /late-head HTTP/1.1\r\nHost: HOST\r\nX-Slow: ");
    let bodies = many("POST /count HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1000000\r\n\r\n");
    // More than the sockets on the way hold. Kept connections: the system gives up on closed ones that nobody reads.
    let mut readers: Vec<_> =
        (0..READERS).map(|_| begin(&host, &app, "GET /bytes/9000000 HTTP/1.1\r\nHost: HOST\r\n\r\n")).collect();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| drip(&heads, b"x", &done));
        scope.spawn(|| drip(&bodies, b"y", &done));
        for _ in 0..50 {
            let answer = curl(&host, &url(&app, "/"), &["--max-time", "20"]);
            assert_eq!((answer.status, answer.body.as_str()), (200, "odd"));
        }
        // No byte of a body has come to the app, which would have a thread for each.
        assert_eq!(curl(&host, &url(&app, "/seen"), &[]).body, "0");
        // A deploy neither waits for them nor loses them.
        app.dokuen("restart", &[]).ok();
        let answer = curl(&host, &url(&app, "/"), &[]);
        assert_eq!(answer.status, 200);
        done.store(true, Ordering::Relaxed);
    });
    // Who reads at last gets all of it, from nginx: the app has long done its part.
    for reader in &mut readers {
        reader.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let (mut count, mut block) = (0, vec![0; 1 << 16]);
        while count < 9_000_000
            && let Ok(more @ 1..) = reader.read(&mut block)
        {
            count += more;
        }
        assert!(count >= 9_000_000, "{count}");
    }
    // A head that does not end is given a minute, however many bytes come.
    let done = AtomicBool::new(false);
    let open = std::thread::scope(|scope| {
        scope.spawn(|| drip(&heads, b"x", &done));
        let deadline = Instant::now() + LONGEST;
        while heads.iter().any(is_open) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(200));
        }
        done.store(true, Ordering::Relaxed);
        heads.iter().filter(|stream| is_open(stream)).count()
    });
    assert_eq!(open, 0, "nginx has given up on all of them");
}

fn is_open(mut stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    matches!(stream.read(&mut [0; 4096]), Err(e) if e.kind() == std::io::ErrorKind::WouldBlock)
}
