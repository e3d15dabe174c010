//! Options of a log: few, checked when it is opened, units in their names.

use std::time::Duration;

use crate::error::{Error, Result};

/// What `emit` does when the ring is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// Wait for room, at most this long (`None`: as long as it takes). After that the event comes back.
    Block {
        /// Longest wait.
        timeout: Option<Duration>,
    },
    /// Give the event back at once.
    Reject,
}

/// How a log is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Slots of the ring between emitters and writer; a power of two.
    pub ring_slots: usize,
    /// Bytes of encoded events that the ring may hold.
    pub ring_bytes_max: usize,
    /// What happens when the ring is full.
    pub overflow: Overflow,
    /// Most records in one journal group, and so behind one sync.
    pub group_records_max: usize,
    /// Most bytes in one journal group; at most 8 MiB.
    pub group_bytes_max: usize,
    /// A journal file is followed by the next when it has grown past this.
    pub journal_bytes_max: u64,
    /// A segment is sealed when its file has grown past this.
    pub segment_bytes_max: u64,
    /// Whether a segment is also sealed when the UTC day of recorded-at changes.
    pub segment_per_day: bool,
    /// Frames written but not yet synced in the active segment, in bytes, before the framer syncs them.
    pub frame_unsynced_bytes_max: u64,
    /// Records that may wait for the framer before the writer waits for it: bounds memory and the journal.
    pub unframed_records_max: usize,
    /// Bytes of groups that may wait for the framer.
    pub unframed_bytes_max: usize,
    /// How often a checkpoint is made while records arrive; the age at which a partial frame is closed for it.
    pub checkpoint_interval: Duration,
    /// zstd level of frames and term pages.
    pub zstd_level: i32,
    /// Decoded term pages and blocks that readers keep, in bytes.
    pub cache_bytes_max: usize,
    /// Sealed segments that new views keep open: mapped, and their directories in memory, which take about a byte a record. When
    /// more are open, the next view begins with all of them closed; a view that reads more keeps what it reads while it lives.
    pub open_segments_max: usize,
    /// Free bytes on the device below which the log's health says [`crate::Pressure::Low`]; 0 warns of nothing. The default, 1 GiB,
    /// is what 10,000 events a second fill in about a quarter of an hour, journal included: time for somebody to come.
    pub free_bytes_warn: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ring_slots: 1 << 14,
            ring_bytes_max: 16 << 20,
            overflow: Overflow::Block { timeout: None },
            group_records_max: 8_192,
            group_bytes_max: 4 << 20,
            journal_bytes_max: 64 << 20,
            segment_bytes_max: 128 << 20,
            segment_per_day: true,
            frame_unsynced_bytes_max: 16 << 20,
            unframed_records_max: 1 << 16,
            unframed_bytes_max: 48 << 20,
            checkpoint_interval: Duration::from_secs(60),
            zstd_level: 1,
            cache_bytes_max: 32 << 20,
            open_segments_max: 512,
            free_bytes_warn: 1 << 30,
        }
    }
}

impl Options {
    /// Refuses what cannot work, naming the option and what would.
    ///
    /// # Errors
    /// [`Error::Option`].
    pub fn check(&self) -> Result<()> {
        let refuse = |option, problem: &str| Err(Error::Option { option, problem: problem.to_owned() });
        if !self.ring_slots.is_power_of_two() || self.ring_slots < 2 {
            return refuse("ring_slots", "must be a power of two, 2 or more");
        }
        if self.ring_bytes_max < 2 << 20 {
            return refuse("ring_bytes_max", "must be at least 2 MiB, so that the largest event fits");
        }
        if self.group_records_max == 0 || self.group_records_max > 65_536 {
            return refuse("group_records_max", "must be 1 to 65,536");
        }
        if self.group_bytes_max < 2 << 20 || self.group_bytes_max > 8 << 20 {
            return refuse("group_bytes_max", "must be 2 MiB to 8 MiB");
        }
        if self.journal_bytes_max < 4_096 || self.segment_bytes_max < 4_096 {
            return refuse("journal_bytes_max / segment_bytes_max", "must be at least 4,096 bytes");
        }
        if self.segment_bytes_max > 2 << 30 {
            return refuse("segment_bytes_max", "must be at most 2 GiB");
        }
        if self.unframed_records_max < 256 || self.unframed_bytes_max < 4 << 20 {
            return refuse("unframed_records_max / unframed_bytes_max", "must be at least 256 records and 4 MiB");
        }
        if !(1..=19).contains(&self.zstd_level) {
            return refuse("zstd_level", "must be 1 to 19");
        }
        Ok(())
    }
}
