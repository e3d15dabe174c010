//! Reads a log from any process, beside a live writer or without one. Never repairs, never writes.
//!
//! ```text
//! refresh: live -> manifest -> sealed segments (kept) -> active segment (new frames only) -> journal (new groups only) -> View
//! ```
//!
//! Invariants: nothing beyond the writer's `live` mark is shown (`[JRN-5]`); views only grow. What a reader finds half-changed
//! (a file sealed or removed between two looks) is read again; only what stays wrong is reported.

mod tail;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indelible_format::live::Live;
use indelible_format::manifest::{Manifest, SegmentEntry, SegmentState};
use indelible_format::names::{ROTATIONS_DIR, segment_file_name};
use indelible_format::segment::{SegmentHeader, TermTable};
use parking_lot::{Mutex, RwLock};

use crate::error::{Corruption, Error, IoContext, Result};
use crate::health::DiskHealth;
use crate::keys::{KeyTrail, read_trail};
use crate::log::LogConfig;
use crate::mutant::{Mutant, planted};
use crate::query::View;
use crate::segment::{Blocks, Cache, Directory, Segment, Target, Terms, scan_blocks};
use crate::snapshot::Snapshot;
use crate::world::storage::{OpenMode, Storage};
use crate::write::manifest::load;
use crate::write::sign::read_checkpoint;
use crate::write::writer::LIVE;
use tail::{JournalTail, first_journal_seq};

/// How often a change under the reader's hands is waited out before it counts as damage.
const ATTEMPTS: u32 = 20;
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// A read-only log.
pub struct LogReader {
    storage: Arc<dyn Storage>,
    path: String,
    cache: Arc<Cache>,
    state: Mutex<State>,
}

/// What the last refresh found, so that the next reads only what is new.
#[derive(Default)]
struct State {
    live: Option<Live>,
    manifest: Option<Manifest>,
    sealed: HashMap<(u64, u32), Arc<Segment>>,
    growing: Option<Growing>,
    tail: JournalTail,
    signed: Signed,
    snapshot: Option<Arc<Snapshot>>,
}

/// What signed heads in the directory prove.
#[derive(Debug, Clone, Default)]
struct Signed {
    /// Rotations of the key, and the newest checkpoint.
    here: (usize, Option<String>),
    /// Frames that they cover.
    frames: u64,
}

/// The active segment of another process, scanned as far as it was shown.
struct Growing {
    key: (u64, u32),
    incarnation: u64,
    segment: Arc<Segment>,
    terms: Arc<RwLock<TermTable>>,
}

impl std::fmt::Debug for LogReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LogReader({})", self.path)
    }
}

impl LogReader {
    /// Opens a log for reading. Only the storage, the path and the cache size of `config` are used.
    ///
    /// # Errors
    /// [`Error::NotALog`], [`Error::Encrypted`], [`Error::Corrupt`], the disk's own.
    pub fn open(config: &LogConfig) -> Result<Self> {
        let reader = Self {
            storage: Arc::clone(&config.world.storage),
            path: config.path.clone(),
            cache: Cache::new(config.options.cache_bytes_max, config.options.open_segments_max),
            state: Mutex::default(),
        };
        reader.view()?;
        Ok(reader)
    }

    /// The newest view. Cheap when nothing changed.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where the log is damaged, the disk's own.
    pub fn view(&self) -> Result<View> {
        let mut state = self.state.lock();
        let mut attempt = 0;
        loop {
            match self.refresh(&mut state) {
                Ok(snapshot) if self.cache.must_close() => {
                    return Ok(View::new(self.close_segments(&mut state, &snapshot)));
                }
                Ok(snapshot) => return Ok(View::new(snapshot)),
                Err(error) if attempt >= ATTEMPTS || matches!(error, Error::NotALog { .. } | Error::Encrypted(_)) => {
                    return Err(error);
                }
                Err(_) => {
                    attempt += 1;
                    // What was kept may be of a state that is gone.
                    *state = State { snapshot: state.snapshot.take(), ..State::default() };
                    std::thread::sleep(PAUSE);
                }
            }
        }
    }

    /// The same snapshot with fresh segments in the place of those that are open.
    fn close_segments(&self, state: &mut State, snapshot: &Snapshot) -> Arc<Snapshot> {
        let mut fresh = snapshot.clone();
        fresh.close_segments();
        let keyed = |segment: &Arc<Segment>| ((segment.id, segment.generation), Arc::clone(segment));
        state.sealed = fresh.sealed.iter().map(keyed).collect();
        let fresh = Arc::new(fresh);
        state.snapshot = Some(Arc::clone(&fresh));
        self.cache.has_closed();
        fresh
    }

    /// Waits until a view shows a record at or after `seq`, or the timeout passes; gives the newest view.
    ///
    /// # Errors
    /// As [`LogReader::view`].
    pub fn wait_beyond(&self, seq: u64, timeout: Duration) -> Result<View> {
        let deadline = Instant::now() + timeout;
        loop {
            let view = self.view()?;
            if view.next_seq() > seq || Instant::now() >= deadline {
                return Ok(view);
            }
            std::thread::sleep(PAUSE.min(deadline.saturating_duration_since(Instant::now())));
        }
    }

    /// The manifest as the last view found it.
    pub fn manifest(&self) -> Option<Manifest> {
        self.state.lock().manifest.clone()
    }

    /// Whether a writer's live mark was there at the last view.
    pub fn has_live_writer(&self) -> bool {
        self.state.lock().live.is_some()
    }

    /// What the log takes on the device and what is left there; `free_bytes_warn` as in [`crate::Options`].
    ///
    /// # Errors
    /// [`Error::NotALog`], the disk's own.
    pub fn disk_health(&self, free_bytes_warn: u64) -> Result<DiskHealth> {
        let manifest = load(self.storage.as_ref(), &self.path)?;
        DiskHealth::measure(self.storage.as_ref(), &manifest, free_bytes_warn)
    }

    /// The newest signed checkpoint, as text.
    ///
    /// # Errors
    /// The disk's own.
    pub fn checkpoint(&self) -> Result<Option<String>> {
        read_checkpoint(self.storage.as_ref())
    }

    /// The signing keys that the log has had.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where the rotations do not lead on from the first key; the disk's own.
    pub fn keys(&self) -> Result<KeyTrail> {
        read_trail(self.storage.as_ref(), &load(self.storage.as_ref(), &self.path)?)
    }

    fn refresh(&self, state: &mut State) -> Result<Arc<Snapshot>> {
        let live = self.read_live()?;
        if let Some(snapshot) = &state.snapshot
            && live.is_some()
            && live == state.live
            && state.manifest.is_some()
            && self.signed_here()? == state.signed.here
        {
            return Ok(Arc::clone(snapshot));
        }
        let manifest = load(self.storage.as_ref(), &self.path)?;
        if manifest.encrypted {
            return Err(Error::Encrypted("the log is encrypted, and this version does not read encrypted logs"));
        }
        if live.is_none()
            && let Some(snapshot) = &state.snapshot
            && state.live.is_none()
            && state.manifest.as_ref() == Some(&manifest)
            && manifest.closed.is_some()
        {
            return Ok(Arc::clone(snapshot));
        }
        // A mark of another incarnation is what a killed writer left.
        let of_manifest = |live: &Live| live.log_id == manifest.log_id && live.incarnation == manifest.incarnation;
        let live = live.filter(of_manifest);
        let signed = self.signed(state, &manifest)?;
        // Journal files go when everything in them lies in synced frames, whatever the mark says: it may be older.
        let synced_seq = first_journal_seq(self.storage.as_ref(), &manifest)?.unwrap_or(0);
        let mut snapshot = Snapshot::default();
        let mut sealed = Vec::with_capacity(manifest.segments.len());
        for entry in &manifest.segments {
            if entry.state == SegmentState::Sealed {
                sealed.push(self.sealed(state, entry));
                snapshot.framed_seq = entry.first_seq + entry.records;
            } else {
                let (segment, records) =
                    self.active(state, &manifest, entry, live.as_ref(), (synced_seq, signed.frames))?;
                snapshot.framed_seq = entry.first_seq + u64::from(records);
                snapshot.active = Some((segment, records));
            }
        }
        snapshot.sealed = Arc::new(sealed);
        // What was compacted is kept by the views that show it, and by nobody else: its file is gone.
        let named = |key: &(u64, u32)| manifest.segments.iter().any(|entry| (entry.id, entry.generation) == *key);
        state.sealed.retain(|key, _| named(key));
        let limit = live.filter(|_| !planted(Mutant::ReaderPastLive)).map(|live| (live.journal_no, live.durable_end));
        state.tail.read(self.storage.as_ref(), &manifest, snapshot.framed_seq, limit)?;
        self.check_unchanged(&manifest, snapshot.framed_seq, live.is_some())?;
        snapshot.tail = state.tail.groups(snapshot.framed_seq);
        snapshot.next_seq =
            snapshot.tail.last().map_or(snapshot.framed_seq, |group| group.end_seq().max(snapshot.framed_seq));
        if let Some(before) = &state.snapshot
            && snapshot.next_seq < before.next_seq
        {
            let problem = format!("the log ends at seq {}, it ended at {} before", snapshot.next_seq, before.next_seq);
            return Err(Corruption::at("MANIFEST", 0, problem).into());
        }
        let snapshot = Arc::new(snapshot);
        state.live = live;
        state.signed = signed;
        state.manifest = Some(manifest);
        state.snapshot = Some(Arc::clone(&snapshot));
        Ok(snapshot)
    }

    /// What in the directory says that frames are synced, beside the writer's mark.
    fn signed_here(&self) -> Result<(usize, Option<String>)> {
        let rotations = self.storage.list(ROTATIONS_DIR).doing("list", ROTATIONS_DIR)?.len();
        // A checkpoint that is no text proves nothing; `verify` names it.
        Ok((rotations, read_checkpoint(self.storage.as_ref()).ok().flatten()))
    }

    /// The same with the frames that the newest head covers, of a checkpoint or of a rotation: these were synced before it was signed,
    /// whatever the mark of a writer says that was killed before it wrote the next one ([JRN-5]). What does not hold proves nothing.
    fn signed(&self, state: &State, manifest: &Manifest) -> Result<Signed> {
        let here = self.signed_here()?;
        if here == state.signed.here {
            return Ok(state.signed.clone());
        }
        let trail = read_trail(self.storage.as_ref(), manifest).ok();
        let frames = trail.map_or(0, |trail| {
            let rotated = trail.rotations().last().map_or(0, |rotation| rotation.checkpoint.size);
            let newest = here.1.as_deref().and_then(|note| trail.open(note).ok());
            newest.map_or(rotated, |(newest, _)| newest.size.max(rotated))
        });
        Ok(Signed { here, frames })
    }

    /// Whether what was read fits together although the writer went on meanwhile; an error makes the caller look again.
    fn check_unchanged(&self, manifest: &Manifest, framed_seq: u64, limited: bool) -> Result<()> {
        if let Some(first) = first_journal_seq(self.storage.as_ref(), manifest)?
            && first > framed_seq
        {
            let problem = format!("the journal begins at seq {first}, frames end at {framed_seq}");
            return Err(Corruption::at("journal", 0, problem).over(framed_seq, first - 1).into());
        }
        // Without a mark the journal was read to its end, which is right only while nobody writes.
        if !limited && !planted(Mutant::ReaderPastLive) && self.storage.exists(LIVE).doing("look for", LIVE)? {
            let newer = self
                .read_live()?
                .filter(|live| live.log_id == manifest.log_id && live.incarnation >= manifest.incarnation);
            if newer.is_some() {
                return Err(Corruption::at(LIVE, 0, "a writer opened the log while it was being read").into());
            }
        }
        Ok(())
    }

    /// The writer's mark; `None` where there is none, or none that stays whole.
    fn read_live(&self) -> Result<Option<Live>> {
        // Opened anew each time: a new writer makes a new file.
        let file = match self.storage.open(LIVE, OpenMode::Read) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            opened => opened.doing("open", LIVE)?,
        };
        for _ in 0..ATTEMPTS {
            let mut bytes = [0u8; Live::SIZE];
            let read = file.read_at(&mut bytes, 0).doing("read", LIVE)?;
            // A mark may be caught half-rewritten, or not written at all yet.
            if let Some(live) = bytes.get(..read).and_then(|bytes| Live::decode(bytes).ok()) {
                return Ok(Some(live));
            }
            std::thread::yield_now();
        }
        Ok(None)
    }

    fn sealed(&self, state: &mut State, entry: &SegmentEntry) -> Arc<Segment> {
        let segment = state.sealed.entry((entry.id, entry.generation)).or_insert_with(|| {
            let name = segment_file_name(entry.id, entry.generation);
            let blocks = Blocks::lazy(Arc::clone(&self.storage), entry.id, entry.generation);
            Arc::new(Segment::with_footer(entry.clone(), name, blocks, Arc::clone(&self.cache)))
        });
        Arc::clone(segment)
    }

    /// The active segment and how many of its records may be shown.
    fn active(
        &self,
        state: &mut State,
        manifest: &Manifest,
        entry: &SegmentEntry,
        live: Option<&Live>,
        (synced_seq, synced_frames): (u64, u64),
    ) -> Result<(Arc<Segment>, u32)> {
        let name = segment_file_name(entry.id, entry.generation);
        if manifest.closed.is_some() {
            let file = self.storage.open(&name, OpenMode::Read).doing("open", &name)?;
            let segment = Segment::with_footer(entry.clone(), name, Blocks::File(file), Arc::clone(&self.cache));
            segment.directory()?;
            // A writer that opens the log cuts the lookups off the file; this view keeps its own.
            segment.keep_lookups()?;
            state.growing = None;
            let records = segment.records();
            return Ok((Arc::new(segment), records));
        }
        let key = (entry.id, entry.generation);
        if !state
            .growing
            .as_ref()
            .is_some_and(|growing| growing.key == key && growing.incarnation == manifest.incarnation)
        {
            state.growing = Some(self.new_growing(key, manifest.incarnation, &name)?);
        }
        let Some(growing) = &state.growing else { return Err(Error::Closed) };
        let segment = &growing.segment;
        let frames_max = live.map_or(usize::MAX, |live| {
            usize::try_from(live.framed_to.max(synced_frames).saturating_sub(entry.first_frame)).unwrap_or(usize::MAX)
        });
        let mut directory = segment.directory()?.write();
        let mut terms = growing.terms.write();
        let mut target = Target {
            directory: &mut directory,
            terms: &mut terms,
            first_seq: segment.first_seq,
            first_frame: segment.first_frame,
        };
        // Where the scan ends early, the records that follow are in the journal.
        scan_blocks(segment.blocks(), &segment.name, frames_max, &mut target);
        while target.first_seq + u64::from(target.directory.records()) < synced_seq {
            let frames = target.directory.frames.len();
            scan_blocks(segment.blocks(), &segment.name, frames + 1, &mut target);
            if target.directory.frames.len() == frames {
                break;
            }
        }
        let records = directory.records();
        drop((directory, terms));
        Ok((Arc::clone(segment), records))
    }

    fn new_growing(&self, key: (u64, u32), incarnation: u64, name: &str) -> Result<Growing> {
        let file = self.storage.open(name, OpenMode::Read).doing("open", name)?;
        let blocks = Blocks::File(file);
        let header: SegmentHeader = blocks.header(name)?;
        let terms = Arc::new(RwLock::new(TermTable::new()));
        let directory = Directory::empty(SegmentHeader::SIZE as u64, header.chain_before);
        let segment =
            Segment::growing(&header, name.to_owned(), blocks, directory, Terms::Live(Arc::clone(&terms)), None);
        Ok(Growing { key, incarnation, segment: Arc::new(segment), terms })
    }
}
