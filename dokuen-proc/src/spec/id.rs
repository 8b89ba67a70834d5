//! The name of an instance.

use std::fmt;

use dokuen_core::ProcessType;

/// Which instance, and of which generation: `g7.web.1`. A generation is one boot of an app's formation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InstanceId {
    /// Counts up per app; two generations may run at once while one takes over from the other.
    pub generation: u32,
    /// The process type.
    pub kind: ProcessType,
    /// From 1.
    pub index: u16,
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "g{}.{}.{}", self.generation, self.kind, self.index)
    }
}

impl InstanceId {
    /// Reads `g7.web.1` back.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix('g')?.split('.');
        let (generation, kind, index) = (parts.next()?, parts.next()?, parts.next()?);
        let plain = parts.next().is_none() && [generation, index].iter().all(|n| n.bytes().all(|b| b.is_ascii_digit()));
        let kind = ProcessType::parse(kind).ok().filter(|_| plain)?;
        Some(Self { generation: generation.parse().ok()?, kind, index: index.parse().ok()? })
    }

    /// `web.1`, as people call it.
    pub fn name(&self) -> String {
        format!("{}.{}", self.kind, self.index)
    }
}
