//! A small log of class-0 records for the tests of the charter, and the tests in their files.
//!
//! ```text
//! checkpoint key 1, admin 2, hold 3, purge 4, recovery 5; 6 and up are strangers
//! each record: ten seqs, one frame and a minute after the one before
//! ```

mod attacks;
mod keys;
mod states;
mod unknown;

use super::*;
use crate::LogId;
use crate::act::{
    Act, Base, Body, ClockCheck, HoldAct, HoldText, Intent, Kept, KeyChange, KeyText, Note, Placed, Role, Statement,
    StatementBody,
};
use crate::bundle::Filter;
use crate::checkpoint::{Checkpoint, sign_checkpoint};
use crate::descriptor::Hash;
use crate::key::{SigningKey, VerifierKey};
use crate::merkle::empty_root;
use crate::retention::{Basis, Decides, Duty, Plan, PlannedSegment, Policy, SeqSet};
use crate::schema::Field;

pub(super) const LOG: LogId = LogId([7; 16]);
pub(super) const ORIGIN: &str = "log.example/a";
pub(super) const DAY: i64 = 86_400;
pub(super) const START: i64 = 1_800_000_000;
const SECOND: i64 = 1_000_000_000;

pub(super) const ADMIN: u8 = 2;
pub(super) const HOLD: u8 = 3;
pub(super) const PURGE: u8 = 4;
pub(super) const RECOVERY: u8 = 5;
pub(super) const STRANGER: u8 = 9;

pub(super) fn key(seed: u8) -> SigningKey {
    let name = if seed == 1 || seed >= 100 { ORIGIN.to_owned() } else { format!("key.example/{seed}") };
    SigningKey::generate([seed; 32], &name).unwrap()
}

pub(super) fn verifier(seed: u8) -> VerifierKey {
    key(seed).verifier()
}

pub(super) fn first_keys() -> FirstKeys {
    let list = |seed| vec![verifier(seed)];
    FirstKeys::new(verifier(1), list(ADMIN), list(HOLD), list(PURGE), list(RECOVERY)).unwrap()
}

/// Roots of a log, or of another branch of it from a size on.
#[derive(Clone, Copy)]
pub(super) struct Facts {
    pub(super) parts_at: u64,
}

impl LogFacts for Facts {
    fn root(&self, size: u64) -> Option<Hash> {
        match size {
            0 => Some(empty_root()),
            size if size > self.parts_at => Some([0xee; 32]),
            size => Some([size as u8; 32]),
        }
    }

    fn recorded_before(&self, seq: u64) -> Option<i64> {
        Some(START + 6 * seq as i64 - 60)
    }
}

#[derive(Clone)]
pub(super) struct Stored {
    pub(super) seq: u64,
    pub(super) frame_no: u64,
    pub(super) time: i64,
    pub(super) kind: u8,
    pub(super) body: String,
    pub(super) adopted: Option<i64>,
}

impl Stored {
    fn record(&self) -> ClassZero<'_> {
        ClassZero {
            seq: self.seq,
            frame_no: self.frame_no,
            recorded_at: self.time * SECOND,
            kind: self.kind,
            body: Some(&self.body),
            adopted_at: self.adopted.map(|time| time * SECOND),
        }
    }
}

/// A log that is written: what it was fed with, and the charter as it stands.
#[derive(Clone)]
pub(super) struct Log {
    pub(super) charter: Charter,
    pub(super) records: Vec<Stored>,
    pub(super) seq: u64,
    pub(super) frame: u64,
    pub(super) time: i64,
    pub(super) facts: Facts,
}

impl Log {
    pub(super) fn new() -> Self {
        let facts = Facts { parts_at: u64::MAX };
        let charter = Charter::new(LOG, &first_keys(), 0);
        Self { charter, records: Vec::new(), seq: 10, frame: 1, time: START, facts }
    }

    /// The newest head, or that of size 0.
    pub(super) fn base(&self) -> Base {
        let size = self.charter.head();
        Base { size, root: self.facts.root(size).unwrap() }
    }

    pub(super) fn draft(&self, role: Role, body: Body) -> Act {
        self.charter.draft(role, body, self.base(), (self.time + 3_600) as u64)
    }

    /// Appends a record whatever the charter says of it.
    pub(super) fn put(&mut self, kind: u8, body: String) -> Result<Taken, Refusal> {
        let stored = Stored { seq: self.seq, frame_no: self.frame, time: self.time, kind, body, adopted: None };
        self.put_stored(stored)
    }

    pub(super) fn put_stored(&mut self, stored: Stored) -> Result<Taken, Refusal> {
        let record = stored.record();
        let checked = self.charter.check(&record, &self.facts);
        let taken = self.charter.take(&record, &self.facts);
        assert_eq!(checked, taken, "asking and taking agree");
        self.records.push(stored);
        (self.seq, self.frame, self.time) = (self.seq + 10, self.frame + 1, self.time + 60);
        taken
    }

    pub(super) fn put_act(&mut self, act: &Act, seeds: &[u8]) -> Result<Taken, Refusal> {
        let kind = act.body.kind().code();
        self.put(kind, signed(act, seeds))
    }

    pub(super) fn act(&mut self, role: Role, body: Body, seeds: &[u8]) -> Result<Taken, Refusal> {
        let act = self.draft(role, body);
        self.put_act(&act, seeds)
    }

    /// An act that must count, and a head over it.
    pub(super) fn settled(&mut self, role: Role, body: Body, seeds: &[u8]) -> u64 {
        let seq = self.seq;
        assert_eq!(self.act(role, body, seeds), Ok(Taken::Counts));
        self.sign_head();
        seq
    }

    pub(super) fn say(&mut self, body: StatementBody, epoch: u32, seed: u8) -> Result<Taken, Refusal> {
        let kind = body.kind().code();
        let statement = Statement { log: LOG, epoch, base: self.base(), body };
        let note = Note::sign(statement.to_text().unwrap(), &[&key(seed)]);
        self.put(kind, note.statement_body())
    }

    pub(super) fn sign_head(&mut self) {
        self.charter.cover(self.frame);
    }

    /// A head of all frames, as a note.
    pub(super) fn head_note(&self, seed: u8) -> String {
        let size = self.charter.head();
        let head = Checkpoint { origin: ORIGIN.into(), size, root: self.facts.root(size).unwrap() };
        sign_checkpoint(&head, &key(seed)).unwrap()
    }

    /// What a record of class 1 that was recorded then may lose, now.
    pub(super) fn may_go(&self, seq: u64, recorded: i64) -> bool {
        let terms = self.charter.between(&Moment::now(self.charter.head(), self.time as u64));
        terms.closed_may_go((seq, 1), 0, recorded, recorded) && !terms.held().contains(seq)
    }

    /// The charter of these records, read anew under a head.
    pub(super) fn read(records: &[Stored], head: u64, facts: Facts) -> Charter {
        let mut charter = Charter::new(LOG, &first_keys(), head);
        for stored in records {
            let _ = charter.take(&stored.record(), &facts);
        }
        charter
    }
}

pub(super) fn signed(act: &Act, seeds: &[u8]) -> String {
    let keys: Vec<SigningKey> = seeds.iter().map(|&seed| key(seed)).collect();
    Note::sign(act.to_text().unwrap(), &keys.iter().collect::<Vec<_>>()).act_body()
}

pub(super) fn keep(name: &str, version: u32, days: Option<i64>) -> Body {
    let duty = days.map(|days| Duty {
        keep: (days * DAY) as u64,
        identity_keep: None,
        payload_keep: None,
        basis: Basis::Recorded,
        classes: Vec::new(),
        filter: None,
        text: String::new(),
    });
    Body::Policy(Policy { name: name.to_owned(), version, duty })
}

pub(super) fn text_of(name: &str) -> HoldText {
    let filter = Filter::any_of(Field::ACTOR_ID, vec![name.to_owned()]);
    HoldText::new([3; 16], &filter, name)
}

pub(super) fn place(name: &str, through: u64, seqs: &[u64]) -> Body {
    let (commit, seqs) = (text_of(name).commit(), seqs.iter().copied().collect());
    Body::Hold(HoldAct::Place(Placed { name: name.to_owned(), commit, needs: vec![1], through, seqs }))
}

pub(super) fn release(names: &[&str]) -> Body {
    Body::Hold(HoldAct::Release(names.iter().map(|&name| name.to_owned()).collect()))
}

pub(super) fn intent(log: &Log, kept: &[&str]) -> Body {
    let segment = PlannedSegment { id: 1, generation: 1, first_frame: 0, frames: 1, bytes: 100 };
    let plan = Plan { at: log.time as u64, segments: vec![segment], ..Plan::default() };
    let kept = kept.iter().map(|&name| Kept { name: name.to_owned(), seqs: SeqSet::new() }).collect();
    Body::Intent(Box::new(Intent { plan, kept, clock: ClockCheck::Guard }))
}

pub(super) fn reason(taken: Result<Taken, Refusal>) -> Option<Reason> {
    taken.err().map(|refusal| refusal.reason)
}

pub(super) fn change(action: crate::act::Action, role: Role, seed: u8, epoch: Option<u32>) -> KeyChange {
    KeyChange { action, role, key: KeyText::from(&verifier(seed)), epoch, since: None, reason: None }
}
