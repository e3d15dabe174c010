//! Frames of which something was removed: classes, records, groups; the salts part and its strictness.

use super::super::salts::{put_salts, take_salts};
use super::*;
use indelible_evidence::commit::{GroupState, Pruned, Removal, Stub, prune};

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

/// [FRM-10] [FRM-15]
#[test]
fn a_frame_without_records_has_one_form() {
    let records = some_records(20);
    let everything = |descriptor: &Descriptor| Removal::new().records(descriptor.all_positions());
    let (descriptor, left) = pruned(&records, &everything(&descriptor_of(&records)));
    assert_eq!(left.salts, Salts::Expired);
    let payload = encode(PLAIN, &descriptor, &left.salts, &left.records, &mut TermTable::new());
    assert_eq!(payload, encode_expired(&descriptor).unwrap());
    assert_eq!(payload.len(), 4 + descriptor.encode().len() + 8);
    let frame = FrameReader::open(&payload).unwrap();
    assert_eq!((frame.rows(), frame.removed_positions(0)), (0, descriptor.all_positions()));
    let view = FrameView { descriptor: &descriptor, salts: &left.salts, records: &left.records };
    assert_eq!(prune(&view, &everything(&descriptor)).unwrap(), left, "there is nothing more to take");
    let hashes = indelible_evidence::commit::FrameHashes::of(&view).unwrap();
    assert_eq!((hashes.classes.len(), hashes.frame_root), (0, descriptor.frame_root));
    let states = vec![std::array::from_fn(|_| GroupState::Removed { root: [2; 32] }); descriptor.classes.len()];
    let mut bytes = Vec::new();
    put_salts(&mut bytes, &Salts::Pruned(states));
    assert!(take_salts(1, &bytes, &descriptor).is_err(), "roots are kept of a frame that is gone");
    assert!(take_salts(2, &[0], &descriptor).is_err(), "a salts part in an expired frame");
    let mut with_class_0 = descriptor.clone();
    with_class_0.classes[0].class = 0;
    assert!(take_salts(2, &[], &with_class_0).is_err() && encode_expired(&with_class_0).is_err());
}

/// [FRM-16]
#[test]
fn a_stub_row_is_evidence_and_no_row_for_queries() {
    let records = some_records(12);
    let without = |k, positions| Removal::new().group(k, positions);
    let removal = without(1, 0b1110).and(&without(2, 0b0111)).and(&without(3, 0b0110)).records(1 << 8);
    let payload = check_pruned(&records, &removal);
    let frame = FrameReader::open(&payload).unwrap();
    assert_eq!(frame.stub_positions(), 0b0110);
    assert_eq!(frame.live_positions(), 0b1110_1111_1001);
    assert_eq!((frame.row_of_position(1), frame.live_row_of_position(1)), (Some(1), None));
    assert_eq!((frame.row_of_position(3), frame.live_row_of_position(3)), (Some(3), Some(3)));
    assert_eq!((frame.live_row_of_position(8), frame.live_row_of_position(9)), (None, Some(8)));
    assert_eq!(
        frame.occurred_at(1),
        Ok(records[1].groups.envelope().unwrap().occurred_at),
        "the envelope is still there"
    );
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

    /// Stubs are maximal: whatever the order and the number of steps, what is left has one encoding.
    #[test]
    fn removals_in_steps_leave_what_one_removal_leaves(
        seeds in seeds(1..=64),
        steps in proptest::collection::vec((any::<[u128; 4]>(), any::<[u128; 4]>(), 0usize..6), 1..5),
    ) {
        let records = records(&seeds);
        let (descriptor, mut left) = pruned(&records, &Removal::new());
        let every = descriptor.all_positions();
        let mut union = Removal::new();
        for (some, sparse, class) in steps {
            let positions: [u128; 4] = std::array::from_fn(|k| some[k] & sparse[k] & every);
            let mut step = (1..4).fold(Removal::new().records(positions[0] & sparse[1]), |all, k| all.group(k, positions[k]));
            if let Some(entry) = descriptor.classes.get(class) {
                step = step.class(&descriptor, entry.class);
            }
            union = union.and(&step);
            let view = FrameView { descriptor: &descriptor, salts: &left.salts, records: &left.records };
            left = prune(&view, &step).unwrap();
        }
        let (_, at_once) = pruned(&records, &union);
        prop_assert_eq!(&left, &at_once);
        let bytes = |left: &Pruned| encode(PLAIN, &descriptor, &left.salts, &left.records, &mut TermTable::new());
        prop_assert_eq!(bytes(&left), bytes(&at_once));
    }
}
