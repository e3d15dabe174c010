//! Retention and deletion proofs: what system records say, what follows from it, and whether a deletion was legitimate.
//!
//! ```text
//! policy, hold, hold_extend, key records -> Register -> Rules -> plan_frame -> FramePlan -> Plan -> Intent (signed)
//! descriptors, stubs, class-0 records ------------------------------------------------> the same rules, asked again
//! ```
//!
//! Invariants: pure, and one function decides for who plans and for who checks. Bodies are read strictly and have one
//! meaning. Not here: carrying a deletion out, and the clock. Specified in `format-spec/13-retention.md`.

mod audit;
mod finding;
mod frame_check;
mod history;
pub(crate) mod hold;
mod intent;
pub(crate) mod json;
mod key;
mod plan;
pub(crate) mod policy;
mod register;
mod rules;
mod seqset;
#[cfg(test)]
mod tests;

pub use audit::{DeletionAudit, DeletionReport, Effect, EvidenceRow, FrameEvidence, UNKNOWNS};
pub use finding::{Finding, FindingKind, Place};
pub use history::{Carried, Deletion, Ending, History, Standing};
pub use hold::{HoldExtend, HoldRecord, Placement};
pub use intent::{Abandon, Done, DoneSegment, Intent};
pub use key::{KeyRecord, Role};
pub use plan::{ClassFrames, Plan, PlannedSegment};
pub use policy::{Basis, Duty, Policy};
pub use register::{CheckpointKey, OpenHold, PurgeKey, Register};
pub use rules::{Decides, Explanation, FramePlan, PlanSource, Rules, plan_frame};
pub use seqset::SeqSet;
