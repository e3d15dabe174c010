//! What the codec makes of a vector's bytes: a JSON value, and the bytes it writes for what it read.
//!
//! ```text
//! structure, context, bytes -> Described { value, again }   or the codec's error, for bytes that must be refused
//! ```
//!
//! Everything is decoded strictly, as a verifier would. `again` equals the bytes where the format has one encoding
//! ([CONV-4]). Frames and whole files are in `describe_frame` and `describe_file`; a record's object in `record_json`.

use indelible_evidence::bytes::Reader;
use indelible_evidence::checkpoint::{Checkpoint, open_checkpoint};
use indelible_evidence::descriptor::Hash;
use indelible_evidence::hash::{Purpose, b3};
use indelible_evidence::key::VerifierKey;
use indelible_evidence::record::{
    EnvelopeHead, Groups, GroupsWriter, Record, TextRef, Value, check_group, fields_of, put_text, put_transit,
    take_transit,
};
use indelible_evidence::schema::{Field, Kind};
use indelible_evidence::{FormatError, LogId, Problem};
use indelible_format::live::Live;
use indelible_format::manifest::{Closed, Manifest, SegmentEntry, SegmentState};
use indelible_format::segment::{TermPage, TermSection, TermTable};
use serde_json::{Value as Json, json};

use super::dump::{hex, unhex};
use super::record_json::{group_json, record_json};
use super::{describe_file as file, describe_frame as frame};

/// What was read.
pub struct Described {
    /// As in `NAME.json`.
    pub value: Json,
    /// The bytes of what was read, written again.
    pub again: Vec<u8>,
}

/// Decodes the bytes of a vector.
pub fn describe(structure: &str, context: &Json, bytes: &[u8]) -> Result<Described, FormatError> {
    match structure {
        "group" => group(context["group"].as_u64().unwrap_or(0) as u8, bytes),
        "record" => transit(context["seq"].as_u64().unwrap_or(0), bytes),
        "descriptor" => frame::stored(context, bytes),
        "frame" => frame::payload(context, bytes),
        "term_page" => file::term_page(context, bytes),
        "footer" => file::footer(bytes),
        "lookup" => file::lookup(context, bytes),
        "segment_header" => file::segment_header(bytes),
        "block" => file::block(bytes),
        "trailer" => file::trailer(bytes),
        "segment" => file::segment(context, bytes),
        "journal_header" => file::journal_header(bytes),
        "journal_group" => file::journal_group(context, bytes),
        "journal" => file::journal(bytes),
        "live" => live(bytes),
        "manifest" => manifest(bytes),
        "checkpoint" => checkpoint(context, bytes),
        "verifier_key" => verifier_key(bytes),
        "b3" => hashed(context, bytes),
        other => panic!("no structure {other}"),
    }
}

/// 16 or 32 bytes of the context; zeros where it does not name them.
pub fn context_bytes<const N: usize>(context: &Json, name: &str) -> [u8; N] {
    context[name].as_str().map_or([0; N], |digits| unhex(digits).try_into().expect("as many bytes as needed"))
}

/// The terms of the context: texts by field id, in ordinal order, null where void.
pub fn context_terms(context: &Json) -> TermTable {
    let mut terms = TermTable::new();
    let mut page = TermPage::default();
    for (id, texts) in context["terms"].as_object().into_iter().flatten() {
        let field = id.parse().ok().and_then(Field::from_id).expect("a field id");
        let mut section = TermSection::new(field, 0);
        for text in texts.as_array().into_iter().flatten() {
            let mut value = Vec::new();
            match text.as_str() {
                Some(text) => {
                    put_text(&mut value, text);
                    section.push(&value);
                }
                None => section.push_void(),
            }
        }
        page.sections.push(section);
    }
    terms.load_page(&page).expect("terms that differ");
    terms
}

/// The text of a value in the record's text encoding.
pub fn text_of(value: &[u8]) -> Result<String, FormatError> {
    let mut reader = Reader::new("term", value);
    let text = TextRef::take(&mut reader, "term")?.text().into_owned();
    reader.end()?;
    Ok(text)
}

fn text_bytes(bytes: &[u8]) -> Result<&str, FormatError> {
    std::str::from_utf8(bytes)
        .map_err(|_| FormatError::new("text", "bytes", 0, Problem::Invalid("not UTF-8".to_owned().into())))
}

fn group(k: u8, bytes: &[u8]) -> Result<Described, FormatError> {
    check_group(k, bytes)?;
    let mut out = Vec::new();
    let head = if k == 0 { Some(EnvelopeHead::decode(bytes)?) } else { None };
    let kind = head.and_then(|head| Kind::from_code(head.kind)).unwrap_or(Kind::Event);
    let mut writer = GroupsWriter::new(&mut out, kind, head.map_or(0, |head| head.occurred_at));
    for item in fields_of(k, bytes)? {
        let (field, value) = item?;
        match value {
            Value::Code(code) => writer.code(field, code),
            Value::Text(text) => writer.text(field, &text.text()),
            Value::Bytes(bytes) => writer.bytes(field, bytes),
            Value::Proof(proof) => {
                let [data, url, hash] =
                    [&proof.data, &proof.url, &proof.hash].map(|text| text.as_ref().map(|text| text.text()));
                writer.proof(proof.kind, [data.as_deref(), url.as_deref(), hash.as_deref()], proof.captured_at);
            }
        }
    }
    let ends = writer.finish();
    let groups = Groups::from_parts(out, ends).expect("a writer's ends ascend");
    Ok(Described { value: group_json(k, bytes)?, again: groups.group(usize::from(k)).to_vec() })
}

/// A record in transit form that is all of the bytes.
pub fn read_transit(seq: u64, bytes: &[u8]) -> Result<Record, FormatError> {
    let mut reader = Reader::new("record", bytes);
    let record = take_transit(&mut reader, seq)?;
    reader.end()?;
    record.groups.check()?;
    Ok(record)
}

fn transit(seq: u64, bytes: &[u8]) -> Result<Described, FormatError> {
    let record = read_transit(seq, bytes)?;
    let mut again = Vec::new();
    put_transit(&mut again, record.recorded_at, record.class, record.groups.slices());
    Ok(Described { value: record_json(&record)?, again })
}

fn live(bytes: &[u8]) -> Result<Described, FormatError> {
    let live = Live::decode(bytes)?;
    let Live { log_id, incarnation, journal_no, durable_end, framed_to } = live;
    let value = json!({
        "log_id": hex(&log_id.0), "incarnation": incarnation, "journal_no": journal_no, "durable_end": durable_end,
        "framed_to": framed_to,
    });
    Ok(Described { value, again: live.encode() })
}

fn manifest(bytes: &[u8]) -> Result<Described, FormatError> {
    let manifest = Manifest::decode(bytes)?;
    let again = manifest.encode()?;
    let Manifest { log_id: LogId(id), origin, key, created_at, encrypted, revision, incarnation, .. } = &manifest;
    let closed = manifest.closed.as_ref().map(|Closed { journal_no, journal_length, next_seq, frames }| {
        json!({"journal_no": journal_no, "journal_length": journal_length, "next_seq": next_seq, "frames": frames})
    });
    let segments: Vec<Json> = manifest.segments.iter().map(segment_entry).collect();
    let value = json!({
        "log_id": hex(id), "origin": origin, "key": key, "created_at": *created_at as i64, "encrypted": encrypted,
        "revision": revision, "incarnation": incarnation, "closed": closed, "journal_first": manifest.journal_first,
        "next_segment": manifest.next_segment, "segments": segments,
    });
    Ok(Described { value, again })
}

fn segment_entry(entry: &SegmentEntry) -> Json {
    let state = match entry.state {
        SegmentState::Active => 1,
        SegmentState::Sealed => 2,
    };
    json!({
        "id": entry.id, "generation": entry.generation, "state": state, "first_seq": entry.first_seq,
        "first_frame": entry.first_frame, "records": entry.records, "frames": entry.frames, "length": entry.length,
        "occurred_min": entry.occurred_min, "occurred_max": entry.occurred_max, "recorded_min": entry.recorded_min,
        "recorded_max": entry.recorded_max, "chain_before": hex(&entry.chain_before),
        "chain_after": hex(&entry.chain_after),
    })
}

fn checkpoint(context: &Json, bytes: &[u8]) -> Result<Described, FormatError> {
    let note = text_bytes(bytes)?;
    let key = VerifierKey::parse(context["key"].as_str().expect("a verifier key"))?;
    let found = open_checkpoint(note, &key)?;
    let Checkpoint { origin, size, root } = &found;
    let value = json!({"origin": origin, "size": size, "root": hex(root)});
    // Signatures are kept as they came; what is written again is the text they cover.
    let text = found.to_text();
    let again = [text.as_bytes(), &bytes[text.len().min(bytes.len())..]].concat();
    Ok(Described { value, again })
}

fn verifier_key(bytes: &[u8]) -> Result<Described, FormatError> {
    let key = VerifierKey::from_file_text(text_bytes(bytes)?)?;
    let value = json!({"name": key.name(), "id": hex(&key.id())});
    Ok(Described { value, again: format!("{key}\n").into_bytes() })
}

const PURPOSES: [(&str, Purpose); 8] = [
    ("salt-key", Purpose::SaltKey),
    ("salt", Purpose::Salt),
    ("group", Purpose::Group),
    ("leaf", Purpose::Leaf),
    ("node", Purpose::Node),
    ("frame", Purpose::Frame),
    ("chain", Purpose::Chain),
    ("genesis", Purpose::Genesis),
];

/// The hash of a message for every purpose.
fn hashed(_: &Json, bytes: &[u8]) -> Result<Described, FormatError> {
    let hashes = PURPOSES.map(|(name, purpose)| -> (String, Hash) { (name.to_owned(), b3(purpose, bytes)) });
    let value = hashes.into_iter().map(|(name, hash)| (name, json!(hex(&hash)))).collect();
    Ok(Described { value: Json::Object(value), again: bytes.to_vec() })
}
