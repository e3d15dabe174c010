//! Whether what a bundle shows bears out what it claims, once its hashes are known to hold.
//!
//! Invariant: a range claim fails at the first seq that is not accounted for, so rows cannot be left out: a seq is shown, or
//! with the whole history a deletion that was found legitimate removed it.

use std::borrow::Cow;

use super::deletions::Deletions;
use super::{Bundle, CheckError, CheckReport, CheckedRow, Claim, Filter, FrameProof, RowProof};
use crate::checkpoint::Checkpoint;
use crate::record::{GROUPS, Record};
use crate::retention::UNKNOWNS;
use crate::rotation::KeyTrail;

/// How far a range is accounted for.
struct Progress {
    /// The next seq to account for; `None` where the claim is of no range.
    next: Option<u64>,
    /// First and last seq of the range.
    range: (u64, u64),
    /// Seqs that deletions account for.
    removed: u64,
}

/// What a row stands in a bundle for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// For the claim.
    Claimed,
    /// For the check of deletions, and for the claim where it bears it out.
    Evidence,
}

impl Bundle {
    /// Checks the claim and gives the report ([BND-9] to [BND-12], [BND-16]).
    pub(super) fn into_report(
        self,
        checkpoint: Checkpoint,
        old: Option<Checkpoint>,
        trail: &KeyTrail,
        deletions: Option<Deletions>,
    ) -> Result<CheckReport, CheckError> {
        let last_frame = self.frames.last().map(|frame| (frame.descriptor.frame_no, end_of(frame)));
        let mut report = CheckReport {
            log_id: self.log_id,
            claim: self.claim,
            old,
            cosignatures: Vec::new(),
            keys: (0..=trail.epoch()).filter_map(|epoch| trail.key(epoch).cloned()).collect(),
            deletions: deletions.as_ref().map(|deletions| deletions.reports.clone()),
            unknowns: Vec::new(),
            removed: 0,
            frames: self.frames.len() as u64,
            examined: 0,
            opened: [0; GROUPS],
            reaches_end: false,
            rows: Vec::new(),
            checkpoint,
        };
        if let Claim::Range { last, .. } | Claim::Complete { last, .. } = report.claim {
            let end = last_frame.and_then(|(number, end)| Some((number.checked_add(1)?, end)));
            report.reaches_end = end == last.checked_add(1).map(|end| (report.checkpoint.size, end));
        }
        check_shape(&report.claim, &self.frames, deletions.is_some())?;
        let mut progress = Progress::new(&report.claim);
        for frame in self.frames {
            let (removed, evidence) = deletions.as_ref().map_or((0, 0), |deletions| deletions.positions(&frame));
            report.take_frame(frame, removed, evidence, &mut progress)?;
        }
        report.removed = progress.removed;
        report.check_end(progress.next)?;
        report.say_unknowns();
        Ok(report)
    }
}

impl Progress {
    fn new(claim: &Claim) -> Self {
        match *claim {
            Claim::Range { first, last } | Claim::Complete { first, last, .. } => {
                Self { next: Some(first), range: (first, last), removed: 0 }
            }
            _ => Self { next: None, range: (0, u64::MAX), removed: 0 },
        }
    }

    fn covers(&self, seq: u64) -> bool {
        (self.range.0..=self.range.1).contains(&seq)
    }

    /// Passes over seqs of a frame that deletions removed.
    fn pass(&mut self, first_seq: u64, removed: u128) {
        let last = self.range.1;
        while let Some(next) = self.next.as_mut().filter(|next| **next <= last) {
            let position = next.checked_sub(first_seq).and_then(|position| u32::try_from(position).ok());
            if position.and_then(|position| removed.checked_shr(position)).is_none_or(|bits| bits & 1 == 0) {
                return;
            }
            *next = next.saturating_add(1);
            self.removed += 1;
        }
    }

    fn take(&mut self, seq: u64, first_seq: u64, removed: u128) -> Result<(), CheckError> {
        self.pass(first_seq, removed);
        let Some(next) = &mut self.next else { return Ok(()) };
        if *next != seq {
            return Err(fails(*next, "the record is not shown, though the claim covers it"));
        }
        *next = next.saturating_add(1);
        Ok(())
    }
}

impl CheckReport {
    fn take_frame(
        &mut self,
        frame: FrameProof,
        removed: u128,
        evidence: u128,
        progress: &mut Progress,
    ) -> Result<(), CheckError> {
        let descriptor = frame.descriptor;
        for row in frame.rows {
            for (k, opened) in self.opened.iter_mut().enumerate() {
                *opened += u64::from(row.open.has_group(k));
            }
            let seq = descriptor.first_seq.saturating_add(row.position.into());
            let is = |positions: u128| positions >> row.position & 1 == 1;
            if is(removed) || (is(evidence) && !progress.covers(seq)) {
                continue;
            }
            progress.take(seq, descriptor.first_seq, removed)?;
            let class = descriptor.classes.iter().find(|entry| is(entry.positions));
            let standing = if is(evidence) { Standing::Evidence } else { Standing::Claimed };
            self.take(seq, class.map_or(0, |entry| entry.class), row, standing)?;
        }
        progress.pass(descriptor.first_seq, removed);
        Ok(())
    }

    fn take(&mut self, seq: u64, class: u16, row: RowProof, standing: Standing) -> Result<(), CheckError> {
        let (open, occurred_at) = (row.open, row.occurred().unwrap_or(0));
        let record = Record { seq, recorded_at: row.recorded_at, class, groups: row.groups };
        let evidence = standing == Standing::Evidence;
        let shown = match &self.claim {
            Claim::Deletions if evidence => return Ok(()),
            Claim::Deletions => return Err(fails(seq, "it is open, though no deletion is about it")),
            Claim::Record { seq: wanted } if *wanted != seq && evidence => return Ok(()),
            Claim::Record { seq: wanted } if *wanted != seq => return Err(fails(seq, "it is not the record claimed")),
            Claim::Record { .. } | Claim::Range { .. } => true,
            Claim::Rows { filter } => {
                let decided = open.covers(filter.needs());
                if !decided && !evidence {
                    return Err(fails(seq, "what the filter needs is closed"));
                }
                let shown = decided && passes(filter, &record)? && open.has_header();
                if !shown && evidence {
                    return Ok(());
                }
                if !shown && open.has_header() {
                    return Err(fails(seq, "the record does not pass the filter"));
                }
                true
            }
            Claim::Complete { disclosed, filter, .. } => {
                if !open.covers(*disclosed) {
                    return Err(fails(seq, "what the claim says is disclosed of every record is closed"));
                }
                let shown = passes(filter, &record)?;
                if !shown && open != *disclosed && !evidence {
                    return Err(fails(seq, "the record does not pass the filter, and more of it is open than needed"));
                }
                shown
            }
        };
        if shown && !open.has_header() {
            return Err(fails(seq, "its header is closed"));
        }
        self.examined += 1;
        if shown {
            let Record { recorded_at, groups, .. } = record;
            self.rows.push(CheckedRow { seq, recorded_at, occurred_at, class, open, groups });
        }
        Ok(())
    }

    /// Whether the rows go on to the claim's last seq; `expected` is the seq after the last row of a range.
    fn check_end(&self, expected: Option<u64>) -> Result<(), CheckError> {
        match self.claim {
            Claim::Record { seq } if self.rows.len() != 1 => Err(fails(seq, "the record is not shown")),
            Claim::Range { last, .. } | Claim::Complete { last, .. } => match expected {
                Some(next) if last.checked_add(1) == Some(next) => Ok(()),
                Some(next) if next <= last => Err(fails(next, "the record is not shown, though the claim covers it")),
                _ => Err(fails(last, "records beyond the claim are shown")),
            },
            _ => Ok(()),
        }
    }

    /// What was not, or could not be, looked at ([BND-17]).
    fn say_unknowns(&mut self) {
        let Some(deletions) = &self.deletions else { return };
        self.unknowns.extend(UNKNOWNS.iter().map(|&unknown| unknown.to_owned()));
        let lost: u64 = deletions.iter().map(|deletion| deletion.effect.unknown).sum();
        if lost > 0 {
            self.unknowns.push(format!(
                "whether {lost} parts that were removed alone might go then: their stubs went with their class later"
            ));
        }
        if matches!(self.claim, Claim::Complete { .. }) && self.removed > 0 {
            self.unknowns
                .push(format!("whether any of the {} removed records of the range passed the filter", self.removed));
        }
    }
}

/// What can be said of the claim before rows are looked at.
fn check_shape(claim: &Claim, frames: &[FrameProof], whole_history: bool) -> Result<(), CheckError> {
    let refuse = |problem: &'static str| Err(CheckError::Claim { seq: None, problem: problem.into() });
    if !whole_history && frames.iter().any(|frame| frame.rows.is_empty()) {
        return refuse("a frame shows no row");
    }
    let (Claim::Range { first, last } | Claim::Complete { first, last, .. }) = *claim else { return Ok(()) };
    if first > last {
        return refuse("the range ends before it begins");
    }
    let numbers = frames.iter().map(|frame| frame.descriptor.frame_no);
    if numbers.clone().zip(numbers.skip(1)).any(|(before, number)| before.checked_add(1) != Some(number)) {
        return refuse("a frame of the range is left out");
    }
    let Claim::Complete { disclosed, filter, .. } = claim else { return Ok(()) };
    if filter.needs() != *disclosed {
        return refuse("what it says to disclose is not what its filter needs");
    }
    if disclosed.has_group(1) || disclosed.has_group(3) {
        return refuse("completeness is proven over envelope and correlation columns only");
    }
    Ok(())
}

fn passes(filter: &Filter, record: &Record) -> Result<bool, CheckError> {
    filter.passes(record).map_err(|error| fails(record.seq, error.to_string()))
}

fn end_of(frame: &FrameProof) -> u64 {
    frame.descriptor.first_seq.saturating_add(frame.descriptor.count.into())
}

fn fails(seq: u64, problem: impl Into<Cow<'static, str>>) -> CheckError {
    CheckError::Claim { seq: Some(seq), problem: problem.into() }
}
