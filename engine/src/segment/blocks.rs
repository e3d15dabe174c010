//! Blocks of a segment file by offset: from the map of a sealed file, or read by position from one that may grow.
//!
//! Every payload handed out has been checked against its CRC (accidents, not tampering) in the call that hands it out,
//! except mapped run payloads, whose leaves carry their own.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use indelible_format::names::segment_file_name;
use indelible_format::segment::{Authority, BlockHeader, BlockKind, SegmentHeader, check_payload};

use crate::error::{Corruption, FormatContext};
use crate::world::storage::{Mapping, Storage, StorageFile};
use crate::write::manifest::load;

/// A sealed file that is mapped when it is first read, so that opening a log of many segments touches none of them.
///
/// Where the file is gone by then it was compacted, and the generation that the manifest names now is read instead: frames,
/// positions and chain values are the same, only what was removed is missing.
pub(crate) struct LazyMap {
    storage: Arc<dyn Storage>,
    id: u64,
    generation: u32,
    /// The map and the generation that is in it.
    map: OnceLock<(Mapping, u32)>,
}

/// Where a segment's bytes come from.
#[derive(Clone)]
pub(crate) enum Blocks {
    /// A sealed file, mapped on first use.
    Sealed(Arc<LazyMap>),
    /// A file that may grow or, after a clean close, be cut: never mapped.
    File(Arc<dyn StorageFile>),
}

/// A block's header and payload.
pub(crate) struct Block {
    pub(crate) header: BlockHeader,
    bytes: BlockBytes,
}

enum BlockBytes {
    Mapped(Mapping, Range<usize>),
    Owned(Vec<u8>),
}

impl Block {
    /// The payload as stored.
    pub(crate) fn payload(&self) -> &[u8] {
        let bytes = match &self.bytes {
            BlockBytes::Mapped(map, range) => map.get(range.clone()).unwrap_or_default(),
            BlockBytes::Owned(bytes) => bytes,
        };
        bytes.get(BlockHeader::SIZE..).unwrap_or_default()
    }
}

impl LazyMap {
    fn get(&self) -> Result<&Mapping, Corruption> {
        if let Some((map, _)) = self.map.get() {
            return Ok(map);
        }
        let mut generation = self.generation;
        let map = loop {
            let name = segment_file_name(self.id, generation);
            match self.storage.map(&name) {
                Ok(map) => break map,
                Err(error) => {
                    let gone = error.kind() == std::io::ErrorKind::NotFound;
                    let newer = if gone { self.newer_than(generation) } else { None };
                    generation = newer.ok_or_else(|| Corruption::at(&name, 0, format!("cannot be mapped: {error}")))?;
                }
            }
        };
        Ok(&self.map.get_or_init(|| (map, generation)).0)
    }

    /// The generation that the manifest names now, if it is a newer one.
    fn newer_than(&self, generation: u32) -> Option<u32> {
        let manifest = load(self.storage.as_ref(), "the log").ok()?;
        let entry = manifest.segments.iter().find(|entry| entry.id == self.id)?;
        Some(entry.generation).filter(|named| *named > generation)
    }
}

impl Blocks {
    /// A sealed file.
    pub(crate) fn lazy(storage: Arc<dyn Storage>, id: u64, generation: u32) -> Self {
        Blocks::Sealed(Arc::new(LazyMap { storage, id, generation, map: OnceLock::new() }))
    }

    /// A sealed file of this generation and no other, mapped now.
    pub(crate) fn mapped(storage: &Arc<dyn Storage>, id: u64, generation: u32) -> std::io::Result<Self> {
        let map = OnceLock::from((storage.map(&segment_file_name(id, generation))?, generation));
        Ok(Blocks::Sealed(Arc::new(LazyMap { storage: Arc::clone(storage), id, generation, map })))
    }

    /// The generation of the sealed file that is read, once it is known.
    pub(crate) fn generation(&self) -> Option<u32> {
        match self {
            Blocks::Sealed(map) => map.map.get().map(|(_, generation)| *generation),
            Blocks::File(_) => None,
        }
    }

    /// Whether it is a sealed file, mapped when it is read.
    pub(crate) fn is_sealed(&self) -> bool {
        matches!(self, Blocks::Sealed(_))
    }

    /// The same file once more: a sealed one is not mapped until it is read through this.
    pub(crate) fn anew(&self) -> Self {
        match self {
            Blocks::Sealed(map) => Blocks::lazy(Arc::clone(&map.storage), map.id, map.generation),
            Blocks::File(file) => Blocks::File(Arc::clone(file)),
        }
    }

    /// Bytes in the file now.
    pub(crate) fn len(&self, name: &str) -> Result<u64, Corruption> {
        match self {
            Blocks::Sealed(map) => Ok(map.get()?.len() as u64),
            Blocks::File(file) => {
                file.len().map_err(|error| Corruption::at(name, 0, format!("cannot be read: {error}")))
            }
        }
    }

    /// Some bytes of the file.
    pub(crate) fn bytes(&self, name: &str, offset: u64, length: usize) -> Result<Vec<u8>, Corruption> {
        match self {
            Blocks::Sealed(map) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                map.get()?
                    .get(start..start.saturating_add(length))
                    .map(<[u8]>::to_vec)
                    .ok_or_else(|| Corruption::at(name, offset, format!("the file ends before {length} bytes")))
            }
            Blocks::File(file) => {
                let left = self.len(name)?.saturating_sub(offset);
                if left < length as u64 {
                    return Err(Corruption::at(name, offset, format!("the file ends before {length} bytes")));
                }
                let mut bytes = vec![0; length];
                file.read_exact_at(&mut bytes, offset)
                    .map_err(|error| Corruption::at(name, offset, format!("cannot be read: {error}")))?;
                Ok(bytes)
            }
        }
    }

    /// Everything from `offset` on where the file is mapped; `None` where it is read by position.
    pub(super) fn mapped_from(&self, offset: u64) -> Result<Option<&[u8]>, Corruption> {
        let Blocks::Sealed(map) = self else { return Ok(None) };
        let map = map.get()?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(map.len());
        Ok(Some(map.get(start..map.len()).unwrap_or_default()))
    }

    /// Fills `buffer` from `offset` on as far as the file goes; gives the bytes that were read.
    pub(super) fn read_at(&self, name: &str, offset: u64, buffer: &mut [u8]) -> Result<usize, Corruption> {
        match self {
            Blocks::Sealed(_) => {
                let from = self.mapped_from(offset)?.unwrap_or_default();
                let read = from.len().min(buffer.len());
                if let (Some(to), Some(from)) = (buffer.get_mut(..read), from.get(..read)) {
                    to.copy_from_slice(from);
                }
                Ok(read)
            }
            Blocks::File(file) => file
                .read_at(buffer, offset)
                .map_err(|error| Corruption::at(name, offset, format!("cannot be read: {error}"))),
        }
    }

    /// Calls `with` on some bytes of the file: in place where it is mapped, else by way of `buffer`. For few bytes at places that
    /// are known to lie in the file; [`Blocks::bytes`] looks before it allocates.
    pub(crate) fn with_bytes<T>(
        &self,
        name: &str,
        range: (u64, usize),
        buffer: &mut Vec<u8>,
        with: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, Corruption> {
        let (offset, length) = range;
        match self {
            Blocks::Sealed(map) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                let bytes = map.get()?.get(start..start.saturating_add(length));
                bytes
                    .map(with)
                    .ok_or_else(|| Corruption::at(name, offset, format!("the file ends before {length} bytes")))
            }
            Blocks::File(file) => {
                buffer.resize(length, 0);
                file.read_exact_at(buffer, offset)
                    .map_err(|error| Corruption::at(name, offset, format!("cannot be read: {error}")))?;
                Ok(with(buffer))
            }
        }
    }

    /// The file's header.
    pub(crate) fn header(&self, name: &str) -> Result<SegmentHeader, Corruption> {
        SegmentHeader::decode(&self.bytes(name, 0, SegmentHeader::SIZE)?).in_file(name, 0)
    }

    /// Under which intent and head the file was written, where it is a rewritten one that says so ([SEG-20]).
    pub(crate) fn authority(&self, name: &str) -> Result<Option<Authority>, Corruption> {
        let offset = SegmentHeader::SIZE as u64;
        if self.header(name)?.generation == 0 {
            return Ok(None);
        }
        let header = BlockHeader::decode(&self.bytes(name, offset, BlockHeader::SIZE)?).in_file(name, offset)?;
        if header.kind != BlockKind::Authority {
            return Ok(None);
        }
        let block = self.block(name, offset, header.total())?;
        Authority::decode(block.payload()).in_file(name, offset).map(Some)
    }

    /// The block at `offset` that a directory says is `length` bytes long, its checksums checked.
    pub(crate) fn block(&self, name: &str, offset: u64, length: u32) -> Result<Block, Corruption> {
        let block = self.unchecked(name, offset, length)?;
        check_payload(&block.header, block.payload()).in_file(name, offset)?;
        Ok(block)
    }

    /// The same without checking the payload, for structures that carry checksums of their own inside.
    pub(crate) fn unchecked(&self, name: &str, offset: u64, length: u32) -> Result<Block, Corruption> {
        let bytes = match self {
            Blocks::Sealed(map) => {
                let map = map.get()?;
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                let range = start..start.saturating_add(length as usize);
                if map.get(range.clone()).is_none() {
                    return Err(Corruption::at(name, offset, format!("the file ends before {length} bytes")));
                }
                BlockBytes::Mapped(map.clone(), range)
            }
            Blocks::File(_) => BlockBytes::Owned(self.bytes(name, offset, length as usize)?),
        };
        let all = match &bytes {
            BlockBytes::Mapped(map, range) => map.get(range.clone()).unwrap_or_default(),
            BlockBytes::Owned(bytes) => bytes,
        };
        let header = BlockHeader::decode(all).in_file(name, offset)?;
        if header.total() != length {
            return Err(Corruption::at(
                name,
                offset,
                format!("the directory says {length} bytes, the block {}", header.total()),
            ));
        }
        Ok(Block { header, bytes })
    }
}

/// The block that begins at `offset`, its length taken from its own header; `None` at the end of the file.
pub(crate) fn block_at(blocks: &Blocks, name: &str, offset: u64) -> Result<Option<Block>, Corruption> {
    let end = blocks.len(name)?;
    if offset >= end {
        return Ok(None);
    }
    let head = blocks.bytes(name, offset, BlockHeader::SIZE)?;
    let header = BlockHeader::decode(&head).in_file(name, offset)?;
    blocks.block(name, offset, header.total()).map(Some)
}
