//! The charter: what the acts of a log say, act by act, and what every state from the signed head to the newest one lets go.
//!
//! ```text
//! first keys + class-0 records in seq order -> Charter::take -> S(0), S(1), ... S(newest)      refused: a finding, or set aside
//! Charter::between(head, newest, at) -> Terms: policies and holds of every state that is asked -> may this part go?
//! Charter::draft -> Act -> text -> signatures -> Charter::check -> append -> Charter::take -> Charter::cover(head)
//! ```
//!
//! Invariants: pure; nothing that is refused changes anything ([ACT-21]); nobody compares two states, all of them are asked
//! ([ACT-19]). An act relaxes under a head and after its notice alone, and restricts at once: both follow from which states are
//! asked. Not here: bytes (`act`), whether the records are complete (testimony), frames and what is gone of them (`retention`).
//! Specified in `format-spec/14-authority.md`.

mod asked;
mod follow;
mod follow_keys;
mod holds;
mod judge;
mod keys;
mod record;
mod register;
mod state;
mod statements;
mod terms;
#[cfg(test)]
mod tests;

pub use holds::{Hold, Holding};
pub use keys::{Doubt, Epoch, FirstKeys, Keys, Member};
pub use record::{ClassZero, LogFacts, NoFacts, Reason, Refusal, Standing, Taken};
pub use register::{BaseClaim, Charter, Deletion, Ending, Jump};
pub use state::State;
pub use terms::{Blocked, Moment, Terms};
