//! The whole history in a bundle: every frame, every record of class 0, and so whether deletions were legitimate.
//!
//! ```text
//! frames 0 to size - 1, class-0 rows -> History -> DeletionAudit over all frames -> deletions, what they removed
//! ```
//!
//! Invariants: no frame and no record of class 0 can be left out, because the class tables are in the signed tree and no event
//! has class 0. What is closed in a bundle may be withheld or gone, so only what is shown contradicts a deletion. Not here: the
//! rules themselves (`crate::retention`).

use std::borrow::Cow;

use super::{Bundle, CheckError, Claim, FrameProof, Open, RowProof};
use crate::checkpoint::Checkpoint;
use crate::descriptor::Hash;
use crate::record::{GROUPS, Record};
use crate::retention::{DeletionAudit, DeletionReport, EvidenceRow, FrameEvidence, History};
use crate::rotation::KeyTrail;

const SECOND: i64 = 1_000_000_000;

/// Deletions that hold, and what they mean for rows.
pub(super) struct Deletions {
    pub(super) reports: Vec<DeletionReport>,
    history: History,
}

impl Bundle {
    /// Checks the deletions of a bundle with the whole history ([BND-14], [BND-15]); `leaves` are those of its frames.
    pub(super) fn check_deletions(
        &self,
        checkpoint: &Checkpoint,
        trail: KeyTrail,
        leaves: &[(u64, Hash)],
    ) -> Result<Option<Deletions>, CheckError> {
        let refuse = |problem: &'static str| Err(CheckError::Claim { seq: None, problem: problem.into() });
        if !self.whole_history {
            return match self.claim {
                Claim::Deletions => refuse("deletions are claimed without the whole history"),
                _ => Ok(None),
            };
        }
        if self.frames.len() as u64 != checkpoint.size {
            return refuse("a frame of the whole history is left out");
        }
        let mut history = History::new(self.log_id, trail);
        for frame in &self.frames {
            take_system_records(frame, &mut history)?;
        }
        let mut audit = DeletionAudit::new(&history);
        for (frame, (_, leaf)) in self.frames.iter().zip(leaves) {
            audit.frame(&frame.descriptor, *leaf, &evidence(frame, audit.wanted(&frame.descriptor)));
        }
        let (reports, findings, _) = audit.finish();
        match findings.into_iter().next() {
            Some(finding) => Err(CheckError::Deletion(finding)),
            None => Ok(Some(Deletions { reports, history })),
        }
    }
}

impl Deletions {
    /// Positions of a frame whose records deletions removed, and positions that are open only as evidence of deletions.
    pub(super) fn positions(&self, frame: &FrameProof) -> (u128, u128) {
        let permanent = frame.descriptor.classes.iter().filter(|entry| entry.class == 0);
        let permanent = permanent.fold(0, |all, entry| all | entry.positions);
        (self.history.removed(&frame.descriptor), permanent | self.history.wanted(&frame.descriptor))
    }
}

/// Records of class 0, which must all be open ([BND-14]).
fn take_system_records(frame: &FrameProof, history: &mut History) -> Result<(), CheckError> {
    let descriptor = &frame.descriptor;
    for entry in descriptor.classes.iter().filter(|entry| entry.class == 0) {
        for position in entry.ranks() {
            let seq = descriptor.first_seq.saturating_add(position.into());
            let row = frame.rows.iter().find(|row| u32::from(row.position) == position);
            let row = row.filter(|row| row.open == Open::EVERYTHING).ok_or_else(|| CheckError::Claim {
                seq: Some(seq),
                problem: "a record of class 0 is not open, though the bundle has the whole history".into(),
            })?;
            history.take(&record_of(frame, row, 0), descriptor.frame_no).map_err(CheckError::Deletion)?;
        }
    }
    Ok(())
}

fn record_of(frame: &FrameProof, row: &RowProof, class: u16) -> Record {
    let seq = frame.descriptor.first_seq.saturating_add(row.position.into());
    Record { seq, recorded_at: row.recorded_at, class, groups: row.groups.clone() }
}

/// What a bundle shows of a frame; what it does not show may be there or gone.
fn evidence(frame: &FrameProof, wanted: u128) -> FrameEvidence<'static> {
    let mut evidence = FrameEvidence::default();
    for row in &frame.rows {
        let bit = 1u128.checked_shl(row.position.into()).unwrap_or(0);
        for (k, there) in evidence.there.iter_mut().enumerate().take(GROUPS) {
            *there |= if row.open.has_group(k) { bit } else { 0 };
        }
        let occurred = row.occurred().filter(|_| row.open.has_header() && wanted & bit != 0);
        let Some(occurred) = occurred else { continue };
        let class = frame.descriptor.classes.iter().find(|entry| entry.positions & bit != 0);
        let record = row.open.has_group(0).then(|| record_of(frame, row, class.map_or(0, |entry| entry.class)));
        evidence.rows.push(EvidenceRow {
            position: row.position,
            recorded: row.recorded_at.div_euclid(SECOND),
            occurred,
            record: record.map(Cow::Owned),
        });
    }
    evidence
}
