//! Under which heads segments were written again: every rewritten file names one, and it must be the log's.
//!
//! ```text
//! files of generation above 0 -> first block -> note, opened with the log's keys -> size and root against the log tree
//! ```
//!
//! Deliberately not here: whether the intent that a file names was valid, open or carried out, which takes the log's records.

use indelible_evidence::checkpoint::Checkpoint;
use indelible_evidence::rotation::KeyTrail;
use indelible_format::manifest::{SegmentEntry, SegmentState};
use indelible_format::names::segment_file_name;

use super::Run;
use super::chain::Fold;
use super::findings::Findings;
use crate::error::{Corruption, FormatContext};
use crate::segment::Blocks;

/// A file and the head in it.
pub(super) struct Named {
    name: String,
    segment: u64,
    head: Checkpoint,
}

/// The heads in all rewritten files ([SEG-20], [SEG-22]). A file that is gone by now is the segment's own check.
pub(super) fn read(run: &Run<'_>, keys: Option<&KeyTrail>, findings: &mut Findings) -> Vec<Named> {
    let sealed = run.taken.manifest.segments.iter().filter(|entry| entry.state == SegmentState::Sealed);
    let mut named = Vec::new();
    for entry in sealed.filter(|entry| entry.generation > 0) {
        let name = segment_file_name(entry.id, entry.generation);
        let Ok(blocks) = Blocks::mapped(run.storage, entry.id, entry.generation) else { continue };
        match head_of(&blocks, &name, entry, keys) {
            Ok(Some(head)) => named.push(Named { name, segment: entry.id, head }),
            Ok(None) => {}
            Err(damage) => {
                let last = (entry.first_seq + entry.records).max(entry.first_seq + 1) - 1;
                findings.broken(damage.in_segment(entry.id).over(entry.first_seq, last));
            }
        }
    }
    named
}

fn head_of(
    blocks: &Blocks,
    name: &str,
    entry: &SegmentEntry,
    keys: Option<&KeyTrail>,
) -> Result<Option<Checkpoint>, Corruption> {
    let Some(authority) = blocks.authority(name)? else {
        return Err(Corruption::at(
            name,
            0,
            "the file was written again and names no head under which that was allowed",
        ));
    };
    let Some(keys) = keys else { return Ok(None) };
    let (head, _) = keys.open(&authority.note).in_file(name, 0)?;
    let end = entry.first_frame + entry.frames;
    if head.size < end {
        let problem = format!("the head in the file covers {} frames, the segment goes on to {end}", head.size);
        return Err(Corruption::at(name, 0, problem));
    }
    Ok(Some(head))
}

/// Sizes whose roots are asked for.
pub(super) fn sizes(named: &[Named]) -> impl Iterator<Item = u64> {
    named.iter().map(|named| named.head.size)
}

/// Compares the heads with the frames that were found ([SEG-22]).
pub(super) fn compare(named: &[Named], fold: &Fold, findings: &mut Findings) {
    for Named { name, segment, head } in named {
        let problem = match fold.root_at(head.size) {
            None if fold.is_tainted() => continue,
            None => format!("the head in the file covers {} frames, {} are there", head.size, fold.frames()),
            Some((found, tainted)) if found == head.root || tainted => continue,
            Some(_) => format!("the head in the file signs another root for {} frames than theirs", head.size),
        };
        findings.broken(Corruption::at(name, 0, problem).in_segment(*segment));
    }
}
