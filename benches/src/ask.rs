//! Asks Indelible: a question becomes a filter, rows come back as events.

use std::time::{Duration, Instant};

use indelible::query::{Expr, Test};
use indelible::{LedgerReader, Order, Query, Result, Severity, StatsQuery};
use indelible_evidence::schema::Field;

use crate::measure::{Latencies, thread_cpu};
use crate::question::{Answer, MANY, PAGE, Question};

fn during(time: (i64, i64)) -> Expr {
    Expr::Occurred { from: Some(time.0), to: Some(time.1) }
}

fn newest(filter: Expr, limit: usize, cursor: Option<String>) -> Query {
    Query { filter, order: Order::Newest, limit, cursor }
}

fn codes(field: Field, codes: Vec<u8>) -> Expr {
    Expr::Field(field, Test::Codes(codes))
}

fn severities(wanted: &[Severity]) -> Expr {
    codes(Field::SEVERITY, wanted.iter().map(|severity| severity.code()).collect())
}

/// A question made ready: what is outside the measured time is done.
#[derive(Debug, Clone)]
pub struct Ready {
    filter: Expr,
    limit: usize,
    cursor: Option<String>,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Rows,
    RowsAndTotal,
    Chain(String),
    Counts,
}

/// Makes a question ready; of Q7, finds the cursor of the page before.
///
/// # Errors
/// The log's own.
pub fn prepare(reader: &LedgerReader, question: &Question) -> Result<Ready> {
    let ready = |filter, limit, kind| Ready { filter, limit, cursor: None, kind };
    Ok(match question {
        Question::Day { workspace, time } => {
            ready(Expr::is(Field::WORKSPACE, workspace).and(during(*time)), PAGE, Kind::Rows)
        }
        Question::Critical { actor, actions } => {
            let actions = Expr::Field(Field::ACTION, Test::AnyOf(actions.to_vec()));
            let filter = Expr::is(Field::ACTOR_ID, actor).and(actions).and(severities(&[Severity::Critical]));
            ready(filter, PAGE, Kind::Rows)
        }
        Question::Chain { correlation } => ready(Expr::True, usize::MAX, Kind::Chain(correlation.clone())),
        Question::Total { workspace, action, outcome, severities: wanted, time } => {
            let filter = Expr::is(Field::WORKSPACE, workspace)
                .and(Expr::is(Field::ACTION, action))
                .and(codes(Field::OUTCOME, vec![outcome.code()]))
                .and(severities(wanted))
                .and(during(*time));
            ready(filter, PAGE, Kind::RowsAndTotal)
        }
        Question::Counts { time } => ready(during(*time), 0, Kind::Counts),
        Question::Failures { before } => {
            let failed = codes(Field::OUTCOME, vec![indelible::Outcome::Failure.code()]);
            ready(failed.and(Expr::Occurred { from: None, to: Some(*before) }), MANY, Kind::Rows)
        }
        Question::Deep { workspace, before, depth } => {
            let filter = Expr::is(Field::WORKSPACE, workspace).and(Expr::Occurred { from: None, to: Some(*before) });
            let cursor = reader.query(&newest(filter.clone(), *depth, None))?.next_cursor;
            Ready { filter, limit: PAGE, cursor, kind: Kind::Rows }
        }
    })
}

/// Answers what was made ready.
///
/// # Errors
/// The log's own.
pub fn answer(reader: &LedgerReader, ready: &Ready) -> Result<Answer> {
    let mut answer = Answer::default();
    match &ready.kind {
        Kind::Chain(id) => {
            answer.rows = reader.correlation(id, ready.limit)?.into_iter().map(|row| row.event).collect()
        }
        Kind::Counts => {
            for field in [Field::SEVERITY, Field::ACTION, Field::TARGET_TYPE] {
                let stats = StatsQuery { filter: ready.filter.clone(), by: vec![field], bucket: None };
                for row in reader.stats(&stats)? {
                    let value = row.values.into_iter().next().flatten().unwrap_or_default();
                    answer.counts.push((format!("{}={value}", field.name()), row.count));
                }
            }
            answer.counts.sort_unstable();
        }
        Kind::Rows | Kind::RowsAndTotal => {
            let page = reader.query(&newest(ready.filter.clone(), ready.limit, ready.cursor.clone()))?;
            answer.rows = page.rows.into_iter().map(|row| row.event).collect();
            if matches!(ready.kind, Kind::RowsAndTotal) {
                answer.total = Some(reader.count(&ready.filter)?);
            }
        }
    }
    Ok(answer)
}

/// Times `questions`, each once, after `warm` of them were asked untimed: by the clock, and the CPU time of this thread, which
/// a busy machine changes less.
///
/// # Errors
/// The log's own.
pub fn time(reader: &LedgerReader, questions: &[Question], warm: usize) -> Result<(Latencies, Latencies)> {
    let ready = questions.iter().map(|question| prepare(reader, question)).collect::<Result<Vec<_>>>()?;
    for ready in ready.iter().take(warm) {
        answer(reader, ready)?;
    }
    let mut all: Vec<Duration> = Vec::with_capacity(ready.len());
    let mut spent: Vec<Duration> = Vec::with_capacity(ready.len());
    for ready in &ready {
        let (cpu, start) = (thread_cpu(), Instant::now());
        let answered = answer(reader, ready)?;
        all.push(start.elapsed());
        spent.push(thread_cpu() - cpu);
        drop(answered);
    }
    Ok((Latencies::new(all), Latencies::new(spent)))
}
