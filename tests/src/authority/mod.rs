//! A model of who decides (acts, heads, deletions), and an exhaustive search for a way around it.
//!
//! ```text
//! rules     what is searched: bounds, the attacker's hands, the planted bug      record, history   records, links, roots, S(i)
//! state     directory, copy, kept head, what the operator was told               verify, opening   the readers of a directory
//! operator  verbs as lists of durable steps, a crash after each                  attacker          what write access allows
//! search    breadth first, shortest trace ──> properties: what must hold         clock             the guard of purge, apart
//! symmetry  two items that are alike are searched once
//! ```
//!
//! The rules, to which comments refer by number:
//!
//! 1. Whatever lets something go is an act: signed by a role, numbered and linked to the act before it, bound to a head. No other
//!    record has authority.
//! 2. An act relaxes only once a signed head covers it; it restricts as soon as it is durable. A verb says "done" only when a head
//!    covers its act and that head is kept outside the directory.
//! 3. An opening never carries a deletion out. It finds either that a swap happened (and writes DONE) or that it did not (and
//!    writes ABANDON), before anything else is written.
//! 4. Every file that a deletion wrote carries the signed head that covered the intent. Gone without such a file, without such an
//!    intent under the head, or by an abandoned one: broken.
//! 5. What decides is read from records under the newest head, never from postings.
//! 6. The signer keeps the newest head that it signed beside its key, before the head is written into the directory; it never
//!    signs what does not extend it, and a head in the directory beyond the kept one is somebody else's.
//! 7. A head counts when the key of its last frame's epoch signed it, or as the rotation note, by both keys. A rotation that was
//!    begun is finished before anything else is signed.
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
