//! `--since`: how long ago, or a moment.

use dokuen_core::{Stamp, shown};

use crate::exit::Failure;

/// `90`, `90s`, `10m`, `2h`, `3d` ago; or `2026-01-01 12:00:00`, or the beginning of it. What comes back compares as
/// text with the stamps of a log.
pub fn parse(text: &str) -> Result<String, Failure> {
    ago(text).or_else(|| moment(text)).ok_or_else(|| {
        let hint = "--since=10m, 2h, 3d, or --since='2026-01-01 12:00' (UTC)";
        Failure::usage(format!("{} is no time", shown(text))).hint(hint)
    })
}

fn ago(text: &str) -> Option<String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let count: i64 = digits.parse().ok().filter(|count| (0..=100_000_000).contains(count))?;
    let seconds = match &text[digits.len()..] {
        "" | "s" => count,
        "m" => count * 60,
        "h" => count * 60 * 60,
        "d" => count * 24 * 60 * 60,
        _ => return None,
    };
    Some(Stamp::now().back(seconds).for_people())
}

fn moment(text: &str) -> Option<String> {
    let text = text.trim_end_matches('Z').replacen('T', " ", 1);
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let is_shaped = text.len() >= "0000-00-00".len() && "0000-00-00 00:00:00".starts_with(&shape);
    (is_shaped && Stamp::parse_for_people(&whole(&text)).is_some()).then_some(text)
}

/// What was begun to be said, with its first moment for the rest.
fn whole(text: &str) -> String {
    format!("{text}{}", &"0000-00-00 00:00:00"[text.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_how_long_ago() {
        for good in ["10m", "0", "90s", "3d", "2026-01-01", "2026-01-01 12:00", "2026-01-01T12:00:00Z"] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "-1m",
            "10y",
            "m",
            "yesterday",
            "2026-1",
            "2026-01-01 x",
            "1e3",
            "99999999999999999999d",
            "2026-13-01",
            "2026-11-31",
            "2026-11-29 25",
            "2026-11-29 12:6",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert_eq!(parse("2026-01-01T12:00:00Z").unwrap(), "2026-01-01 12:00:00");
        assert!(parse("1h").unwrap() < parse("0").unwrap());
    }
}
