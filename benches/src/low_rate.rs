//! What the same events cost where they arrive slowly: 100,000 a day, a frame and a signed checkpoint every minute.
//!
//! ```text
//! clock of the test: one event, 0.864 s, the next ... every 60 s what came is synced, framed though no frame is full, signed
//!                    at midnight the segment is sealed
//! ```
//!
//! The steps are those of a log's own threads, taken by hand with a clock that is turned by hand (`indelible_engine::step`).
//! What came in a minute is one journal group here; how many groups there are changes nothing in a closed log.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use indelible::{AuditEvent, CreateOptions, Ledger, Metadata, Schedule};
use indelible_engine::step::StepLog;
use indelible_engine::world::clock::{Clock, ManualClock, SystemClock};
use indelible_engine::world::storage::Access;
use indelible_engine::{Draft, LogConfig};
use indelible_evidence::key::SigningKey;
use indelible_evidence::schema::{Field, Kind};

/// How old the first record of a frame may be, by default options.
const INTERVAL: Duration = Duration::from_secs(60);
const DAY: i64 = 86_400_000_000_000;

/// Writes `events` into a new log in `dir`, `per_day` of them a day of its clock, and closes it.
///
/// # Errors
/// The log's own.
pub fn write(dir: &Path, events: &[AuditEvent], per_day: u32) -> Result<(), Box<dyn Error + Send + Sync>> {
    let key = dir.with_extension("key");
    let origin = Some("example.org/low-rate".to_owned());
    Ledger::create(dir, &CreateOptions { origin, sign_key_file: Some(key.clone()) })?;
    // Genesis has the machine's time, and recorded-at never goes back: the simulated days begin at the next midnight.
    let now = SystemClock.wall_nanos();
    let clock = ManualClock::new(now - now.rem_euclid(DAY) + DAY);
    let mut config = LogConfig::at(dir, Access::ReadWrite)?;
    config.world.clock = Arc::new(clock.clone());
    config.signer = Some(Arc::new(SigningKey::from_text(&std::fs::read_to_string(key)?)?));
    let mut log = StepLog::open(config)?;
    let gap = Duration::from_secs(86_400) / per_day.max(1);
    let schedule = Schedule::default();
    let (mut waiting, mut since) = (Vec::new(), Duration::ZERO);
    for event in events {
        clock.advance(gap);
        since += gap;
        waiting.push(draft(event, schedule.class_of(event.severity)));
        if since >= INTERVAL {
            minute(&mut log, &mut waiting)?;
            since = Duration::ZERO;
        }
    }
    minute(&mut log, &mut waiting)?;
    log.close()?;
    Ok(())
}

fn minute(log: &mut StepLog, waiting: &mut Vec<Draft>) -> Result<(), Box<dyn Error + Send + Sync>> {
    if !waiting.is_empty() {
        log.append(std::mem::take(waiting))?;
        log.sync()?;
        log.frame(true)?;
        log.sync_frames()?;
        log.checkpoint()?;
        log.tidy()?;
    }
    Ok(())
}

/// An event as the ledger hands it to the engine, in the fields that the reference workload has.
pub(crate) fn draft(event: &AuditEvent, class: u16) -> Draft {
    Draft::write(Kind::Event, event.time.map(|time| time.0), class, |groups| {
        groups.text(Field::WORKSPACE, &event.workspace);
        groups.optional(Field::LANE, event.lane.as_deref());
        groups.optional(Field::SERVICE, event.service.as_deref());
        groups.text(Field::ACTION, &event.action);
        groups.code(Field::SEVERITY, event.severity.code());
        groups.code(Field::OUTCOME, event.outcome.code());
        groups.code(Field::ACTOR_TYPE, event.actor.kind.code());
        groups.text(Field::TARGET_TYPE, &event.target.kind);
        groups.text(Field::ACTOR_ID, &event.actor.id);
        groups.text(Field::TARGET_ID, &event.target.id);
        groups.optional(Field::SESSION, event.session.as_deref());
        groups.optional(Field::EVENT_ID, event.id.as_deref());
        groups.optional(Field::CORRELATION_ID, event.correlation_id.as_deref());
        groups.optional(Field::METADATA, event.metadata.as_ref().map(Metadata::as_str));
    })
}
