//! Placeholder.
pub mod ring;
pub mod watermark;
