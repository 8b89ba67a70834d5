//! What an app speaks to whoever passes requests on to it.

use std::str::FromStr;

/// The protocol of an app's `web` processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// HTTP/1.1, from which it may upgrade.
    #[default]
    Http,
    /// HTTP/2 from the first byte, without encryption, and gRPC in it.
    Grpc,
}

impl FromStr for Protocol {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "http" => Ok(Self::Http),
            "grpc" => Ok(Self::Grpc),
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_are_known() {
        assert_eq!(
            ["http", "grpc", "GRPC", ""].map(|text| text.parse().ok()),
            [Some(Protocol::Http), Some(Protocol::Grpc), None, None]
        );
    }
}
