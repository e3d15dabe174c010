//! Whole frames come back: all records, single rows, columns in place; sealed ones with their key alone.

use super::*;
use crate::aead::DataKey;
use crate::segment::TermSource;
use indelible_evidence::record::Value;

fn check_round_trip(records: &[Record], options: FrameOptions) {
    let (payload, terms) = whole(records, options);
    let (descriptor, salts, back) = read(&payload, &terms).unwrap();
    assert_eq!(back.iter().flatten().cloned().collect::<Vec<_>>(), records);
    verify_frame(&FrameView { descriptor: &descriptor, salts: &salts, records: &back }).unwrap();
    let again = encode(options, &descriptor, &salts, &back, &mut terms.clone());
    assert_eq!(again, payload, "what decodes encodes to the same bytes");
    assert_eq!(Parts::of(&payload).join(), payload);
}

/// What single-row access says must be what the record says.
fn check_rows(frame: &FrameReader<'_>, terms: &TermTable, records: &[Option<Record>]) {
    let mut cursor = frame.cursor();
    // Backwards, so that the cursor cannot rely on order.
    for row in (0..frame.rows()).rev() {
        let position = frame.position_of_row(row).unwrap();
        assert_eq!(frame.row_of_position(position), Some(row));
        let record = records[position as usize].as_ref().unwrap();
        let head = record.groups.envelope().unwrap();
        assert_eq!(frame.seq(row), Some(record.seq));
        assert_eq!(frame.recorded_at(row), Ok(record.recorded_at));
        assert_eq!((frame.occurred_at(row), frame.kind(row)), (Ok(head.occurred_at), Ok(head.kind)));
        assert_eq!(frame.code(row, Field::KIND), Ok(head.kind));
        assert_eq!(&frame.record(row, terms).unwrap(), record);
        assert_eq!(&cursor.record(row, terms).unwrap(), record);
        for field in Field::all().filter(|field| matches!(field.spec().group, Some(0..=2))) {
            let value = record.groups.value(field).unwrap();
            let text = match value {
                Some(Value::Text(text)) => Some(text.text().into_owned()),
                _ => None,
            };
            let code = if let Some(Value::Code(code)) = value { code } else { 0 };
            assert_eq!(frame.code(row, field).unwrap(), code);
            if field.has_terms() {
                let ordinal = frame.term_ordinal(row, field).unwrap();
                let term = ordinal.map(|ordinal| terms.term(field, ordinal).unwrap().unwrap().into_owned());
                let spelled = text.map(|text| {
                    let mut out = Vec::new();
                    indelible_evidence::record::put_text(&mut out, &text);
                    out
                });
                assert_eq!(term, spelled, "{field:?}");
            } else {
                let found = frame.text2(row, field).unwrap().map(|found| found.text().into_owned());
                assert_eq!(found, text, "{field:?}");
                let found = cursor.text2(row, field).unwrap().map(|found| found.as_ref().text().into_owned());
                assert_eq!(found, text, "{field:?}");
            }
        }
    }
    assert_eq!(frame.position_of_row(frame.rows()), None);
    assert!(frame.record(frame.rows(), terms).is_err());
}

#[test]
fn buffers_of_one_frame_leave_nothing_in_the_rows_of_the_next() {
    let mut buffers = RowBuffers::default();
    for (count, options) in [(128, FrameOptions::default()), (3, PLAIN), (77, FrameOptions::default()), (1, PLAIN)] {
        let records = some_records(count);
        let (payload, terms) = whole(&records, options);
        let frame = FrameReader::open(&payload).unwrap();
        let mut cursor = frame.cursor_with(buffers);
        // To and fro, and past the end, where an error takes buffers away.
        for row in [count / 2, 0, count, count - 1, 1 % count].map(|row| row as usize) {
            let read = cursor.record_ref(row, &terms).map(|record| record.to_record());
            assert_eq!(read.ok().as_ref(), records.get(row), "row {row} of {count}");
        }
        buffers = cursor.into_buffers();
    }
}

/// [FRM-7]
#[test]
fn frames_of_every_size_come_back() {
    for count in [1, 2, 7, 8, 9, 63, 64, 65, 127, 128] {
        let records = some_records(count);
        check_round_trip(&records, FrameOptions::default());
        let (payload, terms) = whole(&records, PLAIN);
        let frame = FrameReader::open(&payload).unwrap().into_owned();
        check_rows(&frame, &terms, &records.into_iter().map(Some).collect::<Vec<_>>());
    }
}

#[test]
fn a_payload_as_large_as_a_frame_comes_back() {
    let mut bytes = Vec::new();
    let mut writer = GroupsWriter::new(&mut bytes, Kind::Event, 5);
    let metadata = "x".repeat(indelible_evidence::FRAME_BYTES_MAX - 19);
    writer.text(Field::METADATA, &metadata);
    let [a, b, c, d] = writer.finish().map(|end| end as usize);
    let groups = Groups::from_slices([&bytes[..a], &bytes[a..b], &bytes[b..c], &bytes[c..d]]);
    assert!(
        groups.len() <= indelible_evidence::FRAME_BYTES_MAX && groups.len() + 4 > indelible_evidence::FRAME_BYTES_MAX
    );
    let records = [Record { seq: 0, recorded_at: 1, class: 0, groups }];
    check_round_trip(&records, FrameOptions::default());
    check_round_trip(&records, PLAIN);
}

/// [ENC-1]
#[test]
fn a_sealed_frame_opens_with_its_key_in_its_place() {
    let (payload, terms) = whole(&some_records(9), FrameOptions::default());
    let key = DataKey::new([7; 32]);
    let sealed = seal_frame(&payload, &key, &[3; 24], 5, 1).unwrap();
    let (descriptor, _) = read_descriptor(&sealed).unwrap();
    assert_eq!(descriptor, read_descriptor(&payload).unwrap().0);
    let frame = FrameReader::open_sealed(&sealed, &key, 5, 1).unwrap();
    assert_eq!(frame.all_records(&terms).unwrap(), read(&payload, &terms).unwrap().2);
    assert!(FrameReader::open_sealed(&sealed, &key, 6, 1).is_err());
    assert!(FrameReader::open_sealed(&sealed, &key, 5, 2).is_err());
    assert!(FrameReader::open_sealed(&sealed, &DataKey::new([8; 32]), 5, 1).is_err());
    assert!(FrameReader::open(&sealed).is_err());
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        // The descriptor is not sealed; seqs, count and place are bound, the rest is hashed into the chain.
        let read = FrameReader::open_sealed(&changed, &key, 5, 1);
        assert!(read.map_or(true, |frame| frame.descriptor() != &descriptor), "byte {at}");
    }
}

#[test]
fn one_encoder_writes_many_frames_alike() {
    let mut encoder = FrameEncoder::new(FrameOptions::default());
    for count in [128, 3, 77, 1] {
        let records = some_records(count);
        let refs: Vec<Option<RecordRef<'_>>> = records.iter().map(|record| Some(record.into())).collect();
        let mut terms = TermTable::new();
        let payload = encoder.encode(&descriptor_of(&records), &Salts::Whole(KEY), &refs, &mut terms).unwrap();
        assert_eq!(payload, whole(&records, FrameOptions::default()).0);
    }
}

/// [FRM-11]
#[test]
fn records_that_are_no_frame_are_refused() {
    let good = some_records(4);
    let descriptor = descriptor_of(&good);
    let mut refs: Vec<Option<RecordRef<'_>>> = good.iter().map(|record| Some(record.into())).collect();
    let mut encoder = FrameEncoder::new(PLAIN);
    let mut try_encode = |refs: &[Option<RecordRef<'_>>]| {
        encoder.encode(&descriptor, &Salts::Whole(KEY), refs, &mut TermTable::new()).is_ok()
    };
    assert!(try_encode(&refs));
    assert!(!try_encode(&refs[..3]), "one is missing");
    let kept = refs[1].take();
    assert!(!try_encode(&refs), "one is removed and the salts keep it");
    let huge = vec![1; indelible_evidence::FRAME_BYTES_MAX];
    for (k, bytes) in [(2, &b""[..]), (0, b"short"), (1, b"\x80"), (1, b"\x01\x03"), (2, b"\x00\x00"), (3, &huge)] {
        refs[1] = kept;
        if let Some(record) = refs[1].as_mut() {
            record.groups[k] = bytes;
        }
        assert!(!try_encode(&refs), "group {k}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn random_frames_come_back(seeds in seeds(1..=128), zstd_level in 0i32..4, block_bytes in 1usize..20_000) {
        check_round_trip(&records(&seeds), FrameOptions { zstd_level, block_bytes: BlockBytes::fixed(block_bytes) });
    }

    #[test]
    fn random_rows_say_what_their_records_say(seeds in seeds(1..=40)) {
        let records = records(&seeds);
        let (payload, terms) = whole(&records, PLAIN);
        let frame = FrameReader::open(&payload).unwrap();
        check_rows(&frame, &terms, &records.into_iter().map(Some).collect::<Vec<_>>());
    }
}

/// Blocks follow the column: one for what is small, a quarter of it each, at most 64 KiB.
#[test]
fn blocks_grow_with_what_a_frame_holds() {
    let sizes = [0, 20 << 10, 128 << 10, 200 << 10, 1 << 20];
    let blocks = sizes.map(|column| BlockBytes::default().of(column) >> 10);
    assert_eq!(blocks, [32, 32, 32, 50, 64]);
    assert_eq!(BlockBytes::fixed(100).of(1 << 20), 100);
    assert_eq!(BlockBytes { min: 10, max: 5 }.of(7), 10, "the lower bound wins");
}
