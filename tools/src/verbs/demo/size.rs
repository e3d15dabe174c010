//! What the log takes on disk, an event.

use std::path::Path;

use super::Story;
use crate::failure::{InFile, Outcome};
use crate::output::table::{Content, Table, bytes};

/// Measures the log directory against `written`, the same events as NDJSON.
pub(super) fn run(log: &Path, written: u64, story: &mut Story<'_>) -> Outcome {
    let events = indelible::LedgerReader::open(log, &indelible::ReadOptions::default())?
        .count(&indelible::filter::Expr::events())?
        .max(1);
    let parts = [("segments", "frames, terms, index"), ("journal", "the hot tail"), ("", "everything")];
    let mut table = Table::new(&["on disk", "bytes", "an event", "holds"], story.look);
    let mut total = 0;
    for (name, holds) in parts {
        total = directory_bytes(&log.join(name))?;
        table.row(vec![
            Content::Plain(if name.is_empty() { "log".to_owned() } else { format!("{name}/") }),
            Content::Number(bytes(total)),
            Content::Number(format!("{:.1} B", total as f64 / events as f64)),
            Content::Plain(holds.to_owned()),
        ]);
    }
    table.row(vec![
        Content::Plain("as NDJSON".to_owned()),
        Content::Number(bytes(written)),
        Content::Number(format!("{:.1} B", written as f64 / events as f64)),
        Content::Plain("the same events as text, without an index".to_owned()),
    ]);
    story.table("Size", table)?;
    let ratio = written as f64 / total.max(1) as f64;
    let figure = format!("{:.1} B/event", total as f64 / events as f64);
    story.note("size", figure, format!("index included; NDJSON takes {ratio:.1} times as much"));
    Ok(())
}

/// Bytes of all files below a directory.
fn directory_bytes(directory: &Path) -> Outcome<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(directory).doing("list", directory)? {
        let entry = entry.doing("list", directory)?;
        let metadata = entry.metadata().doing("look at", &entry.path())?;
        sum += if metadata.is_dir() { directory_bytes(&entry.path())? } else { metadata.len() };
    }
    Ok(sum)
}
