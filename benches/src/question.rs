//! The questions that every store is asked, drawn from values that occur, and what an answer is.
//!
//! | | |
//! |---|---|
//! | Q1 | workspace and one day, newest 50 |
//! | Q2 | actor, any of 3 actions, severity critical, newest 50 |
//! | Q3 | all events of a correlation id, in time order |
//! | Q4 | workspace, action, outcome, any of 2 severities, 7 days: newest 50 and the exact total |
//! | Q5 | counts by severity, by action, by target type over 7 days |
//! | Q6 | outcome failure, newest 1000 full rows before a time |
//! | Q7 | page 200 of 50 of a workspace, by keyset cursor |

use indelible::{AuditEvent, Outcome, Severity, Timestamp};
use indelible_tools::workload::{DAYS, Random, START};

/// Nanoseconds of a day.
pub const DAY: i64 = 86_400_000_000_000;
/// Rows of a page.
pub const PAGE: usize = 50;
/// Rows before the page that Q7 asks for.
pub const DEPTH: usize = 199 * PAGE;
/// Rows of Q6.
pub const MANY: usize = 1_000;

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Newest page of a workspace on a day.
    Day {
        /// Workspace.
        workspace: String,
        /// Half-open range of occurred-at, ns.
        time: (i64, i64),
    },
    /// Newest page of what an actor did, critical only.
    Critical {
        /// Actor id.
        actor: String,
        /// Any of these actions.
        actions: [String; 3],
    },
    /// All events of a correlation id by time.
    Chain {
        /// Correlation id.
        correlation: String,
    },
    /// Newest page and exact total.
    Total {
        /// Workspace.
        workspace: String,
        /// Action.
        action: String,
        /// Outcome.
        outcome: Outcome,
        /// Any of these.
        severities: [Severity; 2],
        /// Half-open range of occurred-at, ns.
        time: (i64, i64),
    },
    /// Counts by severity, by action and by target type.
    Counts {
        /// Half-open range of occurred-at, ns.
        time: (i64, i64),
    },
    /// Newest failures before a time, ns.
    Failures {
        /// First time that no longer counts.
        before: i64,
    },
    /// Page 200 of a workspace before a time, newest first.
    Deep {
        /// Workspace.
        workspace: String,
        /// First time that no longer counts, ns.
        before: i64,
    },
}

/// What a store answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// Full rows in the asked order.
    pub rows: Vec<AuditEvent>,
    /// Exact total, where asked.
    pub total: Option<u64>,
    /// Counts by value, ascending by column and value.
    pub counts: Vec<(String, u64)>,
}

/// Names of the kinds, in order.
pub const KINDS: [&str; 7] = ["Q1", "Q2", "Q3", "Q4", "Q5", "Q6", "Q7"];

/// `each` questions of kind `kind` (0 to 6), the same for the same seed and events.
#[must_use]
pub fn draw(kind: usize, each: usize, events: &[AuditEvent], seed: u64) -> Vec<Question> {
    let mut random = Random::new(seed ^ (kind as u64) << 32);
    (0..each).map(|_| one(kind, events, &mut random)).collect()
}

fn one(kind: usize, events: &[AuditEvent], random: &mut Random) -> Question {
    let any = |random: &mut Random| &events[random.below(events.len() as u64) as usize];
    let event = any(random);
    let week = |random: &mut Random| {
        let from = START.0 + random.below(DAYS - 7) as i64 * DAY;
        (from, from + 7 * DAY)
    };
    let late =
        |random: &mut Random| START.0 + (20 + random.below(DAYS - 20)) as i64 * DAY + random.below(DAY as u64) as i64;
    match kind {
        0 => {
            let at = event.time.map_or(START.0, |time| time.0);
            let from = at - (at - START.0).rem_euclid(DAY);
            Question::Day { workspace: event.workspace.clone(), time: (from, from + DAY) }
        }
        1 => {
            let actions = [event, any(random), any(random)].map(|event| event.action.clone());
            Question::Critical { actor: event.actor.id.clone(), actions }
        }
        2 => Question::Chain { correlation: event.correlation_id.clone().unwrap_or_default() },
        3 => Question::Total {
            workspace: event.workspace.clone(),
            action: event.action.clone(),
            outcome: event.outcome,
            severities: if random.percent(50) {
                [Severity::Info, Severity::Warning]
            } else {
                [Severity::Warning, Severity::Critical]
            },
            time: week(random),
        },
        4 => Question::Counts { time: week(random) },
        5 => Question::Failures { before: late(random) },
        _ => Question::Deep { workspace: event.workspace.clone(), before: late(random) },
    }
}

/// Time of an event, ns.
#[must_use]
pub fn time_of(event: &AuditEvent) -> i64 {
    event.time.unwrap_or(Timestamp(0)).0
}
