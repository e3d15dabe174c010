//! A simulated machine for the public ledger: the log's disk and the disk of keys, anchor and heads, one power switch, one clock.
//!
//! ```text
//! Machine ── world() ──> indelible::World ──> Ledger::create_in, open_in, verify_in ...
//!    ├─ cut_at(n)  the power goes at operation n of both disks together
//!    ├─ crash()    the next boot: each disk keeps what it likes of what was not synced
//!    └─ kill()     the processes die, the machine goes on
//! ```
//!
//! A ledger has threads of its own, so that which operation is the n-th can differ between two runs; what a failure names is where
//! to look, and repeats nearly always. Not here: steps and what must hold (`crash/ledger.rs`).

use std::path::PathBuf;
use std::sync::Arc;

use indelible::world::{ManualClock, SeededRng, SimOutside};
use indelible::{CreateOptions, Ledger, LedgerReader, OpenOptions, Options, ReadOptions, VerifyOptions, World};
use indelible_engine::world::storage::Storage;
use indelible_engine::world::storage::sim::{SimOptions, SimStorage};

/// 2026-09-22, far from any border of a day.
const START: i64 = 1_790_000_040_000_000_000;

/// One simulated machine with one log.
pub struct Machine {
    /// The log's disk.
    pub log: SimStorage,
    /// The disk of everything outside it.
    pub outside: SimStorage,
    /// Its clock.
    pub clock: ManualClock,
    /// Whether the log has a name and its key a place of their own, or both the default.
    pub named: bool,
    /// How the log is written.
    pub engine: Options,
    /// Boots, copies included: no two of them may draw the same salts and keys.
    boots: u64,
}

/// What readers and verifiers of a machine see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// No log is there.
    Nothing,
    /// A log is there, and it is intact.
    Log,
}

impl Machine {
    /// A new machine; everything follows from the seed.
    #[must_use]
    pub fn new(seed: u64, named: bool) -> Self {
        let log = SimStorage::new(seed, SimOptions::default());
        let outside = SimStorage::new(seed ^ 0x5555, SimOptions::default());
        outside.share_power(&log);
        let engine = Options { segment_per_day: false, cache_bytes_max: 1 << 20, ..Options::default() };
        Self { log, outside, clock: ManualClock::new(START), named, engine, boots: 0 }
    }

    fn of(&self, log: SimStorage, outside: SimStorage) -> Self {
        outside.share_power(&log);
        let (clock, engine) = (self.clock.clone(), self.engine.clone());
        Self { log, outside, clock, named: self.named, engine, boots: self.boots + 1 }
    }

    /// An independent copy, unsynced operations included.
    #[must_use]
    pub fn fork(&self) -> Self {
        self.of(self.log.fork(), self.outside.fork())
    }

    /// The machine after a power cut; every call draws another outcome.
    #[must_use]
    pub fn crash(&self) -> Self {
        self.of(self.log.crash(), self.outside.crash())
    }

    /// The machine after its processes were killed: whatever they had written is there.
    #[must_use]
    pub fn kill(&self) -> Self {
        self.of(self.log.crash_keep_all(), self.outside.crash_keep_all())
    }

    /// The machine after a power cut before which nothing was written back that was not synced.
    #[must_use]
    pub fn crash_lose_all(&self) -> Self {
        self.of(self.log.crash_lose_all(), self.outside.crash_lose_all())
    }

    /// Operations so far.
    #[must_use]
    pub fn op_count(&self) -> u64 {
        self.log.op_count()
    }

    /// Switches the power off at this operation.
    pub fn cut_at(&self, at: u64) {
        self.log.crash_at(at);
    }

    /// What a ledger here stands on. Randomness goes on with boots and operations.
    #[must_use]
    pub fn world(&self) -> World {
        let drawn = (self.boots << 32 | self.op_count()).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let log = indelible_engine::World {
            storage: Arc::new(self.log.clone()),
            clock: Arc::new(self.clock.clone()),
            rng: Arc::new(SeededRng::new(drawn)),
        };
        World { log, outside: Arc::new(SimOutside::on(&self.outside)), path: PathBuf::from("/log") }
    }

    fn key_file(&self) -> Option<PathBuf> {
        self.named.then(|| PathBuf::from("/keys/audit.key"))
    }

    /// How a log is created here.
    #[must_use]
    pub fn create_options(&self) -> CreateOptions {
        let origin = self.named.then(|| "test/machine".to_owned());
        CreateOptions { origin, sign_key_file: self.key_file() }
    }

    /// How the log is opened here.
    #[must_use]
    pub fn open_options(&self) -> OpenOptions {
        OpenOptions { sign_key_file: self.key_file(), engine: self.engine.clone(), ..OpenOptions::default() }
    }

    /// Creates the log.
    ///
    /// # Errors
    /// The ledger's own.
    pub fn create(&self) -> indelible::Result<indelible::Created> {
        Ledger::create_in(&self.world(), &self.create_options())
    }

    /// Opens the log for writing.
    ///
    /// # Errors
    /// The ledger's own.
    pub fn open(&self) -> indelible::Result<Ledger> {
        Ledger::open_in(&self.world(), &self.open_options())
    }

    /// What a reader and a verifier see, who open nothing for writing: no log, or an intact one, never anything between.
    ///
    /// # Errors
    /// What they find broken, in words.
    pub fn look(&self) -> Result<Seen, String> {
        let world = self.world();
        match LedgerReader::open_in(&world, &ReadOptions::default()) {
            Err(indelible::Error::Log(indelible_engine::Error::NotALog { .. })) => return Ok(Seen::Nothing),
            Err(error) => return Err(format!("a reader is refused: {error}")),
            Ok(_) => {}
        }
        let options = VerifyOptions { threads: 1, ..VerifyOptions::default() };
        let report = indelible::verify_in(&world, &options, &mut |_| {}).map_err(|error| format!("verify: {error}"))?;
        match report.breaks.first() {
            None => Ok(Seen::Log),
            Some(found) => Err(format!("BROKEN: {found}")),
        }
    }

    /// Whether a file lies in the log directory.
    ///
    /// # Errors
    /// The disk's own, in words.
    pub fn has(&self, name: &str) -> Result<bool, String> {
        self.log.exists(name).map_err(|error| error.to_string())
    }
}
