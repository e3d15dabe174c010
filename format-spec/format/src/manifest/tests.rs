//! Tests of the manifest: the bytes that the chapter describes, order, every changed byte.

use super::*;
use proptest::prelude::*;

fn entry(id: u64, first_seq: u64, first_frame: u64) -> SegmentEntry {
    SegmentEntry {
        id,
        generation: 1,
        state: SegmentState::Sealed,
        first_seq,
        first_frame,
        records: 256,
        frames: 2,
        length: 4096,
        occurred_min: -5,
        occurred_max: 5,
        recorded_min: 1,
        recorded_max: 9,
        chain_before: [id as u8; 32],
        chain_after: [id as u8 + 1; 32],
    }
}

fn manifest() -> Manifest {
    Manifest {
        log_id: LogId([0xab; 16]),
        origin: "log.example/1".to_owned(),
        key: "log.example/1+0a0b0c0d+AQID".to_owned(),
        created_at: 17,
        encrypted: false,
        revision: 4,
        incarnation: 2,
        closed: Some(Closed { journal_no: 3, journal_length: 160, next_seq: 600, frames: 4 }),
        journal_first: 3,
        next_segment: 9,
        segments: vec![entry(1, 0, 0), SegmentEntry { state: SegmentState::Active, ..entry(2, 256, 2) }],
    }
}

/// The body by hand, from the chapter's tables.
fn body_by_hand(manifest: &Manifest) -> Vec<u8> {
    let mut out = manifest.log_id.0.to_vec();
    for text in [&manifest.origin, &manifest.key] {
        out.extend_from_slice(&(text.len() as u64).to_le_bytes());
        out.extend_from_slice(text.as_bytes());
    }
    let put = |out: &mut Vec<u8>, value: u64| out.extend_from_slice(&value.to_le_bytes());
    put(&mut out, manifest.created_at);
    out.push(u8::from(manifest.encrypted));
    put(&mut out, manifest.revision);
    put(&mut out, manifest.incarnation);
    out.push(u8::from(manifest.closed.is_some()));
    if let Some(closed) = manifest.closed {
        for value in [closed.journal_no, closed.journal_length, closed.next_seq, closed.frames] {
            put(&mut out, value);
        }
    }
    put(&mut out, manifest.journal_first);
    put(&mut out, manifest.next_segment);
    put(&mut out, manifest.segments.len() as u64);
    for entry in &manifest.segments {
        put(&mut out, entry.id);
        out.extend_from_slice(&entry.generation.to_le_bytes());
        out.push(entry.state as u8);
        for value in [entry.first_seq, entry.first_frame, entry.records, entry.frames, entry.length] {
            put(&mut out, value);
        }
        for time in [entry.occurred_min, entry.occurred_max, entry.recorded_min, entry.recorded_max] {
            out.extend_from_slice(&time.to_le_bytes());
        }
        out.extend_from_slice(&entry.chain_before);
        out.extend_from_slice(&entry.chain_after);
    }
    out
}

fn with_body(body: &[u8]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    out.extend_from_slice(&[0; 2]);
    out.extend_from_slice(&(body.len() as u32).to_le_bytes());
    out.extend_from_slice(&crc32fast::hash(body).to_le_bytes());
    indelible_evidence::bytes::put_crc_since(&mut out, 0);
    out.extend_from_slice(body);
    out
}

#[test]
fn bytes_are_those_the_chapter_describes() {
    for manifest in [manifest(), Manifest { closed: None, encrypted: true, segments: Vec::new(), ..manifest() }] {
        let bytes = manifest.encode().unwrap();
        assert_eq!(bytes, with_body(&body_by_hand(&manifest)));
        assert_eq!(Manifest::decode(&bytes).unwrap(), manifest);
    }
}

/// [CONV-5] [CONV-6] [MAN-2]
#[test]
fn every_changed_byte_is_noticed() {
    let bytes = manifest().encode().unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 4;
        assert!(Manifest::decode(&changed).is_err(), "byte {at}");
        assert!(Manifest::decode(&bytes[..at]).is_err(), "cut at {at}");
    }
    assert!(Manifest::decode(&[bytes.as_slice(), &[0]].concat()).is_err());
    let body = [body_by_hand(&manifest()), vec![0]].concat();
    assert!(Manifest::decode(&with_body(&body)).is_err(), "a byte after the last segment, checksums right");
    assert!(Manifest::decode(&[0; 200]).is_err());
}

/// [MAN-1] [MAN-4]
#[test]
fn segments_must_follow_each_other() {
    type Change = fn(&mut Manifest);
    let changes: [(&str, Change); 14] = [
        ("ids equal", |m| m.segments[1].id = 1),
        ("id not below next", |m| m.next_segment = 2),
        ("first seq", |m| m.segments[0].first_seq = 1),
        ("seq gap", |m| m.segments[1].first_seq = 257),
        ("frame gap", |m| m.segments[1].first_frame = 3),
        ("chain", |m| m.segments[1].chain_before = [9; 32]),
        ("active not last", |m| m.segments[0].state = SegmentState::Active),
        ("open log, active with values", |m| m.closed = None),
        ("frames of closed", |m| m.closed.as_mut().unwrap().frames = 5),
        ("next seq of closed", |m| m.closed.as_mut().unwrap().next_seq = 511),
        ("journal of closed", |m| m.journal_first = 4),
        ("revision", |m| m.revision = 0),
        ("records overflow", |m| m.segments[1].records = u64::MAX),
        ("frames overflow", |m| m.segments[1].frames = u64::MAX),
    ];
    for (what, change) in changes {
        let mut changed = manifest();
        change(&mut changed);
        assert!(changed.encode().is_err(), "{what}");
        assert!(Manifest::decode(&with_body(&body_by_hand(&changed))).is_err(), "{what}");
    }
}

/// [CONV-3] [CONV-4]
#[test]
fn bytes_of_a_bool_an_option_and_a_state_have_two_values() {
    let body = body_by_hand(&manifest());
    let texts = 16 + 8 + 13 + 8 + 27;
    let encrypted = texts + 8;
    let closed = encrypted + 1 + 16;
    let state = closed + 1 + 32 + 16 + 8 + 12;
    for at in [encrypted, closed, state] {
        let mut changed = body.clone();
        changed[at] = 3;
        assert!(Manifest::decode(&with_body(&changed)).is_err(), "byte {at}");
    }
}

proptest! {
    #[test]
    fn arbitrary_bodies_never_panic_or_allocate_without_bound(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Manifest::decode(&with_body(&body));
        let mut hostile = body_by_hand(&manifest());
        for (at, value) in body.chunks_exact(3).map(|c| (usize::from(u16::from_le_bytes([c[0], c[1]])), c[2])) {
            let length = hostile.len();
            hostile[at % length] = value;
        }
        if let Ok(read) = Manifest::decode(&with_body(&hostile)) {
            prop_assert_eq!(body_by_hand(&read), hostile);
        }
    }
}
