//! Certificates on disk. One is a directory that is never changed: chain, key and what it says of itself. A file beside
//! names the one in force, so a new one counts with one rename and the old one is there until nginx has the new.

use dokuen_core::{App, Front, Host, ServerName, Stamp, fs};
use dokuen_nginx::{Certificate, ConfPath};
use serde::{Deserialize, Serialize};

use super::Saved;
use crate::exit::{Exit, Failure};

/// What a certificate says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// What it is good for.
    pub names: Vec<String>,
    /// Who vouches for it.
    pub issuer: String,
    /// From when on, `YYYY-mm-ddTHH:MM:SSZ`.
    pub not_before: String,
    /// Until when.
    pub not_after: String,
    /// The same in seconds since 1970.
    pub expires: i64,
    /// And since when.
    pub begins: i64,
    /// SHA-256 of the certificate, in hex.
    pub fingerprint: String,
}

impl About {
    /// Whole days that are left; below zero when it is over.
    pub fn days_left(&self, now: i64) -> i64 {
        (self.expires - now).div_euclid(86_400)
    }

    /// Whether two thirds of its time are over: early enough for a week of failures, whatever its length.
    pub fn is_due(&self, now: i64) -> bool {
        now >= self.expires - (self.expires - self.begins) / 3
    }

    /// Whether it is good for this name.
    pub fn certifies(&self, name: &ServerName) -> bool {
        self.names.iter().filter_map(|good| ServerName::parse(good).ok()).any(|good| good.certifies(name))
    }
}

/// A certificate and its key, checked against each other.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Checked {
    /// What it says.
    pub about: About,
    /// It and those that vouch for it, as PEM.
    pub chain: String,
    /// Its key, as PEM.
    pub key: String,
}

/// The certificate in force at this front door.
pub fn in_force(front: &Front) -> Result<Option<About>, Failure> {
    let Some(id) = id(front)? else { return Ok(None) };
    let path = front.certs_dir().join(&id).join(ABOUT);
    let Some(bytes) = fs::read_if_there(&path)? else { return Ok(None) };
    Ok(Some(fs::at("read", &path, serde_json::from_slice(&bytes).map_err(std::io::Error::other))?))
}

/// The chain in force, as PEM.
pub fn chain(front: &Front) -> Result<Option<String>, Failure> {
    let Some(id) = id(front)? else { return Ok(None) };
    Ok(Some(fs::read_text(&front.certs_dir().join(id).join(CHAIN))?))
}

/// The chain in force and its key, as PEM.
pub fn pem(front: &Front) -> Result<Option<Vec<u8>>, Failure> {
    let Some(id) = id(front)? else { return Ok(None) };
    let dir = front.certs_dir().join(id);
    Ok(Some([fs::read(&dir.join(CHAIN))?, b"\n".to_vec(), fs::read(&dir.join(KEY))?].concat()))
}

/// Files a certificate. It is in force when the change that is given back is kept.
pub fn file(front: &Front, checked: &Checked) -> Result<Saved, Failure> {
    let id = format!("{}-{}", Stamp::now(), checked.about.fingerprint.get(..8).unwrap_or_default());
    let (dir, beside) = (front.certs_dir().join(&id), front.certs_dir().join(format!(".new-{id}")));
    fs::make_dirs(&front.certs_dir(), fs::PRIVATE_DIR)?;
    fs::remove_tree(&beside)?;
    fs::make_dir(&beside, fs::PRIVATE_DIR)?;
    let about = serde_json::to_vec_pretty(&checked.about).expect("texts and numbers have a JSON form");
    for (name, bytes) in [(CHAIN, checked.chain.as_bytes()), (KEY, checked.key.as_bytes()), (ABOUT, &about)] {
        fs::replace(&beside.join(name), bytes, fs::PRIVATE_FILE)?;
    }
    if !dir.exists() {
        fs::rename(&beside, &dir)?;
    }
    Ok(Saved::change(&front.cert_file(), Some(format!("{id}\n").as_bytes()))?)
}

/// Takes the certificate out of force.
pub fn withdraw(front: &Front) -> Result<Saved, Failure> {
    Ok(Saved::change(&front.cert_file(), None)?)
}

/// Removes those that are in force no more, keys and all. Only for when nginx runs the present one.
pub fn sweep(front: &Front) -> Result<(), Failure> {
    let kept = id(front)?;
    for name in fs::names(&front.certs_dir())?.into_iter().filter(|name| Some(name) != kept.as_ref()) {
        fs::remove_tree(&front.certs_dir().join(name))?;
    }
    Ok(())
}

/// The certificates that answer for an app: its own, then that of all apps.
pub fn for_nginx(host: &Host, app: &App) -> Result<Vec<Certificate>, Failure> {
    let mut found = Vec::new();
    for front in [app.front(), host.front()] {
        let (Some(id), Some(about)) = (id(&front)?, in_force(&front)?) else { continue };
        let dir = front.certs_dir().join(id);
        let path = |name: &str| ConfPath::new(&dir.join(name)).map_err(|e| Failure::new(Exit::HostNotReady, e));
        let names = about.names.iter().filter_map(|name| ServerName::parse(name).ok()).collect();
        found.push(Certificate { names, chain: path(CHAIN)?, key: path(KEY)? });
    }
    Ok(found)
}

/// What a name of the app is answered with. Unreadable is none here: it is said where it is used.
pub fn of_name(host: &Host, app: &App, name: &ServerName) -> Option<About> {
    let fronts = [app.front(), host.front()];
    fronts.iter().filter_map(|front| in_force(front).ok().flatten()).find(|about| about.certifies(name))
}

const CHAIN: &str = "chain.pem";
const KEY: &str = "key.pem";
const ABOUT: &str = "about.json";

fn id(front: &Front) -> Result<Option<String>, Failure> {
    let bytes = fs::read_if_there(&front.cert_file())?;
    Ok(bytes.and_then(|bytes| Some(String::from_utf8(bytes).ok()?.trim().to_owned())).filter(|id| !id.contains('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_due_when_a_third_of_its_time_is_left() {
        let day = 86_400;
        let about = About {
            names: vec!["*.a.example".to_owned()],
            issuer: String::new(),
            not_before: String::new(),
            not_after: String::new(),
            begins: 0,
            expires: 90 * day,
            fingerprint: String::new(),
        };
        assert!(!about.is_due(59 * day) && about.is_due(60 * day));
        assert_eq!((about.days_left(60 * day), about.days_left(90 * day + 1)), (30, -1));
        assert!(about.certifies(&ServerName::parse("b.a.example").unwrap()));
    }
}
