//! The budgets, each met or missed.
//!
//! Numbers of the goals are those of the design; a goal that cannot be measured here says so and is not left out.

use std::fmt::{Error, Write as _};

use super::figures::{Spread, Store, at, ours};
use crate::rounds::{Measured, grouped};

/// p50 and p95 goals of the questions at a million events, ms.
const QUERIES: [(Option<f64>, f64); 7] = [
    (Some(0.2), 0.5),
    (Some(0.18), 0.7),
    (Some(0.06), 0.1),
    (Some(0.5), 1.0),
    (None, 1.0),
    (None, 3.0),
    (Some(0.2), 0.5),
];
/// Events that the goals are for.
const MILLION: u64 = 1_000_000;
/// Events at which questions may take three times as long.
const TEN_MILLION: u64 = 10_000_000;

/// Which side of the goal is good.
#[derive(Clone, Copy)]
enum Goal {
    Least(f64),
    Most(f64),
}

struct Line {
    what: String,
    goal: String,
    measured: String,
    met: Option<bool>,
}

struct Lines(Vec<Line>);

impl Lines {
    fn add(&mut self, what: impl Into<String>, goal: Goal, unit: &str, measured: Option<f64>) {
        let (sign, limit) = match goal {
            Goal::Least(limit) => (">=", limit),
            Goal::Most(limit) => ("<=", limit),
        };
        let met = measured.map(|value| match goal {
            Goal::Least(limit) => value >= limit,
            Goal::Most(limit) => value <= limit,
        });
        let measured = measured.map_or_else(|| "-".to_owned(), |value| format!("{} {unit}", number(value)));
        self.0.push(Line { what: what.into(), goal: format!("{sign} {} {unit}", number(limit)), measured, met });
    }
}

fn number(value: f64) -> String {
    match value {
        value if value >= 10_000.0 => grouped(value.round() as u64),
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.3}").trim_end_matches('0').trim_end_matches('.').to_owned(),
    }
}

/// The table, and how many of the goals are met.
pub fn table(all: &Measured, stores: &[Store<'_>]) -> Result<String, Error> {
    let mut lines = Lines(Vec::new());
    ingest(all, stores, &mut lines);
    size(all, stores, &mut lines);
    questions(all, stores, &mut lines);
    rest(all, stores, &mut lines);
    let mut text = String::new();
    let met = lines.0.iter().filter(|line| line.met == Some(true)).count();
    let judged = lines.0.iter().filter(|line| line.met.is_some()).count();
    writeln!(text, "{met} of {judged} goals are met in this run.\n")?;
    if all.events != MILLION {
        writeln!(text, "The goals are for {} events; this run had {}.\n", grouped(MILLION), grouped(all.events))?;
    }
    writeln!(text, "| goal | at | measured | |\n|---|---|---|---|")?;
    for line in &lines.0 {
        let said = match line.met {
            Some(true) => "met",
            Some(false) => "**missed**",
            None => "not measured",
        };
        writeln!(text, "| {} | {} | {} | {said} |", line.what, line.goal, line.measured)?;
    }
    Ok(text)
}

fn median(spread: Option<Spread>) -> Option<f64> {
    spread.map(|spread| spread.median)
}

fn ingest(all: &Measured, stores: &[Store<'_>], lines: &mut Lines) {
    for producers in [1, 4, 16] {
        let mark = |place: usize| {
            let of = all.emits.iter().filter(|run| run.producers == producers);
            median(Spread::of(of.filter_map(|run| run.marks.get(place)).map(|nanos| *nanos as f64)))
        };
        lines.add(format!("emit p50, 200,000/s from {producers}"), Goal::Most(350.0), "ns", mark(0));
        lines.add(format!("emit p99, 200,000/s from {producers}"), Goal::Most(1_000.0), "ns", mark(1));
    }
    let rate = |key: &str| stores.iter().find(|store| store.key == key).and_then(|store| median(store.rate()));
    let own = rate("indelible");
    lines.add("sustained ingest, one producer, events/s", Goal::Least(500_000.0), "", own);
    let against = [
        ("SQLite FULL with chain", "sqlite-full-chain", 25.0),
        ("Quipu's store", "quipu-store", 6.0),
        ("Quipu's pipeline", "quipu-pipeline", 8.0),
        ("the append + chain + zstd limit", "append-chain-zstd", 0.5),
    ];
    for (name, key, goal) in against {
        let ratio = own.zip(rate(key)).map(|(ours, theirs)| ours / theirs);
        lines.add(format!("ingest to {name}"), Goal::Least(goal), "x", ratio);
    }
    lines.add("CPU an event, all threads", Goal::Most(2.0), "us", ours(stores).and_then(|ours| median(ours.cpu())));
    let largest = all.curve.last().filter(|run| run.stages.len() > 2);
    let sag = largest.and_then(|run| {
        let rates = || run.stages.iter().map(|(events, took)| *events as f64 / took);
        let half = run.stages.len() / 2;
        let (first, last) = (Spread::of(rates().take(half))?, Spread::of(rates().skip(half))?);
        Some(last.median / first.median)
    });
    let name = largest.map_or(TEN_MILLION, |run| run.events);
    lines.add(format!("rate in the second half of {} to the first", grouped(name)), Goal::Least(0.9), "x", sag);
    let (raw, own) = (all.singles.first(), all.singles.iter().find(|run| run.name == "Indelible"));
    for (name, share, goal) in [("p50", 0.5, 1.5), ("p99", 0.99, 3.0)] {
        let ratio = raw.zip(own).map(|(raw, own)| at(&own.micros, share) / at(&raw.micros, share));
        lines.add(format!("single durable event, {name} to a raw append + fdatasync"), Goal::Most(goal), "x", ratio);
    }
    let peak = all.memory.iter().map(|(_, bytes)| *bytes).max().map(|bytes| bytes as f64 / f64::from(1 << 20));
    lines.add("resident memory while ingesting, generator included", Goal::Most(256.0), "MiB", peak);
}

fn size(all: &Measured, stores: &[Store<'_>], lines: &mut Lines) {
    let size = ours(stores).and_then(|ours| median(ours.size()));
    lines.add("size, everything", Goal::Most(100.0), "bytes an event", size);
    lines.add("size, goal", Goal::Most(80.0), "bytes an event", size);
    let slow = all.low_rate.as_ref().map(|run| run.slow as f64 / run.busy as f64);
    lines.add("size at 100,000 events a day to the busy case", Goal::Most(1.2), "x", slow);
}

fn questions(all: &Measured, stores: &[Store<'_>], lines: &mut Lines) {
    let ours = ours(stores);
    let names = indelible_benches::question::KINDS;
    for (kind, (name, (half, most))) in names.iter().zip(QUERIES).enumerate() {
        let of = |share| ours.and_then(|ours| median(ours.query(kind, share)));
        if let Some(half) = half {
            lines.add(format!("{name} p50"), Goal::Most(half), "ms", of(0.5));
        }
        lines.add(format!("{name} p95"), Goal::Most(most), "ms", of(0.95));
    }
    let ten = all.curve.iter().find(|run| run.events == TEN_MILLION);
    for (kind, (name, (half, most))) in names.iter().zip(QUERIES).enumerate() {
        let of = |share| ten.and_then(|run| run.queries.get(kind)).map(|took| at(took, share));
        if let Some(half) = half {
            lines.add(format!("{name} p50 at 10,000,000"), Goal::Most(3.0 * half), "ms", of(0.5));
        }
        lines.add(format!("{name} p95 at 10,000,000"), Goal::Most(3.0 * most), "ms", of(0.95));
    }
}

fn rest(all: &Measured, stores: &[Store<'_>], lines: &mut Lines) {
    let ours = ours(stores);
    lines.add("open to the first answer", Goal::Most(5.0), "ms", ours.and_then(|ours| median(ours.open())));
    let ten = all.curve.iter().find(|run| run.events == TEN_MILLION);
    let open = ten.and_then(|run| median(Spread::of(run.opens.iter().copied())));
    lines.add("open to the first answer at 10,000,000", Goal::Most(5.0), "ms", open);
    let crash = median(Spread::of(all.crashes.iter().map(|run| run.opened)));
    lines.add("open for writing after a crash, recovered, to the first answer", Goal::Most(100.0), "ms", crash);
    let verify = ours.and_then(|ours| ours.verify(2)).map(|(_, rate)| rate.median / 1e9);
    lines.add("full verification, canonical bytes, 2 threads", Goal::Least(1.0), "GB/s", verify);
    let purge = ours.and_then(Store::purge).map(|purge| purge.steps.iter().map(|(_, took)| took).sum());
    lines.add("purge of 45 % of the records, space given back", Goal::Most(1.5), "s", purge);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_that_was_not_measured_is_not_met() {
        let text = table(&Measured::default(), &[]).expect("writing into a string");
        assert!(text.starts_with("0 of 0 goals") && text.contains("| not measured |") && !text.contains("| met |"));
        let mut lines = Lines(Vec::new());
        lines.add("a", Goal::Most(5.0), "ms", Some(5.0));
        lines.add("b", Goal::Least(5.0), "ms", Some(4.9));
        assert_eq!(lines.0.iter().map(|line| line.met).collect::<Vec<_>>(), [Some(true), Some(false)]);
    }
}
