//! A log in a directory of its own, with a clock that is turned by hand, and what tests of retention ask of it.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use indelible::query::Expr;
use indelible::retain::{PolicySpec, PurgeOptions, PurgeReport};
use indelible::{
    ActorType, AuditEvent, Ledger, OpenOptions, Options, Severity, SharedClock, Timestamp, VerifyOptions, verify,
};
use indelible_engine::world::clock::ManualClock;
use indelible_evidence::key::VerifierKey;
use indelible_evidence::schema::Field;

/// 2026-09-22, far from any border of a day.
pub const START: i64 = 1_790_000_040_000_000_000;
pub const DAY: u64 = 86_400;

pub struct Place {
    pub dir: tempfile::TempDir,
    pub clock: ManualClock,
    pub key: VerifierKey,
    ledger: RefCell<Option<Ledger>>,
}

impl Place {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let clock = ManualClock::new(START);
        let create = OpenOptions { create: true, ..options(dir.path(), &clock) };
        let ledger = Ledger::open(dir.path().join("log"), &create).expect("open");
        let key = VerifierKey::parse(&ledger.log().manifest().key).expect("a key");
        Self { dir, clock, key, ledger: RefCell::new(Some(ledger)) }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn options(&self) -> OpenOptions {
        options(self.dir.path(), &self.clock)
    }

    /// Copies the signing key and what is kept beside it.
    pub fn copy_keys(&self, to: &Path) {
        std::fs::create_dir(to).expect("a directory");
        for entry in std::fs::read_dir(self.dir.path()).expect("listed").map(|entry| entry.expect("an entry")) {
            if entry.file_type().expect("a type").is_file() {
                std::fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
            }
        }
    }

    pub fn ledger(&self) -> Ledger {
        self.ledger.borrow().clone().expect("open")
    }

    pub fn reopen(&self) {
        self.close();
        *self.ledger.borrow_mut() = Some(Ledger::open(self.path("log"), &self.options()).expect("open"));
    }

    pub fn close(&self) {
        if let Some(ledger) = self.ledger.borrow_mut().take() {
            ledger.close().expect("close");
        }
    }

    pub fn emit(&self, numbers: std::ops::Range<u64>) {
        let ledger = self.ledger();
        for number in numbers {
            ledger.emit(event(number, self.clock_seconds())).expect("emit");
        }
        ledger.flush(None).expect("flush");
    }

    pub fn clock_seconds(&self) -> i64 {
        use indelible_engine::world::clock::Clock as _;
        self.clock.wall_nanos() / 1_000_000_000
    }

    /// Lets days pass. A service signs a head every minute, so records of different days share no frame.
    pub fn days(&self, days: u64) {
        if let Some(ledger) = self.ledger.borrow().as_ref() {
            ledger.checkpoint().expect("checkpoint");
        }
        self.clock.advance(Duration::from_secs(days * DAY));
    }

    pub fn purge(&self) -> PurgeReport {
        self.ledger().purge(&PurgeOptions::default()).expect("purge")
    }

    pub fn count(&self) -> u64 {
        self.ledger().reader().count(&Expr::events()).expect("count")
    }

    pub fn count_of(&self, filter: Expr) -> u64 {
        self.ledger().reader().count(&filter.and(Expr::events())).expect("count")
    }

    pub fn set(&self, spec: &PolicySpec) {
        self.ledger().set_policy(spec).expect("set");
    }

    pub fn intact(&self) {
        intact(&self.path("log"), &self.key);
    }
}

pub fn options(dir: &Path, clock: &ManualClock) -> OpenOptions {
    OpenOptions {
        clock: Some(SharedClock(Arc::new(clock.clone()))),
        sign_key_file: Some(dir.join("key")),
        engine: Options { segment_per_day: false, ..Options::default() },
        ..OpenOptions::default()
    }
}

pub fn intact(log: &Path, key: &VerifierKey) {
    let options = VerifyOptions { key: Some(key.to_string()), ..VerifyOptions::default() };
    let report = verify(log, &options, &mut |_| {}).expect("verify");
    assert!(report.is_intact(), "{:#?}", report.breaks);
}

pub fn event(number: u64, seconds: i64) -> AuditEvent {
    AuditEvent::in_workspace(["acme", "globex"][number as usize % 2])
        .action(["document.publish", "user.login"][number as usize % 2])
        .actor(ActorType::User, format!("u-{}", number % 7))
        .target("document", format!("d-{number}"))
        .succeeded()
        .severity([Severity::Info, Severity::Info, Severity::Warning, Severity::Critical][number as usize % 4])
        .time(Timestamp(seconds * 1_000_000_000))
        .metadata(serde_json::json!({"marker": format!("marker-{number}-end")}))
        .build()
        .expect("an event")
}

pub fn severity(code: u8) -> Expr {
    Expr::Field(Field::SEVERITY, indelible::query::Test::Codes(vec![code]))
}

pub fn files_of(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).expect("listed").map(|entry| entry.expect("an entry")) {
        match entry.file_type().expect("a type").is_dir() {
            true => files.extend(files_of(&entry.path())),
            false => files.push((entry.path(), std::fs::read(entry.path()).expect("read"))),
        }
    }
    files
}

pub fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("listed").map(|entry| entry.expect("an entry")) {
        let target = to.join(entry.file_name());
        match entry.file_type().expect("a type").is_dir() {
            true => copy_dir(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target)),
        }
    }
}
