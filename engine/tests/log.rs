//! A log end to end on the simulated disk and on a real directory: emit, query, close, reopen, crash.

use std::sync::Arc;

use indelible_engine::query::{Expr, GroupBy, GroupValue, Order, Query};
use indelible_engine::world::World;
use indelible_engine::world::clock::ManualClock;
use indelible_engine::world::rng::SeededRng;
use indelible_engine::world::storage::sim::{SimOptions, SimStorage};
use indelible_engine::world::storage::{Access, DirStorage, Storage};
use indelible_engine::{Ack, CreateSpec, Draft, Log, LogConfig, Options};
use indelible_evidence::LogId;
use indelible_evidence::key::SigningKey;
use indelible_evidence::schema::{Field, Kind};

fn config(storage: Arc<dyn Storage>, options: Options) -> LogConfig {
    LogConfig {
        world: World {
            storage,
            clock: Arc::new(ManualClock::new(1_800_000_000_000_000_000)),
            rng: Arc::new(SeededRng::new(7)),
        },
        options,
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
    Draft::write(Kind::Event, Some(1_700_000_000_000_000_000 + n as i64 * 1_000_000), 1, |groups| {
        groups.text(Field::WORKSPACE, &format!("workspace-{}", n % 5));
        groups.text(Field::ACTION, ["document.publish", "document.delete", "user.login"][n as usize % 3]);
        groups.code(Field::SEVERITY, if n.is_multiple_of(100) { 3 } else { 1 });
        groups.code(Field::OUTCOME, 1);
        groups.code(Field::ACTOR_TYPE, 1);
        groups.text(Field::TARGET_TYPE, "document");
        groups.text(Field::ACTOR_ID, &format!("user-{}", n % 17));
        groups.text(Field::TARGET_ID, &format!("doc-{n}"));
        groups.text(Field::EVENT_ID, &format!("0195f3a2-0000-7abc-8def-{n:012x}"));
        groups.text(Field::CORRELATION_ID, &format!("0195f3a2-0000-7abc-8dee-{:012x}", n / 5));
        groups.text(Field::METADATA, &format!("{{\"n\":{n},\"text\":\"some metadata of event {n}\"}}"));
    })
}

fn small() -> Options {
    Options { segment_bytes_max: 64 << 10, journal_bytes_max: 32 << 10, ..Options::default() }
}

fn emit(log: &Log, numbers: std::ops::Range<u64>) {
    for n in numbers {
        log.emit(draft(n)).expect("emit");
    }
    log.flush(None).expect("flush");
}

/// Every record that was emitted is found by what it says, in every place a record can be.
fn check(log: &Log, events: u64) {
    let view = log.view();
    assert_eq!(view.count(&Expr::events()).expect("count"), events);
    let of_user = Expr::is(Field::ACTOR_ID, "user-3").and(Expr::events());
    let expected = (0..events).filter(|n| n % 17 == 3).count() as u64;
    assert_eq!(view.count(&of_user).expect("count"), expected);
    let page = view.query(&Query::newest(of_user.clone(), 10)).expect("query");
    let newest: Vec<String> = page.rows.iter().map(target).collect();
    let wanted: Vec<String> = (0..events).rev().filter(|n| n % 17 == 3).take(10).map(|n| format!("doc-{n}")).collect();
    assert_eq!(newest, wanted);
    let mut walked = Vec::new();
    let mut query = Query::oldest(of_user, 7);
    loop {
        let page = view.query(&query).expect("page");
        walked.extend(page.rows.iter().map(target));
        match page.next {
            Some(next) => query.after = Some(next),
            None => break,
        }
    }
    assert_eq!(walked.len() as u64, expected);
    let chain = Expr::is(Field::CORRELATION_ID, format!("0195f3a2-0000-7abc-8dee-{:012x}", 3));
    assert_eq!(view.query(&Query::oldest(chain, 50)).expect("chain").rows.len(), 5);
    let prefix = Expr::Field(Field::ACTION, indelible_engine::query::Test::Prefix("document.".to_owned()));
    assert_eq!(view.count(&prefix).expect("prefix"), (0..events).filter(|n| n % 3 != 2).count() as u64);
    let groups = view
        .group(&Expr::events(), &GroupBy { fields: vec![Field::WORKSPACE, Field::SEVERITY], bucket: None })
        .expect("group");
    assert_eq!(groups.iter().map(|group| group.count).sum::<u64>(), events);
    assert!(
        groups.iter().any(|group| group.values == [GroupValue::Text("workspace-0".to_owned()), GroupValue::Code(3)])
    );
}

fn target(record: &indelible_evidence::record::Record) -> String {
    match record.groups.value(Field::TARGET_ID) {
        Ok(Some(indelible_evidence::record::Value::Text(text))) => text.text().into_owned(),
        other => panic!("{other:?}"),
    }
}

fn life(storage: impl Fn() -> Arc<dyn Storage>) {
    let log = Log::create(config(storage(), small()), &spec()).expect("create");
    emit(&log, 0..1_000);
    check(&log, 1_000);
    let note = log.checkpoint().expect("checkpoint");
    assert!(note.starts_with("test/log\n"));
    check(&log, 1_000);
    log.close().expect("close");
    drop(log);
    let log = Log::open(config(storage(), small())).expect("reopen");
    assert!(log.recovery().was_closed);
    check(&log, 1_000);
    emit(&log, 1_000..3_000);
    check(&log, 3_000);
    log.close().expect("close again");
    drop(log);
    let log = Log::open(config(storage(), small())).expect("reopen again");
    check(&log, 3_000);
}

#[test]
fn a_log_lives_on_the_simulated_disk() {
    let disk = SimStorage::new(1, SimOptions::default());
    life(move || Arc::new(disk.clone()));
}

#[test]
fn a_log_lives_in_a_directory() {
    let dir = tempfile::tempdir().expect("tempdir");
    let path = dir.path().to_owned();
    life(move || Arc::new(DirStorage::open(&path, Access::Create).expect("open")));
}

#[test]
fn what_was_durable_is_there_after_a_crash() {
    for seed in 0..30 {
        let disk = SimStorage::new(seed, SimOptions::default());
        let log = Log::create(config(Arc::new(disk.clone()), small()), &spec()).expect("create");
        emit(&log, 0..200 + seed * 37);
        let durable = log.durable_to();
        for n in 0..20 {
            let receipt = log.emit(draft(1_000_000 + n)).expect("emit");
            if n == 7 {
                receipt.wait(Ack::Durable, None).expect("durable");
            }
        }
        let image = disk.crash();
        drop(log);
        let log = Log::open(config(Arc::new(image), small())).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert!(log.durable_to() >= durable, "seed {seed}");
        let doc = Expr::is(Field::TARGET_ID, format!("doc-{}", 199 + seed * 37));
        assert_eq!(log.view().count(&doc).expect("count"), 1, "seed {seed}");
    }
}

#[test]
fn an_id_that_was_stored_is_reported_and_not_stored_twice() {
    let disk = SimStorage::new(1, SimOptions::default());
    let log = Log::create(config(Arc::new(disk.clone()), small()), &spec()).expect("create");
    emit(&log, 0..300);
    log.close().expect("close");
    let log = Log::open(config(Arc::new(disk), small())).expect("reopen");
    let once = |n| {
        let mut draft = draft(n);
        draft.once = true;
        draft
    };
    let outcome = |draft| log.emit(draft).expect("emit").wait(Ack::Durable, None).expect("wait").expect("outcome");
    let first = outcome(once(5));
    assert!(matches!(first, indelible_engine::Outcome::Duplicate(_)), "{first:?}");
    assert!(matches!(outcome(once(999)), indelible_engine::Outcome::Stored(_)));
    assert!(matches!(outcome(once(999)), indelible_engine::Outcome::Duplicate(_)));
    assert!(matches!(outcome(draft(999)), indelible_engine::Outcome::Stored(_)), "without asking, repeats are kept");
}

#[test]
fn pages_by_time_come_in_its_order_whatever_the_order_of_the_log() {
    let disk = SimStorage::new(1, SimOptions::default());
    let log = Log::create(config(Arc::new(disk), small()), &spec()).expect("create");
    // Times go to and fro, within frames and across segments; the last records are in the journal alone.
    for n in 0..3_000 {
        log.emit(draft(n * 1_009 % 3_000)).expect("emit");
    }
    log.flush(None).expect("flush");
    let view = log.view();
    let time = |row: &indelible_evidence::record::Record| row.groups.envelope().expect("envelope").occurred_at;
    for filter in [Expr::True, Expr::is(Field::WORKSPACE, "workspace-3"), Expr::is(Field::ACTOR_ID, "nobody")] {
        let mut wanted = view.query(&Query::oldest(filter.clone(), 10_000)).expect("query").rows;
        wanted.sort_by_key(|row| (time(row), row.seq));
        for limit in [83, 600, 10_000] {
            let mut query = Query { filter: filter.clone(), order: Order::Time, limit, after: None };
            let mut rows = Vec::new();
            loop {
                let page = view.query(&query).expect("query");
                assert!(page.rows.len() <= limit);
                rows.extend(page.rows);
                query.after = page.next;
                if query.after.is_none() {
                    break;
                }
            }
            assert!(rows == wanted, "{filter:?} by {limit}: {} rows for {}", rows.len(), wanted.len());
        }
    }
    log.close().expect("close");
}

#[test]
fn a_page_is_of_just_so_many_rows_and_says_whether_there_are_more() {
    let disk = SimStorage::new(1, SimOptions::default());
    let log = Log::create(config(Arc::new(disk), small()), &spec()).expect("create");
    emit(&log, 0..500);
    let view = log.view();
    for order in [Order::Newest, Order::Oldest, Order::Time] {
        for (limit, rows, more) in [(0, 0, false), (99, 99, true), (100, 100, false), (101, 100, false)] {
            let query = Query { filter: Expr::is(Field::WORKSPACE, "workspace-0"), order, limit, after: None };
            let mut made = 0;
            let page = view.query_into(&query, &mut |record, seqs: &mut Vec<u64>| {
                made += 1;
                seqs.push(record.seq);
                Ok(())
            });
            let page = page.expect("query");
            assert_eq!((page.rows.len(), page.next.is_some()), (rows, more), "{order:?} {limit}");
            assert_eq!(made, rows, "{order:?} {limit}: a row was made that nobody asked for");
            assert_eq!(
                page.rows,
                view.query(&query).expect("query").rows.iter().map(|row| row.seq).collect::<Vec<_>>()
            );
        }
    }
    log.close().expect("close");
}

#[test]
fn a_second_writer_is_refused() {
    let disk = SimStorage::new(1, SimOptions::default());
    let log = Log::create(config(Arc::new(disk.clone()), small()), &spec()).expect("create");
    assert!(matches!(Log::open(config(Arc::new(disk.clone()), small())), Err(indelible_engine::Error::Locked)));
    drop(log);
    assert!(Log::open(config(Arc::new(disk), small())).is_ok());
}

/// [CHK-3]
#[test]
fn a_size_is_signed_once_and_only_over_frames_that_are_synced() {
    let disk = SimStorage::new(1, SimOptions::default());
    let log = Log::create(config(Arc::new(disk.clone()), small()), &spec()).expect("create");
    emit(&log, 0..300);
    let first = log.checkpoint().expect("checkpoint");
    assert_eq!(log.checkpoint().expect("again"), first, "the same size is not signed twice");
    // What was signed is durable: it is there in the image of a crash that loses everything unsynced.
    let image = disk.crash_lose_all();
    emit(&log, 300..310);
    let second = log.checkpoint().expect("checkpoint");
    assert_ne!(first, second);
    drop(log);
    let log = Log::open(config(Arc::new(image), small())).expect("the signed frames are there");
    assert_eq!(log.checkpoint().expect("checkpoint"), first);
}

/// Postings, lookups and footers are derived: a query answers as before where they are damaged, and `verify` tells.
#[test]
fn queries_answer_from_records_where_the_index_is_damaged() {
    let disk = SimStorage::new(1, SimOptions::default());
    let log = Log::create(config(Arc::new(disk.clone()), small()), &spec()).expect("create");
    emit(&log, 0..3_000);
    log.close().expect("close");
    let names = disk.list("segments").expect("list");
    let first = format!("segments/{}", names.first().expect("a segment"));
    let bytes = disk.read(&first, 1 << 30).expect("read");
    let derived = derived_blocks(&bytes);
    assert!(derived.len() >= 4, "a run, lookups and a footer");
    for (start, end) in derived {
        for at in (start..end).step_by(((end - start) / 7).max(1)) {
            let damaged = disk.fork();
            damaged.flip_bit(&first, at as u64, 3).expect("flip");
            let log = Log::open(config(Arc::new(damaged), small())).expect("open");
            check(&log, 3_000);
        }
    }
}

/// Where runs, lookups, and the footer with its trailer lie.
fn derived_blocks(bytes: &[u8]) -> Vec<(usize, usize)> {
    use indelible_format::segment::{BlockHeader, BlockKind, SegmentHeader};
    let (mut at, mut found) = (SegmentHeader::SIZE, Vec::new());
    while let Ok(header) = BlockHeader::decode(&bytes[at..]) {
        let end = at + header.total() as usize;
        match header.kind {
            BlockKind::Run | BlockKind::Lookup => found.push((at, end)),
            BlockKind::Footer => found.push((at, bytes.len())),
            BlockKind::Terms | BlockKind::Frame | BlockKind::Authority => {}
        }
        at = end;
    }
    found
}

/// A draft with the id of event `id` and everything else of event `n`.
fn with_id(n: u64, id: u64) -> Draft {
    let mut draft = Draft::write(Kind::Event, Some(1_700_000_000_000_000_000 + n as i64 * 1_000_000), 1, |groups| {
        groups.text(Field::WORKSPACE, "another");
        groups.text(Field::ACTION, "salary.change");
        groups.code(Field::SEVERITY, 1);
        groups.code(Field::OUTCOME, 1);
        groups.code(Field::ACTOR_TYPE, 1);
        groups.text(Field::TARGET_TYPE, "person");
        groups.text(Field::ACTOR_ID, "mallory");
        groups.text(Field::TARGET_ID, &format!("person-{n}"));
        groups.text(Field::EVENT_ID, &format!("0195f3a2-0000-7abc-8def-{id:012x}"));
    });
    draft.once = true;
    draft
}

/// Another event under a used id was once dropped as a duplicate.
#[test]
fn an_id_used_for_something_else_is_stored_and_said() {
    use indelible_engine::Outcome;
    let disk = SimStorage::new(1, SimOptions::default());
    let log = Log::create(config(Arc::new(disk.clone()), small()), &spec()).expect("create");
    emit(&log, 0..300);
    let outcome =
        |log: &Log, draft| log.emit(draft).expect("emit").wait(Ack::Durable, None).expect("wait").expect("outcome");
    let first = outcome(&log, with_id(1, 5));
    let Outcome::Conflict(seq) = first else { panic!("{first:?}") };
    let stored = log.view().record(seq).expect("read").expect("stored");
    assert!(matches!(stored.groups.value(Field::ACTOR_ID), Ok(Some(indelible_evidence::record::Value::Text(_)))));
    // The same input again stores nothing, with the conflict between and after everything was framed.
    assert_eq!(outcome(&log, with_id(1, 5)), Outcome::Duplicate(seq));
    log.close().expect("close");
    let log = Log::open(config(Arc::new(disk), small())).expect("reopen");
    assert_eq!(outcome(&log, with_id(1, 5)), Outcome::Duplicate(seq));
    let mut same = draft(5);
    same.once = true;
    assert!(matches!(outcome(&log, same), Outcome::Duplicate(original) if original < seq));
    assert!(matches!(outcome(&log, with_id(2, 5)), Outcome::Conflict(_)), "a third content is kept too");
    // In one group as well: three of which one repeats and one differs.
    let receipts: Vec<_> = [with_id(7, 900), with_id(7, 900), with_id(8, 900)]
        .into_iter()
        .map(|draft| log.emit(draft).expect("emit"))
        .collect();
    let outcomes: Vec<_> =
        receipts.iter().map(|receipt| receipt.wait(Ack::Durable, None).expect("wait").expect("outcome")).collect();
    let [Outcome::Stored(first), Outcome::Duplicate(repeat), Outcome::Conflict(_)] = outcomes[..] else {
        panic!("{outcomes:?}")
    };
    assert_eq!(first, repeat);
}

/// An id belongs to its source: the same one in records of two formats is no conflict.
#[test]
fn an_id_counts_within_its_source() {
    use indelible_engine::Outcome;
    let log =
        Log::create(config(Arc::new(SimStorage::new(1, SimOptions::default())), small()), &spec()).expect("create");
    let of = |format: &str, body: &[u8]| {
        let mut draft = Draft::write(Kind::Event, None, 1, |groups| {
            groups.text(Field::WORKSPACE, "w");
            groups.text(Field::ACTION, "a");
            groups.code(Field::SEVERITY, 1);
            groups.code(Field::OUTCOME, 1);
            groups.code(Field::ACTOR_TYPE, 1);
            groups.text(Field::TARGET_TYPE, "t");
            groups.text(Field::ACTOR_ID, "u");
            groups.text(Field::TARGET_ID, "1");
            groups.text(Field::EVENT_ID, "4711");
            groups.text(Field::ORIGINAL_FORMAT, format);
            groups.bytes(Field::ORIGINAL, body);
        });
        draft.once = true;
        draft
    };
    let outcome = |draft| log.emit(draft).expect("emit").wait(Ack::Durable, None).expect("wait").expect("outcome");
    assert!(matches!(outcome(of("windows", b"{}")), Outcome::Stored(_)));
    assert!(matches!(outcome(of("kubernetes", b"{}")), Outcome::Stored(_)));
    assert!(matches!(outcome(of("windows", b"{}")), Outcome::Duplicate(_)), "without a time of its own too");
    assert!(matches!(outcome(of("windows", b"[]")), Outcome::Conflict(_)));
}

/// Patterns with `*` inside or in front once matched nothing.
#[test]
fn patterns_find_what_a_look_at_every_record_finds() {
    let disk = SimStorage::new(1, SimOptions::default());
    let log = Log::create(config(Arc::new(disk.clone()), small()), &spec()).expect("create");
    emit(&log, 0..2_000);
    log.close().expect("close");
    let log = Log::open(config(Arc::new(disk), small())).expect("reopen");
    emit(&log, 2_000..2_100);
    let view = log.view();
    let like = |field, parts: &[&str]| {
        let parts = parts.iter().map(|&part| part.to_owned()).collect();
        Expr::Field(field, indelible_engine::query::Test::Like(parts))
    };
    for (expr, expected) in [
        (like(Field::ACTION, &["", "delete"]), 700),
        (like(Field::ACTION, &["", "ment.", ""]), 1_400),
        (like(Field::ACTION, &["user", "in"]), 700),
        (like(Field::ACTION, &["", "Delete", ""]), 0),
        (like(Field::TARGET_ID, &["doc-", "9", "9"]), 39),
        (like(Field::EVENT_ID, &["", "-00000000001f"]), 1),
        (like(Field::CORRELATION_ID, &["0195", "-000000000002"]), 5),
        (like(Field::ACTION, &["", "delete"]).not().and(Expr::events()), 1_400),
    ] {
        let counted = view.count(&expr).expect("count");
        let mut looked = 0;
        for seq in 0..view.next_seq() {
            looked += u64::from(expr.matches(&view.record(seq).expect("read").expect("there")).expect("whole"));
        }
        assert_eq!((counted, looked), (expected, expected), "{expr:?}");
    }
}

/// A log on a full disk once waited for ever, whoever asked it to end.
#[test]
fn who_gives_up_waiting_for_room_gets_the_log_closed() {
    let disk = SimStorage::new(1, SimOptions::default());
    let log = Log::create(config(Arc::new(disk.clone()), small()), &spec()).expect("create");
    emit(&log, 0..100);
    let durable = log.durable_to();
    disk.set_capacity(Some(1));
    let receipt = log.emit(draft(100)).expect("accepted");
    while !log.waits_for_room() {
        std::thread::yield_now();
    }
    log.give_up_waiting();
    let closed = log.close().expect_err("not closed cleanly");
    assert!(closed.to_string().contains("the disk is full"), "{closed}");
    disk.set_capacity(None);
    let log = Log::open(config(Arc::new(disk), small())).expect("reopen");
    assert!(log.durable_to() >= durable, "what was durable is there");
    // The last one may have found room in the journal, and waited for its frame only: then it is there.
    let stored = receipt.outcome().map_or(100, |outcome| if outcome.seq() < log.durable_to() { 101 } else { 100 });
    assert_eq!(log.view().count(&Expr::events()).expect("count"), stored);
}
