//! A log without threads: the caller takes every step of the write path, in whatever order, at whatever moment.
//!
//! ```text
//! append ── sync ──┬── frame ── sync_frames ── checkpoint        each one call, each at the caller's bidding
//!  (journal)       └── tidy                       └── close
//! ```
//!
//! [`crate::Log`] takes the same steps of the same writer and framer from its two threads. A simulation that drives them here,
//! on a simulated disk, with a manual clock and seeded randomness, meets every interleaving of them and repeats it exactly.
//!
//! Invariants: as the log's. Nothing is durable before [`StepLog::sync`] has returned; after an error that is neither a full
//! disk nor a refused option every step is refused. Dropping it closes nothing: it is what a killed process leaves.
//!
//! Deliberately not here: the ring, receipts, waiting, and retries on a full disk (the caller's, by calling again).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use indelible_format::manifest::Manifest;

use crate::compact::{self, CompactReport, CompactRequest, Prune, TornFile};
use crate::create::Creation;
use crate::draft::{Cell, Draft, Outcome};
use crate::error::{Error, Result};
use crate::log::{CreateSpec, LogConfig, first_records};
use crate::query::View;
use crate::recover::{self, Opened};
use crate::recovery_report::RecoveryReport;
use crate::world::storage::LockGuard;
use crate::write::framer::Framer;
use crate::write::queue::Settled;
use crate::write::shared::Shared;
use crate::write::sign::read_checkpoint;
use crate::write::writer::{Item, Writer};

/// A log that is open for writing and moves only when told to.
pub struct StepLog {
    shared: Arc<Shared>,
    writer: Writer,
    framer: Framer,
    report: RecoveryReport,
    /// Whether a group is appended and not synced: the next one waits for that, as in the log's writer thread.
    unsynced: bool,
}

impl std::fmt::Debug for StepLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StepLog(next seq {})", self.next_seq())
    }
}

impl StepLog {
    /// Creates a log and opens it; genesis and schedule are durable when it returns.
    ///
    /// # Errors
    /// As [`crate::Log::create`].
    pub fn create(config: LogConfig, spec: &CreateSpec) -> Result<Self> {
        let lock = Creation::begin(&config.world.storage, &config.path)?.commit(&config, spec)?;
        Self::start(config, Some(lock), Some(&spec.schedule))
    }

    /// Opens a log, recovering it where it was not closed; the recovery record, if there is one, is durable when it returns.
    ///
    /// # Errors
    /// As [`crate::Log::open`].
    pub fn open(config: LogConfig) -> Result<Self> {
        Self::start(config, None, None)
    }

    fn start(config: LogConfig, lock: Option<LockGuard>, schedule: Option<&str>) -> Result<Self> {
        let Opened { shared, writer, framer, report } = recover::open(config, lock, None)?;
        let mut first = first_records(&shared.manifest.get(), &writer, &report, schedule);
        let mut log = Self { shared, writer, framer, report, unsynced: false };
        if !first.is_empty() {
            log.writer.append(&mut first)?;
            log.unsynced = true;
            log.sync()?;
        }
        Ok(log)
    }

    /// What opening found.
    pub fn recovery(&self) -> &RecoveryReport {
        &self.report
    }

    /// Appends the drafts to the journal as one group; written, not durable. A group that waits for its sync is synced first.
    /// After an error that says that the disk is full nothing has happened, and the same drafts may be given again.
    ///
    /// # Errors
    /// The disk's own, [`Error::Record`] for a draft larger than a frame or a group that no reader would accept, [`Error::Poisoned`].
    pub fn append(&mut self, drafts: Vec<Draft>) -> Result<Vec<Outcome>> {
        drafts.iter().try_for_each(Draft::check_admissible)?;
        if self.unsynced {
            self.sync()?;
        }
        let cells: Vec<Cell> = drafts.iter().map(|_| Cell::new()).collect();
        let mut items: Vec<Item> =
            drafts.into_iter().zip(&cells).map(|(draft, cell)| Item { draft, cell: Some(cell.clone()) }).collect();
        self.writer.append(&mut items)?;
        self.unsynced = true;
        cells.iter().map(|cell| cell.get().ok_or(Error::Closed)).collect()
    }

    /// Makes the appended group durable, shows it to readers and hands it to the framer. Returns the seq after the last
    /// durable record.
    ///
    /// # Errors
    /// [`Error::Poisoned`] where the sync failed.
    pub fn sync(&mut self) -> Result<u64> {
        self.unsynced = false;
        if let Some(group) = self.writer.sync()? {
            self.framer.push(group);
        }
        Ok(self.durable_to())
    }

    /// Makes frames of durable records and appends them to the active segment: full ones, with `partial` the rest too. Seals
    /// segments that are full. Returns the number of records framed.
    ///
    /// # Errors
    /// The disk's own; on a full disk the same frames are written by the next call.
    pub fn frame(&mut self, partial: bool) -> Result<usize> {
        Ok(self.framer.frame(partial)?.0)
    }

    /// Makes the frames written so far durable.
    ///
    /// # Errors
    /// [`Error::Poisoned`] where the sync failed.
    pub fn sync_frames(&mut self) -> Result<()> {
        self.framer.sync()
    }

    /// Frames and syncs everything durable and signs the tree head. Returns the note.
    ///
    /// # Errors
    /// As [`crate::Log::checkpoint`].
    pub fn checkpoint(&mut self) -> Result<String> {
        self.framer.checkpoint()
    }

    /// Frames and syncs everything durable and seals the active segment; afterwards no journal file holds a record below the
    /// returned `sealed_seq`.
    ///
    /// # Errors
    /// As [`crate::Log::seal`].
    pub fn seal(&mut self) -> Result<Settled> {
        let sealed = self.framer.settle(true)?;
        self.rotate_journal()?;
        Ok(sealed)
    }

    /// Begins a new journal file and removes the older ones, everything in them framed and synced.
    ///
    /// # Errors
    /// As [`crate::Log::rotate_journal`].
    pub fn rotate_journal(&mut self) -> Result<u64> {
        if self.unsynced {
            self.sync()?;
        }
        let from = self.writer.rotate_journal()?;
        self.framer.settle(false)?;
        self.writer.remove_framed_for_good()?;
        Ok(from)
    }

    /// The newest signed head, if there is one.
    ///
    /// # Errors
    /// The disk's own.
    pub fn newest_checkpoint(&self) -> Result<Option<String>> {
        read_checkpoint(self.shared.storage.as_ref())
    }

    /// Removes from sealed segments what `prune` decides: as [`crate::Log::compact`], in one step with many disk operations.
    ///
    /// # Errors
    /// As [`crate::Log::compact`].
    pub fn compact(&mut self, request: &CompactRequest, prune: &dyn Prune) -> Result<CompactReport> {
        compact::compact(&self.shared, request, prune)
    }

    /// Journal tails that recoveries cut off and kept aside.
    ///
    /// # Errors
    /// The disk's own.
    pub fn torn_files(&self) -> Result<Vec<TornFile>> {
        compact::torn_files(self.shared.storage.as_ref())
    }

    /// Removes cut tails for good.
    ///
    /// # Errors
    /// [`Error::Poisoned`] where that could not be made durable, [`Error::Closed`], the disk's own.
    pub fn remove_torn(&mut self, which: &[TornFile]) -> Result<()> {
        compact::remove_torn(&self.shared, which)
    }

    /// What the writer does when it is idle: renews the live mark and removes journal files that are framed and synced.
    ///
    /// # Errors
    /// The disk's own.
    pub fn tidy(&mut self) -> Result<()> {
        // The mark names the end of the journal file, which is durable only while no group waits for its sync.
        if !self.unsynced {
            self.shared.poison.guard(|| self.writer.write_live())?;
        }
        self.writer.tidy_journal()
    }

    /// Syncs, frames and signs everything and closes cleanly.
    ///
    /// # Errors
    /// The disk's own. The log is not closed then, and opening it recovers it.
    pub fn close(&mut self) -> Result<()> {
        self.sync()?;
        let facts = self.framer.close()?;
        self.writer.finish(facts)
    }

    /// The newest view: everything durable.
    pub fn view(&self) -> View {
        View::new(self.shared.snapshot())
    }

    /// Seq after the last durable record.
    pub fn durable_to(&self) -> u64 {
        self.shared.published.durable.get()
    }

    /// Seq that the next record will get.
    pub fn next_seq(&self) -> u64 {
        self.writer.next_seq()
    }

    /// Frames that are synced.
    pub fn frames(&self) -> u64 {
        self.shared.framed.frames.load(Ordering::Acquire)
    }

    /// Why the log takes no more steps, if it does not.
    pub fn poisoned(&self) -> Option<String> {
        self.shared.poison.reason()
    }

    /// The manifest as it is on disk.
    pub fn manifest(&self) -> Manifest {
        self.shared.manifest.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;
    use crate::query::{Expr, Query};
    use crate::sample;
    use crate::world::storage::sim::{SimOptions, SimStorage};
    use indelible_evidence::schema::{Field, Kind};

    /// The first checkpoint after an opening read the directory of every segment, and all of them stayed in memory; so did what
    /// one query had read of a log of any size.
    #[test]
    fn a_checkpoint_and_a_query_leave_no_sealed_segment_open() {
        let disk = SimStorage::new(1, SimOptions::default());
        let options = || Options { segment_bytes_max: 4_096, open_segments_max: 2, ..Options::default() };
        let config = || sample::config(&disk, options());
        let draft = |n: u64| {
            Draft::write(Kind::Event, Some(n as i64), 1, |groups| groups.text(Field::TARGET_ID, &format!("{n:0500}")))
        };
        let mut log = StepLog::create(config(), &sample::spec()).expect("create");
        for n in 0..60 {
            log.append(vec![draft(n)]).expect("append");
            log.frame(true).expect("frame");
        }
        log.close().expect("close");
        drop(log);
        let mut log = StepLog::open(config()).expect("open");
        log.append(vec![draft(60)]).expect("append");
        log.checkpoint().expect("checkpoint");
        assert_eq!(open(&log), (0, true));
        // Two may be open: all of it read, more are, and the next view begins with none.
        let view = log.view();
        assert_eq!(view.query(&Query::oldest(Expr::events(), 1_000)).expect("query").rows.len(), 60);
        assert!(open(&log).0 > 2);
        assert_eq!(log.view().next_seq(), view.next_seq());
        assert_eq!(open(&log).0, 0);
        // What the old view holds is no reason to close again what new views open.
        let one = Query { filter: Expr::Seq { from: 3, to: 4 }, ..Query::oldest(Expr::True, 1) };
        assert_eq!(log.view().query(&one).expect("query").rows.len(), 1);
        drop(log.view());
        assert_eq!(open(&log).0, 1);
        assert_eq!(view.query(&Query::oldest(Expr::events(), 1_000)).expect("query").rows.len(), 60);
    }

    /// How many sealed segments of the newest snapshot are open, and whether it has some.
    fn open(log: &StepLog) -> (usize, bool) {
        let snapshot = log.shared.published.load();
        (snapshot.sealed.iter().filter(|segment| segment.is_open()).count(), snapshot.sealed.len() > 4)
    }
}
