//! Waiting for instances that were told to stop.

use std::time::{Duration, Instant};

use crate::instance::{Instance, InstanceError};

/// What the system itself may take to end a process.
const SLACK: Duration = Duration::from_secs(10);

/// Waits until none of these instances, which were told to stop together, is left: each may take what its own terms let
/// it take to drain and to stop. An error names one that took longer.
pub fn wait_until_gone(instances: &[Instance]) -> Result<(), InstanceError> {
    let begun = Instant::now();
    instances.iter().try_for_each(|instance| {
        let limit = limit(instance);
        let gone = instance.wait_gone(limit.saturating_sub(begun.elapsed()));
        gone.map_err(|e| match e {
            InstanceError::StillRunning { id, .. } => InstanceError::StillRunning { id, limit },
            other => other,
        })
    })
}

/// One that has gone meanwhile has no spec.
fn limit(instance: &Instance) -> Duration {
    instance.spec().map_or(Duration::ZERO, |spec| spec.drain_timeout + spec.stop_timeout) + SLACK
}
