//! A front on a thread of its own, driven by as small a loop as can be.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use dokuen_proc::front::Front;
use mio::{Events, Poll, Registry, Token, Waker};

type Order = Box<dyn FnOnce(&mut Front, &Registry) + Send>;

/// The thread ends with this value.
pub struct Driver {
    pub path: PathBuf,
    orders: Option<Sender<Order>>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

const WAKE: Token = Token(0);
const FIRST: usize = 1;

impl Driver {
    pub fn new(path: &Path) -> Self {
        let poll = Poll::new().unwrap();
        let waker = Waker::new(poll.registry(), WAKE).unwrap();
        let front = Front::bind(path, poll.registry(), FIRST).unwrap();
        let (orders, inbox) = channel();
        let thread = Some(std::thread::spawn(move || drive(poll, front, &inbox)));
        Self { path: path.to_owned(), orders: Some(orders), waker, thread }
    }

    /// Has the front do something on its own thread, between two polls.
    pub fn call<T: Send + 'static>(&self, f: impl FnOnce(&mut Front, &Registry) -> T + Send + 'static) -> T {
        let (reply, answer) = channel();
        let order: Order = Box::new(move |front, registry| reply.send(f(front, registry)).unwrap());
        self.orders.as_ref().unwrap().send(order).unwrap();
        self.waker.wake().unwrap();
        answer.recv().unwrap()
    }

    pub fn open(&self, to: SocketAddr) {
        self.call(move |front, registry| front.open(registry, to));
    }

    pub fn hold(&self) {
        self.call(|front, _| front.hold());
    }

    pub fn retire(&self, onward: &Path) {
        let onward = onward.to_owned();
        self.call(move |front, registry| front.retire(registry, &onward));
    }

    pub fn in_flight(&self) -> usize {
        self.call(|front, _| front.in_flight())
    }

    pub fn connections(&self) -> usize {
        self.call(|front, _| front.connections())
    }

    pub fn is_idle(&self) -> bool {
        self.call(|front, _| front.next_deadline().is_none())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.orders.take());
        self.waker.wake().unwrap();
        let ended = self.thread.take().unwrap().join();
        assert!(std::thread::panicking() || ended.is_ok(), "the front panicked");
    }
}

fn drive(mut poll: Poll, mut front: Front, orders: &Receiver<Order>) {
    let mut events = Events::with_capacity(256);
    loop {
        let timeout = front.next_deadline().map(|at| at.saturating_duration_since(Instant::now()));
        // mio rounds up to a millisecond; a deadline that has come is not worth a poll's return.
        if poll.poll(&mut events, timeout).is_err() {
            continue;
        }
        for event in events.iter().filter(|e| e.token() != WAKE) {
            front.event(poll.registry(), event);
        }
        let now = Instant::now();
        if front.next_deadline().is_some_and(|at| at <= now) {
            front.tick(poll.registry(), now);
        }
        loop {
            match orders.try_recv() {
                Ok(order) => order(&mut front, poll.registry()),
                Err(std::sync::mpsc::TryRecvError::Empty) => break,
                Err(std::sync::mpsc::TryRecvError::Disconnected) => return,
            }
        }
    }
}

/// Waits for something to become true, not for time to pass.
#[track_caller]
pub fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !check() {
        assert!(Instant::now() < deadline, "not within 10 s: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
