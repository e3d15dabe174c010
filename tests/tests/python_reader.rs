//! The Python reader of `format-spec/reader` on its own tests, on the vectors, and on logs that the engine wrote.
//!
//! ```text
//! Log::emit ... -> directory -> python3 -m indelible_reader --records --json   =   View::query, descriptors, manifest
//! ```
//!
//! The reader shares no code with the codec, so what both agree on is what the prose says. It runs in a virtual
//! environment below the target directory that the first test makes; where python3, venv, pip or the network is missing
//! the tests say so and pass. Not here: damage of every kind (the tamper suite); one flip shows that the reader sees it.

#[path = "../../format-spec/format/tests/vectors/record_json.rs"]
mod record_json;

#[path = "python_reader/python.rs"]
mod python;

#[path = "python_reader/on_disk.rs"]
mod on_disk;

use std::path::Path;
use std::sync::Arc;

use indelible_engine::query::{Expr, Query};
use indelible_engine::world::World;
use indelible_engine::world::clock::ManualClock;
use indelible_engine::world::rng::SeededRng;
use indelible_engine::world::storage::sim::{SimOptions, SimStorage};
use indelible_engine::world::storage::{Access, DirStorage, Storage};
use indelible_engine::{CompactRequest, CreateSpec, Draft, LazyFrame, Log, LogConfig, Options, SegmentTarget};
use indelible_evidence::LogId;
use indelible_evidence::commit::Removal;
use indelible_evidence::key::SigningKey;
use indelible_evidence::record::Record;
use indelible_evidence::schema::{Field, Kind};
use indelible_format::segment::Authority;
use serde_json::Value as Json;

const ORIGIN: &str = "example.com/log";
const LOG_ID: LogId = LogId(*b"\x01\x95\xf3\xa2\x00\x00\x7a\xbc\x8d\xef\x00\x11\x22\x33\x44\x55");

fn key() -> SigningKey {
    SigningKey::generate([3; 32], ORIGIN).expect("an origin that is allowed")
}

fn config(dir: &Path, options: &Options) -> LogConfig {
    config_on(Arc::new(DirStorage::open(dir, Access::Create).expect("directory")), options)
}

fn config_on(storage: Arc<dyn Storage>, options: &Options) -> LogConfig {
    LogConfig {
        world: World {
            storage,
            clock: Arc::new(ManualClock::new(1_800_000_000_000_000_000)),
            rng: Arc::new(SeededRng::new(7)),
        },
        options: options.clone(),
        signer: Some(Arc::new(key())),
        kept: None,
        path: "test".to_owned(),
    }
}

fn create(dir: &Path, options: &Options) -> Log {
    create_on(Arc::new(DirStorage::open(dir, Access::Create).expect("directory")), options)
}

fn create_on(storage: Arc<dyn Storage>, options: &Options) -> Log {
    let schedule = r#"{"version":1,"rules":[{"class":2,"label":"long","severity":3}],"default":1}"#.to_owned();
    let spec = CreateSpec { log_id: LOG_ID, origin: ORIGIN.to_owned(), key: key().verifier().to_string(), schedule };
    Log::create(config_on(storage, options), &spec).expect("create")
}

/// Segments and journal files of a few kilobytes, so that a few hundred records make several of each.
fn small() -> Options {
    Options { segment_bytes_max: 8 << 10, journal_bytes_max: 16 << 10, ..Options::default() }
}

/// An event whose number decides which fields it has, and in which forms.
fn draft(n: u64) -> Draft {
    let occurred_at =
        1_700_000_000_000_000_000 + (n as i64 % 97) * [1, 1_000, 1_000_000, 1_000_000_000][n as usize % 4];
    Draft::write(Kind::Event, Some(occurred_at), if n.is_multiple_of(10) { 2 } else { 1 }, |groups| {
        groups.text(Field::WORKSPACE, &format!("workspace-{}", n % 5));
        groups.optional(Field::LANE, n.is_multiple_of(3).then_some(""));
        groups.text(Field::ACTION, ["document.publish", "grüße", "user.login"][n as usize % 3]);
        groups.code(Field::SEVERITY, if n.is_multiple_of(10) { 3 } else { 1 });
        if !n.is_multiple_of(7) {
            groups.code(Field::OUTCOME, (n % 250) as u8 + 1);
        }
        groups.text(Field::TARGET_TYPE, "document");
        let uuid = format!("0195f3a2-0000-7abc-8def-{:012x}", n % 17);
        groups.text(Field::ACTOR_ID, if n.is_multiple_of(2) { &uuid } else { "user" });
        groups.optional(Field::ACTOR_IP, n.is_multiple_of(4).then_some("192.0.2.1"));
        groups.text(Field::TARGET_ID, &format!("doc-{n}"));
        groups.text(Field::EVENT_ID, &format!("0195f3a2-{:04x}-7abc-8def-{n:012x}", n % 4096));
        groups.text(Field::CORRELATION_ID, &format!("0195f3a2-0000-4abc-8dee-{:012x}", n / 5));
        groups.optional(Field::PARENT_ID, n.is_multiple_of(6).then_some("0195F3A2-0000-7ABC-8DEF-001122334455"));
        groups.optional(Field::REQUEST_ID, (!n.is_multiple_of(8)).then(|| format!("req {n}")).as_deref());
        if n.is_multiple_of(11) {
            groups.proof(2, [Some("data"), None, Some("hash")], n.is_multiple_of(2).then_some(-1));
        }
        groups.optional(
            Field::METADATA,
            (!n.is_multiple_of(9)).then(|| format!("{{\"n\":{n},\"text\":\"event {n}\"}}")).as_deref(),
        );
        if n.is_multiple_of(13) {
            groups.text(Field::ORIGINAL_FORMAT, "test");
            groups.bytes(Field::ORIGINAL, &vec![n as u8; n as usize % 5_000]);
        }
    })
}

fn emit(log: &Log, numbers: std::ops::Range<u64>) {
    for n in numbers {
        log.emit(draft(n)).expect("emit");
    }
    log.flush(None).expect("flush");
}

/// Every record in view, as the reader would print it.
fn records_of(log: &Log) -> Vec<Json> {
    let page = log.view().query(&Query::oldest(Expr::True, 1 << 20)).expect("query");
    let json = |record: &Record| record_json::record_json(record).expect("a record of a log decodes");
    page.rows.iter().map(json).collect()
}

/// What the reader says of a directory must be what the engine said of its records and what the descriptors give.
fn compare(dir: &Path, records: &[Json]) -> Option<Json> {
    let read = python::read_log(dir)?;
    assert_eq!(read.exit, 0, "{}", read.stderr);
    assert_eq!(read.records.len(), records.len());
    for (found, expected) in read.records.iter().zip(records) {
        assert_eq!(found, expected);
    }
    let facts = on_disk::facts(dir);
    let summary = read.summary.expect("a summary");
    assert_eq!(summary["records"], records.len());
    assert_eq!(summary["frames"], facts.frames);
    assert_eq!(summary["segments"], facts.segments);
    assert_eq!(summary["chain"], facts.chain);
    assert_eq!(summary["root"], facts.root);
    assert_eq!(summary["checkpoint_size"], facts.checkpoint.map_or(Json::Null, |(size, _)| size.into()));
    Some(summary)
}

#[test]
fn the_readers_own_tests_pass() {
    let Some(output) = python::run(&["-m", "unittest"]) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_reader_agrees_with_every_vector() {
    let Some(output) = python::run(&["-m", "indelible_reader", "--vectors", "../vectors"]) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_closed_log_reads_the_same_in_both() {
    let dir = tempfile::tempdir().expect("tempdir");
    let log = create(dir.path(), &small());
    emit(&log, 0..700);
    log.close().expect("close");
    drop(log);
    // Opened again and closed again: partial runs and frames, a second incarnation.
    let log = Log::open(config(dir.path(), &small())).expect("reopen");
    emit(&log, 700..1_000);
    let records = records_of(&log);
    log.close().expect("close again");
    drop(log);
    let Some(summary) = compare(dir.path(), &records) else { return };
    assert_eq!(summary["closed"], true);
    assert_eq!(summary["notes"].as_array().map(Vec::len), Some(0), "{summary}");
    assert!(summary["segments"].as_u64() >= Some(3), "{summary}");
    let facts = on_disk::facts(dir.path());
    assert_eq!(facts.checkpoint, Some((facts.frames, facts.root)));
    assert_eq!(facts.manifest_chain, Some(facts.chain));
}

#[test]
fn a_log_that_was_not_closed_reads_the_same_in_both() {
    let dir = tempfile::tempdir().expect("tempdir");
    let log = create(&dir.path().join("live"), &small());
    emit(&log, 0..300);
    log.checkpoint().expect("checkpoint");
    emit(&log, 300..437);
    // Everything is synced, so a copy is what a crash would leave.
    let image = dir.path().join("image");
    on_disk::copy_at_rest(&dir.path().join("live"), &image);
    let records = records_of(&log);
    drop(log);
    let Some(summary) = compare(&image, &records) else { return };
    assert_eq!(summary["closed"], false);
    assert!(summary["in_journal"].as_u64() > Some(0), "{summary}");

    // A torn tail is a note; the next opening cuts it, says so in a record, and the reader sees that record.
    on_disk::append_to_newest(&image, "journal", b"IGRP torn");
    let Some(summary) = compare(&image, &records) else { return };
    assert!(summary["notes"].to_string().contains("torn tail"), "{summary}");
    let log = Log::open(config(&image, &small())).expect("recover");
    let records = records_of(&log);
    log.close().expect("close");
    drop(log);
    assert!(records.iter().any(|record| record["kind"] == Kind::Recovery as u8), "no recovery record");
    compare(&image, &records);
}

/// [RCV-6] Whatever of the unsynced bytes a crash leaves, it is torn and never corrupt, also where journal files change;
/// what the reader lists is what recovery keeps.
#[test]
fn crash_images_read_the_same_in_both() {
    let dir = tempfile::tempdir().expect("tempdir");
    for seed in 0..6 {
        let disk = SimStorage::new(seed, SimOptions::default());
        let options = Options { journal_bytes_max: 8 << 10, ..small() };
        let log = create_on(Arc::new(disk.clone()), &options);
        emit(&log, 0..150 + seed * 31);
        let durable = log.durable_to();
        for n in 0..200 {
            log.emit(draft(10_000 + n)).expect("emit");
        }
        let image = disk.crash();
        drop(log);
        let path = dir.path().join(seed.to_string());
        on_disk::dump(&image, &path);
        let Some(read) = python::read_log(&path) else { return };
        assert_eq!(read.exit, 0, "seed {seed}: {}", read.stderr);
        assert!(read.records.len() as u64 >= durable, "seed {seed}: {} of {durable}", read.records.len());
        let log = Log::open(config_on(Arc::new(image), &options)).expect("recover");
        let mut records = records_of(&log);
        records.retain(|record| record["kind"] != Kind::Recovery as u8);
        assert_eq!(read.records, records, "seed {seed}");
    }
}

#[test]
fn system_records_read_the_same_in_both() {
    let dir = tempfile::tempdir().expect("tempdir");
    let log = create(dir.path(), &small());
    let key = key().verifier().to_string();
    let bodies = [
        (Kind::Key, format!(r#"{{"epoch":1,"key":"{key}","role":"purge","action":"add"}}"#)),
        (
            Kind::Policy,
            r#"{"name":"p","version":1,"action":"set","keep":10,"identity_keep":5,"payload_keep":null,"basis":"event","classes":[1,2],"filter":null,"text":"x"}"#.to_owned(),
        ),
        (Kind::Policy, r#"{"name":"p","version":2,"action":"retire"}"#.to_owned()),
        (Kind::Hold, r#"{"name":"h","action":"place","filter":"AQ==","text":"x","through":0,"seqs":"AA=="}"#.to_owned()),
        (Kind::HoldExtend, r#"{"name":"h","from":0,"through":9,"seqs":"AQIA"}"#.to_owned()),
        (Kind::Hold, r#"{"name":"h","action":"release"}"#.to_owned()),
        (
            Kind::Done,
            r#"{"intent":3,"checkpoint":"note","segments":[{"id":1,"generation":1,"bytes":9}],"records":1,"identity":0,"payload":0}"#.to_owned(),
        ),
        (Kind::Access, r#"{"who":"an auditor"}"#.to_owned()),
    ];
    for (n, (kind, body)) in bodies.iter().enumerate() {
        let mut draft = Draft::system(*kind, &LOG_ID, body);
        draft.class = if *kind == Kind::Access { 9 } else { 0 };
        log.emit(draft).expect("emit a system record");
        emit(&log, n as u64 * 3..n as u64 * 3 + 3);
    }
    let records = records_of(&log);
    log.close().expect("close");
    drop(log);
    compare(dir.path(), &records);
}

/// What a removal leaves: classes, single records, groups and envelopes, voids in term pages, a second generation.
#[test]
fn a_compacted_log_reads_the_same_in_both() {
    let dir = tempfile::tempdir().expect("tempdir");
    let log = create(dir.path(), &small());
    emit(&log, 0..900);
    log.seal().expect("seal");
    log.checkpoint().expect("checkpoint");
    for round in 0..2 {
        let sealed = log.view().sealed_segments();
        let segments = sealed.iter().map(|entry| SegmentTarget { id: entry.id, generation: entry.generation + 1 });
        let covered_by = log.health().expect("health").frames;
        let note = log.newest_checkpoint().expect("readable").expect("a checkpoint");
        let authority = Authority { intent: 0, note };
        let request = CompactRequest { segments: segments.collect(), covered_by, authority };
        let report = log.compact(&request, &|frame: &mut LazyFrame<'_>| Ok(removal(frame, round))).expect("compact");
        assert!(report.gone().records > 50, "round {round}: {:?}", report.gone());
    }
    emit(&log, 900..1_000);
    let page = log.view().query(&Query::oldest(Expr::True, 1 << 20)).expect("query");
    log.close().expect("close");
    drop(log);
    let Some(read) = python::read_log(dir.path()) else { return };
    assert_eq!(read.exit, 0, "{}", read.stderr);
    let left: Vec<&Json> = read.records.iter().filter(|record| record.get("state").is_none()).collect();
    assert_eq!(left.len(), page.rows.len());
    for (found, expected) in left.into_iter().zip(&page.rows) {
        assert_eq!(found["seq"], expected.seq);
        if expected.groups.slices().iter().all(|group| !group.is_empty()) {
            assert_eq!(*found, record_json::record_json(expected).expect("decodes"));
        }
    }
    let (facts, summary) = (on_disk::facts(dir.path()), read.summary.expect("a summary"));
    assert_eq!(summary["frames"], facts.frames);
    assert_eq!(summary["root"], facts.root);
    assert_eq!(summary["chain"], facts.chain);
}

/// In the first round the first frames expire and class 1 goes for a while; in the second single records, groups and envelopes.
fn removal(frame: &LazyFrame<'_>, round: u64) -> Removal {
    let descriptor = frame.descriptor();
    let permanent = descriptor.classes.iter().find(|entry| entry.class == 0).map_or(0, |entry| entry.positions);
    let every = |by: u64, rest: u64| {
        let chosen = (0..u32::from(descriptor.count)).filter(|p| (descriptor.first_seq + u64::from(*p)) % by == rest);
        chosen.fold(0u128, |mask, position| mask | 1 << position) & !permanent
    };
    match (round, descriptor.frame_no) {
        (0, 0..3) => Removal::new().records(descriptor.all_positions() & !permanent),
        (0, 3..5) => Removal::new().class(descriptor, 1),
        (1, 4..) => {
            let stubs = every(7, 3);
            let envelopes = (1..4).fold(Removal::new(), |removal, k| removal.group(k, stubs));
            envelopes.records(every(5, 0)).group(3, every(4, 1)).group(1, every(6, 1))
        }
        _ => Removal::new(),
    }
}

#[test]
fn a_flipped_byte_is_a_mismatch() {
    let dir = tempfile::tempdir().expect("tempdir");
    let log_dir = dir.path().join("log");
    let log = create(&log_dir, &small());
    emit(&log, 0..400);
    log.close().expect("close");
    drop(log);
    for (name, at) in on_disk::some_places(&log_dir) {
        let copy = dir.path().join("copy");
        on_disk::copy(&log_dir, &copy);
        on_disk::flip(&copy.join(&name), at);
        let Some(read) = python::read_log(&copy) else { return };
        assert_eq!(read.exit, 3, "byte {at} of {name}: {}", read.stderr);
        std::fs::remove_dir_all(&copy).expect("remove");
    }
}
