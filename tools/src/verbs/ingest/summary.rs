//! What an ingest counts, and how it says so.
//!
//! Receipts tell seqs: the first and the last one are kept, and with `--once` those that are still open, since each of
//! them may turn out to be a duplicate.

use std::collections::VecDeque;
use std::time::Duration;

use indelible::Receipt;
use indelible_engine::Outcome;
use serde_json::{Map, Value, json};

use crate::output::table::thousands;

/// Open receipts with `--once` before the oldest ones are looked at again.
const OPEN_MAX: usize = 4_096;

/// The counts while they grow.
#[derive(Debug, Default)]
pub struct Tally {
    /// Inputs that did not become an event.
    pub rejected: u64,
    accepted: u64,
    duplicates: u64,
    first: Option<Receipt>,
    last: Option<Receipt>,
    open: VecDeque<Receipt>,
    seqs: Option<(u64, u64)>,
}

impl Tally {
    /// Counts an accepted event; `once` where it may be a duplicate.
    pub fn accepted(&mut self, receipt: Receipt, once: bool) {
        self.accepted += 1;
        if once {
            self.open.push_back(receipt.clone());
            if self.open.len() > OPEN_MAX {
                self.look();
            }
        } else if self.first.is_none() {
            self.first = Some(receipt.clone());
        }
        self.last = Some(receipt);
    }

    /// The newest receipt.
    pub fn last(&self) -> Option<&Receipt> {
        self.last.as_ref()
    }

    /// After a flush: every receipt knows its outcome.
    pub fn settle(&mut self) {
        self.look();
        for receipt in [self.first.take(), self.last.clone()].into_iter().flatten() {
            if let Some(Outcome::Stored(seq)) = receipt.outcome() {
                self.note(seq);
            }
        }
    }

    /// Takes the open receipts whose outcome is known, oldest first.
    fn look(&mut self) {
        while let Some(outcome) = self.open.front().and_then(Receipt::outcome) {
            self.open.pop_front();
            match outcome {
                Outcome::Stored(seq) => self.note(seq),
                Outcome::Duplicate(_) => self.duplicates += 1,
            }
        }
    }

    fn note(&mut self, seq: u64) {
        self.seqs = Some(self.seqs.map_or((seq, seq), |(first, last)| (first.min(seq), last.max(seq))));
    }

    /// The final counts.
    pub fn counts(&self, elapsed: Duration, interrupted: bool) -> Counts {
        Counts {
            read: self.accepted + self.rejected,
            stored: self.accepted - self.duplicates,
            rejected: self.rejected,
            duplicates: self.duplicates,
            seqs: self.seqs,
            seconds: elapsed.as_secs_f64(),
            interrupted,
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
    /// Events whose id was in the log already.
    pub duplicates: u64,
    /// First and last seq stored.
    pub seqs: Option<(u64, u64)>,
    /// From the first input to the last one stored.
    pub seconds: f64,
    /// Whether a signal ended the reading.
    pub interrupted: bool,
}

impl Counts {
    /// As JSON: the members of the contract, and more where they say something.
    pub fn json(&self, once: bool) -> String {
        let mut object = Map::new();
        object.insert("read".to_owned(), json!(self.read));
        object.insert("stored".to_owned(), json!(self.stored));
        object.insert("rejected".to_owned(), json!(self.rejected));
        if once {
            object.insert("duplicates".to_owned(), json!(self.duplicates));
        }
        object.insert("first_seq".to_owned(), json!(self.seqs.map(|(first, _)| first)));
        object.insert("last_seq".to_owned(), json!(self.seqs.map(|(_, last)| last)));
        object.insert("seconds".to_owned(), json!(self.seconds));
        if self.interrupted {
            object.insert("interrupted".to_owned(), json!(true));
        }
        Value::Object(object).to_string()
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
        if let Some((first, last)) = self.seqs {
            text.push_str(&format!("; seqs {first} to {last}"));
        }
        text.push_str(&format!("; {:.2} s, {} events/s", self.seconds, thousands(rate as u64)));
        if self.interrupted {
            text.push_str("; stopped by a signal, the log is closed cleanly");
        }
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
        };
        let value: Value = serde_json::from_str(&counts.json(true)).expect("JSON");
        for (member, expected) in [
            ("read", 1_003),
            ("stored", 1_000),
            ("rejected", 1),
            ("duplicates", 2),
            ("first_seq", 5),
            ("last_seq", 1_004),
        ] {
            assert_eq!(value[member], expected, "{member}");
        }
        assert_eq!(value["seconds"], 0.5);
        let nothing = Tally::default().counts(Duration::from_secs(1), true);
        let value: Value = serde_json::from_str(&nothing.json(false)).expect("JSON");
        assert!(value["first_seq"].is_null() && value["interrupted"] == true && value.get("duplicates").is_none());
        assert!(counts.text(true).starts_with("read 1,003, stored 1,000, rejected 1, already there 2; seqs 5 to 1004"));
    }
}
