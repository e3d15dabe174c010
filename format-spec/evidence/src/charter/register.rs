//! The charter itself: versions of the state, ends of the two lines, holds, deletions.
//!
//! ```text
//! new(log, origin, first keys, head) -> take(record)* -> cover(head) -> take(record)* ...
//! under the head: refused -> finding, the next record is judged as if it were not there
//! beyond it:      refused -> set aside, and so is everything of class 0 after it
//! ```
//!
//! Invariants: records come in seq order, frames never go back; the head only grows; what is refused changes nothing ([ACT-21]). Not here: the checks
//! (`judge`, `statements`), what is asked (`asked`, `terms`).

use std::collections::BTreeMap;

use super::holds::Hold;
use super::judge::Next;
use super::keys::FirstKeys;
use super::record::{Broken, ClassZero, LogFacts, Reason, Refusal, Standing, Taken, broken};
use super::state::State;
use super::statements::Checked;
use crate::LogId;
use crate::act::{Act, Base, Body, Clock, Done, HoldText, Intent, Kind, LineKind, Role, StatementKind, first_link};
use crate::bundle::Filter;
use crate::checkpoint::Checkpoint;
use crate::descriptor::Hash;
use crate::key::VerifierKey;

/// A state and the act that brought it.
#[derive(Debug, Clone)]
pub(super) struct Version {
    pub(super) seq: u64,
    pub(super) frame_no: u64,
    /// The second from which its notice counts.
    pub(super) time: i64,
    pub(super) clock: Option<Clock>,
    /// Link of the newest act of the charter line then.
    pub(super) charter: Hash,
    pub(super) state: State,
}

/// Something that an act claims of the log and that nobody could check when it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaseClaim {
    /// The log tree had this root at this size.
    Root {
        /// Seq of the act or statement.
        seq: u64,
        /// What it claims.
        base: Base,
    },
    /// The record before `from` was recorded not later than `not_after`.
    Clock {
        /// Seq of the act.
        seq: u64,
        /// What it claims.
        clock: Clock,
    },
}

/// A deletion that the log declares.
#[derive(Debug, Clone)]
pub struct Deletion {
    /// Seq of the intent.
    pub seq: u64,
    /// Its frame.
    pub frame_no: u64,
    /// When the log took it, ns since 1970.
    pub recorded_at: i64,
    /// What it says.
    pub intent: Intent,
    /// Who authorised it.
    pub signers: Vec<VerifierKey>,
    /// Link of the newest act of the charter line then.
    pub charter: Hash,
    /// How it ended; `None`: it is open.
    pub ending: Option<Ending>,
}

/// How a deletion ended.
#[derive(Debug, Clone)]
pub enum Ending {
    /// It was carried out.
    Done {
        /// Seq of the statement.
        seq: u64,
        /// What it says.
        done: Box<Done>,
        /// The head that published the intent.
        head: Checkpoint,
        /// Epoch of the key that signed it.
        epoch: u32,
    },
    /// It was not.
    Abandoned {
        /// Seq of the statement.
        seq: u64,
    },
}

/// Time that went by and that nobody saw pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jump {
    /// Seq of the statement.
    pub seq: u64,
    /// Before, seconds since 1970.
    pub before: u64,
    /// After.
    pub after: u64,
}

/// Code of the records that say what a hold is for.
const HOLD_TEXT: u8 = 14;

/// A record that may stand where it stands.
enum Judged {
    Note,
    Undecided,
    Act(Box<Next>),
    Statement(Checked),
    Text(HoldText, Filter),
}

/// What the acts of a log say.
#[derive(Debug, Clone)]
pub struct Charter {
    log: LogId,
    origin: String,
    head: u64,
    charter_line: (u64, Hash),
    deletion_line: (u64, Hash),
    versions: Vec<Version>,
    holds: Vec<Hold>,
    texts: BTreeMap<Hash, (HoldText, Filter)>,
    deletions: Vec<Deletion>,
    jumps: Vec<Jump>,
    adopted: u64,
    unchecked: Vec<BaseClaim>,
    refusals: Vec<Refusal>,
    set_aside: Option<u64>,
}

impl Charter {
    /// A log whose records are still to come; frames below `head` are under a signed head.
    pub fn new(log: LogId, first: &FirstKeys, head: u64) -> Self {
        let charter = first_link(log, LineKind::Charter);
        let state = State::first(first);
        // No act: under every head, and its notice is over.
        let version = Version { seq: 0, frame_no: 0, time: i64::MIN, clock: None, charter, state };
        Self {
            log,
            origin: first.key().name().to_owned(),
            head,
            charter_line: (0, charter),
            deletion_line: (0, first_link(log, LineKind::Deletion)),
            versions: vec![version],
            holds: Vec::new(),
            texts: BTreeMap::new(),
            deletions: Vec::new(),
            jumps: Vec::new(),
            adopted: 0,
            unchecked: Vec::new(),
            refusals: Vec::new(),
            set_aside: None,
        }
    }

    /// Takes the next record of class 0.
    ///
    /// # Errors
    /// [`Refusal`]: it may not stand there and counts for nothing; it is kept among the refusals too.
    pub fn take(&mut self, record: &ClassZero<'_>, facts: &dyn LogFacts) -> Result<Taken, Refusal> {
        let taken = self.try_take(record, facts);
        taken.map_err(|broken| {
            let refusal = self.refusal(record, broken);
            if refusal.standing == Standing::SetAside {
                self.set_aside = self.set_aside.or(Some(record.seq));
            }
            self.refusals.push(refusal.clone());
            refusal
        })
    }

    /// Whether the next record could be taken; changes nothing. Who appends asks before he does.
    ///
    /// # Errors
    /// As [`Charter::take`].
    pub fn check(&self, record: &ClassZero<'_>, facts: &dyn LogFacts) -> Result<Taken, Refusal> {
        let judged = self.judge(record, facts).map_err(|broken| self.refusal(record, broken))?;
        Ok(match judged {
            Judged::Note => Taken::Note,
            Judged::Undecided => Taken::Undecided,
            Judged::Act(next) if !next.decided => Taken::Undecided,
            Judged::Act(_) | Judged::Statement(_) | Judged::Text(..) => Taken::Counts,
        })
    }

    fn try_take(&mut self, record: &ClassZero<'_>, facts: &dyn LogFacts) -> Result<Taken, Broken> {
        Ok(match self.judge(record, facts)? {
            Judged::Note => Taken::Note,
            Judged::Undecided => {
                // From here on nothing is decided by this reader ([ACT-22]).
                let mut state = self.newest().clone();
                state.undecided = state.undecided.or(Some(record.seq));
                self.add_version(record, state, None);
                Taken::Undecided
            }
            Judged::Act(next) => {
                let decided = next.decided;
                self.apply(record, *next);
                if decided { Taken::Counts } else { Taken::Undecided }
            }
            Judged::Statement(checked) => self.apply_statement(checked),
            Judged::Text(text, filter) => {
                self.texts.insert(text.commit(), (text, filter));
                Taken::Counts
            }
        })
    }

    fn judge(&self, record: &ClassZero<'_>, facts: &dyn LogFacts) -> Result<Judged, Broken> {
        if self.set_aside.is_some() {
            return broken(Reason::AfterSetAside, "it stands after a record that is set aside");
        }
        let judged = if let Some(kind) = Kind::from_code(record.kind) {
            self.judge_act(record, kind, facts)?.map_or(Judged::Undecided, |next| Judged::Act(Box::new(next)))
        } else if let Some(kind) = StatementKind::from_code(record.kind) {
            self.judge_statement(record, kind, facts)?.map_or(Judged::Undecided, Judged::Statement)
        } else {
            match record.kind {
                HOLD_TEXT => match self.judge_hold_text(record)? {
                    Some(text) => {
                        let filter = text.filter()?;
                        Judged::Text(text, filter)
                    }
                    None => Judged::Note,
                },
                // Genesis, gap, recovery, access and notes: nothing follows from them here.
                2 | 8 | 9 | 12 | 64..=127 => Judged::Note,
                22..=63 => Judged::Undecided,
                kind => return broken(Reason::Form, format!("kind {kind} is none of class 0")),
            }
        };
        let undecided = match &judged {
            Judged::Undecided => true,
            Judged::Act(next) => !next.decided,
            _ => false,
        };
        if undecided && !self.is_covered(record.frame_no) {
            return broken(Reason::Unknown, "this reader does not know it, and nothing that is signed covers it");
        }
        Ok(judged)
    }

    fn refusal(&self, record: &ClassZero<'_>, broken: Broken) -> Refusal {
        let standing = if self.is_covered(record.frame_no) { Standing::Finding } else { Standing::SetAside };
        Refusal { seq: record.seq, standing, reason: broken.reason, problem: broken.problem }
    }

    /// A head of this size is signed and kept; heads never go back.
    pub fn cover(&mut self, head: u64) {
        self.head = self.head.max(head);
    }

    /// The next act of its line, ready to be signed; `charter` and links are those of now.
    pub fn draft(&self, role: Role, body: Body, base: Base, expires: u64) -> Act {
        let line = if role == Role::Purge { LineKind::Deletion } else { LineKind::Charter };
        let ((number, previous), charter) = (self.line_end(line), self.charter_line.1);
        Act { log: self.log, role, number: number.saturating_add(1), previous, charter, base, expires, body }
    }

    /// The log.
    pub fn log(&self) -> LogId {
        self.log
    }

    /// Its origin, which is the name of its checkpoint keys.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Frames under the newest head.
    pub fn head(&self) -> u64 {
        self.head
    }

    /// The state after every act that counts.
    pub fn newest(&self) -> &State {
        // There is always the first one.
        &self.versions[self.versions.len() - 1].state
    }

    /// The state under the head.
    pub fn signed(&self) -> &State {
        let at = self.versions.partition_point(|version| version.frame_no < self.head).max(1);
        &self.versions[at - 1].state
    }

    /// Number and link of the newest act of a line.
    pub fn line_end(&self, line: LineKind) -> (u64, Hash) {
        if line == LineKind::Charter { self.charter_line } else { self.deletion_line }
    }

    /// Deletions in the order they were announced.
    pub fn deletions(&self) -> &[Deletion] {
        &self.deletions
    }

    /// The deletion that is announced and not ended.
    pub fn open_intent(&self) -> Option<&Deletion> {
        self.deletions.last().filter(|deletion| deletion.ending.is_none())
    }

    /// Whether a head covers a deletion's intent: it counts for nothing before.
    pub fn is_published(&self, deletion: &Deletion) -> bool {
        self.is_covered(deletion.frame_no)
    }

    /// Open holds of a state.
    pub fn holds_of<'a>(&'a self, state: &'a State) -> impl Iterator<Item = &'a Hold> {
        state.holds.values().filter_map(|&at| self.holds.get(at))
    }

    /// What a hold is for, where its record of kind 14 is there.
    pub fn hold_text(&self, commit: &Hash) -> Option<&(HoldText, Filter)> {
        self.texts.get(commit)
    }

    /// Jumps of the clock since the last point that somebody vouches for: an intent or a clock act.
    pub fn open_jumps(&self) -> impl Iterator<Item = &Jump> {
        let clocks = self.versions.iter().filter(|version| version.clock.is_some()).map(|version| version.seq);
        let confirmed = clocks.chain(self.deletions.iter().map(|deletion| deletion.seq)).max();
        self.jumps.iter().filter(move |jump| confirmed.is_none_or(|seq| jump.seq > seq))
    }

    /// What acts and statements claim of the log and nobody could check so far.
    pub fn unchecked(&self) -> &[BaseClaim] {
        &self.unchecked
    }

    /// Records that count for nothing: findings, and what is set aside.
    pub fn refusals(&self) -> &[Refusal] {
        &self.refusals
    }

    /// Seq of the first record that is set aside.
    pub fn set_aside(&self) -> Option<u64> {
        self.set_aside
    }

    pub(super) fn is_covered(&self, frame_no: u64) -> bool {
        frame_no < self.head
    }

    pub(super) fn versions(&self) -> &[Version] {
        &self.versions
    }

    pub(super) fn all_holds(&self) -> &[Hold] {
        &self.holds
    }

    pub(super) fn all_holds_mut(&mut self) -> &mut Vec<Hold> {
        &mut self.holds
    }

    pub(super) fn note_unchecked(&mut self, claims: Vec<BaseClaim>) {
        self.unchecked.extend(claims);
    }

    pub(super) fn advance(&mut self, line: LineKind, number: u64, link: Hash) {
        match line {
            LineKind::Charter => self.charter_line = (number, link),
            LineKind::Deletion => self.deletion_line = (number, link),
        }
    }

    pub(super) fn add_version(&mut self, record: &ClassZero<'_>, state: State, clock: Option<Clock>) {
        let (seq, frame_no, time, charter) = (record.seq, record.frame_no, record.time(), self.charter_line.1);
        self.versions.push(Version { seq, frame_no, time, clock, charter, state });
    }

    pub(super) fn announce(
        &mut self,
        record: &ClassZero<'_>,
        intent: Intent,
        signers: Vec<VerifierKey>,
        charter: Hash,
    ) {
        let (seq, frame_no, recorded_at) = (record.seq, record.frame_no, record.recorded_at);
        self.deletions.push(Deletion { seq, frame_no, recorded_at, intent, signers, charter, ending: None });
    }

    pub(super) fn end_intent(&mut self, ending: Ending) {
        if let Some(open) = self.deletions.last_mut() {
            open.ending = Some(ending);
        }
    }

    pub(super) fn adopted(&self) -> u64 {
        self.adopted
    }

    pub(super) fn set_adopted(&mut self, through: u64) {
        self.adopted = through;
    }

    pub(super) fn add_jump(&mut self, jump: Jump) {
        self.jumps.push(jump);
    }
}
