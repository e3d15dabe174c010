//! One segment: what every frame becomes, then what follows from that.
//!
//! ```text
//! descriptors, each compared with its leaf hash and the chain -> decisions and pruned frames (threads) -> nothing touched? done
//!    -> terms still used (threads) -> runs over touched frames built again (threads) -> new file
//! ```
//!
//! Invariant: kept in memory are the touched frames' new payloads, the segment's terms where a frame was decoded, and the keys
//! of one run a thread.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use indelible_evidence::FormatError;
use indelible_evidence::commit::chain;
use indelible_evidence::descriptor::Descriptor;
use indelible_evidence::merkle::leaf_hash;
use indelible_evidence::schema::Field;
use indelible_format::frame::{FrameReader, read_descriptor};
use indelible_format::segment::{
    Authority, BlockEntry, FrameEntry, TermMark, TermPage, TermSource, TermTable, TermUse,
};
use indelible_index::{KeyChunk, Zone, build_run};

use super::frame::{LazyFrame, Made, Maker};
use super::parallel::{over_frames, parallel};
use super::report::SegmentReport;
use super::swap::New;
use super::write::{Parts, write};
use super::{Compactions, Prune};
use crate::error::{Corruption, FormatContext, Result};
use crate::segment::{Block, Segment, block_at, chunk_of_frame};
use crate::write::shared::Shared;

/// Frames whose terms one job marks.
const MARK_FRAMES: usize = 512;

/// A frame of the old generation.
pub(super) struct OldFrame {
    pub(super) entry: FrameEntry,
    pub(super) descriptor: Descriptor,
}

/// A run of the old generation, or records behind the last one, and the payload of the new one where it differs.
pub(super) struct RunPart {
    /// Offset and length in the old file; zeros where there was none.
    pub(super) old: BlockEntry,
    pub(super) payload: Option<Vec<u8>>,
    /// Times of the rows of its frames, where they had to be looked at.
    pub(super) zones: Vec<(usize, Zone)>,
}

/// A segment being compacted.
pub(super) struct Work<'a> {
    shared: &'a Shared,
    old: &'a Arc<Segment>,
    prune: &'a dyn Prune,
    authority: &'a Authority,
    frames: Vec<OldFrame>,
    terms: Terms<'a>,
}

impl<'a> Work<'a> {
    /// Reads the descriptors.
    pub(super) fn new(
        shared: &'a Shared,
        old: &'a Arc<Segment>,
        prune: &'a dyn Prune,
        authority: &'a Authority,
    ) -> Result<Self> {
        let terms = Terms { old, table: OnceLock::new() };
        Ok(Self { shared, old, prune, authority, frames: old_frames(old)?, terms })
    }

    /// Writes the new generation, synced but named by nobody; `None` where nothing was removed.
    pub(super) fn build(&self) -> Result<Option<(New, SegmentReport)>> {
        let zstd_level = self.shared.options.zstd_level;
        let made = over_frames(self.frames.len(), || Maker::new(zstd_level), |maker, index| self.make(maker, index))?;
        if made.iter().all(|made| matches!(made, Made::Kept)) {
            return Ok(None);
        }
        let (used, rows) = self.mark(&made)?;
        let runs = self.runs(&made)?;
        let mut zones: Vec<Option<Zone>> = vec![None; self.frames.len()];
        for (index, zone) in runs.iter().flat_map(|run| &run.zones) {
            if let Some(place) = zones.get_mut(*index) {
                *place = Some(*zone);
            }
        }
        if let Some(last) = rows.iter().rposition(|rows| *rows > 0) {
            let zone = self.chunk(last, &made)?.zone();
            if let Some(place) = zones.get_mut(last) {
                *place = Some(zone);
            }
        }
        let (frames, authority) = (&self.frames, self.authority);
        let parts = Parts { frames, made: &made, rows: &rows, zones: &zones, used: &used, runs: &runs, authority };
        write(self.shared, self.old, &parts, &|| self.terms.table()).map(Some)
    }

    fn compactions(&self) -> &Compactions {
        &self.shared.compactions
    }

    fn make(&self, maker: &mut Maker, index: usize) -> Result<Made> {
        self.compactions().check()?;
        self.with_frame(index, |frame| maker.make(frame, self.prune, &self.terms, &|| self.terms.table().map(drop)))
    }

    fn with_frame<T>(&self, index: usize, with: impl FnOnce(&mut LazyFrame<'_>) -> Result<T>) -> Result<T> {
        let Some(OldFrame { entry, descriptor }) = self.frames.get(index) else {
            return Err(Corruption::at(&self.old.name, 0, format!("there is no frame {index}")).into());
        };
        let block = self.old.blocks().unchecked(&self.old.name, entry.offset, entry.length)?;
        with(&mut LazyFrame::new(self.old, (index, entry), &block, descriptor, &self.terms))
    }

    /// The terms that frames still use, and how many rows queries see of each frame.
    fn mark(&self, made: &[Made]) -> Result<(TermUse, Vec<u32>)> {
        let none = {
            let directory = self.old.directory()?.read();
            TermUse::none_of(&TermMark::of(|field| directory.term_count(field)))
        };
        let slices = made.len().div_ceil(MARK_FRAMES);
        let marked = parallel(
            slices,
            1,
            || (),
            |(), slice| {
                self.compactions().check()?;
                let mut used = none.clone();
                let frames = slice * MARK_FRAMES..made.len().min((slice + 1) * MARK_FRAMES);
                let rows: Result<Vec<u32>> = frames
                    .map(|index| {
                        self.with_made(index, made, |frame| {
                            frame.mark_terms(&mut used)?;
                            Ok(frame.live_positions().count_ones())
                        })
                    })
                    .collect();
                Ok((used, rows?))
            },
        )?;
        let mut used = none.clone();
        let mut rows = Vec::with_capacity(made.len());
        for (of_slice, rows_of_slice) in marked {
            used.merge(&of_slice);
            rows.extend(rows_of_slice);
        }
        Ok((used, rows))
    }

    /// Calls `with` on a frame as it will be.
    fn with_made<T>(
        &self,
        index: usize,
        made: &[Made],
        with: impl FnOnce(&FrameReader<'_>) -> Result<T, FormatError>,
    ) -> Result<T> {
        match made.get(index) {
            Some(Made::New(new)) => {
                let read = FrameReader::open(&new.payload).and_then(|frame| with(&frame));
                Ok(read.in_file(&self.old.name, 0).map_err(|damage| self.old.in_frame(index, damage))?)
            }
            _ => self.with_frame(index, |frame| {
                let reader = frame.reader()?;
                Ok(with(reader).in_file(&self.old.name, 0).map_err(|damage| self.old.in_frame(index, damage))?)
            }),
        }
    }

    fn chunk(&self, index: usize, made: &[Made]) -> Result<Arc<KeyChunk>> {
        let ordinal = self.frames.get(index).map_or(0, |frame| frame.entry.first_ordinal);
        let chunk = self.with_made(index, made, |frame| Ok(chunk_of_frame(frame, ordinal)))?;
        let chunk = chunk.map_err(|error| Corruption::at(&self.old.name, 0, error));
        Ok(chunk.map(Arc::new).map_err(|damage| self.old.in_frame(index, damage))?)
    }

    /// The runs: those over touched frames built again, and one over records that had none.
    fn runs(&self, made: &[Made]) -> Result<Vec<RunPart>> {
        let (mut old, records) = {
            let directory = self.old.directory()?.read();
            let runs: Vec<BlockEntry> = directory.runs.iter().map(|run| run.entry).collect();
            (runs, directory.records())
        };
        let keyed = self.old.directory()?.read().keyed_to();
        if keyed < records {
            old.push(BlockEntry { offset: 0, length: 0, number: keyed });
        }
        let ends: Vec<u32> = old.iter().skip(1).map(|run| run.number).chain([records]).collect();
        parallel(
            old.len(),
            1,
            || (),
            |(), job| {
                self.compactions().check()?;
                let (Some(&run), Some(&end)) = (old.get(job), ends.get(job)) else {
                    return Err(Corruption::at(&self.old.name, 0, "there is no such run").into());
                };
                self.run(run, self.frames_of(run.number, end), made)
            },
        )
    }

    fn frames_of(&self, first: u32, end: u32) -> Range<usize> {
        let place = |ordinal: u32| self.frames.partition_point(|frame| frame.entry.first_ordinal < ordinal);
        place(first)..place(end)
    }

    fn run(&self, old: BlockEntry, frames: Range<usize>, made: &[Made]) -> Result<RunPart> {
        let touched = made.get(frames.clone()).unwrap_or_default().iter().any(|made| matches!(made, Made::New(_)));
        let whole = || self.old.blocks().block(&self.old.name, old.offset, old.length).is_ok();
        if !touched && old.length > 0 && whole() {
            return Ok(RunPart { old, payload: None, zones: Vec::new() });
        }
        let chunks: Result<Vec<Arc<KeyChunk>>> = frames.clone().map(|index| self.chunk(index, made)).collect();
        let chunks = chunks?;
        let payload = build_run(&chunks).in_file(&self.old.name, old.offset)?;
        let zones = frames.zip(&chunks).map(|(index, chunk)| (index, chunk.zone())).collect();
        Ok(RunPart { old, payload: Some(payload), zones })
    }
}

/// The frames of a segment by their descriptors, each of which is the one that the log tree has.
pub(super) fn old_frames(old: &Segment) -> Result<Vec<OldFrame>> {
    let (entries, chain_after) = {
        let directory = old.directory()?.read();
        (directory.frames.clone(), directory.chain_after)
    };
    let mut frames = Vec::with_capacity(entries.len());
    let mut before = old.chain_before;
    for (index, entry) in entries.into_iter().enumerate() {
        let block: Block = old.blocks().unchecked(&old.name, entry.offset, entry.length)?;
        let descriptor = read_descriptor(block.payload()).map(|(descriptor, _)| descriptor);
        let descriptor = descriptor.in_file(&old.name, entry.offset).map_err(|damage| old.in_frame(index, damage))?;
        let hashed = descriptor.hashed(&before);
        if leaf_hash(&hashed) != entry.leaf_hash {
            let damage =
                Corruption::at(&old.name, entry.offset, "the descriptor is not the one of the frame's leaf hash");
            return Err(old.in_frame(index, damage).into());
        }
        before = chain(&hashed);
        frames.push(OldFrame { entry, descriptor });
    }
    if before != chain_after {
        let problem = "the descriptors do not lead to the chain value after the segment";
        return Err(old.located(Corruption::at(&old.name, 0, problem)).into());
    }
    Ok(frames)
}

/// The terms of the old generation, read when the first frame is decoded.
struct Terms<'a> {
    old: &'a Segment,
    table: OnceLock<Result<TermTable, Corruption>>,
}

impl Terms<'_> {
    fn table(&self) -> Result<&TermTable> {
        match self.table.get_or_init(|| load_terms(self.old)) {
            Ok(table) => Ok(table),
            Err(damage) => Err(damage.clone().into()),
        }
    }
}

fn load_terms(old: &Segment) -> Result<TermTable, Corruption> {
    let mut table = TermTable::new();
    let offsets = old.directory()?.read().page_offsets();
    for offset in offsets {
        let block = block_at(old.blocks(), &old.name, offset)?
            .ok_or_else(|| old.located(Corruption::at(&old.name, offset, "a term page is missing")))?;
        let page = TermPage::decode(block.payload()).in_file(&old.name, offset)?;
        table.load_page(&page).in_file(&old.name, offset)?;
    }
    Ok(table)
}

impl TermSource for Terms<'_> {
    fn term(&self, field: Field, ordinal: u32) -> Result<Option<Cow<'_, [u8]>>, FormatError> {
        match self.table.get_or_init(|| load_terms(self.old)) {
            Ok(table) => table.term(field, ordinal),
            Err(damage) => {
                let at = usize::try_from(damage.offset).unwrap_or(0);
                Err(FormatError::invalid("term page", "term", at, damage.problem.clone()))
            }
        }
    }
}
