//! How a log is doing: queues, durability, room on the device, and how fast the room goes.
//!
//! ```text
//! free_bytes:  ... ───────── free_bytes_warn ─────────────────────── 64 KiB ── 0
//! pressure:        Ok       │                  Low                  │   Full          Full too while the writer waits for room
//! ```
//!
//! Invariants: nothing here stops or slows the log, and a figure is never promised to be newer than the call. Sizes are
//! lengths of files, not blocks of the device.
//!
//! Deliberately not here: what happens on a full disk (`run.rs`, `error.rs`), and telling anybody: the caller looks.

use std::io;
use std::time::Duration;

use indelible_format::manifest::{Manifest, SegmentState};
use indelible_format::names::segment_file_name;

use crate::error::{IoContext, Result};
use crate::world::storage::{OpenMode, Storage};

/// Free bytes below which nothing more is expected to fit: a small group with its frames and a new manifest.
const FREE_BYTES_FULL: u64 = 64 << 10;

/// How much room is left on the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Pressure {
    /// More than [`crate::Options::free_bytes_warn`] is free.
    Ok,
    /// Less is free: make room, or move the log, before it is full.
    Low,
    /// There is no room. Nothing accepted is lost, reads go on, and writing resumes by itself when there is room.
    Full,
}

impl Pressure {
    /// What so many free bytes mean.
    pub fn of(free_bytes: u64, free_bytes_warn: u64) -> Self {
        match free_bytes {
            free if free < FREE_BYTES_FULL => Pressure::Full,
            free if free < free_bytes_warn => Pressure::Low,
            _ => Pressure::Ok,
        }
    }

    /// `ok`, `low` or `full`.
    pub fn name(self) -> &'static str {
        match self {
            Pressure::Ok => "ok",
            Pressure::Low => "low",
            Pressure::Full => "full",
        }
    }
}

/// Bytes of a log's files, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogBytes {
    /// Journal files: records that are not framed yet, and framed ones whose file has not gone yet.
    pub journal: u64,
    /// Sealed segments.
    pub sealed: u64,
    /// The growing segment.
    pub active: u64,
    /// Torn tails that recoveries cut and kept aside.
    pub torn: u64,
    /// Manifest, checkpoint, key and marks.
    pub other: u64,
}

impl LogBytes {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.journal + self.sealed + self.active + self.torn + self.other
    }

    /// Measures the files of the log that `manifest` describes. Files that go meanwhile count nothing.
    pub(crate) fn measure(storage: &dyn Storage, manifest: &Manifest) -> Result<Self> {
        let mut bytes = Self::default();
        for entry in &manifest.segments {
            match entry.state {
                SegmentState::Sealed => bytes.sealed += entry.length,
                _ => bytes.active += length_of(storage, &segment_file_name(entry.id, entry.generation))?,
            }
        }
        for (dir, sum) in [("journal", &mut bytes.journal), ("torn", &mut bytes.torn), ("", &mut bytes.other)] {
            for file in storage.list(dir).doing("list", dir)? {
                let name = if dir.is_empty() { file } else { format!("{dir}/{file}") };
                *sum += length_of(storage, &name)?;
            }
        }
        Ok(bytes)
    }
}

fn length_of(storage: &dyn Storage, name: &str) -> Result<u64> {
    match storage.open(name, OpenMode::Read).and_then(|file| file.len()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        measured => measured.doing("measure", name),
    }
}

/// What a log takes and what is left for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DiskHealth {
    /// Bytes of its files.
    pub bytes: LogBytes,
    /// Bytes this process may still write on the device.
    pub free_bytes: u64,
    /// What that means.
    pub pressure: Pressure,
}

impl DiskHealth {
    pub(crate) fn measure(storage: &dyn Storage, manifest: &Manifest, free_bytes_warn: u64) -> Result<Self> {
        let free_bytes = storage.free_bytes().doing("measure", "the device")?;
        let bytes = LogBytes::measure(storage, manifest)?;
        Ok(Self { bytes, free_bytes, pressure: Pressure::of(free_bytes, free_bytes_warn) })
    }
}

/// What is known of a running log from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// Events in the ring.
    pub ring_items: usize,
    /// Bytes in the ring.
    pub ring_bytes: usize,
    /// Records synced in the journal and not framed yet.
    pub unframed_records: usize,
    /// Seq after the last durable record.
    pub durable_to: u64,
    /// Frames synced in segments.
    pub frames: u64,
    /// Bytes of the log's files, by kind.
    pub bytes: LogBytes,
    /// Bytes this process may still write on the device.
    pub free_bytes: u64,
    /// How much room that is; `Full` too while the writer waits for room.
    pub pressure: Pressure,
    /// Bytes written to journal and segments since the log was opened. The journal's share is given back as it is framed.
    pub written_bytes: u64,
    /// Of these, bytes of segments: what the log grew by.
    pub framed_bytes: u64,
    /// For how long the log has been open.
    pub open_for: Duration,
    /// Whether the writer waits for room on the disk.
    pub disk_full: bool,
    /// Whether the log is poisoned.
    pub poisoned: bool,
    /// Syncs of the journal so far.
    pub syncs: u64,
}

impl Health {
    /// How fast the log has grown since it was opened, in bytes of segments a second; 0 in its first second.
    pub fn growth_bytes_per_second(&self) -> u64 {
        self.framed_bytes.checked_div(self.open_for.as_secs()).unwrap_or(0)
    }

    /// When the device is full if the log grows on as it did; `None` where it did not grow.
    pub fn full_in(&self) -> Option<Duration> {
        self.free_bytes.checked_div(self.growth_bytes_per_second()).map(Duration::from_secs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pressure_follows_from_what_is_free() {
        let warn = 1 << 30;
        for (free, pressure) in [
            (u64::MAX, Pressure::Ok),
            (warn, Pressure::Ok),
            (warn - 1, Pressure::Low),
            (FREE_BYTES_FULL, Pressure::Low),
            (FREE_BYTES_FULL - 1, Pressure::Full),
            (0, Pressure::Full),
        ] {
            assert_eq!(Pressure::of(free, warn), pressure, "{free} bytes free");
        }
        assert_eq!(Pressure::of(100 << 10, 0), Pressure::Ok, "a threshold of 0 warns of nothing");
    }
}
