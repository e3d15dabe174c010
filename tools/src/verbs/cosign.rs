//! `cosign`: keeps the cosignatures of witnesses with the log's newest checkpoint.

use std::io::Write as _;

use indelible::Timestamp;
use indelible_evidence::witness::WitnessPolicy;

use crate::cli::CosignArgs;
use crate::failure::{Failure, InFile, Outcome};
use crate::output::{self, line};

/// Verifies and stores.
///
/// # Errors
/// A cosignature that does not hold (exit 3), another checkpoint than the newest, a log that is being written.
pub fn run(args: &CosignArgs) -> Outcome {
    let policy = policy(&args.witnesses)?;
    let cosigned = std::fs::read_to_string(&args.note).doing("read", &args.note)?;
    policy.cosignatures(&cosigned).map_err(|error| Failure::verification(error.to_string()))?;
    let found = indelible::add_cosignatures(&args.log, &cosigned, &policy)?;
    let mut out = output::stdout();
    for cosignature in &found {
        let nanos = i64::try_from(cosignature.time).unwrap_or(i64::MAX).saturating_mul(1_000_000_000);
        line(&mut out, &format!("cosigned  {} at {}", cosignature.witness, Timestamp(nanos)))?;
    }
    let (found, quorum) = (found.len(), policy.quorum());
    let state = if found >= quorum { "reached" } else { "not reached" };
    line(&mut out, &format!("quorum    {state}: {found} of the {quorum} asked for"))?;
    out.flush()?;
    Ok(())
}

/// A witness policy file.
pub(super) fn policy(file: &std::path::Path) -> Outcome<WitnessPolicy> {
    let text = std::fs::read_to_string(file).doing("read the witness policy", file)?;
    WitnessPolicy::parse(&text).map_err(|error| {
        Failure::usage(format!("{}: {error}", file.display()))
            .help("a policy file has a line `quorum N` and a line `witness KEY` for each witness")
    })
}
