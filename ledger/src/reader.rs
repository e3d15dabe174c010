//! Reading a ledger: in the process that writes it, or in any other beside it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use indelible_engine::query::{Cursor, Expr, GroupBy, GroupValue, Order, View, Work};
use indelible_engine::{DiskHealth, Log, LogReader, Options, ViewSource};
use indelible_evidence::commit::RecordRef;
use indelible_evidence::record::EnvelopeHead;
use indelible_evidence::retention::Register;
use indelible_evidence::rotation::KeyTrail;
use indelible_evidence::schema::{Field, Kind};

use crate::codec;
use crate::error::Result;
use crate::event::{ActorType, AuditEvent, Outcome, Severity, Timestamp};
use crate::retain::records::register;
use crate::world::{Access, World};

/// What to find, and how much of it.
#[derive(Debug, Clone)]
pub struct Query {
    /// Which events; see [`crate::filter`] for the text forms.
    pub filter: Expr,
    /// In which order.
    pub order: Order,
    /// Most rows of a page.
    pub limit: usize,
    /// Cursor of the page before.
    pub cursor: Option<String>,
}

/// A record as rows of results show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Position in the log.
    pub seq: u64,
    /// When the log took it.
    pub recorded_at: Timestamp,
    /// Event, or which system record.
    pub kind: Kind,
    /// Retention class.
    pub class: u16,
    /// The event; of a system record, the same fields with its body in metadata.
    pub event: AuditEvent,
}

/// Rows of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// In the asked order.
    pub rows: Vec<Row>,
    /// Where the next page begins, if there is more.
    pub next_cursor: Option<String>,
    /// What it took.
    pub work: Work,
}

/// What to count.
#[derive(Debug, Clone)]
pub struct StatsQuery {
    /// Which events.
    pub filter: Expr,
    /// By which columns.
    pub by: Vec<Field>,
    /// By time buckets of this width over the event's own time.
    pub bucket: Option<Duration>,
}

/// A count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatsRow {
    /// Begin of the bucket, where buckets were asked for.
    pub bucket: Option<Timestamp>,
    /// Values of the columns; `None` where the events do not have the field.
    pub values: Vec<Option<String>>,
    /// Events.
    pub count: u64,
}

/// How a log is opened for reading.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// Only `cache_bytes_max` matters to a reader.
    pub engine: Options,
}

/// Reads a ledger. Cloning is cheap.
#[derive(Clone)]
pub struct LedgerReader {
    source: Arc<dyn ViewSource>,
    other_process: Option<Arc<LogReader>>,
    log: Option<Arc<Log>>,
}

impl std::fmt::Debug for LedgerReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LedgerReader(beside a writer: {})", self.other_process.is_some())
    }
}

impl LedgerReader {
    /// Opens a log read-only. Works beside a live writer, shows what is durable, never writes.
    ///
    /// # Errors
    /// Where there is no log, or it is damaged.
    pub fn open(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Self> {
        Self::open_in(&World::machine(path, Access::ReadOnly)?, options)
    }

    /// As [`LedgerReader::open`], in any world.
    ///
    /// # Errors
    /// As [`LedgerReader::open`].
    pub fn open_in(world: &World, options: &ReadOptions) -> Result<Self> {
        let config = world.config(&options.engine);
        let reader = Arc::new(LogReader::open(&config)?);
        Ok(Self { source: Arc::clone(&reader) as Arc<dyn ViewSource>, other_process: Some(reader), log: None })
    }

    pub(crate) fn of_log(log: Arc<Log>) -> Self {
        Self { source: Arc::clone(&log) as Arc<dyn ViewSource>, other_process: None, log: Some(log) }
    }

    /// The newest view: everything durable now.
    ///
    /// # Errors
    /// Where the log is damaged.
    pub fn view(&self) -> Result<View> {
        Ok(self.source.view()?)
    }

    /// One page of rows.
    ///
    /// # Errors
    /// A filter or cursor that cannot be used; where the log is damaged.
    pub fn query(&self, query: &Query) -> Result<Page> {
        let after = query.cursor.as_deref().map(Cursor::parse).transpose()?;
        let engine_query = indelible_engine::query::Query {
            filter: query.filter.clone(),
            order: query.order,
            limit: query.limit,
            after,
        };
        let page = self.view()?.query_into(&engine_query, &mut put_row)?;
        Ok(Page { rows: page.rows, next_cursor: page.next.map(|cursor| cursor.to_string()), work: page.work })
    }

    /// What a query does: segments pruned, postings evaluated, frames and rows decoded, rows checked.
    ///
    /// # Errors
    /// As [`LedgerReader::query`].
    pub fn explain(&self, query: &Query) -> Result<String> {
        let work = self.query(query)?.work;
        Ok(format!(
            "segments {} (pruned {}), postings {}, frames {}, rows decoded {}, rows checked {}, tail records scanned {}",
            work.segments,
            work.segments_pruned,
            work.postings,
            work.frames,
            work.rows_decoded,
            work.rows_checked,
            work.tail_scanned
        ))
    }

    /// Exactly how many records match.
    ///
    /// # Errors
    /// As [`LedgerReader::query`].
    pub fn count(&self, filter: &Expr) -> Result<u64> {
        Ok(self.view()?.count(filter)?)
    }

    /// Counts by the values of columns and by time, ascending by bucket and values.
    ///
    /// # Errors
    /// As [`LedgerReader::query`].
    pub fn stats(&self, stats: &StatsQuery) -> Result<Vec<StatsRow>> {
        let bucket = stats.bucket.map(|width| i64::try_from(width.as_nanos()).unwrap_or(i64::MAX));
        let by = GroupBy { fields: stats.by.clone(), bucket };
        let groups = self.view()?.group(&stats.filter, &by)?;
        Ok(groups
            .into_iter()
            .map(|group| StatsRow {
                bucket: group.bucket.map(Timestamp),
                values: stats.by.iter().zip(group.values).map(|(&field, value)| value_name(field, value)).collect(),
                count: group.count,
            })
            .collect())
    }

    /// All events of a correlation id, by their own time.
    ///
    /// # Errors
    /// As [`LedgerReader::query`].
    pub fn correlation(&self, id: &str, limit: usize) -> Result<Vec<Row>> {
        let filter = Expr::is(Field::CORRELATION_ID, id).and(Expr::events());
        Ok(self.query(&Query { filter, order: Order::Time, limit, cursor: None })?.rows)
    }

    /// Follows matching events: what is there from `from_seq` on (`None`: nothing), then what comes.
    ///
    /// # Errors
    /// As [`LedgerReader::query`].
    pub fn follow(&self, filter: Expr, from_seq: Option<u64>) -> Result<Follow> {
        Ok(Follow { inner: indelible_engine::Follow::new(Arc::clone(&self.source), filter, from_seq)? })
    }

    /// The newest checkpoint that was made, as a signed note; `None` where there is none.
    ///
    /// # Errors
    /// The disk's own.
    pub fn checkpoint(&self) -> Result<Option<String>> {
        match &self.other_process {
            Some(reader) => Ok(reader.checkpoint()?),
            None => Ok(self.log.as_ref().map(|log| log.newest_checkpoint()).transpose()?.flatten()),
        }
    }

    /// What the log is and the keys that it had, also in the process that writes it.
    pub(crate) fn manifest_and_trail(&self) -> Result<(indelible_format::manifest::Manifest, KeyTrail)> {
        match (&self.other_process, &self.log) {
            (Some(reader), _) => {
                let manifest = reader.manifest().ok_or(indelible_engine::Error::Closed)?;
                Ok((manifest, reader.keys()?))
            }
            (None, Some(log)) => Ok((log.manifest(), log.keys())),
            (None, None) => Err(indelible_engine::Error::Closed.into()),
        }
    }

    /// Policies, holds and keys as the log's records give them.
    pub(crate) fn register(&self) -> Result<Register> {
        let (manifest, _) = self.manifest_and_trail()?;
        register(&self.view()?, &manifest)
    }

    /// What the log takes on the device and what is left there. `None` in the process that writes it: see
    /// [`crate::Ledger::health`]. `free_bytes_warn`: free bytes below which that is little, as in [`Options`].
    ///
    /// # Errors
    /// The disk's own.
    pub fn disk_health(&self, free_bytes_warn: u64) -> Result<Option<DiskHealth>> {
        let reader = self.other_process.as_ref();
        Ok(reader.map(|reader| reader.disk_health(free_bytes_warn)).transpose()?)
    }

    /// Whether another process is writing the log.
    #[must_use]
    pub fn has_live_writer(&self) -> bool {
        self.other_process.as_ref().is_some_and(|reader| reader.has_live_writer())
    }
}

/// A subscription.
#[derive(Debug)]
pub struct Follow {
    inner: indelible_engine::Follow,
}

impl Follow {
    /// The next matching row; `None` when none came within `timeout`.
    ///
    /// # Errors
    /// Where the log is damaged.
    pub fn next(&mut self, timeout: Duration) -> Result<Option<Row>> {
        let mut rows = Vec::with_capacity(1);
        if let Some(record) = self.inner.next(timeout)? {
            put_row((&record).into(), &mut rows)?;
        }
        Ok(rows.pop())
    }

    /// Seq from which a new subscription would go on without gap or duplicate.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.inner.next_seq()
    }
}

/// Appends the row of a record; it is built where it stays, since it is large.
fn put_row(record: RecordRef<'_>, rows: &mut Vec<Row>) -> Result<(), indelible_engine::Error> {
    let damaged = |error: indelible_evidence::FormatError| {
        let damage = indelible_engine::Corruption::at("record", error.offset, error).over(record.seq, record.seq);
        indelible_engine::Error::from(damage)
    };
    let head = EnvelopeHead::decode(record.groups[0]).map_err(damaged)?;
    rows.push(Row {
        seq: record.seq,
        recorded_at: Timestamp(record.recorded_at),
        kind: Kind::from_code(head.kind).unwrap_or(Kind::Event),
        class: record.class,
        event: codec::blank(Timestamp(head.occurred_at)),
    });
    match rows.last_mut() {
        Some(row) => codec::decode(record.groups, &mut row.event).map_err(damaged),
        None => Ok(()),
    }
}

fn value_name(field: Field, value: GroupValue) -> Option<String> {
    match value {
        GroupValue::Absent => None,
        GroupValue::Text(text) => Some(text),
        GroupValue::Code(code) => Some(match field {
            Field::SEVERITY => Severity::from_code(code).to_string(),
            Field::OUTCOME => Outcome::from_code(code).to_string(),
            Field::ACTOR_TYPE => ActorType::from_code(code).to_string(),
            Field::KIND => {
                Kind::from_code(code).map_or_else(|| format!("unknown({code})"), |kind| kind.name().to_owned())
            }
            _ => code.to_string(),
        }),
    }
}
