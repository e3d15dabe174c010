//! Retention: how long records are kept, what must not be deleted, and deleting by policy with proof.

pub(crate) mod records;

pub use indelible_format::retention::Role;
