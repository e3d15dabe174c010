//! Questions over a store that only has ordered keys: index entries kept by hand, rows fetched and checked.
//!
//! ```text
//! index key   column u8 | value | 00 | time, 8 big-endian | row number, 8 big-endian       row   number -> encoded event
//! ```

use std::collections::BTreeMap;

use indelible::{AuditEvent, Severity};
use indelible_benches::question::{Answer, MANY, PAGE, Question, time_of};

use super::Result;

/// An ordered store, open for reading.
pub trait Ordered {
    /// Calls `with` on the keys in `from..to`, last first where `newest`, until it says stop.
    fn scan(&self, from: &[u8], to: &[u8], newest: bool, with: &mut dyn FnMut(&[u8]) -> Result<bool>) -> Result<()>;

    /// The row with this number.
    fn row(&self, number: u64) -> Result<AuditEvent>;
}

const TIME: u8 = 0;
const WORKSPACE: u8 = 1;
const ACTOR: u8 = 4;
const OUTCOME: u8 = 8;
const SEVERITY: u8 = 9;
const CORRELATION: u8 = 10;

/// Index keys of an event.
pub fn index_keys(event: &AuditEvent, number: u64) -> Vec<Vec<u8>> {
    let code = |code: u8| String::from(char::from(b'0' + code));
    let values: [&str; 11] = [
        "",
        &event.workspace,
        event.lane.as_deref().unwrap_or(""),
        event.session.as_deref().unwrap_or(""),
        &event.actor.id,
        &event.action,
        &event.target.kind,
        &event.target.id,
        &code(event.outcome.code()),
        &code(event.severity.code()),
        event.correlation_id.as_deref().unwrap_or(""),
    ];
    (0u8..)
        .zip(values)
        .map(|(column, value)| {
            let mut key = bound(column, value, time_of(event));
            key.extend_from_slice(&number.to_be_bytes());
            key
        })
        .collect()
}

/// The first key of a value at or after a time.
fn bound(column: u8, value: &str, time: i64) -> Vec<u8> {
    let mut key = vec![column];
    key.extend_from_slice(value.as_bytes());
    key.push(0);
    // Times of the workload are positive, so big-endian bytes sort as they do.
    key.extend_from_slice(&time.to_be_bytes());
    key
}

fn number_of(key: &[u8]) -> u64 {
    key.last_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// Rows of a value in a time range that pass, from one end.
fn rows(
    store: &dyn Ordered,
    (column, value): (u8, &str),
    time: (i64, i64),
    newest: bool,
    limit: usize,
    pass: &dyn Fn(&AuditEvent) -> bool,
) -> Result<Vec<AuditEvent>> {
    let mut found = Vec::new();
    store.scan(&bound(column, value, time.0), &bound(column, value, time.1), newest, &mut |key| {
        let event = store.row(number_of(key))?;
        if pass(&event) {
            found.push(event);
        }
        Ok(found.len() < limit)
    })?;
    Ok(found)
}

/// Of Q7: the time of the last row of the page before.
pub fn prepare(store: &dyn Ordered, question: &Question) -> Result<Option<i64>> {
    let Question::Deep { workspace, before, depth } = question else { return Ok(None) };
    let (from, to) = (bound(WORKSPACE, workspace, 0), bound(WORKSPACE, workspace, *before));
    let (mut seen, mut last) = (0, None);
    store.scan(&from, &to, true, &mut |key| {
        seen += 1;
        last = key.get(key.len() - 16..).and_then(|rest| rest.first_chunk::<8>()).map(|time| i64::from_be_bytes(*time));
        Ok(seen < *depth)
    })?;
    Ok(last)
}

/// What a purge removes: row number and index keys of each info event before `cutoff`.
pub fn expired(store: &dyn Ordered, cutoff: i64) -> Result<Vec<(u64, Vec<Vec<u8>>)>> {
    let code = String::from(char::from(b'0' + Severity::Info.code()));
    let mut found = Vec::new();
    store.scan(&bound(SEVERITY, &code, 0), &bound(SEVERITY, &code, cutoff), false, &mut |key| {
        let number = number_of(key);
        found.push((number, index_keys(&store.row(number)?, number)));
        Ok(true)
    })?;
    Ok(found)
}

/// Answers a question.
pub fn answer(store: &dyn Ordered, question: &Question, cursor: Option<i64>) -> Result<Answer> {
    let all: &dyn Fn(&AuditEvent) -> bool = &|_| true;
    let mut answer = Answer::default();
    match question {
        Question::Day { workspace, time } => {
            answer.rows = rows(store, (WORKSPACE, workspace), *time, true, PAGE, all)?;
        }
        Question::Critical { actor, actions } => {
            let pass = |event: &AuditEvent| event.severity == Severity::Critical && actions.contains(&event.action);
            answer.rows = rows(store, (ACTOR, actor), (0, i64::MAX), true, PAGE, &pass)?;
        }
        Question::Chain { correlation } => {
            answer.rows = rows(store, (CORRELATION, correlation), (0, i64::MAX), false, usize::MAX, all)?;
        }
        Question::Total { workspace, action, outcome, severities, time } => {
            let pass = |event: &AuditEvent| {
                event.action == *action && event.outcome == *outcome && severities.contains(&event.severity)
            };
            answer.rows = rows(store, (WORKSPACE, workspace), *time, true, usize::MAX, &pass)?;
            answer.total = Some(answer.rows.len() as u64);
            answer.rows.truncate(PAGE);
        }
        Question::Counts { time } => {
            let mut counts: BTreeMap<String, u64> = BTreeMap::new();
            store.scan(&bound(TIME, "", time.0), &bound(TIME, "", time.1), false, &mut |key| {
                let event = store.row(number_of(key))?;
                let values = [
                    format!("severity={}", event.severity),
                    format!("action={}", event.action),
                    format!("target_type={}", event.target.kind),
                ];
                values.into_iter().for_each(|value| *counts.entry(value).or_default() += 1);
                Ok(true)
            })?;
            answer.counts = counts.into_iter().collect();
        }
        Question::Failures { before } => {
            let code = String::from(char::from(b'0' + indelible::Outcome::Failure.code()));
            answer.rows = rows(store, (OUTCOME, &code), (0, *before), true, MANY, all)?;
        }
        Question::Deep { workspace, .. } => {
            if let Some(cursor) = cursor {
                answer.rows = rows(store, (WORKSPACE, workspace), (0, cursor), true, PAGE, all)?;
            }
        }
    }
    Ok(answer)
}
