//! The bytes of a sealed file, mapped or copied; the only place where the engine maps memory.
//!
//! ```text
//! file < 64 KiB, or a simulated disk ──read──> Vec<u8> ┐
//! file >= 64 KiB ─────────────────────mmap───> pages   ┴─> Mapping: Clone, Deref<[u8]>
//! ```
//!
//! Invariants: the length is fixed when the mapping is made, and is one that the file had. The bytes stay readable after
//! the file is unlinked or renamed, until the last clone is dropped.
//!
//! Who upholds immutability: the engine maps only sealed files, which it never writes, cuts or grows again, and the files
//! belong to the log's user alone (mode 0600). Nothing can stop that same user from truncating a file from outside;
//! the process then gets SIGBUS at the next touch of a page behind the new end. Such a log has lost durable data in any
//! case. Whoever opens a foreign directory that others can write to must copy it first.
//!
//! Deliberately not here: maps of growing files, and hints to the kernel.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Files below this many bytes are copied: it costs less than a mapping, and cannot fault.
pub(super) const COPY_BELOW_BYTES: usize = 64 * 1024;

/// The bytes of a sealed file. Clones share them.
#[derive(Clone)]
pub struct Mapping {
    bytes: Arc<Bytes>,
}

enum Bytes {
    Owned(Vec<u8>),
    Mapped(memmap2::Mmap),
}

impl Mapping {
    /// A mapping of bytes that are in memory already.
    pub fn from_vec(bytes: Vec<u8>) -> Self {
        Mapping { bytes: Arc::new(Bytes::Owned(bytes)) }
    }

    /// Maps a sealed regular file, or copies it if it is small.
    pub(super) fn of_sealed(file: &File) -> io::Result<Self> {
        let len = usize::try_from(file.metadata()?.len()).map_err(|_| {
            io::Error::new(io::ErrorKind::FileTooLarge, "the file is too long to be mapped on this machine")
        })?;
        if len < COPY_BELOW_BYTES {
            let mut bytes = vec![0; len];
            file.read_exact_at(&mut bytes, 0)?;
            return Ok(Mapping::from_vec(bytes));
        }
        // SAFETY: the slice that comes out must not change while it lives. The file is sealed: the engine never writes,
        // cuts or grows it again, and unlinking or renaming leaves its pages alone. That no other program changes it is
        // upheld by the owner of the directory, as the module header and the security policy say.
        let map = unsafe { memmap2::MmapOptions::new().len(len).map(file)? };
        // A file that shrank before it was mapped would fault at once; afterwards the invariant above holds.
        if file.metadata()?.len() < len as u64 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file was cut while it was being mapped"));
        }
        Ok(Mapping { bytes: Arc::new(Bytes::Mapped(map)) })
    }
}

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &*self.bytes {
            Bytes::Owned(bytes) => bytes,
            Bytes::Mapped(map) => map,
        }
    }
}

impl AsRef<[u8]> for Mapping {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl std::fmt::Debug for Mapping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match &*self.bytes {
            Bytes::Owned(_) => "owned",
            Bytes::Mapped(_) => "mapped",
        };
        write!(f, "Mapping({kind}, {} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn lengths_around_the_copy_limit_read_the_same() {
        for (len, kind) in [
            (0, "owned"),
            (1, "owned"),
            (COPY_BELOW_BYTES - 1, "owned"),
            (COPY_BELOW_BYTES, "mapped"),
            (COPY_BELOW_BYTES * 2 + 1, "mapped"),
        ] {
            let bytes: Vec<u8> = (0..len).map(|i| (i * 7 / 3) as u8).collect();
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(&bytes).unwrap();
            let mapping = Mapping::of_sealed(file.as_file()).unwrap();
            let clone = mapping.clone();
            // The bytes outlive the name, the handle and the first clone.
            drop((file, mapping));
            assert_eq!(*clone, *bytes);
            assert_eq!(format!("{clone:?}"), format!("Mapping({kind}, {len} bytes)"));
        }
    }
}
