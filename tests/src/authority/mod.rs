//! A model of who decides (acts, heads, deletions), and an exhaustive search for a way around it.
//!
//! ```text
//! rules     what is searched: bounds, the attacker's hands, the planted bug      record, history   records, links, roots, S(i)
//! state     directory, copy, kept head, what the operator was told               verify, opening   the readers of a directory
//! operator  verbs as lists of durable steps, a crash after each                  attacker          what write access allows
//! search    breadth first, shortest trace ──> properties: section 11             clock             the guard of purge, apart
//! ```
//!
//! It shares no code with the engine or the ledger: it is the protocol itself in a few hundred lines, small enough that every
//! state within the bounds is visited. What holds here holds for the order of steps, the links and the rules, not for their
//! implementation, which the crash schedules try.
//!
//! Bounds: two items, two holds, two policies, two keys, a record a frame. Verbs and attacks are counted per run.
//! Not here: quorum, expiry and notice, schedules, recovery and replacement of keys, witnesses, bundles, marks. They add
//! conditions to steps that are here, or concern readers who are not.

pub mod attacker;
pub mod clock;
pub mod history;
pub mod opening;
pub mod operator;
pub mod properties;
pub mod record;
pub mod rules;
pub mod search;
pub mod state;
pub mod symmetry;
pub mod verify;

pub use clock::{ClockMutant, ClockOutcome, ClockProperty, ClockSearch};
pub use properties::Property;
pub use rules::{Hands, Mutant, Search};
pub use search::Outcome;
