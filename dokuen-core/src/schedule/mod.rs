//! When a scheduled job is due: cron's five fields, read strictly, in the local time of the machine.
//!
//! Where clocks are put forward, a job of a time that does not exist is due as much later as they are put forward; where they
//! are put back, a job of a time that comes twice is due the first time. A job of every hour goes by real time and sees neither.

mod read;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::stamp::Stamp;

/// A schedule that was read; it comes true on some day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Both the day of the month and the weekday are narrowed: then one of them is enough, as cron has it.
    either_day: bool,
}

/// A schedule that was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the schedule {shown} {cause}")]
pub struct BadSchedule {
    shown: String,
    cause: String,
}

/// The zone that schedules are read in.
#[derive(Debug, Clone)]
pub struct Zone(TimeZone);

impl Zone {
    /// That of this machine, or of the variable `TZ`.
    pub fn here() -> Self {
        Self(TimeZone::system())
    }

    /// The moment at which a clock in this zone shows `YYYY-mm-dd HH:MM:SS`.
    pub fn read(&self, text: &str) -> Option<Stamp> {
        let shown = Stamp::parse_for_people(text)?.civil();
        self.0.to_timestamp(shown).ok().map(Stamp::at)
    }

    fn civil(&self, moment: Timestamp) -> DateTime {
        self.0.to_datetime(moment)
    }
}

const ALL_HOURS: u64 = (1 << 24) - 1;
/// February 29 comes at most eight years apart.
const LONGEST_WAIT_DAYS: usize = 8 * 366 + 1;

impl Schedule {
    /// The next moment after `after` that is due.
    pub fn next(&self, after: Stamp, zone: &Zone) -> Option<Stamp> {
        let civil = self.next_civil(zone.civil(after.moment()))?;
        // A time that clocks skip becomes the one after the gap, one that comes twice the first.
        Some(Stamp::at(zone.0.to_timestamp(civil).ok()?))
    }

    /// The newest moment in `after < moment <= until` that is due.
    pub fn newest_due(&self, after: Stamp, until: Stamp, zone: &Zone) -> Option<Stamp> {
        let whole = until.moment().as_second().div_euclid(60) * 60;
        let minutes = (0..).map(|count| whole - count * 60).take_while(|second| *second > after.moment().as_second());
        let mut moments = minutes.filter_map(|second| Timestamp::from_second(second).ok());
        moments.find(|moment| self.is_due(*moment, zone)).map(Stamp::at)
    }

    fn is_due(&self, moment: Timestamp, zone: &Zone) -> bool {
        let now = zone.civil(moment);
        if self.hours == ALL_HOURS {
            return self.matches(now);
        }
        let is_first = zone.0.to_ambiguous_timestamp(now).earlier().is_ok_and(|first| first == moment);
        if self.matches(now) && is_first {
            return true;
        }
        let before = zone.civil(moment - SignedDuration::from_mins(1));
        let gap = now.duration_since(before).as_mins();
        (1..gap).any(|minute| {
            let skipped = before.checked_add(SignedDuration::from_mins(minute));
            skipped.is_ok_and(|skipped| self.matches(skipped))
        })
    }

    fn matches(&self, at: DateTime) -> bool {
        has(self.minutes, at.minute()) && has(self.hours, at.hour()) && self.is_day(at.date())
    }

    fn is_day(&self, date: Date) -> bool {
        let day = has(self.days, date.day());
        let weekday = has(self.weekdays, date.weekday().to_sunday_zero_offset());
        has(self.months, date.month()) && if self.either_day { day || weekday } else { day && weekday }
    }

    fn next_civil(&self, after: DateTime) -> Option<DateTime> {
        let start = after.checked_add(SignedDuration::from_mins(1)).ok()?;
        let mut date = start.date();
        for _ in 0..LONGEST_WAIT_DAYS {
            if self.is_day(date) {
                let from = if date == start.date() { (start.hour(), start.minute()) } else { (0, 0) };
                if let Some((hour, minute)) = self.time_from(from) {
                    return Some(date.at(hour, minute, 0, 0));
                }
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    fn time_from(&self, (hour, minute): (i8, i8)) -> Option<(i8, i8)> {
        let hours = (hour..24).filter(|at| has(self.hours, *at));
        let first = |at: i8| (if at == hour { minute } else { 0 }..60).find(|minute| has(self.minutes, *minute));
        hours.filter_map(|at| Some((at, first(at)?))).next()
    }
}

fn has(set: u64, member: i8) -> bool {
    u32::try_from(member).is_ok_and(|member| set >> member & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(text: &str) -> Stamp {
        Stamp::parse(text).unwrap()
    }

    fn utc() -> Zone {
        Zone(TimeZone::UTC)
    }

    /// Berlin's rules: forward at 02:00 on the last Sunday of March, back at 03:00 on that of October.
    fn berlin() -> Zone {
        Zone(TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap())
    }

    #[test]
    fn the_next_moment_of_each_form() {
        // A Thursday.
        let after = stamp("20261231T235959");
        for (text, next) in [
            ("* * * * *", "20270101T000000"),
            ("*/5 * * * *", "20270101T000000"),
            ("7-59/10 * * * *", "20270101T000700"),
            ("30 4 * * *", "20270101T043000"),
            ("0 12 1,15 * *", "20270101T120000"),
            ("0 0 29 2 *", "20280229T000000"),
            ("0 9 * * mon-fri", "20270101T090000"),
            ("0 9 * * MON", "20270104T090000"),
            ("0 9 * * 7", "20270103T090000"),
            ("0 9 * * 0", "20270103T090000"),
            ("0 9 * * 5-7", "20270101T090000"),
            ("0 9 13 * 1", "20270104T090000"),
            ("0 9 */2 * 1", "20270111T090000"),
            ("0 0 1 jul *", "20270701T000000"),
            ("@hourly", "20270101T000000"),
            ("@daily", "20270101T000000"),
            ("@weekly", "20270103T000000"),
            ("@monthly", "20270101T000000"),
            ("@yearly", "20270101T000000"),
            ("  59   23 * *  * ", "20270101T235900"),
        ] {
            let schedule = Schedule::parse(text).unwrap();
            assert_eq!(schedule.next(after, &utc()), Some(stamp(next)), "{text}");
            assert_eq!(schedule.newest_due(stamp(next).back(1), stamp(next), &utc()), Some(stamp(next)), "{text}");
        }
    }

    #[test]
    fn only_the_newest_of_those_that_were_missed_is_due() {
        let every = Schedule::parse("*/10 * * * *").unwrap();
        let due = |after: &str, until: &str| every.newest_due(stamp(after), stamp(until), &utc());
        assert_eq!(due("20260101T115959", "20260101T125959"), Some(stamp("20260101T125000")));
        assert_eq!(due("20260101T125000", "20260101T125959"), None);
        assert_eq!(due("20260101T124959", "20260101T125000"), Some(stamp("20260101T125000")));
        assert_eq!(due("20260101T130000", "20260101T125000"), None);
    }

    #[test]
    fn a_time_that_is_skipped_is_due_after_it_and_one_that_comes_twice_is_due_once() {
        let night = Schedule::parse("30 2 * * *").unwrap();
        let dues = |schedule: &Schedule, from: &str, minutes: i64| -> Vec<Stamp> {
            let from = stamp(from).moment();
            let all = (0..minutes).map(|count| from + SignedDuration::from_mins(count));
            all.filter(|moment| schedule.is_due(*moment, &berlin())).map(Stamp::at).collect()
        };
        // 02:30 does not exist on 2026-03-29: 01:00 UTC is 03:00 there.
        assert_eq!(dues(&night, "20260328T230000", 24 * 60), [stamp("20260329T010000")]);
        // On 2026-10-25 it comes at 00:30 and at 01:30 UTC.
        assert_eq!(dues(&night, "20261024T220000", 24 * 60), [stamp("20261025T003000")]);
        let hourly = Schedule::parse("30 * * * *").unwrap();
        assert_eq!(dues(&hourly, "20261024T220000", 24 * 60).len(), 24);
        assert_eq!(dues(&hourly, "20260328T230000", 24 * 60).len(), 24);
        assert_eq!(night.next(stamp("20260601T000000"), &berlin()), Some(stamp("20260601T003000")));
    }
}
