//! Follows a log: what is there from a seq on, then what comes, no gap and no duplicate.
//!
//! ```text
//! view -> rows from next_seq on, a bounded number at a time -> caller; at the end wait for the durable mark to pass next_seq
//! ```
//!
//! Nothing is buffered for a slow follower: it holds a seq, and the log is its buffer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use indelible_evidence::record::Record;

use crate::error::Result;
use crate::log::Log;
use crate::query::{Expr, Query, View};
use crate::reader::LogReader;

/// Rows fetched at once.
const ROWS: usize = 256;

/// Where a follower gets its views from.
pub trait ViewSource: Send + Sync {
    /// The newest view.
    ///
    /// # Errors
    /// Where the log is damaged or the disk fails.
    fn view(&self) -> Result<View>;

    /// Waits until a record at or after `seq` is in view, or the timeout passes; gives the newest view.
    ///
    /// # Errors
    /// As [`ViewSource::view`].
    fn view_beyond(&self, seq: u64, timeout: Duration) -> Result<View>;
}

impl ViewSource for Log {
    fn view(&self) -> Result<View> {
        Ok(Log::view(self))
    }

    fn view_beyond(&self, seq: u64, timeout: Duration) -> Result<View> {
        self.wait_beyond(seq, timeout);
        Ok(Log::view(self))
    }
}

impl ViewSource for LogReader {
    fn view(&self) -> Result<View> {
        LogReader::view(self)
    }

    fn view_beyond(&self, seq: u64, timeout: Duration) -> Result<View> {
        self.wait_beyond(seq, timeout)
    }
}

/// A subscription.
pub struct Follow {
    source: Arc<dyn ViewSource>,
    filter: Expr,
    next_seq: u64,
    rows: std::vec::IntoIter<Record>,
}

impl std::fmt::Debug for Follow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Follow(next seq {})", self.next_seq)
    }
}

impl Follow {
    /// Follows `filter` from `from_seq` on; from the records that come next where it is `None`.
    ///
    /// # Errors
    /// A filter that no column answers; where the log cannot be read.
    pub fn new(source: Arc<dyn ViewSource>, filter: Expr, from_seq: Option<u64>) -> Result<Self> {
        filter.check().map_err(crate::error::Error::Query)?;
        let next_seq = match from_seq {
            Some(seq) => seq,
            None => source.view()?.next_seq(),
        };
        Ok(Self { source, filter, next_seq, rows: Vec::new().into_iter() })
    }

    /// The next matching record; `None` when none came within `timeout`.
    ///
    /// # Errors
    /// Where the log is damaged or the disk fails.
    pub fn next(&mut self, timeout: Duration) -> Result<Option<Record>> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(row) = self.rows.next() {
                return Ok(Some(row));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let view = self.source.view_beyond(self.next_seq, left)?;
            if view.next_seq() > self.next_seq {
                self.fetch(&view)?;
            } else if left.is_zero() {
                return Ok(None);
            }
        }
    }

    /// Seq from which the next fetch goes on: rows already given lie below it or are in hand.
    pub fn next_seq(&self) -> u64 {
        self.rows.as_slice().first().map_or(self.next_seq, |row| row.seq)
    }

    fn fetch(&mut self, view: &View) -> Result<()> {
        let filter = self.filter.clone().and(Expr::Seq { from: self.next_seq, to: u64::MAX });
        let page = view.query(&Query::oldest(filter, ROWS))?;
        self.next_seq = match (&page.next, page.rows.last()) {
            (Some(_), Some(last)) => last.seq + 1,
            _ => view.next_seq(),
        };
        self.rows = page.rows.into_iter();
        Ok(())
    }
}
