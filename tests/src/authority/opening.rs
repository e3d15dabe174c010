//! An opening with the keys: what it refuses, what it ends, what it signs (rules 3 and 6 of `mod.rs`).
//!
//! ```text
//! heads ──> manifest against DONE and the open intent (refuse, or know: swapped / not) ──> tail set aside from the first invalid act
//!   ──> kept note and head written back ──> rotation finished ──> DONE or ABANDON ──> head over everything
//! ```
//!
//! Everything is decided before anything is written. It stays quick: it compares generations and looks into the files of the
//! open intent, and of a DONE that no head covers yet; what is in other files is verify's work.
//! A `Run` is a process: it changes the state by durable steps, and each of them is a state in which it may have crashed.

use super::history::{Facts, ITEMS};
use super::operator::Verb;
use super::properties::Property;
use super::record::{Body, HistoryId, RecordId};
use super::rules::Mutant;
use super::state::{Authority, Directory, File, Head, Keys, State, World};
use super::verify::Finding;

/// The last thing that a verb made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durable {
    /// A tail that is not valid was moved to `torn/`.
    TailSetAside,
    /// This record was appended and synced.
    Appended(Body),
    /// The rotation note lies beside the key.
    NoteKept,
    /// The head lies beside the key.
    HeadKept,
    /// The rotation note lies in `rotations/`.
    NoteWritten,
    /// The head lies in `checkpoint`: it is published.
    HeadWritten,
    /// The manifest names the new files.
    ManifestReplaced,
    /// Nothing any more: the operator has his answer.
    Answered,
    /// An act was signed and lies in somebody's hands.
    SignedOffline,
}

/// A state that a step leads to.
#[derive(Debug, Clone, Copy)]
pub struct Next<S> {
    /// The state.
    pub state: State,
    /// The step.
    pub step: S,
    /// A property that the step itself broke.
    pub broken: Option<Property>,
}

/// A process that works on a state, step by durable step.
#[derive(Debug)]
pub struct Run<'a> {
    /// Where ids are looked up.
    pub world: &'a mut World,
    /// The state as it is now.
    pub state: State,
    /// The verb that it runs.
    pub verb: Verb,
    /// Every state that was durable on the way.
    pub reached: &'a mut Vec<Next<(Verb, Durable)>>,
}

impl Run<'_> {
    /// Opens the log, or refuses without having written anything.
    pub fn open(&mut self) -> Result<(), Finding> {
        let head = self.world.effective_head(&self.state)?;
        let valid_to = self.world.facts(self.state.directory.log).valid_to;
        let facts = *self.world.facts(valid_to);
        let swapped = self.world.carried_out(&self.state.directory, &facts, head)?;
        if valid_to != self.state.directory.log {
            self.state.directory.log = valid_to;
            self.durable(Durable::TailSetAside);
        }
        self.write_back(head);
        self.finish_rotation(&facts);
        if let Some((intent, _)) = facts.open {
            self.end(intent, swapped);
        }
        self.sign_all();
        Ok(())
    }

    /// "Removed `rotations/` are restored from the kept ones"; "P signed and kept, not written: writes P back".
    fn write_back(&mut self, head: Head) {
        let kept = self.world.kept_of(&self.state);
        if kept.note.is_some()
            && self.state.directory.note != kept.note
            && !self.world.search.is(Mutant::OpeningFallsBack)
        {
            self.state.directory.note = kept.note;
            self.durable(Durable::NoteWritten);
        }
        if self.state.directory.checkpoint != Some(head) {
            self.state.directory.checkpoint = Some(head);
            self.durable(Durable::HeadWritten);
        }
    }

    /// "An opening that finds frames of an epoch without a rotation note finishes that first."
    fn finish_rotation(&mut self, facts: &Facts) {
        let note = self.world.kept_of(&self.state).note.or(self.state.directory.note);
        if facts.epoch == 1 && note.is_none() && !self.world.search.is(Mutant::OpeningFallsBack) {
            self.make_note();
        }
    }

    /// The rotation note: "made, kept beside the key, then written to `rotations/` and `checkpoint`".
    pub fn make_note(&mut self) {
        let note = Head { history: self.state.directory.log, keys: Keys::Both };
        let written_first = self.world.search.is(Mutant::HeadWrittenBeforeKept);
        if written_first {
            self.write_note(note);
        }
        self.state.kept.note = Some(note);
        self.head_moves(note);
        self.durable(Durable::NoteKept);
        self.state.kept.head = Some(note);
        self.durable(Durable::HeadKept);
        if !written_first {
            self.write_note(note);
        }
    }

    fn write_note(&mut self, note: Head) {
        self.state.directory.note = Some(note);
        self.durable(Durable::NoteWritten);
        self.state.directory.checkpoint = Some(note);
        self.durable(Durable::HeadWritten);
    }

    /// "It finds either that a swap happened (and writes DONE) or that it did not (and writes ABANDON)."
    fn end(&mut self, intent: RecordId, swapped: bool) {
        if swapped {
            self.append(Body::Done(intent));
        } else if self.world.search.is(Mutant::OpeningCarriesOut) {
            self.swap(intent);
            self.append(Body::Done(intent));
        } else if !self.world.search.is(Mutant::NoAbandon) {
            self.append(Body::Abandon(intent));
        }
    }

    /// A head over everything, where there is more than the newest head covers.
    pub fn sign_all(&mut self) {
        let kept = self.world.kept_of(&self.state);
        let newest = if self.world.search.is(Mutant::NoKeptHead) { self.state.directory.checkpoint } else { kept.head };
        if newest.is_some_and(|head| head.history == self.state.directory.log) {
            return;
        }
        let fallen_back = self.world.search.is(Mutant::OpeningFallsBack) && self.state.directory.note.is_none();
        let epoch = if fallen_back { 0 } else { self.world.facts(self.state.directory.log).epoch };
        let head = Head { history: self.state.directory.log, keys: Keys::One(epoch) };
        // "The signer keeps the newest head that it signed beside its key, before the head is written into the directory."
        if self.world.search.is(Mutant::HeadWrittenBeforeKept) {
            self.write_head(head);
            self.keep_head(head);
        } else {
            self.keep_head(head);
            self.write_head(head);
        }
    }

    fn keep_head(&mut self, head: Head) {
        self.state.kept.head = Some(head);
        self.head_moves(head);
        self.durable(Durable::HeadKept);
    }

    fn write_head(&mut self, head: Head) {
        self.state.directory.checkpoint = Some(head);
        self.durable(Durable::HeadWritten);
    }

    /// For the properties: a kept head ends what was announced, and announces an intent where it ends with one.
    fn head_moves(&mut self, head: Head) {
        let facts = self.world.facts(head.history);
        let announced = match facts.open {
            Some((_, at)) if at == head.history => facts.planned,
            _ => 0,
        };
        self.state.told.gone |= self.state.told.announced & !announced & self.state.directory.gone();
        self.state.told.announced = announced;
    }

    /// Appends a record that the operator or the process signs, over the newest head.
    pub fn append(&mut self, body: Body) -> RecordId {
        let base =
            self.world.kept_of(&self.state).head.or(self.state.directory.checkpoint).map_or(0, |head| head.history);
        let record = self.world.draft(self.state.directory.log, body, base);
        self.append_record(record);
        record
    }

    /// Appends a record that is signed already.
    pub fn append_record(&mut self, record: RecordId) {
        let body = self.world.histories.record(record).body;
        self.state.told.begin(body);
        self.state.directory.log = self.world.histories.append(self.state.directory.log, record);
        self.durable(Durable::Appended(body));
    }

    /// The manifest is replaced: all files of the intent at once, each with the newest head in it.
    pub fn swap(&mut self, intent: RecordId) {
        let Body::Intent(items) = self.world.histories.record(intent).body else {
            return;
        };
        let broken = self.world.breaks_a_promise(&self.state, items);
        let head = self.state.kept.head.or(self.state.directory.checkpoint);
        for item in ITEMS.into_iter().filter(|item| items & 1 << item != 0) {
            self.state.directory.files[usize::from(item)] = File::Gone(head.map(|head| Authority { head, intent }));
        }
        self.durable(Durable::ManifestReplaced);
        if let Some(last) = self.reached.last_mut() {
            last.broken = broken;
        }
    }

    /// Something became durable: a crash may come here.
    pub fn durable(&mut self, what: Durable) {
        self.reached.push(Next { state: self.state, step: (self.verb, what), broken: None });
    }
}

impl World {
    /// Whether the open intent was carried out, by the manifest and by the files of that intent alone; or why to refuse.
    fn carried_out(&self, directory: &Directory, facts: &Facts, head: Head) -> Result<bool, Finding> {
        let gone = directory.gone();
        if facts.done_items() & !gone != 0 && !self.search.is(Mutant::DoneNotAskedFor) {
            return Err(Finding::ThereThoughDone);
        }
        // An abandoned intent removes nothing: a generation needs a DONE or the open intent.
        if gone & !facts.done_items() & !facts.planned != 0 {
            return Err(Finding::GoneWithoutAuthority);
        }
        if self.in_part(directory, facts) {
            return Err(Finding::InPart);
        }
        // A DONE that no head covers yet is looked at like the open intent: it may be by a thief of the checkpoint key, and
        // the head that this opening signs over it would make his head in the files an old one.
        let under_head = self.facts(head.history);
        for item in ITEMS {
            let just_done = facts.done[usize::from(item)].filter(|_| under_head.done[usize::from(item)].is_none());
            let just_done = just_done.filter(|_| !self.search.is(Mutant::DoneInTailBelieved));
            let open = facts.open.map(|(intent, _)| intent).filter(|_| facts.planned & 1 << item != 0);
            if let Some(intent) = just_done.or(open)
                && gone & 1 << item != 0
                && !self.went_by(directory.files[usize::from(item)], intent, facts.valid_to, head)
            {
                return Err(Finding::GoneWithoutAuthority);
            }
        }
        Ok(gone & facts.planned != 0)
    }

    /// Whether a file says that this intent took its item, under a head that covers it and that is not newer than ours.
    fn went_by(&self, file: File, intent: RecordId, log: HistoryId, head: Head) -> bool {
        let (File::Gone(Some(authority)), Some(at)) = (file, self.place_of(log, intent)) else {
            return false;
        };
        let quick = self.search.is(Mutant::FilesNameNoHead);
        authority.intent == intent && (quick || self.covered(authority, at, head))
    }
}
