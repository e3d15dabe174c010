//! A small log in memory: frames, chain, tree and a signed checkpoint, the same on every run.

use indelible_evidence::LogId;
use indelible_evidence::bundle::{Bundle, Claim, Filter, FrameProof, OldCheckpoint, Open, tree_proof};
use indelible_evidence::checkpoint::{Checkpoint, sign_checkpoint};
use indelible_evidence::commit::{FrameFacts, RecordRef, chain, commit_frame, frame_hashes, genesis_chain};
use indelible_evidence::descriptor::{Descriptor, Hash};
use indelible_evidence::key::{SigningKey, VerifierKey};
use indelible_evidence::merkle::{LogTree, consistency_proof, leaf_hash};
use indelible_evidence::record::{Groups, GroupsWriter, Record};
use indelible_evidence::schema::{Field, Kind};

pub const LOG_ID: LogId = LogId([0x17; 16]);
pub const ORIGIN: &str = "log.example/bundle";
/// Records of each frame.
pub const FRAMES: [usize; 7] = [2, 128, 33, 1, 128, 90, 5];

pub struct Frame {
    pub descriptor: Descriptor,
    pub chain_before: Hash,
    pub salt_key: Hash,
    pub records: Vec<Record>,
}

pub struct Sample {
    pub frames: Vec<Frame>,
    pub leaves: Vec<Hash>,
    pub key: SigningKey,
}

pub fn signing_key() -> SigningKey {
    SigningKey::generate([0x2a; 32], ORIGIN).unwrap()
}

fn record(seq: u64) -> Record {
    let mut bytes = Vec::new();
    let recorded_at = 1_795_168_800_000_000_000 + seq as i64 * 37_000_001;
    let system = seq < 2;
    let kind = if seq == 0 {
        Kind::Genesis
    } else if seq == 1 {
        Kind::Schedule
    } else {
        Kind::Event
    };
    let mut writer = GroupsWriter::new(&mut bytes, kind, recorded_at - (seq as i64 % 5) * 1_300_000_000);
    let class = if system { 0 } else { [1, 1, 1, 2, 1, 3, 1][seq as usize % 7] };
    if system {
        writer.text(Field::ACTION, if seq == 0 { "log.genesis" } else { "log.schedule" });
        writer.text(Field::ACTOR_ID, "indelible");
        writer.text(Field::METADATA, "{}");
    } else {
        writer.text(Field::WORKSPACE, ["acme", "globex"][seq as usize % 2]);
        writer.text(Field::ACTION, ["document.publish", "user.login", "größe.ändern"][seq as usize % 3]);
        writer.code(Field::SEVERITY, class as u8);
        writer.code(Field::OUTCOME, 1 + (seq % 2) as u8);
        writer.text(Field::ACTOR_ID, &format!("u-{}", seq % 11));
        writer.text(Field::TARGET_ID, &format!("d-{seq}"));
        writer.text(Field::EVENT_ID, &format!("0195f3a2-0000-7abc-8def-{seq:012x}"));
        if seq.is_multiple_of(4) {
            writer.text(Field::CORRELATION_ID, &format!("c-{}", seq / 20));
        }
        writer.text(Field::METADATA, &format!(r#"{{"n":{seq},"filler":"{}"}}"#, "x".repeat(seq as usize % 90)));
    }
    let ends = writer.finish();
    let groups = Groups::from_parts(bytes, ends).unwrap();
    groups.check().unwrap();
    Record { seq, recorded_at, class, groups }
}

impl Sample {
    pub fn new() -> Self {
        let key = signing_key();
        let mut chain_before = genesis_chain(LOG_ID, ORIGIN, &key.verifier().to_string());
        let (mut frames, mut leaves, mut seq) = (Vec::new(), Vec::new(), 0);
        for (frame_no, &count) in (0u64..).zip(&FRAMES) {
            let records: Vec<Record> = (seq..seq + count as u64).map(record).collect();
            seq += count as u64;
            let facts = FrameFacts { log_id: LOG_ID, frame_no, schedule_version: 1, key_epoch: 0, lost_events: 0 };
            let refs: Vec<RecordRef<'_>> = records.iter().map(RecordRef::from).collect();
            let salt_key = [frame_no as u8 + 1; 32];
            let descriptor = commit_frame(&facts, &refs, &salt_key).unwrap();
            let hashed = descriptor.hashed(&chain_before);
            leaves.push(leaf_hash(&hashed));
            frames.push(Frame { descriptor, chain_before, salt_key, records });
            chain_before = chain(&hashed);
        }
        Self { frames, leaves, key }
    }

    pub fn verifier(&self) -> VerifierKey {
        self.key.verifier()
    }

    pub fn note(&self, size: u64) -> String {
        let mut tree = LogTree::new();
        self.leaves.iter().take(size as usize).for_each(|leaf| tree.push(*leaf));
        let checkpoint = Checkpoint { origin: ORIGIN.into(), size, root: tree.root() };
        sign_checkpoint(&checkpoint, &self.key).unwrap()
    }

    pub fn size(&self) -> u64 {
        self.frames.len() as u64
    }

    /// A bundle with the rows for which `open` gives a mask.
    pub fn bundle(&self, claim: Claim, open: impl Fn(&Record) -> Option<Open>) -> Bundle {
        let (mut frames, mut numbers): (Vec<FrameProof>, Vec<u64>) = (Vec::new(), Vec::new());
        for frame in &self.frames {
            let masks: Vec<(u8, Open)> =
                (0u8..).zip(&frame.records).filter_map(|(at, record)| Some((at, open(record)?))).collect();
            if masks.is_empty() {
                continue;
            }
            let number = frame.descriptor.frame_no;
            let follows = number == 0 || numbers.last() == Some(&(number - 1));
            let refs: Vec<RecordRef<'_>> = frame.records.iter().map(RecordRef::from).collect();
            let hashes = frame_hashes(&refs, &frame.salt_key).unwrap();
            let records: Vec<Option<Record>> = frame.records.iter().cloned().map(Some).collect();
            let chain_before = (!follows).then_some(frame.chain_before);
            frames.push(FrameProof::open(&frame.descriptor, chain_before, &hashes, &records, &masks).unwrap());
            numbers.push(number);
        }
        let tree = tree_proof(&self.leaves, self.size(), &numbers).unwrap();
        let checkpoint = self.note(self.size());
        Bundle { log_id: LOG_ID, claim, checkpoint, old: None, whole_history: false, trail: Vec::new(), frames, tree }
    }

    pub fn with_old(&self, mut bundle: Bundle, size: u64) -> Bundle {
        let proof = consistency_proof(&self.leaves, size, self.size()).unwrap();
        bundle.old = Some(OldCheckpoint { note: self.note(size), proof });
        bundle
    }

    pub fn one(&self, seq: u64, open: Open) -> Bundle {
        self.bundle(Claim::Record { seq }, |record| (record.seq == seq).then_some(open))
    }

    pub fn rows(&self, filter: Filter, open: Open) -> Bundle {
        let passing = filter.clone();
        self.bundle(Claim::Rows { filter }, |record| passing.passes(record).unwrap().then_some(open))
    }

    pub fn range(&self, first: u64, last: u64, open: Open) -> Bundle {
        self.bundle(Claim::Range { first, last }, |record| (first..=last).contains(&record.seq).then_some(open))
    }

    pub fn complete(&self, first: u64, last: u64, filter: Filter, open: Open) -> Bundle {
        let (passing, disclosed) = (filter.clone(), filter.needs());
        self.bundle(Claim::Complete { first, last, disclosed, filter }, |record| {
            if !(first..=last).contains(&record.seq) {
                return None;
            }
            Some(if passing.passes(record).unwrap() { open.and(disclosed) } else { disclosed })
        })
    }

    /// Every kind of bundle there is, by name: what the vectors hold.
    pub fn every_kind(&self) -> Vec<(&'static str, &'static str, Bundle)> {
        let correlation = Filter::any_of(Field::CORRELATION_ID, vec!["c-3".into(), "c-9".into()]);
        let envelope = Filter::All(vec![
            Filter::any_of(Field::ACTION, vec!["größe.ändern".into(), "user.login".into()]),
            Filter::Not(Box::new(Filter::codes(Field::SEVERITY, vec![1, 3]))),
            Filter::Any(vec![Filter::Prefix(Field::WORKSPACE, "ac".into()), Filter::Present(Field::LANE)]),
            Filter::Occurred { from: Some(1_795_168_800_000_000_000), to: None },
            Filter::Recorded { from: None, to: Some(1_795_168_900_000_000_000) },
        ]);
        let id = Filter::any_of(Field::EVENT_ID, vec!["0195f3a2-0000-7abc-8def-000000000042".into()]);
        let header = Open::HEADER;
        let withheld = Open::EVERYTHING.without_group(1).without_group(3);
        vec![
            ("bundle-record", "one record, everything open", self.one(77, Open::EVERYTHING)),
            ("bundle-genesis", "the first record of the log", self.one(0, Open::EVERYTHING)),
            (
                "bundle-withheld",
                "one record, identity and payload withheld, an older checkpoint",
                self.with_old(self.one(200, withheld), 3),
            ),
            ("bundle-header", "one record of which only the header is open", self.one(163, header)),
            ("bundle-rows", "the rows of two correlation ids", self.rows(correlation.clone(), Open::EVERYTHING)),
            (
                "bundle-id",
                "the row of an event id, its correlation group alone open",
                self.rows(id, header.and(Open::group(2))),
            ),
            (
                "bundle-range",
                "a range with everything in it, an older checkpoint of the same size",
                self.with_old(self.range(100, 170, Open::EVERYTHING), 7),
            ),
            ("bundle-whole", "the whole log, identity and payload withheld", self.range(0, 386, withheld)),
            (
                "bundle-correlation",
                "all rows of two correlation ids in the whole log",
                self.complete(0, 386, correlation, Open::EVERYTHING),
            ),
            (
                "bundle-envelope",
                "all rows of a range that pass a filter with every op",
                self.complete(130, 300, envelope, withheld),
            ),
        ]
    }
}
