//! Open facts about an event, as the exact text of one JSON object.
//!
//! ```text
//! { "b":1 , "a":12345678901234567890123 }      kept byte for byte: order, spacing, big numbers, escapes
//! ```
//!
//! Invariants: the text is valid JSON, an object, without white space around it, without the same key twice in one
//! object (readers differ in which one they take), within the limits it was made under. Nothing here recurses, so depth
//! costs no stack.
//!
//! Not here: a tree of values. Who wants one parses the text.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde_json::value::RawValue;

use super::limits::{EventInvalid, EventProblem, Limits};
use super::plain;
use super::text::Text;

/// The exact text of a JSON object.
///
/// ```
/// use indelible::{Limits, Metadata};
///
/// let metadata = Metadata::from_text(r#"{"bytes": 123456789012345678901234567890}"#, &Limits::default())?;
/// assert_eq!(metadata.as_str(), r#"{"bytes": 123456789012345678901234567890}"#);
/// # Ok::<(), indelible::EventInvalid>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Metadata {
    text: String,
    depth: usize,
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Metadata").field(&self.text).finish()
    }
}

impl fmt::Display for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Metadata {
    /// Takes the text of a JSON object; white space around it is dropped, everything inside is kept.
    ///
    /// # Errors
    /// Not JSON, not an object, over a limit, or a key twice in one object; the field is `metadata`.
    pub fn from_text(text: impl Into<String>, limits: &Limits) -> Result<Self, EventInvalid> {
        let text = text.into();
        if let Some(depth) = plain::depth(&text) {
            let known = Self { text, depth };
            known.check_limits(limits)?;
            return Ok(known);
        }
        let (object, depth) = look_closely(&text, limits)?;
        let text = if object.len() == text.len() { text } else { object.to_owned() };
        Ok(Self { text, depth })
    }

    /// Takes anything that serde writes as a JSON object: a map, a struct, `serde_json::json!`.
    ///
    /// # Errors
    /// As [`Metadata::from_text`], and where serde itself fails.
    pub fn from_serialize(value: &impl Serialize, limits: &Limits) -> Result<Self, EventInvalid> {
        let text = serde_json::to_string(value)
            .map_err(|error| invalid(EventProblem::Unreadable { message: error.to_string() }))?;
        Self::from_text(text, limits)
    }

    /// The exact text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The value of a top-level key, parsed; `None` where there is none, or where it is something that a
    /// [`serde_json::Value`] cannot hold (a number out of range, half a surrogate pair).
    #[must_use]
    pub fn get(&self, key: &str) -> Option<serde_json::Value> {
        serde_json::from_str(self.get_raw(key)?).ok()
    }

    /// The exact text of the value of a top-level key.
    #[must_use]
    pub fn get_raw(&self, key: &str) -> Option<&str> {
        let mut members = Members(self.text.as_bytes(), 1);
        while let Some((found, value)) = members.next_member(&self.text) {
            if found == key {
                return Some(value);
            }
        }
        None
    }

    /// The text as it goes on one line: itself, or without white space between tokens where that has line breaks.
    pub(crate) fn one_line(&self) -> Cow<'_, str> {
        if !self.text.contains(['\n', '\r']) {
            return Cow::Borrowed(&self.text);
        }
        let mut out = String::with_capacity(self.text.len());
        let mut at = 0;
        while let Some(&byte) = self.text.as_bytes().get(at) {
            let end = if byte == b'"' { string_end(self.text.as_bytes(), at) } else { at + 1 };
            if !byte.is_ascii_whitespace() {
                out.push_str(self.text.get(at..end).unwrap_or_default());
            }
            at = end;
        }
        Cow::Owned(out)
    }

    pub(crate) fn check_limits(&self, limits: &Limits) -> Result<(), EventInvalid> {
        check_size(self.text.len(), limits)?;
        if self.depth > limits.metadata_depth_max {
            return Err(invalid(EventProblem::TooDeep { limit: limits.metadata_depth_max }));
        }
        Ok(())
    }
}

fn invalid(problem: EventProblem) -> EventInvalid {
    EventInvalid::new("metadata", problem)
}

/// The object without white space around it and its depth, or the first thing that is wrong.
pub(super) fn look_closely<'t>(text: &'t str, limits: &Limits) -> Result<(&'t str, usize), EventInvalid> {
    let raw: &RawValue =
        serde_json::from_str(text).map_err(|error| invalid(EventProblem::Unreadable { message: error.to_string() }))?;
    let object = raw.get();
    if !object.starts_with('{') {
        return Err(invalid(EventProblem::NotAnObject));
    }
    check_size(object.len(), limits)?;
    Ok((object, check_structure(object, limits.metadata_depth_max)?))
}

fn check_size(bytes: usize, limits: &Limits) -> Result<(), EventInvalid> {
    if bytes > limits.metadata_bytes_max {
        return Err(invalid(EventProblem::TooLong { bytes, limit: limits.metadata_bytes_max }));
    }
    Ok(())
}

/// The place after the string that begins at `start`; the text is valid JSON.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Walks valid JSON once; gives its depth, or the first thing that is wrong.
///
/// A string is a key exactly where a colon follows it: nothing else in JSON is followed by one.
fn check_structure(object: &str, depth_max: usize) -> Result<usize, EventInvalid> {
    let bytes = object.as_bytes();
    let mut keys: Vec<Cow<'_, str>> = Vec::new();
    let mut starts: Vec<usize> = Vec::new();
    let (mut at, mut deepest) = (0, 0);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'{' | b'[' => {
                starts.push(keys.len());
                deepest = deepest.max(starts.len());
                if deepest > depth_max {
                    return Err(invalid(EventProblem::TooDeep { limit: depth_max }));
                }
            }
            b'}' | b']' => {
                let start = starts.pop().unwrap_or(0);
                check_distinct(keys.get_mut(start..).unwrap_or_default())?;
                keys.truncate(start);
            }
            b'"' => {
                let end = string_end(bytes, at);
                if next_token(bytes, end) == Some(b':') {
                    keys.push(decode(object.get(at..end).unwrap_or_default())?);
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    Ok(deepest)
}

fn check_distinct(keys: &mut [Cow<'_, str>]) -> Result<(), EventInvalid> {
    keys.sort_unstable();
    match keys.windows(2).find_map(|pair| pair.first().filter(|first| Some(*first) == pair.get(1))) {
        Some(key) => Err(invalid(EventProblem::DuplicateKey { key: key.to_string() })),
        None => Ok(()),
    }
}

fn decode(string: &str) -> Result<Cow<'_, str>, EventInvalid> {
    match string.get(1..string.len().saturating_sub(1)) {
        Some(inner) if !inner.contains('\\') => Ok(Cow::Borrowed(inner)),
        _ => serde_json::from_str::<Text<'_>>(string)
            .map(|text| text.0)
            .map_err(|error| invalid(EventProblem::Unreadable { message: error.to_string() })),
    }
}

/// The next byte that is not white space.
fn next_token(bytes: &[u8], from: usize) -> Option<u8> {
    bytes.get(from..)?.iter().copied().find(|byte| !byte.is_ascii_whitespace())
}

/// The top-level members of an object, one after the other.
struct Members<'a>(&'a [u8], usize);

impl Members<'_> {
    fn next_member<'t>(&mut self, text: &'t str) -> Option<(Cow<'t, str>, &'t str)> {
        let Self(bytes, at) = self;
        let start = *at + bytes.get(*at..)?.iter().position(|&byte| byte == b'"')?;
        let key_end = string_end(bytes, start);
        let value_start = key_end + bytes.get(key_end..)?.iter().position(|&byte| byte == b':')? + 1;
        let mut depth = 0usize;
        let mut end = value_start;
        loop {
            match bytes.get(end)? {
                b'"' => {
                    end = string_end(bytes, end);
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b',' | b'}' if depth == 0 => break,
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            end += 1;
        }
        *at = end;
        Some((decode(text.get(start..key_end)?).ok()?, text.get(value_start..end)?.trim_ascii()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> Option<EventProblem> {
        Metadata::from_text(text, &Limits::default()).err().map(|error| error.problem)
    }

    #[test]
    fn the_exact_text_is_kept() {
        for text in [
            "{}",
            r#"{ "b":1 ,"a":123456789012345678901234567890,"c":1e999,"d":-0.0 }"#,
            r#"{"half":"\ud800","nul":"\u0000","a":{"b":[{"a":1},{"a":1}]},"":""}"#,
            "{\"line\":\n[1,\r\n2]}",
        ] {
            let metadata = Metadata::from_text(format!(" \n{text}\t"), &Limits::default()).expect(text);
            assert_eq!(metadata.as_str(), text);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(matches!(problem("{"), Some(EventProblem::Unreadable { .. })));
        assert!(matches!(problem("{} {}"), Some(EventProblem::Unreadable { .. })));
        assert!(matches!(problem("{\"a\":\"\u{1}\"}"), Some(EventProblem::Unreadable { .. })));
        assert_eq!(problem("[1]"), Some(EventProblem::NotAnObject));
        assert_eq!(problem("null"), Some(EventProblem::NotAnObject));
        let twice = |key: &str| Some(EventProblem::DuplicateKey { key: key.to_owned() });
        assert_eq!(problem(r#"{"a":1,"b":2,"a":3}"#), twice("a"));
        assert_eq!(problem(r#"{"x":[{"a":1,"\u0061":3}]}"#), twice("a"));
        assert_eq!(problem(r#"{"\ud800":1,"\uD800":2}"#), twice("\\ud800"));
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(65_536));
        assert_eq!(problem(&long), Some(EventProblem::TooLong { bytes: 65_544, limit: 65_536 }));
    }

    #[test]
    fn depth_is_bounded_without_recursion() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert_eq!(problem(&nested(16)), None);
        assert_eq!(problem(&nested(17)), Some(EventProblem::TooDeep { limit: 16 }));
        let deep = Metadata::from_text(nested(200_000), &Limits::unbounded()).expect("depth is not bounded here");
        assert!(deep.check_limits(&Limits { metadata_bytes_max: usize::MAX, ..Limits::default() }).is_err());
        assert_eq!(deep.get("a"), None, "too deep for a tree of values, and still no overflow");
    }

    #[test]
    fn members_are_found_by_their_decoded_key() {
        let text = r#"{"a":{"b":1},"\u0062" : [1, "},"], "c":null,"n":12345678901234567890123}"#;
        let metadata = Metadata::from_text(text, &Limits::default()).expect("valid");
        assert_eq!(metadata.get("b"), Some(serde_json::json!([1, "},"])));
        assert_eq!(metadata.get("c"), Some(serde_json::Value::Null));
        assert_eq!(metadata.get_raw("n"), Some("12345678901234567890123"));
        assert_eq!(metadata.get("d"), None);
    }

    #[test]
    fn line_breaks_between_tokens_are_dropped_for_one_line_only() {
        let metadata = Metadata::from_text("{ \"a b\" :\n [1,\r\n \" \\\" x\"] }", &Limits::default()).expect("valid");
        assert_eq!(metadata.one_line(), r#"{"a b":[1," \" x"]}"#);
        let spaced = Metadata::from_text(r#"{ "a": 1 }"#, &Limits::default()).expect("valid");
        assert_eq!(spaced.one_line(), r#"{ "a": 1 }"#);
    }
}
