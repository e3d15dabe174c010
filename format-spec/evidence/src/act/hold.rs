//! Legal holds as acts: what is held stands in the act, what for stands in a record that can be erased.
//!
//! ```text
//! place      {"action":"place","name","commit","needs","through","seqs"}      release  {"action":"release","names"}
//! hold_text  {"salt","filter","text"}         commit = B3(hold, salt 16 || len u32 || filter || len u32 || text)
//! ```
//!
//! Invariants of a parsed body ([ACT-9], [ACT-18]): a name is an opaque label; `needs` lists groups 0 to 2, ascending; seqs lie below `through`; names ascend. The salt
//! keeps a filter from being guessed once its text is erased. Not here: which records match (`charter`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::line::{hex, parse_hex, parse_hex_array};
use crate::bundle::{Filter, Open};
use crate::bytes::Reader;
use crate::descriptor::Hash;
use crate::error::FormatError;
use crate::hash::{Purpose, b3_parts};
use crate::retention::SeqSet;
use crate::retention::hold::same;
use crate::retention::json::{Object, ObjectWriter};
use crate::retention::policy::take_name;

const TEXT: &str = "hold_text record";

/// What a hold act says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldAct {
    /// A hold is placed.
    Place(Placed),
    /// Holds of these names are released: ascending, distinct, at least one.
    Release(Vec<String>),
}

/// A hold that is placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// An opaque label; unique among open holds.
    pub name: String,
    /// Commitment to salt, filter and text.
    pub commit: Hash,
    /// Groups that the filter tests.
    pub needs: Vec<u8>,
    /// Every record below this seq was tested.
    pub through: u64,
    /// Those that matched.
    pub seqs: SeqSet,
}

/// What a hold is for: a record of kind 14, which an erasure may take once the hold is released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldText {
    /// Random.
    pub salt: [u8; 16],
    /// Bytes of the filter.
    pub filter: Vec<u8>,
    /// The filter as people wrote it: nothing follows from it.
    pub text: String,
}

/// Commitment of a hold to what it is for ([ACT-18]).
pub fn hold_commit(salt: &[u8; 16], filter: &[u8], text: &str) -> Hash {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
    let (filter_length, text_length) = (length(filter), length(text.as_bytes()));
    b3_parts(Purpose::Hold, &[salt, &filter_length, filter, &text_length, text.as_bytes()])
}

impl HoldText {
    /// What a hold is for, with a salt of 16 random bytes.
    pub fn new(salt: [u8; 16], filter: &Filter, text: &str) -> Self {
        let mut bytes = Vec::new();
        filter.put(&mut bytes);
        Self { salt, filter: bytes, text: text.to_owned() }
    }

    /// The commitment that the act has.
    pub fn commit(&self) -> Hash {
        hold_commit(&self.salt, &self.filter, &self.text)
    }

    /// The filter ([ACT-18]): none tests group 3.
    ///
    /// # Errors
    /// Where the bytes are no filter that a hold can have.
    pub fn filter(&self) -> Result<Filter, FormatError> {
        let mut reader = Reader::new(TEXT, &self.filter);
        let filter = Filter::take(&mut reader)?;
        reader.end()?;
        if filter.needs().has_group(3) {
            return Err(FormatError::invalid(TEXT, "filter", 0, "a hold tests columns of groups 0 to 2 and times"));
        }
        Ok(filter)
    }

    /// Groups that a filter tests, as the act has them.
    pub fn needs(filter: &Filter) -> Vec<u8> {
        let needs: Open = filter.needs();
        (0..3u8).filter(|&group| needs.has_group(group.into())).collect()
    }

    /// Reads the record's body.
    ///
    /// # Errors
    /// Where it is not in its one form.
    pub fn parse(body: &str) -> Result<Self, FormatError> {
        let mut object = Object::parse(TEXT, body)?;
        let salt = parse_hex_array(&object.text("salt")?);
        let salt = salt.ok_or_else(|| object.invalid("salt", "not 32 lower-case hexadecimal digits"))?;
        let filter = STANDARD.decode(object.text("filter")?);
        let filter = filter.map_err(|_| object.invalid("filter", "not padded base64"))?;
        let read = Self { salt, filter, text: object.text("text")? };
        object.end()?;
        read.filter()?;
        same(TEXT, read.encode() == body, body.to_owned())?;
        Ok(read)
    }

    /// The record's body.
    pub fn encode(&self) -> String {
        let writer = ObjectWriter::new().text("salt", &hex(&self.salt));
        writer.text("filter", &STANDARD.encode(&self.filter)).text("text", &self.text).end()
    }
}

impl HoldAct {
    pub(super) fn take(object: &mut Object) -> Result<Self, FormatError> {
        match object.text("action")?.as_str() {
            "place" => {
                let name = take_name(object)?;
                let commit = parse_hex(&object.text("commit")?);
                let commit = commit.ok_or_else(|| object.invalid("commit", "not 64 lower-case hexadecimal digits"))?;
                let needs: Vec<u8> = object.numbers("needs")?;
                let (through, seqs) = (object.number("through")?, SeqSet::parse(&object.text("seqs")?)?);
                if !needs.is_sorted_by(|a, b| a < b) || needs.last().is_some_and(|&last| last > 2) {
                    return Err(object.invalid("needs", "groups 0 to 2, ascending"));
                }
                if seqs.last().is_some_and(|last| last >= through) {
                    return Err(object.invalid("seqs", "a seq lies beyond what was tested"));
                }
                Ok(HoldAct::Place(Placed { name, commit, needs, through, seqs }))
            }
            "release" => {
                let names = object.texts("names")?;
                let wrong = |name: &String| name.is_empty() || name.len() > 255 || name.chars().any(char::is_control);
                if names.is_empty() || !names.is_sorted_by(|a, b| a < b) || names.iter().any(wrong) {
                    return Err(object.invalid("names", "names of holds, ascending, at least one"));
                }
                Ok(HoldAct::Release(names))
            }
            _ => Err(object.invalid("action", "neither place nor release")),
        }
    }

    pub(super) fn encode(&self) -> String {
        match self {
            HoldAct::Place(placed) => ObjectWriter::new()
                .text("action", "place")
                .text("name", &placed.name)
                .text("commit", &hex(&placed.commit))
                .list("needs", placed.needs.iter().map(u8::to_string))
                .number("through", placed.through)
                .text("seqs", &placed.seqs.to_text())
                .end(),
            HoldAct::Release(names) => {
                ObjectWriter::new().text("action", "release").texts("names", names.iter().map(String::as_str)).end()
            }
        }
    }
}
