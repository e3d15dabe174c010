//! Histories and what they say: what a reader checks of an act, and the state that the acts up to it give.
//!
//! ```text
//! history ──+ record──> admits? ──yes──> facts change as the body says
//!                          └──no──> facts stay, this and everything after it is no longer valid ("set aside from there on")
//! ```
//!
//! A history is interned: its parent and its last record give an id, and its facts are worked out once, when it is met first.
//! So a log of a dozen records is one number in a state, and "is this root the log's at that size" is a walk to the parent.
//!
//! Invariants: facts of a history that is not valid are those of its longest valid beginning; `ours` is never read here.

use hashbrown::HashMap;

use super::record::{Body, HistoryId, KEEP, LET_GO, Line, Mask, Record, RecordId, Signer};
use super::rules::{Mutant, Search};
use super::symmetry::mirrors_itself;

/// Where a line of acts stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tip {
    /// Number of the newest act, 0 before the first.
    pub number: u8,
    /// The newest act.
    pub last: RecordId,
}

/// What a history says: the state after its last valid record.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// Whether every record up to here is valid.
    pub valid: bool,
    /// The longest valid beginning; the history itself where it is valid.
    pub valid_to: HistoryId,
    /// Key epoch of the last valid frame.
    pub epoch: u8,
    /// The policy in force.
    pub policy: u8,
    /// The open holds.
    pub holds: Mask,
    /// What the committed sets of each hold's last placing name.
    pub committed: [Mask; 2],
    /// The charter line.
    pub charter: Tip,
    /// The deletion line.
    pub deletion: Tip,
    /// The intent without DONE and ABANDON, if there is one, and the history that ends with it.
    pub open: Option<(RecordId, HistoryId)>,
    /// Items of the open intent.
    pub planned: Mask,
    /// For each item the intent whose DONE says that it went.
    pub done: [Option<RecordId>; 2],
    /// Whether no record so far, valid or not, is about one item or hold alone.
    pub symmetric: bool,
}

/// Both items.
pub const ITEMS: [u8; 2] = [0, 1];

impl Facts {
    /// Items that a DONE says are gone.
    pub fn done_items(&self) -> Mask {
        ITEMS.into_iter().filter(|&i| self.done[usize::from(i)].is_some()).fold(0, |mask, i| mask | 1 << i)
    }
}

#[derive(Debug, Clone, Copy)]
struct Node {
    parent: HistoryId,
    record: RecordId,
    length: u8,
    facts: Facts,
}

/// All records and histories that a search has met.
#[derive(Debug)]
pub struct Histories {
    search: Search,
    records: Vec<Record>,
    record_ids: HashMap<Record, RecordId>,
    nodes: Vec<Node>,
    node_ids: HashMap<(HistoryId, RecordId), HistoryId>,
}

impl Histories {
    /// Nothing but genesis.
    pub fn new(search: Search) -> Self {
        let genesis = Record {
            body: Body::Genesis,
            signer: Signer::Stranger,
            number: 0,
            previous: 0,
            charter: 0,
            base: 0,
            ours: true,
        };
        let facts = Facts {
            valid: true,
            valid_to: 0,
            epoch: 0,
            policy: KEEP,
            holds: 0,
            committed: [0; 2],
            charter: Tip::default(),
            deletion: Tip::default(),
            open: None,
            planned: 0,
            done: [None; 2],
            symmetric: true,
        };
        Self {
            search,
            records: vec![genesis],
            record_ids: HashMap::from([(genesis, 0)]),
            nodes: vec![Node { parent: 0, record: 0, length: 1, facts }],
            node_ids: HashMap::new(),
        }
    }

    /// How many histories were met.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Never: genesis is always there.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The id of a record.
    pub fn intern(&mut self, record: Record) -> RecordId {
        let next = self.records.len() as RecordId;
        let id = *self.record_ids.entry(record).or_insert(next);
        if id == next {
            self.records.push(record);
        }
        id
    }

    /// The record of an id.
    pub fn record(&self, id: RecordId) -> &Record {
        &self.records[id as usize]
    }

    /// What a history says.
    pub fn facts(&self, history: HistoryId) -> &Facts {
        &self.nodes[history as usize].facts
    }

    /// Records, which are frames, in a history.
    pub fn length(&self, history: HistoryId) -> u8 {
        self.nodes[history as usize].length
    }

    /// The last record of a history.
    pub fn last(&self, history: HistoryId) -> RecordId {
        self.nodes[history as usize].record
    }

    /// A history without its last record.
    pub fn parent(&self, history: HistoryId) -> HistoryId {
        self.nodes[history as usize].parent
    }

    /// Records of a history, the first after genesis first.
    pub fn records_of(&self, history: HistoryId) -> Vec<RecordId> {
        let mut ids = Vec::with_capacity(usize::from(self.length(history)));
        let mut at = history;
        while at != 0 {
            ids.push(self.last(at));
            at = self.parent(at);
        }
        ids.reverse();
        ids
    }

    /// The first `length` records of a history; all of it where it is not longer.
    pub fn cut(&self, history: HistoryId, length: u8) -> HistoryId {
        let mut at = history;
        while self.length(at) > length {
            at = self.parent(at);
        }
        at
    }

    /// Whether `root` is the log's at that size: `log` begins with it, or is it.
    pub fn begins_with(&self, log: HistoryId, root: HistoryId) -> bool {
        self.cut(log, self.length(root)) == root
    }

    /// A history with one record more.
    pub fn append(&mut self, history: HistoryId, record: RecordId) -> HistoryId {
        if let Some(&id) = self.node_ids.get(&(history, record)) {
            return id;
        }
        let id = self.nodes.len() as HistoryId;
        let before = self.nodes[history as usize];
        let mut facts = if before.facts.valid && self.admits(history, record) {
            after(&before.facts, self.record(record).body, record, id)
        } else {
            Facts { valid: false, ..before.facts }
        };
        facts.symmetric &= mirrors_itself(self.record(record).body);
        self.nodes.push(Node { parent: history, record, length: before.length + 1, facts });
        self.node_ids.insert((history, record), id);
        id
    }

    /// Whether an act may be made at the end of this history, or a statement: what a reader checks, in its order.
    pub fn admits(&self, history: HistoryId, record: RecordId) -> bool {
        let facts = self.facts(history);
        let record = self.record(record);
        let Some(key) = self.key_for(facts, record.body) else {
            return true;
        };
        // "Every known signer's signature; as many signers with the role, in force just before this record".
        if record.signer != key && !self.search.is(Mutant::ObeyTheTail) {
            return false;
        }
        // "`number` and `previous` continue the line; `charter` is the newest act of the charter line".
        if !self.continues(facts, record) && !self.search.is(Mutant::ActsWithoutLinks) {
            return false;
        }
        // "`base` size lies below the act's own frame; root is the log's at that size".
        self.begins_with(history, record.base) && self.follows(facts, record.body)
    }

    /// The key that must sign such a record now; nothing for what nobody signs.
    pub fn key_for(&self, facts: &Facts, body: Body) -> Option<Signer> {
        let separate = self.search.hands.separate();
        match (body.line(), body.is_statement()) {
            (None, false) => None,
            (Some(Line::Charter), _) if separate => Some(Signer::Admin),
            (Some(Line::Deletion), _) if separate => Some(Signer::Purge),
            _ => Some(Signer::Checkpoint(facts.epoch)),
        }
    }

    fn continues(&self, facts: &Facts, record: &Record) -> bool {
        let tip = match record.body.line() {
            Some(Line::Charter) => facts.charter,
            Some(Line::Deletion) => facts.deletion,
            None => return true,
        };
        record.number == tip.number + 1 && record.previous == tip.last && record.charter == facts.charter.last
    }

    /// "The body follows from what was before": a hold is placed once and released while open, nothing goes that is held or kept.
    fn follows(&self, facts: &Facts, body: Body) -> bool {
        // "Between an intent and its end the writer appends events and notes only." A writer that never ends one goes on.
        let idle = facts.open.is_none() || self.search.is(Mutant::NoAbandon);
        match body {
            Body::Genesis => false,
            Body::Item(_) => true,
            Body::Policy(_) => idle,
            Body::Place { hold, .. } => idle && facts.holds & 1 << hold == 0,
            Body::Release(hold) => idle && facts.holds & 1 << hold != 0,
            Body::Rotate => idle && facts.epoch == 0,
            Body::Intent(items) => {
                // Who finds holds by postings checks nothing here: his checker is handed the same list.
                let held = if self.search.is(Mutant::HoldsByPostings) { 0 } else { self.held(facts) };
                let done = if self.search.is(Mutant::DoneNotAskedFor) { 0 } else { facts.done_items() };
                let may_go = if facts.policy == LET_GO { 0b11 & !held & !done } else { 0 };
                idle && items != 0 && items & !may_go == 0
            }
            Body::Done(intent) | Body::Abandon(intent) => facts.open.is_some_and(|(open, _)| open == intent),
        }
    }

    /// Items that an open hold holds: "every open hold's filter on every record that would lose something; committed sets
    /// hold as well". Hold *i* matches item *i*.
    pub fn held(&self, facts: &Facts) -> Mask {
        let mut held = if self.search.is(Mutant::TrustIndexForHold) { 0 } else { facts.holds };
        for hold in ITEMS {
            if facts.holds & 1 << hold != 0 {
                held |= facts.committed[usize::from(hold)];
            }
        }
        held
    }
}

/// The facts after a record that is valid.
fn after(before: &Facts, body: Body, record: RecordId, at: HistoryId) -> Facts {
    let mut facts = Facts { valid_to: at, ..*before };
    let step = |tip: Tip| Tip { number: tip.number + 1, last: record };
    match body.line() {
        Some(Line::Charter) => facts.charter = step(facts.charter),
        Some(Line::Deletion) => facts.deletion = step(facts.deletion),
        None => {}
    }
    match body {
        Body::Genesis | Body::Item(_) => {}
        Body::Policy(policy) => facts.policy = policy,
        Body::Place { hold, found } => {
            facts.holds |= 1 << hold;
            facts.committed[usize::from(hold)] = found;
        }
        Body::Release(hold) => facts.holds &= !(1 << hold),
        Body::Rotate => facts.epoch = 1,
        Body::Intent(items) => {
            facts.open = Some((record, at));
            facts.planned = items;
        }
        Body::Done(intent) => {
            for item in ITEMS.into_iter().filter(|item| facts.planned & 1 << item != 0) {
                facts.done[usize::from(item)] = Some(intent);
            }
            (facts.open, facts.planned) = (None, 0);
        }
        Body::Abandon(_) => (facts.open, facts.planned) = (None, 0),
    }
    facts
}
