//! Text from a log as it may be shown: nothing in it can move the cursor, hide, reorder or forge what stands around it.
//!
//! ```text
//! data    "ann<U+202E>nimda<ESC>[2K"         shown   ann\u{202e}nimda\u{1b}[2K     flagged: bidi, escape
//! ```
//!
//! | class | characters | what they could do |
//! |---|---|---|
//! | nul, escape, line, control | U+0000; U+001B, U+009B; CR LF U+0085 U+2028 U+2029; the other C0, DEL, C1 | end a text early, drive a terminal, add a line |
//! | bidi | U+061C, U+200E-F, U+202A-E, U+2066-9, U+206A-F | show text in another order than it is |
//! | invisible | zero width, joiners, soft hyphen, fillers, tags, variation selectors, noncharacters | hide text, make two ids look alike |
//! | space | unusual blanks; a blank at the beginning, at the end or after another | look like nothing, like a plain blank, or like the next column |
//! | combining | more than four marks on one letter, or a mark on none | smear over the lines around |
//! | frame | box drawing, in tables only | look like the table's own lines |
//! | path | `../` or `..\` in any spelling, in identifiers; shown as it is | name a file elsewhere, where a tool uses the id as a path |
//!
//! Invariants: the evidence itself is never changed, only what is shown; a shown text contains `\u{` exactly if something
//! in it was escaped, and then its own backslashes are doubled, so that no two texts are shown alike.

use std::borrow::Cow;
use std::fmt;

/// What was found in a text, as a set.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u16);

macro_rules! flags {
    ($($const_name:ident $bit:literal $name:literal;)*) => {
        impl Flags {
            $(#[doc = concat!("Class `", $name, "`.")] pub const $const_name: Flags = Flags(1 << $bit);)*
            const ALL: &[(Flags, &str)] = &[$((Flags::$const_name, $name)),*];
        }
    };
}

flags! {
    NUL 0 "nul";
    ESCAPE 1 "escape";
    LINE 2 "line";
    CONTROL 3 "control";
    BIDI 4 "bidi";
    INVISIBLE 5 "invisible";
    SPACE 6 "space";
    COMBINING 7 "combining";
    FRAME 8 "frame";
    PATH 9 "path";
    LITERAL 10 "literal";
}

impl Flags {
    /// Nothing found.
    pub const NONE: Flags = Flags(0);

    /// Whether nothing was found.
    pub fn is_empty(self) -> bool {
        self == Flags::NONE
    }

    /// Whether all of `other` was found.
    pub fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Adds what was found elsewhere.
    pub fn add(&mut self, other: Flags) {
        self.0 |= other.0;
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> =
            Self::ALL.iter().filter(|(flag, _)| self.contains(*flag)).map(|(_, name)| *name).collect();
        f.pad(&names.join(" "))
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flags({self})")
    }
}

/// Where a text is shown, which decides what it could imitate there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In a table or a message on a terminal.
    Terminal,
    /// In a file: CSV.
    File,
}

/// The class of a character that is escaped wherever it stands.
pub fn deceptive(character: char) -> Option<Flags> {
    if (' '..='~').contains(&character) {
        return None;
    }
    Some(match character {
        '\0' => Flags::NUL,
        '\u{1b}' | '\u{9b}' => Flags::ESCAPE,
        '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => Flags::LINE,
        '\u{1}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => Flags::CONTROL,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}' => Flags::BIDI,
        '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' => {
            Flags::INVISIBLE
        }
        '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}' | '\u{3164}' | '\u{ffa0}' | '\u{feff}' => Flags::INVISIBLE,
        '\u{fe00}'..='\u{fe0f}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' => Flags::INVISIBLE,
        '\u{e0000}'..='\u{e0fff}' | '\u{fdd0}'..='\u{fdef}' => Flags::INVISIBLE,
        other if u32::from(other) & 0xFFFE == 0xFFFE => Flags::INVISIBLE,
        '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{205f}' | '\u{2800}' => Flags::SPACE,
        _ => return None,
    })
}

fn is_combining(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// Most combining marks on one letter; human languages need fewer.
const MARKS_MAX: usize = 4;

/// The text as it may be shown, and what was found in it. Borrowed where nothing was escaped.
///
/// ```
/// use indelible_tools::output::hygiene::{Flags, Place, show};
///
/// assert_eq!(show("ann", Place::Terminal), ("ann".into(), Flags::NONE));
/// assert_eq!(show("a\u{202e}b", Place::Terminal), (r"a\u{202e}b".into(), Flags::BIDI));
/// ```
pub fn show(text: &str, place: Place) -> (Cow<'_, str>, Flags) {
    if text.bytes().all(|byte| (b'!'..=b'~').contains(&byte) && byte != b'\\') {
        return (Cow::Borrowed(text), Flags::NONE);
    }
    let mut flags = if text.contains("\\u{") { Flags::LITERAL } else { Flags::NONE };
    each(text, place, |_, class| {
        if let Some(class) = class {
            flags.add(class);
        }
    });
    if flags.is_empty() {
        return (Cow::Borrowed(text), flags);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    each(text, place, |character, class| match (class, character) {
        (Some(_), _) => push_escape(&mut shown, character),
        (None, '\\') => shown.push_str("\\\\"),
        (None, _) => shown.push(character),
    });
    (Cow::Owned(shown), flags)
}

/// The text with every character escaped that could drive a terminal, add a line, reorder or hide: for lines that are put
/// together from texts, each of which should have passed [`show`] before. A second pass changes nothing.
pub fn harmless(text: &str) -> Cow<'_, str> {
    if text.chars().all(|character| deceptive(character).is_none()) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match deceptive(character) {
            Some(_) => push_escape(&mut shown, character),
            None => shown.push(character),
        }
    }
    Cow::Owned(shown)
}

/// As [`show`], for texts that tools take for names: traversal of paths is flagged too.
pub fn show_identifier(text: &str, place: Place) -> (Cow<'_, str>, Flags) {
    let (shown, mut flags) = show(text, place);
    if traverses(text) {
        flags.add(Flags::PATH);
    }
    (shown, flags)
}

/// Calls `visit` for every character, with the class under which it must be escaped where it stands.
fn each(text: &str, place: Place, mut visit: impl FnMut(char, Option<Flags>)) {
    let last = text.chars().count().saturating_sub(1);
    let (mut marks, mut before) = (MARKS_MAX, 'x');
    for (at, character) in text.chars().enumerate() {
        marks = match is_combining(character) {
            true => marks + 1,
            // A mark on nothing would sit on the table's own line: the first one is too many there.
            false => 0,
        };
        let class = deceptive(character).or(match character {
            ' ' if at == 0 || at == last || before == ' ' => Some(Flags::SPACE),
            _ if marks > MARKS_MAX => Some(Flags::COMBINING),
            '\u{2500}'..='\u{257f}' if place == Place::Terminal => Some(Flags::FRAME),
            _ => None,
        });
        before = character;
        visit(character, class);
    }
}

fn push_escape(shown: &mut String, character: char) {
    use fmt::Write as _;
    // Writing to a string cannot fail.
    let _ = write!(shown, "\\u{{{:x}}}", u32::from(character));
}

/// Whether a step up in a path is in the text, also percent-encoded, once or twice.
fn traverses(text: &str) -> bool {
    let lower = text.to_ascii_lowercase().replace("%25", "%");
    let plain = lower.replace("%2e", ".").replace("%2f", "/").replace("%5c", "\\");
    plain.split(['/', '\\']).any(|part| part == "..") && (plain.contains(['/', '\\']) || plain == "..")
}

/// Escapes, in JSON that is complete, every character that [`deceptive`] knows as `\uXXXX`: the value stays the same.
///
/// Such characters stand in strings only, since JSON allows none of them between its tokens but line breaks and tabs,
/// which are left alone there; inside strings JSON's own writer has escaped those already.
pub fn escape_json(json: &[u8], out: &mut Vec<u8>) {
    let plain = |byte: &u8| *byte < 0x7f;
    if json.iter().all(plain) {
        out.extend_from_slice(json);
        return;
    }
    for chunk in json.utf8_chunks() {
        for character in chunk.valid().chars() {
            let mut units = [0u16; 2];
            if character >= '\u{7f}' && deceptive(character).is_some() {
                for unit in character.encode_utf16(&mut units) {
                    out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
                }
            } else {
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        // Rows are UTF-8; bytes that are not would be shown for what they are.
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

#[cfg(test)]
mod tests;
