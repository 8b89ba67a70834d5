//! Calling a deploy off from elsewhere: a file that is asked for until the deploy is about to go live. No pid is trusted.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use dokuen_core::{App, Host, fs};

use crate::exit::{Exit, Failure};

/// Looks for the request until it is closed. Only the holder of the app's lock makes one.
#[derive(Debug)]
pub struct Cancellable {
    flag: Arc<AtomicBool>,
    watcher: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
}

const PAUSE: Duration = Duration::from_millis(100);

impl Cancellable {
    /// A request from before was for another deploy.
    pub fn new(host: &Host, app: &App) -> Result<Self, Failure> {
        let request = host.cancel_file(&app.name);
        fs::remove(&request)?;
        let flag = Arc::new(AtomicBool::new(false));
        let (end, ended) = channel();
        let seen = Arc::clone(&flag);
        let watcher = thread::Builder::new().spawn(move || {
            while ended.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                if request.exists() {
                    seen.store(true, Ordering::Relaxed);
                    // That it is gone says that it was heard.
                    let _ = fs::remove(&request);
                    return;
                }
            }
        });
        let failed = |e| Failure::new(Exit::Failed, format!("failed to start a thread that looks for a cancel: {e}"));
        let watcher = watcher.map_err(failed)?;
        Ok(Self { flag, watcher: Mutex::new(Some((end, watcher))) })
    }

    /// Set once the deploy is to end.
    pub fn flag(&self) -> &AtomicBool {
        &self.flag
    }

    /// From here on no request is heard any more: whoever was told that the deploy is called off must be right. A failure
    /// where one was heard before.
    pub fn close(&self) -> Result<(), Failure> {
        if let Some((end, watcher)) = self.watcher.lock().ok().and_then(|mut watcher| watcher.take()) {
            drop(end);
            let _ = watcher.join();
        }
        if self.is_set() { Err(Failure::new(Exit::Failed, CalledOff { source: None })) } else { Ok(()) }
    }

    /// Why a deploy failed: what it was at when it was called off is only how that went.
    pub fn explain(&self, failure: Failure) -> Failure {
        match self.is_set() && !failure.cause.is::<CalledOff>() {
            true => Failure::new(Exit::Failed, CalledOff { source: Some(failure.cause) }),
            false => failure,
        }
    }

    fn is_set(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }
}

impl Drop for Cancellable {
    fn drop(&mut self) {
        let _ = self.close();
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the deploy was called off")]
struct CalledOff {
    source: Option<Box<dyn Error + Send + Sync>>,
}
