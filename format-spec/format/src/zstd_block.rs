//! Small zstd blocks: one standard frame each, no dictionary, decompressed into exactly the length that was declared.
//!
//! Invariant: output never exceeds the declared length, which the caller has bounded; a block that gives fewer bytes, is
//! followed by another frame, or names a dictionary is refused. Not here: when to compress.

use std::cell::RefCell;

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe;

use indelible_evidence::FormatError;

thread_local! {
    // A context costs tens of microseconds and a few hundred kilobytes to make, more than most blocks take: one of each
    // a thread, which carry nothing from block to block.
    static COMPRESSOR: RefCell<Option<(i32, Compressor<'static>)>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Compresses blocks with one buffer; says where that is not worth it.
#[derive(Debug)]
pub(crate) struct BlockCompressor {
    level: i32,
    scratch: Vec<u8>,
}

/// Below this a zstd frame's own head eats what it saves.
const WORTH_TRYING: usize = 48;

impl BlockCompressor {
    /// A compressor of zstd `level`; level 0 stores everything as it is.
    pub(crate) fn new(level: i32) -> Self {
        Self { level, scratch: Vec::new() }
    }

    /// The compressed form where it is smaller than `raw`.
    pub(crate) fn compress(&mut self, raw: &[u8]) -> Option<&[u8]> {
        if raw.len() < WORTH_TRYING || self.level == 0 {
            return None;
        }
        self.scratch.clear();
        self.scratch.reserve(zstd_safe::compress_bound(raw.len()));
        // A failure to compress costs space, never data: the block is stored as it is.
        COMPRESSOR.with_borrow_mut(|kept| {
            if kept.as_ref().is_none_or(|(level, _)| *level != self.level) {
                *kept = Some((self.level, Compressor::new(self.level).ok()?));
            }
            let (_, context) = kept.as_mut()?;
            context.compress_to_buffer(raw, &mut self.scratch).ok()
        })?;
        (self.scratch.len() < raw.len()).then_some(self.scratch.as_slice())
    }
}

/// Replaces `out` by the `raw_length` bytes that `stored` stands for. The caller has bounded `raw_length`.
pub(crate) fn decompress(
    name: &'static str,
    stored: &[u8],
    raw_length: usize,
    out: &mut Vec<u8>,
) -> Result<(), FormatError> {
    let bad = |why: &'static str| Err(FormatError::invalid(name, "zstd block", 0, why));
    // Checked here because the decompressor goes on over several frames and skips skippable ones.
    if stored.first_chunk::<4>() != Some(&[0x28, 0xb5, 0x2f, 0xfd])
        || zstd_safe::find_frame_compressed_size(stored) != Ok(stored.len())
    {
        return bad("not exactly one zstd frame");
    }
    if zstd_safe::get_dict_id_from_frame(stored).is_some() {
        return bad("the zstd frame names a dictionary");
    }
    out.clear();
    out.reserve_exact(raw_length);
    let inflated = DECOMPRESSOR.with_borrow_mut(|kept| {
        if kept.is_none() {
            *kept = Decompressor::new().ok();
        }
        kept.as_mut()?.decompress_to_buffer(stored, out).ok()
    });
    // The buffer may have more room than was asked for, so the length is checked on both sides.
    match inflated {
        Some(length) if length == raw_length => Ok(()),
        Some(_) => bad("the zstd frame gives another length than declared"),
        None => bad("the zstd frame does not decompress to the declared length"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [SEG-10] [FRM-8]
    #[test]
    fn only_one_plain_frame_of_the_declared_length_is_read() {
        let raw = b"the same words again and again, ".repeat(20);
        let stored = BlockCompressor::new(3).compress(&raw).unwrap().to_vec();
        let mut out = Vec::new();
        decompress("test", &stored, raw.len(), &mut out).unwrap();
        assert_eq!(out, raw);
        assert!(decompress("test", &stored, raw.len() - 1, &mut out).is_err());
        assert!(decompress("test", &stored, raw.len() + 1, &mut Vec::new()).is_err());
        let twice = [stored.as_slice(), stored.as_slice()].concat();
        assert!(decompress("test", &twice, raw.len() * 2, &mut out).is_err());
        let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0], stored.as_slice()].concat();
        assert!(decompress("test", &skippable, raw.len(), &mut out).is_err());
        for cut in 0..stored.len() {
            assert!(decompress("test", &stored[..cut], raw.len(), &mut out).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn what_does_not_shrink_is_stored() {
        assert_eq!(BlockCompressor::new(3).compress(b"short"), None);
        assert_eq!(BlockCompressor::new(0).compress(&[7; 4096]), None);
    }
}
