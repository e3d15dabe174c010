//! Encodings 6 and 7: bytes per row in small compressed blocks, so that one row never inflates the whole frame.
//!
//! ```text
//! width u8 | blocks u8 | packed lengths | 12 x blocks: first row u8, compression u8, 00, raw u32, stored u32 | blocks' bytes
//! ```
//!
//! Invariants of an opened column: blocks begin at row 0 and ascend, their stored bytes are exactly those that follow, and
//! their raw lengths together are at most 1 MiB; that a block's raw length is the sum of its rows' lengths is checked when
//! the block is read ([FRM-6]).

use super::columns::PackedAt;
use crate::bitpack::{put_packed, width_of};
use crate::zstd_block::{BlockCompressor, decompress};
use indelible_evidence::FormatError;
use indelible_evidence::bytes::Reader;
use indelible_evidence::{FRAME_BYTES_MAX, FRAME_RECORDS_MAX};

const NAME: &str = "blob column";
const ENTRY: usize = 12;

/// A blob column by place in the body.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlobColumn {
    lengths: PackedAt,
    rows: usize,
    blocks: usize,
    table: usize,
    data: usize,
}

/// One block of a blob column.
#[derive(Debug, Clone)]
pub(super) struct BlobBlock {
    /// Rows it holds.
    pub(super) rows: std::ops::Range<usize>,
    compressed: bool,
    raw: usize,
    stored: std::ops::Range<usize>,
}

impl BlobColumn {
    /// Opens the data of a column of `rows` values, which begins at `at` in the body.
    pub(super) fn open(data: &[u8], at: usize, rows: usize) -> Result<Self, FormatError> {
        let mut reader = Reader::new(NAME, data);
        let width = reader.u8("width")?;
        let blocks = usize::from(reader.u8("blocks")?);
        if blocks == 0 || blocks > FRAME_RECORDS_MAX {
            return Err(reader.invalid("blocks", 1, format!("{blocks} blocks, 1 to 128 allowed")));
        }
        let lengths = PackedAt::take(&mut reader, at, rows, width, 21)?;
        let table = at + reader.offset();
        let (mut raw_sum, mut stored_sum, mut next_row) = (0usize, 0usize, 0usize);
        for index in 0..blocks {
            let start = reader.offset();
            let first = usize::from(reader.u8("first row")?);
            let compression = reader.u8("compression")?;
            reader.zeros("reserved", 2)?;
            let (raw, stored) = (reader.u32("raw length")? as usize, reader.u32("stored length")? as usize);
            if first >= rows || (index == 0 && first != 0) || (index > 0 && first < next_row) {
                return Err(reader.invalid("first row", start, "first rows do not ascend from 0"));
            }
            let fits = match compression {
                0 => stored == raw,
                1 => stored > 0 && stored < raw,
                _ => false,
            };
            raw_sum = raw_sum.saturating_add(raw);
            if !fits || raw == 0 || raw_sum > FRAME_BYTES_MAX {
                return Err(reader.invalid("raw length", start + 4, format!("{raw} raw, {stored} stored")));
            }
            stored_sum = stored_sum.saturating_add(stored);
            next_row = first + 1;
        }
        if stored_sum != reader.left() {
            return Err(reader.invalid("stored length", 0, "blocks do not fill the column exactly"));
        }
        Ok(Self { lengths, rows, blocks, table, data: at + reader.offset() })
    }

    /// Bytes of a row; 0 where it is absent.
    pub(super) fn length(&self, body: &[u8], row: usize) -> usize {
        self.lengths.over(body).get(row).unwrap_or(0) as usize
    }

    /// Bytes of every row.
    pub(super) fn lengths(&self, body: &[u8], out: &mut Vec<u64>) {
        out.clear();
        self.lengths.over(body).unpack(out);
    }

    /// Index of the block that holds `row`.
    pub(super) fn block_of(&self, body: &[u8], row: usize) -> usize {
        let firsts = (1..self.blocks).map_while(|index| self.first_row(body, index));
        firsts.take_while(|&first| first <= row).count()
    }

    fn first_row(&self, body: &[u8], index: usize) -> Option<usize> {
        body.get(self.table + index * ENTRY).map(|&first| usize::from(first))
    }

    /// Block `index`, its raw length compared with its rows' lengths ([FRM-6]).
    pub(super) fn block(&self, body: &[u8], index: usize) -> Result<BlobBlock, FormatError> {
        let mut start = self.data;
        for before in 0..index {
            start += self.entry(body, before)?.2;
        }
        let (compressed, raw, stored) = self.entry(body, index)?;
        let first = self.first_row(body, index).unwrap_or(self.rows);
        let next = if index + 1 < self.blocks { self.first_row(body, index + 1) } else { None };
        let rows = first..next.unwrap_or(self.rows);
        let sum: usize = rows.clone().map(|row| self.length(body, row)).sum();
        if sum != raw {
            let why = format!("block {index} has {raw} bytes, its rows {sum}");
            return Err(FormatError::invalid(NAME, "raw length", self.table + index * ENTRY + 4, why));
        }
        Ok(BlobBlock { rows, compressed, raw, stored: start..start + stored })
    }

    /// Compression, raw and stored length of a block.
    fn entry(&self, body: &[u8], index: usize) -> Result<(bool, usize, usize), FormatError> {
        let mut reader = Reader::new(NAME, body.get(self.table + index * ENTRY..).unwrap_or_default());
        reader.u8("first row")?;
        let compressed = reader.u8("compression")? == 1;
        reader.zeros("reserved", 2)?;
        Ok((compressed, reader.u32("raw length")? as usize, reader.u32("stored length")? as usize))
    }

    /// Inflates a block into `out` and says so; false where it is stored as it is and can be read in place.
    pub(super) fn inflate(&self, body: &[u8], block: &BlobBlock, out: &mut Vec<u8>) -> Result<bool, FormatError> {
        if block.compressed {
            // The raw length was bounded when the column was opened.
            decompress(NAME, self.stored(body, block), block.raw, out)?;
        }
        Ok(block.compressed)
    }

    /// The bytes of a block as they are stored.
    pub(super) fn stored<'b>(&self, body: &'b [u8], block: &BlobBlock) -> &'b [u8] {
        body.get(block.stored.clone()).unwrap_or_default()
    }

    /// Where a row of `block` lies in the block's raw bytes.
    pub(super) fn place(&self, body: &[u8], block: &BlobBlock, row: usize) -> std::ops::Range<usize> {
        let start: usize = (block.rows.start..row).map(|before| self.length(body, before)).sum();
        start..start + self.length(body, row)
    }

    /// Checks what access to single rows does not ([FRM-4] to [FRM-6]); blocks are not inflated.
    pub(super) fn check(&self, body: &[u8]) -> Result<(), FormatError> {
        let lengths = self.lengths.over(body);
        if width_of(lengths.iter().max().unwrap_or(0)) != lengths.width() {
            return Err(FormatError::invalid(NAME, "width", 0, "not the smallest that holds the longest row"));
        }
        for index in 0..self.blocks {
            self.block(body, index)?;
        }
        Ok(())
    }
}

/// Appends a blob column; false, with nothing appended, where all values are empty. `block_bytes` is the raw size that a
/// block of several rows stays under.
pub(super) fn put_blobs(
    out: &mut Vec<u8>,
    values: &[&[u8]],
    block_bytes: usize,
    compressor: &mut BlockCompressor,
    scratch: &mut Vec<u8>,
) -> bool {
    let longest = values.iter().map(|value| value.len()).max().unwrap_or(0);
    if longest == 0 {
        return false;
    }
    let mut firsts = vec![0usize];
    let mut filled = 0usize;
    for (row, value) in values.iter().enumerate() {
        if filled > 0 && !value.is_empty() && filled + value.len() > block_bytes {
            firsts.push(row);
            filled = 0;
        }
        filled += value.len();
    }
    let width = width_of(longest as u64);
    out.extend_from_slice(&[width, firsts.len() as u8]);
    put_packed(out, width, values.iter().map(|value| value.len() as u64));
    let mut entry_at = out.len();
    out.resize(entry_at + firsts.len() * ENTRY, 0);
    for (index, &first) in firsts.iter().enumerate() {
        let end = firsts.get(index + 1).copied().unwrap_or(values.len());
        scratch.clear();
        for value in values.get(first..end).unwrap_or_default() {
            scratch.extend_from_slice(value);
        }
        let compressed = compressor.compress(scratch);
        let stored = compressed.unwrap_or(scratch);
        let mut entry = [0u8; ENTRY];
        entry[0] = first as u8;
        entry[1] = u8::from(compressed.is_some());
        entry[4..8].copy_from_slice(&(scratch.len() as u32).to_le_bytes());
        entry[8..12].copy_from_slice(&(stored.len() as u32).to_le_bytes());
        out.extend_from_slice(stored);
        if let Some(place) = out.get_mut(entry_at..entry_at + ENTRY) {
            place.copy_from_slice(&entry);
        }
        entry_at += ENTRY;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encode(values: &[&[u8]], block_bytes: usize, level: i32) -> Vec<u8> {
        let mut out = Vec::new();
        put_blobs(&mut out, values, block_bytes, &mut BlockCompressor::new(level), &mut Vec::new());
        out
    }

    fn read(data: &[u8], rows: usize) -> Result<Vec<Vec<u8>>, FormatError> {
        let column = BlobColumn::open(data, 0, rows)?;
        column.check(data)?;
        (0..rows)
            .map(|row| {
                let block = column.block(data, column.block_of(data, row))?;
                let mut scratch = Vec::new();
                let inflated = column.inflate(data, &block, &mut scratch)?;
                let bytes = if inflated { &scratch } else { column.stored(data, &block) };
                Ok(bytes[column.place(data, &block, row)].to_vec())
            })
            .collect()
    }

    /// [CONV-4] [FRM-6]
    #[test]
    fn a_changed_byte_is_refused_or_gives_other_values() {
        let values: [&[u8]; 5] = [b"", b"abc", b"", b"defgh", b"ij"];
        for block_bytes in [1, 8, 1000] {
            let data = encode(&values, block_bytes, 0);
            assert_eq!(read(&data, 5).unwrap(), values);
            for at in 0..data.len() {
                for bit in 0..8 {
                    let mut changed = data.clone();
                    changed[at] ^= 1 << bit;
                    if let Ok(read) = read(&changed, 5) {
                        // Where a block begins is the writer's choice as long as no byte is in another block.
                        let moved = read == values && changed[1] == data[1];
                        assert!(read != values || moved, "byte {at} bit {bit}");
                    }
                }
                assert!(read(&data[..at], 5).is_err(), "cut at {at}");
            }
        }
        assert!(!put_blobs(&mut Vec::new(), &[b"", b""], 9, &mut BlockCompressor::new(0), &mut Vec::new()));
    }

    /// [FRM-5] [FRM-6]
    #[test]
    fn malformed_columns_are_refused() {
        let data = encode(&[b"abc", b"de"], 3, 0);
        assert_eq!(
            data,
            [
                2, 2, 0b10_11, 0, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 97, 98, 99, 100,
                101
            ]
        );
        let changes =
            [(0, 3), (0, 22), (1, 0), (1, 1), (3, 1), (4, 2), (4, 1), (5, 1), (7, 2), (11, 2), (15, 0), (15, 2)];
        for (at, value) in changes {
            let mut changed = data.clone();
            changed[at] = value;
            assert!(read(&changed, 2).is_err(), "byte {at} = {value}");
        }
        let wide = [&[3u8, 2, 0b10_011, 0][..], &data[3..]].concat();
        assert!(read(&wide, 2).is_err(), "wider than needed");
        let mut huge = encode(&[&vec![7; FRAME_BYTES_MAX]], 8192, 0);
        assert!(read(&huge, 1).is_ok());
        huge[2] = 1;
        huge[5 + 4] = 1;
        huge[5 + 8] = 1;
        huge.push(7);
        assert!(read(&huge, 1).is_err(), "more than a frame may hold");
    }

    proptest! {
        #[test]
        fn values_come_back(
            values in proptest::collection::vec(proptest::collection::vec(0u8..4, 0..300), 1..=128),
            block_bytes in 1usize..5000,
            level in 0i32..4,
        ) {
            prop_assume!(values.iter().any(|value| !value.is_empty()));
            let slices: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(read(&encode(&slices, block_bytes, level), values.len()).unwrap(), values);
        }

        #[test]
        fn arbitrary_bytes_never_panic(data in proptest::collection::vec(any::<u8>(), 0..200), rows in 0usize..129) {
            let _ = read(&data, rows);
        }
    }
}
