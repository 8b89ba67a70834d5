//! `domains`, `domains:add`, `:remove`, `:set`, `:clear`: names besides an app's own, in force when the command ends.

use dokuen_core::{App, Domain, Host, ServerName, Transcript};
use serde::Serialize;

use crate::commands::certs_renew;
use crate::exit::{Exit, Failure};
use crate::front_door::names::{self, Name};
use crate::front_door::{self, Saved, certs};
use crate::place;
use crate::printer::Printer;
use crate::settings::Settings;
use crate::show::{Table, left};
use crate::topics::AppData;
use crate::topics::domains::{DomainsAddArgs, DomainsArgs};

/// A name as programs see it.
#[derive(Debug, Serialize)]
struct Shown {
    name: String,
    /// `own`, `added`, or `config` for `ADDITIONAL_DOMAINS`.
    from: &'static str,
    redirects_to: Option<String>,
    /// Until when its certificate is good; `null` without one.
    certificate_until: Option<String>,
}

/// Every name, where it comes from, where it leads, and how long its certificate is good.
pub fn list(host: &Host, args: &AppData, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, &args.app.application)?;
    let own = Name { name: app.domain(&host.conf)?.into(), to: None };
    let given = names::given(&app)?;
    let listed = Settings::read(host, &app.env().load()?)?.domains;
    let listed = listed.into_iter().map(|name| Name { name: name.into(), to: None });
    let listed: Vec<_> = listed.filter(|name| given.iter().all(|other| other.name != name.name)).collect();
    // A name of its own that leads elsewhere stands once, as that.
    let own = Some(own).filter(|own| given.iter().all(|other| other.name != own.name));
    let rows = [("own", own.into_iter().collect()), ("added", given), ("config", listed)];
    let shown = |from, name: Name| Shown {
        certificate_until: certs::of_name(host, &app, &name.name).map(|about| about.not_after),
        name: name.name.to_string(),
        from,
        redirects_to: name.to.map(|to| to.to_string()),
    };
    let all: Vec<Shown> =
        rows.into_iter().flat_map(|(from, names)| names.into_iter().map(move |name| shown(from, name))).collect();
    out.data(args.form, &all, |all| {
        let mut table = Table::new([left("NAME"), left("FROM"), left("LEADS TO"), left("CERTIFICATE UNTIL")]);
        for name in all {
            let until = name.certificate_until.as_deref().map_or("-".to_owned(), crate::show::for_people);
            table.row([
                name.name.clone(),
                name.from.into(),
                name.redirects_to.clone().unwrap_or_else(|| "-".into()),
                until,
            ]);
        }
        table
    });
    Ok(())
}

/// Gives the app names, all of them or none.
pub fn add(host: &Host, args: &DomainsAddArgs, out: &mut Printer) -> Result<(), Failure> {
    let to = args.redirect_to.as_deref().map(target).transpose()?;
    let wanted = typed(&args.names, out)?;
    change(host, &args.app.application, out, |app, have| {
        if let Some(to) = &to {
            must_have(host, app, have, to)?;
        }
        for name in &wanted {
            let is_own = to.is_none() && *name == ServerName::from(app.domain(&host.conf)?);
            have.retain(|other| other.name != *name);
            if !is_own {
                have.push(Name { name: name.clone(), to: to.clone() });
            }
        }
        Ok(())
    })
}

/// Takes names from the app; one that it does not have is an error, and then nothing changes.
pub fn remove(host: &Host, args: &DomainsArgs, out: &mut Printer) -> Result<(), Failure> {
    let unwanted = typed(&args.names, out)?;
    change(host, &args.app.application, out, |app, have| {
        for name in &unwanted {
            let before = have.len();
            have.retain(|other| other.name != *name);
            if have.len() == before {
                return Err(not_given(host, app, name));
            }
        }
        let gone = |to: &Domain| unwanted.contains(&ServerName::from(to.clone()));
        if let Some(leads) = have.iter().find(|name| name.to.as_ref().is_some_and(gone)) {
            let text = format!("{} leads to a name that would be gone", leads.name);
            return Err(Failure::new(Exit::Failed, text).hint(format!("remove {} as well", leads.name)));
        }
        Ok(())
    })
}

/// These names and no others; what leads to a name that stays leads on.
pub fn set(host: &Host, args: &DomainsArgs, out: &mut Printer) -> Result<(), Failure> {
    let wanted = typed(&args.names, out)?;
    change(host, &args.app.application, out, |app, have| {
        let own = ServerName::from(app.domain(&host.conf)?);
        *have = wanted.iter().filter(|name| **name != own).map(|name| Name { name: name.clone(), to: None }).collect();
        Ok(())
    })
}

/// No names but the app's own.
pub fn clear(host: &Host, app: &str, out: &mut Printer) -> Result<(), Failure> {
    change(host, app, out, |_, have| {
        have.clear();
        Ok(())
    })
}

/// Written, checked against all other apps under one lock, and in force; else as before.
fn change(
    host: &Host,
    app: &str,
    out: &mut Printer,
    edit: impl FnOnce(&App, &mut Vec<Name>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let app = place::app(host, app)?;
    let lock = app.lock("changing its names")?;
    let saved = {
        let _names = names::lock(host)?;
        let mut have = names::given(&app)?;
        edit(&app, &mut have)?;
        have.sort();
        have.dedup();
        if have.len() > names::MOST {
            return Err(Failure::usage(format!("{} names; an app may have {}", have.len(), names::MOST)));
        }
        names::check(host, &app, &have.iter().map(|name| name.name.clone()).collect::<Vec<_>>())?;
        Saved::change(&app.front().domains_file(), Some(&names::to_file(&have)))?
    };
    front_door::refresh(host, &app, out)?;
    saved.keep();
    drop(lock);
    certs_renew::follow(host, &app, out);
    out.step(&format!("{} has {} besides its own", app.name, counted(names::given(&app)?.len())));
    Ok(())
}

fn counted(count: usize) -> String {
    match count {
        0 => "no name".to_owned(),
        1 => "1 name".to_owned(),
        count => format!("{count} names"),
    }
}

fn typed(names: &[String], out: &mut Printer) -> Result<Vec<ServerName>, Failure> {
    let mut all = Vec::new();
    for input in names.iter().flat_map(|word| word.split(',')).map(str::trim).filter(|word| !word.is_empty()) {
        let name = names::typed(input)?;
        if !input.is_ascii() {
            // Look-alikes of other scripts are told by the form that DNS has.
            out.fact(&format!("{input} is {name}"));
        }
        all.push(name);
    }
    if all.is_empty() { Err(Failure::usage("no name was given")) } else { Ok(all) }
}

fn target(input: &str) -> Result<Domain, Failure> {
    match names::typed(input)? {
        ServerName::Exact(domain) => Ok(domain),
        ServerName::Below(_) => Err(Failure::usage("names can only be led to one name, not to all names below one")),
    }
}

/// A name must lead to one of the app's that it answers for.
fn must_have(host: &Host, app: &App, have: &[Name], to: &Domain) -> Result<(), Failure> {
    let listed = Settings::read(host, &app.env().load()?)?.domains;
    let given = have.iter().any(|name| name.to.is_none() && name.name == ServerName::from(to.clone()));
    if given || listed.contains(to) || *to == app.domain(&host.conf)? {
        return Ok(());
    }
    let text = format!("{to} is no name that {} answers for", app.name);
    Err(Failure::new(Exit::NotFound, text).hint(format!("dokuen domains:add --application={} {to}", app.name)))
}

fn not_given(host: &Host, app: &App, name: &ServerName) -> Failure {
    let failure = Failure::new(Exit::NotFound, format!("{name} is no name that was added to {}", app.name));
    let listed = app.env().load().ok().and_then(|config| Settings::read(host, &config).ok());
    let in_config =
        listed.is_some_and(|settings| settings.domains.iter().any(|domain| ServerName::from(domain.clone()) == *name));
    if in_config {
        return failure.hint(format!("it stands in ADDITIONAL_DOMAINS: dokuen config --application={}", app.name));
    }
    failure.hint(format!("dokuen domains --application={}", app.name))
}
