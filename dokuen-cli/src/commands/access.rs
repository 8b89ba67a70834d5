//! `access`, `grant`, `revoke`: who may work on an app.

use dokuen_core::{Host, Transcript, UserName};

use crate::access::{self, Role};
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::topics::people::{GrantArgs, RevokeArgs};
use crate::{keys, place};

/// A line a person: those with a role in the app, then the admins.
pub fn list(host: &Host, name: &str, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, name)?;
    for (user, role) in access::roles(&app)? {
        out.out(format!("{user:<16} {role}\n").as_bytes());
    }
    for person in keys::people(host)?.iter().filter(|person| person.admin) {
        out.out(format!("{:<16} admin\n", person.name).as_bytes());
    }
    Ok(())
}

/// Gives a role, in place of the one they had.
pub fn grant(host: &Host, args: &GrantArgs, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, &args.app.application)?;
    let user = UserName::parse(&args.user)?;
    if !host.key_file(&user).exists() {
        return Err(Failure::new(Exit::NotFound, format!("no such user: {user}")).hint("dokuen adduser"));
    }
    let role = if args.owner { Role::Owner } else { Role::Collaborator };
    access::grant(&app, &user, role)?;
    out.step(&format!("{user} is {role} of {}", app.name));
    Ok(())
}

/// Takes a role away.
pub fn revoke(host: &Host, args: &RevokeArgs, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, &args.app.application)?;
    let user = UserName::parse(&args.user)?;
    if access::role(&app, &user)?.is_none() {
        return Err(Failure::new(Exit::NotFound, format!("{user} has no role in {}", app.name)).hint("dokuen access"));
    }
    access::revoke(&app, &user)?;
    out.step(&format!("{user} may not work on {} any more", app.name));
    Ok(())
}
