//! The attacker's steps: all that write access to the directory allows, and what a stolen key adds.
//!
//! ```text
//! copy │ put back whole, log, checkpoint, rotations/, a file │ cut │ take out │ append forged, replayed │ damage, remove │ edit the index
//! with a key: sign a head (put it into `checkpoint`, or into a file), sign what the key's roles sign
//! ```
//!
//! He knows what lies in the directory and in his copy, not what is kept beside the key. He acts between the operator's verbs,
//! and after any crash within one.
//! Left out because a step that is here does the same or more: bytes that do not parse; records under his own idea of the
//! past (their links and roots fit nothing); records taken out from under the directory's head (as a cut below it, no head fits).

use super::history::ITEMS;
use super::opening::Next;
use super::operator::is_signed;
use super::record::{Body, HistoryId, LET_GO, Mask, RecordId, Signer};
use super::rules::Hands;
use super::state::{Authority, File, Head, Keys, State, World};

/// One step of the attacker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attack {
    /// Copies the directory.
    Copy,
    /// Puts the whole copy back.
    PutBackAll,
    /// Puts the records of the copy back.
    PutBackLog,
    /// Puts `checkpoint` of the copy back.
    PutBackCheckpoint,
    /// Puts `rotations/` of the copy back.
    PutBackRotations,
    /// Puts the file of an item back.
    PutBackFile(u8),
    /// Cuts the log after so many records.
    Cut(u8),
    /// Takes out the record at this place of the tail.
    TakeOut(u8),
    /// Appends a record of his own, signed by whom he can.
    Append(Body, Signer),
    /// Appends a record that was signed by somebody who may.
    Replay(RecordId),
    /// Changes an item in its file, or takes it out.
    Damage(u8),
    /// Makes files without these items, with an authority block that names this, or with none; the manifest names them.
    Remove(Mask, Option<Authority>),
    /// Removes `checkpoint`.
    RemoveCheckpoint,
    /// Removes `rotations/`.
    RemoveRotations,
    /// Makes the index lie, or puts it right.
    EditIndex,
    /// Signs a head over the log as it stands and puts it into `checkpoint`.
    SignHead(Head),
}

/// The first records of every log of the model: genesis and two items.
const FIRST_RECORDS: u8 = 3;

impl World {
    /// Every step that the attacker may take now.
    pub fn attacks(&mut self, state: &State, reached: &mut Vec<Next<Attack>>) {
        let mut state = *state;
        state.attacks -= 1;
        self.attack_files(&state, reached);
        self.attack_log(&state, reached);
        self.attack_data(&state, reached);
        if self.search.has_index() {
            let index_lies = !state.index_lies;
            push(reached, State { index_lies, ..state }, Attack::EditIndex);
        }
    }

    fn attack_files(&mut self, state: &State, reached: &mut Vec<Next<Attack>>) {
        let now = state.directory;
        push(reached, State { copy: Some(now), ..*state }, Attack::Copy);
        let mut put = |directory, attack| {
            if directory != now {
                push(reached, State { directory, ..*state }, attack);
            }
        };
        if let Some(copy) = state.copy {
            let mut files = now.files;
            put(copy, Attack::PutBackAll);
            put(super::state::Directory { log: copy.log, ..now }, Attack::PutBackLog);
            put(super::state::Directory { checkpoint: copy.checkpoint, ..now }, Attack::PutBackCheckpoint);
            put(super::state::Directory { note: copy.note, ..now }, Attack::PutBackRotations);
            for item in ITEMS {
                files[usize::from(item)] = copy.files[usize::from(item)];
                put(super::state::Directory { files, ..now }, Attack::PutBackFile(item));
                files = now.files;
            }
        }
        put(super::state::Directory { checkpoint: None, ..now }, Attack::RemoveCheckpoint);
        put(super::state::Directory { note: None, ..now }, Attack::RemoveRotations);
        for head in self.heads_he_can_sign(state) {
            put(super::state::Directory { checkpoint: Some(head), ..now }, Attack::SignHead(head));
        }
    }

    fn attack_log(&mut self, state: &State, reached: &mut Vec<Next<Attack>>) {
        let log = state.directory.log;
        let length = self.histories.length(log);
        for to in FIRST_RECORDS..length {
            push(reached, with_log(state, self.histories.cut(log, to)), Attack::Cut(to));
        }
        let covered = state.directory.checkpoint.map_or(FIRST_RECORDS, |head| self.histories.length(head.history));
        let ids = self.histories.records_of(log);
        for place in covered..length.saturating_sub(1) {
            let mut shorter = self.histories.cut(log, place);
            for id in &ids[usize::from(place)..] {
                shorter = self.histories.append(shorter, *id);
            }
            push(reached, with_log(state, shorter), Attack::TakeOut(place));
        }
        let base = state.directory.checkpoint.map_or(0, |head| head.history);
        for (body, signer) in self.forgeries(state) {
            let record = self.signed(log, body, base, signer, false);
            let longer = self.histories.append(log, record);
            push(reached, with_log(state, longer), Attack::Append(body, signer));
        }
        for record in self.replays(state) {
            let longer = self.histories.append(log, record);
            push(reached, with_log(state, longer), Attack::Replay(record));
        }
    }

    /// What he may sign with what he has: in the base configuration with a key that has no role. Only bodies that would say
    /// something new: a release of an open hold, a done for an open intent.
    fn forgeries(&self, state: &State) -> Vec<(Body, Signer)> {
        let facts = self.facts(state.directory.log);
        let signer = match self.search.hands {
            Hands::Empty | Hands::Paper => Signer::Stranger,
            Hands::OldKey if state.kept.note.is_some() => Signer::Checkpoint(0),
            Hands::OldKey => return Vec::new(),
            Hands::PurgeKey => Signer::Purge,
            Hands::CheckpointKey => Signer::Checkpoint(facts.epoch),
        };
        let mut bodies = Vec::new();
        if self.search.hands != Hands::CheckpointKey {
            let there = 0b11 & !state.directory.gone();
            bodies.extend([1, 2, 3].into_iter().filter(|items| items & !there == 0).map(Body::Intent));
        }
        if !self.search.hands.separate() {
            for hold in ITEMS {
                let open = facts.holds & 1 << hold != 0;
                bodies.push(if open { Body::Release(hold) } else { Body::Place { hold, found: 1 << hold } });
            }
            bodies.push(Body::Policy(LET_GO - facts.policy));
        }
        if let (Some((intent, _)), true) = (facts.open, self.search.hands != Hands::PurgeKey) {
            bodies.extend([Body::Done(intent), Body::Abandon(intent)]);
        }
        bodies.into_iter().map(|body| (body, signer)).collect()
    }

    /// Signed records that he has: those of the log, of his copy, and the paper in his hands.
    fn replays(&self, state: &State) -> Vec<RecordId> {
        let mut ids = self.histories.records_of(state.directory.log);
        ids.extend(state.copy.iter().flat_map(|copy| self.histories.records_of(copy.log)));
        ids.extend(state.paper);
        ids.retain(|&id| is_signed(self, id) && self.histories.record(id).ours);
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    fn attack_data(&mut self, state: &State, reached: &mut Vec<Next<Attack>>) {
        for item in ITEMS {
            if state.directory.files[usize::from(item)] == File::Whole {
                push(reached, with_files(state, 1 << item, File::Damaged), Attack::Damage(item));
            }
        }
        let mut authorities = vec![None];
        for head in self.heads_he_has(state) {
            authorities.extend(self.intents(state.directory.log).map(|intent| Some(Authority { head, intent })));
        }
        for authority in authorities {
            for items in [1, 2, 3] {
                let next = with_files(state, items, File::Gone(authority));
                if next.directory != state.directory {
                    push(reached, next, Attack::Remove(items, authority));
                }
            }
        }
    }

    fn intents(&self, log: HistoryId) -> impl Iterator<Item = RecordId> {
        self.histories
            .records_of(log)
            .into_iter()
            .filter(|&id| matches!(self.histories.record(id).body, Body::Intent(_)))
    }

    /// Heads that he has read somewhere, or can sign.
    fn heads_he_has(&self, state: &State) -> Vec<Head> {
        let mut heads = self.heads_he_can_sign(state);
        for directory in [Some(state.directory), state.copy].into_iter().flatten() {
            heads.extend(directory.checkpoint.into_iter().chain(directory.note));
            heads.extend(directory.files.into_iter().filter_map(|file| match file {
                File::Gone(authority) => authority.map(|authority| authority.head),
                File::Whole | File::Damaged => None,
            }));
        }
        heads.sort_unstable_by_key(|head| (head.history, head.keys == Keys::Both));
        heads.dedup();
        heads
    }

    fn heads_he_can_sign(&self, state: &State) -> Vec<Head> {
        let history = state.directory.log;
        match self.search.hands {
            Hands::OldKey if state.kept.note.is_some() => vec![Head { history, keys: Keys::One(0) }],
            Hands::CheckpointKey => vec![Head { history, keys: Keys::One(self.facts(history).epoch) }],
            _ => Vec::new(),
        }
    }
}

fn push(reached: &mut Vec<Next<Attack>>, state: State, step: Attack) {
    reached.push(Next { state, step, broken: None });
}

fn with_log(state: &State, log: HistoryId) -> State {
    let mut next = *state;
    next.directory.log = log;
    next
}

fn with_files(state: &State, items: Mask, file: File) -> State {
    let mut next = *state;
    for item in ITEMS.into_iter().filter(|item| items & 1 << item != 0) {
        next.directory.files[usize::from(item)] = file;
    }
    next
}
