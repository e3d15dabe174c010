//! Small zstd blocks: one standard frame each, no dictionary, decompressed into exactly the length that was declared.
//!
//! Invariant: output never exceeds the declared length, which the caller has bounded; a block that gives fewer bytes, is
//! followed by another frame, or names a dictionary is refused. Not here: when to compress.

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe;

use crate::bytes::Reader;
use crate::error::FormatError;

/// Compresses blocks with one context; falls back to storing them.
pub(crate) struct BlockCompressor {
    context: Option<Compressor<'static>>,
    scratch: Vec<u8>,
}

impl std::fmt::Debug for BlockCompressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlockCompressor").field("compresses", &self.context.is_some()).finish()
    }
}

/// Below this a zstd frame's own head eats what it saves.
const WORTH_TRYING: usize = 48;

impl BlockCompressor {
    /// A compressor of zstd `level`; level 0 stores everything as it is.
    pub(crate) fn new(level: i32) -> Self {
        let context = if level == 0 { None } else { Compressor::new(level).ok() };
        Self { context, scratch: Vec::new() }
    }

    /// The compressed form where it is smaller than `raw`.
    pub(crate) fn compress(&mut self, raw: &[u8]) -> Option<&[u8]> {
        if raw.len() < WORTH_TRYING {
            return None;
        }
        let context = self.context.as_mut()?;
        self.scratch.clear();
        self.scratch.reserve(zstd_safe::compress_bound(raw.len()));
        // A failure to compress costs space, never data: the block is stored as it is.
        context.compress_to_buffer(raw, &mut self.scratch).ok()?;
        (self.scratch.len() < raw.len()).then_some(self.scratch.as_slice())
    }
}

/// Decompresses blocks with one context.
#[derive(Default)]
pub(crate) struct BlockDecompressor(Option<Decompressor<'static>>);

impl std::fmt::Debug for BlockDecompressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BlockDecompressor")
    }
}

impl BlockDecompressor {
    /// Replaces `out` by the `raw_length` bytes that `stored` stands for. The caller has bounded `raw_length`.
    pub(crate) fn decompress(
        &mut self,
        name: &'static str,
        stored: &[u8],
        raw_length: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), FormatError> {
        let reader = Reader::new(name, stored);
        let bad = |why: &'static str| Err(reader.invalid("zstd block", 0, why));
        // Checked here because the decompressor goes on over several frames and skips skippable ones.
        if stored.first_chunk::<4>() != Some(&[0x28, 0xb5, 0x2f, 0xfd])
            || zstd_safe::find_frame_compressed_size(stored) != Ok(stored.len())
        {
            return bad("not exactly one zstd frame");
        }
        if zstd_safe::get_dict_id_from_frame(stored).is_some() {
            return bad("the zstd frame names a dictionary");
        }
        if self.0.is_none() {
            self.0 = Decompressor::new().ok();
        }
        let Some(context) = self.0.as_mut() else { return bad("no memory for a zstd context") };
        out.clear();
        out.reserve_exact(raw_length);
        // The buffer may have more room than was asked for, so the length is checked on both sides.
        match context.decompress_to_buffer(stored, out) {
            Ok(length) if length == raw_length => Ok(()),
            Ok(_) => bad("the zstd frame gives another length than declared"),
            Err(_) => bad("the zstd frame does not decompress to the declared length"),
        }
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
        let mut reader = BlockDecompressor::default();
        reader.decompress("test", &stored, raw.len(), &mut out).unwrap();
        assert_eq!(out, raw);
        assert!(reader.decompress("test", &stored, raw.len() - 1, &mut out).is_err());
        assert!(reader.decompress("test", &stored, raw.len() + 1, &mut Vec::new()).is_err());
        let twice = [stored.as_slice(), stored.as_slice()].concat();
        assert!(reader.decompress("test", &twice, raw.len() * 2, &mut out).is_err());
        let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0], stored.as_slice()].concat();
        assert!(reader.decompress("test", &skippable, raw.len(), &mut out).is_err());
        for cut in 0..stored.len() {
            assert!(reader.decompress("test", &stored[..cut], raw.len(), &mut out).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn what_does_not_shrink_is_stored() {
        assert_eq!(BlockCompressor::new(3).compress(b"short"), None);
        assert_eq!(BlockCompressor::new(0).compress(&[7; 4096]), None);
    }
}
