//! Folds descriptors in order into the hash chain and the log tree, and checks what holds from frame to frame.
//!
//! Invariant: frame numbers and seqs are counted by place, so that one frame out of place is one break and not many. After
//! damage the fold is tainted: values that then differ are a consequence and no further break, and the next segment's
//! manifest entry sets the chain right again.

use std::collections::BTreeMap;

use indelible_evidence::LogId;
use indelible_evidence::commit::{chain, genesis_chain};
use indelible_evidence::descriptor::{Descriptor, Hash};
use indelible_evidence::merkle::{LogTree, leaf_hash};
use indelible_format::manifest::Manifest;

/// Where the fold stands.
pub(super) struct Fold {
    log_id: LogId,
    chain: Hash,
    tree: LogTree,
    next_seq: u64,
    /// Schedule version, key epoch and lost events of the last frame ([COM-7]).
    facts: (u32, u32, u64),
    recorded_last: Option<i64>,
    tainted: bool,
    /// A leaf of the tree is missing or made up: no root beyond it means anything.
    tree_broken: bool,
    /// The last frame's count is not known: the next one's first seq is believed if it lies ahead.
    gap: bool,
    /// Roots that were asked for by size, and whether damage came before.
    roots: BTreeMap<u64, Option<(Hash, bool)>>,
    /// Records in the first frames of those sizes.
    records: BTreeMap<u64, u64>,
    /// Key epochs of the last frames of those sizes, where the descriptors were read.
    epochs: BTreeMap<u64, u32>,
}

impl Fold {
    /// Before the first frame; `signed` are the sizes whose roots will be asked for.
    pub(super) fn new(manifest: &Manifest, signed: impl IntoIterator<Item = u64>) -> Self {
        let mut fold = Self {
            log_id: manifest.log_id,
            chain: genesis_chain(manifest.log_id, &manifest.origin, &manifest.key),
            tree: LogTree::new(),
            next_seq: 0,
            facts: (0, 0, 0),
            recorded_last: None,
            tainted: false,
            tree_broken: false,
            gap: false,
            records: BTreeMap::new(),
            epochs: BTreeMap::new(),
            roots: signed.into_iter().map(|size| (size, None)).collect(),
        };
        fold.keep_root();
        fold
    }

    /// Frames so far.
    pub(super) fn frames(&self) -> u64 {
        self.tree.size()
    }

    /// Seq after the last record.
    pub(super) fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Chain value after the last frame.
    pub(super) fn chain(&self) -> Hash {
        self.chain
    }

    /// Root over all frames.
    pub(super) fn root(&self) -> Hash {
        self.tree.root()
    }

    /// Whether damage made values unreliable.
    pub(super) fn is_tainted(&self) -> bool {
        self.tainted
    }

    /// Latest recorded-at that is known.
    pub(super) fn recorded_last(&self) -> Option<i64> {
        self.recorded_last
    }

    /// Root over the first `size` frames, if there are so many, and whether damage came before.
    pub(super) fn root_at(&self, size: u64) -> Option<(Hash, bool)> {
        self.roots.get(&size).copied().flatten()
    }

    /// Records in the first `size` frames.
    pub(super) fn records_at(&self, size: u64) -> Option<u64> {
        self.records.get(&size).copied()
    }

    /// Key epoch of the last of the first `size` frames, if its descriptor was read.
    pub(super) fn key_epoch_at(&self, size: u64) -> Option<u32> {
        self.epochs.get(&size).copied()
    }

    /// The next frame, by its descriptor. Gives its leaf hash and what is wrong with its place ([COM-1], [COM-3], [COM-7]).
    pub(super) fn push(&mut self, descriptor: &Descriptor) -> (Hash, Option<String>) {
        let problem = self.place_problem(descriptor);
        if self.gap && descriptor.first_seq >= self.next_seq {
            self.next_seq = descriptor.first_seq;
        }
        self.gap = false;
        self.tainted |= problem.is_some();
        let hashed = descriptor.hashed(&self.chain);
        let leaf = leaf_hash(&hashed);
        self.chain = chain(&hashed);
        self.facts = (descriptor.schedule_version, descriptor.key_epoch, descriptor.lost_events);
        self.push_leaf(leaf, descriptor.count.into());
        if self.roots.contains_key(&self.tree.size()) {
            self.epochs.insert(self.tree.size(), descriptor.key_epoch);
        }
        (leaf, problem)
    }

    /// Compares what the next frame's descriptor says of the log with what its records `said` ([COM-7]).
    pub(super) fn facts_problem(&self, descriptor: &Descriptor, said: (u32, u32, u64)) -> Option<String> {
        let (schedule, epoch, lost) = self.facts;
        // A log whose creation was cut short begins without its schedule record, and with version 1 all the same.
        let schedule = if self.frames() == 0 { schedule.max(1) } else { schedule };
        let expected = (schedule.max(said.0), epoch.max(said.1), lost.saturating_add(said.2));
        let found = (descriptor.schedule_version, descriptor.key_epoch, descriptor.lost_events);
        (found != expected && !self.tainted).then(|| {
            format!("schedule version, key epoch and lost events are {found:?}, by the records they are {expected:?}")
        })
    }

    fn place_problem(&self, descriptor: &Descriptor) -> Option<String> {
        let frame_no = self.frames();
        let (schedule, epoch, lost) = self.facts;
        if descriptor.log_id != self.log_id {
            return Some(format!("the frame belongs to log {}", descriptor.log_id));
        }
        if descriptor.frame_no != frame_no {
            return Some(format!("frame {} stands where frame {frame_no} was expected", descriptor.frame_no));
        }
        let follows = descriptor.first_seq == self.next_seq || (self.gap && descriptor.first_seq > self.next_seq);
        if !follows {
            return Some(format!("the frame begins at seq {}, expected was {}", descriptor.first_seq, self.next_seq));
        }
        if descriptor.schedule_version < schedule || descriptor.key_epoch < epoch || descriptor.lost_events < lost {
            return Some("schedule version, key epoch or lost events are lower than in the frame before".to_owned());
        }
        None
    }

    /// The next frame, known by its leaf hash alone.
    pub(super) fn push_leaf(&mut self, leaf: Hash, records: u64) {
        self.tree.push(leaf);
        self.next_seq = self.next_seq.saturating_add(records);
        self.keep_root();
    }

    /// The next frame, of which nothing can be read.
    pub(super) fn skip(&mut self) {
        self.tainted = true;
        self.tree_broken = true;
        self.gap = true;
        self.push_leaf([0; 32], 0);
    }

    /// Damage was found in the frame pushed last: what follows from it is no further break.
    pub(super) fn taint(&mut self) {
        self.tainted = true;
    }

    /// Checks that recorded-at does not go back ([REC-12]); `first` and `last` of the frame pushed last.
    pub(super) fn recorded(&mut self, first: i64, last: i64) -> Option<String> {
        let before = self.recorded_last.replace(last.max(self.recorded_last.unwrap_or(last)));
        before
            .filter(|before| first < *before)
            .map(|before| format!("recorded-at goes back from {before} to {first} ns since 1970"))
    }

    /// Compares with what the manifest says of a border between segments, and goes on from there. Gives the problem where
    /// the two differ and nothing before explains it.
    pub(super) fn border(&mut self, seq: u64, frame: u64, chain: &Hash) -> Option<String> {
        let mut problem = None;
        if (self.next_seq, self.frames()) != (seq, frame) {
            problem = Some(format!(
                "the manifest expects seq {seq} and frame {frame} here, found are seq {} and frame {}",
                self.next_seq,
                self.frames()
            ));
        } else if self.chain != *chain {
            problem = Some("the chain value is not the one that the manifest has".to_owned());
        }
        let tainted = self.tainted;
        self.tree_broken |= problem.is_some();
        // Where the chain comes out right the descriptors were, whatever else is damaged.
        self.tainted = self.tree_broken;
        self.chain = *chain;
        self.next_seq = seq;
        self.gap = false;
        while self.frames() < frame {
            // A segment that could not be read: its frames keep their places in the count.
            if frame - self.frames() > FRAMES_SKIPPED_MAX {
                self.tree =
                    LogTree::from_frontier(frame, vec![[0; 32]; frame.count_ones() as usize]).unwrap_or_default();
                break;
            }
            self.tree.push([0; 32]);
        }
        problem.filter(|_| !tainted)
    }

    /// Takes over what a footer says of its segment's end, where descriptors are not read.
    pub(super) fn trust_chain(&mut self, chain: Hash) {
        self.chain = chain;
    }

    fn keep_root(&mut self) {
        if let Some(root) = self.roots.get_mut(&self.tree.size()) {
            *root = Some((self.tree.root(), self.tainted));
            self.records.insert(self.tree.size(), self.next_seq);
        }
    }
}

/// Unreadable frames that are counted one by one; more are jumped over.
const FRAMES_SKIPPED_MAX: u64 = 1 << 16;

#[cfg(test)]
mod tests {
    use indelible_evidence::descriptor::ClassEntry;
    use indelible_format::manifest::Manifest;

    use super::*;

    fn manifest() -> Manifest {
        Manifest {
            log_id: LogId([1; 16]),
            origin: "a/b".to_owned(),
            key: "a/b+00000000+AA".to_owned(),
            created_at: 0,
            encrypted: false,
            revision: 1,
            incarnation: 1,
            closed: None,
            journal_first: 1,
            next_segment: 1,
            segments: Vec::new(),
        }
    }

    fn frame(frame_no: u64, facts: (u32, u32, u64)) -> Descriptor {
        let times = ClassEntry { class: 1, positions: 1, recorded_min: 0, recorded_max: 0, occurred_max: 0 };
        Descriptor {
            schema: 1,
            count: 1,
            log_id: LogId([1; 16]),
            frame_no,
            first_seq: frame_no,
            schedule_version: facts.0,
            key_epoch: facts.1,
            lost_events: facts.2,
            frame_root: [0; 32],
            index_hash: [0; 32],
            classes: vec![times],
        }
    }

    /// [COM-7]
    #[test]
    fn schedule_version_key_epoch_and_lost_events_never_decrease() {
        for lower in [(1, 2, 2), (2, 1, 2), (2, 2, 1)] {
            let mut fold = Fold::new(&manifest(), []);
            assert_eq!(fold.push(&frame(0, (2, 2, 2))).1, None);
            assert!(fold.push(&frame(1, lower)).1.is_some(), "{lower:?}");
        }
        let mut fold = Fold::new(&manifest(), []);
        assert_eq!(fold.push(&frame(0, (2, 2, 2))).1, None);
        assert_eq!(fold.push(&frame(1, (2, 3, 5))).1, None);
    }

    /// [COM-7]
    #[test]
    fn the_facts_of_a_descriptor_are_those_of_the_records() {
        let mut fold = Fold::new(&manifest(), None);
        let steps = [
            ((1, 0, 0), (1, 0, 0), true),
            ((1, 0, 0), (0, 0, 0), true),
            ((2, 1, 4), (2, 1, 4), true),
            ((2, 1, 4), (0, 0, 0), true),
            ((2, 1, 9), (0, 0, 5), true),
            ((2, 1, 10), (0, 0, 0), false),
            ((3, 1, 10), (2, 1, 0), false),
            ((3, 1, 10), (0, 2, 0), false),
        ];
        for (frame_no, (facts, said, good)) in (0..).zip(steps) {
            let descriptor = frame(frame_no, facts);
            assert_eq!(fold.facts_problem(&descriptor, said).is_none(), good, "{facts:?} {said:?}");
            assert_eq!(fold.push(&descriptor).1, None);
        }
    }
}
