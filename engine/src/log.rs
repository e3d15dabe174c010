//! A log that is open for writing: emit from any thread, one writer thread, one framer thread.
//!
//! ```text
//! emit -> ring -> [writer: group, sync, publish] -> queue -> [framer: frames, segments, checkpoints]
//! ```
//!
//! Invariants: what `emit` accepted is written unless the log is poisoned; `close` returns after everything accepted is framed
//! and synced. A failed sync poisons the log: both threads stop and every waiter is told (`Error::Poisoned`).

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indelible_evidence::LogId;
use indelible_evidence::key::SigningKey;
use indelible_evidence::schema::Kind;
use indelible_format::manifest::Manifest;
use parking_lot::Mutex;

use crate::compact::{self, CompactReport, CompactRequest, Prune, TornFile};
use crate::create::Creation;
use crate::draft::{Cell, Draft, Progress, Receipt};
use crate::error::{Error, IoContext, Result};
use crate::health::{DiskHealth, Health, Pressure};
use crate::kept::KeptHeads;
use crate::keys::KeyTrail;
use crate::options::{Options, Overflow};
use crate::query::View;
use crate::recover::{self, Opened, OpeningCheck};
use crate::recovery_report::RecoveryReport;
use crate::ring::{Consumer, Producer, PushError, RingConfig, ring};
use crate::run::{FramerThread, WriterThread};
use crate::watermark::{WaitOutcome, Watermark};
use crate::world::World;
use crate::world::storage::{Access, DirStorage, LockGuard};
use crate::write::orders::{Order, Orders};
use crate::write::queue::{FrameQueue, Settled, Work};
pub use crate::write::shared::HeadHook;
use crate::write::shared::Shared;
use crate::write::sign::read_checkpoint;
use crate::write::writer::Item;

/// Where a log is, and what it is opened with.
#[derive(Clone)]
pub struct LogConfig {
    /// The log directory, time, and where salts come from.
    pub world: World,
    /// How it is written.
    pub options: Options,
    /// Signs checkpoints; without it none are made.
    pub signer: Option<Arc<SigningKey>>,
    /// Where the signer keeps its newest head before the log directory gets it; without it nothing is kept.
    pub kept: Option<KeptHeads>,
    /// The directory's name, for messages.
    pub path: String,
}

impl LogConfig {
    /// A real directory, the machine's clock and randomness, default options, no signer.
    ///
    /// # Errors
    /// [`Error::Io`] where the directory cannot be opened.
    pub fn at(path: &Path, access: Access) -> Result<Self> {
        let storage = DirStorage::open(path, access).doing("open", &path.display().to_string())?;
        Ok(Self {
            world: World::on(Arc::new(storage)),
            options: Options::default(),
            signer: None,
            kept: None,
            path: path.display().to_string(),
        })
    }
}

/// Body of the schedule record of a log whose creation was cut short before it had one ([RCV-7]): class by severity, info 1,
/// warning 2, critical 3.
pub const DEFAULT_SCHEDULE: &str = r#"{"version":1,"rules":[{"class":1,"label":"info","severity":1},{"class":2,"label":"warning","severity":2},{"class":3,"label":"critical","severity":3}],"default":1}"#;

/// What a new log is.
#[derive(Debug, Clone)]
pub struct CreateSpec {
    /// Its id.
    pub log_id: LogId,
    /// Origin of its checkpoints.
    pub origin: String,
    /// Its first verifier key, text form.
    pub key: String,
    /// Body of the schedule record: which retention class an event gets.
    pub schedule: String,
}

/// An event that was not accepted, given back.
#[derive(Debug)]
pub struct Refused {
    /// What was to be stored.
    pub draft: Draft,
    /// Why it was not.
    pub error: Error,
}

/// State that emitters, the threads and readers share.
pub(crate) struct Status {
    pub(crate) disk_full: AtomicBool,
    /// Set where nobody wants to wait for room any longer: a thread that waits for it ends with [`Error::DiskFull`].
    pub(crate) give_up: AtomicBool,
    pub(crate) syncs: AtomicU64,
    /// Moves with every frame sync; checkpoint waits use it.
    pub(crate) stopped: Watermark,
}

/// A log that is open for writing.
pub struct Log {
    shared: Arc<Shared>,
    producer: Producer<Item>,
    queue: Arc<FrameQueue>,
    orders: Arc<Orders>,
    progress: Arc<Progress>,
    status: Arc<Status>,
    overflow: Overflow,
    report: RecoveryReport,
    opened: Instant,
    /// The writer thread, which holds the lock and joins the framer.
    writer: Mutex<Option<JoinHandle<Result<()>>>>,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Log({})", self.shared.manifest.get_log_id())
    }
}

impl Log {
    /// Creates a log in an empty or missing directory and opens it. Its first records are genesis and schedule.
    ///
    /// # Errors
    /// [`Error::Exists`] where the directory holds a log, [`Error::NotEmpty`] where it holds something else, [`Error::Locked`] while somebody
    /// else creates one there; the disk's own.
    pub fn create(config: LogConfig, spec: &CreateSpec) -> Result<Self> {
        let creation = Creation::begin(&config.world.storage, &config.path)?;
        Self::create_begun(creation, config, spec)
    }

    /// Finishes a creation that was begun in the directory of `config`, and opens the log.
    ///
    /// # Errors
    /// The disk's own. The creation may be begun again: what was written is taken over.
    pub fn create_begun(creation: Creation, config: LogConfig, spec: &CreateSpec) -> Result<Self> {
        let lock = creation.commit(&config, spec)?;
        Self::start(config, Some(lock), Some(&spec.schedule), None)
    }

    /// Opens a log for writing; recovers it where it was not closed cleanly.
    ///
    /// # Errors
    /// [`Error::NotALog`], [`Error::Locked`], [`Error::Corrupt`] where something durable is damaged (nothing is changed then).
    pub fn open(config: LogConfig) -> Result<Self> {
        Self::start(config, None, None, None)
    }

    /// As [`Log::open`]; `check` is asked before anything is written, and what it refuses is not opened.
    ///
    /// # Errors
    /// As [`Log::open`], and what `check` says.
    pub fn open_checked(config: LogConfig, check: &OpeningCheck<'_>) -> Result<Self> {
        Self::start(config, None, None, Some(check))
    }

    fn start(
        config: LogConfig,
        lock: Option<LockGuard>,
        schedule: Option<&str>,
        check: Option<&OpeningCheck<'_>>,
    ) -> Result<Self> {
        let options = config.options.clone();
        let Opened { shared, writer, framer, report } = recover::open(config, lock, check)?;
        let ring_config = RingConfig::new(options.ring_slots, options.ring_bytes_max)
            .map_err(|error| Error::Option { option: "ring_slots / ring_bytes_max", problem: error.to_string() })?;
        let (producer, consumer): (Producer<Item>, Consumer<Item>) = ring(ring_config);
        let queue = Arc::new(FrameQueue::new(options.unframed_records_max, options.unframed_bytes_max));
        let orders = Arc::new(Orders::default());
        let progress = Arc::new(Progress { written: Watermark::new(0), durable: Watermark::new(0) });
        let status = Arc::new(Status {
            disk_full: AtomicBool::new(false),
            give_up: AtomicBool::new(false),
            syncs: AtomicU64::new(0),
            stopped: Watermark::new(0),
        });
        let first = first_records(&shared.manifest.get(), &writer, &report, schedule);
        let framer_thread = FramerThread::new(Arc::clone(&shared), framer, Arc::clone(&queue), Arc::clone(&status));
        let writer_thread = WriterThread {
            shared: Arc::clone(&shared),
            writer,
            consumer,
            queue: Arc::clone(&queue),
            progress: Arc::clone(&progress),
            status: Arc::clone(&status),
            options: options.clone(),
            orders: Arc::clone(&orders),
            tickets: 0,
            first,
        };
        let framer = spawn("indelible-framer", move || framer_thread.run())?;
        let writer = spawn("indelible-writer", move || writer_thread.run(framer))?;
        let writer = Mutex::new(Some(writer));
        let log = Self {
            shared,
            producer,
            queue,
            orders,
            progress,
            status,
            overflow: options.overflow,
            report,
            opened: Instant::now(),
            writer,
        };
        log.wait_for_first_records()?;
        Ok(log)
    }

    /// Genesis, schedule and recovery records are durable before anyone else's.
    fn wait_for_first_records(&self) -> Result<()> {
        match self.status.stopped.wait_for(1, None) {
            WaitOutcome::Reached => Ok(()),
            _ => Err(self.poisoned()),
        }
    }

    /// What opening found.
    pub fn recovery(&self) -> &RecoveryReport {
        &self.report
    }

    /// Hands a record to the writer; never touches the disk. A release build trusts that the draft is canonical, as
    /// [`Draft::write`] makes it; a record that is not makes a log that does not open. Whoever has bytes from elsewhere calls
    /// [`Draft::check`] first; debug builds always do.
    ///
    /// # Errors
    /// The draft comes back where it is larger than a frame ([`Error::Record`]), where the log is closed or poisoned, or where the ring stayed full, by the overflow policy.
    pub fn emit(&self, draft: Draft) -> Result<Receipt, Box<Refused>> {
        if self.progress.durable.is_poisoned() {
            return Err(Box::new(Refused { draft, error: self.poisoned() }));
        }
        if let Err(error) = draft.check_admissible() {
            return Err(Box::new(Refused { draft, error }));
        }
        let cell = Cell::new();
        // What the ring bounds is memory: the bytes, the draft and the receipt's cell.
        let bytes = draft.len() + 128;
        let item = Item { draft, cell: Some(cell.clone()) };
        let pushed = match self.overflow {
            Overflow::Reject => self.producer.try_push(item, bytes),
            Overflow::Block { timeout } => {
                self.producer.push(item, bytes, timeout.map(|timeout| Instant::now() + timeout))
            }
        };
        match pushed {
            Ok(ticket) => Ok(Receipt { ticket: ticket.0, cell, progress: Arc::clone(&self.progress) }),
            Err(refused) => {
                let error = match &refused {
                    PushError::TooLarge(_) => Error::Query("the event is larger than the ring".to_owned()),
                    PushError::Closed(_) if self.progress.durable.is_poisoned() => self.poisoned(),
                    PushError::Closed(_) => Error::Closed,
                    _ if self.status.disk_full.load(Ordering::Acquire) => Error::DiskFull,
                    _ => Error::TimedOut { what: "room in the ring" },
                };
                Err(Box::new(Refused { draft: refused.into_item().draft, error }))
            }
        }
    }

    /// Waits until everything emitted before this call is durable.
    ///
    /// # Errors
    /// [`Error::TimedOut`], [`Error::Poisoned`], [`Error::DiskFull`] where the deadline passed on a full disk.
    pub fn flush(&self, deadline: Option<Instant>) -> Result<()> {
        let target = self.producer.pushed();
        match self.progress.durable.wait_for(target, deadline) {
            WaitOutcome::Reached => Ok(()),
            WaitOutcome::TimedOut if self.status.disk_full.load(Ordering::Acquire) => Err(Error::DiskFull),
            WaitOutcome::TimedOut => Err(Error::TimedOut { what: "events to become durable" }),
            WaitOutcome::Poisoned => Err(self.poisoned()),
        }
    }

    /// Frames everything that was durable when it was called, perhaps more, and signs the tree head: the note of the newest checkpoint.
    ///
    /// # Errors
    /// [`Error::Option`] without a signing key; the disk's own.
    pub fn checkpoint(&self) -> Result<String> {
        let (reply, answer) = std::sync::mpsc::sync_channel(1);
        if !self.queue.push(Work::Checkpoint(self.durable_to(), reply)) {
            return Err(self.poisoned());
        }
        answer.recv().unwrap_or_else(|_| Err(self.poisoned()))
    }

    /// Frames everything that was durable when it was called and signs the tree head with the current key and with `new`,
    /// which signs alone from then on. The key record that names `new` must be durable before.
    ///
    /// # Errors
    /// [`Error::Option`] without a signing key or for a new key that the log had before; the disk's own.
    pub fn rotate_key(&self, new: Arc<SigningKey>) -> Result<String> {
        let (reply, answer) = std::sync::mpsc::sync_channel(1);
        if !self.queue.push(Work::Rotate(self.durable_to(), new, reply)) {
            return Err(self.poisoned());
        }
        answer.recv().unwrap_or_else(|_| Err(self.poisoned()))
    }

    /// Frames everything that was durable when it was called, perhaps more, seals the active segment, and removes from the
    /// journal what lies in it: afterwards no journal file holds a record below the returned `sealed_seq`, also after a crash.
    ///
    /// # Errors
    /// The disk's own; [`Error::DiskFull`]-like ones leave the log as it was and may be tried again.
    pub fn seal(&self) -> Result<Settled> {
        let sealed = self.settle(self.durable_to(), true)?;
        self.rotate_journal()?;
        Ok(sealed)
    }

    /// Begins a new journal file and removes the older ones once everything in them is framed and synced. Afterwards no journal
    /// file holds a record that was durable when this was called; returns the seq up to which that holds.
    ///
    /// # Errors
    /// The disk's own.
    pub fn rotate_journal(&self) -> Result<u64> {
        let from = self.order(Order::Rotate)?;
        self.settle(from, false)?;
        self.order(Order::Tidy)?;
        Ok(from)
    }

    /// Removes from sealed segments what `prune` decides, in new generations that take the old ones' place all at once. Runs
    /// in the caller's thread, beside ingest; a second compaction waits for the first.
    ///
    /// # Errors
    /// [`Error::NotCovered`] where the newest signed checkpoint does not reach what the request names, [`Error::Compaction`] for a segment that
    /// cannot be compacted as asked, [`Error::Corrupt`] where one is damaged, [`Error::Closed`] where the log was closed meanwhile, a full disk,
    /// whatever `prune` returns: nothing has changed then. [`Error::Poisoned`] where a sync failed.
    pub fn compact(&self, request: &CompactRequest, prune: &dyn Prune) -> Result<CompactReport> {
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
    pub fn remove_torn(&self, which: &[TornFile]) -> Result<()> {
        compact::remove_torn(&self.shared, which)
    }

    fn settle(&self, through: u64, seal: bool) -> Result<Settled> {
        let (reply, answer) = std::sync::mpsc::sync_channel(1);
        if !self.queue.push(Work::Settle(through, seal, reply)) {
            return Err(self.poisoned());
        }
        answer.recv().unwrap_or_else(|_| Err(self.poisoned()))
    }

    /// The signing keys that the log has had.
    pub fn keys(&self) -> KeyTrail {
        self.shared.keys.trail.read().clone()
    }

    /// The newest signed head, if there is one.
    ///
    /// # Errors
    /// The disk's own.
    pub fn newest_checkpoint(&self) -> Result<Option<String>> {
        read_checkpoint(self.shared.storage.as_ref())
    }

    /// From now on `hook` is called with every new signed head, in the thread that signed it: it must not wait for anything.
    pub fn on_checkpoint(&self, hook: HeadHook) {
        *self.shared.keys.hook.write() = Some(hook);
    }

    /// Has the writer thread do something between two groups.
    fn order<T>(&self, order: impl FnOnce(std::sync::mpsc::SyncSender<Result<T>>) -> Order) -> Result<T> {
        let (reply, answer) = std::sync::mpsc::sync_channel(1);
        self.orders.put(&self.producer, order(reply))?;
        answer.recv().unwrap_or_else(|_| Err(self.poisoned()))
    }

    /// The newest view: everything durable.
    pub fn view(&self) -> View {
        View::new(self.shared.snapshot())
    }

    /// Waits until something at or after `seq` is durable.
    pub fn wait_beyond(&self, seq: u64, timeout: Duration) -> WaitOutcome {
        self.shared.published.durable.wait_for(seq + 1, Some(Instant::now() + timeout))
    }

    /// Seq after the last durable record.
    pub fn durable_to(&self) -> u64 {
        self.shared.published.durable.get()
    }

    /// The manifest as it is on disk.
    pub fn manifest(&self) -> Manifest {
        self.shared.manifest.get()
    }

    /// How the log is doing. Looks at every file of the journal, so it is for now and then, not for every event.
    ///
    /// # Errors
    /// The disk's own.
    pub fn health(&self) -> Result<Health> {
        let disk_full = self.status.disk_full.load(Ordering::Acquire);
        let shared = &self.shared;
        let disk =
            DiskHealth::measure(shared.storage.as_ref(), &shared.manifest.get(), shared.options.free_bytes_warn)?;
        let framed_bytes = shared.written.framed.load(Ordering::Relaxed);
        Ok(Health {
            ring_items: self.producer.len(),
            ring_bytes: self.producer.bytes(),
            unframed_records: self.queue.records(),
            durable_to: self.durable_to(),
            frames: self.shared.framed.frames.load(Ordering::Acquire),
            bytes: disk.bytes,
            free_bytes: disk.free_bytes,
            pressure: if disk_full { Pressure::Full } else { disk.pressure },
            written_bytes: framed_bytes + shared.written.journal.load(Ordering::Relaxed),
            framed_bytes,
            open_for: self.opened.elapsed(),
            disk_full,
            poisoned: self.progress.durable.is_poisoned(),
            syncs: self.status.syncs.load(Ordering::Relaxed),
        })
    }

    /// Stops accepting, writes everything accepted, frames it, signs, and closes cleanly. A second call does nothing.
    ///
    /// # Errors
    /// [`Error::Poisoned`] where a sync failed; the disk's own.
    pub fn close(&self) -> Result<()> {
        self.shared.compactions.close();
        self.producer.close();
        let Some(writer) = self.writer.lock().take() else { return Ok(()) };
        writer.join().unwrap_or_else(|_| Err(Error::Poisoned { reason: "the writer thread died".to_owned() }))
    }

    /// Whether the log waits for room on its device at this moment. Looks at no file.
    pub fn waits_for_room(&self) -> bool {
        self.status.disk_full.load(Ordering::Acquire)
    }

    /// From now on the log ends with [`Error::DiskFull`] where it would wait for room: a wait under way ends at once, and
    /// [`Log::close`] returns. What was accepted and is not durable by then is not stored; the next opening recovers the rest.
    pub fn give_up_waiting(&self) {
        self.status.give_up.store(true, Ordering::Release);
    }

    /// Whether [`Log::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.writer.lock().is_none()
    }

    fn poisoned(&self) -> Error {
        let reason = self.shared.poison.reason().unwrap_or_else(|| "the writer stopped".to_owned());
        Error::Poisoned { reason }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // Whoever cares about the outcome calls `close`; a dropped log is still closed as well as it can be.
        let _ = self.close();
    }
}

/// Genesis and schedule for a log that has no record yet, a recovery record where something was cut.
pub(crate) fn first_records(
    manifest: &Manifest,
    writer: &crate::write::writer::Writer,
    report: &RecoveryReport,
    schedule: Option<&str>,
) -> Vec<Item> {
    let mut first = Vec::new();
    let mut add =
        |kind, body: &str| first.push(Item { draft: Draft::system(kind, &manifest.log_id, body), cell: None });
    if writer.next_seq() == 0 {
        let (log_id, origin, key) = (manifest.log_id, json_text(&manifest.origin), json_text(&manifest.key));
        add(Kind::Genesis, &format!(r#"{{"log_id":"{log_id}","origin":{origin},"key":{key},"format_version":1}}"#));
    }
    // Genesis and schedule are one group, so where one is missing both are.
    if writer.next_seq() == 0 {
        add(Kind::Schedule, schedule.unwrap_or(DEFAULT_SCHEDULE));
    }
    for body in report.bodies() {
        add(Kind::Recovery, &body);
    }
    first
}

/// A JSON string of a text that has no control characters (origins and keys have none).
fn json_text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn spawn<T: Send + 'static>(name: &str, run: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run).doing("start the thread", name)
}
