//! Frames of which something was removed: classes, records, groups; the salts part and its strictness.

use super::super::salts::{put_salts, take_salts};
use super::*;
use crate::commit::{GroupState, Pruned, Removal, Stub, prune};

fn pruned(records: &[Record], removal: &Removal) -> (Descriptor, Pruned) {
    let descriptor = descriptor_of(records);
    let all: Vec<Option<Record>> = records.iter().cloned().map(Some).collect();
    let view = FrameView { descriptor: &descriptor, salts: &Salts::Whole(KEY), records: &all };
    let pruned = prune(&view, removal).unwrap();
    (descriptor, pruned)
}

fn check_pruned(records: &[Record], removal: &Removal) -> Vec<u8> {
    let (descriptor, pruned) = pruned(records, removal);
    let mut terms = TermTable::new();
    let payload = encode(PLAIN, &descriptor, &pruned.salts, &pruned.records, &mut terms);
    let (back_descriptor, salts, back) = read(&payload, &terms).unwrap();
    assert_eq!((&back_descriptor, &salts, &back), (&descriptor, &pruned.salts, &pruned.records));
    verify_frame(&FrameView { descriptor: &descriptor, salts: &salts, records: &back }).unwrap();
    let frame = FrameReader::open(&payload).unwrap();
    assert_eq!(frame.rows(), back.iter().flatten().count());
    for (row, record) in back.iter().flatten().enumerate() {
        assert_eq!(frame.seq(row), Some(record.seq));
        assert_eq!(frame.row_of_position((record.seq - FIRST_SEQ) as u32), Some(row));
    }
    payload
}

#[test]
fn every_kind_of_removal_comes_back() {
    let records = some_records(40);
    let descriptor = descriptor_of(&records);
    let class = descriptor.classes[1].class;
    let cases = [
        ("nothing", Removal::new()),
        ("a class", Removal::new().class(&descriptor, class)),
        ("everything", Removal::new().records(descriptor.all_positions())),
        ("some records", Removal::new().records(0b1011 << 7)),
        ("a person", Removal::new().group(1, 0b111 << 3).group(3, 0b111 << 3)),
        ("a group of a class", Removal::new().class_group(&descriptor, class, 3)),
        ("every payload", Removal::new().group(3, descriptor.all_positions())),
        ("all at once", Removal::new().class(&descriptor, class).records(1).group(1, 6).group(2, 12)),
    ];
    for (what, removal) in cases {
        let payload = check_pruned(&records, &removal);
        assert!(!payload.is_empty(), "{what}");
    }
}

/// [FRM-9]
#[test]
fn rows_have_exactly_the_groups_they_kept() {
    let records = some_records(12);
    let erased = Removal::new().group(1, 0b100).group(2, 0b100).group(3, 0b100);
    let (descriptor, pruned) = pruned(&records, &erased);
    let mut terms = TermTable::new();
    let payload = encode(PLAIN, &descriptor, &pruned.salts, &pruned.records, &mut terms);
    let (whole_payload, _) = whole(&records, PLAIN);
    let mut mixed = Parts::of(&payload);
    for code in [8, 15, 0xf3] {
        let before = mixed.columns.clone();
        let other = Parts::of(&whole_payload);
        let at = mixed.index(code);
        mixed.columns[at] = other.columns[other.index(code)].clone();
        assert!(read(&mixed.join(), &terms).is_err(), "field {code:#x} of a row that lost its group");
        mixed.columns = before;
    }
    let (_, other_salts) = super::pruned::pruned(&records, &Removal::new().group(1, 0b100));
    let lost_payload = encode(PLAIN, &descriptor, &pruned.salts, &pruned.records, &mut terms);
    let mut front = Vec::new();
    put_salts(&mut front, &other_salts.salts);
    let d = u32::from_le_bytes(lost_payload[..4].try_into().unwrap()) as usize;
    let old = u32::from_le_bytes(lost_payload[4 + d + 4..4 + d + 8].try_into().unwrap()) as usize;
    let mut changed = lost_payload[..4 + d + 4].to_vec();
    changed.extend_from_slice(&(front.len() as u32).to_le_bytes());
    changed.extend_from_slice(&front);
    changed.extend_from_slice(&lost_payload[4 + d + 8 + old..]);
    assert!(read(&changed, &terms).is_err(), "a row without payload that did not lose it");
}

/// [FRM-1] [FRM-2] [FRM-3]
#[test]
fn only_one_form_of_what_is_left_is_read() {
    let records = some_records(40);
    let descriptor = descriptor_of(&records);
    let class = &descriptor.classes[0];
    let count = class.count();
    assert!(count > 2);
    let partly = |removed: u128, k: usize| {
        let gone = (0..count).filter(|rank| removed >> rank & 1 == 1).count();
        let stub = Stub { g: [4; 32], times: (k == 0).then_some((1, 2)) };
        GroupState::Partly { removed, stubs: vec![stub; gone], salts: vec![[5; 16]; count as usize - gone] }
    };
    let (whole, gone) = (GroupState::Whole { key: [1; 32] }, GroupState::Removed { root: [2; 32] });
    let state = |first: [GroupState; 4]| {
        let mut states = vec![first];
        states.resize(descriptor.classes.len(), std::array::from_fn(|_| whole.clone()));
        Salts::Pruned(states)
    };
    let w = || whole.clone();
    let every = (1u128 << count) - 1;
    let cases = [
        (true, [w(), gone.clone(), w(), w()]),
        (true, [partly(0b10, 0), partly(0b11, 1), gone.clone(), partly(0b10, 3)]),
        (false, [w(), w(), w(), w()]),
        (false, [gone.clone(), gone.clone(), gone.clone(), w()]),
        (false, [partly(0b10, 0), partly(0b01, 1), gone.clone(), gone.clone()]),
        (false, [partly(0b10, 0), w(), gone.clone(), gone.clone()]),
        (false, [w(), partly(0, 1), w(), w()]),
        (false, [w(), partly(every, 1), w(), w()]),
        (false, [w(), partly(1 | 1 << count, 1), w(), w()]),
    ];
    for (index, (good, first)) in cases.into_iter().enumerate() {
        let salts = state(first);
        let mut bytes = Vec::new();
        put_salts(&mut bytes, &salts);
        assert_eq!(take_salts(1, &bytes, &descriptor).is_ok(), good, "case {index}");
        if good {
            assert_eq!(take_salts(1, &bytes, &descriptor).unwrap(), salts);
            assert!(take_salts(0, &bytes, &descriptor).is_err() && take_salts(2, &bytes, &descriptor).is_err());
            bytes.push(0);
            assert!(take_salts(1, &bytes, &descriptor).is_err(), "a trailing byte");
            bytes[0] = 4;
            assert!(take_salts(1, &bytes, &descriptor).is_err(), "an unknown state");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn random_removals_come_back(seeds in seeds(1..=128), gone in any::<[u128; 4]>(), sparse in any::<[u128; 4]>()) {
        let records = records(&seeds);
        let every = descriptor_of(&records).all_positions();
        let positions: [u128; 4] = std::array::from_fn(|k| gone[k] & sparse[k] & every);
        let removal = (1..4).fold(Removal::new().records(positions[0]), |all, k| all.group(k, positions[k]));
        check_pruned(&records, &removal);
    }
}
