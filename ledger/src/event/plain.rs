//! Tells at sight, in one pass and without an allocation, that a text is a plain JSON object: nearly all metadata is.
//!
//! ```text
//! {"ip":"10.0.0.7","tags":["a","b"],"ms":31}   ->   Some(2), its depth
//! anything else, and what only looks odd       ->   None: whoever asked looks closely
//! ```
//!
//! Invariant: `Some(depth)` only of what the close look (`Metadata::from_text`) takes whole, with that depth. So nothing here
//! decides what is refused, and no message is written here. Odd are escapes in keys, many keys and deep nesting.

/// Deeper objects are looked at closely.
const DEPTH_MAX: usize = 16;
/// Most keys of all objects that are open at one time.
const KEYS_MAX: usize = 48;

/// The depth of a plain object that begins with the first byte and ends with the last.
pub(super) fn depth(text: &str) -> Option<usize> {
    let mut walk = Walk { bytes: text.as_bytes(), at: 0, keys: [(0, 0); KEYS_MAX], known: 0 };
    let mut levels = [Level::default(); DEPTH_MAX];
    let (mut open, mut deepest) = (0, 0);
    if walk.peek() != Some(b'{') {
        return None;
    }
    loop {
        // Here a value begins.
        match walk.peek()? {
            kind @ (b'{' | b'[') => {
                walk.at += 1;
                let level = Level { is_object: kind == b'{', keys_from: walk.known };
                *levels.get_mut(open)? = level;
                open += 1;
                deepest = deepest.max(open);
                walk.space();
                if walk.peek()? != level.end() {
                    if level.is_object {
                        walk.key(level.keys_from)?;
                    }
                    continue;
                }
            }
            b'"' => {
                walk.string()?;
            }
            b'-' | b'0'..=b'9' => walk.number()?,
            b't' => walk.word(b"true")?,
            b'f' => walk.word(b"false")?,
            b'n' => walk.word(b"null")?,
            _ => return None,
        }
        // Here one has ended, and with it perhaps what it stands in.
        loop {
            walk.space();
            let level = *levels.get(open.checked_sub(1)?)?;
            let byte = walk.peek()?;
            walk.at += 1;
            if byte == b',' {
                walk.space();
                if level.is_object {
                    walk.key(level.keys_from)?;
                }
                break;
            }
            if byte != level.end() {
                return None;
            }
            walk.known = level.keys_from;
            open -= 1;
            if open == 0 {
                return (walk.at == walk.bytes.len()).then_some(deepest);
            }
        }
    }
}

/// An object or array that has begun.
#[derive(Debug, Clone, Copy, Default)]
struct Level {
    is_object: bool,
    /// Keys that were known before it.
    keys_from: usize,
}

impl Level {
    fn end(self) -> u8 {
        if self.is_object { b'}' } else { b']' }
    }
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Keys of the objects that are open, by place.
    keys: [(usize, usize); KEYS_MAX],
    known: usize,
}

const ONES: u64 = u64::MAX / 255;
const HIGHS: u64 = ONES << 7;

/// Bits of which the lowest marks the first quote, backslash or control character of eight bytes; 0 where there is none.
fn special(word: u64) -> u64 {
    let equal = |byte: u8| {
        let different = word ^ (ONES * u64::from(byte));
        different.wrapping_sub(ONES) & !different
    };
    (equal(b'"') | equal(b'\\') | (word.wrapping_sub(ONES * 0x20) & !word)) & HIGHS
}

impl Walk<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let end = self.at + word.len();
        (self.bytes.get(self.at..end)? == word).then(|| self.at = end)
    }

    /// Takes a string and says whether it has an escape.
    fn string(&mut self) -> Option<bool> {
        self.at += 1;
        let mut escaped = false;
        loop {
            while let Some(next) = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<8>()) {
                let found = special(u64::from_le_bytes(*next));
                self.at += (found.trailing_zeros() / 8) as usize;
                if found != 0 {
                    break;
                }
            }
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(escaped);
                }
                b'\\' => {
                    escaped = true;
                    self.escape()?;
                }
                0..0x20 => return None,
                _ => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        self.at += match self.bytes.get(self.at + 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 2,
            b'u' if self.bytes.get(self.at + 2..self.at + 6)?.iter().all(u8::is_ascii_hexdigit) => 6,
            _ => return None,
        };
        Some(())
    }

    /// Takes a key that its object has not had, of those known from `keys_from` on, its colon, and what space there is.
    fn key(&mut self, keys_from: usize) -> Option<()> {
        if self.peek()? != b'"' {
            return None;
        }
        let start = self.at;
        if self.string()? {
            return None;
        }
        let bytes = self.bytes;
        let text = |(start, end): (usize, usize)| bytes.get(start..end);
        let own = (start, self.at);
        if self.keys.get(keys_from..self.known)?.iter().any(|&key| text(key) == text(own)) {
            return None;
        }
        *self.keys.get_mut(self.known)? = own;
        self.known += 1;
        self.space();
        self.word(b":")?;
        self.space();
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        self.at += usize::from(self.peek()? == b'-');
        match self.peek()? {
            b'0' => self.at += 1,
            _ => self.digits()?,
        }
        if self.peek()? == b'.' {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek()?, b'e' | b'E') {
            self.at += 1;
            self.at += usize::from(matches!(self.peek()?, b'+' | b'-'));
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::Limits;
    use crate::event::metadata::look_closely;

    fn closely(text: &str) -> Option<usize> {
        let (object, depth) = look_closely(text, &Limits::unbounded()).ok()?;
        (object.len() == text.len()).then_some(depth)
    }

    #[test]
    fn plain_objects_are_known_at_sight() {
        for (text, wanted) in [
            ("{}", 1),
            (r#"{"ip":"10.0.0.7","tags":["a","b\n\u00e9"],"ms":31}"#, 2),
            (r#"{ "a" : [ { } , [ ] , -0.5e+7 , null , true , false ] , "b" : {"a":1,"b":"{"} }"#, 3),
            (r#"{"long enough for some words":"and a value, too, \\ and one more word"}"#, 1),
            ("{\"a\":{\"b\":1},\"b\":{\"b\":2}}", 2),
        ] {
            assert_eq!((depth(text), closely(text)), (Some(wanted), Some(wanted)), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_or_odd_is_left_to_the_close_look() {
        for text in [
            "",
            "{",
            "}",
            "[]",
            "null",
            "{}{}",
            " {}",
            "{} ",
            "{]",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{,}",
            "{1:1}",
            "{\"a\":[1,]}",
            "{\"a\":[,1]}",
            "{\"a\":1]",
            "{\"a\":[1}",
            "{\"a\":01}",
            "{\"a\":-}",
            "{\"a\":1.}",
            "{\"a\":.5}",
            "{\"a\":1e}",
            "{\"a\":tru}",
            "{\"a\":nul",
            "{\"a\":\"\n\"}",
            "{\"a\":\"\u{1f}12345678\"}",
            "{\"a\":\"\\x\"}",
            "{\"a\":\"\\u12g4\"}",
            "{\"a\":\"\\",
            "{\"a\":1,\"a\":2}",
            "{\"a\":1 \"b\":2}",
            "{\"a\" 1}",
            "{\"\\u0061\":1}",
        ] {
            assert_eq!(depth(text), None, "{text}");
        }
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert_eq!((depth(&nested(DEPTH_MAX)), depth(&nested(DEPTH_MAX + 1))), (Some(DEPTH_MAX), None));
        let members = |count: usize| (0..count).map(|key| format!("\"{key}\":0")).collect::<Vec<_>>().join(",");
        let keys = |count: usize| format!("{{{}}}", members(count));
        assert_eq!((depth(&keys(KEYS_MAX)), depth(&keys(KEYS_MAX + 1))), (Some(1), None));
    }

    /// Texts made of what JSON is made of, whole ones and broken ones.
    fn texts() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            Just("true".to_owned()),
            "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,2})?([eE][+-]?[0-9])?",
            "\"([ -!#-\\[\\]-~é]{0,12}|\\\\[\"\\\\/bfnrt]|\\\\u[0-9a-fA-F]{4})\"",
        ];
        let value = leaf.prop_recursive(4, 24, 4, |inner| {
            let member = ("\"[abc]{0,2}\"[ ]?", inner.clone()).prop_map(|(key, value)| format!("{key}:{value}"));
            prop_oneof![
                proptest::collection::vec(member, 0..4).prop_map(|members| format!("{{{}}}", members.join(" ,"))),
                proptest::collection::vec(inner, 0..4).prop_map(|items| format!("[ {}]", items.join(", "))),
            ]
        });
        let object = value.prop_map(|value| format!("{{\"a\":{value}}}"));
        (object, any::<prop::sample::Index>(), "[\\[\\]{}\",:\\\\0-9a-z.\u{1} -]?", any::<bool>()).prop_map(
            |(text, at, other, whole)| {
                let at = at.index(text.len() + 1);
                if whole || !text.is_char_boundary(at) {
                    return text;
                }
                let (before, behind) = text.split_at(at);
                let behind = behind.char_indices().nth(1).map_or("", |(next, _)| &behind[next..]);
                format!("{before}{other}{behind}")
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]
        #[test]
        fn what_is_known_at_sight_is_what_the_close_look_says(text in texts()) {
            let (seen, known) = (depth(&text), closely(&text));
            prop_assert!(seen.is_none() || seen == known, "{:?}: {:?} at sight, {:?} closely", text, seen, known);
            // Few objects are odd, so that this cannot hold by refusing everything.
            let odd = text.contains('\\') || known.is_some_and(|depth| depth > DEPTH_MAX) || text.len() > 400;
            prop_assert!(odd || seen == known, "{:?}: {:?} at sight, {:?} closely", text, seen, known);
        }
    }
}
