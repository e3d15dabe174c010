//! A decoder with a planted bug: the fuzzer must find it, or the set-up finds nothing (`fuzz/smoke` and `fuzz/long` check it).
//!
//! ```text
//! magic "CNRY" | version 1 | count u8 | count pairs (length u8, bytes)
//! ```
//!
//! The bug is one that a maintainer could make: the length of a pair is believed where the version is 2, a version that the
//! decoder was not written for. Nothing outside this folder uses it.

/// Decodes, wrongly.
pub fn canary(data: &[u8]) {
    let Some((&[b'C', b'N', b'R', b'Y', version, count], mut rest)) = data.split_first_chunk() else { return };
    if !(1..=2).contains(&version) {
        return;
    }
    for _ in 0..count {
        let Some((&length, after)) = rest.split_first() else { return };
        let length = usize::from(length);
        if length > after.len() && version == 1 {
            return;
        }
        rest = &after[length..];
    }
}
