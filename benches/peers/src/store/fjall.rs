//! fjall with index entries kept by hand: rows and index in two keyspaces, one atomic batch for both.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Instant;

use ::fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use indelible::AuditEvent;
use indelible_benches::question::{Answer, Question};

use super::keyed::{self, Ordered, index_keys};
use super::{Asked, BATCH, Peer, Purged, Result, Single, row};

/// fjall with one synced batch for every thousand events.
pub struct Fjall;

impl Peer for Fjall {
    fn key(&self) -> &'static str {
        "fjall"
    }

    fn name(&self) -> &'static str {
        "fjall, batch 1000"
    }

    fn durability(&self) -> &'static str {
        "SyncAll each batch"
    }

    fn keeps(&self) -> &'static str {
        "index"
    }

    fn load(&self, dir: &Path, events: &mut Vec<AuditEvent>) -> Result<()> {
        let mut open = Open::at(dir)?;
        for batch in events.chunks(BATCH) {
            open.append(batch)?;
        }
        open.db.persist(PersistMode::SyncAll)?;
        Ok(())
    }

    fn open(&self, dir: &Path) -> Result<Option<Box<dyn Asked>>> {
        Ok(Some(Box::new(Open::at(dir)?)))
    }

    fn single(&self, dir: &Path) -> Result<Option<Box<dyn Single>>> {
        Ok(Some(Box::new(Open::at(dir)?)))
    }

    fn purge(&self, dir: &Path, cutoff: i64) -> Result<Option<Purged>> {
        let open = Open::at(dir)?;
        let start = Instant::now();
        let expired = keyed::expired(&open, cutoff)?;
        for chunk in expired.chunks(BATCH) {
            let mut batch = open.db.batch().durability(Some(PersistMode::SyncAll));
            for (number, keys) in chunk {
                batch.remove(&open.rows, number.to_be_bytes());
                for key in keys {
                    batch.remove(&open.index, key.as_slice());
                }
            }
            batch.commit()?;
        }
        let deleted = start.elapsed();
        for keyspace in [&open.rows, &open.index] {
            keyspace.rotate_memtable_and_wait()?;
            keyspace.major_compact()?;
        }
        let steps = vec![("delete".to_owned(), deleted), ("compact".to_owned(), start.elapsed() - deleted)];
        let left = keyed::expired(&open, cutoff)?.len() as u64;
        Ok(Some(Purged { steps, removed: expired.len() as u64 - left, left }))
    }
}

struct Open {
    db: Database,
    rows: Keyspace,
    index: Keyspace,
    /// Number of the next row of a store that was new.
    next: u64,
    /// Of Q7, where the page before ends.
    cursors: VecDeque<Option<i64>>,
}

impl Open {
    fn at(dir: &Path) -> Result<Self> {
        let db = Database::builder(dir.join("db")).cache_size(256 << 20).open()?;
        let rows = db.keyspace("rows", KeyspaceCreateOptions::default)?;
        let index = db.keyspace("index", KeyspaceCreateOptions::default)?;
        Ok(Self { db, rows, index, next: 0, cursors: VecDeque::new() })
    }

    fn append(&mut self, events: &[AuditEvent]) -> Result<()> {
        let mut batch = self.db.batch().durability(Some(PersistMode::SyncAll));
        let mut bytes = Vec::new();
        for event in events {
            bytes.clear();
            row::encode(event, &mut bytes);
            batch.insert(&self.rows, self.next.to_be_bytes(), bytes.as_slice());
            for key in index_keys(event, self.next) {
                batch.insert(&self.index, key, []);
            }
            self.next += 1;
        }
        batch.commit()?;
        Ok(())
    }
}

impl Single for Open {
    fn commit(&mut self, event: &AuditEvent) -> Result<()> {
        self.append(std::slice::from_ref(event))
    }
}

impl Ordered for Open {
    fn scan(&self, from: &[u8], to: &[u8], newest: bool, with: &mut dyn FnMut(&[u8]) -> Result<bool>) -> Result<()> {
        let mut range = self.index.range(from..to);
        while let Some(entry) = if newest { range.next_back() } else { range.next() } {
            if !with(&entry.key()?)? {
                break;
            }
        }
        Ok(())
    }

    fn row(&self, number: u64) -> Result<AuditEvent> {
        let found = self.rows.get(number.to_be_bytes())?.ok_or("a row is missing")?;
        Ok(row::decode(&found).ok_or("a row cannot be read")?)
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
