//! `scale`: instances of the live generation come and go.

use dokuen_core::{App, EnvName, EnvValue, Formation, Host, ProcessType, Transcript, ledger, releases};
use dokuen_nginx::Routed;
use dokuen_proc::{Instance, InstanceId, Plan, boot};

use super::{Next, describe, finish, go_live, logs_hint, plan_for, webs};
use crate::exit::Failure;
use crate::front_door::Tell;
use crate::{front_door, reconcile};

/// Instances of the live generation come and go, the others are not touched. The caller holds the app's lock.
pub fn scale(host: &Host, app: &App, wanted: &Formation, by: &str, out: &mut dyn Transcript) -> Result<(), Failure> {
    let (Some(live), Some(tree)) = (ledger::live(app)?, releases::current(app)?) else {
        return Err(reconcile::nothing_to_start(app));
    };
    let mut config = app.env().load()?;
    let (name, value) = scale_var(wanted)?;
    config.0.insert(name.clone(), value.clone());
    let record = ledger::record(app, live.version)?;
    let have: Vec<Instance> = reconcile::of_generation(app, live.generation)?;
    let keep = |i: &&Instance| i.id.index <= wanted.count(&i.id.kind);
    let (staying, leaving): (Vec<Instance>, Vec<Instance>) = have.into_iter().partition(|i| keep(&i));
    let missing =
        wanted.instances().filter(|(kind, n)| !staying.iter().any(|i| i.id.kind == **kind && i.id.index == *n));
    let missing: Vec<(ProcessType, u16)> = missing.map(|(kind, n)| (kind.clone(), n)).collect();

    out.step(&format!("scaling to {}", describe(wanted)));
    let commit = record.and_then(|r| r.commit);
    let (formation, by) = (wanted.clone(), by.to_owned());
    let next = Next { tree, commit, config, formation, what: None, by, tell: Tell::First };
    if missing.iter().any(|(kind, n)| leaves_still(app, live.generation, kind, *n)) {
        // Their names are taken until what an earlier scale-down told to go has gone: nobody waits for that.
        return go_live(host, app, next, out).map(drop);
    }
    let plan = Plan {
        instances: missing,
        generation: live.generation,
        ..plan_for(host, app, &next, live.version, live.generation)?
    };
    let ready = boot(&plan)?.wait_until_ready().map_err(|e| Failure::from(e).hint(logs_hint(app)))?;
    let staying_webs = staying.iter().filter(|i| i.id.kind.is_web()).count();
    let webs = webs(&plan).map(|new| staying_webs + new);
    let routed = front_door::route(host, app, &next.config, webs, out)?;
    let switched = ready.switch_with(&staying)?;
    // From here on the scale is this: `reconcile` ends what is too much, as it ended what was new until now.
    let before = app.env().load()?;
    app.env().set(&name, &value).inspect_err(|_| drop(app.env().become_exactly(&before)))?;
    switched.keep();
    routed.into_iter().for_each(Routed::keep);
    finish(out, "ending the surplus processes", dokuen_proc::retire(&leaving).map_err(Failure::from));
    Ok(())
}

/// The config var that keeps a scale.
pub fn scale_var(wanted: &Formation) -> Result<(EnvName, EnvValue), Failure> {
    let value = EnvValue::new(wanted.to_string()).ok_or_else(|| Failure::usage("the scale is too long"))?;
    Ok((EnvName::parse("DOKUEN_SCALE")?, value))
}

/// Whether an instance of this name has not gone yet.
fn leaves_still(app: &App, generation: u32, kind: &ProcessType, index: u16) -> bool {
    let id = InstanceId { generation, kind: kind.clone(), index };
    Instance::at(&app.instances_dir(), id).dir().exists()
}
