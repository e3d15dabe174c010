//! What a question's answer is, by going through all events: slow, and nothing to get wrong.

use std::collections::BTreeMap;

use crate::question::{Answer, MANY, PAGE, Question, time_of};
use indelible::{AuditEvent, Outcome, Severity};

/// The answer over `events`, which ascend by time.
#[must_use]
pub fn by_scan(events: &[AuditEvent], question: &Question) -> Answer {
    let within = |event: &AuditEvent, time: &(i64, i64)| (time.0..time.1).contains(&time_of(event));
    let newest = |limit: usize, skip: usize, pass: &dyn Fn(&AuditEvent) -> bool| -> Vec<AuditEvent> {
        events.iter().rev().filter(|event| pass(event)).skip(skip).take(limit).cloned().collect()
    };
    let mut answer = Answer::default();
    match question {
        Question::Day { workspace, time } => {
            answer.rows = newest(PAGE, 0, &|event| event.workspace == *workspace && within(event, time));
        }
        Question::Critical { actor, actions } => {
            answer.rows = newest(PAGE, 0, &|event| {
                event.actor.id == *actor && event.severity == Severity::Critical && actions.contains(&event.action)
            });
        }
        Question::Chain { correlation } => {
            let own = |event: &&AuditEvent| event.correlation_id.as_deref() == Some(correlation);
            answer.rows = events.iter().filter(own).cloned().collect();
        }
        Question::Total { workspace, action, outcome, severities, time } => {
            let pass = |event: &AuditEvent| {
                event.workspace == *workspace
                    && event.action == *action
                    && event.outcome == *outcome
                    && severities.contains(&event.severity)
                    && within(event, time)
            };
            answer.total = Some(events.iter().filter(|event| pass(event)).count() as u64);
            answer.rows = newest(PAGE, 0, &pass);
        }
        Question::Counts { time } => {
            let mut counts: BTreeMap<String, u64> = BTreeMap::new();
            for event in events.iter().filter(|event| within(event, time)) {
                *counts.entry(format!("severity={}", event.severity)).or_default() += 1;
                *counts.entry(format!("action={}", event.action)).or_default() += 1;
                *counts.entry(format!("target_type={}", event.target.kind)).or_default() += 1;
            }
            answer.counts = counts.into_iter().collect();
        }
        Question::Failures { before } => {
            answer.rows = newest(MANY, 0, &|event| event.outcome == Outcome::Failure && time_of(event) < *before);
        }
        Question::Deep { workspace, before, depth } => {
            let own = |event: &AuditEvent| event.workspace == *workspace && time_of(event) < *before;
            answer.rows = newest(PAGE, *depth, &own);
        }
    }
    answer
}
