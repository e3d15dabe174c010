//! Commitments of a frame: from records to the frame root, and back for what is left after removal.
//!
//! ```text
//! frame_salt_key -> K[c,k] -> salt[i,k] --+
//! group bytes ----------------------------+-> g[i,k] --------> T[c,1..3] --+
//! seq, times, class, g[i,0] ---------------------> leaf[i] --> T[c,0] -----+-> frame root -> descriptor -> chain
//! ```
//!
//! Invariants: hashes cover salted canonical bytes, never codes or ciphertext; the same pipeline commits and verifies, the
//! only difference being where salts and hashes of removed parts come from. Not here: the log tree (`merkle`), how any of
//! this lies in a frame block (`frame`), whether group bytes are canonical ([`crate::record::Groups::check`]).
//! Specified in `format-spec/02-commitments.md`; the removal section in `format-spec/05-frame.md`.

mod salts;

pub use salts::{GroupState, Salt, Salts, Stub};

use crate::record::GROUPS;

const STRUCTURE: &str = "frame commitment";
