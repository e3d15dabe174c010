//! Reads a file's blocks one behind the other, many with one read.
//!
//! ```text
//! file   |block|block|blo...        window: the bytes from the block that was asked for on, refilled where the next ends behind it
//! ```
//!
//! Invariant: a block that is given was whole when it was read, both checksums right, exactly as [`super::block_at`] would have
//! given it; what is wrong with one is said in the same words. A sealed file is mapped and needs no window.

use indelible_format::segment::{BlockHeader, check_payload};

use super::blocks::Blocks;
use crate::error::{Corruption, FormatContext};

/// Bytes that are read at once.
const WINDOW: usize = 1 << 20;

/// Reads blocks in the order of the file.
pub(crate) struct Sweep<'a> {
    blocks: &'a Blocks,
    name: &'a str,
    /// Offset in the file of the window's first byte.
    start: u64,
    /// Bytes of the window that were read; the rest of it is what earlier reads left.
    filled: usize,
    window: Vec<u8>,
}

impl<'a> Sweep<'a> {
    pub(crate) fn new(blocks: &'a Blocks, name: &'a str) -> Self {
        Self { blocks, name, start: 0, filled: 0, window: Vec::new() }
    }

    /// The block that begins at `offset`, its header and its payload; `None` at the end of the file.
    pub(crate) fn block(&mut self, offset: u64) -> Result<Option<(BlockHeader, &[u8])>, Corruption> {
        let name = self.name;
        let Some(head) = self.bytes(offset, BlockHeader::SIZE)? else { return Ok(None) };
        let header = BlockHeader::decode(head).in_file(name, offset)?;
        let Some(bytes) = self.bytes(offset, header.total() as usize)? else { return Ok(None) };
        let payload = bytes.get(BlockHeader::SIZE..).unwrap_or_default();
        check_payload(&header, payload).in_file(name, offset)?;
        Ok(Some((header, payload)))
    }

    /// `length` bytes from `offset` on; `None` where the file ends at or before `offset`.
    fn bytes(&mut self, offset: u64, length: usize) -> Result<Option<&[u8]>, Corruption> {
        if let Some(all) = self.blocks.mapped_from(offset)? {
            return Self::first(all, self.name, offset, length);
        }
        let inside = offset.checked_sub(self.start).is_some_and(|skip| skip + length as u64 <= self.filled as u64);
        if !inside {
            self.fill(offset, length)?;
        }
        let skip = usize::try_from(offset - self.start).unwrap_or(usize::MAX);
        let filled = self.window.get(..self.filled).unwrap_or_default();
        Self::first(filled.get(skip..).unwrap_or_default(), self.name, offset, length)
    }

    fn first<'b>(all: &'b [u8], name: &str, offset: u64, length: usize) -> Result<Option<&'b [u8]>, Corruption> {
        match all.get(..length) {
            Some(bytes) => Ok(Some(bytes)),
            None if all.is_empty() => Ok(None),
            None => Err(Corruption::at(name, offset, format!("the file ends before {length} bytes"))),
        }
    }

    /// Reads the window anew from `offset` on: `length` bytes and what lies behind them, as far as the file goes.
    fn fill(&mut self, offset: u64, length: usize) -> Result<(), Corruption> {
        (self.start, self.filled) = (offset, 0);
        let left = self.blocks.len(self.name)?.saturating_sub(offset);
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(length.max(WINDOW));
        if self.window.len() < wanted {
            self.window.resize(wanted, 0);
        }
        if let Some(window) = self.window.get_mut(..wanted) {
            self.filled = self.blocks.read_at(self.name, offset, window)?;
        }
        Ok(())
    }
}
