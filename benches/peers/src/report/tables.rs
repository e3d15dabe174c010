//! The tables, as Markdown.

use std::fmt::{Error, Write as _};

use indelible_benches::question::KINDS;

use super::figures::{KIND_COUNT, Spread, Store, at, ours};
use crate::rounds::{Measured, grouped};

type Text = Result<String, Error>;

fn whole(value: f64) -> String {
    grouped(value.round().max(0.0) as u64)
}

/// A value with its extremes, by a way to write one.
fn spread(spread: Option<Spread>, write: impl Fn(f64) -> String) -> String {
    spread.map_or_else(
        || "-".to_owned(),
        |spread| format!("{} ({} to {})", write(spread.median), write(spread.low), write(spread.high)),
    )
}

fn short(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value if value >= 1.0 => format!("{value:.2}"),
        value => format!("{value:.3}"),
    }
}

/// Rates, sizes, opens.
pub fn ingest(stores: &[Store<'_>]) -> Text {
    let mut text = String::new();
    writeln!(
        text,
        "| store | durable | keeps | runs | events/s, median (least to most) | ours is | CPU us an event | bytes an event | open to first answer, ms |"
    )?;
    writeln!(text, "|---|---|---|---|---|---|---|---|---|")?;
    let own = ours(stores).and_then(Store::rate).map_or(0.0, |rate| rate.median);
    for store in stores {
        let rate = store.rate();
        let ratio = rate.map_or_else(|| "-".to_owned(), |rate| format!("{:.2} x", own / rate.median));
        // What only appends is a limit, not a rival.
        let lost = rate.is_some_and(|rate| rate.median > own * 1.0001) && store.open().is_some();
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {}{ratio} | {} | {} | {} |",
            store.name,
            store.durability,
            store.keeps,
            store.runs(),
            spread(rate, whole),
            if lost { "**behind** " } else { "" },
            store.cpu().map_or_else(|| "-".to_owned(), |cpu| short(cpu.median)),
            store.size().map_or_else(|| "-".to_owned(), |size| format!("{:.1}", size.median)),
            spread(store.open(), short),
        )?;
    }
    Ok(text)
}

/// Latencies of all kinds of questions.
pub fn queries(stores: &[Store<'_>]) -> Text {
    let mut text = String::new();
    let asked: Vec<&Store<'_>> = stores.iter().filter(|store| store.query(0, 0.5).is_some()).collect();
    writeln!(text, "| store | {} |", KINDS.join(" | "))?;
    writeln!(text, "|---|{}", "---|".repeat(KIND_COUNT))?;
    for store in &asked {
        write!(text, "| {} |", store.name)?;
        for kind in 0..KIND_COUNT {
            let (Some(half), Some(most)) = (store.query(kind, 0.5), store.query(kind, 0.95)) else {
                write!(text, " - |")?;
                continue;
            };
            let own = ours(stores).and_then(|ours| ours.query(kind, 0.5)).map_or(0.0, |own| own.median);
            let ratio = if own > 0.0 { half.median / own } else { 0.0 };
            let mark = if ratio < 1.0 { "**" } else { "" };
            write!(text, " {} / {} ({mark}{}{mark}) |", short(half.median), short(most.median), short(ratio))?;
        }
        writeln!(text)?;
    }
    let few: Vec<String> = asked
        .iter()
        .flat_map(|store| (0..KIND_COUNT).map(move |kind| (store, kind)))
        .filter(|(store, kind)| store.questions(*kind) < ours(stores).map_or(0, |ours| ours.questions(*kind)))
        .map(|(store, kind)| format!("{} {} {}", store.name, KINDS[kind], store.questions(kind)))
        .collect();
    if !few.is_empty() {
        writeln!(text, "\nWho is slow answered fewer questions in the time there is: {}.", few.join("; "))?;
    }
    let compared: usize = asked.iter().map(|store| store.compared()).sum();
    writeln!(
        text,
        "\n{} answers were compared row by row with those of a scan over all events, totals and counts included; a store that \
         answers otherwise has no times here.",
        grouped(compared as u64)
    )?;
    Ok(text)
}

/// Spread of our own questions over the runs.
pub fn own_queries(stores: &[Store<'_>]) -> Text {
    let mut text = String::new();
    let Some(ours) = ours(stores) else { return Ok(text) };
    writeln!(text, "| | p50 ms, median (least to most run) | p95 ms, median (least to most run) | worst ms |")?;
    writeln!(text, "|---|---|---|---|")?;
    for (kind, name) in KINDS.iter().enumerate() {
        let worst = ours.query(kind, 1.0).map_or_else(|| "-".to_owned(), |worst| short(worst.high));
        writeln!(
            text,
            "| {name} | {} | {} | {worst} |",
            spread(ours.query(kind, 0.5), short),
            spread(ours.query(kind, 0.95), short)
        )?;
    }
    Ok(text)
}

/// Single durable commits.
pub fn singles(all: &Measured) -> Text {
    let mut text = String::new();
    writeln!(text, "| | p50 us | p99 us | p50 to the raw file's | p99 to the raw file's | commits |")?;
    writeln!(text, "|---|---|---|---|---|---|")?;
    let raw = all.singles.first().map(|raw| (at(&raw.micros, 0.5), at(&raw.micros, 0.99))).unwrap_or((1.0, 1.0));
    for run in &all.singles {
        let (half, most) = (at(&run.micros, 0.5), at(&run.micros, 0.99));
        let (a, b) = (short(half / raw.0), short(most / raw.1));
        writeln!(text, "| {} | {half:.0} | {most:.0} | {a} x | {b} x | {} |", run.name, run.micros.len())?;
    }
    Ok(text)
}

/// What a caller of emit waits for.
pub fn emits(all: &Measured) -> Text {
    let mut text = String::new();
    writeln!(text, "| producers | p50 ns | p99 ns | p99.9 ns | worst ns |")?;
    writeln!(text, "|---|---|---|---|---|")?;
    for producers in [1, 4, 16] {
        let mark = |place: usize| {
            let of = all.emits.iter().filter(|run| run.producers == producers);
            spread(Spread::of(of.filter_map(|run| run.marks.get(place)).map(|nanos| *nanos as f64)), whole)
        };
        writeln!(text, "| {producers} | {} | {} | {} | {} |", mark(0), mark(1), mark(2), mark(3))?;
    }
    Ok(text)
}

/// Checks of everything.
pub fn verify(all: &Measured, stores: &[Store<'_>]) -> Text {
    let mut text = String::new();
    writeln!(text, "| | threads | seconds, median (least to most) | GB/s of content |")?;
    writeln!(text, "|---|---|---|---|")?;
    for store in stores {
        for threads in [1, 2] {
            let Some((took, rate)) = store.verify(threads) else { continue };
            // Only ours divides the work.
            if threads > 1 && store.key != "indelible" {
                continue;
            }
            writeln!(
                text,
                "| {} | {threads} | {} | {:.2} |",
                store.name,
                spread(Some(took), short),
                rate.median / 1e9
            )?;
        }
    }
    for (threads, rate) in &all.chain {
        writeln!(text, "| limit: chain, from memory | {threads} | - | {:.2} |", rate / 1e9)?;
    }
    Ok(text)
}

/// Purges.
pub fn purges(stores: &[Store<'_>]) -> Text {
    let mut text = String::new();
    writeln!(
        text,
        "| store | steps, s | together, s | info events removed | expired that stay | bytes an event before, after |"
    )?;
    writeln!(text, "|---|---|---|---|---|---|")?;
    let mut none = Vec::new();
    for store in stores.iter().filter(|store| store.query(0, 0.5).is_some()) {
        let Some(purge) = store.purge() else {
            none.push(store.name);
            continue;
        };
        let steps: Vec<String> = purge.steps.iter().map(|(name, took)| format!("{name} {}", short(*took))).collect();
        let together: f64 = purge.steps.iter().map(|(_, took)| took).sum();
        let before = store.size().map_or(0.0, |size| size.median);
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {before:.0}, {:.0} |",
            store.name,
            steps.join(", "),
            short(together),
            grouped(purge.removed),
            if purge.left > 0 { format!("**{}**", grouped(purge.left)) } else { "0".to_owned() },
            purge.bytes as f64 / store.events()
        )?;
    }
    if !none.is_empty() {
        writeln!(text, "\nNot measured: {}.", none.join(", "))?;
    }
    Ok(text)
}

/// Bytes by part.
pub fn parts(stores: &[Store<'_>]) -> Text {
    let mut text = String::new();
    let parts = ours(stores).map(Store::parts).unwrap_or_default();
    writeln!(text, "| part | bytes an event | of which |")?;
    writeln!(text, "|---|---|---|")?;
    let mut whole: Vec<&(String, f64)> = parts.iter().filter(|(name, _)| !name.contains(": ")).collect();
    whole.sort_by(|one, two| two.1.total_cmp(&one.1));
    for (name, bytes) in whole.iter().filter(|(_, bytes)| *bytes >= 0.005) {
        let inside = format!("{name}: ");
        let mut of: Vec<(&str, f64)> =
            parts.iter().filter_map(|(part, bytes)| Some((part.strip_prefix(&inside)?, *bytes))).collect();
        of.sort_by(|one, two| two.1.total_cmp(&one.1));
        let of: Vec<String> = of.iter().map(|(part, bytes)| format!("{part} {bytes:.2}")).collect();
        writeln!(text, "| {name} | {bytes:.2} | {} |", of.join(", "))?;
    }
    Ok(text)
}

/// The cost curve.
pub fn curve(all: &Measured) -> Text {
    let mut text = String::new();
    writeln!(
        text,
        "| events | events/s | slowest to fastest stage | CPU us an event | bytes an event | peak memory, MiB | open ms | verify GB/s | {} |",
        KINDS.join(" | ")
    )?;
    writeln!(text, "|---|---|---|---|---|---|---|---|{}", "---|".repeat(KIND_COUNT))?;
    for run in &all.curve {
        let count = run.events as f64;
        let took: f64 = run.stages.iter().map(|(_, took)| took).sum();
        let stages = Spread::of(run.stages.iter().map(|(events, took)| *events as f64 / took));
        let memory = all.memory.iter().find(|(events, _)| *events == run.events);
        let open = Spread::of(run.opens.iter().copied()).map_or(0.0, |open| open.median);
        write!(
            text,
            "| {} | {} | {} | {} | {:.1} | {} | {} | {:.2} |",
            grouped(run.events),
            whole(count / took),
            stages.map_or_else(|| "-".to_owned(), |stages| format!("{} to {}", whole(stages.low), whole(stages.high))),
            short(run.cpu * 1e6 / count),
            run.bytes as f64 / count,
            memory.map_or_else(|| "-".to_owned(), |(_, bytes)| whole(*bytes as f64 / f64::from(1 << 20))),
            short(open),
            run.verify.1 as f64 / run.verify.0.max(1e-9) / 1e9,
        )?;
        for took in &run.queries {
            write!(text, " {} / {} |", short(at(took, 0.5)), short(at(took, 0.95)))?;
        }
        writeln!(text)?;
    }
    Ok(text)
}

/// Instructions of the hot paths.
pub fn instructions(all: &Measured) -> Text {
    let mut text = String::new();
    if all.instructions.is_empty() {
        writeln!(text, "Not counted: valgrind was not there.")?;
        return Ok(text);
    }
    writeln!(text, "| path | instructions | for each |\n|---|---|---|")?;
    for (path, what, unit) in indelible_benches::instructions::PATHS {
        if let Some((_, each)) = all.instructions.iter().find(|(name, _)| name == path) {
            writeln!(text, "| {what} | {} | {unit} |", whole(*each))?;
        }
    }
    Ok(text)
}
