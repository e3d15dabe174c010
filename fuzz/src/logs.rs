//! Checks of whole logs: files that somebody changed, and a life of operations with crashes.
//!
//! ```text
//! log_files:   a small log ──> edits that the input names ──> verified, opened for writing, read
//! engine_steps: input ──> choices of the crash schedule (`tests/src/crash`): steps, faults, power cuts, recoveries
//! ```

use std::sync::{Arc, OnceLock};

use indelible_engine::query::{Expr, Query, View};
use indelible_engine::step::StepLog;
use indelible_engine::verify::{VerifyOptions, VerifyReport, verify};
use indelible_engine::world::clock::ManualClock;
use indelible_engine::world::storage::sim::{SimOptions, SimStorage};
use indelible_engine::world::storage::{OpenMode, Storage};
use indelible_engine::{LogConfig, LogReader, Options};
use indelible_evidence::record::Record;
use indelible_tests::crash;
use indelible_tests::world::{config, draft, signer, spec};

use crate::repair;

/// A life of a log whose every choice the input makes; the promises are those of the crash schedules.
pub fn engine_steps(data: &[u8]) {
    if let Err(what) = crash::run_script(data) {
        panic!("{what}");
    }
}

/// A log as it was before anyone touched it.
struct Untouched {
    disk: SimStorage,
    files: Vec<String>,
    records: Vec<Record>,
    report: VerifyReport,
}

/// The log that was closed, and the one whose writer was killed.
fn untouched(closed: bool) -> &'static Untouched {
    static LOGS: OnceLock<[Untouched; 2]> = OnceLock::new();
    let logs = LOGS.get_or_init(|| [make(false), make(true)]);
    &logs[usize::from(closed)]
}

fn configured(disk: &SimStorage, salt: u64) -> LogConfig {
    let options = Options { journal_bytes_max: 4_096, segment_bytes_max: 4_096, ..Options::default() };
    config(Arc::new(disk.clone()), &options, &ManualClock::new(1_800_000_000_000_000_000), salt)
}

fn make(closed: bool) -> Untouched {
    let disk = SimStorage::new(1, SimOptions::default());
    let mut log = StepLog::create(configured(&disk, 1), &spec()).expect("an empty disk takes a log");
    for n in 0..40 {
        log.append(vec![draft(n, if n % 9 == 0 { 600 } else { 0 })]).expect("append");
        log.sync().expect("sync");
        if n % 8 == 7 {
            log.frame(true).expect("frame");
            log.checkpoint().expect("checkpoint");
        }
    }
    // The last records lie in the journal alone.
    log.append((50..53).map(|n| draft(n, 0)).collect()).expect("append");
    log.sync().expect("sync");
    if closed {
        log.close().expect("close");
    }
    let records = read(&log.view()).expect("a sound log is read");
    drop(log);
    let report = verified(&disk).expect("a sound log is verified");
    assert!(report.is_intact(), "{report:?}");
    let files = ["", "journal", "segments"].iter().flat_map(|dir| {
        let prefix = if dir.is_empty() { String::new() } else { format!("{dir}/") };
        let names = disk.list(dir).expect("list");
        names.into_iter().map(move |name| format!("{prefix}{name}")).collect::<Vec<_>>()
    });
    let files = files.filter(|name| name != "lock").collect();
    Untouched { files, records, report, disk }
}

fn verified(disk: &SimStorage) -> indelible_engine::Result<VerifyReport> {
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let key = Some(signer().verifier().to_string());
    verify(&storage, &VerifyOptions { threads: 1, key, ..VerifyOptions::default() }, &mut |_| {})
}

fn read(view: &View) -> indelible_engine::Result<Vec<Record>> {
    Ok(view.query(&Query::oldest(Expr::True, 10_000))?.rows)
}

/// Files of a small log, changed. First byte: 1 repairs checksums, 2 takes the closed log. Then edits of six bytes each: file,
/// what, offset (2), value (2).
pub fn log_files(data: &[u8]) {
    let (&mode, edits) = data.split_first().unwrap_or((&0, &[]));
    let before = untouched(mode & 2 == 2);
    let disk = before.disk.fork().crash_keep_all();
    for edit in edits.chunks_exact(6).take(24) {
        change(&disk, &before.files, edit, mode & 1 == 1);
    }
    let report = verified(&disk);
    let salt = edits.len() as u64;
    if let Ok(log) = StepLog::open(configured(&disk.fork(), salt)) {
        let _ = read(&log.view());
    }
    // What a verification under the right key finds intact, up to the checkpoint that was there, is what was written.
    let Ok(report) = report else { return };
    if report.is_intact() && report.checkpoint == before.report.checkpoint {
        // The writer's mark is no evidence: one that promises too much makes a reader wait and complain.
        let _ = disk.remove("live");
        let read =
            LogReader::open(&configured(&disk, salt)).and_then(|reader| reader.view()).and_then(|view| read(&view));
        let read = read.expect("what is intact can be read");
        let framed = usize::try_from(before.report.records).expect("a small log");
        assert_eq!(read.get(..framed), before.records.get(..framed), "records of an intact log are those written");
    }
}

/// One edit of one file.
fn change(disk: &SimStorage, files: &[String], edit: &[u8], repaired: bool) {
    let &[file, what, low, high, value, more] = edit else { return };
    let Some(name) = files.get(usize::from(file) % files.len()) else { return };
    let mut bytes = disk.read(name, 1 << 20).expect("a file of the log");
    let at = (usize::from(low) | usize::from(high) << 8) % (bytes.len() + 1);
    match what % 6 {
        0 => put(&mut bytes, at, &[value]),
        1 => put(&mut bytes, at, &[value, more]),
        2 => put(&mut bytes, at, &u32::from_le_bytes([value, more, 0xFF, 0xFF]).to_le_bytes()),
        3 => bytes.truncate(at),
        4 => put(&mut bytes, at, &vec![0; usize::from(value)]),
        _ => bytes.extend(std::iter::repeat_n(more, usize::from(value))),
    }
    if repaired {
        match name.as_str() {
            "MANIFEST" => repair::manifest(&mut bytes),
            "live" => repair::live(&mut bytes),
            name if name.starts_with("journal/") => repair::journal(&mut bytes),
            name if name.starts_with("segments/") => repair::segment(&mut bytes),
            _ => {}
        }
    }
    disk.remove(name).expect("a file of the log");
    disk.open(name, OpenMode::CreateNew).and_then(|file| file.write_at(&bytes, 0)).expect("a disk with room");
}

fn put(bytes: &mut [u8], at: usize, new: &[u8]) {
    for (place, byte) in bytes.iter_mut().skip(at).zip(new) {
        *place = *byte;
    }
}
