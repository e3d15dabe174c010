//! Finds where a JSON value ends, without building anything.
//!
//! ```text
//! {"a":[1,"}"],"b":{}}{"next":...
//! ^ starts here      ^ Step::Done(20): the place after it
//! ```
//!
//! A state machine over brackets, strings, commas and colons. Scalars are only outlined: what exactly `truu` is, the
//! parser says later. It follows the grammar closely enough to notice that a record was cut and the next one begins
//! (`{"a":1,` and then `{`), which a count of brackets does not.
//!
//! Invariants: each byte is looked at once, however the input arrives; no recursion; the stack is bounded by
//! [`DEPTH_MAX`]. A line feed inside a string is an error: JSON forbids it, and it is what a cut line looks like.
//!
//! Not here: what to do about a broken value ([`super::split`]).

/// The deepest nesting that is taken for a record.
pub(super) const DEPTH_MAX: usize = 128;

/// What the scanner found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// All bytes looked at, the value goes on.
    More,
    /// The value ends before this offset.
    Done(usize),
    /// The value is an envelope, and this is the offset of the `[` that holds its records.
    Envelope(usize),
    /// The grammar is broken at this offset.
    Broken(usize, &'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    None,
    String,
    Scalar,
}

/// The state between two looks at a value that arrives in pieces.
#[derive(Debug)]
pub(super) struct Scanner {
    at: usize,
    stack: Vec<u8>,
    want: Want,
    token: Token,
    /// Where the last string began, its quote included.
    string_start: usize,
    /// Whether the last top-level key names an array of records.
    envelope_key: bool,
    /// Whether envelopes are looked for.
    envelopes: bool,
}

impl Scanner {
    /// At the first byte of a value.
    pub(super) fn new(envelopes: bool) -> Self {
        Self {
            at: 0,
            stack: Vec::new(),
            want: Want::Value,
            token: Token::None,
            string_start: 0,
            envelope_key: false,
            envelopes,
        }
    }

    /// Just after the records of an envelope, inside its object.
    pub(super) fn after_records() -> Self {
        Self { stack: vec![b'{'], want: Want::CommaOrEnd, ..Self::new(true) }
    }

    /// Looks at the bytes not seen yet; `bytes` begins where the value does and only ever grows.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> Step {
        while let Some(&byte) = bytes.get(self.at) {
            let step = match self.token {
                Token::String => self.string(bytes),
                Token::Scalar if is_scalar(byte) => {
                    self.at += 1;
                    continue;
                }
                Token::Scalar => {
                    self.token = Token::None;
                    self.value_ends()
                }
                Token::None => self.structure(byte),
            };
            if let Some(step) = step {
                return step;
            }
        }
        Step::More
    }

    /// What a value that the input ends in was in the middle of.
    fn broken(&self, why: &'static str) -> Option<Step> {
        Some(Step::Broken(self.at, why))
    }

    fn structure(&mut self, byte: u8) -> Option<Step> {
        match (byte, self.want) {
            (b' ' | b'\t' | b'\r' | b'\n', _) => {
                self.at += 1;
                None
            }
            (b'"', Want::Key | Want::KeyOrEnd | Want::Value | Want::ValueOrEnd) => {
                self.string_start = self.at;
                self.token = Token::String;
                self.at += 1;
                None
            }
            (b'{' | b'[', Want::Value | Want::ValueOrEnd) => self.open(byte),
            (b'}', Want::KeyOrEnd) | (b']', Want::ValueOrEnd) => self.close(byte),
            (b'}' | b']', Want::CommaOrEnd) => self.close(byte),
            (b':', Want::Colon) => {
                self.want = Want::Value;
                self.at += 1;
                None
            }
            (b',', Want::CommaOrEnd) => {
                self.want = if self.stack.last() == Some(&b'{') { Want::Key } else { Want::Value };
                self.at += 1;
                None
            }
            (byte, Want::Value | Want::ValueOrEnd) if is_scalar(byte) => {
                self.token = Token::Scalar;
                None
            }
            (_, Want::Key | Want::KeyOrEnd) => self.broken("a key in quotes was expected"),
            (_, Want::Colon) => self.broken("a colon was expected"),
            (_, Want::CommaOrEnd) => self.broken("a comma or a closing bracket was expected"),
            (_, Want::Value | Want::ValueOrEnd) => self.broken("a value was expected"),
        }
    }

    fn open(&mut self, byte: u8) -> Option<Step> {
        if byte == b'[' && self.envelope_key && self.stack.len() == 1 {
            return Some(Step::Envelope(self.at));
        }
        if self.stack.len() >= DEPTH_MAX {
            return self.broken("nested deeper than 128 levels");
        }
        self.stack.push(byte);
        self.want = if byte == b'{' { Want::KeyOrEnd } else { Want::ValueOrEnd };
        self.at += 1;
        None
    }

    fn close(&mut self, byte: u8) -> Option<Step> {
        let opening = if byte == b'}' { b'{' } else { b'[' };
        if self.stack.pop() != Some(opening) {
            return self.broken("a bracket closes what another kind opened");
        }
        self.at += 1;
        self.value_ends()
    }

    fn value_ends(&mut self) -> Option<Step> {
        self.want = Want::CommaOrEnd;
        self.stack.is_empty().then_some(Step::Done(self.at))
    }

    /// Runs to the end of the string, or as far as the bytes go.
    fn string(&mut self, bytes: &[u8]) -> Option<Step> {
        let rest = bytes.get(self.at..).unwrap_or_default();
        let Some(found) = rest.iter().position(|&byte| matches!(byte, b'"' | b'\\' | b'\n')) else {
            self.at = bytes.len();
            return None;
        };
        self.at += found;
        match rest.get(found) {
            Some(b'\\') => match rest.get(found + 1) {
                Some(b'\n') => self.broken("a line feed inside a string"),
                Some(_) => {
                    self.at += 2;
                    None
                }
                // The escaped byte has not arrived: look at both again when it has.
                None => Some(Step::More),
            },
            Some(b'\n') => self.broken("a line feed inside a string"),
            _ => {
                self.at += 1;
                self.token = Token::None;
                self.string_ends(bytes)
            }
        }
    }

    fn string_ends(&mut self, bytes: &[u8]) -> Option<Step> {
        if !matches!(self.want, Want::Key | Want::KeyOrEnd) {
            return self.value_ends();
        }
        self.want = Want::Colon;
        if self.stack.len() == 1 {
            let key = bytes.get(self.string_start..self.at);
            self.envelope_key =
                self.envelopes && matches!(key, Some(b"\"Records\"" | b"\"items\"" | b"\"Events\"" | b"\"rows\""));
        }
        None
    }
}

fn is_scalar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')
}

/// Where a value ends by its brackets and strings alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Balance {
    /// Before this offset.
    At(usize),
    /// Not within these bytes.
    More,
    /// Nowhere, whatever follows.
    Never,
}

/// The end of a value whose grammar is broken, by brackets and strings alone.
///
/// The depth is bounded here too, so that many values that never end cost no more than [`DEPTH_MAX`] looks at a byte.
pub(super) fn balance(bytes: &[u8]) -> Balance {
    let mut stack = Vec::new();
    let mut at = 0;
    let mut in_string = false;
    while let Some(&byte) = bytes.get(at) {
        match (in_string, byte) {
            (true, b'\\') => at += 1,
            (true, b'\n') => return Balance::Never,
            (_, b'"') => in_string = !in_string,
            (true, _) => {}
            (false, b'{' | b'[') if stack.len() >= DEPTH_MAX => return Balance::Never,
            (false, b'{') => stack.push(b'}'),
            (false, b'[') => stack.push(b']'),
            (false, b'}' | b']') => {
                if stack.pop() != Some(byte) {
                    return Balance::Never;
                }
                if stack.is_empty() {
                    return Balance::At(at + 1);
                }
            }
            (false, _) => {}
        }
        at += 1;
    }
    Balance::More
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The result when the bytes arrive one at a time, and all at once.
    fn scan(text: &str) -> Step {
        let whole = Scanner::new(true).advance(text.as_bytes());
        let mut slow = Scanner::new(true);
        let step = (1..=text.len())
            .map(|length| slow.advance(text.as_bytes().get(..length).unwrap_or_default()))
            .find(|step| *step != Step::More)
            .unwrap_or(Step::More);
        assert_eq!(whole, step, "{text}");
        whole
    }

    #[test]
    fn values_end_where_they_end() {
        for (value, after) in [
            ("{}", "{"),
            ("[]", ","),
            (r#"{"a":[1,"}\"\\",{"b":null}],"c":-1.5e+9}"#, "\n{"),
            ("{ \"a\" :\r\n\t[ ] }", ""),
            (r#""text""#, ","),
            ("-12.5", "]"),
        ] {
            assert_eq!(scan(&format!("{value}{after}")), Step::Done(value.len()), "{value}");
        }
    }

    #[test]
    fn a_cut_value_is_noticed_at_the_next_one() {
        for (cut, at) in [
            ("{\"a\":1,\n{\"b\":2}", 8),
            ("{\"a\":\"x\n{\"b\":2}", 7),
            ("{\"a\":1\n{\"b\":2}", 7),
            ("{\"a\n{", 3),
            ("{\"a\":[1}", 7),
            ("{\"a\" 1}", 5),
        ] {
            assert!(matches!(scan(cut), Step::Broken(place, _) if place == at), "{cut}: {:?}", scan(cut));
        }
        assert_eq!(scan("{\"a\":{\"b\":\"x\\"), Step::More);
    }

    #[test]
    fn depth_is_bounded() {
        let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(scan(&deep(DEPTH_MAX)), Step::Done(2 * DEPTH_MAX));
        assert!(matches!(scan(&deep(DEPTH_MAX + 1)), Step::Broken(DEPTH_MAX, _)));
    }

    #[test]
    fn envelopes_are_seen_at_the_top_only() {
        assert_eq!(scan(r#"{"Records":[{}]}"#), Step::Envelope(11));
        assert_eq!(scan(r#"{"kind":"EventList","items": [{}]}"#), Step::Envelope(29));
        assert_eq!(scan(r#"{"a":{"items":[1]}}"#), Step::Done(19));
        assert_eq!(scan(r#"{"items":{"a":[1]}}"#), Step::Done(19));
        assert_eq!(Scanner::new(false).advance(br#"{"items":[1]}"#), Step::Done(13));
        assert_eq!(Scanner::after_records().advance(b" ,\"a\":1}"), Step::Done(8));
    }

    #[test]
    fn balance_ignores_the_grammar() {
        for (text, expected) in [
            ("{\"a\" 1 {\"}\":]]}", Balance::Never),
            ("{\"a\" 1 {\"}\":[]}},x", Balance::At(16)),
            ("{\"a\n\"}", Balance::Never),
            ("{\"a\\", Balance::More),
            ("{\"a\\\"}", Balance::More),
        ] {
            assert_eq!(balance(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(balance("[".repeat(DEPTH_MAX + 1).as_bytes()), Balance::Never);
    }
}
