//! Where a chunked body ends, whatever the pieces it comes in: the bytes themselves are passed on as they are.

/// A byte that no chunked body may have at its place, or a size past all reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadChunk;

/// How far into a chunked body we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunked {
    at: At,
    size: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Start,
    Size,
    Extension,
    SizeLf,
    Data,
    AfterData,
    AfterDataLf,
    Trailer,
    TrailerLine,
    LastLf,
    Done,
}

impl Chunked {
    /// Before the first size line.
    pub fn new() -> Self {
        Self { at: At::Start, size: 0 }
    }

    /// How many of `bytes` belong to the body; fewer than all of them only when it is over.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<usize, BadChunk> {
        let mut used = 0;
        while used < bytes.len() && self.at != At::Done {
            used += if self.at == At::Data { self.skip(bytes.len() - used) } else { self.step(bytes[used])? };
        }
        Ok(used)
    }

    /// Whether the last line end of the trailer was seen.
    pub fn is_done(&self) -> bool {
        self.at == At::Done
    }

    fn skip(&mut self, most: usize) -> usize {
        let count = usize::try_from(self.size).unwrap_or(usize::MAX).min(most);
        self.size -= count as u64;
        if self.size == 0 {
            self.at = At::AfterData;
        }
        count
    }

    // A bare LF ends a line here because nginx, who reads the same bytes after us, takes it so too:
    // what counts is that both find the same end.
    fn step(&mut self, byte: u8) -> Result<usize, BadChunk> {
        self.at = match (self.at, byte) {
            (At::Start | At::Size, b) if b.is_ascii_hexdigit() => self.grow(b)?,
            (At::Size, b';' | b' ' | b'\t') => At::Extension,
            (At::Size | At::Extension, b'\r') => At::SizeLf,
            (At::Size | At::Extension | At::SizeLf, b'\n') => self.after_size(),
            (At::Extension, _) => At::Extension,
            (At::AfterData, b'\r') => At::AfterDataLf,
            (At::AfterData | At::AfterDataLf, b'\n') => self.restart(),
            (At::Trailer, b'\r') => At::LastLf,
            (At::Trailer | At::LastLf, b'\n') => At::Done,
            (At::TrailerLine, b'\n') => At::Trailer,
            (At::Trailer | At::TrailerLine, _) => At::TrailerLine,
            _ => return Err(BadChunk),
        };
        Ok(1)
    }

    fn grow(&mut self, digit: u8) -> Result<At, BadChunk> {
        let value = (digit as char).to_digit(16).ok_or(BadChunk)?;
        self.size = self.size.checked_mul(16).and_then(|n| n.checked_add(u64::from(value))).ok_or(BadChunk)?;
        Ok(At::Size)
    }

    fn after_size(&self) -> At {
        if self.size == 0 { At::Trailer } else { At::Data }
    }

    fn restart(&mut self) -> At {
        self.size = 0;
        At::Start
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WHOLE: &[(&[u8], bool)] = &[
        (b"0\r\n\r\n", true),
        (b"5\r\nhello\r\n0\r\n\r\n", true),
        (b"A;name=\"v\"\r\n0123456789\r\n000\r\nX-Sum: 1\r\nY: 2\r\n\r\n", true),
        (b"1 \r\na\r\n0\r\n\r\n", true),
        (b"1\na\n0\n\n", true),
        (b"5\r\nhello\r\n0\r\n", false),
        (b"5\r\nhel", false),
    ];

    #[test]
    fn the_end_is_found_and_what_follows_is_left() {
        for (body, whole) in WHOLE {
            let mut chunked = Chunked::new();
            assert_eq!(chunked.feed(body), Ok(body.len()));
            assert_eq!(chunked.is_done(), *whole, "{}", body.escape_ascii());
            if *whole {
                assert_eq!(Chunked::new().feed(&[body, b"GET / HTTP/1.1".as_slice()].concat()), Ok(body.len()));
            }
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for body in ["\r\n", "g\r\n", "5\r\nhelloX", "5\rX", "-1\r\n", "11111111111111111\r\n", "0\r\n\rX"] {
            assert_eq!(Chunked::new().feed(body.as_bytes()), Err(BadChunk), "{body:?}");
        }
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_end(which in 0..WHOLE.len(), cuts in proptest::collection::vec(0usize..60, 0..8)) {
            let bytes = [WHOLE[which].0, if WHOLE[which].1 { b"tail" } else { b"".as_slice() }].concat();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(bytes.len())).chain([0, bytes.len()]).collect();
            cuts.sort_unstable();
            let mut chunked = Chunked::new();
            let used: usize = cuts.windows(2).map(|w| chunked.feed(&bytes[w[0]..w[1]]).unwrap()).sum();
            prop_assert_eq!(used, WHOLE[which].0.len());
            prop_assert_eq!(chunked.is_done(), WHOLE[which].1);
        }
    }
}
