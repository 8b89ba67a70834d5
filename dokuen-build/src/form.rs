//! Mason's form of what a buildpack prints: pure, one line at a time.

/// `None` for lines that vanish: blank ones and ` !` without a text.
pub(crate) fn rewritten(line: &str) -> Option<String> {
    if line.trim().is_empty() || line.trim() == "!" && line.starts_with(" !") {
        return None;
    }
    if let Some(head) = line.strip_prefix("-----> ") {
        return Some(format!("  + {head}"));
    }
    if let Some(text) = line.strip_prefix(" !") {
        // Five blanks are the form; what is deeper keeps its extra, what is shallower is meant the same.
        return Some(format!("  ! {}", text.strip_prefix("     ").unwrap_or_else(|| text.trim_start())));
    }
    if let Some(text) = line.strip_prefix("       ") {
        return Some(format!("      {text}"));
    }
    Some(plain(line))
}

/// What goes on with a line whose start was shown already.
pub(crate) fn continued(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| plain(text))
}

fn plain(line: &str) -> String {
    if is_ours(line) { format!("      {}", line.trim_start()) } else { line.to_owned() }
}

/// A plain line that would pass for one of Dokuen's own (`* live at https://evil`) is indented like the build's.
fn is_ours(line: &str) -> bool {
    ["* ", "  = ", "  ! ", "  + "].iter().any(|ours| line.starts_with(ours))
}

/// Text that a terminal shows and never obeys: colours are dropped, other control characters and direction overrides
/// are written out, bytes that are not UTF-8 become U+FFFD. Tabs stay.
pub(crate) fn harmless(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    while let Some(c) = rest.chars().next() {
        if let Some(after) = colour_at(rest) {
            rest = after;
            continue;
        }
        rest = &rest[c.len_utf8()..];
        match c {
            '\t' => out.push(c),
            '\0'..='\u{7f}' if c.is_control() => out.push_str(&format!("\\x{:02x}", c as u32)),
            _ if c.is_control() || steers(c) => out.extend(c.escape_unicode()),
            _ => out.push(c),
        }
    }
    out
}

/// What follows an `ESC [ ... m` that stands at the start.
fn colour_at(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("\u{1b}[")?;
    let after = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';' || c == ':');
    after.strip_prefix('m')
}

/// Line separators and marks that change the direction of the text around them.
fn steers(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_take_masons_form() {
        for (line, want) in [
            ("-----> hello", Some("  + hello")),
            ("----->hello", Some("----->hello")),
            ("       indented line", Some("      indented line")),
            ("         deeper", Some("        deeper")),
            ("plain line", Some("plain line")),
            ("   three blanks", Some("   three blanks")),
            ("\tafter a tab", Some("\tafter a tab")),
            (" !     warning text", Some("  ! warning text")),
            (" !       deeper", Some("  !   deeper")),
            (" ! shallow", Some("  ! shallow")),
            (" !     ", None),
            (" !", None),
            ("", None),
            ("       ", None),
            ("* live at https://evil", Some("      * live at https://evil")),
            ("  = url: https://evil", Some("      = url: https://evil")),
        ] {
            assert_eq!(rewritten(line).as_deref(), want, "{line:?}");
        }
    }

    #[test]
    fn control_bytes_become_text_and_colours_go() {
        for (bytes, want) in [
            (&b"\x1b[1;32m-----> Green\x1b[0m"[..], "-----> Green"),
            (b"\x1b[2J\x1b]0;owned\x07", "\\x1b[2J\\x1b]0;owned\\x07"),
            (b"a\0b\tc", "a\\x00b\tc"),
            (b"\xff\xfe ok", "\u{fffd}\u{fffd} ok"),
            ("\u{9b}2J \u{202e}x".as_bytes(), "\\u{9b}2J \\u{202e}x"),
            ("\u{61c}x".as_bytes(), "\\u{61c}x"),
            ("čeština 日本 🚀".as_bytes(), "čeština 日本 🚀"),
        ] {
            assert_eq!(harmless(bytes), want);
        }
    }

    proptest! {
        #[test]
        fn nothing_that_steers_a_terminal_is_left(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(harmless(&bytes).chars().all(|c| c == '\t' || !c.is_control() && !steers(c)));
        }
    }
}
