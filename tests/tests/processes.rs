//! Real processes: killed under load, two on one log, a reader beside a writer.
//!
//! `INDELIBLE_KILLS=N` kills more often.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use indelible_engine::verify::{VerifyOptions, verify};
use indelible_engine::world::storage::Access;
use indelible_engine::{LogConfig, LogReader};
use indelible_tests::process::{AckLine, Producer, check_acks, reopen};

fn producer(dir: &Path, run: u64, threads: u64, events: Option<u64>) -> Producer {
    let mut command = Command::new(env!("CARGO_BIN_EXE_producer"));
    command.arg(dir).args([run.to_string(), threads.to_string()]).args(events.map(|events| events.to_string()));
    Producer::start(command).expect("the producer starts")
}

fn assert_intact(dir: &Path) {
    let config = LogConfig::at(dir, Access::ReadOnly).expect("the directory opens");
    let report = verify(&config.world.storage, &VerifyOptions::default(), &mut |_| {}).expect("verification runs");
    assert!(report.is_intact(), "{:?}", report.breaks);
}

#[test]
fn what_was_acknowledged_outlives_kill_9() {
    let kills = std::env::var("INDELIBLE_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(15u64);
    let parent = tempfile::tempdir().expect("a directory");
    let dir = parent.path().join("log");
    let mut acks: Vec<AckLine> = Vec::new();
    for run in 0..kills {
        let running = producer(&dir, run, 4, None);
        if !running.wait_open() {
            panic!("run {run}: {:?}", running.wait().expect("it ended"));
        }
        std::thread::sleep(Duration::from_millis(3 + (run * 37) % 120));
        acks.extend(running.kill().expect("it dies"));
        // Every third time the next process recovers, not this one.
        if run % 3 != 2 {
            check_acks(&reopen(&dir).expect("a killed log opens"), &acks).expect("what was acknowledged is there");
            assert_intact(&dir);
        }
    }
    let records = reopen(&dir).expect("the log opens");
    check_acks(&records, &acks).expect("what was acknowledged is there");
    println!("{kills} kills, {} events acknowledged, {} records", acks.len(), records.len());
    assert!(acks.len() as u64 > kills, "the producers hardly ran");
}

#[test]
fn a_second_writer_is_refused_and_changes_nothing() {
    let parent = tempfile::tempdir().expect("a directory");
    let dir = parent.path().join("log");
    let first = producer(&dir, 0, 2, None);
    assert!(first.wait_open());
    let (code, acks, said) = producer(&dir, 1, 1, Some(1)).wait().expect("it ends");
    assert_eq!((code, acks.len()), (Some(3), 0), "{said}");
    let acks = first.kill().expect("it dies");
    check_acks(&reopen(&dir).expect("it opens"), &acks).expect("what was acknowledged is there");
}

#[test]
fn a_writer_whose_lock_was_replaced_stops_and_loses_nothing_it_acknowledged() {
    let parent = tempfile::tempdir().expect("a directory");
    let dir = parent.path().join("log");
    let first = producer(&dir, 0, 2, None);
    assert!(first.wait_open());
    std::thread::sleep(Duration::from_millis(50));
    std::fs::remove_file(dir.join("lock")).expect("the lock can be removed");
    let (code, first_acks, said) = first.wait().expect("it ends by itself");
    assert_eq!(code, Some(4), "{said}");
    let (code, mut acks, said) = producer(&dir, 1, 1, Some(200)).wait().expect("it ends");
    assert_eq!((code, acks.len()), (Some(0), 200), "{said}");
    acks.extend(first_acks);
    check_acks(&reopen(&dir).expect("it opens"), &acks).expect("what was acknowledged is there");
}

#[test]
fn a_reader_follows_a_live_writer_through_rotations() {
    let parent = tempfile::tempdir().expect("a directory");
    let dir = parent.path().join("log");
    let writer = producer(&dir, 0, 3, Some(4_000));
    assert!(writer.wait_open());
    let config = LogConfig::at(&dir, Access::ReadOnly).expect("the directory opens");
    let reader = LogReader::open(&config).expect("the log opens for reading");
    let (mut seen, mut views) = (0, 0);
    while seen < 12_002 {
        let view = reader.wait_beyond(seen, Duration::from_secs(60)).expect("a view");
        assert!(view.next_seq() > seen, "nothing came for a minute after {seen} records");
        seen = view.next_seq();
        views += 1;
        if views % 20 == 0 {
            let all = indelible_engine::query::Query::oldest(indelible_engine::query::Expr::True, 100_000);
            let rows = view.query(&all).expect("a query").rows;
            assert_eq!(rows.len() as u64, seen);
            check_acks(&rows, &[]).expect("each thread's events in order");
        }
    }
    let (code, acks, said) = writer.wait().expect("it ends");
    assert_eq!((code, acks.len()), (Some(0), 12_000), "{said}");
    println!("{views} views");
}
