//! FNV-1a: a short number for a text.

/// The 64 bits of FNV-1a, the same in every version and on every machine. It tells a few texts apart that nobody has chosen
/// to look alike; it is no safeguard against somebody who has.
///
/// ```
/// assert_eq!(dokuen_core::fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
/// ```
pub fn fnv1a(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}
