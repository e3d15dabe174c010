//! Tests of encoding 9: metadata that is cut into templates and values.

use super::*;
use crate::segment::{TermSink, TermSource};
use indelible_evidence::record::put_text;

const CODE: u8 = 23;
const PAYLOAD: u8 = 0xf3;

/// An event with this metadata, and a reason where the payload must go another way.
fn event(seq: u64, metadata: &str, reason: Option<&str>) -> Record {
    let mut bytes = Vec::new();
    let mut writer = GroupsWriter::new(&mut bytes, Kind::Event, 5);
    writer.text(Field::WORKSPACE, "acme");
    writer.text(Field::EVENT_ID, &uuid(seq as u8, 7));
    writer.optional(Field::REASON, reason);
    writer.text(Field::METADATA, metadata);
    let [a, b, c, d] = writer.finish().map(|end| end as usize);
    let groups = Groups::from_slices([&bytes[..a], &bytes[a..b], &bytes[b..c], &bytes[c..d]]);
    Record { seq, recorded_at: 7, class: 1, groups }
}

fn events(texts: &[&str]) -> Vec<Record> {
    texts.iter().zip(FIRST_SEQ..).map(|(text, seq)| event(seq, text, None)).collect()
}

fn samples() -> Vec<Record> {
    let mut all = events(&[
        r#"{"ip":"10.0.0.1","request_id":"0195f3a2-0000-4abc-8def-001122334455","duration_ms":31,"path":"/a/1"}"#,
        r#"{"ip":"10.0.0.2","request_id":"0195f3a2-0000-4abc-8def-001122334456","duration_ms":7}"#,
        r#"{"ip":"10.0.0.1","request_id":"0195f3a2-0000-4abc-8def-001122334457","duration_ms":999999999999999999,"path":"/b"}"#,
        r#"{"list":[1,2,300],"text":"one","more":"one","none":null,"float":1.25,"e":""}"#,
        "no json at all",
    ]);
    all.push(event(FIRST_SEQ + 5, r#"{"ip":"10.0.0.9"}"#, Some("because")));
    all.push(event(FIRST_SEQ + 6, "\"not closed", None));
    all.push(event(FIRST_SEQ + 7, &uuid(3, 4), None));
    all.push(event(FIRST_SEQ + 8, "", None));
    all.push(event(FIRST_SEQ + 9, &format!("[\"{}\"]", "long ".repeat(500)), None));
    all
}

fn values(records: &[Option<Record>]) -> Vec<&Record> {
    records.iter().flatten().collect()
}

#[test]
fn texts_come_back_from_templates_and_others_from_the_payload_column() {
    let records = samples();
    let (payload, terms) = whole(&records, PLAIN);
    let (_, _, back) = read(&payload, &terms).unwrap();
    assert_eq!(values(&back), records.iter().collect::<Vec<_>>());
    let frame = FrameReader::open(&payload).unwrap();
    for (row, record) in records.iter().enumerate() {
        assert_eq!(&frame.record(row, &terms).unwrap(), record);
    }
    let parts = Parts::of(&payload);
    let data = &parts.columns[parts.index(CODE)].1;
    // Four templates: with and without a path, the list, and the text without holes.
    assert_eq!((data[0], data[1]), (4, 11));
    assert!(parts.columns.iter().any(|(entry, _)| entry[0] == PAYLOAD));
    let only = whole(&events(&[r#"{"a":1}"#, r#"{"a":2}"#]), PLAIN).0;
    assert!(Parts::of(&only).columns.iter().all(|(entry, _)| entry[0] != PAYLOAD));
}

/// [FRM-13] [FRM-14] [CONV-4]
#[test]
fn a_changed_byte_of_the_column_is_refused_or_gives_other_records() {
    let records = samples();
    let (payload, terms) = whole(&records, PLAIN);
    let good = Parts::of(&payload);
    let column = good.index(CODE);
    for at in 0..good.columns[column].1.len() {
        for bit in 0..8 {
            let mut parts = Parts::of(&payload);
            parts.columns[column].1[at] ^= 1 << bit;
            if let Ok((_, _, back)) = read(&parts.join(), &terms) {
                assert_ne!(values(&back), records.iter().collect::<Vec<_>>(), "byte {at} bit {bit}");
            }
        }
        let mut cut = Parts::of(&payload);
        cut.columns[column].1.truncate(at);
        assert!(read(&cut.join(), &terms).is_err(), "cut at {at}");
    }
}

/// A frame of two rows `{"a":1}` and `{"a":2}` whose column is `data`, read with these metadata terms.
fn with_column(data: &[u8], texts: &[&str]) -> Result<Vec<Option<Record>>, indelible_evidence::FormatError> {
    let records = events(&[r#"{"a":1}"#, r#"{"a":2}"#]);
    let (payload, mut terms) = whole(&records, PLAIN);
    for text in texts {
        let mut value = Vec::new();
        put_text(&mut value, text);
        terms.intern(Field::METADATA, &value);
    }
    let mut parts = Parts::of(&payload);
    let column = parts.index(CODE);
    parts.columns[column].1 = data.to_vec();
    read(&parts.join(), &terms).map(|(_, _, records)| records)
}

/// [FRM-13] [FRM-14]
#[test]
fn malformed_columns_are_refused() {
    let good = [1, 1, 0, 0, 0, 0, 1, 0, 1, 1, 0b11, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0b10];
    assert!(with_column(&good, &[]).is_ok());
    let changes: [(usize, u8, &str); 11] = [
        (0, 0, "no template"),
        (0, 2, "more templates than there are"),
        (1, 2, "a column that no template has"),
        (2, 9, "a term that does not exist"),
        (6, 2, "more holes than columns"),
        (7, 1, "columns not in order of first use"),
        (8, 4, "an unknown kind"),
        (8, 3, "a kind that is not the template's"),
        (9, 2, "wider codes than needed"),
        (10, 0b01, "a row with neither text nor payload"),
        (20, 0, "wider values than needed"),
    ];
    for (at, value, why) in changes {
        let mut changed = good;
        changed[at] = value;
        assert!(with_column(&changed, &[]).is_err(), "{why}");
    }
    let big = [1, 1, 0, 0, 0, 0, 1, 0, 1, 1, 0b11, 255, 255, 99, 167, 179, 182, 224, 13, 1, 0b10];
    assert!(with_column(&big, &[]).is_err(), "a number of more than eighteen digits");
    // Ordinal 1 is added here: a template that its own text would not be cut into.
    for template in ["{\"a\":1}", "{\"a\":\u{1}0}", "{\"a\":\u{1}\u{1}}", "{\"\u{1}\":1}"] {
        let mut other = good;
        other[2] = 1;
        assert!(with_column(&other, &[template]).is_err(), "{template:?}");
    }
    let mut other = good;
    other[2] = 1;
    assert!(with_column(&other, &["[\u{1}]"]).is_ok(), "another template is another text");
}

/// Two values that stand for a text whose own cut has the same template and other values: one text would have two encodings.
///
/// [FRM-14]
#[test]
fn values_that_reach_beyond_their_holes_are_refused() {
    let records = events(&[r#"["x","y"]"#]);
    let (payload, terms) = whole(&records, PLAIN);
    let with = |first: &str, second: &str| {
        let mut other = TermTable::new();
        for field in Field::all() {
            for ordinal in 0..terms.len(field) {
                let mut value = terms.get(field, ordinal).unwrap().to_vec();
                let spelled = |text: &str| {
                    let mut out = Vec::new();
                    put_text(&mut out, text);
                    out
                };
                if field == Field::METADATA && value == spelled("x") {
                    value = spelled(first);
                } else if field == Field::METADATA && value == spelled("y") {
                    value = spelled(second);
                }
                assert_eq!(other.intern(field, &value), ordinal);
            }
        }
        read(&payload, &other).map(|(_, _, records)| records)
    };
    assert!(with("u", "v").is_ok(), "other terms are another text");
    assert!(with("a\\", ",\"b").is_err(), "the first hole would end in the second");
    assert!(with("a\"", "b").is_err() && with("\u{3}", "b").is_err());
}

/// [FRM-9]
#[test]
fn a_row_with_text_and_payload_is_refused() {
    let (payload, terms) = whole(&events(&[r#"{"a":1}"#]), PLAIN);
    let (other, _) = whole(&[event(FIRST_SEQ, r#"{"a":1}"#, Some("r"))], PLAIN);
    let (mut parts, other) = (Parts::of(&payload), Parts::of(&other));
    parts.columns.push(other.columns[other.index(PAYLOAD)].clone());
    assert!(read(&parts.join(), &terms).is_err());
}

/// A table that has no room for metadata beyond what is there.
struct Full(TermTable);

impl TermSink for Full {
    fn intern(&mut self, field: Field, value: &[u8]) -> u32 {
        self.0.intern(field, value)
    }

    fn find_term(&self, field: Field, value: &[u8]) -> Option<u32> {
        self.0.find_term(field, value)
    }

    fn has_room(&self, _: Field) -> bool {
        false
    }
}

impl TermSource for Full {
    fn term(
        &self,
        field: Field,
        ordinal: u32,
    ) -> Result<Option<std::borrow::Cow<'_, [u8]>>, indelible_evidence::FormatError> {
        self.0.term(field, ordinal)
    }
}

#[test]
fn without_room_only_known_terms_are_used() {
    let (_, terms) = whole(&events(&[r#"{"a":"x","n":1}"#]), PLAIN);
    let before = terms.len(Field::METADATA);
    let mut full = Full(terms);
    let records = events(&[r#"{"a":"x","n":2}"#, r#"{"a":"y","n":2}"#, r#"{"b":"x"}"#]);
    let refs: Vec<Option<RecordRef<'_>>> = records.iter().map(|record| Some(RecordRef::from(record))).collect();
    let descriptor = descriptor_of(&records);
    let payload = FrameEncoder::new(PLAIN).encode(&descriptor, &Salts::Whole(KEY), &refs, &mut full).unwrap();
    assert_eq!(full.0.len(Field::METADATA), before);
    let back = FrameReader::open(&payload).unwrap().all_records(&full).unwrap();
    assert_eq!(values(&back), records.iter().collect::<Vec<_>>());
    let parts = Parts::of(&payload);
    assert_eq!(parts.columns[parts.index(PAYLOAD)].1[1], 1, "two rows in one block");
}

proptest! {
    #[test]
    fn any_metadata_comes_back(texts in proptest::collection::vec(r#"(\{"[ab]":("[x-z]{0,3}"|[0-9]{1,20}|-?[0-9.]{1,5}),?\}?|["\\a:0-9]{0,9})"#, 1..=128)) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let records = events(&texts);
        let (payload, terms) = whole(&records, FrameOptions::default());
        let (_, _, back) = read(&payload, &terms).unwrap();
        prop_assert_eq!(values(&back), records.iter().collect::<Vec<_>>());
    }
}
