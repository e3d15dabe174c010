//! Writes bundles: everything whose presence follows from something else is left out, so there is one encoding.

use super::{Bundle, Claim, FLAG_OLD, FLAG_TRAIL, FLAG_WHOLE, FrameProof, MAGIC, RotationProof, RowProof};
use crate::FORMAT_VERSION;
use crate::bytes::{put_crc_since, put_varint};
use crate::descriptor::Hash;
use crate::record::GROUPS;

impl Claim {
    /// Code in the head.
    pub(super) fn code(&self) -> u8 {
        match self {
            Claim::Record { .. } => 1,
            Claim::Rows { .. } => 2,
            Claim::Range { .. } => 3,
            Claim::Complete { .. } => 4,
            Claim::Deletions => 5,
        }
    }

    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Claim::Record { seq } => out.extend_from_slice(&seq.to_le_bytes()),
            Claim::Rows { filter } => filter.put(out),
            Claim::Range { first, last } => {
                out.extend_from_slice(&first.to_le_bytes());
                out.extend_from_slice(&last.to_le_bytes());
            }
            Claim::Complete { first, last, disclosed, filter } => {
                out.extend_from_slice(&first.to_le_bytes());
                out.extend_from_slice(&last.to_le_bytes());
                out.push(disclosed.bits());
                filter.put(out);
            }
            Claim::Deletions => {}
        }
    }
}

impl Bundle {
    /// The file's bytes. What decodes encodes to the same bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(4_096);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        out.push(self.claim.code());
        let flags =
            [(self.old.is_some(), FLAG_OLD), (self.whole_history, FLAG_WHOLE), (!self.trail.is_empty(), FLAG_TRAIL)];
        out.push(flags.iter().filter(|(set, _)| *set).fold(0, |flags, (_, flag)| flags | flag));
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.log_id.0);
        self.claim.put(&mut out);
        put_note(&mut out, &self.checkpoint);
        if let Some(old) = &self.old {
            put_note(&mut out, &old.note);
            put_varint(&mut out, old.proof.len() as u64);
            put_hashes(&mut out, &old.proof);
        }
        if !self.trail.is_empty() {
            put_varint(&mut out, self.trail.len() as u64);
            self.trail.iter().for_each(|rotation| rotation.put(&mut out));
        }
        put_varint(&mut out, self.frames.len() as u64);
        for frame in &self.frames {
            frame.put(&mut out);
        }
        put_hashes(&mut out, &self.tree);
        put_crc_since(&mut out, 0);
        out
    }
}

impl RotationProof {
    fn put(&self, out: &mut Vec<u8>) {
        put_note(out, &self.text);
        if let Some(record) = &self.record {
            record.frame.put(out);
            put_hashes(out, &record.tree);
            put_varint(out, record.consistency.len() as u64);
            put_hashes(out, &record.consistency);
        }
    }
}

impl FrameProof {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.descriptor.encode());
        if let Some(chain) = &self.chain_before {
            out.extend_from_slice(chain);
        }
        out.push(self.rows.len() as u8);
        for row in &self.rows {
            out.extend_from_slice(&[row.position, row.open.bits()]);
        }
        for tree in self.classes.iter().flatten() {
            if let Some(key) = &tree.key {
                out.extend_from_slice(key);
            }
            put_hashes(out, &tree.hashes);
        }
        for row in &self.rows {
            row.put(out);
        }
    }
}

impl RowProof {
    fn put(&self, out: &mut Vec<u8>) {
        if self.open.has_header() {
            out.extend_from_slice(&self.recorded_at.to_le_bytes());
        }
        if let Some((occurred, g)) = &self.closed_envelope {
            out.extend_from_slice(&occurred.to_le_bytes());
            out.extend_from_slice(g);
        }
        for salt in self.salts.iter().flatten() {
            out.extend_from_slice(salt);
        }
        for k in (0..GROUPS).filter(|&k| self.open.has_group(k)) {
            put_varint(out, self.groups.group(k).len() as u64);
            out.extend_from_slice(self.groups.group(k));
        }
    }
}

fn put_note(out: &mut Vec<u8>, note: &str) {
    put_varint(out, note.len() as u64);
    out.extend_from_slice(note.as_bytes());
}

fn put_hashes(out: &mut Vec<u8>, hashes: &[Hash]) {
    out.extend_from_slice(hashes.as_flattened());
}
