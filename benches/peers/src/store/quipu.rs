//! Quipu-Log, the nearest tamper-evident log: its store in the caller's thread, or its pipeline.
//!
//! It keeps an RFC 6962 tree over its records and no index over most columns, so questions are scans. It is given no signing
//! key, so it signs nothing here, which favours it.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use indelible::{AuditEvent, Severity};
use indelible_benches::question::{Answer, MANY, PAGE, Question};
use quipu_core::{
    AuditStore, CustomColumnDef, FieldDef, LogQuery, Order, ReadSnapshot, RetentionPolicy, StoreConfig, SyncPolicy,
    TargetFilter, TypeSchema, Value, ValueKind,
};
use quipu_middleware::{AuditPipeline, MiddlewareError, PermissionPolicy, PipelineConfig, Role};

use super::quipu_rows::{ACTOR, COLUMNS, Parts, TARGET, event_of, micros};
use super::{Asked, BATCH, Peer, Purged, Result, Single, Verified};

/// Quipu's store, or its pipeline over that.
pub struct Quipu {
    /// Whether events go through the pipeline's queue and thread.
    pub pipeline: bool,
}

fn store(dir: &Path, sync: SyncPolicy, retention: RetentionPolicy) -> Result<AuditStore> {
    let mut store = AuditStore::open(StoreConfig::new(dir.join("quipu")).sync_policy(sync).retention(retention))?;
    if !store.has_type(ACTOR) {
        store.define_type(TypeSchema::new(ACTOR, vec![FieldDef::text("name").indexed().required()]))?;
        let target = vec![FieldDef::text("kind").required(), FieldDef::text("name").indexed().required()];
        store.define_type(TypeSchema::new(TARGET, target))?;
        for column in COLUMNS {
            store.define_custom_column(CustomColumnDef::new(column, ValueKind::Text))?;
        }
        store.define_custom_column(CustomColumnDef::new("ns", ValueKind::Number))?;
    }
    Ok(store)
}

fn append(store: &mut AuditStore, event: &AuditEvent) -> Result<()> {
    let Parts { actor, target, content, custom } = Parts::of(event);
    let targets = [(TARGET.to_owned(), target)];
    store.append_at(micros(event), ACTOR, &actor, &event.action, "", content, &targets, custom)?;
    Ok(())
}

impl Quipu {
    fn load_through_pipeline(dir: &Path, events: &[AuditEvent]) -> Result<()> {
        let store = store(dir, SyncPolicy::EveryN(BATCH as u32), RetentionPolicy::keep_forever())?;
        let config = PipelineConfig { queue_capacity: 16_384, ..PipelineConfig::default() };
        let pipeline = AuditPipeline::start(store, dir.join("quipu"), PermissionPolicy::allow_all(), config, None)
            .map_err(|error| error.to_string())?;
        let (handle, role) = (pipeline.handle(), Role::new("bench"));
        for event in events {
            let mut next = Parts::of(event).emitted(event);
            loop {
                match handle.emit(&role, next) {
                    Ok(()) => break,
                    Err(MiddlewareError::QueueFull(back)) => {
                        next = *back;
                        std::thread::sleep(Duration::from_micros(50));
                    }
                    Err(error) => return Err(error.to_string().into()),
                }
            }
        }
        handle.flush().map_err(|error| error.to_string())?;
        let parked = handle.dlq_len(&role).map_err(|error| error.to_string())?;
        pipeline.shutdown();
        if parked > 0 { Err(format!("{parked} events were parked and not stored").into()) } else { Ok(()) }
    }
}

impl Peer for Quipu {
    fn key(&self) -> &'static str {
        if self.pipeline { "quipu-pipeline" } else { "quipu-store" }
    }

    fn name(&self) -> &'static str {
        if self.pipeline { "Quipu 0.2, pipeline" } else { "Quipu 0.2, store" }
    }

    fn durability(&self) -> &'static str {
        "fsync each 1000"
    }

    fn keeps(&self) -> &'static str {
        "tree, index of actors and targets"
    }

    fn load(&self, dir: &Path, events: &mut Vec<AuditEvent>) -> Result<()> {
        if self.pipeline {
            return Self::load_through_pipeline(dir, events);
        }
        let mut store = store(dir, SyncPolicy::EveryN(BATCH as u32), RetentionPolicy::keep_forever())?;
        events.iter().try_for_each(|event| append(&mut store, event))?;
        store.sync()?;
        Ok(())
    }

    /// The pipeline leaves the same files as the store; they are asked once.
    fn open(&self, dir: &Path) -> Result<Option<Box<dyn Asked>>> {
        if self.pipeline {
            return Ok(None);
        }
        let mut store = store(dir, SyncPolicy::OsManaged, RetentionPolicy::keep_forever())?;
        let snapshot = store.snapshot()?;
        Ok(Some(Box::new(Open { snapshot, _store: store, cursors: VecDeque::new() })))
    }

    fn single(&self, dir: &Path) -> Result<Option<Box<dyn Single>>> {
        if self.pipeline {
            return Ok(None);
        }
        Ok(Some(Box::new(One { store: store(dir, SyncPolicy::Always, RetentionPolicy::keep_forever())? })))
    }

    fn verify(&self, dir: &Path, _threads: usize) -> Result<Option<Verified>> {
        if self.pipeline {
            return Ok(None);
        }
        let mut store = store(dir, SyncPolicy::OsManaged, RetentionPolicy::keep_forever())?;
        let bytes = store.retained_bytes()?;
        store.verify_integrity()?;
        Ok(Some(Verified { bytes }))
    }

    fn purge(&self, dir: &Path, cutoff: i64) -> Result<Option<Purged>> {
        if self.pipeline {
            return Ok(None);
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        let cut = Duration::from_nanos(cutoff.unsigned_abs());
        // Its only rules are age by the machine's clock and a budget of bytes.
        let age = now.checked_sub(cut).ok_or("the cutoff lies in the future of the machine's clock")?;
        let mut store = store(dir, SyncPolicy::OsManaged, RetentionPolicy::keep_for(age))?;
        let info = Value::Text(Severity::Info.to_string());
        let mut expired = LogQuery { to_micros: Some(cutoff.unsigned_abs() / 1_000 - 1), ..LogQuery::default() };
        expired.custom.insert("severity".to_owned(), info);
        let before = store.count(&expired)?;
        let start = Instant::now();
        store.apply_retention()?;
        let steps = vec![("whole segments, whatever the severity".to_owned(), start.elapsed())];
        let left = store.count(&expired)?;
        Ok(Some(Purged { steps, removed: before - left, left }))
    }
}

struct One {
    store: AuditStore,
}

impl Single for One {
    fn commit(&mut self, event: &AuditEvent) -> Result<()> {
        append(&mut self.store, event)
    }
}

struct Open {
    snapshot: ReadSnapshot,
    /// Holds the lock, as a reader in the same process would.
    _store: AuditStore,
    /// Of Q7, its own cursor after the page before, with the rows at the edge that are too new to count.
    cursors: VecDeque<Option<String>>,
}

fn with(pairs: &[(&str, &str)]) -> LogQuery {
    let custom = pairs.iter().map(|(name, value)| ((*name).to_owned(), Value::Text((*value).to_owned()))).collect();
    LogQuery { custom, order: Order::Desc, ..LogQuery::default() }
}

/// Half-open nanoseconds as inclusive microseconds, perhaps a little wider.
fn during(query: LogQuery, (from, to): (i64, i64)) -> LogQuery {
    LogQuery {
        from_micros: Some(from.max(0).unsigned_abs() / 1_000),
        to_micros: Some((to - 1).max(0).unsigned_abs() / 1_000),
        ..query
    }
}

impl Open {
    /// Rows that match and `pass`, newest first, at most `limit`; it scans on where `pass` refuses what it found.
    fn rows(&mut self, query: LogQuery, limit: usize, pass: &dyn Fn(&AuditEvent) -> bool) -> Result<Vec<AuditEvent>> {
        let found = self.snapshot.query(&query)?;
        let mut rows = Vec::with_capacity(found.len().min(limit));
        for view in found {
            let event = event_of(view).ok_or("a record cannot be read")?;
            if rows.len() < limit && pass(&event) {
                rows.push(event);
            }
        }
        Ok(rows)
    }

    fn counts(&mut self, time: (i64, i64)) -> Result<Vec<(String, u64)>> {
        let mut counts = std::collections::BTreeMap::<String, u64>::new();
        let rows = self.rows(during(LogQuery::default(), time), usize::MAX, &|event| within(event, time))?;
        for event in rows {
            for value in [
                format!("severity={}", event.severity),
                format!("action={}", event.action),
                format!("target_type={}", event.target.kind),
            ] {
                *counts.entry(value).or_default() += 1;
            }
        }
        Ok(counts.into_iter().collect())
    }
}

fn within(event: &AuditEvent, time: (i64, i64)) -> bool {
    (time.0..time.1).contains(&indelible_benches::question::time_of(event))
}

impl Asked for Open {
    fn prepare(&mut self, question: &Question) -> Result<()> {
        let mut cursor = None;
        if let Question::Deep { workspace, before, depth } = question {
            let query = during(with(&[("workspace", workspace)]), (0, *before));
            // A record in the microsecond of `before` may be too new, so its pages are counted by what belongs to them.
            let head = self.snapshot.query(&LogQuery { limit: Some(2), ..query.clone() })?;
            let new = head.into_iter().filter_map(event_of).filter(|event| !within(event, (0, *before))).count();
            let page = self.snapshot.query_page(&LogQuery { limit: Some(depth + new), ..query })?;
            cursor = page.next_cursor;
        }
        self.cursors.push_back(cursor);
        Ok(())
    }

    fn answer(&mut self, question: &Question) -> Result<Answer> {
        let mut answer = Answer::default();
        let cursor = self.cursors.pop_front().flatten();
        match question {
            Question::Day { workspace, time } => {
                let query = LogQuery { limit: Some(PAGE + 2), ..during(with(&[("workspace", workspace)]), *time) };
                answer.rows = self.rows(query, PAGE, &|event| within(event, *time))?;
            }
            Question::Critical { actor, actions } => {
                let critical = with(&[("severity", &Severity::Critical.to_string())]);
                let actor = TargetFilter::exact(ACTOR, "name", Value::Text(actor.clone()));
                let query = LogQuery { actor: Some(actor), ..critical };
                answer.rows = self.rows(query, PAGE, &|event| actions.contains(&event.action))?;
            }
            Question::Chain { correlation } => {
                let query = LogQuery { order: Order::Asc, ..with(&[("correlation", correlation)]) };
                answer.rows = self.rows(query, usize::MAX, &|_| true)?;
            }
            Question::Total { workspace, action, outcome, severities, time } => {
                let query = during(with(&[("workspace", workspace), ("outcome", &outcome.to_string())]), *time);
                let query = LogQuery { method: Some(action.clone()), ..query };
                let pass = |event: &AuditEvent| {
                    severities.contains(&event.severity) && event.action == *action && within(event, *time)
                };
                answer.rows = self.rows(query, usize::MAX, &pass)?;
                answer.total = Some(answer.rows.len() as u64);
                answer.rows.truncate(PAGE);
            }
            Question::Counts { time } => answer.counts = self.counts(*time)?,
            Question::Failures { before } => {
                let query = during(with(&[("outcome", &indelible::Outcome::Failure.to_string())]), (0, *before));
                let query = LogQuery { limit: Some(MANY + 2), ..query };
                answer.rows = self.rows(query, MANY, &|event| within(event, (0, *before)))?;
            }
            Question::Deep { workspace, before, .. } => {
                let query = during(with(&[("workspace", workspace)]), (0, *before));
                let query = LogQuery { limit: Some(PAGE), cursor, ..query };
                answer.rows = self.rows(query, PAGE, &|_| true)?;
            }
        }
        Ok(answer)
    }
}
