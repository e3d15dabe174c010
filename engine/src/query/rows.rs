//! Finds the rows of a filter: through postings in segments, by checking each record in the tail.

use std::sync::Arc;

use indelible_evidence::commit::RecordRef;
use indelible_evidence::record::{EnvelopeHead, Record};
use indelible_format::frame::RowBuffers;
use roaring::RoaringBitmap;

use super::expr::Expr;
use super::resolve::{Ranges, Resolved, may_match, resolve};
use super::row::RowAt;
use super::{Make, Work};
use crate::error::{Corruption, Error, FormatContext, Result};
use crate::segment::{Postings, Segment, SegmentTerms};
use crate::snapshot::Snapshot;

/// One pass over a snapshot.
pub(super) struct Scan<'a> {
    pub(super) snapshot: &'a Snapshot,
    filter: &'a Expr,
    pub(super) work: Work,
    /// Of the frames that are read one after the other.
    buffers: RowBuffers,
}

/// Rows that room is made for before any is found.
const ROOM: usize = 1_024;

/// Rows as they are found, made into what is wanted.
pub(super) struct Taken<'k, 'm, T> {
    limit: usize,
    /// Whether it matters that there is a row more.
    beyond: bool,
    make: &'k mut Make<'m, T>,
    pub(super) rows: Vec<T>,
    /// Occurred-at and seq of the last row that there is room for.
    pub(super) last: Option<(i64, u64)>,
    /// Whether there is a row more than there is room for.
    pub(super) more: bool,
}

impl<'k, 'm, T> Taken<'k, 'm, T> {
    /// Up to `limit` rows, and whether there are more.
    pub(super) fn new(limit: usize, make: &'k mut Make<'m, T>) -> Self {
        Self { limit, beyond: true, make, rows: Vec::with_capacity(limit.min(ROOM)), last: None, more: false }
    }

    /// One row, and nothing about others.
    pub(super) fn first(make: &'k mut Make<'m, T>) -> Self {
        Self { beyond: false, ..Self::new(1, make) }
    }

    /// Whether nothing that could still be found matters.
    fn is_done(&self) -> bool {
        self.more || (!self.beyond && self.rows.len() >= self.limit)
    }

    /// Whether there is room for the row that was found; if not, it is noted that there is one.
    fn has_room(&mut self) -> bool {
        self.more = self.rows.len() >= self.limit;
        !self.more
    }

    fn take(&mut self, record: RecordRef<'_>) -> Result<()> {
        (self.make)(record, &mut self.rows)?;
        if self.rows.len() == self.limit {
            let occurred_at = EnvelopeHead::decode(record.groups[0]).map_err(Error::Record)?.occurred_at;
            self.last = Some((occurred_at, record.seq));
        }
        Ok(())
    }
}

/// Positions of one set of postings that match.
pub(super) struct Hits<'a> {
    pub(super) segment: &'a Arc<Segment>,
    pub(super) postings: Postings,
    /// Ordinal of position 0.
    pub(super) first: u32,
    /// Ordinals (in the segment) that match for sure.
    pub(super) sure: RoaringBitmap,
    /// Positions whose record must be checked.
    pub(super) unsure: RoaringBitmap,
}

impl<'a> Scan<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, filter: &'a Expr) -> Self {
        let work = Work { segments: snapshot.segments().count() as u64, ..Work::default() };
        Self { snapshot, filter, work, buffers: RowBuffers::default() }
    }

    /// Takes rows from one end until no more are wanted.
    pub(super) fn rows<T>(&mut self, newest_first: bool, taken: &mut Taken<'_, '_, T>) -> Result<()> {
        if newest_first {
            self.tail_rows(true, taken)?;
        }
        let snapshot = self.snapshot;
        let segments: Vec<_> = snapshot.segments().collect();
        for index in 0..segments.len() {
            let index = if newest_first { segments.len() - 1 - index } else { index };
            if taken.is_done() {
                break;
            }
            if let Some(&(segment, visible)) = segments.get(index) {
                self.segment_rows(segment, visible, newest_first, taken)?;
            }
        }
        if !newest_first {
            self.tail_rows(false, taken)?;
        }
        Ok(())
    }

    /// How many rows there are.
    pub(super) fn count(&mut self) -> Result<u64> {
        let mut total = 0;
        let snapshot = self.snapshot;
        for (segment, visible) in snapshot.segments() {
            self.each_hits(segment, visible, false, &mut |scan, hits| {
                total += hits.sure.len();
                if !hits.unsure.is_empty() {
                    let first = hits.first;
                    let ordinals = hits.unsure.iter().map(|position| first + position);
                    scan.with_rows(hits.segment, ordinals, &mut |scan, _, row| {
                        scan.work.rows_checked += 1;
                        total += u64::from(row.matches(scan.filter)?);
                        Ok(true)
                    })?;
                }
                Ok(true)
            })?;
        }
        for record in snapshot.tail_records() {
            self.work.tail_scanned += 1;
            total += u64::from(self.matches(record)?);
        }
        Ok(total)
    }

    fn matches(&self, record: &Record) -> Result<bool> {
        Ok(self.filter.matches(record).in_file("journal", 0).map_err(|damage| damage.over(record.seq, record.seq))?)
    }

    fn tail_rows<T>(&mut self, newest_first: bool, taken: &mut Taken<'_, '_, T>) -> Result<()> {
        let snapshot = self.snapshot;
        let mut take = |record: &Record| -> Result<bool> {
            if taken.is_done() {
                return Ok(false);
            }
            self.work.tail_scanned += 1;
            if !self.matches(record)? {
                return Ok(true);
            }
            if taken.has_room() {
                taken.take(record.into())?;
            }
            Ok(!taken.is_done())
        };
        if newest_first {
            for record in snapshot.tail_records().rev() {
                if !take(record)? {
                    break;
                }
            }
        } else {
            for record in snapshot.tail_records() {
                if !take(record)? {
                    break;
                }
            }
        }
        Ok(())
    }

    fn segment_rows<T>(
        &mut self,
        segment: &'a Arc<Segment>,
        visible: u32,
        newest_first: bool,
        taken: &mut Taken<'_, '_, T>,
    ) -> Result<()> {
        self.each_hits(segment, visible, newest_first, &mut |scan, hits| {
            let all = &hits.sure | &hits.unsure;
            let (first, sure) = (hits.first, &hits.sure);
            let mut take = |scan: &mut Scan<'_>, ordinal: u32, row: &mut RowAt<'_, '_>| {
                if !sure.contains(ordinal - first) {
                    scan.work.rows_checked += 1;
                    if !row.matches(scan.filter)? {
                        return Ok(true);
                    }
                }
                if !taken.has_room() {
                    return Ok(false);
                }
                scan.work.rows_decoded += 1;
                taken.take(row.record_ref()?)?;
                Ok(!taken.is_done())
            };
            if newest_first {
                scan.with_rows(hits.segment, all.iter().rev().map(|position| first + position), &mut take)
            } else {
                scan.with_rows(hits.segment, all.iter().map(|position| first + position), &mut take)
            }
        })
    }

    /// Calls `with` on the hits of each set of postings, from one end, until it says stop. Positions beyond what the snapshot
    /// shows are left out.
    pub(super) fn each_hits(
        &mut self,
        segment: &'a Arc<Segment>,
        visible: u32,
        newest_first: bool,
        with: &mut dyn FnMut(&mut Self, Hits<'a>) -> Result<bool>,
    ) -> Result<()> {
        if visible == 0 || !may_match(self.filter, &ranges(segment, visible)) {
            self.work.segments_pruned += 1;
            return Ok(());
        }
        let resolved = resolve(self.filter, segment).map_err(|damage| segment.located(damage))?;
        let mut all = segment.directory()?.read().postings();
        if newest_first {
            all.reverse();
        }
        for postings in all {
            let (first, end) = postings.range();
            if first >= visible || !resolved_may_match(&resolved, first, end) {
                continue;
            }
            self.work.postings += 1;
            let bounds = segment.with_postings(&postings, |reader| reader.evaluate(&resolved.filter))?;
            let (mut sure, mut unsure) = (bounds.sure, bounds.unsure);
            if end > visible {
                sure.remove_range(visible - first..);
                unsure.remove_range(visible - first..);
            }
            if resolved.widened {
                unsure |= &sure;
                sure.clear();
            }
            if sure.is_empty() && unsure.is_empty() {
                continue;
            }
            if !with(self, Hits { segment, postings, first, sure, unsure })? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Calls `with` on the rows at these ordinals, each frame opened once for neighbours, until it says stop. Gives whether to
    /// go on.
    pub(super) fn with_rows(
        &mut self,
        segment: &Arc<Segment>,
        ordinals: impl Iterator<Item = u32>,
        with: &mut dyn FnMut(&mut Self, u32, &mut RowAt<'_, '_>) -> Result<bool>,
    ) -> Result<bool> {
        let terms = SegmentTerms::of(segment);
        let mut ordinals = ordinals.peekable();
        while let Some(&ordinal) = ordinals.peek() {
            let Some(index) = segment.frame_of(ordinal)? else {
                ordinals.next();
                continue;
            };
            let Some(entry) = segment.frame_entry(index)? else { continue };
            self.work.frames += 1;
            let frame = segment.frame(index)?;
            let mut cursor = frame.cursor_with(std::mem::take(&mut self.buffers));
            let count = u32::from(frame.descriptor().count);
            if ordinal.checked_sub(entry.first_ordinal).is_none_or(|position| position >= count) {
                // Nothing below would take it, and this would never end.
                let why = format!("the frame of record {ordinal} in this segment, by the directory, does not hold it");
                return Err(segment.in_frame(index, Corruption::at(&segment.name, entry.offset, why)).into());
            }
            while let Some(position) =
                ordinals.peek().and_then(|ordinal| ordinal.checked_sub(entry.first_ordinal)).filter(|p| *p < count)
            {
                ordinals.next();
                let Some(row) = frame.live_row_of_position(position) else { continue };
                let (file, offset) = (segment.name.as_str(), entry.offset);
                let mut row = RowAt { frame: &frame, cursor: &mut cursor, terms: &terms, row, file, offset };
                match with(self, entry.first_ordinal + position, &mut row) {
                    Ok(true) => {}
                    Ok(false) => return Ok(false),
                    Err(Error::Corrupt(damage)) => return Err(segment.in_frame(index, *damage).into()),
                    Err(error) => return Err(error),
                }
            }
            self.buffers = cursor.into_buffers();
        }
        Ok(true)
    }
}

fn ranges(segment: &Segment, visible: u32) -> Ranges {
    let seqs = (segment.first_seq, segment.first_seq + u64::from(visible));
    match segment.entry() {
        Some(entry) => Ranges {
            seqs,
            occurred: Some((entry.occurred_min, entry.occurred_max)),
            recorded: Some((entry.recorded_min, entry.recorded_max)),
        },
        None => Ranges { seqs, occurred: None, recorded: None },
    }
}

fn resolved_may_match(resolved: &Resolved, first: u32, end: u32) -> bool {
    use indelible_index::Filter;
    match &resolved.filter {
        Filter::Nothing => false,
        Filter::Ordinals { from, to } => *from < end && *to > first,
        Filter::And(list) => !list.iter().any(|filter| match filter {
            Filter::Nothing => true,
            Filter::Ordinals { from, to } => *from >= end || *to <= first,
            _ => false,
        }),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use indelible_evidence::schema::{Field, Kind};

    use super::*;
    use crate::draft::Draft;
    use crate::log::Log;
    use crate::options::Options;
    use crate::query::{Query, View};
    use crate::reader::LogReader;
    use crate::sample;
    use crate::step::StepLog;
    use crate::world::storage::sim::{SimOptions, SimStorage};

    /// A query once went round and round where a footer leaves out a frame, whose records no frame then gives.
    #[test]
    fn records_between_frames_are_damage_and_no_endless_search() {
        let disk = SimStorage::new(3, SimOptions::default());
        let config = sample::config(&disk, Options::default());
        let log = Log::create(config.clone(), &sample::spec()).expect("create");
        for n in 0..700 {
            let draft = Draft::write(Kind::Event, Some(n), 1, |groups| groups.text(Field::ACTION, "a.b"));
            log.emit(draft).expect("emit");
        }
        log.close().expect("close");
        let view = LogReader::open(&config).expect("reader").view().expect("view");
        let all = Query::newest(Expr::is(Field::ACTION, "a.b"), 1_000);
        assert_eq!(view.query(&all).expect("sound").rows.len(), 700);
        let (segment, _) = view.snapshot().segments().next().expect("a segment");
        let left_out = segment.directory().expect("its footer").write().frames.remove(2);
        for order in [all, Query::oldest(Expr::events(), 1_000)] {
            let found = View::query(&view, &order).expect_err("records are missing").to_string();
            let named = format!("record {}", left_out.first_ordinal);
            assert!(found.contains(&named) || found.contains("does not hold it"), "{found}");
        }
    }

    /// Who asks whether there is one (a duplicate of an event id) does not wait for a search through everything behind it.
    #[test]
    fn the_first_row_ends_the_search_for_it() {
        let disk = SimStorage::new(3, SimOptions::default());
        let mut log = StepLog::create(sample::config(&disk, Options::default()), &sample::spec()).expect("create");
        let draft = |n: u32| {
            Draft::write(Kind::Event, Some(n.into()), 1, |groups| groups.text(Field::ACTION, &format!("a.{}", n % 150)))
        };
        for framed in [true, false] {
            log.append((0..300).map(draft).collect()).expect("append");
            log.sync().expect("sync");
            if framed {
                log.frame(true).expect("frame");
            }
        }
        let view = log.view();
        for (action, in_frames) in [("a.1", true), ("a.0", true), ("a.b", false)] {
            let filter = Expr::is(Field::ACTION, action);
            let mut make = |record: RecordRef<'_>, seqs: &mut Vec<u64>| {
                seqs.push(record.seq);
                Ok(())
            };
            let mut scan = Scan::new(view.snapshot(), &filter);
            let mut taken = Taken::first(&mut make);
            scan.rows(false, &mut taken).expect("found");
            assert_eq!(taken.rows.len(), usize::from(in_frames), "{action}");
            let (frames, tail) = if in_frames { (1, 0) } else { (0, 300) };
            assert_eq!((scan.work.frames, scan.work.tail_scanned), (frames, tail), "{action}");
        }
    }
}
