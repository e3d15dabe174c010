//! Whether a log's deletions were legitimate, frame by frame in order.
//!
//! ```text
//! class-0 records -> History -+
//! frames in order ------------+-> DeletionAudit::frame ... -> finish -> DeletionReport for each intent, findings
//! ```
//!
//! Invariants: everything that is gone is declared by an intent that was authorised and published before it was carried out,
//! and might go; or there is a finding. Memory is bounded by the intents, not by the log. Whoever feeds the frames has checked
//! their hashes. Not here: where frames come from (a bundle, a log directory). Specified in `format-spec/13-retention.md`.

use std::collections::BTreeMap;

use super::finding::{Finding, FindingKind, Place};
use super::frame_check::FrameCheck;
use super::history::{History, Standing};
use crate::bundle::Open;
use crate::commit::{FrameView, GroupState, Removal, Salts};
use crate::descriptor::{Descriptor, Hash};
use crate::merkle::LogTree;
use crate::record::{GROUPS, Record};

const SECOND: i64 = 1_000_000_000;
/// Findings that are kept; more are counted.
const FINDINGS_MAX: usize = 1_000;

/// What no check of deletions can know, in words for people.
pub const UNKNOWNS: [&str; 3] = [
    "whether removed bytes are gone from media, and from backups made before",
    "whether a hold was in force that was never recorded",
    "whether times and retention classes of removed records are as they were when the writer first signed them",
];

/// What there is of a frame.
#[derive(Debug, Clone, Default)]
pub struct FrameEvidence<'a> {
    /// Positions of which group `k` is known to be gone.
    pub gone: [u128; GROUPS],
    /// Positions of which group `k` is known to be there.
    pub there: [u128; GROUPS],
    /// Rows or stubs of which the times are known.
    pub rows: Vec<EvidenceRow<'a>>,
}

/// What is known of one record.
#[derive(Debug, Clone)]
pub struct EvidenceRow<'a> {
    /// Position in the frame.
    pub position: u8,
    /// Recorded-at, whole seconds.
    pub recorded: i64,
    /// Occurred-at, whole seconds.
    pub occurred: i64,
    /// The record with its group 0 at least, where that is there.
    pub record: Option<std::borrow::Cow<'a, Record>>,
}

/// What a deletion did to a frame, or to all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Effect {
    /// Frames it touched.
    pub frames: u64,
    /// Records that it removed, by class.
    pub classes: BTreeMap<u16, u64>,
    /// Records that stay and lost group 1.
    pub identity: u64,
    /// Records that stay and lost group 3.
    pub payload: u64,
    /// Parts removed alone that cannot be judged any more, because their stubs went with their class later.
    pub unknown: u64,
}

impl Effect {
    /// Records that it removed.
    pub fn records(&self) -> u64 {
        self.classes.values().sum()
    }

    pub(super) fn add(&mut self, class: u16, records: u32) {
        if records > 0 {
            *self.classes.entry(class).or_default() += u64::from(records);
        }
    }

    fn take(&mut self, other: &Effect) {
        self.frames += other.frames;
        other.classes.iter().for_each(|(class, records)| *self.classes.entry(*class).or_default() += records);
        self.identity += other.identity;
        self.payload += other.payload;
        self.unknown += other.unknown;
    }
}

/// A deletion that was found to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletionReport {
    /// Seq of the intent.
    pub intent: u64,
    /// When the log took it, ns since 1970.
    pub recorded_at: i64,
    /// The time it counts back from, whole seconds.
    pub at: u64,
    /// Who authorised it: a verifier key.
    pub key: String,
    /// Policies in force: name and version.
    pub policies: Vec<(String, u32)>,
    /// Holds that were open.
    pub holds: Vec<String>,
    /// What it removes.
    pub effect: Effect,
    /// Seq of the done record, where it is known to be carried out.
    pub done: Option<u64>,
    /// Size of the checkpoint that published the intent before that.
    pub published: Option<u64>,
    /// Seq of the record that gave it up, where there is one: nothing was removed.
    pub abandoned: Option<u64>,
}

/// Checks deletions against frames that come in order.
#[derive(Debug)]
pub struct DeletionAudit<'a> {
    history: &'a History,
    effects: BTreeMap<u64, Effect>,
    tree: LogTree,
    roots: std::iter::Peekable<std::vec::IntoIter<(u64, Hash, Option<u64>)>>,
    findings: Vec<Finding>,
    more: u64,
    seen: BTreeMap<u64, u64>,
}

impl<'a> FrameEvidence<'a> {
    /// What a frame of a log has: everything is known. The view has been verified; `wanted` are the positions that
    /// [`DeletionAudit::wanted`] asks for.
    pub fn of_view(view: &FrameView<'a>, wanted: u128) -> Self {
        let descriptor = view.descriptor;
        let gone: [u128; GROUPS] = std::array::from_fn(|k| view.salts.removed_positions(descriptor, k));
        let there = gone.map(|gone| descriptor.all_positions() & !gone);
        let mut rows = Vec::new();
        for (position, record) in (0u8..).zip(view.records) {
            let Some(record) = record.as_ref().filter(|_| wanted >> position & 1 == 1) else { continue };
            let occurred = record.groups.envelope().map_or(0, |head| head.occurred_at.div_euclid(SECOND));
            let recorded = record.recorded_at.div_euclid(SECOND);
            rows.push(EvidenceRow { position, recorded, occurred, record: Some(std::borrow::Cow::Borrowed(record)) });
        }
        if let Salts::Pruned(states) = view.salts {
            for (entry, [envelope, ..]) in descriptor.classes.iter().zip(states) {
                let GroupState::Partly { removed, stubs, .. } = envelope else { continue };
                let gone = entry.ranks().enumerate().filter(|&(rank, _)| removed >> rank & 1 == 1);
                // Stubs are by rank, so all are passed over, wanted or not.
                for ((_, position), stub) in gone.zip(stubs) {
                    let Some((recorded, occurred)) = stub.times else { continue };
                    let recorded = recorded.div_euclid(SECOND);
                    rows.push(EvidenceRow { position: position as u8, recorded, occurred, record: None });
                }
            }
        }
        Self { gone, there, rows }
    }
}

impl History {
    /// Positions of a frame that deletions name alone.
    pub fn wanted(&self, descriptor: &Descriptor) -> u128 {
        self.deletions()
            .iter()
            .filter(|deletion| deletion.may_have_removed())
            .map(|deletion| deletion.plan.of_frame(descriptor))
            .fold(0, |all, part| all | part.records | part.envelopes | part.identity | part.payload)
    }

    /// Positions of a frame whose records were removed by deletions that are done: gone, or a stub row.
    pub fn removed(&self, descriptor: &Descriptor) -> u128 {
        let done = self.deletions().iter().filter(|deletion| deletion.has_removed());
        let removal =
            done.fold(Removal::new(), |all, deletion| all.and(&deletion.plan.of_frame(descriptor).removal(descriptor)));
        removal.positions(0) | (removal.positions(1) & removal.positions(2) & removal.positions(3))
    }

    /// What a bundle must open of a frame for its deletions to be checked: class 0, and what went alone. `gone` has the
    /// positions without group `k`.
    pub fn evidence(&self, descriptor: &Descriptor, gone: &[u128; GROUPS]) -> Vec<(u8, Open)> {
        let header = self.wanted(descriptor);
        let mut masks = Vec::new();
        for entry in &descriptor.classes {
            let whole = gone[0] & entry.positions == entry.positions;
            for position in entry.ranks() {
                let open = match (gone[0] | !header) >> position & 1 {
                    _ if entry.class == 0 => Open::EVERYTHING,
                    _ if whole || header >> position & 1 == 0 => continue,
                    0 => Open::group(0),
                    _ => Open::HEADER,
                };
                masks.push((position as u8, open));
            }
        }
        masks.sort_unstable();
        masks
    }
}

impl<'a> DeletionAudit<'a> {
    /// An audit of what a history declares; all its records have been taken.
    pub fn new(history: &'a History) -> Self {
        let mut audit = Self {
            history,
            effects: BTreeMap::new(),
            tree: LogTree::new(),
            roots: history.roots().into_iter().peekable(),
            findings: Vec::new(),
            more: 0,
            seen: BTreeMap::new(),
        };
        if let Err(finding) = history.finish() {
            audit.push(finding);
        }
        audit
    }

    fn push(&mut self, finding: Finding) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        } else {
            self.more += 1;
        }
    }

    /// Whether a deletion names something of a frame: of another, with nothing gone, only the descriptor is of interest.
    pub fn names(&self, descriptor: &Descriptor) -> bool {
        let mut counting = self.history.deletions().iter().filter(|deletion| deletion.may_have_removed());
        counting.any(|deletion| !deletion.plan.of_frame(descriptor).is_empty())
    }

    /// Positions of a frame of which times, and envelopes where they are there, are of interest.
    pub fn wanted(&self, descriptor: &Descriptor) -> u128 {
        self.history.wanted(descriptor)
    }

    /// Takes the next frame: its descriptor, its leaf hash in the log tree, and what there is of it.
    pub fn frame(&mut self, descriptor: &Descriptor, leaf: Hash, evidence: &FrameEvidence<'_>) {
        self.tree.push(leaf);
        self.check_roots();
        let end = descriptor.first_seq.saturating_add(descriptor.count.into());
        if descriptor.key_epoch != self.history.key_epoch_below(end) {
            let place = Some(Place::Frame(descriptor.frame_no));
            let why = "its key epoch is not that of the key records";
            self.push(Finding::new(FindingKind::Record, None, place, why));
        }
        let (effects, findings) = FrameCheck::new(descriptor, evidence, self.history.deletions()).run();
        for (intent, effect) in effects {
            self.effects.entry(intent).or_default().take(&effect);
        }
        for deletion in self.history.deletions() {
            let part = deletion.plan.of_frame(descriptor);
            let singles = [part.records, part.envelopes, part.identity, part.payload];
            let named =
                part.classes.len() as u64 + singles.iter().map(|bits| u64::from(bits.count_ones())).sum::<u64>();
            *self.seen.entry(deletion.intent).or_default() += named;
        }
        findings.into_iter().for_each(|finding| self.push(finding));
    }

    /// Checkpoints of this size have the log's root ([RET-16], [CHK-7]).
    fn check_roots(&mut self) {
        while let Some((_, root, intent)) = self.roots.next_if(|(size, ..)| *size <= self.tree.size()) {
            if root != self.tree.root() {
                let why = format!("the checkpoint of {} frames is not of this log", self.tree.size());
                self.push(Finding::new(FindingKind::Published, intent, None, why));
            }
        }
    }

    /// What holds, deletion by deletion, what is wrong, and how many more findings there were than are kept.
    pub fn finish(mut self) -> (Vec<DeletionReport>, Vec<Finding>, u64) {
        if let Some((size, _, intent)) = self.roots.next() {
            let why = format!("the checkpoint of {size} frames is of more than there are");
            self.push(Finding::new(FindingKind::Published, intent, None, why));
        }
        let mut reports = Vec::new();
        for deletion in self.history.deletions() {
            let intent = deletion.intent;
            // Of what removed nothing no frame was asked for.
            let named = if deletion.may_have_removed() { deletion.plan.named() } else { 0 };
            if named > 0 && self.seen.get(&intent).copied().unwrap_or(0) != named {
                let why = "the plan names frames or seqs that are not there";
                self.push(Finding::new(FindingKind::Plan, Some(intent), None, why));
            }
            let effect = self.effects.remove(&intent).unwrap_or_default();
            if let Some(carried) = &deletion.done {
                let said = (carried.done.records, carried.done.identity, carried.done.payload);
                if said != (effect.records(), effect.identity, effect.payload) {
                    let why = "what it says was removed is not what the plan removes";
                    let place = Some(Place::Seq(carried.seq));
                    self.push(Finding::new(FindingKind::Done, Some(intent), place, why));
                }
            }
            reports.push(DeletionReport {
                intent,
                recorded_at: deletion.recorded_at,
                at: deletion.plan.at,
                key: deletion.key.to_string(),
                policies: deletion.plan.policies.clone(),
                holds: deletion.plan.holds.iter().map(|(name, _)| name.clone()).collect(),
                effect,
                done: deletion.done.as_ref().map(|done| done.seq),
                published: deletion.done.as_ref().map(|done| done.size).or(match deletion.standing {
                    Some(Standing::Carried { size, .. }) => Some(size),
                    _ => None,
                }),
                abandoned: deletion.abandoned,
            });
        }
        (reports, self.findings, self.more)
    }
}
