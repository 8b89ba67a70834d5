//! Readiness: to hold a [`Ready`] is to have seen every instance answer.

mod commands;
mod error;
mod look;
mod pace;
mod watched;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use dokuen_core::{App, ProcessType, Protocol};

use crate::boot::{Booted, Plan, Started};
use crate::check::{Command, Request};
use crate::instance::Instance;
use crate::platform::{self, Member};
use crate::report::Report;
use crate::route::{self, RouteError, Switched};
pub use error::ReadyError;
use error::tail;
use look::{Standing, look_at_port, look_at_socket};
use pace::Pace;
use watched::Watched;

/// What ready means for an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checks {
    /// What it is asked in. gRPC has no paths: there it only has to say that it speaks HTTP/2.
    pub protocol: Protocol,
    /// What must all be answered as it says.
    pub requests: Vec<Request>,
    /// Types of which an instance is ready when these commands have succeeded as well.
    pub commands: BTreeMap<ProcessType, Vec<Command>>,
    /// The host name that requests carry.
    pub host: String,
    /// How long a new instance may take.
    pub timeout: Duration,
    /// How long one answer may take.
    pub request: Duration,
    /// How long an instance without a port must have run.
    pub alive: Duration,
    /// Types of which an instance, with or without a port, must have run for another time.
    pub alive_by_kind: BTreeMap<ProcessType, Duration>,
}

impl Checks {
    /// How long an instance of this type must have run.
    fn alive(&self, kind: &ProcessType, has_port: bool) -> Duration {
        let otherwise = if has_port { Duration::ZERO } else { self.alive };
        self.alive_by_kind.get(kind).copied().unwrap_or(otherwise)
    }
}

/// Instances that have all been seen to answer (or, without a port, to stay alive).
#[derive(Debug)]
#[must_use = "instances that nobody keeps are stopped again"]
pub struct Ready {
    plan: Plan,
    started: Started,
}

impl Booted {
    /// Looks at every instance every few milliseconds at first, more slowly later, until all are ready.
    pub fn wait_until_ready(self) -> Result<Ready, ReadyError> {
        self.wait_until_ready_unless(None)
    }

    /// The same, until `cancel` is set. A [`Command`] that is being tried is waited for.
    pub fn wait_until_ready_unless(self, cancel: Option<&AtomicBool>) -> Result<Ready, ReadyError> {
        let begun = Instant::now();
        let pace = Pace::begin();
        let mut waiting: Vec<_> = self.started.instances.iter().map(Watched::new).collect();
        loop {
            let mut still = Vec::new();
            for mut watched in waiting {
                let standing = self.look(&mut watched, begun, cancel)?;
                check_wanted(cancel)?;
                if let Standing::NotYet(last) = standing {
                    self.check_time(&watched, begun, last)?;
                    still.push(watched);
                }
            }
            if still.is_empty() {
                self.run_commands(begun, cancel)?;
                still = self.ended_meanwhile(begun)?;
            }
            if still.is_empty() {
                return Ok(Ready { plan: self.plan, started: self.started });
            }
            waiting = still;
            std::thread::sleep(pace.pause());
        }
    }

    /// Those whose wrapper has yet to say how they ended.
    fn ended_meanwhile(&self, begun: Instant) -> Result<Vec<Watched<'_>>, ReadyError> {
        let ended: Vec<_> = self.started.instances.iter().filter(|i| !runs(i)).map(Watched::new).collect();
        ended.iter().try_for_each(|watched| self.check_time(watched, begun, "it has ended".to_owned()))?;
        Ok(ended)
    }

    fn look(
        &self,
        watched: &mut Watched<'_>,
        begun: Instant,
        cancel: Option<&AtomicBool>,
    ) -> Result<Standing, ReadyError> {
        let lives = watched.look();
        let Watched { instance, report, .. } = watched;
        if report.restarts > 0 || !report.last_end.is_empty() {
            let (name, how) = (instance.id.name(), report.last_end.clone());
            return Err(ReadyError::Ended { name, how, log: self.tail(instance) });
        }
        if !lives {
            return Err(ReadyError::Lost { name: instance.id.name() });
        }
        let checks = &self.plan.checks;
        let young = begun.elapsed() < checks.alive(&instance.id.kind, has_door(report));
        let standing = match (report.child, report.port, &report.socket) {
            (None, ..) => Standing::NotYet("its process is not started yet".to_owned()),
            (Some(_), ..) if young => Standing::NotYet("it has only just started".to_owned()),
            (Some(_), Some(port), _) => look_at_port(instance, report, port, checks, cancel),
            (Some(_), None, Some(socket)) => look_at_socket(socket, checks, begun.elapsed(), cancel),
            (Some(_), None, None) => Standing::Ready,
        };
        // The child of one that is gone may answer all the same.
        if matches!(standing, Standing::Ready) && !instance.is_alive().unwrap_or(true) {
            return Err(ReadyError::Lost { name: instance.id.name() });
        }
        Ok(standing)
    }

    fn check_time(&self, watched: &Watched<'_>, begun: Instant, last: String) -> Result<(), ReadyError> {
        let Watched { instance, report, .. } = watched;
        let within = self.plan.checks.timeout + self.plan.checks.alive(&instance.id.kind, has_door(report));
        let socket = report.socket.as_ref().map(|_| "its socket".to_owned());
        match report.port.map(|port| format!("port {port}")).or(socket) {
            _ if begun.elapsed() < within => Ok(()),
            Some(door) => {
                Err(ReadyError::Silent { name: instance.id.name(), door, within, last, log: self.tail(instance) })
            }
            None => Err(ReadyError::Lost { name: instance.id.name() }),
        }
    }

    fn tail(&self, instance: &Instance) -> Vec<String> {
        let log = self.plan.app.log(&instance.id.kind, instance.id.index);
        let offset = self.started.log_offsets.get(&instance.id).copied().unwrap_or(0);
        tail(&log, offset)
    }
}

fn check_wanted(cancel: Option<&AtomicBool>) -> Result<(), ReadyError> {
    if cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed)) { Err(ReadyError::Cancelled) } else { Ok(()) }
}

/// Waits until instances that run already answer: after a reboot, or with a new wrapper, nothing has seen them do so.
pub fn wait_until_they_answer(app: &App, instances: &[Instance], checks: &Checks) -> Result<(), ReadyError> {
    let (begun, pace) = (Instant::now(), Pace::begin());
    for instance in instances {
        loop {
            let report = instance.report();
            let last = match (report.child, report.port, &report.socket) {
                _ if !instance.is_alive().unwrap_or(true) => return Err(ReadyError::Lost { name: instance.id.name() }),
                (Some(_), Some(port), _) => look_at_port(instance, &report, port, checks, None),
                (Some(_), None, Some(socket)) => look_at_socket(socket, checks, begun.elapsed(), None),
                (Some(_), None, None) => Standing::Ready,
                // Back-off: what ends again and again will not answer either.
                (None, ..) if matches!(report.phase.as_str(), "waiting" | "crashed") => {
                    return Err(silent(app, instance, &report, checks, None));
                }
                (None, ..) => Standing::NotYet("its process does not run".to_owned()),
            };
            let Standing::NotYet(last) = last else { break };
            if begun.elapsed() >= checks.timeout {
                return Err(silent(app, instance, &report, checks, Some(last)));
            }
            std::thread::sleep(pace.pause());
        }
    }
    Ok(())
}

fn silent(app: &App, instance: &Instance, report: &Report, checks: &Checks, last: Option<String>) -> ReadyError {
    let (name, log) = (instance.id.name(), tail(&app.log(&instance.id.kind, instance.id.index), 0));
    let door = report.port.map_or_else(|| "its socket".to_owned(), |port| format!("port {port}"));
    match last {
        Some(last) => ReadyError::Silent { name, door, within: checks.timeout, last, log },
        None => ReadyError::Ended { name, how: report.last_end.clone(), log },
    }
}

/// Whether it is what was started that runs. What was ready may have ended while others were waited for; and what answers
/// may be left by a process that has just ended. Its wrapper will say how.
fn runs(instance: &Instance) -> bool {
    let report = instance.report();
    let lives = |child: Member| platform::start_time(child.pid) == Some(child.started);
    report.restarts == 0 && report.last_end.is_empty() && report.member().is_some_and(lives)
}

/// Whether it is asked over HTTP.
fn has_door(report: &Report) -> bool {
    report.port.is_some() || report.socket.is_some()
}

impl Ready {
    /// The instances.
    pub fn instances(&self) -> &[Instance] {
        &self.started.instances
    }

    /// Moves the app's traffic to these instances: one rename. They are kept from now on, whatever becomes of the
    /// route; put back, it leads to those before.
    pub fn switch(self) -> Result<Switched, RouteError> {
        let instances = self.started.instances.clone();
        let switched = route::switch_to(&self.plan.app, &instances)?;
        Ok(switched.with(self.started))
    }

    /// Moves the traffic to these instances and the given ones of the same generation together.
    pub fn switch_with(self, others: &[Instance]) -> Result<Switched, RouteError> {
        let all: Vec<_> = others.iter().chain(&self.started.instances).cloned().collect();
        let switched = route::switch_to(&self.plan.app, &all)?;
        Ok(switched.with(self.started))
    }
}
