//! Counts of matching records by the values of columns and by time bucket, from postings wherever they can tell.
//!
//! ```text
//! hits of a run -> (time buckets: zones, and times of frames a bucket's edge cuts) -> by column: count_by on postings
//! ```
//!
//! Columns without postings of their own values (ids, known by fingerprint only) are counted from records.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use indelible_evidence::record::{Record, Value};
use indelible_evidence::schema::{Column, Field};
use roaring::RoaringBitmap;

use super::expr::Expr;
use super::rows::{Hits, Scan};
use crate::error::{Error, FormatContext, Result};
use crate::segment::Segment;
use crate::snapshot::Snapshot;

/// By what to count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupBy {
    /// Columns, in the order of the groups' values.
    pub fields: Vec<Field>,
    /// Width of a time bucket over occurred-at, ns, more than zero; buckets begin at multiples of it since 1970.
    pub bucket: Option<i64>,
}

/// A column's value in a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GroupValue {
    /// The records do not have the field.
    Absent,
    /// An enumeration's code.
    Code(u8),
    /// A text.
    Text(String),
}

/// How many records have these values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Begin of the time bucket, ns since 1970, where buckets were asked for.
    pub bucket: Option<i64>,
    /// One per asked column.
    pub values: Vec<GroupValue>,
    /// Records.
    pub count: u64,
}

type Counts = BTreeMap<(Option<i64>, Vec<GroupValue>), u64>;

/// Groups of a snapshot, ascending by bucket and values.
pub(super) fn group(snapshot: &Snapshot, filter: &Expr, by: &GroupBy) -> Result<Vec<Group>> {
    if by.bucket.is_some_and(|width| width <= 0) {
        return Err(Error::Query("a time bucket must be longer than zero".to_owned()));
    }
    if let Some(field) = by.fields.iter().find(|field| field.spec().column == Column::None) {
        return Err(Error::Query(format!("{} is not a column that can be counted by", field.name())));
    }
    let mut counts = Counts::new();
    let mut scan = Scan::new(snapshot, filter);
    for (segment, visible) in snapshot.segments() {
        let mut texts = Texts { segment, known: HashMap::new() };
        scan.each_hits(segment, visible, false, &mut |scan, hits| {
            count_hits(scan, filter, by, hits, &mut texts, &mut counts)?;
            Ok(true)
        })?;
    }
    for record in snapshot.tail_records() {
        if filter.matches(record).in_file("journal", 0)? {
            count_record(record, by, &mut counts)?;
        }
    }
    Ok(counts.into_iter().map(|((bucket, values), count)| Group { bucket, values, count }).collect())
}

fn count_hits(
    scan: &mut Scan<'_>,
    filter: &Expr,
    by: &GroupBy,
    hits: Hits<'_>,
    texts: &mut Texts<'_>,
    counts: &mut Counts,
) -> Result<()> {
    let (first, mut sure) = (hits.first, hits.sure.clone());
    let from_records = by.fields.iter().any(|field| field.spec().column == Column::Fingerprints);
    let checked = if from_records { &sure | &hits.unsure } else { hits.unsure.clone() };
    scan.with_rows(hits.segment, checked.iter().map(|position| first + position), &mut |scan, ordinal, row| {
        let position = ordinal - first;
        let matches = hits.sure.contains(position) || {
            scan.work.rows_checked += 1;
            row.matches(filter)?
        };
        match (matches, from_records) {
            (true, true) => {
                scan.work.rows_decoded += 1;
                count_record(&row.record()?, by, counts)?;
            }
            (true, false) => {
                sure.insert(position);
            }
            (false, _) => {}
        }
        Ok(true)
    })?;
    if from_records {
        return Ok(());
    }
    match by.bucket {
        None => count_columns(&hits, &by.fields, sure, None, Vec::new(), texts, counts),
        Some(width) => {
            let mut buckets: BTreeMap<i64, RoaringBitmap> = BTreeMap::new();
            scan.with_rows(hits.segment, sure.iter().map(|position| first + position), &mut |_, ordinal, row| {
                buckets.entry(bucket_of(row.occurred_at()?, width)).or_default().insert(ordinal - first);
                Ok(true)
            })?;
            for (bucket, rows) in buckets {
                count_columns(&hits, &by.fields, rows, Some(bucket), Vec::new(), texts, counts)?;
            }
            Ok(())
        }
    }
}

/// Counts `rows` by the first column, and each of its values by the rest.
fn count_columns(
    hits: &Hits<'_>,
    fields: &[Field],
    rows: RoaringBitmap,
    bucket: Option<i64>,
    values: Vec<GroupValue>,
    texts: &mut Texts<'_>,
    counts: &mut Counts,
) -> Result<()> {
    let Some((&field, rest)) = fields.split_first() else {
        if !rows.is_empty() {
            *counts.entry((bucket, values)).or_default() += rows.len();
        }
        return Ok(());
    };
    let by_key = hits.segment.with_postings(&hits.postings, |reader| reader.count_by(field.id(), &rows))?;
    for (key, count) in by_key {
        let mut values = values.clone();
        values.push(texts.value(field, key)?);
        if rest.is_empty() {
            *counts.entry((bucket, values)).or_default() += count;
            continue;
        }
        let filter = indelible_index::Filter::Key { field: field.id(), keys: vec![key] };
        let of_key = hits.segment.with_postings(&hits.postings, |reader| reader.evaluate(&filter))?;
        count_columns(hits, rest, &rows & &of_key.sure, bucket, values, texts, counts)?;
    }
    Ok(())
}

fn count_record(record: &Record, by: &GroupBy, counts: &mut Counts) -> Result<()> {
    let envelope = record.groups.envelope().map_err(Error::Record)?;
    let bucket = by.bucket.map(|width| bucket_of(envelope.occurred_at, width));
    let mut values = Vec::with_capacity(by.fields.len());
    for &field in &by.fields {
        let value = record.groups.value(field).map_err(Error::Record)?;
        values.push(match value {
            _ if field == Field::KIND => GroupValue::Code(envelope.kind),
            Some(Value::Code(code)) => GroupValue::Code(code),
            Some(Value::Text(text)) => GroupValue::Text(text.text().into_owned()),
            _ => GroupValue::Absent,
        });
    }
    *counts.entry((bucket, values)).or_default() += 1;
    Ok(())
}

fn bucket_of(time: i64, width: i64) -> i64 {
    time.div_euclid(width).saturating_mul(width)
}

/// Texts of a segment's terms, each looked up once.
struct Texts<'a> {
    segment: &'a Arc<Segment>,
    known: HashMap<(u8, u32), String>,
}

impl Texts<'_> {
    fn value(&mut self, field: Field, key: u32) -> Result<GroupValue> {
        if key == 0 {
            return Ok(GroupValue::Absent);
        }
        if field.spec().column == Column::Codes {
            return Ok(GroupValue::Code(u8::try_from(key).unwrap_or(u8::MAX)));
        }
        let slot = (field.id(), key);
        if let Some(text) = self.known.get(&slot) {
            return Ok(GroupValue::Text(text.clone()));
        }
        let text = self.segment.terms().text(self.segment, field, key - 1).in_file(&self.segment.name, 0)?;
        self.known.insert(slot, text.clone());
        Ok(GroupValue::Text(text))
    }
}
