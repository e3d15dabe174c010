//! Frames that no writer made: every changed byte, columns out of order, values that explode.

use super::*;
use crate::segment::TermSink;

/// A few records of small fields, so that every byte of their frame can be changed in turn.
fn small() -> Vec<Record> {
    some_records(5)
}

/// [CONV-4] [CONV-6] [FRM-5]
#[test]
fn a_changed_byte_is_refused_or_says_something_else() {
    let (payload, terms) = whole(&small(), PLAIN);
    let content = read(&payload, &terms).unwrap();
    let mut refused = 0;
    for at in 0..payload.len() {
        for bit in [0, 1, 3, 6, 7] {
            let mut changed = payload.clone();
            changed[at] ^= 1 << bit;
            match read(&changed, &terms) {
                Ok(other) => assert_ne!(other, content, "byte {at} bit {bit}"),
                Err(_) => refused += 1,
            }
        }
        assert!(read(&payload[..at], &terms).is_err(), "cut at {at}");
    }
    assert!(refused > payload.len(), "strictness refuses a good part of all changes, {refused}");
    assert!(read(&[payload.as_slice(), &[0]].concat(), &terms).is_err());
    assert!(read(&vec![0; payload.len()], &terms).is_err());
}

/// The hash catches whatever a changed byte made of the records.
///
/// [FRM-7]
#[test]
fn what_a_changed_byte_says_does_not_hash_to_the_frame_root() {
    let (payload, terms) = whole(&small(), FrameOptions::default());
    let (descriptor, salts, records) = read(&payload, &terms).unwrap();
    let body_at = 4 + descriptor.encode().len();
    for at in body_at..payload.len() {
        let mut changed = payload.clone();
        changed[at] ^= 0x21;
        let Ok(other) = read(&changed, &terms) else { continue };
        if (&other.1, &other.2) != (&salts, &records) {
            let view = FrameView { descriptor: &other.0, salts: &other.1, records: &other.2 };
            assert!(verify_frame(&view).is_err(), "byte {at}");
        }
    }
}

/// [FRM-4]
#[test]
fn columns_must_ascend_and_the_mandatory_ones_be_there() {
    let (payload, terms) = whole(&small(), PLAIN);
    let good = Parts::of(&payload);
    let count = good.columns.len();
    let refuse = |what: &str, change: &dyn Fn(&mut Parts)| {
        let mut parts = Parts { front: good.front.clone(), columns: good.columns.clone() };
        change(&mut parts);
        assert!(read(&parts.join(), &terms).is_err(), "{what}");
    };
    refuse("swapped", &|parts| parts.columns.swap(0, 1));
    refuse("twice", &|parts| parts.columns.insert(1, parts.columns[0].clone()));
    for code in [26, 0xf0, 0xf1, 0xf2, 0xf3] {
        refuse("missing", &|parts| drop(parts.columns.remove(parts.index(code))));
    }
    for code in [19, 25, 27, 0x80, 0xf4, 0xff] {
        refuse("no such column", &|parts| parts.columns[count - 1].0[0] = code);
    }
    for encoding in 0..10 {
        for at in 0..count {
            if good.columns[at].0[1] != encoding {
                refuse("another encoding", &|parts| parts.columns[at].0[1] = encoding);
            }
        }
    }
    refuse("reserved bytes", &|parts| parts.columns[0].0[2] = 1);
    refuse("a byte more", &|parts| parts.columns[count - 1].1.push(0));
    refuse("a column absent in every row", &|parts| {
        let at = parts.columns.iter().position(|(entry, _)| entry[0] > 7).unwrap();
        assert!(parts.columns.iter().all(|(entry, _)| entry[0] != 6) || at > 0);
        let entry = (vec![6, 1, 0, 0, 0, 0, 0, 0], vec![0, 0]);
        match parts.columns.iter().position(|(entry, _)| entry[0] == 6) {
            Some(own) => parts.columns[own] = entry,
            None => parts.columns.insert(at, entry),
        }
    });
}

/// [SEG-8]
#[test]
fn a_term_that_no_page_has_is_refused() {
    let (payload, _) = whole(&small(), PLAIN);
    assert!(read(&payload, &TermTable::new()).is_err());
    assert!(FrameReader::open(&payload).unwrap().check().is_ok(), "columns alone need no terms");
}

/// [FRM-11]
#[test]
fn a_long_term_in_every_row_does_not_explode() {
    let (payload, terms) = whole(&some_records(128), PLAIN);
    let mut long = TermTable::new();
    let value = [&[0x80, 0x80, 0x60][..], &vec![b'x'; 786_432]].concat();
    for field in Field::all().filter(|field| field.has_terms()) {
        for ordinal in 0..terms.len(field) {
            let mut other = value.clone();
            other[100] = b'a' + (ordinal % 26) as u8;
            other[101] = b'a' + (ordinal / 26) as u8;
            assert_eq!(long.intern(field, &other), ordinal);
        }
    }
    let frame = FrameReader::open(&payload).unwrap();
    assert!(frame.all_records(&long).is_err());
    assert!((0..frame.rows()).all(|row| frame.record(row, &long).is_err()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn scattered_changes_never_panic(
        count in 1u8..30,
        changes in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..30),
        level in 0i32..2,
    ) {
        let (mut payload, terms) = whole(&some_records(count), FrameOptions { zstd_level: level, block_bytes: BlockBytes::fixed(100) });
        let descriptor = read_descriptor(&payload).unwrap().0.encode().len() + 4;
        let body = payload.len() - descriptor;
        for (at, value) in changes {
            payload[descriptor + usize::from(at) % body] = value;
        }
        let _ = read(&payload, &terms);
    }

    #[test]
    fn arbitrary_bodies_never_panic(body in proptest::collection::vec(any::<u8>(), 0..400), columns in 0u8..32) {
        let (payload, terms) = whole(&small(), PLAIN);
        let front = Parts::of(&payload).front;
        let mut made = [front.as_slice(), &body].concat();
        let d = u32::from_le_bytes(made[..4].try_into().unwrap()) as usize;
        made[4 + d + 2] = columns;
        let _ = read(&made, &terms);
        let _ = read(&body, &terms);
    }
}
