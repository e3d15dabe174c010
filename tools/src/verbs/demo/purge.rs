//! Info events older than half the range are deleted by policy, and an outsider's check says that exactly they are gone.

use std::path::Path;
use std::time::Instant;

use indelible::prove::{Ask, Open, ProveRequest, check};
use indelible::retain::{Basis, PolicySpec, PurgeOptions, PurgeReport, SEVEN_YEARS};
use indelible::{Ledger, LedgerReader, OpenOptions, ReadOptions};
use indelible_evidence::key::VerifierKey;

use super::Story;
use crate::cli::filters::now;
use crate::failure::{Failure, InFile, Outcome};
use crate::output::table::{bytes, thousands};
use crate::verbs::purge::report_lines;

/// Sets policies, purges, proves the deletion, checks the proof.
pub(super) fn run(log: &Path, key: &Path, proof: &Path, story: &mut Story<'_>) -> Outcome {
    let report = purge(log, key, story)?;
    let started = Instant::now();
    let reader = LedgerReader::open(log, &ReadOptions::default())?;
    let proven = reader.prove(&ProveRequest { ask: Ask::Deletions, open: Open::NOTHING, old: None })?;
    std::fs::write(proof, &proven.bytes).doing("write", proof)?;
    let made = started.elapsed().as_secs_f64();
    let public = log.join("log.pub");
    let first = std::fs::read_to_string(&public).doing("read", &public)?;
    let refused = |error: String| Failure::verification(format!("the proof of the deletion does not hold: {error}"));
    let first = VerifierKey::parse(first.trim()).map_err(|error| refused(error.to_string()))?;
    let started = Instant::now();
    let checked = check(&proven.bytes, &first).map_err(|error| refused(error.to_string()))?;
    let seconds = started.elapsed().as_secs_f64();
    let removed: u64 = checked.deletions.iter().flatten().map(|deletion| deletion.effect.records()).sum();
    if removed != report.counts.records {
        return Err(refused(format!("it shows {removed} records, {} were removed", report.counts.records)));
    }
    story.say(&format!(
        "proved it to an outsider: {} made in {made:.2} s, checked without the log in {seconds:.2} s",
        bytes(proven.bytes.len() as u64)
    ))?;
    let figure = format!("{:.2} s", report.elapsed.as_secs_f64());
    let each = |bytes: u64| bytes as f64 / report.counts.records.max(1) as f64;
    let remark = format!(
        "{} records removed with proof; {:.1} bytes left of each, and {:.1} of keys that their neighbours need",
        thousands(removed),
        each(report.stub_bytes.roots + report.stub_bytes.stubs),
        each(report.stub_bytes.salts)
    );
    story.note("purge", figure, remark);
    Ok(())
}

fn purge(log: &Path, key: &Path, story: &mut Story<'_>) -> Outcome<PurgeReport> {
    let manifest = indelible_engine::read_manifest(log)?;
    let first = manifest.segments.iter().map(|segment| segment.occurred_min).min().unwrap_or(0);
    let last = manifest.segments.iter().map(|segment| segment.occurred_max).max().unwrap_or(0);
    let half = first / 2 + last / 2;
    let ago = now().as_nanos().saturating_sub(half) / 1_000_000_000;
    let ledger = Ledger::open(log, &OpenOptions { sign_key_file: Some(key.to_owned()), ..Default::default() })?;
    let schedule = ledger.schedule();
    let info = schedule.class_of(indelible::Severity::Info);
    let policy = |name: &str, class: u16, keep: u64| PolicySpec {
        classes: vec![class],
        basis: Basis::Event,
        ..PolicySpec::keep(name, keep)
    };
    ledger.set_policy(&policy("info", info, u64::try_from(ago).unwrap_or(0)))?;
    for severity in [indelible::Severity::Warning, indelible::Severity::Critical] {
        ledger.set_policy(&policy(&severity.to_string(), schedule.class_of(severity), SEVEN_YEARS))?;
    }
    let purged = ledger.purge(&PurgeOptions::default());
    ledger.close()?;
    let report = purged?;
    story.say("\npurged info events older than half the range")?;
    for text in report_lines(&report) {
        story.say(&format!("  {text}"))?;
    }
    Ok(report)
}
