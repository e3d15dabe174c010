//! Tests of the footer: order, searches, every changed byte.

use super::*;
use proptest::prelude::*;

fn footer() -> Footer {
    let frame = |i: u32| FrameEntry {
        offset: 128 + u64::from(i) * 1000,
        length: 900,
        first_ordinal: i * 100,
        occurred_min: i64::from(i) - 50,
        occurred_max: i64::from(i),
        recorded_first: i64::from(i),
        leaf_hash: [i as u8; 32],
    };
    let page = |field, first, count, offset| PageEntry { offset, length: 100, first, count, field };
    let block = |number, offset| BlockEntry { offset, length: 40, number };
    Footer {
        totals: FooterTotals {
            records: 450,
            occurred_min: -50,
            occurred_max: 4,
            recorded_min: 0,
            recorded_max: 9,
            chain_after: [7; 32],
        },
        frames: (0..5).map(frame).collect(),
        pages: vec![
            page(Field::WORKSPACE, 0, 5, 1028),
            page(Field::ACTION, 0, 10, 1028),
            page(Field::ACTION, 10, 1, 2028),
            page(Field::SESSION, 0, 3, 2028),
        ],
        runs: vec![block(0, 6000), block(300, 7000)],
        lookups: vec![block(0, 8000), block(3, 9000), block(14, 9900)],
    }
}

/// [SEG-5] [CONV-4] [CONV-6]
#[test]
fn round_trip_and_every_changed_byte() {
    let bytes = footer().encode();
    assert_eq!(bytes.len(), 96 + 5 * 72 + 4 * 24 + 5 * 16);
    assert_eq!(Footer::decode(&bytes).unwrap(), footer());
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        if let Ok(read) = Footer::decode(&changed) {
            assert_eq!(read.encode(), changed, "byte {at}");
        }
        assert!(Footer::decode(&bytes[..at]).is_err(), "cut at {at}");
    }
    assert!(Footer::decode(&[0; 96]).is_err());
}

/// [SEG-5]
#[test]
fn entries_out_of_order_are_refused() {
    type Change = fn(&mut Footer);
    let changes: [(&str, Change); 12] = [
        ("frames swapped", |f| f.frames.swap(0, 1)),
        ("frame twice", |f| f.frames.insert(1, f.frames[0])),
        ("first frame missing", |f| f.frames = f.frames.split_off(1)),
        ("frames overlap", |f| f.frames[0].length = 1001),
        ("frame past the records", |f| f.totals.records = 400),
        ("records without frames", |f| f.frames.clear()),
        ("frame over the header", |f| f.frames[0].offset = 127),
        ("times swapped", |f| f.frames[0].occurred_max = -51),
        ("page gap", |f| f.pages[2].first = 11),
        ("page of no terms", |f| f.pages[3].count = 0),
        ("runs swapped", |f| f.runs.swap(0, 1)),
        ("lookup of a field without terms", |f| f.lookups[1].number = 4),
    ];
    for (what, change) in changes {
        let mut changed = footer();
        change(&mut changed);
        assert!(Footer::decode(&changed.encode()).is_err(), "{what}");
    }
}

#[test]
fn searches_find_what_is_there() {
    let bytes = footer().encode();
    let view = FooterView::open(&bytes).unwrap();
    for (ordinal, frame) in [(0, Some(0)), (99, Some(0)), (100, Some(1)), (449, Some(4)), (450, None)] {
        assert_eq!(view.find_frame_by_ordinal(ordinal).unwrap(), frame, "{ordinal}");
    }
    let cases = [
        (Field::ACTION, 0, Some(1028)),
        (Field::ACTION, 10, Some(2028)),
        (Field::ACTION, 11, None),
        (Field::LANE, 0, None),
        (Field::SESSION, 2, Some(2028)),
    ];
    for (field, ordinal, offset) in cases {
        assert_eq!(view.find_page(field, ordinal).unwrap().map(|entry| entry.offset), offset, "{field:?} {ordinal}");
    }
    assert_eq!(view.pages_of(Field::ACTION).unwrap(), 1..3);
    assert_eq!((view.term_count(Field::ACTION).unwrap(), view.term_count(Field::LANE).unwrap()), (11, 0));
    assert_eq!(view.find_lookup(Field::ACTION).unwrap().unwrap().offset, 9000);
    assert_eq!(view.find_lookup(Field::LANE).unwrap(), None);
    assert!(view.frame(5).is_err() && view.page(4).is_err() && view.run(2).is_err() && view.lookup_entry(3).is_err());
}

/// [CONV-5]
#[test]
fn hostile_counts_are_bounded_by_the_bytes() {
    for at in [4, 8, 12, 16] {
        let mut bytes = footer().encode();
        bytes[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(FooterView::open(&bytes).is_err());
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(seed in proptest::collection::vec((0usize..632, any::<u8>()), 0..20)) {
        let mut bytes = footer().encode();
        for (at, value) in seed {
            bytes[at] = value;
        }
        if let Ok(view) = FooterView::open(&bytes) {
            let _ = (view.check(), view.find_frame_by_ordinal(77), view.find_page(Field::ACTION, 3), view.pages_of(Field::LANE));
            let _ = (view.term_count(Field::SESSION), view.find_lookup(Field::ACTION));
        }
    }
}
