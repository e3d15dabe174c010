//! Reads bundles strictly: structure only, no hash is computed here.
//!
//! Invariants: nothing is allocated from a count that the bytes at hand cannot fill; how many keys, hashes and salts there
//! are follows from the open masks, so none is trusted from the file ([BND-2], [BND-3]).

use super::{
    Bundle, Claim, FLAG_OLD, FLAG_TRAIL, FLAG_WHOLE, Filter, FrameProof, KeyRecordProof, MAGIC, NAME, OldCheckpoint,
    Open, RotationProof, RowProof, TreeProof,
};
use crate::bytes::Reader;
use crate::checkpoint::Checkpoint;
use crate::descriptor::{Descriptor, Hash};
use crate::error::FormatError;
use crate::merkle::multiproof_len;
use crate::record::{GROUPS, Groups};
use crate::{FRAME_BYTES_MAX, FRAME_RECORDS_MAX, LogId, layout};

/// Fewest bytes of a frame: a descriptor of one class, the number of rows.
const FRAME_BYTES_MIN: usize = 120 + 44 + 1;
/// Hashes of the longest consistency proof.
const CONSISTENCY_MAX: u64 = 65;

impl Bundle {
    /// Reads a bundle; nothing it says is checked but its form ([BND-1]).
    ///
    /// # Errors
    /// [`FormatError`] with the field and the offset in the file.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut head = Reader::new(NAME, bytes);
        head.magic(MAGIC)?;
        head.version()?;
        let mut whole = Reader::new(NAME, bytes);
        whole.take("crc", bytes.len().saturating_sub(4))?;
        whole.crc_of_before("crc")?;
        let (body, _) = bytes.split_at(bytes.len() - 4);
        let mut reader = Reader::new(NAME, body);
        reader.take("head", head.offset())?;
        let claim_code = reader.u8("claim")?;
        let flags = reader.u8("flags")?;
        if flags & !(FLAG_OLD | FLAG_WHOLE | FLAG_TRAIL) != 0 {
            return Err(reader.invalid("flags", 11, format!("unknown flags {flags:#04x}")));
        }
        reader.zeros("reserved", 4)?;
        let log_id = LogId(reader.array("log_id")?);
        debug_assert_eq!(reader.offset(), layout::BUNDLE_HEAD.size());
        let claim = take_claim(&mut reader, claim_code)?;
        let checkpoint = take_note(&mut reader)?;
        let old = if flags & FLAG_OLD == 0 { None } else { Some(take_old(&mut reader)?) };
        let whole_history = flags & FLAG_WHOLE != 0;
        let trail = if flags & FLAG_TRAIL == 0 { Vec::new() } else { take_trail(&mut reader, whole_history)? };
        let frames = take_frames(&mut reader)?;
        let tree = take_tree(&mut reader, &checkpoint, &frames)?;
        reader.end()?;
        Ok(Self { log_id, claim, checkpoint, old, whole_history, trail, frames, tree })
    }
}

fn take_claim(reader: &mut Reader<'_>, code: u8) -> Result<Claim, FormatError> {
    Ok(match code {
        1 => Claim::Record { seq: reader.u64("seq")? },
        2 => Claim::Rows { filter: Filter::take(reader)? },
        3 => Claim::Range { first: reader.u64("first seq")?, last: reader.u64("last seq")? },
        4 => {
            let (first, last) = (reader.u64("first seq")?, reader.u64("last seq")?);
            let at = reader.offset();
            let disclosed = Open::from_bits(reader.u8("disclosed")?)
                .ok_or_else(|| reader.invalid("disclosed", at, "not an open mask"))?;
            Claim::Complete { first, last, disclosed, filter: Filter::take(reader)? }
        }
        5 => Claim::Deletions,
        _ => return Err(reader.invalid("claim", 10, format!("unknown claim {code}"))),
    })
}

fn take_note(reader: &mut Reader<'_>) -> Result<String, FormatError> {
    let length = reader.varint("checkpoint length")?;
    let start = reader.offset();
    let bytes = reader.take("checkpoint", usize::try_from(length).unwrap_or(usize::MAX))?;
    String::from_utf8(bytes.to_vec()).map_err(|_| reader.invalid("checkpoint", start, "not UTF-8"))
}

fn take_old(reader: &mut Reader<'_>) -> Result<OldCheckpoint, FormatError> {
    Ok(OldCheckpoint { note: take_note(reader)?, proof: take_consistency(reader)? })
}

fn take_consistency(reader: &mut Reader<'_>) -> Result<Vec<Hash>, FormatError> {
    let start = reader.offset();
    let count = reader.varint("consistency proof")?;
    if count > CONSISTENCY_MAX {
        return Err(reader.invalid("consistency proof", start, "more hashes than any proof needs"));
    }
    take_hashes(reader, "consistency proof", count as usize)
}

/// Rotations, at least one; with the whole history their texts alone ([BND-13]).
fn take_trail(reader: &mut Reader<'_>, whole_history: bool) -> Result<Vec<RotationProof>, FormatError> {
    let start = reader.offset();
    let count = reader.varint("rotations")?;
    if count == 0 || count > reader.left() as u64 {
        return Err(reader.invalid("rotations", start, "no rotation, or more than there are bytes"));
    }
    let mut trail = Vec::new();
    for _ in 0..count {
        let text = take_note(reader)?;
        let record = if whole_history { None } else { Some(take_key_record(reader, &text)?) };
        trail.push(RotationProof { text, record });
    }
    Ok(trail)
}

fn take_key_record(reader: &mut Reader<'_>, text: &str) -> Result<KeyRecordProof, FormatError> {
    let frame = take_frame(reader, None)?;
    let note = text.split_once('\n').map_or("", |(_, note)| note);
    let tree = take_tree(reader, note, std::slice::from_ref(&frame))?;
    Ok(KeyRecordProof { frame, tree, consistency: take_consistency(reader)? })
}

fn take_hashes(reader: &mut Reader<'_>, field: &'static str, count: usize) -> Result<Vec<Hash>, FormatError> {
    let bytes = reader.take(field, count.saturating_mul(32))?;
    Ok(bytes.as_chunks::<32>().0.to_vec())
}

fn take_frames(reader: &mut Reader<'_>) -> Result<Vec<FrameProof>, FormatError> {
    let start = reader.offset();
    let count = reader.varint("frames")?;
    if count == 0 || count > (reader.left() / FRAME_BYTES_MIN) as u64 {
        let why = format!("{count} frames in {} bytes; at least one is needed", reader.left());
        return Err(reader.invalid("frames", start, why));
    }
    let mut frames: Vec<FrameProof> = Vec::new();
    for _ in 0..count {
        let before = frames.last().map(|frame| frame.descriptor.frame_no);
        frames.push(take_frame(reader, before)?);
    }
    Ok(frames)
}

fn take_frame(reader: &mut Reader<'_>, before: Option<u64>) -> Result<FrameProof, FormatError> {
    let start = reader.offset();
    let descriptor = take_descriptor(reader)?;
    let frame_no = descriptor.frame_no;
    if before.is_some_and(|before| before >= frame_no) {
        return Err(reader.invalid("frame_no", start + 24, "frames do not ascend"));
    }
    let follows = frame_no.checked_sub(1).is_none_or(|number| before == Some(number));
    let chain_before = if follows { None } else { Some(reader.array("previous chain value")?) };
    let rows = take_masks(reader, descriptor.count)?;
    let mut frame = FrameProof { descriptor, chain_before, rows, classes: Vec::new() };
    // Of a frame without rows nothing is proven but its descriptor, so there are no class proofs.
    let classes = if frame.rows.is_empty() { 0 } else { frame.descriptor.classes.len() };
    for index in 0..classes {
        let trees = take_class(reader, &frame, index)?;
        frame.classes.push(trees);
    }
    take_rows(reader, &mut frame)?;
    Ok(frame)
}

fn take_descriptor(reader: &mut Reader<'_>) -> Result<Descriptor, FormatError> {
    let start = reader.offset();
    let mut ahead = reader.clone();
    let head = ahead.take("descriptor", layout::DESCRIPTOR_HEAD.size())?;
    let classes = head.get(4).copied().map_or(0, usize::from);
    let size = layout::DESCRIPTOR_HEAD.size() + classes * layout::CLASS_ENTRY.size();
    Descriptor::decode(reader.take("descriptor", size)?).map_err(|error| error.shifted(start))
}

/// Positions and open masks, ascending by position ([BND-3]).
fn take_masks(reader: &mut Reader<'_>, count: u16) -> Result<Vec<RowProof>, FormatError> {
    let start = reader.offset();
    let rows = usize::from(reader.u8("rows")?);
    if rows > FRAME_RECORDS_MAX {
        return Err(reader.invalid("rows", start, format!("{rows} rows, at most 128 allowed")));
    }
    let mut masks: Vec<RowProof> = Vec::with_capacity(rows);
    for _ in 0..rows {
        let at = reader.offset();
        let (position, bits) = (reader.u8("position")?, reader.u8("open mask")?);
        if u16::from(position) >= count || masks.last().is_some_and(|row| row.position >= position) {
            return Err(reader.invalid("position", at, "positions ascend and lie in the frame"));
        }
        let open = Open::from_bits(bits).filter(|&open| open != Open::NOTHING);
        let open = open.ok_or_else(|| reader.invalid("open mask", at + 1, format!("{bits:#04x} is no open mask")))?;
        masks.push(RowProof {
            position,
            open,
            recorded_at: 0,
            closed_envelope: None,
            salts: [None; GROUPS],
            groups: Groups::default(),
        });
    }
    Ok(masks)
}

fn take_class(reader: &mut Reader<'_>, frame: &FrameProof, index: usize) -> Result<[TreeProof; GROUPS], FormatError> {
    let count = frame.descriptor.classes.get(index).map_or(0, |entry| entry.count());
    let mut trees: [TreeProof; GROUPS] = Default::default();
    for (k, tree) in trees.iter_mut().enumerate() {
        if frame.all_open(index, k) {
            tree.key = Some(reader.array("class key")?);
        }
        let length = multiproof_len(count.into(), &frame.open_ranks(index, k));
        tree.hashes = take_hashes(reader, "class proof", length)?;
    }
    Ok(trees)
}

fn take_rows(reader: &mut Reader<'_>, frame: &mut FrameProof) -> Result<(), FormatError> {
    let mut bytes_left = FRAME_BYTES_MAX;
    let (descriptor, classes) = (&frame.descriptor, &frame.classes);
    for row in &mut frame.rows {
        let index = descriptor.classes.iter().position(|entry| entry.positions >> row.position & 1 == 1);
        let trees = index.and_then(|index| classes.get(index));
        if row.open.has_header() {
            row.recorded_at = reader.i64("recorded_at")?;
            if !row.open.has_group(0) {
                row.closed_envelope = Some((reader.i64("occurred_at")?, reader.array("group hash")?));
            }
        }
        for (k, salt) in row.salts.iter_mut().enumerate() {
            let keyed = trees.and_then(|trees| trees.get(k)).is_some_and(|tree| tree.key.is_some());
            if row.open.has_group(k) && !keyed {
                *salt = Some(reader.array("salt")?);
            }
        }
        let mut groups: [&[u8]; GROUPS] = [&[]; GROUPS];
        for (k, group) in groups.iter_mut().enumerate() {
            if !row.open.has_group(k) {
                continue;
            }
            let start = reader.offset();
            let length = usize::try_from(reader.varint("group length")?).unwrap_or(usize::MAX);
            *group = reader.take("group", length)?;
            if length == 0 || length > bytes_left {
                return Err(reader.invalid("group length", start, "groups are not empty, a frame's at most 1 MiB"));
            }
            bytes_left -= length;
        }
        row.groups = Groups::from_slices(groups);
    }
    Ok(())
}

/// The log-tree proof, whose length follows from the size that the checkpoint's text names.
fn take_tree(reader: &mut Reader<'_>, note: &str, frames: &[FrameProof]) -> Result<Vec<Hash>, FormatError> {
    let border = note.find("\n\n").map_or(note.len(), |border| border + 1);
    let size = Checkpoint::parse_text(note.get(..border).unwrap_or_default())?.size;
    let numbers: Vec<u64> = frames.iter().map(|frame| frame.descriptor.frame_no).collect();
    if numbers.last().is_none_or(|&last| last >= size) {
        return Err(reader.invalid("frames", reader.offset(), "a frame lies beyond the checkpoint"));
    }
    take_hashes(reader, "log-tree proof", multiproof_len(size, &numbers))
}
