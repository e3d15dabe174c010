//! What a compaction did, and what it left in place of what it removed.

use indelible_evidence::commit::{GroupState, Salts};
use indelible_format::manifest::SegmentEntry;

/// Parts that are gone since this compaction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gone {
    /// Records that no query finds any more, removed with or without their envelope.
    pub records: u64,
    /// Of these, records whose envelope stays open as evidence (stub rows).
    pub envelopes_kept: u64,
    /// Records that stay and lost group 1, 2 or 3, by group; index 0 is always 0.
    pub groups: [u64; 4],
}

/// Bytes that stand in the removal sections for what was removed, by what they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StubBytes {
    /// Tree roots of groups of classes that are gone as a whole.
    pub roots: u64,
    /// Group hashes and times of parts removed singly, and the bitmaps that say which.
    pub stubs: u64,
    /// Salts spelled out for what survives beside a part removed singly, and keys of what survives whole: what the frame salt
    /// key alone opened before.
    pub salts: u64,
}

impl StubBytes {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.roots + self.stubs + self.salts
    }

    /// Those that stand for what was removed; the others open what survives.
    #[must_use]
    pub fn for_removed(&self) -> u64 {
        self.roots + self.stubs
    }

    /// Those of one frame.
    pub(super) fn of(salts: &Salts) -> Self {
        let mut bytes = Self::default();
        let Salts::Pruned(states) = salts else { return bytes };
        for state in states.iter().flatten() {
            match state {
                GroupState::Whole { .. } => bytes.salts += 33,
                GroupState::Removed { .. } => bytes.roots += 33,
                GroupState::Partly { stubs, salts, .. } => {
                    let of_stubs = stubs.iter().map(|stub| if stub.times.is_some() { 48 } else { 32 });
                    bytes.stubs += 17 + of_stubs.sum::<u64>();
                    bytes.salts += 16 * salts.len() as u64;
                }
            }
        }
        bytes
    }

    pub(super) fn add(&mut self, other: Self) {
        self.roots += other.roots;
        self.stubs += other.stubs;
        self.salts += other.salts;
    }
}

/// What became of one segment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SegmentReport {
    /// Segment id.
    pub id: u64,
    /// Generation that it has now.
    pub generation: u32,
    /// Bytes of the file before.
    pub bytes_before: u64,
    /// Bytes of the file now.
    pub bytes_after: u64,
    /// Frames copied as they were.
    pub frames_kept: u64,
    /// Frames of which some part was removed.
    pub frames_pruned: u64,
    /// Frames of which every record was removed: only their descriptors are left.
    pub frames_expired: u64,
    /// Parts that are gone since this compaction.
    pub gone: Gone,
    /// What stands for removed parts now, of this and of earlier compactions, in the frames touched by this one.
    pub stub_bytes: StubBytes,
    /// Bytes of the descriptors of frames that expired in this compaction: all that is left of them.
    pub descriptor_bytes: u64,
}

impl SegmentReport {
    /// Of a segment from which nothing was removed.
    pub(super) fn unchanged(entry: &SegmentEntry) -> Self {
        Self {
            id: entry.id,
            generation: entry.generation,
            bytes_before: entry.length,
            bytes_after: entry.length,
            frames_kept: entry.frames,
            ..Self::default()
        }
    }
}

/// What a compaction did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompactReport {
    /// One for each segment of the request, in its order.
    pub segments: Vec<SegmentReport>,
}

impl CompactReport {
    /// Parts that are gone from all segments.
    #[must_use]
    pub fn gone(&self) -> Gone {
        let mut all = Gone::default();
        for segment in &self.segments {
            all.add(segment.gone);
        }
        all
    }

    /// What stands for removed parts in all segments.
    #[must_use]
    pub fn stub_bytes(&self) -> StubBytes {
        let mut all = StubBytes::default();
        self.segments.iter().for_each(|segment| all.add(segment.stub_bytes));
        all
    }

    /// Bytes that were given back.
    #[must_use]
    pub fn bytes_freed(&self) -> i64 {
        self.segments.iter().map(|segment| segment.bytes_before as i64 - segment.bytes_after as i64).sum()
    }
}

impl Gone {
    /// What `after` lacks and `before` had; each is the positions without group 0, 1, 2 and 3.
    pub(super) fn between(before: [u128; 4], after: [u128; 4]) -> Self {
        let hidden = |masks: [u128; 4]| masks[0] | masks[1] & masks[2] & masks[3];
        let (hidden_before, hidden_after) = (hidden(before), hidden(after));
        let records = hidden_after & !hidden_before;
        let mut groups = [0; 4];
        for (k, count) in groups.iter_mut().enumerate().skip(1) {
            *count = u64::from((after[k] & !before[k] & !hidden_after).count_ones());
        }
        Self {
            records: u64::from(records.count_ones()),
            envelopes_kept: u64::from((records & !after[0]).count_ones()),
            groups,
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.records += other.records;
        self.envelopes_kept += other.envelopes_kept;
        self.groups.iter_mut().zip(other.groups).for_each(|(sum, count)| *sum += count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By group: positions gone before and after; records, envelopes kept, groups.
    type Case = ([u128; 4], [u128; 4], (u64, u64, [u64; 4]));

    #[test]
    fn counts_are_of_what_was_there_before() {
        let cases: [Case; 5] = [
            ([0; 4], [0b11; 4], (2, 0, [0; 4])),
            ([0b01; 4], [0b11; 4], (1, 0, [0; 4])),
            // An envelope stays open.
            ([0; 4], [0, 1, 1, 1], (1, 1, [0; 4])),
            // Closed later: the record was gone already.
            ([0, 1, 1, 1], [1; 4], (0, 0, [0; 4])),
            ([0; 4], [0, 0b10, 0, 0b110], (0, 0, [0, 1, 0, 2])),
        ];
        for (before, after, (records, envelopes_kept, groups)) in cases {
            assert_eq!(Gone::between(before, after), Gone { records, envelopes_kept, groups }, "{before:?} {after:?}");
        }
    }
}
