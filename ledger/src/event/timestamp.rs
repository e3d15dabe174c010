//! A point in time: nanoseconds since 1970-01-01T00:00:00Z, as an i64, from 1677 to 2262.
//!
//! Text goes in and out as RFC 3339. What a calendar can do and RFC 3339 cannot (zone names, week dates, basic form, a comma
//! for the point, offsets of a day or more) is refused, in words of this module. A leap second (`:60`) is read as the second
//! before it, since the count has no place for it; digits behind the ninth of a second are left out for the same reason.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// Nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

/// A text that is not an RFC 3339 time within the years 1677 to 2262.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not an RFC 3339 time such as 2026-11-20T10:00:00.5+01:00: {problem}")]
#[non_exhaustive]
pub struct TimestampInvalid {
    /// What was given.
    pub given: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Timestamp {
    /// From nanoseconds since 1970.
    #[must_use]
    pub const fn from_nanos(nanoseconds: i64) -> Self {
        Self(nanoseconds)
    }

    /// Nanoseconds since 1970.
    #[must_use]
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// RFC 3339 in UTC with all nine fractional digits, so that the texts sort like the times.
    #[must_use]
    pub fn to_rfc3339_nanos(self) -> String {
        format!("{:.9}", self.calendar())
    }

    fn calendar(self) -> jiff::Timestamp {
        // The calendar spans the years -9999 to 9999, so every i64 of nanoseconds is inside it.
        jiff::Timestamp::from_nanosecond(i128::from(self.0)).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, with as many fractional digits as it takes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.calendar(), f)
    }
}

impl FromStr for Timestamp {
    type Err = TimestampInvalid;

    fn from_str(text: &str) -> Result<Self, TimestampInvalid> {
        let invalid = |problem: String| TimestampInvalid { given: text.chars().take(64).collect(), problem };
        let plain = plain(text).map_err(|problem| invalid(problem.to_owned()))?;
        let outside = || invalid("outside the years 1677 to 2262".to_owned());
        if !(1677..=2262).contains(&text.get(..4).and_then(|year| year.parse().ok()).unwrap_or(0)) {
            return Err(outside());
        }
        let time: jiff::Timestamp =
            plain.parse().map_err(|_| invalid("there is no such day, or no such time of day".to_owned()))?;
        i64::try_from(time.as_nanosecond()).map(Self).map_err(|_| outside())
    }
}

/// The text with at most nine digits of a second, where it is RFC 3339; else what is wrong with it. The calendar library reads
/// more forms and wider offsets.
fn plain(text: &str) -> Result<Cow<'_, str>, &'static str> {
    const OUTLINE: &str = "a date, T, a time and Z or an offset are needed";
    let (head, rest) = text.split_at_checked(19).ok_or(OUTLINE)?;
    let in_outline = head.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        10 => matches!(byte, b'T' | b't' | b' '),
        13 | 16 => byte == b':',
        _ => byte.is_ascii_digit(),
    });
    if !in_outline {
        return Err(OUTLINE);
    }
    if rest.starts_with(',') {
        return Err("a fraction of a second stands behind a point, not a comma");
    }
    let zone = rest.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let fraction = rest.strip_suffix(zone).unwrap_or_default();
    let digits = fraction.strip_prefix('.').unwrap_or_default();
    if !fraction.is_empty() && (digits.is_empty() || digits.contains('.')) {
        return Err("a fraction of a second is a point and digits");
    }
    check_zone(zone)?;
    Ok(match digits.get(..9) {
        Some(nine) if digits.len() > 9 => Cow::Owned(format!("{head}.{nine}{zone}")),
        _ => Cow::Borrowed(text),
    })
}

/// `Z`, or an offset of hours to 23 and minutes to 59.
fn check_zone(zone: &str) -> Result<(), &'static str> {
    if matches!(zone, "Z" | "z") {
        return Ok(());
    }
    let offset = zone.strip_prefix(['+', '-']).ok_or("a date, T, a time and Z or an offset are needed")?;
    let (hours, minutes) = offset.split_once(':').ok_or("an offset is written with a colon, as in +02:00")?;
    let below = |text: &str, end: u8| {
        text.len() == 2
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && text.parse().is_ok_and(|number: u8| number < end)
    };
    if below(hours, 24) && below(minutes, 60) {
        Ok(())
    } else {
        Err("an offset has two digits of hours, up to 23, and two of minutes, up to 59")
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    /// RFC 3339 text, or an integer of nanoseconds since 1970; a fraction or an integer beyond i64 is an error.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an RFC 3339 time or integer nanoseconds since 1970 within 64 bits")
            }

            fn visit_i64<E: serde::de::Error>(self, nanoseconds: i64) -> Result<Timestamp, E> {
                Ok(Timestamp(nanoseconds))
            }

            fn visit_u64<E: serde::de::Error>(self, nanoseconds: u64) -> Result<Timestamp, E> {
                i64::try_from(nanoseconds)
                    .map(Timestamp)
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Unsigned(nanoseconds), &self))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Timestamp, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3339_in_and_out() {
        let cases = [
            ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"),
            ("2026-11-20T10:00:00.123456789+01:00", 1_795_165_200_123_456_789, "2026-11-20T09:00:00.123456789Z"),
            ("1969-12-31T23:59:59.999999999Z", -1, "1969-12-31T23:59:59.999999999Z"),
            ("2026-11-20t10:00:00.5z", 1_795_168_800_500_000_000, "2026-11-20T10:00:00.5Z"),
            ("2262-04-11T23:47:16.854775807Z", i64::MAX, "2262-04-11T23:47:16.854775807Z"),
        ];
        for (text, nanoseconds, shown) in cases {
            let time: Timestamp = text.parse().expect(text);
            assert_eq!(time, Timestamp(nanoseconds), "{text}");
            assert_eq!(time.to_string(), shown);
            assert_eq!(time.to_rfc3339_nanos().parse(), Ok(time));
            assert_eq!(time.to_rfc3339_nanos().len(), 30);
        }
        assert_eq!(Timestamp(i64::MIN).to_string().parse(), Ok(Timestamp(i64::MIN)));
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "now",
            "2026-11-20",
            "2026-11-20T10:00:00",
            "20261120T100000Z",
            "2026-11-20T10:00Z",
            "2026-13-20T10:00:00Z",
            "2263-01-01T00:00:00Z",
            "0001-01-01T00:00:00Z",
            "2026-11-20T10:00:00Z[UTC]",
            "2026-11-20T10:00:00+01:00[Europe/Paris]",
            "2026-11-20T10:00:00+0100",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    /// Offsets of a day and more once moved a time without a word, and messages were those of a library.
    #[test]
    fn times_at_the_edges_are_read_or_refused_in_own_words() {
        let noon = 1_795_176_000;
        let at = |seconds: i64| Ok(Timestamp(seconds * 1_000_000_000));
        let none = "there is no such day, or no such time of day";
        let offset = "an offset has two digits of hours, up to 23, and two of minutes, up to 59";
        let outline = "a date, T, a time and Z or an offset are needed";
        let years = "outside the years 1677 to 2262";
        for (text, expected) in [
            ("2026-11-20T12:00:00Z", at(noon)),
            ("2026-11-20 12:00:00Z", at(noon)),
            ("2026-11-20T12:00:00+00:00", at(noon)),
            ("2026-11-20T12:00:00-00:00", at(noon)),
            ("2026-11-20T12:00:00+23:59", at(noon - 86_340)),
            ("2026-11-20T12:00:00-23:59", at(noon + 86_340)),
            ("2026-11-20T12:00:00+24:00", Err(offset)),
            ("2026-11-20T12:00:00+24:59", Err(offset)),
            ("2026-11-20T12:00:00+25:00", Err(offset)),
            ("2026-11-20T12:00:00-99:00", Err(offset)),
            ("2026-11-20T12:00:00+02:60", Err(offset)),
            ("2026-11-20T12:00:00+2:00", Err(offset)),
            ("2026-11-20T12:00:00+02:0\u{660}", Err(offset)),
            ("2026-11-20T12:00:00+0200", Err("an offset is written with a colon, as in +02:00")),
            ("2026-11-20T12:00:00+02:00:00", Err(offset)),
            ("2026-11-20T12:00:00,5Z", Err("a fraction of a second stands behind a point, not a comma")),
            ("2026-11-20T12:00:00.Z", Err("a fraction of a second is a point and digits")),
            ("2026-11-20T12:00:00.5.5Z", Err("a fraction of a second is a point and digits")),
            ("2026-11-20T12:00:00", Err(outline)),
            ("2026-11-20T12:00Z", Err(outline)),
            ("2026-02-29T12:00:00Z", Err(none)),
            ("2026-11-20T24:00:00Z", Err(none)),
            ("2026-11-20T12:60:00Z", Err(none)),
            ("9999-12-31T23:59:59Z", Err(years)),
            ("0001-01-01T00:00:00Z", Err(years)),
            ("2262-04-12T00:00:00Z", Err(years)),
            ("1677-01-01T00:00:00Z", Err(years)),
        ] {
            let read = text.parse::<Timestamp>();
            assert_eq!(read.as_ref().copied().map_err(|error| error.problem.as_str()), expected, "{text}");
        }
        let twelve: Timestamp = "2026-01-01T00:00:00.123456789123Z".parse().expect("any number of digits");
        assert_eq!(twelve.to_rfc3339_nanos(), "2026-01-01T00:00:00.123456789Z");
    }
}
