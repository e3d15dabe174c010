//! One byte of a file changed, missing or doubled: what it costs is the record it hits, or the two it lies between.
//!
//! Every byte of each file is tried in each way. Exceptions, listed because the bytes themselves do not tell more:
//! - a fault that leaves valid JSON (inside a text or a number) costs nothing, and what is stored is what the file then has;
//! - the last record of a list has no record behind it to begin anew with: a fault there may take the end of the list along.

use std::ops::ControlFlow;

use indelible::Limits;
use indelible_importers::{Format, ImportContext, Item, import};

const RECORDS: usize = 6;

/// What an import gave: originals of the events, bytes of the rejects.
fn run(input: &[u8]) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let (mut events, mut rejects) = (Vec::new(), Vec::new());
    import(input, Format::Auto, &Limits::default(), &ImportContext::new("test"), &mut |item| {
        match item {
            Item::Event(event) => events.push(event.event.original.expect("an imported event has it").bytes),
            Item::Reject(rejected) => rejects.push(rejected.bytes),
        }
        ControlFlow::Continue(())
    })
    .expect("memory can be read");
    (events, rejects)
}

fn cloudtrail(n: usize) -> String {
    format!(
        r#"{{"eventVersion":"1.08","userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::1:user/a{n}"}},"eventTime":"2025-01-01T00:00:0{n}Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","eventID":"e-{n}","resources":[{{"ARN":"arn:x","type":"t"}},{{"ARN":"arn:{{y","type":"t"}}]}}"#
    )
}

fn kubernetes(n: usize) -> String {
    format!(
        r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"a-{n}","stage":"ResponseComplete","verb":"get","user":{{"username":"u{n}","groups":["a","b"]}},"objectRef":{{"resource":"pods","name":"p{n}"}},"stageTimestamp":"2025-04-25T11:07:4{n}Z"}}"#
    )
}

fn windows(n: usize) -> String {
    format!(
        r#"{{"EventID":4624,"Channel":"Security","SourceName":"Microsoft-Windows-Security-Auditing","Hostname":"h{n}.corp","TimeCreated":"2025-03-30T02:30:0{n}Z","Message":"An account \"x\" logged on.\nSubject: {{a}}","TargetUserName":"u{n}"}}"#
    )
}

/// The same JSON over several lines.
fn pretty(record: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(record).expect("the samples are JSON");
    serde_json::to_string_pretty(&value).expect("JSON is written")
}

/// A file of records, and the exact bytes of each.
struct File {
    name: &'static str,
    bytes: Vec<u8>,
    records: Vec<(usize, usize)>,
}

fn file(name: &'static str, head: &str, between: &str, tail: &str, records: &[String]) -> File {
    let mut bytes = head.as_bytes().to_vec();
    let mut places = Vec::new();
    for (n, record) in records.iter().enumerate() {
        bytes.extend_from_slice(if n == 0 { "" } else { between }.as_bytes());
        places.push((bytes.len(), bytes.len() + record.len()));
        bytes.extend_from_slice(record.as_bytes());
    }
    bytes.extend_from_slice(tail.as_bytes());
    File { name, bytes, records: places }
}

fn files() -> Vec<File> {
    let all = |of: fn(usize) -> String| (0..RECORDS).map(of).collect::<Vec<_>>();
    let several = |of: fn(usize) -> String| all(of).iter().map(|record| pretty(record)).collect::<Vec<_>>();
    vec![
        file("cloudtrail, one line", r#"{"Records":["#, ",", "]}", &all(cloudtrail)),
        file("cloudtrail, pretty", "{\"Records\": [\n", ",\n", "\n]}\n", &several(cloudtrail)),
        file("kubernetes, one line", r#"{"kind":"EventList","items":["#, ",", "]}", &all(kubernetes)),
        file("kubernetes, lines", "", "\n", "\n", &all(kubernetes)),
        file("kubernetes, pretty", "", "\n", "\n", &several(kubernetes)),
        file("windows, array", "[", ",", "]", &all(windows)),
        file("windows, lines", "", "\n", "\n", &all(windows)),
        file("windows, pretty", "[\n", ",\n", "\n]\n", &several(windows)),
    ]
}

/// The records that a fault at this byte may cost: the one it hits, or those on both sides.
fn may_be_lost(file: &File, at: usize) -> Vec<usize> {
    let hit = file.records.iter().position(|&(from, to)| from <= at && at < to);
    let before = file.records.iter().rposition(|&(_, to)| to <= at);
    let after = file.records.iter().position(|&(from, _)| at < from);
    match hit {
        Some(hit) => vec![hit],
        None => before.into_iter().chain(after).collect(),
    }
}

fn check(file: &File, at: usize, how: &str, faulty: &[u8]) {
    let (events, rejects) = run(faulty);
    let allowed = may_be_lost(file, at);
    for (n, &(from, to)) in file.records.iter().enumerate() {
        let exact = file.bytes.get(from..to).expect("places lie in the file");
        let stored = events.iter().any(|event| event == exact);
        // A doubled or missing byte at a record's edge hits its neighbour too.
        let edge = file.records.get(n.wrapping_sub(1)).is_some_and(|&(_, to)| at + 1 == to)
            || at + 1 == from
            || file.records.get(n + 1).is_some_and(|&(from, _)| at == from);
        assert!(
            stored || allowed.contains(&n) || edge,
            "{}: byte {at} ({:?}) {how}: record {n} is lost\n{} events, rejects {:?}",
            file.name,
            char::from(*file.bytes.get(at).expect("inside")),
            events.len(),
            rejects.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect::<Vec<_>>(),
        );
    }
    for event in &events {
        assert!(
            faulty.windows(event.len()).any(|window| window == event),
            "{}: byte {at} {how}: stored bytes are not the file's",
            file.name
        );
    }
    let whole = file.records.iter().filter(|&&(from, to)| events.iter().any(|e| *e == file.bytes[from..to])).count();
    assert!(whole + 2 >= RECORDS, "{}: byte {at} {how}: only {whole} of {RECORDS} are whole", file.name);
}

#[test]
fn a_fault_costs_the_record_it_hits() {
    for file in files() {
        let (events, rejects) = run(&file.bytes);
        assert_eq!((events.len(), rejects.len()), (RECORDS, 0), "{}", file.name);
        for at in 0..file.bytes.len() {
            let mut missing = file.bytes.clone();
            let byte = missing.remove(at);
            check(&file, at, "missing", &missing);
            let mut doubled = file.bytes.clone();
            doubled.insert(at, byte);
            check(&file, at, "doubled", &doubled);
            for other in [b'x', byte ^ 1] {
                let mut changed = file.bytes.clone();
                changed[at] = other;
                check(&file, at, "changed", &changed);
            }
        }
    }
}
