//! `access`, `grant`, `revoke`: who may work on an app.

use dokuen_core::{App, Host, Transcript, UserName};
use serde::Serialize;

use crate::access::{self, Role};
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::show::{Table, left};
use crate::topics::AppData;
use crate::topics::people::{GrantArgs, RevokeArgs};
use crate::{gitolite, keys, place};

/// Who may work on an app, as programs see them.
#[derive(Debug, Serialize)]
struct Member {
    name: String,
    /// `owner`, `collaborator` or `admin`.
    role: String,
}

/// A line a person: those with a role in the app, then the admins.
pub fn list(host: &Host, args: &AppData, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, &args.app.application)?;
    let member = |name: &UserName, role: String| Member { name: name.to_string(), role };
    let mut all: Vec<_> =
        access::roles(host, &app)?.iter().map(|(user, role)| member(user, role.to_string())).collect();
    let people = if host.conf.gitolite { Vec::new() } else { keys::people(host)? };
    all.extend(people.iter().filter(|person| person.admin).map(|person| member(&person.name, "admin".to_owned())));
    out.data(args.form, &all, |all| {
        let mut table = Table::new([left("name"), left("role")]);
        for one in all {
            table.row([one.name.clone(), one.role.clone()]);
        }
        table
    });
    Ok(())
}

/// Gives a role, in place of the one they had.
pub fn grant(host: &Host, args: &GrantArgs, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, &args.app.application)?;
    gitolite::refuse(host, &rules(&app))?;
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
    gitolite::refuse(host, &rules(&app))?;
    let user = UserName::parse(&args.user)?;
    if access::role(host, &app, &user)?.is_none() {
        return Err(Failure::new(Exit::NotFound, format!("{user} has no role in {}", app.name)).hint("dokuen access"));
    }
    access::revoke(&app, &user)?;
    out.step(&format!("{user} may not work on {} any more", app.name));
    Ok(())
}

/// What to type where Gitolite has the rules.
fn rules(app: &App) -> String {
    format!("ssh HOST perms {} + WRITERS NAME (a wild repository), or rules in gitolite.conf", app.name)
}
