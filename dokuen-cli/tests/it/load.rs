//! Requests without a pause, strictly counted: one that was sent and did not come back as a 200 with the right body
//! has failed. WebSockets likewise: one that closes before it may, or does not say what it heard.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::app::App;
use crate::http::{Client, Response};

#[path = "websocket.rs"]
mod websocket;

/// Clients at work.
pub struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

/// Which clients, and how they behave.
#[derive(Debug, Clone, Copy)]
pub struct Mix {
    /// Of each kind (GET or POST, on a kept connection or a new one for every request) so many.
    pub each: usize,
    /// How long each rests between two requests.
    pub pause: Duration,
    /// Every so many'th request has a body that no single read holds.
    pub large_every: u64,
    /// Clients of requests that take five seconds.
    pub long: usize,
    /// WebSockets that are open at any time.
    pub websockets: usize,
    /// How long a WebSocket must live on after its release was replaced.
    pub drained_for: Duration,
}

impl Mix {
    /// Two cores serve the whole suite: full speed in every test would only measure the scheduler.
    pub const LIGHT: Self = Self {
        each: 1,
        pause: Duration::from_millis(2),
        large_every: 16,
        long: 0,
        websockets: 0,
        drained_for: Duration::ZERO,
    };
}

/// What was done, by kind.
#[derive(Debug, Default)]
pub struct Counts {
    pub requests: AtomicU64,
    posts: AtomicU64,
    new: AtomicU64,
    long: AtomicU64,
    websockets: AtomicU64,
    messages: AtomicU64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |count: &AtomicU64| count.load(Relaxed);
        let (all, posts, new, long) = (of(&self.requests), of(&self.posts), of(&self.new), of(&self.long));
        write!(f, "{all} requests ({posts} POST, {new} on new connections, {long} of 5 s)")?;
        write!(f, ", {} WebSockets with {} messages", of(&self.websockets), of(&self.messages))
    }
}

struct Shared {
    at: SocketAddr,
    host: String,
    mix: Mix,
    over: AtomicBool,
    counts: Counts,
    failed: Mutex<Vec<String>>,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Short { post: bool, keep: bool },
    Long,
    WebSocket,
}

impl Load {
    /// Starts a few clients of each kind and returns when there were answers.
    pub fn on(app: &App) -> Self {
        Self::of(app, Mix::LIGHT)
    }

    /// Starts these clients and returns when there were answers.
    pub fn of(app: &App, mix: Mix) -> Self {
        let shared = Arc::new(Shared {
            at: app.host.listen(),
            host: app.domain(),
            mix,
            over: AtomicBool::new(false),
            counts: Counts::default(),
            failed: Mutex::default(),
        });
        let short = [false, true].into_iter().flat_map(|post| [false, true].map(|keep| Kind::Short { post, keep }));
        let kinds = short
            .flat_map(|kind| std::iter::repeat_n(kind, mix.each))
            .chain(std::iter::repeat_n(Kind::Long, mix.long))
            .chain(std::iter::repeat_n(Kind::WebSocket, mix.websockets));
        let clients = kinds
            .map(|kind| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.work(kind))
            })
            .collect();
        let load = Self { shared, clients };
        load.after_more(20);
        load
    }

    /// Returns when so many more requests were answered.
    pub fn after_more(&self, count: u64) {
        self.after(self.shared.counts.requests.load(Relaxed) + count);
    }

    /// Returns when so many requests were answered since it began.
    pub fn after(&self, count: u64) {
        crate::host::eventually("requests are answered", || self.shared.counts.requests.load(Relaxed) >= count);
    }

    /// What was done until now; the first failure ends the test here.
    #[track_caller]
    pub fn so_far(&self) -> &Counts {
        let failed = self.shared.failed.lock().unwrap();
        assert!(failed.is_empty(), "{} of {} failed:\n{}", failed.len(), self.shared.counts, failed.join("\n"));
        &self.shared.counts
    }

    /// Ends it; every request that was sent must have been answered.
    #[track_caller]
    pub fn none_failed(mut self) -> u64 {
        self.end();
        self.so_far().requests.load(Relaxed)
    }

    /// As [`Load::none_failed`] for what makes nginx reload. Before 1.27.4 (`keepalive_min_timeout`) a reload closes idle
    /// connections at once, and a request that crosses with that is lost to a client that does not ask again, as
    /// browsers do (RFC 9112, 9.3.1). This is not as it should be; nothing else may fail.
    #[track_caller]
    pub fn none_failed_but_on_connections_that_a_reload_closed(mut self) -> u64 {
        self.end();
        let mut failed = self.shared.failed.lock().unwrap();
        failed.retain(|what| {
            !what.contains("kept connection: the connection was closed") && !what.contains("os error 104")
        });
        drop(failed);
        self.none_failed()
    }

    /// Tells the clients to end, and waits until each has had its last answer.
    pub fn end(&mut self) {
        self.shared.over.store(true, Relaxed);
        for client in self.clients.drain(..) {
            if client.join().is_err() {
                self.shared.failed.lock().unwrap().push("a client has panicked".to_owned());
            }
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn work(&self, kind: Kind) {
        let mut client = None;
        let mut number = 0u64;
        while !self.over.load(Relaxed) {
            number += 1;
            let done = match kind {
                Kind::Short { post, keep } => self.short(post, keep, number, &mut client),
                Kind::Long => self.long(&mut client),
                Kind::WebSocket => self.websocket(),
            };
            if let Err(what) = done {
                self.failed.lock().unwrap().push(format!("{kind:?} {number}: {what}"));
                client = None;
            }
            thread::sleep(self.mix.pause);
        }
    }

    /// A short one, on a new connection or on the one that is kept.
    fn short(&self, post: bool, keep: bool, number: u64, client: &mut Option<Client>) -> Result<(), String> {
        if client.as_ref().is_some_and(|c| c.closing || !keep) {
            *client = None;
        }
        let counts = [(true, &self.counts.requests), (post, &self.counts.posts), (client.is_none(), &self.counts.new)];
        let large = number.is_multiple_of(self.mix.large_every);
        let body = format!("{number:020}").repeat(if large { 10_000 } else { 1 }).into_bytes();
        let expected = if post { body.clone() } else { number.to_string().into_bytes() };
        let answered = self.asked(client, &expected, |client| match post {
            true => client.post("/echo", &body),
            false => {
                let close = if keep { "" } else { "Connection: close\r\n" };
                client.get("/header/X-Number", &format!("X-Number: {number}\r\n{close}"))
            }
        });
        // Counted when it has come back or failed: nothing that was sent is left out, and nothing counted in advance.
        for (_, count) in counts.iter().filter(|(so, _)| *so) {
            count.fetch_add(1, Relaxed);
        }
        answered
    }

    /// One of five seconds: longer than the time from one redeploy to the next.
    fn long(&self, client: &mut Option<Client>) -> Result<(), String> {
        if client.as_ref().is_some_and(|c| c.closing) {
            *client = None;
        }
        let answered = self.asked(client, b"5000", |client| client.get("/sleep/5000", ""));
        self.counts.requests.fetch_add(1, Relaxed);
        self.counts.long.fetch_add(1, Relaxed);
        answered
    }

    fn asked(
        &self,
        client: &mut Option<Client>,
        expected: &[u8],
        ask: impl FnOnce(&mut Client) -> std::io::Result<Response>,
    ) -> Result<(), String> {
        let new = client.is_none();
        let asked = match client {
            Some(client) => client,
            None => client.insert(Client::connect(self.at, &self.host).map_err(|e| format!("connect: {e}"))?),
        };
        match ask(asked) {
            Ok(Response { status: 200, body }) if body == expected => Ok(()),
            Ok(Response { status, body }) => {
                Err(format!("{status} {:?}", String::from_utf8_lossy(&body[..body.len().min(80)])))
            }
            Err(e) => Err(format!("{} connection: {e}", if new { "new" } else { "kept" })),
        }
    }

    /// One that lives until it is told to go, over all redeploys that fall into that time.
    fn websocket(&self) -> Result<(), String> {
        self.counts.websockets.fetch_add(1, Relaxed);
        let over = || self.over.load(Relaxed);
        let heard = || {
            self.counts.messages.fetch_add(1, Relaxed);
        };
        let lived = websocket::talk(self.at, &self.host, over, heard).map_err(|e| e.to_string())?;
        if lived < self.mix.drained_for && !over() {
            return Err(format!(
                "told to go after {lived:?}, within the {:?} that it is drained for",
                self.mix.drained_for
            ));
        }
        Ok(())
    }
}
