//! `prove`: writes a bundle that shows records, a range or a complete answer to somebody who has only the verifier key.

use std::io::Write as _;
use std::path::PathBuf;

use indelible::prove::{Ask, Open, ProveRequest, Proven};
use indelible::query::Expr;
use indelible::{Ledger, LedgerReader, ReadOptions};
use serde_json::json;

use crate::cli::filters::now;
use crate::cli::{Cli, GroupArg, ProveArgs};
use crate::failure::{Failure, InFile, Outcome};
use crate::output::table::{bytes, thousands};
use crate::output::{self, line, object};
use crate::outputs::Outputs;
use crate::verbs::check::{claim_text, disclosed_text};

/// Makes the bundle and says what it shows.
///
/// # Errors
/// Nothing to prove, a filter that cannot be proven, a log without a checkpoint, a file that cannot be written.
pub fn run(cli: &Cli, args: &ProveArgs) -> Outcome {
    let request = request(args)?;
    let old: Vec<PathBuf> = args.old.iter().cloned().collect();
    let outputs = Outputs::of(&args.log).reading(&old);
    // Refused before the work, and looked at again when it is written.
    outputs.check("-o", &args.output)?;
    let proven = match LedgerReader::open(&args.log, &ReadOptions::default())?.prove(&request) {
        // Records behind the newest checkpoint: a new one is made where the log may be written.
        Err(error) if wants_checkpoint(&error) => make_checkpoint(cli, args, error)?.prove(&request)?,
        proven => proven?,
    };
    outputs.replace("-o", &args.output, &proven.bytes)?;
    say(args, &proven)
}

fn request(args: &ProveArgs) -> Outcome<ProveRequest> {
    // System records are not left out: telling them apart would open the envelope of every record.
    let filters = crate::cli::FilterArgs { system: true, ..args.filters.clone() };
    let filter = filters.expr(now())?;
    let first = args.from_seq.unwrap_or(0);
    if args.to_seq.is_some_and(|last| first > last) {
        return Err(Failure::usage("--from-seq lies after --to-seq"));
    }
    let ranged = args.from_seq.is_some() || args.to_seq.is_some();
    let ask = match (args.seq, filter) {
        (None, Expr::True) if args.deletions && !ranged && !args.complete => Ask::Deletions,
        _ if args.deletions => return Err(Failure::usage("--deletions stands alone: no filters, no range, no --seq")),
        (Some(seq), Expr::True) if !ranged && !args.complete => Ask::Record { seq },
        (Some(_), _) => return Err(Failure::usage("--seq stands alone: no filters, no range, no --complete")),
        (None, Expr::True) if ranged || args.complete => Ask::Range { first, last: args.to_seq },
        (None, Expr::True) => {
            return Err(Failure::usage("nothing to prove: give --seq, filters, or --from-seq and --to-seq"));
        }
        (None, filter) if args.complete => Ask::Complete { filter, first, last: args.to_seq },
        (None, filter) => Ask::Rows { filter, first, last: args.to_seq.unwrap_or(u64::MAX), limit: args.limit },
    };
    let open = args.withhold.iter().fold(Open::EVERYTHING, |open, group| {
        open.without_group(match group {
            GroupArg::Envelope => 0,
            GroupArg::Identity => 1,
            GroupArg::Correlation => 2,
            GroupArg::Payload => 3,
        })
    });
    let old = args.old.as_deref().map(|file| std::fs::read_to_string(file).doing("read the checkpoint", file));
    Ok(ProveRequest { ask, open, old: old.transpose()? })
}

fn wants_checkpoint(error: &indelible::Error) -> bool {
    use indelible::prove::ProveError;
    let indelible::Error::Prove(error) = error else { return false };
    matches!(**error, ProveError::NoCheckpoint | ProveError::NotCovered { .. } | ProveError::Nothing)
}

/// A reader of the same log after a new checkpoint; the first error where none can be made.
fn make_checkpoint(cli: &Cli, args: &ProveArgs, error: indelible::Error) -> Outcome<LedgerReader> {
    let options = cli.open_options();
    let made = Ledger::open(&args.log, &options).and_then(|ledger| ledger.checkpoint().and(ledger.close()));
    match made {
        Ok(()) => Ok(LedgerReader::open(&args.log, &ReadOptions::default())?),
        Err(_) => Err(error.into()),
    }
}

fn say(args: &ProveArgs, proven: &Proven) -> Outcome {
    let report = &proven.report;
    let mut out = output::stdout();
    if args.json {
        let summary = json!({
            "file": args.output.display().to_string(),
            "bytes": proven.bytes.len(),
            "rows": report.rows.len(),
            "examined": report.examined,
            "frames": report.frames,
            "checkpoint_size": report.checkpoint.size,
            "disclosed": report.opened,
        });
        object(&mut out, &summary)?;
    } else {
        line(&mut out, &format!("proven      {}", claim_text(report)))?;
        line(&mut out, &format!("discloses   {}", disclosed_text(report)))?;
        line(&mut out, &format!("checkpoint  {} frames", thousands(report.checkpoint.size)))?;
        line(&mut out, &format!("bundle      {}, {}", args.output.display(), bytes(proven.bytes.len() as u64)))?;
    }
    out.flush()?;
    Ok(())
}
