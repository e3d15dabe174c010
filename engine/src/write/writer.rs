//! Gives records their place: drains drafts, assigns seq and recorded-at, appends a group, syncs, publishes.
//!
//! ```text
//! drafts -> seq, recorded-at, duplicates out -> group (one write) -> written -> sync -> live file -> published -> durable
//! ```
//!
//! Invariants: seqs are dense; recorded-at never goes back; nothing is published or acknowledged durable before its sync
//! succeeded; after a failed sync nothing more is written. No thread in here: the log's writer thread, or a simulation, calls.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use indelible_evidence::record::{Record, put_transit};
use indelible_format::journal::GroupHeader;
use indelible_format::live::Live;
use indelible_format::manifest::{Closed, SegmentState};

use super::active::poison_on_sync;
use super::framer::CloseFacts;
use super::once::{self, Fate};
use super::shared::Shared;
use crate::draft::{Cell, Draft, Outcome};
use crate::error::{Error, IoContext, Result};
use crate::journal::JournalWriter;
use crate::mutant::{Mutant, planted};
use crate::query::View;
use crate::snapshot::TailGroup;
use crate::world::clock::Clock;
use crate::world::storage::{LockGuard, OpenMode, StorageFile};

/// Name of the file that tells readers in other processes how far they may read.
pub(crate) const LIVE: &str = "live";

/// A draft on its way, and where its outcome goes.
pub(crate) struct Item {
    pub(crate) draft: Draft,
    pub(crate) cell: Option<Cell>,
}

/// A group that was appended and waits for its sync.
struct Appended {
    records: Vec<Record>,
}

/// Gives records their place in the log.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    /// Held as long as this writer lives.
    lock: LockGuard,
    pub(crate) journal: JournalWriter,
    live: Arc<dyn StorageFile>,
    incarnation: u64,
    next_seq: u64,
    last_recorded: i64,
    payload: Vec<u8>,
    appended: Option<Appended>,
}

impl Writer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        clock: Arc<dyn Clock>,
        lock: LockGuard,
        journal: JournalWriter,
        next_seq: u64,
        last_recorded: i64,
    ) -> Result<Self> {
        let storage = &shared.storage;
        if storage.exists(LIVE).doing("look for", LIVE)? {
            storage.remove(LIVE).doing("remove", LIVE)?;
        }
        let live = storage.open(LIVE, OpenMode::CreateNew).doing("create", LIVE)?;
        let incarnation = shared.manifest.get().incarnation;
        let writer = Self {
            shared,
            clock,
            lock,
            journal,
            live,
            incarnation,
            next_seq,
            last_recorded,
            payload: Vec::new(),
            appended: None,
        };
        // The first mark must be there: without one, readers take the journal for that of a writer that died, and read all
        // of it. Later ones are written over it; where one fails on a full disk, readers see less for a while.
        writer.try_write_live()?;
        Ok(writer)
    }

    /// Seq that the next record will get.
    pub(crate) fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Appends the items as one group: written, not yet durable. On a full disk nothing has happened and the same items may
    /// be given again. Outcomes of duplicates and of stored records are set.
    pub(crate) fn append(&mut self, items: &mut [Item]) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        shared.poison.guard(|| self.append_group(items))
    }

    /// Makes the appended group durable and shows it to readers. Returns it for the framer.
    pub(crate) fn sync(&mut self) -> Result<Option<Arc<TailGroup>>> {
        let shared = Arc::clone(&self.shared);
        shared.poison.guard(|| self.sync_group())
    }

    /// Removes journal files that are framed and synced.
    pub(crate) fn tidy_journal(&mut self) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        shared.poison.guard(|| self.remove_framed())
    }

    /// Begins a new journal file, so that the one before can go once everything in it is framed. Returns the seq that the
    /// new one begins with. Does nothing where the current one holds no record.
    pub(crate) fn rotate_journal(&mut self) -> Result<u64> {
        let shared = Arc::clone(&self.shared);
        shared.poison.guard(|| {
            self.check_lock()?;
            if self.journal.holds_groups() {
                self.journal.rotate()?;
                self.write_live()?;
            }
            Ok(self.next_seq)
        })
    }

    /// Removes journal files that are framed and synced, and makes that durable: what was in them is gone after a crash too.
    pub(crate) fn remove_framed_for_good(&mut self) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        shared.poison.guard(|| {
            self.remove_framed()?;
            poison_on_sync(shared.storage.sync_dir("journal"), "journal")
        })
    }

    /// Ends the incarnation after the framer has finished: close mark, manifest, live file.
    pub(crate) fn finish(&mut self, facts: CloseFacts) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        shared.poison.guard(|| self.close(facts))
    }

    fn append_group(&mut self, items: &mut [Item]) -> Result<()> {
        self.check_lock()?;
        if planted(Mutant::AckBeforeSync) {
            self.journal.sync()?;
        }
        let recorded_at = self.clock.wall_nanos().max(self.last_recorded);
        let fates = once::fates(items, || View::new(self.shared.published.load()))?;
        self.payload.clear();
        let mut count = 0u32;
        for (item, fate) in items.iter_mut().zip(&fates) {
            if !fate.is_repeat() {
                item.draft.stamp_at(recorded_at);
                put_transit(&mut self.payload, recorded_at, item.draft.class, item.draft.slices());
                count += 1;
            }
        }
        if count > 0 {
            self.journal.append(count, &self.payload, self.shared.framed.frames.load(Ordering::Acquire))?;
            self.last_recorded = recorded_at;
            self.shared.written.journal.fetch_add((GroupHeader::SIZE + self.payload.len()) as u64, Ordering::Relaxed);
        }
        let mut records = Vec::with_capacity(count as usize);
        for (item, fate) in items.iter_mut().zip(fates) {
            let outcome = match fate {
                Fate::RepeatOf(seq) => Outcome::Duplicate(seq),
                Fate::RepeatInGroup(index) => Outcome::Duplicate(self.next_seq + index),
                Fate::Conflict => Outcome::Conflict(self.next_seq + records.len() as u64),
                Fate::New => Outcome::Stored(self.next_seq + records.len() as u64),
            };
            if let Outcome::Stored(seq) | Outcome::Conflict(seq) = outcome {
                records.push(Record { seq, recorded_at, class: item.draft.class, groups: item.draft.take_groups() });
            }
            if let Some(cell) = &item.cell {
                cell.set(outcome);
            }
        }
        self.next_seq += records.len() as u64;
        if planted(Mutant::PublishBeforeDurable) && !records.is_empty() {
            let (group, end) = (Arc::new(TailGroup::new(records.clone())), self.next_seq);
            self.shared.published.update(|snapshot| {
                snapshot.tail.push(group);
                snapshot.next_seq = end;
            });
        }
        self.appended = (!records.is_empty()).then_some(Appended { records });
        Ok(())
    }

    fn sync_group(&mut self) -> Result<Option<Arc<TailGroup>>> {
        let Some(appended) = self.appended.take() else { return Ok(None) };
        if !planted(Mutant::AckBeforeSync) {
            self.journal.sync()?;
        }
        // Whoever took a new lock before this sync may have read the journal without this group.
        self.check_lock()?;
        self.write_live()?;
        let group = Arc::new(TailGroup::new(appended.records));
        let end = group.end_seq();
        self.shared.published.update(|snapshot| {
            if snapshot.next_seq < end {
                snapshot.tail.push(Arc::clone(&group));
                snapshot.next_seq = end;
            }
        });
        Ok(Some(group))
    }

    /// The lock file may have been removed under our hands, and another writer may hold a new one: then stop before harm.
    fn check_lock(&self) -> Result<()> {
        if self.lock.is_current().doing("look at", "lock")? {
            return Ok(());
        }
        Err(Error::Poisoned { reason: "the lock file was replaced, and another writer may be at work".to_owned() })
    }

    fn remove_framed(&mut self) -> Result<()> {
        self.journal.remove_framed(self.shared.framed.seq.load(Ordering::Acquire))?;
        self.shared.framed.journal_first.store(self.journal.first_file(), Ordering::Release);
        Ok(())
    }

    /// A close mark in a file of its own, older files gone where everything in them is framed, then the manifest that says
    /// what a reader must find.
    fn close(&mut self, facts: CloseFacts) -> Result<()> {
        let framed = self.shared.framed.seq.load(Ordering::Acquire);
        if framed < self.next_seq {
            return Err(Error::Closed);
        }
        self.check_lock()?;
        self.journal.rotate()?;
        self.remove_framed()?;
        self.journal.close(self.shared.framed.frames.load(Ordering::Acquire))?;
        let (journal_no, journal_length) = (self.journal.file_no(), self.journal.end());
        let next_seq = self.next_seq;
        self.shared.manifest.update(|manifest| {
            manifest.journal_first = journal_no;
            manifest.closed = Some(Closed { journal_no, journal_length, next_seq, frames: facts.frames });
            if let Some(entry) = facts.active
                && let Some(last) = manifest.segments.last_mut().filter(|last| last.state == SegmentState::Active)
            {
                *last = entry;
            }
        })?;
        self.shared.storage.remove(LIVE).doing("remove", LIVE)
    }

    /// Tells readers in other processes how far they may read. Never synced and never evidence, so a failure is no loss.
    pub(crate) fn write_live(&self) -> Result<()> {
        match self.try_write_live() {
            Err(error) if error.is_disk_full() => Ok(()),
            written => written,
        }
    }

    fn try_write_live(&self) -> Result<()> {
        let live = Live {
            log_id: self.shared.manifest.get_log_id(),
            incarnation: self.incarnation,
            journal_no: self.journal.file_no(),
            durable_end: self.journal.end(),
            framed_to: self.shared.framed.frames.load(Ordering::Acquire),
        };
        self.live.write_at(&live.encode(), 0).doing("write", LIVE)
    }
}

impl std::fmt::Debug for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Item({} bytes)", self.draft.len())
    }
}
