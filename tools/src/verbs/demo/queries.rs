//! Example queries over values that occur in the workload: what was asked, how many rows, how long it took.
//!
//! Each query runs nine times and the middle time is shown; the first run, with cold caches, is shown beside it.

use std::time::{Duration, Instant};

use indelible::filter::{Column, Expr, Filters, TimeRange};
use indelible::query::Order;
use indelible::{AuditEvent, LedgerReader, Query, StatsQuery, Timestamp};

use super::Story;
use crate::failure::Outcome;
use crate::output::table::{Content, Table, thousands};
use crate::workload::{START, Workload};

const RUNS: usize = 9;

/// A question and its answer.
struct Asked {
    name: &'static str,
    what: String,
    answer: String,
    first: Duration,
    middle: Duration,
}

/// Asks, and prints the table.
pub(super) fn run(reader: &LedgerReader, seed: u64, events: u64, story: &mut Story<'_>) -> Outcome {
    // Values of an event in the middle: they occur for certain.
    let Some(sample) = Workload::new(seed, events).nth((events / 2) as usize) else { return Ok(()) };
    let day = sample.time.unwrap_or(START).0 / 86_400_000_000_000 * 86_400_000_000_000;
    let asked = [
        one_day(reader, &sample, day)?,
        critical(reader, &sample)?,
        operation(reader, &sample)?,
        with_total(reader, &sample, day)?,
        counts(reader, day)?,
        failures(reader)?,
        deep_page(reader)?,
    ];
    let mut table = Table::new(&["", "asked", "answer", "cold", "warm"], story.look);
    for row in &asked {
        table.row(vec![
            Content::Plain(row.name.to_owned()),
            Content::Untrusted(row.what.clone()),
            Content::Number(row.answer.clone()),
            Content::Number(micros(row.first)),
            Content::Number(micros(row.middle)),
        ]);
    }
    story.table("Queries (microseconds)", table)?;
    let slowest = asked.iter().map(|row| row.middle).max().unwrap_or_default();
    story.note("queries", format!("{} us", micros(slowest)), "the slowest of seven kinds, warm");
    severities(reader, story)
}

/// Runs `ask` several times; it gives the number of rows, or another answer.
fn timed(name: &'static str, what: String, mut ask: impl FnMut() -> Outcome<String>) -> Outcome<Asked> {
    let mut times = Vec::with_capacity(RUNS);
    let mut answer = String::new();
    for _ in 0..RUNS {
        let started = Instant::now();
        answer = ask()?;
        times.push(started.elapsed());
    }
    let first = times.first().copied().unwrap_or_default();
    times.sort_unstable();
    let middle = times.get(RUNS / 2).copied().unwrap_or_default();
    Ok(Asked { name, what, answer, first, middle })
}

fn rows(reader: &LedgerReader, filter: Expr, order: Order, limit: usize) -> Outcome<usize> {
    Ok(reader.query(&Query { filter, order, limit, cursor: None })?.rows.len())
}

fn rows_text(number: usize) -> String {
    format!("{} rows", thousands(number as u64))
}

fn days(from: i64, count: i64) -> TimeRange {
    let to = from.saturating_add(count * 86_400_000_000_000);
    TimeRange { from: Some(Timestamp(from)), to: Some(Timestamp(to)) }
}

fn one_day(reader: &LedgerReader, sample: &AuditEvent, day: i64) -> Outcome<Asked> {
    let filter = Filters::new().column(Column::WORKSPACE, &[&sample.workspace])?.occurred(days(day, 1)).into_expr();
    timed("Q1", format!("workspace {}, one day, newest 50", sample.workspace), || {
        rows(reader, filter.clone(), Order::Newest, 50).map(rows_text)
    })
}

fn critical(reader: &LedgerReader, sample: &AuditEvent) -> Outcome<Asked> {
    let filter = Filters::new()
        .column(Column::ACTOR, &[&sample.actor.id])?
        .column(Column::ACTION, &[sample.action.as_str(), "secret.read", "role.grant"])?
        .column(Column::SEVERITY, &["critical"])?
        .into_expr();
    timed("Q2", format!("actor {}, any of 3 actions, critical", sample.actor.id), || {
        rows(reader, filter.clone(), Order::Newest, 50).map(rows_text)
    })
}

fn operation(reader: &LedgerReader, sample: &AuditEvent) -> Outcome<Asked> {
    let id = sample.correlation_id.clone().unwrap_or_default();
    let filter = Filters::new().column(Column::CORRELATION, &[&id])?.into_expr();
    timed("Q3", "all events of a correlation id, in time order".to_owned(), || {
        rows(reader, filter.clone(), Order::Time, 1_000).map(rows_text)
    })
}

fn with_total(reader: &LedgerReader, sample: &AuditEvent, day: i64) -> Outcome<Asked> {
    let filter = Filters::new()
        .column(Column::WORKSPACE, &[&sample.workspace])?
        .column(Column::ACTION, &[&sample.action])?
        .column(Column::OUTCOME, &["success"])?
        .column(Column::SEVERITY, &["info", "warning"])?
        .occurred(days(day, 7))
        .into_expr();
    timed("Q4", format!("{} in {}, 7 days: newest 50 and the exact total", sample.action, sample.workspace), || {
        let found = rows(reader, filter.clone(), Order::Newest, 50)?;
        let total = reader.count(&filter)?;
        Ok(format!("{found} of {}", thousands(total)))
    })
}

fn counts(reader: &LedgerReader, day: i64) -> Outcome<Asked> {
    let filter = Filters::new().occurred(days(day, 7)).into_expr().and(Expr::events());
    timed("Q5", "counts by severity, by action, by target type, 7 days".to_owned(), || {
        let mut groups = 0;
        for column in [Column::SEVERITY, Column::ACTION, Column::TARGET_TYPE] {
            let by = vec![column.field()];
            groups += reader.stats(&StatsQuery { filter: filter.clone(), by, bucket: None })?.len();
        }
        Ok(format!("{groups} groups"))
    })
}

fn failures(reader: &LedgerReader) -> Outcome<Asked> {
    let filter = Filters::new().column(Column::OUTCOME, &["failure"])?.into_expr();
    timed("Q6", "outcome failure, newest 1,000 full rows".to_owned(), || {
        rows(reader, filter.clone(), Order::Newest, 1_000).map(rows_text)
    })
}

/// The cursor of page 199 is fetched once, as somebody who pages has it; the page behind it is timed.
fn deep_page(reader: &LedgerReader) -> Outcome<Asked> {
    let mut query = Query { filter: Expr::events(), order: Order::Newest, limit: 50, cursor: None };
    for _ in 1..200 {
        match reader.query(&query)?.next_cursor {
            Some(cursor) => query.cursor = Some(cursor),
            None => break,
        }
    }
    timed("Q7", "page 200 of 50, by cursor".to_owned(), || Ok(rows_text(reader.query(&query)?.rows.len())))
}

/// Counts over everything, as a table of their own.
fn severities(reader: &LedgerReader, story: &mut Story<'_>) -> Outcome {
    let started = Instant::now();
    let by = vec![Column::SEVERITY.field(), Column::OUTCOME.field()];
    let mut counts = reader.stats(&StatsQuery { filter: Expr::events(), by, bucket: None })?;
    let elapsed = started.elapsed();
    counts.sort_by_key(|row| std::cmp::Reverse(row.count));
    let mut table = Table::new(&["severity", "outcome", "events"], story.look);
    for row in counts {
        let mut cells: Vec<Content> =
            row.values.into_iter().map(|value| Content::Untrusted(value.unwrap_or_default())).collect();
        cells.push(Content::Number(thousands(row.count)));
        table.row(cells);
    }
    story.table(&format!("Statistics over everything, {} us, from the index alone", micros(elapsed)), table)
}

fn micros(time: Duration) -> String {
    thousands(time.as_micros() as u64)
}
