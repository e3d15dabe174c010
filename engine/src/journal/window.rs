//! A journal file as it is read from front to end: a few groups of it at a time.
//!
//! ```text
//! file    |header|group|group|gro...        window: from where the reader is, a few MiB; what is left of it moves to the front
//! ```
//!
//! Journal files are long, and memory for all of one would take as long to get as the file to read. One window serves all files.
//! Not here: what a group is, and whether one is whole (the format's scanner).

use std::io;
use std::sync::Arc;

use indelible_format::journal::{GROUP_PAYLOAD_MAX, GroupHeader};

use crate::world::storage::{OpenMode, Storage, StorageFile};

/// Longest journal file that is read.
const FILE_BYTES_MAX: u64 = 1 << 31;
/// Bytes that are read ahead: those of a group under load and a half.
const AHEAD: usize = 4 << 20;
/// Bytes that hold any group.
const GROUP_BYTES_MAX: usize = GroupHeader::SIZE + GROUP_PAYLOAD_MAX;

/// The part of a journal file that is at hand.
#[derive(Default)]
pub(super) struct Window {
    file: Option<Arc<dyn StorageFile>>,
    /// Bytes of the file that may be read.
    length: u64,
    /// Offset in the file of the first byte at hand.
    start: u64,
    filled: usize,
    buffer: Vec<u8>,
}

impl Window {
    /// Goes to the front of a file, of which no more than `length_max` bytes are looked at.
    pub(super) fn open(&mut self, storage: &dyn Storage, name: &str, length_max: u64) -> io::Result<()> {
        let file = storage.open(name, OpenMode::Read)?;
        let length = file.len()?;
        if length > FILE_BYTES_MAX {
            let why = format!("{name} has {length} bytes, more than the {FILE_BYTES_MAX} that such a file can have");
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        (self.file, self.length, self.start, self.filled) = (Some(file), length.min(length_max), 0, 0);
        self.read_to(AHEAD)
    }

    /// Bytes of the file.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Offset in the file of the first byte at hand.
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// What is at hand.
    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or_default()
    }

    /// Whether the file ends with what is at hand.
    pub(super) fn at_end(&self) -> bool {
        self.start + self.filled as u64 >= self.length
    }

    /// Whether no group that begins at `offset` can reach beyond what is at hand.
    pub(super) fn holds_group_at(&self, offset: u64) -> bool {
        self.at_end() || offset.saturating_sub(self.start) + (GROUP_BYTES_MAX as u64) <= self.filled as u64
    }

    /// Drops what lies before `offset`, and reads on: where nothing is dropped, as much as any group can need.
    pub(super) fn advance(&mut self, offset: u64) -> io::Result<()> {
        let dropped = usize::try_from(offset.saturating_sub(self.start)).unwrap_or(usize::MAX).min(self.filled);
        self.buffer.copy_within(dropped..self.filled, 0);
        self.filled -= dropped;
        self.start += dropped as u64;
        self.read_to(if dropped == 0 { GROUP_BYTES_MAX } else { AHEAD })
    }

    /// Everything from `offset`, which is at hand, to the end of the file.
    pub(super) fn rest(&mut self, offset: u64) -> io::Result<&[u8]> {
        self.read_to(usize::try_from(self.length.saturating_sub(self.start)).unwrap_or(usize::MAX))?;
        let skip = usize::try_from(offset.saturating_sub(self.start)).unwrap_or(usize::MAX);
        Ok(self.bytes().get(skip..).unwrap_or_default())
    }

    /// Reads on until `wanted` bytes are at hand or the file ends.
    fn read_to(&mut self, wanted: usize) -> io::Result<()> {
        let left = usize::try_from(self.length.saturating_sub(self.start)).unwrap_or(usize::MAX);
        let wanted = wanted.min(left);
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
        let at = self.start + self.filled as u64;
        if let (Some(file), Some(room)) = (&self.file, self.buffer.get_mut(self.filled..wanted))
            && !room.is_empty()
        {
            file.read_exact_at(room, at)?;
            self.filled = wanted;
        }
        Ok(())
    }
}
