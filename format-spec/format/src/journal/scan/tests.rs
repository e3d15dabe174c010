//! Tests of scanning: every cut and every changed byte of a small file, order across groups and files.

use super::super::{GroupFacts, put_close_mark, put_group};
use super::*;
use indelible_evidence::LogId;
use indelible_evidence::record::{GroupsWriter, put_transit};
use indelible_evidence::schema::{Field, Kind};
use proptest::prelude::*;

fn header() -> JournalHeader {
    JournalHeader { encrypted: false, log_id: LogId([1; 16]), incarnation: 2, file_no: 3, first_seq: 100 }
}

fn facts(first_seq: u64, previous_crc: u32) -> GroupFacts {
    let JournalHeader { log_id, incarnation, .. } = header();
    GroupFacts { log_id, incarnation, first_seq, previous_crc, durable_to: first_seq, framed_to: 7 }
}

fn payload(first: u64, count: u64) -> Vec<u8> {
    let mut out = Vec::new();
    for seq in first..first + count {
        let mut groups = Vec::new();
        let mut writer = GroupsWriter::new(&mut groups, Kind::Event, seq as i64);
        writer.text(Field::ACTION, &format!("a.{seq}"));
        let [a, b, c, d] = writer.finish().map(|end| end as usize);
        put_transit(&mut out, seq as i64, 3, [&groups[..a], &groups[a..b], &groups[b..c], &groups[c..d]]);
    }
    out
}

/// Two groups and a close mark, with the offsets where they begin.
fn file() -> (Vec<u8>, [usize; 3]) {
    let mut out = header().encode();
    let first = out.len();
    let crc = put_group(&mut out, &facts(100, 0), 3, &payload(100, 3)).unwrap();
    let second = out.len();
    let crc = put_group(&mut out, &facts(103, crc), 2, &payload(103, 2)).unwrap();
    let close = out.len();
    put_close_mark(&mut out, &facts(105, crc)).unwrap();
    (out, [first, second, close])
}

fn seqs(bytes: &[u8]) -> (Vec<u64>, Option<u64>, bool) {
    let mut scanner = GroupScanner::new(bytes, Position { previous_crc: Some(0), next_seq: Some(100) }).unwrap();
    let (mut seqs, mut stop) = (Vec::new(), None);
    for item in scanner.by_ref() {
        match item {
            Ok(group) => seqs.extend(group.records().map(|record| record.unwrap().seq)),
            Err(error) => stop = Some(error.offset),
        }
    }
    (seqs, stop, scanner.closed())
}

/// [JRN-2] [JRN-4]
#[test]
fn a_whole_file_is_read_to_its_close_mark() {
    let (mut bytes, _) = file();
    assert_eq!(seqs(&bytes), ((100..105).collect(), None, true));
    let end = bytes.len() as u64;
    bytes.push(0);
    assert_eq!(seqs(&bytes), ((100..105).collect(), Some(end), true));
}

/// [CONV-5] [CONV-6]
#[test]
fn every_cut_and_every_changed_byte_stops_at_its_group() {
    let (bytes, starts) = file();
    let expected = |at: usize| {
        let start = starts.iter().rev().find(|&&start| start <= at).copied().unwrap();
        let records = if start == starts[0] {
            100
        } else if start == starts[1] {
            103
        } else {
            105
        };
        ((100..records).collect::<Vec<_>>(), start as u64)
    };
    for at in starts[0]..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 8;
        let (records, start) = expected(at);
        assert_eq!(seqs(&changed), (records.clone(), Some(start), false), "byte {at}");
        let stop = (at as u64 != start).then_some(start);
        assert_eq!(seqs(&bytes[..at]), (records, stop, false), "cut at {at}");
        // Zeros change a file only from the first byte on that was not zero before.
        let zeros = [&bytes[..at], &vec![0; bytes.len() - at][..]].concat();
        let first = (at..bytes.len()).find(|&at| bytes[at] != 0).unwrap();
        assert_eq!(seqs(&zeros).1, Some(expected(first).1), "zeros from {at}");
    }
}

/// [JRN-2] [JRN-3] [JRN-8]
#[test]
fn groups_of_another_place_are_refused() {
    let good = GroupFacts { previous_crc: 0, ..facts(100, 0) };
    let others = [
        GroupFacts { log_id: LogId([2; 16]), ..good },
        GroupFacts { incarnation: 1, ..good },
        GroupFacts { first_seq: 101, ..good },
        GroupFacts { previous_crc: 1, ..good },
    ];
    for (index, facts) in others.into_iter().enumerate() {
        let mut bytes = header().encode();
        put_group(&mut bytes, &facts, 1, &payload(100, 1)).unwrap();
        assert_eq!(seqs(&bytes), (vec![], Some(64), false), "case {index}");
    }
    let after = Position { previous_crc: None, next_seq: Some(99) };
    assert!(GroupScanner::new(&header().encode(), after).is_err());
}

/// [JRN-6]
#[test]
fn a_payload_is_exactly_its_records() {
    let bytes = payload(5, 3);
    assert!(records_of(&bytes, 5, 3).all(|record| record.is_ok()));
    assert_eq!(records_of(&bytes, 5, 2).filter(Result::is_err).count(), 1);
    assert_eq!(records_of(&bytes, 5, 4).filter(Result::is_err).count(), 1);
}

#[test]
fn a_later_group_is_found_behind_damage() {
    let (mut bytes, starts) = file();
    bytes[starts[0] + 3] ^= 1;
    let find = |bytes: &[u8], above| find_later_group(&header(), bytes, starts[0] + 1, above);
    assert_eq!(find(&bytes, 100), Some(starts[1]));
    assert_eq!(find(&bytes, 103), Some(starts[2]));
    assert_eq!(find(&bytes, 105), None);
    bytes[starts[1] + 100] ^= 1;
    assert_eq!(find(&bytes, 100), Some(starts[2]));
    let other = JournalHeader { incarnation: 1, ..header() };
    assert_eq!(find_later_group(&other, &bytes, 0, 0), None);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(tail in proptest::collection::vec(any::<u8>(), 0..300), count in 0u32..9) {
        let bytes = [header().encode(), tail.clone()].concat();
        let _ = seqs(&bytes);
        let _ = records_of(&tail, 0, count).count();
        let _ = find_later_group(&header(), &bytes, 0, 0);
    }
}
