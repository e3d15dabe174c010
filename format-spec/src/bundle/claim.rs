//! Whether what a bundle shows bears out what it claims, once its hashes are known to hold.
//!
//! Invariant: a range claim fails at the first seq that is not accounted for, so rows cannot be left out.

use std::borrow::Cow;

use super::{Bundle, CheckError, CheckReport, CheckedRow, Claim, Filter, FrameProof, RowProof};
use crate::checkpoint::Checkpoint;
use crate::record::{GROUPS, Record};

impl Bundle {
    /// Checks the claim and gives the report ([BND-9] to [BND-12]).
    pub(super) fn into_report(
        self,
        checkpoint: Checkpoint,
        old: Option<Checkpoint>,
    ) -> Result<CheckReport, CheckError> {
        let last_frame = self.frames.last().map(|frame| (frame.descriptor.frame_no, end_of(frame)));
        let mut report = CheckReport {
            log_id: self.log_id,
            claim: self.claim,
            old,
            cosignatures: Vec::new(),
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
        check_shape(&report.claim, &self.frames)?;
        let mut expected = match report.claim {
            Claim::Range { first, .. } | Claim::Complete { first, .. } => Some(first),
            Claim::Record { .. } | Claim::Rows { .. } => None,
        };
        for frame in self.frames {
            let descriptor = frame.descriptor;
            for row in frame.rows {
                let seq = descriptor.first_seq.saturating_add(row.position.into());
                if let Some(next) = &mut expected {
                    if *next != seq {
                        return Err(fails(*next, "the record is not shown, though the claim covers it"));
                    }
                    *next = next.saturating_add(1);
                }
                let class = descriptor.classes.iter().find(|entry| entry.positions >> row.position & 1 == 1);
                report.take(seq, class.map_or(0, |entry| entry.class), row)?;
            }
        }
        report.check_end(expected)?;
        Ok(report)
    }
}

impl CheckReport {
    fn take(&mut self, seq: u64, class: u16, row: RowProof) -> Result<(), CheckError> {
        self.examined += 1;
        for (k, opened) in self.opened.iter_mut().enumerate() {
            *opened += u64::from(row.open.has_group(k));
        }
        let (open, occurred_at) = (row.open, row.occurred().unwrap_or(0));
        let record = Record { seq, recorded_at: row.recorded_at, class, groups: row.groups };
        let shown = match &self.claim {
            Claim::Record { seq: wanted } if *wanted != seq => return Err(fails(seq, "it is not the record claimed")),
            Claim::Record { .. } | Claim::Range { .. } => true,
            Claim::Rows { filter } => {
                if !open.covers(filter.needs()) {
                    return Err(fails(seq, "what the filter needs is closed"));
                }
                if !passes(filter, &record)? {
                    return Err(fails(seq, "the record does not pass the filter"));
                }
                true
            }
            Claim::Complete { disclosed, filter, .. } => {
                if !open.covers(*disclosed) {
                    return Err(fails(seq, "what the claim says is disclosed of every record is closed"));
                }
                let shown = passes(filter, &record)?;
                if !shown && open != *disclosed {
                    return Err(fails(seq, "the record does not pass the filter, and more of it is open than needed"));
                }
                shown
            }
        };
        if shown && !open.has_header() {
            return Err(fails(seq, "its header is closed"));
        }
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
}

/// What can be said of the claim before rows are looked at.
fn check_shape(claim: &Claim, frames: &[FrameProof]) -> Result<(), CheckError> {
    let refuse = |problem: &'static str| Err(CheckError::Claim { seq: None, problem: problem.into() });
    if frames.iter().any(|frame| frame.rows.is_empty()) {
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
