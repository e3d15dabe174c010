//! A filter made ready for scanning key arrays, and its answer for one chunk as 128-bit masks.
//!
//! ```text
//! Filter -> Scan (slots looked up, key lists turned into sets) -> per chunk: Mask { sure, unsure }, bit p = position p
//! ```
//!
//! Loops over a column have no branches in them, so that the compiler turns them into vector code.

use crate::columns::{ColumnKind, column_of};
use crate::postings::{Overlap, overlap};
use crate::{Filter, IndexError, KeyChunk};

/// Longest key list that is compared key by key.
const FEW_KEYS: usize = 8;
/// Largest key for which a set of keys is kept as bits (128 KiB of them).
const BIT_KEYS_MAX: u32 = 1 << 20;

/// What a chunk says: matching positions and those that may match. Disjoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mask {
    pub sure: u128,
    pub unsure: u128,
}

impl Mask {
    const NOTHING: Self = Self { sure: 0, unsure: 0 };

    fn exact(sure: u128) -> Self {
        Self { sure, unsure: 0 }
    }
}

/// A filter ready to scan.
#[derive(Debug)]
pub(crate) enum Scan {
    All,
    Nothing,
    Keys { slot: usize, keys: KeySet, checked: bool },
    Present { slot: usize },
    Occurred { from: Option<i64>, to: Option<i64> },
    Recorded { from: Option<i64>, to: Option<i64> },
    Ordinals { from: u32, to: u32 },
    And(Vec<Scan>),
    Or(Vec<Scan>),
    Not(Box<Scan>),
}

/// A set of keys, in the form that is fastest to ask.
#[derive(Debug)]
pub(crate) enum KeySet {
    Few(Vec<u32>),
    Bits(Vec<u64>),
    Sorted(Vec<u32>),
}

impl KeySet {
    fn new(keys: &[u32]) -> Self {
        let mut keys = keys.to_vec();
        keys.sort_unstable();
        keys.dedup();
        match keys.last() {
            Some(&last) if keys.len() > FEW_KEYS && last < BIT_KEYS_MAX => {
                let mut bits = vec![0_u64; last as usize / 64 + 1];
                for key in keys {
                    if let Some(word) = bits.get_mut(key as usize / 64) {
                        *word |= 1 << (key % 64);
                    }
                }
                Self::Bits(bits)
            }
            _ if keys.len() > FEW_KEYS => Self::Sorted(keys),
            _ => Self::Few(keys),
        }
    }

    fn mask(&self, column: &[u32]) -> u128 {
        match self {
            Self::Few(keys) => keys.iter().fold(0, |mask, key| mask | mask_of(column, |value| value == *key)),
            Self::Bits(bits) => {
                mask_of(column, |value| bits.get(value as usize / 64).is_some_and(|word| word >> (value % 64) & 1 == 1))
            }
            Self::Sorted(keys) => mask_of(column, |value| keys.binary_search(&value).is_ok()),
        }
    }
}

impl Scan {
    /// Looks up slots and prepares key sets.
    pub(crate) fn new(filter: &Filter) -> Result<Self, IndexError> {
        let all = |filters: &[Filter]| filters.iter().map(Self::new).collect::<Result<Vec<_>, _>>();
        Ok(match filter {
            Filter::All => Self::All,
            Filter::Nothing => Self::Nothing,
            Filter::Key { field, keys } => {
                let (slot, column) = column_of(*field)?;
                Self::Keys { slot, keys: KeySet::new(keys), checked: column.kind == ColumnKind::Fingerprints }
            }
            Filter::Present { field } => Self::Present { slot: column_of(*field)?.0 },
            Filter::Occurred { from, to } => Self::Occurred { from: *from, to: *to },
            Filter::Recorded { from, to } => Self::Recorded { from: *from, to: *to },
            Filter::Ordinals { from, to } => Self::Ordinals { from: *from, to: *to },
            Filter::And(filters) => Self::And(all(filters)?),
            Filter::Or(filters) => Self::Or(all(filters)?),
            Filter::Not(filter) => Self::Not(Box::new(Self::new(filter)?)),
        })
    }

    /// The answer for one chunk, positions without rows left out.
    pub(crate) fn mask(&self, chunk: &KeyChunk) -> Mask {
        let present = chunk.present();
        match self {
            Self::All => Mask::exact(present),
            Self::Nothing => Mask::NOTHING,
            Self::Keys { slot, keys, checked } => {
                let column = chunk.column(*slot);
                let hits = keys.mask(column) & present;
                if *checked && hits != 0 {
                    let absent = mask_of(column, |value| value == 0);
                    return Mask { sure: hits & absent, unsure: hits & !absent };
                }
                Mask::exact(hits)
            }
            Self::Present { slot } => Mask::exact(mask_of(chunk.column(*slot), |value| value != 0) & present),
            Self::Occurred { from, to } => {
                let zone = chunk.zone();
                Mask::exact(present & times(*from, *to, zone.occurred_min, zone.occurred_max, chunk.occurred()))
            }
            Self::Recorded { from, to } => {
                let zone = chunk.zone();
                Mask::exact(present & times(*from, *to, zone.recorded_first, zone.recorded_last, chunk.recorded()))
            }
            Self::Ordinals { from, to } => {
                let first = chunk.first_ordinal();
                let below = below(to.saturating_sub(first)) & !below(from.saturating_sub(first));
                Mask::exact(present & below)
            }
            Self::And(scans) => scans.iter().fold(Mask::exact(present), |mask, scan| {
                if mask == Mask::NOTHING {
                    return mask;
                }
                let other = scan.mask(chunk);
                let sure = mask.sure & other.sure;
                Mask { sure, unsure: (mask.sure | mask.unsure) & (other.sure | other.unsure) & !sure }
            }),
            Self::Or(scans) => scans.iter().fold(Mask::NOTHING, |mask, scan| {
                let other = scan.mask(chunk);
                let sure = mask.sure | other.sure;
                Mask { sure, unsure: (mask.unsure | other.unsure) & !sure }
            }),
            Self::Not(scan) => {
                let other = scan.mask(chunk);
                Mask { sure: present & !other.sure & !other.unsure, unsure: other.unsure }
            }
        }
    }
}

/// Bits 0 to `count - 1`.
fn below(count: u32) -> u128 {
    1_u128.checked_shl(count).map_or(u128::MAX, |bit| bit - 1)
}

/// Positions whose time lies in the half-open range; the zone's times spare the scan where it can.
fn times(from: Option<i64>, to: Option<i64>, min: i64, max: i64, times: &[i64]) -> u128 {
    match overlap(from, to, min, max) {
        Overlap::None => 0,
        Overlap::All => u128::MAX,
        Overlap::Some => {
            let from = from.unwrap_or(i64::MIN);
            // A range without end includes i64::MAX, which a half-open comparison would miss.
            let last = to.map_or(i64::MAX, |to| to.saturating_sub(1));
            mask_of(times, |time| (from <= time) & (time <= last))
        }
    }
}

/// Bit *p* set where `test` holds for value *p*; at most 128 values.
fn mask_of<T: Copy>(values: &[T], test: impl Fn(T) -> bool) -> u128 {
    let mut mask = 0_u128;
    for (index, group) in values.chunks(8).enumerate() {
        let mut bytes = [0_u8; 8];
        for (byte, value) in bytes.iter_mut().zip(group) {
            *byte = u8::from(test(*value));
        }
        // Eight bytes of 0 or 1 become eight bits: the product moves byte i to bit 56 + i without carries.
        let bits = u64::from_le_bytes(bytes).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        mask |= u128::from(bits) << (index * 8);
    }
    mask
}
