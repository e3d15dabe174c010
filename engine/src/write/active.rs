//! The segment that the framer appends to.
//!
//! ```text
//! create: file, header, sync, directory sync -> manifest -> blocks
//! reopen (closed cleanly before): load terms, cut lookups, footer and trailer off -> blocks
//! ```
//!
//! Reopening waits until there is something to append, so that opening a log to read or to emit one event is quick.

use std::sync::Arc;

use indelible_evidence::schema::Field;
use indelible_format::manifest::{SegmentEntry, SegmentState};
use indelible_format::names::segment_file_name;
use indelible_format::segment::{
    BlockEntry, BlockKind, SegmentHeader, SegmentTrailer, TermPage, TermTable, encode_lookup, put_block,
};
use parking_lot::RwLock;

use super::manifest::ManifestStore;
use crate::error::{Error, FormatContext, IoContext, Result};
use crate::segment::{Blocks, Cache, Directory, Segment, Terms};
use crate::world::storage::{OpenMode, Storage, StorageFile};

/// Records without a run, at a close, from which a partial run is worth writing: rescanning fewer is quick.
const PARTIAL_RUN_MIN: u32 = 1_024;

/// The growing segment.
pub(crate) struct Active {
    pub(crate) segment: Arc<Segment>,
    pub(crate) file: Arc<dyn StorageFile>,
    pub(crate) terms: Arc<RwLock<TermTable>>,
    /// Bytes appended since the last sync.
    pub(crate) unsynced: u64,
    /// UTC day of the first record, days since 1970.
    pub(crate) day: Option<i64>,
}

impl Active {
    /// Makes a new segment and enters it into the manifest.
    pub(crate) fn create(
        storage: &Arc<dyn Storage>,
        manifest: &ManifestStore,
        cache: &Arc<Cache>,
        header: SegmentHeader,
    ) -> Result<Self> {
        let name = segment_file_name(header.segment_id, header.generation);
        // A file of this name is what an attempt left behind that never reached the manifest.
        if storage.exists(&name).doing("look for", &name)? {
            storage.remove(&name).doing("remove", &name)?;
        }
        let file = storage.open(&name, OpenMode::CreateNew).doing("create", &name)?;
        file.write_at(&header.encode(), 0).doing("write the header of", &name)?;
        poison_on_sync(file.sync_data(), &name)?;
        poison_on_sync(storage.sync_dir("segments"), "segments")?;
        manifest.update(|manifest| {
            manifest.next_segment = header.segment_id + 1;
            manifest.segments.push(open_entry(&header));
        })?;
        let terms = Arc::new(RwLock::new(TermTable::new()));
        let directory = Directory::empty(SegmentHeader::SIZE as u64, header.chain_before);
        let segment = Segment::growing(
            &header,
            name,
            Blocks::File(Arc::clone(&file)),
            directory,
            Terms::Live(Arc::clone(&terms)),
            Some(Arc::clone(cache)),
        );
        Ok(Self { segment: Arc::new(segment), file, terms, unsynced: 0, day: None })
    }

    /// Goes on with a segment that was closed cleanly: cuts what is derived off its end.
    pub(crate) fn reopen(storage: &Arc<dyn Storage>, cache: &Arc<Cache>, closed: &Segment) -> Result<Self> {
        let file = storage.open(&closed.name, OpenMode::ReadWrite).doing("open", &closed.name)?;
        let header = closed.blocks().header(&closed.name)?;
        let mut terms = TermTable::new();
        let directory = closed.directory()?.read().clone_for_growth();
        for offset in directory.page_offsets() {
            let block = crate::segment::block_at(closed.blocks(), &closed.name, offset)?
                .ok_or_else(|| crate::error::Corruption::at(&closed.name, offset, "a term page is missing"))?;
            let page = TermPage::decode(block.payload()).in_file(&closed.name, offset)?;
            terms.load_page(&page).in_file(&closed.name, offset)?;
        }
        file.set_len(directory.end).doing("cut the footer off", &closed.name)?;
        poison_on_sync(file.sync_data(), &closed.name)?;
        let day = directory.frames.first().map(|frame| day_of(frame.recorded_first));
        let terms = Arc::new(RwLock::new(terms));
        let segment = Segment::growing(
            &header,
            closed.name.clone(),
            Blocks::File(Arc::clone(&file)),
            directory,
            Terms::Live(Arc::clone(&terms)),
            Some(Arc::clone(cache)),
        );
        Ok(Self { segment: Arc::new(segment), file, terms, unsynced: 0, day })
    }

    /// Makes what was appended durable.
    pub(crate) fn sync(&mut self) -> Result<()> {
        if self.unsynced > 0 {
            poison_on_sync(self.file.sync_data(), &self.segment.name)?;
            self.unsynced = 0;
        }
        Ok(())
    }

    /// Writes lookups, footer and trailer behind the last block and syncs. `all_keyed`: with a run even for few records.
    /// Returns what the manifest must say of the segment.
    pub(crate) fn finish(&mut self, all_keyed: bool, state: SegmentState) -> Result<SegmentEntry> {
        let name = self.segment.name.clone();
        let mut directory = self.segment.directory()?.write();
        let mut out = Vec::new();
        let start = directory.end;
        let unkeyed = directory.records() - directory.keyed_to();
        if unkeyed >= PARTIAL_RUN_MIN || (all_keyed && unkeyed > 0) {
            let first = directory.keyed_to();
            let run = indelible_index::build_run(&directory.chunks).in_file(&name, start)?;
            put_block(&mut out, BlockKind::Run, false, first.into(), &run).map_err(Error::Record)?;
        }
        let run_end = out.len();
        let lookups = put_lookups(&mut out, start, &self.terms.read())?;
        let footer_at = start + out.len() as u64;
        let mut described = directory.clone_for_growth();
        if run_end > 0 {
            let number = directory.keyed_to();
            described.push_run(BlockEntry { offset: start, length: run_end as u32, number }, unkeyed);
        }
        let footer = described.footer(lookups);
        put_block(&mut out, BlockKind::Footer, false, 0, &footer.encode()).map_err(Error::Record)?;
        out.extend_from_slice(&SegmentTrailer { footer_offset: footer_at }.encode());
        if let Err(error) = self.file.write_at(&out, start) {
            // Everything behind `start` is derived; what is left of it must not stand where a block belongs.
            let _ = self.file.set_len(start);
            return Err(error).doing("write the footer of", &name);
        }
        poison_on_sync(self.file.sync_data(), &name)?;
        *directory = described;
        directory.end = start + run_end as u64;
        Ok(SegmentEntry {
            id: self.segment.id,
            generation: self.segment.generation,
            state,
            first_seq: self.segment.first_seq,
            first_frame: self.segment.first_frame,
            records: directory.records().into(),
            frames: directory.frames.len() as u64,
            length: start + out.len() as u64,
            occurred_min: footer.totals.occurred_min,
            occurred_max: footer.totals.occurred_max,
            recorded_min: footer.totals.recorded_min,
            recorded_max: footer.totals.recorded_max,
            chain_before: self.segment.chain_before,
            chain_after: directory.chain_after,
        })
    }
}

fn put_lookups(out: &mut Vec<u8>, start: u64, terms: &TermTable) -> Result<Vec<BlockEntry>> {
    let mut lookups = Vec::new();
    for field in Field::all().filter(|field| field.has_terms()) {
        let ordinals = terms.sorted_ordinals(field);
        if ordinals.is_empty() {
            continue;
        }
        let offset = start + out.len() as u64;
        let payload = encode_lookup(field, &ordinals);
        let before = out.len();
        put_block(out, BlockKind::Lookup, false, field.id().into(), &payload).map_err(Error::Record)?;
        lookups.push(BlockEntry { offset, length: (out.len() - before) as u32, number: field.id().into() });
    }
    Ok(lookups)
}

/// What the manifest says of a segment that grows.
pub(crate) fn open_entry(header: &SegmentHeader) -> SegmentEntry {
    SegmentEntry {
        id: header.segment_id,
        generation: header.generation,
        state: SegmentState::Active,
        first_seq: header.first_seq,
        first_frame: header.first_frame,
        records: 0,
        frames: 0,
        length: 0,
        occurred_min: 0,
        occurred_max: 0,
        recorded_min: 0,
        recorded_max: 0,
        chain_before: header.chain_before,
        chain_after: [0; 32],
    }
}

/// UTC day of a time, days since 1970.
pub(crate) fn day_of(nanos: i64) -> i64 {
    nanos.div_euclid(86_400_000_000_000)
}

/// A failed sync is final: what it covered is indeterminate.
pub(crate) fn poison_on_sync(synced: std::io::Result<()>, name: &str) -> Result<()> {
    synced.map_err(|error| Error::Poisoned { reason: format!("sync of {name}: {error}") })
}
