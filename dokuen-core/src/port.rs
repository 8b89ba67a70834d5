//! TCP ports of instances.

use std::fmt;

/// A TCP port an instance may listen on: 1024 to 65535, always at 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port(u16);

impl Port {
    /// `None` for a privileged port.
    pub fn new(number: u16) -> Option<Self> {
        (number >= 1024).then_some(Self(number))
    }

    /// The number.
    pub fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The ports Dokuen may give away, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRange {
    min: Port,
    max: Port,
}

/// A range that holds no port, or ports that are not ours to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PortRangeError {
    /// `min` above `max`: nothing inside.
    #[error("min_port {min} is above max_port {max}")]
    Empty {
        /// The lower end as written.
        min: i64,
        /// The upper end as written.
        max: i64,
    },
    /// Below 1024 are the system's own services; above 65535 is nothing.
    #[error("ports {min} to {max}: allowed are 1024 to 65535")]
    OutOfBounds {
        /// The lower end as written.
        min: i64,
        /// The upper end as written.
        max: i64,
    },
}

impl PortRange {
    /// Both ends are included, so `5000..=5000` holds one port.
    pub fn new(min: i64, max: i64) -> Result<Self, PortRangeError> {
        let port = |n: i64| u16::try_from(n).ok().and_then(Port::new);
        match (port(min), port(max)) {
            (Some(_), Some(_)) if min > max => Err(PortRangeError::Empty { min, max }),
            (Some(min), Some(max)) => Ok(Self { min, max }),
            _ => Err(PortRangeError::OutOfBounds { min, max }),
        }
    }

    /// Every port, starting `offset` into the range and wrapping around, so that two callers rarely meet.
    pub fn from_offset(self, offset: usize) -> impl Iterator<Item = Port> {
        let count = self.count();
        (0..count).map(move |i| Port(self.min.0 + ((offset % count + i) % count) as u16))
    }

    /// How many ports there are.
    pub fn count(self) -> usize {
        usize::from(self.max.0 - self.min.0) + 1
    }

    /// Whether `self` and `min..=max` have a port in common.
    pub fn overlaps(self, min: u16, max: u16) -> bool {
        self.min.0 <= max && min <= self.max.0
    }

    /// The lowest port.
    pub fn min(self) -> Port {
        self.min
    }

    /// The highest port.
    pub fn max(self) -> Port {
        self.max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_count_and_every_port_comes_once() {
        let range = PortRange::new(5000, 5002).unwrap();
        assert_eq!(range.from_offset(7).map(Port::get).collect::<Vec<_>>(), [5001, 5002, 5000]);
        assert_eq!(PortRange::new(5000, 5000).unwrap().count(), 1);
    }

    #[test]
    fn empty_privileged_and_impossible_ranges_are_refused() {
        assert!(matches!(PortRange::new(6000, 5000), Err(PortRangeError::Empty { .. })));
        for (min, max) in [(1, 1024), (-5, 10), (65535, 65536), (0, 0)] {
            assert!(matches!(PortRange::new(min, max), Err(PortRangeError::OutOfBounds { .. })));
        }
    }
}
