//! What the charter is fed with, and how it answers.
//!
//! ```text
//! ClassZero { seq, frame, recorded-at, kind, body } -> Ok(Taken) | Err(Refusal { finding | set aside, reason })
//! ```
//!
//! Invariants: a refusal names the record, the rule that it breaks and what would be right ([ACT-21]). Not here: the checks (`judge`,
//! `statements`).

use std::borrow::Cow;

use crate::descriptor::Hash;

/// A record of class 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassZero<'a> {
    /// Its seq.
    pub seq: u64,
    /// Its frame; the next one to be made, where it is not framed yet.
    pub frame_no: u64,
    /// When the log took it, ns since 1970.
    pub recorded_at: i64,
    /// Code of its kind.
    pub kind: u8,
    /// Its body; `None` where the group is erased.
    pub body: Option<&'a str>,
    /// When an `adopt` took it in, ns since 1970, where it came without a mark.
    pub adopted_at: Option<i64>,
}

impl ClassZero<'_> {
    /// The second from which it counts: recorded-at, or that of the `adopt` that took it in.
    pub fn time(&self) -> i64 {
        self.adopted_at.unwrap_or(self.recorded_at).div_euclid(1_000_000_000)
    }
}

/// What somebody who has the log, or all descriptors, knows of it; what he does not know is named as not checked.
pub trait LogFacts {
    /// Root of the log tree at a size.
    fn root(&self, size: u64) -> Option<Hash>;

    /// Recorded-at of the record before this seq, whole seconds.
    fn recorded_before(&self, seq: u64) -> Option<i64>;
}

/// Knows nothing but the records themselves.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFacts;

impl LogFacts for NoFacts {
    fn root(&self, _: u64) -> Option<Hash> {
        None
    }

    fn recorded_before(&self, _: u64) -> Option<i64> {
        None
    }
}

/// What came of a record that may stand where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// Something follows from it.
    Counts,
    /// Nothing follows from it.
    Note,
    /// A newer reader decides; until then nothing that rests on it is decided ([ACT-22]).
    Undecided,
}

/// Which rule a record breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// It is no text, note or body of its kind ([ACT-1], [ACT-2], [ACT-9]).
    Form,
    /// It is another log's, or of another kind than its record ([ACT-3]).
    Log,
    /// A signature of a known key does not verify ([ACT-4]).
    Signature,
    /// Too few keys with the role, in force just before it, sign ([ACT-5]).
    Role,
    /// It does not continue its line ([ACT-6]).
    Link,
    /// Its base is not a head of this log from before it ([ACT-7]).
    Base,
    /// It was recorded after it expired ([ACT-8]).
    Expired,
    /// A version, a name, a key or a time does not follow from what was before.
    Follows,
    /// A deletion is announced and not ended ([ACT-15]).
    IntentOpen,
    /// It ends a deletion that is not open, or not as it was announced ([ACT-16]).
    Ending,
    /// It says something of a hold that its record of kind 14 denies ([ACT-18]).
    HoldText,
    /// This reader does not know it, and no head covers it.
    Unknown,
    /// It stands after a record that is set aside.
    AfterSetAside,
}

/// Where a record that is refused stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Under the head: the log is broken.
    Finding,
    /// Beyond it: it and what follows is set aside.
    SetAside,
}

/// A record that counts for nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {seq} {}: {problem}", if *standing == Standing::Finding { "is refused" } else { "is set aside" })]
pub struct Refusal {
    /// Its seq.
    pub seq: u64,
    /// Under the head or beyond it.
    pub standing: Standing,
    /// The rule.
    pub reason: Reason,
    /// What is wrong, and what would be right.
    pub problem: Cow<'static, str>,
}

/// A rule that is broken, before anybody asks where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) reason: Reason,
    pub(super) problem: Cow<'static, str>,
}

pub(super) fn broken<T>(reason: Reason, problem: impl Into<Cow<'static, str>>) -> Result<T, Broken> {
    Err(Broken { reason, problem: problem.into() })
}

impl From<crate::FormatError> for Broken {
    fn from(error: crate::FormatError) -> Self {
        Self { reason: Reason::Form, problem: error.to_string().into() }
    }
}
