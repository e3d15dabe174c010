//! `verify`: says whether the log is what was written, and where it is not.

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use indelible::{Corruption, Error, KnownHeads, VerifyOptions, VerifyReport, verify_known};
use indelible_engine::Error as Log;
use serde_json::{Value, json};

use crate::cli::{Cli, VerifyArgs};
use crate::failure::{Failure, InFile, Outcome};
use crate::output::table::{bytes, thousands};
use crate::output::{self, line, object};
use crate::verbs::bytes_bar;

/// Verifies and reports.
///
/// # Errors
/// Exit 3 where there is a break, after it was printed; exit 1 where the log cannot be read at all.
pub fn run(cli: &Cli, args: &VerifyArgs) -> Outcome {
    let options = VerifyOptions {
        quick: args.quick,
        key: args.key.as_deref().map(key_text).transpose()?,
        from_seq: args.from_seq,
        to_seq: args.to_seq,
        ..Default::default()
    };
    if let (Some(from), Some(to)) = (args.from_seq, args.to_seq)
        && from > to
    {
        return Err(Failure::usage(format!("--from-seq {from} lies after --to-seq {to}")));
    }
    let bar = bytes_bar("verifying", Some(0));
    let started = Instant::now();
    let known = KnownHeads { key_file: cli.sign_key.clone(), anchor_file: args.anchor.clone() };
    let result = verify_known(&args.log, &options, &known, &mut |progress| {
        bar.set_length(progress.bytes_total);
        bar.set_position(progress.bytes_done);
    });
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64();
    let report = match result {
        Ok(report) => report,
        Err(Error::Log(Log::Corrupt(corruption))) => return broken_at_once(args, &corruption),
        Err(error) => return Err(error.into()),
    };
    let mut out = output::stdout();
    match args.json {
        true => object(&mut out, &report_json(&report, seconds))?,
        false => print(&report, args, seconds, &mut out)?,
    }
    out.flush()?;
    match report.breaks.len() {
        0 => Ok(()),
        breaks => Err(failed(breaks)),
    }
}

/// The key given: a file that holds it, or the text itself.
pub(crate) fn key_text(key: &str) -> Outcome<String> {
    // A verifier key has two '+', which no path to one needs; so a missing file is told from a key.
    if key.matches('+').count() >= 2 && !Path::new(key).exists() {
        return Ok(key.trim().to_owned());
    }
    let text = std::fs::read_to_string(key).doing("read the verifier key", Path::new(key))?;
    Ok(text.trim().to_owned())
}

fn failed(breaks: usize) -> Failure {
    let many = if breaks == 1 { "a break" } else { "breaks" };
    Failure::verification(format!("verification failed: the log has {many}"))
        .help("keep the directory as it is; `indelible inspect` shows the bytes at the place named above")
}

/// Damage that kept the verifier from going on at all.
fn broken_at_once(args: &VerifyArgs, corruption: &Corruption) -> Outcome {
    let mut out = output::stdout();
    match args.json {
        true => object(&mut out, &json!({"ok": false, "breaks": [break_json(corruption)]}))?,
        false => line(&mut out, &format!("BROKEN  {corruption}"))?,
    }
    out.flush()?;
    Err(failed(1))
}

fn print(report: &VerifyReport, args: &VerifyArgs, seconds: f64, out: &mut dyn std::io::Write) -> Outcome {
    for corruption in &report.breaks {
        line(out, &format!("BROKEN      {corruption}"))?;
    }
    match report.breaks.is_empty() {
        true => line(out, &format!("VERIFIED    {}", verdict(report, args)))?,
        false => line(out, "what was read before and after:")?,
    }
    let waiting = match report.journal_records {
        0 => String::new(),
        records => format!(" in frames, and {} in the journal that are in no frame yet", thousands(records)),
    };
    line(out, &format!("records     {}{waiting}", thousands(report.records)))?;
    line(out, &format!("frames      {}", thousands(report.frames)))?;
    line(out, &format!("segments    {}", thousands(report.segments)))?;
    let rate = report.canonical_bytes as f64 / seconds.max(1e-9);
    let canonical = bytes(report.canonical_bytes);
    line(out, &format!("on disk     {}", bytes(report.file_bytes)))?;
    line(out, &format!("canonical   {canonical} in {seconds:.2} s, {}/s", bytes(rate as u64)))?;
    line(out, &format!("closed      {}", if report.closed { "cleanly" } else { "no: a writer has it open, or had" }))?;
    match &report.checkpoint {
        Some((size, root)) => line(out, &format!("checkpoint  {} frames, root {}", thousands(*size), hex(root)))?,
        None => line(out, "checkpoint  none yet")?,
    }
    if let Some(torn) = &report.torn {
        line(out, &format!("torn tail   {torn}"))?;
    }
    for note in &report.notes {
        line(out, &format!("note        {note}"))?;
    }
    if report.trusted_log_pub {
        line(out, "note        the log's own log.pub was trusted; give --key to check against a key kept elsewhere")?;
    }
    Ok(())
}

/// What a run without a break has shown: never more than it looked at.
fn verdict(report: &VerifyReport, args: &VerifyArgs) -> String {
    if args.quick {
        return "structure and checkpoints; records were not read (--quick)".to_owned();
    }
    let (Some(from), Some(to)) = (args.from_seq, args.to_seq) else {
        return whole(report);
    };
    let Some(last) = report.records.checked_sub(1).filter(|last| *last >= from) else {
        return format!(
            "chain values and checkpoints, and no record: the log has {} in frames, none of them from {from} to {to}",
            thousands(report.records)
        );
    };
    format!(
        "records {from} to {}, with their frames, and all chain values and checkpoints; no other record was checked",
        last.min(to)
    )
}

/// What a whole run has shown: who answers for which records, and which nobody answers for yet.
fn whole(report: &VerifyReport) -> String {
    let Some(((size, _), (key, epoch))) = report.checkpoint.zip(report.signer.as_ref()) else {
        return format!("without a head: {} records bound by the chain alone", thousands(report.records));
    };
    let more = match report.records.saturating_sub(report.signed_records) {
        0 => String::new(),
        more => format!("; {} more bound by the chain alone", thousands(more)),
    };
    format!(
        "to head {size}: {} records under the signature of {key} (epoch {epoch}){more}",
        thousands(report.signed_records)
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn report_json(report: &VerifyReport, seconds: f64) -> Value {
    let checkpoint = report.checkpoint.as_ref().map(|(size, root)| json!({"size": size, "root": hex(root)}));
    json!({
        "ok": report.breaks.is_empty(),
        "records": report.records,
        "frames": report.frames,
        "segments": report.segments,
        "canonical_bytes": report.canonical_bytes,
        "file_bytes": report.file_bytes,
        "journal_records": report.journal_records,
        "closed": report.closed,
        "torn": report.torn,
        "root": hex(&report.root),
        "chain": hex(&report.chain),
        "seconds": seconds,
        "checkpoint": checkpoint,
        "signed_records": report.signed_records,
        "signer": report.signer.as_ref().map(|(key, epoch)| json!({"key": key, "epoch": epoch})),
        "notes": report.notes,
        "trusted_log_pub": report.trusted_log_pub,
        "breaks": report.breaks.iter().map(break_json).collect::<Vec<_>>(),
    })
}

fn break_json(corruption: &Corruption) -> Value {
    json!({
        "file": corruption.file,
        "segment": corruption.segment,
        "frame": corruption.frame,
        "first_seq": corruption.seqs.map(|(first, _)| first),
        "last_seq": corruption.seqs.map(|(_, last)| last),
        "offset": corruption.offset,
        "problem": corruption.problem,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run over a range once said "every record".
    #[test]
    fn verdict_names_its_range() {
        let args = |quick, range: Option<(u64, u64)>| VerifyArgs {
            log: "log".into(),
            quick,
            key: None,
            anchor: None,
            from_seq: range.map(|(from, _)| from),
            to_seq: range.map(|(_, to)| to),
            json: false,
        };
        let report = VerifyReport {
            records: 10,
            signed_records: 7,
            checkpoint: Some((4, [0; 32])),
            signer: Some(("a/b+KEY".to_owned(), 1)),
            ..VerifyReport::default()
        };
        for (quick, range, says) in [
            (
                false,
                None,
                "to head 4: 7 records under the signature of a/b+KEY (epoch 1); 3 more bound by the chain alone",
            ),
            (true, None, "records were not read"),
            (true, Some((1, 2)), "records were not read"),
            (false, Some((3, 5)), "records 3 to 5, with"),
            (false, Some((3, 500)), "records 3 to 9, with"),
            (false, Some((9, 9)), "records 9 to 9, with"),
            (false, Some((10, 500)), "no record: the log has 10 in frames, none of them from 10 to 500"),
        ] {
            let args = args(quick, range);
            let said = verdict(&report, &args);
            assert!(said.contains(says), "{said}");
            assert_eq!(said.contains("to head"), says.contains("to head"), "{said}");
            let mut out = Vec::new();
            print(&report, &args, 1.0, &mut out).expect("memory");
            assert!(String::from_utf8_lossy(&out).starts_with(&format!("VERIFIED    {said}\n")));
        }
        assert!(verdict(&VerifyReport::default(), &args(false, Some((0, 5)))).contains("no record"));
    }

    #[test]
    fn a_key_is_text_or_a_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("key");
        std::fs::write(&file, "name+0011aabb+AQ==\n").expect("written");
        assert_eq!(key_text(&file.display().to_string()).ok().as_deref(), Some("name+0011aabb+AQ=="));
        assert_eq!(key_text("name+0011aabb+AQ==").ok().as_deref(), Some("name+0011aabb+AQ=="));
        assert_eq!(key_text("no/such/file").err().map(|failure| failure.exit().code()), Some(1));
    }
}
