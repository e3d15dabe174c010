//! Whether a statement may stand where it stands, and what follows from it.
//!
//! ```text
//! form, log, epoch -> the one signature -> base -> valid once, by its content
//! ```
//!
//! Invariants ([ACT-16], [ACT-17]): the epoch is the newest one, in every state from the head on; an extension begins where its hold is resolved to, done
//! and abandon end the one open intent. Nothing here relaxes: an extension resolves what purge tests again. Not here: acts (`judge`).

use super::holds::Piece;
use super::judge::other_version;
use super::record::{Broken, ClassZero, LogFacts, Reason, Taken, broken};
use super::register::{Charter, Ending, Jump};
use crate::act::{Done, HoldText, LineKind, Note, Statement, StatementBody, StatementKind};
use crate::checkpoint::{Checkpoint, open_checkpoint};
use crate::retention::HoldExtend;

impl Charter {
    /// What a statement says, once it is checked; `None` where a newer reader decides.
    pub(super) fn judge_statement(
        &self,
        record: &ClassZero<'_>,
        kind: StatementKind,
        facts: &dyn LogFacts,
    ) -> Result<Option<Checked>, Broken> {
        let Some(body) = record.body else { return broken(Reason::Form, "a statement is never erased") };
        let note = Note::of_statement(body)?;
        if other_version(note.text(), "statement") {
            return Ok(None);
        }
        let statement = Statement::parse(note.text())?;
        if statement.log != self.log() || statement.body.kind() != kind {
            return broken(Reason::Log, "it is a statement of another log, or of another kind than its record");
        }
        let window = self.window_of(record, LineKind::Charter);
        let epoch = |version: &super::register::Version| version.state.keys().epoch().map(|epoch| epoch.epoch);
        if window.0.iter().any(|version| epoch(version) != Some(statement.epoch)) {
            return broken(Reason::Role, format!("epoch {} of the checkpoint key is not in force", statement.epoch));
        }
        let key = self.newest().keys().epoch().map(|epoch| &epoch.key);
        let Some(key) = key.and_then(|key| key.known()) else { return Ok(None) };
        match note.signatures() {
            [line] if line.verifies(key, note.text()) => {}
            _ => return broken(Reason::Signature, format!("it has not the one signature, of {key}")),
        }
        let unchecked = self.check_base(record, statement.base, facts)?;
        let effect = match statement.body {
            StatementBody::HoldExtend(extend) => self.check_extend(record, extend)?,
            StatementBody::Done(done) => self.check_done(record, *done)?,
            StatementBody::Abandon(intent) => match self.open_intent() {
                Some(open) if open.seq == intent => Effect::End(Ending::Abandoned { seq: record.seq }),
                _ => return broken(Reason::Ending, format!("no deletion of intent {intent} is open")),
            },
            StatementBody::Adopt { from, through } => {
                if from < self.adopted() || through > record.seq {
                    return broken(Reason::Follows, "records are taken in once, after they are there");
                }
                Effect::Adopt(through)
            }
            StatementBody::Jump { before, after } => {
                if i128::from(after) > i128::from(record.recorded_at.div_euclid(1_000_000_000)) {
                    return broken(Reason::Follows, "it was recorded before the clock got there");
                }
                Effect::Jump(Jump { seq: record.seq, before, after })
            }
        };
        Ok(Some(Checked { effect, unchecked }))
    }

    fn check_extend(&self, record: &ClassZero<'_>, extend: HoldExtend) -> Result<Effect, Broken> {
        // A hold that is released and not yet under a head holds still, so it is found in the older state.
        let states = self.versions().iter().rev();
        let Some(at) = states.filter_map(|version| version.state.holds.get(&extend.name)).next() else {
            return broken(Reason::Follows, format!("no hold named {:?} is open", extend.name));
        };
        let through = self.all_holds().get(*at).map_or(0, |hold| hold.through());
        if through != extend.from {
            return broken(Reason::Follows, format!("hold {:?} is resolved to {through}", extend.name));
        }
        if extend.through > record.seq {
            return broken(Reason::Follows, format!("hold {:?} tests records that are not there yet", extend.name));
        }
        let piece = Piece { frame_no: record.frame_no, through: extend.through, seqs: extend.seqs };
        Ok(Effect::Extend(*at, piece))
    }

    fn check_done(&self, record: &ClassZero<'_>, done: Done) -> Result<Effect, Broken> {
        let Some(open) = self.open_intent().filter(|open| open.seq == done.intent) else {
            return broken(Reason::Ending, format!("no deletion of intent {} is open", done.intent));
        };
        let planned = open.intent.plan.segments.iter().map(|segment| (segment.id, segment.generation));
        if !planned.eq(done.segments.iter().map(|segment| (segment.id, segment.generation))) {
            return broken(Reason::Ending, "its segments are not those of the plan");
        }
        let Some((head, epoch)) = self.open_head(&done.head) else {
            return broken(Reason::Ending, "the head that it names is not signed by a checkpoint key of this log");
        };
        if head.size <= open.frame_no || head.size > record.frame_no {
            let why = format!("the head of {} frames does not cover the intent, or came after the deletion", head.size);
            return broken(Reason::Ending, why);
        }
        Ok(Effect::End(Ending::Done { seq: record.seq, done: Box::new(done), head, epoch }))
    }

    /// A head that a checkpoint key of this log signed, and the epoch of that key; whether the key was in its epoch then takes descriptors.
    pub fn open_head(&self, note: &str) -> Option<(Checkpoint, u32)> {
        let epochs = self.newest().keys().epochs().iter().rev().filter(|epoch| epoch.dropped.is_none());
        let open = |key| open_checkpoint(note, key).ok();
        epochs.filter_map(|epoch| Some((open(epoch.key.known()?)?, epoch.epoch))).next()
    }

    /// A record of kind 14: what a hold is for ([ACT-18]).
    pub(super) fn judge_hold_text(&self, record: &ClassZero<'_>) -> Result<Option<HoldText>, Broken> {
        let Some(body) = record.body else { return Ok(None) };
        let text = HoldText::parse(body)?;
        let (commit, needs) = (text.commit(), HoldText::needs(&text.filter()?));
        if self.all_holds().iter().any(|hold| hold.placed.commit == commit && hold.placed.needs != needs) {
            return broken(Reason::HoldText, "the filter needs other groups than the act of its hold names");
        }
        Ok(Some(text))
    }

    pub(super) fn apply_statement(&mut self, checked: Checked) -> Taken {
        self.note_unchecked(checked.unchecked);
        match checked.effect {
            Effect::Extend(at, piece) => {
                if let Some(hold) = self.all_holds_mut().get_mut(at) {
                    hold.pieces.push(piece);
                }
            }
            Effect::End(ending) => self.end_intent(ending),
            Effect::Adopt(through) => self.set_adopted(through),
            Effect::Jump(jump) => self.add_jump(jump),
        }
        Taken::Counts
    }
}

/// A statement that may stand where it stands.
pub(super) struct Checked {
    effect: Effect,
    unchecked: Vec<super::register::BaseClaim>,
}

enum Effect {
    Extend(usize, Piece),
    End(Ending),
    Adopt(u64),
    Jump(Jump),
}
