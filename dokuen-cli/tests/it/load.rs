//! Requests without a pause, strictly counted: one that was sent and did not come back as a 200 with the right body
//! has failed.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::app::App;
use crate::http::{Client, Response};

/// Clients at work: of each kind one that keeps its connection and one that makes a new one for every request.
pub struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

struct Shared {
    at: SocketAddr,
    host: String,
    over: AtomicBool,
    sent: AtomicU64,
    failed: Mutex<Vec<String>>,
}

#[derive(Debug, Clone, Copy)]
struct Kind {
    post: bool,
    keep: bool,
}

impl Load {
    /// Starts requests to the app and returns when each client had its first answer.
    pub fn on(app: &App) -> Self {
        let shared = Arc::new(Shared {
            at: app.host.listen(),
            host: app.domain(),
            over: AtomicBool::new(false),
            sent: AtomicU64::new(0),
            failed: Mutex::default(),
        });
        let kinds = [false, true].into_iter().flat_map(|post| [false, true].map(|keep| Kind { post, keep }));
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
        let from = self.shared.sent.load(Ordering::Relaxed);
        crate::host::eventually("requests are answered", || self.shared.sent.load(Ordering::Relaxed) >= from + count);
    }

    /// Ends it; every request that was sent must have been answered.
    #[track_caller]
    pub fn none_failed(mut self) -> u64 {
        self.end();
        let sent = self.shared.sent.load(Ordering::Relaxed);
        let failed = self.shared.failed.lock().unwrap();
        assert!(failed.is_empty(), "{} of {sent} requests failed:\n{}", failed.len(), failed.join("\n"));
        sent
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

    fn end(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
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
        while !self.over.load(Ordering::Relaxed) {
            number += 1;
            if let Err(what) = self.one(kind, number, &mut client) {
                self.failed.lock().unwrap().push(format!("{kind:?} {number}: {what}"));
                client = None;
            }
            self.sent.fetch_add(1, Ordering::Relaxed);
            // Two cores serve the whole suite: full speed in every test would only measure the scheduler.
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn one(&self, kind: Kind, number: u64, client: &mut Option<Client>) -> Result<(), String> {
        if client.as_ref().is_some_and(|c| c.closing || !kind.keep) {
            *client = None;
        }
        let new = client.is_none();
        let asked = match client {
            Some(client) => client,
            None => client.insert(Client::connect(self.at, &self.host).map_err(|e| format!("connect: {e}"))?),
        };
        // Now and then a body that no single read holds.
        let body = format!("{number:020}").repeat(if number.is_multiple_of(16) { 10_000 } else { 1 }).into_bytes();
        let answer = if kind.post {
            asked.post("/echo", &body)
        } else {
            let close = if kind.keep { "" } else { "Connection: close\r\n" };
            asked.get("/header/X-Number", &format!("X-Number: {number}\r\n{close}"))
        };
        let expected = if kind.post { body } else { number.to_string().into_bytes() };
        match answer {
            Ok(Response { status: 200, body }) if body == expected => Ok(()),
            Ok(Response { status, body }) => {
                Err(format!("{status} {:?}", String::from_utf8_lossy(&body[..body.len().min(80)])))
            }
            Err(e) => Err(format!("{} connection: {e}", if new { "new" } else { "kept" })),
        }
    }
}
