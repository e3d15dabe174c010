//! The write path: drafts to journal, journal to frames, frames to segments.

pub(crate) mod active;
mod batch;
pub(crate) mod facts;
pub(crate) mod framer;
pub(crate) mod manifest;
mod once;
pub(crate) mod orders;
pub(crate) mod poison;
pub(crate) mod queue;
pub(crate) mod shared;
pub(crate) mod sign;
pub(crate) mod writer;
