//! Bytes that cannot stand on a command line, as `%XX`.

/// A word in which every byte but plain ones is `%XX`.
pub fn encode(word: &[u8]) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_@+=:,./-".contains(&byte);
    word.iter().map(|byte| if plain(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// The bytes of an encoded word; `None` when it is none, or holds a NUL.
pub fn decode(word: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        let digits = std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(digits, 16).ok().filter(|byte| *byte != 0)?);
        rest = after;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_come_back() {
        let all: Vec<u8> = (1..=255).collect();
        let text = encode(&all);
        assert!(text.bytes().all(|b| b.is_ascii_graphic()));
        assert_eq!(decode(text.as_bytes()).unwrap(), all);
        for bad in ["%", "%0", "%zz", "%+1", "%00"] {
            assert_eq!(decode(bad.as_bytes()), None, "{bad}");
        }
    }
}
