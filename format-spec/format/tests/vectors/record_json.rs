//! A record as the JSON object that the Python reader prints for it, made from the codec's own decoding.
//!
//! ```text
//! seq, recorded_at, class, kind, schema, occurred_at, present fields by name; `erased`: groups that are gone
//! ```
//!
//! Codes are numbers, times nanoseconds, bytes base64, a proof is an object. Used by the vectors and by the comparison of
//! whole logs, so both compare the same values. Not here: anything about where the record lies.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indelible_evidence::FormatError;
use indelible_evidence::record::{EnvelopeHead, GROUPS, ProofRef, Record, Value, check_group, fields_of};
use serde_json::{Map, Value as Json, json};

const GROUP_NAMES: [&str; GROUPS] = ["envelope", "identity", "correlation", "payload"];

/// The object of a record; groups that were erased are named.
pub fn record_json(record: &Record) -> Result<Json, FormatError> {
    let mut out = Map::new();
    out.insert("seq".into(), json!(record.seq));
    out.insert("recorded_at".into(), json!(record.recorded_at));
    out.insert("class".into(), json!(record.class));
    let mut erased = Vec::new();
    for (k, (bytes, name)) in record.groups.slices().into_iter().zip(GROUP_NAMES).enumerate() {
        if bytes.is_empty() {
            erased.push(name);
        } else {
            put_group(&mut out, k as u8, bytes)?;
        }
    }
    if !erased.is_empty() {
        out.insert("erased".into(), json!(erased));
    }
    Ok(Json::Object(out))
}

/// The values of one group by field name.
#[allow(dead_code, reason = "one of the two test binaries that share this file does not need it")]
pub fn group_json(k: u8, bytes: &[u8]) -> Result<Json, FormatError> {
    let mut out = Map::new();
    put_group(&mut out, k, bytes)?;
    Ok(Json::Object(out))
}

fn put_group(out: &mut Map<String, Json>, k: u8, bytes: &[u8]) -> Result<(), FormatError> {
    check_group(k, bytes)?;
    if k == 0 {
        let head = EnvelopeHead::decode(bytes)?;
        out.insert("kind".into(), json!(head.kind));
        out.insert("schema".into(), json!(head.schema));
        out.insert("occurred_at".into(), json!(head.occurred_at));
    }
    for item in fields_of(k, bytes)? {
        let (field, value) = item?;
        out.insert(field.name().into(), value_json(&value));
    }
    Ok(())
}

fn value_json(value: &Value<'_>) -> Json {
    match value {
        Value::Code(code) => json!(code),
        Value::Text(text) => json!(text.text()),
        Value::Bytes(bytes) => json!(STANDARD.encode(bytes)),
        Value::Proof(proof) => proof_json(proof),
    }
}

fn proof_json(proof: &ProofRef<'_>) -> Json {
    let mut out = Map::new();
    out.insert("kind".into(), json!(proof.kind));
    for (name, text) in [("data", &proof.data), ("url", &proof.url), ("hash", &proof.hash)] {
        if let Some(text) = text {
            out.insert(name.into(), json!(text.text()));
        }
    }
    if let Some(time) = proof.captured_at {
        out.insert("captured_at".into(), json!(time));
    }
    Json::Object(out)
}
