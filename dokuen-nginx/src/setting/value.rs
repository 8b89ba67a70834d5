//! The kinds of values, each with its check. What passes means itself to nginx.

use std::net::IpAddr;

/// What a value has to be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Size,
    Buffer,
    Time,
    /// Where nginx counts in whole seconds.
    Seconds,
    Switch,
    Count(u64, u64),
    Types,
    Addresses,
    Rate,
    Text,
    Hash,
    Tree,
    Hsts,
    OneOf(&'static [&'static str]),
}

impl Kind {
    pub fn wanted(self) -> String {
        let text = match self {
            Self::Size => "a size such as 500k, 20m or 1g",
            Self::Buffer => "a size from 1k to 1024k",
            Self::Time => "a time such as 500ms, 30s, 5m, 12h or 30d",
            Self::Seconds => "a time such as 30s, 5m, 12h or 30d",
            Self::Switch => "on or off",
            Self::Count(low, high) => return format!("a whole number from {low} to {high}"),
            Self::Types => "types such as text/css, with blanks between",
            Self::Addresses => "addresses or networks such as 192.0.2.0/24, with commas between",
            Self::Rate => "a rate such as 10r/s or 600r/m, with burst=20 or without",
            Self::Text => "a line of printable ASCII without $, of 1000 characters at most",
            Self::Hash => "a password's hash as crypt(3) makes them, such as $6$...",
            Self::Tree => "a directory of the release such as public/assets",
            Self::Hsts => {
                "off, or a time such as 365d with include-subdomains and preload (a year at least) or without"
            }
            Self::OneOf([words @ .., last]) => return format!("{} or {last}", words.join(", ")),
            Self::OneOf([]) => "anything",
        };
        text.to_owned()
    }

    /// The value in its one form, `None` when it is none.
    pub fn check(self, value: &str) -> Option<String> {
        match self {
            Self::Size => size(value),
            Self::Buffer => size(value).filter(|_| kilobytes(value).is_some_and(|k| (1..=1024).contains(&k))),
            Self::Time => seconds(value).filter(|s| (0.001..=2_592_000.0).contains(s)).map(|_| value.to_owned()),
            Self::Seconds => Self::Time.check(value).filter(|time| !time.ends_with("ms")),
            Self::Switch => switch(value),
            Self::Count(low, high) => digits(value).filter(|n| (low..=high).contains(n)).map(|n| n.to_string()),
            Self::Types => types(value),
            Self::Addresses => addresses(value),
            Self::Rate => rate(value),
            Self::Text => is_line(value).then(|| value.to_owned()),
            Self::Hash => is_hash(value).then(|| value.to_owned()),
            Self::Tree => is_tree(value).then(|| value.trim_end_matches('/').to_owned()),
            Self::Hsts => hsts(value),
            Self::OneOf(words) => words.contains(&value).then(|| value.to_owned()),
        }
    }
}

/// Text between double quotes; only `"` and `\` end or escape something there, and `$` never passed the check.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// nginx would take more forms of a number; one is enough.
fn digits(text: &str) -> Option<u64> {
    let plain = (1..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn size(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    digits(text.strip_suffix(['k', 'm', 'g']).unwrap_or(&text))?;
    Some(text)
}

pub(super) fn kilobytes(text: &str) -> Option<u64> {
    let text = text.to_ascii_lowercase();
    match text.split_at_checked(text.len().checked_sub(1)?)? {
        (number, "k") => digits(number),
        (number, "m") => Some(digits(number)? * 1024),
        _ => None,
    }
}

/// The seconds of a time with one unit; nginx's `M` and `y`, whose length is an opinion, are left out.
pub(super) fn seconds(text: &str) -> Option<f64> {
    let at = text.find(|c: char| !c.is_ascii_digit())?;
    let factor = match &text[at..] {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    Some(digits(&text[..at])? as f64 * factor)
}

fn switch(text: &str) -> Option<String> {
    let on = match text.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => "on",
        "off" | "false" | "no" | "0" => "off",
        _ => return None,
    };
    Some(on.to_owned())
}

fn types(text: &str) -> Option<String> {
    let is_part = |part: &str| {
        (1..=80).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"+.-".contains(&b))
    };
    let mut found: Vec<&str> = Vec::new();
    for word in text.split([' ', ',']).filter(|word| !word.is_empty()) {
        let (kind, sort) = word.split_once('/')?;
        if !is_part(kind) || !is_part(sort) {
            return None;
        }
        // nginx compresses it in any case, and warns of a second mention.
        if word != "text/html" && !found.contains(&word) {
            found.push(word);
        }
    }
    (!found.is_empty() && found.len() <= 50).then(|| found.join(" "))
}

/// Networks in their plain form: an address with bits behind the mask is a slip that nginx would only warn of.
fn addresses(text: &str) -> Option<String> {
    let mut found = Vec::new();
    for word in text.split([',', ' ']).filter(|word| !word.is_empty()) {
        let (ip, bits) = word.split_once('/').map_or((word, None), |(ip, bits)| (ip, Some(bits)));
        let ip: IpAddr = ip.parse().ok()?;
        let most = if ip.is_ipv4() { 32 } else { 128 };
        let network = match bits {
            None => ip.to_string(),
            Some(bits) => {
                let bits = digits(bits).filter(|bits| *bits <= most)? as u32;
                format!("{}/{bits}", masked(ip, bits))
            }
        };
        if !found.contains(&network) {
            found.push(network);
        }
    }
    (!found.is_empty() && found.len() <= 500).then(|| found.join(","))
}

fn masked(ip: IpAddr, bits: u32) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => IpAddr::V4((ip.to_bits() & u32::MAX.checked_shl(32 - bits).unwrap_or(0)).into()),
        IpAddr::V6(ip) => IpAddr::V6((ip.to_bits() & u128::MAX.checked_shl(128 - bits).unwrap_or(0)).into()),
    }
}

fn rate(text: &str) -> Option<String> {
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    let rate = words.next()?;
    let number = rate.strip_suffix("r/s").or_else(|| rate.strip_suffix("r/m"))?;
    digits(number).filter(|n| (1..=100_000).contains(n))?;
    let burst = match words.next() {
        None => 0,
        Some(word) => digits(word.strip_prefix("burst=")?).filter(|n| *n <= 100_000)?,
    };
    words.next().is_none().then(|| if burst == 0 { rate.to_owned() } else { format!("{rate} burst={burst}") })
}

/// `31536000 includeSubDomains preload`; a browser that preloads wants a year at least, and all subdomains.
fn hsts(text: &str) -> Option<String> {
    if matches!(text, "off" | "") {
        return Some("off".to_owned());
    }
    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    let (time, flags) = words.split_first()?;
    let age = seconds(time).filter(|s| (1.0..=63_072_000.0).contains(s))? as u64;
    let preload = flags.contains(&"preload");
    let fits = flags.iter().all(|word| matches!(*word, "include-subdomains" | "preload")) && flags.len() <= 2;
    let may_preload = !preload || (age >= 31_536_000 && flags.contains(&"include-subdomains"));
    (fits && may_preload).then(|| words.join(" "))
}

fn is_line(text: &str) -> bool {
    text.len() <= 1000 && text.trim() == text && text.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b'$')
}

fn is_hash(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"./$=,+-".contains(&b);
    text.starts_with('$') && (10..=250).contains(&text.len()) && text.bytes().all(inner)
}

fn is_tree(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    text.len() <= 200 && text.trim_end_matches('/').split('/').all(is_part)
}

/// A path below the root, without its last slash, that no location of ours has.
pub(super) fn is_prefix(text: &str) -> bool {
    let Some(path) = text.strip_prefix('/') else { return false };
    is_tree(path) && !path.ends_with('/')
}

pub(super) fn is_header(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

pub(super) fn is_among(text: &str, names: &[&str]) -> bool {
    names.contains(&text.to_ascii_lowercase().as_str())
}

pub(super) fn is_user(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._@-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_one_form() {
        for (kind, typed, kept) in [
            (Kind::Size, "20M", "20m"),
            (Kind::Size, "0", "0"),
            (Kind::Time, "90s", "90s"),
            (Kind::Switch, "TRUE", "on"),
            (Kind::Count(1, 10), "07", "7"),
            (Kind::Types, "text/css,  text/html text/css", "text/css"),
            (Kind::Addresses, "192.0.2.77/24, ::1 192.0.2.0/24", "192.0.2.0/24,::1"),
            (Kind::Addresses, "0.0.0.0/0,::/0", "0.0.0.0/0,::/0"),
            (Kind::Rate, "10r/s  burst=5", "10r/s burst=5"),
            (Kind::Rate, "10r/m", "10r/m"),
            (Kind::Tree, "public/assets/", "public/assets"),
            (Kind::Hsts, "365d include-subdomains preload", "365d include-subdomains preload"),
            (Kind::Text, "", ""),
        ] {
            assert_eq!(kind.check(typed).as_deref(), Some(kept), "{typed}");
        }
        assert_eq!(quoted("a \"b\" \\c"), r#""a \"b\" \\c""#);
    }
}
