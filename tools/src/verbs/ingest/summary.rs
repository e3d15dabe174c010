//! What an ingest counts, and how it says so.
//!
//! Receipts tell seqs: the first and the last one are kept, and with `--once` those that are still open, since each of
//! them may turn out to be a duplicate.

use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use indelible::Receipt;
use indelible_engine::Outcome;
use serde_json::{Map, Value, json};

use crate::output::table::thousands;

/// Open receipts with `--once` before the oldest ones are looked at again.
const OPEN_MAX: usize = 4_096;

/// Where an event was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Name of the input.
    pub file: Rc<str>,
    /// Its line there.
    pub line: u64,
}

/// An event that was stored though another one has its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Where it was read.
    pub source: Source,
    /// Its seq.
    pub seq: u64,
}

/// The counts while they grow.
#[derive(Debug, Default)]
pub struct Tally {
    /// Inputs that did not become an event.
    pub rejected: u64,
    /// Inputs that could not be read at all, or not to their end.
    pub missing: u64,
    accepted: u64,
    duplicates: u64,
    conflicts: u64,
    first: Option<Receipt>,
    last: Option<Receipt>,
    open: VecDeque<(Receipt, Source)>,
    seqs: Option<(u64, u64)>,
}

impl Tally {
    /// Counts an accepted event; with its source where it may be a duplicate. Gives the conflicts that are known by now.
    pub fn accepted(&mut self, receipt: Receipt, source: Option<Source>) -> Vec<Conflict> {
        self.accepted += 1;
        self.last = Some(receipt.clone());
        match source {
            Some(source) => {
                self.open.push_back((receipt, source));
                if self.open.len() > OPEN_MAX { self.look() } else { Vec::new() }
            }
            None => {
                self.first.get_or_insert(receipt);
                Vec::new()
            }
        }
    }

    /// The newest receipt.
    pub fn last(&self) -> Option<&Receipt> {
        self.last.as_ref()
    }

    /// After a flush: every receipt knows its outcome. Gives the conflicts that were not known before.
    pub fn settle(&mut self) -> Vec<Conflict> {
        let conflicts = self.look();
        for receipt in [self.first.take(), self.last.clone()].into_iter().flatten() {
            if let Some(Outcome::Stored(seq) | Outcome::Conflict(seq)) = receipt.outcome() {
                self.note(seq);
            }
        }
        conflicts
    }

    /// Takes the open receipts whose outcome is known, oldest first.
    fn look(&mut self) -> Vec<Conflict> {
        let mut conflicts = Vec::new();
        while let Some(outcome) = self.open.front().and_then(|(receipt, _)| receipt.outcome()) {
            let Some((_, source)) = self.open.pop_front() else { break };
            match outcome {
                Outcome::Stored(seq) => self.note(seq),
                Outcome::Duplicate(_) => self.duplicates += 1,
                Outcome::Conflict(seq) => {
                    self.note(seq);
                    self.conflicts += 1;
                    conflicts.push(Conflict { source, seq });
                }
            }
        }
        conflicts
    }

    fn note(&mut self, seq: u64) {
        self.seqs = Some(self.seqs.map_or((seq, seq), |(first, last)| (first.min(seq), last.max(seq))));
    }

    /// The final counts; `durable` are the seqs that this run stored, where not everything that was accepted became durable.
    pub fn counts(&self, elapsed: Duration, interrupted: bool, signed: Signed, durable: Option<Range<u64>>) -> Counts {
        let accepted = self.accepted - self.duplicates;
        let stored = durable.as_ref().map_or(accepted, |seqs| (seqs.end - seqs.start).min(accepted));
        Counts {
            read: stored + self.duplicates + self.rejected,
            stored,
            rejected: self.rejected,
            missing: self.missing,
            duplicates: self.duplicates,
            conflicts: self.conflicts,
            not_stored: accepted - stored,
            seqs: match durable {
                Some(seqs) => (!seqs.is_empty()).then(|| (seqs.start, seqs.end - 1)),
                None => self.seqs,
            },
            seconds: elapsed.as_secs_f64(),
            interrupted,
            signed,
        }
    }
}

/// The final counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Counts {
    /// Inputs that were looked at.
    pub read: u64,
    /// Events in the log now that were not before.
    pub stored: u64,
    /// Inputs that did not become an event.
    pub rejected: u64,
    /// Inputs that could not be read.
    pub missing: u64,
    /// Events that were in the log already.
    pub duplicates: u64,
    /// Events among those stored whose id is another event's.
    pub conflicts: u64,
    /// Events that were taken in and are not in the log, because there was no room when a signal came.
    pub not_stored: u64,
    /// First and last seq stored.
    pub seqs: Option<(u64, u64)>,
    /// From the first input to the last one stored.
    pub seconds: f64,
    /// Whether a signal ended the reading.
    pub interrupted: bool,
    /// Whether a checkpoint covers what was stored.
    pub signed: Signed,
}

/// Whether what was stored is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signed {
    /// By the checkpoint of the log's closing.
    Yes,
    /// The log could not be closed: the next opening signs it.
    NotYet,
    /// The signing key is not here.
    NoKey,
}

impl Counts {
    /// As JSON: the members of the contract, and more where they say something.
    pub fn json(&self, once: bool) -> Value {
        let mut object = Map::new();
        object.insert("read".to_owned(), json!(self.read));
        object.insert("stored".to_owned(), json!(self.stored));
        object.insert("rejected".to_owned(), json!(self.rejected));
        object.insert("missing".to_owned(), json!(self.missing));
        if once {
            object.insert("duplicates".to_owned(), json!(self.duplicates));
            object.insert("conflicts".to_owned(), json!(self.conflicts));
        }
        if self.not_stored > 0 {
            object.insert("not_stored".to_owned(), json!(self.not_stored));
        }
        object.insert("first_seq".to_owned(), json!(self.seqs.map(|(first, _)| first)));
        object.insert("last_seq".to_owned(), json!(self.seqs.map(|(_, last)| last)));
        object.insert("seconds".to_owned(), json!(self.seconds));
        object.insert("signed".to_owned(), json!(self.signed == Signed::Yes));
        if self.interrupted {
            object.insert("interrupted".to_owned(), json!(true));
        }
        Value::Object(object)
    }

    /// For people.
    pub fn text(&self, once: bool) -> String {
        let rate = self.stored as f64 / self.seconds.max(1e-9);
        let mut text = format!(
            "read {}, stored {}, rejected {}",
            thousands(self.read),
            thousands(self.stored),
            thousands(self.rejected)
        );
        if once {
            text.push_str(&format!(", already there {}", thousands(self.duplicates)));
        }
        for (count, what) in [
            (self.missing, "inputs missing"),
            (self.conflicts, "of those stored under the id of another event"),
            (self.not_stored, "taken in and not stored"),
        ] {
            if count > 0 {
                text.push_str(&format!(", {} {what}", thousands(count)));
            }
        }
        if let Some((first, last)) = self.seqs {
            text.push_str(&format!("; seqs {first} to {last}"));
        }
        text.push_str(&format!("; {:.2} s, {} events/s", self.seconds, thousands(rate as u64)));
        if self.interrupted {
            text.push_str("; stopped by a signal before the end of the input");
        }
        text.push_str(match self.signed {
            Signed::Yes => "; signed",
            Signed::NotYet => "; not signed yet: the log was not closed cleanly, and the next opening signs it",
            Signed::NoKey => "; NOT SIGNED: the signing key is not here",
        });
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_has_the_members_of_the_contract() {
        let counts = Counts {
            read: 1_003,
            stored: 1_000,
            rejected: 1,
            duplicates: 2,
            seqs: Some((5, 1_004)),
            seconds: 0.5,
            interrupted: false,
            missing: 4,
            conflicts: 6,
            not_stored: 0,
            signed: Signed::Yes,
        };
        let value = counts.json(true);
        for (member, expected) in [
            ("read", 1_003),
            ("stored", 1_000),
            ("rejected", 1),
            ("duplicates", 2),
            ("missing", 4),
            ("conflicts", 6),
            ("first_seq", 5),
            ("last_seq", 1_004),
        ] {
            assert_eq!(value[member], expected, "{member}");
        }
        assert_eq!(value["seconds"], 0.5);
        let nothing = Tally::default().counts(Duration::from_secs(1), true, Signed::NoKey, Some(7..7));
        let value = nothing.json(false);
        assert!(value["signed"] == false && nothing.text(false).contains("NOT SIGNED"));
        assert!(value["first_seq"].is_null() && value["interrupted"] == true && value.get("duplicates").is_none());
        assert!(
            counts.text(true).starts_with("read 1,003, stored 1,000, rejected 1, already there 2, 4 inputs missing")
        );
    }
}
