//! `verify`: says whether the log is what was written, and where it is not.

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use indelible::{Corruption, Error, VerifyOptions, VerifyReport, verify};
use indelible_engine::Error as Log;
use serde_json::{Value, json};

use crate::cli::VerifyArgs;
use crate::failure::{Failure, InFile, Outcome};
use crate::output::table::{bytes, thousands};
use crate::output::{self, line};
use crate::verbs::bytes_bar;

/// Verifies and reports.
///
/// # Errors
/// Exit 3 where there is a break, after it was printed; exit 1 where the log cannot be read at all.
pub fn run(args: &VerifyArgs) -> Outcome {
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
    let result = verify(&args.log, &options, &mut |progress| {
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
        true => line(&mut out, &report_json(&report, seconds).to_string())?,
        false => print(&report, args.quick, seconds, &mut out)?,
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
        true => line(&mut out, &json!({"ok": false, "breaks": [break_json(corruption)]}).to_string())?,
        false => line(&mut out, &format!("BROKEN  {corruption}"))?,
    }
    out.flush()?;
    Err(failed(1))
}

fn print(report: &VerifyReport, quick: bool, seconds: f64, out: &mut dyn std::io::Write) -> Outcome {
    for corruption in &report.breaks {
        line(out, &format!("BROKEN      {corruption}"))?;
    }
    let checked = match (report.breaks.is_empty(), quick) {
        (true, false) => "VERIFIED    every record, frame, chain value and checkpoint",
        (true, true) => "VERIFIED    structure and checkpoints; records were not read (--quick)",
        (false, _) => "what was read before and after:",
    };
    line(out, checked)?;
    line(out, &format!("records     {}", thousands(report.records)))?;
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
