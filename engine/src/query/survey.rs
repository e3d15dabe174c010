//! The frames of a view one after the other, by their descriptors: for whoever plans a deletion or checks one.
//!
//! ```text
//! segments -> descriptors, in order -> what is removed and which records are left, only where somebody asks
//! ```
//!
//! Invariant: a view is one moment: what a compaction replaces meanwhile is still seen as it was. Descriptors are not compared
//! with the log tree here; whoever needs that gets their leaf hashes ([`View::leaf_hashes`]).

use std::ops::Range;
use std::sync::Arc;

use indelible_evidence::commit::Salts;
use indelible_evidence::descriptor::Descriptor;
use indelible_evidence::record::Record;
use indelible_format::frame::{FrameReader, read_descriptor};
use indelible_format::segment::Authority;

use super::View;
use crate::error::{FormatContext, Result};
use crate::segment::{Segment, SegmentTerms};

/// A segment as a view sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentFacts {
    /// Segment id.
    pub id: u64,
    /// Generation of its file.
    pub generation: u32,
    /// Its first seq.
    pub first_seq: u64,
    /// Records of its frames, those removed included.
    pub records: u64,
    /// Its first frame.
    pub first_frame: u64,
    /// Its frames.
    pub frames: u64,
    /// Bytes of its file; 0 for the one that still grows.
    pub bytes: u64,
    /// Whether it is sealed.
    pub sealed: bool,
}

/// A frame whose descriptor is known and the rest of which is read when somebody asks.
pub struct SurveyedFrame<'a> {
    segment: &'a Segment,
    index: usize,
    descriptor: Descriptor,
    reader: Option<Arc<FrameReader<'static>>>,
}

impl std::fmt::Debug for SurveyedFrame<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SurveyedFrame({})", self.descriptor.frame_no)
    }
}

impl SurveyedFrame<'_> {
    /// Its descriptor.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// Positions that have lost group 0, 1, 2 and 3.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] where the frame is damaged.
    pub fn removed(&mut self) -> Result<[u128; 4]> {
        if self.segment.generation == 0 {
            // Only compactions remove, and each makes a generation.
            return Ok([0; 4]);
        }
        let reader = self.reader()?;
        Ok([0, 1, 2, 3].map(|k| reader.removed_positions(k)))
    }

    /// Its records by position, `None` where removed.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] where the frame is damaged.
    pub fn records(&mut self) -> Result<Vec<Option<Record>>> {
        let (segment, index) = (self.segment, self.index);
        let records = self.reader()?.all_records(&SegmentTerms::of(segment)).in_file(&segment.name, 0);
        Ok(records.map_err(|damage| segment.in_frame(index, damage))?)
    }

    /// What opens its commitments.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] where the frame is damaged.
    pub fn salts(&mut self) -> Result<Salts> {
        Ok(self.reader()?.salts().clone())
    }

    fn reader(&mut self) -> Result<&FrameReader<'static>> {
        let reader = match self.reader.take() {
            Some(reader) => reader,
            None => self.segment.frame(self.index)?,
        };
        Ok(self.reader.insert(reader))
    }
}

impl View {
    /// Under which intent and head a sealed segment was written again; `None` where its file does not say so, or is of
    /// generation 0 ([SEG-20]).
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] where the file is damaged.
    pub fn authority(&self, segment_id: u64) -> Result<Option<Authority>> {
        let Some((segment, _)) = self.snapshot().segments().find(|(segment, _)| segment.id == segment_id) else {
            return Ok(None);
        };
        Ok(segment.blocks().authority(&segment.name)?)
    }

    /// The segments that hold frames, ascending.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] where the log is damaged.
    pub fn segment_facts(&self) -> Result<Vec<SegmentFacts>> {
        let mut list = Vec::new();
        for (segment, visible) in self.snapshot().segments() {
            let entry = segment.entry();
            let sealed = entry.is_some_and(|entry| entry.state == indelible_format::manifest::SegmentState::Sealed);
            let frames = visible_frames(segment, visible)?;
            list.push(SegmentFacts {
                id: segment.id,
                generation: segment.generation,
                first_seq: segment.first_seq,
                records: visible.into(),
                first_frame: segment.first_frame,
                frames: frames as u64,
                bytes: entry.map_or(0, |entry| entry.length),
                sealed,
            });
        }
        Ok(list)
    }

    /// Visits frames of a segment, by their place in it; those beyond its end are none.
    ///
    /// # Errors
    /// What `visit` says; [`crate::Error::Corrupt`] where the log is damaged.
    pub fn survey<E: From<crate::Error>>(
        &self,
        segment_id: u64,
        frames: Range<usize>,
        visit: &mut dyn FnMut(&mut SurveyedFrame<'_>) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let found = self.snapshot().segments().find(|(segment, _)| segment.id == segment_id);
        let Some((segment, visible)) = found else { return Ok(()) };
        let end = frames.end.min(visible_frames(segment, visible).map_err(E::from)?);
        for index in frames.start..end {
            let descriptor = descriptor(segment, index).map_err(E::from)?;
            visit(&mut SurveyedFrame { segment, index, descriptor, reader: None })?;
        }
        Ok(())
    }
}

fn visible_frames(segment: &Segment, visible: u32) -> Result<usize> {
    Ok(segment.directory()?.read().frames.partition_point(|entry| entry.first_ordinal < visible))
}

fn descriptor(segment: &Segment, index: usize) -> Result<Descriptor> {
    let Some(entry) = segment.frame_entry(index)? else { return Err(crate::Error::Closed) };
    let block = segment.blocks().unchecked(&segment.name, entry.offset, entry.length)?;
    let descriptor = read_descriptor(block.payload()).in_file(&segment.name, entry.offset);
    Ok(descriptor.map_err(|damage| segment.in_frame(index, damage))?.0)
}
