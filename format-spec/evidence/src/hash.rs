//! B3: BLAKE3 in derive-key mode, one context for each purpose, over zero-padded input.
//!
//! ```text
//! B3(purpose, m) = derive_key("indelible 2026-11 <purpose> v1", m || zeros to a multiple of 64 bytes), first 32 bytes
//! ```
//!
//! Invariants: the padding is part of the definition, so that inputs of equal padded length can hash side by side
//! (`lanes`); every input carries its own lengths, so that padding is never ambiguous. The keys of the contexts are derived
//! once. Not here: many inputs at once (`lanes`), SHA-256 of the log tree (`merkle`).
//! Specified in `format-spec/02-commitments.md`.

use std::sync::OnceLock;

use blake3::hazmat::{ContextKey, HasherExt, hash_derive_key_context};

pub use crate::descriptor::Hash;

/// Padded inputs are multiples of this many bytes.
pub const BLOCK: usize = 64;

/// What a hash is for; each has a context of its own, so that no hash can stand for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// `K[c,k]` from the frame salt key.
    SaltKey,
    /// A record's salt of one group.
    Salt,
    /// A salted group.
    Group,
    /// A record's leaf.
    Leaf,
    /// An inner node of a class tree.
    Node,
    /// The frame root.
    Frame,
    /// A chain value.
    Chain,
    /// The chain value before the first frame.
    Genesis,
    /// What a hold asks for, before anybody is told.
    Hold,
}

impl Purpose {
    /// Every purpose, in declaration order.
    pub const ALL: [Purpose; 9] = [
        Purpose::SaltKey,
        Purpose::Salt,
        Purpose::Group,
        Purpose::Leaf,
        Purpose::Node,
        Purpose::Frame,
        Purpose::Chain,
        Purpose::Genesis,
        Purpose::Hold,
    ];

    /// The context string.
    pub const fn context(self) -> &'static str {
        match self {
            Purpose::SaltKey => "indelible 2026-11 salt-key v1",
            Purpose::Salt => "indelible 2026-11 salt v1",
            Purpose::Group => "indelible 2026-11 group v1",
            Purpose::Leaf => "indelible 2026-11 leaf v1",
            Purpose::Node => "indelible 2026-11 node v1",
            Purpose::Frame => "indelible 2026-11 frame v1",
            Purpose::Chain => "indelible 2026-11 chain v1",
            Purpose::Genesis => "indelible 2026-11 genesis v1",
            Purpose::Hold => "indelible 2026-11 hold v1",
        }
    }

    /// The key that BLAKE3 derives from the context, computed once.
    pub(crate) fn context_key(self) -> &'static ContextKey {
        static KEYS: OnceLock<[ContextKey; 9]> = OnceLock::new();
        let keys = KEYS.get_or_init(|| Purpose::ALL.map(|purpose| hash_derive_key_context(purpose.context())));
        &keys[self as usize]
    }
}

/// Bytes that `length` bytes take when padded: the next multiple of 64, and 64 for nothing at all.
pub const fn padded(length: usize) -> usize {
    if length == 0 { BLOCK } else { length.next_multiple_of(BLOCK) }
}

/// B3 of one input of any length.
pub fn b3(purpose: Purpose, m: &[u8]) -> Hash {
    b3_parts(purpose, &[m])
}

/// B3 of the concatenation of `parts`, without copying them together.
pub(crate) fn b3_parts(purpose: Purpose, parts: &[&[u8]]) -> Hash {
    let mut hasher = blake3::Hasher::new_from_context_key(purpose.context_key());
    let mut length = 0;
    for part in parts {
        hasher.update(part);
        length += part.len();
    }
    let padding = padded(length) - length;
    hasher.update(&[0u8; BLOCK][..padding]);
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b3_is_derive_key_over_padded_input() {
        for purpose in Purpose::ALL {
            for length in [0usize, 1, 63, 64, 65, 128, 1_000, 1_024, 1_025, 5_000] {
                let input: Vec<u8> = (0..length).map(|i| i as u8).collect();
                let mut zeros = input.clone();
                zeros.resize(if length == 0 { 64 } else { length.div_ceil(64) * 64 }, 0);
                assert_eq!(b3(purpose, &input), blake3::derive_key(purpose.context(), &zeros), "{purpose:?} {length}");
            }
        }
    }

    #[test]
    fn purposes_do_not_collide() {
        let mut hashes = Purpose::ALL.map(|purpose| b3(purpose, b"same"));
        hashes.sort_unstable();
        assert!(hashes.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(Purpose::ALL.iter().enumerate().all(|(i, &purpose)| purpose as usize == i));
    }
}
