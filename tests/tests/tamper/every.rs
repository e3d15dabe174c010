//! Every length and every single bit: a small log cut at each of its lengths and flipped at each of its bits, verified,
//! opened for reading and opened for writing.
//!
//! ```text
//! closed and killed log x every file x (every length | every bit) ──> verify, LogReader, StepLog::open
//!     an error, or what was written; no panic, and no more memory than BYTES_MAX
//! ```
//!
//! What may pass silently is listed in `format-spec/10-recovery.md` and here in [`Sample::excepted`]. The default looks at every
//! length and, of each byte, at one bit; `INDELIBLE_EVERY_BIT=1` looks at all eight. Nothing is mapped on the simulated disk; that
//! a real file cut under a map is met before it is mapped is shown by the last test.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use indelible_engine::query::{Expr, Query, View};
use indelible_engine::step::StepLog;
use indelible_engine::verify::{VerifyOptions, verify};
use indelible_engine::world::clock::ManualClock;
use indelible_engine::world::storage::sim::{SimOptions, SimStorage};
use indelible_engine::world::storage::{Access, DirStorage, OpenMode, Storage};
use indelible_engine::{Error, LogConfig, LogReader, Options};
use indelible_evidence::record::Record;
use indelible_tests::world::{config, draft, spec};

use crate::counting::peak_of;

/// Bytes that opening or verifying this log may hold at once, whatever its files say: some sound opening takes a fifth.
const BYTES_MAX: usize = 8 << 20;

/// A log and what it holds.
struct Sample {
    disk: SimStorage,
    records: Vec<Record>,
    /// Records of the last group in the journal, where nothing vouches for it.
    last_group: usize,
}

fn configured(storage: Arc<dyn Storage>) -> LogConfig {
    let options =
        Options { journal_bytes_max: 4_096, segment_bytes_max: 4_096, cache_bytes_max: 1 << 20, ..Options::default() };
    config(storage, &options, &ManualClock::new(1_800_000_000_000_000_000), 1)
}

fn read(view: &View) -> indelible_engine::Result<Vec<Record>> {
    Ok(view.query(&Query::oldest(Expr::True, 10_000))?.rows)
}

impl Sample {
    /// Three sealed segments, a growing one, records in the journal alone; closed or not.
    fn make(closed: bool) -> Self {
        let disk = SimStorage::new(1, SimOptions::default());
        let mut log = StepLog::create(configured(Arc::new(disk.clone())), &spec()).expect("create");
        for n in 0..36 {
            log.append(vec![draft(n, if n % 5 == 0 { 700 } else { 0 })]).expect("append");
            log.sync().expect("sync");
            if n % 9 == 8 {
                log.checkpoint().expect("checkpoint");
                log.tidy().expect("tidy");
            }
        }
        for group in [50..53, 53..55] {
            log.append(group.map(|n| draft(n, 0)).collect()).expect("append");
            log.sync().expect("sync");
        }
        let records = read(&log.view()).expect("read");
        if closed {
            log.close().expect("close");
        }
        drop(log);
        Self { disk: disk.crash_keep_all(), records, last_group: if closed { 0 } else { 2 } }
    }

    fn files(&self) -> Vec<String> {
        let mut names = Vec::new();
        for dir in ["", "journal", "segments"] {
            let prefix = if dir.is_empty() { String::new() } else { format!("{dir}/") };
            names.extend(self.disk.list(dir).expect("list").into_iter().map(|name| format!("{prefix}{name}")));
        }
        names
    }

    /// How many of the last records may be missing where this file is damaged, without anything being reported.
    fn excepted(&self, file: &str, cut: bool) -> usize {
        let newest = self.files().into_iter().rfind(|name| name.starts_with("journal/"));
        match file {
            // Not evidence: a mark that was changed can hide what it vouched for from readers, never from the writer.
            "live" | "lock" => self.records.len(),
            // Taken back to an earlier group boundary, nothing says that there was more.
            name if Some(name) == newest.as_deref() && self.last_group > 0 => {
                if cut {
                    self.records.len()
                } else {
                    self.last_group
                }
            }
            _ => 0,
        }
    }

    /// The log with one file replaced.
    fn with(&self, file: &str, bytes: &[u8]) -> SimStorage {
        let disk = self.disk.fork();
        disk.remove(file).expect("remove");
        disk.open(file, OpenMode::CreateNew).and_then(|new| new.write_at(bytes, 0)).expect("write");
        disk
    }

    /// Looks at a damaged log in all three ways.
    fn check(&self, file: &str, bytes: &[u8], what: &str, cut: bool) {
        let excepted = self.excepted(file, cut);
        let disk = self.with(file, bytes);
        let storage: Arc<dyn Storage> = Arc::new(disk.clone());
        let (intact, verified) = peak_of(|| {
            let options = VerifyOptions { threads: 1, ..VerifyOptions::default() };
            verify(&storage, &options, &mut |_| {}).map(|report| report.is_intact())
        });
        let (opened, writing) = peak_of(|| {
            let log = StepLog::open(configured(Arc::new(disk.fork())))?;
            read(&log.view())
        });
        assert!(verified < BYTES_MAX, "{what}: verify held {verified} bytes");
        assert!(writing < BYTES_MAX, "{what}: opening for writing held {writing} bytes");
        self.judge(opened, excepted, &format!("{what}, opened for writing"));
        // A reader looks twenty times at what may be half-written, so only what is sound is read here, and some of the rest.
        if matches!(intact, Ok(true)) || bytes.len().is_multiple_of(199) {
            let (opened, reading) = peak_of(|| {
                LogReader::open(&configured(Arc::clone(&storage)))
                    .and_then(|reader| reader.view())
                    .and_then(|view| read(&view))
            });
            assert!(reading < BYTES_MAX, "{what}: a reader held {reading} bytes");
            self.judge(opened, excepted, &format!("{what}, opened for reading"));
        }
    }

    /// An error, or all records but the excepted last ones; recovery records may follow.
    fn judge(&self, opened: indelible_engine::Result<Vec<Record>>, excepted: usize, what: &str) {
        let found = match opened {
            Ok(found) => found,
            Err(Error::Corrupt(_) | Error::NotALog { .. } | Error::Encrypted(_)) => return,
            Err(error) => panic!("{what}: damage was reported as something else: {error}"),
        };
        let same = found.iter().zip(&self.records).take_while(|(found, written)| found == written).count();
        assert!(
            same + excepted >= self.records.len(),
            "{what}: record {same} is missing or changed, and nothing says so"
        );
    }
}

/// Runs the cases on two threads.
fn each(cases: &[(String, usize, u8)], run: impl Fn(&(String, usize, u8)) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    run(case);
                }
            });
        }
    });
}

/// [CONV-3] [RCV-2] [RCV-4]
#[test]
fn a_log_cut_at_any_length_is_refused_or_whole() {
    for closed in [true, false] {
        let sample = Sample::make(closed);
        let mut cases = Vec::new();
        for file in sample.files() {
            let length = sample.disk.read(&file, 1 << 20).expect("read").len();
            cases.extend((0..length).map(|length| (file.clone(), length, 0)));
        }
        each(&cases, |(file, length, _)| {
            let bytes = sample.disk.read(file, 1 << 20).expect("read");
            sample.check(file, &bytes[..*length], &format!("{file} cut to {length}, closed: {closed}"), true);
        });
        println!("closed {closed}: {} lengths", cases.len());
    }
}

/// [CONV-3] [RCV-2] [RCV-4]
#[test]
fn a_log_with_any_bit_flipped_is_refused_or_whole() {
    let all = std::env::var("INDELIBLE_EVERY_BIT").is_ok();
    let flipped = AtomicU64::new(0);
    for closed in [true, false] {
        let sample = Sample::make(closed);
        let mut cases = Vec::new();
        for file in sample.files() {
            let length = sample.disk.read(&file, 1 << 20).expect("read").len();
            for at in 0..length {
                let bits = if all { 0..8 } else { (at * 5 % 8) as u8..(at * 5 % 8) as u8 + 1 };
                cases.extend(bits.map(|bit| (file.clone(), at, bit)));
            }
        }
        each(&cases, |(file, at, bit)| {
            let mut bytes = sample.disk.read(file, 1 << 20).expect("read");
            bytes[*at] ^= 1 << bit;
            sample.check(file, &bytes, &format!("bit {bit} of byte {at} of {file} flipped, closed: {closed}"), false);
            flipped.fetch_add(1, Ordering::Relaxed);
        });
    }
    println!("{} bits flipped", flipped.into_inner());
}

/// A sealed file on a real disk is mapped as long as it is, and its blocks are looked for inside: no access lies behind its end.
#[test]
fn a_real_segment_cut_before_it_is_read_gives_errors_and_no_signal() {
    let dir = tempfile::tempdir().expect("a directory");
    let storage = || -> Arc<dyn Storage> {
        Arc::new(DirStorage::open(dir.path(), Access::ReadWrite).expect("the directory opens"))
    };
    let options = Options { segment_bytes_max: 256 << 10, ..Options::default() };
    let with = |storage| LogConfig { options: options.clone(), ..configured(storage) };
    let mut log = StepLog::create(with(storage()), &spec()).expect("create");
    while log.manifest().segments.len() < 2 {
        log.append((0..64).map(|n| draft(log.next_seq() + n, 500)).collect()).expect("append");
        log.frame(false).expect("frame");
    }
    log.sync().expect("sync");
    let records = read(&log.view()).expect("read");
    log.close().expect("close");
    drop(log);
    let path = dir.path().join("segments/0000000000000001-00000000.seg");
    let whole = std::fs::read(&path).expect("a sealed segment");
    assert!(whole.len() > 64 << 10, "{} bytes: too small to be mapped", whole.len());
    for length in [0, 100, 4_096, 70_000, 131_072, whole.len() - 5_000, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).expect("cut");
        // The file is the same one, cut before anybody maps it.
        let reader = LogReader::open(&with(storage()));
        let found = reader.and_then(|reader| reader.view()).and_then(|view| read(&view));
        // Where only the footer is cut into, frames are found without it.
        match found {
            Ok(found) => assert!(found == records, "cut to {length}: {} of {} records", found.len(), records.len()),
            Err(error) => assert!(matches!(error, Error::Corrupt(_)), "cut to {length}: {error}"),
        }
        let report = verify(&storage(), &VerifyOptions::default(), &mut |_| {}).expect("verify");
        assert!(!report.is_intact(), "cut to {length}");
    }
}
