//! Commitments against the naive oracle; pruned frames that still verify; changes that are caught.

use proptest::prelude::*;

use super::*;
use crate::error::Problem;
use crate::record::Groups;

type ChangeDescriptor = fn(&mut Descriptor);
/// Changes removed ranks, stubs and salts.
type ChangePartly = fn(&mut u128, &mut Vec<Stub>, &mut Vec<Salt>);

const SALT_KEY: Hash = [0x5a; 32];
const FACTS: FrameFacts =
    FrameFacts { log_id: LogId([3; 16]), frame_no: 7, schedule_version: 2, key_epoch: 1, lost_events: 5 };

/// A record whose groups are what the log would take, up to the fields' contents.
fn record(seq: u64, class: u16, recorded_at: i64, occurred_at: i64, lengths: [usize; 4]) -> Record {
    let filler = |k: usize, length: usize| -> Vec<u8> {
        (0..length).map(|i| (seq as usize % 251 * 7 + k * 31 + i * 13 + (i >> 6)) as u8).collect()
    };
    let mut envelope = vec![1, SCHEMA];
    envelope.extend_from_slice(&occurred_at.to_le_bytes());
    envelope.push(0);
    envelope.extend(filler(0, lengths[0]));
    let [_, one, two, three] = [0, 1, 2, 3].map(|k| filler(k, lengths[k].max(1)));
    Record { seq, recorded_at, class, groups: Groups::from_slices([&envelope, &one, &two, &three]) }
}

/// A small frame with three classes, of which one has a single record.
fn small_frame() -> Vec<Record> {
    let classes = [4, 1, 4, 9, 4, 9, 4, 4, 9, 9];
    let records = classes.iter().zip(0i64..).map(|(&class, i)| {
        let recorded_at = 1_700_000_000_000_000_000 + i * 700_000_001;
        record(1_000 + i as u64, class, recorded_at, recorded_at - i * i * 3_000_000_000, [60, 90, 30, 170])
    });
    records.collect()
}

fn refs(records: &[Record]) -> Vec<RecordRef<'_>> {
    records.iter().map(RecordRef::from).collect()
}

fn committed(records: &[Record]) -> (Descriptor, Salts, Vec<Option<Record>>) {
    let descriptor = commit_frame(&FACTS, &refs(records), &SALT_KEY).unwrap();
    (descriptor, Salts::Whole(SALT_KEY), records.iter().cloned().map(Some).collect())
}

fn verify(descriptor: &Descriptor, salts: &Salts, records: &[Option<Record>]) -> Result<(), FormatError> {
    verify_frame(&FrameView { descriptor, salts, records })
}

fn pruned(records: &[Record], removal: &Removal) -> (Descriptor, Pruned) {
    let (descriptor, salts, all) = committed(records);
    let pruned = prune(&FrameView { descriptor: &descriptor, salts: &salts, records: &all }, removal).unwrap();
    (descriptor, pruned)
}

fn any_record() -> impl Strategy<Value = (u16, i64, i64, [usize; 4])> {
    let length = prop_oneof![8 => 0usize..300, 1 => 900usize..1_100, 1 => 1_100usize..5_000];
    let time = prop_oneof![4 => 1_600_000_000_000_000_000i64..1_800_000_000_000_000_000, 1 => any::<i64>()];
    (prop_oneof![4 => 1u16..5, 1 => 1u16..], time.clone(), time, prop::array::uniform4(length))
}

fn any_frame() -> impl Strategy<Value = Vec<Record>> {
    (0u64..1 << 60, prop::collection::vec(any_record(), 1..=128)).prop_map(|(first, parts)| {
        let records = parts.into_iter().zip(first..);
        records
            .map(|((class, recorded, occurred, lengths), seq)| record(seq, class, recorded, occurred, lengths))
            .collect()
    })
}

/// Bits set with a chance of none, a few, half, all.
fn any_bits() -> impl Strategy<Value = u128> {
    prop_oneof![
        3 => Just(0u128),
        1 => Just(u128::MAX),
        2 => any::<u128>(),
        2 => (any::<u128>(), any::<u128>(), any::<u128>()).prop_map(|(a, b, c)| a & b & c),
    ]
}

/// Records, one class, and single groups, cut to the frame.
fn any_removal() -> impl Strategy<Value = (u128, Option<u16>, [u128; 3])> {
    (any_bits(), prop::option::of(0u16..4), prop::array::uniform3(any_bits()))
}

fn removal_in(descriptor: &Descriptor, (records, class, groups): (u128, Option<u16>, [u128; 3])) -> Removal {
    let all = descriptor.all_positions();
    let mut removal = Removal::new().records(records & all);
    if let Some(class) = class {
        removal = removal.class(descriptor, class);
    }
    groups.into_iter().zip(1..).fold(removal, |removal, (positions, k)| removal.group(k, positions & all))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// [COM-4] [COM-5]
    #[test]
    fn the_pipeline_equals_the_prose(records in any_frame()) {
        let refs = refs(&records);
        let (descriptor, salts, all) = committed(&records);
        let naive = naive::classes(&refs, &SALT_KEY);
        prop_assert_eq!(descriptor.frame_root, naive::frame_root(&naive));
        prop_assert_eq!(Descriptor::decode(&descriptor.encode()), Ok(descriptor.clone()));
        prop_assert_eq!(descriptor.classes.len(), naive.len());
        for (entry, naive) in descriptor.classes.iter().zip(&naive) {
            let positions: Vec<usize> = entry.ranks().map(|position| position as usize).collect();
            prop_assert_eq!((entry.class, &positions), (naive.class, &naive.positions));
            prop_assert_eq!([entry.recorded_min, entry.recorded_max, entry.occurred_max], naive.times);
        }
        let hashes = frame_hashes(&refs, &SALT_KEY).unwrap();
        prop_assert_eq!(hashes.frame_root, descriptor.frame_root);
        for (class, naive) in hashes.classes.iter().zip(&naive) {
            prop_assert_eq!(&class.leaves, &naive.leaves);
            for (k, group) in class.groups.iter().enumerate() {
                prop_assert_eq!((group.key, group.root), (Some(naive.keys[k]), naive.roots[k]));
                prop_assert_eq!(&group.g, &naive.g.iter().map(|g| g[k]).collect::<Vec<_>>());
                prop_assert_eq!(&group.salts, &naive.salts.iter().map(|salts| Some(salts[k])).collect::<Vec<_>>());
            }
        }
        prop_assert_eq!(verify(&descriptor, &salts, &all), Ok(()));
    }

    /// [COM-6] [FRM-1] [FRM-2] [FRM-3]
    #[test]
    fn whatever_is_removed_the_root_stays(records in any_frame(), first in any_removal(), second in any_removal()) {
        let (descriptor, salts, all) = committed(&records);
        let whole = FrameView { descriptor: &descriptor, salts: &salts, records: &all };
        let (first, second) = (removal_in(&descriptor, first), removal_in(&descriptor, second));
        let once = prune(&whole, &first).unwrap();
        prop_assert_eq!(verify(&descriptor, &once.salts, &once.records), Ok(()));
        prop_assert_eq!(once.salts == salts, first == Removal::new());

        // In two steps or in one: what is left has one form.
        let view = FrameView { descriptor: &descriptor, salts: &once.salts, records: &once.records };
        let twice = prune(&view, &second).unwrap();
        prop_assert_eq!(verify(&descriptor, &twice.salts, &twice.records), Ok(()));
        prop_assert_eq!(prune(&whole, &first.and(&second)).unwrap(), twice);
    }
}

#[test]
fn a_committer_forgets_the_frame_before() {
    let mut committer = Committer::new();
    let frames = [small_frame(), small_frame()[3..].to_vec(), vec![record(5, 1, 0, 0, [3_000; 4])], small_frame()];
    for frame in &frames {
        // A frame that fails half-way leaves nothing behind either.
        let mut broken = frame.clone();
        if let Some(last) = broken.last_mut() {
            last.groups = Groups::from_slices([&[99; 20], &[0], &[0], &[0]]);
        }
        assert!(committer.commit(&FACTS, &refs(&broken), &SALT_KEY).is_err());
        let again = committer.commit(&FACTS, &refs(frame), &SALT_KEY).unwrap();
        assert_eq!(again, commit_frame(&FACTS, &refs(frame), &SALT_KEY).unwrap());
        let (descriptor, salts, all) = committed(frame);
        let view = FrameView { descriptor: &descriptor, salts: &salts, records: &all };
        assert_eq!(committer.verify(&view), Ok(()));
    }
}

#[test]
fn what_is_no_frame_is_refused() {
    let good = small_frame();
    let mut gap = good.clone();
    gap[4].seq += 1;
    let mut empty_group = good.clone();
    empty_group[2].groups = Groups::from_slices([&[1; 20], &[0], &[], &[0]]);
    let many = (0..129).map(|seq| record(seq, 0, 0, 0, [1; 4])).collect();
    let large = (0..2).map(|seq| record(seq, 0, 0, 0, [1, 1, 1, 600_000])).collect();
    let last = vec![record(u64::MAX, 0, 0, 0, [1; 4])];
    for (what, records) in
        [("gap", gap), ("group", empty_group), ("many", many), ("large", large), ("last", last), ("none", vec![])]
    {
        assert!(commit_frame(&FACTS, &refs(&records), &SALT_KEY).is_err(), "{what}");
    }
}

#[test]
fn salts_separate_equal_records() {
    let records: Vec<Record> = (0..4).map(|seq| Record { seq, ..record(0, 0, 0, 0, [20; 4]) }).collect();
    let hashes = frame_hashes(&refs(&records), &SALT_KEY).unwrap();
    let mut all: Vec<Hash> = hashes.classes[0].groups.iter().flat_map(|group| group.g.clone()).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 16);
    let other = frame_hashes(&refs(&records), &[1; 32]).unwrap();
    assert_ne!(hashes.frame_root, other.frame_root);
}

/// [COM-3] binds through these values: the chain begins with the log's identity and goes on with each descriptor.
#[test]
fn genesis_and_chain_follow_the_prose() {
    let (id, origin, key) = ([3u8; 16], "log.example/a", "log.example/a+00000000+AAAA");
    let length = |text: &str| (text.len() as u32).to_le_bytes();
    let expected = naive::b3(
        "genesis",
        &[&id, &[1, 0], &[0, 0], &length(origin), origin.as_bytes(), &length(key), key.as_bytes()],
    );
    assert_eq!(genesis_chain(LogId(id), origin, key), expected);
    let descriptor = committed(&small_frame()).0;
    let hashed = descriptor.hashed(&expected);
    assert_eq!(chain(&hashed), naive::b3("chain", &[&descriptor.encode(), &expected]));
}

/// The kinds of pruning that the format knows, by name.
fn prunings(descriptor: &Descriptor) -> Vec<(&'static str, Removal)> {
    vec![
        ("expired class", Removal::new().class(descriptor, 9)),
        ("single records", Removal::new().records(0b1_0000_0101)),
        ("erased group of a class", Removal::new().class_group(descriptor, 4, 1).class_group(descriptor, 4, 3)),
        ("erased group of some records", Removal::new().group(3, 0b100_0100).group(2, 0b1)),
        ("everything", Removal::new().records(descriptor.all_positions())),
        (
            "some of each",
            Removal::new().class(descriptor, 9).records(0b1).group(1, 0b100).class_group(descriptor, 1, 3),
        ),
    ]
}

/// Flips one bit in every value of a removal section, one at a time.
fn changed_salts(salts: &Salts) -> Vec<Salts> {
    let states = match salts {
        Salts::Whole(_) => return vec![Salts::Whole([1; 32])],
        // Nothing in it that could be changed.
        Salts::Expired => return Vec::new(),
        Salts::Pruned(states) => states,
    };
    let mut all = Vec::new();
    for (class, groups) in states.iter().enumerate() {
        for (k, state) in groups.iter().enumerate() {
            let mut changed = Vec::new();
            match state.clone() {
                GroupState::Whole { mut key } => {
                    key[31] ^= 1;
                    changed.push(GroupState::Whole { key });
                }
                GroupState::Removed { mut root } => {
                    root[0] ^= 0x80;
                    changed.push(GroupState::Removed { root });
                }
                GroupState::Partly { removed, stubs, salts } => {
                    for i in 0..stubs.len() {
                        let mut other = [stubs.clone(), stubs.clone(), stubs.clone()];
                        other[0][i].g[5] ^= 1;
                        other[1][i].times = stubs[i].times.map(|(recorded, occurred)| (recorded + 1, occurred));
                        other[2][i].times = stubs[i].times.map(|(recorded, occurred)| (recorded, occurred - 1));
                        let other = other.into_iter().filter(|other| *other != stubs);
                        changed.extend(other.map(|stubs| GroupState::Partly { removed, stubs, salts: salts.clone() }));
                    }
                    for i in 0..salts.len() {
                        let mut other = salts.clone();
                        other[i][15] ^= 1;
                        changed.push(GroupState::Partly { removed, stubs: stubs.clone(), salts: other });
                    }
                }
            }
            all.extend(changed.into_iter().map(|state| {
                let mut states = states.clone();
                states[class][k] = state;
                Salts::Pruned(states)
            }));
        }
    }
    all
}

/// [COM-6]: a changed stub, salt, key, root or time of what was removed does not give the frame root.
#[test]
fn a_changed_removal_section_is_caught() {
    let frame = small_frame();
    for (name, removal) in prunings(&committed(&frame).0) {
        let (descriptor, left) = pruned(&frame, &removal);
        assert_eq!(verify(&descriptor, &left.salts, &left.records), Ok(()), "{name}");
        for salts in changed_salts(&left.salts) {
            let error = verify(&descriptor, &salts, &left.records).unwrap_err();
            assert!(matches!(error.problem, Problem::Hash(_)), "{name}: {error}");
        }
    }
}

/// Every record changed in every way that keeps its form.
fn changed_records(records: &[Option<Record>]) -> Vec<Vec<Option<Record>>> {
    let mut all = Vec::new();
    for position in 0..records.len() {
        let Some(record) = &records[position] else { continue };
        let mut others = vec![None];
        others.push(Some(Record { seq: record.seq + 1, ..record.clone() }));
        others.push(Some(Record { class: record.class ^ 4, ..record.clone() }));
        others.push(Some(Record { recorded_at: record.recorded_at + 1, ..record.clone() }));
        for k in 0..GROUPS {
            for at in 0..record.groups.group(k).len() {
                let mut bytes = record.groups.group(k).to_vec();
                bytes[at] ^= 0x10;
                let mut slices = record.groups.slices();
                slices[k] = &bytes;
                others.push(Some(Record { groups: Groups::from_slices(slices), ..record.clone() }));
            }
            let mut longer = record.groups.group(k).to_vec();
            longer.push(0);
            for other in [&longer[..], &longer[..longer.len().saturating_sub(2)], b"put back"] {
                let mut slices = record.groups.slices();
                slices[k] = other;
                others.push(Some(Record { groups: Groups::from_slices(slices), ..record.clone() }));
            }
        }
        all.extend(others.into_iter().filter(|other| other != &records[position]).map(|other| {
            let mut changed = records.to_vec();
            changed[position] = other;
            changed
        }));
    }
    all
}

/// [COM-4] [COM-6] [FRM-7]
#[test]
fn a_changed_record_is_caught() {
    let frame = small_frame();
    let (descriptor, salts, all) = committed(&frame);
    let mut cases = vec![("whole", Pruned { salts, records: all })];
    cases.extend(prunings(&descriptor).into_iter().map(|(name, removal)| (name, pruned(&frame, &removal).1)));
    for (name, left) in cases {
        for (i, records) in changed_records(&left.records).into_iter().enumerate() {
            assert!(verify(&descriptor, &left.salts, &records).is_err(), "{name}, change {i}");
        }
        let mut put_back = left.records.clone();
        for (place, record) in put_back.iter_mut().zip(&frame) {
            *place = Some(record.clone());
        }
        assert!(put_back == left.records || verify(&descriptor, &left.salts, &put_back).is_err(), "{name}");
        let mut swapped = left.records.clone();
        swapped.swap(0, 2);
        assert!(swapped == left.records || verify(&descriptor, &left.salts, &swapped).is_err(), "{name}");
        assert!(verify(&descriptor, &left.salts, &left.records[1..]).is_err(), "{name}");
    }
}

/// [COM-2] [COM-5]
#[test]
fn a_changed_descriptor_is_caught() {
    let (descriptor, salts, all) = committed(&small_frame());
    let changes: [(&str, ChangeDescriptor); 10] = [
        ("frame root", |d| d.frame_root[0] ^= 1),
        ("first seq", |d| d.first_seq += 1),
        ("count", |d| d.count -= 1),
        ("no records", |d| d.count = 0),
        ("earliest recorded-at", |d| d.classes[1].recorded_min -= 1),
        ("latest recorded-at", |d| d.classes[1].recorded_max += 1),
        ("latest occurred-at", |d| d.classes[2].occurred_max += 1),
        ("class", |d| d.classes[2].class += 1),
        ("position twice", |d| d.classes[2].positions |= 1),
        ("class without positions", |d| d.classes[0].positions = 0),
    ];
    for (what, change) in changes {
        let mut changed = descriptor.clone();
        change(&mut changed);
        assert!(verify(&changed, &salts, &all).is_err(), "{what}");
    }
}

/// [FRM-1] [FRM-2] [FRM-3]
#[test]
fn a_removal_section_has_one_form() {
    let frame = small_frame();
    let hashes = frame_hashes(&refs(&frame), &SALT_KEY).unwrap();
    let descriptor = committed(&frame).0;
    let (_, good) = pruned(&frame, &Removal::new().records(0b101));
    let Salts::Pruned(states) = &good.salts else { panic!("something was removed") };
    // Class 4 has positions 0, 2, 4, 6, 7 and is the second class.
    let partly = states[1].clone();
    let whole = |k: usize| GroupState::Whole { key: hashes.classes[1].groups[k].key.unwrap() };
    let all_whole: Vec<[GroupState; 4]> = hashes
        .classes
        .iter()
        .map(|class| class.groups.each_ref().map(|g| GroupState::Whole { key: g.key.unwrap() }))
        .collect();
    let with = |change: ChangePartly| {
        let mut groups = partly.clone();
        for state in &mut groups {
            if let GroupState::Partly { removed, stubs, salts } = state {
                change(removed, stubs, salts);
            }
        }
        let mut states = states.clone();
        states[1] = groups;
        Salts::Pruned(states)
    };
    let with_group = |k: usize, state: GroupState| {
        let mut states = states.clone();
        states[1][k] = state;
        Salts::Pruned(states)
    };
    let refused = [
        ("nothing removed", Salts::Pruned(all_whole)),
        ("a class too few", Salts::Pruned(states[1..].to_vec())),
        ("no class", Salts::Pruned(vec![])),
        ("removed record keeps group 3", with_group(3, whole(3))),
        ("removed record keeps group 1", with_group(1, whole(1))),
        (
            "expired envelope, groups left",
            with_group(0, GroupState::Removed { root: hashes.classes[1].groups[0].root }),
        ),
        ("no rank removed", with(|removed, stubs, _| (*removed, *stubs) = (0, vec![]))),
        ("no rank kept", with(|removed, _, salts| (*removed, *salts) = (0b11111, vec![]))),
        ("rank above the class", with(|removed, _, _| *removed |= 1 << 5)),
        ("rank 127", with(|removed, _, _| *removed |= 1 << 127)),
        ("a stub too few", with(|_, stubs, _| stubs.truncate(1))),
        ("a salt too many", with(|_, _, salts| salts.push([0; 16]))),
        (
            "times missing or in the wrong group",
            with(|_, stubs, _| {
                stubs.iter_mut().for_each(|stub| stub.times = stub.times.map_or(Some((0, 0)), |_| None));
            }),
        ),
    ];
    assert_eq!(good.salts.check(&descriptor.classes), Ok(()));
    for (what, salts) in refused {
        assert!(salts.check(&descriptor.classes).is_err(), "{what}");
        assert!(verify(&descriptor, &salts, &good.records).is_err(), "{what}");
    }
}

/// [FRM-10]
#[test]
fn nothing_of_class_0_is_removed() {
    let mut frame = small_frame();
    frame[3].class = 0;
    let (descriptor, salts, all) = committed(&frame);
    let view = FrameView { descriptor: &descriptor, salts: &salts, records: &all };
    let removals = [
        Removal::new().records(1 << 3),
        Removal::new().group(1, 1 << 3),
        Removal::new().class_group(&descriptor, 0, 3),
        Removal::new().records(descriptor.all_positions()),
    ];
    for removal in removals {
        assert!(prune(&view, &removal).is_err(), "{removal:?}");
    }
    assert!(prune(&view, &Removal::new().records(1 << 4)).is_ok());
}

/// Above a removed part no key survives, or its salts and with them its content could be guessed at.
#[test]
fn no_key_above_a_removed_part_survives() {
    let frame = small_frame();
    let hashes = frame_hashes(&refs(&frame), &SALT_KEY).unwrap();
    let (descriptor, left) =
        pruned(&frame, &Removal::new().records(0b1).group(3, 0b1000).class(&committed(&frame).0, 1));
    let shown = format!("{:?}", left.salts);
    let shows = |bytes: &[u8]| shown.contains(format!("{bytes:?}").as_str());
    assert!(!shows(&SALT_KEY));
    for (entry, class) in descriptor.classes.iter().zip(&hashes.classes) {
        for (k, group) in class.groups.iter().enumerate() {
            let removed = left.salts.removed_positions(&descriptor, k) & entry.positions;
            assert_eq!(shows(&group.key.unwrap()), removed == 0, "class {}, group {k}", class.class);
            for (position, salt) in entry.ranks().zip(&group.salts) {
                let gone = removed >> position & 1 == 1;
                assert!(!(gone && shows(&salt.unwrap())), "class {}, group {k}, position {position}", class.class);
            }
        }
    }
    assert_eq!(left.salts.removed_positions(&descriptor, 0), 0b11);
    assert_eq!(left.salts.removed_positions(&descriptor, 3), 0b1011);
}

#[test]
fn a_removal_beyond_the_frame_is_refused() {
    let (descriptor, salts, all) = committed(&small_frame());
    let view = FrameView { descriptor: &descriptor, salts: &salts, records: &all };
    assert!(prune(&view, &Removal::new().records(1 << 10)).is_err());
    assert!(prune(&view, &Removal::new().group(2, 1 << 127)).is_err());
}
