//! A run and a chunk set against SQLite over the same 20,000 rows: the same filters as SQL, the same positions and groups.

mod model;
mod workload;

use indelible_index::{COLUMNS, ChunkSet, Filter, Postings, RunReader, build_run};
use model::Rng;
use roaring::RoaringBitmap;
use rusqlite::Connection;

const ROWS: usize = 20_000;

/// A table with a row for each position, columns named c<slot>, absent as 0.
fn database(set: &ChunkSet<'_>) -> rusqlite::Result<Connection> {
    let db = Connection::open_in_memory()?;
    let columns: Vec<String> = (0..COLUMNS.len()).map(|slot| format!("c{slot} INTEGER")).collect();
    db.execute_batch(&format!(
        "CREATE TABLE rows (position INTEGER PRIMARY KEY, occurred, recorded, {})",
        columns.join(", ")
    ))?;
    db.execute_batch("BEGIN")?;
    for chunk in set.chunks() {
        for index in 0..chunk.positions() as usize {
            let mut values = vec![i64::from(chunk.first_ordinal()) + index as i64];
            values.extend([chunk.occurred()[index], chunk.recorded()[index]]);
            values.extend((0..COLUMNS.len()).map(|slot| i64::from(chunk.column(slot)[index])));
            let marks = vec!["?"; values.len()].join(", ");
            db.prepare_cached(&format!("INSERT INTO rows VALUES ({marks})"))?
                .execute(rusqlite::params_from_iter(values))?;
        }
    }
    db.execute_batch("COMMIT")?;
    Ok(db)
}

/// The filter as an SQL expression.
fn sql(filter: &Filter) -> String {
    let column = |field: &u8| format!("c{}", COLUMNS.iter().position(|c| c.field == *field).expect("indexed"));
    let range = |name: &str, from: Option<i64>, to: Option<i64>| {
        let from = from.map_or("1".to_owned(), |from| format!("{name} >= {from}"));
        let to = to.map_or("1".to_owned(), |to| format!("{name} < {to}"));
        format!("({from} AND {to})")
    };
    let joined = |filters: &[Filter], word: &str, none: &str| {
        let parts: Vec<String> = filters.iter().map(sql).collect();
        if parts.is_empty() { none.to_owned() } else { format!("({})", parts.join(word)) }
    };
    match filter {
        Filter::All => "1".to_owned(),
        Filter::Nothing => "0".to_owned(),
        Filter::Key { field, keys } => {
            let keys: Vec<String> = keys.iter().map(u32::to_string).collect();
            format!("{} IN ({})", column(field), keys.join(", "))
        }
        Filter::Present { field } => format!("{} <> 0", column(field)),
        Filter::Occurred { from, to } => range("occurred", *from, *to),
        Filter::Recorded { from, to } => range("recorded", *from, *to),
        Filter::Ordinals { from, to } => format!("(position >= {from} AND position < {to})"),
        Filter::And(filters) => joined(filters, " AND ", "1"),
        Filter::Or(filters) => joined(filters, " OR ", "0"),
        Filter::Not(filter) => format!("(NOT {})", sql(filter)),
    }
}

#[test]
fn filters_and_groups_agree_with_sqlite() -> rusqlite::Result<()> {
    let model = model::from_chunks(workload::chunks(ROWS));
    let set = ChunkSet::new(&model.chunks).expect("consecutive");
    let bytes = build_run(&model.chunks).expect("fits a run");
    let run = RunReader::open(&bytes).expect("opens");
    let db = database(&set)?;
    let mut rng = Rng(7);
    for round in 0..150 {
        let filter = model::random_filter(&mut rng, &model, 3);
        let found: RoaringBitmap = db
            .prepare(&format!("SELECT position FROM rows WHERE {} ORDER BY position", sql(&filter)))?
            .query_map([], |row| row.get::<_, u32>(0))?
            .collect::<Result<_, _>>()?;
        // SQL compares keys, and so has the fingerprints' strangers too: it agrees wherever bounds are exact, and lies
        // within them elsewhere.
        for bounds in [run.evaluate(&filter), set.evaluate(&filter)] {
            let bounds = bounds.expect("sound");
            assert!(bounds.sure.is_subset(&found) && found.is_subset(&bounds.maybe()), "{filter:?}");
            assert!(!bounds.is_exact() || bounds.sure == found, "{filter:?}");
        }
        if round % 10 == 0 {
            check_groups(&db, &filter, &found, &run, &set)?;
        }
    }
    Ok(())
}

fn check_groups(
    db: &Connection,
    filter: &Filter,
    found: &RoaringBitmap,
    run: &RunReader<'_>,
    set: &ChunkSet<'_>,
) -> rusqlite::Result<()> {
    for (slot, column) in COLUMNS.iter().enumerate() {
        let query = format!("SELECT c{slot}, count(*) FROM rows WHERE {} GROUP BY 1 ORDER BY 1", sql(filter));
        let expected: Vec<(u32, u64)> = db
            .prepare(&query)?
            .query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?
            .collect::<Result<_, _>>()?;
        assert_eq!(run.count_by(column.field, found).expect("sound"), expected, "{} by {filter:?}", column.name);
        assert_eq!(set.count_by(column.field, found).expect("sound"), expected, "{} by {filter:?}", column.name);
    }
    Ok(())
}
