//! What is left of a simulated file when the power goes: durable bytes, plus any part of what was not synced.
//!
//! ```text
//! durable ── op 0 ── op 1 ── op 2 ── ... ── visible         operations since the last sync
//! length:    one of the lengths on this line                 (metadata, one state for the file)
//! sector s:  one of the states of s on this line             (chosen for each 512-byte sector by itself)
//! ```
//!
//! A sector holds what the page cache held when it was written, so its states are versions in time: the second of two
//! writes into one sector never comes back without the first. Where the length says that a cut happened, the bytes behind
//! the cut are gone; a cut never uncovers old bytes. With `tear_sectors`, a sector can also stop in the middle: a front
//! part of one state and the back of the state before.
//!
//! Half of the crashes are drawn with a bias (a clean cut in time, nearly all kept, nearly all lost), because uniform noise
//! rarely finds the bug that needs exactly one lost sector.
//!
//! Deliberately not here: names (`sim_dir.rs`), and damage to bytes that were durable (`sim_faults.rs`).

use super::sim_content::{Content, PAGE_BYTES};
use crate::world::rng::SplitMix;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a disk writes as one: survives or not as a whole, unless sectors tear.
pub(super) const SECTOR_BYTES: usize = 512;

/// A change of a file that is not durable yet.
#[derive(Debug, Clone)]
pub(super) enum FileOp {
    /// `bytes` go to `at`, after the file has grown to at least `grow_to`. The two agree unless a fault parted them.
    Write {
        at: u64,
        bytes: Arc<[u8]>,
        grow_to: u64,
    },
    SetLen(u64),
}

impl FileOp {
    pub(super) fn apply(&self, content: &mut Content) {
        match self {
            FileOp::Write { at, bytes, grow_to } => {
                content.grow_to(*grow_to);
                content.write_at(bytes, *at);
            }
            FileOp::SetLen(len) => content.set_len(*len),
        }
    }

    fn len_after(&self, len: u64) -> u64 {
        match self {
            FileOp::Write { grow_to, .. } => len.max(*grow_to),
            FileOp::SetLen(len) => *len,
        }
    }

    /// Whether it takes bytes away that were there when the file had `len` bytes.
    fn cuts(&self, len: u64) -> Option<u64> {
        match self {
            FileOp::SetLen(to) if *to < len => Some(*to),
            _ => None,
        }
    }
}

/// How much of the unsynced operations outlives a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Survive {
    All,
    Nothing,
    Chosen { tear_sectors: bool },
}

/// How many of `count` ordered directory operations survive.
pub(super) fn surviving_prefix(count: usize, survive: Survive, rng: &mut SplitMix) -> usize {
    match survive {
        Survive::All => count,
        Survive::Nothing => 0,
        Survive::Chosen { .. } => match rng.below(4) {
            0 => count,
            1 => 0,
            _ => rng.below(count as u64 + 1) as usize,
        },
    }
}

/// The file after the crash.
pub(super) fn surviving_content(
    durable: &Content,
    pending: &[FileOp],
    survive: Survive,
    rng: &mut SplitMix,
) -> Content {
    let mut image = durable.clone();
    match survive {
        Survive::Nothing => {}
        Survive::All => pending.iter().for_each(|op| op.apply(&mut image)),
        Survive::Chosen { .. } if pending.is_empty() => {}
        Survive::Chosen { tear_sectors } => choose(&mut image, durable, pending, tear_sectors, rng),
    }
    image
}

/// The shape of one crash.
#[derive(Debug, Clone, Copy)]
enum Bias {
    Uniform,
    /// Everything before an operation, nothing behind it, and that one in part.
    CutInTime(usize),
    MostlyKept,
    MostlyLost,
}

impl Bias {
    fn draw(pending: usize, rng: &mut SplitMix) -> Self {
        match rng.below(6) {
            0 => Bias::CutInTime(rng.below(pending as u64) as usize),
            1 => Bias::MostlyKept,
            2 => Bias::MostlyLost,
            _ => Bias::Uniform,
        }
    }

    /// How many of a sector's operations it got: `ops` are their places in the file's order.
    fn keep(self, ops: &[usize], rng: &mut SplitMix) -> usize {
        let any = |rng: &mut SplitMix| rng.below(ops.len() as u64 + 1) as usize;
        match self {
            Bias::Uniform => any(rng),
            Bias::CutInTime(cut) => {
                let before = ops.iter().take_while(|op| **op < cut).count();
                let torn = ops.get(before) == Some(&cut) && rng.below(2) == 0;
                before + usize::from(torn)
            }
            Bias::MostlyKept if rng.below(8) > 0 => ops.len(),
            Bias::MostlyLost if rng.below(8) > 0 => 0,
            Bias::MostlyKept | Bias::MostlyLost => any(rng),
        }
    }
}

fn choose(image: &mut Content, durable: &Content, pending: &[FileOp], tear_sectors: bool, rng: &mut SplitMix) {
    let bias = Bias::draw(pending.len(), rng);
    let every: Vec<usize> = (0..pending.len()).collect();
    let lengths_kept = bias.keep(&every, rng);
    let (mut len, mut len_longest) = (durable.len(), durable.len());
    for (place, op) in pending.iter().enumerate() {
        let after = op.len_after(len_longest);
        len_longest = len_longest.max(after);
        if place < lengths_kept {
            len = op.len_after(len);
        }
    }
    // Room for every sector first; the chosen length cuts off what it does not cover.
    image.grow_to(len_longest);
    for (sector, ops) in histories(durable, pending) {
        // A cut that the length shows has happened to its sectors too.
        let floor = ops
            .iter()
            .rposition(|place| *place < lengths_kept && matches!(pending.get(*place), Some(FileOp::SetLen(_))))
            .map_or(0, |last_cut| last_cut + 1);
        let kept = bias.keep(&ops, rng).max(floor);
        let mut bytes = sector_after(durable, pending, sector, ops.get(..kept).unwrap_or(&ops));
        if tear_sectors && kept > floor && rng.below(2) == 0 {
            let before = sector_after(durable, pending, sector, ops.get(..kept - 1).unwrap_or(&ops));
            let front = rng.below(SECTOR_BYTES as u64) as usize;
            bytes[front..].copy_from_slice(&before[front..]);
        }
        image.write_at(&bytes, sector * SECTOR_BYTES as u64);
    }
    image.set_len(len);
}

/// For every sector that an operation touches, those operations' places in order.
fn histories(durable: &Content, pending: &[FileOp]) -> BTreeMap<u64, Vec<usize>> {
    let sector_bytes = SECTOR_BYTES as u64;
    let mut histories: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    let mut len = durable.len();
    for (place, op) in pending.iter().enumerate() {
        if let Some(cut) = op.cuts(len) {
            let first = cut / sector_bytes;
            for page in durable.allocated_from(cut) {
                let sectors_a_page = PAGE_BYTES as u64 / sector_bytes;
                for sector in page * sectors_a_page..(page + 1) * sectors_a_page {
                    histories.entry(sector).or_default();
                }
            }
            for (_, ops) in histories.range_mut(first..) {
                ops.push(place);
            }
        }
        if let FileOp::Write { at, bytes, .. } = op
            && !bytes.is_empty()
        {
            for sector in at / sector_bytes..(at + bytes.len() as u64).div_ceil(sector_bytes) {
                histories.entry(sector).or_default().push(place);
            }
        }
        len = op.len_after(len);
    }
    histories
}

/// One sector after the given operations on its durable state.
fn sector_after(durable: &Content, pending: &[FileOp], sector: u64, ops: &[usize]) -> [u8; SECTOR_BYTES] {
    let start = sector * SECTOR_BYTES as u64;
    let mut bytes = [0; SECTOR_BYTES];
    durable.read_at(&mut bytes, start);
    for op in ops.iter().filter_map(|place| pending.get(*place)) {
        match op {
            FileOp::Write { at, bytes: written, .. } => {
                // The overlap of the two ranges, in either's own offsets.
                let skip = start.saturating_sub(*at) as usize;
                let into = at.saturating_sub(start) as usize;
                if let (Some(from), Some(to)) = (written.get(skip..), bytes.get_mut(into..)) {
                    let len = from.len().min(to.len());
                    to[..len].copy_from_slice(&from[..len]);
                }
            }
            FileOp::SetLen(len) => {
                let keep = len.saturating_sub(start).min(SECTOR_BYTES as u64) as usize;
                bytes[keep..].fill(0);
            }
        }
    }
    bytes
}
