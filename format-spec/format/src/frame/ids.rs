//! Encodings 4, 5 and 8: UUIDs in place, shared by rows, or of version 7 with their times packed.
//!
//! ```text
//! 4 uuids         all u8 | presence 16 unless all | 16 per present row
//! 5 shared uuids  d u8 | 16 x d in order of first use | width u8 | packed codes: 0 absent, else index + 1
//! 8 timed uuids   all u8 | presence 16 unless all | base i64 | width u8 | packed ms per present row | 10 per present row
//! ```
//!
//! Which of them (or texts, encoding 6) is the writer's choice: [`put_ids`] takes the smallest.

use std::borrow::Cow;

use super::columns::PackedAt;
use crate::bitpack::{packed_len, put_packed, width_of};
use indelible_evidence::FormatError;
use indelible_evidence::bytes::Reader;
use indelible_evidence::record::{TextRef, uuid_text};

const NAME: &str = "frame column";
type Uuid = [u8; 16];

/// A text of group 2 as a frame gives it: a UUID read in place, or text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdText<'a> {
    /// A UUID.
    Uuid([u8; 16]),
    /// Any other text.
    Text(Cow<'a, str>),
}

impl IdText<'_> {
    /// The same as a borrowed value.
    pub fn as_ref(&self) -> TextRef<'_> {
        match self {
            IdText::Uuid(uuid) => TextRef::Uuid(*uuid),
            IdText::Text(text) => TextRef::Utf8(text),
        }
    }

    /// The text.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            IdText::Uuid(uuid) => Cow::Owned(uuid_text(uuid)),
            IdText::Text(text) => Cow::Borrowed(text),
        }
    }
}

/// A column of UUIDs by place in the body.
#[derive(Debug, Clone, Copy)]
pub(super) enum IdColumn {
    Plain { presence: u128, values: usize },
    Shared { table: usize, distinct: u8, codes: PackedAt },
    Timed { presence: u128, base: u64, times: PackedAt, tails: usize },
}

impl IdColumn {
    /// Opens the data of a column of `rows` values, which begins at `at` in the body.
    pub(super) fn open(data: &[u8], at: usize, rows: usize, encoding: u8) -> Result<Self, FormatError> {
        let mut reader = Reader::new(NAME, data);
        let column = match encoding {
            5 => {
                let distinct = reader.u8("distinct")?;
                let table = at + reader.offset();
                reader.take("table", usize::from(distinct) * 16)?;
                let width = reader.u8("width")?;
                if !(1..=128).contains(&distinct) || width != width_of(u64::from(distinct)) {
                    return Err(reader.invalid("distinct", 0, format!("{distinct} UUIDs, codes of {width} bits")));
                }
                let codes = PackedAt::take(&mut reader, at, rows, width, 8)?;
                IdColumn::Shared { table, distinct, codes }
            }
            4 => {
                let presence = take_presence(&mut reader, rows)?;
                let values = at + reader.offset();
                reader.take("uuids", presence.count_ones() as usize * 16)?;
                IdColumn::Plain { presence, values }
            }
            _ => {
                let presence = take_presence(&mut reader, rows)?;
                let present = presence.count_ones() as usize;
                let start = reader.offset();
                let base = u64::try_from(reader.i64("base")?).unwrap_or(u64::MAX);
                let width = reader.u8("width")?;
                if base >> 48 != 0 {
                    return Err(reader.invalid("base", start, "milliseconds have 48 bits"));
                }
                let times = PackedAt::take(&mut reader, at, present, width, 48)?;
                let tails = at + reader.offset();
                reader.take("tails", present * 10)?;
                IdColumn::Timed { presence, base, times, tails }
            }
        };
        reader.end()?;
        Ok(column)
    }

    /// The UUID of a row.
    pub(super) fn get(&self, body: &[u8], row: usize) -> Result<Option<Uuid>, FormatError> {
        match *self {
            IdColumn::Plain { presence, values } => match rank(presence, row) {
                Some(rank) => Ok(uuid_at(body, values + rank * 16)),
                None => Ok(None),
            },
            IdColumn::Shared { table, distinct, codes } => match codes.over(body).get(row) {
                None | Some(0) => Ok(None),
                Some(code) if code <= u64::from(distinct) => Ok(uuid_at(body, table + (code as usize - 1) * 16)),
                Some(code) => Err(invalid("codes", format!("code {code} of {distinct}"))),
            },
            IdColumn::Timed { presence, base, times, tails } => {
                let Some(rank) = rank(presence, row) else { return Ok(None) };
                let millis = base + times.over(body).get(rank).unwrap_or(0);
                let tail = body.get(tails + rank * 10..).and_then(|rest| rest.first_chunk::<10>());
                let uuid = timed(millis, tail.unwrap_or(&[0; 10]));
                if millis >> 48 != 0 || !is_version_7(&uuid) {
                    return Err(invalid("tails", "not a version-7 UUID".to_owned()));
                }
                Ok(Some(uuid))
            }
        }
    }

    /// All UUIDs at once, zeros where a row has none, the column known to be what they encode to in this encoding ([FRM-4],
    /// [FRM-5], [FRM-12]). Gives the rows that have one. `raw` is scratch.
    pub(super) fn values(
        &self,
        body: &[u8],
        rows: usize,
        raw: &mut Vec<u64>,
        out: &mut Vec<Uuid>,
    ) -> Result<u128, FormatError> {
        raw.clear();
        match *self {
            IdColumn::Plain { presence, values } => {
                let (stored, _) = body.get(values..).unwrap_or_default().as_chunks::<16>();
                place(presence, rows, stored.iter().copied(), out);
                Ok(presence)
            }
            IdColumn::Shared { table, distinct, codes } => {
                codes.over(body).unpack(raw);
                let (table, _) =
                    body.get(table..table + usize::from(distinct) * 16).unwrap_or_default().as_chunks::<16>();
                check_shared(table, raw)?;
                let uuid = |code: u64| table.get((code as usize).wrapping_sub(1)).copied().unwrap_or_default();
                out.extend(raw.iter().map(|&code| uuid(code)));
                Ok(raw.iter().enumerate().fold(0, |bits, (row, &code)| bits | u128::from(code != 0) << row))
            }
            IdColumn::Timed { presence, base, times, tails } => {
                let packed = times.over(body);
                packed.unpack(raw);
                let (least, most) = raw.iter().fold((u64::MAX, 0), |(least, most), &t| (least.min(t), most.max(t)));
                if least != 0 || width_of(most) != packed.width() || (base + most) >> 48 != 0 {
                    return Err(invalid("base", "not the one form of these UUIDs".to_owned()));
                }
                let (tails, _) = body.get(tails..).unwrap_or_default().as_chunks::<10>();
                let mut every = true;
                let uuids = raw.iter().zip(tails).map(|(&time, tail)| {
                    let uuid = timed(base + time, tail);
                    every &= is_version_7(&uuid);
                    uuid
                });
                place(presence, rows, uuids, out);
                if !every {
                    return Err(invalid("tails", "not a version-7 UUID".to_owned()));
                }
                Ok(presence)
            }
        }
    }
}

/// Appends one UUID a row: the next of `uuids` where it is present, else zeros.
fn place(presence: u128, rows: usize, mut uuids: impl Iterator<Item = Uuid>, out: &mut Vec<Uuid>) {
    for row in 0..rows.min(128) {
        let own = if presence >> row & 1 == 1 { uuids.next() } else { None };
        out.push(own.unwrap_or_default());
    }
}

/// Checks that the UUIDs of a table are distinct, in order of first use, and all used ([FRM-12]).
fn check_shared(table: &[Uuid], codes: &[u64]) -> Result<(), FormatError> {
    let mut known = 0;
    for &code in codes {
        if code > known + 1 {
            return Err(invalid("codes", format!("code {code} before those below it")));
        }
        known = known.max(code);
    }
    if known != table.len() as u64 {
        return Err(invalid("codes", format!("{} UUIDs of which {known} are used", table.len())));
    }
    let values: Vec<Option<Uuid>> = table.iter().copied().map(Some).collect();
    if share(&values).table.len() != table.len() {
        return Err(invalid("table", "a UUID twice".to_owned()));
    }
    Ok(())
}

fn invalid(field: &'static str, why: String) -> FormatError {
    FormatError::invalid(NAME, field, 0, why)
}

fn take_presence(reader: &mut Reader<'_>, rows: usize) -> Result<u128, FormatError> {
    let every = u128::MAX.checked_shr(128 - rows.min(128) as u32).unwrap_or(0);
    match reader.u8("all")? {
        1 => Ok(every),
        0 => match u128::from_le_bytes(reader.array("presence")?) {
            presence if presence != 0 && presence & !every == 0 && presence != every => Ok(presence),
            _ => Err(reader.invalid("presence", 1, "no row, all rows, or rows that the frame does not have")),
        },
        other => Err(reader.invalid("all", 0, format!("{other}, 0 or 1 allowed"))),
    }
}

fn rank(presence: u128, row: usize) -> Option<usize> {
    let before = presence & (1u128.checked_shl(row as u32)? - 1);
    (presence >> row & 1 == 1).then_some(before.count_ones() as usize)
}

fn uuid_at(body: &[u8], at: usize) -> Option<Uuid> {
    body.get(at..)?.first_chunk::<16>().copied()
}

/// A UUID of version 7 from its milliseconds, of which 48 bits count, and what stands behind them.
fn timed(millis: u64, tail: &[u8; 10]) -> Uuid {
    let mut uuid = [0u8; 16];
    uuid[..8].copy_from_slice(&(millis << 16).to_be_bytes());
    uuid[6..].copy_from_slice(tail);
    uuid
}

fn is_version_7(uuid: &Uuid) -> bool {
    uuid[6] >> 4 == 7 && uuid[8] >> 6 == 0b10
}

fn millis(uuid: &Uuid) -> u64 {
    uuid.iter().take(6).fold(0, |sum, &byte| sum << 8 | u64::from(byte))
}

/// Appends the smallest of encodings 4, 5 and 8 for `values` (text values in the record's encoding, empty where absent)
/// and returns which; `None`, with nothing appended, where a value is no UUID.
pub(super) fn put_ids(out: &mut Vec<u8>, values: &[&[u8]]) -> Option<u8> {
    let mut uuids = Vec::with_capacity(values.len());
    for value in values {
        match value {
            [] => uuids.push(None),
            [1, uuid @ ..] => uuids.push(Some(Uuid::try_from(uuid).ok()?)),
            _ => return None,
        }
    }
    let present = uuids.iter().flatten().count();
    let presence = if present == uuids.len() { 1 } else { 17 };
    let plain = presence + 16 * present;
    let timed = uuids.iter().flatten().all(is_version_7).then(|| {
        let span = uuids.iter().flatten().map(millis);
        let width = width_of(span.clone().max().unwrap_or(0) - span.min().unwrap_or(0));
        presence + 9 + packed_len(present, width) + 10 * present
    });
    let shared = share(&uuids);
    let width = width_of(shared.table.len() as u64);
    let sharing = 2 + 16 * shared.table.len() + packed_len(uuids.len(), width);
    let timed = timed.unwrap_or(usize::MAX);
    if plain <= sharing && plain <= timed {
        put_plain(out, &uuids);
        Some(4)
    } else if sharing <= timed {
        put_shared(out, &shared);
        Some(5)
    } else {
        put_timed(out, &uuids);
        Some(8)
    }
}

fn put_presence(out: &mut Vec<u8>, values: &[Option<Uuid>]) {
    let every = values.iter().all(Option::is_some);
    out.push(u8::from(every));
    if !every {
        let bits =
            values.iter().enumerate().fold(0u128, |bits, (row, value)| bits | u128::from(value.is_some()) << row);
        out.extend_from_slice(&bits.to_le_bytes());
    }
}

fn put_plain(out: &mut Vec<u8>, values: &[Option<Uuid>]) {
    put_presence(out, values);
    values.iter().flatten().for_each(|uuid| out.extend_from_slice(uuid));
}

fn put_timed(out: &mut Vec<u8>, values: &[Option<Uuid>]) {
    put_presence(out, values);
    let times: Vec<u64> = values.iter().flatten().map(millis).collect();
    let base = times.iter().copied().min().unwrap_or(0);
    let width = width_of(times.iter().map(|time| time - base).max().unwrap_or(0));
    out.extend_from_slice(&(base as i64).to_le_bytes());
    out.push(width);
    put_packed(out, width, times.iter().map(|time| time - base));
    for uuid in values.iter().flatten() {
        out.extend_from_slice(&uuid[6..]);
    }
}

struct SharedIds {
    table: Vec<Uuid>,
    codes: Vec<u8>,
}

/// Distinct UUIDs in order of first use, and each row's code. Rows are at most 128, so the hash slots never fill up.
fn share(values: &[Option<Uuid>]) -> SharedIds {
    let mut slots = [0u8; 256];
    let mut shared = SharedIds { table: Vec::with_capacity(values.len()), codes: Vec::with_capacity(values.len()) };
    for value in values {
        let Some(uuid) = value else {
            shared.codes.push(0);
            continue;
        };
        let number = u128::from_le_bytes(*uuid);
        let mixed = (number as u64 ^ (number >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut at = (mixed >> 56) as usize;
        let code = loop {
            let Some(slot) = slots.get_mut(at) else { break 0 };
            if *slot == 0 {
                shared.table.push(*uuid);
                *slot = shared.table.len() as u8;
                break *slot;
            }
            if shared.table.get(usize::from(*slot) - 1) == Some(uuid) {
                break *slot;
            }
            at = (at + 1) % 256;
        };
        shared.codes.push(code);
    }
    shared
}

fn put_shared(out: &mut Vec<u8>, shared: &SharedIds) {
    let width = width_of(shared.table.len() as u64);
    out.push(shared.table.len() as u8);
    shared.table.iter().for_each(|uuid| out.extend_from_slice(uuid));
    out.push(width);
    put_packed(out, width, shared.codes.iter().map(|&code| u64::from(code)));
}

#[cfg(test)]
mod tests;
