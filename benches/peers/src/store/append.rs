//! The limits of one thread: events appended to a file, plain, chained, compressed, with one sync for every thousand.
//!
//! ```text
//! encode -> [chain = BLAKE3(chain before, event)] -> [zstd 1 of 64 KiB] -> write -> fdatasync each 1000
//! ```
//!
//! Nothing can be asked of such a file: this is what is left when everything else is taken away.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use indelible::AuditEvent;

use super::{Asked, BATCH, Peer, Result, row};

/// Bytes compressed together.
const BLOCK: usize = 64 << 10;

/// A file that grows.
pub struct Append {
    /// Whether each event is followed by the BLAKE3 of the one before and itself.
    pub chain: bool,
    /// Whether blocks are compressed.
    pub zstd: bool,
}

impl Peer for Append {
    fn key(&self) -> &'static str {
        match (self.chain, self.zstd) {
            (false, false) => "append",
            (true, false) => "append-chain",
            (false, true) => "append-zstd",
            (true, true) => "append-chain-zstd",
        }
    }

    fn name(&self) -> &'static str {
        match (self.chain, self.zstd) {
            (false, false) => "limit: append",
            (true, false) => "limit: append + chain",
            (false, true) => "limit: append + zstd 1",
            (true, true) => "limit: append + chain + zstd 1",
        }
    }

    fn durability(&self) -> &'static str {
        "fdatasync each 1000"
    }

    fn keeps(&self) -> &'static str {
        if self.chain { "chain" } else { "-" }
    }

    fn load(&self, dir: &Path, events: &mut Vec<AuditEvent>) -> Result<()> {
        let mut file = File::create(dir.join("events"))?;
        let (mut chain, mut block, mut one) = ([0; 32], Vec::with_capacity(2 * BLOCK), Vec::new());
        for batch in events.chunks(BATCH) {
            for event in batch {
                one.clear();
                if self.chain {
                    one.extend_from_slice(&chain);
                }
                row::encode(event, &mut one);
                if self.chain {
                    chain = *blake3::hash(&one).as_bytes();
                }
                let content = one.get(if self.chain { 32 } else { 0 }..).unwrap_or_default();
                block.extend_from_slice(&(content.len() as u32).to_le_bytes());
                block.extend_from_slice(content);
                if block.len() >= BLOCK {
                    self.write(&mut file, &mut block)?;
                }
            }
            self.write(&mut file, &mut block)?;
            file.sync_data()?;
        }
        // The last value binds all before it; without it the chain could not be checked.
        file.write_all(&chain)?;
        file.sync_data()?;
        Ok(())
    }

    fn open(&self, _dir: &Path) -> Result<Option<Box<dyn Asked>>> {
        Ok(None)
    }
}

impl Append {
    fn write(&self, file: &mut File, block: &mut Vec<u8>) -> Result<()> {
        if self.zstd {
            file.write_all(&zstd::bulk::compress(block, 1)?)?;
        } else {
            file.write_all(block)?;
        }
        block.clear();
        Ok(())
    }
}

/// A chain over encoded events computed again from memory on so many threads, each its own part: bytes and time.
pub fn verify_chain(events: &[AuditEvent], threads: usize) -> (u64, Duration) {
    let mut bytes = Vec::new();
    let mut ends = Vec::with_capacity(events.len());
    for event in events {
        row::encode(event, &mut bytes);
        ends.push(bytes.len());
    }
    let start = Instant::now();
    let part = ends.len().div_ceil(threads.max(1)).max(1);
    std::thread::scope(|scope| {
        for (place, ends_of) in ends.chunks(part).enumerate() {
            let (bytes, first) = (&bytes, place.checked_mul(part).and_then(|at| ends.get(at.wrapping_sub(1))));
            scope.spawn(move || {
                let (mut chain, mut start) = ([0; 32], first.copied().unwrap_or(0));
                for end in ends_of {
                    let mut hasher = blake3::Hasher::new();
                    hasher.update(&chain);
                    hasher.update(bytes.get(start..*end).unwrap_or_default());
                    chain = *hasher.finalize().as_bytes();
                    start = *end;
                }
                std::hint::black_box(chain);
            });
        }
    });
    (bytes.len() as u64, start.elapsed())
}

/// A file to which 4 KiB are appended and synced at a time: what a single durable event cannot be faster than.
pub fn raw_sync(dir: &Path) -> Result<impl FnMut() -> Result<Duration> + use<>> {
    let mut file = File::create(dir.join("raw"))?;
    let block = [7; 4096];
    Ok(move || {
        let start = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        Ok(start.elapsed())
    })
}
