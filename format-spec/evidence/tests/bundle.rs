//! Bundles made, checked and attacked: every kind, every bit of the small ones, every way to leave something out.

#[path = "bundle/deletions.rs"]
mod deletions;
#[path = "bundle/vectors.rs"]
mod vectors;

use indelible_evidence::FormatError;
use indelible_evidence::bundle::{Bundle, CheckError, Claim, FILTER_DEPTH_MAX, Filter, Open, check};
use indelible_evidence::bytes::Reader;
use indelible_evidence::checkpoint::{Checkpoint, sign_checkpoint};
use indelible_evidence::key::SigningKey;
use indelible_evidence::record::Record;
use indelible_evidence::schema::Field;
use vectors::refusals::{lies, refit, resealed};
use vectors::sample::{ORIGIN, Sample};

fn record_at(sample: &Sample, seq: u64) -> &Record {
    sample.frames.iter().flat_map(|frame| &frame.records).nth(seq as usize).unwrap()
}

fn refusal(sample: &Sample, bundle: &Bundle) -> CheckError {
    check(&bundle.encode(), &sample.verifier()).expect_err("the bundle lies")
}

/// [BND-1] [BND-5] [BND-7] [BND-8]
#[test]
fn every_kind_checks_and_comes_back_byte_for_byte() {
    let sample = Sample::new();
    for (name, _, bundle) in sample.every_kind() {
        let bytes = bundle.encode();
        assert_eq!(Bundle::decode(&bytes).as_ref(), Ok(&bundle), "{name}");
        let report = check(&bytes, &sample.verifier()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(report.old.is_some(), bundle.old.is_some(), "{name}");
        assert!(!report.rows.is_empty(), "{name}");
        for row in &report.rows {
            let record = record_at(&sample, row.seq);
            assert_eq!((row.recorded_at, row.class), (record.recorded_at, record.class), "{name}");
            for k in 0..4 {
                let shown: &[u8] = if row.open.has_group(k) { record.groups.group(k) } else { &[] };
                assert_eq!(row.groups.group(k), shown, "{name}: seq {} group {k}", row.seq);
            }
        }
    }
}

#[test]
fn reports_say_what_is_shown_disclosed_and_reached() {
    let sample = Sample::new();
    let report = |name: &str| {
        let (_, _, bundle) = sample.every_kind().into_iter().find(|(found, ..)| *found == name).unwrap();
        check(&bundle.encode(), &sample.verifier()).unwrap()
    };
    let correlation = report("bundle-correlation");
    assert!(correlation.reaches_end && correlation.frames == 7);
    assert_eq!((correlation.examined, correlation.rows.len()), (387, 10));
    assert_eq!(correlation.opened, [10, 10, 387, 10]);
    let range = report("bundle-range");
    assert_eq!((range.rows.len(), range.reaches_end), (71, false));
    assert_eq!(report("bundle-header").rows[0].open, Open::HEADER);
    // A withheld group is nowhere in the file.
    let bytes = sample.one(77, Open::EVERYTHING.without_group(3)).encode();
    assert!(!bytes.windows(6).any(|window| window == b"filler") && bytes.windows(4).any(|window| window == b"d-77"));
}

/// A bundle of one record stays small: 4 KiB and the record.
#[test]
fn one_record_is_small() {
    let sample = Sample::new();
    let record = record_at(&sample, 77);
    assert!(sample.one(77, Open::EVERYTHING).encode().len() < 4_096 + record.groups.len());
}

/// [BND-1] [BND-3] [BND-7] [BND-8]
#[test]
fn any_changed_bit_is_refused_even_with_a_fresh_crc() {
    let sample = Sample::new();
    let key = sample.verifier();
    for (name, _, bundle) in sample.every_kind() {
        let bytes = bundle.encode();
        let step = if bytes.len() < 4_096 { 1 } else { 97 };
        for at in (0..bytes.len()).step_by(step) {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(matches!(check(&changed, &key), Err(CheckError::Format(_))), "{name}: byte {at}, stale CRC");
            if at < bytes.len() - 4 {
                assert!(check(&resealed(changed), &key).is_err(), "{name}: byte {at}");
            }
        }
    }
}

/// [BND-1]
#[test]
fn cut_and_longer_files_are_refused() {
    let sample = Sample::new();
    let bytes = sample.one(77, Open::EVERYTHING).encode();
    for end in 0..bytes.len() {
        assert!(check(&bytes[..end], &sample.verifier()).is_err(), "cut at {end}");
        if end >= 4 {
            assert!(check(&resealed(bytes[..end].to_vec()), &sample.verifier()).is_err(), "cut and sealed at {end}");
        }
    }
    assert!(check(&resealed([bytes, vec![0; 4]].concat()), &sample.verifier()).is_err());
}

/// [BND-5]
#[test]
fn another_key_a_rewritten_log_and_a_longer_old_checkpoint_are_refused() {
    let sample = Sample::new();
    let bundle = sample.one(77, Open::EVERYTHING);
    let other = SigningKey::generate([9; 32], ORIGIN).unwrap();
    let refused = check(&bundle.encode(), &other.verifier());
    assert!(matches!(refused, Err(CheckError::Checkpoint { which: "newer", .. })), "{refused:?}");

    let rewritten = Checkpoint { origin: ORIGIN.into(), size: 3, root: [7; 32] };
    let mut with_old = sample.with_old(bundle.clone(), 3);
    let old = with_old.old.as_mut().unwrap();
    old.note = sign_checkpoint(&rewritten, &sample.key).unwrap();
    assert!(matches!(refusal(&sample, &with_old), CheckError::Consistency(_)));

    let mut shorter = sample.with_old(bundle, 3);
    let old = shorter.old.as_mut().unwrap();
    old.note = sign_checkpoint(&Checkpoint { origin: ORIGIN.into(), size: 8, root: [7; 32] }, &sample.key).unwrap();
    assert!(matches!(refusal(&sample, &shorter), CheckError::Consistency(_)));
    old_of(&mut shorter).proof.clear();
    assert!(matches!(refusal(&sample, &shorter), CheckError::Consistency(_)));
}

fn old_of(bundle: &mut Bundle) -> &mut indelible_evidence::bundle::OldCheckpoint {
    bundle.old.as_mut().unwrap()
}

/// [BND-11] [BND-12]
#[test]
fn a_row_left_out_of_a_complete_bundle_is_named() {
    let sample = Sample::new();
    let filter = Filter::any_of(Field::CORRELATION_ID, vec!["c-3".into()]);
    for missing in [100, 140, 170] {
        let skip = |open: Open| move |seq: u64| ((100..=170).contains(&seq) && seq != missing).then_some(open);
        let range = Claim::Range { first: 100, last: 170 };
        let everything = skip(Open::EVERYTHING);
        let bundle = sample.bundle(range, |record| everything(record.seq));
        assert!(matches!(refusal(&sample, &bundle), CheckError::Claim { seq: Some(seq), .. } if seq == missing));

        let disclosed = filter.needs();
        let complete = Claim::Complete { first: 100, last: 170, disclosed, filter: filter.clone() };
        let tested = skip(disclosed);
        let bundle = sample.bundle(complete, |record| tested(record.seq));
        assert!(matches!(refusal(&sample, &bundle), CheckError::Claim { seq: Some(seq), .. } if seq == missing));
    }
}

/// [BND-6] [BND-8] [BND-11]
#[test]
fn a_frame_left_out_is_refused() {
    let sample = Sample::new();
    let whole = sample.range(0, 386, Open::HEADER);
    for missing in 0..whole.frames.len() {
        let mut bundle = whole.clone();
        bundle.frames.remove(missing);
        refit(&sample, &mut bundle);
        assert!(matches!(refusal(&sample, &bundle), CheckError::Claim { .. }), "frame {missing}");
    }
}

/// [BND-6]
#[test]
fn swapped_repeated_and_foreign_frames_are_refused() {
    let sample = Sample::new();
    let range = sample.range(0, 386, Open::HEADER);
    let mut swapped = range.clone();
    swapped.frames.swap(1, 2);
    assert!(matches!(refusal(&sample, &swapped), CheckError::Format(_)));
    let mut repeated = range.clone();
    repeated.frames.insert(2, range.frames[1].clone());
    assert!(matches!(refusal(&sample, &repeated), CheckError::Format(_)));
    let mut foreign = sample.one(77, Open::EVERYTHING);
    foreign.log_id.0[0] ^= 1;
    assert!(matches!(refusal(&sample, &foreign), CheckError::Frame { frame_no: 1, .. }));
    foreign.frames[0].descriptor.log_id = foreign.log_id;
    assert!(matches!(refusal(&sample, &foreign), CheckError::Tree { size: 7 }));
    let mut gap = range;
    gap.frames[2].descriptor.first_seq += 1;
    assert!(matches!(refusal(&sample, &gap), CheckError::Frame { frame_no: 2, .. }));
}

/// [BND-7]
#[test]
fn a_record_of_another_place_cannot_stand_in() {
    let sample = Sample::new();
    let mut bundle = sample.range(100, 110, Open::EVERYTHING);
    let rows = &mut bundle.frames[0].rows;
    let (a, b) = (rows[0].groups.clone(), rows[1].groups.clone());
    rows[0].groups = b;
    rows[1].groups = a;
    assert!(matches!(refusal(&sample, &bundle), CheckError::Frame { frame_no: 1, .. }));
    let mut earlier = sample.one(163, Open::HEADER);
    earlier.frames[0].rows[0].recorded_at -= 1;
    assert!(matches!(refusal(&sample, &earlier), CheckError::Frame { frame_no: 3, .. }));
    let mut table = sample.one(77, Open::EVERYTHING);
    table.frames[0].descriptor.classes[0].recorded_max += 1;
    assert!(refusal(&sample, &table).to_string().contains("tree"));
}

/// [BND-9] [BND-10]
#[test]
fn claims_need_what_they_claim() {
    let sample = Sample::new();
    let open = |seq: u64, open: Open| move |record: &Record| (record.seq == seq).then_some(open);
    let other = sample.bundle(Claim::Record { seq: 78 }, open(77, Open::EVERYTHING));
    assert!(matches!(refusal(&sample, &other), CheckError::Claim { seq: Some(77), .. }));
    let closed = sample.bundle(Claim::Record { seq: 77 }, open(77, Open::group(2)));
    assert!(matches!(refusal(&sample, &closed), CheckError::Claim { seq: Some(77), .. }));
    let two = sample.bundle(Claim::Record { seq: 77 }, |record| (record.seq / 2 == 38).then_some(Open::HEADER));
    assert!(matches!(refusal(&sample, &two), CheckError::Claim { .. }));
    let actor = Filter::any_of(Field::ACTOR_ID, vec!["u-0".into()]);
    let rows = |seq, mask| sample.bundle(Claim::Rows { filter: actor.clone() }, open(seq, mask));
    assert!(check(&rows(77, Open::EVERYTHING).encode(), &sample.verifier()).is_ok());
    assert!(matches!(refusal(&sample, &rows(77, Open::group(0))), CheckError::Claim { seq: Some(77), .. }));
    assert!(matches!(refusal(&sample, &rows(78, Open::EVERYTHING)), CheckError::Claim { seq: Some(78), .. }));
}

/// [BND-12]
#[test]
fn a_complete_claim_discloses_what_it_says_and_no_more() {
    let sample = Sample::new();
    let filter = Filter::any_of(Field::CORRELATION_ID, vec!["c-3".into()]);
    let claim = |disclosed, filter: &Filter| Claim::Complete { first: 60, last: 70, disclosed, filter: filter.clone() };
    let all = |open: Open| move |record: &Record| (60..=70).contains(&record.seq).then_some(open);
    // A row that does not pass shows more than was needed; a row that passes keeps its header closed.
    let more = sample.bundle(claim(Open::group(2), &filter), all(Open::group(2).and(Open::HEADER)));
    assert!(matches!(refusal(&sample, &more), CheckError::Claim { seq: Some(61), .. }));
    let less = sample.bundle(claim(Open::group(2), &filter), all(Open::group(2)));
    assert!(matches!(refusal(&sample, &less), CheckError::Claim { seq: Some(60), .. }));
    let unsaid = sample.bundle(claim(Open::group(0), &filter), all(Open::group(0)));
    assert!(matches!(refusal(&sample, &unsaid), CheckError::Claim { seq: None, .. }));
    let actor = Filter::any_of(Field::ACTOR_ID, vec!["u-0".into()]);
    let identity = sample.bundle(claim(Open::group(1), &actor), all(Open::EVERYTHING));
    assert!(matches!(refusal(&sample, &identity), CheckError::Claim { seq: None, .. }));
}

fn reread(filter: &Filter) -> Result<Filter, FormatError> {
    let mut bytes = Vec::new();
    filter.put(&mut bytes);
    let mut reader = Reader::new("filter", &bytes);
    let read = Filter::take(&mut reader)?;
    reader.end().map(|()| read)
}

/// [BND-4]
#[test]
fn filters_are_bounded_and_have_one_form() {
    let deep = |levels: usize| (1..levels).fold(Filter::everything(), |inner, _| Filter::Not(Box::new(inner)));
    assert_eq!(reread(&deep(FILTER_DEPTH_MAX)).as_ref(), Ok(&deep(FILTER_DEPTH_MAX)));
    assert!(reread(&deep(FILTER_DEPTH_MAX + 1)).is_err());
    assert!(reread(&Filter::Any(vec![Filter::everything(); 4_095])).is_ok());
    assert!(reread(&Filter::Any(vec![Filter::everything(); 4_096])).is_err());
    let refused = [
        Filter::AnyOf(Field::ACTION, vec![]),
        Filter::AnyOf(Field::ACTION, vec!["b".into(), "a".into()]),
        Filter::AnyOf(Field::ACTION, vec!["a".into(), "a".into()]),
        Filter::AnyOf(Field::SEVERITY, vec!["a".into()]),
        Filter::Prefix(Field::ORIGINAL, "a".into()),
        Filter::Codes(Field::ACTION, vec![1]),
        Filter::Codes(Field::SEVERITY, vec![0]),
        Filter::Codes(Field::SEVERITY, vec![2, 1]),
        Filter::Present(Field::PROOF),
    ];
    for filter in refused {
        assert!(reread(&filter).is_err() && filter.check().is_err(), "{filter:?}");
    }
    for bytes in
        [&[0][..], &[10], &[4, 27], &[5, 4], &[1, 3, 0xff, 0xff, 0xff, 0x7f], &[7, 0xff, 0xff, 0xff, 0xff, 0x7f]]
    {
        assert!(Filter::take(&mut Reader::new("filter", bytes)).is_err(), "{bytes:02x?}");
    }
}

/// [BND-1] to [BND-12] as told by whoever lies; see `bundle/refusals.rs`.
#[test]
fn every_lie_is_refused() {
    for lie in lies(&Sample::new()) {
        let key = indelible_evidence::key::VerifierKey::parse(&lie.key).unwrap();
        let refused = check(&lie.bytes, &key);
        assert!(refused.is_err(), "{}: {}", lie.name, lie.about);
        println!("{}: {}", lie.name, refused.unwrap_err());
    }
}

/// The committed files are exactly those that `make_bundle_vectors` writes.
#[test]
fn no_vector_changed_silently() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../bundle-vectors");
    let made = vectors::files();
    for (name, bytes) in &made {
        let committed = std::fs::read(folder.join(name)).unwrap_or_default();
        assert!(committed == *bytes, "{name}: run `cargo run -p indelible-format --example make_bundle_vectors`");
    }
    let committed = std::fs::read_dir(&folder).expect("the folder is there").count();
    assert_eq!(committed, made.len() + 1, "every file but the README is made");
}

/// [WIT-3]
#[test]
fn a_quorum_of_witnesses_is_asked_for() {
    let mut refused = 0;
    for (name, json) in vectors::files().iter().filter(|(name, _)| name.ends_with(".json")) {
        let json: serde_json::Value = serde_json::from_slice(json).unwrap();
        let Some(policy) = json["witnesses"].as_str() else { continue };
        let policy = indelible_evidence::witness::WitnessPolicy::parse(policy).unwrap();
        let bytes = &vectors::files()[&name.replace(".json", ".bundle")];
        let checked = indelible_evidence::bundle::check_witnessed(bytes, &Sample::new().verifier(), &policy);
        assert_eq!(checked.is_err(), json.get("refuse").is_some(), "{name}: {checked:?}");
        refused += u32::from(checked.is_err());
    }
    assert_eq!(refused, 2);
}
