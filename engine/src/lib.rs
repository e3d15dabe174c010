//! Placeholder.

pub mod clock;
pub mod rng;
pub mod storage;
