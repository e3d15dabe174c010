//! The harness run small: every answer compared with the one that going through all events gives, every byte accounted for.

use indelible::{LedgerReader, Options, ReadOptions};
use indelible_benches::load::load;
use indelible_benches::oracle::by_scan;
use indelible_benches::question::{KINDS, draw};
use indelible_benches::{ask, emit, size};
use indelible_tools::workload::Workload;

fn log(events: u64, options: Options) -> (tempfile::TempDir, Vec<indelible::AuditEvent>) {
    let dir = tempfile::tempdir().expect("a directory for the test");
    let events: Vec<_> = Workload::new(7, events).collect();
    let loaded = load(&dir.path().join("log"), options, events.iter().cloned()).expect("the workload is valid");
    assert_eq!(loaded.events, events.len() as u64);
    (dir, events)
}

fn check(dir: &std::path::Path, events: &[indelible::AuditEvent], each: usize) {
    let reader = LedgerReader::open(dir.join("log"), &ReadOptions::default()).expect("the log was closed cleanly");
    for (kind, name) in KINDS.iter().enumerate() {
        for question in draw(kind, each, events, 11) {
            let ready = ask::prepare(&reader, &question).expect("can be asked");
            let answer = ask::answer(&reader, &ready).expect("can be answered");
            assert_eq!(answer, by_scan(events, &question), "{name}: {question:?}");
        }
    }
}

#[test]
fn answers_are_those_of_a_scan() {
    let (dir, events) = log(30_000, Options::default());
    check(dir.path(), &events, 6);
}

#[test]
fn answers_are_those_of_a_scan_over_several_segments_with_little_cache() {
    let options = Options { segment_bytes_max: 400 << 10, ..Options::default() };
    let (dir, events) = log(20_000, options);
    let reader = ReadOptions { engine: Options { cache_bytes_max: 64 << 10, ..Options::default() } };
    let reader = LedgerReader::open(dir.path().join("log"), &reader).expect("the log was closed cleanly");
    for (kind, name) in KINDS.iter().enumerate() {
        for question in draw(kind, 4, &events, 12) {
            let ready = ask::prepare(&reader, &question).expect("can be asked");
            let answer = ask::answer(&reader, &ready).expect("can be answered");
            assert_eq!(answer, by_scan(&events, &question), "{name}: {question:?}");
        }
    }
}

#[test]
fn every_byte_has_a_part() {
    let (dir, events) = log(3_000, Options::default());
    let sizes = size::measure(&dir.path().join("log")).expect("segments can be read");
    let mut files = 0;
    let mut folders = vec![dir.path().join("log")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the log is there") {
            let entry = entry.expect("the log is there");
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                files += entry.metadata().expect("the log is there").len();
            }
        }
    }
    assert_eq!(size::total(&sizes), files);
    let frames: u64 = sizes.iter().filter(|(name, _)| name.starts_with("frames: ")).map(|(_, bytes)| bytes).sum();
    let blocks = events.len().div_ceil(128) as u64 + 1;
    assert!(sizes["frames"] - frames <= 32 * blocks, "columns and block headers make up the frames");
}

fn size_of(dir: &std::path::Path) -> u64 {
    size::total(&size::measure(dir).expect("segments can be read"))
}

#[test]
fn slow_events_are_framed_by_the_minute_and_sealed_by_the_day() {
    let (dir, events) = log(400, Options::default());
    let slow = dir.path().join("slow");
    indelible_benches::low_rate::write(&slow, &events, 200).expect("the workload is valid");
    let reader = LedgerReader::open(&slow, &ReadOptions::default()).expect("the log was closed cleanly");
    for (kind, name) in KINDS.iter().enumerate() {
        for question in draw(kind, 2, &events, 13) {
            let ready = ask::prepare(&reader, &question).expect("can be asked");
            let answer = ask::answer(&reader, &ready).expect("can be answered");
            assert_eq!(answer, by_scan(&events, &question), "{name}: {question:?}");
        }
    }
    let report = indelible::verify(&slow, &indelible::VerifyOptions::default(), &mut |_| {}).expect("can be read");
    assert!(report.is_intact() && report.closed, "{:?}", report.breaks);
    assert!(report.segments >= 2, "two days are two segments or more, not {}", report.segments);
    // An event every seven minutes: a frame for each of them.
    assert!(report.frames >= 400, "{} frames", report.frames);
    assert!(size_of(&slow) > size_of(&dir.path().join("log")), "small frames cost more than full ones");
}

#[test]
fn stages_load_everything() {
    let dir = tempfile::tempdir().expect("a directory for the test");
    let events: Vec<_> = Workload::new(7, 5_000).collect();
    let mut sample = indelible_benches::curve::Sample::new(5_000, 1_000);
    let log = dir.path().join("log");
    let stages = indelible_benches::curve::load(&log, events.iter().cloned(), 2_048, |event| sample.see(event))
        .expect("the workload is valid");
    assert_eq!(stages.iter().map(|stage| stage.events).collect::<Vec<_>>(), [2_048, 2_048, 904]);
    assert_eq!(sample.events.len(), 1_000);
    check(dir.path(), &events, 2);
}

#[test]
fn paced_emits_are_all_taken() {
    let dir = tempfile::tempdir().expect("a directory for the test");
    let events: Vec<_> = Workload::new(7, 1_001).collect();
    let took = emit::paced(&dir.path().join("log"), &events, 1_000_000, 3).expect("the workload is valid");
    assert_eq!(took.all().len(), 1_001);
}
