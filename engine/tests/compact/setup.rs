//! A log with something to remove, what is expected of it afterwards, and where removed bytes could hide.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use indelible_engine::query::{Expr, GroupBy, GroupValue, Order, Query, View};
use indelible_engine::step::StepLog;
use indelible_engine::verify::{VerifyOptions, VerifyReport, verify};
use indelible_engine::world::World;
use indelible_engine::world::clock::ManualClock;
use indelible_engine::world::rng::SeededRng;
use indelible_engine::world::storage::Storage;
use indelible_engine::world::storage::sim::{SimOptions, SimStorage};
use indelible_engine::{CompactRequest, CreateSpec, Draft, LazyFrame, LogConfig, Options, Result, SegmentTarget};
use indelible_evidence::LogId;
use indelible_evidence::commit::Removal;
use indelible_evidence::descriptor::Hash;
use indelible_evidence::key::SigningKey;
use indelible_evidence::record::{Groups, Record, Value};
use indelible_evidence::schema::{Field, Kind};
use indelible_format::segment::{Authority, BlockHeader, BlockKind, SegmentHeader, TermPage};

/// Events of a built log.
pub const EVENTS: u64 = 1_100;

pub fn config_on(storage: Arc<dyn Storage>) -> LogConfig {
    LogConfig {
        world: World {
            storage,
            clock: Arc::new(ManualClock::new(1_800_000_000_000_000_000)),
            rng: Arc::new(SeededRng::new(7)),
        },
        options: Options { journal_bytes_max: 64 << 10, ..Options::default() },
        signer: Some(Arc::new(SigningKey::generate([3; 32], "test/log").expect("name"))),
        kept: None,
        path: "test".to_owned(),
    }
}

pub fn config(disk: &SimStorage) -> LogConfig {
    config_on(Arc::new(disk.clone()))
}

pub fn spec() -> CreateSpec {
    let key = SigningKey::generate([3; 32], "test/log").expect("name").verifier().to_string();
    let schedule = r#"{"version":1,"rules":[],"default":1}"#.to_owned();
    CreateSpec { log_id: LogId([5; 16]), origin: "test/log".to_owned(), key, schedule }
}

/// 16 bytes that occur nowhere else, as a UUID of version 4, for event `n` and group `k`.
fn unique(n: u64, k: u64) -> [u8; 16] {
    let mut state = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ k.wrapping_mul(0xd1b5_4a32_d192_ed03);
    let mut bytes = [0; 16];
    for half in bytes.chunks_mut(8) {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        half.copy_from_slice(&(mixed ^ mixed >> 31).to_le_bytes());
    }
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    bytes
}

fn uuid(bytes: [u8; 16]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

pub fn class_of(n: u64) -> u16 {
    match n {
        n if n % 300 == 299 => 3,
        n if n.is_multiple_of(10) => 2,
        _ => 1,
    }
}

pub fn draft(n: u64) -> Draft {
    Draft::write(Kind::Event, Some(1_700_000_000_000_000_000 + n as i64 * 1_000_000), class_of(n), |groups| {
        groups.text(Field::WORKSPACE, &format!("workspace-{}", n % 5));
        groups.text(Field::ACTION, ["document.publish", "document.delete", "user.login"][n as usize % 3]);
        groups.code(Field::SEVERITY, if n.is_multiple_of(10) { 3 } else { 1 });
        groups.text(Field::ACTOR_ID, &format!("user-{}", n / 100));
        groups.text(Field::TARGET_ID, &uuid(unique(n, 1)));
        groups.text(Field::EVENT_ID, &format!("0195f3a2-0000-7abc-8def-{n:012x}"));
        groups.text(Field::CORRELATION_ID, &uuid(unique(n, 2)));
        let word = format!("word-{}", n / 40);
        groups.text(Field::METADATA, &format!("{{\"n\":{n},\"id\":\"{}\",\"word\":\"{word}\"}}", uuid(unique(n, 3))));
    })
}

/// A log on a disk of its own: two sealed segments, an active one, a journal tail, all framed records in a signed checkpoint.
pub fn built() -> (SimStorage, StepLog) {
    let disk = SimStorage::new(7, SimOptions::default());
    let mut log = StepLog::create(config(&disk), &spec()).expect("create");
    for n in 0..EVENTS {
        log.append(vec![draft(n)]).expect("append");
        log.sync().expect("sync");
        if n == 499 || n == 999 {
            log.seal().expect("seal");
        }
    }
    log.checkpoint().expect("checkpoint");
    log.tidy().expect("tidy");
    (disk, log)
}

/// The sealed segments, each with the generation `by` more than it has.
pub fn targets(log: &StepLog, by: u32) -> Vec<SegmentTarget> {
    let sealed = log.view().sealed_segments();
    sealed.iter().map(|entry| SegmentTarget { id: entry.id, generation: entry.generation + by }).collect()
}

pub fn covered(log: &StepLog) -> u64 {
    log.frames()
}

/// The newest head, for an intent that the engine does not ask for.
pub fn authority(log: &StepLog) -> Authority {
    let note = log.newest_checkpoint().expect("readable").expect("a checkpoint");
    Authority { intent: EVENTS, note }
}

pub fn request(log: &StepLog) -> CompactRequest {
    CompactRequest { segments: targets(log, 1), covered_by: covered(log), authority: authority(log) }
}

/// Which groups the plan takes from a record; group 0 is the record.
pub fn plan_of(seq: u64, class: u16) -> [bool; 4] {
    match (seq, class) {
        (_, 0) => [false; 4],
        (0..400, 1 | 2) | (400..700, 1) => [true; 4],
        (700..880, _) if seq.is_multiple_of(3) => [true; 4],
        (700..880, _) if seq % 11 == 3 => [false, true, true, true],
        (700..880, _) => [false, seq % 7 == 2, false, seq % 5 == 1],
        _ => [false; 4],
    }
}

/// [`plan_of`] for a frame, from its descriptor alone.
pub fn plan(frame: &mut LazyFrame<'_>) -> Result<Removal> {
    let descriptor = frame.descriptor();
    let mut gone = [0u128; 4];
    for position in 0..u32::from(descriptor.count) {
        let class =
            descriptor.classes.iter().find(|entry| entry.positions >> position & 1 == 1).expect("covered").class;
        let parts = plan_of(descriptor.first_seq + u64::from(position), class);
        gone.iter_mut().zip(parts).for_each(|(mask, part)| *mask |= u128::from(part) << position);
    }
    let [records, others @ ..] = gone;
    let removal = Removal::new().records(records);
    Ok((1..).zip(others).fold(removal, |removal, (k, positions)| removal.group(k, positions)))
}

/// Positions of a frame whose seq leaves this rest by 3, class 0 left out.
pub fn thirds(frame: &LazyFrame<'_>, rest: u64) -> u128 {
    let descriptor = frame.descriptor();
    let permanent = descriptor.classes.iter().find(|entry| entry.class == 0).map_or(0, |entry| entry.positions);
    let chosen = (0..u32::from(descriptor.count)).filter(|p| (descriptor.first_seq + u64::from(*p)) % 3 == rest);
    chosen.fold(0, |mask, position| mask | 1 << position) & !permanent
}

/// Bytes of one record's group that occur nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Marker {
    pub seq: u64,
    pub bytes: [u8; 16],
}

/// The records that queries must find, by seq.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    records: BTreeMap<u64, Record>,
    next_seq: u64,
}

impl Model {
    /// What a view shows, taken seq by seq.
    pub fn of(view: &View) -> Self {
        let record = |seq| view.record(seq).expect("readable").map(|record| (seq, record));
        Self { records: (0..view.next_seq()).filter_map(record).collect(), next_seq: view.next_seq() }
    }

    pub fn count(&self) -> u64 {
        self.records.len() as u64
    }

    pub fn events(&self) -> u64 {
        self.records.values().filter(|record| record.class != 0).count() as u64
    }

    pub fn records_to(&self, last: u64) -> Vec<Record> {
        self.records.range(..=last).map(|(_, record)| record.clone()).collect()
    }

    /// What is left after a removal.
    pub fn without(&self, plan: &dyn Fn(u64, u16) -> [bool; 4]) -> Self {
        let strip = |record: &Record| {
            let gone = plan(record.seq, record.class);
            if gone[0] || gone == [false, true, true, true] {
                return None;
            }
            let slices = record.groups.slices();
            let left = std::array::from_fn(|k| if gone[k] { &[][..] } else { slices[k] });
            Some(Record { groups: Groups::from_slices(left), ..record.clone() })
        };
        let records = self.records.iter().filter_map(|(seq, record)| Some((*seq, strip(record)?))).collect();
        Self { records, next_seq: self.next_seq }
    }

    /// Markers of everything that is there.
    pub fn markers(&self) -> BTreeSet<Marker> {
        let mut markers = BTreeSet::new();
        for record in self.records.values().filter(|record| record.class != 0) {
            let n = record.seq - 2;
            let there = (1..4).filter(|k| !record.groups.group(*k).is_empty());
            markers.extend(there.map(|k| Marker { seq: record.seq, bytes: unique(n, k as u64) }));
        }
        markers
    }

    /// Every way of asking gives just these records.
    pub fn compare(&self, view: &View, what: &str) {
        let expected: Vec<Record> = self.records.values().cloned().collect();
        for (order, limit) in [(Order::Oldest, 10_000), (Order::Oldest, 37), (Order::Newest, 53), (Order::Time, 211)] {
            let mut query = Query { filter: Expr::True, order, limit, after: None };
            let mut rows = Vec::new();
            loop {
                let page = view.query(&query).expect("query");
                rows.extend(page.rows);
                match page.next {
                    Some(next) => query.after = Some(next),
                    None => break,
                }
            }
            rows.sort_by_key(|row| row.seq);
            assert_eq!(rows.len(), expected.len(), "{what}: {order:?}");
            assert!(rows == expected, "{what}: {order:?}: other records");
        }
        for seq in 0..self.next_seq {
            assert_eq!(view.record(seq).expect("record").as_ref(), self.records.get(&seq), "{what}: seq {seq}");
        }
        for (field, text) in [
            (Field::ACTOR_ID, "user-3"),
            (Field::ACTOR_ID, "user-8"),
            (Field::WORKSPACE, "workspace-4"),
            (Field::ACTION, "user.login"),
            (Field::CORRELATION_ID, &uuid(unique(850, 2))),
            (Field::TARGET_ID, &uuid(unique(10, 1))),
            (Field::TARGET_ID, &uuid(unique(950, 1))),
        ] {
            let expected = expected.iter().filter(|record| text_of(record, field).as_deref() == Some(text)).count();
            assert_eq!(view.count(&Expr::is(field, text)).expect("count"), expected as u64, "{what}: {text}");
        }
        for field in [Field::ACTOR_ID, Field::ACTION] {
            let groups = view.group(&Expr::True, &GroupBy { fields: vec![field], bucket: None }).expect("group");
            let found: BTreeMap<_, _> = groups.into_iter().map(|group| (group.values, group.count)).collect();
            let mut counts = BTreeMap::new();
            for record in &expected {
                let value = text_of(record, field).map_or(GroupValue::Absent, GroupValue::Text);
                *counts.entry(vec![value]).or_insert(0) += 1;
            }
            assert_eq!(found, counts, "{what}: by {}", field.name());
        }
    }
}

fn text_of(record: &Record, field: Field) -> Option<String> {
    if field.spec().group.is_some_and(|group| record.groups.group(group.into()).is_empty()) {
        return None;
    }
    match record.groups.value(field).expect("decodes") {
        Some(Value::Text(text)) => Some(text.text().into_owned()),
        _ => None,
    }
}

/// What proofs are made of and no compaction may change.
#[derive(Debug, PartialEq, Eq)]
pub struct Facts {
    leaves: Vec<Hash>,
    chain: Vec<Option<Hash>>,
}

impl Facts {
    pub fn of(view: &View) -> Self {
        let leaves = view.leaf_hashes(u64::MAX).expect("leaves");
        let chain = (0..leaves.len() as u64).map(|frame| view.chain_before(frame).expect("chain")).collect();
        Self { leaves, chain }
    }
}

/// Names of all files but those that come and go.
pub fn disk_files(disk: &SimStorage) -> Vec<String> {
    let mut names = Vec::new();
    for dir in ["", "journal", "segments", "torn"] {
        let prefix = if dir.is_empty() { String::new() } else { format!("{dir}/") };
        names.extend(disk.list(dir).expect("list").into_iter().map(|name| format!("{prefix}{name}")));
    }
    names.retain(|name| name != "live");
    names.sort();
    names
}

/// Every file as it is, and segments with their term pages inflated besides.
fn searchable(disk: &SimStorage) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for name in disk_files(disk) {
        let bytes = disk.read(&name, 1 << 30).expect("read");
        let mut inflated = Vec::new();
        let mut at = SegmentHeader::SIZE;
        while let Some(header) = bytes.get(at..).and_then(|rest| BlockHeader::decode(rest).ok()) {
            let end = at + header.total() as usize;
            if header.kind == BlockKind::Terms {
                let page = TermPage::decode(&bytes[at + BlockHeader::SIZE..end]).expect("a page");
                let values = page.sections.iter().flat_map(|section| section.values());
                values.flatten().for_each(|value| inflated.extend_from_slice(value));
            }
            at = end;
        }
        all.push((name.clone(), bytes));
        all.push((name, inflated));
    }
    all
}

/// Which file holds these bytes.
pub fn found_in(disk: &SimStorage, bytes: &[u8]) -> Option<String> {
    let holds = |(_, content): &(String, Vec<u8>)| content.windows(bytes.len()).any(|window| window == bytes);
    searchable(disk).into_iter().find(holds).map(|(name, _)| name)
}

/// What was removed is in no file, what stays is in one.
pub fn gone_from_every_file(disk: &SimStorage, before: &Model, left: &Model) {
    let files = searchable(disk);
    let mut held: std::collections::HashMap<[u8; 16], &str> = std::collections::HashMap::new();
    let wanted: std::collections::HashSet<[u8; 16]> = before.markers().iter().map(|marker| marker.bytes).collect();
    for (name, content) in &files {
        for window in content.windows(16) {
            if let Some(marker) = <[u8; 16]>::try_from(window).ok().filter(|bytes| wanted.contains(bytes)) {
                held.insert(marker, name);
            }
        }
    }
    let left = left.markers();
    for marker in before.markers() {
        let held = held.get(&marker.bytes);
        assert_eq!(held.is_some(), left.contains(&marker), "seq {}: {held:?}", marker.seq);
    }
}

pub fn verified(disk: &SimStorage) -> VerifyReport {
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    verify(&storage, &VerifyOptions { threads: 1, ..VerifyOptions::default() }, &mut |_| {}).expect("verify")
}

pub fn assert_intact(disk: &SimStorage) {
    let report = verified(disk);
    assert!(report.is_intact(), "{:#?}", report.breaks);
}
