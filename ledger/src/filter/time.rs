//! Times and spans as people write them.
//!
//! ```text
//! 2026-11-20T10:00:00Z   RFC 3339            2026-11-20   that day's first moment in UTC
//! -7d  -90m  +1h         from now            now          now
//! 1h  15m  1d            a span of time, for buckets
//! ```
//!
//! Units: `s` `m` (minutes) `h` `d` (24 hours) `w`. A relative time beyond what 64 bits of nanoseconds hold is refused.

use super::FilterError;
use crate::event::Timestamp;

const SECOND: i64 = 1_000_000_000;

/// The units of spans, with their nanoseconds.
const UNITS: &[(char, i64)] =
    &[('s', SECOND), ('m', 60 * SECOND), ('h', 3_600 * SECOND), ('d', 86_400 * SECOND), ('w', 604_800 * SECOND)];

/// Reads a time; `now` is what relative times are relative to.
///
/// # Errors
/// [`FilterError::Time`], which says which forms there are.
pub fn parse_time(text: &str, now: Timestamp) -> Result<Timestamp, FilterError> {
    let invalid = |problem: String| FilterError::Time { given: text.chars().take(64).collect(), problem };
    let forms =
        "use RFC 3339 (2026-11-20T10:00:00Z), a date (2026-11-20), a relative time (-7d, -90m; s, m, h, d, w) or now";
    if text == "now" {
        return Ok(now);
    }
    if let Some(sign) = text.strip_prefix(['-', '+']) {
        let span = span_nanos(sign).map_err(&invalid)?;
        let moved = if text.starts_with('-') { now.0.checked_sub(span) } else { now.0.checked_add(span) };
        return moved.map(Timestamp).ok_or_else(|| invalid("outside the years 1677 to 2262".to_owned()));
    }
    if is_date(text) {
        return format!("{text}T00:00:00Z").parse().map_err(|_| invalid("there is no such day".to_owned()));
    }
    if !text.contains(['T', 't', ' ']) {
        return Err(invalid(forms.to_owned()));
    }
    text.parse().map_err(|error: crate::event::TimestampInvalid| invalid(format!("{}; {forms}", error.problem)))
}

/// Reads a span of time such as `15m`, more than nothing.
///
/// # Errors
/// [`FilterError::Time`].
pub fn parse_span(text: &str) -> Result<std::time::Duration, FilterError> {
    let invalid = |problem: String| FilterError::Time { given: text.chars().take(64).collect(), problem };
    let nanos = span_nanos(text).map_err(&invalid)?;
    match u64::try_from(nanos) {
        Ok(nanos) if nanos > 0 => Ok(std::time::Duration::from_nanos(nanos)),
        _ => Err(invalid("a span must be longer than nothing".to_owned())),
    }
}

/// Nanoseconds of `<digits><unit>`, or what is wrong with it.
fn span_nanos(text: &str) -> Result<i64, String> {
    let wrong = || "a span is a whole number and a unit: s, m (minutes), h, d or w".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let &(_, nanos) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    let digits = text.strip_suffix(unit).unwrap_or_default();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let count: Option<i64> = digits.parse().ok();
    count.and_then(|count| count.checked_mul(nanos)).ok_or_else(|| "longer than 292 years".to_owned())
}

fn is_date(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-20T10:00:00Z.
    const NOW: Timestamp = Timestamp(1_795_168_800_000_000_000);

    #[test]
    fn every_form_of_time_is_read() {
        for (text, expected) in [
            ("now", "2026-11-20T10:00:00Z"),
            ("-7d", "2026-11-13T10:00:00Z"),
            ("-90m", "2026-11-20T08:30:00Z"),
            ("-1w", "2026-11-13T10:00:00Z"),
            ("-30s", "2026-11-20T09:59:30Z"),
            ("+2h", "2026-11-20T12:00:00Z"),
            ("-0d", "2026-11-20T10:00:00Z"),
            ("2026-11-01", "2026-11-01T00:00:00Z"),
            ("2024-02-29", "2024-02-29T00:00:00Z"),
            ("2026-11-20T12:00:00.5+02:00", "2026-11-20T10:00:00.5Z"),
        ] {
            assert_eq!(parse_time(text, NOW).map(|time| time.to_string()), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused_with_the_forms_that_work() {
        for text in [
            "",
            "yesterday",
            "-",
            "-d",
            "-7",
            "-7x",
            "--7d",
            "- 7d",
            "-7.5d",
            "-999999999999w",
            "-300000d",
            "2026-02-30",
            "2026-13-01",
            "20261120",
            "2026-11-20T10:00:00",
            "1970",
            "−7d",
            "-٧d",
            "NOW",
        ] {
            let error = parse_time(text, NOW);
            assert!(matches!(error, Err(FilterError::Time { .. })), "{text}: {error:?}");
        }
        let message = parse_time("yesterday", NOW).map_err(|error| error.to_string());
        assert!(message.is_err_and(|message| message.contains("a relative time (-7d")));
    }

    #[test]
    fn spans_are_positive() {
        assert_eq!(parse_span("15m").map(|span| span.as_secs()), Ok(900));
        for text in ["", "0s", "-1h", "h", "1y", "99999999999999d"] {
            assert!(parse_span(text).is_err(), "{text}");
        }
    }
}
