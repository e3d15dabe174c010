//! Times as other products write them: with a zone, or without one.
//!
//! ```text
//! 2022-08-08T12:48:43.209Z   2018-10-26T13:38:34.867116+02:00   with a zone: exact
//! 2020-10-09 22:27:49.040                                       without: a wall clock somewhere
//! 2025-01-21T17:49:47+0000   1737481787000   /Date(1743301800000)/     as tools pass them on
//! ```
//!
//! Not here: guessing the zone, which each importer does by what else its records tell.

use std::borrow::Cow;

use indelible::event::Timestamp;

/// A time with its zone.
pub(crate) fn zoned(text: Option<Cow<'_, str>>) -> Option<Timestamp> {
    text?.trim_ascii().parse().ok()
}

/// A time without a zone, as if it were in UTC; a time with one is `None`.
pub(crate) fn zoneless(text: Option<Cow<'_, str>>) -> Option<Timestamp> {
    format!("{}Z", text?.trim_ascii()).parse().ok()
}

/// A time as tools pass it on, and what was done to read it: without a zone, with an offset without its colon, or a
/// number since 1970 whose digits tell the unit (10 seconds, 13 milliseconds, 16 microseconds, 19 nanoseconds).
pub(crate) fn passed_on(given: &str) -> Option<(Timestamp, &'static str)> {
    let given = given.trim_ascii();
    if let Some(time) = since_1970(given) {
        return Some((time, "a number since 1970"));
    }
    if let Some(time) = zoneless(Some(given.into())) {
        return Some((time, "assumed UTC"));
    }
    let (front, minutes) = given.split_at_checked(given.len().checked_sub(2)?)?;
    let sign = front.len().checked_sub(3)?;
    if !matches!(front.as_bytes().get(sign), Some(b'+' | b'-')) {
        return None;
    }
    Some((zoned(Some(format!("{front}:{minutes}").into()))?, "an offset without a colon"))
}

/// A number since 1970 whose digits tell the unit, perhaps with a fraction.
fn since_1970(given: &str) -> Option<Timestamp> {
    let (whole, fraction) = given.split_once('.').unwrap_or((given, ""));
    if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let places = match whole.len() {
        10 => 9,
        13 => 6,
        16 => 3,
        19 => 0,
        _ => return None,
    };
    let fraction = fraction.get(..fraction.len().min(places))?;
    format!("{whole}{fraction:0<places$}").parse().ok().map(Timestamp)
}

/// The milliseconds of `/Date(1743301800000)/`, as Windows PowerShell writes a time.
pub(crate) fn powershell(text: Option<Cow<'_, str>>) -> Option<Timestamp> {
    let text = text?;
    let milliseconds = text.trim_ascii().strip_prefix("/Date(")?.strip_suffix(")/")?;
    milliseconds.parse::<i64>().ok()?.checked_mul(1_000_000).map(Timestamp)
}

/// By how much a wall clock was ahead of UTC, when one moment was written both ways; `None` where no zone explains the
/// difference. Zones differ by quarters of an hour, and up to a minute is what passed between the two writings.
pub(crate) fn zone_offset(wall: Timestamp, utc: Timestamp) -> Option<i64> {
    const QUARTER: i64 = 15 * 60 * 1_000_000_000;
    const SLACK: i64 = 60 * 1_000_000_000;
    let difference = wall.0.checked_sub(utc.0)?;
    let offset = difference.checked_add(QUARTER / 2)?.div_euclid(QUARTER) * QUARTER;
    ((difference - offset).abs() <= SLACK && offset.abs() <= 56 * QUARTER).then_some(offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect(text)
    }

    #[test]
    fn zones_are_told_apart() {
        let both = |text: &'static str| (zoned(Some(text.into())), zoneless(Some(text.into())));
        assert_eq!(both("2020-10-09 22:27:49.040"), (None, Some(at("2020-10-09T22:27:49.04Z"))));
        assert_eq!(both("2020-10-09T22:27:49Z"), (Some(at("2020-10-09T22:27:49Z")), None));
        assert_eq!(both("soon"), (None, None));
        assert_eq!(both(""), (None, None));
    }

    #[test]
    fn times_are_read_as_they_are_passed_on() {
        let utc = at("2025-01-21T17:49:47Z");
        for (given, how) in [
            ("2025-01-21 17:49:47", "assumed UTC"),
            ("2025-01-21 17:49:47.000000000", "assumed UTC"),
            ("2025-01-21T17:49:47+0000", "an offset without a colon"),
            ("2025-01-21T18:49:47.0+0100", "an offset without a colon"),
            ("1737481787", "a number since 1970"),
            ("1737481787000", "a number since 1970"),
            ("1737481787.0", "a number since 1970"),
            ("1737481787000000", "a number since 1970"),
            ("1737481787000000000", "a number since 1970"),
        ] {
            assert_eq!(passed_on(given), Some((utc, how)), "{given}");
        }
        assert_eq!(passed_on("1737481787.25").map(|(time, _)| time.0 - utc.0), Some(250_000_000));
        for given in ["", "soon", "17374817", "-1737481787", "2025-01-21", "99", "é0000", "2025-01-21T17:49:47+0x00"] {
            assert_eq!(passed_on(given), None, "{given}");
        }
        assert_eq!(powershell(Some("/Date(1737481787000)/".into())), Some(utc));
        assert_eq!(powershell(Some("/Date(soon)/".into())), None);
    }

    #[test]
    fn an_offset_is_found_where_a_zone_explains_it() {
        let utc = at("2020-10-09T22:30:01.952Z");
        let hours = |hours: i64| Some(hours * 3_600_000_000_000);
        assert_eq!(zone_offset(at("2020-10-09T18:30:01Z"), utc), hours(-4));
        assert_eq!(zone_offset(at("2020-10-09T22:30:01Z"), utc), hours(0));
        assert_eq!(zone_offset(at("2020-10-10T04:15:00Z"), at("2020-10-09T22:30:01Z")), Some(20_700_000_000_000));
        assert_eq!(zone_offset(at("2020-10-09T18:36:01Z"), utc), None);
        assert_eq!(zone_offset(at("2020-10-08T18:30:01Z"), utc), None);
        assert_eq!(zone_offset(Timestamp(i64::MIN), Timestamp(i64::MAX)), None);
    }
}
