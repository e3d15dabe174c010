//! A signed note of an act or a statement: its text, and a line for everybody who signed.
//!
//! ```text
//! <text>
//!
//! — <key name> <base64(key id 4 || signature)>        one for each signer
//! ```
//!
//! Invariants ([ACT-2]): one empty line parts the two, every line is ended, at least one signs, no line stands twice. Lines of keys that a reader does
//! not know are kept and mean nothing. A record holds the note in a JSON object with one member. Not here: whose signatures
//! count (`charter`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::parse_signature;
use crate::error::FormatError;
use crate::key::{SigningKey, VerifierKey};
use crate::retention::json::{Object, ObjectWriter};

const NAME: &str = "note";
/// Longest note that is read: a record has room for no longer one.
pub const NOTE_BYTES_MAX: usize = crate::FRAME_BYTES_MAX;
/// Most lines of signatures.
const LINES_MAX: usize = 64;

/// A text with signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<SignatureLine>,
}

/// A line of a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureLine {
    /// Name of the key.
    pub name: String,
    /// Its id.
    pub id: [u8; 4],
    /// What it made of the text; 64 bytes for Ed25519.
    pub signature: Vec<u8>,
}

impl SignatureLine {
    /// The line of `key` under `text`.
    pub fn sign(text: &str, key: &SigningKey) -> Self {
        let signature = key.sign(text.as_bytes()).to_vec();
        Self { name: key.name().to_owned(), id: key.verifier().id(), signature }
    }

    /// Reads a line, without the line feed.
    ///
    /// # Errors
    /// Where it is not in the form.
    pub fn parse(line: &str) -> Result<Self, FormatError> {
        let (name, id, signature) = parse_signature(line)?;
        Ok(Self { name: name.to_owned(), id, signature })
    }

    /// The line, without a line feed.
    pub fn to_text(&self) -> String {
        let body = [&self.id[..], &self.signature].concat();
        format!("\u{2014} {} {}", self.name, STANDARD.encode(body))
    }

    /// Whether the line names this key, so that it must be this key's signature.
    pub fn names(&self, key: &VerifierKey) -> bool {
        self.name == key.name() && self.id == key.id()
    }

    /// Whether it is the key's signature of a text.
    pub fn verifies(&self, key: &VerifierKey, text: &str) -> bool {
        let signature = <&[u8; 64]>::try_from(self.signature.as_slice());
        self.names(key) && signature.is_ok_and(|signature| key.verify(text.as_bytes(), signature).is_ok())
    }
}

impl Note {
    /// A text, a line for each of the keys.
    pub fn sign(text: String, keys: &[&SigningKey]) -> Self {
        let signatures = keys.iter().map(|key| SignatureLine::sign(&text, key)).collect();
        Self { text, signatures }
    }

    /// A text and lines that were made elsewhere ([ACT-2]).
    ///
    /// # Errors
    /// Where they are no note.
    pub fn new(text: String, signatures: Vec<SignatureLine>) -> Result<Self, FormatError> {
        Self::parse(&Self { text, signatures }.to_text())
    }

    /// Reads a note ([ACT-2]).
    ///
    /// # Errors
    /// Where it is not exactly in the form.
    pub fn parse(note: &str) -> Result<Self, FormatError> {
        let invalid = |why: &'static str| FormatError::invalid(NAME, "signatures", 0, why);
        if note.len() > NOTE_BYTES_MAX {
            return Err(invalid("longer than a record can be"));
        }
        // No text has an empty line, so the first one is the border.
        let border = note.find("\n\n").ok_or_else(|| invalid("no empty line before the signatures"))?;
        let (text, lines) = note.split_at(border + 1);
        let lines = lines.strip_prefix('\n').and_then(|lines| lines.strip_suffix('\n'));
        let mut signatures: Vec<SignatureLine> = Vec::new();
        for line in lines.ok_or_else(|| invalid("the last line is not ended"))?.split('\n') {
            let line = SignatureLine::parse(line)?;
            if signatures.len() == LINES_MAX || signatures.contains(&line) {
                return Err(invalid("a line twice, or more than 64 of them"));
            }
            signatures.push(line);
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// The note.
    pub fn to_text(&self) -> String {
        let mut note = format!("{}\n", self.text);
        for line in &self.signatures {
            note.push_str(&line.to_text());
            note.push('\n');
        }
        note
    }

    /// The text that is signed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Lines below it.
    pub fn signatures(&self) -> &[SignatureLine] {
        &self.signatures
    }

    /// The body of an act's record.
    pub fn act_body(&self) -> String {
        ObjectWriter::new().text("act", &self.to_text()).end()
    }

    /// The body of a statement's record.
    pub fn statement_body(&self) -> String {
        ObjectWriter::new().text("statement", &self.to_text()).end()
    }

    /// Reads the body of an act's record.
    ///
    /// # Errors
    /// Where it is not in its one form.
    pub fn of_act(body: &str) -> Result<Self, FormatError> {
        Self::of_body(body, "act", Self::act_body)
    }

    /// Reads the body of a statement's record.
    ///
    /// # Errors
    /// Where it is not in its one form.
    pub fn of_statement(body: &str) -> Result<Self, FormatError> {
        Self::of_body(body, "statement", Self::statement_body)
    }

    fn of_body(body: &str, member: &'static str, again: fn(&Self) -> String) -> Result<Self, FormatError> {
        let mut object = Object::parse(NAME, body)?;
        let note = Self::parse(&object.text(member)?)?;
        object.end()?;
        if again(&note) == body { Ok(note) } else { Err(FormatError::invalid(NAME, "body", 0, "not in its one form")) }
    }
}
