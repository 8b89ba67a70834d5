//! POSIX words of one line, with no expansion of any kind; what could be read in two ways is refused as a whole.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// Linux itself takes 128 KiB for one variable; a command of a person has no use for half of that.
pub const MOST: usize = 64 * 1024;

/// Why a command line was not taken; nothing of it was run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// Looked at first, before anything is parsed.
    #[error("the command is longer than {MOST} bytes")]
    TooLong,
    /// A newline would end a command for a shell; other control bytes have no business here either.
    #[error("the command holds a newline or a control character")]
    Control,
    /// Values may be any bytes, but not on a command line.
    #[error("the command is not UTF-8 text")]
    NotText,
    /// A quote without its partner, or a backslash at the end.
    #[error("the command has a quote that is not closed, or ends with a backslash")]
    Unbalanced,
    /// A shell would leave out the rest of the line.
    #[error("the command has a word that begins with #, which a shell takes for a comment")]
    Comment,
}

impl WordsError {
    /// The line to type instead.
    pub fn instead(self) -> &'static str {
        match self {
            Self::TooLong | Self::Control | Self::NotText => {
                "send the value through standard input: ssh HOST dokuen config:set --application=APP NAME=- < file"
            }
            Self::Unbalanced => {
                "quote twice, for your own shell and for this one: \
                 ssh HOST \"dokuen config:set --application=APP 'NAME=a value'\""
            }
            Self::Comment => "quote it: ssh HOST \"dokuen run --application=APP echo '#1'\"",
        }
    }
}

/// The words of a line.
pub fn split(line: &[u8]) -> Result<Vec<OsString>, WordsError> {
    if line.len() > MOST {
        return Err(WordsError::TooLong);
    }
    let text = std::str::from_utf8(line).map_err(|_| WordsError::NotText)?;
    if text.chars().any(char::is_control) {
        return Err(WordsError::Control);
    }
    let words = shlex::bytes::split(line).ok_or(WordsError::Unbalanced)?;
    // shlex drops a comment without a word. One more word at the end shows it: a comment swallows that too.
    let longer = shlex::bytes::split(&[line, b" end"].concat()).unwrap_or_default();
    if longer.len() != words.len() + 1 {
        return Err(WordsError::Comment);
    }
    Ok(words.into_iter().map(OsString::from_vec).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_data() {
        for (line, words) in [
            ("", vec![]),
            ("  dokuen  config   -a x ", vec!["dokuen", "config", "-a", "x"]),
            ("a 'b c' \"d e\" f\\ g ''", vec!["a", "b c", "d e", "f g", ""]),
            (
                "$(id) `id` $HOME ~ *.rb a;b && c | d > e",
                vec!["$(id)", "`id`", "$HOME", "~", "*.rb", "a;b", "&&", "c", "|", "d", ">", "e"],
            ),
            ("a#b '#c'", vec!["a#b", "#c"]),
        ] {
            assert_eq!(split(line.as_bytes()).unwrap(), words, "{line}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused_whole() {
        for (line, why) in [
            (&b"a 'b"[..], WordsError::Unbalanced),
            (b"a \"b", WordsError::Unbalanced),
            (b"a b\\", WordsError::Unbalanced),
            (b"a\nb", WordsError::Control),
            (b"a 'b\nc'", WordsError::Control),
            (b"a\rb", WordsError::Control),
            (b"a\tb", WordsError::Control),
            (b"a \xc2\x85b", WordsError::Control),
            (b"a \xff\xfe", WordsError::NotText),
            (b"a #b", WordsError::Comment),
            (b"#", WordsError::Comment),
            (&[b'a'; MOST + 1], WordsError::TooLong),
        ] {
            assert_eq!(split(line), Err(why), "{}", String::from_utf8_lossy(&line[..line.len().min(20)]));
        }
    }
}
