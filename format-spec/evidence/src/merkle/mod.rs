//! Two kinds of Merkle trees, both of RFC 6962 shape: class trees inside a frame, and the log tree over frames.
//!
//! ```text
//! class trees  B3 nodes, built level by level in lanes, thrown away once the root is known      b3.rs
//! log tree     SHA-256 nodes over hashed descriptors, kept as a compact range                   log_tree.rs
//!              inclusion and consistency proofs                                                 proof.rs
//! both         proofs of any set of leaves at once                                              multiproof.rs
//! ```
//!
//! Specified in `format-spec/02-commitments.md`.

mod b3;
mod log_tree;
mod multiproof;
mod proof;

pub use b3::{b3_root, b3_roots};
pub use log_tree::{LogTree, empty_root, leaf_hash, node_hash};
pub use multiproof::{multiproof, multiproof_len, multiproof_root};
pub use proof::{ProofError, consistency_proof, inclusion_proof, verify_consistency, verify_inclusion};
