//! A ledger open for writing: the thing that applications embed.
//!
//! ```text
//! AuditEvent -> validate -> encode, class by the schedule -> engine -> Receipt
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use indelible_engine::{Ack, Adopt, Health, Log, Options, Receipt, RecoveryReport};
use indelible_evidence::key::SigningKey;
use indelible_evidence::retention::Register;
use indelible_evidence::schema::Kind;
use parking_lot::{Mutex, MutexGuard};

use crate::anchor::{Anchor, AnchorError};
use crate::codec;
use crate::create::{CreateOptions, Created, create};
use crate::error::{EmitError, Error, Result};
use crate::event::{AuditEvent, EventInvalid, EventProblem, Limits, RECORD_BYTES_MAX};
use crate::heads::{HeadFailure, HeadKeeper, HeadOptions};
use crate::kept::{self, KeptFiles};
use crate::keys;
use crate::reader::{LedgerReader, ReadOptions};
use crate::retain::history::check_generations;
use crate::retain::policies::{Classes, schedule_of};
use crate::retain::records::register;
use crate::world::{Access, Clock, World};

/// Records looked at for one that no recovery of now wrote.
const RECOVERY_RECORDS: usize = 256;
/// How long a checkpoint and a closing wait for the destinations of heads.
const HEADS_WAIT: Duration = Duration::from_secs(30);

/// How a log is opened for writing.
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    /// Whether a missing log is created, with default options.
    pub create: bool,
    /// Where the signing key lies. Default: under the user's data directory, by log id.
    pub sign_key_file: Option<PathBuf>,
    /// Opens a log whose signing key is not there: no checkpoints are made, and nobody can tell what was written then from what
    /// somebody else wrote ([`Ledger::is_signed`]). Without it such a log is refused.
    pub unsigned: bool,
    /// File outside the log directory with the newest signed head ([`crate::anchor`]). Default: the one remembered for the log.
    pub anchor_file: Option<PathBuf>,
    /// Where every new signed head goes. Default: what is remembered for the log ([`HeadOptions::remember`]).
    pub heads: Option<HeadOptions>,
    /// Opens a log that is behind its anchor all the same. Whoever sets it records the loss: see [`Ledger::accept_loss`].
    pub ignore_anchor: bool,
    /// Opens a log that lost what the head kept beside its signing key signs. Whoever sets it records the loss: see
    /// [`Ledger::accept_loss`]; the next signed head takes the kept one's place.
    pub ignore_kept: bool,
    /// Takes a head of the directory that was not kept beside the signing key for one of the signer's own: on a new machine, where neither
    /// kept head nor anchor is at hand. What was signed since then elsewhere, or cut, is not noticed by this opening; verdicts ([`crate::verify_known`])
    /// say so from then on.
    pub adopt_head: bool,
    /// Where the log reads the time. Default: the machine's clock.
    pub clock: Option<SharedClock>,
    /// How the log is written.
    pub engine: Options,
    /// Bounds of events.
    pub limits: Option<Limits>,
}

/// Where a log reads the time, for programs that have a clock of their own, and for tests.
#[derive(Clone)]
pub struct SharedClock(pub Arc<dyn Clock>);

impl std::fmt::Debug for SharedClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedClock")
    }
}

/// A log that is open for writing. Cloning gives another handle to the same log.
///
/// ```
/// use indelible::{Ack, ActorType, AuditEvent, CreateOptions, Ledger, OpenOptions};
///
/// # let dir = tempfile::tempdir()?;
/// # let (log, key) = (dir.path().join("log"), dir.path().join("log.key"));
/// let options = CreateOptions { origin: Some("example.org/audit".into()), sign_key_file: Some(key.clone()) };
/// Ledger::create(&log, &options)?;
///
/// let ledger = Ledger::open(&log, &OpenOptions { sign_key_file: Some(key), ..OpenOptions::default() })?;
/// let event = AuditEvent::in_workspace("acme")
///     .action("document.publish")
///     .actor(ActorType::User, "u-7")
///     .target("document", "d-42")
///     .succeeded()
///     .build()?;
/// let receipt = ledger.emit(event)?;
/// receipt.wait(Ack::Durable, None)?;
/// assert_eq!(ledger.reader().count(&indelible::query::Expr::events())?, 1);
/// ledger.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Ledger {
    log: Arc<Log>,
    classes: Arc<Classes>,
    limits: Limits,
    anchor: Option<Arc<Anchor>>,
    place: Arc<Place>,
    /// Dropped after the log, so that the head of its closing is handed on too.
    heads: Option<Arc<HeadKeeper>>,
}

/// What does not change the log but how this process works with it.
struct Place {
    world: World,
    key_file: Mutex<Option<PathBuf>>,
    kept: Option<Arc<KeptFiles>>,
    /// What the kept head signs and this log lost, where it was opened all the same.
    lost: Mutex<Option<String>>,
    /// Held by whoever changes keys, policies or holds, or purges: each reads the log's records and adds to them.
    administration: Mutex<()>,
    /// Recorded-at of the newest record that was durable before this opening, and when that was on the monotonic clock.
    newest: Option<(i64, Duration)>,
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Place({:?})", self.world)
    }
}

impl Ledger {
    /// Creates a log in a missing or empty directory, with a new signing key, and closes it.
    ///
    /// # Errors
    /// Where the directory holds something already, or key or log cannot be written.
    pub fn create(path: impl AsRef<Path>, options: &CreateOptions) -> Result<Created> {
        Self::create_in(&World::machine(path, Access::Create)?, options)
    }

    /// As [`Ledger::create`], in any world.
    ///
    /// # Errors
    /// As [`Ledger::create`].
    pub fn create_in(world: &World, options: &CreateOptions) -> Result<Created> {
        let (created, log, _) = create(world, options, Options::default())?;
        log.close()?;
        Ok(created)
    }

    /// Opens a log for writing; recovers it where it was not closed cleanly (see [`Ledger::recovery`]).
    ///
    /// # Errors
    /// Where there is no log and `create` is not set, another writer has it, or something durable is damaged.
    pub fn open(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Self> {
        let access = if options.create { Access::Create } else { Access::ReadWrite };
        Self::open_in(&World::machine(path, access)?, options)
    }

    /// As [`Ledger::open`], in any world.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn open_in(world: &World, options: &OpenOptions) -> Result<Self> {
        let mut world = world.clone();
        if let Some(SharedClock(clock)) = &options.clock {
            world.log.clock = Arc::clone(clock);
        }
        if let Some(heads) = &options.heads {
            heads.check(&world)?;
        }
        if options.create && !world.has_log()? {
            let create_options = CreateOptions { origin: None, sign_key_file: options.sign_key_file.clone() };
            match create(&world, &create_options, options.engine.clone()) {
                Ok((created, log, kept)) => {
                    let anchor = anchor_of(&world, options, false)?.map(Arc::new);
                    return Self::started(log, anchor, options, (world, Some((created.key_file, kept))));
                }
                // Somebody else was faster, and it is his log that is written to.
                Err(Error::Log(indelible_engine::Error::Exists { .. })) => {}
                Err(error) => return Err(error),
            }
        }
        let anchor = anchor_of(&world, options, !options.ignore_anchor)?.map(Arc::new);
        let mut config = world.config(&options.engine);
        let signer = signer_of(&world, options)?;
        if signer.is_none() && !options.unsigned {
            let file = match &options.sign_key_file {
                Some(file) => file.clone(),
                None => keys::default_in(world.outside.as_ref(), world.manifest()?.log_id)?,
            };
            return Err(Error::NoSigningKey { file });
        }
        let key = match signer {
            None => None,
            Some(SignerFound { key, file, kept, epoch }) => {
                let adopt = match is_anchored(&world, anchor.as_deref(), &kept)? {
                    true => Adopt::Anchored,
                    false if options.adopt_head => Adopt::Unseen,
                    false => Adopt::Never,
                };
                config.kept = Some(kept::heads(&kept, &file, epoch, adopt, options.ignore_kept));
                config.signer = Some(Arc::new(key));
                Some((file, kept))
            }
        };
        let log = Log::open_checked(config, &check_generations)?;
        let ledger = Self::started(log, anchor, options, (world, key))?;
        // How an announced deletion ended is recorded before anything else; a log behind its anchor is left as it is.
        if !options.ignore_anchor && !options.ignore_kept {
            ledger.end_deletion()?;
            ledger.finish_rotation()?;
        }
        Ok(ledger)
    }

    fn started(
        log: Log,
        anchor: Option<Arc<Anchor>>,
        options: &OpenOptions,
        (world, key): (World, Option<(PathBuf, Arc<KeptFiles>)>),
    ) -> Result<Self> {
        let log = Arc::new(log);
        let heads = match &options.heads {
            Some(heads) => heads.clone(),
            None => HeadOptions::remembered_in(world.outside.as_ref(), log.manifest().log_id)?.unwrap_or_default(),
        };
        let wanted = anchor.is_some() || !heads.is_empty();
        let kept = anchor.clone().filter(|_| !options.ignore_anchor);
        let heads = wanted.then(|| HeadKeeper::start(&log, &world.outside, heads, kept)).transpose()?.map(Arc::new);
        let limits = options.limits.unwrap_or_default();
        let newest = newest_before(&log)?.map(|newest| (newest, world.log.clock.monotonic()));
        let (key_file, kept) = key.unzip();
        let (key_file, administration) = (Mutex::new(key_file), Mutex::new(()));
        let lost = match &kept {
            Some(kept) if options.ignore_kept => kept.loss(&world, &log.view())?,
            _ => None,
        };
        let place = Place { world, key_file, kept, lost: Mutex::new(lost), administration, newest };
        let classes = Arc::new(Classes::new(schedule_of(&log.view())?));
        Ok(Self { log, classes, limits, anchor, place: Arc::new(place), heads })
    }

    /// What the log stands on.
    pub(crate) fn world(&self) -> &World {
        &self.place.world
    }

    /// The clock of the log.
    pub(crate) fn clock(&self) -> &dyn Clock {
        self.place.world.log.clock.as_ref()
    }

    /// Recorded-at of the newest record that was durable before this opening, and the monotonic time of the opening.
    pub(crate) fn newest_at_opening(&self) -> Option<(i64, Duration)> {
        self.place.newest
    }

    /// The log directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.place.world.path
    }

    /// Waits until nobody else changes keys, policies or holds in this process.
    pub(crate) fn administer(&self) -> MutexGuard<'_, ()> {
        self.place.administration.lock()
    }

    /// Which class events get.
    pub(crate) fn classes(&self) -> &Classes {
        &self.classes
    }

    /// Where the signing key lies, if there is one.
    pub(crate) fn key_file(&self) -> Option<PathBuf> {
        self.place.key_file.lock().clone()
    }

    /// The kept head and rotations, if there is a signing key.
    pub(crate) fn kept_files(&self) -> Option<&KeptFiles> {
        self.place.kept.as_deref()
    }

    pub(crate) fn set_key_file(&self, file: &Path) {
        *self.place.key_file.lock() = Some(file.to_owned());
    }

    /// Policies, holds and keys as the log's records give them now.
    pub(crate) fn register(&self) -> Result<Register> {
        register(&self.log.view(), &self.log.manifest())
    }

    /// What opening found.
    #[must_use]
    pub fn recovery(&self) -> &RecoveryReport {
        self.log.recovery()
    }

    /// Hands an event to the log. Never touches the disk; waits for room where the log is behind, as its options say.
    ///
    /// # Errors
    /// The event comes back where it is not valid, or the log takes no more.
    pub fn emit(&self, event: AuditEvent) -> Result<Receipt, EmitError> {
        self.emit_draft(event, false)
    }

    /// Like [`Ledger::emit`], but an event that was stored before, with the same id, source and content, is reported as a duplicate
    /// and not stored again. Another event under a used id is stored, and reported as a conflict.
    ///
    /// # Errors
    /// As [`Ledger::emit`].
    pub fn emit_once(&self, event: AuditEvent) -> Result<Receipt, EmitError> {
        self.emit_draft(event, true)
    }

    fn emit_draft(&self, event: AuditEvent, once: bool) -> Result<Receipt, EmitError> {
        if let Err(reason) = event.validate(&self.limits) {
            return Err(EmitError::Invalid { event: Box::new(event), reason });
        }
        let id = if event.id.is_none() { uuid::Uuid::now_v7().to_string() } else { String::new() };
        let mut draft = codec::encode(&event, &id, self.classes.of(event.severity.code()));
        draft.once = once;
        if draft.len() > RECORD_BYTES_MAX {
            let problem = EventProblem::EventTooLong { bytes: draft.len(), limit: RECORD_BYTES_MAX };
            return Err(EmitError::Invalid { event: Box::new(event), reason: EventInvalid::new("event", problem) });
        }
        self.log.emit(draft).map_err(|refused| EmitError::Refused { event: Box::new(event), error: refused.error })
    }

    /// Waits until everything emitted so far is durable.
    ///
    /// # Errors
    /// The deadline passed, or the log is poisoned.
    pub fn flush(&self, deadline: Option<Instant>) -> Result<()> {
        Ok(self.log.flush(deadline)?)
    }

    /// Waits until an event has come as far as `ack`: a shorthand for emit and wait.
    ///
    /// # Errors
    /// As [`Ledger::emit`] and [`Receipt::wait`].
    pub fn store(
        &self,
        event: AuditEvent,
    ) -> Result<indelible_engine::Outcome, Box<dyn std::error::Error + Send + Sync>> {
        let receipt = self.emit(event)?;
        receipt.wait(Ack::Durable, None)?.ok_or_else(|| Error::from(indelible_engine::Error::Closed).into())
    }

    /// Every record below this seq is durable.
    #[must_use]
    pub fn durable_to(&self) -> u64 {
        self.log.durable_to()
    }

    /// Whether the log has its signing key here, so that what is written will be covered by a checkpoint.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.key_file().is_some()
    }

    /// Whether the log waits for room on its device at this moment. Looks at no file.
    #[must_use]
    pub fn waits_for_room(&self) -> bool {
        self.log.waits_for_room()
    }

    /// From now on the log ends where it would wait for room, and [`Ledger::close`] returns with an error there: what was accepted
    /// and is not durable by then is not stored.
    pub fn give_up_waiting(&self) {
        self.log.give_up_waiting();
    }

    /// How the log is doing.
    ///
    /// # Errors
    /// The disk's own.
    pub fn health(&self) -> Result<Health> {
        Ok(self.log.health()?)
    }

    /// Frames everything that is durable and signs the tree head: the checkpoint as a C2SP signed note. The anchor, where the
    /// log has one, moves on with it.
    ///
    /// # Errors
    /// Without a signing key; where the anchor has moved on without this log; the disk's own.
    pub fn checkpoint(&self) -> Result<String> {
        let note = {
            // Between the key record of a rotation and its head nothing can be signed.
            let _one = self.administer();
            self.extend_holds(false)?;
            self.log.checkpoint()?
        };
        self.hand_on(&note)?;
        Ok(note)
    }

    /// Moves the anchor on, and waits until the head has reached its other destinations.
    pub(crate) fn hand_on(&self, note: &str) -> Result<()> {
        if let Some(heads) = &self.heads {
            heads.drain(Instant::now() + HEADS_WAIT);
        }
        match &self.anchor {
            Some(anchor) => anchor.advance(note, &self.log.view()).map(|_| ()),
            None => Ok(()),
        }
    }

    /// Destinations that did not take a signed head, since this was asked last ([`OpenOptions::heads`]). Ingest is not stopped by them.
    #[must_use]
    pub fn head_failures(&self) -> Vec<HeadFailure> {
        self.heads.as_ref().map_or_else(Vec::new, |heads| heads.failures())
    }

    /// The anchor of the log, if it has one.
    #[must_use]
    pub fn anchor(&self) -> Option<&Anchor> {
        self.anchor.as_deref()
    }

    /// Records that the log is behind its anchor and goes on all the same, signs a new head, and puts it into the anchor. For a log that
    /// was opened with [`OpenOptions::ignore_anchor`]. Gives the seq of the record; `None` where nothing is lost.
    ///
    /// The record is one of the log's own (kind `loss`, class 0, never deleted), which names what was anchored and what was found.
    ///
    /// # Errors
    /// Where the record cannot be stored, no head can be signed, or the anchor cannot be written.
    pub fn accept_loss(&self) -> Result<Option<u64>> {
        let Some(anchor) = &self.anchor else { return self.accept_kept_loss() };
        let lost = match anchor.check(&self.log.view()) {
            Ok(_) => return self.accept_kept_loss(),
            Err(Error::Anchor(error)) if matches!(*error, AnchorError::Missing { .. }) => {
                return self.accept_kept_loss()?.map_or(Err(Error::Anchor(error)), |seq| Ok(Some(seq)));
            }
            Err(Error::Anchor(error)) => error,
            Err(error) => return Err(error),
        };
        let Some(body) = anchor.loss(&lost)? else { return Err(Error::Anchor(lost)) };
        let seq = self.put_system(Kind::Loss, &body)?;
        anchor.replace(&self.log.checkpoint()?)?;
        Ok(Some(seq))
    }

    fn accept_kept_loss(&self) -> Result<Option<u64>> {
        let Some(body) = self.place.lost.lock().take() else { return Ok(None) };
        let seq = self.put_system(Kind::Loss, &body)?;
        self.log.checkpoint()?;
        Ok(Some(seq))
    }

    /// A reader of the same log, which sees everything durable.
    #[must_use]
    pub fn reader(&self) -> LedgerReader {
        LedgerReader::of_log(Arc::clone(&self.log))
    }

    /// The log below, for what this crate does not wrap.
    #[must_use]
    pub fn log(&self) -> &Arc<Log> {
        &self.log
    }

    fn extend_at_close(&self) -> Result<()> {
        if self.log.is_closed() {
            return Ok(());
        }
        let _one = self.administer();
        self.extend_holds(false).map(|_| ())
    }

    /// Stops accepting, makes everything accepted durable, signs, and closes cleanly. Dropping the last handle does the same
    /// without telling how it went.
    ///
    /// # Errors
    /// Where the log is poisoned or the disk fails.
    pub fn close(&self) -> Result<()> {
        let held = self.extend_at_close();
        self.log.close()?;
        held?;
        if let Some(heads) = &self.heads {
            heads.drain(Instant::now() + HEADS_WAIT);
        }
        match &self.anchor {
            Some(anchor) => anchor.catch_up().map(|_| ()),
            None => Ok(()),
        }
    }
}

/// The anchor of a log that is about to be opened, compared with the log where that is asked for.
fn anchor_of(world: &World, options: &OpenOptions, compare: bool) -> Result<Option<Anchor>> {
    let manifest = world.manifest()?;
    let named = options.anchor_file.clone();
    let remembered = || crate::anchor::remembered_in(world.outside.as_ref(), manifest.log_id);
    let Some(file) = named.map_or_else(remembered, |file| Ok(Some(file)))? else { return Ok(None) };
    let anchor = Anchor::new_in(world, &file, &manifest.key)?;
    let anchor = match kept_beside(world, options)? {
        Some((_, kept)) => anchor.with_kept(kept.kept()?),
        None => anchor,
    };
    if compare {
        let reader = LedgerReader::open_in(world, &ReadOptions::default())?;
        anchor.check(&reader.view()?)?;
    }
    Ok(Some(anchor))
}

/// Recorded-at of the newest record that was there before this opening: recovery records are of now.
fn newest_before(log: &Log) -> Result<Option<i64>> {
    let view = log.view();
    for seq in (0..view.next_seq()).rev().take(RECOVERY_RECORDS) {
        if let Some(record) = view.record(seq)?
            && record.groups.envelope().is_ok_and(|head| head.kind != Kind::Recovery as u8)
        {
            return Ok(Some(record.recorded_at));
        }
    }
    Ok(log.manifest().segments.iter().map(|segment| segment.recorded_max).max())
}

/// A signing key, where it lies, and what is kept beside it.
struct SignerFound {
    key: SigningKey,
    file: PathBuf,
    kept: Arc<KeptFiles>,
    epoch: u32,
}

/// Where the signing key should lie, and what is kept beside it.
fn kept_beside(world: &World, options: &OpenOptions) -> Result<Option<(PathBuf, KeptFiles)>> {
    let log_id = world.manifest()?.log_id;
    let named = match &options.sign_key_file {
        Some(file) => file.clone(),
        None => match keys::default_in(world.outside.as_ref(), log_id) {
            Ok(file) => file,
            Err(_) => return Ok(None),
        },
    };
    let kept = KeptFiles::beside(&world.outside, &named, log_id);
    Ok(Some((named, kept)))
}

fn signer_of(world: &World, options: &OpenOptions) -> Result<Option<SignerFound>> {
    let Some((named, kept)) = kept_beside(world, options)? else { return Ok(None) };
    let (kept, required) = (Arc::new(kept), options.sign_key_file.is_some());
    let trail = kept::continued(world.trail()?, &kept.kept()?)?;
    let Some((key, file)) = keys::load_current(world.outside.as_ref(), &named, required, &trail)? else {
        return Ok(None);
    };
    keys::check_private(world, &file)?;
    Ok(Some(SignerFound { key, file, kept, epoch: trail.epoch() }))
}

/// Whether no head is kept, and the anchor, which was compared with the log, covers the directory's.
fn is_anchored(world: &World, anchor: Option<&Anchor>, kept: &KeptFiles) -> Result<bool> {
    let Some(anchor) = anchor else { return Ok(false) };
    if kept.kept()? != indelible_engine::Kept::default() {
        return Ok(false);
    }
    let Some(anchored) = anchor.head()? else { return Ok(false) };
    let reader = LedgerReader::open_in(world, &ReadOptions::default())?;
    let Some(note) = reader.checkpoint()? else { return Ok(true) };
    Ok(world.trail()?.open(&note)?.0.size <= anchored.size)
}
