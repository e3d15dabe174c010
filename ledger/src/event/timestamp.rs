//! A point in time: nanoseconds since 1970-01-01T00:00:00Z, as an i64, from 1677 to 2262.
//!
//! Text goes in and out as RFC 3339. What a calendar can do and RFC 3339 cannot (zone names, week dates, basic form) is
//! refused. Digits of a fraction beyond the ninth are cut: an i64 of nanoseconds has no place for them. A leap second (`:60`) is read as the second before it, since the count has no place for it.

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
        if !has_shape(text.as_bytes()) {
            return Err(invalid("a date, T, a time and Z or an offset are needed".to_owned()));
        }
        let out_of_range = || invalid("outside the years 1677 to 2262, which nanoseconds in 64 bits span".to_owned());
        // The calendar knows offsets of up to 25 hours; RFC 3339 does not.
        if !has_offset_in_range(text.as_bytes()) {
            return Err(invalid("an offset goes from -23:59 to +23:59".to_owned()));
        }
        if text.get(..4).is_none_or(|year| !("1677"..="2262").contains(&year)) {
            return Err(out_of_range());
        }
        let time: jiff::Timestamp = nine_digits(text)
            .parse()
            .map_err(|_| invalid("no such day or time of day, or something that is no digit".to_owned()))?;
        i64::try_from(time.as_nanosecond()).map(Self).map_err(|_| out_of_range())
    }
}

/// Whether the text has the outline of RFC 3339: the calendar library reads other forms too, which are refused here.
fn has_shape(text: &[u8]) -> bool {
    let mark = |at: usize, allowed: &[u8]| text.get(at).is_some_and(|byte| allowed.contains(byte));
    let ends = match text {
        [.., b'Z' | b'z'] => true,
        [.., b'+' | b'-', _, _, b':', _, _] => text.len() >= 25,
        _ => false,
    };
    // The calendar takes a comma too.
    let fraction = matches!(text.get(19), Some(b'.' | b'Z' | b'z' | b'+' | b'-'));
    ends && fraction && mark(4, b"-") && mark(7, b"-") && mark(10, b"Tt ") && mark(13, b":") && mark(16, b":")
}

/// Whether the offset, where there is one, is one of RFC 3339's.
fn has_offset_in_range(text: &[u8]) -> bool {
    match text {
        [.., b'+' | b'-', tens, ones, b':', minute, _] => {
            (b"00".as_slice()..=b"23").contains(&[*tens, *ones].as_slice()) && *minute <= b'5'
        }
        _ => true,
    }
}

/// The text without the digits of its fraction beyond the ninth.
fn nine_digits(text: &str) -> std::borrow::Cow<'_, str> {
    const NINTH: usize = "2026-11-20T10:00:00.123456789".len();
    let digits = text.get(20..).map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    match (text.as_bytes().get(19), text.get(..NINTH), text.get(20 + digits..)) {
        (Some(b'.'), Some(front), Some(zone)) if digits > 9 => format!("{front}{zone}").into(),
        _ => text.into(),
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
            ("1970-01-01T00:00:00.123456789987Z", 123_456_789, "1970-01-01T00:00:00.123456789Z"),
            ("1970-01-01T00:00:00.9999999999999999999999+00:00", 999_999_999, "1970-01-01T00:00:00.999999999Z"),
            ("1970-01-02T00:00:00+23:59", 60_000_000_000, "1970-01-01T00:01:00Z"),
            ("1969-12-31T00:00:01-23:59", -59_000_000_000, "1969-12-31T23:59:01Z"),
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
            "2026-11-20T10:00:00,5Z",
            "2026-11-20T10:00:00.Z",
            "2026-11-20T10:00:00+24:00",
            "2026-11-20T10:00:00+25:00",
            "2026-11-20T10:00:00-24:59",
            "2026-11-20T10:00:00+01:60",
            "2026-02-30T10:00:00Z",
            "9999-12-31T23:59:59Z",
            "2026-11-20T10:00:00.12345678901x2Z",
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
}
