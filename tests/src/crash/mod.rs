//! The general schedule: random steps of a log, faults that a disk may produce, crashes anywhere, and what must hold after.
//!
//! ```text
//! create ─> step, step, step ... ─> finish          a step: append, sync, frame, seal, checkpoint, compact, tidy, close, clock
//!              │      └─ images of a power cut now: recovered and checked, several, beside the main line
//!              └─ power cut at operation n, kill, failed sync, short write, full disk ─> reopened, the main line goes on
//! ```
//!
//! Nothing here damages what was durable (that is `damage`), so no opening may ever say corrupt.

mod compaction;
mod faults;
pub mod ledger;
mod recovery;

use std::time::Duration;

use indelible_engine::query::{Expr, Query, View};
use indelible_engine::step::StepLog;
use indelible_engine::world::clock::{Clock, ManualClock};
use indelible_engine::world::storage::Storage;
use indelible_engine::world::storage::sim::{SimOptions, SimStorage};
use indelible_engine::{Draft, Error, LogReader, Options, Outcome};
use indelible_evidence::record::Record;
use indelible_evidence::schema::Kind;

use crate::dice::Dice;
use crate::model::{Model, Sent, gap};
use crate::world::{config, draft, small_options, spec};

/// One simulated life of a log.
pub(crate) struct Life {
    pub(crate) dice: Dice,
    pub(crate) disk: SimStorage,
    pub(crate) options: Options,
    pub(crate) clock: ManualClock,
    pub(crate) model: Model,
    pub(crate) log: Option<StepLog>,
    /// Whether a group waits for its sync.
    pub(crate) unsynced: bool,
    /// Whether the disk was told to fail, so that errors are no finding.
    pub(crate) faulty: bool,
    /// Whether recoveries are left alone.
    pub(crate) calm: bool,
    /// Whether the disk was told to be full.
    pub(crate) full: bool,
    pub(crate) drafts: u64,
    pub(crate) recoveries: u64,
    /// What was done, for the message of a failure.
    pub(crate) trace: Vec<String>,
    /// Whether chance chooses, and not a script that ends.
    endless: bool,
}

/// Runs one seed; returns how many recoveries were checked.
///
/// # Errors
/// The promise that was broken and the steps that led there.
pub fn run(seed: u64) -> Result<u64, String> {
    let mut life = Life::new(Dice::new(seed));
    let steps = 15 + life.dice.below(60);
    life.told(|life| life.live(steps))
}

/// Runs the life that these bytes choose, at most 24 steps of it.
///
/// # Errors
/// As [`run`].
pub fn run_script(choices: &[u8]) -> Result<u64, String> {
    let mut life = Life::new(Dice::scripted(choices));
    life.told(|life| life.live(24))
}

/// All records of a view, in order; in the place of each that was removed, [`gap`].
pub(crate) fn all_records(view: &View) -> Result<Vec<Record>, String> {
    let page = view.query(&Query::oldest(Expr::True, 1_000_000)).map_err(|error| format!("a query failed: {error}"))?;
    let mut all = Vec::with_capacity(page.rows.len());
    for row in page.rows {
        if row.seq < all.len() as u64 || row.seq >= view.next_seq() {
            return Err(format!("seq {} after {}, in a view up to seq {}", row.seq, all.len(), view.next_seq()));
        }
        all.extend((all.len() as u64..row.seq).map(gap));
        all.push(row);
    }
    all.extend((all.len() as u64..view.next_seq()).map(gap));
    Ok(all)
}

impl Life {
    pub(crate) fn new(mut dice: Dice) -> Self {
        let endless = !dice.is_scripted();
        let options = SimOptions { tear_sectors: dice.one_in(2), capacity_bytes: None };
        Self {
            disk: SimStorage::new(dice.word(), options),
            options: small_options(&mut dice),
            clock: ManualClock::new(1_800_000_000_000_000_000),
            model: Model::default(),
            log: None,
            unsynced: false,
            faulty: false,
            calm: false,
            full: false,
            drafts: 0,
            recoveries: 0,
            trace: Vec::new(),
            endless,
            dice,
        }
    }

    /// Runs a life; what went wrong is told with the steps that led there.
    pub(crate) fn told(&mut self, run: impl FnOnce(&mut Self) -> Result<(), String>) -> Result<u64, String> {
        match run(self) {
            Ok(()) => Ok(self.recoveries),
            Err(what) => Err(format!("{what}\n  after: {}", self.trace.join(" "))),
        }
    }

    fn live(&mut self, steps: u64) -> Result<(), String> {
        self.create()?;
        for _ in 0..steps {
            if !self.endless && !self.dice.is_scripted() {
                break;
            }
            self.step()?;
            self.look()?;
            if self.dice.one_in(3) {
                self.check_images(1)?;
            }
        }
        self.trace.push("end".to_owned());
        self.check_images(2)?;
        self.power_cut()?;
        self.lift_limits();
        self.close()
    }

    /// Creates the log, sometimes with power cuts on the way.
    pub(crate) fn create(&mut self) -> Result<(), String> {
        self.trace.push("create".to_owned());
        while self.dice.one_in(4) {
            let at = self.disk.op_count() + self.dice.below(35);
            self.disk.crash_at(at);
            let made = StepLog::create(self.config(), &spec()).is_ok();
            self.trace.push(format!("cut@{at}"));
            self.disk = self.disk.crash();
            if made {
                break;
            }
        }
        let config = self.config();
        let log = match StepLog::create(config.clone(), &spec()) {
            Err(Error::Exists { .. }) => StepLog::open(config),
            created => created,
        }
        .map_err(|error| format!("a log cut while it was created does not open: {error}"))?;
        let found = all_records(&log.view())?;
        let first: Vec<u8> =
            found.iter().take(2).filter_map(|record| record.groups.group(0).first().copied()).collect();
        if first != [Kind::Genesis as u8, Kind::Schedule as u8] {
            return Err("a log that was created, or completed, does not begin with genesis and schedule".to_owned());
        }
        self.model.adopt(&found);
        self.log = Some(log);
        Ok(())
    }

    pub(crate) fn config(&mut self) -> indelible_engine::LogConfig {
        let salt = self.dice.word();
        config(std::sync::Arc::new(self.disk.clone()), &self.options, &self.clock, salt)
    }

    pub(crate) fn step(&mut self) -> Result<(), String> {
        match self.dice.below(100) {
            0 => self.kill(),
            1..=2 => self.power_cut(),
            3..=6 => self.power_cut_soon(),
            7..=9 => self.inject(),
            10..=11 => self.fill_disk(),
            _ => self.calm_step(),
        }
    }

    /// A step without a fault.
    pub(crate) fn calm_step(&mut self) -> Result<(), String> {
        match self.dice.below(96) {
            0..=29 => self.append(),
            30..=49 => self.sync(),
            50..=64 => self.frame(),
            65..=69 => self.do_quietly("sync_frames", StepLog::sync_frames),
            70..=75 => self.checkpoint(),
            76..=81 => self.do_quietly("tidy", StepLog::tidy),
            82..=84 => self.turn_clock(),
            85..=87 => self.close(),
            _ => self.shrink(),
        }
    }

    fn append(&mut self) -> Result<(), String> {
        if self.unsynced {
            self.sync()?;
        }
        let count = 1 + if self.dice.one_in(12) { self.dice.below(150) } else { self.dice.below(6) };
        let drafts: Vec<Draft> = (0..count).map(|_| self.next_draft()).collect();
        self.trace.push(format!("append({count})"));
        self.model.sent(drafts.iter().map(Sent::of).collect());
        let Some(log) = &mut self.log else { return Ok(()) };
        match log.append(drafts) {
            Ok(outcomes) => {
                self.unsynced = true;
                let wanted = (0..count).map(|n| Outcome::Stored(self.model.durable() + n));
                if !outcomes.into_iter().eq(wanted) {
                    return Err("an append gave other seqs than the next".to_owned());
                }
                Ok(())
            }
            Err(error) => {
                if error.is_disk_full() {
                    self.model.refused();
                }
                self.failed(&error)
            }
        }
    }

    fn next_draft(&mut self) -> Draft {
        self.drafts += 1;
        let extra = match self.dice.below(20) {
            0 => self.dice.below(6_000),
            1..=6 => self.dice.below(400),
            _ => 0,
        };
        draft(self.drafts, extra as usize)
    }

    pub(crate) fn sync(&mut self) -> Result<(), String> {
        self.trace.push("sync".to_owned());
        let was_unsynced = std::mem::take(&mut self.unsynced);
        let Some(log) = &mut self.log else { return Ok(()) };
        match log.sync() {
            Ok(to) => {
                if was_unsynced {
                    let filter = Expr::Seq { from: self.model.durable(), to: u64::MAX };
                    let read = log.view().query(&Query::oldest(filter, 1_000)).map_err(|error| error.to_string())?;
                    self.model.acknowledged(&read.rows)?;
                }
                if to != self.model.durable() {
                    return Err(format!("durable to {to}, {} were acknowledged", self.model.durable()));
                }
                Ok(())
            }
            Err(error) => self.failed(&error),
        }
    }

    fn frame(&mut self) -> Result<(), String> {
        let partial = !self.dice.one_in(3);
        self.do_quietly("frame", |log| log.frame(partial))
    }

    fn checkpoint(&mut self) -> Result<(), String> {
        self.trace.push("checkpoint".to_owned());
        let Some(log) = &mut self.log else { return Ok(()) };
        match log.checkpoint() {
            Ok(note) => self.model.signed(&note),
            Err(error) => self.failed(&error),
        }
    }

    pub(crate) fn do_quietly<T>(
        &mut self,
        name: &str,
        step: impl FnOnce(&mut StepLog) -> Result<T, Error>,
    ) -> Result<(), String> {
        self.trace.push(name.to_owned());
        let Some(log) = &mut self.log else { return Ok(()) };
        match step(log) {
            Ok(_) => Ok(()),
            Err(error) => self.failed(&error),
        }
    }

    /// Forwards, far forwards, back, or not at all.
    fn turn_clock(&mut self) -> Result<(), String> {
        self.trace.push("clock".to_owned());
        let hour = Duration::from_secs(3_600);
        match self.dice.below(4) {
            0 => self.clock.advance(Duration::from_millis(5)),
            1 => self.clock.advance(hour * 30),
            2 => self.clock.advance(hour * 24 * 400),
            _ => self.clock.set_wall(self.clock.wall_nanos() - 7 * 3_600_000_000_000),
        }
        Ok(())
    }

    /// Closes cleanly and opens again.
    pub(crate) fn close(&mut self) -> Result<(), String> {
        if self.unsynced {
            self.sync()?;
        }
        self.trace.push("close".to_owned());
        let Some(log) = &mut self.log else { return Ok(()) };
        match log.close() {
            Ok(()) => {
                self.log = None;
                self.reopen(true)
            }
            // What a close on a full disk leaves is what a kill leaves.
            Err(error) if error.is_disk_full() && self.full => self.kill(),
            Err(error) => self.failed(&error),
        }
    }

    /// What is in view is what is durable, to readers in this process and in others.
    pub(crate) fn look(&mut self) -> Result<(), String> {
        let Some(log) = &self.log else { return Ok(()) };
        // With the power off there is nothing to see; the next step notices.
        if self.disk.exists("MANIFEST").is_err() {
            return Ok(());
        }
        let view = log.view();
        if view.next_seq() != self.model.durable() {
            return Err(format!("readers see {} records, {} are durable", view.next_seq(), self.model.durable()));
        }
        if self.dice.one_in(6) {
            self.model.check_prefix(&all_records(&view)?)?;
        }
        if self.dice.one_in(6) && !self.faulty {
            let config = self.config();
            let reader = LogReader::open(&config).map_err(|error| format!("a reader beside the writer: {error}"))?;
            let view = reader.view().map_err(|error| format!("a reader beside the writer: {error}"))?;
            if view.next_seq() > self.model.durable() {
                let (seen, durable) = (view.next_seq(), self.model.durable());
                return Err(format!("a reader beside the writer sees {seen} records, {durable} are durable"));
            }
            self.model.check_prefix(&all_records(&view)?)?;
        }
        Ok(())
    }
}
