//! Errors of the engine: what happened, where, and what to do about it.

use std::io;

use indelible_evidence::FormatError;
use indelible_index::IndexError;

/// Result of an engine operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong with a log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The disk refused an operation.
    #[error("{what} {file}: {source}")]
    Io {
        /// What was being done ("append to").
        what: &'static str,
        /// File in the log directory.
        file: String,
        /// The disk's own words.
        source: io::Error,
    },
    /// The directory holds no log.
    #[error("{path} holds no Indelible log (no MANIFEST): create one with `init`, or check the path")]
    NotALog {
        /// The directory.
        path: String,
    },
    /// A log exists where one was to be created.
    #[error("{path} already holds a log: open it, or choose another directory")]
    Exists {
        /// The directory.
        path: String,
    },
    /// Something lies where a log was to be created, and no creation that was cut short left it there.
    #[error(
        "{path} is not empty and holds no log ({found} lies there): choose a new or an empty directory; where that is a log's file, its MANIFEST is missing"
    )]
    NotEmpty {
        /// The directory.
        path: String,
        /// What lies there.
        found: String,
    },
    /// Something that was durable is damaged. Nothing was changed.
    #[error("{0}")]
    Corrupt(Box<Corruption>),
    /// Another process, or another handle of this one, writes the log.
    #[error("another writer holds the log's lock: only one may write; readers may open it read-only")]
    Locked,
    /// A sync failed: what it covered may or may not be durable.
    #[error(
        "the log is poisoned: a sync failed ({reason}); what was in flight is indeterminate. Close it and open it again to recover"
    )]
    Poisoned {
        /// What failed.
        reason: String,
    },
    /// The log is closed.
    #[error("the log is closed")]
    Closed,
    /// The device has no room; the writer waits and goes on by itself when there is.
    #[error("the disk is full: free some space; nothing accepted is lost and writing resumes by itself")]
    DiskFull,
    /// A wait ended before what it waited for.
    #[error("timed out waiting for {what}")]
    TimedOut {
        /// What was waited for.
        what: &'static str,
    },
    /// A record that the format does not allow.
    #[error("record refused: {0}")]
    Record(FormatError),
    /// An option that cannot work.
    #[error("option {option}: {problem}")]
    Option {
        /// Name of the option.
        option: &'static str,
        /// Why, and what would work.
        problem: String,
    },
    /// A cursor that does not belong to this query or is damaged.
    #[error("cursor refused: {0}")]
    Cursor(&'static str),
    /// A query that cannot be answered.
    #[error("query refused: {0}")]
    Query(String),
    /// The log and the head that its signer kept do not go together. Nothing was changed.
    #[error(transparent)]
    Kept(Box<crate::kept::KeptError>),
    /// The newest frames are of a key epoch whose rotation is not finished: neither key signs alone.
    #[error(
        "the log's frames are of key epoch {frames}, and the key signs for epoch {signer}: a rotation was begun and not finished, or its note was taken away. Put the key file of epoch {frames} beside the one before; `indelible key LOG rotate` finishes it"
    )]
    RotationOpen {
        /// Key epoch of the newest frame.
        frames: u32,
        /// Epoch of the key that was given.
        signer: u32,
    },
    /// A compaction that cannot be done as asked. Nothing was changed.
    #[error("segment {segment} cannot be compacted: {problem}")]
    Compaction {
        /// Segment id.
        segment: u64,
        /// Why, and what would help.
        problem: String,
    },
    /// What authorises a removal is in no signed checkpoint yet. Nothing was changed.
    #[error(
        "the newest signed checkpoint covers {signed} frames, the removal must be covered up to frame {needed}: sign a checkpoint first, so that the removal is published before it is executed"
    )]
    NotCovered {
        /// Frames that the checkpoint must cover.
        needed: u64,
        /// Frames that it covers.
        signed: u64,
    },
    /// The log is encrypted and no key was given, or it is of a kind this version does not write.
    #[error("{0}")]
    Encrypted(&'static str),
}

/// Damage to something that was durable: where, and what was expected there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corruption {
    /// File in the log directory.
    pub file: String,
    /// Segment id, where the damage lies in a segment.
    pub segment: Option<u64>,
    /// Frame number, where it lies in a frame.
    pub frame: Option<u64>,
    /// First and last seq that are affected, where they are known.
    pub seqs: Option<(u64, u64)>,
    /// Offset in the file.
    pub offset: u64,
    /// What is wrong, or what was expected.
    pub problem: String,
}

impl std::fmt::Display for Corruption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "corrupt: {} at byte {}", self.file, self.offset)?;
        if let Some(segment) = self.segment {
            write!(f, ", segment {segment}")?;
        }
        if let Some(frame) = self.frame {
            write!(f, ", frame {frame}")?;
        }
        if let Some((first, last)) = self.seqs {
            write!(f, ", seqs {first} to {last}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl Corruption {
    /// Damage at a place in a file; refine it with the other fields.
    pub fn at(file: &str, offset: u64, problem: impl ToString) -> Self {
        Self { file: file.to_owned(), segment: None, frame: None, seqs: None, offset, problem: problem.to_string() }
    }

    /// The same damage, in this segment.
    pub fn in_segment(mut self, segment: u64) -> Self {
        self.segment = Some(segment);
        self
    }

    /// The same damage, in this frame.
    pub fn in_frame(mut self, frame: u64) -> Self {
        self.frame = Some(frame);
        self
    }

    /// The same damage, touching these seqs (first and last).
    pub fn over(mut self, first: u64, last: u64) -> Self {
        self.seqs = Some((first, last));
        self
    }
}

impl From<Corruption> for Error {
    fn from(corruption: Corruption) -> Self {
        Error::Corrupt(Box::new(corruption))
    }
}

/// Adds what was being done, and to which file, to an error of the disk.
pub(crate) trait IoContext<T> {
    fn doing(self, what: &'static str, file: &str) -> Result<T>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn doing(self, what: &'static str, file: &str) -> Result<T> {
        self.map_err(|source| Error::Io { what, file: file.to_owned(), source })
    }
}

/// Adds the file and where the structure lies in it to an error of the format.
pub(crate) trait FormatContext<T> {
    fn in_file(self, file: &str, at: u64) -> Result<T, Corruption>;
}

impl<T> FormatContext<T> for std::result::Result<T, FormatError> {
    fn in_file(self, file: &str, at: u64) -> Result<T, Corruption> {
        self.map_err(|error| Corruption::at(file, at + error.offset, error))
    }
}

impl<T> FormatContext<T> for std::result::Result<T, IndexError> {
    fn in_file(self, file: &str, at: u64) -> Result<T, Corruption> {
        self.map_err(|error| Corruption::at(file, at, error))
    }
}

impl Error {
    /// Whether the device had no room.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Error::DiskFull => true,
            Error::Io { source, .. } => {
                matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            _ => false,
        }
    }
}
