//! Regressions of faults survived: each test is named after what once went wrong and fails without the fix.

use std::sync::Arc;
use std::time::{Duration, Instant};

use indelible_engine::query::{Expr, Query};
use indelible_engine::step::StepLog;
use indelible_engine::verify::{VerifyOptions, verify};
use indelible_engine::world::World;
use indelible_engine::world::clock::ManualClock;
use indelible_engine::world::rng::SeededRng;
use indelible_engine::world::storage::sim::{Fault, SimOptions, SimStorage};
use indelible_engine::world::storage::{OpenMode, Storage};
use indelible_engine::{CreateSpec, Draft, Error, Log, LogConfig, LogReader, Options, Overflow, Pressure};
use indelible_evidence::LogId;
use indelible_evidence::key::SigningKey;
use indelible_evidence::record::Record;
use indelible_evidence::schema::{Field, Kind};

fn config(disk: &SimStorage) -> LogConfig {
    LogConfig {
        world: World {
            storage: Arc::new(disk.clone()),
            clock: Arc::new(ManualClock::new(1_800_000_000_000_000_000)),
            rng: Arc::new(SeededRng::new(disk.op_count())),
        },
        options: Options { journal_bytes_max: 4_096, segment_bytes_max: 64 << 10, ..Options::default() },
        signer: Some(Arc::new(SigningKey::generate([3; 32], "test/log").expect("name"))),
        kept: None,
        path: "test".to_owned(),
    }
}

fn spec() -> CreateSpec {
    let key = SigningKey::generate([3; 32], "test/log").expect("name").verifier().to_string();
    let schedule = r#"{"version":1,"rules":[],"default":1}"#.to_owned();
    CreateSpec { log_id: LogId([5; 16]), origin: "test/log".to_owned(), key, schedule }
}

fn draft(n: u64) -> Draft {
    Draft::write(Kind::Event, Some(n as i64), 1, |groups| {
        groups.text(Field::ACTION, "a.b");
        groups.text(Field::TARGET_ID, &format!("target-{n}"));
    })
}

fn drafts(numbers: std::ops::Range<u64>) -> Vec<Draft> {
    numbers.map(draft).collect()
}

fn new_log() -> (SimStorage, StepLog) {
    let disk = SimStorage::new(7, SimOptions::default());
    let log = StepLog::create(config(&disk), &spec()).expect("create");
    (disk, log)
}

fn rows(view: &indelible_engine::query::View) -> Vec<Record> {
    view.query(&Query::oldest(Expr::True, 100_000)).expect("query").rows
}

/// The answer said poisoned, and the framer went on: the next sync succeeded, journal files went, the frames were never written.
#[test]
fn a_failed_sync_of_frames_during_a_checkpoint_stops_the_log() {
    let disk = SimStorage::new(1, SimOptions::default());
    let log = Log::create(config(&disk), &spec()).expect("create");
    log.emit(draft(1)).expect("emit");
    log.flush(None).expect("flush");
    log.checkpoint().expect("checkpoint");
    disk.inject("segments/", 1, Fault::FailSync);
    log.emit(draft(2)).expect("emit");
    log.flush(None).expect("flush");
    assert!(matches!(log.checkpoint(), Err(Error::Poisoned { .. })));
    assert!(matches!(log.checkpoint(), Err(Error::Poisoned { .. })), "asking again does not help");
    let deadline = Instant::now() + Duration::from_secs(20);
    while log.emit(draft(3)).is_ok() {
        assert!(Instant::now() < deadline, "the log goes on after a failed sync");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(log.close().is_err());
    let log = Log::open(config(&disk.crash_lose_all())).expect("open");
    assert!(log.view().count(&Expr::is(Field::TARGET_ID, "target-2")).expect("count") == 1);
}

/// Bytes that a failed sync left in the page cache were read back, called durable, and lost with the next power cut.
#[test]
fn what_recovery_reads_after_a_failed_sync_is_written_again() {
    for (prefix, frames) in [("journal/", false), ("segments/", true)] {
        let (disk, mut log) = new_log();
        log.append(drafts(0..20)).expect("append");
        log.sync().expect("sync");
        disk.inject(prefix, 2, Fault::FailSync);
        let failed = if frames {
            log.frame(true).and_then(|_| log.sync_frames()).and_then(|()| {
                log.append(drafts(20..30))?;
                log.sync()?;
                log.frame(true)?;
                log.sync_frames()
            })
        } else {
            log.append(drafts(20..30)).expect("append");
            log.sync().expect("the first sync");
            log.append(drafts(30..40)).expect("append");
            log.sync().map(drop)
        };
        assert!(matches!(failed, Err(Error::Poisoned { .. })), "{prefix}: {failed:?}");
        drop(log);
        let log = StepLog::open(config(&disk)).expect("reopened in the same boot");
        let seen = rows(&log.view());
        drop(log);
        let log = StepLog::open(config(&disk.crash_lose_all())).expect("reopened after a power cut");
        assert_eq!(rows(&log.view()), seen, "{prefix}");
    }
}

/// The cut was made and kept aside, the power went before the recovery record was durable, and no record ever told of it.
#[test]
fn a_cut_whose_record_was_lost_is_recorded_by_the_next_opening() {
    let (disk, mut log) = new_log();
    log.append(drafts(0..20)).expect("append");
    let torn = disk.crash_keep_all();
    drop(log);
    let length = torn.read("journal/0000000000000001.jnl", 1 << 20).expect("the journal").len() as u64;
    torn.flip_bit("journal/0000000000000001.jnl", length - 1, 0).expect("a flip");
    let mut told_later = 0;
    for at in 0..100 {
        let image = torn.fork();
        image.crash_at(at);
        if StepLog::open(config(&image)).is_ok() {
            break;
        }
        let image = image.crash_lose_all();
        let log = StepLog::open(config(&image)).expect("open");
        told_later += log.recovery().earlier_cuts.len();
        let cuts = image.list("torn").expect("list").iter().filter(|name| !name.ends_with(".tmp")).count() as u64;
        let told = rows(&log.view())
            .iter()
            .filter(|record| record.groups.group(0).first() == Some(&(Kind::Recovery as u8)))
            .count() as u64;
        assert!(told >= cuts.min(1), "power cut at operation {at}: {cuts} cuts, {told} records");
    }
    assert!(told_later > 0, "no crash point lost the record: the test shows nothing");
}

/// The header of the last journal file rotted, and all its groups were called torn with it.
#[test]
fn a_damaged_journal_header_before_groups_is_corruption() {
    let (disk, mut log) = new_log();
    log.append(drafts(0..20)).expect("append");
    log.sync().expect("sync");
    drop(log);
    for byte in 0..64 {
        let image = disk.crash_keep_all();
        image.flip_bit("journal/0000000000000001.jnl", byte, 3).expect("a flip");
        assert!(matches!(StepLog::open(config(&image)), Err(Error::Corrupt(_))), "byte {byte}");
    }
}

/// The mark is never synced: a crash can bring back an old one, whose journal files are long gone. That was called corrupt.
#[test]
fn an_old_live_mark_after_a_crash_is_no_corruption() {
    let (disk, mut log) = new_log();
    let old = disk.read("live", 64).expect("the mark");
    for n in 0..10 {
        log.append(drafts(n * 40..n * 40 + 40)).expect("append");
        log.sync().expect("sync");
        log.frame(true).expect("frame");
        log.sync_frames().expect("sync frames");
        log.tidy().expect("tidy");
    }
    drop(log);
    let image = disk.crash_keep_all();
    image.open("live", OpenMode::ReadWrite).and_then(|live| live.write_at(&old, 0)).expect("the old mark");
    let reader = LogReader::open(&config(&image)).expect("a reader opens");
    let seen = rows(&reader.view().expect("a view"));
    assert!(!seen.is_empty() && seen.iter().enumerate().all(|(seq, record)| record.seq == seq as u64));
}

/// On a full disk the first mark could not be written, and readers took that for a dead writer's log and read all of it.
#[test]
fn a_log_is_not_opened_without_a_first_live_mark() {
    let (disk, mut log) = new_log();
    log.append(drafts(0..5)).expect("append");
    log.sync().expect("sync");
    drop(log);
    let (mut refused, mut opened) = (0, 0);
    for room in 0..12 {
        let image = disk.crash_keep_all();
        image.set_capacity(Some(1 << 30));
        let used = (1 << 30) - image.free_bytes().expect("free");
        image.set_capacity(Some(used + room * 4_096));
        match StepLog::open(config(&image)) {
            Ok(_) => {
                opened += 1;
                assert_eq!(image.read("live", 64).expect("the mark").len(), 64);
            }
            Err(error) => {
                refused += 1;
                assert!(error.is_disk_full(), "{error}");
            }
        }
    }
    assert!(refused > 0 && opened > 0);
}

/// Old snapshots keep files open, and nobody freed them: a file system could not be unmounted after its log was closed.
#[test]
fn a_dropped_log_leaves_no_file_open() {
    let dir = tempfile::tempdir().expect("a directory");
    let open_files = || {
        let fds = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
        fds.filter(|fd| std::fs::read_link(fd.path()).is_ok_and(|path| path.starts_with(dir.path()))).count()
    };
    let disk = SimStorage::new(1, SimOptions::default());
    let storage = indelible_engine::world::storage::DirStorage::open(
        dir.path(),
        indelible_engine::world::storage::Access::Create,
    );
    let mut on_disk = config(&disk);
    on_disk.world.storage = Arc::new(storage.expect("open"));
    let log = Log::create(on_disk, &spec()).expect("create");
    for n in 0..600 {
        log.emit(draft(n)).expect("emit");
    }
    log.close().expect("close");
    drop(log);
    // Other tests of this process may hold an epoch for a moment.
    let deadline = Instant::now() + Duration::from_secs(10);
    while open_files() > 0 && Instant::now() < deadline {
        drop(StepLog::create(config(&SimStorage::new(2, SimOptions::default())), &spec()));
    }
    assert_eq!(open_files(), 0);
}

/// It was accepted, synced, could never be framed, and neither could anything behind it.
#[test]
fn a_draft_larger_than_a_frame_is_refused() {
    let (_, mut log) = new_log();
    let large = Draft::write(Kind::Event, Some(1), 1, |groups| {
        groups.text(Field::ACTION, "a.b");
        groups.text(Field::METADATA, &format!("{{\"p\":\"{}\"}}", "x".repeat(1 << 20)));
    });
    assert!(matches!(log.append(vec![large]), Err(Error::Record(_))));
    log.append(drafts(0..1)).expect("and the log goes on");
}

/// A process that lost its lock file under its hands went on beside the writer that took the new one.
#[test]
fn a_writer_whose_lock_was_replaced_stops() {
    let (disk, mut log) = new_log();
    disk.remove("lock").expect("remove");
    assert!(matches!(log.append(drafts(0..1)), Err(Error::Poisoned { .. })));
    let (disk, mut log) = new_log();
    log.append(drafts(0..1)).expect("append");
    disk.remove("lock").expect("remove");
    assert!(matches!(log.sync(), Err(Error::Poisoned { .. })), "not acknowledged either");
    assert_eq!(log.durable_to(), 2);
}

/// Genesis came back without a schedule, and nothing said by which rules events had got their classes. [RCV-7]
#[test]
fn a_log_whose_creation_was_cut_short_gets_its_schedule() {
    let mut completed = 0;
    for at in 0..60 {
        let disk = SimStorage::new(at, SimOptions::default());
        disk.crash_at(at);
        if StepLog::create(config(&disk), &spec()).is_ok() {
            break;
        }
        let disk = disk.crash_keep_all();
        let log = match StepLog::open(config(&disk)) {
            Err(Error::NotALog { .. }) => continue,
            opened => opened.unwrap_or_else(|error| panic!("power cut at operation {at}: {error}")),
        };
        let records = rows(&log.view());
        let kinds: Vec<u8> = records.iter().filter_map(|record| record.groups.group(0).first().copied()).collect();
        assert_eq!(
            kinds.get(..2),
            Some(&[Kind::Genesis as u8, Kind::Schedule as u8][..]),
            "power cut at operation {at}"
        );
        let named = records[1].groups.value(Field::METADATA).expect("canonical");
        completed += usize::from(format!("{named:?}").contains("critical"));
    }
    assert!(completed > 0, "no power cut lost the schedule: the test shows nothing");
}

/// The tail was cut, the sync of the cut failed, and the opening went on as if the cut were durable.
#[test]
fn a_failed_sync_while_a_torn_tail_is_cut_refuses_to_open() {
    let (disk, mut log) = new_log();
    log.append(drafts(0..20)).expect("append");
    let torn = disk.crash_keep_all();
    drop(log);
    let name = "journal/0000000000000001.jnl";
    let length = torn.read(name, 1 << 20).expect("the journal").len() as u64;
    torn.flip_bit(name, length - 1, 0).expect("a flip");
    // The first file of its kind that recovery syncs: the journal that was cut, the bytes kept aside, the segment.
    for prefix in [name, "torn/"] {
        let image = torn.fork();
        image.inject(prefix, 1, Fault::FailSync);
        let opened = StepLog::open(config(&image));
        assert!(matches!(opened, Err(Error::Poisoned { .. } | Error::Io { .. })), "{prefix}: {:?}", opened.map(drop));
        assert_eq!(image.faults_waiting(), 0, "{prefix}: no sync of it was tried");
        drop(opened_again(&image.crash_lose_all()));
        drop(opened_again(&image.crash_keep_all()));
    }
}

/// Opens a log that a failed recovery left, and checks that what was durable before is there.
fn opened_again(disk: &SimStorage) -> StepLog {
    let log = StepLog::open(config(disk)).expect("the next opening recovers");
    assert!(rows(&log.view()).len() >= 2, "genesis and schedule were durable");
    log
}

/// The checkpoint of the interval met a full disk, and the framer stopped as if a sync had failed.
#[test]
fn a_full_disk_at_the_interval_checkpoint_only_delays_it() {
    let disk = SimStorage::new(1, SimOptions::default());
    let options = Options { checkpoint_interval: Duration::from_millis(20), ..config(&disk).options };
    let log = Log::create(LogConfig { options, ..config(&disk) }, &spec()).expect("create");
    let wait_for = |what: &str, done: &dyn Fn() -> bool| {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !done() {
            assert!(Instant::now() < deadline, "{what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    disk.inject("checkpoint", 1, Fault::NoRoom);
    log.emit(draft(1)).expect("emit");
    wait_for("the interval's checkpoint never met the full disk", &|| disk.faults_waiting() == 0);
    wait_for("no checkpoint was made when there was room again", &|| disk.exists("checkpoint").expect("exists"));
    log.emit(draft(2)).expect("and the log goes on");
    log.close().expect("close");
    assert!(StepLog::open(config(&disk)).expect("open").recovery().was_closed);
}

/// Fields out of order were accepted, and the log never opened again. Debug builds look.
#[test]
#[cfg(debug_assertions)]
fn a_draft_that_is_not_canonical_is_refused() {
    let (_, mut log) = new_log();
    let forged = std::panic::catch_unwind(|| {
        Draft::write(Kind::Event, Some(1), 1, |groups| {
            groups.text(Field::TARGET_ID, "later");
            groups.text(Field::ACTION, "earlier");
        })
    });
    // The writer of groups has assertions of its own.
    if let Ok(draft) = forged {
        assert!(matches!(log.append(vec![draft]), Err(Error::Record(_))));
    }
    log.append(drafts(0..1)).expect("and the log goes on");
}

/// Nobody could see that the disk was filling up until it was full.
#[test]
fn health_tells_of_a_disk_that_fills_up() {
    let disk = SimStorage::new(1, SimOptions { capacity_bytes: Some(64 << 20), ..SimOptions::default() });
    let options = Options { free_bytes_warn: 16 << 20, ..config(&disk).options };
    let log = Log::create(LogConfig { options, ..config(&disk) }, &spec()).expect("create");
    for n in 0..300 {
        log.emit(draft(n)).expect("emit");
    }
    log.flush(None).expect("flush");
    log.checkpoint().expect("checkpoint");
    let health = log.health().expect("health");
    assert_eq!(health.pressure, Pressure::Ok);
    assert!(health.bytes.journal > 0 && health.bytes.active > 0 && health.bytes.other > 0, "{health:?}");
    assert_eq!(health.bytes.torn, 0);
    assert!(health.framed_bytes > 0 && health.written_bytes > health.framed_bytes, "{health:?}");
    let held = |log: &Log| log.health().expect("health").bytes.total();
    let used = (64 << 20) - health.free_bytes;
    assert!(held(&log).abs_diff(used) < 64 << 10, "{} bytes of files, {used} of the disk", held(&log));
    for (free, pressure) in [(16 << 20, Pressure::Ok), (15 << 20, Pressure::Low), (60 << 10, Pressure::Full)] {
        disk.set_capacity(Some(used + free));
        assert_eq!(log.health().expect("health").pressure, pressure, "{free} bytes free");
    }
    let reader = LogReader::open(&config(&disk)).expect("a reader");
    assert_eq!(reader.disk_health(1).expect("disk health").pressure, Pressure::Full);
    disk.set_capacity(None);
    log.close().expect("close");
    let reader = LogReader::open(&config(&disk)).expect("a reader");
    let closed = reader.disk_health(1 << 20).expect("disk health");
    assert_eq!((closed.pressure, closed.bytes.torn), (Pressure::Ok, 0));
}

/// Fills the disk so that some of the next group still fits, and appends it. Gives the journal's length before.
fn append_to_a_full_disk(disk: &SimStorage, log: &mut StepLog) -> (u64, Result<(), Error>) {
    let length = disk.read(JOURNAL, 1 << 20).expect("the journal").len() as u64;
    disk.set_capacity(Some(1 << 30));
    let used = (1 << 30) - disk.free_bytes().expect("free");
    disk.set_capacity(Some(used + 4_096));
    (length, log.append(drafts(100..400)).map(drop))
}

const JOURNAL: &str = "journal/0000000000000001.jnl";

/// Promise 6, first sentence: what a full disk kept of a group is gone again before anything else happens, also after a crash.
#[test]
fn a_group_that_met_a_full_disk_is_cut_back_and_the_cut_is_synced() {
    let (disk, mut log) = new_log();
    log.append(drafts(0..3)).expect("append");
    log.sync().expect("sync");
    let before = rows(&log.view());
    let (length, failed) = append_to_a_full_disk(&disk, &mut log);
    assert!(failed.is_err_and(|error| error.is_disk_full()));
    for image in [disk.crash_keep_all(), disk.crash_lose_all()] {
        assert_eq!(image.read(JOURNAL, 1 << 20).expect("the journal").len() as u64, length);
        image.set_capacity(None);
        let log = StepLog::open(config(&image)).expect("open");
        assert!(log.recovery().journal_cut.is_none(), "nothing is torn: {}", log.recovery());
        assert_eq!(rows(&log.view()), before);
    }
    // Reads go on, and with room the same drafts are taken.
    assert_eq!(rows(&log.view()), before);
    disk.set_capacity(None);
    log.append(drafts(100..400)).expect("there is room");
    assert_eq!(log.sync().expect("sync"), before.len() as u64 + 300);
}

/// A rotation that met a full disk left a file without a header behind, and records that were synced before it made that look
/// like damage.
#[test]
fn a_journal_file_that_got_no_header_is_taken_back() {
    let (disk, mut log) = new_log();
    log.append(drafts(0..5)).expect("append");
    log.sync().expect("sync");
    disk.inject("journal/", 1, Fault::NoRoom);
    assert!(log.rotate_journal().is_err_and(|error| error.is_disk_full()));
    log.append(drafts(5..9)).expect("append");
    log.sync().expect("sync");
    log.frame(true).expect("frame");
    log.sync_frames().expect("sync frames");
    let before = rows(&log.view());
    for image in [disk.crash_keep_all(), disk.crash_lose_all()] {
        assert_eq!(image.list("journal").expect("list"), ["0000000000000001.jnl"]);
        let storage: Arc<dyn Storage> = Arc::new(image.clone());
        let report = verify(&storage, &VerifyOptions::default(), &mut |_| {}).expect("verify");
        assert!(report.is_intact(), "{report:?}");
        assert_eq!(rows(&StepLog::open(config(&image)).expect("open").view()), before);
    }
}

/// The cut after a full disk was not durable, nobody knew, and the log went on over it.
#[test]
fn a_failed_sync_while_a_journal_is_cut_back_stops_the_log() {
    let (disk, mut log) = new_log();
    log.append(drafts(0..3)).expect("append");
    log.sync().expect("sync");
    let before = rows(&log.view());
    disk.inject(JOURNAL, 1, Fault::FailSync);
    let (_, failed) = append_to_a_full_disk(&disk, &mut log);
    assert!(matches!(failed, Err(Error::Poisoned { .. })), "{failed:?}");
    disk.set_capacity(None);
    assert!(matches!(log.append(drafts(400..401)), Err(Error::Poisoned { .. })), "nor later");
    drop(log);
    for image in [disk.crash_keep_all(), disk.crash_lose_all(), disk.crash()] {
        let log = StepLog::open(config(&image)).expect("open");
        assert!(rows(&log.view()).starts_with(&before), "what was durable is there");
    }
}

/// Promise 6, the others: reads go on; callers get a typed error or wait, as they chose; writing resumes by itself.
#[test]
fn on_a_full_disk_callers_are_told_or_wait_and_writing_resumes_by_itself() {
    for overflow in [Overflow::Reject, Overflow::Block { timeout: Some(Duration::from_millis(30)) }] {
        let disk = SimStorage::new(1, SimOptions::default());
        let options = Options { overflow, ring_slots: 16, ..config(&disk).options };
        let log = Log::create(LogConfig { options, ..config(&disk) }, &spec()).expect("create");
        for n in 0..50 {
            while log.emit(draft(n)).is_err() {}
        }
        log.flush(None).expect("flush");
        disk.set_capacity(Some(1 << 30));
        disk.set_capacity(Some((1 << 30) - disk.free_bytes().expect("free")));
        let mut accepted = 0;
        let deadline = Instant::now() + Duration::from_secs(30);
        // The last pages of the journal file take some events before one fails.
        let refused = loop {
            match log.emit(draft(1_000 + accepted)) {
                Ok(_) => accepted += 1,
                Err(refused) if matches!(refused.error, Error::DiskFull) => break refused,
                // The ring was full for a moment although the disk was not.
                Err(_) => {}
            }
            assert!(Instant::now() < deadline, "{overflow:?}: nobody was told");
        };
        assert_eq!(refused.draft.slices(), draft(1_000 + accepted).slices(), "the event comes back");
        assert_eq!(log.health().expect("health").pressure, Pressure::Full);
        assert!(matches!(log.flush(Some(Instant::now() + Duration::from_millis(20))), Err(Error::DiskFull)));
        assert!(log.view().count(&Expr::events()).expect("reads go on") >= 50);
        disk.set_capacity(None);
        log.flush(Some(Instant::now() + Duration::from_secs(30))).expect("writing resumes by itself");
        assert_eq!(log.view().count(&Expr::events()).expect("count"), 50 + accepted);
        log.close().expect("close");
    }
    // Without a time limit an emit waits until there is room.
    let disk = SimStorage::new(1, SimOptions::default());
    let options = Options { ring_slots: 4, ..config(&disk).options };
    let log = Log::create(LogConfig { options, ..config(&disk) }, &spec()).expect("create");
    disk.set_capacity(Some(1 << 30));
    disk.set_capacity(Some((1 << 30) - disk.free_bytes().expect("free")));
    std::thread::scope(|scope| {
        let emitter = scope.spawn(|| (0..600).for_each(|n| drop(log.emit(draft(n)).expect("it waits for room"))));
        while !log.health().expect("health").disk_full {
            assert!(!emitter.is_finished(), "600 events went into a full disk");
            std::thread::sleep(Duration::from_millis(1));
        }
        disk.set_capacity(None);
    });
    log.flush(None).expect("flush");
    assert_eq!(log.view().count(&Expr::events()).expect("count"), 600);
    log.close().expect("close");
}
