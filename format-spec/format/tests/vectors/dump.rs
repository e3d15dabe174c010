//! Annotated hex dumps: which bytes are which field, and the text that shows it.
//!
//! ```text
//! # 0x0004 2 DescriptorHead.version
//! 0100
//! ```
//!
//! Invariants: every byte is in exactly one span, in order; a dump read back gives the bytes. Annotating never fails:
//! bytes that are not what was expected end up in a span of their own.

use indelible_evidence::layout::Layout;

/// Bytes on a line of a dump.
const LINE: usize = 32;

/// Names the bytes of a structure from front to back.
pub struct Notes<'a> {
    bytes: &'a [u8],
    at: usize,
    spans: Vec<(usize, usize, String)>,
}

impl<'a> Notes<'a> {
    /// Notes on these bytes, none taken yet.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, spans: Vec::new() }
    }

    /// Bytes not yet named.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The bytes not yet named.
    pub fn ahead(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// Names the next `n` bytes, or as many as there are.
    pub fn take(&mut self, n: usize, label: impl Into<String>) -> &'a [u8] {
        let end = self.at.saturating_add(n).min(self.bytes.len());
        let taken = &self.bytes[self.at..end];
        if !taken.is_empty() {
            self.spans.push((self.at, taken.len(), label.into()));
        }
        self.at = end;
        taken
    }

    /// Names an integer of up to eight bytes and gives its value.
    pub fn number(&mut self, n: usize, label: impl Into<String>) -> usize {
        self.take(n, label).iter().rev().fold(0, |value, &byte| value << 8 | usize::from(byte))
    }

    /// Names a varint and gives its value.
    pub fn varint(&mut self, label: impl Into<String>) -> usize {
        let length = self.ahead().iter().position(|byte| byte & 0x80 == 0).map_or(self.left(), |last| last + 1);
        let bytes = self.take(length.min(10), label);
        bytes.iter().rev().fold(0, |value, &byte| value << 7 | usize::from(byte & 0x7f))
    }

    /// Names a text value: prefix, then its bytes.
    pub fn text(&mut self, label: &str) {
        let prefix = self.varint(format!("{label}: prefix"));
        let (length, what) = if prefix == 1 { (16, "UUID") } else { (prefix / 2, "UTF-8") };
        self.take(length, format!("{label}: {what}"));
    }

    /// Names every field of a fixed layout.
    pub fn layout(&mut self, layout: &Layout) {
        for (field, size) in layout.fields {
            self.take(*size, format!("{}.{field}", layout.name));
        }
    }

    /// Takes over the spans of notes on the bytes ahead, whose last bytes may be unnamed.
    pub fn adopt(&mut self, mut inner: Notes<'_>) {
        inner.take(usize::MAX, "not named: the structure ends before");
        let base = self.at;
        self.at += inner.bytes.len();
        self.spans.extend(inner.spans.into_iter().map(|(offset, length, label)| (base + offset, length, label)));
    }

    /// The dump, after a heading of comment lines.
    pub fn dump(mut self, heading: &[String]) -> String {
        self.take(usize::MAX, "not named: the structure ends before");
        let mut out = String::new();
        for line in heading {
            out.push_str(&format!("# {line}\n"));
        }
        for (offset, length, label) in &self.spans {
            out.push_str(&format!("# {offset:#06x} {length} {label}\n"));
            for line in self.bytes[*offset..offset + length].chunks(LINE) {
                out.push_str(&hex(line));
                out.push('\n');
            }
        }
        out
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of hexadecimal digits.
pub fn unhex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("ASCII"));
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("two hexadecimal digits")).collect()
}

/// The bytes of a dump: comments and white space left out.
pub fn parse_dump(text: &str) -> Vec<u8> {
    let digits = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    unhex(&digits.flat_map(|line| line.split_whitespace()).collect::<String>())
}
