//! `URL[#ref]` of a buildpack: checked once, so that it may go to git as it is and into a message masked.

use std::fmt;

use dokuen_core::{BuildpackName, shown};

use crate::place::Place;

/// Where a buildpack comes from. Its `Display` and `Debug` hide a login (`https://***@host/...`).
#[derive(Clone, PartialEq, Eq)]
pub struct BuildpackUrl {
    typed: String,
    place: Place,
    reference: Option<String>,
    name: BuildpackName,
}

/// Whether a buildpack may be a directory or repository of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paths {
    /// Neither paths nor `file://`: for input from people who may not read this machine.
    Refused,
    /// `file://` URLs, but no plain paths. With [`crate::Store::keep_out`] set, a push may be allowed this much.
    FileUrls,
    /// Both: for somebody at this machine.
    Allowed,
}

/// Text that is no URL of a buildpack, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{shown}: {why}")]
pub struct UrlError {
    shown: String,
    why: &'static str,
}

impl BuildpackUrl {
    /// Checks `URL[#ref]`. Accepted are `https://`, `ssh://`, `user@host:path`, `http://` to this machine only (over
    /// plain http anybody on the way could put their code into the build), and what `paths` allows.
    pub fn parse(input: &str, paths: Paths) -> Result<Self, UrlError> {
        Self::named(input, paths, None)
    }

    /// As [`BuildpackUrl::parse`], for a repository that is no buildpack and may be called anything.
    pub fn of_repository(input: &str, paths: Paths) -> Result<Self, UrlError> {
        Self::named(input, paths, BuildpackName::parse("repository").ok())
    }

    fn named(input: &str, paths: Paths, otherwise: Option<BuildpackName>) -> Result<Self, UrlError> {
        let refused = |why| UrlError { shown: shown(&masked(input)), why };
        let (address, reference) = match input.rsplit_once('#') {
            Some((address, reference)) => (address, Some(reference)),
            None => (input, None),
        };
        if reference.is_some_and(|r| !is_reference(r)) {
            return Err(refused("what stands behind \"#\" is no branch, tag or commit"));
        }
        let place = Place::parse(address, paths).map_err(refused)?;
        let name = name_of(&place).or(otherwise).ok_or_else(|| refused("no name can be read from it"))?;
        Ok(Self { typed: input.to_owned(), place, reference: reference.map(str::to_owned), name })
    }

    /// The name: what stands behind `buildpack-` in the URL, else its last part.
    pub fn name(&self) -> &BuildpackName {
        &self.name
    }

    /// The branch, tag or commit that was asked for.
    pub fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }

    /// The text as it was typed, login and all: for a private file, never for a message or an argv.
    pub(crate) fn secret_text(&self) -> &str {
        &self.typed
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// What git is given as an argument.
    pub(crate) fn address(&self) -> &str {
        match &self.place {
            Place::Remote { address, .. } => address,
            // It was cut out of a `&str`.
            Place::Local(path) => path.to_str().expect("a local path came from text"),
        }
    }
}

impl fmt::Display for BuildpackUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked(&self.typed))
    }
}

impl fmt::Debug for BuildpackUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A login between `://` and `@` becomes `***`; so does one with a password where none belongs, which is refused in an error
/// that shows it. A user name alone, as ssh has it, is no secret.
pub(crate) fn masked(text: &str) -> String {
    let is_scheme = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric());
    let Some((scheme, rest)) = text.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) else {
        let holds_password =
            text.split_once('@').is_some_and(|(login, _)| login.contains(':') && !login.starts_with('/'));
        let login = text.rfind('@').filter(|_| holds_password);
        return login.map_or_else(|| text.to_owned(), |at| format!("***{}", &text[at..]));
    };
    let site = &rest[..rest.find('/').unwrap_or(rest.len())];
    // A password may hold `?` and `#`, and one that holds `/` makes no URL, but stands in the message that says so.
    let login = site.rfind('@').or_else(|| rest.rfind('@').filter(|_| site.contains(':')));
    match login {
        Some(at) if scheme != "ssh" || rest[..at].contains(':') => {
            format!("{scheme}://***{}", without(secret_of(&rest[..at]), &rest[at..]))
        }
        _ => text.to_owned(),
    }
}

fn secret_of(login: &str) -> &str {
    login.split_once(':').map_or(login, |(_, password)| password)
}

/// A path may hold the login once more, by a slip in typing. A short one stands there by chance.
fn without(secret: &str, rest: &str) -> String {
    if secret.len() < 8 { rest.to_owned() } else { rest.replace(secret, "***") }
}

/// The shape of a ref name as `git check-ref-format` has it, and narrower: nothing that a shell or a path could take ill.
fn is_reference(text: &str) -> bool {
    let part = |p: &str| !p.is_empty() && !p.starts_with(['.', '-']) && !p.ends_with('.') && !p.ends_with(".lock");
    text.len() <= 200
        && !text.contains("..")
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._/+=".contains(&b))
        && text.split('/').all(part)
}

/// Mason's `buildpack-(\w+)`, looked for in the last part first: a directory above may well be called that way too.
fn name_of(place: &Place) -> Option<BuildpackName> {
    let text = match place {
        Place::Remote { address, .. } => address.as_str(),
        Place::Local(path) => path.to_str()?,
    };
    let last = text.trim_end_matches('/').rsplit(['/', ':']).next()?;
    let plain = last.strip_suffix(".git").unwrap_or(last);
    let name = behind_buildpack(last).or_else(|| behind_buildpack(text)).unwrap_or(plain);
    BuildpackName::parse(name).ok()
}

fn behind_buildpack(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("buildpack-")?;
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    (end > 0).then(|| &rest[..end])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(input: &str) -> Result<BuildpackUrl, UrlError> {
        BuildpackUrl::parse(input, Paths::Allowed)
    }

    #[test]
    fn names_are_masons() {
        for (url, name) in [
            ("https://github.com/heroku/heroku-buildpack-ruby.git", "ruby"),
            ("https://user:token@h/buildpack-x.git#main", "x"),
            ("git@host.example:me/buildpack-go.git#v1.2", "go"),
            ("ssh://git@host:2222/srv/buildpack-node_js.git#0123456789", "node_js"),
            ("http://127.0.0.1:8080/buildpack-x", "x"),
            ("file:///srv/heroku-buildpack-null", "null"),
            ("file://localhost/srv/a%20b/buildpack-null", "null"),
            ("/srv/with space/buildpack-fail-compile/", "fail"),
            ("/srv/buildpack-all/mine.git", "all"),
            ("https://h/own-pack.git", "own-pack"),
        ] {
            assert_eq!(parse(url).unwrap().name().as_str(), name, "{url}");
        }
        assert_eq!(parse("file:///srv/a%20b/buildpack-x").unwrap().address(), "/srv/a b/buildpack-x");
    }

    #[test]
    fn refuses_what_could_run_or_read_something_else() {
        for bad in [
            "",
            "--upload-pack=touch /tmp/PWNED;",
            "--config=core.sshCommand=id",
            "-x",
            "fd::17",
            "ext::sh -c id",
            "ssh://-oProxyCommand=id/x",
            "ssh://git@-oProxyCommand=id/x",
            "ssh://u\nser@h/x-buildpack",
            "ssh://u:p@h/x",
            "https://h/buildpack-x.git$(id)",
            "https://h/buildpack-x.git|id",
            "https://h/buildpack-x.git id",
            "https://h/buildpack-x.git#../../x",
            "https://h/buildpack-x.git#-x",
            "https://h/buildpack-x.git#",
            "https://h/b#a..b",
            "javascript:alert(1)",
            "javascript:x",
            "https://",
            "https:///x",
            "https://h",
            "https://-h/x",
            "http://169.254.169.254/latest/buildpack-x",
            "http://127.0.0.1.evil.example/buildpack-x",
            "https://h/buildpack-x\0",
            "git@h:-x",
            "git@h:",
            "a@b::x",
            "ftp://h/x",
            "h:x",
            "file://relative",
            "file://host/x",
            "relative/buildpack-x",
            "/",
            "/..",
            "https://a%0ab@h/buildpack-x",
            "https://h:99999/x",
            "https://h/\u{202e}",
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn local_places_only_where_they_are_allowed() {
        for (paths, path, url) in
            [(Paths::Refused, false, false), (Paths::FileUrls, false, true), (Paths::Allowed, true, true)]
        {
            assert_eq!(BuildpackUrl::parse("/var/lib/other/repo", paths).is_ok(), path, "{paths:?}");
            assert_eq!(BuildpackUrl::parse("file:///var/lib/other/repo", paths).is_ok(), url, "{paths:?}");
        }
    }

    #[test]
    fn a_login_is_never_shown() {
        let url = parse("https://user:s3cret%40@h.example/buildpack-x.git#v1").unwrap();
        assert_eq!(
            format!("{url} {url:?}"),
            "https://***@h.example/buildpack-x.git#v1 https://***@h.example/buildpack-x.git#v1"
        );
        assert_eq!(url.address(), "https://h.example/buildpack-x.git");
        let Place::Remote { login: Some(login), .. } = url.place() else { panic!("no login") };
        assert_eq!((login.user.as_str(), login.password.as_str()), ("user", "s3cret@"));
        let refused = parse("https://user:s3cret@h/buildpack-x.git;id").unwrap_err().to_string();
        assert!(!refused.contains("s3cret"), "{refused}");
    }

    #[test]
    fn a_password_that_has_no_place_in_an_address_is_not_in_the_refusal_either() {
        for bad in [
            "u:SECRET@h/buildpack-x",
            "u:SECRET@h:me/x",
            "ssh://u:SECRET@h/x",
            "ssh://u:S/SECRET@h/x",
            "u:a@SECRET@h:x",
        ] {
            let refused = parse(bad).unwrap_err().to_string();
            assert!(!refused.contains("SECRET"), "{refused}");
        }
    }

    /// Found by the fuzzer: a login was cut off at its question mark.
    #[test]
    fn no_character_of_a_password_ends_its_mask() {
        for url in
            ["https://u:a?SECRET@h/x", "https://u:a#SECRET@h/x", "https://u:a/SECRET@h/x", "https://u:SECRET?@h/x"]
        {
            assert!(!masked(url).contains("SECRET"), "{}", masked(url));
        }
        assert_eq!(masked("https://u:password@h/u:password@h/x"), "https://***@h/u:***@h/x");
        assert_eq!(masked("https://h:8443/x"), "https://h:8443/x");
        assert_eq!(masked("ssh://git@h:2222/x@v1"), "ssh://git@h:2222/x@v1");
        for plain in ["git@h:me/buildpack-x.git#v1", "git@h:me/x@v1", "/srv/a:b@c/x"] {
            assert_eq!(masked(plain), plain);
        }
        assert_eq!(masked("https://h/x@v1"), "https://h/x@v1");
        assert_eq!(masked("u:password@://h"), "***@://h");
    }

    proptest! {
        #[test]
        fn never_panics_and_never_shows_a_login(text in "(https|ssh|file|ftp)?(://)?(u:TOKEN@)?\\PC{0,20}#?\\PC{0,8}") {
            if let Err(e) = parse(&text) {
                prop_assert!(!e.to_string().contains("TOKEN"), "{}", e);
            }
        }
    }
}
