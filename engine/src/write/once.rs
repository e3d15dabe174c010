//! What becomes of drafts that are to be stored once: which repeat a record of the log, and which only share its event id.
//!
//! ```text
//! event id unknown                                     -> new
//! a record with it, from the same source, same content -> repeat: nothing is stored
//! records with it, none with the same content          -> conflict: stored, and its outcome says so
//! ```
//!
//! An id counts within its source, which is the format that the original was in; an event that carries no original is the
//! program's own. Content is everything that the caller gave: not the time where the log set it, not the class. Of a record
//! that lost groups to a deletion, the groups that are left are compared.
//!
//! Invariants: what differs is never dropped; the same draft given twice is a repeat also where a conflict lies between, so
//! that a second run of the same input stores nothing. Not here: outcomes, which the writer hands out.

use std::collections::HashMap;

use indelible_evidence::record::{GROUPS, Groups, Value};
use indelible_evidence::schema::Field;

use super::writer::Item;
use crate::draft::Draft;
use crate::error::Result;
use crate::query::{Expr, Query, View};

/// Records with one event id that are compared; where there are more, what equals none of these is stored as a conflict.
const SAME_ID_MAX: usize = 256;

/// What becomes of a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Stored.
    New,
    /// Stored, though its id was used before for something else.
    Conflict,
    /// Not stored: the record at this seq is the same.
    RepeatOf(u64),
    /// Not stored: the same as the n-th record of this group.
    RepeatInGroup(u64),
}

impl Fate {
    pub(super) fn is_repeat(self) -> bool {
        matches!(self, Fate::RepeatOf(_) | Fate::RepeatInGroup(_))
    }
}

/// Drafts of this group that are stored, by event id, each with its place among them.
type InGroup<'a> = HashMap<String, Vec<(u64, &'a Draft)>>;

/// What becomes of each item; `view` is asked for only where one is to be stored once.
pub(super) fn fates(items: &[Item], view: impl FnOnce() -> View) -> Result<Vec<Fate>> {
    let mut fates = vec![Fate::New; items.len()];
    if !items.iter().any(|item| item.draft.once) {
        return Ok(fates);
    }
    let view = view();
    let mut in_group = InGroup::new();
    let mut stored = 0u64;
    for (fate, item) in fates.iter_mut().zip(items) {
        let id = text(&Groups::from_slices(item.draft.slices()), Field::EVENT_ID);
        if let (true, Some(id)) = (item.draft.once, &id) {
            *fate = fate_of(&item.draft, id, &in_group, &view)?;
        }
        if !fate.is_repeat() {
            if let Some(id) = id {
                in_group.entry(id).or_default().push((stored, &item.draft));
            }
            stored += 1;
        }
    }
    Ok(fates)
}

fn fate_of(draft: &Draft, id: &str, in_group: &InGroup<'_>, view: &View) -> Result<Fate> {
    let mut fate = Fate::New;
    for (place, other) in in_group.get(id).into_iter().flatten() {
        match compare(draft, &Groups::from_slices(other.slices()), other.stamp) {
            Sameness::Same => return Ok(Fate::RepeatInGroup(*place)),
            Sameness::Other => fate = Fate::Conflict,
            Sameness::OtherSource => {}
        }
    }
    for record in view.query(&Query::oldest(Expr::is(Field::EVENT_ID, id), SAME_ID_MAX))?.rows {
        match compare(draft, &record.groups, false) {
            Sameness::Same => return Ok(Fate::RepeatOf(record.seq)),
            Sameness::Other => fate = Fate::Conflict,
            Sameness::OtherSource => {}
        }
    }
    Ok(fate)
}

/// How a record with the same event id stands to a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sameness {
    Same,
    Other,
    OtherSource,
}

/// `timeless`: the time of the other one is not set yet either.
fn compare(draft: &Draft, other: &Groups, timeless: bool) -> Sameness {
    let own = Groups::from_slices(draft.slices());
    // Where the payload is gone nobody knows the source any more: the rest decides.
    let known = !other.group(3).is_empty() || own.group(3).is_empty();
    if known && text(&own, Field::ORIGINAL_FORMAT) != text(other, Field::ORIGINAL_FORMAT) {
        return Sameness::OtherSource;
    }
    // A draft without a time gets the log's, which is another one each time.
    let ignore_time = draft.stamp || timeless;
    let same = (0..GROUPS).all(|k| {
        let (own, other) = (own.group(k), other.group(k));
        (other.is_empty() && k > 0) || own == other || (k == 0 && ignore_time && Draft::same_but_for_time(own, other))
    });
    if same { Sameness::Same } else { Sameness::Other }
}

fn text(groups: &Groups, field: Field) -> Option<String> {
    match groups.value(field) {
        Ok(Some(Value::Text(text))) => Some(text.text().into_owned()),
        _ => None,
    }
}
