//! Indelible as one of the stores, with default options: hashed, chained, signed, indexed, durable before it is acknowledged.

use std::cell::Cell;
use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use indelible::query::{Expr, Test};
use indelible::retain::{Basis, PolicySpec, PurgeOptions, PurgeStep};
use indelible::{
    Ack, AuditEvent, Ledger, LedgerReader, OpenOptions, Options, ReadOptions, Schedule, Severity, VerifyOptions, verify,
};
use indelible_benches::ask::{self, Ready};
use indelible_benches::load;
use indelible_benches::question::{Answer, Question};
use indelible_evidence::schema::Field;

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
        Ok(Some(Box::new(Open { reader, ready: VecDeque::new() })))
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

    /// By policy: announced, published in a signed checkpoint, carried out, reported.
    fn purge(&self, dir: &Path, cutoff: i64) -> Result<Option<Purged>> {
        let log = dir.join("log");
        let options = OpenOptions { sign_key_file: Some(log.with_extension("key")), ..OpenOptions::default() };
        let ledger = Ledger::open(&log, &options)?;
        let info = Expr::Field(Field::SEVERITY, Test::Codes(vec![Severity::Info.code()]));
        let expired = info.and(Expr::Occurred { from: None, to: Some(cutoff) });
        let before = ledger.reader().count(&expired)?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
        // A policy counts whole seconds back from now; two more take what lies in the cutoff's own second too.
        let keep = now.checked_sub(cutoff.max(0).unsigned_abs() / SECOND + 2);
        let keep = keep.ok_or("the cutoff lies in the future of the machine's clock")?;
        let policy = PolicySpec {
            basis: Basis::Event,
            classes: vec![Schedule::default().class_of(Severity::Info)],
            ..PolicySpec::keep("info", keep)
        };
        ledger.set_policy(&policy)?;
        let (start, published) = (Instant::now(), Cell::new(Duration::ZERO));
        let on_step = |step| {
            if matches!(step, PurgeStep::Published(_)) && published.get().is_zero() {
                published.set(start.elapsed());
            }
        };
        let report =
            ledger.purge(&PurgeOptions { confirm_clock: true, on_step: Some(&on_step), ..PurgeOptions::default() })?;
        let took = start.elapsed();
        let steps = vec![
            ("plan, announce, publish".to_owned(), published.get()),
            (format!("{} segments written again, reported", report.segments), took - published.get()),
        ];
        let left = ledger.reader().count(&expired)?;
        ledger.close()?;
        Ok(Some(Purged { steps, removed: before - left, left }))
    }
}

/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;

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
    ready: VecDeque<Ready>,
}

impl Asked for Open {
    fn prepare(&mut self, question: &Question) -> Result<()> {
        self.ready.push_back(ask::prepare(&self.reader, question)?);
        Ok(())
    }

    fn answer(&mut self, _: &Question) -> Result<Answer> {
        let ready = self.ready.pop_front().ok_or("answered before it was prepared")?;
        Ok(ask::answer(&self.reader, &ready)?)
    }
}
