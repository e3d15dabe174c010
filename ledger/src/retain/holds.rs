//! Legal holds: what matches a query is not deleted, whatever policies say, until the hold is released.
//!
//! ```text
//! place: query -> seqs so far -> hold record (and hold_extend records for a long list)
//! later: query over what came since -> hold_extend record          release: hold record
//! ```
//!
//! Invariants: every purge brings every open hold up to date first, so that later matches are held too. What was committed as held stays held
//! until the release, also where the record would no longer match. Not here: honouring holds (`indelible_evidence::retention::Rules`).

use indelible_engine::query::{Expr, Query, View};
use indelible_evidence::retention::{HoldExtend, HoldRecord, Placement, SeqSet};
use indelible_evidence::schema::Kind;

use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::prove::filter::{to_bundle, to_expr};
use crate::reader::LedgerReader;

/// Runs of seqs that one record says; a run takes a few bytes, a record has room for a mebibyte.
const RUNS_MAX: usize = 50_000;
/// Records that a hold may lie behind before it is brought up to date without new matches, so that a purge has less to look at.
const LAG_MAX: u64 = 1 << 20;

/// A hold that was placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldPlaced {
    /// Its name.
    pub name: String,
    /// Seq of its record.
    pub seq: u64,
    /// Records held now.
    pub held: u64,
    /// Every record below this seq was looked at.
    pub through: u64,
}

/// An open hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldInfo {
    /// Its name.
    pub name: String,
    /// Seq of the record that placed it.
    pub placed: u64,
    /// Its filter as people wrote it.
    pub text: String,
    /// Records held.
    pub held: u64,
    /// Every record below this seq was looked at; later matches are committed at the next checkpoint or purge.
    pub through: u64,
}

/// Matches in an ascending range of seqs.
struct Piece {
    through: u64,
    seqs: SeqSet,
}

impl Ledger {
    /// Places a hold on everything that matches, now and later. `text` is the filter as people wrote it.
    ///
    /// # Errors
    /// Where a hold of this name is open, or the filter names seqs.
    pub fn place_hold(&self, name: &str, filter: &Expr, text: &str) -> Result<HoldPlaced> {
        let _one = self.administer();
        let refuse = |problem: String| Error::Option { option: "hold", problem };
        if self.register()?.holds().any(|(open, _)| open == name) {
            return Err(refuse(format!("a hold named {name:?} is open: release it first, or choose another name")));
        }
        let bundle = to_bundle(filter)?;
        let view = self.log().view();
        let mut pieces = pieces(&view, filter, 0, view.next_seq())?.into_iter();
        let Some(first) = pieces.next() else { return Err(refuse("the log is empty".to_owned())) };
        let (mut held, mut through) = (first.seqs.len(), first.through);
        let placed = Placement { filter: bundle, text: text.to_owned(), through, seqs: first.seqs };
        let hold = HoldRecord { name: name.to_owned(), placed: Some(placed) };
        let seq = self.put_system(Kind::Hold, &hold.encode().map_err(|error| refuse(error.to_string()))?)?;
        for piece in pieces {
            held += piece.seqs.len();
            through = self.put_extend(name, through, piece)?;
        }
        Ok(HoldPlaced { name: name.to_owned(), seq, held, through })
    }

    /// Releases a hold; gives the seq of the record.
    ///
    /// # Errors
    /// Where no hold of this name is open.
    pub fn release_hold(&self, name: &str) -> Result<u64> {
        let _one = self.administer();
        if !self.register()?.holds().any(|(open, _)| open == name) {
            return Err(Error::Option { option: "hold", problem: format!("no hold named {name:?} is open") });
        }
        let hold = HoldRecord { name: name.to_owned(), placed: None };
        self.put_system(Kind::Hold, &hold.encode().map_err(indelible_engine::Error::Record)?)
    }

    /// Commits what open holds match of what came since. With `all`, also where nothing matches: a purge needs to know. Gives the number
    /// of records that this took.
    pub(crate) fn extend_holds(&self, all: bool) -> Result<u64> {
        let view = self.log().view();
        let register = self.register()?;
        let mut records = 0;
        for (name, hold) in register.holds() {
            let end = view.next_seq();
            if hold.through >= end {
                continue;
            }
            let pieces = pieces(&view, &to_expr(&hold.filter), hold.through, end)?;
            if !all && end - hold.through < LAG_MAX && pieces.iter().all(|piece| piece.seqs.is_empty()) {
                continue;
            }
            let mut from = hold.through;
            for piece in pieces {
                from = self.put_extend(name, from, piece)?;
                records += 1;
            }
        }
        Ok(records)
    }

    fn put_extend(&self, name: &str, from: u64, piece: Piece) -> Result<u64> {
        let extend = HoldExtend { name: name.to_owned(), from, through: piece.through, seqs: piece.seqs };
        self.put_system(Kind::HoldExtend, &extend.encode().map_err(indelible_engine::Error::Record)?)?;
        Ok(piece.through)
    }
}

impl LedgerReader {
    /// Open holds, by name.
    ///
    /// # Errors
    /// Where the log is damaged.
    pub fn holds(&self) -> Result<Vec<HoldInfo>> {
        let register = self.register()?;
        let info = register.holds().map(|(name, hold)| HoldInfo {
            name: name.to_owned(),
            placed: hold.placed,
            text: hold.text.clone(),
            held: hold.seqs.len(),
            through: hold.through,
        });
        Ok(info.collect())
    }
}

/// What matches from `from` on and below `end`, cut into pieces that a record can say.
fn pieces(view: &View, filter: &Expr, from: u64, end: u64) -> Result<Vec<Piece>> {
    let within = filter.clone().and(Expr::Seq { from, to: end });
    let rows = view.query(&Query::oldest(within, usize::MAX >> 1))?.rows;
    let mut pieces = Vec::new();
    let mut seqs = SeqSet::new();
    for row in rows {
        let follows = seqs.last().is_some_and(|last| last + 1 == row.seq);
        if seqs.runs().len() >= RUNS_MAX && !follows {
            pieces.push(Piece { through: row.seq, seqs: std::mem::take(&mut seqs) });
        }
        seqs.insert(row.seq);
    }
    if from < end {
        pieces.push(Piece { through: end, seqs });
    }
    Ok(pieces)
}
