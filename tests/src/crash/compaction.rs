//! Compaction among the other steps of a life: segments sealed at a whim, records of some of them removed, nothing removed that
//! no checkpoint has announced, and after a crash either all of it is gone or nothing.
//!
//! ```text
//! checkpoint ─> which seqs go (a function of a word) ─> compact ─> Ok: gone for good   refused, disk full: nothing has changed
//!                                                          └─ power cut, failed sync: recovery shows the one or the other
//! ```

use indelible_engine::{CompactRequest, Error, LazyFrame, SegmentTarget};
use indelible_evidence::commit::Removal;
use indelible_evidence::record::Record;
use indelible_evidence::schema::Kind;
use indelible_format::manifest::{SegmentEntry, SegmentState};
use indelible_format::segment::Authority;

use super::Life;
use super::faults::is_power_cut;
use crate::dice::Dice;

/// Whether the event at `seq` goes, by the whim of one compaction: single ones and stretches.
fn goes(whim: u64, seq: u64) -> bool {
    Dice::new(whim ^ (seq >> 4)).one_in(3) || Dice::new(whim.rotate_left(7) ^ seq).one_in(4)
}

fn is_event(record: &Record) -> bool {
    record.groups.group(0).first() == Some(&(Kind::Event as u8))
}

/// What goes from one frame.
fn removal(whim: u64, frame: &mut LazyFrame<'_>) -> indelible_engine::Result<Removal> {
    let mut positions = 0u128;
    for (position, record) in frame.records()?.iter().enumerate() {
        if record.as_ref().is_some_and(|record| is_event(record) && goes(whim, record.seq)) {
            positions |= 1 << position;
        }
    }
    Ok(Removal::new().records(positions))
}

impl Life {
    /// Seals, begins a new journal file, removes cut tails, or compacts.
    pub(super) fn shrink(&mut self) -> Result<(), String> {
        // Sealing and a new journal file sync what waits; the model is to hear of it.
        if self.unsynced {
            self.sync()?;
        }
        match self.dice.below(8) {
            0 | 1 => self.do_quietly("seal", |log| log.seal().map(drop)),
            2 => self.do_quietly("rotate", |log| log.rotate_journal().map(drop)),
            3 => self.do_quietly("remove_torn", |log| log.torn_files().and_then(|torn| log.remove_torn(&torn))),
            _ => self.compact(),
        }
    }

    /// Some of the sealed segments, ascending.
    fn some_segments(&mut self) -> Vec<SegmentEntry> {
        let Some(log) = &self.log else { return Vec::new() };
        let sealed = log.manifest().segments.into_iter().filter(|entry| entry.state == SegmentState::Sealed);
        sealed.filter(|_| self.dice.one_in(2)).collect()
    }

    fn compact(&mut self) -> Result<(), String> {
        let before = self.model.notes().len();
        self.checkpoint()?;
        let segments = self.some_segments();
        let (Some(log), Some((&size, _))) = (&mut self.log, self.model.notes().last_key_value()) else { return Ok(()) };
        if segments.is_empty() || log.frames() > size || (before == self.model.notes().len() && self.full) {
            return Ok(());
        }
        // Now and then under a checkpoint that was never made: that must be refused.
        let announced = !self.dice.one_in(4);
        let whim = self.dice.word();
        let targets: Vec<SegmentTarget> =
            segments.iter().map(|entry| SegmentTarget { id: entry.id, generation: entry.generation + 1 }).collect();
        let note = log.newest_checkpoint().map_err(|error| error.to_string())?.unwrap_or_default();
        let authority = Authority { intent: 0, note };
        let covered_by = if announced { size } else { size + 1 };
        let request = CompactRequest { segments: targets, covered_by, authority };
        let seqs = segments.iter().flat_map(|entry| entry.first_seq..entry.first_seq + entry.records);
        let going = self.model.going(seqs.filter(|&seq| goes(whim, seq)), is_event);
        self.trace.push(format!("compact({} segments, {going} records, announced {announced})", segments.len()));
        match log.compact(&request, &|frame: &mut LazyFrame<'_>| removal(whim, frame)) {
            Ok(_) if !announced => Err("records were removed that no checkpoint had announced".to_owned()),
            Ok(report) => {
                self.model.gone();
                match report.gone().records {
                    gone if gone == going => Ok(()),
                    gone => Err(format!("{gone} records are said to be gone, {going} were to go")),
                }
            }
            Err(Error::NotCovered { .. }) if !announced => {
                self.model.stayed();
                Ok(())
            }
            Err(error) => self.compaction_failed(&error),
        }
    }

    /// A full disk and a write that failed change nothing and stop nothing; the rest is as for other steps.
    fn compaction_failed(&mut self, error: &Error) -> Result<(), String> {
        let goes_on = self.log.as_ref().is_some_and(|log| log.poisoned().is_none());
        if !is_power_cut(error) && goes_on && (self.full || self.faulty) {
            self.trace.push(format!("[{error}]"));
            self.model.stayed();
            return Ok(());
        }
        self.failed(error)
    }
}
