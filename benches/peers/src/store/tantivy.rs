//! tantivy: every column as a raw term, the times and what is counted as fast fields, the event itself in the document store.
//!
//! It commits every 100,000 events, as its authors advise; nothing is durable before. One commit for every thousand would be
//! another measurement, in which it loses.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Instant;

use ::tantivy::aggregation::AggregationCollector;
use ::tantivy::aggregation::agg_req::Aggregations;
use ::tantivy::aggregation::agg_result::AggregationResults;
use ::tantivy::collector::{Count, TopDocs};
use ::tantivy::query::{BooleanQuery, Query, RangeQuery, TermQuery, TermSetQuery};
use ::tantivy::schema::{
    BytesOptions, FAST, Field, INDEXED, IndexRecordOption, STORED, Schema, TextFieldIndexing, TextOptions, Value,
};
use ::tantivy::{DocAddress, Index, IndexWriter, Order, Searcher, TantivyDocument, Term};
use indelible::{AuditEvent, Outcome, Severity};
use indelible_benches::question::{Answer, MANY, PAGE, Question, time_of};

use super::{Asked, Peer, Purged, Result, row};

/// Events in a commit.
const COMMIT: usize = 100_000;
/// Names of the text columns, in the order of [`values`].
const COLUMNS: [&str; 10] = [
    "workspace",
    "lane",
    "session",
    "actor_id",
    "action",
    "target_type",
    "target_id",
    "outcome",
    "severity",
    "correlation_id",
];
const WORKSPACE: usize = 0;
const ACTOR: usize = 3;
const ACTION: usize = 4;
const OUTCOME: usize = 7;
const SEVERITY: usize = 8;
const CORRELATION: usize = 9;

/// tantivy with two indexing threads.
pub struct Tantivy;

fn values(event: &AuditEvent) -> [String; 10] {
    [
        event.workspace.clone(),
        event.lane.clone().unwrap_or_default(),
        event.session.clone().unwrap_or_default(),
        event.actor.id.clone(),
        event.action.clone(),
        event.target.kind.clone(),
        event.target.id.clone(),
        event.outcome.to_string(),
        event.severity.to_string(),
        event.correlation_id.clone().unwrap_or_default(),
    ]
}

/// The fields of the schema.
#[derive(Clone, Copy)]
struct Fields {
    columns: [Field; 10],
    time: Field,
    event: Field,
}

fn schema() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let raw = TextFieldIndexing::default().set_tokenizer("raw").set_index_option(IndexRecordOption::Basic);
    let columns = COLUMNS.map(|name| {
        let options = TextOptions::default().set_indexing_options(raw.clone().set_fieldnorms(false));
        let counted = ["severity", "action", "target_type"].contains(&name);
        builder.add_text_field(name, if counted { options.set_fast("raw") } else { options })
    });
    let time = builder.add_i64_field("time", INDEXED | FAST);
    let event = builder.add_bytes_field("event", BytesOptions::from(STORED));
    (builder.build(), Fields { columns, time, event })
}

impl Peer for Tantivy {
    fn key(&self) -> &'static str {
        "tantivy"
    }

    fn name(&self) -> &'static str {
        "tantivy, commit 100,000"
    }

    fn durability(&self) -> &'static str {
        "at a commit each 100,000: not durable per batch"
    }

    fn keeps(&self) -> &'static str {
        "index"
    }

    fn load(&self, dir: &Path, events: &mut Vec<AuditEvent>) -> Result<()> {
        let (schema, fields) = schema();
        let index = Index::create_in_dir(dir, schema)?;
        let mut writer: IndexWriter = index.writer_with_num_threads(2, 256 << 20)?;
        for batch in events.chunks(COMMIT) {
            for event in batch {
                let mut document = TantivyDocument::new();
                for (field, value) in fields.columns.into_iter().zip(values(event)) {
                    document.add_text(field, value);
                }
                document.add_i64(fields.time, time_of(event));
                let mut bytes = Vec::new();
                row::encode(event, &mut bytes);
                document.add_bytes(fields.event, &bytes);
                writer.add_document(document)?;
            }
            writer.commit()?;
        }
        writer.wait_merging_threads()?;
        Ok(())
    }

    fn open(&self, dir: &Path) -> Result<Option<Box<dyn Asked>>> {
        Ok(Some(Box::new(Open::at(dir)?)))
    }

    fn purge(&self, dir: &Path, cutoff: i64) -> Result<Option<Purged>> {
        let open = Open::at(dir)?;
        let expired =
            || open.all(vec![open.is(SEVERITY, &Severity::Info.to_string()), open.during((i64::MIN, cutoff))]);
        let before = open.searcher.search(&expired(), &Count)? as u64;
        let index = open.searcher.index().clone();
        let start = Instant::now();
        let mut writer: IndexWriter = index.writer_with_num_threads(1, 64 << 20)?;
        writer.delete_query(Box::new(expired()))?;
        writer.commit()?;
        let deleted = start.elapsed();
        let segments = index.searchable_segment_ids()?;
        writer.merge(&segments).wait()?;
        writer.garbage_collect_files().wait()?;
        writer.wait_merging_threads()?;
        let steps = vec![("delete".to_owned(), deleted), ("merge".to_owned(), start.elapsed() - deleted)];
        let again = Open::at(dir)?;
        let left = again.searcher.search(&expired(), &Count)? as u64;
        Ok(Some(Purged { steps, removed: before - left, left }))
    }
}

struct Open {
    fields: Fields,
    searcher: Searcher,
    counts: Aggregations,
    /// Of Q7, where the page before ends.
    cursors: VecDeque<Option<i64>>,
}

impl Open {
    fn at(dir: &Path) -> Result<Self> {
        let index = Index::open_in_dir(dir)?;
        let counts = serde_json::from_str(
            r#"{"severity":{"terms":{"field":"severity","size":100000}},
                "action":{"terms":{"field":"action","size":100000}},
                "target_type":{"terms":{"field":"target_type","size":100000}}}"#,
        )?;
        Ok(Self { fields: schema().1, searcher: index.reader()?.searcher(), counts, cursors: VecDeque::new() })
    }

    fn term(&self, column: usize, value: &str) -> Term {
        let field = self.fields.columns.get(column).copied().unwrap_or(self.fields.time);
        Term::from_field_text(field, value)
    }

    fn is(&self, column: usize, value: &str) -> Box<dyn Query> {
        Box::new(TermQuery::new(self.term(column, value), IndexRecordOption::Basic))
    }

    fn any(&self, column: usize, values: &[String]) -> Box<dyn Query> {
        Box::new(TermSetQuery::new(values.iter().map(|value| self.term(column, value))))
    }

    fn during(&self, time: (i64, i64)) -> Box<dyn Query> {
        let bound = |time| Term::from_field_i64(self.fields.time, time);
        Box::new(RangeQuery::new(std::ops::Bound::Included(bound(time.0)), std::ops::Bound::Excluded(bound(time.1))))
    }

    fn all(&self, queries: Vec<Box<dyn Query>>) -> BooleanQuery {
        BooleanQuery::intersection(queries)
    }

    fn rows(&self, query: &dyn Query, limit: usize, order: Order) -> Result<Vec<AuditEvent>> {
        let collector = TopDocs::with_limit(limit).order_by_fast_field::<i64>("time", order);
        let found: Vec<(Option<i64>, DocAddress)> = self.searcher.search(query, &collector)?;
        let mut rows = Vec::with_capacity(found.len());
        for (_, address) in found {
            let document: TantivyDocument = self.searcher.doc(address)?;
            let bytes = document.get_first(self.fields.event).and_then(|value| value.as_bytes());
            rows.push(bytes.and_then(row::decode).ok_or("a document cannot be read")?);
        }
        Ok(rows)
    }

    fn newest(&self, queries: Vec<Box<dyn Query>>, limit: usize) -> Result<Vec<AuditEvent>> {
        self.rows(&self.all(queries), limit, Order::Desc)
    }

    fn counts(&self, time: (i64, i64)) -> Result<Vec<(String, u64)>> {
        let collector = AggregationCollector::from_aggs(self.counts.clone(), Default::default());
        let found: AggregationResults = self.searcher.search(self.during(time).as_ref(), &collector)?;
        let found = serde_json::to_value(found)?;
        let mut counts = Vec::new();
        for column in ["severity", "action", "target_type"] {
            for bucket in found[column]["buckets"].as_array().into_iter().flatten() {
                let value = bucket["key"].as_str().unwrap_or_default();
                let count = bucket["doc_count"].as_u64().ok_or("a bucket without a count")?;
                counts.push((format!("{column}={value}"), count));
            }
        }
        counts.sort_unstable();
        Ok(counts)
    }
}

impl Asked for Open {
    fn prepare(&mut self, question: &Question) -> Result<()> {
        let mut cursor = None;
        if let Question::Deep { workspace, before, depth } = question {
            let query = self.all(vec![self.is(WORKSPACE, workspace), self.during((i64::MIN, *before))]);
            let collector =
                TopDocs::with_limit(1).and_offset(depth - 1).order_by_fast_field::<i64>("time", Order::Desc);
            let found: Vec<(Option<i64>, DocAddress)> = self.searcher.search(&query, &collector)?;
            cursor = found.first().and_then(|(time, _)| *time);
        }
        self.cursors.push_back(cursor);
        Ok(())
    }

    fn answer(&mut self, question: &Question) -> Result<Answer> {
        let mut answer = Answer::default();
        let cursor = self.cursors.pop_front().flatten();
        let texts = |severities: &[Severity]| severities.iter().map(Severity::to_string).collect::<Vec<_>>();
        match question {
            Question::Day { workspace, time } => {
                answer.rows = self.newest(vec![self.is(WORKSPACE, workspace), self.during(*time)], PAGE)?;
            }
            Question::Critical { actor, actions } => {
                let critical = self.is(SEVERITY, &Severity::Critical.to_string());
                let queries = vec![self.is(ACTOR, actor), self.any(ACTION, actions), critical];
                answer.rows = self.newest(queries, PAGE)?;
            }
            Question::Chain { correlation } => {
                let query = self.is(CORRELATION, correlation);
                let most = self.searcher.search(&query, &Count)?.max(1);
                answer.rows = self.rows(query.as_ref(), most, Order::Asc)?;
            }
            Question::Total { workspace, action, outcome, severities, time } => {
                let query = self.all(vec![
                    self.is(WORKSPACE, workspace),
                    self.is(ACTION, action),
                    self.is(OUTCOME, &outcome.to_string()),
                    self.any(SEVERITY, &texts(severities)),
                    self.during(*time),
                ]);
                answer.rows = self.rows(&query, PAGE, Order::Desc)?;
                answer.total = Some(self.searcher.search(&query, &Count)? as u64);
            }
            Question::Counts { time } => answer.counts = self.counts(*time)?,
            Question::Failures { before } => {
                let queries = vec![self.is(OUTCOME, &Outcome::Failure.to_string()), self.during((i64::MIN, *before))];
                answer.rows = self.newest(queries, MANY)?;
            }
            Question::Deep { workspace, .. } => {
                let before = cursor.ok_or("the page before was not found")?;
                answer.rows =
                    self.newest(vec![self.is(WORKSPACE, workspace), self.during((i64::MIN, before))], PAGE)?;
            }
        }
        Ok(answer)
    }
}
