//! Pages by the events' own time: the best rows in a heap, decoded only when they are known.

use std::collections::BinaryHeap;

use indelible_evidence::record::Record;

use super::rows::Scan;
use super::{Cursor, Expr, Make, Page, Query, View};
use crate::error::{Error, FormatContext, Result};

/// One page by occurred-at, then seq.
pub(super) fn page<T>(view: &View, query: &Query, make: &mut Make<'_, T>) -> Result<Page<T>> {
    let snapshot = view.snapshot().as_ref();
    let after = query.after.map(|cursor| (cursor.occurred_at, cursor.seq));
    let filter = match after {
        Some((occurred_at, _)) => query.filter.clone().and(Expr::Occurred { from: Some(occurred_at), to: None }),
        None => query.filter.clone(),
    };
    let mut scan = Scan::new(snapshot, &filter);
    let wanted = query.limit.saturating_add(1);
    // The greatest of the best stands on top and goes when a better one comes.
    let mut best: BinaryHeap<(i64, u64)> = BinaryHeap::new();
    let mut offer = |key: (i64, u64)| {
        if after.is_some_and(|after| key <= after) {
            return;
        }
        if best.len() < wanted {
            best.push(key);
        } else if best.peek().is_some_and(|worst| key < *worst) {
            best.pop();
            best.push(key);
        }
    };
    for (segment, visible) in snapshot.segments() {
        scan.each_hits(segment, visible, false, &mut |scan, hits| {
            let first = hits.first;
            let all = &hits.sure | &hits.unsure;
            let ordinals = all.iter().map(|position| first + position);
            scan.with_rows(segment, ordinals, &mut |scan, ordinal, row| {
                if !hits.sure.contains(ordinal - first) {
                    scan.work.rows_checked += 1;
                    if !row.matches(&filter)? {
                        return Ok(true);
                    }
                }
                offer((row.occurred_at()?, segment.first_seq + u64::from(ordinal)));
                Ok(true)
            })
        })?;
    }
    for record in snapshot.tail_records() {
        scan.work.tail_scanned += 1;
        if filter.matches(record).in_file("journal", 0)? {
            offer(key_of(record)?);
        }
    }
    let mut keys = best.into_sorted_vec();
    let more = keys.len() > query.limit;
    keys.truncate(query.limit);
    let next = keys.last().filter(|_| more).map(|&last| Cursor::after(query, last));
    let rows = scan.rows_at(&keys, make)?;
    Ok(Page { rows, next, work: scan.work })
}

impl Scan<'_> {
    /// What `make` makes of the records with these keys, in the order of the keys; read in the order of the log, so that
    /// neighbours share a frame.
    fn rows_at<T>(&mut self, keys: &[(i64, u64)], make: &mut Make<'_, T>) -> Result<Vec<T>> {
        let mut seqs: Vec<u64> = keys.iter().map(|&(_, seq)| seq).collect();
        seqs.sort_unstable();
        let mut found: Vec<T> = Vec::with_capacity(seqs.len());
        let mut made: Vec<u64> = Vec::with_capacity(seqs.len());
        let snapshot = self.snapshot;
        for (segment, visible) in snapshot.segments() {
            let from = seqs.partition_point(|&seq| seq < segment.first_seq);
            let own = seqs.get(from..).unwrap_or_default().iter().map(|&seq| seq - segment.first_seq);
            let ordinals = own.map_while(|ordinal| u32::try_from(ordinal).ok().filter(|&ordinal| ordinal < visible));
            self.with_rows(segment, ordinals, &mut |_, ordinal, row| {
                make(row.record_ref()?, &mut found)?;
                made.push(segment.first_seq + u64::from(ordinal));
                Ok(true)
            })?;
        }
        for record in snapshot.tail_records() {
            if seqs.binary_search(&record.seq).is_ok() {
                make(record.into(), &mut found)?;
                made.push(record.seq);
            }
        }
        let mut found: Vec<Option<T>> = found.into_iter().map(Some).collect();
        let place = |seq: u64| made.binary_search(&seq).ok();
        Ok(keys.iter().filter_map(|&(_, seq)| found.get_mut(place(seq)?)?.take()).collect())
    }
}

fn key_of(record: &Record) -> Result<(i64, u64)> {
    Ok((record.groups.envelope().map_err(Error::Record)?.occurred_at, record.seq))
}
