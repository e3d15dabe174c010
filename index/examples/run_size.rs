//! Builds runs over a million rows of the skewed workload and prints bytes a row by column and the time to build.
//!
//! `cargo run --release -p indelible-index --example run_size`

#[path = "../tests/model/mod.rs"]
mod model;
#[path = "../tests/workload/mod.rs"]
mod workload;

use std::collections::BTreeMap;
use std::time::Instant;

use indelible_index::{RunReader, build_run};

fn main() -> Result<(), indelible_index::IndexError> {
    let rows = 1_000_000;
    let chunks = workload::chunks(rows);
    let start = Instant::now();
    let runs = chunks.chunks(512).map(build_run).collect::<Result<Vec<_>, _>>()?;
    let built = start.elapsed();
    let mut by_column: BTreeMap<&str, u64> = BTreeMap::new();
    let start = Instant::now();
    for bytes in &runs {
        let run = RunReader::open(bytes)?;
        run.verify()?;
        for (name, bytes) in run.sizes() {
            *by_column.entry(name).or_default() += bytes;
        }
    }
    let verified = start.elapsed();
    for (name, bytes) in &by_column {
        println!("{name:>16} {:>7.3} bytes a row", *bytes as f64 / rows as f64);
    }
    let total: usize = runs.iter().map(Vec::len).sum();
    println!("{:>16} {:>7.3} bytes a row in {} runs", "all", total as f64 / rows as f64, runs.len());
    println!(
        "built in {} ns a row, verified in {} ns a row",
        built.as_nanos() / 1_000_000,
        verified.as_nanos() / 1_000_000
    );
    Ok(())
}
