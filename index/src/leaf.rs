//! A leaf of postings: keys and the positions of each, in one of three forms, written and read in place.
//!
//! ```text
//! lists    span u32 | sequence of keys - first_key        | sequence of rank << 16 | position
//! pairs    span u32 | sequence of keys - first_key, each as often as it has positions | position u16 each
//! bitmap   portable Roaring serialization of one bitmap with one container, runs optimised
//! ```
//!
//! `span` is the last key less the first. Low widths follow from the counts, so that there is one encoding. Counts are
//! those of the leaf table. What a leaf must not hold is told by [`Leaf::open`] and the walks as a reason.

use std::ops::RangeInclusive;

use roaring::RoaringBitmap;

use crate::layout::{LeafEntry, LeafKind};
use crate::sequence::{Sequence, Window, write_sequence};

/// Why a leaf cannot be read.
pub(crate) type Damage = &'static str;

const SHORT: Damage = "leaf ends before its sequences do";
const BROKEN: Damage = "sequence does not hold what its counts say";

/// A leaf in place.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Leaf<'a> {
    Lists { keys: Keys<'a>, positions: Sequence<'a>, low: u32 },
    Pairs { keys: Keys<'a>, positions: &'a [u8] },
    Bitmap { key: u32, count: u32, bytes: &'a [u8] },
}

/// The keys of a leaf.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keys<'a> {
    first: u32,
    span: u32,
    low: u32,
    pub len: usize,
    pub sequence: Sequence<'a>,
}

/// Low width of `len` values spread over a universe: the binary logarithm, rounded down, of their distance.
fn low_width(universe: u64, len: usize) -> u32 {
    let len = (len as u64).max(1);
    let Some(width) = universe.checked_ilog2().and_then(|all| all.checked_sub(len.ilog2())) else { return 0 };
    // Instead of a division: the logarithms say it but for one. Where the shift overflows the distance is smaller as well.
    if len <= universe >> width { width } else { width.saturating_sub(1) }
}

/// Entries are key << 16 | position, ascending; appends a leaf of them in the given form.
pub(crate) fn write_entries(out: &mut Vec<u8>, kind: LeafKind, entries: &[u64], keys: usize) {
    let key_of = |entry: &u64| (entry >> 16) as u32;
    let (Some(first), Some(last)) = (entries.first().map(key_of), entries.last().map(key_of)) else { return };
    let span = last - first;
    out.extend_from_slice(&span.to_le_bytes());
    let universe = u64::from(span) + 1;
    let spread = |out: &mut Vec<u8>, keys: &mut dyn Iterator<Item = u32>, len: usize| {
        let low = low_width(universe, len);
        write_sequence(out, keys.map(|key| u64::from(key - first)), low, len, (u64::from(span) >> low) + 1);
    };
    if kind == LeafKind::Pairs {
        spread(out, &mut entries.iter().map(key_of), entries.len());
        out.extend(entries.iter().flat_map(|entry| (*entry as u16).to_le_bytes()));
        return;
    }
    let groups = || entries.chunk_by(|a, b| a >> 16 == b >> 16);
    spread(out, &mut groups().filter_map(|group| group.first().map(key_of)), keys);
    let low = low_width((keys as u64) << 16, entries.len());
    let ranked = (0_u64..).zip(groups()).flat_map(|(rank, group)| group.iter().map(move |e| rank << 16 | (e & 0xFFFF)));
    write_sequence(out, ranked, low, entries.len(), (keys as u64) << (16 - low));
}

/// Appends a bitmap leaf.
pub(crate) fn write_bitmap(out: &mut Vec<u8>, mut bitmap: RoaringBitmap) {
    // Optimising alone keeps runs where they are as long as another form; this order leaves one form for each bitmap.
    bitmap.remove_run_compression();
    bitmap.optimize();
    // Writing to a Vec cannot fail; were it to, the leaf would be refused when it is read.
    let _ = bitmap.serialize_into(out);
}

impl<'a> Keys<'a> {
    fn split(bytes: &'a [u8], first: u32, len: usize) -> Result<(Self, &'a [u8]), Damage> {
        let (span, rest) = bytes.split_first_chunk::<4>().ok_or(SHORT)?;
        let span = u32::from_le_bytes(*span);
        if first.checked_add(span).is_none() {
            return Err("last key is beyond 32 bits");
        }
        let low = low_width(u64::from(span) + 1, len);
        let (sequence, rest) = Sequence::split(rest, low, len, (u64::from(span) >> low) + 1).ok_or(SHORT)?;
        Ok((Self { first, span, low, len, sequence }, rest))
    }

    /// Indexes `from..to` of the key; empty where it is not in the leaf.
    #[inline]
    fn find(&self, key: u32) -> Result<(usize, usize), Damage> {
        let Some(wanted) = key.checked_sub(self.first).filter(|delta| *delta <= self.span).map(u64::from) else {
            return Ok((0, 0));
        };
        let bucket = wanted >> self.low;
        let mut found = (0, 0);
        self.sequence
            .walk(bucket, bucket + 1, |index, value| {
                if value == wanted {
                    found = if found.1 == 0 { (index, index + 1) } else { (found.0, index + 1) };
                }
            })
            .ok_or(BROKEN)?;
        Ok(found)
    }

    /// Every key with its index.
    fn walk(&self, mut each: impl FnMut(usize, u32)) -> Result<(), Damage> {
        let mut outside = false;
        let read = self.sequence.walk(0, u64::MAX, |index, value| {
            outside |= value > u64::from(self.span);
            each(index, self.first.wrapping_add(value as u32));
        });
        if read == Some(self.len) && !outside { Ok(()) } else { Err(BROKEN) }
    }
}

impl<'a> Leaf<'a> {
    /// Takes the bytes of a leaf apart; nothing is decoded yet.
    pub(crate) fn open(entry: &LeafEntry, bytes: &'a [u8]) -> Result<Self, Damage> {
        let (count, distinct) = (entry.count as usize, usize::from(entry.keys));
        match entry.kind {
            LeafKind::Lists => {
                let (keys, rest) = Keys::split(bytes, entry.first_key, distinct)?;
                let low = low_width((distinct as u64) << 16, count);
                let buckets = (distinct as u64) << 16_u32.checked_sub(low).ok_or("more keys than positions")?;
                let (positions, rest) = Sequence::split(rest, low, count, buckets).ok_or(SHORT)?;
                if rest.is_empty() { Ok(Self::Lists { keys, positions, low }) } else { Err("bytes follow the leaf") }
            }
            LeafKind::Pairs => {
                let (keys, positions) = Keys::split(bytes, entry.first_key, count)?;
                if positions.len() == count * 2 {
                    Ok(Self::Pairs { keys, positions })
                } else {
                    Err("positions do not end the leaf")
                }
            }
            LeafKind::Bitmap => {
                if container_bytes(bytes) != Some(bytes.len()) {
                    return Err("not one Roaring container, or not its length");
                }
                Ok(Self::Bitmap { key: entry.first_key, count: entry.count, bytes })
            }
            LeafKind::Zones => Err("zones where postings were expected"),
        }
    }

    /// How many positions the key has.
    pub(crate) fn count_of(&self, key: u32) -> Result<u64, Damage> {
        match self {
            Self::Bitmap { key: own, count, .. } => Ok(if *own == key { u64::from(*count) } else { 0 }),
            Self::Pairs { keys, .. } => keys.find(key).map(|(from, to)| (to - from) as u64),
            Self::Lists { keys, positions, low } => {
                let (rank, end) = keys.find(key)?;
                if rank == end {
                    return Ok(0);
                }
                let mut boundaries = positions.boundaries();
                let mut index = |rank: usize| {
                    let bucket = (rank as u64) << (16 - low);
                    boundaries.start_of(bucket).and_then(|bit| (bit as u64).checked_sub(bucket)).ok_or(BROKEN)
                };
                let from = index(rank)?;
                Ok(index(end)?.saturating_sub(from))
            }
        }
    }

    /// The positions of a key that is in a list or among pairs, ascending.
    pub(crate) fn positions_of(&self, key: u32, mut each: impl FnMut(u16)) -> Result<(), Damage> {
        match self {
            Self::Bitmap { key: own, .. } => {
                if *own == key {
                    self.bitmap()?.iter().for_each(|position| each(position as u16));
                }
                Ok(())
            }
            Self::Pairs { keys, positions } => {
                let (from, to) = keys.find(key)?;
                let range = positions.get(from * 2..to * 2).ok_or(BROKEN)?;
                range.chunks_exact(2).for_each(|pair| each(pair.iter().rev().fold(0, |p, b| p << 8 | u16::from(*b))));
                Ok(())
            }
            Self::Lists { keys, positions, low } => {
                let (rank, end) = keys.find(key)?;
                if rank < end {
                    let shift = 16 - low;
                    let read =
                        positions.each_in((rank as u64) << shift, (end as u64) << shift, |value| each(value as u16));
                    read.ok_or(BROKEN)?;
                }
                Ok(())
            }
        }
    }

    /// Those of the ascending positions `within` that the key has; ascending. For few positions: the key's own are not decoded.
    pub(crate) fn positions_within(&self, key: u32, within: &[u16], mut each: impl FnMut(u16)) -> Result<(), Damage> {
        match self {
            Self::Bitmap { key: own, count, bytes } => {
                if *own != key {
                    return Ok(());
                }
                if let Some(bits) = self.plain_bits() {
                    let has = |position: &&u16| {
                        let byte = bits.as_flattened().get(usize::from(**position) / 8).copied().unwrap_or(0);
                        byte >> (**position % 8) & 1 == 1
                    };
                    within.iter().filter(has).for_each(|position| each(*position));
                    return Ok(());
                }
                if bytes.starts_with(&[0x3B]) {
                    return runs_within(bytes, *count, within, each);
                }
                let bitmap = self.bitmap()?;
                within.iter().filter(|position| bitmap.contains(u32::from(**position))).for_each(|p| each(*p));
                Ok(())
            }
            Self::Pairs { .. } => self.positions_of(key, |p| {
                if within.binary_search(&p).is_ok() {
                    each(p)
                }
            }),
            Self::Lists { keys, positions, .. } => {
                let (rank, end) = keys.find(key)?;
                if rank < end {
                    let values = within.iter().map(|position| (rank as u64) << 16 | u64::from(*position));
                    positions.probe(values, |value| each(value as u16)).ok_or(BROKEN)?;
                }
                Ok(())
            }
        }
    }

    /// Every (key, position) in order.
    pub(crate) fn walk(&self, mut each: impl FnMut(u32, u16)) -> Result<(), Damage> {
        match self {
            Self::Bitmap { key, .. } => {
                self.bitmap()?.iter().for_each(|position| each(*key, position as u16));
                Ok(())
            }
            Self::Pairs { keys, positions } => {
                let mut places = positions.chunks_exact(2);
                keys.walk(|_, key| {
                    if let Some([low, high]) = places.next() {
                        each(key, u16::from_le_bytes([*low, *high]));
                    }
                })
            }
            Self::Lists { keys, positions, .. } => {
                let mut texts = Vec::with_capacity(keys.len);
                keys.walk(|_, key| texts.push(key))?;
                let read = positions.walk(0, u64::MAX, |_, value| {
                    // The sequence refuses buckets beyond its own, so the rank is that of a key.
                    each(texts.get((value >> 16) as usize).copied().unwrap_or(0), value as u16);
                });
                read.ok_or(BROKEN).map(|_| ())
            }
        }
    }

    /// Every key of a list with its number of positions in a window, ascending; false where the leaf has another form.
    pub(crate) fn counts_in(
        &self,
        window: &Window,
        has: &impl Fn(u16) -> u64,
        mut each: impl FnMut(u32, u64),
    ) -> Result<bool, Damage> {
        let Self::Lists { keys, positions, .. } = self else { return Ok(false) };
        let mut boundaries = positions.boundaries();
        let mut sound = true;
        keys.walk(|rank, key| match positions.count_in(&mut boundaries, (rank as u64) << 16, window, has) {
            Some(0) => {}
            Some(count) => each(key, count),
            None => sound = false,
        })?;
        if sound { Ok(true) } else { Err(BROKEN) }
    }

    /// Every key with its number of positions, ascending; positions are not decoded.
    pub(crate) fn counts(&self, mut each: impl FnMut(u32, u64)) -> Result<(), Damage> {
        match self {
            Self::Bitmap { key, count, .. } => {
                each(*key, u64::from(*count));
                Ok(())
            }
            Self::Pairs { keys, .. } => {
                let mut run: Option<(u32, u64)> = None;
                keys.walk(|_, key| match &mut run {
                    Some((own, count)) if *own == key => *count += 1,
                    _ => {
                        if let Some((own, count)) = run.replace((key, 1)) {
                            each(own, count);
                        }
                    }
                })?;
                if let Some((own, count)) = run {
                    each(own, count);
                }
                Ok(())
            }
            Self::Lists { keys, positions, low } => {
                let mut boundaries = positions.boundaries();
                let mut before = 0;
                let mut sound = true;
                keys.walk(|index, key| {
                    let bucket = (index as u64 + 1) << (16 - low);
                    let end = boundaries.start_of(bucket).map_or(0, |bit| (bit as u64).saturating_sub(bucket));
                    sound &= end > before;
                    each(key, end.saturating_sub(before));
                    before = end;
                })?;
                if sound { Ok(()) } else { Err(BROKEN) }
            }
        }
    }

    /// The 8,192 bytes of a bitmap leaf whose container is a plain bitmap.
    pub(crate) fn plain_bits(&self) -> Option<&'a [[u8; 8]]> {
        match self {
            Self::Bitmap { count, bytes, .. } if bytes.starts_with(&[0x3A]) && *count as usize > ARRAY_MAX => {
                bytes.get(16..).map(|bits| bits.as_chunks::<8>().0)
            }
            _ => None,
        }
    }

    /// The bitmap of a bitmap leaf; empty for the other forms.
    pub(crate) fn bitmap(&self) -> Result<RoaringBitmap, Damage> {
        let Self::Bitmap { count, bytes, .. } = self else { return Ok(RoaringBitmap::new()) };
        let bitmap = read_container(bytes).ok_or("not a Roaring bitmap of ascending positions")?;
        if bitmap.len() != u64::from(*count) || bitmap.max().is_none_or(|max| max > 0xFFFF) {
            return Err("bitmap does not hold what its count says");
        }
        Ok(bitmap)
    }

    /// The smallest key, as the leaf table gives it.
    pub(crate) fn first_key(&self) -> u32 {
        match self {
            Self::Lists { keys, .. } | Self::Pairs { keys, .. } => keys.first,
            Self::Bitmap { key, .. } => *key,
        }
    }

    /// Whether `key` is the last key that the leaf's span promises.
    pub(crate) fn ends_with(&self, key: u32) -> bool {
        match self {
            Self::Lists { keys, .. } | Self::Pairs { keys, .. } => key.checked_sub(keys.first) == Some(keys.span),
            Self::Bitmap { key: own, .. } => *own == key,
        }
    }

    /// Whether the bytes are the one encoding of what they hold: for verification, after a successful walk.
    pub(crate) fn is_strict(&self) -> Result<bool, Damage> {
        Ok(match self {
            Self::Bitmap { bytes, .. } => {
                let mut again = Vec::with_capacity(bytes.len());
                write_bitmap(&mut again, self.bitmap()?);
                again == *bytes
            }
            Self::Pairs { keys, .. } => keys.sequence.is_strict(),
            Self::Lists { keys, positions, .. } => keys.sequence.is_strict() && positions.is_strict(),
        })
    }
}

/// Most positions of a Roaring array container.
const ARRAY_MAX: usize = 4096;

/// Bytes of a serialized bitmap with exactly one container, from its head; nothing where it is anything else. Read before
/// the bitmap is, so that a hostile count of containers or runs allocates nothing.
fn container_bytes(bytes: &[u8]) -> Option<usize> {
    let u16_at =
        |at: usize| bytes.get(at..at + 2).map(|pair| pair.iter().rev().fold(0, |v, b| v << 8 | usize::from(*b)));
    match bytes.first_chunk::<8>()? {
        [0x3A, 0x30, 0, 0, 1, 0, 0, 0] => {
            let count = u16_at(10)? + 1;
            Some(16 + if count <= ARRAY_MAX { count * 2 } else { 8192 })
        }
        [0x3B, 0x30, 0, 0, 1, ..] => Some(11 + 4 * u16_at(9)?),
        _ => None,
    }
}

/// Reads a bitmap whose head [`container_bytes`] accepted. The general reader of the roaring crate takes 50 us for a
/// bitmap container, because it reads word by word; this takes about one.
fn read_container(bytes: &[u8]) -> Option<RoaringBitmap> {
    if bytes.starts_with(&[0x3B]) {
        let mut bitmap = RoaringBitmap::new();
        each_run(bytes, |run| {
            bitmap.insert_range(run);
        })?;
        return Some(bitmap);
    }
    // cookie, number of containers, key, count less one, offset of the container, then the container
    if bytes.get(8..10)? != [0, 0] || bytes.get(12..16)? != [16, 0, 0, 0] {
        return None;
    }
    let container = bytes.get(16..)?;
    // An array of 4,096 has as many bytes as a bitmap: the count tells them apart, as in the head.
    let count = usize::from(u16::from_le_bytes(*bytes.get(10..)?.first_chunk()?)) + 1;
    if count > ARRAY_MAX {
        return Some(RoaringBitmap::from_lsb0_bytes(0, container));
    }
    let positions = container.as_chunks::<2>().0.iter().map(|pair| u32::from(u16::from_le_bytes(*pair)));
    RoaringBitmap::from_sorted_iter(positions).ok()
}

/// Calls `each` for the runs of a container of runs; nothing where they do not ascend, or touch: two that do would be one.
fn each_run(bytes: &[u8], mut each: impl FnMut(RangeInclusive<u32>)) -> Option<()> {
    // cookie, which containers are runs, key, count less one, number of runs, then (start, length less one) each
    if bytes.get(4..7)? != [1, 0, 0] {
        return None;
    }
    let mut free = 0;
    for [s0, s1, m0, m1] in bytes.get(11..)?.as_chunks::<4>().0 {
        let start = u32::from(u16::from_le_bytes([*s0, *s1]));
        let last = start + u32::from(u16::from_le_bytes([*m0, *m1]));
        if start < free {
            return None;
        }
        each(start..=last);
        free = last + 2;
    }
    Some(())
}

/// Those of the ascending positions `within` that lie in the runs of a container of `count` positions.
fn runs_within(bytes: &[u8], count: u32, within: &[u16], mut each: impl FnMut(u16)) -> Result<(), Damage> {
    let mut rest = within.iter().copied().peekable();
    let (mut total, mut last) = (0, 0);
    let sound = each_run(bytes, |run| {
        total += u64::from(run.end() - run.start()) + 1;
        last = *run.end();
        while let Some(position) = rest.next_if(|position| u32::from(*position) <= last) {
            if run.contains(&u32::from(position)) {
                each(position);
            }
        }
    });
    if sound.is_none() || total != u64::from(count) || last > 0xFFFF {
        return Err("bitmap does not hold what its count says, or not as ascending runs");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_low_width_is_the_logarithm_of_the_distance() {
        for universe in (0..5_000).chain([1 << 24, (1 << 32) - 1, 1 << 32]) {
            for len in (0..70).chain([2_047, 2_048, 4_096, 65_535]) {
                let distance: u64 = universe / (len as u64).max(1);
                let expected = distance.checked_ilog2().unwrap_or(0);
                assert_eq!(low_width(universe, len), expected, "{len} values in {universe}");
            }
        }
    }

    /// The rows of a bitmap leaf one by one, as containers of runs, plain bitmaps and arrays have them.
    #[test]
    fn a_bitmap_is_asked_as_it_is_read_and_damage_in_it_is_found() {
        let runs: RoaringBitmap = (0..9_000).chain(20_000..20_001).chain(30_000..65_536).collect();
        let plain: RoaringBitmap = (0..65_536).filter(|p| p % 3 == 0).collect();
        let array: RoaringBitmap = (0..4_000).map(|p| p * 5).collect();
        let within: Vec<u16> = (0..=u16::MAX).filter(|p| p % 7 < 2 || *p > 65_000).collect();
        for bitmap in [runs, plain, array] {
            let mut bytes = Vec::new();
            write_bitmap(&mut bytes, bitmap.clone());
            let leaf = Leaf::Bitmap { key: 4, count: bitmap.len() as u32, bytes: &bytes };
            let asked = |leaf: &Leaf<'_>, key| {
                let mut found = Vec::new();
                leaf.positions_within(key, &within, |position| found.push(position)).map(|()| found)
            };
            let expected: Vec<u16> = within.iter().copied().filter(|p| bitmap.contains(u32::from(*p))).collect();
            assert_eq!(asked(&leaf, 4), Ok(expected));
            assert_eq!(asked(&leaf, 5), Ok(Vec::new()));
            if bytes.starts_with(&[0x3B]) {
                let wrong = Leaf::Bitmap { key: 4, count: bitmap.len() as u32 - 1, bytes: &bytes };
                assert!(asked(&wrong, 4).is_err(), "another count");
                // The second run begins before the first one ends; the last one ends beyond the positions.
                for at in [16, bytes.len() - 1] {
                    let mut lie = bytes.clone();
                    lie[at] ^= 0xFF;
                    let wrong = Leaf::Bitmap { key: 4, count: bitmap.len() as u32, bytes: &lie };
                    assert!(asked(&wrong, 4).is_err(), "byte {at}");
                }
            }
        }
    }
}
