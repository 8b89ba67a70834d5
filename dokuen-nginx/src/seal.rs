//! The first line of a file of ours: by it nginx proves which text it runs.

use dokuen_core::{AppName, ServerName, fnv1a};

/// What a file says about itself: the sum of its text, and the names under which nginx repeats that sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    pub sum: String,
    pub domains: Vec<String>,
}

/// Stands in the templates where the sum goes. No checked value can hold a `$`.
pub(crate) const PLACE: &str = "${dokuen_sum}";
const LEAD: &str = "# dokuen-route ";

/// A name that nginx can be asked by. For all names below one, it is one that nobody has.
fn asked(name: &ServerName) -> String {
    match name {
        ServerName::Exact(domain) => domain.to_string(),
        ServerName::Below(domain) => format!("{PROBE}{domain}"),
    }
}

/// The name in a seal as people know it.
pub fn named(asked: &str) -> String {
    asked.strip_prefix(PROBE).map_or_else(|| asked.to_owned(), |domain| format!("*.{domain}"))
}

const PROBE: &str = "dokuen-route.";

/// The first lines of an app's file.
pub(crate) fn heading(names: &[ServerName], app: &AppName) -> String {
    let names: String = names.iter().map(|name| format!(" {}", asked(name))).collect();
    format!("{LEAD}{PLACE}{names}\n{}what is changed here by hand is lost.\n\n", written_for(app))
}

fn written_for(app: &AppName) -> String {
    format!("# Written by Dokuen for {app}: ")
}

/// Whether these bytes were written by us as this app's file.
pub(crate) fn is_of(bytes: &[u8], app: &AppName) -> bool {
    let second = bytes.split(|byte| *byte == b'\n').nth(1).unwrap_or_default();
    Seal::of(bytes).is_some() && second.starts_with(written_for(app).as_bytes())
}

/// Puts the sum of `text` into its places.
pub fn seal(text: &str) -> String {
    text.replace(PLACE, &format!("{:016x}", fnv1a(text.as_bytes())))
}

impl Seal {
    /// Of a file on disk; `None` when it was not written by us.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut words = text.lines().next()?.strip_prefix(LEAD)?.split(' ').map(str::to_owned);
        Some(Self { sum: words.next()?, domains: words.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_text_says_its_sum_and_names() {
        let text = seal("# dokuen-route ${dokuen_sum} a.test b.test\nreturn 200 ${dokuen_sum};\n");
        let seal = Seal::of(text.as_bytes()).unwrap();
        assert_eq!(seal.domains, ["a.test", "b.test"]);
        assert!(text.ends_with(&format!("return 200 {};\n", seal.sum)), "{text}");
        assert_eq!(Seal::of(b"server {}"), None);
        assert_eq!(Seal::of(b""), None);
    }
}
