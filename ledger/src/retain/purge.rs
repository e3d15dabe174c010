//! Deleting by policy: planned, announced, published, carried out, reported; each step a record or a file that a crash leaves whole.
//!
//! ```text
//! everything framed, journal begun anew -> holds up to date -> plan -> INTENT durable -> checkpoint covers it
//!   -> new files synced, the checkpoint in each -> asked again -> one manifest, old files unlinked -> DONE durable -> checkpoint
//! ```
//!
//! Invariants: nothing is removed before a signed checkpoint covers the intent; without a signing key nothing is. An opening
//! carries nothing out: it records that the swap happened (DONE) or that it did not (ABANDON). A clock that jumped forward alone deletes nothing.
//! Ingest goes on meanwhile; readers finish on what they hold. Not here: what may go (`super::plan`), rewriting files (the engine).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use indelible_engine::{CompactReport, CompactRequest, LazyFrame, Prune, SegmentTarget, StubBytes};
use indelible_evidence::commit::Removal;
use indelible_evidence::key::{SigningKey, VerifierKey};
use indelible_evidence::retention::{Abandon, Done, DoneSegment, Ending, History, Intent, Plan};
use indelible_evidence::schema::Kind;
use indelible_format::segment::Authority;
use parking_lot::Mutex;

use super::history::{history, open_intent, settle};
use super::plan::{Batch, Counts, SETS_BYTES_MAX, counts_of, survey};
use super::records::system_records;
use crate::error::{Error, Result};
use crate::event::Timestamp;
use crate::keys;
use crate::ledger::Ledger;
use crate::reader::LedgerReader;

const SECOND: i64 = 1_000_000_000;

/// How a purge is run.
#[derive(Clone)]
pub struct PurgeOptions<'a> {
    /// Says what would go, and removes nothing.
    pub dry_run: bool,
    /// The signing key that authorises, which must have the purge role. Default: the log's signing key.
    pub purge_key_file: Option<PathBuf>,
    /// How far the wall clock may be ahead of the newest record that was durable before this opening, and of the time since.
    pub clock_jump_max: Duration,
    /// Purges all the same where the clock is further ahead: somebody has looked at it.
    pub confirm_clock: bool,
    /// Bytes that the sets of one announcement may take, at most 600 KiB; what needs more is announced and carried out in parts.
    pub plan_bytes_max: usize,
    /// Called after each step, in the caller's thread.
    pub on_step: Option<&'a dyn Fn(PurgeStep)>,
}

impl Default for PurgeOptions<'_> {
    fn default() -> Self {
        Self {
            dry_run: false,
            purge_key_file: None,
            clock_jump_max: Duration::from_secs(86_400),
            confirm_clock: false,
            plan_bytes_max: SETS_BYTES_MAX,
            on_step: None,
        }
    }
}

impl std::fmt::Debug for PurgeOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PurgeOptions(dry run: {})", self.dry_run)
    }
}

/// How far a purge has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PurgeStep {
    /// Everything durable is framed, and no journal file holds it any more.
    Framed,
    /// Open holds are up to date.
    HoldsExtended,
    /// What goes lies in sealed segments.
    Sealed,
    /// It is known what goes.
    Planned,
    /// The intent with this seq is durable.
    Intent(u64),
    /// A signed checkpoint covers it.
    Published(u64),
    /// Its segments are written again, and the old files gone.
    Compacted(u64),
    /// Its DONE is durable.
    Done(u64),
    /// A checkpoint covers everything.
    Finished,
}

/// One intent that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    /// Seq of the intent.
    pub intent: u64,
    /// Seq of the DONE.
    pub done: u64,
    /// Frames of the checkpoint under which it was carried out.
    pub checkpoint_frames: u64,
    /// What it removed.
    pub counts: Counts,
    /// Segments that were written again.
    pub segments: u64,
}

/// What a purge did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PurgeReport {
    /// The time that durations counted back from, seconds since 1970.
    pub at: u64,
    /// Whether nothing was removed, because that was asked for.
    pub dry_run: bool,
    /// What goes in all.
    pub counts: Counts,
    /// Intents that were carried out, ascending.
    pub deletions: Vec<Deleted>,
    /// Segments of which something goes.
    pub segments: u64,
    /// Bytes of the segments that were written again, before and after, by segment id.
    pub segment_bytes: BTreeMap<u64, (u64, u64)>,
    /// Bytes of these segments before.
    pub bytes_before: u64,
    /// Bytes of these segments after.
    pub bytes_after: u64,
    /// Bytes that stand for removed parts in the frames touched.
    pub stub_bytes: StubBytes,
    /// Frames left for the next purge, because a hold is not resolved up to their end.
    pub frames_waiting: u64,
    /// Cut journal tails that were removed.
    pub torn_removed: u64,
    /// How long it took.
    pub elapsed: Duration,
}

/// Why a purge was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PurgeError {
    /// The log was opened without its signing key.
    #[error(
        "a deletion must be published in a signed checkpoint first, and the log was opened without its signing key: pass --sign-key or set INDELIBLE_SIGN_KEY"
    )]
    NoSigningKey,
    /// The key does not have the role.
    #[error(
        "the key {key} does not have the purge role: `indelible key LOG grant --role purge` gives it, `indelible key LOG list` shows who has it"
    )]
    NoRole {
        /// The key.
        key: Box<VerifierKey>,
    },
    /// The clock is further ahead than the log can account for.
    #[error(
        "the clock is {ahead_seconds} s ahead of the newest record that was there when the log was opened, and nothing that was recorded since says that \
         so much time has passed. If the clock is right (the log was idle), confirm it: --confirm-clock"
    )]
    ClockJump {
        /// How far, seconds.
        ahead_seconds: u64,
    },
    /// Something was decided between the announcement and the deletion.
    #[error(
        "the record at seq {by} came after the deletion was announced at seq {intent}: it was given up, nothing was removed; purge again"
    )]
    Overtaken {
        /// Seq of the intent.
        intent: u64,
        /// Seq of the record that came between.
        by: u64,
    },
    /// An announced deletion has no end yet, and this opening cannot record one.
    #[error(
        "the deletion announced at seq {intent} has no end yet, and recording one takes the signing key: open the log with its key, then decide anew"
    )]
    Unended {
        /// Seq of the intent.
        intent: u64,
    },
    /// The clock stands where it stood when a deletion was planned that was given up.
    #[error(
        "the clock has not passed {at} (seconds since 1970), from which a deletion counted that was given up; nothing was removed, purge again in a second"
    )]
    SameSecond {
        /// The second.
        at: u64,
    },
    /// The log took the intent at a time before the one it counts from.
    #[error("the clock went back while the purge was planned; nothing was removed, try again")]
    ClockBack,
}

impl From<PurgeError> for Error {
    fn from(error: PurgeError) -> Self {
        Error::Purge(Box::new(error))
    }
}

/// Records that decide something: none may come between an intent and its end.
const ADMINISTRATION: [Kind; 6] = [Kind::Key, Kind::Schedule, Kind::Policy, Kind::Hold, Kind::HoldExtend, Kind::Loss];

/// How far ahead the clock may be; `None` where somebody has looked at it.
fn clock_jump_of(options: &PurgeOptions<'_>) -> Option<Duration> {
    (!options.confirm_clock).then_some(options.clock_jump_max)
}

/// A plan being carried out, and the question that is asked at the last moment.
struct Carrying<'a> {
    plan: &'a Plan,
    ask: &'a (dyn Fn() -> indelible_engine::Result<()> + Sync),
}

impl Prune for Carrying<'_> {
    fn removal(&self, frame: &mut LazyFrame<'_>) -> indelible_engine::Result<Removal> {
        let descriptor = frame.descriptor();
        Ok(self.plan.of_frame(descriptor).removal(descriptor))
    }

    fn confirm(&self) -> indelible_engine::Result<()> {
        (self.ask)()
    }
}

/// A deletion's plan, and those that removed something before it.
fn plans(history: &History, intent: u64) -> Option<(Plan, Vec<Plan>)> {
    let at = history.deletions().iter().position(|deletion| deletion.intent == intent)?;
    let (before, of) = (history.deletions().get(..at)?, history.deletions().get(at)?);
    let earlier = before.iter().filter(|deletion| deletion.has_removed());
    Some((of.plan.clone(), earlier.map(|deletion| deletion.plan.clone()).collect()))
}

impl LedgerReader {
    /// What a purge would remove at a time; removes nothing. Works beside a writer; what is not framed yet is not looked at.
    ///
    /// # Errors
    /// Where the log is damaged.
    pub fn plan_purge(&self, now: Timestamp) -> Result<PurgeReport> {
        let started = Instant::now();
        let at = u64::try_from(now.as_nanos().div_euclid(SECOND)).unwrap_or(0);
        let survey = survey(&self.view()?, &self.register()?.rules(at), false, SETS_BYTES_MAX)?;
        Ok(PurgeReport {
            at,
            dry_run: true,
            counts: survey.counts,
            segments: survey.segments.len() as u64,
            frames_waiting: survey.frames_waiting,
            elapsed: started.elapsed(),
            ..PurgeReport::default()
        })
    }
}

impl Ledger {
    /// Removes what policies let go and no hold holds, with proof; or says what it would remove.
    ///
    /// # Errors
    /// [`PurgeError`] inside [`Error::Purge`], before anything is removed; where the anchor does not take the head; the disk's own.
    pub fn purge(&self, options: &PurgeOptions<'_>) -> Result<PurgeReport> {
        let _one = self.administer();
        let started = Instant::now();
        let now = self.clock().wall_nanos();
        if options.dry_run {
            return self.reader().plan_purge(Timestamp(now));
        }
        self.check_clock(now, clock_jump_of(options))?;
        let key = self.purge_key(options)?;
        self.end_deletion()?;
        let mut report = PurgeReport { at: self.unused_second()?, ..PurgeReport::default() };
        self.purge_now(&key, options, &mut report)?;
        report.elapsed = started.elapsed();
        Ok(report)
    }

    /// The second that a plan counts from, later than that of any deletion that was given up: else the plan could have the bytes,
    /// and so the signature, of one that counts no more ([RET-18]). Waits for the next second where it must.
    fn unused_second(&self) -> Result<u64> {
        let (history, _) = history(&self.log().view(), &self.log().manifest(), &self.log().keys())?;
        let given_up = history.deletions().iter().filter(|deletion| deletion.abandoned.is_some());
        let last = given_up.map(|deletion| deletion.plan.at).max();
        let mut waited = false;
        loop {
            let now = self.clock().wall_nanos();
            let at = u64::try_from(now.div_euclid(SECOND)).unwrap_or(0);
            match last {
                Some(last) if at <= last && waited => return Err(PurgeError::SameSecond { at: last }.into()),
                Some(last) if at <= last => {
                    let left = u64::try_from(SECOND - now.rem_euclid(SECOND)).unwrap_or(0);
                    std::thread::sleep(Duration::from_nanos(left));
                    waited = true;
                }
                _ => return Ok(at),
            }
        }
    }

    fn purge_now(&self, key: &SigningKey, options: &PurgeOptions<'_>, report: &mut PurgeReport) -> Result<()> {
        let step = |step| options.on_step.iter().for_each(|call| call(step));
        if self.register()?.policies().next().is_none() {
            // What no policy matches is kept for ever: nothing is framed, sealed or written for it.
            return Ok(());
        }
        self.log().rotate_journal()?;
        step(PurgeStep::Framed);
        self.extend_holds(true)?;
        step(PurgeStep::HoldsExtended);
        let rules = self.register()?.rules(report.at);
        if !survey(&self.log().view(), &rules, true, SETS_BYTES_MAX)?.batches.is_empty() {
            self.log().seal()?;
        }
        step(PurgeStep::Sealed);
        let mut planned = survey(&self.log().view(), &rules, false, options.plan_bytes_max.min(SETS_BYTES_MAX))?;
        planned.batches.retain(|batch| !batch.plan.is_empty());
        report.frames_waiting = planned.frames_waiting;
        report.segments = planned.segments.len() as u64;
        step(PurgeStep::Planned);
        for batch in &planned.batches {
            self.carry_out(batch, key, options, &step, report)?;
        }
        report.torn_removed = self.remove_torn(report.at)?;
        if !report.deletions.is_empty() {
            self.hand_on(&self.log().checkpoint()?)?;
        }
        step(PurgeStep::Finished);
        Ok(())
    }

    /// Announces one batch, has it published, carries it out and says so.
    fn carry_out(
        &self,
        batch: &Batch,
        key: &SigningKey,
        options: &PurgeOptions<'_>,
        step: &dyn Fn(PurgeStep),
        report: &mut PurgeReport,
    ) -> Result<()> {
        let at = i64::try_from(batch.plan.at).unwrap_or(i64::MAX).saturating_mul(SECOND);
        if self.clock().wall_nanos() < at {
            return Err(PurgeError::ClockBack.into());
        }
        let manifest = self.log().manifest();
        let mut plan = batch.plan.clone();
        for segment in &mut plan.segments {
            // An earlier part of the same purge may have written it again.
            let entry = manifest.segments.iter().find(|entry| entry.id == segment.id);
            segment.bytes = entry.map_or(segment.bytes, |entry| entry.length);
        }
        let intent = Intent::sign(manifest.log_id, plan.clone(), key)?;
        let seq = self.put_system(Kind::Intent, &intent.encode())?;
        step(PurgeStep::Intent(seq));
        let done = self.publish_and_execute(seq, &plan, batch, options, step, report);
        let done = match done {
            Ok(done) => done,
            Err(error) => {
                // Nothing was removed: said at once where the log can still be written, else by the next opening.
                let _ = self.end_deletion();
                return Err(error);
            }
        };
        step(PurgeStep::Compacted(seq));
        let done_seq = self.put_system(Kind::Done, &done.encode()?)?;
        step(PurgeStep::Done(done_seq));
        self.deleted(seq, done_seq, &done, &batch.counts, report)
    }

    fn publish_and_execute(
        &self,
        seq: u64,
        plan: &Plan,
        batch: &Batch,
        options: &PurgeOptions<'_>,
        step: &dyn Fn(PurgeStep),
        report: &mut PurgeReport,
    ) -> Result<Done> {
        let note = self.log().checkpoint()?;
        self.hand_on(&note)?;
        step(PurgeStep::Published(seq));
        self.execute(seq, plan, &batch.counts, note, options, report)
    }

    fn deleted(&self, intent: u64, done: u64, said: &Done, counts: &Counts, report: &mut PurgeReport) -> Result<()> {
        let checkpoint_frames = self.log().keys().open(&said.checkpoint)?.0.size;
        report.counts.add(counts);
        let segments = said.segments.len() as u64;
        report.deletions.push(Deleted { intent, done, checkpoint_frames, counts: counts.clone(), segments });
        Ok(())
    }

    /// Writes the segments again, each with the intent and its head inside; gives what the DONE says.
    fn execute(
        &self,
        intent: u64,
        plan: &Plan,
        counts: &Counts,
        checkpoint: String,
        options: &PurgeOptions<'_>,
        report: &mut PurgeReport,
    ) -> Result<Done> {
        let covered_by = self.log().view().frame_no_of(intent)?.map_or(u64::MAX, |frame| frame + 1);
        let targets =
            plan.segments.iter().map(|segment| SegmentTarget { id: segment.id, generation: segment.generation });
        let authority = Authority { intent, note: checkpoint.clone() };
        let request = CompactRequest { segments: targets.collect(), covered_by, authority };
        let (refused, jump_max) = (Mutex::new(None), clock_jump_of(options));
        let ask = || {
            self.ask_again(intent, jump_max).map_err(|error| {
                *refused.lock() = Some(error);
                indelible_engine::Error::Closed
            })
        };
        let compacted = self.log().compact(&request, &Carrying { plan, ask: &ask });
        let compacted: CompactReport = match (compacted, refused.into_inner()) {
            (_, Some(refused)) => return Err(refused),
            (compacted, None) => compacted?,
        };
        for (planned, done) in plan.segments.iter().zip(&compacted.segments) {
            let bytes = report.segment_bytes.entry(planned.id).or_insert((planned.bytes, planned.bytes));
            bytes.1 = done.bytes_after;
        }
        report.bytes_before = report.segment_bytes.values().map(|(before, _)| before).sum();
        report.bytes_after = report.segment_bytes.values().map(|(_, after)| after).sum();
        let stubs = compacted.stub_bytes();
        report.stub_bytes.roots += stubs.roots;
        report.stub_bytes.stubs += stubs.stubs;
        report.stub_bytes.salts += stubs.salts;
        let segments = compacted.segments.iter().map(|segment| DoneSegment {
            id: segment.id,
            generation: segment.generation,
            bytes: segment.bytes_after,
        });
        let (records, identity, payload) = (counts.records, counts.identity, counts.payload);
        Ok(Done { intent, checkpoint, segments: segments.collect(), records, identity, payload })
    }

    /// Records what the opening found of a deletion that was announced and had no end: DONE where the files show that the swap
    /// happened, else ABANDON. Nothing is carried out here. Without a signing key it stays as it is.
    pub(crate) fn end_deletion(&self) -> Result<()> {
        let view = self.log().view();
        let manifest = self.log().manifest();
        if self.key_file().is_none() || open_intent(&view, &manifest, &self.log().keys())?.is_none() {
            return Ok(());
        }
        let (mut history, _) = history(&view, &manifest, &self.log().keys())?;
        match settle(&mut history, &view, &manifest)? {
            None => Ok(()),
            Some(Ending::Abandon { intent }) => self.abandon(intent),
            Some(Ending::Done { intent, note }) => {
                let Some((plan, earlier)) = plans(&history, intent) else { return Ok(()) };
                let counts = counts_of(&view, &plan, &earlier)?;
                let (records, identity, payload) = (counts.records, counts.identity, counts.payload);
                let segments = plan.segments.iter().map(|segment| DoneSegment {
                    id: segment.id,
                    generation: segment.generation,
                    bytes: manifest
                        .segments
                        .iter()
                        .find(|entry| entry.id == segment.id)
                        .map_or(0, |entry| entry.length),
                });
                let segments = segments.collect();
                let done = Done { intent, checkpoint: note, segments, records, identity, payload };
                self.put_system(Kind::Done, &done.encode()?)?;
                self.hand_on(&self.log().checkpoint()?)
            }
        }
    }

    /// Gives up an announced deletion, of which nothing was removed.
    fn abandon(&self, intent: u64) -> Result<()> {
        self.put_system(Kind::Abandon, &Abandon { intent }.encode())?;
        Ok(())
    }

    /// What must still hold right before the files are swapped: nothing but events came since the intent, so that policies, holds
    /// and keys are those it was planned by; and the clock is one to trust.
    fn ask_again(&self, intent: u64, jump_max: Option<Duration>) -> Result<()> {
        self.check_clock(self.clock().wall_nanos(), jump_max)?;
        let later = system_records(&self.log().view(), &ADMINISTRATION)?;
        match later.iter().find(|record| record.seq > intent) {
            Some(record) => Err(PurgeError::Overtaken { intent, by: record.seq }.into()),
            None => Ok(()),
        }
    }

    fn purge_key(&self, options: &PurgeOptions<'_>) -> Result<SigningKey> {
        let own = self.key_file().ok_or(PurgeError::NoSigningKey)?;
        let file = options.purge_key_file.as_ref().unwrap_or(&own);
        keys::check_private(self.world(), file)?;
        let loaded = keys::load_current(self.world().outside.as_ref(), file, true, &self.log().keys())?;
        let (key, _) = loaded.ok_or(PurgeError::NoSigningKey)?;
        let register = self.register()?;
        let verifier = key.verifier();
        // Without policies nothing goes, so nobody needs the role.
        if register.policies().next().is_some() && register.purge_key(&verifier).is_none() {
            return Err(PurgeError::NoRole { key: Box::new(verifier) }.into());
        }
        Ok(key)
    }

    /// Retention never trusts a clock that jumped forward alone.
    fn check_clock(&self, now: i64, jump_max: Option<Duration>) -> Result<()> {
        let Some((newest, since)) = self.newest_at_opening() else { return Ok(()) };
        let passed = self.clock().monotonic().saturating_sub(since);
        let ahead = i128::from(now) - i128::from(newest) - passed.as_nanos() as i128;
        if jump_max.is_none_or(|max| ahead <= max.as_nanos() as i128) {
            return Ok(());
        }
        Err(PurgeError::ClockJump { ahead_seconds: u64::try_from(ahead / i128::from(SECOND)).unwrap_or(u64::MAX) }
            .into())
    }

    /// Removes tails of the journal that recoveries cut off, once everything recorded so long ago may go: they were never part of
    /// the log, but may hold what somebody wrote.
    fn remove_torn(&self, at: u64) -> Result<u64> {
        let torn = self.log().torn_files()?;
        let shortest = self.register()?.policies().filter_map(|policy| Some(policy.duty.as_ref()?.keep)).min();
        let (Some(shortest), false) = (shortest, torn.is_empty()) else { return Ok(0) };
        let cutoff = i128::from(at) - i128::from(shortest);
        let recoveries = system_records(&self.log().view(), &[Kind::Recovery])?;
        let old = torn.into_iter().filter(|file| {
            let told = recoveries.iter().find(|record| {
                let body: Option<serde_json::Value> = serde_json::from_str(&record.body).ok();
                let number = |name| body.as_ref().and_then(|body| body.get(name)?.as_u64());
                (number("journal_file"), number("journal_offset")) == (Some(file.journal_file), Some(file.offset))
            });
            told.is_some_and(|record| i128::from(record.recorded_at.div_euclid(SECOND)) < cutoff)
        });
        let old: Vec<_> = old.collect();
        if !old.is_empty() {
            self.log().remove_torn(&old)?;
        }
        Ok(old.len() as u64)
    }
}
