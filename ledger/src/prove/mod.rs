//! Proof bundles made from a log, and checked: what an outsider is handed.
//!
//! ```text
//! ProveRequest -> seqs -> frames, chain value, leaf hashes (engine) -> Bundle (format) -> checked here once -> bytes
//! ```
//!
//! Invariants: a bundle is checked with the log's own key before it is handed out, so a damaged log gives an error and no
//! wrong proof; nothing is proven beyond the newest checkpoint. Not here: what a bundle is (`indelible_evidence::bundle`).

pub(crate) mod filter;
mod whole;

use indelible_engine::query::{Expr, FrameMaterial, Order, View};
use indelible_evidence::FormatError;
use indelible_evidence::bundle::{Bundle, CheckError, Claim, FrameProof, OldCheckpoint, tree_proof};
pub use indelible_evidence::bundle::{CheckReport, CheckedRow, Open, check, check_witnessed};
use indelible_evidence::checkpoint::Checkpoint;
use indelible_evidence::commit::{FrameHashes, FrameView};
use indelible_evidence::merkle::consistency_proof;
use indelible_evidence::record::Record;
use indelible_evidence::rotation::KeyTrail;
use indelible_format::manifest::Manifest;

use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::reader::LedgerReader;

/// What is to be proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// One record.
    Record {
        /// Its seq.
        seq: u64,
    },
    /// Records that match, each proven; nothing is said of others.
    Rows {
        /// Which records; seqs that it names only narrow the search down.
        filter: Expr,
        /// From this seq on.
        first: u64,
        /// Up to and with this seq.
        last: u64,
        /// More matches than this are refused.
        limit: usize,
    },
    /// Everything from the first to the last seq, proven complete.
    Range {
        /// First seq.
        first: u64,
        /// Last seq; `None`: the last that the checkpoint covers.
        last: Option<u64>,
    },
    /// The deletions of the log: what went, when, by whom, under which policies, and that it might. Shows every record of class 0.
    Deletions,
    /// All records of a range that match, proven complete: what the filter needs of every record of the range is disclosed.
    Complete {
        /// Which records, by columns of the envelope and correlation groups and by time.
        filter: Expr,
        /// First seq.
        first: u64,
        /// Last seq; `None`: the last that the checkpoint covers.
        last: Option<u64>,
    },
}

/// What is to be proven, and how much is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProveRequest {
    /// What.
    pub ask: Ask,
    /// What is opened of the records that are shown; what is withheld stays committed.
    pub open: Open,
    /// An older checkpoint (signed note), to be proven a prefix.
    pub old: Option<String>,
}

/// A bundle, and what checking it gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// The bundle file.
    pub bytes: Vec<u8>,
    /// What it shows.
    pub report: CheckReport,
}

/// Why something cannot be proven.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProveError {
    /// The log has no checkpoint that could be handed out.
    #[error("the log has no checkpoint yet: make one with `indelible checkpoint`, or close the log")]
    NoCheckpoint,
    /// The newest checkpoint does not reach that far.
    #[error("seq {seq} is not covered by the newest checkpoint, which ends {}: make a new one first",
        covered.map_or("before the first record".to_owned(), |covered| format!("with seq {covered}")))]
    NotCovered {
        /// The seq asked for.
        seq: u64,
        /// The last seq that is covered.
        covered: Option<u64>,
    },
    /// Nothing matches.
    #[error("no record matches, and a proof of nothing is none: ask for completeness over a range instead")]
    Nothing,
    /// More matches than the limit.
    #[error("more than {limit} records match: narrow the filter down or raise the limit (`--limit` of `prove`)")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// A filter that cannot be proven this way.
    #[error("the filter cannot be proven: {problem}")]
    Filter {
        /// Why, and what can.
        problem: String,
    },
    /// The older checkpoint is not one of this log.
    #[error("the older checkpoint: {0}")]
    Old(FormatError),
    /// The older checkpoint is newer than the newest of the log: what came after was lost, or this is an old copy.
    #[error("the older checkpoint covers {old} frames and the log only {newest}: the log was cut, or is an old copy")]
    Behind {
        /// Frames of the older checkpoint.
        old: u64,
        /// Frames of the newest.
        newest: u64,
    },
    /// A record that cannot be shown: removed, or a group of it erased.
    #[error("{0}")]
    Withheld(FormatError),
    /// The bundle made does not hold: the log is damaged or was tampered with.
    #[error("the log does not bear out its own checkpoint: {0}; `indelible verify` names the place")]
    Refused(CheckError),
}

impl LedgerReader {
    /// Makes a bundle against the newest checkpoint there is.
    ///
    /// # Errors
    /// [`ProveError`] inside [`Error::Prove`]; where the log is damaged.
    pub fn prove(&self, request: &ProveRequest) -> Result<Proven> {
        let note = self.checkpoint()?.ok_or(ProveError::NoCheckpoint)?;
        let view = self.view()?;
        let (manifest, _) = self.manifest_and_trail()?;
        let (_, trail) = self.manifest_and_trail()?;
        Maker::new(&view, &manifest, trail, note)?.make(request)
    }
}

impl Ledger {
    /// Makes a checkpoint, and a bundle against it.
    ///
    /// # Errors
    /// As [`LedgerReader::prove`]; without a signing key.
    pub fn prove(&self, request: &ProveRequest) -> Result<Proven> {
        let note = self.checkpoint()?;
        Maker::new(&self.reader().view()?, &self.log().manifest(), self.log().keys(), note)?.make(request)
    }
}

/// Everything that one proof is made from.
struct Maker<'a> {
    view: &'a View,
    manifest: &'a Manifest,
    trail: KeyTrail,
    note: String,
    checkpoint: Checkpoint,
    leaves: Vec<[u8; 32]>,
}

impl<'a> Maker<'a> {
    fn new(view: &'a View, manifest: &'a Manifest, trail: KeyTrail, note: String) -> Result<Self> {
        let damaged = |error| ProveError::Refused(CheckError::Checkpoint { which: "newer", source: error });
        let (checkpoint, _) = trail.open(&note).map_err(damaged)?;
        let leaves = view.leaf_hashes(checkpoint.size)?;
        Ok(Self { view, manifest, trail, note, checkpoint, leaves })
    }

    fn make(&self, request: &ProveRequest) -> Result<Proven> {
        let (claim, frames, whole_history) = self.show(request)?;
        let numbers: Vec<u64> = frames.iter().map(|frame| frame.descriptor.frame_no).collect();
        let tree = tree_proof(&self.leaves, self.checkpoint.size, &numbers).map_err(ProveError::Withheld)?;
        let old = request.old.as_deref().map(|note| self.old(note)).transpose()?;
        let log_id = self.manifest.log_id;
        let trail = self.rotations(whole_history)?;
        let bundle = Bundle { log_id, claim, checkpoint: self.note.clone(), old, whole_history, trail, frames, tree };
        let bytes = bundle.encode();
        let report = check(&bytes, self.trail.first()).map_err(ProveError::Refused)?;
        Ok(Proven { bytes, report })
    }

    fn old(&self, note: &str) -> Result<OldCheckpoint> {
        let (old, _) = self.trail.open(note).map_err(ProveError::Old)?;
        let newest = self.checkpoint.size;
        let proof = consistency_proof(&self.leaves, old.size, newest)
            .map_err(|_| ProveError::Behind { old: old.size, newest })?;
        Ok(OldCheckpoint { note: note.to_owned(), proof })
    }

    /// The claim, the frames that bear it out, and whether they are the whole history.
    fn show(&self, request: &ProveRequest) -> Result<(Claim, Vec<FrameProof>, bool)> {
        let open = request.open.and(Open::HEADER);
        Ok(match &request.ask {
            Ask::Record { seq } => (Claim::Record { seq: *seq }, self.frames(&[*seq], |_| Some(open))?, false),
            Ask::Rows { filter, first, last, limit } => {
                let passing = filter::to_bundle(filter)?;
                if !open.covers(passing.needs()) {
                    let problem = "it tests a group that is to be withheld, so nobody could see that the rows pass";
                    return Err(ProveError::Filter { problem: problem.to_owned() }.into());
                }
                let seqs = self.matching(filter, *first, *last, *limit)?;
                (Claim::Rows { filter: passing }, self.frames(&seqs, |_| Some(open))?, false)
            }
            Ask::Range { first, last } => {
                let last = self.end(*first, *last)?;
                let (frames, whole) = self.complete(*first, last, |_| Ok(open))?;
                (Claim::Range { first: *first, last }, frames, whole)
            }
            Ask::Complete { filter, first, last } => {
                let passing = filter::to_bundle(filter)?;
                let disclosed = filter::provable(&passing)?;
                let last = self.end(*first, *last)?;
                let (frames, whole) = self.complete(*first, last, |record| {
                    let passes = passing.passes(record).map_err(ProveError::Withheld)?;
                    Ok(if passes { open.and(disclosed) } else { disclosed })
                })?;
                (Claim::Complete { first: *first, last, disclosed, filter: passing }, frames, whole)
            }
            Ask::Deletions => (Claim::Deletions, self.whole_history(None, |_| Ok(Open::NOTHING))?, true),
        })
    }

    /// Frames that show every record of a range that is there; the whole history where some of them were removed.
    fn complete(
        &self,
        first: u64,
        last: u64,
        open: impl Fn(&Record) -> Result<Open>,
    ) -> Result<(Vec<FrameProof>, bool)> {
        match self.has_removed(first, last)? {
            false => Ok((self.range(first, last, open)?, false)),
            true => Ok((self.whole_history(Some((first, last)), open)?, true)),
        }
    }

    /// Seqs of the records that match, ascending.
    fn matching(&self, filter: &Expr, first: u64, last: u64, limit: usize) -> Result<Vec<u64>> {
        let within = Expr::Seq { from: first, to: last.saturating_add(1) };
        let query = indelible_engine::query::Query {
            filter: filter.clone().and(within),
            order: Order::Oldest,
            limit,
            after: None,
        };
        let page = self.view.query(&query)?;
        if page.next.is_some() {
            return Err(ProveError::TooMany { limit }.into());
        }
        let covered = self.covered()?;
        let seqs = page.rows.iter().map(|row| row.seq);
        let seqs: Vec<u64> = seqs.filter(|seq| covered.is_some_and(|covered| *seq <= covered)).collect();
        if seqs.is_empty() { Err(ProveError::Nothing.into()) } else { Ok(seqs) }
    }

    /// Last seq that the checkpoint covers.
    fn covered(&self) -> Result<Option<u64>> {
        // Frames do not know their successors' seqs, so the last record of the last covered frame is looked for by halving.
        let (mut low, mut high) = (0, self.view.next_seq());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.view.frame_no_of(middle)? {
                Some(frame) if frame < self.checkpoint.size => low = middle + 1,
                _ => high = middle,
            }
        }
        Ok(low.checked_sub(1))
    }

    fn end(&self, first: u64, last: Option<u64>) -> Result<u64> {
        let covered = self.covered()?;
        let asked = last.unwrap_or(first).max(first);
        match covered {
            Some(covered) if asked <= covered => Ok(last.unwrap_or(covered)),
            covered => Err(ProveError::NotCovered { seq: asked, covered }.into()),
        }
    }

    /// Frames that show these seqs.
    fn frames(&self, seqs: &[u64], open: impl Fn(u64) -> Option<Open>) -> Result<Vec<FrameProof>> {
        let mut frames = Vec::new();
        let mut left = seqs;
        while let Some(&seq) = left.first() {
            let material = self.material(seq)?;
            let end = material.descriptor.first_seq + u64::from(material.descriptor.count);
            let (own, rest) = left.split_at(left.partition_point(|seq| *seq < end));
            left = rest;
            let masks = own.iter().filter_map(|seq| {
                let position = (seq - material.descriptor.first_seq) as u8;
                let record = material.records.get(usize::from(position)).and_then(Option::as_ref);
                let mask = open(*seq)?;
                Some((position, record.map_or(mask, |record| whole::without_erased(mask, record))))
            });
            let masks: Vec<(u8, Open)> = masks.collect();
            self.push(&mut frames, &material, &masks)?;
        }
        Ok(frames)
    }

    /// Frames that show every record from `first` to `last`.
    fn range(&self, first: u64, last: u64, open: impl Fn(&Record) -> Result<Open>) -> Result<Vec<FrameProof>> {
        let mut frames = Vec::new();
        let mut seq = first;
        while seq <= last {
            let material = self.material(seq)?;
            let start = material.descriptor.first_seq;
            let end = start + u64::from(material.descriptor.count);
            let mut masks = Vec::with_capacity(usize::from(material.descriptor.count));
            for (position, record) in (0u8..).zip(&material.records) {
                let here = start + u64::from(position);
                if (first..=last).contains(&here) {
                    let mask = match record {
                        Some(record) => whole::without_erased(open(record)?, record),
                        None => Open::HEADER,
                    };
                    masks.push((position, mask));
                }
            }
            self.push(&mut frames, &material, &masks)?;
            seq = end;
        }
        Ok(frames)
    }

    fn material(&self, seq: u64) -> Result<FrameMaterial> {
        let material = self.view.frame_material(seq)?;
        match material.filter(|material| material.descriptor.frame_no < self.checkpoint.size) {
            Some(material) => Ok(material),
            None => Err(ProveError::NotCovered { seq, covered: self.covered()? }.into()),
        }
    }

    fn push(&self, frames: &mut Vec<FrameProof>, material: &FrameMaterial, masks: &[(u8, Open)]) -> Result<()> {
        let FrameMaterial { descriptor, salts, records } = material;
        let number = descriptor.frame_no;
        let before = frames.last().map(|frame| frame.descriptor.frame_no);
        let follows = number.checked_sub(1).is_none_or(|number| before == Some(number));
        let chain_before = if follows { None } else { self.view.chain_before(number)? };
        let frame = FrameHashes::of(&FrameView { descriptor, salts, records })
            .and_then(|hashes| FrameProof::open(descriptor, chain_before, &hashes, records, masks));
        frames.push(frame.map_err(ProveError::Withheld)?);
        Ok(())
    }
}

impl From<ProveError> for Error {
    fn from(error: ProveError) -> Self {
        Error::Prove(Box::new(error))
    }
}
