//! `check`: says what a bundle proves, with nothing but the bundle and the verifier key.

use std::io::Write as _;

use base64::Engine as _;
use indelible::Timestamp;
use indelible::prove::{CheckReport, CheckedRow, check, check_witnessed};
use indelible_evidence::bundle::Claim;
use indelible_evidence::key::VerifierKey;
use indelible_evidence::record::{ProofRef, Value as FieldValue, fields_of};
use indelible_evidence::retention::DeletionReport;
use indelible_evidence::schema::{Field, Kind};
use serde_json::{Map, Value, json};

use crate::cli::CheckArgs;
use crate::failure::{Failure, InFile, Outcome};
use crate::output::table::thousands;
use crate::output::{self, line, object, printable};
use crate::verbs::cosign::policy;
use crate::verbs::verify::key_text;

/// Names of the groups, for people.
const GROUPS: [&str; 4] = ["envelope", "identity", "correlation", "payload"];

/// Checks and reports.
///
/// # Errors
/// Exit 3 where the bundle is refused; exit 1 where file or key cannot be read.
pub fn run(args: &CheckArgs) -> Outcome {
    let key = key_text(&args.key)?;
    let key = VerifierKey::parse(&key).map_err(|error| Failure::usage(format!("--key: {error}")))?;
    let bytes = std::fs::read(&args.file).doing("read", &args.file)?;
    let mut out = output::stdout();
    let policy = args.witnesses.as_deref().map(policy).transpose()?;
    let checked = match &policy {
        Some(policy) => check_witnessed(&bytes, &key, policy),
        None => check(&bytes, &key),
    };
    let report = match checked {
        Ok(report) => report,
        Err(error) => {
            match args.json {
                true => object(&mut out, &json!({"ok": false, "problem": error.to_string()}))?,
                false => line(&mut out, &format!("REFUSED     {}", printable(&error.to_string())))?,
            }
            out.flush()?;
            return Err(Failure::verification("the bundle is refused: nothing in it is proven"));
        }
    };
    match args.json {
        true => object(&mut out, &report_json(&report))?,
        false => print(&report, &mut out)?,
    }
    if args.rows {
        for row in &report.rows {
            object(&mut out, &row_json(row)?)?;
        }
    }
    out.flush()?;
    Ok(())
}

fn print(report: &CheckReport, out: &mut dyn std::io::Write) -> Outcome {
    let checkpoint = &report.checkpoint;
    line(out, &format!("PROVEN      {}", claim_text(report)))?;
    line(out, &format!("log         {} ({})", report.log_id, printable(&checkpoint.origin)))?;
    line(out, &format!("checkpoint  {} frames, root {}", thousands(checkpoint.size), hex(&checkpoint.root)))?;
    if let Some(old) = &report.old {
        let size = thousands(old.size);
        line(out, &format!("extends     the older checkpoint of {size} frames: nothing before it changed"))?;
    }
    line(out, &format!("discloses   {}", disclosed_text(report)))?;
    for cosignature in &report.cosignatures {
        line(out, &format!("cosigned    by {}", printable(&cosignature.witness)))?;
    }
    if report.keys.len() > 1 {
        line(out, &format!("key         rotated {} times, followed from the one given", report.keys.len() - 1))?;
    }
    for deletion in report.deletions.iter().flatten() {
        line(out, &format!("deletion    {}", deletion_text(deletion)))?;
    }
    if report.deletions.as_ref().is_some_and(Vec::is_empty) {
        line(out, "deletion    none: nothing was ever deleted from the log")?;
    }
    for unknown in &report.unknowns {
        line(out, &format!("unknown     {unknown}"))?;
    }
    let unproven = match report.cosignatures.is_empty() {
        true => "that no other branch was signed for somebody else; that times are honest",
        false => "that times are honest",
    };
    line(out, &format!("unproven    {unproven}"))?;
    Ok(())
}

/// A deletion that was found to hold, in a line.
fn deletion_text(deletion: &DeletionReport) -> String {
    let effect = &deletion.effect;
    let policies: Vec<String> =
        deletion.policies.iter().map(|(name, version)| format!("{} v{version}", printable(name))).collect();
    let state = match (deletion.done, deletion.published) {
        (Some(done), Some(frames)) => {
            format!("published in the checkpoint of {} frames, done at seq {done}", thousands(frames))
        }
        _ => match deletion.abandoned {
            Some(abandoned) => format!("given up at seq {abandoned}, nothing was removed"),
            None => "announced, not known to be carried out".to_owned(),
        },
    };
    format!(
        "seq {} of {}: {} records, {} identities and {} payloads under {}; {state}",
        deletion.intent,
        Timestamp(deletion.recorded_at),
        thousands(effect.records()),
        thousands(effect.identity),
        thousands(effect.payload),
        policies.join(", ")
    )
}

fn deletion_json(deletion: &DeletionReport) -> Value {
    let policies = deletion.policies.iter().map(|(name, version)| json!({"name": name, "version": version}));
    json!({
        "intent_seq": deletion.intent, "done_seq": deletion.done, "abandoned_seq": deletion.abandoned, "at": deletion.at, "key": deletion.key,
        "recorded_at": Timestamp(deletion.recorded_at).to_string(), "published_frames": deletion.published,
        "policies": policies.collect::<Vec<_>>(), "holds": deletion.holds, "records": deletion.effect.records(),
        "by_class": deletion.effect.classes, "identity": deletion.effect.identity, "payload": deletion.effect.payload,
    })
}

/// What the bundle shows, in a sentence.
pub(super) fn claim_text(report: &CheckReport) -> String {
    let rows = thousands(report.rows.len() as u64);
    let records = if report.rows.len() == 1 { "record" } else { "records" };
    let end = if report.reaches_end { ", the end of the log as it was signed" } else { "" };
    match &report.claim {
        Claim::Record { seq } => format!("record {seq} is in the log"),
        Claim::Rows { .. } => {
            format!("{rows} {records} are in the log and pass the filter; nothing is said of others")
        }
        Claim::Deletions => {
            let deletions = report.deletions.as_ref().map_or(0, Vec::len) as u64;
            match deletions {
                0 => "nothing was ever deleted from the log".to_owned(),
                1 => "this deletion is the only one that the log had, and it was allowed".to_owned(),
                _ => format!("these {} deletions are all that the log had, and each was allowed", thousands(deletions)),
            }
        }
        Claim::Range { first, last } if report.removed > 0 => format!(
            "these {rows} {records} are all from seq {first} to {last}{end} but {} that deletions removed",
            thousands(report.removed)
        ),
        Claim::Range { first, last } => format!("these {rows} {records} are all from seq {first} to {last}{end}"),
        Claim::Complete { first, last, .. } => {
            let examined = thousands(report.examined);
            format!(
                "these {rows} {records} are all that pass the filter among the {examined} from seq {first} to {last}{end}"
            )
        }
    }
}

/// What the bundle lets its reader see.
pub(super) fn disclosed_text(report: &CheckReport) -> String {
    let groups = GROUPS.iter().zip(report.opened).filter(|&(_, opened)| opened > 0);
    let groups: Vec<String> = groups.map(|(name, opened)| format!("{name} of {}", thousands(opened))).collect();
    match groups.is_empty() {
        true => "times alone; every group stays closed".to_owned(),
        false => format!("{} records; what is not named stays committed but closed", groups.join(", ")),
    }
}

fn report_json(report: &CheckReport) -> Value {
    let claim = match &report.claim {
        Claim::Record { seq } => json!({"kind": "record", "seq": seq}),
        Claim::Rows { .. } => json!({"kind": "rows"}),
        Claim::Deletions => json!({"kind": "deletions"}),
        Claim::Range { first, last } => json!({"kind": "range", "first_seq": first, "last_seq": last}),
        Claim::Complete { first, last, .. } => json!({"kind": "complete", "first_seq": first, "last_seq": last}),
    };
    let head = |head: &indelible_evidence::checkpoint::Checkpoint| json!({"size": head.size, "root": hex(&head.root)});
    json!({
        "ok": true,
        "log_id": report.log_id.to_string(),
        "origin": report.checkpoint.origin,
        "claim": claim,
        "checkpoint": head(&report.checkpoint),
        "old_checkpoint": report.old.as_ref().map(head),
        "cosigned_by": report.cosignatures.iter().map(|cosignature| &cosignature.witness).collect::<Vec<_>>(),
        "frames": report.frames,
        "rows": report.rows.len(),
        "examined": report.examined,
        "reaches_end": report.reaches_end,
        "removed": report.removed,
        "keys": report.keys.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "deletions": report.deletions.as_ref().map(|list| list.iter().map(deletion_json).collect::<Vec<_>>()),
        "unknowns": report.unknowns,
        "disclosed": GROUPS.iter().zip(report.opened).map(|(name, opened)| (*name, opened)).collect::<Vec<_>>(),
    })
}

/// A row as JSON: its header, and the fields of its open groups under their names.
fn row_json(row: &CheckedRow) -> Outcome<Value> {
    let damaged = |error: indelible_evidence::FormatError| Failure::verification(error.to_string());
    let mut json = Map::new();
    json.insert("seq".to_owned(), row.seq.into());
    json.insert("recorded_at".to_owned(), Timestamp(row.recorded_at).to_rfc3339_nanos().into());
    json.insert("class".to_owned(), row.class.into());
    match row.groups.envelope() {
        Ok(head) => {
            json.insert("time".to_owned(), Timestamp(head.occurred_at).to_rfc3339_nanos().into());
            json.insert("kind".to_owned(), Kind::from_code(head.kind).map_or("", Kind::name).into());
        }
        Err(_) => {
            let seconds = row.occurred_at.saturating_mul(1_000_000_000);
            json.insert("time".to_owned(), Timestamp(seconds).to_rfc3339_nanos().into());
        }
    }
    for k in (0..GROUPS.len()).filter(|&k| row.open.has_group(k)) {
        for item in fields_of(k as u8, row.groups.group(k)).map_err(damaged)? {
            let (field, value) = item.map_err(damaged)?;
            json.insert(field.name().to_owned(), field_json(field, value));
        }
    }
    let closed = GROUPS.iter().enumerate().filter(|&(k, _)| !row.open.has_group(k)).map(|(_, name)| *name);
    json.insert("withheld".to_owned(), closed.collect::<Vec<_>>().into());
    Ok(Value::Object(json))
}

fn field_json(field: Field, value: FieldValue<'_>) -> Value {
    match value {
        FieldValue::Code(code) => {
            let column = indelible::filter::Column::from_name(field.name()).ok();
            column.and_then(|column| column.code_name(code)).map_or(code.into(), Value::String)
        }
        FieldValue::Text(text) => text.text().into_owned().into(),
        FieldValue::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) => json!({"base64": base64::engine::general_purpose::STANDARD.encode(bytes)}),
        },
        FieldValue::Proof(ProofRef { kind, data, url, hash, captured_at }) => {
            let text =
                |text: Option<indelible_evidence::record::TextRef<'_>>| text.map(|text| text.text().into_owned());
            json!({"kind": kind, "data": text(data), "url": text(url), "hash": text(hash),
                "captured_at": captured_at.map(|at| Timestamp(at).to_string())})
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
