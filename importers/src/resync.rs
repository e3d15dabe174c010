//! Finds the next record behind a broken one, wherever in a line it begins.
//!
//! ```text
//! {"eventVersion":"1.08","resources":[{"ARN":"x"}],{"eventVersion":"1.08",...},{...}
//! ^ broken: a brace is missing        no record    ^ the next record
//! ```
//!
//! A record begins at a brace that is followed by a key in quotes and does not stand behind a colon, from which a whole
//! JSON object can be read that looks like an audit record. Quotes of a broken record are not counted, since one that is
//! missing turns all that follows inside out; text inside a string cannot be taken for a record, as its quotes are escaped.
//!
//! Invariant: the work is bounded by a multiple of the bytes, however many braces never close.
//!
//! Not here: what is done with the bytes before the record (`split`), and what looks like a record (whoever calls).

use super::scan::{Scanner, Step};

/// Bytes that may be looked at for each byte of the input, over all braces.
const LOOKS_MAX: usize = 16;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// A record begins here.
    At(usize),
    /// Not within these bytes; more of them may tell.
    More,
    /// There is none that can be found with bounded work.
    Nowhere,
}

/// The first record that begins at or behind `from`; `ended` says that no more bytes will come.
pub(super) fn next_record(bytes: &[u8], from: usize, ended: bool, is_record: fn(&str) -> bool) -> Next {
    let mut looks = bytes.len().saturating_mul(LOOKS_MAX);
    let mut at = from;
    while let Some(found) = bytes.get(at..).and_then(|rest| rest.iter().position(|&byte| byte == b'{')) {
        let start = at + found;
        at = start + 1;
        if !may_begin(bytes, start) {
            continue;
        }
        let rest = bytes.get(start..).unwrap_or_default();
        match Scanner::new(false).advance(rest) {
            Step::Done(length) => {
                let text = rest.get(..length).and_then(|record| std::str::from_utf8(record).ok());
                if text.is_some_and(is_record) {
                    return Next::At(start);
                }
                looks = looks.saturating_sub(length);
            }
            Step::Broken(length, _) => looks = looks.saturating_sub(length),
            Step::More if !ended => return Next::More,
            Step::More | Step::Envelope(_) => looks = looks.saturating_sub(rest.len()),
        }
        if looks == 0 {
            return Next::Nowhere;
        }
    }
    if ended { Next::Nowhere } else { Next::More }
}

/// Whether the brace is followed by a key in quotes, and is not the value of a member.
fn may_begin(bytes: &[u8], brace: usize) -> bool {
    let not_space = |byte: &&u8| !byte.is_ascii_whitespace();
    let next = bytes.get(brace + 1..).unwrap_or_default().iter().find(not_space);
    let before = bytes.get(..brace).unwrap_or_default().iter().rev().find(not_space);
    matches!(next, Some(b'"') | None) && before != Some(&b':')
}

/// Where the piece before a record ends: the comma between them is structure.
pub(super) fn end_before(bytes: &[u8], record: usize) -> usize {
    let before = bytes.get(..record).unwrap_or_default();
    match before.iter().rposition(|byte| !byte.is_ascii_whitespace()) {
        Some(at) if before.get(at) == Some(&b',') && at > 0 => at,
        _ => record,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_id(record: &str) -> bool {
        record.starts_with("{\"id\"")
    }

    #[test]
    fn a_record_is_found_where_it_begins() {
        let cases: [(&str, Next); 8] = [
            (r#"{"id":1,"list":[{"x":1}],{"id":2},{"id":3}"#, Next::At(25)),
            (r#"{"id":"a,"b":"c"},{"id":2}"#, Next::At(18)),
            (r#"{"id":1,"nested":{"id":2}"#, Next::Nowhere),
            (r#"{{"id":1}"#, Next::At(1)),
            (r#"{"id":"text {\"id\":1} text"#, Next::Nowhere),
            (
                r#"{"id":1x ,
  {"id" : 2}"#,
                Next::At(13),
            ),
            (r#"{"id":1,{"other":2}"#, Next::Nowhere),
            ("", Next::Nowhere),
        ];
        for (text, wanted) in cases {
            assert_eq!(next_record(text.as_bytes(), 1, true, has_id), wanted, "{text}");
        }
        let cut = br#"{"id":1,{"id":2,"more":"#;
        assert_eq!(next_record(cut, 1, false, has_id), Next::More);
        assert_eq!(end_before(br#"{"a":1 , {"b":2}"#, 9), 7);
        assert_eq!(end_before(br#"{{"b":2}"#, 1), 1);
    }

    #[test]
    fn braces_that_never_close_cost_bounded_work() {
        let hostile = br#",{"a":["#.repeat(200_000);
        assert_eq!(next_record(&hostile, 1, true, has_id), Next::Nowhere);
    }
}
