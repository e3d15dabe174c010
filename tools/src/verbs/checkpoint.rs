//! `checkpoint`: the newest signed tree head, made now where the log may be written.
//!
//! Beside a live writer, or without the right to write, it is the newest one there is, and stderr says how old.

use std::io::Write as _;
use std::time::SystemTime;

use indelible::{Error, Ledger, LedgerReader, OpenOptions, ReadOptions};

use crate::cli::{CheckpointArgs, Cli};
use crate::failure::{Failure, Outcome};
use crate::output;

/// Prints the checkpoint.
///
/// # Errors
/// No log, no checkpoint yet, or a log that cannot be opened.
pub fn run(cli: &Cli, args: &CheckpointArgs) -> Outcome {
    let options = OpenOptions { create: false, sign_key_file: cli.sign_key.clone(), ..Default::default() };
    let note = match Ledger::open(&args.log, &options) {
        Ok(ledger) => {
            if let Some(recovery) = ledger.recovery() {
                eprintln!("recovered: {recovery}");
            }
            let note = ledger.checkpoint();
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
        Error::Locked => true,
        Error::Io { source, .. } => {
            matches!(source.kind(), std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem)
        }
        _ => false,
    }
}

fn newest(args: &CheckpointArgs, error: &Error) -> Outcome<String> {
    let reader = LedgerReader::open(&args.log, &ReadOptions::default())?;
    let Some((note, made)) = reader.checkpoint() else {
        return Err(Failure::operational(format!("there is no checkpoint yet, and none can be made: {error}"))
            .help("the writer makes one every minute while events arrive, and when it closes the log"));
    };
    let age = SystemTime::now().duration_since(made).unwrap_or_default().as_secs();
    eprintln!("the newest checkpoint there is, {age} s old: {error}");
    Ok(note)
}
