//! Acts and statements: what decides in a log, as signed texts that have one encoding.
//!
//! ```text
//! act        log, role, number, previous, charter, base, expires, kind, body     text -> signatures -> Note -> {"act": note}
//! statement  log, epoch, base, kind, body                                        text -> signature  -> Note -> {"statement": note}
//! ```
//!
//! Invariants: a text is exactly its lines, a body exactly its members in their order; what is read encodes to the same bytes. The
//! first line has spaces, so that no act is ever a checkpoint, nor a cosigned message. Links hash the text alone. Not here: who may
//! sign what and when, and what follows (`charter`). Specified in `format-spec/14-authority.md`.

mod body;
mod hold;
mod intent;
mod keys;
mod line;
mod note;
mod profile;
mod statement;
#[cfg(test)]
mod tests;
mod text;

pub use body::{Body, Clock, Kind, Loss, LossReason, Schedule, ScheduleRule};
pub use hold::{HoldAct, HoldText, Placed, hold_commit};
pub use intent::{ClockCheck, Intent, Kept};
pub use keys::{Action, KeyChange, KeyText, ReplaceReason, Role, Since};
pub use note::{NOTE_BYTES_MAX, Note, SignatureLine};
pub use profile::{NOTICE_MAX, Profile, PurgeHead, QUORUM_MAX};
pub use statement::{Done, Statement, StatementBody, StatementKind};
pub use text::{Act, Base, LineKind, first_link, link};
