//! What is measured in a process of its own, and what came of it.
//!
//! ```text
//! parent: Job as JSON on the command line -> child: runs it -> Found as JSON in a file -> parent
//! ```
//!
//! A store that fails, or a job that takes too long, ends its child and nothing else; no store inherits another's heap or caches.
//! Times are seconds unless the name says otherwise.

use serde::{Deserialize, Serialize};

/// One thing to measure.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub enum Job {
    /// What all answers are, by going through all events.
    Answers,
    /// Load a store; ask it; verify and purge it.
    Store {
        /// Which.
        key: String,
        /// Whether it is asked in this run.
        ask: bool,
        /// Whether it is purged at the end.
        purge: bool,
    },
    /// Single durable events of every store and of a raw file, in turns.
    Singles {
        /// Commits of each.
        commits: usize,
    },
    /// What a caller waits for in `emit`, open loop at 200,000 a second.
    Emit {
        /// Threads that emit.
        producers: usize,
        /// Events.
        events: u64,
    },
    /// The size of events that arrive slowly.
    LowRate {
        /// Events.
        events: u64,
        /// Of these a day.
        per_day: u32,
    },
    /// Indelible alone at another number of events.
    Curve {
        /// Events.
        events: u64,
    },
    /// Peak memory of a load that makes its events as it goes.
    Memory {
        /// Events.
        events: u64,
    },
    /// The open that recovers what a dead process left.
    Crash {
        /// Events that were durable.
        events: u64,
    },
    /// Makes events durable and dies: what [`Job::Crash`] starts.
    Die {
        /// Events.
        events: u64,
    },
    /// The chain of the append limit checked from memory.
    Chain,
}

/// What a job found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Found {
    /// Digests of answers, by kind of question.
    Answers(Vec<Vec<String>>),
    /// A run of a store.
    Store(Box<StoreRun>),
    /// Single commits by store.
    Singles(Vec<SingleRun>),
    /// Latencies of emit.
    Emit(EmitRun),
    /// Bytes an event.
    LowRate(LowRateRun),
    /// A point of the curve.
    Curve(CurveRun),
    /// Bytes.
    Memory(u64),
    /// An open after a crash.
    Crash(CrashRun),
    /// Bytes a second by number of threads.
    Chain(Vec<(usize, f64)>),
}

/// One run of a store.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct StoreRun {
    /// Which.
    pub key: String,
    /// From the first event to the last durable byte, closed.
    pub load: f64,
    /// CPU of all threads meanwhile.
    pub cpu: f64,
    /// Bytes on disk afterwards.
    pub bytes: u64,
    /// Bytes by part, where the store says.
    pub parts: Vec<(String, u64)>,
    /// Opens to the first answer, ms.
    pub opens: Vec<f64>,
    /// Latencies by kind of question, ascending, ms.
    pub queries: Vec<Vec<f64>>,
    /// Answers that were compared with those of a scan.
    pub compared: usize,
    /// Checks: threads, seconds, bytes of content.
    pub verify: Vec<(usize, f64, u64)>,
    /// What a purge did.
    pub purge: Option<PurgeRun>,
}

/// A purge.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct PurgeRun {
    /// Steps and seconds.
    pub steps: Vec<(String, f64)>,
    /// Events that are gone.
    pub removed: u64,
    /// Events that should be and are not.
    pub left: u64,
    /// Bytes on disk afterwards.
    pub bytes: u64,
}

/// Single commits of a store, ascending, us.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SingleRun {
    /// As the table names it.
    pub name: String,
    /// One a commit.
    pub micros: Vec<f64>,
}

/// Latencies of emit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EmitRun {
    /// Threads.
    pub producers: usize,
    /// p50, p99, p99.9, worst, ns.
    pub marks: [u64; 4],
    /// Equally spaced ranks of all, ns: what a plot needs.
    pub nanos: Vec<u64>,
}

/// Sizes of the same events, closed, bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LowRateRun {
    /// Events.
    pub events: u64,
    /// Of these a day.
    pub per_day: u32,
    /// Slow.
    pub slow: u64,
    /// As fast as it goes.
    pub busy: u64,
}

/// An open for writing after a crash.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct CrashRun {
    /// Events that were durable.
    pub events: u64,
    /// Recovery to the first answer, ms.
    pub opened: f64,
}

/// A point of the curve.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct CurveRun {
    /// Events.
    pub events: u64,
    /// Events and seconds of the stages, the last one with the close.
    pub stages: Vec<(u64, f64)>,
    /// CPU of all threads.
    pub cpu: f64,
    /// Bytes on disk.
    pub bytes: u64,
    /// Opens to the first answer, ms.
    pub opens: Vec<f64>,
    /// Latencies by kind of question, ascending, ms.
    pub queries: Vec<Vec<f64>>,
    /// Seconds and canonical bytes of a full verification on all cores.
    pub verify: (f64, u64),
}
