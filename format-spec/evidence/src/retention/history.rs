//! The deletions that a log's system records declare, each with the rules that were in force when it was declared.
//!
//! ```text
//! class-0 records in seq order -> take() -> Register, and for each intent a Deletion { plan, rules then, done }
//! ```
//!
//! Invariants: an intent that is in the list was signed by a key that had the purge role before it, names exactly the policies
//! and holds in force, and no time after itself ([RET-14], [RET-15]); its done record names a checkpoint that covers the intent,
//! signed by the log's key of that size, and lies beyond it ([RET-16]). Whether that checkpoint has the log's root, and whether
//! what was removed might go, takes the frames: `audit`.

use super::finding::{Finding, FindingKind, Place};
use super::intent::{Abandon, Done, Intent};
use super::plan::Plan;
use super::register::Register;
use super::rules::Rules;
use crate::LogId;
use crate::descriptor::Hash;
use crate::key::VerifierKey;
use crate::record::{Record, Value};
use crate::rotation::KeyTrail;
use crate::schema::{Field, Kind};

const SECOND: i64 = 1_000_000_000;

/// What a log's system records say of retention, from the first to the last one taken.
#[derive(Debug, Clone)]
pub struct History {
    log_id: LogId,
    trail: KeyTrail,
    register: Register,
    deletions: Vec<Deletion>,
    key_epochs: Vec<KeyEpoch>,
}

/// A deletion that a log declares.
#[derive(Debug, Clone)]
pub struct Deletion {
    /// Seq of the intent.
    pub intent: u64,
    /// Frame of the intent.
    pub frame_no: u64,
    /// When the log took the intent, ns since 1970.
    pub recorded_at: i64,
    /// What it removes.
    pub plan: Plan,
    /// Who authorised it.
    pub key: VerifierKey,
    /// Policies and holds as they were, at the plan's time.
    pub rules: Rules,
    /// How it was carried out; `None`: it may have been, or not yet.
    pub done: Option<Carried>,
    /// Seq of the record that gave it up: it removed nothing.
    pub abandoned: Option<u64>,
    /// What the log's files say of it while it is open; `None` where nobody looked at them.
    pub standing: Option<Standing>,
    /// The signature of the intent: nobody may announce it again.
    signature: [u8; 64],
}

/// What the files of a log say of its open deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// No file of the plan was written again.
    NotCarried,
    /// All of them were, under this head.
    Carried {
        /// Size of the head.
        size: u64,
        /// Its root, which must be the log's.
        root: Hash,
    },
}

/// What an opening records of the open deletion before anything else is written ([RET-19]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The swap happened under this note.
    Done {
        /// Seq of the intent.
        intent: u64,
        /// The note that all files of the plan name.
        note: String,
    },
    /// It did not.
    Abandon {
        /// Seq of the intent.
        intent: u64,
    },
}

impl Deletion {
    /// Whether neither a done nor an abandon record ended it.
    pub fn is_open(&self) -> bool {
        self.done.is_none() && self.abandoned.is_none()
    }

    /// Whether what it names may be gone: not where it was given up, nor where the files say that it was not carried out.
    pub fn may_have_removed(&self) -> bool {
        self.abandoned.is_none() && self.standing != Some(Standing::NotCarried)
    }

    /// Whether what it names must be gone.
    pub fn has_removed(&self) -> bool {
        self.done.is_some() || matches!(self.standing, Some(Standing::Carried { .. }))
    }
}

/// How a deletion was carried out.
#[derive(Debug, Clone)]
pub struct Carried {
    /// Seq of the done record.
    pub seq: u64,
    /// What it says.
    pub done: Done,
    /// Size of the checkpoint that published the intent.
    pub size: u64,
    /// Its root, which must be the log's.
    pub root: Hash,
}

/// A key record that begins an epoch of the signing key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct KeyEpoch {
    seq: u64,
    frame_no: u64,
}

impl History {
    /// A log whose records are still to come; the trail has its signing keys from the first.
    pub fn new(log_id: LogId, trail: KeyTrail) -> Self {
        let register = Register::new(trail.first().clone());
        Self { log_id, trail, register, deletions: Vec::new(), key_epochs: Vec::new() }
    }

    /// Policies, holds and keys as they stand.
    pub fn register(&self) -> &Register {
        &self.register
    }

    /// The same, for rules.
    pub fn register_mut(&mut self) -> &mut Register {
        &mut self.register
    }

    /// Deletions in the order they were declared.
    pub fn deletions(&self) -> &[Deletion] {
        &self.deletions
    }

    /// The signing keys.
    pub fn trail(&self) -> &KeyTrail {
        &self.trail
    }

    /// Takes the next record of class 0, whole, and the frame it lies in.
    ///
    /// # Errors
    /// [`Finding`]: the record is none that may stand there; what it says then counts for nothing.
    pub fn take(&mut self, record: &Record, frame_no: u64) -> Result<(), Finding> {
        let wrong = |problem: String| Finding::new(FindingKind::Record, None, Some(Place::Seq(record.seq)), problem);
        let head = record.groups.envelope().map_err(|error| wrong(error.to_string()))?;
        let kind = Kind::from_code(head.kind).ok_or_else(|| wrong("unknown kind".to_owned()))?;
        if matches!(kind, Kind::Event | Kind::Access) {
            return Ok(());
        }
        let body = match record.groups.value(Field::METADATA).map_err(|error| wrong(error.to_string()))? {
            Some(Value::Text(text)) => text.text().into_owned(),
            _ => return Err(wrong("a system record without a body".to_owned())),
        };
        match kind {
            Kind::Intent => self.take_intent(record, frame_no, &body),
            Kind::Done => self.take_done(record.seq, frame_no, &body),
            Kind::Abandon => self.take_abandon(record.seq, &body),
            _ => {
                let epoch = self.register.checkpoint_epoch();
                self.register.take(record.seq, kind, &body).map_err(|error| wrong(error.to_string()))?;
                if self.register.checkpoint_epoch() != epoch {
                    self.take_key(record.seq, frame_no)?;
                }
                Ok(())
            }
        }
    }

    fn take_intent(&mut self, record: &Record, frame_no: u64, body: &str) -> Result<(), Finding> {
        let fails = |kind, problem: String| Finding::new(kind, Some(record.seq), Some(Place::Seq(record.seq)), problem);
        let intent = Intent::parse(body).map_err(|error| fails(FindingKind::Record, error.to_string()))?;
        if self.register.purge_key(&intent.key).is_none() {
            let why = format!("{} was not given the purge role before it, or no longer had it", intent.key);
            return Err(fails(FindingKind::Authority, why));
        }
        intent.verify(self.log_id).map_err(|error| fails(FindingKind::Authority, error.to_string()))?;
        if let Some(open) = self.open() {
            let why = format!("the deletion of intent {} is open still", open.intent);
            return Err(fails(FindingKind::Record, why));
        }
        if let Some(before) = self.deletions.iter().find(|before| before.signature == intent.signature) {
            let why = format!("it was announced before, at seq {}", before.intent);
            return Err(fails(FindingKind::Authority, why));
        }
        let Intent { plan, key, signature, .. } = intent;
        let recorded = record.recorded_at.div_euclid(SECOND);
        if i128::from(plan.at) > i128::from(recorded) {
            let why = format!("it counts from {}, which had not come when it was recorded at {recorded}", plan.at);
            return Err(fails(FindingKind::Terms, why));
        }
        let rules = self.register.rules(plan.at);
        let in_force = rules.policies().iter().map(|policy| (&policy.name, policy.version));
        if !in_force.eq(plan.policies.iter().map(|(name, version)| (name, *version))) {
            let why = "the policies it names are not those in force".to_owned();
            return Err(fails(FindingKind::Terms, why));
        }
        if rules.holds() != plan.holds {
            return Err(fails(FindingKind::Terms, "the holds it names are not those that were open".to_owned()));
        }
        let (intent, recorded_at) = (record.seq, record.recorded_at);
        let (done, abandoned, standing) = (None, None, None);
        let deletion =
            Deletion { intent, frame_no, recorded_at, plan, key, rules, done, abandoned, standing, signature };
        self.deletions.push(deletion);
        Ok(())
    }

    fn take_done(&mut self, seq: u64, frame_no: u64, body: &str) -> Result<(), Finding> {
        let at = Some(Place::Seq(seq));
        let done = Done::parse(body);
        let done = done.map_err(|error| Finding::new(FindingKind::Record, None, at, error.to_string()))?;
        let intent = Some(done.intent);
        let deletion = self.deletions.iter_mut().find(|deletion| deletion.intent == done.intent);
        let Some(deletion) = deletion else {
            let why = "a deletion that no valid intent declares";
            return Err(Finding::new(FindingKind::Done, intent, at, why));
        };
        if deletion.done.is_some() {
            return Err(Finding::new(FindingKind::Done, intent, at, "the deletion was done before"));
        }
        if deletion.abandoned.is_some() {
            return Err(Finding::new(FindingKind::Done, intent, at, "the deletion was abandoned before"));
        }
        let planned = deletion.plan.segments.iter().map(|segment| (segment.id, segment.generation));
        if !planned.eq(done.segments.iter().map(|segment| (segment.id, segment.generation))) {
            return Err(Finding::new(FindingKind::Done, intent, at, "its segments are not those of the plan"));
        }
        let published = |why| Finding::new(FindingKind::Published, intent, at, why);
        let (checkpoint, _) = self.trail.open(&done.checkpoint).map_err(|error| published(error.to_string()))?;
        if checkpoint.size <= deletion.frame_no {
            let why = format!("the checkpoint of {} frames does not cover the intent", checkpoint.size);
            return Err(published(why));
        }
        if frame_no < checkpoint.size {
            return Err(published(format!("it was recorded before the checkpoint of {} frames", checkpoint.size)));
        }
        deletion.done = Some(Carried { seq, done, size: checkpoint.size, root: checkpoint.root });
        Ok(())
    }

    fn take_abandon(&mut self, seq: u64, body: &str) -> Result<(), Finding> {
        let at = Some(Place::Seq(seq));
        let abandon = Abandon::parse(body);
        let abandon = abandon.map_err(|error| Finding::new(FindingKind::Record, None, at, error.to_string()))?;
        let open = self.deletions.last_mut().filter(|last| last.is_open() && last.intent == abandon.intent);
        let Some(open) = open else {
            let why = "it abandons a deletion that is not open";
            return Err(Finding::new(FindingKind::Done, Some(abandon.intent), at, why));
        };
        open.abandoned = Some(seq);
        Ok(())
    }

    /// The deletion that is announced and has no end yet ([RET-18]).
    pub fn open(&self) -> Option<&Deletion> {
        self.deletions.last().filter(|last| last.is_open())
    }

    /// Compares the generations of a log's segments with its records and finds out what became of the open deletion; looks into
    /// the files of that one alone ([RET-19], [RET-20]). `authority` gives intent and note of a segment's file; `root_of` the
    /// log's root of a size, where the log has so many frames.
    ///
    /// # Errors
    /// A generation that no record explains, a plan carried out in part, a file that names another head or none; the segment
    /// where that shows comes with it.
    pub fn settle<E>(
        &mut self,
        segments: &[(u64, u32)],
        authority: &mut dyn FnMut(u64) -> Result<Option<(u64, String)>, E>,
        root_of: &mut dyn FnMut(u64) -> Result<Option<Hash>, E>,
    ) -> Result<Result<Option<Ending>, (u64, Finding)>, E> {
        let mut swapped = Vec::new();
        for &(id, generation) in segments {
            match self.explain(id, generation) {
                Ok(false) => {}
                Ok(true) => swapped.push(id),
                Err(finding) => return Ok(Err((id, finding))),
            }
        }
        let Some(open) = self.open().cloned() else { return Ok(Ok(None)) };
        let intent = open.intent;
        if swapped.is_empty() {
            self.stands(Standing::NotCarried);
            return Ok(Ok(Some(Ending::Abandon { intent })));
        }
        let finding = |why: String| Finding::new(FindingKind::Published, Some(intent), None, why);
        if let Some(left) = open.plan.segments.iter().find(|segment| !swapped.contains(&segment.id)) {
            let why = format!("it was carried out in part: segment {} was not written again", left.id);
            return Ok(Err((left.id, finding(why))));
        }
        let mut note: Option<String> = None;
        for &id in &swapped {
            let wrong =
                |why: &str| Ok(Err((id, finding(format!("segment {id} was written again, and its file {why}")))));
            match authority(id)? {
                None => return wrong("names no head"),
                Some((named, _)) if named != intent => return wrong("names another intent"),
                Some((_, named)) if note.as_ref().is_some_and(|note| *note != named) => {
                    return wrong("names another head");
                }
                Some((_, named)) => note = Some(named),
            }
        }
        let (id, note) = (swapped.first().copied().unwrap_or_default(), note.unwrap_or_default());
        let (head, _) = match self.trail.open(&note) {
            Ok(opened) => opened,
            Err(error) => return Ok(Err((id, finding(format!("the head in its files: {error}"))))),
        };
        if head.size <= open.frame_no {
            let why = format!("the head of {} frames in its files does not cover the intent", head.size);
            return Ok(Err((id, finding(why))));
        }
        if root_of(head.size)? != Some(head.root) {
            let why = format!("the head of {} frames in its files is not of this log", head.size);
            return Ok(Err((id, finding(why))));
        }
        self.stands(Standing::Carried { size: head.size, root: head.root });
        Ok(Ok(Some(Ending::Done { intent, note })))
    }

    fn stands(&mut self, standing: Standing) {
        if let Some(last) = self.deletions.last_mut() {
            last.standing = Some(standing);
        }
    }

    /// Whether a segment has the generation that the open deletion makes; else it must be the one of the last deletion that is
    /// done with it, or 0.
    fn explain(&self, id: u64, generation: u32) -> Result<bool, Finding> {
        let made = |deletion: &Deletion| {
            let segment = deletion.plan.segments.iter().find(|segment| segment.id == id);
            segment.map(|segment| segment.generation)
        };
        let done = self.deletions.iter().filter(|deletion| deletion.done.is_some());
        let (mut expected, mut by) = (0, None);
        for deletion in done {
            if let Some(generation) = made(deletion) {
                (expected, by) = (generation, Some(deletion.intent));
            }
        }
        if generation == expected {
            return Ok(false);
        }
        if self.open().and_then(made) == Some(generation) && generation == expected + 1 {
            return Ok(true);
        }
        let (kind, intent, why) = if generation < expected {
            (FindingKind::StillThere, by, "an old file of it is back, though the deletion is done")
        } else {
            let last = self.deletions.iter().rev().find(|deletion| made(deletion) == Some(generation));
            (
                FindingKind::Undeclared,
                last.map(|last| last.intent),
                "it was written again, and no deletion that counts did that",
            )
        };
        let why = format!("segment {id} has generation {generation}, its records say {expected}: {why}");
        Err(Finding::new(kind, intent, None, why))
    }

    /// A new checkpoint key must be that of the trail, whose note covers the record ([CHK-7]). Of a trail that ends before it
    /// nothing is known yet: then nothing of a later key counts.
    fn take_key(&mut self, seq: u64, frame_no: u64) -> Result<(), Finding> {
        self.key_epochs.push(KeyEpoch { seq, frame_no });
        let wrong = |problem| Err(Finding::new(FindingKind::Record, None, Some(Place::Seq(seq)), problem));
        let Some(added) = self.register.checkpoint_keys().last() else { return Ok(()) };
        let epoch = self.register.checkpoint_epoch();
        let rotation = epoch.checked_sub(1).and_then(|index| self.trail.rotations().get(index as usize));
        match rotation {
            Some(rotation) if rotation.key != added.key => wrong("the rotation to its epoch names another key"),
            Some(rotation) if rotation.checkpoint.size <= frame_no => {
                wrong("the rotation to its epoch does not cover the record")
            }
            _ => Ok(()),
        }
    }

    /// Epoch of the signing key at the end of a seq range: how many key records lie below `end`.
    pub(super) fn key_epoch_below(&self, end: u64) -> u32 {
        self.key_epochs.partition_point(|epoch| epoch.seq < end) as u32
    }

    /// Sizes at which a checkpoint must have the log's root: size, root, what rests on it.
    pub(super) fn roots(&self) -> Vec<(u64, Hash, Option<u64>)> {
        let done = self
            .deletions
            .iter()
            .filter_map(|deletion| deletion.done.as_ref().map(|done| (done.size, done.root, Some(deletion.intent))));
        let carried = self.deletions.iter().filter_map(|deletion| match deletion.standing? {
            Standing::Carried { size, root } => Some((size, root, Some(deletion.intent))),
            Standing::NotCarried => None,
        });
        let known =
            self.trail.rotations().iter().map(|rotation| (rotation.checkpoint.size, rotation.checkpoint.root, None));
        let mut roots: Vec<_> = done.chain(carried).chain(known).collect();
        roots.sort_unstable();
        roots
    }

    /// What to check once all records are taken: the trail has no rotation without a key record.
    ///
    /// # Errors
    /// [`Finding`] that names the epoch.
    pub fn finish(&self) -> Result<(), Finding> {
        if self.trail.epoch() as usize > self.key_epochs.len() {
            let why = format!("the rotation to epoch {} has no key record", self.key_epochs.len() + 1);
            return Err(Finding::new(FindingKind::Record, None, None, why));
        }
        Ok(())
    }
}
