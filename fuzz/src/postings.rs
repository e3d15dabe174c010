//! Checks of the index: a run read in place.

use indelible_index::{COLUMNS, Filter, Postings, RunReader};

use crate::{prepared, repair};

/// The payload of an index run.
pub fn index_run(data: &[u8]) {
    run(&prepared(data, repair::index_run));
}

/// Asks everything of a run; one that verifies answers everything, and its answers agree with each other.
pub(crate) fn run(payload: &[u8]) {
    let Ok(reader) = RunReader::open(payload) else { return };
    let sound = reader.verify().is_ok();
    let present = reader.present();
    let zones = reader.zones();
    assert!(!sound || (present.is_ok() && zones.is_ok()), "a verified run can be read");
    for column in COLUMNS {
        let keys = reader.keys(column.field);
        let filter = Filter::Present { field: column.field };
        let bounds = reader.evaluate(&filter);
        let count = reader.count(&filter);
        assert!(!sound || (keys.is_ok() && bounds.is_ok() && count.is_ok()), "a verified run answers");
        if let (true, Ok(keys), Ok(present)) = (sound, &keys, &present) {
            let total: u64 = keys.iter().map(|(_, rows)| rows).sum();
            assert_eq!(total, present.len(), "every row has one key in every column");
            assert!(keys.windows(2).all(|pair| pair[0].0 < pair[1].0), "keys ascend");
        }
        let first = keys.ok().and_then(|keys| keys.last().map(|(key, _)| *key)).unwrap_or(1);
        ask(&reader, column.field, first);
    }
}

fn ask(reader: &RunReader<'_>, field: u8, key: u32) {
    let one = Filter::Key { field, keys: vec![key] };
    let filters = [
        Filter::Not(Box::new(one.clone())),
        Filter::And(vec![one.clone(), Filter::Occurred { from: Some(0), to: None }]),
        Filter::Or(vec![one, Filter::Ordinals { from: 1, to: 3 }]),
    ];
    for filter in filters {
        let _ = (reader.evaluate(&filter), reader.count(&filter));
    }
}
