//! A state: what lies in the directory, what the attacker copied, what the signer keeps beside its key, and what the operator
//! was told. It packs into 128 bits.
//!
//! ```text
//! directory: log │ checkpoint │ rotations/ │ manifest with two files          copy: another such directory, or none
//! beside the key: head │ rotation note                                        told: holds, policy, what is announced, what is gone
//! ```
//!
//! No process is part of a state: a verb is a list of durable steps, a crash may follow each, and the next verb begins with an
//! opening that knows only what is here. So "a crash between any two steps" is every state that a verb passes through.
//!
//! Invariants: equal directories have equal ids, so equal states have equal bits; `told` is read by properties alone.
//! Not here: new files that no manifest names yet (an opening removes them, whoever put them there), the journal beside the
//! segments, and marks, which decide about events only.

use hashbrown::HashMap;

use super::history::{Facts, Histories};
use super::record::{Body, HistoryId, KEEP, LET_GO, Mask, Record, RecordId, Signer};
use super::rules::{Hands, Search};

/// A signed head: the history it covers and whose signatures it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Head {
    /// What it covers: size and root.
    pub history: HistoryId,
    /// Signers: the key of epoch 0, of epoch 1, or both, which makes it a rotation note.
    pub keys: Keys,
}

/// Which checkpoint keys signed a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Keys {
    /// The key of one epoch.
    One(u8),
    /// Both: a rotation note.
    Both,
}

/// The authority block of a file that a deletion wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Authority {
    /// Note P.
    pub head: Head,
    /// The intent.
    pub intent: RecordId,
}

/// The file of one item, as the manifest names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum File {
    /// Generation 0 with the item in it.
    Whole,
    /// Generation 0, the item changed or gone from it.
    Damaged,
    /// A later generation, without the item.
    Gone(Option<Authority>),
}

/// A log directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Directory {
    /// The records, all of them durable.
    pub log: HistoryId,
    /// `checkpoint`.
    pub checkpoint: Option<Head>,
    /// `rotations/`: the one note that there can be.
    pub note: Option<Head>,
    /// The manifest: the file of each item.
    pub files: [File; 2],
}

/// What the signer keeps beside its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kept {
    /// The newest head that it signed.
    pub head: Option<Head>,
    /// The rotation note.
    pub note: Option<Head>,
}

/// What the operator was told, and what he has begun since: the truth that properties compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Told {
    /// Holds that are in force, by the last answer that he had.
    pub holds: Mask,
    /// The policy in force, by the same answer.
    pub policy: u8,
    /// Holds whose placing he signed without an answer yet.
    pub placing: Mask,
    /// Holds whose release he signed without an answer yet.
    pub releasing: Mask,
    /// Policies (a bit each) that he signed without an answer yet.
    pub setting: Mask,
    /// Items of an intent that the newest kept head covers and that has not ended under it: they may go, and need not.
    pub announced: Mask,
    /// Items that went, and a kept head says so: they may not come back.
    pub gone: Mask,
}

/// One state of the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// The log directory.
    pub directory: Directory,
    /// The attacker's copy of an earlier one.
    pub copy: Option<Directory>,
    /// Beside the key.
    pub kept: Kept,
    /// The act that lies signed in somebody's hands.
    pub paper: Option<RecordId>,
    /// Whether the index lies: hides holds, and hides items from the filters of holds.
    pub index_lies: bool,
    /// For the properties.
    pub told: Told,
    /// Verbs that the operator may still begin.
    pub verbs: u8,
    /// Steps that the attacker may still take.
    pub attacks: u8,
}

/// Everything that states refer to by id.
#[derive(Debug)]
pub struct World {
    /// What is searched.
    pub search: Search,
    /// Records and histories.
    pub histories: Histories,
    directories: Ids<Directory>,
    kept: Ids<Kept>,
}

/// Values numbered in the order in which they were met.
#[derive(Debug)]
struct Ids<T> {
    values: Vec<T>,
    ids: HashMap<T, u32>,
}

impl<T: Copy + Eq + std::hash::Hash> Ids<T> {
    fn new() -> Self {
        Self { values: Vec::new(), ids: HashMap::new() }
    }

    fn id(&mut self, value: T) -> u32 {
        let next = self.values.len() as u32;
        let id = *self.ids.entry(value).or_insert(next);
        if id == next {
            self.values.push(value);
        }
        id
    }
}

/// Bits of each part of a packed state, in order; `told` takes 13 more, budgets and index the rest.
const DIRECTORY_BITS: u32 = 28;
const KEPT_BITS: u32 = 24;
const PAPER_BITS: u32 = 22;

impl World {
    /// Nothing met yet.
    pub fn new(search: Search) -> Self {
        Self { search, histories: Histories::new(search), directories: Ids::new(), kept: Ids::new() }
    }

    /// The states that a search begins with: two items under a head, with either policy.
    pub fn beginnings(&mut self) -> Vec<State> {
        [KEEP, LET_GO].map(|policy| self.beginning(policy)).into()
    }

    fn beginning(&mut self, policy: u8) -> State {
        let mut log = 0;
        for item in [0, 1] {
            let id = self.histories.intern(Record {
                body: Body::Item(item),
                signer: Signer::Stranger,
                number: 0,
                previous: 0,
                charter: 0,
                base: 0,
                ours: true,
            });
            log = self.histories.append(log, id);
        }
        let act = self.draft(log, Body::Policy(policy), 0);
        log = self.histories.append(log, act);
        let head = Some(Head { history: log, keys: Keys::One(0) });
        State {
            directory: Directory { log, checkpoint: head, note: None, files: [File::Whole; 2] },
            copy: None,
            kept: Kept { head, note: None },
            paper: None,
            index_lies: false,
            told: Told { policy, ..Told::default() },
            verbs: self.search.verbs,
            attacks: self.search.attacks,
        }
    }

    /// The record that the operator or his process signs with the right key, numbered and linked at the end of `log`.
    pub fn draft(&mut self, log: HistoryId, body: Body, base: HistoryId) -> RecordId {
        let signer = self.histories.key_for(self.histories.facts(log), body).unwrap_or(Signer::Stranger);
        self.signed(log, body, base, signer, true)
    }

    /// The record with this body that continues the lines of `log`, signed by whom you say.
    pub fn signed(&mut self, log: HistoryId, body: Body, base: HistoryId, signer: Signer, ours: bool) -> RecordId {
        let facts = self.facts(log);
        let tip = match body.line() {
            Some(super::record::Line::Charter) => facts.charter,
            Some(super::record::Line::Deletion) => facts.deletion,
            None => super::history::Tip::default(),
        };
        let is_act = body.line().is_some();
        let number = if is_act { tip.number + 1 } else { 0 };
        let charter = if is_act { facts.charter.last } else { 0 };
        self.histories.intern(Record { body, signer, number, previous: tip.last, charter, base, ours })
    }

    /// What a history says.
    pub fn facts(&self, history: HistoryId) -> &Facts {
        self.histories.facts(history)
    }

    /// How many directories were met.
    pub fn directories_met(&self) -> usize {
        self.directories.values.len()
    }

    /// Ids of the directory and of what is kept, together: what an opening can know.
    pub fn seen_by_opening(&mut self, state: &State) -> u64 {
        u64::from(self.directories.id(state.directory)) << 32 | u64::from(self.kept.id(state.kept))
    }

    /// A state in 128 bits. What nobody can use any more is left out: a copy without an attack left.
    pub fn pack(&mut self, state: &State) -> u128 {
        let copy = match state.copy {
            Some(copy) if state.attacks > 0 => self.directories.id(copy) + 1,
            _ => 0,
        };
        let paper = state.paper.map_or(0, |id| if state.attacks > 0 || state.verbs > 0 { id } else { 0 });
        let parts = [
            (self.directories.id(state.directory), DIRECTORY_BITS),
            (copy, DIRECTORY_BITS),
            (self.kept.id(state.kept), KEPT_BITS),
            (paper, PAPER_BITS),
            (u32::from(state.index_lies), 1),
            (u32::from(state.told.holds), 2),
            (u32::from(state.told.policy), 1),
            (u32::from(state.told.placing), 2),
            (u32::from(state.told.releasing), 2),
            (u32::from(state.told.setting), 2),
            (u32::from(state.told.announced), 2),
            (u32::from(state.told.gone), 2),
            (u32::from(state.verbs), 3),
            (u32::from(state.attacks), 3),
        ];
        let mut packed = 0u128;
        for (value, bits) in parts {
            assert!(value < 1 << bits, "the search met more of something than {bits} bits can number");
            packed = packed << bits | u128::from(value);
        }
        packed
    }

    /// The state of these bits.
    pub fn unpack(&self, packed: u128) -> State {
        let mut rest = packed;
        let mut take = |bits: u32| {
            let value = (rest & ((1 << bits) - 1)) as u32;
            rest >>= bits;
            value
        };
        let (attacks, verbs) = (take(3) as u8, take(3) as u8);
        let (gone, announced, setting) = (take(2) as u8, take(2) as u8, take(2) as u8);
        let (releasing, placing) = (take(2) as u8, take(2) as u8);
        let (policy, holds) = (take(1) as u8, take(2) as u8);
        let index_lies = take(1) == 1;
        let paper = Some(take(PAPER_BITS)).filter(|&id| id != 0);
        let kept = self.kept.values[take(KEPT_BITS) as usize];
        let copy = take(DIRECTORY_BITS).checked_sub(1).map(|id| self.directories.values[id as usize]);
        let directory = self.directories.values[take(DIRECTORY_BITS) as usize];
        let told = Told { holds, policy, placing, releasing, setting, announced, gone };
        State { directory, copy, kept, paper, index_lies, told, verbs, attacks }
    }

    /// Whether the attacker here has the checkpoint keys.
    pub fn checkpoint_key_is_stolen(&self) -> bool {
        self.search.hands == Hands::CheckpointKey
    }
}
