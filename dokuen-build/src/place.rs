//! The places a buildpack may come from, told apart by the text before the `#`.

use std::path::{Path, PathBuf};

use crate::url::Paths;

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A repository git can reach: what it is given in argv, which protocol that is, and the login that is not in argv.
    Remote { address: String, protocol: &'static str, login: Option<Login> },
    /// A repository or directory here.
    Local(PathBuf),
}

/// User and password of an `https` URL, percent-decoded.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Login {
    pub user: String,
    pub password: String,
    /// `https://host[:port]`: the only place that is told.
    pub site: String,
}

impl Place {
    /// Checks what stands before the `#`; the error says what is wrong with it.
    pub fn parse(address: &str, paths: Paths) -> Result<Self, &'static str> {
        if address.is_empty() {
            return Err("it is empty");
        }
        if address.chars().any(char::is_control) {
            return Err("it holds a control character");
        }
        if let Some(path) = address.strip_prefix("file://") {
            return local(path.strip_prefix("localhost").unwrap_or(path), paths != Paths::Refused, true);
        }
        if address.starts_with('/') {
            return local(address, paths == Paths::Allowed, false);
        }
        if !address.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~:/@%+,=?&[]".contains(&b)) {
            return Err("only letters, digits and -._~:/@%+,=?&[] may stand in it");
        }
        match address.split_once("://") {
            Some(("https", rest)) => web("https", rest),
            Some(("http", rest)) => web("http", rest),
            Some(("ssh", rest)) => ssh(address, rest),
            Some(_) => Err("only https, ssh and file are known"),
            None => scp(address),
        }
    }
}

fn local(path: &str, allowed: bool, encoded: bool) -> Result<Place, &'static str> {
    if !allowed {
        return Err("a place on this machine may not be named here");
    }
    let path = if encoded { decoded(path).ok_or("its %-escapes are broken")? } else { path.to_owned() };
    if !path.starts_with('/') {
        return Err("a path must be absolute");
    }
    Ok(Place::Local(Path::new(&path).components().collect()))
}

fn web(protocol: &'static str, rest: &str) -> Result<Place, &'static str> {
    let (site, path) = rest.split_once('/').ok_or("it has no path")?;
    let (login, host) = match site.rsplit_once('@') {
        Some((login, host)) => (Some(login), host),
        None => (None, site),
    };
    let name = checked_host(host)?;
    if protocol == "http" && !matches!(name, "localhost" | "127.0.0.1" | "[::1]") {
        return Err("plain http is allowed to this machine only; use https");
    }
    let site = format!("{protocol}://{host}");
    let login = login.map(|text| Login::parse(text, &site)).transpose()?;
    Ok(Place::Remote { address: format!("{site}/{path}"), protocol, login })
}

impl Login {
    fn parse(text: &str, site: &str) -> Result<Self, &'static str> {
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        let part = |p| decoded(p).filter(|d| !d.chars().any(char::is_control)).ok_or("its %-escapes are broken");
        Ok(Self { user: part(user)?, password: part(password)?, site: site.to_owned() })
    }
}

fn ssh(address: &str, rest: &str) -> Result<Place, &'static str> {
    let (site, path) = rest.split_once('/').ok_or("it has no path")?;
    checked_user_and_host(site)?;
    if path.is_empty() {
        return Err("it has no path");
    }
    Ok(Place::Remote { address: address.to_owned(), protocol: "ssh", login: None })
}

/// `user@host:path`. The user is asked for, since `fd::17`, `ext::sh` and `javascript:x` look alike otherwise.
fn scp(address: &str) -> Result<Place, &'static str> {
    let (site, path) = address.split_once(':').ok_or("it is no URL")?;
    if !site.contains('@') {
        return Err("only https, ssh and file are known");
    }
    checked_user_and_host(site)?;
    if path.is_empty() || path.starts_with(['-', ':']) {
        return Err("its path is empty or looks like an option");
    }
    Ok(Place::Remote { address: address.to_owned(), protocol: "ssh", login: None })
}

fn checked_user_and_host(site: &str) -> Result<(), &'static str> {
    let (user, host) = site.rsplit_once('@').unwrap_or(("git", site));
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    if user.is_empty() || user.starts_with('-') || !user.bytes().all(plain) {
        return Err("its user name is no user name");
    }
    checked_host(host).map(|_| ())
}

/// `host[:port]`; gives back the host alone.
fn checked_host(site: &str) -> Result<&str, &'static str> {
    let (host, port) = match site.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (site, None),
    };
    let inner = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let good = match inner {
        Some(v6) => !v6.is_empty() && v6.bytes().all(|b| b.is_ascii_hexdigit() || b == b':'),
        None => {
            host.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        }
    };
    let port_good = port.is_none_or(|p| p.parse::<u16>().is_ok());
    if good && port_good { Ok(host) } else { Err("its host is no host name") }
}

fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        if b != b'%' {
            out.push(b);
            continue;
        }
        let digits = [bytes.next()?, bytes.next()?];
        let hex = std::str::from_utf8(&digits).ok().filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit()))?;
        out.push(u8::from_str_radix(hex, 16).ok()?);
    }
    String::from_utf8(out).ok().filter(|s| !s.chars().any(char::is_control))
}
