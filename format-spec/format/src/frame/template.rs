//! Cuts a text into a template, which many texts share, and the values that stand in its holes.
//!
//! ```text
//! {"ip":"10.0.0.7","duration_ms":31}   ->   {"ip":"<3>","duration_ms":<1>}   +   term 10.0.0.7, integer 31
//! holes: byte 1 an integer, 2 a UUID, 3 a term
//! ```
//!
//! Made for JSON, defined for any text: outside of quotes a run of at most 18 digits that does not begin with a useless 0;
//! within quotes everything, unless a colon follows, because then it is a key. What cannot be cut is said so, never guessed.
//!
//! Invariant: [`fill`] of a cut gives the text back, and cutting that gives the same template and values ([FRM-14]).
//! Specified in `format-spec/05-frame.md`.

use indelible_evidence::record::parse_uuid;

/// Marks of holes in a template.
pub(super) const INTEGER: u8 = 1;
pub(super) const UUID: u8 = 2;
pub(super) const TERM: u8 = 3;

/// Most digits of an integer.
const DIGITS_MAX: usize = 18;
/// Largest integer that a hole stands for.
pub(super) const INTEGER_MAX: u64 = 999_999_999_999_999_999;

/// What stands in a hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hole<'a> {
    /// Decimal digits without leading zeros.
    Integer(u64),
    /// A lower-case UUID.
    Uuid([u8; 16]),
    /// Any other text, not empty.
    Term(&'a str),
}

impl Hole<'_> {
    pub(super) fn mark(&self) -> u8 {
        match self {
            Hole::Integer(_) => INTEGER,
            Hole::Uuid(_) => UUID,
            Hole::Term(_) => TERM,
        }
    }
}

/// Whether a byte of a template is a hole.
pub(super) fn is_mark(byte: u8) -> bool {
    matches!(byte, INTEGER | UUID | TERM)
}

/// Where the first mark stands.
pub(super) fn first_mark(template: &[u8]) -> Option<usize> {
    let (words, _) = template.as_chunks::<8>();
    // Words without a byte below 4 have no mark.
    let clear = words.iter().take_while(|word| below_four(u64::from_le_bytes(**word)) == 0).count() * 8;
    let rest = template.get(clear..).unwrap_or_default();
    rest.iter().position(|&byte| is_mark(byte)).map(|at| clear + at)
}

/// Cuts `text`; false where it cannot be cut: bytes 1 to 3 in it, or a quote that is not closed.
pub(super) fn cut<'a>(text: &'a str, template: &mut Vec<u8>, holes: &mut Vec<Hole<'a>>) -> bool {
    let bytes = text.as_bytes();
    template.clear();
    holes.clear();
    if first_mark(bytes).is_some() {
        return false;
    }
    let (mut at, mut copied) = (0, 0);
    while let Some(&byte) = bytes.get(at) {
        let (range, hole) = match byte {
            b'"' => {
                let Some(end) = closing_quote(bytes, at + 1) else { return false };
                let range = at + 1..end;
                at = end + 1;
                if range.is_empty() || is_key(bytes, at) {
                    continue;
                }
                let Some(content) = text.get(range.clone()) else { return false };
                (range, parse_uuid(content).map_or(Hole::Term(content), Hole::Uuid))
            }
            b'0'..=b'9' => {
                let start = at;
                at += bytes.iter().skip(at).take_while(|byte| byte.is_ascii_digit()).count();
                let Some(value) = integer(bytes.get(start..at).unwrap_or_default()) else { continue };
                (start..at, Hole::Integer(value))
            }
            _ => {
                at += 1;
                continue;
            }
        };
        template.extend_from_slice(bytes.get(copied..range.start).unwrap_or_default());
        template.push(hole.mark());
        holes.push(hole);
        copied = range.end;
    }
    template.extend_from_slice(bytes.get(copied..).unwrap_or_default());
    true
}

const ONES: u64 = u64::MAX / 255;

/// The lowest bit that is set marks the first byte of a word that equals `byte`.
fn equal(word: u64, byte: u8) -> u64 {
    let different = word ^ (ONES * u64::from(byte));
    different.wrapping_sub(ONES) & !different & (ONES << 7)
}

/// Zero where no byte of the word is below 4.
fn below_four(word: u64) -> u64 {
    word.wrapping_sub(ONES * 4) & !word & (ONES << 7)
}

/// Whether a text may have a quote, a backslash or a byte below 4, eight bytes at a time; false is certain.
fn has_special(text: &[u8]) -> bool {
    let special = |word: u64| equal(word, b'"') | equal(word, b'\\') | below_four(word);
    let (words, rest) = text.as_chunks::<8>();
    let found = words.iter().fold(0, |found, word| found | special(u64::from_le_bytes(*word)));
    let rest = rest.iter().fold(ONES * 4, |word, &byte| word << 8 | u64::from(byte));
    found | special(rest) != 0
}

/// Place of the quote that closes a string whose content begins at `at`; a backslash takes the next byte with it.
fn closing_quote(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        while let Some(next) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_le_bytes(*next);
            let found = equal(word, b'"') | equal(word, b'\\');
            at += (found.trailing_zeros() / 8) as usize;
            if found != 0 {
                break;
            }
        }
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn is_key(bytes: &[u8], from: usize) -> bool {
    let rest = bytes.get(from..).unwrap_or_default();
    rest.iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) == Some(&b':')
}

fn integer(digits: &[u8]) -> Option<u64> {
    if digits.len() > DIGITS_MAX || (digits.len() > 1 && digits.first() == Some(&b'0')) {
        return None;
    }
    Some(digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

/// Where the value in the hole at `mark` of a template comes from, as far as its surroundings tell: the writer gives values
/// with one label one column, whatever template they stand in.
pub(super) fn label(template: &[u8], mark: usize) -> &[u8] {
    let before = template.get(..mark).unwrap_or_default();
    let start = before.iter().rposition(|&byte| is_mark(byte) || matches!(byte, b',' | b'{' | b'['));
    before.get(start.map_or(0, |start| start + 1)..).unwrap_or_default()
}

/// Whether texts made of this template and values that fit ([`is_term`], [`INTEGER_MAX`]) are cut into just that template and
/// those values: the cut of such a text, done on the template, each mark standing for what fills it ([FRM-14]).
///
/// Done once for many rows. A value never reaches beyond its hole: digits are bounded by what is no digit, and what is
/// quoted ends at the quote behind it.
pub(super) fn is_template(template: &[u8]) -> bool {
    let digits = |byte: Option<&u8>| byte.is_some_and(|&byte| byte.is_ascii_digit() || byte == INTEGER);
    let mut at = 0;
    while let Some(&byte) = template.get(at) {
        match byte {
            b'"' => {
                let hole = matches!(template.get(at + 1..at + 3), Some([UUID | TERM, b'"']));
                let end = if hole { Some(at + 2) } else { closing_quote(template, at + 1) };
                let Some(end) = end else { return false };
                let content = template.get(at + 1..end).unwrap_or_default();
                if !hole && content.iter().any(|&byte| is_mark(byte)) {
                    return false;
                }
                // A key or nothing has no hole, anything else in quotes is one.
                if hole == (content.is_empty() || is_key(template, end + 1)) {
                    return false;
                }
                at = end + 1;
            }
            INTEGER => {
                at += 1;
                if digits(template.get(at)) {
                    return false;
                }
            }
            UUID | TERM => return false,
            b'0'..=b'9' => {
                let start = at;
                at += template.iter().skip(at).take_while(|byte| byte.is_ascii_digit()).count();
                let run = template.get(start..at).unwrap_or_default();
                if integer(run).is_some() || digits(template.get(at)) {
                    return false;
                }
            }
            _ => at += 1,
        }
    }
    true
}

/// Whether a text that is no UUID can stand in a hole for terms: no marks, and a quote behind it is the one that closes it.
pub(super) fn is_term(text: &[u8]) -> bool {
    if !has_special(text) {
        return !text.is_empty();
    }
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at += match byte {
            b'"' => return false,
            b'\\' => 2,
            _ => 1,
        };
    }
    at == text.len() && !text.iter().any(|&byte| is_mark(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(text: &str) -> Option<(String, Vec<Hole<'_>>)> {
        let (mut template, mut holes) = (Vec::new(), Vec::new());
        cut(text, &mut template, &mut holes).then(|| (String::from_utf8(template).expect("cut at characters"), holes))
    }

    fn filled(template: &str, holes: &[Hole<'_>]) -> String {
        let mut holes = holes.iter();
        let mut text = String::new();
        for character in template.chars() {
            match character {
                '\u{1}'..='\u{3}' => match holes.next().expect("a hole for every mark") {
                    Hole::Integer(value) => text.push_str(&value.to_string()),
                    Hole::Uuid(uuid) => text.push_str(&indelible_evidence::record::uuid_text(uuid)),
                    Hole::Term(term) => text.push_str(term),
                },
                other => text.push(other),
            }
        }
        text
    }

    /// [FRM-14]
    #[test]
    fn texts_are_cut_as_the_chapter_says() {
        let uuid = "0195f3a2-0000-7abc-8def-001122334455";
        let cases: [(String, &str, usize); 9] = [
            (r#"{"a":"b","n":31}"#.into(), "{\"a\":\"\u{3}\",\"n\":\u{1}}", 2),
            (format!(r#"["{uuid}", 0, -7, 1.50]"#), "[\"\u{2}\", \u{1}, -\u{1}, \u{1}.\u{1}]", 5),
            (r#"{"e":"","007":"007", "x" :"y"}"#.into(), "{\"e\":\"\",\"007\":\"\u{3}\", \"x\" :\"\u{3}\"}", 2),
            ("05 1234567890123456789 123456789012345678".into(), "05 1234567890123456789 \u{1}", 1),
            (r#"{"q":"say \"hi\"","b":"\\"}"#.into(), "{\"q\":\"\u{3}\",\"b\":\"\u{3}\"}", 2),
            ("no json 5".into(), "no json \u{1}", 1),
            (String::new(), "", 0),
            ("é\"é\\é\"é".into(), "é\"\u{3}\"é", 1),
            ("\"a\"\n\t\r :".into(), "\"a\"\n\t\r :", 0),
        ];
        for (text, template, holes) in cases {
            let (found, values) = parts(&text).expect("can be cut");
            assert_eq!((found.as_str(), values.len()), (template, holes), "{text}");
            assert_eq!(filled(&found, &values), text);
        }
        for text in ["\"open", "a\u{1}b", "\"\u{3}\"", "\"end\\\""] {
            assert_eq!(parts(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_label_is_what_stands_before_a_hole() {
        let template = b"{\"ip\":\"\x03\",\"n\":[\x01,\x01]";
        let marks: Vec<usize> = (0..template.len()).filter(|&at| is_mark(template[at])).collect();
        let labels: Vec<&[u8]> = marks.iter().map(|&mark| label(template, mark)).collect();
        assert_eq!(labels, [&b"\"ip\":\""[..], b"", b""]);
    }

    /// Values that could reach beyond their holes.
    fn hole() -> impl Strategy<Value = String> {
        prop_oneof![
            r#"[a",\\: ]{0,4}"#,
            Just("a\\".to_owned()),
            Just(",\"b".to_owned()),
            Just("\u{1}".to_owned()),
            "[a-z0-9]{1,3}"
        ]
    }

    /// [FRM-14]
    #[test]
    fn a_value_that_reaches_beyond_its_hole_is_refused_though_the_template_comes_out_right() {
        let template = "\"\u{3}\",\"\u{3}\"";
        let own = [Hole::Term("a\\"), Hole::Term(",\"b")];
        let text = filled(template, &own);
        let (again, values) = parts(&text).expect("can be cut");
        assert_eq!(again, template);
        assert_ne!(values, own);
        assert!(is_template(template.as_bytes()) && !is_term(b"a\\") && !is_term(b",\"b"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]
        /// What is decided once for a template and once for each value is what cutting the whole text would say.
        ///
        /// [FRM-14]
        #[test]
        fn templates_and_values_that_fit_are_those_that_a_cut_gives(
            template in "[\u{1}\u{3}\u{2}\"\"\",: \\\\a05]{0,9}|\\{(\"[ab]\":(\"\u{3}\"|\"\u{2}\"|\u{1}|\"a\"|01),?){0,3}",
            terms in proptest::collection::vec(hole(), 9),
            integers in proptest::collection::vec(0u64..12, 9),
        ) {
            let marks = template.bytes().filter(|&byte| is_mark(byte)).enumerate();
            let holes: Vec<Hole<'_>> = marks
                .map(|(at, mark)| match mark {
                    INTEGER => Hole::Integer(integers[at]),
                    UUID => Hole::Uuid([at as u8; 16]),
                    _ => Hole::Term(&terms[at]),
                })
                .collect();
            let fit = is_template(template.as_bytes())
                && holes.iter().all(|hole| !matches!(hole, Hole::Term(term) if !is_term(term.as_bytes())));
            let text = filled(&template, &holes);
            let again = parts(&text).is_some_and(|(again, values)| again == template && values == holes);
            prop_assert_eq!(fit, again, "{:?} of {:?} and {:?}", text, template, holes);
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in r#"([ -~]|["\\:0-9é\n])*"#) {
            if let Some((template, holes)) = parts(&text) {
                prop_assert_eq!(filled(&template, &holes), text);
            }
        }
    }
}
