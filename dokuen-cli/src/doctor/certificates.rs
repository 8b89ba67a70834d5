//! Certificates have days left, and those that are kept up by themselves could be renewed.

use dokuen_core::Host;

use super::{Check, Finding};
use crate::commands::{certs, certs_auto};
use crate::exit::Failure;
use crate::front_door;
use crate::topics::MaybeApp;

pub const CHECK: Check = Check { about: "certificates", look, fix: None };

/// Below so many days whoever brings a certificate should be at work on the next.
const SOON: i64 = 14;

fn look(host: &Host) -> Result<Vec<Finding>, Failure> {
    let mut found = Vec::new();
    for (app, front) in certs::fronts(host, &MaybeApp { application: None })? {
        let whose = certs::whose(app.as_ref());
        let flag = app.as_ref().map_or_else(String::new, |app| format!(" --application={}", app.name));
        let auto = certs_auto::load(&front)?;
        let mend = match auto {
            Some(_) => format!("dokuen certs:renew{flag}"),
            None => format!("dokuen certs:add{flag}"),
        };
        if let Some((at, why)) = auto.and_then(|auto| auto.failed) {
            let says = format!("the certificate of {whose} could not be renewed on {at}: {why}");
            found.push(Finding::problem(says, mend.clone()));
        }
        let Some(about) = front_door::certs::in_force(&front)? else { continue };
        let days = about.days_left(certs::now());
        let says = format!("the certificate of {whose} is good for {days} days");
        found.push(match days {
            ..0 => Finding::problem(format!("the certificate of {whose} is over since {} days", -days), mend),
            0..SOON => Finding::warning(says, mend),
            SOON.. => Finding::ok(says),
        });
    }
    if found.is_empty() {
        found.push(Finding::ok("no app has one"));
    }
    Ok(found)
}
