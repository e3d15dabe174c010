//! Damage to what was durable: bits that rot, writes that are lost or land elsewhere, syncs that lie.
//!
//! ```text
//! a calm life ──> damage ──> closed, or cut off ──> opened: refused as corrupt, or read: reported as corrupt, or harmless
//! ```
//!
//! The one thing that may happen silently is listed in the chapter on recovery: the last group of a log that was not closed
//! cannot be told from a torn write. Everything else that is missing or wrong without a word is a finding.

use std::sync::Arc;

use indelible_engine::query::{Expr, View};
use indelible_engine::step::StepLog;
use indelible_engine::world::storage::Storage;
use indelible_engine::world::storage::sim::{Fault, SimStorage};
use indelible_engine::{Error, Result as EngineResult};
use indelible_evidence::record::Record;
use indelible_evidence::schema::{Field, Kind};

use crate::crash::{Life, all_records};
use crate::dice::Dice;
use crate::world::{config, spec};

/// What was done to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    Flip,
    Lost,
    Misdirected,
    Lies,
}

/// Runs one seed; returns how many recoveries were checked.
///
/// # Errors
/// Damage that was neither reported nor harmless, and the steps that led there.
pub fn run(seed: u64) -> Result<u64, String> {
    let mut life = Life::new(Dice::new(seed));
    life.calm = true;
    life.told(damage)
}

fn damage(life: &mut Life) -> Result<(), String> {
    let log = StepLog::create(life.config(), &spec()).map_err(|error| error.to_string())?;
    life.model.adopt(&all_records(&log.view())?);
    life.log = Some(log);
    calm(life, 40)?;
    let kind = match life.dice.below(8) {
        0 => Damage::Lost,
        1 => Damage::Misdirected,
        2 => Damage::Lies,
        _ => Damage::Flip,
    };
    life.trace.push(format!("{kind:?}"));
    match kind {
        Damage::Flip => flips(life),
        Damage::Lost => strike(life, kind, Fault::LoseWrite),
        Damage::Misdirected => {
            let by = life.dice.below(3_000) as i64 - 1_500;
            strike(life, kind, Fault::MisdirectWrite { by })
        }
        Damage::Lies => strike(life, kind, Fault::LieOnSync),
    }
}

fn calm(life: &mut Life, steps: u64) -> Result<(), String> {
    for _ in 0..life.dice.below(steps) {
        life.calm_step()?;
    }
    Ok(())
}

/// Flips one bit in one of many images, one after the other.
fn flips(life: &mut Life) -> Result<(), String> {
    for _ in 0..12 {
        calm(life, 6)?;
        if life.unsynced {
            life.sync()?;
        }
        let closed = life.dice.one_in(3);
        let image = life.disk.fork();
        if closed {
            let salt = life.dice.word();
            // The live one keeps running; its twin is closed and damaged.
            let crashed = image.crash_keep_all();
            let mut twin = open(&crashed, life, salt).map_err(|error| error.to_string())?;
            twin.close().map_err(|error| error.to_string())?;
            drop(twin);
            damaged_flip(life, &crashed.crash(), true)?;
        } else {
            damaged_flip(life, &image.crash(), false)?;
        }
    }
    Ok(())
}

fn damaged_flip(life: &mut Life, disk: &SimStorage, closed: bool) -> Result<(), String> {
    let mut names = Vec::new();
    for (dir, weight) in [("journal", 3), ("segments", 2), ("", 1)] {
        for name in disk.list(dir).map_err(|error| error.to_string())? {
            let name = if dir.is_empty() { name } else { format!("{dir}/{name}") };
            let excepted = ["lock", "live"].contains(&name.as_str()) || name.ends_with(".tmp");
            names.extend(std::iter::repeat_n(name, if excepted { 0 } else { weight }));
        }
    }
    let name = names[life.dice.below(names.len() as u64) as usize].clone();
    let length = disk.read(&name, 1 << 26).map_err(|error| error.to_string())?.len() as u64;
    let (offset, bit) = (life.dice.below(length), life.dice.below(8) as u8);
    if length == 0 || disk.flip_bit(&name, offset, bit).is_err() {
        return Ok(());
    }
    let place = format!("bit {bit} of byte {offset} of {length} of {name}, closed: {closed}");
    check(life, disk, if closed { 0 } else { 1 }).map_err(|what| format!("{what}; flipped: {place}"))
}

/// One operation goes wrong in silence; the log goes on and ends, closed or not.
fn strike(life: &mut Life, kind: Damage, fault: Fault) -> Result<(), String> {
    let prefix = life.dice.pick(&["journal/", "segments/", ""]);
    let nth = 1 + life.dice.below(4);
    life.trace.push(format!("inject({prefix},{nth},{fault:?})"));
    life.disk.inject(prefix, nth, fault);
    for _ in 0..life.dice.below(25) {
        // A log that notices by itself has reported it.
        if life.calm_step().is_err() {
            return Ok(());
        }
    }
    if life.unsynced && life.sync().is_err() {
        return Ok(());
    }
    let struck = life.disk.faults_waiting() == 0;
    let disk = life.disk.crash();
    let excused = match kind {
        _ if !struck => 0,
        // A misdirected group can take the one before it with it.
        Damage::Misdirected => 2,
        // A lie about a directory can take any number of groups.
        Damage::Lies => usize::MAX - 1,
        _ => 1,
    };
    check(life, &disk, excused)
}

fn open(disk: &SimStorage, life: &Life, salt: u64) -> EngineResult<StepLog> {
    StepLog::open(config(Arc::new(disk.clone()), &life.options, &life.clock, salt))
}

/// Opens a damaged log. `excused`: how many of the last groups may be called torn.
fn check(life: &mut Life, disk: &SimStorage, excused: usize) -> Result<(), String> {
    life.recoveries += 1;
    let salt = life.dice.word();
    let log = match open(disk, life, salt) {
        Err(Error::Corrupt(_)) => return Ok(()),
        Err(error) => return Err(format!("damage was reported as something else: {error}")),
        Ok(log) => log,
    };
    match read(&log.view()) {
        Err(Error::Corrupt(_)) => return Ok(()),
        Err(error) => return Err(format!("damage was reported as something else: {error}")),
        Ok(_) => {}
    }
    let found = all_records(&log.view())?;
    // Where even the first group is torn, genesis and schedule are written once more, and the schedule is the default one.
    let is_recovery = |record: &&Record| {
        let kinds = [Kind::Recovery as u8, Kind::Genesis as u8, Kind::Schedule as u8];
        record.groups.group(0).first().is_some_and(|kind| kinds.contains(kind))
    };
    let durable = life.model.records();
    let same = found.iter().zip(durable).take_while(|(found, durable)| found == durable).count();
    let rest = found.get(same..).unwrap_or_default();
    if same < durable.len() {
        if rest.iter().any(|record| !is_recovery(&record)) {
            return Err(format!("record {same} is not what it was, and nothing says so"));
        }
        if (same as u64) < life.model.durable_before(excused) {
            let lost = durable.len() - same;
            return Err(format!("{lost} durable records are gone, and nothing says so (cut: {})", log.recovery()));
        }
    }
    check_queries(&log.view(), &found)
}

fn read(view: &View) -> EngineResult<Vec<Record>> {
    Ok(view.query(&indelible_engine::query::Query::oldest(Expr::True, 1_000_000))?.rows)
}

/// The index must not lie either: what it answers is what a scan gives, or it says that it is damaged.
fn check_queries(view: &View, found: &[Record]) -> Result<(), String> {
    for filter in
        [Expr::is(Field::ACTOR_ID, "user-3"), Expr::is(Field::WORKSPACE, "beta"), Expr::is(Field::TARGET_ID, "doc-9")]
    {
        let matching = found.iter().filter(|record| filter.matches(record).unwrap_or(false)).count() as u64;
        match view.count(&filter) {
            Ok(count) if count != matching => {
                return Err(format!(
                    "the index counts {count} of {filter:?}, there are {matching}, and nothing says so"
                ));
            }
            Ok(_) | Err(Error::Corrupt(_)) => {}
            Err(error) => return Err(format!("damage was reported as something else: {error}")),
        }
    }
    Ok(())
}
