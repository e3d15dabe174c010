//! Compaction on the simulated disk: what goes is gone from every file, what stays is what it was, and a power cut at any
//! operation leaves the one state or the other.

#[path = "compact/setup.rs"]
mod setup;

#[path = "compact/crash.rs"]
mod crash;

#[path = "compact/running.rs"]
mod running;

use indelible_engine::query::{Expr, GroupBy};
use indelible_engine::step::StepLog;
use indelible_engine::world::storage::Storage;
use indelible_engine::world::storage::sim::Fault;
use indelible_engine::{CompactRequest, Error, LazyFrame, LogReader, SegmentTarget};
use indelible_evidence::commit::Removal;
use indelible_evidence::record::Record;
use indelible_evidence::schema::Field;
use setup::*;

/// Everything at once: classes, single records, groups, envelopes that stay, whole frames.
#[test]
fn what_goes_is_gone_and_the_rest_is_what_it_was() {
    let (disk, mut log) = built();
    let before = Facts::of(&log.view());
    let model = Model::of(&log.view());
    for marker in model.markers() {
        assert!(
            found_in(&disk, &marker.bytes).is_some(),
            "the marker of seq {} is nowhere: the test shows nothing",
            marker.seq
        );
    }
    let report = log.compact(&request(&log), &plan).expect("compact");
    let left = model.without(&plan_of);
    assert_eq!(report.gone().records, model.count() - left.count());
    // A record removed singly leaves more than a small one took; what goes as a whole class leaves hardly anything.
    assert!(report.segments.iter().all(|segment| segment.generation == 1) && report.bytes_freed() > 0);
    assert!(report.segments.iter().any(|segment| segment.frames_expired > 0));
    assert!(report.segments.iter().any(|segment| segment.frames_kept > 0));
    left.compare(&log.view(), "after");
    assert_eq!(Facts::of(&log.view()), before, "chain values and leaf hashes");
    gone_from_every_file(&disk, &model, &left);
    assert_intact(&disk);
    log.close().expect("close");
    gone_from_every_file(&disk, &model, &left);
    assert_intact(&disk);
    let reader = LogReader::open(&config(&disk)).expect("a reader");
    left.compare(&reader.view().expect("view"), "a reader");
    drop(log);
    let log = StepLog::open(config(&disk)).expect("reopened");
    left.compare(&log.view(), "reopened");
}

/// The second compaction takes away more of frames that are pruned already, and ends in the bytes of one that took all at once.
#[test]
fn two_compactions_are_one() {
    let (disk, mut log) = built();
    let (other_disk, mut other) = built();
    let first = |frame: &mut LazyFrame<'_>| Ok(Removal::new().records(thirds(frame, 0)));
    let second = |frame: &mut LazyFrame<'_>| Ok(Removal::new().records(thirds(frame, 1)));
    let both = |frame: &mut LazyFrame<'_>| Ok(Removal::new().records(thirds(frame, 0) | thirds(frame, 1)));
    log.compact(&request(&log), &first).expect("first");
    log.compact(&request(&log), &second).expect("second");
    let report = other.compact(&request(&other), &both).expect("both");
    assert!(report.stub_bytes().total() > 0);
    let left = Model::of(&other.view());
    left.compare(&log.view(), "twice");
    assert_eq!(Facts::of(&log.view()), Facts::of(&other.view()));
    assert_intact(&disk);
    assert_intact(&other_disk);
    // Nothing is left to remove: no generation is made.
    let again = log.compact(&request(&log), &both).expect("again");
    assert!(again.segments.iter().all(|segment| segment.generation == 2 && segment.gone.records == 0));
    // And a request that was carried out before is answered without doing anything.
    let done = CompactRequest { segments: targets(&log, 0), ..request(&log) };
    assert_eq!(log.compact(&done, &first).expect("done before").gone().records, 0);
}

/// A view is a promise: whoever holds it goes on reading what was there, in this process and in others. [RCV-8] [RCV-11]
#[test]
fn old_views_go_on() {
    let (disk, mut log) = built();
    let model = Model::of(&log.view());
    let (read, lazy) = (log.view(), log.view());
    model.compare(&read, "before");
    let reader = LogReader::open(&config(&disk)).expect("a reader");
    let held = reader.view().expect("view");
    model.compare(&held, "a reader that has read it");
    let unread = LogReader::open(&config(&disk)).expect("another").view().expect("view");
    log.compact(&request(&log), &plan).expect("compact");
    let left = model.without(&plan_of);
    left.compare(&log.view(), "the log");
    model.compare(&read, "a view from before");
    model.compare(&lazy, "a view from before that nobody had read");
    model.compare(&held, "a view of another process");
    // Its files are gone before it opened them: it finishes on what is left.
    left.compare(&unread, "a view of another process that nobody had read");
    log.append(vec![draft(9_000)]).expect("append");
    log.sync().expect("sync");
    let newer = reader.view().expect("view");
    assert_eq!(newer.count(&Expr::events()).expect("count"), left.events() + 1);
}

#[test]
fn refused_requests_change_nothing() {
    let (disk, mut log) = built();
    let model = Model::of(&log.view());
    let covered_by = covered(&log);
    let sealed = targets(&log, 1);
    let files = disk_files(&disk);
    let head = authority(&log);
    let with =
        |segments: Vec<SegmentTarget>, covered_by| CompactRequest { segments, covered_by, authority: head.clone() };
    let moved =
        |by: u32| sealed.iter().map(|t| SegmentTarget { generation: t.generation + by, ..*t }).collect::<Vec<_>>();
    let active = log.manifest().segments.last().expect("a segment").id;
    let cases = [
        ("not covered", with(sealed.clone(), covered_by + 1)),
        ("covered by nothing", with(sealed.clone(), 0)),
        ("frames beyond what is covered", with(sealed.clone(), 2)),
        ("a generation too far", with(moved(1), covered_by)),
        ("the active segment", with(vec![SegmentTarget { id: active, generation: 1 }], covered_by)),
        ("no segment", with(vec![SegmentTarget { id: 77, generation: 1 }], covered_by)),
        ("twice", with([sealed.clone(), sealed.clone()].concat(), covered_by)),
    ];
    for (what, request) in cases {
        let refused = log.compact(&request, &plan);
        assert!(matches!(refused, Err(Error::NotCovered { .. } | Error::Compaction { .. })), "{what}: {refused:?}");
    }
    let permanent = |frame: &mut LazyFrame<'_>| Ok(Removal::new().records(frame.descriptor().all_positions()));
    let refused = log.compact(&with(sealed.clone(), covered_by), &permanent);
    assert!(matches!(refused, Err(Error::Compaction { .. })), "class 0 is permanent: {refused:?}");
    let fails = |frame: &mut LazyFrame<'_>| match frame.descriptor().frame_no {
        5 => Err(Error::Query("changed my mind".to_owned())),
        _ => plan(frame),
    };
    assert!(matches!(log.compact(&with(sealed, covered_by), &fails), Err(Error::Query(_))));
    assert_eq!(disk_files(&disk), files);
    model.compare(&log.view(), "after all refusals");
    log.append(vec![draft(9_000)]).expect("the log goes on");
    log.close().expect("close");
}

/// What somebody changed is reported, not rewritten so that it looks like something that was removed. [RCV-9]
#[test]
fn a_damaged_frame_is_not_compacted() {
    let (disk, mut log) = built();
    let files = disk_files(&disk);
    let name = files.iter().find(|name| name.starts_with("segments/")).expect("a segment").clone();
    let length = disk.read(&name, 1 << 30).expect("read").len() as u64;
    let mut refused = 0;
    for offset in (200..length).step_by(997) {
        let image = disk.crash_keep_all();
        image.flip_bit(&name, offset, 5).expect("flip");
        let Ok(mut log) = StepLog::open(config(&image)) else { continue };
        match log.compact(&request(&log), &plan) {
            Err(Error::Corrupt(_)) => {
                refused += 1;
                assert!(!disk_files(&image).iter().any(|name| name.ends_with("-00000001.seg")), "byte {offset}");
            }
            Err(error) => panic!("byte {offset}: {error}"),
            // Derived parts, and what went without being read.
            Ok(_) => drop(log.close()),
        }
    }
    assert!(refused > 5, "{refused}");
    drop(log.close());
}

#[test]
fn a_full_disk_leaves_the_old_state_and_ingest_goes_on() {
    let (disk, mut log) = built();
    let model = Model::of(&log.view());
    let files = disk_files(&disk);
    disk.set_capacity(Some(1 << 30));
    let used = (1 << 30) - disk.free_bytes().expect("free");
    let mut full = 0;
    for room in [0, 4_096, 20_000, 60_000] {
        disk.set_capacity(Some(used + room));
        match log.compact(&request(&log), &plan) {
            Err(error) => {
                full += 1;
                assert!(error.is_disk_full(), "{error}");
                assert_eq!(disk_files(&disk), files, "room for {room} bytes");
                model.compare(&log.view(), "disk full");
            }
            Ok(_) => break,
        }
    }
    assert!(full > 1);
    disk.set_capacity(None);
    log.append(vec![draft(9_000)]).expect("append");
    log.sync().expect("sync");
    log.compact(&request(&log), &plan).expect("with room again");
    assert_eq!(log.view().count(&Expr::events()).expect("count"), model.without(&plan_of).events() + 1);
    log.close().expect("close");
    assert_intact(&disk);
}

#[test]
fn a_failed_sync_stops_the_log() {
    for nth in 1..=6 {
        let (disk, mut log) = built();
        let model = Model::of(&log.view());
        disk.inject(if nth == 6 { "MANIFEST" } else { "segments/" }, if nth == 6 { 1 } else { nth }, Fault::FailSync);
        let failed = log.compact(&request(&log), &plan);
        if disk.faults_waiting() > 0 {
            assert!(failed.is_ok() && nth > 3, "{nth}: {failed:?}");
            continue;
        }
        assert!(matches!(failed, Err(Error::Poisoned { .. })), "{nth}: {failed:?}");
        assert!(matches!(log.append(vec![draft(9_000)]), Err(Error::Poisoned { .. })), "{nth}");
        drop(log);
        let image = disk.crash();
        let log = StepLog::open(config(&image)).expect("open");
        let left = model.without(&plan_of);
        let now = Model::of(&log.view());
        assert!(now == model || now == left, "{nth}: neither the old state nor the new one");
    }
}

/// Cut tails hold records too: they go when they are named, and no others.
#[test]
fn cut_tails_are_removed_for_good() {
    let (disk, mut log) = built();
    log.append(vec![draft(2_000)]).expect("append");
    log.sync().expect("sync");
    drop(log);
    let torn = disk.crash_keep_all();
    let files = disk_files(&torn);
    let last = files.iter().rfind(|name| name.starts_with("journal/")).expect("a journal file");
    let length = torn.read(last, 1 << 30).expect("read").len() as u64;
    torn.flip_bit(last, length - 3, 0).expect("flip");
    let mut log = StepLog::open(config(&torn)).expect("open");
    let found = log.torn_files().expect("list");
    assert_eq!(found.len(), 1);
    log.remove_torn(&[]).expect("nothing named");
    assert_eq!(log.torn_files().expect("list"), found);
    log.remove_torn(&found).expect("remove");
    log.remove_torn(&found).expect("again");
    drop(log);
    let image = torn.crash_lose_all();
    assert!(!disk_files(&image).iter().any(|name| name.starts_with("torn/")), "also after a power cut");
    assert_intact(&image);
}

#[test]
fn the_planner_sees_every_frame_and_reads_what_it_asks_for() {
    let (_, mut log) = built();
    let view = log.view();
    let mut records: Vec<Record> = Vec::new();
    for segment in view.sealed_segments() {
        view.each_frame(segment.id, |frame| {
            assert_eq!(frame.removed()?, [0; 4]);
            records.extend(frame.records()?.iter().flatten().cloned());
            Ok(())
        })
        .expect("each frame");
    }
    let end = records.last().expect("records").seq;
    assert_eq!(records, Model::of(&view).records_to(end));
    log.compact(&request(&log), &plan).expect("compact");
    let mut removed = 0;
    let view = log.view();
    for segment in view.sealed_segments() {
        view.each_frame(segment.id, |frame| {
            let [records, ..] = frame.removed()?;
            removed += records.count_ones();
            assert_eq!(frame.records()?.iter().filter(|record| record.is_none()).count() as u32, records.count_ones());
            Ok(())
        })
        .expect("each frame");
    }
    assert!(removed > 0);
    let by_action = GroupBy { fields: vec![Field::ACTION], bucket: None };
    let counted: u64 = view.group(&Expr::True, &by_action).expect("group").iter().map(|group| group.count).sum();
    assert_eq!(counted, Model::of(&view).count());
}
