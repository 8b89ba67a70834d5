//! Dokuen's own nginx is brought back by whoever watches, as long as an app waits for requests.

use std::time::{Duration, Instant};

use dokuen_core::{Host, Transcript};
use dokuen_proc::Instance;

use crate::exit::Failure;
use crate::front_door;
use crate::printer::Printer;

/// How long nothing is tried after a start that failed: nginx waits some seconds for a port that somebody has, and
/// wrappers are not looked at meanwhile.
const PAUSE: Duration = Duration::from_secs(10);

/// What is known of it from the last look.
#[derive(Default)]
pub struct OwnNginx {
    failed: Option<Instant>,
}

impl OwnNginx {
    /// Looks, which is a small file and its process, and starts nginx or finds its master where it says none.
    pub fn look(&mut self, host: &Host, out: &mut Printer) -> Result<(), Failure> {
        if self.failed.is_some_and(|at| at.elapsed() < PAUSE) {
            return Ok(());
        }
        let revived = front_door::revive(host, || is_wanted(host));
        self.failed = revived.is_err().then(Instant::now);
        if let Some(said) = revived? {
            out.fact("nginx had lost its master and has one again");
            said.iter().for_each(|text| out.problem(text));
        }
        Ok(())
    }
}

/// A `shutdown` of everything retires all processes and ends nginx last: then nobody waits for a request, and nginx stays
/// ended. One that could not end an app has left it running, and nginx leads to it again.
fn is_wanted(host: &Host) -> bool {
    let apps = host.apps().unwrap_or_default();
    apps.iter().any(|app| dokuen_proc::instances(app).is_ok_and(|all| all.iter().any(waits_for_requests)))
}

fn waits_for_requests(instance: &Instance) -> bool {
    instance.id.kind.is_web() && !instance.is_retired() && instance.is_alive().unwrap_or(false)
}
