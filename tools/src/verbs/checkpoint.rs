//! `checkpoint`: the newest signed tree head, made now where the log may be written.
//!
//! Beside a live writer, or without the right to write, it is the newest one there is, and stderr says how old.

use std::io::Write as _;
use std::time::SystemTime;

use indelible::{Error, Ledger, LedgerReader, ReadOptions};
use indelible_engine::Error as Log;

use crate::cli::{CheckpointArgs, Cli};
use crate::failure::{Failure, Outcome};
use crate::output;
use crate::verbs::{say_heads, say_recovery};

/// Prints the checkpoint.
///
/// # Errors
/// No log, no checkpoint yet, or a log that cannot be opened.
pub fn run(cli: &Cli, args: &CheckpointArgs) -> Outcome {
    let options = cli.open_options();
    let note = match Ledger::open(&args.log, &options) {
        Ok(ledger) => {
            say_recovery(&ledger);
            let note = ledger.checkpoint();
            say_heads(&ledger);
            ledger.close()?;
            note?
        }
        Err(error) if may_read(&error) => newest(args, &error)?,
        Err(error) => return Err(error.into()),
    };
    let mut out = output::stdout();
    out.write_all(note.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// Whether the log is only closed to writing.
fn may_read(error: &Error) -> bool {
    match error {
        Error::Log(Log::Locked) | Error::NoSigningKey { .. } => true,
        Error::Log(Log::Io { source, .. }) => {
            matches!(source.kind(), std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem)
        }
        _ => false,
    }
}

fn newest(args: &CheckpointArgs, error: &Error) -> Outcome<String> {
    let reader = LedgerReader::open(&args.log, &ReadOptions::default())?;
    let Some(note) = reader.checkpoint()? else {
        return Err(Failure::operational(format!("there is no checkpoint yet, and none can be made: {error}"))
            .help("the writer makes one every minute while events arrive, and when it closes the log"));
    };
    // The file is replaced when a checkpoint is made, so its time is the checkpoint's.
    let made = std::fs::metadata(args.log.join("checkpoint")).and_then(|metadata| metadata.modified());
    let age = made.ok().and_then(|made| SystemTime::now().duration_since(made).ok()).unwrap_or_default().as_secs();
    output::say(&format!("the newest checkpoint there is, {age} s old: {error}"));
    Ok(note)
}
