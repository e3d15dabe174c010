//! One record: header values and every field that is present.

use std::io;

use indelible::{ActorType, Outcome, ProofKind, Severity, Timestamp};
use indelible_evidence::record::{GROUPS, Record, Value, fields_of};
use indelible_evidence::schema::{Field, Kind};
use serde_json::Value as Json;

use super::report::{Part, Report};

/// Shows a record at a place in the file.
pub(super) fn show(record: &Record, depth: usize, offset: usize, report: &mut Report<'_>) -> io::Result<()> {
    let mut part = Part::at(format!("record {}", record.seq), depth, offset, record.groups.len())
        .fact("seq", record.seq)
        .fact("recorded_at", Timestamp(record.recorded_at).to_string())
        .fact("class", record.class);
    let mut problems = Vec::new();
    match record.groups.envelope() {
        Ok(head) => {
            let kind = Kind::from_code(head.kind).map_or_else(|| head.kind.to_string(), |kind| kind.name().to_owned());
            part = part.fact("kind", kind).fact("occurred_at", Timestamp(head.occurred_at).to_string());
        }
        Err(error) => problems.push(error.to_string()),
    }
    for group in 0..GROUPS {
        let bytes = record.groups.group(group);
        if bytes.is_empty() {
            // Nothing of it is here: erased, or expired.
            part = part.fact(["envelope", "identity", "correlation", "payload"][group], "removed");
            continue;
        }
        match fields_of(group as u8, bytes) {
            Ok(fields) => {
                for field in fields {
                    match field {
                        Ok((field, value)) => part = part.fact(field.name(), json_of(field, value)),
                        Err(error) => problems.push(error.to_string()),
                    }
                }
            }
            Err(error) => problems.push(error.to_string()),
        }
    }
    report.part(&part)?;
    for problem in problems {
        report.problem(offset, record.groups.len(), &problem)?;
    }
    Ok(())
}

fn json_of(field: Field, value: Value<'_>) -> Json {
    match value {
        Value::Code(code) if field == Field::SEVERITY => Severity::from_code(code).to_string().into(),
        Value::Code(code) if field == Field::OUTCOME => Outcome::from_code(code).to_string().into(),
        Value::Code(code) if field == Field::ACTOR_TYPE => ActorType::from_code(code).to_string().into(),
        Value::Code(code) => code.into(),
        Value::Text(text) => text.text().into_owned().into(),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) => format!("{} bytes that are not UTF-8", bytes.len()).into(),
        },
        Value::Proof(proof) => {
            let text =
                |text: Option<indelible_evidence::record::TextRef<'_>>| text.map(|text| text.text().into_owned());
            serde_json::json!({
                "kind": ProofKind::from_code(proof.kind).to_string(),
                "data": text(proof.data),
                "url": text(proof.url),
                "hash": text(proof.hash),
                "captured_at": proof.captured_at.map(|time| Timestamp(time).to_string()),
            })
        }
    }
}
