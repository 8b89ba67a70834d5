//! Calling a build off from elsewhere: a file that is asked for while the build runs. No pid is trusted.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use dokuen_core::{App, Host, fs};

use crate::exit::{Exit, Failure};

/// Looks for the request while it lives. Only the holder of the app's lock makes one.
pub struct Cancellable {
    flag: Arc<AtomicBool>,
    watcher: Option<(Sender<()>, JoinHandle<()>)>,
}

const PAUSE: Duration = Duration::from_millis(100);

/// There while somebody wants the build of this app called off.
pub fn request(host: &Host, app: &App) -> PathBuf {
    host.tmp_dir().join(format!("cancel-{}", app.name))
}

impl Cancellable {
    /// A request from before was for another build.
    pub fn new(host: &Host, app: &App) -> Result<Self, Failure> {
        let request = request(host, app);
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
        Ok(Self { flag, watcher: Some((end, watcher)) })
    }

    /// Set once the build is to end.
    pub fn flag(&self) -> &AtomicBool {
        &self.flag
    }
}

impl Drop for Cancellable {
    fn drop(&mut self) {
        if let Some((end, watcher)) = self.watcher.take() {
            drop(end);
            let _ = watcher.join();
        }
    }
}
