//! What the codec makes of descriptors and frame payloads: content, chain value, leaf of the log tree.

use indelible_evidence::commit::{FrameView, GroupState, RecordRef, Salts, chain, verify_frame};
use indelible_evidence::descriptor::{ClassEntry, Descriptor};
use indelible_evidence::merkle::leaf_hash;
use indelible_evidence::record::Record;
use indelible_evidence::{FormatError, LogId};
use indelible_format::aead::{self, AssociatedData, DataKey, NONCE_LEN};
use indelible_format::frame::{FrameEncoder, FrameOptions, FrameReader, read_descriptor};
use indelible_format::segment::TermTable;
use serde_json::{Value as Json, json};

use super::describe::{Described, context_bytes, context_terms};
use super::dump::hex;
use super::record_json::record_json;

/// A stored descriptor; context: `chain_before`.
pub fn stored(context: &Json, bytes: &[u8]) -> Result<Described, FormatError> {
    let descriptor = Descriptor::decode(bytes)?;
    let mut value = descriptor_json(&descriptor);
    let (after, leaf) = chained(context, &descriptor);
    value["chain"] = after;
    value["leaf_hash"] = leaf;
    Ok(Described { value, again: descriptor.encode() })
}

fn chained(context: &Json, descriptor: &Descriptor) -> (Json, Json) {
    let hashed = descriptor.hashed(&context_bytes(context, "chain_before"));
    (json!(hex(&chain(&hashed))), json!(hex(&leaf_hash(&hashed))))
}

fn descriptor_json(descriptor: &Descriptor) -> Json {
    let Descriptor { schema, count, log_id: LogId(id), frame_no, first_seq, schedule_version, key_epoch, .. } =
        descriptor;
    let table: Vec<Json> = descriptor.classes.iter().map(class_json).collect();
    json!({
        "version": 1, "suite": 1, "classes": descriptor.classes.len(), "schema": schema, "count": count,
        "log_id": hex(id), "frame_no": frame_no, "first_seq": first_seq, "schedule_version": schedule_version,
        "key_epoch": key_epoch, "lost_events": descriptor.lost_events, "frame_root": hex(&descriptor.frame_root),
        "index_hash": hex(&descriptor.index_hash), "table": table,
    })
}

fn class_json(entry: &ClassEntry) -> Json {
    json!({
        "class": entry.class, "count": entry.count(), "positions": entry.ranks().collect::<Vec<_>>(),
        "recorded_min": entry.recorded_min, "recorded_max": entry.recorded_max, "occurred_max": entry.occurred_max,
    })
}

/// A frame block's payload; context: `terms`, `chain_before`, and for a sealed one `key`, `segment_id`, `generation`, or
/// `sealed` alone where there is no key.
pub fn payload(context: &Json, bytes: &[u8]) -> Result<Described, FormatError> {
    let (descriptor, sealed_body) = read_descriptor(bytes)?;
    let (after, leaf) = chained(context, &descriptor);
    let mut value = json!({
        "descriptor": descriptor_json(&descriptor), "frame_root": hex(&descriptor.frame_root), "chain": after,
        "leaf_hash": leaf, "pruned": false, "entries": Json::Null,
    });
    if context["sealed"] == true && context["key"].is_null() {
        return Ok(Described { value, again: bytes.to_vec() });
    }
    let key = context["key"].is_string().then(|| DataKey::new(context_bytes(context, "key")));
    let (segment_id, generation) =
        (context["segment_id"].as_u64().unwrap_or(0), context["generation"].as_u64().unwrap_or(0) as u32);
    let frame = match &key {
        Some(key) => FrameReader::open_sealed(bytes, key, segment_id, generation)?,
        None => FrameReader::open(bytes)?,
    };
    let mut terms = context_terms(context);
    let records = frame.all_records(&terms)?;
    verify_frame(&FrameView { descriptor: &descriptor, salts: frame.salts(), records: &records })?;
    value["pruned"] = json!(!matches!(frame.salts(), Salts::Whole(_)));
    value["entries"] = entries(&frame, &records)?;
    let mut again = encode_like(bytes, key.is_some(), &frame, &records, &mut terms)?;
    if let Some(key) = key {
        // The nonce is the writer's choice: the same one gives the same bytes.
        let nonce: [u8; NONCE_LEN] = sealed_body[..NONCE_LEN].try_into().expect("it was opened");
        let body_at = bytes.len() - sealed_body.len();
        let ad = AssociatedData::frame(&descriptor, segment_id, generation);
        let body = aead::seal(&key, &nonce, &ad, &again[body_at..])?;
        again.truncate(body_at);
        again.extend_from_slice(&body);
    }
    Ok(Described { value, again })
}

/// The frame written again. Compression is the writer's choice, so of a plain frame and a compressed one the one counts
/// that has the length of what was read.
fn encode_like(
    bytes: &[u8],
    sealed: bool,
    frame: &FrameReader<'_>,
    records: &[Option<Record>],
    terms: &mut TermTable,
) -> Result<Vec<u8>, FormatError> {
    let refs: Vec<Option<RecordRef<'_>>> = records.iter().map(|record| record.as_ref().map(RecordRef::from)).collect();
    let wanted = bytes.len() - if sealed { aead::OVERHEAD } else { 0 };
    let mut encode = |zstd_level| {
        let options = FrameOptions { zstd_level, ..FrameOptions::default() };
        FrameEncoder::new(options).encode(frame.descriptor(), frame.salts(), &refs, terms)
    };
    let plain = encode(0)?;
    if plain.len() == wanted { Ok(plain) } else { encode(1) }
}

/// One object a position: a record, or what is known of one that is gone.
fn entries(frame: &FrameReader<'_>, records: &[Option<Record>]) -> Result<Json, FormatError> {
    let descriptor = frame.descriptor();
    let mut out = Vec::new();
    for (position, record) in records.iter().enumerate() {
        out.push(match record {
            Some(record) => record_json(record)?,
            None => gone(descriptor, frame.salts(), position as u32),
        });
    }
    Ok(Json::Array(out))
}

fn gone(descriptor: &Descriptor, salts: &Salts, position: u32) -> Json {
    let seq = descriptor.first_seq + u64::from(position);
    let index = descriptor.classes.iter().position(|entry| entry.positions >> position & 1 == 1);
    let index = index.expect("the class table covers every position");
    let entry = &descriptor.classes[index];
    let rank = entry.ranks().position(|ranked| ranked == position).expect("the class has the position");
    let states = match salts {
        Salts::Pruned(states) => states.as_slice(),
        Salts::Expired => &[],
        Salts::Whole(_) => panic!("something is gone from a whole frame"),
    };
    match states.get(index).and_then(|groups| stub_times(&groups[0], rank)) {
        None => json!({"seq": seq, "class": entry.class, "state": "expired"}),
        Some((recorded_at, occurred_at_s)) => json!({
            "seq": seq, "class": entry.class, "state": "removed", "recorded_at": recorded_at,
            "occurred_at_s": occurred_at_s,
        }),
    }
}

/// Times that the stub of a removed record keeps; none where its class is gone as a whole.
fn stub_times(state: &GroupState, rank: usize) -> Option<(i64, i64)> {
    let GroupState::Partly { removed, stubs, .. } = state else { return None };
    let before = (removed & ((1 << rank) - 1)).count_ones() as usize;
    stubs.get(before).and_then(|stub| stub.times)
}
