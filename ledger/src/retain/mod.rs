//! Retention: how long records are kept, what must not be deleted, and deleting by policy with proof.
//!
//! ```text
//! policies, holds, schedule (records) -> rules -> plan -> INTENT, signed, in a checkpoint -> compaction -> DONE -> checkpoint
//! ```
//!
//! Everything that decides is in records of the log, so that an outsider decides the same from them. Invariants: nothing is removed
//! before a signed checkpoint covers the record that says so; a hold beats every policy; what no policy matches is kept for ever.
//! Deliberately not here: what may go (`indelible_format::retention`), rewriting files (the engine), erasure of one person.

pub(crate) mod explain;
pub(crate) mod history;
pub(crate) mod holds;
pub(crate) mod plan;
pub(crate) mod policies;
pub(crate) mod purge;
pub(crate) mod records;
mod scheduler;

pub use explain::{Explained, KeptBy, State};
pub use history::{Audit, DeletionEntry, RetentionStats};
pub use holds::{HoldInfo, HoldPlaced};
pub use indelible_engine::StubBytes;
pub use indelible_format::retention::{Basis, Duty, Explanation, Finding, FindingKind, Policy, Role, SeqSet};
pub use plan::Counts;
pub use policies::{DAY, PolicySet, PolicySpec, Profile, SEVEN_YEARS};
pub use purge::{Deleted, PurgeError, PurgeOptions, PurgeReport, PurgeStep};
pub use scheduler::{PurgeOutcome, PurgeScheduler};
