//! Legal holds: what must not be deleted, whatever policies say.
//!
//! ```text
//! hold         {"name","action":"place","filter","text","through","seqs"}   {"name","action":"release"}
//! hold_extend  {"name","from","through","seqs"}
//! ```
//!
//! A hold is a filter that was resolved: every record below `through` that matched is in `seqs`, here or in an extension.
//! Invariants of a parsed body ([RET-4]): the filter does not look into payloads; seqs lie below `through`, those of an extension from `from` on.

use super::json::{Object, ObjectWriter};
use super::policy::{filter_text, parse_filter, take_name};
use super::seqset::SeqSet;
use crate::bundle::Filter;
use crate::error::FormatError;

const HOLD: &str = "hold record";
const EXTEND: &str = "hold_extend record";

/// What a hold record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldRecord {
    /// What the hold is called; unique among open holds.
    pub name: String,
    /// What it asks for; `None`: the hold is released.
    pub placed: Option<Placement>,
}

/// What a hold that is placed asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// Which records are held, later ones too.
    pub filter: Filter,
    /// The filter as people wrote it: informative.
    pub text: String,
    /// Every record below this seq was tested.
    pub through: u64,
    /// Those that matched.
    pub seqs: SeqSet,
}

/// Later matches of an open hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldExtend {
    /// The hold.
    pub name: String,
    /// The hold's `through` so far.
    pub from: u64,
    /// Every record from `from` on and below this seq was tested.
    pub through: u64,
    /// Those that matched.
    pub seqs: SeqSet,
}

impl HoldRecord {
    /// Reads a hold record's body ([RET-1], [RET-4]).
    ///
    /// # Errors
    /// [`FormatError`] with the member that is wrong.
    pub fn parse(body: &str) -> Result<Self, FormatError> {
        let mut object = Object::parse(HOLD, body)?;
        let name = take_name(&mut object)?;
        let placed = match object.text("action")?.as_str() {
            "place" => Some(Placement {
                filter: parse_filter(HOLD, &object.text("filter")?)?,
                text: object.text("text")?,
                through: object.number("through")?,
                seqs: SeqSet::parse(&object.text("seqs")?)?,
            }),
            "release" => None,
            _ => return Err(object.invalid("action", "neither place nor release")),
        };
        if placed.as_ref().is_some_and(|placed| placed.filter.needs().has_group(3)) {
            return Err(object.invalid("filter", "a hold tests columns of groups 0 to 2 and times"));
        }
        if placed.as_ref().is_some_and(|placed| placed.seqs.last().is_some_and(|last| last >= placed.through)) {
            return Err(object.invalid("seqs", "a seq lies beyond what was tested"));
        }
        object.end()?;
        Ok(Self { name, placed })
    }

    /// The body of a hold record.
    ///
    /// # Errors
    /// Where it is not a hold that [`HoldRecord::parse`] gives back.
    pub fn encode(&self) -> Result<String, FormatError> {
        let writer = ObjectWriter::new().text("name", &self.name);
        let body = match &self.placed {
            None => writer.text("action", "release"),
            Some(placed) => writer
                .text("action", "place")
                .text("filter", &filter_text(&placed.filter))
                .text("text", &placed.text)
                .number("through", placed.through)
                .text("seqs", &placed.seqs.to_text()),
        }
        .end();
        same(HOLD, Self::parse(&body)? == *self, body)
    }
}

impl HoldExtend {
    /// Reads a hold_extend record's body ([RET-1], [RET-4]).
    ///
    /// # Errors
    /// [`FormatError`] with the member that is wrong.
    pub fn parse(body: &str) -> Result<Self, FormatError> {
        let mut object = Object::parse(EXTEND, body)?;
        let extend = Self {
            name: take_name(&mut object)?,
            from: object.number("from")?,
            through: object.number("through")?,
            seqs: SeqSet::parse(&object.text("seqs")?)?,
        };
        let outside = |seq: u64| seq < extend.from || seq >= extend.through;
        if extend.from >= extend.through || extend.seqs.first().into_iter().chain(extend.seqs.last()).any(outside) {
            return Err(object.invalid("seqs", "from lies below through, and all seqs between them"));
        }
        object.end()?;
        Ok(extend)
    }

    /// The body of a hold_extend record.
    ///
    /// # Errors
    /// Where it is not an extension that [`HoldExtend::parse`] gives back.
    pub fn encode(&self) -> Result<String, FormatError> {
        let body = ObjectWriter::new()
            .text("name", &self.name)
            .number("from", self.from)
            .number("through", self.through)
            .text("seqs", &self.seqs.to_text())
            .end();
        same(EXTEND, Self::parse(&body)? == *self, body)
    }
}

/// Gives a body of which reading gave the same value.
pub(crate) fn same(structure: &'static str, same: bool, body: String) -> Result<String, FormatError> {
    if same { Ok(body) } else { Err(FormatError::invalid(structure, "body", 0, "the value has no such body")) }
}
