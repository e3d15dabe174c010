//! What a verification has found so far: breaks by file, notes, the torn tail.
//!
//! Invariant: of one file at most [`BREAKS_PER_FILE`] breaks are kept, the first ones, and the rest are counted; so a
//! scrambled gigabyte gives a report that can be read.

use std::collections::HashMap;

use super::VerifyReport;
use crate::error::Corruption;

/// Breaks kept of one file.
const BREAKS_PER_FILE: usize = 16;

/// Collects what is found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    breaks: Vec<Corruption>,
    per_file: HashMap<String, usize>,
    notes: Vec<String>,
    torn: Option<String>,
}

impl Findings {
    /// Damage to something durable.
    pub(super) fn broken(&mut self, damage: Corruption) {
        let count = self.per_file.entry(damage.file.clone()).or_default();
        *count += 1;
        if *count <= BREAKS_PER_FILE {
            self.breaks.push(damage);
        }
    }

    /// The value, or its damage taken down.
    pub(super) fn ok<T>(&mut self, result: Result<T, Corruption>) -> Option<T> {
        result.map_err(|damage| self.broken(damage)).ok()
    }

    /// Something that is no damage.
    pub(super) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// An unfinished tail.
    pub(super) fn torn(&mut self, tail: String) {
        match &mut self.torn {
            Some(torn) => {
                torn.push_str("; ");
                torn.push_str(&tail);
            }
            None => self.torn = Some(tail),
        }
    }

    /// How many breaks there are, those not kept included.
    pub(super) fn count(&self) -> usize {
        self.per_file.values().sum()
    }

    /// Whether this file has a break.
    pub(super) fn has_break_in(&self, file: &str) -> bool {
        self.per_file.contains_key(file)
    }

    /// The report, completed.
    pub(super) fn into_report(mut self, report: VerifyReport) -> VerifyReport {
        let mut more: Vec<(&String, usize)> = self
            .per_file
            .iter()
            .map(|(file, &count)| (file, count))
            .filter(|&(_, count)| count > BREAKS_PER_FILE)
            .collect();
        more.sort_unstable();
        let more = more
            .into_iter()
            .map(|(file, count)| format!("{file}: {} more breaks are not listed", count - BREAKS_PER_FILE));
        self.notes.extend(more.collect::<Vec<_>>());
        VerifyReport { breaks: self.breaks, notes: self.notes, torn: self.torn, ..report }
    }
}
