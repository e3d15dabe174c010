//! The fingerprint of a value: 24 bits that stand for an event id or a correlation id in the postings.
//!
//! ```text
//! h = FNV-1a 64 over the value's bytes -> murmur3's 64-bit finaliser -> top 24 bits, 0 becomes 1
//! ```
//!
//! 24 bits among 65,536 rows of a run: one look-up in 256 meets a stranger, who is sent away when the record is read.
//! More bits would cost a byte a row for each byte. Not for tamper evidence: anyone can make two values collide, and
//! then both records are read, which is slower and never wrong.

use std::num::NonZeroU32;

/// Bits of a fingerprint.
pub const FINGERPRINT_BITS: u32 = 24;

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// Fingerprint of a value's bytes in the record's text encoding: 1 to 2^24 - 1.
///
/// ```
/// assert_eq!(indelible_index::fingerprint(b"").get(), 0xef_d01f);
/// ```
#[must_use]
pub fn fingerprint(bytes: &[u8]) -> NonZeroU32 {
    let mut hash = FNV_OFFSET;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME);
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^= hash >> 33;
    NonZeroU32::new((hash >> (64 - FINGERPRINT_BITS)) as u32).unwrap_or(NonZeroU32::MIN)
}
