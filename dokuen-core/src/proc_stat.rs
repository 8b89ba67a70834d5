//! `/proc/PID/stat`, Linux's word on one process: whose child it is, since when it runs. It is read here since all crates
//! above ask for it, which never name each other, and since its second field can hold anything.

use std::path::Path;

use crate::fs::{self, FsError};

/// What the kernel says of a process.
///
/// ```
/// use dokuen_core::ProcStat;
///
/// let line = "7 (a) b) S 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4711 0";
/// let stat = ProcStat::parse(line.as_bytes()).unwrap();
/// assert_eq!((stat.name.as_str(), stat.parent, stat.started), ("a) b", 1, 4711));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcStat {
    /// Its name, as it has named itself.
    pub name: String,
    /// Whether it has ended, and only its number is kept for its parent.
    pub is_zombie: bool,
    /// Whose child it is.
    pub parent: i32,
    /// Its process group.
    pub group: i32,
    /// When it was started, in the kernel's own count: with its pid a name that no other process has.
    pub started: u64,
}

impl ProcStat {
    /// That of a process; `None` where the kernel says something else than it does today.
    pub fn of(pid: i32) -> Result<Option<Self>, FsError> {
        Ok(Self::parse(&fs::read(Path::new(&format!("/proc/{pid}/stat")))?))
    }

    /// That of a process that has not ended, where that can be known.
    pub fn of_living(pid: i32) -> Option<Self> {
        Self::of(pid).ok()?.filter(|stat| !stat.is_zombie)
    }

    /// The name may hold anything, also blanks and parentheses: fields are counted from the last `)`.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (first, last) = (bytes.iter().position(|b| *b == b'(')?, bytes.iter().rposition(|b| *b == b')')?);
        let name = String::from_utf8_lossy(bytes.get(first + 1..last)?).into_owned();
        let mut fields = std::str::from_utf8(&bytes[last + 1..]).ok()?.split_ascii_whitespace();
        let is_zombie = matches!(fields.next()?, "Z" | "X");
        let (parent, group) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        Some(Self { name, is_zombie, parent, group, started: fields.nth(16)?.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: &str = "34816 2051 4194304 100 0 0 0 1 2 0 0 20 0 1 0 123456 8192000 200";

    #[test]
    fn whatever_a_process_calls_itself_its_fields_are_found() {
        for (name, shown) in [
            (&b"sh"[..], "sh"),
            (b"", ""),
            (b"my app", "my app"),
            (b"(sd-pam)", "(sd-pam)"),
            (b") Z 1 1 (", ") Z 1 1 ("),
            (b"a\nb)", "a\nb)"),
            (b"\xff)", "\u{fffd})"),
        ] {
            let line = [b"42 (", name, b") S 7 40 42 ", REST.as_bytes(), b"\n"].concat();
            let stat = ProcStat { name: shown.to_owned(), is_zombie: false, parent: 7, group: 40, started: 123_456 };
            assert_eq!(ProcStat::parse(&line), Some(stat), "{shown}");
        }
    }

    #[test]
    fn what_has_ended_is_told_from_what_runs() {
        for (state, is_zombie) in [("R", false), ("S", false), ("D", false), ("T", false), ("Z", true), ("X", true)] {
            let stat = ProcStat::parse(format!("42 (sh) {state} 7 40 42 {REST}").as_bytes()).unwrap();
            assert_eq!(stat.is_zombie, is_zombie, "{state}");
        }
    }

    #[test]
    fn whatever_is_no_stat_is_none() {
        for text in
            ["", "42", "42 (sh", "42 sh)", ")(", "42 (sh)", "42 (sh) S", "42 (sh) S 7 40 42 34816", "42 (sh) S x y"]
        {
            assert_eq!(ProcStat::parse(text.as_bytes()), None, "{text}");
        }
    }
}
