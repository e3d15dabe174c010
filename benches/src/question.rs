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
//! | Q7 | page 200 of 50 of a workspace, by keyset cursor; of few events the deepest page that exists |
//!
//! Invariants: the same events and seed give the same questions. Events ascend by time, and no two have the same time, so that
//! every store has one order to answer in.

use std::collections::BTreeMap;

use indelible::{AuditEvent, Outcome, Severity, Timestamp};
use indelible_tools::workload::Random;

/// Nanoseconds of a day.
pub const DAY: i64 = 86_400_000_000_000;
/// Rows of a page.
pub const PAGE: usize = 50;
/// Rows before the page that Q7 asks for, where there are so many.
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
    /// A deep page of a workspace before a time, newest first. There is at least one row on it.
    Deep {
        /// Workspace.
        workspace: String,
        /// First time that no longer counts, ns.
        before: i64,
        /// Rows on the pages before, at least a page of them.
        depth: usize,
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

/// `each` questions of kind `kind` (0 to 6), the same for the same seed and events. Fewer, perhaps none, where the events have
/// nothing to ask for (no correlation ids, no two pages of any workspace).
#[must_use]
pub fn draw(kind: usize, each: usize, events: &[AuditEvent], seed: u64) -> Vec<Question> {
    let mut random = Random::new(seed ^ (kind as u64) << 32);
    if events.is_empty() {
        return Vec::new();
    }
    let span = Span::of(events);
    let pages = if kind == 6 { Pages::of(events, &span) } else { Pages::default() };
    (0..each).filter_map(|_| one(kind, events, &span, &pages, &mut random)).collect()
}

/// The days that events cover.
struct Span {
    /// Midnight (UTC) before the first event, ns.
    start: i64,
    /// Days up to the last event, begun ones included.
    days: i64,
}

impl Span {
    fn of(events: &[AuditEvent]) -> Self {
        let first = events.first().map_or(0, time_of);
        let last = events.last().map_or(0, time_of);
        let start = first - first.rem_euclid(DAY);
        Self { start, days: (last - start) / DAY + 1 }
    }

    /// Seven days, or a quarter of the time where there are no seven.
    fn week(&self, random: &mut Random) -> (i64, i64) {
        let length = if self.days > 7 { 7 * DAY } else { (self.days * DAY / 4).max(1) };
        let room = (self.days * DAY - length) / DAY;
        let from = self.start + random.below(room.max(1).unsigned_abs()) as i64 * DAY;
        (from, from + length)
    }

    /// The first moment of the last third.
    fn late(&self) -> i64 {
        self.start + self.days * DAY * 2 / 3
    }

    /// A moment in the last third of the time.
    fn moment(&self, random: &mut Random) -> i64 {
        self.late() + random.below((self.days * DAY / 3).max(1).unsigned_abs()) as i64
    }
}

/// Workspaces with a page as deep as Q7 asks for.
#[derive(Default)]
struct Pages {
    /// Number of rows before the page.
    depth: usize,
    /// Each with a time: before any later one there are `depth` rows and one more.
    workspaces: BTreeMap<String, i64>,
}

impl Pages {
    fn of(events: &[AuditEvent], span: &Span) -> Self {
        let mut times: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        for event in events {
            times.entry(&event.workspace).or_default().push(time_of(event));
        }
        // Half of the rows of the largest workspace lie before the middle of the last third in any case that matters here.
        let most = times.values().map(|times| times.len() / 2 / PAGE * PAGE).max().unwrap_or(0);
        let depth = DEPTH.min(most);
        let enough = |times: &Vec<i64>| times.get(depth).map(|time| (time + 1).max(span.late()));
        let found = times.iter().filter_map(|(name, times)| Some(((*name).to_owned(), enough(times)?)));
        Self { depth, workspaces: if depth < PAGE { BTreeMap::new() } else { found.collect() } }
    }
}

fn one(kind: usize, events: &[AuditEvent], span: &Span, pages: &Pages, random: &mut Random) -> Option<Question> {
    let any = |random: &mut Random| events.get(random.below(events.len() as u64) as usize);
    let event = any(random)?;
    Some(match kind {
        0 => {
            let at = time_of(event);
            let from = at - at.rem_euclid(DAY);
            Question::Day { workspace: event.workspace.clone(), time: (from, from + DAY) }
        }
        1 => {
            let actions = [event, any(random)?, any(random)?].map(|event| event.action.clone());
            Question::Critical { actor: event.actor.id.clone(), actions }
        }
        2 => Question::Chain { correlation: event.correlation_id.clone()? },
        3 => Question::Total {
            workspace: event.workspace.clone(),
            action: event.action.clone(),
            outcome: event.outcome,
            severities: if random.percent(50) {
                [Severity::Info, Severity::Warning]
            } else {
                [Severity::Warning, Severity::Critical]
            },
            time: span.week(random),
        },
        4 => Question::Counts { time: span.week(random) },
        5 => Question::Failures { before: span.moment(random) },
        _ => deep(event, span, pages, random)?,
    })
}

/// A page that exists: of the workspace of `event` where it is large enough, else of one that is.
fn deep(event: &AuditEvent, span: &Span, pages: &Pages, random: &mut Random) -> Option<Question> {
    let place = random.below(pages.workspaces.len().max(1) as u64) as usize;
    let (workspace, least) =
        pages.workspaces.get_key_value(&event.workspace).or_else(|| pages.workspaces.iter().nth(place))?;
    let before = span.moment(random).max(*least);
    Some(Question::Deep { workspace: workspace.clone(), before, depth: pages.depth })
}

/// Time of an event, ns.
#[must_use]
pub fn time_of(event: &AuditEvent) -> i64 {
    event.time.unwrap_or(Timestamp(0)).0
}

#[cfg(test)]
mod tests {
    use indelible_tools::workload::Workload;

    use super::*;
    use crate::oracle::by_scan;

    #[test]
    fn every_deep_page_exists() {
        for count in [1_000, 20_000, 60_000] {
            let events: Vec<AuditEvent> = Workload::new(3, count).collect();
            let questions = draw(6, 20, &events, 1);
            assert_eq!(questions.len(), 20, "of {count} events");
            for question in questions {
                let rows = by_scan(&events, &question).rows.len();
                assert!(rows > 0, "no rows of {count} events: {question:?}");
            }
        }
    }

    #[test]
    fn nothing_is_asked_of_what_is_not_there() {
        assert_eq!(draw(0, 5, &[], 1), []);
        let mut few: Vec<AuditEvent> = Workload::new(3, 20).collect();
        few.iter_mut().for_each(|event| event.correlation_id = None);
        assert_eq!((draw(2, 5, &few, 1).len(), draw(6, 5, &few, 1).len()), (0, 0));
        assert_eq!(draw(4, 5, &few, 1).len(), 5);
    }
}
