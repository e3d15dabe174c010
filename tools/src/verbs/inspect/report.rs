//! How parts of a file are shown: a line each for people, an object each for programs.
//!
//! ```text
//!    4096  frame 12                     8,242 bytes  first_seq=1536 records=128
//!          ! payload checksum ... differs
//!     00001000  49 42 4c 4b               magic         IBLK
//! ```

use std::io::{self, Write};

use serde_json::{Map, Value};

use crate::output::hygiene::{Place, escape_json, show};
use crate::output::line;

/// A part of a file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Part {
    /// What it is.
    pub name: String,
    /// Nesting, for people.
    pub depth: usize,
    /// Where it begins in the file.
    pub offset: u64,
    /// Its bytes.
    pub length: u64,
    /// What it says, in order.
    pub facts: Vec<(&'static str, Value)>,
}

impl Part {
    /// A part at a place.
    pub fn at(name: impl Into<String>, depth: usize, offset: usize, length: usize) -> Self {
        Self { name: name.into(), depth, offset: offset as u64, length: length as u64, facts: Vec::new() }
    }

    /// Adds a fact.
    #[must_use]
    pub fn fact(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.facts.push((name, value.into()));
        self
    }
}

/// Where parts are shown.
pub(crate) struct Report<'o> {
    out: &'o mut dyn Write,
    json: bool,
    file: String,
    pending_title: bool,
}

impl<'o> Report<'o> {
    /// Shows on `out`.
    pub fn new(out: &'o mut dyn Write, json: bool) -> Self {
        Self { out, json, file: String::new(), pending_title: false }
    }

    /// What follows is about this file.
    pub fn file(&mut self, name: &str) {
        self.file = name.to_owned();
        self.pending_title = true;
    }

    /// Shows a part.
    ///
    /// # Errors
    /// What the output says.
    pub fn part(&mut self, part: &Part) -> io::Result<()> {
        if self.json {
            let mut object = Map::new();
            object.insert("structure".to_owned(), Value::from(part.name.as_str()));
            object.insert("offset".to_owned(), Value::from(part.offset));
            object.insert("length".to_owned(), Value::from(part.length));
            object.extend(part.facts.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
            return self.object(object);
        }
        self.title()?;
        let indent = "  ".repeat(part.depth);
        let name = format!("{indent}{}", show(&part.name, Place::Terminal).0);
        let facts: Vec<String> = part.facts.iter().map(|(name, value)| format!("{name}={}", text_of(value))).collect();
        let text = format!("{:>10}  {name:<24} {:>10} B  {}", part.offset, part.length, facts.join(" "));
        line(self.out, text.trim_end())
    }

    /// Says what cannot be read.
    ///
    /// # Errors
    /// What the output says.
    pub fn problem(&mut self, offset: usize, length: usize, problem: &str) -> io::Result<()> {
        if self.json {
            let mut object = Map::new();
            object.insert("structure".to_owned(), Value::from("unreadable"));
            object.insert("offset".to_owned(), Value::from(offset));
            object.insert("length".to_owned(), Value::from(length));
            object.insert("problem".to_owned(), Value::from(problem));
            return self.object(object);
        }
        self.title()?;
        line(self.out, &format!("{offset:>10}  ! {}", show(problem, Place::Terminal).0))
    }

    /// Shows the bytes of a fixed layout, a line per field; what does not fit the layout comes raw. Gives the layout's size.
    ///
    /// # Errors
    /// What the output says.
    pub fn layout(&mut self, fields: &[(&'static str, usize)], base: usize, bytes: &[u8]) -> io::Result<usize> {
        let mut at = 0;
        for &(name, size) in fields {
            let value = super::part(bytes, at, size);
            self.bytes_line(base + at, value, name, &value_of(value))?;
            at += size;
        }
        Ok(at)
    }

    /// Shows bytes without a layout, sixteen a line.
    ///
    /// # Errors
    /// What the output says.
    pub fn raw(&mut self, label: &str, base: usize, bytes: &[u8]) -> io::Result<()> {
        for (at, chunk) in bytes.chunks(16).enumerate() {
            let printable = |&byte: &u8| if (b' '..=b'~').contains(&byte) { char::from(byte) } else { '.' };
            let text: String = chunk.iter().map(printable).collect();
            self.bytes_line(base + at * 16, chunk, if at == 0 { label } else { "" }, &text)?;
        }
        Ok(())
    }

    fn bytes_line(&mut self, offset: usize, bytes: &[u8], field: &str, value: &str) -> io::Result<()> {
        let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        if self.json {
            let mut object = Map::new();
            object.insert("structure".to_owned(), Value::from("bytes"));
            object.insert("offset".to_owned(), Value::from(offset));
            object.insert("field".to_owned(), Value::from(field));
            object.insert("hex".to_owned(), Value::from(hex.concat()));
            return self.object(object);
        }
        self.title()?;
        // A field wider than sixteen bytes goes on below, its name beside the first line.
        let mut rows = hex.chunks(16);
        let first = rows.next().unwrap_or_default().join(" ");
        line(self.out, format!("        {offset:08x}  {first:<47}  {field:<16} {value}").trim_end())?;
        for (at, row) in rows.enumerate() {
            line(self.out, &format!("        {:08x}  {}", offset + (at + 1) * 16, row.join(" ")))?;
        }
        Ok(())
    }

    fn title(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.pending_title) {
            let name = show(&self.file, Place::Terminal).0.into_owned();
            line(self.out, &format!("== {name}"))?;
        }
        Ok(())
    }

    fn object(&mut self, mut object: Map<String, Value>) -> io::Result<()> {
        object.insert("file".to_owned(), Value::from(self.file.as_str()));
        let mut escaped = Vec::new();
        escape_json(Value::Object(object).to_string().as_bytes(), &mut escaped);
        escaped.push(b'\n');
        self.out.write_all(&escaped)
    }

    /// Ends the report.
    ///
    /// # Errors
    /// What the output says.
    pub fn finish(self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A fact for people: texts without quotes, escaped.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => {
            let shown = show(text, Place::Terminal).0;
            if text.is_empty() || text.contains([' ', '=', '"']) { format!("\"{shown}\"") } else { shown.into_owned() }
        }
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

/// What a field's bytes say: a magic as text, a small field as a number.
fn value_of(bytes: &[u8]) -> String {
    let is_magic = bytes.len() >= 4 && bytes.iter().all(u8::is_ascii_uppercase);
    if is_magic {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    if bytes.is_empty() || bytes.len() > 8 {
        return String::new();
    }
    let number = bytes.iter().rev().fold(0u64, |number, &byte| (number << 8) | u64::from(byte));
    number.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_bytes_are_named() {
        let mut out = Vec::new();
        let mut report = Report::new(&mut out, false);
        report.file("f\u{1b}");
        report
            .layout(&[("magic", 4), ("count", 2), ("hash", 32)], 16, &[b'I', b'B', b'L', b'K', 2, 1])
            .expect("memory");
        report.part(&Part::at("frame 1", 1, 16, 6).fact("text", "a\u{202e}").fact("seq", 7)).expect("memory");
        report.finish().expect("memory");
        let text = String::from_utf8(out).expect("UTF-8");
        assert!(text.starts_with("== f\\u{1b}\n        00000010  49 42 4c 4b"), "{text}");
        assert!(text.contains("count            258"), "{text}");
        assert!(text.contains("hash") && text.contains("text=a\\u{202e} seq=7"), "{text}");
    }
}
