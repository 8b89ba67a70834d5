//! `adduser`, `removeuser`, `keys`: who may come in over ssh.

use std::io::{IsTerminal, Read};

use dokuen_core::{Host, Transcript, UserName};
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::gitolite;
use crate::keys::{self, IfThere, KeyError, PublicKey};
use crate::printer::Printer;
use crate::shell::sessions;
use crate::show::{Form, Table, left};
use crate::topics::people::AddUserArgs;
use crate::walk;

/// Where keys are when Gitolite stands in front.
const KEYDIR: &str = "keys are keydir/NAME.pub in a clone of gitolite-admin: commit, push";
/// More than this is no key.
const MOST: u64 = 64 * 1024;

/// Reads a public key and lets it in.
pub fn add(host: &Host, args: &AddUserArgs, out: &mut Printer) -> Result<(), Failure> {
    gitolite::refuse(host, KEYDIR)?;
    let name = UserName::parse(&args.name)?;
    if std::io::stdin().is_terminal() {
        let text = "the public key comes on standard input";
        return Err(Failure::usage(text).hint(format!("dokuen adduser {name} < {name}.pub")));
    }
    let mut text = Vec::new();
    let read = std::io::stdin().take(MOST).read_to_end(&mut text);
    read.map_err(|e| Failure::new(Exit::Failed, format!("failed to read the key from standard input: {e}")))?;
    let key = PublicKey::parse(&text)?;
    let fingerprint = keys::fingerprints(host, &[&key])?.pop().unwrap_or_default();
    let there = if args.replace { IfThere::Replace } else { IfThere::Refuse };
    keys::add(host, &name, &key, args.admin, there)?;
    out.step(&format!("{name} may come in{}", if args.admin { ", as an admin" } else { "" }));
    out.fact(&fingerprint);
    Ok(())
}

/// Takes a key out. Who is inside already is named, since a session lives on without its key.
pub fn remove(host: &Host, name: &str, out: &mut Printer) -> Result<(), Failure> {
    gitolite::refuse(host, KEYDIR)?;
    let name = UserName::parse(name)?;
    walk::finish(out, "removing what the name had", keys::remove(host, &name)?);
    out.step(&format!("{name} may not come in any more"));
    for session in sessions::open(host)?.into_iter().filter(|session| session.user == name.as_str()) {
        out.fact(&format!("still open: pid {}, {} since {} UTC", session.pid, session.doing, session.since));
    }
    Ok(())
}

/// Somebody with a key, as programs see them.
#[derive(Debug, Serialize)]
struct Person {
    name: String,
    admin: bool,
    fingerprint: String,
    /// When and from where, in words.
    last_use: Option<String>,
    comment: String,
}

/// A line a person: name, role, fingerprint, last use, comment.
pub fn list(host: &Host, form: Form, out: &mut Printer) -> Result<(), Failure> {
    gitolite::refuse(host, KEYDIR)?;
    let people = keys::people(host)?;
    let fingerprints = keys::fingerprints(host, &people.iter().map(|p| &p.key).collect::<Vec<_>>())?;
    let person = |(person, fingerprint): (&keys::Person, String)| Person {
        name: person.name.to_string(),
        admin: person.admin,
        fingerprint,
        last_use: person.last_use.clone(),
        comment: person.key.comment.clone(),
    };
    let all: Vec<Person> = people.iter().zip(fingerprints).map(person).collect();
    out.data(form, &all, |all| table(all));
    Ok(())
}

fn table(all: &[Person]) -> Table {
    let mut table = Table::new([left("name"), left("role"), left("fingerprint"), left("last use"), left("comment")]);
    for one in all {
        let role = if one.admin { "admin" } else { "user" };
        let used = one.last_use.as_deref().unwrap_or("never used");
        table.row([one.name.clone(), role.to_owned(), one.fingerprint.clone(), used.to_owned(), one.comment.clone()]);
    }
    table
}

impl From<KeyError> for Failure {
    fn from(cause: KeyError) -> Self {
        Self::new(Exit::Usage, cause)
    }
}
