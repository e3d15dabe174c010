//! `query`: finds events and prints them page by page, so that any limit costs the same memory.

use std::io::Write as _;
use std::time::Instant;

use indelible::query::Order;
use indelible::{LedgerReader, Query, ReadOptions};

use crate::cli::filters::now;
use crate::cli::{OrderArg, QueryArgs};
use crate::failure::Outcome;
use crate::output::rows::{RowRef, RowWriter};
use crate::output::{self, Format, Look};
use crate::verbs::explain_mark;

/// Rows asked for at once.
const PAGE_ROWS: u64 = 1_000;

/// Prints the rows, or their number.
///
/// # Errors
/// A filter or cursor that makes no sense, a log that cannot be read.
pub fn run(args: &QueryArgs) -> Outcome {
    let filter = args.filters.expr(now())?;
    let reader = LedgerReader::open(&args.log, &ReadOptions::default())?;
    let mut out = output::stdout();
    let mut query = Query {
        filter,
        order: match args.order {
            OrderArg::Newest => Order::Newest,
            OrderArg::Oldest => Order::Oldest,
            OrderArg::Time => Order::Time,
        },
        limit: page(args.limit, 0),
        cursor: args.cursor.clone(),
    };
    if args.explain {
        output::say(&reader.explain(&query)?);
    }
    if args.count {
        output::line(&mut out, &reader.count(&query.filter)?.to_string())?;
        out.flush()?;
        return Ok(());
    }
    let started = Instant::now();
    let mut writer = RowWriter::new(args.format, Look::of_stdout(), &mut out);
    let next_cursor = loop {
        let page_of_rows = reader.query(&query)?;
        for row in &page_of_rows.rows {
            writer.row(RowRef { seq: row.seq, recorded_at: row.recorded_at, kind: row.kind, event: &row.event })?;
        }
        query.cursor = page_of_rows.next_cursor;
        query.limit = page(args.limit, writer.rows());
        if query.cursor.is_none() || query.limit == 0 {
            break query.cursor.take();
        }
    };
    let rows = writer.rows();
    let flagged = writer.finish(next_cursor.as_deref())?;
    explain_mark(flagged);
    if args.format == Format::Table {
        let events = if rows == 1 { "event" } else { "events" };
        output::say(&format!("{rows} {events} in {:.1} ms", started.elapsed().as_secs_f64() * 1_000.0));
    }
    if let Some(cursor) = next_cursor
        && args.format != Format::Json
    {
        output::say(&format!("more: --cursor {cursor}"));
    }
    Ok(())
}

/// Rows still to be asked for, at most a page of them; a limit of 0 is none.
fn page(limit: u64, printed: u64) -> usize {
    let left = if limit == 0 { PAGE_ROWS } else { limit.saturating_sub(printed).min(PAGE_ROWS) };
    left as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_cut_into_pages() {
        for (limit, printed, expected) in
            [(50, 0, 50), (50, 50, 0), (2_500, 0, 1_000), (2_500, 2_000, 500), (0, 0, 1_000), (0, 9_000, 1_000)]
        {
            assert_eq!(page(limit, printed), expected, "{limit} {printed}");
        }
    }
}
