//! Ed25519 signatures at the edges of the equation, made here with points of small order, and an oracle that computes it by definition.
//!
//! ```text
//! key 32, message, signature 64 -> accepted or not           RFC 8032, S + L, R + T, A + T, small order, other encodings
//! ```
//!
//! T is a point of order 2, 4 or 8. Verifiers that multiply by the cofactor, take other encodings, or batch, accept what is refused here.

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;
use sha2::{Digest, Sha512};

/// A signature and what a reader must make of it.
pub struct Case {
    pub about: String,
    pub key: [u8; 32],
    pub message: Vec<u8>,
    pub signature: [u8; 64],
    pub accepted: bool,
}

/// The order of the group that the base point makes, little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

const RFC_8032: [(&str, &str, &str); 3] = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
];

pub fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("hexadecimal")).collect()
}

fn scalar(seed: &str) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&Sha512::digest(seed).into())
}

fn challenge(r: &[u8; 32], a: &[u8; 32], message: &[u8]) -> Scalar {
    let hash = Sha512::new().chain_update(r).chain_update(a).chain_update(message).finalize();
    Scalar::from_bytes_mod_order_wide(&hash.into())
}

/// The chapter's equation, by definition.
pub fn oracle(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let one_encoding = |bytes: &[u8; 32]| {
        let point = CompressedEdwardsY(*bytes).decompress()?;
        (point.compress().0 == *bytes && !point.mul_by_cofactor().is_identity()).then_some(point)
    };
    let (r, s) = (&signature[..32].try_into().expect("32 bytes"), signature[32..].try_into().expect("32 bytes"));
    let (Some(a), Some(_)) = (one_encoding(key), one_encoding(r)) else { return false };
    let Some(s) = Option::<Scalar>::from(Scalar::from_canonical_bytes(s)) else { return false };
    let k = challenge(r, key, message);
    (ED25519_BASEPOINT_POINT * s - a * k).compress().0 == *r
}

fn join(r: &[u8; 32], s: &[u8; 32]) -> [u8; 64] {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(r);
    signature[32..].copy_from_slice(s);
    signature
}

/// A signature by the scalar `a` whose key and R have these points added.
fn sign(message: &[u8], on_key: &EdwardsPoint, on_r: &EdwardsPoint) -> ([u8; 32], [u8; 64], Scalar) {
    let (a, r) = (scalar("the key"), scalar("the nonce"));
    let key = (ED25519_BASEPOINT_POINT * a + on_key).compress().0;
    let point = (ED25519_BASEPOINT_POINT * r + on_r).compress().0;
    let k = challenge(&point, &key, message);
    (key, join(&point, &(r + k * a).to_bytes()), k)
}

/// Bytes plus a small number or the order, as little-endian integers.
fn plus(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let (mut out, mut carry) = ([0; 32], 0u16);
    for (at, byte) in out.iter_mut().enumerate() {
        let sum = u16::from(left[at]) + u16::from(right[at]) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    out
}

/// Every case.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (at, (key, message, signature)) in RFC_8032.into_iter().enumerate() {
        cases.push(Case {
            about: format!("RFC 8032, 7.1, test {}", at + 1),
            key: unhex(key).try_into().expect("32 bytes"),
            message: unhex(message),
            signature: unhex(signature).try_into().expect("64 bytes"),
            accepted: true,
        });
    }
    changed(&mut cases);
    torsion(&mut cases);
    small_order(&mut cases);
    other_encodings(&mut cases);
    cases
}

/// A good signature with one thing changed.
fn changed(cases: &mut Vec<Case>) {
    let none = EIGHT_TORSION[0];
    let (key, good, _) = sign(b"message", &none, &none);
    let mut add = |about: &str, message: &[u8], signature: [u8; 64], accepted| {
        cases.push(Case { about: about.to_owned(), key, message: message.to_vec(), signature, accepted });
    };
    add("a good signature", b"message", good, true);
    add("another message", b"massage", good, false);
    let s: [u8; 32] = good[32..].try_into().expect("32 bytes");
    let r: [u8; 32] = good[..32].try_into().expect("32 bytes");
    let mut raised = s;
    for times in 1..=3 {
        raised = plus(&raised, &ORDER);
        add(&format!("S plus {times} times the order"), b"message", join(&r, &raised), false);
    }
    add("S is the order", b"message", join(&r, &ORDER), false);
    add("S is zero", b"message", join(&r, &[0; 32]), false);
    add("S is all ones", b"message", join(&r, &[0xff; 32]), false);
    for bit in [0, 7, 255, 256, 300, 508, 511] {
        let mut signature = good;
        signature[bit / 8] ^= 1 << (bit % 8);
        add(&format!("bit {bit} of the signature changed"), b"message", signature, false);
    }
}

/// Points of order 2, 4 and 8 added to the key, to R, and to both so that they cancel.
fn torsion(cases: &mut Vec<Case>) {
    let none = EIGHT_TORSION[0];
    for order in 1..8 {
        let point = EIGHT_TORSION[order];
        let (key, signature, _) = sign(b"message", &none, &point);
        let about = format!("R plus {order} times a point of order 8: right only with the cofactor");
        cases.push(Case { about, key, message: b"message".to_vec(), signature, accepted: false });
        // Whether the point on the key is seen depends on k, so that both are found by trying messages.
        let (mut right, mut wrong, mut cancels) = (false, false, false);
        for number in 0..2_000 {
            let message = format!("message {number}").into_bytes();
            let (key, signature, k) = sign(&message, &point, &none);
            let unseen = (point * k).is_identity();
            let new = if unseen { !std::mem::replace(&mut right, true) } else { !std::mem::replace(&mut wrong, true) };
            if new {
                let about = format!(
                    "key plus {order} times a point of order 8, which k {}",
                    if unseen { "takes away" } else { "leaves" }
                );
                cases.push(Case { about, key, message: message.clone(), signature, accepted: unseen });
            }
            for on_r in &EIGHT_TORSION[1..] {
                let (key, signature, k) = sign(&message, &point, on_r);
                if !cancels && (point * k + on_r).is_identity() {
                    cancels = true;
                    let about = format!("key plus {order} times a point of order 8, and R so that both cancel");
                    cases.push(Case { about, key, message: message.clone(), signature, accepted: true });
                }
            }
            if right && wrong && cancels {
                break;
            }
        }
    }
}

/// Keys and R of small order: such a key signs nearly everything.
fn small_order(cases: &mut Vec<Case>) {
    let r = scalar("the nonce");
    let base_r = (ED25519_BASEPOINT_POINT * r).compress().0;
    for (order, point) in EIGHT_TORSION.iter().enumerate() {
        let (key, message) = (point.compress().0, b"message".to_vec());
        let about = format!("the key is {order} times a point of order 8");
        cases.push(Case {
            about,
            key,
            message: message.clone(),
            signature: join(&base_r, &r.to_bytes()),
            accepted: false,
        });
        let a = scalar("the key");
        let good = (ED25519_BASEPOINT_POINT * a).compress().0;
        let s = (challenge(&key, &good, &message) * a).to_bytes();
        let about = format!("R is {order} times a point of order 8, and S k times the key's scalar");
        cases.push(Case { about, key: good, message: message.clone(), signature: join(&key, &s), accepted: false });
        let about = format!("key and R are {order} times a point of order 8, S is zero");
        cases.push(Case { about, key, message, signature: join(&key, &[0; 32]), accepted: false });
    }
}

/// y from p on, and a sign bit on x = 0: other encodings of points that have one.
fn other_encodings(cases: &mut Vec<Case>) {
    let none = EIGHT_TORSION[0];
    let (good, signature, _) = sign(b"message", &none, &none);
    let s: [u8; 32] = signature[32..].try_into().expect("32 bytes");
    let mut encodings = Vec::new();
    for above in 0..19u8 {
        let mut bytes = [0xff; 32];
        bytes[0] = 0xed + above;
        bytes[31] = 0x7f;
        encodings.push((format!("y is p plus {above}"), bytes));
        bytes[31] = 0xff;
        encodings.push((format!("y is p plus {above}, with the sign bit"), bytes));
    }
    let mut one = [0; 32];
    (one[0], one[31]) = (1, 0x80);
    encodings.push(("x is 0 with the sign bit, y is 1".to_owned(), one));
    let mut minus_one = [0xff; 32];
    minus_one[0] = 0xec;
    encodings.push(("x is 0 with the sign bit, y is -1".to_owned(), minus_one));
    for (about, bytes) in encodings {
        let message = b"message".to_vec();
        let key_case =
            Case { about: format!("key: {about}"), key: bytes, message: message.clone(), signature, accepted: false };
        let r_case =
            Case { about: format!("R: {about}"), key: good, message, signature: join(&bytes, &s), accepted: false };
        cases.extend([key_case, r_case]);
    }
}
