//! Phase two of a segment: frames, each by itself, on several threads.
//!
//! ```text
//! block checksum -> descriptor -> every column, every record -> rules -> hashes to the frame root -> keys for the index
//! ```
//!
//! Invariant: nothing here depends on the frame before; what does is in `chain`. Each thread has a [`Checker`] of its own.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use indelible_evidence::FormatError;
use indelible_evidence::commit::{Committer, RecordRef};
use indelible_evidence::descriptor::Descriptor;
use indelible_evidence::schema::Field;
use indelible_format::frame::{FrameReader, FrameRows, read_descriptor};
use indelible_format::segment::{BlockHeader, TermSource, TermTable, check_payload};
use indelible_index::KeyChunk;

use super::check_segment::Place;
use super::records::Rules;
use super::walk::{FrameAt, Limits, Walked};
use crate::error::{Corruption, FormatContext};
use crate::segment::chunk_of_rows;
use crate::write::facts;

/// What the check of one frame gave.
#[derive(Default)]
pub(super) struct Checked {
    /// Where it could be read.
    pub(super) descriptor: Option<Descriptor>,
    /// Keys of its records; only where the content was checked and is right.
    pub(super) chunk: Option<Arc<KeyChunk>>,
    pub(super) records: u64,
    pub(super) canonical_bytes: u64,
    /// Schedule version, key epoch and lost events by its records alone, where these were checked.
    pub(super) said: Option<(u32, u32, u64)>,
    /// First and last recorded-at of its rows.
    pub(super) recorded: Option<(i64, i64)>,
    pub(super) damage: Option<Corruption>,
    /// The damage is a wrong checksum: what an unfinished write looks like.
    pub(super) is_torn: bool,
}

/// What a thread checks frames with; its buffers are used again for the next frame.
#[derive(Default)]
pub(super) struct Checker {
    content: Content,
    /// The block that is looked at, where its file is read by position.
    bytes: Vec<u8>,
}

#[derive(Default)]
struct Content {
    committer: Committer,
    rows: FrameRows,
}

/// What threads share to check the frames of one segment.
pub(super) struct FrameCheck<'a> {
    pub(super) place: &'a Place<'a>,
    pub(super) walked: &'a Walked,
    pub(super) rules: Rules<'a>,
    /// Whether the content of these records (first and last seq) is to be checked.
    pub(super) wants: &'a (dyn Fn(u64, u64) -> bool + Sync),
}

impl FrameCheck<'_> {
    /// Checks frame `index` of the segment.
    pub(super) fn check(&self, checker: &mut Checker, index: usize) -> Checked {
        let mut checked = Checked::default();
        let Some(at) = self.walked.frames.get(index).filter(|at| !at.lost) else { return checked };
        if let Err(damage) = self.check_block(checker, index, at, &mut checked) {
            checked.damage = Some(damage);
            checked.chunk = None;
        }
        checked
    }

    fn check_block(
        &self,
        checker: &mut Checker,
        index: usize,
        at: &FrameAt,
        checked: &mut Checked,
    ) -> Result<(), Corruption> {
        let Checker { content, bytes } = checker;
        // The walk found the block inside the file. A mapped one is looked at in place, others go through one buffer.
        self.place.blocks.with_bytes(self.place.name, (at.offset, at.length as usize), bytes, |bytes| {
            self.check_bytes(content, index, at, bytes, checked)
        })?
    }

    fn check_bytes(
        &self,
        content: &mut Content,
        index: usize,
        at: &FrameAt,
        bytes: &[u8],
        checked: &mut Checked,
    ) -> Result<(), Corruption> {
        let name = self.place.name;
        let inside = at.offset + BlockHeader::SIZE as u64;
        let header = BlockHeader::decode(bytes).in_file(name, at.offset)?;
        let payload = bytes.get(BlockHeader::SIZE..).unwrap_or_default();
        let sound = check_payload(&header, payload);
        let descriptor = read_descriptor(payload).map(|(descriptor, _)| descriptor);
        if let Err(error) = sound {
            // The fold tells by the chain whether this descriptor was touched.
            checked.descriptor = descriptor.ok();
            checked.is_torn = true;
            return Err(error).in_file(name, inside);
        }
        let descriptor = descriptor.in_file(name, inside)?;
        checked.descriptor = Some(descriptor.clone());
        if header.number != descriptor.frame_no {
            let problem = format!("the block is of frame {}, its descriptor of {}", header.number, descriptor.frame_no);
            return Err(Corruption::at(name, at.offset, problem));
        }
        let last = descriptor.first_seq + u64::from(descriptor.count) - 1;
        let terms_lost = self.walked.terms_lost.is_some_and(|lost| index >= lost);
        if terms_lost || !(self.wants)(descriptor.first_seq, last) {
            return Ok(());
        }
        let frame = FrameReader::open(payload).in_file(name, inside)?;
        self.check_content(content, &frame, at, checked).in_file(name, inside)?;
        let ordinal = descriptor.first_seq.saturating_sub(self.place.entry.first_seq);
        let chunk = chunk_of_rows(&frame, &content.rows, u32::try_from(ordinal).unwrap_or(u32::MAX));
        checked.chunk = Some(Arc::new(chunk.map_err(|error| Corruption::at(name, inside, error))?));
        Ok(())
    }

    /// Every record rebuilt and hashed ([COM-4] to [COM-6], [FRM-7], [SEG-8]).
    fn check_content(
        &self,
        content: &mut Content,
        frame: &FrameReader<'_>,
        at: &FrameAt,
        checked: &mut Checked,
    ) -> Result<(), FormatError> {
        let limits = self.walked.limits.get(at.pages);
        let terms = TermsBefore { table: &self.walked.terms, limits };
        let Content { committer, rows } = content;
        // This checks every column and every group's encoding on the way.
        rows.read(frame, &terms)?;
        let records = rows.by_position(frame);
        committer.verify_refs(frame.descriptor(), frame.salts(), &records)?;
        let mut recorded: Option<(i64, i64)> = None;
        for record in records.iter().flatten() {
            self.check_record(record, &mut recorded).map_err(|why| FormatError::invalid("record", "record", 0, why))?;
        }
        checked.records += rows.rows() as u64;
        checked.canonical_bytes += rows.canonical_len() as u64;
        checked.recorded = recorded;
        checked.said = Some(facts::said(frame.descriptor().log_id, records.iter().flatten()));
        Ok(())
    }

    fn check_record(&self, record: &RecordRef<'_>, recorded: &mut Option<(i64, i64)>) -> Result<(), String> {
        self.rules.check(record)?;
        let (first, last) = recorded.unwrap_or((record.recorded_at, record.recorded_at));
        if record.recorded_at < last {
            return Err(format!("recorded-at of record {} goes back", record.seq));
        }
        *recorded = Some((first, record.recorded_at));
        Ok(())
    }
}

/// The terms in pages before a frame; a later one must not be used ([SEG-8]).
struct TermsBefore<'a> {
    table: &'a TermTable,
    limits: Option<&'a Limits>,
}

impl TermSource for TermsBefore<'_> {
    fn term(&self, field: Field, ordinal: u32) -> Result<Option<Cow<'_, [u8]>>, FormatError> {
        let limit = self.limits.and_then(|limits| limits.get(usize::from(field.id()))).copied().unwrap_or(0);
        if ordinal >= limit {
            return Ok(None);
        }
        Ok(self.table.get(field, ordinal).map(Cow::Borrowed))
    }
}

/// Does `jobs` jobs on up to `threads` threads, each with a checker of its own; results in order.
pub(super) fn parallel<T: Send>(threads: usize, jobs: usize, work: impl Fn(&mut Checker, usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut checker = Checker::default();
        let mut done = Vec::new();
        loop {
            // Only hands out numbers: what a job needs was there before the threads were.
            let job = next.fetch_add(1, Ordering::Relaxed);
            if job >= jobs {
                return done;
            }
            done.push((job, work(&mut checker, job)));
        }
    };
    let mut done = if threads.min(jobs) <= 1 {
        worker()
    } else {
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads.min(jobs)).map(|_| scope.spawn(worker)).collect();
            let mut done = worker();
            for other in others {
                done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            done
        })
    };
    done.sort_unstable_by_key(|(job, _)| *job);
    done.into_iter().map(|(_, result)| result).collect()
}
