//! Intents: what a deletion will remove, and what of the frames that it touches open holds keep.
//!
//! ```text
//! {"at","segments":[...],"classes":[...],"records","envelopes","groups":[...],"kept":[{"name","seqs"}],"clock":"guard"|"confirmed"}
//! ```
//!
//! Invariants of a parsed intent ([ACT-9]): the plan's lists ascend ([RET-6]), the holds of `kept` ascend by name, and nothing that
//! is kept goes as a single record. Policies are not listed: the act's `charter` names the state. Not here: whether it may (`charter`).

use crate::error::FormatError;
use crate::retention::json::{Object, ObjectWriter};
use crate::retention::policy::take_name;
use crate::retention::{Plan, SeqSet};

/// What an open hold keeps of the frames that a deletion touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Name of the hold.
    pub name: String,
    /// Seqs among the touched frames that its filter, or its committed set, holds.
    pub seqs: SeqSet,
}

/// Who vouches for the clock that a deletion counts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClockCheck {
    /// The guard had no objection.
    Guard,
    /// Whoever signs.
    Confirmed,
}

/// A deletion about to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// What it removes; lists no policies and no holds.
    pub plan: Plan,
    /// What each open hold keeps, ascending by name.
    pub kept: Vec<Kept>,
    /// Who vouches for the clock.
    pub clock: ClockCheck,
}

impl Intent {
    /// Everything that is kept.
    pub fn kept_seqs(&self) -> SeqSet {
        self.kept.iter().fold(SeqSet::new(), |all, kept| all.union(&kept.seqs))
    }

    pub(super) fn take(object: &mut Object) -> Result<Self, FormatError> {
        let at = object.number("at")?;
        let plan = Plan { at, ..Plan::take_parts(object)? };
        plan.check(object)?;
        let kept = object
            .objects("kept", |kept| Ok(Kept { name: take_name(kept)?, seqs: SeqSet::parse(&kept.text("seqs")?)? }))?;
        let clock = match object.text("clock")?.as_str() {
            "guard" => ClockCheck::Guard,
            "confirmed" => ClockCheck::Confirmed,
            _ => return Err(object.invalid("clock", "neither guard nor confirmed")),
        };
        if !kept.is_sorted_by(|a, b| a.name < b.name) {
            return Err(object.invalid("kept", "holds ascend by name"));
        }
        let intent = Self { plan, kept, clock };
        let all = intent.kept_seqs();
        let singles = [&intent.plan.records, &intent.plan.envelopes, &intent.plan.identity, &intent.plan.payload];
        if singles.iter().any(|set| !set.is_disjoint(&all)) {
            return Err(object.invalid("kept", "what a hold keeps does not lose anything"));
        }
        Ok(intent)
    }

    pub(super) fn encode(&self) -> String {
        let kept = self
            .kept
            .iter()
            .map(|kept| ObjectWriter::new().text("name", &kept.name).text("seqs", &kept.seqs.to_text()).end());
        let clock = if self.clock == ClockCheck::Guard { "guard" } else { "confirmed" };
        let writer = self.plan.put_parts(ObjectWriter::new().number("at", self.plan.at));
        writer.list("kept", kept).text("clock", clock).end()
    }
}
