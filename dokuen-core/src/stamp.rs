//! A moment in UTC to the second, in the two forms Dokuen writes.

use std::fmt;

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};

/// A second in UTC. Written `YYYYmmddTHHMMSS` in release names; its order is the order in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp(DateTime);

impl Stamp {
    /// This second.
    pub fn now() -> Self {
        Self::at(Timestamp::now())
    }

    /// The second that holds `moment`.
    pub fn at(moment: Timestamp) -> Self {
        let civil = TimeZone::UTC.to_datetime(moment);
        Self(civil.date().at(civil.hour(), civil.minute(), civil.second(), 0))
    }

    /// Reads the form of a release name; anything else is `None`.
    pub fn parse(name: &str) -> Option<Self> {
        let parsed = DateTime::strptime(FORM, name).ok()?;
        (name.len() == 15).then_some(Self(parsed))
    }

    /// Reads `YYYY-mm-dd HH:MM:SS` back.
    pub fn parse_for_people(text: &str) -> Option<Self> {
        Self::parse(&text.replace(['-', ':'], "").replacen(' ', "T", 1))
    }

    /// Reads what other programs write with an offset from UTC: `2026-01-01T12:00:00+02:00`, `01/Jan/2026:12:00:00 +0200`.
    pub fn parse_with_offset(text: &str) -> Option<Self> {
        let moment = text.parse().or_else(|_| Timestamp::strptime("%d/%b/%Y:%H:%M:%S %z", text)).ok()?;
        Some(Self::at(moment))
    }

    /// What a clock shows, with no zone to it.
    pub(crate) fn civil(self) -> DateTime {
        self.0
    }

    /// The moment as the library for time has it.
    pub(crate) fn moment(self) -> Timestamp {
        TimeZone::UTC.to_timestamp(self.0).unwrap_or_default()
    }

    /// So many seconds before.
    pub fn back(self, seconds: i64) -> Self {
        self.0.checked_sub(SignedDuration::from_secs(seconds)).map_or(self, Self)
    }

    /// One second later: the next name when the clock has not moved on, or has stepped back.
    pub fn next(self) -> Self {
        self.0.checked_add(SignedDuration::from_secs(1)).map_or(self, Self)
    }

    /// How long after `earlier` it is; below zero when it is not.
    pub fn seconds_since(self, earlier: Self) -> i64 {
        self.0.duration_since(earlier.0).as_secs()
    }

    /// `YYYY-mm-dd HH:MM:SS`, as logs and listings show it.
    pub fn for_people(self) -> String {
        self.0.strftime("%Y-%m-%d %H:%M:%S").to_string()
    }
}

const FORM: &str = "%Y%m%dT%H%M%S";

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.strftime(FORM).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_parses_and_steps() {
        let stamp = Stamp::parse("20261231T235959").unwrap();
        assert_eq!(stamp.next().to_string(), "20270101T000000");
        assert_eq!(stamp.for_people(), "2026-12-31 23:59:59");
        for bad in ["", "20261331T000000", "20261231T2359590", "2026-12-31", "20261231T23595"] {
            assert_eq!(Stamp::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_offset_is_taken_off() {
        for text in ["2027-01-01T01:59:59+02:00", "01/Jan/2027:01:59:59 +0200", "31/Dec/2026:23:59:59 +0000"] {
            assert_eq!(Stamp::parse_with_offset(text), Stamp::parse("20261231T235959"), "{text}");
        }
        for bad in ["", "2026-12-31T23:59:59", "31/Dez/2026:23:59:59 +0000", "31/Dec/2026:23:59:59"] {
            assert_eq!(Stamp::parse_with_offset(bad), None, "{bad}");
        }
    }
}
