//! redb with index entries kept by hand.

use std::path::Path;

use indelible::AuditEvent;
use indelible_benches::question::{Answer, Question};
use redb::{Database, Durability, ReadOnlyTable, ReadableDatabase, TableDefinition};

use crate::keyed::{self, Ordered, index_keys};
use crate::peer::{Asked, Peer, Result};
use crate::row;

const ROWS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("rows");
const INDEX: TableDefinition<'_, &[u8], ()> = TableDefinition::new("index");
/// Events in a transaction.
const BATCH: usize = 1_000;

/// redb with one transaction a batch.
pub struct Redb;

impl Peer for Redb {
    fn name(&self) -> String {
        "redb Immediate, batch 1000".to_owned()
    }

    fn load(&self, dir: &Path, events: &[AuditEvent]) -> Result<()> {
        let db = Database::create(dir.join("db"))?;
        let mut bytes = Vec::new();
        let mut number = 0;
        for batch in events.chunks(BATCH) {
            let mut transaction = db.begin_write()?;
            transaction.set_durability(Durability::Immediate)?;
            {
                let mut rows = transaction.open_table(ROWS)?;
                let mut index = transaction.open_table(INDEX)?;
                for event in batch {
                    bytes.clear();
                    row::encode(event, &mut bytes);
                    rows.insert(number, bytes.as_slice())?;
                    for key in index_keys(event, number) {
                        index.insert(key.as_slice(), ())?;
                    }
                    number += 1;
                }
            }
            transaction.commit()?;
        }
        Ok(())
    }

    fn open(&self, dir: &Path) -> Result<Box<dyn Asked>> {
        let db = Database::open(dir.join("db"))?;
        let transaction = db.begin_read()?;
        let (rows, index) = (transaction.open_table(ROWS)?, transaction.open_table(INDEX)?);
        Ok(Box::new(Open { rows, index, _db: db }))
    }
}

struct Open {
    rows: ReadOnlyTable<u64, &'static [u8]>,
    index: ReadOnlyTable<&'static [u8], ()>,
    _db: Database,
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
    fn prepare(&mut self, question: &Question) -> Result<Option<i64>> {
        keyed::prepare(self, question)
    }

    fn answer(&mut self, question: &Question, cursor: Option<i64>) -> Result<Answer> {
        keyed::answer(self, question, cursor)
    }
}
