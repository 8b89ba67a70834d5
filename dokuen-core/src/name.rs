//! Names parsed at the border: app, process type, config var, buildpack, user.

use std::fmt;

/// A name that was refused: what kind it was, what was typed (escaped and cut), and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {shown}: {allowed}")]
pub struct BadName {
    what: &'static str,
    shown: String,
    allowed: &'static str,
}

impl BadName {
    pub(crate) fn new(what: &'static str, input: &str, allowed: &'static str) -> Self {
        Self { what, shown: shown(input), allowed }
    }
}

/// Text from outside made fit for one line of a message: quoted, escaped, at most 80 characters.
///
/// Beyond ASCII nothing is shown as it is: where only ASCII is allowed, look-alikes would lie. [`legible`] is for the rest.
pub fn shown(input: &str) -> String {
    shown_but(input, |_, _| false)
}

/// As [`shown`], for names that may be of any script, of refs and of files in a tree: letters, numbers and the marks on
/// letters are shown as they are. What nobody sees, and what turns the direction of a line, is escaped as ever.
pub fn legible(input: &str) -> String {
    shown_but(input, |c, before| is_seen(c) && (c.is_alphanumeric() || is_mark(c) && before.is_some_and(is_letter)))
}

fn shown_but(input: &str, as_it_is: impl Fn(char, Option<char>) -> bool) -> String {
    const MOST: usize = 80;
    let mut out = String::from("\"");
    let mut before = None;
    for (count, c) in input.chars().enumerate() {
        if count == MOST {
            out.push_str("\"...");
            return out;
        }
        match c {
            ' '..='~' if c != '"' && c != '\\' => out.push(c),
            _ if !c.is_ascii() && as_it_is(c, before) => out.push(c),
            _ => out.extend(c.escape_default()),
        }
        before = Some(c);
    }
    out.push('"');
    out
}

fn is_letter(c: char) -> bool {
    is_seen(c) && (c.is_alphanumeric() || is_mark(c))
}

/// What extends the character before it: the standard library escapes it where it stands alone, and behind another only
/// what cannot be printed.
fn is_mark(c: char) -> bool {
    c.escape_debug().len() > 1 && format!("a{c}").escape_debug().count() == 2
}

/// Not among the letters and marks that draw nothing; that is what Unicode calls default ignorable.
fn is_seen(c: char) -> bool {
    !matches!(c, '\u{34f}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{16fe4}' | '\u{e0000}'..='\u{e0fff}')
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $check:expr, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(String);

        impl $type {
            /// Checks `input` against the rule above; the error says what is allowed.
            pub fn parse(input: &str) -> Result<Self, BadName> {
                let check: fn(&str) -> bool = $check;
                if check(input) { Ok(Self(input.to_owned())) } else { Err(BadName::new($what, input, $allowed)) }
            }

            /// The name as it was typed.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                // With the padding that a table asks for.
                f.pad(&self.0)
            }
        }

        impl AsRef<std::path::Path> for $type {
            fn as_ref(&self) -> &std::path::Path {
                self.0.as_ref()
            }
        }
    };
}

name!(
    /// An app: one DNS label in lower case, since it becomes a host name, a directory and a repository.
    /// Names that Dokuen's own files or every machine use (`current`, `localhost`) are refused.
    AppName,
    "application name",
    is_app_name,
    "only a-z, 0-9 and \"-\", 1 to 63 characters, starting and ending with a letter or digit, and no reserved name"
);

name!(
    /// A line of a Procfile: letters, digits, `_` and `-`, at most 63 characters (foreman's rule, bounded).
    ProcessType,
    "process type",
    |s| bounded(s, 63) && !s.starts_with('-') && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'),
    "only letters, digits, \"_\" and \"-\", 1 to 63 characters, not starting with \"-\""
);

name!(
    /// A config var, as POSIX names an environment variable; it is also a file name in `env/`.
    EnvName,
    "config var name",
    |s| bounded(s, 200)
        && !s.as_bytes()[0].is_ascii_digit()
        && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'),
    "only letters, digits and \"_\", 1 to 200 characters, not starting with a digit"
);

name!(
    /// An installed buildpack: what stands behind `buildpack-` in its URL.
    BuildpackName,
    "buildpack name",
    |s| bounded(s, 63) && !s.starts_with('-') && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'),
    "only letters, digits, \"_\" and \"-\", 1 to 63 characters"
);

name!(
    /// Somebody who may push: a key is filed under this name.
    UserName,
    "user name",
    |s| bounded(s, 63)
        && s.as_bytes()[0].is_ascii_alphanumeric()
        && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.')),
    "only a-z, 0-9, \"_\", \"-\" and \".\", 1 to 63 characters, starting with a letter or digit"
);

name!(
    /// A directory of an app's that outlives its releases: a file name, and a part of a variable's name.
    StorageName,
    "storage name",
    |s| bounded(s, 40)
        && s.as_bytes()[0].is_ascii_lowercase()
        && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
    "only a-z, 0-9 and \"-\", 1 to 40 characters, starting with a letter"
);

name!(
    /// A scheduled job of an app: a file name and a word of the command line.
    JobName,
    "job name",
    |s| bounded(s, 40)
        && s.as_bytes()[0].is_ascii_alphanumeric()
        && s.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')),
    "only letters, digits, \"_\" and \"-\", 1 to 40 characters, starting with a letter or digit"
);

impl UserName {
    /// A name that Gitolite has let somebody in by: its own pattern is wider than Dokuen's, and its people are there
    /// already. It still holds no `/` and does not begin with `-` or `.`.
    pub fn of_gitolite(text: &str) -> Result<Self, BadName> {
        let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'@' | b'+');
        let first = text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
        if first && text.len() <= 200 && text.bytes().all(inner) {
            return Ok(Self(text.to_owned()));
        }
        Self::parse(text)
    }
}

impl ProcessType {
    /// The one type that gets traffic.
    pub fn web() -> Self {
        Self("web".to_owned())
    }

    /// Whether nginx sends requests to it.
    pub fn is_web(&self) -> bool {
        self.0 == "web"
    }
}

impl EnvName {
    /// Set by the platform for each process, so never by a user or a buildpack; also where it is stored.
    pub fn is_reserved(&self) -> bool {
        matches!(self.as_str(), "PORT" | "PS" | "DYNO" | "HOME")
    }

    /// Whether the platform's own value always wins, so that nobody would ever see another. Wider than
    /// [`EnvName::is_reserved`]: such a name may stand in a store of before, or in a buildpack's defaults, and is passed over.
    pub fn is_always_set(&self) -> bool {
        const WIN: [&str; 5] = ["GIT_REV", "SOURCE_VERSION", "DOKUEN_APP", "DOKUEN_RELEASE", "DOKUEN_INSTANCE"];
        self.is_reserved() || WIN.contains(&self.as_str())
    }
}

fn bounded(s: &str, most: usize) -> bool {
    !s.is_empty() && s.len() <= most
}

fn is_app_name(s: &str) -> bool {
    const RESERVED: [&str; 5] = ["current", "previous", "localhost", "default", "gitolite-admin"];
    bounded(s, 63)
        && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !s.starts_with('-')
        && !s.ends_with('-')
        && !s.starts_with("xn--")
        && !RESERVED.contains(&s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn app_names_are_dns_labels() {
        for good in ["a", "myapp", "my-app2", "0x", &"a".repeat(63)] {
            assert_eq!(AppName::parse(good).unwrap().as_str(), good);
        }
        for bad in
            ["", ".", "..", "a/b", "-", "-a", "a-", "Foo", "a b", "a\n", "a;id", "_", "xn--a", "current", "f\u{43e}o"]
        {
            assert!(AppName::parse(bad).is_err(), "{bad:?}");
        }
        assert!(AppName::parse(&"a".repeat(64)).is_err());
    }

    #[test]
    fn the_refusal_shows_the_input_escaped_and_cut() {
        insta::assert_snapshot!(AppName::parse("foo;id\n\u{202e}").unwrap_err(), @r#"application name "foo;id\n\u{202e}": only a-z, 0-9 and "-", 1 to 63 characters, starting and ending with a letter or digit, and no reserved name"#);
        assert!(AppName::parse(&"a".repeat(5000)).unwrap_err().to_string().len() < 250);
    }

    #[test]
    fn letters_of_any_script_are_legible_and_what_nobody_sees_is_escaped() {
        for text in [
            "\u{fc}n\u{ef}",
            "u\u{308}",
            "\u{65e5}\u{672c}",
            "\u{5e9}\u{5dc}",
            "\u{915}\u{94d}\u{937}",
            "\u{663}",
            "\u{e01}\u{e33}",
        ] {
            assert_eq!(legible(text), format!("\"{text}\""));
        }
        for hidden in [
            '\u{7f}',
            '\u{9b}',
            '\u{a0}',
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{180e}',
            '\u{200b}',
            '\u{200d}',
            '\u{200e}',
            '\u{2028}',
            '\u{202e}',
            '\u{2066}',
            '\u{2069}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{fffd}',
            '\u{e0041}',
            '\u{e0100}',
            '\u{e000}',
            '\u{1b}',
            '\n',
            '"',
            '\\',
        ] {
            assert_eq!(legible(&format!("\u{fc}{hidden}x")), format!("\"\u{fc}{}x\"", hidden.escape_default()));
        }
        assert_eq!(legible("/\u{308}"), "\"/\\u{308}\"", "a mark on what is no letter");
    }

    #[test]
    fn config_var_names_are_posix_names() {
        for good in ["A", "a", "_X9", "GIT_SSH_COMMAND"] {
            assert!(EnvName::parse(good).is_ok());
        }
        for bad in ["", "1A", "A-B", "A B", "A=B", "..", "a/b", "\u{c4}", "A[0]"] {
            assert!(EnvName::parse(bad).is_err(), "{bad:?}");
        }
    }
}
