//! redb with index entries kept by hand.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Instant;

use ::redb::{Database, Durability, ReadOnlyTable, ReadableDatabase, TableDefinition};
use indelible::AuditEvent;
use indelible_benches::question::{Answer, Question};

use super::keyed::{self, Ordered, index_keys};
use super::{Asked, BATCH, Peer, Purged, Result, Single, row};

const ROWS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("rows");
const INDEX: TableDefinition<'_, &[u8], ()> = TableDefinition::new("index");

/// redb with one transaction a batch.
pub struct Redb;

fn append(db: &Database, batch: &[AuditEvent], first: u64) -> Result<()> {
    let mut transaction = db.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    {
        let mut rows = transaction.open_table(ROWS)?;
        let mut index = transaction.open_table(INDEX)?;
        let mut bytes = Vec::new();
        for (event, number) in batch.iter().zip(first..) {
            bytes.clear();
            row::encode(event, &mut bytes);
            rows.insert(number, bytes.as_slice())?;
            for key in index_keys(event, number) {
                index.insert(key.as_slice(), ())?;
            }
        }
    }
    transaction.commit()?;
    Ok(())
}

impl Peer for Redb {
    fn key(&self) -> &'static str {
        "redb"
    }

    fn name(&self) -> &'static str {
        "redb, batch 1000"
    }

    fn durability(&self) -> &'static str {
        "Immediate: fsync each batch"
    }

    fn keeps(&self) -> &'static str {
        "index"
    }

    fn load(&self, dir: &Path, events: &mut Vec<AuditEvent>) -> Result<()> {
        let db = Database::create(dir.join("db"))?;
        for (batch, number) in events.chunks(BATCH).zip((0..).step_by(BATCH)) {
            append(&db, batch, number)?;
        }
        Ok(())
    }

    fn open(&self, dir: &Path) -> Result<Option<Box<dyn Asked>>> {
        Ok(Some(Box::new(Open::at(dir)?)))
    }

    fn single(&self, dir: &Path) -> Result<Option<Box<dyn Single>>> {
        Ok(Some(Box::new(One { db: Database::create(dir.join("db"))?, number: 0 })))
    }

    fn purge(&self, dir: &Path, cutoff: i64) -> Result<Option<Purged>> {
        let start = Instant::now();
        let expired = keyed::expired(&Open::at(dir)?, cutoff)?;
        let mut db = Database::open(dir.join("db"))?;
        for batch in expired.chunks(10 * BATCH) {
            let mut transaction = db.begin_write()?;
            transaction.set_durability(Durability::Immediate)?;
            {
                let mut rows = transaction.open_table(ROWS)?;
                let mut index = transaction.open_table(INDEX)?;
                for (number, keys) in batch {
                    rows.remove(number)?;
                    for key in keys {
                        index.remove(key.as_slice())?;
                    }
                }
            }
            transaction.commit()?;
        }
        let deleted = start.elapsed();
        db.compact()?;
        let steps = vec![("delete".to_owned(), deleted), ("compact".to_owned(), start.elapsed() - deleted)];
        drop(db);
        let left = keyed::expired(&Open::at(dir)?, cutoff)?.len() as u64;
        Ok(Some(Purged { steps, removed: expired.len() as u64 - left, left }))
    }
}

struct One {
    db: Database,
    number: u64,
}

impl Single for One {
    fn commit(&mut self, event: &AuditEvent) -> Result<()> {
        append(&self.db, std::slice::from_ref(event), self.number)?;
        self.number += 1;
        Ok(())
    }
}

struct Open {
    rows: ReadOnlyTable<u64, &'static [u8]>,
    index: ReadOnlyTable<&'static [u8], ()>,
    _db: Database,
    /// Of Q7, where the page before ends.
    cursors: VecDeque<Option<i64>>,
}

impl Open {
    fn at(dir: &Path) -> Result<Self> {
        let db = Database::open(dir.join("db"))?;
        let transaction = db.begin_read()?;
        let (rows, index) = (transaction.open_table(ROWS)?, transaction.open_table(INDEX)?);
        Ok(Self { rows, index, _db: db, cursors: VecDeque::new() })
    }
}

impl Ordered for Open {
    fn scan(&self, from: &[u8], to: &[u8], newest: bool, with: &mut dyn FnMut(&[u8]) -> Result<bool>) -> Result<()> {
        let mut range = self.index.range::<&[u8]>(from..to)?;
        while let Some(entry) = if newest { range.next_back() } else { range.next() } {
            if !with(entry?.0.value())? {
                break;
            }
        }
        Ok(())
    }

    fn row(&self, number: u64) -> Result<AuditEvent> {
        let found = self.rows.get(number)?.ok_or("a row is missing")?;
        Ok(row::decode(found.value()).ok_or("a row cannot be read")?)
    }
}

impl Asked for Open {
    fn prepare(&mut self, question: &Question) -> Result<()> {
        let cursor = keyed::prepare(self, question)?;
        self.cursors.push_back(cursor);
        Ok(())
    }

    fn answer(&mut self, question: &Question) -> Result<Answer> {
        let cursor = self.cursors.pop_front().flatten();
        keyed::answer(self, question, cursor)
    }
}
