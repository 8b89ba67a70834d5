//! What nginx has to know about one app.

use std::collections::BTreeMap;

use dokuen_core::{AppName, Domain, Protocol, ServerName, slots_for};

use crate::conf_path::ConfPath;
use crate::setting::Settings;

/// One app as nginx sees it: its names, and the route table behind which its instances change unseen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The app.
    pub app: AppName,
    /// What it was called before, where nginx may still know it by that: the one takes the other's place in one change.
    pub former: Option<AppName>,
    /// The name it always has.
    pub domain: Domain,
    /// Names it was given besides.
    pub aliases: Vec<ServerName>,
    /// Names that only lead to another one.
    pub redirects: Vec<Redirect>,
    /// The symlink to the route table: a directory of sockets named `1`, `2`, ... up to `slots`.
    pub live: ConfPath,
    /// How many sockets the route table has, one at least (nginx refuses an upstream of none): see [`slots_for`].
    pub slots: u16,
    /// What is behind these sockets.
    pub upstream: Upstream,
    /// What is spoken there.
    pub protocol: Protocol,
    /// What is said about it by name.
    pub settings: Settings,
    /// Certificates, the better ones first: a name is answered with the first that is good for it.
    pub certificates: Vec<Certificate>,
    /// Whether names that have a certificate are only led to https by http.
    pub https_only: bool,
    /// Whether nobody is let in for now.
    pub maintenance: bool,
    /// Files that nginx's workers read.
    pub files: Files,
    /// Configuration of an admin's own.
    pub custom: Custom,
}

/// What is behind the sockets of a route table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Upstream {
    /// Fronts, which close no connection that nginx may be about to use.
    #[default]
    Fronts,
    /// Apps, which close their connections as they like when they are told to stop. So nginx gives a connection up after
    /// a second, and an old release is soon left alone.
    Apps,
}

/// A name that only leads to another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// Whoever asks for this name ...
    pub from: ServerName,
    /// ... is sent to this one, path and all.
    pub to: Domain,
}

/// A certificate and its key, as files that never change: a new certificate has a new path, so nginx can be asked
/// whether it has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// What it is good for.
    pub names: Vec<ServerName>,
    /// It and those that vouch for it.
    pub chain: ConfPath,
    /// Its key.
    pub key: ConfPath,
}

/// Places of files that nginx's workers read for an app. Each is optional but the release's tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Files {
    /// The live release: `static.` prefixes lie in it.
    pub release: Option<ConfPath>,
    /// Who may come in, `NAME:HASH` a line.
    pub users: Option<ConfPath>,
    /// Pages by the name of what they are shown for: `502`, `504`, `maintenance`.
    pub pages: BTreeMap<Page, ConfPath>,
}

/// When a page of an app's own is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Page {
    /// No instance answers.
    Down,
    /// None answers in time.
    Late,
    /// It is in maintenance.
    Maintenance,
}

impl Page {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Down, Self::Late, Self::Maintenance];

    /// The name it has on disk and in commands.
    pub fn name(self) -> &'static str {
        match self {
            Self::Down => "502",
            Self::Late => "504",
            Self::Maintenance => "maintenance",
        }
    }
}

/// Configuration of an admin's own, as text. It is tested like all other, and it is code: whoever writes it may do
/// what nginx may.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Custom {
    /// Before the servers.
    pub http: Vec<String>,
    /// In each server of the app.
    pub server: Vec<String>,
    /// Where requests are passed on.
    pub location: Vec<String>,
    /// A whole template in place of the built-in one.
    pub template: Option<String>,
}

impl Site {
    /// An app with one name, the smallest route table and no certificate; the rest are public fields.
    pub fn new(app: AppName, domain: Domain, live: ConfPath) -> Self {
        Self {
            app,
            former: None,
            domain,
            aliases: Vec::new(),
            redirects: Vec::new(),
            live,
            slots: slots_for(1),
            upstream: Upstream::default(),
            protocol: Protocol::default(),
            settings: Settings::default(),
            certificates: Vec::new(),
            https_only: false,
            maintenance: false,
            files: Files::default(),
            custom: Custom::default(),
        }
    }

    /// The names it answers for, each once. One that is led elsewhere is none of them.
    pub fn names(&self) -> Vec<ServerName> {
        let mut names = Vec::new();
        for name in std::iter::once(ServerName::from(self.domain.clone())).chain(self.aliases.iter().cloned()) {
            if !names.contains(&name) && !self.redirects_in_force().iter().any(|redirect| redirect.from == name) {
                names.push(name);
            }
        }
        names
    }

    /// One for each name, the first. What leads a name to itself leads nowhere, and is none.
    pub(crate) fn redirects_in_force(&self) -> Vec<&Redirect> {
        let mut found: Vec<&Redirect> = Vec::new();
        for redirect in self.redirects.iter().filter(|redirect| redirect.from != redirect.to.clone().into()) {
            if !found.iter().any(|first| first.from == redirect.from) {
                found.push(redirect);
            }
        }
        found
    }

    /// All its names, those that lead elsewhere too.
    pub fn all_names(&self) -> Vec<ServerName> {
        let mut names = self.names();
        names.extend(self.redirects_in_force().into_iter().map(|redirect| redirect.from.clone()));
        names
    }

    /// The certificate a name is answered with.
    pub fn certificate(&self, name: &ServerName) -> Option<&Certificate> {
        self.certificates.iter().find(|certificate| certificate.names.iter().any(|good| good.certifies(name)))
    }
}

/// Names that more than one app claims: nginx would give all traffic to the app that comes first by file name.
pub fn conflicts(sites: &[Site]) -> Vec<(ServerName, AppName, AppName)> {
    let mut owners: BTreeMap<ServerName, &AppName> = BTreeMap::new();
    let mut found = Vec::new();
    for site in sites {
        for name in site.all_names() {
            let owner = *owners.entry(name.clone()).or_insert(&site.app);
            if *owner != site.app {
                found.push((name, owner.clone(), site.app.clone()));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn site(app: &str, names: &[&str]) -> Site {
        let live = ConfPath::new(Path::new("/run/dokuen/live")).unwrap();
        let first = Site::new(AppName::parse(app).unwrap(), Domain::parse(names[0]).unwrap(), live);
        Site { aliases: names[1..].iter().map(|name| ServerName::parse(name).unwrap()).collect(), ..first }
    }

    #[test]
    fn a_name_of_two_apps_is_found_and_one_given_twice_is_not() {
        let sites =
            [site("a", &["a.test", "x.test", "a.test"]), site("b", &["b.test"]), site("c", &["c.test", "x.test"])];
        let found: Vec<_> = conflicts(&sites).iter().map(|(d, a, b)| format!("{d} {a} {b}")).collect();
        assert_eq!(found, ["x.test a c"]);
        assert_eq!(sites[0].names().len(), 2);
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_not_answered_for() {
        let plain = site("a", &["a.test", "www.a.test"]);
        let redirects =
            vec![Redirect { from: ServerName::parse("www.a.test").unwrap(), to: Domain::parse("a.test").unwrap() }];
        let site = Site { redirects, ..plain };
        assert_eq!(site.names().iter().map(ToString::to_string).collect::<Vec<_>>(), ["a.test"]);
        assert_eq!(site.all_names().len(), 2);
    }

    #[test]
    fn a_name_is_led_to_one_other_and_never_to_itself() {
        let redirect =
            |from: &str, to: &str| Redirect { from: ServerName::parse(from).unwrap(), to: Domain::parse(to).unwrap() };
        let redirects = vec![redirect("a.test", "a.test"), redirect("x.test", "a.test"), redirect("x.test", "b.test")];
        let site = Site { redirects, ..site("a", &["a.test"]) };
        assert_eq!(site.all_names().iter().map(ToString::to_string).collect::<Vec<_>>(), ["a.test", "x.test"]);
        assert_eq!(site.redirects_in_force(), [&site.redirects[1]]);
    }
}
