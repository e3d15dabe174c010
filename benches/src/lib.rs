//! Measures Indelible on the reference workload, by the same questions that are put to other stores.
//!
//! ```text
//! Workload -> Vec<AuditEvent> -> load (rate, CPU) -> log directory -> sizes by part
//!                  |                                      |
//!                  +-> Question (200 of a kind) ----------+-> ask -> Answer (compared row by row), latency
//! ```
//!
//! Nothing here decides whether a figure is good: it prints, and tests elsewhere never assert a time.

pub mod ask;
pub mod curve;
pub mod data;
pub mod emit;
pub mod instructions;
pub mod load;
pub mod low_rate;
pub mod measure;
pub mod oracle;
pub mod question;
pub mod sample;
pub mod size;
