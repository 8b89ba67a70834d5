//! `apps`: every app by name.

use dokuen_core::Host;

use crate::exit::Failure;
use crate::printer::Printer;
use crate::{access, keys, place};

/// One name a line. A visitor sees the apps they have a role in, an admin all.
pub fn run(host: &Host, out: &mut Printer) -> Result<(), Failure> {
    let visitor = place::visitor().map(|visitor| &visitor.user);
    let all = visitor.map_or(Ok(true), |user| keys::is_admin(host, user))?;
    for app in host.apps()? {
        if let Some(user) = visitor.filter(|_| !all)
            && access::role(&app, user)?.is_none()
        {
            continue;
        }
        out.out(format!("{}\n", app.name).as_bytes());
    }
    Ok(())
}
