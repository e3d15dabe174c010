//! Policies: how long records are kept, and which ones a policy speaks of.
//!
//! ```text
//! {"name","version","action":"set","keep","identity_keep","payload_keep","basis","classes","filter","text"}
//! {"name","version","action":"retire"}
//! ```
//!
//! Invariants of a parsed policy ([RET-3]): classes ascend and class 0 is not among them; its filter needs group 0 alone and
//! tests no time, so that a stub with an open envelope decides it; a shorter life of a group is not longer than that of the
//! record. Not here: which policies are in force (`register`), what they make expire (`rules`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::json::{Object, ObjectWriter};
use crate::bundle::{Filter, Open};
use crate::bytes::Reader;
use crate::error::FormatError;

const NAME: &str = "policy record";

/// The time that a duty counts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Basis {
    /// Recorded-at, the log's own time.
    Recorded,
    /// Occurred-at, the time the caller claims.
    Event,
}

/// A version of a policy, as its record says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// What the policy is called; its versions share the name.
    pub name: String,
    /// From 1 for each name, one more each time.
    pub version: u32,
    /// What it asks for; `None`: the policy is retired.
    pub duty: Option<Duty>,
}

/// What a policy asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duty {
    /// How long a record is kept, seconds.
    pub keep: u64,
    /// How long its identity group is kept where shorter, seconds.
    pub identity_keep: Option<u64>,
    /// How long its payload group is kept where shorter, seconds.
    pub payload_keep: Option<u64>,
    /// What time that counts from.
    pub basis: Basis,
    /// Retention classes, ascending, never 0; empty: every class but 0.
    pub classes: Vec<u16>,
    /// Which records of these classes; `None`: all.
    pub filter: Option<Filter>,
    /// The filter as people wrote it: informative, nothing follows from it.
    pub text: String,
}

impl Duty {
    /// Whether records of a class can be the policy's.
    pub fn covers_class(&self, class: u16) -> bool {
        class != 0 && (self.classes.is_empty() || self.classes.binary_search(&class).is_ok())
    }

    /// How long group `k` is kept, seconds: group 0 stands for the record; `None`: as long as the record.
    pub fn keep_of(&self, k: usize) -> Option<u64> {
        match k {
            0 => Some(self.keep),
            1 => self.identity_keep,
            3 => self.payload_keep,
            _ => None,
        }
    }
}

impl Policy {
    /// Reads a policy record's body ([RET-1], [RET-3]).
    ///
    /// # Errors
    /// [`FormatError`] with the member that is wrong.
    pub fn parse(body: &str) -> Result<Self, FormatError> {
        let mut object = Object::parse(NAME, body)?;
        let (name, version) = (take_name(&mut object)?, object.number("version")?);
        if version == 0 {
            return Err(object.invalid("version", "versions count from 1"));
        }
        let duty = match object.text("action")?.as_str() {
            "set" => Some(take_duty(&mut object)?),
            "retire" => None,
            _ => return Err(object.invalid("action", "neither set nor retire")),
        };
        object.end()?;
        Ok(Self { name, version, duty })
    }

    /// The body of a policy record.
    ///
    /// # Errors
    /// Where it is not a policy that [`Policy::parse`] gives back.
    pub fn encode(&self) -> Result<String, FormatError> {
        let writer = ObjectWriter::new().text("name", &self.name).number("version", self.version);
        let body = match &self.duty {
            None => writer.text("action", "retire"),
            Some(duty) => {
                let basis = if duty.basis == Basis::Recorded { "recorded" } else { "event" };
                let writer = writer
                    .text("action", "set")
                    .number("keep", duty.keep)
                    .optional("identity_keep", duty.identity_keep)
                    .optional("payload_keep", duty.payload_keep)
                    .text("basis", basis)
                    .list("classes", duty.classes.iter().map(u16::to_string));
                match &duty.filter {
                    Some(filter) => writer.text("filter", &filter_text(filter)),
                    None => writer.raw("filter", "null"),
                }
                .text("text", &duty.text)
            }
        }
        .end();
        let again = Self::parse(&body)?;
        if again != *self {
            return Err(FormatError::invalid(NAME, "body", 0, "the policy has no such body"));
        }
        Ok(body)
    }
}

fn take_duty(object: &mut Object) -> Result<Duty, FormatError> {
    let duty = Duty {
        keep: object.number("keep")?,
        identity_keep: object.optional_number("identity_keep")?,
        payload_keep: object.optional_number("payload_keep")?,
        basis: match object.text("basis")?.as_str() {
            "recorded" => Basis::Recorded,
            "event" => Basis::Event,
            _ => return Err(object.invalid("basis", "neither recorded nor event")),
        },
        classes: object.numbers("classes")?,
        filter: object.optional_text("filter")?.map(|text| parse_filter(NAME, &text)).transpose()?,
        text: object.text("text")?,
    };
    if [duty.identity_keep, duty.payload_keep].into_iter().flatten().any(|keep| keep > duty.keep) {
        return Err(object.invalid("keep", "a group is kept longer than its record"));
    }
    if !duty.classes.is_sorted_by(|a, b| a < b) || duty.classes.first() == Some(&0) {
        return Err(object.invalid("classes", "classes ascend, are distinct and not 0, which is permanent"));
    }
    if duty.filter.as_ref().is_some_and(|filter| !decides_by_envelope(filter)) {
        return Err(object.invalid("filter", "a policy tests columns of the envelope and no times"));
    }
    Ok(duty)
}

/// A name of a policy or a hold: 1 to 255 bytes without control characters.
pub(crate) fn take_name(object: &mut Object) -> Result<String, FormatError> {
    let name = object.text("name")?;
    if name.is_empty() || name.len() > 255 || name.chars().any(char::is_control) {
        return Err(object.invalid("name", "a name has 1 to 255 bytes and no control characters"));
    }
    Ok(name)
}

/// Base64 of a filter's bytes.
pub(crate) fn filter_text(filter: &Filter) -> String {
    let mut bytes = Vec::new();
    filter.put(&mut bytes);
    STANDARD.encode(bytes)
}

/// Reads base64 of a filter's bytes.
pub(crate) fn parse_filter(structure: &'static str, text: &str) -> Result<Filter, FormatError> {
    let bytes = STANDARD.decode(text);
    let bytes = bytes.map_err(|_| FormatError::invalid(structure, "filter", 0, "not padded base64"))?;
    let mut reader = Reader::new(structure, &bytes);
    let filter = Filter::take(&mut reader)?;
    reader.end()?;
    Ok(filter)
}

fn decides_by_envelope(filter: &Filter) -> bool {
    fn untimed(filter: &Filter) -> bool {
        match filter {
            Filter::Occurred { .. } | Filter::Recorded { .. } => false,
            Filter::All(list) | Filter::Any(list) => list.iter().all(untimed),
            Filter::Not(filter) => untimed(filter),
            _ => true,
        }
    }
    Open::group(0).covers(filter.needs()) && untimed(filter)
}
