//! Long, large and odd: a soak, records at their limits, clocks that lie, thousands of segments.
//!
//! `INDELIBLE_SOAK_SECONDS=600` soaks for ten minutes, `INDELIBLE_SEGMENTS=10000` makes as many segments.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indelible_engine::query::{Expr, Query};
use indelible_engine::step::StepLog;
use indelible_engine::verify::{VerifyOptions, verify};
use indelible_engine::world::clock::ManualClock;
use indelible_engine::world::storage::sim::{SimOptions, SimStorage};
use indelible_engine::world::storage::{Access, DirStorage, Storage};
use indelible_engine::{Draft, Follow, Log, Options};
use indelible_evidence::record::{Record, Value};
use indelible_evidence::schema::{Field, Kind};
use indelible_tests::slow::Slow;
use indelible_tests::world::{config, numbered, spec};

fn target(record: &Record) -> String {
    match record.groups.value(Field::TARGET_ID) {
        Ok(Some(Value::Text(text))) => text.text().into_owned(),
        _ => String::new(),
    }
}

fn with_metadata(n: u64, bytes: usize) -> Draft {
    Draft::write(Kind::Event, Some(n as i64), 1, |groups| {
        groups.text(Field::ACTION, "a.b");
        groups.text(Field::TARGET_ID, &n.to_string());
        groups.text(Field::METADATA, &format!("{{\"p\":\"{}\"}}", "x".repeat(bytes)));
    })
}

/// How often a subscriber stalls, in events, and for how long.
type Stall = (u64, Duration);

/// Counts what a subscriber gets, thread by thread, and stalls now and then.
fn subscribe(log: &Arc<Log>, stall: Stall, events: &AtomicU64, done: &AtomicU64) -> u64 {
    let mut follow = Follow::new(Arc::clone(log) as _, Expr::events(), Some(0)).expect("a subscription");
    let (mut got, mut next) = (0u64, std::collections::HashMap::<String, u64>::new());
    loop {
        match follow.next(Duration::from_millis(50)).expect("a view") {
            Some(record) => {
                let (thread, n) =
                    target(&record).rsplit_once('/').map(|(t, n)| (t.to_owned(), n.to_owned())).expect("a target");
                let due = next.entry(thread).or_insert(0);
                assert_eq!(n, due.to_string(), "lost, doubled or out of order");
                *due += 1;
                got += 1;
                if got.is_multiple_of(stall.0) {
                    std::thread::sleep(stall.1);
                }
            }
            None if done.load(Ordering::Acquire) == 16 && got >= events.load(Ordering::Acquire) => return got,
            None => {}
        }
    }
}

/// What the process may grow by under the soak: the design's bound on memory while ingesting.
const MEMORY_MAX: u64 = 256 << 20;

/// Memory of this process that no file backs, in bytes; 0 where `/proc` does not say.
fn anonymous_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).map_or(0, |kib| kib << 10)
}

#[test]
fn a_soak_with_a_slow_disk_and_stalled_subscribers_loses_nothing() {
    let seconds = std::env::var("INDELIBLE_SOAK_SECONDS").ok().and_then(|value| value.parse().ok()).unwrap_or(4u64);
    let dir = tempfile::tempdir().expect("a directory");
    let disk = Arc::new(DirStorage::open(dir.path(), Access::ReadWrite).expect("the directory"));
    let options = Options {
        journal_bytes_max: 1 << 20,
        segment_bytes_max: 8 << 20,
        ring_slots: 1 << 10,
        ring_bytes_max: 2 << 20,
        unframed_records_max: 8_192,
        unframed_bytes_max: 4 << 20,
        checkpoint_interval: Duration::from_millis(200),
        ..Options::default()
    };
    let clock = ManualClock::new(1_800_000_000_000_000_000);
    let slow = Arc::new(Slow::new(Arc::clone(&disk) as Arc<dyn Storage>, Duration::from_millis(4)));
    let log = Arc::new(Log::create(config(slow, &options, &clock, 1), &spec()).expect("create"));
    let (events, done, unframed, memory) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let before = anonymous_memory();
    let end = Instant::now() + Duration::from_secs(seconds);
    std::thread::scope(|scope| {
        let stalls = [(5_000, Duration::from_millis(120)), (40_000, Duration::from_millis(1_500))];
        let followers: Vec<_> = stalls
            .map(|stall| (&log, stall, &events, &done))
            .into_iter()
            .map(|(log, stall, events, done)| scope.spawn(move || subscribe(log, stall, events, done)))
            .collect();
        for thread in 0..16 {
            let (log, options, events, done, unframed, memory) = (&log, &options, &events, &done, &unframed, &memory);
            scope.spawn(move || {
                let mut n = 0;
                while Instant::now() < end {
                    for _ in 0..20 {
                        log.emit(numbered(0, thread, n)).expect("emit");
                        n += 1;
                    }
                    let health = log.health().expect("health");
                    assert!(health.ring_items <= options.ring_slots && health.ring_bytes <= options.ring_bytes_max);
                    unframed.fetch_max(health.unframed_records as u64, Ordering::Relaxed);
                    memory.fetch_max(anonymous_memory(), Ordering::Relaxed);
                    // A pace that a subscriber can follow: the soak is about stalls, not about speed.
                    std::thread::sleep(Duration::from_millis(20));
                }
                log.flush(None).expect("flush");
                events.fetch_add(n, Ordering::AcqRel);
                done.fetch_add(1, Ordering::AcqRel);
            });
        }
        let got: Vec<u64> = followers.into_iter().map(|follower| follower.join().expect("a subscriber")).collect();
        assert_eq!(got, [events.load(Ordering::Acquire); 2]);
    });
    let bound = (options.unframed_records_max + options.group_records_max) as u64;
    assert!(unframed.load(Ordering::Relaxed) <= bound, "more records waited than the bound allows");
    let grown = memory.into_inner().saturating_sub(before);
    assert!(grown < MEMORY_MAX, "the process grew by {} MiB", grown >> 20);
    println!("{} events in {seconds} s, memory grew by {} MiB at most", events.load(Ordering::Acquire), grown >> 20);
    log.close().expect("close");
    let report = verify(&(disk as Arc<dyn Storage>), &VerifyOptions::default(), &mut |_| {}).expect("verify");
    assert!(report.is_intact(), "{:?}", report.breaks);
    assert_eq!(report.records, events.load(Ordering::Acquire) + 2);
}

#[test]
fn records_of_all_sizes_come_back_and_too_large_ones_are_refused() {
    let disk = SimStorage::new(1, SimOptions::default());
    let clock = ManualClock::new(1_800_000_000_000_000_000);
    let open = || config(Arc::new(disk.clone()), &Options::default(), &clock, 1);
    let log = Log::create(open(), &spec()).expect("create");
    let sizes = [0, 1, 65_000, 65_536, 500_000, (1 << 20) - 200];
    for (n, bytes) in (0..).zip(sizes) {
        log.emit(with_metadata(n, bytes)).expect("emit");
    }
    log.flush(None).expect("flush");
    // Once accepted, such a record could never be framed, nor anything behind it, and the log did not open again.
    for bytes in [1 << 20, 3 << 20] {
        assert!(log.emit(with_metadata(99, bytes)).is_err(), "larger than a frame");
    }
    log.close().expect("close");
    drop(log);
    let log = Log::open(open()).expect("open");
    let rows = log.view().query(&Query::oldest(Expr::events(), 100)).expect("query").rows;
    let wanted: Vec<Draft> = (0..).zip(sizes).map(|(n, bytes)| with_metadata(n, bytes)).collect();
    assert_eq!(rows.len(), wanted.len());
    for (row, draft) in rows.iter().zip(&wanted) {
        assert_eq!(row.groups.slices(), draft.slices());
    }
}

#[test]
fn recorded_at_never_goes_back_whatever_the_clock_does() {
    let disk = SimStorage::new(1, SimOptions::default());
    let start = 1_800_000_000_000_000_000i64;
    let clock = ManualClock::new(start);
    let open = || config(Arc::new(disk.clone()), &Options::default(), &clock, 1);
    let mut log = StepLog::create(open(), &spec()).expect("create");
    let walls =
        [start, start - 1, 0, i64::MIN, start + 1, start + 1, 4_000_000_000_000_000_000, start, i64::MAX - 1, 5];
    for (n, wall) in (0..).zip(walls) {
        clock.set_wall(wall);
        log.append(vec![numbered(0, 0, n)]).expect("append");
        log.sync().expect("sync");
        if n % 3 == 2 {
            log.frame(true).expect("frame");
            log.close().expect("close");
            drop(log);
            log = StepLog::open(open()).expect("open");
        }
    }
    log.checkpoint().expect("checkpoint");
    let rows = log.view().query(&Query::oldest(Expr::events(), 100)).expect("query").rows;
    assert_eq!(rows.len(), walls.len());
    let mut latest = i64::MIN;
    for (row, wall) in rows.iter().zip(walls) {
        latest = latest.max(wall).max(start);
        assert_eq!(row.recorded_at, latest);
    }
}

/// What reading all segments of a log may leave in memory: caches and a few open segments, whatever their number.
const SEGMENTS_MEMORY_MAX: u64 = 96 << 20;
/// And what may stay of each: its place in the manifest and its directory.
const SEGMENT_MEMORY_MAX: u64 = 16 << 10;

/// A directory in memory where there is one: ten thousand segments are forty thousand syncs.
fn quick_directory() -> tempfile::TempDir {
    let shared = std::path::Path::new("/dev/shm");
    let made = if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() };
    made.or_else(|_| tempfile::tempdir()).expect("a directory")
}

#[test]
fn thousands_of_segments_are_opened_within_bounds() {
    let count = std::env::var("INDELIBLE_SEGMENTS").ok().and_then(|value| value.parse().ok()).unwrap_or(2_000u64);
    let dir = quick_directory();
    let disk = || Arc::new(DirStorage::open(dir.path(), Access::ReadWrite).expect("the directory"));
    let clock = ManualClock::new(0);
    let options = Options { segment_per_day: true, ..Options::default() };
    let mut log = StepLog::create(config(disk(), &options, &clock, 1), &spec()).expect("create");
    let begun = Instant::now();
    for n in 0..count {
        clock.advance(Duration::from_secs(86_400));
        log.append(vec![numbered(0, 0, n)]).expect("append");
        log.sync().expect("sync");
        log.frame(true).expect("frame");
        if n % 64 == 0 {
            log.sync_frames().and_then(|()| log.tidy()).expect("tidy");
        }
    }
    log.close().expect("close");
    drop(log);
    println!("{count} segments written in {:?}", begun.elapsed());
    let descriptors = || std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    let (before, memory) = (descriptors(), anonymous_memory());
    let begun = Instant::now();
    let log = Log::open(config(disk(), &options, &clock, 2)).expect("open");
    let opened = begun.elapsed();
    assert!(log.manifest().segments.len() as u64 >= count - 1);
    assert!(descriptors() < before + 64, "{} descriptors after opening", descriptors() - before);
    let begun = Instant::now();
    let view = log.view();
    assert_eq!(view.count(&Expr::events()).expect("count"), count);
    assert_eq!(view.query(&Query::oldest(Expr::events(), 1 << 20)).expect("query").rows.len() as u64, count);
    println!("opened after a clean close in {opened:?}, all of it read in {:?}", begun.elapsed());
    assert!(descriptors() < before + 64, "{} descriptors after reading all of it", descriptors() - before);
    drop(view);
    // The next view begins with closed segments: what was read is let go.
    assert_eq!(log.view().next_seq(), count + 2);
    let grown = anonymous_memory().saturating_sub(memory);
    println!("memory grew by {} KiB, {} bytes a segment", grown >> 10, grown / count);
    assert!(grown < SEGMENTS_MEMORY_MAX + count * SEGMENT_MEMORY_MAX, "memory grew by {} MiB", grown >> 20);
}
