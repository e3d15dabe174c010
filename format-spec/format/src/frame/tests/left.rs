//! Frames cut down column by column, against the slow way: records pruned and encoded again with the same ordinals.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;

use super::*;
use crate::segment::{TermPage, TermSource, TermUse};
use indelible_evidence::FormatError;
use indelible_evidence::commit::{Pruned, Removal, prune};

/// Records of which every other one has metadata alone in group 3, of a few templates.
fn with_templates(mut records: Vec<Record>) -> Vec<Record> {
    for (index, record) in records.iter_mut().enumerate().filter(|(index, _)| index % 2 == 1) {
        let n = index % 7;
        let text = match index % 5 {
            0 => format!("{{\"ip\":\"10.0.0.{n}\",\"n\":{index}}}"),
            1 => format!("{{\"n\":{index},\"id\":\"{}\",\"more\":\"{n}\"}}", uuid(n as u8, 4)),
            2 => format!("[\"a{n}\",\"b{index}\"]"),
            3 => "plain".to_owned(),
            _ => format!("\"not closed {n}"),
        };
        let mut group = Vec::new();
        let mut writer = GroupsWriter::new(&mut group, Kind::Event, 0);
        writer.text(Field::METADATA, &text);
        let [_, _, c, d] = writer.finish().map(|end| end as usize);
        let [a, b, correlation, _] = record.groups.slices();
        record.groups = Groups::from_slices([a, b, correlation, &group[c..d]]);
    }
    records
}

fn removal_of(positions: [u128; 4]) -> Removal {
    (1..4).fold(Removal::new().records(positions[0]), |all, k| all.group(k, positions[k]))
}

/// What is left the slow way: verified, pruned, encoded from records with the ordinals of the same segment.
fn slowly(records: &[Record], removal: &Removal, terms: &TermTable) -> (Vec<u8>, Pruned) {
    let descriptor = descriptor_of(records);
    let all: Vec<Option<Record>> = records.iter().cloned().map(Some).collect();
    let left =
        prune(&FrameView { descriptor: &descriptor, salts: &Salts::Whole(KEY), records: &all }, removal).unwrap();
    let mut same = terms.clone();
    let payload = encode(PLAIN, &descriptor, &left.salts, &left.records, &mut same);
    assert_eq!(same.mark(), terms.mark(), "nothing that is left needs a new term");
    (payload, left)
}

/// A table that remembers which terms were asked for.
struct Asked<'a> {
    terms: &'a TermTable,
    asked: RefCell<BTreeSet<(Field, u32)>>,
}

impl TermSource for Asked<'_> {
    fn term(&self, field: Field, ordinal: u32) -> Result<Option<Cow<'_, [u8]>>, FormatError> {
        self.asked.borrow_mut().insert((field, ordinal));
        self.terms.term(field, ordinal)
    }
}

/// Checks that exactly the terms that rebuilding needs are marked, and that the frame is read with voids for all others.
fn check_terms(payload: &[u8], terms: &TermTable) {
    let frame = FrameReader::open(payload).unwrap();
    let asked = Asked { terms, asked: RefCell::default() };
    let records = frame.all_records(&asked).unwrap();
    let mut used = TermUse::none_of(&terms.mark());
    frame.mark_terms(&mut used).unwrap();
    let each = |field: Field| (0..terms.len(field)).map(move |ordinal| (field, ordinal));
    let marked: BTreeSet<_> =
        Field::all().flat_map(each).filter(|&(field, ordinal)| used.has(field, ordinal)).collect();
    assert_eq!(marked, asked.asked.into_inner());
    let mut left = TermTable::new();
    for page in terms.since(&TermTable::new().mark()) {
        left.load_page(&TermPage::decode(&page.retain(|f, o| used.has(f, o)).encode(1).unwrap()).unwrap()).unwrap();
    }
    assert_eq!(frame.all_records(&left).unwrap(), records);
    // [SEG-8] One term more that is void, and a row cannot be rebuilt.
    if let Some(&lost) = marked.first() {
        let mut without = TermTable::new();
        for page in terms.since(&TermTable::new().mark()) {
            without.load_page(&page.retain(|field, ordinal| (field, ordinal) != lost)).unwrap();
        }
        assert!(frame.all_records(&without).is_err(), "{lost:?} is void");
    }
    let none = TermUse::none_of(&TermTable::new().mark());
    assert_eq!(frame.mark_terms(&mut none.clone()).is_err(), !marked.is_empty(), "a segment without terms");
}

#[test]
fn what_goes_as_a_whole_needs_neither_records_nor_terms() {
    let records = some_records(30);
    let (payload, terms) = whole(&records, PLAIN);
    let frame = FrameReader::open(&payload).unwrap();
    let all = Removal::new().records(frame.descriptor().all_positions());
    let left = FramePruner::new(PLAIN).prune(&frame, &all, &TermTable::new()).unwrap();
    assert_eq!((&left, &slowly(&records, &all, &terms).0), (&encode_expired(frame.descriptor()).unwrap(), &left));
    let gone = FrameReader::open(&left).unwrap();
    let again = FramePruner::new(PLAIN).prune(&gone, &Removal::new().records(1), &TermTable::new()).unwrap();
    assert_eq!(again, left, "nothing is left to take");
    assert!(
        FramePruner::new(PLAIN).prune(&gone, &Removal::new().records(1 << 31), &terms).is_err(),
        "beyond the frame"
    );
}

/// [COM-4]
#[test]
fn a_damaged_frame_is_not_cut() {
    let records = with_templates(some_records(30));
    let (payload, terms) = whole(&records, PLAIN);
    let class = Removal::new().class(&descriptor_of(&records), 8);
    let mut refused = 0;
    let body_at = 4 + u32::from_le_bytes(payload[..4].try_into().unwrap()) as usize + 8;
    for at in (body_at..payload.len()).step_by(37) {
        let mut changed = payload.clone();
        changed[at] ^= 1;
        let cut = FrameReader::open(&changed).and_then(|frame| FramePruner::new(PLAIN).prune(&frame, &class, &terms));
        // What is accepted holds the same records in another way, and comes out in the usual one.
        match cut {
            Ok(left) => assert_eq!(left, slowly(&records, &class, &terms).0, "byte {at}"),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 20, "only {refused}");
}

#[test]
fn salts_of_before_are_refused() {
    let records = some_records(8);
    let (payload, terms) = whole(&records, PLAIN);
    let frame = FrameReader::open(&payload).unwrap();
    let left = FramePruner::new(PLAIN).prune(&frame, &Removal::new().records(0b101), &terms).unwrap();
    let (_, less) = slowly(&records, &Removal::new().records(0b1), &terms);
    let mut encoder = FrameEncoder::new(PLAIN);
    assert!(encoder.encode_left(&FrameReader::open(&left).unwrap(), &less.salts).is_err());
    assert!(encoder.encode_left(&FrameReader::open(&left).unwrap(), &Salts::Whole(KEY)).is_err());
    assert_eq!(encoder.encode_left(&frame, &Salts::Whole(KEY)).unwrap(), payload, "nothing goes");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Cut in steps, cut at once, and encoded from pruned records: the same bytes.
    #[test]
    fn cutting_columns_is_pruning_and_encoding(
        seeds in seeds(1..=128),
        steps in proptest::collection::vec((any::<[u128; 4]>(), any::<[u128; 4]>(), 0usize..6), 1..4),
    ) {
        let records = with_templates(records(&seeds));
        let (whole_payload, terms) = whole(&records, PLAIN);
        let descriptor = descriptor_of(&records);
        let every = descriptor.all_positions();
        let mut pruner = FramePruner::new(PLAIN);
        let (mut payload, mut union) = (whole_payload.clone(), Removal::new());
        for (some, sparse, class) in steps {
            let mut step = removal_of(std::array::from_fn(|k| some[k] & sparse[k] & sparse[(k + 1) % 4] & every));
            if let Some(entry) = descriptor.classes.get(class) {
                step = step.class(&descriptor, entry.class);
            }
            union = union.and(&step);
            payload = pruner.prune(&FrameReader::open(&payload).unwrap(), &step, &terms).unwrap();
        }
        let (expected, left) = slowly(&records, &union, &terms);
        prop_assert_eq!(&payload, &expected);
        let at_once = pruner.prune(&FrameReader::open(&whole_payload).unwrap(), &union, &terms).unwrap();
        prop_assert_eq!(&at_once, &expected);
        let (_, salts, back) = read(&payload, &terms).unwrap();
        verify_frame(&FrameView { descriptor: &descriptor, salts: &salts, records: &back }).unwrap();
        prop_assert_eq!((salts, back), (left.salts, left.records));
        check_terms(&payload, &terms);
    }
}
