//! `init`: creates a log and its signing key.

use std::io::Write as _;

use indelible::{CreateOptions, Ledger};
use serde_json::json;

use crate::cli::{Cli, InitArgs};
use crate::failure::{Failure, Outcome};
use crate::output::{self, line, object};

/// Creates the log.
///
/// # Errors
/// Where there is a log already, the directory cannot be made, or something is asked for that this version cannot do;
/// then nothing was created.
pub fn run(cli: &Cli, args: &InitArgs) -> Outcome {
    if args.encrypt {
        return Err(Failure::operational("this version does not write encrypted logs yet; nothing was created")
            .help("leave out --encrypt, and keep the log on an encrypted file system until then"));
    }
    if args.schema.is_some() {
        return Err(Failure::operational("this version does not know event-type schemas yet; nothing was created")
            .help("leave out --schema: every event type is accepted"));
    }
    let options = CreateOptions { origin: args.origin.clone(), sign_key_file: cli.sign_key.clone() };
    let created = Ledger::create(&args.log, &options)?;
    let mut out = output::stdout();
    if args.json {
        let summary = json!({
            "log": args.log.display().to_string(),
            "log_id": created.log_id.to_string(),
            "origin": created.origin,
            "verifier_key": created.verifier_key,
            "sign_key_file": created.key_file.display().to_string(),
        });
        object(&mut out, &summary)?;
    } else {
        line(&mut out, &format!("created       {}", args.log.display()))?;
        line(&mut out, &format!("log id        {}", created.log_id))?;
        line(&mut out, &format!("origin        {}", created.origin))?;
        line(&mut out, &format!("verifier key  {}", created.verifier_key))?;
        line(&mut out, &format!("signing key   {} (keep it safe, and out of the log)", created.key_file.display()))?;
    }
    out.flush()?;
    Ok(())
}
