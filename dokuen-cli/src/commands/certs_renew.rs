//! `certs:renew`: what the timer runs. A certificate is renewed when a third of its time is left, when it lacks a name, or
//! when its authority wants it so.

use std::collections::BTreeSet;

use dokuen_core::{App, Front, Host, Stamp, Transcript, fs};

use super::certs::{fronts, install, now, whose};
use super::certs_auto::{keep_up, load, names_for, none_auto, order_lock};
use crate::commands::note;
use crate::events::Event;
use crate::exit::{Exit, Failure};
use crate::front_door::acme::{self, Auto, Refused, Wanted};
use crate::front_door::certs;
use crate::place;
use crate::printer::Printer;
use crate::show::moment;
use crate::topics::certs::CertsRenewArgs;

/// Renews what is due, each by itself: one that fails holds up no other.
pub fn renew(host: &Host, args: &CertsRenewArgs, out: &mut Printer) -> Result<(), Failure> {
    let (mut failed, mut seen, mut silent) = (0, false, BTreeSet::new());
    let one = args.app.application.is_some();
    for (app, front) in fronts(host, &args.app)? {
        let why = if args.force { Why::Wanted } else { Why::Due(&mut silent) };
        let failure = match renew_one(host, app.as_ref(), &front, why, out) {
            Ok(renewed) => {
                seen |= renewed.is_some();
                continue;
            }
            // The timer comes again; whoever names an app is told that nothing was done.
            Err(Refused::NotYet(failure)) if !one => {
                out.fact(&format!("{}: {failure}", whose(app.as_ref())));
                continue;
            }
            Err(refused) => Failure::from(refused),
        };
        seen = true;
        failed += 1;
        out.problem(&whose(app.as_ref()));
        out.failure(&failure);
    }
    if failed > 0 {
        return Err(Failure::new(Exit::Failed, format!("{failed} of the certificates could not be renewed")));
    }
    if !seen && args.app.application.is_some() {
        let app = args.app.application.as_deref().map(|name| place::app(host, name)).transpose()?;
        return Err(none_auto(app.as_ref()));
    }
    Ok(())
}

/// After a change of names: an app whose certificate is kept up gets one for the new ones as well.
pub fn follow(host: &Host, app: &App, out: &mut Printer) {
    if let Err(refused) = renew_one(host, Some(app), &app.front(), Why::Names, out) {
        // The names are in force, by http at least; the timer tries again.
        out.failure(&refused.into());
    }
}

/// A certificate that is kept up: whose it is (`None`: the machine's), where it lies, and by which authority.
pub(super) struct KeptUp<'a> {
    pub host: &'a Host,
    pub app: Option<&'a App>,
    pub front: &'a Front,
    pub auto: &'a Auto,
}

/// What a certificate is looked at for.
enum Why<'a> {
    /// Its time, and what its authority thinks of it. Authorities that did not say are not asked once more.
    Due(&'a mut BTreeSet<String>),
    /// The names it is to have.
    Names,
    /// Somebody wants another one.
    Wanted,
}

/// `None`: nobody asked for it to be kept up. `Some(false)`: it is not due.
fn renew_one(
    host: &Host,
    app: Option<&App>,
    front: &Front,
    why: Why<'_>,
    out: &mut Printer,
) -> Result<Option<bool>, Refused> {
    let Some(auto) = load(front)? else { return Ok(None) };
    let kept = KeptUp { host, app, front, auto: &auto };
    let _order = order_lock(front, app)?;
    let names = names_for(host, app, &auto)?;
    // What an earlier command had made and could not put away is put away now.
    if !front.order_dir().exists() && !is_due(&kept, &names, why, out)? {
        return Ok(Some(false));
    }
    out.step(&format!("renewing the certificate of {}", whose(app)));
    let made = have_made(&kept, &names, out);
    if let Err(Refused::NotYet(_)) = &made {
        return made.map(|()| None);
    }
    let what = event(&made);
    let made = made.map_err(Failure::from);
    let failed = made.as_ref().err().map(|failure| (Stamp::now().for_people(), failure.to_string()));
    if failed.is_some() || auto.failed.is_some() {
        keep_up(host, app, front, &Auto { failed, ..auto })?;
    }
    let exit = made.as_ref().map_or_else(|failure| failure.exit as u8, |()| 0);
    note(host, &Event::now(app.map(|app| app.name.as_str()), &what, Some(exit)), out);
    Ok(made.map(|()| Some(true))?)
}

/// What people hear of it; of an authority that wants a pause, also when it ends.
fn event(made: &Result<(), Refused>) -> String {
    let Err(Refused::PutOff(_, until)) = made else { return "certs:renew".to_owned() };
    let end = moment(&Stamp::now().back(now() - until).for_people());
    format!("certs:renew, not to be asked again before {end}")
}

fn is_due(kept: &KeptUp<'_>, names: &[String], why: Why<'_>, out: &mut Printer) -> Result<bool, Failure> {
    let Some(about) = certs::in_force(kept.front)? else { return Ok(true) };
    if about.is_due(now()) || names.iter().any(|name| !about.names.contains(name)) {
        return Ok(true);
    }
    match why {
        Why::Wanted => Ok(true),
        Why::Names => Ok(false),
        Why::Due(silent) => is_wanted_by_its_authority(kept, &about, silent, out),
    }
}

/// Whether the authority wants it renewed before its time, as when it has taken it back. One that cannot be asked is told
/// of and asked at the next turn: the certificate has time.
fn is_wanted_by_its_authority(
    kept: &KeptUp<'_>,
    about: &certs::About,
    silent: &mut BTreeSet<String>,
    out: &mut Printer,
) -> Result<bool, Failure> {
    let Some(chain) = certs::chain(kept.front)?.filter(|_| !silent.contains(&kept.auto.directory)) else {
        return Ok(false);
    };
    match acme::renewal(kept.host, kept.auto, &chain) {
        Ok(Some(suggested)) if suggested.is_now(about, now()) => {
            let why = suggested.why.map_or_else(String::new, |page| format!(": {}", dokuen_core::shown(&page)));
            out.fact(&format!("the authority wants the certificate of {} renewed now{why}", whose(kept.app)));
            Ok(true)
        }
        Ok(_) => Ok(false),
        Err(failure) => {
            out.fact(&format!("the authority did not say whether to renew early: {failure}"));
            silent.insert(kept.auto.directory.clone());
            Ok(false)
        }
    }
}

/// Ordered, put into force, and only then is the order forgotten.
pub(super) fn have_made(kept: &KeptUp<'_>, names: &[String], out: &mut Printer) -> Result<(), Refused> {
    let wanted = Wanted { names, replaces: replaced(kept)? };
    let checked = acme::order(kept.host, kept.front, kept.auto, &wanted)?;
    install(kept.host, kept.app, &checked, out)?;
    // Only now: a call that is killed before gets the same certificate again.
    Ok(fs::remove_tree(&kept.front.order_dir()).map_err(Failure::from)?)
}

/// The chain in force. One that another authority has made means nothing to this one.
fn replaced(kept: &KeptUp<'_>) -> Result<Option<String>, Failure> {
    let same = load(kept.front)?.is_some_and(|auto| auto.directory == kept.auto.directory);
    if same { certs::chain(kept.front) } else { Ok(None) }
}
