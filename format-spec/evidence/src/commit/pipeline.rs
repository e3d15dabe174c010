//! The hash pipeline of one frame, every step for all records at once so that equal-length inputs fill the lanes.
//!
//! ```text
//! slots      positions of the frame, class by class, in rank order; values of group k and slot s lie at k*n + s
//! salts      from K[c,k] in lanes, or as stored where part of a (class, group) is removed
//! g          sorted into 16 buckets by padded length, a bucket at a time in lanes; longer inputs one by one
//! leaves     in lanes
//! roots      all class trees climb together; a removed (class, group) has its root given
//! ```
//!
//! Invariants: [`GroupState`]s fit the class table ([`super::Salts::check`] for stored ones); buffers are cleared before use,
//! so nothing of one frame reaches the next. What is unknown of a removed part stays zero and is never read.
//! Not here: comparing with a descriptor (`view`).

use super::salts::{GroupState, Salt};
use super::{RecordRef, SECOND};
use crate::descriptor::{ClassEntry, Hash};
use crate::error::FormatError;
use crate::hash::{BLOCK, Purpose, b3, b3_parts, padded};
use crate::lanes::{LANE_BYTES_MAX, b3_many};
use crate::merkle::b3_roots;
use crate::record::{EnvelopeHead, GROUPS};

/// Recorded-at in nanoseconds, occurred-at in whole seconds.
pub(super) type Times = (i64, i64);

const BUCKETS: usize = LANE_BYTES_MAX / BLOCK;
/// Salt, group, form, two zeros, length.
const GROUP_HEAD: usize = 24;

/// Inputs of one padded length and where their hashes belong.
#[derive(Debug, Default)]
struct Bucket {
    input: Vec<u8>,
    targets: Vec<u16>,
}

/// Buffers and, after [`Pipeline::run`], every hash of one frame.
#[derive(Debug, Default)]
pub(super) struct Pipeline {
    order: Vec<u8>,
    times: Vec<Times>,
    salts: Vec<Salt>,
    g: Vec<Hash>,
    leaves: Vec<Hash>,
    roots: Vec<[Hash; GROUPS]>,
    buckets: [Bucket; BUCKETS],
    input: Vec<u8>,
    targets: Vec<u16>,
    hashes: Vec<Hash>,
    nodes: Vec<Hash>,
    lengths: Vec<usize>,
}

impl Pipeline {
    /// `K[c,k]` of every class and group of a whole frame.
    pub fn whole_states(&mut self, classes: &[ClassEntry], frame_salt_key: &Hash) -> Vec<[GroupState; GROUPS]> {
        self.input.clear();
        for entry in classes {
            for k in 0..GROUPS as u8 {
                let start = self.input.len();
                self.input.extend_from_slice(frame_salt_key);
                self.input.extend_from_slice(&entry.class.to_le_bytes());
                self.input.push(k);
                self.input.resize(start + BLOCK, 0);
            }
        }
        self.hashes.clear();
        b3_many(Purpose::SaltKey, &self.input, BLOCK, &mut self.hashes);
        let (keys, _) = self.hashes.as_chunks::<GROUPS>();
        keys.iter().map(|keys| keys.map(|key| GroupState::Whole { key })).collect()
    }

    /// Hashes everything. `record_at` gives the record at a position, `None` where it was removed.
    pub fn run<'a>(
        &mut self,
        first_seq: u64,
        classes: &[ClassEntry],
        states: &[[GroupState; GROUPS]],
        record_at: impl Fn(usize) -> Option<RecordRef<'a>>,
    ) -> Result<(), FormatError> {
        let slots = self.lay_out(classes);
        self.open_salts(slots, classes, states);
        self.place_stubs(slots, classes, states);
        self.hash_groups(slots, classes, states, record_at)?;
        self.hash_leaves(first_seq, classes);
        self.climb(slots, classes, states);
        Ok(())
    }

    /// The frame root over the class trees' roots.
    pub fn frame_root(&self) -> Hash {
        b3(Purpose::Frame, self.roots.as_flattened().as_flattened())
    }

    /// Writes the times that the records (or stubs) of each class have into its entry ([COM-5]).
    pub fn fill_times(&self, classes: &mut [ClassEntry]) {
        let mut times = self.times.as_slice();
        for entry in classes {
            let (own, rest) = times.split_at_checked(entry.count() as usize).unwrap_or((times, &[]));
            times = rest;
            let recorded = || own.iter().map(|&(recorded, _)| recorded.div_euclid(SECOND));
            entry.recorded_min = recorded().min().unwrap_or(0);
            entry.recorded_max = recorded().max().unwrap_or(0);
            entry.occurred_max = own.iter().map(|&(_, occurred)| occurred).max().unwrap_or(0);
        }
    }

    /// Times by slot.
    pub fn times(&self) -> &[Times] {
        &self.times
    }

    /// Leaves by slot.
    pub fn leaves(&self) -> &[Hash] {
        &self.leaves
    }

    /// Salts and hashes of group `k` by slot.
    pub fn group(&self, k: usize) -> (&[Salt], &[Hash]) {
        let slots = self.order.len();
        let range = k * slots..(k + 1) * slots;
        (self.salts.get(range.clone()).unwrap_or_default(), self.g.get(range).unwrap_or_default())
    }

    /// Tree roots of every class.
    pub fn roots(&self) -> &[[Hash; GROUPS]] {
        &self.roots
    }

    fn lay_out(&mut self, classes: &[ClassEntry]) -> usize {
        self.order.clear();
        self.order.extend(classes.iter().flat_map(|entry| entry.ranks().map(|position| position as u8)));
        let slots = self.order.len();
        refill(&mut self.times, slots, (0, 0));
        refill(&mut self.salts, slots * GROUPS, [0; 16]);
        refill(&mut self.g, slots * GROUPS, [0; 32]);
        slots
    }

    fn open_salts(&mut self, slots: usize, classes: &[ClassEntry], states: &[[GroupState; GROUPS]]) {
        self.input.clear();
        self.targets.clear();
        for (k, start, entry, state) in each_state(classes, states) {
            let base = k * slots + start;
            match state {
                GroupState::Whole { key } => {
                    for rank in 0..entry.count() {
                        let mut block = [0u8; BLOCK];
                        block[..32].copy_from_slice(key);
                        block[32..36].copy_from_slice(&rank.to_le_bytes());
                        self.input.extend_from_slice(&block);
                        self.targets.push((base + rank as usize) as u16);
                    }
                }
                GroupState::Removed { .. } => {}
                GroupState::Partly { removed, salts, .. } => {
                    let kept = (0..entry.count() as usize).filter(|&rank| removed >> rank & 1 == 0);
                    for (rank, salt) in kept.zip(salts) {
                        put(&mut self.salts, base + rank, *salt);
                    }
                }
            }
        }
        self.hashes.clear();
        b3_many(Purpose::Salt, &self.input, BLOCK, &mut self.hashes);
        for (hash, &target) in self.hashes.iter().zip(&self.targets) {
            if let Some(salt) = hash.first_chunk() {
                put(&mut self.salts, usize::from(target), *salt);
            }
        }
    }

    fn place_stubs(&mut self, slots: usize, classes: &[ClassEntry], states: &[[GroupState; GROUPS]]) {
        for (k, start, entry, state) in each_state(classes, states) {
            let GroupState::Partly { removed, stubs, .. } = state else { continue };
            let gone = (0..entry.count() as usize).filter(|&rank| removed >> rank & 1 == 1);
            for (rank, stub) in gone.zip(stubs) {
                put(&mut self.g, k * slots + start + rank, stub.g);
                if let Some(times) = stub.times {
                    put(&mut self.times, start + rank, times);
                }
            }
        }
    }

    fn hash_groups<'a>(
        &mut self,
        slots: usize,
        classes: &[ClassEntry],
        states: &[[GroupState; GROUPS]],
        record_at: impl Fn(usize) -> Option<RecordRef<'a>>,
    ) -> Result<(), FormatError> {
        for bucket in &mut self.buckets {
            // A frame that failed half-way may have left something.
            bucket.input.clear();
            bucket.targets.clear();
        }
        let mut missing = [0u128; GROUPS];
        for (k, start, entry, state) in each_state(classes, states) {
            if let Some(bits) = missing.get_mut(k) {
                *bits |= state.removed_ranks(entry.count()).checked_shl(start as u32).unwrap_or(0);
            }
        }
        for (slot, &position) in self.order.iter().enumerate() {
            let Some(record) = record_at(usize::from(position)) else { continue };
            let occurred_at = EnvelopeHead::decode(record.groups[0])?.occurred_at;
            put(&mut self.times, slot, (record.recorded_at, occurred_at.div_euclid(SECOND)));
            for (k, (bytes, missing)) in record.groups.into_iter().zip(missing).enumerate() {
                let target = k * slots + slot;
                if missing >> slot & 1 == 1 {
                    continue;
                }
                let salt = self.salts.get(target).copied().unwrap_or_default();
                let head = group_head(&salt, k as u8, bytes.len());
                let blocks = padded(GROUP_HEAD + bytes.len()) / BLOCK;
                match self.buckets.get_mut(blocks - 1) {
                    Some(bucket) => {
                        let end = bucket.input.len() + blocks * BLOCK;
                        bucket.input.extend_from_slice(&head);
                        bucket.input.extend_from_slice(bytes);
                        bucket.input.resize(end, 0);
                        bucket.targets.push(target as u16);
                    }
                    None => put(&mut self.g, target, b3_parts(Purpose::Group, &[&head, bytes])),
                }
            }
        }
        self.empty_buckets();
        Ok(())
    }

    fn empty_buckets(&mut self) {
        for (bucket, each) in self.buckets.iter_mut().zip((BLOCK..).step_by(BLOCK)) {
            self.hashes.clear();
            b3_many(Purpose::Group, &bucket.input, each, &mut self.hashes);
            for (hash, &target) in self.hashes.iter().zip(&bucket.targets) {
                put(&mut self.g, usize::from(target), *hash);
            }
        }
    }

    fn hash_leaves(&mut self, first_seq: u64, classes: &[ClassEntry]) {
        self.input.clear();
        let class_of_slot = classes.iter().flat_map(|entry| std::iter::repeat_n(entry.class, entry.count() as usize));
        let slots = self.order.iter().zip(&self.times).zip(&self.g).zip(class_of_slot);
        for (((&position, &(recorded_at, occurred)), g), class) in slots {
            let mut block = [0u8; BLOCK];
            block[..8].copy_from_slice(&first_seq.wrapping_add(position.into()).to_le_bytes());
            block[8..16].copy_from_slice(&recorded_at.to_le_bytes());
            block[16..24].copy_from_slice(&occurred.to_le_bytes());
            block[24..26].copy_from_slice(&class.to_le_bytes());
            block[29..61].copy_from_slice(g);
            self.input.extend_from_slice(&block);
        }
        self.leaves.clear();
        b3_many(Purpose::Leaf, &self.input, BLOCK, &mut self.leaves);
    }

    fn climb(&mut self, slots: usize, classes: &[ClassEntry], states: &[[GroupState; GROUPS]]) {
        let mut forest = std::mem::take(&mut self.hashes);
        forest.clear();
        self.lengths.clear();
        for (k, start, entry, state) in each_state(classes, states) {
            if matches!(state, GroupState::Removed { .. }) {
                continue;
            }
            let (hashes, at) = if k == 0 { (&self.leaves, start) } else { (&self.g, k * slots + start) };
            let tree = hashes.get(at..at + entry.count() as usize).unwrap_or_default();
            forest.extend_from_slice(tree);
            self.lengths.push(tree.len());
        }
        let mut climbed = Vec::with_capacity(self.lengths.len());
        b3_roots(&mut forest, &mut self.lengths, &mut self.nodes, &mut climbed);
        self.hashes = forest;
        let mut climbed = climbed.into_iter();
        self.roots.clear();
        self.roots.extend(states.iter().take(classes.len()).map(|groups| {
            groups.each_ref().map(|state| match state {
                GroupState::Removed { root } => *root,
                _ => climbed.next().unwrap_or_default(),
            })
        }));
    }
}

/// Group number, first slot of the class, class and state, for every class and group in order.
fn each_state<'a>(
    classes: &'a [ClassEntry],
    states: &'a [[GroupState; GROUPS]],
) -> impl Iterator<Item = (usize, usize, &'a ClassEntry, &'a GroupState)> {
    let starts = classes.iter().scan(0usize, |next, entry| {
        let start = *next;
        *next += entry.count() as usize;
        Some((start, entry))
    });
    starts
        .zip(states)
        .flat_map(|((start, entry), groups)| groups.iter().enumerate().map(move |(k, state)| (k, start, entry, state)))
}

fn group_head(salt: &Salt, k: u8, length: usize) -> [u8; GROUP_HEAD] {
    let mut head = [0u8; GROUP_HEAD];
    head[..16].copy_from_slice(salt);
    head[16] = k;
    head[20..].copy_from_slice(&(length as u32).to_le_bytes());
    head
}

fn refill<T: Clone>(values: &mut Vec<T>, length: usize, value: T) {
    values.clear();
    values.resize(length, value);
}

fn put<T>(places: &mut [T], at: usize, value: T) {
    if let Some(place) = places.get_mut(at) {
        *place = value;
    }
}
