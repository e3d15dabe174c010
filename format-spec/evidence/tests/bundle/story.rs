//! A log with a history, in memory: policies, holds, keys, events of some weeks, purges. The same on every run.
//!
//! Everything is done the way a ledger does it; a test that wants a step done wrongly does that step itself.

use indelible_evidence::bundle::{Bundle, Claim, Filter, FrameProof, KeyRecordProof, Open, RotationProof, tree_proof};
use indelible_evidence::checkpoint::{Checkpoint, sign_checkpoint};
use indelible_evidence::commit::{
    FrameFacts, FrameHashes, FrameView, RecordRef, Salts, chain, commit_frame, genesis_chain, prune,
};
use indelible_evidence::descriptor::{Descriptor, Hash};
use indelible_evidence::key::{SigningKey, VerifierKey};
use indelible_evidence::merkle::{LogTree, consistency_proof, leaf_hash};
use indelible_evidence::record::{GROUPS, Groups, GroupsWriter, Record};
use indelible_evidence::retention::{
    Abandon, Basis, Done, DoneSegment, Duty, FramePlan, History, HoldExtend, HoldRecord, Intent, KeyRecord, Placement,
    Plan, PlanSource, PlannedSegment, Policy, Role, Rules, SeqSet,
};
use indelible_evidence::rotation::{KeyTrail, Rotation};
use indelible_evidence::schema::{Field, Kind};
use indelible_evidence::{FormatError, LogId};

pub const LOG_ID: LogId = LogId([0x23; 16]);
pub const ORIGIN: &str = "log.example/retention";
pub const DAY: i64 = 86_400;
/// Day 0 of the story, seconds.
pub const START: i64 = 1_795_168_800;

#[derive(Clone)]
pub struct Frame {
    pub descriptor: Descriptor,
    pub chain_before: Hash,
    pub salts: Salts,
    pub records: Vec<Option<Record>>,
}

/// A log being written.
#[derive(Clone)]
pub struct Story {
    pub frames: Vec<Frame>,
    pub leaves: Vec<Hash>,
    pending: Vec<Record>,
    pub history: History,
    /// Seeds of the signing keys, by epoch.
    pub keys: Vec<u8>,
    /// Frame of each rotation's key record, and the rotation.
    pub rotations: Vec<(u64, Rotation)>,
    pub now: i64,
    records: u64,
}

pub fn key(seed: u8) -> SigningKey {
    SigningKey::generate([seed; 32], ORIGIN).unwrap()
}

pub fn verifier(seed: u8) -> VerifierKey {
    key(seed).verifier()
}

/// The seed of the key that may purge.
pub const PURGE: u8 = 50;

impl PlanSource for Frame {
    type Error = FormatError;

    fn gone(&mut self) -> Result<[u128; GROUPS], FormatError> {
        Ok(std::array::from_fn(|k| self.salts.removed_positions(&self.descriptor, k)))
    }

    fn records(&mut self) -> Result<Vec<Option<Record>>, FormatError> {
        Ok(self.records.clone())
    }
}

pub fn duty(classes: &[u16], days: i64) -> Duty {
    Duty {
        keep: (days * DAY) as u64,
        identity_keep: None,
        payload_keep: None,
        basis: Basis::Recorded,
        classes: classes.to_vec(),
        filter: None,
        text: String::new(),
    }
}

/// Policies of the story: class 1 goes by recorded time as a whole, class 2 by a filter, class 3 by event time.
pub fn policies() -> Vec<Policy> {
    let filter = Some(Filter::any_of(Field::WORKSPACE, vec!["acme".into()]));
    let acme = Duty { filter, text: "workspace = acme".into(), ..duty(&[2], 20) };
    let claims = Duty { basis: Basis::Event, identity_keep: Some(5 * DAY as u64), ..duty(&[3], 15) };
    let info = Duty { payload_keep: Some(10 * DAY as u64), ..duty(&[1], 30) };
    let named = [("acme", acme), ("claims", claims), ("info", info)];
    named.into_iter().map(|(name, duty)| Policy { name: name.into(), version: 1, duty: Some(duty) }).collect()
}

impl Story {
    /// A log with its genesis record, a purge key and the story's policies.
    pub fn begin() -> Self {
        let mut story = Self {
            frames: Vec::new(),
            leaves: Vec::new(),
            pending: Vec::new(),
            history: History::new(LOG_ID, KeyTrail::new(verifier(1))),
            keys: vec![1],
            rotations: Vec::new(),
            now: START,
            records: 0,
        };
        story.system(Kind::Genesis, "{}");
        story.system(Kind::Schedule, "{}");
        story.grant(PURGE, 1, true);
        for policy in policies() {
            story.policy(&policy);
        }
        story.frame();
        story
    }

    /// Four weeks of events, one hold, one frame a fortnight.
    pub fn weeks() -> Self {
        let mut story = Self::begin();
        for day in [0, 12, 25, 39] {
            story.now = START + day * DAY;
            (0..8).for_each(|n| story.event(n));
            if day == 12 {
                story.place("case 7", "u-1");
            }
            story.frame();
        }
        story.now = START + 41 * DAY;
        story.extend_holds();
        story.frame();
        story
    }

    /// The weeks, and a purge of what had expired then.
    pub fn purged() -> Self {
        let mut story = Self::weeks();
        let plan = story.plan();
        story.purge(plan);
        story
    }

    /// Another purge some weeks later, by then with another signing key.
    pub fn purged_again() -> Self {
        let mut story = Self::purged();
        story.rotate(2);
        story.now = START + 75 * DAY;
        story.release("case 7");
        story.frame();
        let plan = story.plan();
        story.purge(plan);
        story
    }

    pub fn next_seq(&self) -> u64 {
        self.records
    }

    fn push(&mut self, kind: Kind, class: u16, occurred: i64, write: impl Fn(&mut GroupsWriter<'_>)) {
        let mut bytes = Vec::new();
        let mut writer = GroupsWriter::new(&mut bytes, kind, occurred * 1_000_000_000);
        write(&mut writer);
        let ends = writer.finish();
        let groups = Groups::from_parts(bytes, ends).unwrap();
        groups.check().unwrap();
        let recorded_at = self.now * 1_000_000_000 + self.records as i64 % 1_000;
        self.pending.push(Record { seq: self.records, recorded_at, class, groups });
        self.records += 1;
    }

    /// A system record, as it stands: the history takes it if it is right.
    pub fn system(&mut self, kind: Kind, body: &str) {
        let (log_id, action) = (LOG_ID.to_string(), format!("log.{}", kind.name()));
        self.push(kind, 0, self.now, |writer| {
            writer.text(Field::ACTION, &action);
            writer.code(Field::ACTOR_TYPE, 3);
            writer.text(Field::TARGET_TYPE, "log");
            writer.text(Field::ACTOR_ID, "indelible");
            writer.text(Field::TARGET_ID, &log_id);
            writer.text(Field::METADATA, body);
        });
        let frame_no = self.frames.len() as u64;
        let taken = self.pending.last().map(|record| self.history.take(record, frame_no));
        drop(taken);
    }

    /// An event, the `n`th of its frame: all classes, two workspaces, three claimed times.
    pub fn event(&mut self, n: u64) {
        let (seq, class) = (self.records, [1, 1, 2, 2, 3, 3, 3, 1][n as usize % 8]);
        let occurred = self.now - [0, 12, 14][n as usize % 3] * DAY;
        self.push(Kind::Event, class, occurred, |writer| {
            writer.text(Field::WORKSPACE, ["acme", "globex"][n as usize % 2]);
            writer.text(Field::ACTION, "document.publish");
            writer.code(Field::SEVERITY, class as u8);
            writer.text(Field::ACTOR_ID, &format!("u-{}", n % 8));
            writer.text(Field::CORRELATION_ID, &format!("c-{}", seq % 3));
            writer.text(Field::METADATA, &format!(r#"{{"secret":{seq}}}"#));
        });
    }

    pub fn grant(&mut self, seed: u8, epoch: u32, add: bool) {
        let record = KeyRecord { epoch, key: verifier(seed), role: Role::Purge, add };
        self.system(Kind::Key, &record.encode().unwrap());
    }

    pub fn policy(&mut self, policy: &Policy) {
        self.system(Kind::Policy, &policy.encode().unwrap());
    }

    fn all_records(&self) -> impl Iterator<Item = &Record> {
        self.frames.iter().flat_map(|frame| frame.records.iter().flatten()).chain(&self.pending)
    }

    /// Places a hold on what an actor did before the story began, by the time he claims.
    pub fn place(&mut self, name: &str, actor: &str) {
        let before = Filter::Occurred { from: None, to: Some((START - 5 * DAY) * 1_000_000_000) };
        let filter = Filter::All(vec![Filter::any_of(Field::ACTOR_ID, vec![actor.into()]), before]);
        let through = self.records;
        let seqs =
            self.all_records().filter(|record| filter.passes(record).unwrap()).map(|record| record.seq).collect();
        let placed = Placement { filter, text: format!("actor = {actor}, long ago"), through, seqs };
        let record = HoldRecord { name: name.into(), placed: Some(placed) };
        self.system(Kind::Hold, &record.encode().unwrap());
    }

    pub fn release(&mut self, name: &str) {
        self.system(Kind::Hold, &HoldRecord { name: name.into(), placed: None }.encode().unwrap());
    }

    /// Resolves open holds to the end.
    pub fn extend_holds(&mut self) {
        let open: Vec<_> =
            self.history.register().holds().map(|(name, hold)| (name.to_owned(), hold.clone())).collect();
        for (name, hold) in open {
            let tested = self.all_records().filter(|record| record.seq >= hold.through);
            let seqs = tested.filter(|record| hold.filter.passes(record).unwrap()).map(|record| record.seq).collect();
            let extend = HoldExtend { name, from: hold.through, through: self.records, seqs };
            self.system(Kind::HoldExtend, &extend.encode().unwrap());
        }
    }

    /// Closes a frame over what is pending.
    pub fn frame(&mut self) {
        let records = std::mem::take(&mut self.pending);
        let epoch = self.history.register().checkpoint_epoch();
        let frame_no = self.frames.len() as u64;
        let facts = FrameFacts { log_id: LOG_ID, frame_no, schedule_version: 1, key_epoch: epoch, lost_events: 0 };
        let refs: Vec<RecordRef<'_>> = records.iter().map(RecordRef::from).collect();
        let salt_key = [frame_no as u8 + 1; 32];
        let descriptor = commit_frame(&facts, &refs, &salt_key).unwrap();
        let chain_before = self.frames.last().map_or_else(
            || genesis_chain(LOG_ID, ORIGIN, &verifier(1).to_string()),
            |before| chain(&before.descriptor.hashed(&before.chain_before)),
        );
        self.leaves.push(leaf_hash(&descriptor.hashed(&chain_before)));
        let records = records.into_iter().map(Some).collect();
        self.frames.push(Frame { descriptor, chain_before, salts: Salts::Whole(salt_key), records });
    }

    pub fn size(&self) -> u64 {
        self.frames.len() as u64
    }

    pub fn head(&self, size: u64) -> Checkpoint {
        let mut tree = LogTree::new();
        self.leaves.iter().take(size as usize).for_each(|leaf| tree.push(*leaf));
        Checkpoint { origin: ORIGIN.into(), size, root: tree.root() }
    }

    /// A tree head signed by the key of now.
    pub fn note(&self, size: u64) -> String {
        sign_checkpoint(&self.head(size), &key(*self.keys.last().unwrap())).unwrap()
    }

    /// Another signing key: its record, and the note that both keys sign.
    pub fn rotate(&mut self, seed: u8) {
        let (epoch, old) = (self.keys.len() as u32, key(*self.keys.last().unwrap()));
        let record = KeyRecord { epoch, key: verifier(seed), role: Role::Checkpoint, add: true };
        self.system(Kind::Key, &record.encode().unwrap());
        self.frame();
        let rotation = Rotation::sign(&self.head(self.size()), &old, &key(seed)).unwrap();
        self.rotations.push((self.size() - 1, rotation));
        self.keys.push(seed);
        self.history = self.replayed();
    }

    /// The signing keys.
    pub fn trail(&self) -> KeyTrail {
        let mut trail = KeyTrail::new(verifier(1));
        self.rotations.iter().for_each(|(_, rotation)| trail.push(&rotation.to_text()).unwrap());
        trail
    }

    /// The history read again from the records, right ones alone.
    pub fn replayed(&self) -> History {
        let mut history = History::new(LOG_ID, self.trail());
        for frame in &self.frames {
            for record in frame.records.iter().flatten().filter(|record| record.class == 0) {
                let _ = history.take(record, frame.descriptor.frame_no);
            }
        }
        history
    }

    pub fn rules(&mut self) -> Rules {
        self.history.register_mut().rules(self.now as u64)
    }

    /// What may go now.
    pub fn plan(&mut self) -> Plan {
        let rules = self.rules();
        self.plan_by(&rules)
    }

    /// A plan under the names of the rules in force, by rules that may be others.
    pub fn plan_by(&mut self, by: &Rules) -> Plan {
        let rules = self.rules();
        let named = rules.policies().iter().map(|policy| (policy.name.clone(), policy.version));
        let segments =
            vec![PlannedSegment { id: 1, generation: 1, first_frame: 0, frames: self.size(), bytes: 10_000 }];
        let (policies, holds) = (named.collect(), rules.holds().to_vec());
        let mut plan = Plan { at: rules.at(), policies, holds, segments, ..Plan::default() };
        for frame in &mut self.frames {
            let descriptor = frame.descriptor.clone();
            let part = by.plan_frame(&descriptor, frame).unwrap();
            plan.add(&descriptor, &part);
        }
        plan
    }

    /// The intent's record and its frame; gives its seq.
    pub fn declare(&mut self, plan: Plan, seed: u8) -> u64 {
        let intent = Intent::sign(LOG_ID, plan, &key(seed)).unwrap();
        self.system(Kind::Intent, &intent.encode());
        self.frame();
        self.next_seq() - 1
    }

    /// Takes out of the frames what a plan names; gives records, identity, payload removed.
    pub fn execute(&mut self, plan: &Plan) -> [u64; 3] {
        let mut counts = [0; 3];
        for frame in &mut self.frames {
            let part = plan.of_frame(&frame.descriptor);
            if part != FramePlan::default() {
                let gone = frame.gone().unwrap();
                let removed = part.counts(&frame.descriptor, &gone);
                counts.iter_mut().zip(removed).for_each(|(sum, count)| *sum += count);
                let view = FrameView { descriptor: &frame.descriptor, salts: &frame.salts, records: &frame.records };
                let pruned = prune(&view, &part.removal(&frame.descriptor)).unwrap();
                (frame.salts, frame.records) = (pruned.salts, pruned.records);
            }
        }
        counts
    }

    /// The done record and its frame.
    pub fn report(&mut self, intent: u64, note: String, counts: [u64; 3]) {
        let segments = vec![DoneSegment { id: 1, generation: 1, bytes: 5_000 }];
        let [records, identity, payload] = counts;
        let done = Done { intent, checkpoint: note, segments, records, identity, payload };
        self.system(Kind::Done, &done.encode().unwrap());
        self.frame();
    }

    /// The record that gives a deletion up, and its frame.
    pub fn abandon(&mut self, intent: u64) {
        self.system(Kind::Abandon, &Abandon { intent }.encode());
        self.frame();
    }

    /// A purge in the right order.
    pub fn purge(&mut self, plan: Plan) -> u64 {
        let intent = self.declare(plan.clone(), PURGE);
        let note = self.note(self.size());
        let counts = self.execute(&plan);
        self.report(intent, note, counts);
        intent
    }

    /// A bundle with the whole history; `open` says what else is open of a record that is there.
    pub fn bundle(&self, claim: Claim, open: impl Fn(&Record) -> Option<Open>) -> Bundle {
        let history = self.replayed();
        let frames = self.frames.iter().map(|frame| {
            let gone = frame.clone().gone().unwrap();
            let mut masks = history.evidence(&frame.descriptor, &gone);
            for (position, record) in (0u8..).zip(&frame.records) {
                let Some(more) = record.as_ref().and_then(&open) else { continue };
                let there = (0..GROUPS).filter(|&k| gone[k] >> position & 1 == 1);
                let more = there.fold(more, Open::without_group);
                match masks.iter_mut().find(|(at, _)| *at == position) {
                    Some((_, mask)) => *mask = mask.and(more),
                    None => masks.push((position, more)),
                }
            }
            masks.sort_unstable();
            self.open(frame, None, &masks)
        });
        let rotations = self.rotations.iter();
        let trail = rotations.map(|(_, rotation)| RotationProof { text: rotation.to_text(), record: None }).collect();
        Bundle {
            log_id: LOG_ID,
            claim,
            checkpoint: self.note(self.size()),
            old: None,
            whole_history: true,
            trail,
            frames: frames.collect(),
            tree: Vec::new(),
        }
    }

    /// A frame with rows opened, all frames before it being there.
    pub fn opened(&self, at: usize, masks: &[(u8, Open)]) -> FrameProof {
        self.open(&self.frames[at], None, masks)
    }

    fn open(&self, frame: &Frame, chain_before: Option<Hash>, masks: &[(u8, Open)]) -> FrameProof {
        if masks.is_empty() {
            return FrameProof::closed(&frame.descriptor, chain_before);
        }
        let view = FrameView { descriptor: &frame.descriptor, salts: &frame.salts, records: &frame.records };
        let hashes = FrameHashes::of(&view).unwrap();
        FrameProof::open(&frame.descriptor, chain_before, &hashes, &frame.records, masks).unwrap()
    }

    pub fn alone(&self, frame_no: u64, position: u8, open: Open) -> FrameProof {
        let frame = &self.frames[frame_no as usize];
        self.open(frame, (frame_no > 0).then_some(frame.chain_before), &[(position, open)])
    }

    /// One record without the whole history, its keys by the trail.
    pub fn one(&self, frame_no: u64, position: u8) -> Bundle {
        let sizes: Vec<u64> = self.rotations.iter().map(|(_, rotation)| rotation.checkpoint.size).collect();
        let ends = sizes.iter().skip(1).copied().chain([self.size()]);
        let trail = self.rotations.iter().zip(ends).map(|((key_frame, rotation), next)| {
            let size = rotation.checkpoint.size;
            let record = KeyRecordProof {
                frame: self.alone(*key_frame, 0, Open::EVERYTHING),
                tree: tree_proof(&self.leaves, size, &[*key_frame]).unwrap(),
                consistency: consistency_proof(&self.leaves, size, next).unwrap(),
            };
            RotationProof { text: rotation.to_text(), record: Some(record) }
        });
        Bundle {
            log_id: LOG_ID,
            claim: Claim::Record { seq: self.frames[frame_no as usize].descriptor.first_seq + u64::from(position) },
            checkpoint: self.note(self.size()),
            old: None,
            whole_history: false,
            trail: trail.collect(),
            frames: vec![self.alone(frame_no, position, Open::EVERYTHING)],
            tree: tree_proof(&self.leaves, self.size(), &[frame_no]).unwrap(),
        }
    }
}

/// Rules that would have let more go: shorter policies, or nothing held.
pub fn laxer(rules: &Rules, days: i64, held: bool) -> Rules {
    let policies = rules.policies().iter().cloned().map(|mut policy| {
        if let Some(duty) = &mut policy.duty {
            duty.keep = duty.keep.saturating_sub((days * DAY) as u64);
            duty.identity_keep = duty.identity_keep.map(|keep| keep.min(duty.keep));
            duty.payload_keep = duty.payload_keep.map(|keep| keep.min(duty.keep));
        }
        policy
    });
    let kept = if held { rules.held().clone() } else { SeqSet::new() };
    Rules::new(policies.collect(), rules.holds().to_vec(), kept.into(), rules.at())
}
