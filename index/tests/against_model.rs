//! Runs and chunk sets against the naive model, on random rows and random trees of filters.

mod model;

use std::collections::BTreeMap;

use indelible_index::{COLUMNS, ChunkSet, Filter, Postings, RunReader, build_run};
use model::{Model, Rng, asks, random_filter, random_model, truth};
use proptest::prelude::*;
use roaring::RoaringBitmap;

/// Asserts that bounds enclose the truth, are it where nothing is uncertain, and that count agrees with evaluate.
fn check_filter(model: &Model, postings: &impl Postings, filter: &Filter, exact: bool) {
    let truth = truth(model, filter);
    let bounds = postings.evaluate(filter).expect("sound");
    assert!(bounds.sure.is_subset(&truth), "too sure: {filter:?}");
    assert!(truth.is_subset(&bounds.maybe()), "missed: {filter:?}");
    assert!(bounds.sure.is_disjoint(&bounds.unsure), "overlap: {filter:?}");
    if exact {
        assert_eq!(bounds.sure, truth, "{filter:?}");
        assert!(bounds.is_exact(), "{filter:?}");
    }
    assert_eq!(postings.count(filter).expect("sound"), bounds.count(), "{filter:?}");
}

fn check_groups(model: &Model, postings: &impl Postings, within: &RoaringBitmap) {
    for (slot, column) in COLUMNS.iter().enumerate() {
        let mut expected = BTreeMap::new();
        let mut all = BTreeMap::new();
        for (position, row) in (0_u32..).zip(&model.rows) {
            let Some(row) = row else { continue };
            *all.entry(row.keys[slot]).or_insert(0_u64) += 1;
            if within.contains(position) {
                *expected.entry(row.keys[slot]).or_insert(0_u64) += 1;
            }
        }
        let counts = postings.count_by(column.field, within).expect("sound");
        assert_eq!(counts, expected.into_iter().collect::<Vec<_>>(), "count by {}", column.name);
        let keys = postings.keys(column.field).expect("sound");
        assert_eq!(keys, all.into_iter().collect::<Vec<_>>(), "keys of {}", column.name);
    }
}

fn check_model(seed: u64, positions: usize, removed: u64, filters: u64) {
    let model = random_model(seed, positions, removed);
    let chunks = ChunkSet::new(&model.chunks).expect("consecutive");
    let bytes = build_run(&model.chunks).expect("fits a run");
    assert_eq!(bytes, build_run(&model.chunks).expect("fits a run"), "the same chunks give the same bytes");
    let run = RunReader::open(&bytes).expect("opens");
    run.verify().expect("what was built verifies");
    let rows = model.rows.iter().flatten().count() as u32;
    assert_eq!((run.rows(), run.positions(), run.first_ordinal()), (rows, positions as u32, model.first_ordinal));
    assert_eq!(
        (chunks.rows(), chunks.positions(), chunks.first_ordinal()),
        (rows, positions as u32, model.first_ordinal)
    );
    assert_eq!(run.zones().expect("sound"), chunks.zones().expect("sound"));
    assert_eq!(run.present().expect("sound"), chunks.present().expect("sound"));
    let mut rng = Rng(seed ^ 0xF117);
    for _ in 0..filters {
        let filter = random_filter(&mut rng, &model, 3);
        let (times, fingerprints) = asks(&filter);
        check_filter(&model, &run, &filter, !times && !fingerprints);
        check_filter(&model, &chunks, &filter, !fingerprints);
        if !times {
            assert_eq!(run.evaluate(&filter), chunks.evaluate(&filter), "{filter:?}");
        }
    }
    let filter = random_filter(&mut rng, &model, 2);
    for within in [truth(&model, &filter), truth(&model, &Filter::All), (0..=u32::from(u16::MAX)).collect()] {
        check_groups(&model, &run, &within);
        check_groups(&model, &chunks, &within);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn small_runs_agree_with_the_model(seed: u64, positions in 1_usize..2000, removed in prop::sample::select(vec![0_u64, 7, 60])) {
        check_model(seed, positions, removed, 40);
    }
}

#[test]
fn full_runs_agree_with_the_model() {
    for seed in 0..5 {
        check_model(seed, 65_536, [0, 0, 10][seed as usize % 3], 40);
    }
}

#[test]
fn a_run_without_rows_matches_nothing() {
    check_model(1, 300, 100, 40);
}

#[test]
fn a_run_of_one_row_is_small() {
    let model = random_model(3, 1, 0);
    let bytes = build_run(&model.chunks).expect("fits a run");
    assert!(bytes.len() < 620, "{} bytes", bytes.len());
    check_model(3, 1, 0, 40);
}

#[test]
fn a_resumed_run_answers_like_the_opened_one() {
    let model = random_model(9, 3000, 5);
    let bytes = build_run(&model.chunks).expect("fits a run");
    let run = RunReader::open(&bytes).expect("opens");
    let again = RunReader::resume(&bytes, run.opened()).expect("the same bytes");
    let filter = Filter::Not(Box::new(Filter::Key { field: 8, keys: vec![1, 2, 3] }));
    assert_eq!(run.evaluate(&filter), again.evaluate(&filter));
    let other = build_run(&random_model(10, 3000, 5).chunks).expect("fits a run");
    assert!(RunReader::resume(&other, run.opened()).is_err());
}
