//! What the suites share: a simulated world around a log, a model of what it promised, and seeded schedules of faults.
//!
//! ```text
//! seed ──> dice ──> steps on a StepLog over a SimStorage ──> faults, crashes ──> recovery ──> checked against the model,
//!                                                                                              by the view and by an audit
//! ```
//!
//! Everything follows from a seed: no threads, no machine clock, no addresses. A failure names its seed and repeats exactly.
//! `README.md` has the table of faults and how to rerun each.

pub mod audit;
pub mod authority;
pub mod crash;
pub mod damage;
pub mod dice;
pub mod follower;
pub mod machine;
pub mod model;
pub mod mount;
pub mod process;
pub mod slow;
pub mod world;

/// Runs one seed of the schedules over the public ledger. Returns how many openings after a crash were checked.
///
/// # Errors
/// What was promised and not kept, in words.
pub fn run_ledger_seed(seed: u64) -> Result<u64, String> {
    crash::ledger::run(seed)
}

/// Runs one seed of the general schedules: most crash, some damage what was durable, some read beside the writer.
/// Returns how many recoveries were checked.
///
/// # Errors
/// What was promised and not kept, in words.
pub fn run_seed(seed: u64) -> Result<u64, String> {
    match seed % 8 {
        6 => damage::run(seed),
        7 => follower::run(seed),
        _ => crash::run(seed),
    }
}
