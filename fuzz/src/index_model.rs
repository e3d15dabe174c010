//! The index against a naive model: rows and filters that the input chooses, asked of a run, of chunks, and row by row.
//!
//! The model is that of the index's own tests (`index/tests/model/mod.rs`), which draw rows and filters by chance.

use indelible_index::{COLUMN_COUNT, COLUMNS, ChunkSet, ColumnKind, Filter, Postings, RowKeys, RunReader, build_run};
use indelible_tests::dice::Dice;

#[path = "../../index/tests/model/mod.rs"]
mod model;

use model::{Model, asks, from_rows, truth};

/// Rows and filters from the input: a run and chunks answer as the naive model does.
pub fn index_model(data: &[u8]) {
    let mut dice = Dice::scripted(data);
    let model = rows(&mut dice);
    let chunks = ChunkSet::new(&model.chunks).expect("consecutive chunks");
    let bytes = build_run(&model.chunks).expect("few rows fit a run");
    let run = RunReader::open(&bytes).expect("what was built opens");
    run.verify().expect("what was built verifies");
    assert_eq!(run.zones().expect("sound"), chunks.zones().expect("sound"));
    for _ in 0..1 + dice.below(6) {
        let filter = filter(&mut dice, &model, 3);
        let (times, fingerprints) = asks(&filter);
        check(&model, &run, &filter, !times && !fingerprints);
        check(&model, &chunks, &filter, !fingerprints);
    }
}

fn check(model: &Model, postings: &impl Postings, filter: &Filter, exact: bool) {
    let truth = truth(model, filter);
    let bounds = postings.evaluate(filter).expect("sound");
    assert!(bounds.sure.is_subset(&truth), "too sure: {filter:?}");
    assert!(truth.is_subset(&bounds.maybe()), "missed: {filter:?}");
    assert!(!exact || bounds.sure == truth, "not exact: {filter:?}");
    assert_eq!(postings.count(filter).expect("sound"), bounds.count(), "{filter:?}");
}

/// Rows in stretches that are alike, so that a few bytes make runs, arrays and bitmaps.
fn rows(dice: &mut Dice) -> Model {
    let mut rows = Vec::new();
    let mut recorded = 1_700_000_000_000_000_000;
    let first = dice.below(3) as u32 * 65_536;
    for _ in 0..1 + dice.below(24) {
        let (removed, step) = (dice.one_in(6), dice.below(4) as u32);
        let mut keys = [0; COLUMN_COUNT];
        for (slot, key) in keys.iter_mut().enumerate() {
            let few = dice.below(256) as u32;
            let codes = COLUMNS.get(slot).is_some_and(|column| column.kind == ColumnKind::Codes);
            *key = if few >= 250 && !codes { few << 12 } else { few % 16 };
        }
        for n in 0..1 + dice.below(256) as u32 {
            recorded += i64::from(step) * 700_000;
            let mut row = RowKeys { occurred: recorded - i64::from(n % 5) * 90_000_000, recorded, keys };
            let slot = (n % 3) as usize;
            if let Some(key) = row.keys.get_mut(slot) {
                *key += n * step;
            }
            rows.push((!removed).then_some(row));
        }
    }
    from_rows(first, rows, dice.below(256))
}

fn filter(dice: &mut Dice, model: &Model, depth: u64) -> Filter {
    let some = |dice: &mut Dice| {
        let at = dice.below(256) as usize * model.rows.len() / 256;
        model.rows.get(at).copied().flatten().unwrap_or_default()
    };
    let many = |dice: &mut Dice| (0..dice.below(4)).map(|_| filter(dice, model, depth - 1)).collect::<Vec<_>>();
    match dice.below(if depth == 0 { 7 } else { 11 }) {
        0 => dice.pick(&[true, false]).then_some(Filter::All).unwrap_or(Filter::Nothing),
        1..=3 => {
            let slot = dice.below(COLUMN_COUNT as u64) as usize;
            let keys = (0..dice.below(40)).map(|_| some(dice).keys.get(slot).copied().unwrap_or(1)).collect();
            Filter::Key { field: COLUMNS.get(slot).map_or(0, |column| column.field), keys }
        }
        4 => Filter::Present { field: dice.pick(&COLUMNS).field },
        5 => {
            let (from, to) = (some(dice), some(dice));
            let (open, end) = (dice.one_in(4), dice.one_in(4));
            if dice.one_in(2) {
                Filter::Occurred { from: (!open).then_some(from.occurred), to: (!end).then_some(to.occurred) }
            } else {
                Filter::Recorded { from: (!open).then_some(from.recorded), to: (!end).then_some(to.recorded) }
            }
        }
        6 => {
            let at = |dice: &mut Dice| model.first_ordinal + dice.below(256) as u32 * model.rows.len() as u32 / 240;
            Filter::Ordinals { from: at(dice), to: at(dice) }
        }
        7 | 8 => Filter::And(many(dice)),
        9 => Filter::Or(many(dice)),
        _ => Filter::Not(Box::new(filter(dice, model, depth - 1))),
    }
}
