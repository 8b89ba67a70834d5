//! How a schedule is read.

use std::ops::RangeInclusive;

use jiff::civil::Date;

use super::{BadSchedule, Schedule};
use crate::name::shown;

impl Schedule {
    /// Reads `*/5 * * * *`, names of months and days, or `@daily` and its like.
    pub fn parse(text: &str) -> Result<Self, BadSchedule> {
        let refused = |cause: String| BadSchedule { shown: shown(text), cause };
        let fields: Vec<&str> = spelled_out(text.trim()).split_ascii_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(refused(
                "must have five fields, or be one of @hourly, @daily, @weekly, @monthly, @yearly".to_owned(),
            ));
        };
        let minutes = field("minute", minute, 0..=59, &[]).map_err(refused)?;
        let hours = field("hour", hour, 0..=23, &[]).map_err(refused)?;
        let days = field("day of the month", day, 1..=31, &[]).map_err(refused)?;
        let months = field("month", month, 1..=12, &MONTHS).map_err(refused)?;
        let weekdays = field("weekday", weekday, 0..=7, &WEEKDAYS).map_err(refused)?;
        let weekdays = (weekdays | weekdays >> 7) & 0x7f;
        let either_day = !day.starts_with('*') && !weekday.starts_with('*');
        let schedule = Self { minutes, hours, days, months, weekdays, either_day };
        let some_day = Date::constant(2024, 1, 1).at(0, 0, 0, 0);
        if schedule.next_civil(some_day).is_none() {
            return Err(refused("names a day that never comes".to_owned()));
        }
        Ok(schedule)
    }
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

fn spelled_out(text: &str) -> &str {
    match text {
        "@hourly" => "0 * * * *",
        "@daily" | "@midnight" => "0 0 * * *",
        "@weekly" => "0 0 * * 0",
        "@monthly" => "0 0 1 * *",
        "@yearly" | "@annually" => "0 0 1 1 *",
        other => other,
    }
}

/// The members of one field as bits.
fn field(what: &str, text: &str, range: RangeInclusive<u32>, names: &[&str]) -> Result<u64, String> {
    let bad = || {
        let words = if names.is_empty() { "" } else { " or names" };
        format!(
            "has a {what} {} that is not made of {}-{}{words}, *, - , / and commas",
            shown(text),
            range.start(),
            range.end()
        )
    };
    let mut set = 0;
    for part in text.split(',') {
        set |= members(part, &range, names).ok_or_else(bad)?;
    }
    Ok(set)
}

/// `*`, `5`, `1-5`, `mon-fri`, each with `/step` where there is more than one.
fn members(part: &str, range: &RangeInclusive<u32>, names: &[&str]) -> Option<u64> {
    let (span, step) = match part.split_once('/') {
        Some((span, step)) => (span, Some(number(step).filter(|step| (1..=*range.end()).contains(step))?)),
        None => (part, None),
    };
    let value = |text: &str| {
        let named = names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let named = named.and_then(|at| u32::try_from(at).ok()).map(|at| at + range.start());
        named.or_else(|| number(text)).filter(|value| range.contains(value))
    };
    let (first, last) = match (span, span.split_once('-')) {
        // Of the weekday 7 is only another name of 0.
        ("*", _) => (*range.start(), *range.end()),
        (_, Some((first, last))) => (value(first)?, value(last)?),
        // `5/10` means from 5 on to some crons, and nothing to others: nobody has to guess here.
        (_, None) if step.is_some() => return None,
        (one, None) => (value(one)?, value(one)?),
    };
    let step = usize::try_from(step.unwrap_or(1)).ok()?;
    (first <= last).then(|| (first..=last).step_by(step).fold(0, |set, member| set | 1 << member))
}

fn number(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_no_schedule_is_refused() {
        for text in [
            "",
            "*",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * 32 * *",
            "* * * 0 *",
            "* * * 13 *",
            "* * * * 8",
            "-1 * * * *",
            "1- * * * *",
            "-5 * * * *",
            "5-1 * * * *",
            "*/0 * * * *",
            "*/60 * * * *",
            "* * * foo *",
            "* * * * monday",
            "1,,2 * * * *",
            ",1 * * * *",
            "5/10 * * * *",
            "*-5 * * * *",
            "** * * * *",
            "1.5 * * * *",
            "@reboot",
            "@every 5m",
            "+1 * * * *",
            "0x1 * * * *",
            "001 * * * *",
            "0 0 31 2 *",
            "0 0 30 feb *",
            "1\u{a0}* * * *",
            "? * * * *",
            "0 0 L * *",
            "0 0 * * 5#1",
        ] {
            let refused = Schedule::parse(text);
            assert!(refused.is_err(), "{text:?}: {refused:?}");
        }
        assert_eq!(
            Schedule::parse("0 25 * * *").unwrap_err().to_string(),
            "the schedule \"0 25 * * *\" has a hour \"25\" that is not made of 0-23, *, - , / and commas"
        );
    }
}
