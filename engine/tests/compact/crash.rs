//! Power cuts at every operation of a compaction.

use indelible_engine::query::Expr;
use indelible_engine::step::StepLog;
use indelible_engine::world::storage::Storage;
use indelible_engine::world::storage::sim::SimStorage;
use indelible_engine::{CompactRequest, Error};
use indelible_format::names::{parse_segment_file_name, segment_file_name};

use super::setup::*;

/// Old or new after a power cut at any operation, and the next opening finishes the cleaning up. [RCV-8] [RCV-10]
#[test]
fn a_power_cut_at_any_operation_leaves_old_or_new() {
    let outcomes = everywhere(&|_| {}).expect("every crash leaves one of the two states");
    assert!(outcomes.old > 5 && outcomes.new > 2, "{outcomes:?}");
}

#[derive(Debug, Default)]
struct Outcomes {
    old: u64,
    new: u64,
}

/// Cuts the power at each operation of a compaction, brings back several states of the disk, and says what is wrong with one.
fn everywhere(before_compaction: &dyn Fn(bool)) -> Result<Outcomes, String> {
    let (base, log) = built();
    let old = Model::of(&log.view());
    let new = old.without(&plan_of);
    let facts = Facts::of(&log.view());
    let asked = request(&log);
    drop(log);
    let base = base.crash_keep_all();
    let mut outcomes = Outcomes::default();
    for at in 0.. {
        let disk = base.fork();
        let mut log = StepLog::open(config(&disk)).map_err(|error| error.to_string())?;
        disk.crash_at(disk.op_count() + at);
        before_compaction(true);
        let done = log.compact(&asked, &plan);
        before_compaction(false);
        drop(log);
        let finished = done.is_ok();
        for (how, image) in [
            ("all lost", disk.crash_lose_all()),
            ("all kept", disk.crash_keep_all()),
            ("some", disk.crash_with(at)),
            ("others", disk.crash_with(at + 1_000)),
        ] {
            let what = format!("operation {at}, {how}");
            match recovered(&image, &old, &new, &facts, &asked).map_err(|why| format!("{what}: {why}"))? {
                true => outcomes.new += 1,
                false if finished => return Err(format!("{what}: it was done, and the old state is back")),
                false => outcomes.old += 1,
            }
        }
        if finished {
            return Ok(outcomes);
        }
    }
    Ok(outcomes)
}

/// Opens what a crash left; whether it is the new state.
fn recovered(
    image: &SimStorage,
    old: &Model,
    new: &Model,
    facts: &Facts,
    asked: &CompactRequest,
) -> Result<bool, String> {
    let said = |error: Error| error.to_string();
    let report = verified(image);
    if !report.is_intact() {
        return Err(format!("{:?}", report.breaks));
    }
    let mut log = StepLog::open(config(image)).map_err(said)?;
    let now = Model::of(&log.view());
    let is_new = if now == *new {
        true
    } else if now == *old {
        false
    } else {
        return Err(format!("{} records: neither old nor new", now.count()));
    };
    if Facts::of(&log.view()) != *facts {
        return Err("chain values or leaf hashes changed".to_owned());
    }
    let named: Vec<String> =
        log.manifest().segments.iter().map(|entry| segment_file_name(entry.id, entry.generation)).collect();
    let found = image.list("segments").map_err(|error| error.to_string())?;
    for file in found.iter().filter(|file| parse_segment_file_name(file).is_some()) {
        if !named.contains(&format!("segments/{file}")) {
            return Err(format!("{file} is left over"));
        }
    }
    // The same request again, as whoever ordered it would: finished, or done now.
    log.compact(asked, &plan).map_err(said)?;
    if Model::of(&log.view()) != *new || log.view().count(&Expr::True).map_err(said)? != new.count() {
        return Err("the compaction done again gives another state".to_owned());
    }
    log.close().map_err(said)?;
    let report = verified(image);
    if !report.is_intact() {
        return Err(format!("closed: {:?}", report.breaks));
    }
    Ok(is_new)
}

/// The same schedule with a bug planted finds it.
#[cfg(feature = "mutants")]
#[test]
fn planted_bugs_are_found() {
    use indelible_engine::mutant::{Mutant, plant};
    for mutant in [Mutant::OldUnlinkedEarly, Mutant::NewGenerationUnsynced, Mutant::CompactNoDirectorySync] {
        let found = everywhere(&|begins| plant(begins.then_some(mutant)));
        let why = found.expect_err(&format!("{mutant:?} was not found"));
        println!("{mutant:?}: {why}");
    }
    let (_, mut log) = built();
    plant(Some(Mutant::CompactUncovered));
    let uncovered = CompactRequest { covered_by: 1_000, ..request(&log) };
    let done = log.compact(&uncovered, &plan);
    plant(None);
    assert!(done.is_ok(), "the mutant does what the test of refusals looks for: {done:?}");
}
