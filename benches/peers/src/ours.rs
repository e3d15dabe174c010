//! Indelible as one of the stores.

use std::path::Path;

use indelible::{AuditEvent, LedgerReader, Options, ReadOptions};
use indelible_benches::ask::{self, Ready};
use indelible_benches::load;
use indelible_benches::question::{Answer, Question};

use crate::peer::{Asked, Peer, Result};

/// Indelible with default options: durable before it is acknowledged, hashed, chained, signed, indexed.
pub struct Indelible;

impl Peer for Indelible {
    fn name(&self) -> String {
        "Indelible, durable, signed".to_owned()
    }

    fn load(&self, dir: &Path, events: &[AuditEvent]) -> Result<()> {
        load::load(&dir.join("log"), Options::default(), events.iter().cloned())?;
        Ok(())
    }

    fn open(&self, dir: &Path) -> Result<Box<dyn Asked>> {
        Ok(Box::new(Open { reader: LedgerReader::open(dir.join("log"), &ReadOptions::default())?, ready: None }))
    }
}

struct Open {
    reader: LedgerReader,
    ready: Option<Ready>,
}

impl Asked for Open {
    fn prepare(&mut self, question: &Question) -> Result<Option<i64>> {
        self.ready = Some(ask::prepare(&self.reader, question)?);
        Ok(None)
    }

    fn answer(&mut self, _: &Question, _: Option<i64>) -> Result<Answer> {
        let ready = self.ready.as_ref().ok_or("answered before it was prepared")?;
        Ok(ask::answer(&self.reader, ready)?)
    }
}
