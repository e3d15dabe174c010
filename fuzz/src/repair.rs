//! Puts right checksums where a structure's own layout says they stand, so that mutated bytes reach what lies behind them.
//!
//! Everything is best effort: where bytes are too short or a length is nonsense, they stay as they are.

/// Writes the CRC of `bytes[from..at]` at `at`.
fn seal(bytes: &mut [u8], from: usize, at: usize) {
    let Some(covered) = bytes.get(from..at) else { return };
    let crc = crc32fast::hash(covered);
    put(bytes, at, crc);
}

fn put(bytes: &mut [u8], at: usize, value: u32) {
    if let Some(place) = bytes.get_mut(at..at + 4) {
        place.copy_from_slice(&value.to_le_bytes());
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    let field = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes(field.try_into().ok()?) as usize)
}

/// A journal file: header of 64 bytes, then groups of a 96-byte header and a payload. See `format-spec/07-journal.md`.
pub fn journal(bytes: &mut [u8]) {
    seal(bytes, 0, 60);
    let mut at = 64;
    while let Some(length) = u32_at(bytes, at + 44) {
        let Some(payload) = bytes.get(at + 96..at.saturating_add(96).saturating_add(length)) else { break };
        let crc = if length == 0 { 0 } else { crc32fast::hash(payload) };
        put(bytes, at + 52, crc);
        seal(bytes, at, at + 92);
        at += 96 + length;
    }
}

/// A segment file: header of 128 bytes, then blocks of a 32-byte header and a payload. See `format-spec/04-segment.md`.
pub fn segment(bytes: &mut [u8]) {
    seal(bytes, 0, 124);
    let mut at = 128;
    while let Some(length) = u32_at(bytes, at + 16) {
        let Some(payload) = bytes.get(at + 32..at.saturating_add(32).saturating_add(length)) else { break };
        let crc = crc32fast::hash(payload);
        put(bytes, at + 20, crc);
        seal(bytes, at, at + 28);
        at += 32 + length;
    }
    if let Some(start) = bytes.len().checked_sub(16) {
        seal(bytes, start, start + 8);
    }
}

/// A run: head of 64 bytes, leaf table with 20 bytes an entry, leaves. See `format-spec/06-index-run.md`.
pub fn index_run(bytes: &mut [u8]) {
    let leaves = u32_at(bytes, 16).unwrap_or(0).min(bytes.len() / 20);
    for leaf in 0..leaves {
        let entry = 64 + leaf * 20;
        let (Some(offset), Some(length)) = (u32_at(bytes, entry + 8), u32_at(bytes, entry + 12)) else { break };
        if let Some(crc) = bytes.get(offset..offset.saturating_add(length & 0xFFFF)).map(crc32fast::hash) {
            put(bytes, entry + 16, crc);
        }
    }
    if let Some(crc) = bytes.get(64..64 + leaves * 20).map(crc32fast::hash) {
        put(bytes, 56, crc);
    }
    seal(bytes, 0, 60);
}

/// A manifest: head of 24 bytes with the body's checksum, body to the end. See `format-spec/08-manifest.md`.
pub fn manifest(bytes: &mut [u8]) {
    let Some(body) = bytes.get(24..) else { return };
    let (length, crc) = (body.len() as u32, crc32fast::hash(body));
    put(bytes, 12, length);
    put(bytes, 16, crc);
    seal(bytes, 0, 20);
}

/// A live file: 60 bytes and their checksum.
pub fn live(bytes: &mut [u8]) {
    seal(bytes, 0, 60);
}

/// Nothing: the structure has no checksum of its own.
pub fn nothing(_bytes: &mut [u8]) {}

/// The checksum at the end of a bundle.
pub fn bundle(bytes: &mut [u8]) {
    if let Some((body, crc)) = bytes.split_last_chunk_mut::<4>() {
        *crc = crc32fast::hash(body).to_le_bytes();
    }
}

/// A cursor: 52 hexadecimal digits, the last eight of them the checksum of what the others show.
pub fn cursor(bytes: &mut [u8]) {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).map(|digit| digit as u8);
    let Some(digits) = bytes.get(..44).and_then(|digits| digits.iter().map(digit).collect::<Option<Vec<u8>>>()) else {
        return;
    };
    let shown: Vec<u8> =
        digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
    let crc: String = crc32fast::hash(&shown).to_le_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    if let Some(place) = bytes.get_mut(44..52) {
        place.copy_from_slice(crc.as_bytes());
    }
}
