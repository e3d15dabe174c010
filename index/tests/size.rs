//! What the postings cost on the skewed workload, and that every leaf stays small enough to be read in place.

mod model;
mod workload;

use indelible_index::{RunReader, build_run};

#[test]
fn postings_of_all_columns_take_at_most_22_bytes_a_row() {
    let rows = 2 << 16;
    let chunks = workload::chunks(rows);
    let mut total = 0;
    for run in chunks.chunks(512) {
        let bytes = build_run(run).expect("fits a run");
        RunReader::open(&bytes).and_then(|run| run.verify()).expect("what was built verifies");
        total += bytes.len();
    }
    let per_row = total as f64 / rows as f64;
    println!("{per_row:.2} bytes a row");
    assert!(per_row <= 22.0, "{per_row:.2} bytes a row");
}
