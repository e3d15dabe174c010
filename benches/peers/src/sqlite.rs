//! SQLite with (column, time) indexes on the same eleven columns, and a 256 MiB cache.

use std::path::Path;

use indelible::{Actor, ActorType, AuditEvent, Limits, Metadata, Outcome, Severity, Target, Timestamp};
use indelible_benches::question::{Answer, DEPTH, MANY, PAGE, Question};
use rusqlite::{Connection, Row, ToSql, params};

use crate::peer::{Asked, Peer, Result};
use crate::row;

/// Events in a transaction.
const BATCH: usize = 1_000;
const INDEXED: [&str; 10] = [
    "workspace",
    "lane",
    "session",
    "actor_id",
    "action",
    "target_type",
    "target_id",
    "outcome",
    "severity",
    "correlation_id",
];
const COLUMNS: &str = "id, time, workspace, lane, session, correlation_id, actor_type, actor_id, action, target_type, \
                       target_id, outcome, severity, metadata";

/// SQLite in WAL mode.
pub struct Sqlite {
    /// `synchronous=FULL` instead of NORMAL.
    pub full: bool,
    /// Whether each row carries the BLAKE3 of the row before and itself.
    pub chain: bool,
}

impl Peer for Sqlite {
    fn name(&self) -> String {
        let sync = if self.full { "FULL" } else { "NORMAL" };
        format!("SQLite WAL {sync}, batch 1000{}", if self.chain { ", chain" } else { "" })
    }

    fn load(&self, dir: &Path, events: &[AuditEvent]) -> Result<()> {
        let mut db = Connection::open(dir.join("db"))?;
        let sync = if self.full { "FULL" } else { "NORMAL" };
        db.execute_batch(&format!("PRAGMA journal_mode=WAL; PRAGMA synchronous={sync}; PRAGMA cache_size=-262144;"))?;
        db.execute_batch(
            "CREATE TABLE events(seq INTEGER PRIMARY KEY, id TEXT, time INTEGER, workspace TEXT, lane TEXT, session TEXT,
             correlation_id TEXT, actor_type INTEGER, actor_id TEXT, action TEXT, target_type TEXT, target_id TEXT,
             outcome INTEGER, severity INTEGER, metadata TEXT, chain BLOB); CREATE INDEX by_time ON events(time);",
        )?;
        for column in INDEXED {
            db.execute_batch(&format!("CREATE INDEX by_{column} ON events({column}, time);"))?;
        }
        let (mut chain, mut bytes) = ([0u8; 32], Vec::new());
        for batch in events.chunks(BATCH) {
            let transaction = db.transaction()?;
            {
                let mut insert = transaction.prepare_cached(&format!(
                    "INSERT INTO events({COLUMNS}, chain) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
                ))?;
                for event in batch {
                    if self.chain {
                        bytes.clear();
                        bytes.extend_from_slice(&chain);
                        row::encode(event, &mut bytes);
                        chain = *blake3::hash(&bytes).as_bytes();
                    }
                    insert.execute(params![
                        event.id,
                        event.time.map(|time| time.0),
                        event.workspace,
                        event.lane,
                        event.session,
                        event.correlation_id,
                        event.actor.kind.code(),
                        event.actor.id,
                        event.action,
                        event.target.kind,
                        event.target.id,
                        event.outcome.code(),
                        event.severity.code(),
                        event.metadata.as_ref().map(Metadata::as_str),
                        self.chain.then_some(&chain[..]),
                    ])?;
                }
            }
            transaction.commit()?;
        }
        db.execute_batch("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE);")?;
        Ok(())
    }

    fn open(&self, dir: &Path) -> Result<Box<dyn Asked>> {
        let db = Connection::open(dir.join("db"))?;
        db.execute_batch("PRAGMA cache_size=-262144;")?;
        Ok(Box::new(Open { db }))
    }
}

struct Open {
    db: Connection,
}

impl Open {
    fn rows(&self, tail: &str, values: &[&dyn ToSql]) -> Result<Vec<AuditEvent>> {
        let mut query = self.db.prepare_cached(&format!("SELECT {COLUMNS} FROM events WHERE {tail}"))?;
        let found = query.query_map(values, event)?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }
}

fn event(row: &Row<'_>) -> rusqlite::Result<AuditEvent> {
    let metadata: Option<String> = row.get(13)?;
    Ok(AuditEvent {
        id: row.get(0)?,
        time: Some(Timestamp(row.get(1)?)),
        workspace: row.get(2)?,
        lane: row.get(3)?,
        session: row.get(4)?,
        correlation_id: row.get(5)?,
        parent_id: None,
        request_id: None,
        actor: Actor {
            kind: ActorType::from_code(row.get(6)?),
            id: row.get(7)?,
            name: None,
            role: None,
            ip: None,
            auth_method: None,
        },
        action: row.get(8)?,
        target: Target { kind: row.get(9)?, id: row.get(10)? },
        outcome: Outcome::from_code(row.get(11)?),
        severity: Severity::from_code(row.get(12)?),
        service: None,
        proof: None,
        reason: None,
        error: None,
        metadata: metadata.and_then(|text| Metadata::from_text(text, &Limits::default()).ok()),
        original: None,
    })
}

impl Asked for Open {
    fn prepare(&mut self, question: &Question) -> Result<Option<i64>> {
        let Question::Deep { workspace, before } = question else { return Ok(None) };
        let sql = "SELECT time FROM events WHERE workspace=? AND time<? ORDER BY time DESC LIMIT 2 OFFSET ?";
        let mut query = self.db.prepare_cached(sql)?;
        let times = query.query_map(params![workspace, before, DEPTH as i64 - 1], |row| row.get(0))?;
        let times = times.collect::<rusqlite::Result<Vec<i64>>>()?;
        Ok(if times.len() == 2 { times.first().copied() } else { None })
    }

    fn answer(&mut self, question: &Question, cursor: Option<i64>) -> Result<Answer> {
        let mut answer = Answer::default();
        match question {
            Question::Day { workspace, time } => {
                let tail = format!("workspace=? AND time>=? AND time<? ORDER BY time DESC LIMIT {PAGE}");
                answer.rows = self.rows(&tail, params![workspace, time.0, time.1])?;
            }
            Question::Critical { actor, actions: [a, b, c] } => {
                let tail = format!(
                    "actor_id=? AND action IN (?,?,?) AND severity={} ORDER BY time DESC LIMIT {PAGE}",
                    Severity::Critical.code()
                );
                answer.rows = self.rows(&tail, params![actor, a, b, c])?;
            }
            Question::Chain { correlation } => {
                answer.rows = self.rows("correlation_id=? ORDER BY time", params![correlation])?;
            }
            Question::Total { workspace, action, outcome, severities: [one, two], time } => {
                let filter = "workspace=? AND action=? AND outcome=? AND severity IN (?,?) AND time>=? AND time<?";
                let values = params![workspace, action, outcome.code(), one.code(), two.code(), time.0, time.1];
                answer.rows = self.rows(&format!("{filter} ORDER BY time DESC LIMIT {PAGE}"), values)?;
                let mut count = self.db.prepare_cached(&format!("SELECT count(*) FROM events WHERE {filter}"))?;
                answer.total = Some(count.query_row(values, |row| row.get::<_, i64>(0))? as u64);
            }
            Question::Counts { time } => {
                for column in ["severity", "action", "target_type"] {
                    let sql =
                        format!("SELECT {column}, count(*) FROM events WHERE time>=? AND time<? GROUP BY {column}");
                    let mut query = self.db.prepare_cached(&sql)?;
                    let found = query.query_map(params![time.0, time.1], |row| {
                        let value = match column {
                            "severity" => Severity::from_code(row.get(0)?).to_string(),
                            _ => row.get(0)?,
                        };
                        Ok((format!("{column}={value}"), row.get::<_, i64>(1)? as u64))
                    })?;
                    for row in found {
                        answer.counts.push(row?);
                    }
                }
                answer.counts.sort_unstable();
            }
            Question::Failures { before } => {
                let tail = format!("outcome=? AND time<? ORDER BY time DESC LIMIT {MANY}");
                answer.rows = self.rows(&tail, params![Outcome::Failure.code(), before])?;
            }
            Question::Deep { workspace, .. } => {
                if let Some(cursor) = cursor {
                    let tail = format!("workspace=? AND time<? ORDER BY time DESC LIMIT {PAGE}");
                    answer.rows = self.rows(&tail, params![workspace, cursor])?;
                }
            }
        }
        Ok(answer)
    }
}
