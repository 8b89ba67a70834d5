//! The end of an instance that has no wrapper: its processes are ended by whoever does not want it any more.

use std::time::{Duration, Instant};

use dokuen_core::fs;
use nix::sys::signal::Signal;

use crate::cgroup::{self, Group};
use crate::child;
use crate::instance::{Instance, InstanceError};
use crate::platform::Member;
use crate::port;
use crate::spec::Spec;

/// Where nothing says how long it may take.
const GRACE: Duration = Duration::from_secs(2);
/// KILL is repeated after this, and for this long in all: what hangs in the kernel may never end.
const KILL: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));
const LOOK: Duration = Duration::from_millis(10);

/// Tells an instance to stop. One whose wrapper was killed has its processes ended here, as the wrapper would have ended
/// them, but after no more than `grace` by KILL.
pub fn stop_or_end(instance: &Instance, grace: Duration) -> Result<(), InstanceError> {
    if instance.is_alive()? {
        return Ok(instance.stop()?);
    }
    let spec = instance.spec().ok();
    let (signal, own) = spec.as_ref().map_or((Signal::SIGTERM, GRACE), |spec| (spec.stop_signal, spec.stop_timeout));
    let was_in_vain = instance.unending().is_some();
    let (grace, kill) = if was_in_vain { (Duration::ZERO, (KILL.0, KILL.0)) } else { (own.min(grace), KILL) };
    let ending = Ending { signal, grace, kill };
    let tell = |left: &[Member], signal| {
        if let (Signal::SIGKILL, Some((dir, _))) = (signal, spec.as_ref().and_then(|spec| spec.cgroup.as_ref())) {
            Group::at(dir).kill();
        }
        child::signal_all(left, signal);
    };
    let ended = ending.of(|| child::leftovers(instance), tell);
    if let Err(left) = ended {
        let pids = pids(&left);
        instance.note_unending(&pids)?;
        return Err(InstanceError::Unending { id: instance.id.clone(), pids });
    }
    clear_away(instance, spec)
}

fn pids(left: &[Member]) -> String {
    left.iter().map(|member| member.pid.to_string()).collect::<Vec<_>>().join(", ")
}

fn clear_away(instance: &Instance, spec: Option<Spec>) -> Result<(), InstanceError> {
    cgroup::remove_of(instance);
    if let Some((front, ports)) = spec.and_then(|spec| Some((spec.front?, spec.ports_dir))) {
        fs::remove(&front.socket)?;
        front.entry.socket().map_or(Ok(()), fs::remove)?;
        // A wrapper that was killed has not given its port back.
        port::sweep_ports(&ports)?;
    }
    Ok(fs::remove_tree(instance.dir())?)
}

/// How processes are ended.
struct Ending {
    signal: Signal,
    /// From there to KILL.
    grace: Duration,
    /// Between two KILLs, and for all of them.
    kill: (Duration, Duration),
}

impl Ending {
    /// Ends what `left` finds again and again. An error is what did not end.
    fn of(self, left: impl Fn() -> Vec<Member>, tell: impl Fn(&[Member], Signal)) -> Result<(), Vec<Member>> {
        let told = |signal, wait| {
            let (mut still, until) = (left(), Instant::now() + wait);
            tell(&still, signal);
            while !still.is_empty() && Instant::now() < until {
                std::thread::sleep(LOOK);
                still = left();
            }
            still
        };
        let mut still = told(self.signal, self.grace);
        let until = Instant::now() + self.kill.1;
        while !still.is_empty() && Instant::now() < until {
            still = told(Signal::SIGKILL, self.kill.0);
        }
        if still.is_empty() { Ok(()) } else { Err(still) }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn what_does_not_end_is_told_once_and_killed_now_and_then_and_named_at_last() {
        let hangs = vec![Member { pid: 7, started: 1 }];
        for (ends, expected) in [(false, Err(hangs.clone())), (true, Ok(()))] {
            let ms = Duration::from_millis;
            let (told, begun) = (RefCell::new(vec![]), Instant::now());
            let ending = Ending { signal: Signal::SIGUSR1, grace: ms(50), kill: (ms(30), ms(100)) };
            let left = || if ends && told.borrow().len() == 2 { vec![] } else { hangs.clone() };
            assert_eq!(ending.of(left, |_, signal| told.borrow_mut().push(signal)), expected);
            let told = told.into_inner();
            assert_eq!((told[0], told[1]), (Signal::SIGUSR1, Signal::SIGKILL));
            assert!(told[1..].iter().all(|s| *s == Signal::SIGKILL) && told.len() <= 5, "{told:?}");
            assert!(begun.elapsed() >= ms(50), "{told:?}");
        }
    }
}
