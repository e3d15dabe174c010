//! A reader beside a writer: the writer takes steps between any two operations of the reader on the disk.
//!
//! ```text
//! LogReader ──> Hooked ──> SimStorage <── StepLog
//!                 └─ before each operation: now and then a step of the writer
//! ```
//!
//! What a view shows must have been durable when it was handed out, and it must show all that was durable before it was asked for.

use std::io;
use std::sync::Arc;

use indelible_engine::step::StepLog;
use indelible_engine::world::storage::sim::SimStorage;
use indelible_engine::world::storage::{LockError, LockGuard, Mapping, OpenMode, Storage, StorageFile};
use indelible_engine::{LogConfig, LogReader};
use std::sync::Mutex;

use crate::crash::{Life, all_records};
use crate::dice::Dice;
use crate::world::{config, spec};

/// The writer, how many steps it may still take while the reader is at work, and what went wrong with it.
struct Writer {
    life: Life,
    steps: u32,
    failure: Option<String>,
}

impl Writer {
    fn step(&mut self) {
        if self.steps > 0 && self.failure.is_none() && self.life.dice.one_in(3) {
            self.steps -= 1;
            self.failure = self.life.calm_step().err();
        }
    }
}

/// A disk on which the writer gets a turn before the reader's operations.
#[derive(Clone)]
struct Hooked {
    disk: SimStorage,
    writer: Arc<Mutex<Writer>>,
}

struct HookedFile {
    file: Arc<dyn StorageFile>,
    writer: Arc<Mutex<Writer>>,
}

impl Hooked {
    fn disk(&self) -> &SimStorage {
        turn(&self.writer);
        &self.disk
    }
}

fn turn(writer: &Mutex<Writer>) {
    if let Ok(mut writer) = writer.lock() {
        writer.step();
    }
}

impl Storage for Hooked {
    fn open(&self, name: &str, mode: OpenMode) -> io::Result<Arc<dyn StorageFile>> {
        let file = self.disk().open(name, mode)?;
        Ok(Arc::new(HookedFile { file, writer: Arc::clone(&self.writer) }))
    }

    fn exists(&self, name: &str) -> io::Result<bool> {
        self.disk().exists(name)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.disk().list(dir)
    }

    fn list_dirs(&self) -> io::Result<Vec<String>> {
        self.disk().list_dirs()
    }

    fn create_dir(&self, _: &str) -> io::Result<()> {
        Err(io::Error::other("a reader makes no directory"))
    }

    fn remove(&self, _: &str) -> io::Result<()> {
        Err(io::Error::other("a reader removes nothing"))
    }

    fn rename(&self, _: &str, _: &str) -> io::Result<()> {
        Err(io::Error::other("a reader renames nothing"))
    }

    fn sync_dir(&self, _: &str) -> io::Result<()> {
        Err(io::Error::other("a reader syncs nothing"))
    }

    fn map(&self, name: &str) -> io::Result<Mapping> {
        self.disk().map(name)
    }

    fn try_lock(&self, name: &str) -> Result<LockGuard, LockError> {
        self.disk().try_lock(name)
    }

    fn free_bytes(&self) -> io::Result<u64> {
        self.disk().free_bytes()
    }
}

impl StorageFile for HookedFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        turn(&self.writer);
        self.file.read_at(buf, offset)
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<()> {
        Err(io::Error::other("a reader writes nothing"))
    }

    fn sync_data(&self) -> io::Result<()> {
        Err(io::Error::other("a reader syncs nothing"))
    }

    fn set_len(&self, _: u64) -> io::Result<()> {
        Err(io::Error::other("a reader cuts nothing"))
    }

    fn len(&self) -> io::Result<u64> {
        turn(&self.writer);
        self.file.len()
    }
}

/// Runs one seed; returns how many views were checked.
///
/// # Errors
/// A view that shows too much, too little, or something else; and the steps that led there.
pub fn run(seed: u64) -> Result<u64, String> {
    let mut life = Life::new(Dice::new(seed));
    life.calm = true;
    let log = StepLog::create(life.config(), &spec()).map_err(|error| error.to_string())?;
    life.model.adopt(&all_records(&log.view())?);
    life.log = Some(log);
    let hooked =
        Hooked { disk: life.disk.clone(), writer: Arc::new(Mutex::new(Writer { life, steps: 8, failure: None })) };
    let checked = follow(&hooked);
    let writer = hooked.writer.lock().map_err(|_| "the writer panicked".to_owned())?;
    checked.map_err(|what| format!("{what}\n  after: {}", writer.life.trace.join(" ")))
}

fn follow(hooked: &Hooked) -> Result<u64, String> {
    let config: LogConfig = {
        let writer = hooked.writer.lock().map_err(|_| "the writer panicked".to_owned())?;
        config(Arc::new(hooked.clone()), &writer.life.options, &writer.life.clock, 0)
    };
    let mut reader = None;
    let mut views = 0;
    for _ in 0..12 {
        let before = {
            let mut writer = hooked.writer.lock().map_err(|_| "the writer panicked".to_owned())?;
            writer.life.trace.push("view".to_owned());
            writer.steps = 8;
            writer.life.model.durable()
        };
        let view = match &reader {
            None => {
                let opened = LogReader::open(&config).map_err(|error| format!("a reader does not open: {error}"))?;
                let view = opened.view();
                reader = Some(opened);
                view
            }
            Some(reader) => reader.view(),
        };
        let view = view.map_err(|error| format!("a reader beside the writer: {error}"))?;
        {
            let mut writer = hooked.writer.lock().map_err(|_| "the writer panicked".to_owned())?;
            let durable = writer.life.model.durable();
            if view.next_seq() > durable {
                return Err(format!("a reader sees {} records, {durable} are durable", view.next_seq()));
            }
            if view.next_seq() < before {
                return Err(format!(
                    "a reader sees {} records, {before} were durable before it looked",
                    view.next_seq()
                ));
            }
            if let Some(failure) = writer.failure.take() {
                return Err(failure);
            }
        }
        // The writer goes on while the view is read.
        let found = all_records(&view)?;
        let writer = hooked.writer.lock().map_err(|_| "the writer panicked".to_owned())?;
        writer.life.model.check_view(&found)?;
        views += 1;
    }
    Ok(views)
}
