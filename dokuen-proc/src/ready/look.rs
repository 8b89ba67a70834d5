//! One look at one instance: whether it answers as it should, by now.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use dokuen_core::{Port, Protocol};

use super::Checks;
use crate::check::{Request, Statuses};
use crate::environment::mark;
use crate::instance::Instance;
use crate::platform::{self, Listener};
use crate::probe::{Answer, Patience, Question, ask, ask_unix, greet, greet_unix};
use crate::report::Report;

/// What one look at one instance says.
pub(super) enum Standing {
    Ready,
    NotYet(String),
}

/// How long a connection to an own port may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the first may take where a socket is there before its app.
const SHORT: Duration = Duration::from_millis(200);

pub(super) fn look_at_port(
    instance: &Instance,
    report: &Report,
    port: Port,
    checks: &Checks,
    cancel: Option<&AtomicBool>,
) -> Standing {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.get()));
    // The cheap look first: until something listens there is nothing to find out about it.
    if is_silent(address) {
        return Standing::NotYet("nothing listens there".to_owned());
    }
    let members = || platform::members(report.wrapper, &mark(instance));
    match platform::listener(port.get(), report.member(), members) {
        Listener::None => return Standing::NotYet("nothing listens there".to_owned()),
        Listener::Foreign => return Standing::NotYet("another process of this machine listens there".to_owned()),
        Listener::Ours => {}
    }
    let patience = Patience { most: checks.request, cancel };
    if checks.protocol == Protocol::Grpc {
        return judge_greeting(greet(address, patience));
    }
    judge(checks, |request| ask(address, Question { host: &checks.host, request, patience }))
}

/// The kernel is asked where it answers: a connection that says nothing would cost a new app, at the moment when it has the
/// most to do, and stand in its log.
fn is_silent(address: SocketAddr) -> bool {
    let connects = || std::net::TcpStream::connect_timeout(&address, PATIENCE).is_ok();
    platform::is_silent(address.port()).unwrap_or_else(|| !connects())
}

/// Only the app itself can be at its socket: the directory is the account's own. One that is given its socket open seems
/// to listen from the start, so an answer is waited for only as long as makes sense so far: should the process end in
/// the meantime, that is to be noticed.
pub(super) fn look_at_socket(
    socket: &Path,
    checks: &Checks,
    waited: Duration,
    cancel: Option<&AtomicBool>,
) -> Standing {
    let patience = Patience { most: (waited / 2).min(checks.request).max(SHORT), cancel };
    if checks.protocol == Protocol::Grpc {
        return judge_greeting(greet_unix(socket, patience));
    }
    judge(checks, |request| ask_unix(socket, Question { host: &checks.host, request, patience }))
}

const FULL: &str = "it listens, but takes no connection";

fn judge_greeting(answer: Answer) -> Standing {
    match answer {
        Answer::Http { .. } => Standing::Ready,
        Answer::Refused => Standing::NotYet("nothing listens there".to_owned()),
        Answer::Full => Standing::NotYet(FULL.to_owned()),
        Answer::Nothing(why) => Standing::NotYet(format!("it took the connection, but {why}")),
    }
}

/// All requests must be answered as they should.
fn judge(checks: &Checks, ask: impl Fn(&Request) -> Answer) -> Standing {
    checks.requests.iter().find_map(|request| lacks(request, ask(request))).map_or(Standing::Ready, Standing::NotYet)
}

/// What is wrong with an answer.
fn lacks(request: &Request, answer: Answer) -> Option<String> {
    let path = &request.path;
    match (answer, &request.content) {
        (Answer::Http { status, .. }, _)
            if !request.statuses.have(status) && request.statuses == Statuses::default() =>
        {
            Some(format!("it answered {status} to GET {path}"))
        }
        (Answer::Http { status, .. }, _) if !request.statuses.have(status) => {
            Some(format!("it answered {status} to GET {path}, and not {}", request.statuses))
        }
        (Answer::Http { holds: false, .. }, Some(content)) => {
            Some(format!("its answer to GET {path} does not hold {}", dokuen_core::shown(content)))
        }
        (Answer::Http { .. }, _) => None,
        (Answer::Refused, _) => Some("nothing listens there".to_owned()),
        (Answer::Full, _) => Some(FULL.to_owned()),
        (Answer::Nothing(why), _) => Some(format!("it took the connection, but GET {path} brought no answer: {why}")),
    }
}
