//! `purge`: deletes what policies let go, and says what went and where the proof of it lies.

use std::io::Write as _;

use indelible::retain::{PurgeOptions, PurgeReport};
use indelible::{LedgerReader, ReadOptions, Timestamp};
use serde_json::{Value, json};

use crate::cli::{Cli, PurgeArgs};
use crate::failure::Outcome;
use crate::output::table::{bytes, thousands};
use crate::output::{self, line, object};
use crate::verbs::{opened, say_heads};

/// Purges, or says what would go.
///
/// # Errors
/// No signing key, a key without the purge role, a clock that jumped, a disk that is full. Nothing was removed then; where files were
/// replaced already the next opening records that it is done.
pub fn run(cli: &Cli, args: &PurgeArgs) -> Outcome {
    let report = if args.dry_run {
        LedgerReader::open(&args.log, &ReadOptions::default())?.plan_purge(crate::cli::filters::now())?
    } else {
        let ledger = opened(cli, &args.log)?;
        let options = PurgeOptions {
            purge_key_file: args.purge_key.clone(),
            confirm_clock: args.confirm_clock,
            ..PurgeOptions::default()
        };
        let report = ledger.purge(&options);
        say_heads(&ledger);
        let closed = ledger.close();
        let report = report?;
        closed?;
        report
    };
    let mut out = output::stdout();
    match args.json {
        true => object(&mut out, &report_json(&report))?,
        false => report_lines(&report).iter().try_for_each(|text| line(&mut out, text))?,
    }
    out.flush()?;
    Ok(())
}

/// The report as JSON.
pub(crate) fn report_json(report: &PurgeReport) -> Value {
    let at = i64::try_from(report.at).unwrap_or(i64::MAX).saturating_mul(1_000_000_000);
    json!({
        "dry_run": report.dry_run, "at": Timestamp(at).to_string(), "records": report.counts.records,
        "identity": report.counts.identity, "payload": report.counts.payload, "by_class": report.counts.by_class,
        "stub_records": report.counts.stubs, "segments": report.segments,
        "deletions": report.deletions.iter().map(|deleted| json!({
            "intent_seq": deleted.intent, "done_seq": deleted.done, "checkpoint_frames": deleted.checkpoint_frames,
            "records": deleted.counts.records, "segments": deleted.segments,
        })).collect::<Vec<_>>(),
        "bytes_before": report.bytes_before, "bytes_after": report.bytes_after,
        "stub_bytes": {"roots": report.stub_bytes.roots, "stubs": report.stub_bytes.stubs, "salts": report.stub_bytes.salts},
        "frames_waiting": report.frames_waiting, "torn_removed": report.torn_removed,
        "seconds": report.elapsed.as_secs_f64(),
    })
}

/// The report as lines.
pub(crate) fn report_lines(report: &PurgeReport) -> Vec<String> {
    let counts = &report.counts;
    let mut lines = Vec::new();
    let verb = if report.dry_run { "would go " } else { "removed  " };
    let classes: Vec<String> =
        counts.by_class.iter().map(|(class, records)| format!("class {class}: {}", thousands(*records))).collect();
    let classes = if classes.is_empty() { String::new() } else { format!(" ({})", classes.join(", ")) };
    lines.push(format!("{verb}  {} records{classes}", thousands(counts.records)));
    if counts.identity + counts.payload > 0 {
        let (identity, payload) = (thousands(counts.identity), thousands(counts.payload));
        lines.push(format!("{verb}  {identity} identities and {payload} payloads of records that stay"));
    }
    for deleted in &report.deletions {
        lines.push(format!(
            "proof      announced at seq {}, published in the checkpoint of {} frames, done at seq {}",
            deleted.intent,
            thousands(deleted.checkpoint_frames),
            deleted.done
        ));
    }
    if !report.dry_run && report.bytes_before > 0 {
        lines.push(format!(
            "space      {} before, {} after, {} of it for what stands in place of removed parts",
            bytes(report.bytes_before),
            bytes(report.bytes_after),
            bytes(report.stub_bytes.roots + report.stub_bytes.stubs)
        ));
    }
    if report.frames_waiting > 0 {
        lines
            .push(format!("waiting    {} frames, until the next purge brings holds up to date", report.frames_waiting));
    }
    if report.torn_removed > 0 {
        lines.push(format!("removed    {} cut journal tails", report.torn_removed));
    }
    lines
}
