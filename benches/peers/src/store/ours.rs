//! Indelible as one of the stores, with default options: hashed, chained, signed, indexed, durable before it is acknowledged.

use std::path::Path;

use indelible::{Ack, AuditEvent, Ledger, LedgerReader, Options, ReadOptions, VerifyOptions, verify};
use indelible_benches::ask::{self, Ready};
use indelible_benches::load;
use indelible_benches::question::{Answer, Question};

use super::{Asked, Peer, Purged, Result, Single, Verified};

/// Indelible with default options.
pub struct Indelible;

fn plain(error: Box<dyn std::error::Error>) -> Box<dyn std::error::Error + Send + Sync> {
    error.to_string().into()
}

impl Peer for Indelible {
    fn key(&self) -> &'static str {
        "indelible"
    }

    fn name(&self) -> &'static str {
        "Indelible"
    }

    fn durability(&self) -> &'static str {
        "fdatasync each group, frames synced, signed"
    }

    fn keeps(&self) -> &'static str {
        "chain, trees, index"
    }

    fn load(&self, dir: &Path, events: &mut Vec<AuditEvent>) -> Result<()> {
        load::load(&dir.join("log"), Options::default(), std::mem::take(events)).map_err(plain)?;
        Ok(())
    }

    fn open(&self, dir: &Path) -> Result<Option<Box<dyn Asked>>> {
        let reader = LedgerReader::open(dir.join("log"), &ReadOptions::default())?;
        Ok(Some(Box::new(Open { reader, ready: None })))
    }

    fn single(&self, dir: &Path) -> Result<Option<Box<dyn Single>>> {
        Ok(Some(Box::new(One { ledger: load::create(&dir.join("log"), Options::default())? })))
    }

    fn verify(&self, dir: &Path, threads: usize) -> Result<Option<Verified>> {
        let options = VerifyOptions { threads, ..VerifyOptions::default() };
        let report = verify(dir.join("log"), &options, &mut |_| {})?;
        if !report.is_intact() {
            return Err(format!("the log that was just written is damaged: {:?}", report.breaks).into());
        }
        Ok(Some(Verified { bytes: report.canonical_bytes }))
    }

    /// Not in this version: deletion by policy with its proof is a chapter of its own. Where it has landed, it goes here:
    /// the policy's run from INTENT to DONE, one step for each, and what a query still finds.
    fn purge(&self, _dir: &Path, _cutoff: i64) -> Result<Option<Purged>> {
        Ok(None)
    }
}

struct One {
    ledger: Ledger,
}

impl Single for One {
    fn commit(&mut self, event: &AuditEvent) -> Result<()> {
        self.ledger.emit(event.clone())?.wait(Ack::Durable, None)?;
        Ok(())
    }
}

struct Open {
    reader: LedgerReader,
    ready: Option<Ready>,
}

impl Asked for Open {
    fn prepare(&mut self, question: &Question) -> Result<()> {
        self.ready = Some(ask::prepare(&self.reader, question)?);
        Ok(())
    }

    fn answer(&mut self, _: &Question) -> Result<Answer> {
        let ready = self.ready.as_ref().ok_or("answered before it was prepared")?;
        Ok(ask::answer(&self.reader, ready)?)
    }
}
