//! The frames of sealed segments for whoever plans a removal.

use super::LazyFrame;
use super::segment::old_frames;
use crate::error::{Error, Result};
use crate::query::View;
use crate::segment::SegmentTerms;

impl View {
    /// Calls `with` on every frame of a sealed segment, in order. Only descriptors are read, and compared with the log tree;
    /// the rest of a frame when `with` asks for it.
    ///
    /// # Errors
    /// [`Error::Compaction`] where the view shows no sealed segment of this id, [`Error::Corrupt`] where it is damaged, and
    /// whatever `with` returns.
    pub fn each_frame(&self, segment: u64, mut with: impl FnMut(&mut LazyFrame<'_>) -> Result<()>) -> Result<()> {
        let found = self.snapshot().sealed.iter().find(|sealed| sealed.id == segment);
        let Some(found) = found else {
            return Err(Error::Compaction {
                segment,
                problem: "the view shows no sealed segment of this id".to_owned(),
            });
        };
        let terms = SegmentTerms::of(found);
        for (index, frame) in old_frames(found)?.iter().enumerate() {
            let block = found.blocks().unchecked(&found.name, frame.entry.offset, frame.entry.length)?;
            with(&mut LazyFrame::new(found, (index, &frame.entry), &block, &frame.descriptor, &terms))?;
        }
        Ok(())
    }

    /// Ids, generations and frames (first and how many) of the sealed segments, ascending.
    pub fn sealed_segments(&self) -> Vec<indelible_format::manifest::SegmentEntry> {
        self.snapshot().sealed.iter().filter_map(|segment| segment.entry().cloned()).collect()
    }
}
