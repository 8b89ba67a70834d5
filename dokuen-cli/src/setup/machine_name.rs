//! The name other machines know this one by, as `hostname -f` says it, but without asking the network: a resolver that
//! does not answer would hold `setup` up.

use std::path::Path;

use dokuen_core::{Domain, fs};

const HOSTS: &str = "/etc/hosts";

/// The host people push to, where nobody says otherwise: `localhost` when the machine has no name of its own.
pub fn of_machine() -> String {
    let own = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default();
    // A list that cannot be read says nothing of the machine; its own name is enough.
    let hosts = fs::read_text(Path::new(HOSTS)).unwrap_or_default();
    name(&own, &hosts).unwrap_or_else(|| LOCAL.to_owned())
}

const LOCAL: &str = "localhost";

/// The machine's own name when it has a dot, else the first name with one that hosts(5) gives it, else its own.
fn name(own: &str, hosts: &str) -> Option<String> {
    let own = Domain::parse(own).ok()?;
    let full = |name: &Domain| name.as_str().contains('.');
    let listed = hosts.lines().filter_map(|line| listed(line, &own)).find(full);
    Some(if full(&own) { own } else { listed.unwrap_or(own) }.as_str().to_owned())
}

/// The full name of a line `ADDRESS FULL-NAME ALIAS...` that has this name. That of every machine is nobody's.
fn listed(line: &str, own: &Domain) -> Option<Domain> {
    let mut words = line.split('#').next()?.split_whitespace().skip(1);
    let names: Vec<Domain> = words.by_ref().filter_map(|word| Domain::parse(word).ok()).collect();
    let full = names.first().filter(|name| name.as_str().split('.').next() != Some(LOCAL))?;
    names.contains(own).then(|| full.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_its_full_name_where_it_is_said_without_the_network() {
        let debian = "127.0.0.1 localhost\n127.0.1.1\tbox.example.org\tbox # made by the installer\n::1 localhost ip6-localhost\n";
        for (own, hosts, wanted) in [
            ("box", debian, Some("box.example.org")),
            ("box.here.test", debian, Some("box.here.test")),
            ("Box", debian, Some("box.example.org")),
            ("other", debian, Some("other")),
            ("box", "127.0.0.1 localhost\n127.0.1.1 box\n", Some("box")),
            ("box", "127.0.1.1 box\n192.0.2.7 box.example.org box\n", Some("box.example.org")),
            ("box", "#127.0.1.1 box.example.org box\n", Some("box")),
            ("box", "127.0.0.1 localhost.localdomain localhost box\n", Some("box")),
            ("box", "127.0.0.1\n\n127.0.1.1 a_b.example box\n", Some("box")),
            ("box", "", Some("box")),
            ("localhost", debian, Some("localhost")),
            ("", debian, None),
            ("a;b", debian, None),
        ] {
            assert_eq!(name(own, hosts).as_deref(), wanted, "{own:?} with {hosts:?}");
        }
    }
}
