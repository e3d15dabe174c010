//! Tests of whole frames: helpers that make records and take frames apart.

mod hostile;
mod left;
mod pruned;
mod round_trip;
mod texts;

use super::*;
use crate::segment::TermTable;
use indelible_evidence::LogId;
use indelible_evidence::commit::{FrameFacts, FrameView, RecordRef, Salts, commit_frame, verify_frame};
use indelible_evidence::descriptor::Descriptor;
use indelible_evidence::record::{Groups, GroupsWriter, Record};
use indelible_evidence::schema::{Field, Kind};
use proptest::prelude::*;

const KEY: [u8; 32] = [0x5a; 32];
const FIRST_SEQ: u64 = 1000;

/// What decides the fields of a record: each byte picks a value or absence.
type Seed = [u8; 24];

fn uuid(n: u8, version: u8) -> String {
    format!("0195f3a2-00{n:02x}-{version}abc-8def-0011223344{n:02x}")
}

fn pick(seed: u8, name: &str) -> Option<String> {
    match seed % 8 {
        0 => None,
        1 => Some(String::new()),
        2 | 3 => Some(uuid(seed / 8, 7)),
        4 => Some(uuid(seed / 32, 4)),
        5 => Some(format!("{name}-{}", seed / 64)),
        6 => Some(uuid(seed / 8, 7).to_uppercase()),
        _ => Some(format!("{name} {}", "é".repeat(usize::from(seed / 8)))),
    }
}

fn record(seq: u64, seed: &Seed) -> Record {
    let mut bytes = Vec::new();
    let unit = [1, 1000, 1_000_000, 1_000_000_000][usize::from(seed[23] % 4)];
    let occurred_at = (i64::from(seed[0]) - 128) * unit * 7919;
    let kind = if seed[1] > 250 { Kind::Access } else { Kind::Event };
    let mut writer = GroupsWriter::new(&mut bytes, kind, occurred_at);
    let mut at = 1;
    for field in Field::all() {
        at = at % 22 + 1;
        let chosen = seed[at].wrapping_mul(field.id() | 1);
        match field {
            Field::SEVERITY | Field::OUTCOME | Field::ACTOR_TYPE => {
                if chosen > 60 {
                    writer.code(field, chosen / 60);
                }
            }
            Field::PROOF => {
                if chosen > 240 {
                    writer.proof(2, [Some("data"), None, Some("")], Some(-1));
                }
            }
            Field::ORIGINAL => {
                if chosen > 100 {
                    writer.bytes(field, &vec![chosen; usize::from(chosen) * 3]);
                }
            }
            Field::KIND => {}
            _ => writer.optional(field, pick(chosen, field.name()).as_deref()),
        }
    }
    let [a, b, c, d] = writer.finish().map(|end| end as usize);
    let groups = Groups::from_slices([&bytes[..a], &bytes[a..b], &bytes[b..c], &bytes[c..d]]);
    groups.check().unwrap();
    Record { seq, recorded_at: seq as i64 * 1_000_003, class: u16::from(seed[2] % 3) * 7 + 1, groups }
}

fn records(seeds: &[Seed]) -> Vec<Record> {
    seeds.iter().zip(FIRST_SEQ..).map(|(seed, seq)| record(seq, seed)).collect()
}

fn some_records(count: u8) -> Vec<Record> {
    let seeds: Vec<Seed> = (0..count).map(|n| std::array::from_fn(|i| n.wrapping_mul(37) ^ (i as u8 * 11))).collect();
    records(&seeds)
}

fn facts() -> FrameFacts {
    FrameFacts { log_id: LogId([1; 16]), frame_no: 3, schedule_version: 1, key_epoch: 0, lost_events: 0 }
}

fn descriptor_of(records: &[Record]) -> Descriptor {
    let refs: Vec<RecordRef<'_>> = records.iter().map(RecordRef::from).collect();
    commit_frame(&facts(), &refs, &KEY).unwrap()
}

fn encode(
    options: FrameOptions,
    descriptor: &Descriptor,
    salts: &Salts,
    records: &[Option<Record>],
    terms: &mut TermTable,
) -> Vec<u8> {
    let refs: Vec<Option<RecordRef<'_>>> = records.iter().map(|record| record.as_ref().map(RecordRef::from)).collect();
    FrameEncoder::new(options).encode(descriptor, salts, &refs, terms).unwrap()
}

/// A whole frame of these records, with the terms it names.
fn whole(records: &[Record], options: FrameOptions) -> (Vec<u8>, TermTable) {
    let mut terms = TermTable::new();
    let records: Vec<Option<Record>> = records.iter().cloned().map(Some).collect();
    let refs: Vec<Record> = records.iter().flatten().cloned().collect();
    let payload = encode(options, &descriptor_of(&refs), &Salts::Whole(KEY), &records, &mut terms);
    (payload, terms)
}

const PLAIN: FrameOptions = FrameOptions { zstd_level: 0, block_bytes: BlockBytes::fixed(256) };

fn seeds(count: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Vec<Seed>> {
    proptest::collection::vec(any::<Seed>(), count)
}

/// A payload taken apart: everything before the directory, directory entries, columns' data.
struct Parts {
    front: Vec<u8>,
    columns: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Parts {
    fn of(payload: &[u8]) -> Self {
        let d = u32::from_le_bytes(payload[..4].try_into().unwrap()) as usize;
        let body = &payload[4 + d..];
        let count = usize::from(u16::from_le_bytes([body[2], body[3]]));
        let directory = 8 + u32::from_le_bytes(body[4..8].try_into().unwrap()) as usize;
        let mut at = directory + count * 8;
        let entries = body[directory..at].chunks_exact(8);
        let columns = entries.map(|entry| {
            let length = u32::from_le_bytes(entry[4..].try_into().unwrap()) as usize;
            at += length;
            (entry.to_vec(), body[at - length..at].to_vec())
        });
        let columns = columns.collect();
        Self { front: payload[..4 + d + directory].to_vec(), columns }
    }

    fn join(&self) -> Vec<u8> {
        let mut out = self.front.clone();
        let d = u32::from_le_bytes(out[..4].try_into().unwrap()) as usize;
        out[4 + d + 2..4 + d + 4].copy_from_slice(&(self.columns.len() as u16).to_le_bytes());
        for (entry, data) in &self.columns {
            out.extend_from_slice(&entry[..4]);
            out.extend_from_slice(&(data.len() as u32).to_le_bytes());
        }
        self.columns.iter().for_each(|(_, data)| out.extend_from_slice(data));
        out
    }

    fn index(&self, code: u8) -> usize {
        self.columns.iter().position(|(entry, _)| entry[0] == code).unwrap()
    }
}

type Content = (Descriptor, Salts, Vec<Option<Record>>);

/// Everything a frame says, read strictly; also walks every accessor, which must not panic whatever they say.
fn read(payload: &[u8], terms: &TermTable) -> Result<Content, indelible_evidence::FormatError> {
    let frame = FrameReader::open(payload)?;
    for row in 0..frame.rows() + 1 {
        let _ = (frame.occurred_at(row), frame.recorded_at(row), frame.kind(row), frame.seq(row));
        for field in Field::all() {
            let _ = (frame.code(row, field), frame.term_ordinal(row, field), frame.text2(row, field));
        }
        let _ = frame.record(row, terms);
    }
    let records = frame.all_records(terms)?;
    Ok((frame.descriptor().clone(), frame.salts().clone(), records))
}
