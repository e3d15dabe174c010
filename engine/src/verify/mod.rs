//! Checks a whole log as an auditor would: every byte that is evidence, and every derived byte against what it is made of.
//!
//! ```text
//! names, MANIFEST, log.pub, checkpoint, journal (what was durable) ── taken
//!        │
//! per segment: walk ──────> frames (threads) ──────> fold (in order) ──────> derived
//!              headers,     CRC, columns, records,   seqs, chain, log tree   runs, lookups, footer, manifest
//!              term pages   commitments, rules
//!        │
//! checkpoint against the tree, journal against the frames ── report
//! ```
//!
//! Invariants: nothing is written; damage is collected and never ends the check of other files; memory is bounded by one
//! segment's terms, its footer and a window of frames. A break is damage to something that was durable; an unfinished tail
//! alone is a note (`format-spec/10-recovery.md`, rules 1 to 5).
//!
//! Deliberately not here: repair (recovery), proofs for outsiders, and comparing with an anchor outside the directory: an
//! older copy of the whole directory passes, because it was right once.

mod authority;
mod chain;
mod check_segment;
mod checkpoint;
mod close;
mod derived;
mod findings;
mod frames;
mod identity;
mod journal;
mod names;
mod records;
mod taken;
mod walk;
mod window;

use std::sync::Arc;

use indelible_evidence::descriptor::Hash;

use crate::error::{Corruption, Result};
use crate::world::storage::Storage;
use chain::Fold;
use findings::Findings;
use taken::Taken;

/// How a log is verified.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyOptions {
    /// Manifest, checkpoint, journal structure, headers and footers only: no record content. The root is then that of the
    /// footers' leaf hashes, which the checkpoint vouches for.
    pub quick: bool,
    /// The log's verifier key in text form. `None`: the key in `log.pub` and the manifest is trusted, and the report says so.
    pub key: Option<String>,
    /// First seq of the records to check; frames that touch the range are checked fully, of others only the descriptor.
    pub from_seq: Option<u64>,
    /// Last seq of the records to check.
    pub to_seq: Option<u64>,
    /// Threads that check frames; 0: as many as the machine has cores.
    pub threads: usize,
}

/// How far a verification has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of segment and journal files that were checked.
    pub bytes_done: u64,
    /// Bytes of all segment and journal files.
    pub bytes_total: u64,
    /// Records that were checked.
    pub records_done: u64,
}

/// What a verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Records in frames.
    pub records: u64,
    /// Frames.
    pub frames: u64,
    /// Segments.
    pub segments: u64,
    /// Canonical bytes of the records whose content was checked.
    pub canonical_bytes: u64,
    /// Bytes of all segment and journal files.
    pub file_bytes: u64,
    /// Size in frames and root of the signed checkpoint; `None` where nothing was signed or its signature does not hold.
    pub checkpoint: Option<(u64, Hash)>,
    /// Records in the frames that the checkpoint signs.
    pub signed_records: u64,
    /// Verifier key that signed the checkpoint, and its epoch.
    pub signer: Option<(String, u32)>,
    /// Chain value after the last frame.
    pub chain: Hash,
    /// Root of the log tree over all frames.
    pub root: Hash,
    /// Whether the manifest says that the log was closed cleanly.
    pub closed: bool,
    /// Records that lie in the journal alone.
    pub journal_records: u64,
    /// The unfinished tail, where there is one: it was never acknowledged as durable.
    pub torn: Option<String>,
    /// Whether the key was taken from the log itself.
    pub trusted_log_pub: bool,
    /// What a reader of the report should know and what is no damage.
    pub notes: Vec<String>,
    /// Damage to what was durable, the most telling first; several a file at most.
    pub breaks: Vec<Corruption>,
}

impl VerifyReport {
    /// Whether nothing durable is damaged.
    pub fn is_intact(&self) -> bool {
        self.breaks.is_empty()
    }
}

/// Verifies the log in `storage`; `progress` is called now and then, from the caller's thread.
///
/// Works beside a live writer: what it appends meanwhile is not covered, and the report says so.
///
/// # Errors
/// [`crate::error::Error::NotALog`], [`crate::error::Error::Option`] for a key that is none,
/// [`crate::error::Error::Encrypted`], or the disk's own. Damage is no error: it is in the report.
pub fn verify(
    storage: &Arc<dyn Storage>,
    options: &VerifyOptions,
    progress: &mut dyn FnMut(&Progress),
) -> Result<VerifyReport> {
    let mut findings = Findings::default();
    let trusted = identity::key_option(options)?;
    let Some(taken) = Taken::take(storage.as_ref(), &mut findings)? else {
        return Ok(findings.into_report(VerifyReport { trusted_log_pub: trusted.is_none(), ..VerifyReport::default() }));
    };
    let keys = identity::check(&taken, trusted.as_ref(), &mut findings);
    names::check(storage.as_ref(), &taken, &mut findings)?;
    let opened = checkpoint::open(&taken, keys.as_ref(), &mut findings);
    let signed = opened.as_ref().map(|(signed, _)| signed.clone());
    let mut run = Run {
        storage,
        options,
        taken: &taken,
        progress,
        done: Progress { bytes_total: taken.file_bytes(), ..Progress::default() },
        canonical_bytes: 0,
    };
    let journal = journal::read(&mut run, &mut findings);
    let durable_frames = journal.framed_to.max(signed.as_ref().map_or(0, |signed| signed.size));
    let rotated = keys.iter().flat_map(|keys| keys.rotations().iter().map(|rotation| rotation.checkpoint.size));
    let named = authority::read(&run, keys.as_ref(), &mut findings);
    let sizes = signed.iter().map(|signed| signed.size).chain(rotated).chain(authority::sizes(&named));
    let mut fold = Fold::new(&taken.manifest, sizes);
    for index in 0..taken.manifest.segments.len() {
        check_segment::check(&mut run, index, durable_frames, &mut fold, &mut findings);
    }
    checkpoint::compare(&taken, signed.as_ref(), &fold, &mut findings);
    checkpoint::check_epoch(opened.as_ref(), keys.as_ref(), &fold, &mut findings);
    checkpoint::compare_rotations(keys.as_ref(), &fold, &mut findings);
    authority::compare(&named, &fold, &mut findings);
    let journal_records = close::check(&taken, &journal, &fold, &mut findings);
    let report = VerifyReport {
        records: fold.next_seq(),
        frames: fold.frames(),
        segments: taken.manifest.segments.len() as u64,
        canonical_bytes: run.canonical_bytes,
        file_bytes: taken.file_bytes(),
        signed_records: signed.as_ref().and_then(|signed| fold.records_at(signed.size)).unwrap_or(0),
        signer: opened
            .as_ref()
            .zip(keys.as_ref())
            .and_then(|((_, epoch), keys)| Some((keys.key(*epoch)?.to_string(), *epoch))),
        checkpoint: signed.map(|signed| (signed.size, signed.root)),
        chain: fold.chain(),
        root: fold.root(),
        closed: taken.manifest.closed.is_some(),
        journal_records,
        trusted_log_pub: trusted.is_none(),
        ..VerifyReport::default()
    };
    Ok(findings.into_report(report))
}

/// What the parts of one verification share.
struct Run<'a> {
    storage: &'a Arc<dyn Storage>,
    options: &'a VerifyOptions,
    taken: &'a Taken,
    progress: &'a mut dyn FnMut(&Progress),
    done: Progress,
    canonical_bytes: u64,
}

impl Run<'_> {
    /// Tells the caller that this much more is done.
    fn advance(&mut self, bytes: u64, records: u64) {
        self.done.bytes_done = (self.done.bytes_done + bytes).min(self.done.bytes_total);
        self.done.records_done += records;
        (self.progress)(&self.done);
    }

    /// Threads to check frames with.
    fn threads(&self) -> usize {
        match self.options.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads.min(64),
        }
    }

    /// Whether the content of records `first` to `last` is to be checked.
    fn wants(&self, first: u64, last: u64) -> bool {
        !self.options.quick
            && self.options.from_seq.is_none_or(|from| last >= from)
            && self.options.to_seq.is_none_or(|to| first <= to)
    }
}
