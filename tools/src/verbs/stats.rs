//! `stats`: counts events by columns and time, from the index alone.

use std::io::Write as _;

use indelible::filter::{Column, parse_span};
use indelible::{LedgerReader, ReadOptions, StatsQuery, StatsRow};
use indelible_evidence::schema::Field;

use crate::cli::StatsArgs;
use crate::cli::filters::now;
use crate::failure::Outcome;
use crate::output::grid::{Grid, Value};
use crate::output::{self, Look};
use crate::verbs::explain_mark;

/// Prints the counts, by time and then the largest first.
///
/// # Errors
/// A column, span or filter that makes no sense, a log that cannot be read.
pub fn run(args: &StatsArgs) -> Outcome {
    let columns = columns(&args.by)?;
    let bucket = args.bucket.as_deref().map(parse_span).transpose()?;
    let filter = args.filters.expr(now())?;
    let reader = LedgerReader::open(&args.log, &ReadOptions::default())?;
    let by = columns.iter().map(|(_, field)| *field).collect();
    let rows = reader.stats(&StatsQuery { filter, by, bucket })?;
    let names = columns.into_iter().map(|(name, _)| name).collect();
    let mut out = output::stdout();
    let flagged = grid(names, bucket.is_some(), rows).write(args.format, Look::of_stdout(), &mut out)?;
    out.flush()?;
    explain_mark(flagged);
    Ok(())
}

/// The columns by name; the record kind can be counted by, though not filtered by.
fn columns(names: &[String]) -> Outcome<Vec<(String, Field)>> {
    let column = |name: &String| match name.as_str() {
        "kind" => Ok((name.clone(), Field::KIND)),
        _ => Ok(Column::from_name(name).map(|column| (column.name().to_owned(), column.field()))?),
    };
    names.iter().map(column).collect()
}

fn grid(mut columns: Vec<String>, bucketed: bool, mut rows: Vec<StatsRow>) -> Grid {
    rows.sort_by(|one, other| {
        let by_count = other.count.cmp(&one.count);
        one.bucket.cmp(&other.bucket).then(by_count).then_with(|| one.values.cmp(&other.values))
    });
    if bucketed {
        columns.insert(0, "bucket".to_owned());
    }
    columns.push("count".to_owned());
    let row = |row: StatsRow| {
        let bucket = bucketed.then(|| row.bucket.map_or(Value::Absent, |time| Value::Text(time.to_string())));
        let values = row.values.into_iter().map(|value| value.map_or(Value::Absent, Value::Text));
        bucket.into_iter().chain(values).chain([Value::Number(row.count)]).collect()
    };
    Grid { columns, rows: rows.into_iter().map(row).collect() }
}

#[cfg(test)]
mod tests {
    use indelible::Timestamp;

    use super::*;

    #[test]
    fn counts_are_sorted_by_time_then_size() {
        let row = |bucket: i64, value: Option<&str>, count| StatsRow {
            bucket: Some(Timestamp(bucket)),
            values: vec![value.map(str::to_owned)],
            count,
        };
        let rows = vec![row(1, Some("b"), 5), row(0, None, 1), row(1, Some("a"), 5), row(0, Some("x"), 9)];
        let grid = grid(vec!["lane".to_owned()], true, rows);
        assert_eq!(grid.columns, ["bucket", "lane", "count"]);
        let counts: Vec<&Value> = grid.rows.iter().filter_map(|row| row.get(1)).collect();
        let text = |text: &str| Value::Text(text.to_owned());
        assert_eq!(counts, [&text("x"), &Value::Absent, &text("a"), &text("b")]);
    }

    #[test]
    fn columns_are_known_by_every_name() {
        let names = ["severity", "actor-id", "kind"].map(str::to_owned);
        let found = columns(&names).expect("known");
        assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["severity", "actor", "kind"]);
        assert_eq!(columns(&["colour".to_owned()]).err().map(|failure| failure.exit().code()), Some(2));
    }
}
