//! Times as other products write them: with a zone, or without one.
//!
//! ```text
//! 2022-08-08T12:48:43.209Z   2018-10-26T13:38:34.867116+02:00   with a zone: exact
//! 2020-10-09 22:27:49.040                                       without: a wall clock somewhere
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
