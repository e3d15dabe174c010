//! SQLite with (column, time) indexes on the same eleven columns, and a 256 MiB cache.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Instant;

use indelible::{AuditEvent, Metadata, Outcome, Severity};
use indelible_benches::question::{Answer, MANY, PAGE, Question, time_of};
use rusqlite::{Connection, Row, ToSql, params};

use super::row::{self, Columns};
use super::{Asked, BATCH, Peer, Purged, Result, Single, Verified, event_json};

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
                       target_id, outcome, severity, metadata, rest";

/// SQLite in WAL mode.
pub struct Sqlite {
    /// `synchronous=FULL` instead of NORMAL.
    pub full: bool,
    /// Whether each row carries the BLAKE3 of the row before and itself.
    pub chain: bool,
}

impl Sqlite {
    fn sync(&self) -> &'static str {
        if self.full { "FULL" } else { "NORMAL" }
    }

    fn create(&self, dir: &Path) -> Result<Connection> {
        let db = Connection::open(dir.join("db"))?;
        let sync = self.sync();
        db.execute_batch(&format!("PRAGMA journal_mode=WAL; PRAGMA synchronous={sync}; PRAGMA cache_size=-262144;"))?;
        db.execute_batch(
            "CREATE TABLE events(seq INTEGER PRIMARY KEY, id TEXT, time INTEGER, workspace TEXT, lane TEXT, session TEXT,
             correlation_id TEXT, actor_type INTEGER, actor_id TEXT, action TEXT, target_type TEXT, target_id TEXT,
             outcome INTEGER, severity INTEGER, metadata TEXT, rest TEXT, chain BLOB);
             CREATE INDEX by_time ON events(time);",
        )?;
        for column in INDEXED {
            db.execute_batch(&format!("CREATE INDEX by_{column} ON events({column}, time);"))?;
        }
        Ok(db)
    }

    /// Inserts a batch in one transaction; gives the chain value after it.
    fn append(&self, db: &mut Connection, batch: &[AuditEvent], mut chain: [u8; 32]) -> Result<[u8; 32]> {
        let transaction = db.transaction()?;
        {
            let mut insert = transaction.prepare_cached(&format!(
                "INSERT INTO events({COLUMNS}, chain) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
            ))?;
            for event in batch {
                if self.chain {
                    chain = next(&chain, event);
                }
                insert.execute(params![
                    event.id,
                    time_of(event),
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
                    event_json::rest(event),
                    self.chain.then_some(&chain[..]),
                ])?;
            }
        }
        transaction.commit()?;
        Ok(chain)
    }
}

/// The chain value of an event: BLAKE3 of the one before and the event.
fn next(chain: &[u8; 32], event: &AuditEvent) -> [u8; 32] {
    let mut bytes = chain.to_vec();
    row::encode(event, &mut bytes);
    *blake3::hash(&bytes).as_bytes()
}

impl Peer for Sqlite {
    fn key(&self) -> &'static str {
        match (self.full, self.chain) {
            (true, true) => "sqlite-full-chain",
            (true, false) => "sqlite-full",
            (false, true) => "sqlite-normal-chain",
            (false, false) => "sqlite-normal",
        }
    }

    fn name(&self) -> &'static str {
        match (self.full, self.chain) {
            (true, true) => "SQLite FULL, chain, batch 1000",
            (true, false) => "SQLite FULL, batch 1000",
            (false, true) => "SQLite NORMAL, chain, batch 1000",
            (false, false) => "SQLite NORMAL, batch 1000",
        }
    }

    fn durability(&self) -> &'static str {
        if self.full { "WAL, fsync each batch" } else { "WAL, fsync at checkpoints only" }
    }

    fn keeps(&self) -> &'static str {
        if self.chain { "chain, index" } else { "index" }
    }

    fn load(&self, dir: &Path, events: &mut Vec<AuditEvent>) -> Result<()> {
        let mut db = self.create(dir)?;
        let mut chain = [0; 32];
        for batch in events.chunks(BATCH) {
            chain = self.append(&mut db, batch, chain)?;
        }
        db.execute_batch("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE);")?;
        Ok(())
    }

    fn open(&self, dir: &Path) -> Result<Option<Box<dyn Asked>>> {
        let db = Connection::open(dir.join("db"))?;
        db.execute_batch("PRAGMA cache_size=-262144;")?;
        Ok(Some(Box::new(Open { db, cursors: VecDeque::new() })))
    }

    fn single(&self, dir: &Path) -> Result<Option<Box<dyn Single>>> {
        if !self.full || !self.chain {
            return Ok(None);
        }
        let own = Self { full: self.full, chain: self.chain };
        Ok(Some(Box::new(One { db: self.create(dir)?, store: own, chain: [0; 32] })))
    }

    fn verify(&self, dir: &Path, _threads: usize) -> Result<Option<Verified>> {
        if !self.chain {
            return Ok(None);
        }
        let db = Connection::open(dir.join("db"))?;
        let mut query = db.prepare(&format!("SELECT {COLUMNS}, chain FROM events ORDER BY seq"))?;
        let mut rows = query.query([])?;
        let (mut chain, mut bytes) = ([0; 32], 0);
        while let Some(row) = rows.next()? {
            let mut content = Vec::from(chain);
            row::encode(&event(row)?, &mut content);
            bytes += content.len() as u64 - 32;
            chain = *blake3::hash(&content).as_bytes();
            if row.get::<_, Vec<u8>>(15)? != chain {
                return Err("a chain value does not fit".into());
            }
        }
        Ok(Some(Verified { bytes }))
    }

    fn purge(&self, dir: &Path, cutoff: i64) -> Result<Option<Purged>> {
        let db = Connection::open(dir.join("db"))?;
        let sync = self.sync();
        db.execute_batch(&format!("PRAGMA synchronous={sync}; PRAGMA cache_size=-262144;"))?;
        let start = Instant::now();
        let info = Severity::Info.code();
        let removed = db.execute("DELETE FROM events WHERE severity=? AND time<?", params![info, cutoff])?;
        let deleted = start.elapsed();
        db.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE);")?;
        let steps = vec![("DELETE".to_owned(), deleted), ("VACUUM".to_owned(), start.elapsed() - deleted)];
        let left = "SELECT count(*) FROM events WHERE severity=? AND time<?";
        let left: i64 = db.query_row(left, params![info, cutoff], |row| row.get(0))?;
        Ok(Some(Purged { steps, removed: removed as u64, left: left.unsigned_abs() }))
    }
}

struct One {
    db: Connection,
    store: Sqlite,
    chain: [u8; 32],
}

impl Single for One {
    fn commit(&mut self, event: &AuditEvent) -> Result<()> {
        self.chain = self.store.append(&mut self.db, std::slice::from_ref(event), self.chain)?;
        Ok(())
    }
}

struct Open {
    db: Connection,
    /// Of Q7, where the page before ends.
    cursors: VecDeque<Option<i64>>,
}

impl Open {
    fn rows(&self, tail: &str, values: &[&dyn ToSql]) -> Result<Vec<AuditEvent>> {
        let mut query = self.db.prepare_cached(&format!("SELECT {COLUMNS} FROM events WHERE {tail}"))?;
        let found = query.query_map(values, event)?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }

    fn counts(&self, time: &(i64, i64)) -> Result<Vec<(String, u64)>> {
        let mut counts = Vec::new();
        for column in ["severity", "action", "target_type"] {
            let sql = format!("SELECT {column}, count(*) FROM events WHERE time>=? AND time<? GROUP BY {column}");
            let mut query = self.db.prepare_cached(&sql)?;
            let found = query.query_map(params![time.0, time.1], |row| {
                let value = match column {
                    "severity" => Severity::from_code(row.get(0)?).to_string(),
                    _ => row.get(0)?,
                };
                Ok((format!("{column}={value}"), row.get::<_, i64>(1)?.unsigned_abs()))
            })?;
            for row in found {
                counts.push(row?);
            }
        }
        counts.sort_unstable();
        Ok(counts)
    }
}

fn event(row: &Row<'_>) -> rusqlite::Result<AuditEvent> {
    let columns = Columns {
        time: row.get(1)?,
        codes: [row.get(6)?, row.get(11)?, row.get(12)?],
        ids: [row.get(0)?, row.get(3)?, row.get(4)?, row.get(5)?],
        workspace: row.get(2)?,
        actor: row.get(7)?,
        action: row.get(8)?,
        target_type: row.get(9)?,
        target: row.get(10)?,
        metadata: row.get(13)?,
        rest: row.get(14)?,
    };
    columns.event().ok_or(rusqlite::Error::InvalidQuery)
}

impl Asked for Open {
    fn prepare(&mut self, question: &Question) -> Result<()> {
        let mut cursor = None;
        if let Question::Deep { workspace, before, depth } = question {
            let sql = "SELECT time FROM events WHERE workspace=? AND time<? ORDER BY time DESC LIMIT 1 OFFSET ?";
            let mut query = self.db.prepare_cached(sql)?;
            cursor = Some(query.query_row(params![workspace, before, *depth as i64 - 1], |row| row.get(0))?);
        }
        self.cursors.push_back(cursor);
        Ok(())
    }

    fn answer(&mut self, question: &Question) -> Result<Answer> {
        let mut answer = Answer::default();
        let cursor: Option<i64> = self.cursors.pop_front().flatten();
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
            Question::Counts { time } => answer.counts = self.counts(time)?,
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
