//! Compaction of a log whose threads run: beside emitters and readers, and into a close.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indelible_engine::query::{Expr, Test};
use indelible_engine::world::storage::sim::{SimOptions, SimStorage};
use indelible_engine::world::storage::{Access, DirStorage, Storage};
use indelible_engine::{CompactRequest, Error, LazyFrame, Log, LogReader, SegmentTarget};
use indelible_evidence::commit::Removal;
use indelible_evidence::schema::Field;
use indelible_format::journal::JournalHeader;

use super::setup::*;

fn emit(log: &Log, numbers: std::ops::Range<u64>) {
    for n in numbers {
        log.emit(draft(n)).expect("emit");
    }
    log.flush(None).expect("flush");
}

fn request_of(log: &Log) -> CompactRequest {
    let sealed = log.view().sealed_segments();
    let segments = sealed.iter().map(|entry| SegmentTarget { id: entry.id, generation: entry.generation + 1 });
    let note = log.newest_checkpoint().expect("readable").expect("a checkpoint");
    let authority = indelible_format::segment::Authority { intent: 0, note };
    CompactRequest { segments: segments.collect(), covered_by: log.health().expect("health").frames, authority }
}

fn first_journal_seq(storage: &dyn Storage) -> u64 {
    let files = storage.list("journal").expect("list");
    let first = files.first().expect("there is always a journal file");
    let bytes = storage.read(&format!("journal/{first}"), 1 << 30).expect("read");
    JournalHeader::decode(&bytes[..JournalHeader::SIZE]).expect("header").first_seq
}

/// Sealing takes the records of sealed segments out of the journal, while others go on emitting.
#[test]
fn sealed_records_are_in_no_journal_file() {
    let disk = SimStorage::new(3, SimOptions::default());
    let log = Log::create(config(&disk), &spec()).expect("create");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let emitter = scope.spawn(|| {
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                log.emit(draft(n)).expect("emit");
                n += 1;
                if n.is_multiple_of(50) {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            n
        });
        for _ in 0..5 {
            std::thread::sleep(Duration::from_millis(10));
            let durable = log.durable_to();
            let settled = log.seal().expect("seal");
            assert!(settled.sealed_seq >= durable && settled.framed_seq == settled.sealed_seq);
            let first = first_journal_seq(&disk);
            assert!(first >= settled.sealed_seq, "the journal begins at {first}, sealed to {}", settled.sealed_seq);
            let image = disk.crash_lose_all();
            assert!(first_journal_seq(&image) >= settled.sealed_seq, "after a power cut");
        }
        stop.store(true, Ordering::Relaxed);
        let events = emitter.join().expect("emitter");
        log.flush(None).expect("flush");
        assert_eq!(log.view().count(&Expr::events()).expect("count"), events);
    });
    // Nothing is active or in the journal now: nothing happens, and nothing breaks.
    log.seal().expect("seal");
    log.seal().expect("seal again");
    log.rotate_journal().expect("rotate");
    log.close().expect("close");
    assert_intact(&disk);
    assert!(matches!(log.seal(), Err(Error::Closed | Error::Poisoned { .. })));
}

/// Emitters and readers go on beside compactions, and every answer is that of before or after.
#[test]
fn beside_ingest_and_readers() {
    let dir = tempfile::tempdir().expect("a directory");
    let storage: Arc<dyn Storage> = Arc::new(DirStorage::open(dir.path(), Access::Create).expect("open"));
    let log = Log::create(config_on(Arc::clone(&storage)), &spec()).expect("create");
    emit(&log, 0..3_000);
    log.seal().expect("seal");
    log.checkpoint().expect("checkpoint");
    let of_class_2 = Expr::Field(Field::SEVERITY, Test::Codes(vec![3]));
    let (before, stop) = (log.view().count(&of_class_2).expect("count"), AtomicBool::new(false));
    let rounds = 3;
    std::thread::scope(|scope| {
        let emitter = scope.spawn(|| {
            let mut n = 3_000;
            while !stop.load(Ordering::Relaxed) && n < 60_000 {
                log.emit(draft(n)).expect("emit");
                n += 1;
            }
            n
        });
        let reader = scope.spawn(|| {
            let reader = LogReader::open(&config_on(Arc::clone(&storage))).expect("reader");
            let mut looks = 0;
            while !stop.load(Ordering::Relaxed) {
                for view in [reader.view().expect("view"), log.view()] {
                    assert!(view.count(&of_class_2).expect("count") >= before, "what stays was missing");
                    assert!(view.record(1_212).expect("record").is_some(), "a record that stays was missing");
                    looks += 1;
                }
            }
            looks
        });
        for round in 0..rounds {
            // A tenth of what does not have class 2 goes in each round.
            let tenth = |frame: &mut LazyFrame<'_>| {
                let descriptor = frame.descriptor();
                let class_1 =
                    descriptor.classes.iter().find(|entry| entry.class == 1).map_or(0, |entry| entry.positions);
                let chosen = (0..128u32).filter(|p| (descriptor.first_seq + u64::from(*p)) % 10 == 3 + round);
                Ok(Removal::new().records(chosen.fold(0, |mask, position| mask | 1 << position) & class_1))
            };
            log.seal().expect("seal");
            log.checkpoint().expect("checkpoint");
            let report = log.compact(&request_of(&log), &tenth).expect("compact");
            assert!(report.gone().records > 200, "round {round}: {:?}", report.gone());
        }
        stop.store(true, Ordering::Relaxed);
        assert!(emitter.join().expect("emitter") > 3_000);
        assert!(reader.join().expect("reader") > 0);
    });
    log.close().expect("close");
    let reader = LogReader::open(&config_on(Arc::clone(&storage))).expect("reader");
    let view = reader.view().expect("view");
    let report =
        indelible_engine::verify::verify(&storage, &indelible_engine::verify::VerifyOptions::default(), &mut |_| {});
    let report = report.expect("verify");
    assert!(report.is_intact(), "{:#?}", report.breaks);
    assert!(view.count(&Expr::events()).expect("count") + 600 < report.records);
}

/// A close does not wait for a long compaction to finish, and the compaction leaves nothing behind.
#[test]
fn a_close_ends_a_compaction() {
    let disk = SimStorage::new(3, SimOptions::default());
    let log = Log::create(config(&disk), &spec()).expect("create");
    emit(&log, 0..2_000);
    log.seal().expect("seal");
    log.checkpoint().expect("checkpoint");
    let asked = request_of(&log);
    let (begun, files) = (AtomicBool::new(false), disk_files(&disk));
    let outcome = std::thread::scope(|scope| {
        let compaction = scope.spawn(|| {
            log.compact(&asked, &|frame: &mut LazyFrame<'_>| {
                begun.store(true, Ordering::Release);
                std::thread::sleep(Duration::from_millis(20));
                Ok(Removal::new().records(thirds(frame, 0)))
            })
        });
        while !begun.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        log.close().expect("close");
        compaction.join().expect("compaction")
    });
    assert!(matches!(outcome, Err(Error::Closed)), "{outcome:?}");
    assert!(
        disk_files(&disk)
            .iter()
            .filter(|name| name.starts_with("segments/"))
            .eq(files.iter().filter(|name| name.starts_with("segments/")))
    );
    assert!(matches!(log.compact(&asked, &plan), Err(Error::Closed)), "a closed log is not compacted");
    assert_intact(&disk);
}

/// The facts of descriptors go on after a reopening: schedule version, key epoch, lost events.
#[test]
fn descriptors_follow_the_records_across_openings() {
    use indelible_engine::Draft;
    use indelible_engine::step::StepLog;
    use indelible_evidence::schema::Kind;

    let disk = SimStorage::new(3, SimOptions::default());
    let mut log = StepLog::create(config(&disk), &spec()).expect("create");
    let id = log.manifest().log_id;
    let facts = |log: &StepLog| {
        let view = log.view();
        let material = view.frame_material(view.next_seq() - 1).expect("material").expect("framed");
        let descriptor = material.descriptor;
        (descriptor.schedule_version, descriptor.key_epoch, descriptor.lost_events)
    };
    log.frame(true).expect("frame");
    assert_eq!(facts(&log), (1, 0, 0));
    let steps = [
        (Kind::Schedule, r#"{"version":2,"rules":[],"default":1}"#.to_owned(), (2, 0, 0)),
        (Kind::Key, format!(r#"{{"epoch":1,"key":"{}","role":"checkpoint","action":"add"}}"#, spec().key), (2, 1, 0)),
        (Kind::Gap, r#"{"lost":7}"#.to_owned(), (2, 1, 7)),
    ];
    for (index, (kind, body, expected)) in steps.into_iter().enumerate() {
        log.append(vec![draft(1), Draft::system(kind, &id, &body)]).expect("append");
        log.sync().expect("sync");
        log.frame(true).expect("frame");
        assert_eq!(facts(&log), expected, "{kind:?}");
        match index {
            0 => log.close().expect("close"),
            1 => {
                log.seal().expect("seal");
            }
            _ => log.sync_frames().expect("sync"),
        }
        drop(log);
        log = StepLog::open(config(&disk)).expect("open");
        log.append(vec![draft(2)]).expect("append");
        log.sync().expect("sync");
        log.frame(true).expect("frame");
        assert_eq!(facts(&log), expected, "{kind:?} after a reopening");
    }
    log.close().expect("close");
    assert_intact(&disk);
}
