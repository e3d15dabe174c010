//! The one equation by which every Ed25519 signature here is judged.
//!
//! ```text
//! public key  y < p, no sign bit on x = 0, a point of the curve, not of small order
//! signature   R 32 || S 32: R as a public key is, S < L
//! accepted    exactly if the encoding of [S]B - [k]A is R, with k = SHA-512(R || A || M) mod L
//! ```
//!
//! Invariants: no cofactor and no batches, so two readers that follow this never disagree about a signature, whoever made it;
//! checkpoints, acts, statements and cosignatures are all judged here ([ACT-23]). Not here: names, key ids and text forms (`key`,
//! `witness`). Specified in `format-spec/14-authority.md`.

use ed25519_dalek::{Signature, VerifyingKey};

/// The key of these bytes; `None` where they are not the one encoding of a point that can be a key.
pub(crate) fn public_key(bytes: &[u8; 32]) -> Option<VerifyingKey> {
    // A decoder takes y and y + p for the same point, and here a signature depends on the bytes.
    if !y_is_canonical(bytes) {
        return None;
    }
    // x = 0 with a sign bit is a point of small order too, so the second test refuses it.
    VerifyingKey::from_bytes(bytes).ok().filter(|key| !key.is_weak())
}

/// Whether `signature` is that of `key` under `message`.
pub(crate) fn verifies(key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) -> bool {
    // Strict verification computes R anew and compares encodings, so an R in another encoding never passes; it refuses S from L on,
    // and points of small order.
    key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
}

/// Whether y, the encoding without its sign bit, is below p = 2^255 - 19.
fn y_is_canonical(bytes: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = bytes;
    !(high & 0x7f == 0x7f && middle.iter().all(|&byte| byte == 0xff) && *low >= 0xed)
}
