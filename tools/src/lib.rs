//! The `indelible` command as a library, so that benches and tests can use its parts.
//!
//! ```text
//! cli       what can be asked for (clap), and filters as options
//! verbs     one file each: what a verb does, on top of the `indelible` crate
//! output    what goes to stdout, in every format        outputs  the files that verbs write
//! failure   what goes wrong: message, help, exit code
//! signals   SIGINT and SIGTERM as a flag          source   files and stdin, counted and interruptible
//! workload  deterministic events for demo, benches and tests
//! ```
//!
//! Invariants: results on stdout, everything else on stderr; exit codes 0 done, 1 operational error, 2 usage,
//! 3 verification failed, 4 interrupted before the end; a reader that goes away ends the command quietly with 0.
//!
//! Not here: anything about the log itself; the command only calls the `indelible` crate, and `inspect` the format's.

pub mod cli;
pub mod failure;
pub mod output;
pub mod outputs;
pub mod signals;
pub mod source;
pub mod verbs;
pub mod workload;
