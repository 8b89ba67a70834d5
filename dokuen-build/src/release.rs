//! What `bin/release` prints: lenient about what is missing or unknown, strict about what it would set.

use std::fmt;
use std::marker::PhantomData;

use dokuen_core::{EnvName, EnvValue, ProcessType, Procfile, ProcfileError};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_yaml::Value;

use crate::error::ReleaseError;

/// What `bin/release` of a buildpack printed, in its order.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Release {
    /// Defaults, under everything that an app or a user sets.
    pub config_vars: Vec<(EnvName, EnvValue)>,
    /// Commands for types that the app's Procfile does not name.
    pub process_types: Procfile,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Raw {
    config_vars: Pairs,
    default_process_types: Pairs,
}

/// A map of strings in the order of the text. Scalars are kept as written (`0755`, `1.10`, `yes`); a name that comes
/// twice is an error, where a plain map would silently take the last.
#[derive(Default)]
struct Pairs(Vec<(String, String)>);

impl Release {
    /// Reads the text; nothing at all, a bare `---` and a map without either member are empty releases.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReleaseError> {
        let text = std::str::from_utf8(bytes).map_err(|_| ReleaseError::NotText)?;
        let text = text.trim_start_matches('\u{feff}');
        let yaml = |e: serde_yaml::Error| ReleaseError::Yaml(e.to_string());
        // The first reading is for what the typed one would pass over: tags, and names that come twice.
        let value: Value = serde_yaml::from_str(text).map_err(yaml)?;
        if let Some(tag) = tag_in(&value) {
            return Err(ReleaseError::Tag(tag));
        }
        let raw = if value.is_null() { Raw::default() } else { serde_yaml::from_str(text).map_err(yaml)? };
        let config_vars =
            raw.config_vars.0.into_iter().map(|(name, value)| config_var(&name, value)).collect::<Result<_, _>>()?;
        let types = raw.default_process_types.0.into_iter().map(|(name, command)| process(&name, &command));
        let process_types = Procfile::of(types.collect::<Result<Vec<_>, _>>()?);
        Ok(Self { config_vars, process_types: bounded(process_types)? })
    }
}

fn config_var(name: &str, value: String) -> Result<(EnvName, EnvValue), ReleaseError> {
    let parsed = EnvName::parse(name)?;
    if parsed.is_reserved() {
        return Err(ReleaseError::Reserved(name.to_owned()));
    }
    let value = EnvValue::new(value).ok_or_else(|| ReleaseError::Value(name.to_owned()))?;
    Ok((parsed, value))
}

fn process(name: &str, command: &str) -> Result<(ProcessType, String), ReleaseError> {
    let (parsed, command) = (ProcessType::parse(name)?, command.trim());
    if command.is_empty() || command.chars().any(|c| c.is_control() && c != '\t') {
        return Err(ReleaseError::Command(name.to_owned()));
    }
    Ok((parsed, command.to_owned()))
}

fn bounded(types: Procfile) -> Result<Procfile, ReleaseError> {
    match types.types().count() {
        0..=Procfile::MOST => Ok(types),
        count => {
            let why = ProcfileError::TooMany { count, most: Procfile::MOST };
            Err(ReleaseError::Yaml(why.to_string()))
        }
    }
}

fn tag_in(value: &Value) -> Option<String> {
    match value {
        Value::Tagged(tagged) => Some(dokuen_core::shown(&tagged.tag.to_string())),
        Value::Sequence(items) => items.iter().find_map(tag_in),
        Value::Mapping(map) => map.iter().find_map(|(key, value)| tag_in(key).or_else(|| tag_in(value))),
        _ => None,
    }
}

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PairsVisitor(PhantomData))
    }
}

struct PairsVisitor(PhantomData<Pairs>);

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of names to strings")
    }

    fn visit_unit<E>(self) -> Result<Pairs, E> {
        Ok(Pairs::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, String>()? {
            if pairs.iter().any(|(have, _)| *have == name) {
                return Err(A::Error::custom(format_args!("{} stands there twice", dokuen_core::shown(&name))));
            }
            pairs.push((name, value));
        }
        Ok(Pairs(pairs))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> (Vec<(String, String)>, String) {
        let release = Release::parse(text.as_bytes()).unwrap_or_else(|e| panic!("{text:?}: {e}"));
        let vars = release.config_vars.iter().map(|(n, v)| (n.to_string(), v.lossy()));
        (vars.collect(), release.process_types.render())
    }

    #[test]
    fn what_is_missing_or_unknown_is_fine() {
        for text in [
            "",
            "---",
            "---\n",
            "--- {}\n",
            "{}\n",
            "\u{feff}--- {}\r\n",
            "addons: [heroku-postgresql]\n",
            "config_vars:\ndefault_process_types:\n",
            "config_vars: ~\n",
        ] {
            assert_eq!(read(text), (vec![], String::new()), "{text:?}");
        }
    }

    #[test]
    fn order_and_spelling_are_kept() {
        let text = "---\nconfig_vars:\n  Z: last\n  A: 0755\n  V: 1.10\n  Y: yes\n  T: 22:22\n  E: ''\n  Q: \"a\\nb\"\n\
                    default_process_types:\n  web: \"bin/x -p $PORT\"\n  urgent-worker: w # c\n  Multi: |\n    one\n";
        let (vars, types) = read(text);
        let want =
            [("Z", "last"), ("A", "0755"), ("V", "1.10"), ("Y", "yes"), ("T", "22:22"), ("E", ""), ("Q", "a\nb")];
        assert_eq!(vars, want.map(|(n, v)| (n.to_owned(), v.to_owned())));
        assert_eq!(types, "web: bin/x -p $PORT\nurgent-worker: w\nMulti: one\n");
    }

    #[test]
    fn what_would_set_something_wrong_is_refused() {
        let many = format!(
            "default_process_types: {{{}}}",
            (0..101).map(|n| format!("t{n}: x")).collect::<Vec<_>>().join(", ")
        );
        let bomb = "a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\n\
                    d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]\ne: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]\nf: [*e, *e, *e, *e, *e, *e, *e, *e, *e]\n";
        let deep = "[".repeat(5000);
        for text in [
            "--- !ruby/object:Gem::Installer\ni: x\n",
            "config_vars: {A: !ruby/object:X {}}",
            "[",
            "[]",
            "x",
            "config_vars: x\n",
            "config_vars: [A]\n",
            "default_process_types: {web: {a: b}}\n",
            "default_process_types: {web: [a]}\n",
            "config_vars: {'A B': c}\n",
            "config_vars: {1A: c}\n",
            "config_vars: {PORT: 1}\n",
            "config_vars: {HOME: /x}\n",
            "config_vars: {A: b}\nconfig_vars: {A: c}\n",
            "config_vars: {A: b, A: c}\n",
            "default_process_types: {../x: y}\n",
            "default_process_types: {web: ''}\n",
            "default_process_types: {web: \"a\\nb\"}\n",
            "a: 1\n---\nb: 2\n",
            "config_vars: {A: \"\\0\"}\n",
            &many,
            bomb,
            &deep,
        ] {
            assert!(Release::parse(text.as_bytes()).is_err(), "{:?}", &text[..text.len().min(80)]);
        }
        assert!(Release::parse(b"config_vars: {A: \xff}\n").is_err());
    }

    /// Members of a YAML map with these names.
    fn pairs(name: &'static str) -> impl Strategy<Value = String> {
        let one = (name, "[\"']?\\PC{0,12}[\"']?").prop_map(|(name, value)| format!("{name}: {value}"));
        proptest::collection::vec(one, 0..4).prop_map(|all| all.join(", "))
    }

    proptest! {
        #[test]
        fn never_panics(text in "(config_vars|default_process_types)?:? ?[{\\[]?\\PC{0,30}") {
            let _ = Release::parse(text.as_bytes());
        }

        #[test]
        fn what_is_read_can_be_written_down(vars in pairs("[A-Z_]{1,6}"), types in pairs("[a-z-]{1,6}")) {
            let text = format!("config_vars: {{{vars}}}\ndefault_process_types: {{{types}}}\n");
            if let Ok(release) = Release::parse(text.as_bytes()) {
                prop_assert!(release.config_vars.iter().all(|(name, value)| !name.is_reserved() && !value.bytes().contains(&0)));
                if !release.process_types.is_empty() {
                    prop_assert_eq!(Procfile::parse(&release.process_types.render()).unwrap(), release.process_types);
                }
            }
        }
    }
}
