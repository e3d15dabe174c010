//! The log's own records as retention reads and writes them.
//!
//! ```text
//! view -> records of class 0, ascending -> Register (policies, holds, keys)          body -> draft -> durable
//! ```
//!
//! Invariant: what is refused by the register (another program wrote it, or somebody who should not) changes nothing here either,
//! as for a checker. Not here: what the records mean (`indelible_evidence::retention`).

use indelible_engine::query::{Expr, Query, Test, View};
use indelible_engine::{Ack, Draft};
use indelible_evidence::key::VerifierKey;
use indelible_evidence::record::{Record, Value};
use indelible_evidence::retention::Register;
use indelible_evidence::schema::{Field, Kind};
use indelible_format::manifest::Manifest;

use super::history::open_intent;
use super::purge::PurgeError;
use crate::error::{Error, Result};
use crate::ledger::Ledger;

/// Kinds that the register follows.
pub(crate) const REGISTER_KINDS: [Kind; 4] = [Kind::Key, Kind::Policy, Kind::Hold, Kind::HoldExtend];

/// A record of the log's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SystemRecord {
    pub(crate) seq: u64,
    /// Nanoseconds since 1970.
    pub(crate) recorded_at: i64,
    pub(crate) kind: Kind,
    /// JSON.
    pub(crate) body: String,
}

/// Records of these kinds, ascending.
pub(crate) fn system_records(view: &View, kinds: &[Kind]) -> Result<Vec<SystemRecord>> {
    let codes = kinds.iter().map(|kind| *kind as u8).collect();
    let query = Query::oldest(Expr::Field(Field::KIND, Test::Codes(codes)), usize::MAX >> 1);
    let rows = view.query(&query)?.rows;
    Ok(rows.iter().filter(|row| row.class == 0).filter_map(system_record).collect())
}

fn system_record(record: &Record) -> Option<SystemRecord> {
    let kind = Kind::from_code(record.groups.envelope().ok()?.kind)?;
    let Ok(Some(Value::Text(text))) = record.groups.value(Field::METADATA) else { return None };
    Some(SystemRecord { seq: record.seq, recorded_at: record.recorded_at, kind, body: text.text().into_owned() })
}

/// Policies, holds and keys as the log's records give them.
pub(crate) fn register(view: &View, manifest: &Manifest) -> Result<Register> {
    let first = VerifierKey::parse(&manifest.key)
        .map_err(|error| Error::Option { option: "verifier key", problem: error.to_string() })?;
    let mut register = Register::new(first);
    for record in system_records(view, &REGISTER_KINDS)? {
        // Refused ones change nothing; `verify` names them.
        let _ = register.take(record.seq, record.kind, &record.body);
    }
    Ok(register)
}

impl Ledger {
    /// Stores a system record and waits until it is durable; gives its seq. A deletion that is announced and has no end (a full
    /// disk, an opening without a key) is ended first: nothing is decided between an intent and its end ([RET-18]).
    pub(crate) fn put_system(&self, kind: Kind, body: &str) -> Result<u64> {
        // An accepted loss comes before everything else: until then no head can be handed on.
        if !matches!(kind, Kind::Done | Kind::Abandon | Kind::Loss) {
            self.end_deletion()?;
            let open = open_intent(&self.log().view(), &self.log().manifest(), &self.log().keys())?;
            // What a hold goes on to hold only restricts, and a closing without a key says it unasked.
            if let (Some(intent), false) = (open, kind == Kind::HoldExtend) {
                return Err(PurgeError::Unended { intent }.into());
            }
        }
        let draft = Draft::system(kind, &self.log().manifest().log_id, body);
        let receipt = self.log().emit(draft).map_err(|refused| refused.error)?;
        let stored = receipt.wait(Ack::Durable, None)?.ok_or(indelible_engine::Error::Closed)?;
        Ok(stored.seq())
    }
}
