//! Opens a log for writing: reads what is there, tells torn from corrupt, cuts what is torn, begins an incarnation.
//!
//! ```text
//! lock -> manifest -> segments -> journal -> torn or corrupt? -> cut and sync -> manifest (next incarnation) -> journal file
//! ```
//!
//! Invariants: where something durable is damaged nothing is changed and the log is not opened (`[RCV-2]`); what is cut is
//! kept aside first (`[RCV-1]`). Everything that was read is synced before it is called durable: after a killed process the
//! kernel may still hold it. Specified in `format-spec/10-recovery.md`.

use std::sync::Arc;

use indelible_evidence::LogId;
use indelible_evidence::commit::{FrameFacts, genesis_chain};
use indelible_evidence::descriptor::Hash;
use indelible_evidence::key::VerifierKey;
use indelible_format::manifest::{Manifest, SegmentEntry, SegmentState};
use indelible_format::names::{journal_file_name, parse_torn_file_name, segment_file_name, torn_file_name};
use indelible_format::segment::{SegmentHeader, TermTable};
use parking_lot::RwLock;

use crate::compact::{Compactions, remove_leftovers};
use crate::error::{Corruption, Error, FormatContext, IoContext, Result};
use crate::journal::{JournalState, JournalWriter, KeptFile, read_journal};
use crate::kept;
use crate::keys::{KeyTrail, read_trail};
use crate::log::LogConfig;
use crate::query::View;
use crate::recovery_report::{JournalCut, RecoveryReport};
use crate::segment::{Blocks, Cache, Directory, ScanEnd, Segment, Target, Terms, scan_blocks};
use crate::snapshot::{Published, Snapshot};
use crate::world::storage::{LockError, LockGuard, OpenMode, Storage, StorageFile};
use crate::write::active::{Active, day_of, open_entry, poison_on_sync};
use crate::write::facts;
use crate::write::framer::{Framer, Growth};
use crate::write::manifest::{ManifestStore, load};
use crate::write::poison::Poison;
use crate::write::shared::{Framed, Keys, Shared, Written};
use crate::write::sign::read_checkpoint;
use crate::write::writer::Writer;

/// Bytes that are written again at a time.
const REWRITE: usize = 1 << 20;

/// The parts of a log that is open for writing.
pub(crate) struct Opened {
    pub(crate) shared: Arc<Shared>,
    pub(crate) writer: Writer,
    pub(crate) framer: Framer,
    pub(crate) report: RecoveryReport,
}

/// What is on disk in segments.
struct Framing {
    sealed: Vec<Arc<Segment>>,
    growth: Growth,
    active: Option<(Arc<Segment>, u32)>,
    frames: u64,
    next_seq: u64,
    chain: Hash,
    recorded_max: i64,
    /// Where the active segment stops being whole, and why.
    broken: Option<Corruption>,
    /// Frames that something durable says were synced.
    proven_frames: u64,
    /// Length that the active file should have, where it has more.
    cut_to: Option<(String, u64, u64)>,
}

/// Asked before an opening writes anything: an error refuses to open, and nothing has changed then. It gets everything durable.
pub type OpeningCheck<'a> = dyn Fn(&View, &Manifest, &KeyTrail) -> Result<()> + 'a;

/// Opens the log for writing, with the lock of whoever has just created it or with one of its own.
pub(crate) fn open(config: LogConfig, lock: Option<LockGuard>, check: Option<&OpeningCheck<'_>>) -> Result<Opened> {
    config.options.check()?;
    let storage = Arc::clone(&config.world.storage);
    // Before the lock too: a directory without a log gets no lock file.
    load(storage.as_ref(), &config.path)?;
    let lock = lock.map_or_else(|| take_lock(storage.as_ref()), Ok)?;
    // Another writer may have finished, or rotated the key, between the first look and the lock.
    let manifest = load(storage.as_ref(), &config.path)?;
    let mut trail = read_trail(storage.as_ref(), &manifest)?;
    let mut kept = config.kept.as_ref().map(|heads| kept::read(heads, &mut trail)).transpose()?;
    if let Some(signer) = &config.signer {
        check_signer(signer.verifier(), &trail)?;
    }
    if manifest.encrypted {
        return Err(Error::Encrypted("the log is encrypted, and this version does not write encrypted logs"));
    }
    let cache = Cache::new(config.options.cache_bytes_max, config.options.open_segments_max);
    let mut framing = read_segments(&storage, &manifest, &cache)?;
    let mut journal = read_journal(storage.as_ref(), manifest.log_id, manifest.journal_first, framing.next_seq, None)?;
    if let (Some(heads), Some((kept, restore))) = (&config.kept, &mut kept) {
        let mut root = |size| framing.root(size);
        kept::judge(heads, storage.as_ref(), &trail, (kept, restore), framing.frames, &mut root)?;
    }
    let proven = check_durable(storage.as_ref(), &manifest, &trail, &framing, &journal)?;
    check_epoch(&config, &framing, manifest.log_id, &trail)?;
    framing.proven_frames = proven;
    let journal_records = journal.groups.iter().map(|group| group.records.len() as u64).sum();
    let mut report = RecoveryReport { journal_records, ..RecoveryReport::default() };
    let snapshot = snapshot_of(&mut framing, &mut journal);
    if let Some(check) = check {
        check(&View::new(Arc::new(snapshot.clone())), &manifest, &trail)?;
    }
    // Everything the manifest names is there, so other generations of it are what a compaction left behind.
    remove_leftovers(storage.as_ref(), &manifest)?;
    cut_torn(&storage, &mut framing, &journal, &mut report)?;
    if let (Some(heads), Some((_, restore))) = (&config.kept, &kept) {
        restore.carry_out(heads, storage.as_ref())?;
    }
    report.earlier_cuts = untold_cuts(storage.as_ref(), &journal, report.journal_cut.as_ref())?;
    report.was_closed = manifest.closed.is_some();
    report.incarnation = manifest.incarnation.max(journal.incarnation) + 1;
    begin(config, (manifest, trail), cache, (framing, snapshot), journal, lock, report)
}

/// What there is to see before anything is cut: the same that is published once the log is open.
fn snapshot_of(framing: &mut Framing, journal: &mut JournalState) -> Snapshot {
    Snapshot {
        sealed: Arc::new(framing.sealed.clone()),
        active: framing.active.clone(),
        tail: std::mem::take(&mut journal.groups).into_iter().map(Arc::new).collect(),
        framed_seq: framing.next_seq,
        next_seq: journal.next_seq,
    }
}

/// Takes the writer's lock.
pub(crate) fn take_lock(storage: &dyn Storage) -> Result<LockGuard> {
    storage.try_lock("lock").map_err(|error| match error {
        LockError::Held { .. } => Error::Locked,
        LockError::Io { name, source } => Error::Io { what: "lock", file: name, source },
    })
}

/// The key that was given must be the one that signs now.
fn check_signer(key: VerifierKey, trail: &KeyTrail) -> Result<()> {
    let problem = match trail.epoch_of(&key) {
        Some(epoch) if epoch == trail.epoch() => return Ok(()),
        Some(epoch) => format!(
            "it was rotated away: it is the key of epoch {epoch}, and the log is at epoch {}, whose verifier key is {}",
            trail.epoch(),
            trail.current()
        ),
        None => "it is not the key of this log: see log.pub for the one that is".to_owned(),
    };
    Err(Error::Option { option: "sign key", problem })
}

/// A key signs over frames of its own epoch alone: there is no falling back to an older one ([CHK-9]). A rotation that was cut short
/// is finished right after the opening, where its new key is there.
fn check_epoch(config: &LogConfig, framing: &Framing, log_id: LogId, trail: &KeyTrail) -> Result<()> {
    let Some(heads) = config.kept.as_ref().filter(|_| config.signer.is_some()) else { return Ok(()) };
    let (frames, signer) = (facts_of(framing, log_id)?.key_epoch, trail.epoch());
    match frames.checked_sub(signer) {
        None | Some(0) => Ok(()),
        Some(1) if heads.successor.is_some() => Ok(()),
        Some(_) => Err(Error::RotationOpen { frames, signer }),
    }
}

fn read_segments(storage: &Arc<dyn Storage>, manifest: &Manifest, cache: &Arc<Cache>) -> Result<Framing> {
    let present = storage.list("segments").doing("list", "segments")?;
    let mut framing = Framing {
        sealed: Vec::new(),
        growth: Growth::None,
        active: None,
        frames: 0,
        next_seq: 0,
        chain: genesis_chain(manifest.log_id, &manifest.origin, &manifest.key),
        recorded_max: i64::MIN,
        broken: None,
        proven_frames: 0,
        cut_to: None,
    };
    for entry in &manifest.segments {
        let name = segment_file_name(entry.id, entry.generation);
        if !present.iter().any(|file| name.ends_with(file.as_str())) {
            let last = entry.first_seq + entry.records.max(1) - 1;
            return Err(Corruption::at(&name, 0, "the file is missing")
                .in_segment(entry.id)
                .over(entry.first_seq, last)
                .into());
        }
        if entry.chain_before != framing.chain {
            return Err(Corruption::at("MANIFEST", 0, "a segment does not continue the chain")
                .in_segment(entry.id)
                .into());
        }
        if entry.state == SegmentState::Sealed {
            framing.add_entry(entry);
            let blocks = Blocks::lazy(Arc::clone(storage), entry.id, entry.generation);
            framing.sealed.push(Arc::new(Segment::with_footer(entry.clone(), name, blocks, Arc::clone(cache))));
        } else if manifest.closed.is_some() {
            framing.add_closed(storage, entry, name, cache)?;
        } else {
            framing.scan_active(storage, entry, name, cache)?;
        }
    }
    Ok(framing)
}

impl Framing {
    /// Root over the first `size` frames, `None` where there are fewer.
    fn root(&self, size: u64) -> Result<Option<Hash>> {
        let mut leaves: Vec<Hash> = Vec::new();
        for segment in self.sealed.iter().chain(self.active.iter().map(|(segment, _)| segment)) {
            segment.with_directory(|directory| leaves.extend(directory.frames.iter().map(|frame| frame.leaf_hash)))?;
        }
        Ok(kept::root_of(leaves.into_iter(), size))
    }

    fn add_entry(&mut self, entry: &SegmentEntry) {
        self.frames = entry.first_frame + entry.frames;
        self.next_seq = entry.first_seq + entry.records;
        self.chain = entry.chain_after;
        self.recorded_max = self.recorded_max.max(entry.recorded_max);
    }

    fn add_closed(
        &mut self,
        storage: &Arc<dyn Storage>,
        entry: &SegmentEntry,
        name: String,
        cache: &Arc<Cache>,
    ) -> Result<()> {
        let file = storage.open(&name, OpenMode::Read).doing("open", &name)?;
        let length = file.len().doing("measure", &name)?;
        if length != entry.length {
            let problem = format!("the file has {length} bytes, the manifest of the closed log says {}", entry.length);
            return Err(Corruption::at(&name, length, problem).in_segment(entry.id).into());
        }
        self.add_entry(entry);
        let segment = Arc::new(Segment::with_footer(entry.clone(), name, Blocks::File(file), Arc::clone(cache)));
        segment.directory()?;
        segment.keep_lookups()?;
        self.active = Some((Arc::clone(&segment), segment.records()));
        self.growth = Growth::Closed(segment);
        Ok(())
    }

    fn scan_active(
        &mut self,
        storage: &Arc<dyn Storage>,
        entry: &SegmentEntry,
        name: String,
        cache: &Arc<Cache>,
    ) -> Result<()> {
        let file = storage.open(&name, OpenMode::ReadWrite).doing("open", &name)?;
        let blocks = Blocks::File(Arc::clone(&file));
        // The header was synced before the manifest named the file, so damage to it is corruption.
        let header = blocks.header(&name)?;
        if open_entry(&header).chain_before != entry.chain_before || header.first_seq != entry.first_seq {
            return Err(Corruption::at(&name, 0, "the header is not that of the segment the manifest names").into());
        }
        let mut directory = Directory::empty(SegmentHeader::SIZE as u64, header.chain_before);
        let mut terms = TermTable::new();
        let mut target = Target {
            directory: &mut directory,
            terms: &mut terms,
            first_seq: header.first_seq,
            first_frame: header.first_frame,
        };
        let scanned = scan_blocks(&blocks, &name, usize::MAX, &mut target);
        let length = file.len().doing("measure", &name)?;
        if let ScanEnd::Broken(damage) = scanned.end {
            self.broken = Some(damage.in_segment(entry.id));
        }
        if length > scanned.end_offset {
            self.cut_to = Some((name.clone(), scanned.end_offset, length));
        }
        self.frames = header.first_frame + directory.frames.len() as u64;
        self.next_seq = header.first_seq + u64::from(directory.records());
        self.chain = directory.chain_after;
        self.recorded_max = self.recorded_max.max(directory.recorded_max);
        let day = directory.frames.first().map(|frame| day_of(frame.recorded_first));
        let records = directory.records();
        let terms = Arc::new(RwLock::new(terms));
        let live = Terms::Live(Arc::clone(&terms));
        let segment = Segment::growing(&header, name, blocks, directory, live, Some(Arc::clone(cache)));
        let segment = Arc::new(segment);
        self.active = Some((Arc::clone(&segment), records));
        self.growth = Growth::Active(Active { segment, file, terms, unsynced: 1, day });
        Ok(())
    }
}

/// Refuses damage to anything that some other place says was durable (rules 1 to 5 of the chapter). Returns how many frames
/// are known to be synced.
fn check_durable(
    storage: &dyn Storage,
    manifest: &Manifest,
    trail: &KeyTrail,
    framing: &Framing,
    journal: &JournalState,
) -> Result<u64> {
    let mut durable_frames = journal.framed_to;
    if let Some(note) = read_checkpoint(storage)? {
        durable_frames = durable_frames.max(trail.open(&note).in_file("checkpoint", 0)?.0.size);
    }
    if let Some(rotation) = trail.rotations().last() {
        durable_frames = durable_frames.max(rotation.checkpoint.size);
    }
    if framing.frames < durable_frames {
        let problem = format!("{} frames are whole, {durable_frames} were durable", framing.frames);
        let damage = framing.broken.clone().unwrap_or_else(|| Corruption::at("segments", 0, &problem));
        let problem = format!("{} ({problem})", damage.problem);
        return Err(Corruption { problem, ..damage }
            .in_frame(framing.frames)
            .over(framing.next_seq, framing.next_seq)
            .into());
    }
    if let Some(damage) = &journal.damage
        && (damage.durable_because.is_some() || manifest.closed.is_some())
    {
        return Err(damage.corruption(journal.next_seq).into());
    }
    if manifest.incarnation > 0 && journal.files.is_empty() && journal.damage.is_none() {
        return Err(Corruption::at("journal", 0, "no journal file is left").into());
    }
    if let Some(closed) = &manifest.closed {
        let last = journal.files.last().map(|&(number, _)| number);
        let found = (last, journal.last_length, journal.next_seq, framing.frames);
        if !journal.closed || found != (Some(closed.journal_no), closed.journal_length, closed.next_seq, closed.frames)
        {
            let name = journal_file_name(closed.journal_no);
            return Err(
                Corruption::at(&name, 0, "the journal does not end as the manifest of the closed log says").into()
            );
        }
    }
    Ok(durable_frames)
}

/// Cuts torn tails; bytes of the journal are kept aside first. Syncs everything that was read.
fn cut_torn(
    storage: &Arc<dyn Storage>,
    framing: &mut Framing,
    journal: &JournalState,
    report: &mut RecoveryReport,
) -> Result<()> {
    if let Growth::Active(active) = &mut framing.growth {
        if let Some((name, to, length)) = &framing.cut_to {
            active.file.set_len(*to).doing("cut the torn tail off", name)?;
            // Lookups and a footer are derived and no loss; only a broken block counts as cut.
            report.segment_cut_bytes = if framing.broken.is_some() { length - to } else { 0 };
        }
        write_frames_again(active, framing.proven_frames)?;
        active.sync()?;
    }
    let last = journal.files.last().map(|&(file_no, _)| file_no);
    for &(file_no, _) in &journal.files {
        let name = journal_file_name(file_no);
        let file = storage.open(&name, OpenMode::ReadWrite).doing("open", &name)?;
        if let Some(damage) = journal.damage.as_ref().filter(|damage| damage.file_no == file_no) {
            report.journal_cut =
                Some(keep_aside(storage, &damage.name, file_no, damage.offset, &damage.error.to_string())?);
            file.set_len(damage.offset).doing("cut the torn tail off", &name)?;
        }
        if Some(file_no) == last {
            write_again(file.as_ref(), &name, journal.last_group)?;
        }
        poison_on_sync(file.sync_data(), &name)?;
    }
    if let Some(damage) = &journal.damage
        && !journal.files.iter().any(|&(file_no, _)| file_no == damage.file_no)
    {
        // Not even its header was whole: the file never held a record.
        report.journal_cut = Some(keep_aside(storage, &damage.name, damage.file_no, 0, &damage.error.to_string())?);
        storage.remove(&damage.name).doing("remove", &damage.name)?;
        poison_on_sync(storage.sync_dir("journal"), "journal")?;
    }
    Ok(())
}

/// Writes again what a file ends with, from `from` on, and its length.
///
/// A sync that failed may have left bytes that readers see, that the kernel counts as clean, and that no later sync writes.
/// A recovery in the same boot would call them durable and lose them with the next power cut; writing them makes them count.
fn write_again(file: &dyn StorageFile, name: &str, from: u64) -> Result<()> {
    let length = file.len().doing("measure", name)?;
    file.set_len(length).doing("write again the end of", name)?;
    let mut bytes = Vec::new();
    let mut at = from;
    while at < length {
        bytes.resize(usize::try_from(length - at).unwrap_or(REWRITE).min(REWRITE), 0);
        file.read_exact_at(&mut bytes, at).doing("read", name)?;
        file.write_at(&bytes, at).doing("write again the end of", name)?;
        at += bytes.len() as u64;
    }
    Ok(())
}

/// The same for the frames of the active segment behind those that are known to be synced.
fn write_frames_again(active: &Active, proven_frames: u64) -> Result<()> {
    let from = {
        let directory = active.segment.directory()?.read();
        let proven = proven_frames.saturating_sub(active.segment.first_frame);
        let last = proven.checked_sub(1).and_then(|index| directory.frames.get(usize::try_from(index).ok()?));
        last.map_or(SegmentHeader::SIZE as u64, |frame| frame.offset + u64::from(frame.length))
    };
    write_again(active.file.as_ref(), &active.segment.name, from)
}

/// Cuts in `torn/` that no record tells of: the opening that made them ended before its recovery record was durable.
///
/// That record is the first of the file that the opening began: the next number, or the same one where not even the header
/// was whole. So a cut is told where a file from there on holds records, or where the files are gone because they did.
fn untold_cuts(storage: &dyn Storage, journal: &JournalState, current: Option<&JournalCut>) -> Result<Vec<JournalCut>> {
    let first = journal.files.first().map_or(0, |&(number, _)| number);
    let mut untold = Vec::new();
    for file in storage.list("torn").doing("list", "torn")? {
        let name = format!("torn/{file}");
        let Some((file_no, offset)) = parse_torn_file_name(&name) else { continue };
        let told_from = if offset == 0 { file_no } else { file_no + 1 };
        let told = told_from < first || journal.last_with_records.is_some_and(|last| last >= told_from);
        if told || current.is_some_and(|cut| (cut.file_no, cut.offset) == (file_no, offset)) {
            continue;
        }
        let cut = storage.read(&name, 1 << 31).doing("read", &name)?;
        let why = "cut by an opening that ended before it could record it".to_owned();
        untold.push(JournalCut { file_no, offset, bytes: cut.len() as u64, crc: crc32fast::hash(&cut), why });
    }
    Ok(untold)
}

fn keep_aside(storage: &Arc<dyn Storage>, name: &str, file_no: u64, offset: u64, why: &str) -> Result<JournalCut> {
    let bytes = storage.read(name, 1 << 31).doing("read", name)?;
    let cut = bytes.get(usize::try_from(offset).unwrap_or(usize::MAX)..).unwrap_or_default();
    storage.create_dir("torn").doing("create", "torn")?;
    poison_on_sync(storage.sync_dir(""), "the log directory")?;
    let aside = torn_file_name(file_no, offset);
    storage.replace(&aside, cut).doing("write", &aside)?;
    Ok(JournalCut { file_no, offset, bytes: cut.len() as u64, crc: crc32fast::hash(cut), why: why.to_owned() })
}

/// Begins the incarnation and puts the parts together.
fn begin(
    config: LogConfig,
    (manifest, trail): (Manifest, KeyTrail),
    cache: Arc<Cache>,
    (framing, snapshot): (Framing, Snapshot),
    journal: JournalState,
    lock: LockGuard,
    report: RecoveryReport,
) -> Result<Opened> {
    let storage = Arc::clone(&config.world.storage);
    let first_opening = manifest.incarnation == 0;
    let log_id = manifest.log_id;
    let file_no =
        journal.files.last().map_or(0, |&(number, _)| number).max(manifest.journal_first.saturating_sub(1)) + 1;
    let kept: Vec<KeptFile> = journal.files.iter().map(|&(file_no, end_seq)| KeptFile { file_no, end_seq }).collect();
    let journal_first = kept.first().map_or(file_no, |kept| kept.file_no);
    let manifest = ManifestStore::new(Arc::clone(&storage), manifest);
    let enter = |manifest: &ManifestStore| {
        manifest.update(|manifest| {
            manifest.incarnation = report.incarnation;
            manifest.closed = None;
            manifest.journal_first = journal_first;
            if let Some(last) = manifest.segments.last_mut().filter(|last| last.state == SegmentState::Active) {
                *last = reopened(last);
            }
        })
    };
    // A log that was opened before always has a journal file, so that its absence is noticed; the first opening makes it first.
    if !first_opening {
        enter(&manifest)?;
    }
    let journal_writer = JournalWriter::create(
        Arc::clone(&storage),
        log_id,
        report.incarnation,
        file_no,
        journal.next_seq,
        config.options.journal_bytes_max,
        kept,
    )?;
    if first_opening {
        enter(&manifest)?;
    }
    let frame_facts = facts_of(&framing, log_id)?;
    let last_recorded = framing.recorded_max.max(journal.recorded_last.unwrap_or(i64::MIN));
    let framed = Framed::at(framing.frames, framing.next_seq, journal_first);
    let next_seq = journal.next_seq;
    let published = Published::new(snapshot);
    let shared = Arc::new(Shared {
        storage,
        rng: config.world.rng,
        options: config.options,
        manifest,
        published,
        framed,
        written: Written::default(),
        cache,
        keys: Keys::new(config.signer, trail, config.kept),
        poison: Poison::default(),
        compactions: Compactions::default(),
    });
    let framer = Framer::new(Arc::clone(&shared), framing.growth, frame_facts, framing.chain);
    let writer = Writer::new(Arc::clone(&shared), config.world.clock, lock, journal_writer, next_seq, last_recorded)?;
    Ok(Opened { shared, writer, framer, report })
}

/// What the last frame says of the log, for the descriptor of the next one.
fn facts_of(framing: &Framing, log_id: LogId) -> Result<FrameFacts> {
    let active = framing.active.iter().map(|(segment, _)| segment);
    for segment in active.chain(framing.sealed.iter().rev()) {
        let frames = segment.directory()?.read().frames.len();
        if let Some(last) = frames.checked_sub(1) {
            let facts = facts::after(segment.frame(last)?.descriptor());
            return Ok(FrameFacts { frame_no: framing.frames, ..facts });
        }
    }
    Ok(FrameFacts { log_id, frame_no: framing.frames, schedule_version: 1, key_epoch: 0, lost_events: 0 })
}

fn reopened(entry: &SegmentEntry) -> SegmentEntry {
    SegmentEntry {
        records: 0,
        frames: 0,
        length: 0,
        occurred_min: 0,
        occurred_max: 0,
        recorded_min: 0,
        recorded_max: 0,
        chain_after: [0; 32],
        ..entry.clone()
    }
}
