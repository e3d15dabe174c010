//! Queries over a view of the log.
//!
//! ```text
//! Expr -> per segment: texts to keys (resolve) -> per run: postings to positions (evaluate) -> rows by frame, unsure ones checked
//!      -> tail: every record checked
//! ```
//!
//! Newest and oldest go through runs from that end and stop when the page is full; exact counts come from postings; order
//! by time keeps the best rows in a heap. A view never changes, so pages of one view are consistent; a cursor names the last
//! row, so pages stay right while records arrive.

mod cursor;
mod expr;
mod group;
mod material;
mod resolve;
mod row;
mod rows;
mod survey;
mod time_order;

pub use cursor::Cursor;
pub(crate) use expr::like;
pub use expr::{Expr, Test};
pub use group::{Group, GroupBy, GroupValue};
pub(crate) use material::ChainValues;
pub use material::FrameMaterial;
pub use survey::{SegmentFacts, SurveyedFrame};

use std::sync::Arc;

use indelible_evidence::commit::RecordRef;
use indelible_evidence::record::Record;

use crate::error::{Error, Result};
use crate::snapshot::Snapshot;
use rows::{Scan, Taken};

/// In which order rows come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The log's own order, last first.
    Newest,
    /// The log's own order, first first.
    Oldest,
    /// Occurred-at, earliest first; seq among equals.
    Time,
}

/// What to find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Which records.
    pub filter: Expr,
    /// In which order.
    pub order: Order,
    /// Most rows of a page.
    pub limit: usize,
    /// Go on after the row that this names.
    pub after: Option<Cursor>,
}

impl Query {
    /// The newest rows that match.
    pub fn newest(filter: Expr, limit: usize) -> Self {
        Self { filter, order: Order::Newest, limit, after: None }
    }

    /// The oldest rows that match.
    pub fn oldest(filter: Expr, limit: usize) -> Self {
        Self { filter, order: Order::Oldest, limit, after: None }
    }
}

/// Rows of a query: records, or what the caller makes of them ([`View::query_into`]).
#[derive(Debug, Clone)]
pub struct Page<T = Record> {
    /// In the asked order.
    pub rows: Vec<T>,
    /// Where the next page begins, if there is more.
    pub next: Option<Cursor>,
    /// What it took.
    pub work: Work,
}

/// Makes what is wanted of a record and appends it to the rows: one, built in its place.
pub type Make<'m, T> = dyn FnMut(RecordRef<'_>, &mut Vec<T>) -> Result<()> + 'm;

/// What a query did: its plan, seen afterwards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// Segments of the view.
    pub segments: u64,
    /// Segments left out by their times and seqs.
    pub segments_pruned: u64,
    /// Runs, and sets of keys without a run, that were evaluated.
    pub postings: u64,
    /// Frames opened.
    pub frames: u64,
    /// Rows decoded.
    pub rows_decoded: u64,
    /// Rows checked against the record because postings were not sure.
    pub rows_checked: u64,
    /// Records of the tail that were looked at.
    pub tail_scanned: u64,
}

/// An unchanging view of the log.
#[derive(Debug, Clone)]
pub struct View {
    snapshot: Arc<Snapshot>,
}

impl View {
    /// A view of a snapshot.
    pub fn new(snapshot: Arc<Snapshot>) -> Self {
        Self { snapshot }
    }

    /// Seq after the last record in view.
    pub fn next_seq(&self) -> u64 {
        self.snapshot.next_seq
    }

    /// The snapshot.
    pub(crate) fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// One page of rows.
    ///
    /// # Errors
    /// [`Error::Query`] for a filter that no column answers, [`Error::Cursor`] for a cursor of another query,
    /// [`Error::Corrupt`] where the log is damaged.
    pub fn query(&self, query: &Query) -> Result<Page> {
        self.query_into(query, &mut |record, rows| {
            rows.push(record.to_record());
            Ok(())
        })
    }

    /// One page of what `make` makes of each record, which lies in a buffer that the next one is read into.
    ///
    /// # Errors
    /// As [`View::query`], and what `make` gives.
    pub fn query_into<T>(&self, query: &Query, make: &mut Make<'_, T>) -> Result<Page<T>> {
        query.filter.check().map_err(Error::Query)?;
        if let Some(cursor) = &query.after {
            cursor.check(query)?;
        }
        if query.order == Order::Time {
            return time_order::page(self, query, make);
        }
        let filter = match &query.after {
            None => query.filter.clone(),
            Some(cursor) if query.order == Order::Newest => {
                query.filter.clone().and(Expr::Seq { from: 0, to: cursor.seq })
            }
            Some(cursor) => query.filter.clone().and(Expr::Seq { from: cursor.seq.saturating_add(1), to: u64::MAX }),
        };
        let mut scan = Scan::new(&self.snapshot, &filter);
        let newest_first = query.order == Order::Newest;
        let mut taken = Taken::new(query.limit, make);
        scan.rows(newest_first, &mut taken)?;
        let next = taken.last.filter(|_| taken.more).map(|last| Cursor::after(query, last));
        Ok(Page { rows: taken.rows, next, work: scan.work })
    }

    /// Exactly how many records match.
    ///
    /// # Errors
    /// As [`View::query`].
    pub fn count(&self, filter: &Expr) -> Result<u64> {
        filter.check().map_err(Error::Query)?;
        Scan::new(&self.snapshot, filter).count()
    }

    /// The record at a seq; `None` where it was removed or is beyond the view.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where the log is damaged.
    pub fn record(&self, seq: u64) -> Result<Option<Record>> {
        for (segment, visible) in self.snapshot.segments() {
            let ordinal = seq.checked_sub(segment.first_seq).and_then(|ordinal| u32::try_from(ordinal).ok());
            if let Some(ordinal) = ordinal.filter(|ordinal| *ordinal < visible) {
                return Ok(segment.record(ordinal)?);
            }
        }
        Ok(self.snapshot.tail_records().find(|record| record.seq == seq).cloned())
    }

    /// Seq of the first record that matches.
    ///
    /// # Errors
    /// As [`View::query`].
    pub fn first_match(&self, filter: &Expr) -> Result<Option<u64>> {
        let mut make = |record: RecordRef<'_>, seqs: &mut Vec<u64>| {
            seqs.push(record.seq);
            Ok(())
        };
        let mut taken = Taken::first(&mut make);
        Scan::new(&self.snapshot, filter).rows(false, &mut taken)?;
        Ok(taken.rows.first().copied())
    }

    /// Counts of matching records by the values of columns and by time bucket.
    ///
    /// # Errors
    /// As [`View::query`].
    pub fn group(&self, filter: &Expr, by: &GroupBy) -> Result<Vec<Group>> {
        filter.check().map_err(Error::Query)?;
        group::group(&self.snapshot, filter, by)
    }
}
