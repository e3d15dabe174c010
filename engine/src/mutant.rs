//! Planted bugs, to show that the tests find them. Without the cargo feature `mutants` nothing of this is compiled in:
//! [`planted`] is a constant `false`.
//!
//! ```text
//! plant(Some(m)) on a thread ──> the engine's code on that thread has the bug m until plant(None)
//! ```
//!
//! Thread-local, so that tests of different mutants run side by side; `StepLog` runs on the caller's thread.

/// A bug that can be planted. Each is one that a maintainer could make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "mutants"), allow(unreachable_pub))]
#[non_exhaustive]
pub enum Mutant {
    /// A new journal file's directory entry is not synced.
    NoDirectorySync,
    /// A failed sync of the journal is tried again and its success believed.
    RetryFailedSync,
    /// Records are acknowledged durable, and the sync comes later.
    AckBeforeSync,
    /// A journal group's length is used although its header's checksum is wrong.
    TrustLength,
    /// A damaged journal file that is not the last is cut like a torn tail.
    TruncateNonFinal,
    /// Zeros behind the last group are taken for the clean end of a file.
    AcceptZeros,
    /// The tree head is signed before the frames are synced.
    SignBeforeSync,
    /// Journal files are removed when their records are framed, before the frames are synced.
    UnlinkEarly,
    /// A damaged group that was never synced is called corruption.
    TornIsCorrupt,
    /// A damaged durable group is called a torn tail.
    CorruptIsTorn,
    /// Records are shown to readers before they are durable.
    PublishBeforeDurable,
    /// A reader in another process goes beyond the writer's live mark.
    ReaderPastLive,
    /// After a failed sync the log goes on.
    ForgetPoison,
    /// A compaction removes the old generation before the manifest names the new one.
    OldUnlinkedEarly,
    /// A compaction does not sync the new generation's file.
    NewGenerationUnsynced,
    /// A compaction does not sync the directory of the new generation before the manifest names it.
    CompactNoDirectorySync,
    /// A compaction removes what no signed checkpoint has announced.
    CompactUncovered,
    /// A creation writes the manifest before `log.pub`.
    ManifestBeforePub,
}

impl Mutant {
    /// All of them.
    #[cfg(feature = "mutants")]
    pub const ALL: [Mutant; 18] = [
        Mutant::NoDirectorySync,
        Mutant::RetryFailedSync,
        Mutant::AckBeforeSync,
        Mutant::TrustLength,
        Mutant::TruncateNonFinal,
        Mutant::AcceptZeros,
        Mutant::SignBeforeSync,
        Mutant::UnlinkEarly,
        Mutant::TornIsCorrupt,
        Mutant::CorruptIsTorn,
        Mutant::PublishBeforeDurable,
        Mutant::ReaderPastLive,
        Mutant::ForgetPoison,
        Mutant::OldUnlinkedEarly,
        Mutant::NewGenerationUnsynced,
        Mutant::CompactNoDirectorySync,
        Mutant::CompactUncovered,
        Mutant::ManifestBeforePub,
    ];
}

#[cfg(feature = "mutants")]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Mutant>> = const { std::cell::Cell::new(None) };
}

/// Plants a bug on this thread, or removes the one that is planted.
#[cfg(feature = "mutants")]
pub fn plant(mutant: Option<Mutant>) {
    PLANTED.set(mutant);
}

/// Whether this bug is planted on this thread.
#[cfg(feature = "mutants")]
pub(crate) fn planted(mutant: Mutant) -> bool {
    PLANTED.get() == Some(mutant)
}

/// Nothing is ever planted.
#[cfg(not(feature = "mutants"))]
#[inline(always)]
pub(crate) const fn planted(_mutant: Mutant) -> bool {
    false
}
