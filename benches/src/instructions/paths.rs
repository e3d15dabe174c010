//! The hot paths: each prepares what it needs, then runs its work inside [`measured`].

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use indelible::{AuditEvent, CreateOptions, Ledger, LedgerReader, Options, ReadOptions, Schedule, VerifyOptions};
use indelible_engine::step::StepLog;
use indelible_engine::world::storage::Access;
use indelible_engine::{Draft, LogConfig};
use indelible_evidence::commit::commit_frame;
use indelible_evidence::key::SigningKey;
use indelible_format::frame::{FrameEncoder, FrameOptions, FrameReader};
use indelible_format::segment::TermTable;
use indelible_index::{KeyChunk, KeyChunkBuilder, RowKeys, build_run, fingerprint};
use indelible_tools::workload::Workload;

use super::measured;
use crate::ask;
use crate::load::create;
use crate::low_rate::draft;
use crate::question::{draw, time_of};
use crate::sample::{Frame, SEED};

type Outcome = Result<u64, Box<dyn Error + Send + Sync>>;

/// Names, what is counted, and what one unit is.
pub const PATHS: [(&str, &str, &str); 9] = [
    ("emit", "encode an event, into the ring (the caller's thread)", "event"),
    ("journal", "records into journal groups, written and synced", "event"),
    ("framing", "frames of synced records: hashes, columns, terms, index keys, written", "event"),
    ("commit", "salts, leaves, trees and root of a full frame", "event"),
    ("encode", "columns of a full frame", "event"),
    ("run", "an index run of 65,536 records, or of all there are", "event"),
    ("rows", "rows of a full frame, one after the other", "row"),
    ("q1", "workspace and day, newest 50", "question"),
    ("verify", "everything verified, one thread", "event"),
];

/// Runs a path over about `events` events in `dir`, which is empty; gives the number of units.
///
/// # Errors
/// The log's own, and a name that is none.
pub fn run(path: &str, events: u64, dir: &Path) -> Outcome {
    let log = dir.join("log");
    match path {
        "emit" => emit(&log, events),
        "journal" => steps(&log, events, true),
        "framing" => steps(&log, events, false),
        "commit" => {
            let frame = Frame::of_workload();
            repeat(events, || commit_frame(&frame.facts, &frame.refs(), &[3; 32]).map(drop))
        }
        "encode" => encode(events),
        "run" => index_run(events),
        "rows" => rows(events),
        "q1" => q1(&log, events),
        "verify" => verified(&log, events),
        _ => Err(format!("no path is named {path}").into()),
    }
}

/// Work on a full frame again and again, until about so many events have gone by.
fn repeat<E: Error + Send + Sync + 'static>(events: u64, mut work: impl FnMut() -> Result<(), E>) -> Outcome {
    let times = (events / 128).max(1);
    measured(|| (0..times).try_for_each(|_| work()))?;
    Ok(times * 128)
}

fn emit(log: &Path, events: u64) -> Outcome {
    let ledger = create(log, Options::default())?;
    let events: Vec<AuditEvent> = Workload::new(SEED, events).collect();
    let count = events.len() as u64;
    measured(|| events.into_iter().try_for_each(|event| ledger.emit(event).map(drop)))?;
    ledger.close()?;
    Ok(count)
}

/// The writer's half, or the framer's, by hand.
fn steps(log: &Path, events: u64, journal: bool) -> Outcome {
    let key = log.with_extension("key");
    let origin = Some("example.org/count".to_owned());
    Ledger::create(log, &CreateOptions { origin, sign_key_file: Some(key.clone()) })?;
    let mut config = LogConfig::at(log, Access::ReadWrite)?;
    config.signer = Some(Arc::new(SigningKey::from_text(&std::fs::read_to_string(key)?)?));
    let mut steps = StepLog::open(config)?;
    let schedule = Schedule::default();
    let drafts = Workload::new(SEED, events).map(|event| draft(&event, schedule.class_of(event.severity)));
    let mut drafts: Vec<Draft> = drafts.collect();
    let mut groups: Vec<Vec<Draft>> = Vec::new();
    while !drafts.is_empty() {
        let rest = drafts.split_off(drafts.len().min(1_000));
        groups.push(std::mem::replace(&mut drafts, rest));
    }
    let mut append = || -> Result<(), indelible_engine::Error> {
        for group in std::mem::take(&mut groups) {
            steps.append(group)?;
            steps.sync()?;
        }
        Ok(())
    };
    if journal {
        measured(append)?;
    } else {
        append()?;
        measured(|| steps.frame(true))?;
    }
    steps.close()?;
    Ok(events)
}

fn encode(events: u64) -> Outcome {
    let frame = Frame::of_workload();
    let slots: Vec<_> = frame.refs().into_iter().map(Some).collect();
    let (mut encoder, mut terms) = (FrameEncoder::new(FrameOptions::default()), TermTable::new());
    repeat(events, || encoder.encode(&frame.descriptor, &frame.salts, &slots, &mut terms).map(drop))
}

fn rows(events: u64) -> Outcome {
    let frame = Frame::of_workload();
    let slots: Vec<_> = frame.refs().into_iter().map(Some).collect();
    let mut terms = TermTable::new();
    let payload =
        FrameEncoder::new(FrameOptions::default()).encode(&frame.descriptor, &frame.salts, &slots, &mut terms)?;
    let reader = FrameReader::open(&payload)?;
    repeat(events, || {
        let mut cursor = reader.cursor();
        (0..reader.rows())
            .try_for_each(|row| cursor.record(row, &terms).map(|record| drop(std::hint::black_box(record))))
    })
}

fn index_run(events: u64) -> Outcome {
    let chunks = chunks(events.min(1 << 16))?;
    let run = measured(|| build_run(&chunks))?;
    std::hint::black_box(run);
    Ok(chunks.iter().map(|chunk| u64::from(chunk.rows())).sum())
}

/// Keys of the workload's columns, as a segment gives them out: ordinals by first use, fingerprints of ids.
fn chunks(events: u64) -> Result<Vec<Arc<KeyChunk>>, Box<dyn Error + Send + Sync>> {
    let mut terms: HashMap<(usize, String), u32> = HashMap::new();
    let mut counts = [0_u32; 11];
    let mut key = |column: usize, value: &str| {
        *terms.entry((column, value.to_owned())).or_insert_with(|| {
            let count = counts.get_mut(column);
            count.map_or(0, |count| {
                *count += 1;
                *count
            })
        })
    };
    let (mut chunks, mut builder) = (Vec::new(), KeyChunkBuilder::new(0));
    for (event, number) in Workload::new(SEED, events).zip(0_u32..) {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let keys = [
            key(0, &event.workspace),
            key(1, &text(&event.lane)),
            0,
            key(3, &event.action),
            event.severity.code().into(),
            event.outcome.code().into(),
            event.actor.kind.code().into(),
            key(7, &event.target.kind),
            key(8, &event.actor.id),
            key(9, &event.target.id),
            key(10, &text(&event.session)),
            fingerprint(text(&event.id).as_bytes()).get(),
            fingerprint(text(&event.correlation_id).as_bytes()).get(),
            1,
        ];
        builder.push_row(&RowKeys { keys, occurred: time_of(&event), recorded: time_of(&event) })?;
        if (number + 1) % 128 == 0 || u64::from(number) + 1 == events {
            let full = std::mem::replace(&mut builder, KeyChunkBuilder::new(number + 1));
            chunks.push(Arc::new(full.finish()?));
        }
    }
    Ok(chunks)
}

/// Loads without measuring: the clock of CPU time is read through a page that valgrind takes away.
fn loaded(log: &Path, events: u64) -> Result<Vec<AuditEvent>, Box<dyn Error + Send + Sync>> {
    let events: Vec<AuditEvent> = Workload::new(SEED, events).collect();
    let ledger = create(log, Options::default())?;
    events.iter().cloned().try_for_each(|event| ledger.emit(event).map(drop))?;
    ledger.close()?;
    Ok(events)
}

fn q1(log: &Path, events: u64) -> Outcome {
    let events = loaded(log, events)?;
    let reader = LedgerReader::open(log, &ReadOptions::default())?;
    let questions = draw(0, 20, &events, SEED);
    let ready = questions.iter().map(|question| ask::prepare(&reader, question)).collect::<Result<Vec<_>, _>>()?;
    ready.iter().try_for_each(|ready| ask::answer(&reader, ready).map(drop))?;
    measured(|| ready.iter().try_for_each(|ready| ask::answer(&reader, ready).map(drop)))?;
    Ok(ready.len() as u64)
}

fn verified(log: &Path, events: u64) -> Outcome {
    let events = loaded(log, events)?;
    let options = VerifyOptions { threads: 1, ..VerifyOptions::default() };
    let report = measured(|| indelible::verify(log, &options, &mut |_| {}))?;
    if report.is_intact() { Ok(events.len() as u64) } else { Err("the log that was just written is damaged".into()) }
}
