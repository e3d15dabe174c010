//! Conjunctions of keys that are rare, frequent, everywhere and nowhere, in every order, against the naive model: each way to
//! narrow rows is taken, and all give the same rows.

mod model;

use indelible_index::{COLUMNS, Filter, Postings, RowKeys, RunReader, build_run};
use model::{Model, Rng, from_rows, matches, truth};

const POSITIONS: usize = 40_000;

/// Field, key, and about how many rows of a run have it, by the form that the key takes.
///
/// Runs in stretches are containers of runs, everything alike is one run, 4,096 rows and fewer are lists.
const KEYS: [(u8, u32, &str); 11] = [
    (0, 1, "every row"),
    (1, 1, "half of the rows, in stretches"),
    (2, 1, "half of the rows, scattered"),
    (3, 1, "a long list"),
    (3, 2, "a short list"),
    (3, 9, "no row"),
    (7, 1, "few rows"),
    (8, 40, "one row or two, among many keys"),
    (13, 1 << 20, "beyond the last key"),
    (15, 77, "a fingerprint in pairs"),
    (16, 5, "a fingerprint in a list"),
];

fn sample(removed_in_100: u64) -> Model {
    let mut rng = Rng(17 + removed_in_100);
    let rows = (0..POSITIONS).map(|at| {
        let mut row = RowKeys { occurred: at as i64, recorded: at as i64, ..RowKeys::default() };
        let mut set = |field: u8, key: u32| row.set(field, key).expect("indexed");
        set(0, 1);
        set(1, u32::from(at / 3_000 % 2 == 0));
        set(2, rng.below(2) as u32);
        set(3, [1, 1, 1, 1, 2, 3, 4, 5].get(rng.below(60) as usize).copied().unwrap_or(6));
        set(7, u32::from(rng.below(700) == 0));
        set(8, rng.below(30_000) as u32);
        set(13, rng.below(3_000) as u32);
        set(15, 1 + (rng.below(1 << 23) as u32).min(rng.below(1 << 23) as u32));
        set(16, 1 + rng.below(300) as u32);
        if at % 9_000 == 8 {
            set(15, 77);
        }
        (rng.below(100) >= removed_in_100).then_some(row)
    });
    from_rows(65_536, rows.collect(), 3)
}

fn key(field: u8, keys: Vec<u32>) -> Filter {
    Filter::Key { field, keys }
}

fn check(model: &Model, run: &RunReader<'_>, filter: &Filter) {
    let bounds = run.evaluate(filter).expect("sound");
    let truth = truth(model, filter);
    assert!(bounds.sure.is_subset(&truth) && truth.is_subset(&bounds.maybe()), "{filter:?}");
    assert!(bounds.sure.is_disjoint(&bounds.unsure), "{filter:?}");
    assert_eq!(run.count(filter).expect("sound"), bounds.count(), "{filter:?}");
    let fingerprints = format!("{filter:?}").contains("field: 15") || format!("{filter:?}").contains("field: 16");
    assert!(fingerprints || bounds.is_exact(), "{filter:?}");
}

#[test]
fn rows_are_narrowed_alike_from_every_kind_of_key_to_every_other() {
    for removed in [0, 20] {
        let model = sample(removed);
        let bytes = build_run(&model.chunks).expect("fits a run");
        let run = RunReader::open(&bytes).expect("opens");
        run.verify().expect("sound");
        for (field, one, _) in KEYS {
            for (other_field, other, _) in KEYS {
                let two = vec![key(field, vec![one]), key(other_field, vec![other])];
                check(&model, &run, &Filter::And(two.clone()));
                for (third_field, third, _) in KEYS {
                    let three = [two.as_slice(), &[key(third_field, vec![third])]].concat();
                    check(&model, &run, &Filter::And(three));
                }
            }
        }
    }
}

#[test]
fn several_keys_absence_negation_and_ordinals_narrow_too() {
    let model = sample(3);
    let bytes = build_run(&model.chunks).expect("fits a run");
    let run = RunReader::open(&bytes).expect("opens");
    let several = [
        key(3, vec![5, 2, 3, 2]),
        key(8, (0..200).collect()),
        key(15, vec![77, 0]),
        key(16, (0..100).collect()),
        key(16, vec![0]),
        key(7, vec![]),
        Filter::Present { field: 7 },
        Filter::Not(Box::new(key(2, vec![1]))),
        Filter::Not(Box::new(key(16, vec![5]))),
        Filter::Ordinals { from: 65_536 + 100, to: 65_536 + 20_000 },
        Filter::Ordinals { from: 0, to: u32::MAX },
        Filter::All,
        Filter::Nothing,
        Filter::Or(vec![key(3, vec![2]), key(7, vec![1])]),
    ];
    for (field, one, _) in KEYS {
        for filter in &several {
            for other in &several {
                check(&model, &run, &Filter::And(vec![key(field, vec![one]), filter.clone(), other.clone()]));
            }
        }
    }
}

#[test]
fn the_sample_has_a_key_of_every_kind() {
    let model = sample(0);
    let rows = |field, key| {
        let of_key = Filter::Key { field, keys: vec![key] };
        model.rows.iter().zip(0..).filter(|(row, at)| row.is_some_and(|row| matches(&of_key, *at, &row))).count()
    };
    let counts = KEYS.map(|(field, key, _)| rows(field, key));
    assert!(counts[0] == POSITIONS && counts[1] > 4_096 && counts[2] > 4_096, "{counts:?}");
    assert!((2_000..4_096).contains(&counts[3]) && (300..2_000).contains(&counts[4]), "{counts:?}");
    assert!((1..200).contains(&counts[6]) && counts[5] == 0 && counts[8] == 0, "{counts:?}");
    assert!(COLUMNS.iter().all(|column| rows(column.field, u32::MAX) == 0));
}
