//! What to do when something derived is damaged: answer from the records instead.
//!
//! ```text
//! run damaged    -> keys of its frames, kept             lookup damaged -> every term of the field compared
//! footer damaged -> blocks scanned from the front
//! ```
//!
//! Postings, lookups and footers are never evidence, so damage to them costs time and no answer. `verify` still reports it.

use std::collections::HashMap;
use std::sync::Arc;

use indelible_format::frame::FrameReader;
use indelible_format::segment::{SegmentHeader, TermTable};
use indelible_index::{ChunkSet, IndexError, KeyChunk};
use parking_lot::Mutex;

use super::scan::{Target, scan_blocks};
use super::{Directory, Postings, Segment, chunk_of_frame};
use crate::error::{Corruption, FormatContext};

/// Keys of damaged runs, by the run's first ordinal.
#[derive(Default)]
pub(super) struct Rebuilt(Mutex<HashMap<u32, Arc<Vec<Arc<KeyChunk>>>>>);

impl Segment {
    /// Calls `with` on these postings; where they are damaged, on the keys of the same records read from their frames.
    pub(crate) fn with_postings<T>(
        &self,
        postings: &Postings,
        mut with: impl FnMut(&dyn indelible_index::Postings) -> Result<T, IndexError>,
    ) -> Result<T, Corruption> {
        let (first, end) = postings.range();
        let kept = self.rebuilt.0.lock().get(&first).cloned();
        let chunks = match kept {
            Some(chunks) => chunks,
            None => match postings.with(&self.blocks, &self.name, &mut with) {
                Ok(answer) => return Ok(answer),
                // Keys that were made from frames are as good as it gets.
                Err(damage) if matches!(postings, Postings::Chunks(_)) => return Err(self.located(damage)),
                Err(damage) => {
                    let chunks = Arc::new(self.chunks_of(first, end).map_err(|_| self.located(damage))?);
                    self.rebuilt.0.lock().insert(first, Arc::clone(&chunks));
                    chunks
                }
            },
        };
        ChunkSet::new(&chunks).and_then(|set| with(&set)).in_file(&self.name, 0).map_err(|damage| self.located(damage))
    }

    /// Keys of the frames that hold these ordinals.
    fn chunks_of(&self, first: u32, end: u32) -> Result<Vec<Arc<KeyChunk>>, Corruption> {
        let frames: Vec<_> = {
            let directory = self.directory()?.read();
            let frames = directory.frames.iter();
            frames.filter(|entry| (first..end).contains(&entry.first_ordinal)).copied().collect()
        };
        let mut chunks = Vec::with_capacity(frames.len());
        for entry in frames {
            let block = self.blocks.block(&self.name, entry.offset, entry.length)?;
            let frame = FrameReader::open(block.payload()).in_file(&self.name, entry.offset)?;
            let chunk = chunk_of_frame(&frame, entry.first_ordinal)
                .map_err(|error| Corruption::at(&self.name, entry.offset, error))?;
            chunks.push(Arc::new(chunk));
        }
        Ok(chunks)
    }

    /// The directory of a segment whose footer is damaged, if its blocks give all the frames that the manifest says it has.
    pub(super) fn scanned_directory(&self) -> Option<Directory> {
        let entry = self.entry.as_ref()?;
        let mut directory = Directory::empty(SegmentHeader::SIZE as u64, self.chain_before);
        let mut terms = TermTable::new();
        let mut target = Target {
            directory: &mut directory,
            terms: &mut terms,
            first_seq: self.first_seq,
            first_frame: self.first_frame,
        };
        scan_blocks(&self.blocks, &self.name, usize::MAX, &mut target);
        let whole = directory.frames.len() as u64 == entry.frames && directory.chain_after == entry.chain_after;
        whole.then_some(directory)
    }
}
