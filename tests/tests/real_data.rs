//! Real audit logs, all of them, in and out: read = stored + rejected, originals byte for byte, answers as SQLite gives them.
//!
//! SQLite holds the originals as an independent split of the files made them, and computes the expected answers from their
//! JSON; it shares nothing with importers, engine or index. The folder is `shared/data` beside the workspace, or
//! `INDELIBLE_DATA`; without it the tests say so and pass.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use indelible::query::Expr;
use indelible::{CreateOptions, Ledger, LedgerReader, Limits, OpenOptions, Order, Query, StatsQuery};
use indelible_evidence::schema::Field;
use indelible_importers::{Format, ImportContext, Item, import};
use rusqlite::Connection;
use serde_json::value::RawValue;

/// One family of formats: where its files are, and what its records say, in SQLite's words.
struct Family {
    folders: &'static str,
    /// Rejects that the files really call for.
    rejected: u64,
    /// Column, and the SQL expression over the original `j` that gives its value.
    columns: &'static [(Field, &'static str)],
    /// Text of the event's own time, RFC 3339 in UTC, and the bounds of a range that cuts the data.
    time: (&'static str, [&'static str; 2]),
    correlation: &'static str,
}

const CLOUDTRAIL: Family = Family {
    folders: "cloudtrail-",
    rejected: 0,
    columns: &[
        (Field::ACTION, "substr(j->>'eventSource', 1, instr(j->>'eventSource', '.') - 1) || ':' || (j->>'eventName')"),
        (
            Field::ACTOR_ID,
            "coalesce(j->>'$.userIdentity.arn', j->>'$.userIdentity.principalId', j->>'$.userIdentity.userName', \
             j->>'$.userIdentity.invokedBy', j->>'$.userIdentity.accountId', 'unknown')",
        ),
        (Field::LANE, "j->>'awsRegion'"),
        (Field::SERVICE, "j->>'eventSource'"),
    ],
    time: ("j->>'eventTime'", ["2023-07-10T11:50:00Z", "2023-07-10T12:15:00Z"]),
    correlation: "coalesce(j->>'requestID', j->>'sharedEventID')",
};

const KUBERNETES: Family = Family {
    folders: "k8s-audit-",
    rejected: 1,
    columns: &[
        (Field::LANE, "j->>'$.objectRef.namespace'"),
        (Field::ACTOR_ID, "coalesce(j->>'$.user.username', j->>'$.user.uid', 'unknown')"),
    ],
    time: (
        "coalesce(j->>'stageTimestamp', j->>'requestReceivedTimestamp', j->>'timestamp', j->>'$.metadata.creationTimestamp')",
        ["2018-01-01T00:00:00.000000Z", "2018-11-01T00:00:00.000000Z"],
    ),
    correlation: "j->>'auditID'",
};

const WINDOWS: Family = Family {
    folders: "windows-otrf",
    rejected: 0,
    columns: &[(Field::LANE, "j->>'Hostname'"), (Field::SERVICE, "j->>'SourceName'")],
    time: ("j->>'TimeCreated'", ["2022-07-05T02:00:00.000Z", "2022-08-08T12:00:00.000Z"]),
    correlation: "nullif(j->>'ActivityID', '-')",
};

#[test]
fn cloudtrail_answers_as_the_files_say() {
    check(&CLOUDTRAIL);
}

#[test]
fn kubernetes_answers_as_the_files_say() {
    check(&KUBERNETES);
}

#[test]
fn windows_answers_as_the_files_say() {
    check(&WINDOWS);
}

fn check(family: &Family) {
    let Some(files) = files_of(family.folders) else {
        println!("skipped: the sample data is not here; set INDELIBLE_DATA to its folder");
        return;
    };
    assert!(!files.is_empty(), "no files in {}*", family.folders);
    let dir = tempfile::tempdir().expect("tempdir");
    let (log, key) = (dir.path().join("log"), dir.path().join("key"));
    let create = CreateOptions { origin: Some("test/real-data".to_owned()), sign_key_file: Some(key.clone()) };
    Ledger::create(&log, &create).expect("create");
    let open = OpenOptions { sign_key_file: Some(key), ..OpenOptions::default() };
    let ledger = Ledger::open(&log, &open).expect("open");
    let sqlite = Connection::open_in_memory().expect("sqlite");
    sqlite.execute_batch("create table original (n integer primary key, j text)").expect("table");
    let (mut stored, mut rejected) = (0, 0);
    for file in &files {
        let (file_stored, file_rejected) = ingest(&ledger, file);
        stored += file_stored;
        rejected += file_rejected;
        split_into(&sqlite, file);
    }
    ledger.close().expect("close");
    assert_eq!(rejected, family.rejected, "rejects");
    let reader = LedgerReader::open(&log, &Default::default()).expect("reader");
    assert_eq!(reader.count(&Expr::events()).expect("count"), stored);
    originals_are_exact(&reader, &sqlite);
    for (field, expression) in family.columns {
        groups_agree(&reader, &sqlite, *field, expression);
    }
    time_agrees(&reader, &sqlite, family.time.0, family.time.1);
    correlation_agrees(&reader, &sqlite, family.correlation);
}

fn files_of(prefix: &str) -> Option<Vec<PathBuf>> {
    let data = std::env::var_os("INDELIBLE_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    let mut files = Vec::new();
    for folder in std::fs::read_dir(data).ok()?.flatten() {
        if folder.file_name().to_string_lossy().starts_with(prefix) {
            files.extend(std::fs::read_dir(folder.path()).ok()?.flatten().map(|file| file.path()));
        }
    }
    files.sort();
    Some(files)
}

/// Ingests one file; every record is stored or rejected with a reason.
fn ingest(ledger: &Ledger, file: &Path) -> (u64, u64) {
    let name = file.display().to_string();
    let input = std::fs::File::open(file).expect("open");
    let context = ImportContext::new(&name).with_workspace("cluster");
    let mut stored = 0;
    let summary = import(input, Format::Auto, &Limits::default(), &context, &mut |item| {
        match item {
            Item::Event(imported) => {
                ledger.emit(imported.event).unwrap_or_else(|error| panic!("{name}:{}: {error}", imported.line));
                stored += 1;
            }
            Item::Reject(rejected) => assert!(!rejected.reason.is_empty(), "{name}:{}", rejected.line),
        }
        ControlFlow::Continue(())
    })
    .expect("read");
    ledger.flush(None).expect("flush");
    assert_eq!(summary.read, summary.events + summary.rejected, "{name}");
    assert_eq!(summary.events, stored, "{name}");
    (stored, summary.rejected)
}

/// Splits a file without the importers: lines, an array, or an object with `Records`.
fn split_into(sqlite: &Connection, file: &Path) {
    let mut bytes = Vec::new();
    let input = std::fs::File::open(file).expect("open");
    if file.extension().is_some_and(|extension| extension == "zst") {
        let mut decoder = zstd::Decoder::new(input).expect("zstd");
        decoder.window_log_max(27).expect("window");
        decoder.read_to_end(&mut bytes).expect("inflate");
    } else {
        std::io::BufReader::new(input).read_to_end(&mut bytes).expect("read");
    }
    let text = String::from_utf8(bytes).expect("UTF-8");
    let mut insert = sqlite.prepare("insert into original (j) values (?1)").expect("prepare");
    let mut add = |record: &str| assert_eq!(insert.execute([record]).expect("insert"), 1);
    sqlite.execute_batch("begin").expect("begin");
    if let Ok(array) = serde_json::from_str::<Vec<&RawValue>>(&text) {
        array.iter().for_each(|record| add(record.get()));
    } else if let Ok(object) = serde_json::from_str::<BTreeMap<&str, &RawValue>>(&text)
        && let Some(records) = object.get("Records")
    {
        let records: Vec<&RawValue> = serde_json::from_str(records.get()).expect("Records");
        records.iter().for_each(|record| add(record.get()));
    } else {
        let records = text.lines().map(str::trim).filter(|line| !line.is_empty() && *line != r#"{"kind": 0}"#);
        records.for_each(&mut add);
    }
    sqlite.execute_batch("commit").expect("commit");
}

fn originals_are_exact(reader: &LedgerReader, sqlite: &Connection) {
    let mut statement = sqlite.prepare("select j from original order by n").expect("prepare");
    let mut expected = statement.query([]).expect("query");
    let mut query = Query { filter: Expr::events(), order: Order::Oldest, limit: 1000, cursor: None };
    loop {
        let page = reader.query(&query).expect("page");
        for row in &page.rows {
            let wanted: String = expected.next().expect("row").expect("as many").get(0).expect("text");
            let original = row.event.original.as_ref().expect("an original");
            assert_eq!(original.bytes, wanted.as_bytes(), "seq {}", row.seq);
        }
        match page.next_cursor {
            Some(cursor) => query.cursor = Some(cursor),
            None => break,
        }
    }
    assert!(expected.next().expect("row").is_none(), "SQLite has more originals");
}

fn groups_agree(reader: &LedgerReader, sqlite: &Connection, field: Field, expression: &str) {
    let sql = format!("select {expression} as value, count(*) from original group by value");
    let mut statement = sqlite.prepare(&sql).expect("prepare");
    let expected: BTreeMap<Option<String>, u64> = statement
        .query_map([], |row| Ok((row.get::<_, Option<String>>(0)?, row.get::<_, i64>(1)? as u64)))
        .expect("query")
        .map(|row| row.expect("row"))
        .collect();
    let rows = reader.stats(&StatsQuery { filter: Expr::events(), by: vec![field], bucket: None }).expect("stats");
    let found: BTreeMap<Option<String>, u64> = rows.into_iter().map(|row| (row.values[0].clone(), row.count)).collect();
    assert_eq!(found, expected, "{field:?}");
    for (value, count) in expected.into_iter().take(50) {
        let Some(value) = value else { continue };
        let counted = reader.count(&Expr::is(field, value.as_str()).and(Expr::events())).expect("count");
        assert_eq!(counted, count, "{field:?} = {value}");
        let seqs = |order| {
            let query = Query { filter: Expr::is(field, value.as_str()), order, limit: 100, cursor: None };
            reader.query(&query).expect("query").rows.iter().map(|row| row.seq).collect::<Vec<_>>()
        };
        let (newest, oldest) = (seqs(Order::Newest), seqs(Order::Oldest));
        assert!(newest.windows(2).all(|pair| pair[0] > pair[1]) && oldest.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(newest.len() as u64, count.min(100));
    }
}

fn time_agrees(reader: &LedgerReader, sqlite: &Connection, time: &str, [from, to]: [&str; 2]) {
    let sql = format!("select count(*) from original where {time} >= ?1 and {time} < ?2");
    let expected: i64 = sqlite.query_row(&sql, [from, to], |row| row.get(0)).expect("count");
    assert!(expected > 0, "the range must cut the data");
    let nanos = |text: &str| text.parse::<jiff::Timestamp>().expect("time").as_nanosecond() as i64;
    let range = Expr::Occurred { from: Some(nanos(from)), to: Some(nanos(to)) };
    assert_eq!(reader.count(&range.and(Expr::events())).expect("count"), expected as u64);
}

fn correlation_agrees(reader: &LedgerReader, sqlite: &Connection, correlation: &str) {
    let sql = format!(
        "select {correlation} as c, count(*) as n from original where c is not null group by c order by n desc, c limit 40"
    );
    let mut statement = sqlite.prepare(&sql).expect("prepare");
    let expected: Vec<(String, u64)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))
        .expect("query")
        .map(|row| row.expect("row"))
        .collect();
    assert!(!expected.is_empty());
    for (id, count) in expected {
        let rows = reader.correlation(&id, 10_000).expect("correlation");
        assert_eq!(rows.len() as u64, count, "{id}");
        assert!(rows.windows(2).all(|pair| pair[0].event.time <= pair[1].event.time), "{id} not by time");
    }
}
