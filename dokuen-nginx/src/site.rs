//! What nginx has to know about one app.

use std::collections::BTreeMap;

use dokuen_core::{AppName, Domain, slots_for};

use crate::conf_path::ConfPath;

/// One app as nginx sees it: its names, and the route table behind which its instances change unseen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The app.
    pub app: AppName,
    /// The name it always has.
    pub domain: Domain,
    /// Names it was given besides.
    pub aliases: Vec<Domain>,
    /// The symlink to the route table: a directory of sockets named `1`, `2`, ... up to `slots`.
    pub live: ConfPath,
    /// How many sockets the route table has: see [`slots_for`].
    pub slots: u16,
    /// Where requests are logged.
    pub access_log: Log,
    /// Where nginx's troubles with this app are logged.
    pub error_log: Log,
}

/// Where a log of one vhost goes.
///
/// An nginx that runs as root opens a [`Log::File`] as root: its directory must not belong to an app's account, which
/// could put a symlink there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Log {
    /// To where nginx logs everything else.
    Shared,
    /// Nowhere.
    Off,
    /// To a file of its own.
    File(ConfPath),
}

impl Site {
    /// An app with one name, the smallest route table and shared logs; the rest are public fields.
    pub fn new(app: AppName, domain: Domain, live: ConfPath) -> Self {
        let slots = slots_for(1);
        Self { app, domain, aliases: Vec::new(), live, slots, access_log: Log::Shared, error_log: Log::Shared }
    }

    /// All its names, each once.
    pub fn domains(&self) -> Vec<&Domain> {
        let mut domains = vec![&self.domain];
        for alias in &self.aliases {
            if !domains.contains(&alias) {
                domains.push(alias);
            }
        }
        domains
    }
}

/// Names that more than one app claims: nginx would give all traffic to the app that comes first by file name.
pub fn conflicts(sites: &[Site]) -> Vec<(Domain, AppName, AppName)> {
    let mut owners: BTreeMap<&Domain, &AppName> = BTreeMap::new();
    let mut found = Vec::new();
    for site in sites {
        for domain in site.domains() {
            let owner = *owners.entry(domain).or_insert(&site.app);
            if *owner != site.app {
                found.push((domain.clone(), owner.clone(), site.app.clone()));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn site(app: &str, domains: &[&str]) -> Site {
        let mut domains = domains.iter().map(|d| Domain::parse(d).unwrap());
        let live = ConfPath::new(Path::new("/run/dokuen/live")).unwrap();
        let first = Site::new(AppName::parse(app).unwrap(), domains.next().unwrap(), live);
        Site { aliases: domains.collect(), ..first }
    }

    #[test]
    fn a_name_of_two_apps_is_found_and_one_given_twice_is_not() {
        let sites =
            [site("a", &["a.test", "x.test", "a.test"]), site("b", &["b.test"]), site("c", &["c.test", "x.test"])];
        let found: Vec<_> = conflicts(&sites).iter().map(|(d, a, b)| format!("{d} {a} {b}")).collect();
        assert_eq!(found, ["x.test a c"]);
        assert_eq!(sites[0].domains().len(), 2);
    }
}
