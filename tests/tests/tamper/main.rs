//! Whatever is done to the files of a log is found by the verifier, and said where.
//!
//! ```text
//! flips      every byte of every file, one at a time
//! files      cut, removed, swapped, doubled, of another log, older copies put back
//! forged     changes whose checksums were made right again
//! unclosed   torn tails against damage, crashes, verifying beside a writer
//! every      every length and every bit: verified, opened for reading and for writing, with a bound on memory
//! ```
//!
//! What the specification lists as not covered (`format-spec/10-recovery.md`) is listed here too, and nothing else.

mod counting;
mod every;
mod files;
mod flips;
mod forged;
mod sample;
mod unclosed;
