//! Signals as people name them.

use std::str::FromStr;

use nix::sys::signal::Signal;

/// `15`, `TERM`, `term` or `SIGTERM`.
///
/// ```
/// assert_eq!(dokuen_core::parse_signal("term"), dokuen_core::parse_signal("15"));
/// assert_eq!(dokuen_core::parse_signal("SIGNOT"), None);
/// ```
pub fn parse_signal(text: &str) -> Option<Signal> {
    if let Ok(number) = text.parse::<i32>() {
        return Signal::try_from(number).ok();
    }
    let name = text.to_ascii_uppercase();
    Signal::from_str(&format!("SIG{}", name.strip_prefix("SIG").unwrap_or(&name))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_has_a_number_and_names() {
        for (text, signal) in [
            ("15", Some(Signal::SIGTERM)),
            ("+2", Some(Signal::SIGINT)),
            ("Quit", Some(Signal::SIGQUIT)),
            ("SIGUSR1", Some(Signal::SIGUSR1)),
            ("sighup", Some(Signal::SIGHUP)),
            ("0", None),
            ("-15", None),
            ("99999999999", None),
            ("SIGSIGTERM", None),
            ("SIG", None),
            (" TERM", None),
            ("", None),
        ] {
            assert_eq!(parse_signal(text), signal, "{text:?}");
        }
    }
}
