//! Retention: how long records are kept, what must not be deleted, and deleting by policy with proof.
//!
//! ```text
//! policies, holds, schedule (records) -> rules -> plan -> INTENT, signed, in a checkpoint -> compaction -> DONE -> checkpoint
//! ```
//!
//! Everything that decides is in records of the log, so that an outsider decides the same from them. Invariants: nothing is removed
//! before a signed checkpoint covers the record that says so; a hold beats every policy; what no policy matches is kept for ever.
//! ```
//! use indelible::retain::{PolicySpec, Profile, PurgeOptions, DAY};
//! use indelible::{CreateOptions, Ledger, OpenOptions, query::Expr};
//!
//! # let dir = tempfile::tempdir()?;
//! # let (log, key) = (dir.path().join("log"), dir.path().join("log.key"));
//! # Ledger::create(&log, &CreateOptions { origin: None, sign_key_file: Some(key.clone()) })?;
//! let ledger = Ledger::open(&log, &OpenOptions { sign_key_file: Some(key), ..OpenOptions::default() })?;
//! ledger.set_profile(Profile::Severity)?;
//! ledger.set_policy(&PolicySpec { identity_keep: Some(90 * DAY), ..PolicySpec::keep("people", 2_555 * DAY) })?;
//! ledger.place_hold("case-17", &Expr::is(indelible_evidence::schema::Field::ACTOR_ID, "u-7"), "--actor u-7")?;
//! let scheduler = ledger.purge_every(std::time::Duration::from_secs(3_600))?;
//! let report = ledger.purge(&PurgeOptions { dry_run: true, ..PurgeOptions::default() })?;
//! assert_eq!(report.counts.records, 0);
//! drop(scheduler);
//! ledger.close()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Deliberately not here: what may go (`indelible_evidence::retention`), rewriting files (the engine), erasure of one person.

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
pub use indelible_evidence::retention::{Basis, Duty, Explanation, Finding, FindingKind, Policy, Role, SeqSet};
pub use plan::Counts;
pub use policies::{DAY, PolicySet, PolicySpec, Profile, SEVEN_YEARS};
pub use purge::{Deleted, PurgeError, PurgeOptions, PurgeReport, PurgeStep};
pub use scheduler::{PurgeOutcome, PurgeScheduler};
