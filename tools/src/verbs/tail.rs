//! `tail`: what matches so far, then what arrives, without a gap and without repeats.

use std::time::Duration;

use indelible::{LedgerReader, ReadOptions};

use crate::cli::TailArgs;
use crate::cli::filters::now;
use crate::failure::{Failure, Outcome};
use crate::output::rows::{RowRef, RowWriter};
use crate::output::{self, Look};
use crate::signals::Stop;
use crate::verbs::explain_mark;

/// Longest wait before looking whether to stop.
const STOP_INTERVAL: Duration = Duration::from_millis(100);

/// Prints rows until a signal, the limit, or the end of stdout's reader.
///
/// # Errors
/// A filter that makes no sense, a log that cannot be read.
pub fn run(args: &TailArgs) -> Outcome {
    let filter = args.filters.expr(now())?;
    let reader = LedgerReader::open(&args.log, &ReadOptions::default())?;
    let stop = Stop::on_signals()?;
    let mut follow = reader.follow(filter, Some(args.from_seq.unwrap_or(0)))?;
    let mut out = output::stdout();
    let mut writer = RowWriter::new(args.format, Look::of_stdout(), &mut out);
    let mut pending = false;
    while !stop.asked() && args.limit.is_none_or(|limit| writer.rows() < limit) {
        // Rows of the backlog are printed in bulk; the buffer is handed on as soon as there is nothing more at once.
        let wait = if pending { Duration::ZERO } else { STOP_INTERVAL };
        match follow.next(wait)? {
            Some(row) => {
                writer.line(RowRef {
                    seq: row.seq,
                    recorded_at: row.recorded_at,
                    kind: row.kind,
                    event: &row.event,
                })?;
                pending = true;
            }
            None if pending => {
                writer.flush()?;
                pending = false;
            }
            None => {}
        }
    }
    let rows = writer.rows();
    let flagged = writer.finish(None)?;
    explain_mark(flagged);
    match args.limit {
        // Without a limit a signal is how following ends.
        Some(limit) if rows < limit => {
            Err(Failure::interrupted(format!("a signal came after {rows} of the {limit} rows asked for")))
        }
        _ => Ok(()),
    }
}
