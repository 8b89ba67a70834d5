//! Names that apps have besides their own, and whose they are: a name has one owner, and that is who came first.
//!
//! nginx itself would only warn of a name that two apps have, and serve whichever file comes first. Names are given out
//! under one lock; what nginx runs is compared once more when a vhost is written.

use std::fmt;

use dokuen_core::{App, AppName, Domain, Environment, Host, Lock, ServerName, fs, shown};
use dokuen_nginx::Redirect;

use crate::commands::rename;
use crate::exit::{Exit, Failure};
use crate::settings::{self, Settings};

/// A name of an app.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// The name.
    pub name: ServerName,
    /// Where it leads, when it only leads elsewhere.
    pub to: Option<Domain>,
}

/// More names than this are a mistake, and would make nginx slow for everybody.
pub const MOST: usize = 1000;

/// The names that `domains:add` gave the app, in their order.
pub fn given(app: &App) -> Result<Vec<Name>, Failure> {
    let path = app.front().domains_file();
    let bytes = fs::read_if_there(&path)?.unwrap_or_default();
    String::from_utf8_lossy(&bytes).lines().map(Name::parse).collect()
}

/// The file that holds these names, a line each.
pub fn to_file(names: &[Name]) -> Vec<u8> {
    names.iter().map(|name| format!("{name}\n")).collect::<String>().into_bytes()
}

impl Name {
    /// Reads a line: `NAME`, or `NAME TARGET` for one that leads elsewhere.
    pub fn parse(line: &str) -> Result<Self, Failure> {
        let (name, to) = line.split_once(' ').map_or((line, None), |(name, to)| (name, Some(to)));
        Ok(Self { name: ServerName::parse(name)?, to: to.map(Domain::parse).transpose()? })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.to {
            Some(to) => write!(f, "{} {to}", self.name),
            None => self.name.fmt(f),
        }
    }
}

/// A name as people type it: in any script, and then as DNS has it (`bücher.example` is `xn--bcher-kva.example`).
pub fn typed(input: &str) -> Result<ServerName, Failure> {
    if input.is_ascii() {
        return Ok(ServerName::parse(input)?);
    }
    let (star, rest) = input.strip_prefix("*.").map_or(("", input), |rest| ("*.", rest));
    let ascii = in_ascii(rest).ok_or_else(|| Failure::usage(format!("{} is no domain in any script", shown(input))))?;
    Ok(ServerName::parse(&format!("{star}{ascii}"))?)
}

/// The form that DNS has of a name, by the strict rules: what is no letter or digit in any script is refused.
pub fn in_ascii(name: &str) -> Option<String> {
    idna::domain_to_ascii_strict(name).ok().filter(|ascii| Domain::parse(ascii).is_ok())
}

/// All names the app has or is about to have: its own, those given, and those of `ADDITIONAL_DOMAINS` in this config.
pub fn all(host: &Host, app: &App, config: &Environment) -> Result<(Vec<ServerName>, Vec<Redirect>), Failure> {
    let mut names = asked_for(host, app, config)?;
    let mut redirects = Vec::new();
    for name in given(app)? {
        match name.to {
            Some(to) => redirects.push(Redirect { from: name.name, to }),
            None => names.push(name.name),
        }
    }
    names.sort();
    names.dedup();
    // What leads elsewhere by a command does so whatever a config var of another day says.
    names.retain(|name| redirects.iter().all(|redirect| redirect.from != *name));
    Ok((names, redirects))
}

/// Held while names are given out, or what is of all apps changes; what a killed one had not finished writing is removed.
pub fn lock(host: &Host) -> Result<Lock, Failure> {
    fs::make_dirs(&host.front_dir(), fs::PRIVATE_DIR)?;
    let lock = Lock::take(&host.names_lock(), "giving out names")?;
    super::sweep(&host.front())?;
    Ok(lock)
}

/// Whether the app may have the names that this config asks for.
pub fn check_config(host: &Host, app: &App, config: &Environment) -> Result<(), Failure> {
    check(host, app, &asked_for(host, app, config)?)
}

/// The names of `ADDITIONAL_DOMAINS`, but for what was the app's own before it was renamed: config of another day may have it.
fn asked_for(host: &Host, app: &App, config: &Environment) -> Result<Vec<ServerName>, Failure> {
    let domains = Settings::read(host, config)?.domains.into_iter();
    Ok(domains.filter(|domain| !was_its_own(host, app, domain)).map(ServerName::from).collect())
}

fn was_its_own(host: &Host, app: &App, domain: &Domain) -> bool {
    let name = domain.as_str().strip_suffix(&format!(".{}", host.conf.base_domain));
    let former = name.and_then(|name| AppName::parse(name).ok()).map(|name| host.app_at(name));
    former.is_some_and(|former| rename::leads_to(&former, app))
}

/// Whether the app may have these names: none is another app's, or would take one from it.
pub fn check(host: &Host, app: &App, wanted: &[ServerName]) -> Result<(), Failure> {
    let base = &host.conf.base_domain;
    let own = ServerName::from(app.domain(&host.conf)?);
    for name in wanted.iter().filter(|name| **name != own) {
        let domain = name.domain();
        if domain == base || domain.as_str().ends_with(&format!(".{base}")) {
            return Err(Failure::usage(format!("{name}: the names under {base} belong to the apps of these names")));
        }
    }
    if wanted.is_empty() {
        return Ok(());
    }
    for other in host.apps()?.into_iter().filter(|other| other.name != app.name) {
        let theirs = theirs(&other)?;
        for name in wanted {
            if let Some(taken) = theirs.iter().find(|taken| clash(name, taken)) {
                let text = if name == taken {
                    format!("{name} is a name of the app {} already", other.name)
                } else {
                    format!("{name}: the app {} has {taken}", other.name)
                };
                return Err(Failure::new(Exit::Failed, text));
            }
        }
    }
    Ok(())
}

/// The names of another app. One of its config vars that makes no sense is its own trouble, not everybody's.
fn theirs(app: &App) -> Result<Vec<ServerName>, Failure> {
    let listed = app.env().get("ADDITIONAL_DOMAINS")?;
    let listed = listed.and_then(|value| settings::listed_domains(&value.lossy()).ok()).unwrap_or_default();
    Ok(given(app)?.into_iter().map(|name| name.name).chain(listed.into_iter().map(ServerName::from)).collect())
}

/// Whether one of them would get requests that are meant for the other.
fn clash(one: &ServerName, other: &ServerName) -> bool {
    let below = |name: &ServerName, wildcard: &ServerName| {
        wildcard.is_wildcard() && name.domain().as_str().ends_with(&format!(".{}", wildcard.domain()))
    };
    one == other || below(one, other) || below(other, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_any_script_is_kept_as_dns_has_it() {
        for (input, kept) in [
            ("B\u{fc}cher.example", "xn--bcher-kva.example"),
            ("*.b\u{fc}cher.example", "*.xn--bcher-kva.example"),
            ("\u{4f8b}\u{3048}.\u{30c6}\u{30b9}\u{30c8}", "xn--r8jz45g.xn--zckzah"),
            ("fa\u{df}.example", "xn--fa-hia.example"),
            ("WWW.example.org", "www.example.org"),
        ] {
            assert_eq!(typed(input).unwrap().to_string(), kept);
        }
        for bad in [
            "\u{fc};x.example",
            "\u{fc} x.example",
            "\u{fc}..example",
            "\u{202e}a.example",
            "\u{fc}_.example",
            "*.\u{fc}",
        ] {
            assert!(typed(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_clash_when_one_reaches_into_the_other() {
        for (one, other, wanted) in [
            ("a.example", "a.example", true),
            ("a.example", "b.example", false),
            ("x.a.example", "*.a.example", true),
            ("*.a.example", "y.x.a.example", true),
            ("*.a.example", "*.b.a.example", true),
            ("a.example", "*.a.example", false),
            ("ba.example.org", "*.a.example.org", false),
        ] {
            let (one, other) = (ServerName::parse(one).unwrap(), ServerName::parse(other).unwrap());
            assert_eq!(clash(&one, &other), wanted, "{one} {other}");
        }
    }
}
