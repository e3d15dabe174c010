//! Journal against frames, and both against what a clean close said.
//!
//! ```text
//! frames  0 ........... framed end
//! journal        first ....|............ next_seq     must reach at least from the framed end on, without a gap
//! ```
//!
//! Here a tail becomes torn or corrupt: corrupt where the close or a frame says that the place was durable.

use indelible_format::names::{MANIFEST, journal_file_name, segment_file_name};

use super::chain::Fold;
use super::findings::Findings;
use super::journal::{JournalFound, Tail};
use super::taken::Taken;
use crate::error::Corruption;

/// Compares; gives the number of records that lie in the journal alone.
pub(super) fn check(taken: &Taken, journal: &JournalFound, fold: &Fold, findings: &mut Findings) -> u64 {
    let framed_end = fold.next_seq();
    check_times(journal, fold, findings);
    check_framed_to(taken, journal, fold, findings);
    if let Some(tail) = &journal.tail {
        judge_tail(taken, journal, tail, framed_end, findings);
    }
    if taken.manifest.closed.is_some() {
        check_close(taken, journal, fold, findings);
    } else {
        check_reach(taken, journal, fold, findings);
        if let Some((number, _, true)) = journal.last {
            findings.note(format!(
                "{} ends with a close mark and the manifest does not say closed: the close was not finished, or an older \
                 manifest was put back; opening the log settles it",
                journal_file_name(number)
            ));
        }
    }
    journal.next_seq.unwrap_or(framed_end).saturating_sub(framed_end)
}

/// Recorded-at goes on from the frames into the journal, and from group to group ([REC-12]).
fn check_times(journal: &JournalFound, fold: &Fold, findings: &mut Findings) {
    let mut before: Option<i64> = None;
    for group in &journal.groups {
        let beyond_frames = fold.recorded_last().filter(|_| group.first_seq >= fold.next_seq());
        if before.max(beyond_frames).is_some_and(|before| group.recorded_first < before) {
            let damage =
                Corruption::at(&group.name, group.offset, "recorded-at goes back from the group or frame before");
            findings.broken(damage.over(group.first_seq, group.first_seq));
        }
        before = before.max(Some(group.recorded_first));
    }
}

/// A group that says frames were synced proves that they were there.
fn check_framed_to(taken: &Taken, journal: &JournalFound, fold: &Fold, findings: &mut Findings) {
    if journal.framed_to <= fold.frames() || fold.is_tainted() {
        return;
    }
    let by = journal.framed_by.as_deref().unwrap_or("the journal");
    let problem = format!("{by} says that {} frames were synced, {} are there", journal.framed_to, fold.frames());
    let damage = match taken.manifest.segments.last() {
        Some(entry) => Corruption::at(&segment_file_name(entry.id, entry.generation), 0, problem).in_segment(entry.id),
        None => Corruption::at(MANIFEST, 0, format!("{problem}: the manifest names no segment")),
    };
    findings.broken(damage.in_frame(fold.frames()).over(fold.next_seq(), fold.next_seq()));
}

fn judge_tail(taken: &Taken, journal: &JournalFound, tail: &Tail, framed_end: u64, findings: &mut Findings) {
    let because = if taken.manifest.closed.is_some() {
        Some("the log was closed")
    } else if tail.next_seq < framed_end {
        Some("the records lie in frames, and only synced records are framed")
    } else {
        None
    };
    let left = tail.length.saturating_sub(tail.offset);
    match because {
        Some(because) => {
            let damage =
                Corruption::at(&tail.name, tail.offset, format!("{}; it was durable, because {because}", tail.error));
            let last = journal.next_seq.unwrap_or(tail.next_seq).max(tail.next_seq);
            findings.broken(damage.over(tail.next_seq, last));
        }
        None => findings.torn(format!(
            "{}: the last {left} bytes, from byte {} on, are unfinished ({}); records before seq {} are whole",
            tail.name, tail.offset, tail.error, tail.next_seq
        )),
    }
}

/// The close mark and the ends of files are what the manifest says ([MAN-3], [JRN-4]).
fn check_close(taken: &Taken, journal: &JournalFound, fold: &Fold, findings: &mut Findings) {
    let Some(closed) = &taken.manifest.closed else { return };
    let name = journal_file_name(closed.journal_no);
    let broken = |problem: String| Corruption::at(&name, 0, problem).over(closed.next_seq, closed.next_seq);
    match journal.last {
        _ if findings.has_break_in(&name) => {}
        Some((number, length, has_mark)) if number == closed.journal_no => {
            if length != closed.journal_length {
                findings.broken(broken(format!(
                    "the file has {length} bytes, the manifest says {}",
                    closed.journal_length
                )));
            } else if !has_mark {
                findings.broken(broken("the file does not end with a close mark".to_owned()));
            } else if journal.next_seq != Some(closed.next_seq) || journal.framed_to != closed.frames {
                let problem = format!(
                    "the close mark is at seq {:?} and frame {}, the manifest says {} and {}",
                    journal.next_seq, journal.framed_to, closed.next_seq, closed.frames
                );
                findings.broken(broken(problem));
            }
        }
        Some((number, ..)) if number > closed.journal_no => {
            let later = journal_file_name(number);
            findings.broken(Corruption::at(&later, 0, format!("the log was closed in {name}, nothing may follow it")));
        }
        _ => findings.broken(broken("the file with the close mark is missing".to_owned())),
    }
    if fold.frames() != closed.frames && !fold.is_tainted() {
        let problem = format!("the log was closed with {} frames, {} are there", closed.frames, fold.frames());
        findings.broken(Corruption::at(MANIFEST, 0, problem).over(fold.next_seq(), closed.next_seq));
    }
    if closed.next_seq != fold.next_seq() && !fold.is_tainted() {
        let problem = format!("the log was closed at seq {}, its frames end at {}", closed.next_seq, fold.next_seq());
        findings.broken(Corruption::at(MANIFEST, 0, problem).over(fold.next_seq(), closed.next_seq));
    }
}

/// In a log that is not closed the journal goes on where the frames end.
fn check_reach(taken: &Taken, journal: &JournalFound, fold: &Fold, findings: &mut Findings) {
    let framed_end = fold.next_seq();
    let first_name = journal_file_name(taken.manifest.journal_first);
    match &journal.first {
        None if journal.tail.is_some() => {}
        None => {
            if taken.manifest.incarnation > 1 || framed_end > 0 {
                let damage = Corruption::at(&first_name, 0, "there is no journal file, and a writer always keeps one");
                findings.broken(damage.over(framed_end, framed_end));
            }
        }
        Some((first, name)) if *first > framed_end && !fold.is_tainted() => {
            let problem = format!("the journal begins at seq {first} with {name}, the frames end at {framed_end}");
            findings.broken(Corruption::at(&first_name, 0, problem).over(framed_end, first - 1));
        }
        Some((_, name)) => {
            let end = journal.next_seq.unwrap_or(0);
            // Beside a writer the journal was read before the frames, so these may have gone on.
            if end < framed_end && journal.tail.is_none() && taken.live.is_none() && !findings.has_break_in(name) {
                let name = journal.last.map_or_else(|| name.clone(), |(number, ..)| journal_file_name(number));
                let problem = format!("the journal ends before seq {end}, the frames go on to {framed_end}");
                findings.broken(Corruption::at(&name, 0, problem).over(end, framed_end - 1));
            }
        }
    }
}
