//! `adduser`, `removeuser`, `keys`: who may come in over ssh.

use std::io::{IsTerminal, Read};

use dokuen_core::{Host, Transcript, UserName};

use crate::exit::{Exit, Failure};
use crate::keys::{self, IfThere, KeyError, PublicKey};
use crate::printer::Printer;
use crate::shell::sessions;
use crate::topics::people::AddUserArgs;

/// More than this is no key.
const MOST: u64 = 64 * 1024;

/// Reads a public key and lets it in.
pub fn add(host: &Host, args: &AddUserArgs, out: &mut Printer) -> Result<(), Failure> {
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
    let name = UserName::parse(name)?;
    keys::remove(host, &name)?;
    out.step(&format!("{name} may not come in any more"));
    for session in sessions::open(host)?.into_iter().filter(|session| session.user == name.as_str()) {
        out.fact(&format!("still open: pid {}, {} since {} UTC", session.pid, session.doing, session.since));
    }
    Ok(())
}

/// A line a person: name, role, fingerprint, comment, last use.
pub fn list(host: &Host, out: &mut Printer) -> Result<(), Failure> {
    let people = keys::people(host)?;
    let fingerprints = keys::fingerprints(host, &people.iter().map(|p| &p.key).collect::<Vec<_>>())?;
    for (person, fingerprint) in people.iter().zip(fingerprints) {
        let role = if person.admin { "admin" } else { "user" };
        let used = person.last_use.as_deref().unwrap_or("never used");
        let line = format!("{:<16} {role:<6} {fingerprint}  {used}  {}", person.name, person.key.comment);
        out.out(format!("{}\n", line.trim_end()).as_bytes());
    }
    Ok(())
}

impl From<KeyError> for Failure {
    fn from(cause: KeyError) -> Self {
        Self::new(Exit::Usage, cause)
    }
}
