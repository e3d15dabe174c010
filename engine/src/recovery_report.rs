//! What an opening found and cut, for its caller and for the recovery records.
//!
//! Deliberately not here: deciding what is torn and cutting it (`recover`).

use indelible_format::names::journal_file_name;

/// What a recovery found and cut. Nothing cut means that the log was closed cleanly, or nothing was in flight.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    /// Whether the log had been closed cleanly.
    pub was_closed: bool,
    /// Records found in the journal that were not framed yet.
    pub journal_records: u64,
    /// Incarnation that began with this opening.
    pub incarnation: u64,
    /// The journal's torn tail that was cut, kept in `torn/`.
    pub journal_cut: Option<JournalCut>,
    /// What earlier openings cut and kept in `torn/`, but did not live to record.
    pub earlier_cuts: Vec<JournalCut>,
    /// Bytes of unfinished frames cut off the active segment; their records are in the journal.
    pub segment_cut_bytes: u64,
}

/// A torn journal tail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalCut {
    /// Journal file number.
    pub file_no: u64,
    /// Offset from which it was cut.
    pub offset: u64,
    /// Bytes that were cut.
    pub bytes: u64,
    /// CRC of them.
    pub crc: u32,
    /// What was wrong with the first of them.
    pub why: String,
}

impl RecoveryReport {
    /// Whether anything was cut.
    pub fn cut_anything(&self) -> bool {
        self.journal_cut.is_some() || self.segment_cut_bytes > 0
    }

    /// Bodies of the recovery records: one for each cut that no record tells of yet.
    pub(crate) fn bodies(&self) -> Vec<String> {
        let mut bodies: Vec<String> = self.earlier_cuts.iter().map(|cut| self.body(Some(cut), 0)).collect();
        if self.cut_anything() {
            bodies.push(self.body(self.journal_cut.as_ref(), self.segment_cut_bytes));
        }
        bodies
    }

    fn body(&self, cut: Option<&JournalCut>, segment_cut_bytes: u64) -> String {
        let (file, offset, bytes, crc) = cut.map_or((0, 0, 0, 0), |cut| (cut.file_no, cut.offset, cut.bytes, cut.crc));
        format!(
            r#"{{"incarnation":{},"journal_file":{file},"journal_offset":{offset},"cut_bytes":{bytes},"cut_crc":"{crc:08x}","segment_cut_bytes":{segment_cut_bytes}}}"#,
            self.incarnation
        )
    }
}

impl std::fmt::Display for RecoveryReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.was_closed {
            return write!(f, "the log was closed cleanly");
        }
        write!(f, "recovered: {} records from the journal", self.journal_records)?;
        if let Some(cut) = &self.journal_cut {
            write!(
                f,
                ", a torn tail of {} bytes cut from {} ({})",
                cut.bytes,
                journal_file_name(cut.file_no),
                cut.why
            )?;
        }
        if self.segment_cut_bytes > 0 {
            write!(
                f,
                ", {} bytes of unfinished frames cut (their records are in the journal)",
                self.segment_cut_bytes
            )?;
        }
        Ok(())
    }
}
