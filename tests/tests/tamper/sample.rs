//! Small logs on a simulated disk, and ways to meddle with their files.

use std::sync::Arc;

use indelible_engine::verify::{VerifyOptions, VerifyReport, verify};
use indelible_engine::world::World;
use indelible_engine::world::clock::ManualClock;
use indelible_engine::world::rng::SeededRng;
use indelible_engine::world::storage::sim::{SimOptions, SimStorage};
use indelible_engine::world::storage::{OpenMode, Storage};
use indelible_engine::{CreateSpec, Draft, Log, LogConfig, Options};
use indelible_evidence::LogId;
use indelible_evidence::key::SigningKey;
use indelible_evidence::schema::{Field, Kind};

/// A log directory on a simulated disk.
pub struct Sample {
    pub disk: SimStorage,
    seed: u8,
}

impl Sample {
    /// A log with `records` events in small frames and segments, closed. Another seed gives another log.
    pub fn closed(seed: u8, records: u64) -> Self {
        let sample = Self { disk: SimStorage::new(1, SimOptions::default()), seed };
        let log = Log::create(sample.config(), &sample.spec()).expect("create");
        sample.emit(&log, 0..records);
        log.close().expect("close");
        sample
    }

    /// A log that was created and is still open.
    pub fn open(seed: u8) -> (Self, Log) {
        let sample = Self { disk: SimStorage::new(1, SimOptions::default()), seed };
        let log = Log::create(sample.config(), &sample.spec()).expect("create");
        (sample, log)
    }

    /// Opens it again.
    pub fn reopen(&self) -> Log {
        Log::open(self.config()).expect("open")
    }

    /// An independent copy.
    pub fn copy(&self) -> Self {
        Self { disk: self.disk.fork(), seed: self.seed }
    }

    /// The same log as another disk has it.
    pub fn on(&self, disk: SimStorage) -> Self {
        Self { disk, seed: self.seed }
    }

    pub fn storage(&self) -> Arc<dyn Storage> {
        Arc::new(self.disk.clone())
    }

    /// Emits events, a checkpoint after every 20th, so that frames stay small.
    pub fn emit(&self, log: &Log, numbers: std::ops::Range<u64>) {
        for n in numbers {
            log.emit(draft(n)).expect("emit");
            if n % 20 == 19 {
                log.flush(None).expect("flush");
                log.checkpoint().expect("checkpoint");
            }
        }
        log.flush(None).expect("flush");
    }

    fn signer(&self) -> SigningKey {
        SigningKey::generate([self.seed; 32], "test/log").expect("name")
    }

    fn config(&self) -> LogConfig {
        let options = Options {
            segment_bytes_max: 4 << 10,
            journal_bytes_max: 8 << 10,
            segment_per_day: false,
            ..Options::default()
        };
        LogConfig {
            world: World {
                storage: self.storage(),
                clock: Arc::new(ManualClock::new(1_800_000_000_000_000_000)),
                rng: Arc::new(SeededRng::new(u64::from(self.seed))),
            },
            options,
            signer: Some(Arc::new(self.signer())),
            kept: None,
            path: "test".to_owned(),
        }
    }

    fn spec(&self) -> CreateSpec {
        CreateSpec {
            log_id: LogId([self.seed; 16]),
            origin: "test/log".to_owned(),
            key: self.key(),
            schedule: r#"{"version":1,"rules":[],"default":1}"#.to_owned(),
        }
    }

    /// The verifier key's text.
    pub fn key(&self) -> String {
        self.signer().verifier().to_string()
    }

    /// Every file, by name.
    pub fn files(&self) -> Vec<String> {
        let mut names = Vec::new();
        for dir in ["", "journal", "segments", "torn"] {
            let prefix = if dir.is_empty() { String::new() } else { format!("{dir}/") };
            names.extend(self.disk.list(dir).expect("list").into_iter().map(|name| format!("{prefix}{name}")));
        }
        names
    }

    /// Files whose bytes mean something.
    pub fn evidence(&self) -> Vec<String> {
        self.files().into_iter().filter(|name| name != "lock" && name != "live").collect()
    }

    /// Segment files, ascending.
    pub fn segments(&self) -> Vec<String> {
        self.files().into_iter().filter(|name| name.starts_with("segments/")).collect()
    }

    /// Journal files, ascending.
    pub fn journals(&self) -> Vec<String> {
        self.files().into_iter().filter(|name| name.starts_with("journal/")).collect()
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        self.disk.read(name, usize::MAX).expect(name)
    }

    /// Makes the file hold exactly these bytes.
    pub fn write(&self, name: &str, bytes: &[u8]) {
        if self.disk.exists(name).expect("exists") {
            self.disk.remove(name).expect("remove");
        }
        self.disk.open(name, OpenMode::CreateNew).expect("create").write_at(bytes, 0).expect("write");
    }

    pub fn remove(&self, name: &str) {
        self.disk.remove(name).expect("remove");
    }

    /// What the verifier says of it as it is now.
    pub fn verify(&self) -> VerifyReport {
        self.verify_with(&VerifyOptions { threads: 1, ..VerifyOptions::default() })
    }

    pub fn verify_with(&self, options: &VerifyOptions) -> VerifyReport {
        verify(&self.storage(), options, &mut |_| {}).expect("verify")
    }

    /// Checks that the verifier names `file` as broken, a segment with its seqs.
    pub fn must_name(&self, file: &str, what: &str) {
        let report = self.verify();
        let Some(found) = report.breaks.iter().find(|found| found.file == file) else {
            panic!("{what}: no break in {file}, but {:#?}", report.breaks);
        };
        if file.starts_with("segments/") {
            assert!(found.segment.is_some() && found.seqs.is_some(), "{what}: {found}");
        }
    }
}

/// A small event.
pub fn draft(n: u64) -> Draft {
    Draft::write(Kind::Event, Some(1_700_000_000_000_000_000 + n as i64 * 1_000_000), 1, |groups| {
        groups.text(Field::WORKSPACE, "acme");
        groups.text(Field::ACTION, ["document.publish", "document.delete", "user.login"][n as usize % 3]);
        groups.code(Field::SEVERITY, 1);
        groups.code(Field::OUTCOME, 1);
        groups.code(Field::ACTOR_TYPE, 1);
        groups.text(Field::TARGET_TYPE, "document");
        groups.text(Field::ACTOR_ID, &format!("user-{}", n % 7));
        groups.text(Field::TARGET_ID, &format!("doc-{}", n % 30));
        groups.text(Field::EVENT_ID, &format!("0195f3a2-0000-7abc-8def-{n:012x}"));
        groups.text(Field::CORRELATION_ID, &format!("request {}", n / 5));
        groups.text(Field::METADATA, &format!("{{\"n\":{n}}}"));
    })
}
