//! Changes by someone who makes the checksums right again: found by hashes, or by what does not agree.

use indelible_evidence::record::Record;
use indelible_format::frame::FrameReader;
use indelible_format::journal::{GroupFacts, put_close_mark};
use indelible_format::manifest::Manifest;
use indelible_format::segment::{BlockHeader, BlockKind, SegmentHeader, TermPage, TermTable};

use crate::sample::Sample;

/// Offsets of a segment's blocks with their headers.
fn blocks(bytes: &[u8]) -> Vec<(usize, BlockHeader)> {
    let mut found = Vec::new();
    let mut at = SegmentHeader::SIZE;
    while let Ok(header) = BlockHeader::decode(&bytes[at..]) {
        found.push((at, header));
        at += header.total() as usize;
    }
    found
}

/// The file with byte `change` of the payload at `at` changed and both checksums of its block made right.
fn forge(bytes: &[u8], at: usize, header: &BlockHeader, change: usize) -> Vec<u8> {
    let mut forged = bytes.to_vec();
    let payload = at + BlockHeader::SIZE..at + header.total() as usize;
    forged[payload.start + change] ^= 1 << (change % 8);
    let again = BlockHeader::new(header.kind, header.encrypted, header.number, &forged[payload]).expect("header");
    forged[at..at + BlockHeader::SIZE].copy_from_slice(&again.encode());
    forged
}

/// All records of a segment file.
fn records(bytes: &[u8]) -> Option<Vec<Vec<Option<Record>>>> {
    let mut terms = TermTable::new();
    let mut all = Vec::new();
    for (at, header) in blocks(bytes) {
        let payload = &bytes[at + BlockHeader::SIZE..at + header.total() as usize];
        match header.kind {
            BlockKind::Terms => terms.load_page(&TermPage::decode(payload).ok()?).ok()?,
            BlockKind::Frame => all.push(FrameReader::open(payload).ok()?.all_records(&terms).ok()?),
            _ => {}
        }
    }
    Some(all)
}

/// [FRM-7] [COM-4]: what passes has changed no value (compressed bytes have more than one form).
#[test]
fn a_changed_block_with_right_checksums_is_found_unless_no_value_changed() {
    let sample = Sample::closed(1, 60);
    let name = &sample.segments()[0];
    let bytes = sample.read(name);
    let before = records(&bytes).expect("records");
    let mut harmless = 0;
    for (at, header) in blocks(&bytes) {
        for change in (0..header.length as usize).step_by(3) {
            let forged = forge(&bytes, at, &header, change);
            sample.write(name, &forged);
            let report = sample.verify();
            if report.is_intact() {
                harmless += 1;
                let data = matches!(header.kind, BlockKind::Frame | BlockKind::Terms);
                assert!(data && records(&forged).as_ref() == Some(&before), "byte {change} of {header:?}");
            }
        }
    }
    assert!(harmless < 20, "{harmless} changes passed");
}

/// What is forged, and how.
type Change = (&'static str, fn(&mut Manifest));

/// [SEG-5] [MAN-3]
#[test]
fn a_manifest_that_tells_another_story_is_found() {
    let sample = Sample::closed(1, 110);
    let bytes = sample.read("MANIFEST");
    let good = Manifest::decode(&bytes).expect("manifest");
    let changes: [Change; 9] = [
        ("origin", |m| m.origin = "other/log".to_owned()),
        ("log id", |m| m.log_id.0[3] ^= 1),
        ("last segment forgotten", |m| {
            m.segments.pop();
        }),
        ("times", |m| m.segments[0].occurred_max += 1),
        ("chain", |m| m.segments.last_mut().expect("segment").chain_after[0] ^= 1),
        ("length", |m| m.segments[1].length += 1),
        ("close mark elsewhere", |m| m.closed.as_mut().expect("closed").journal_length += 96),
        ("incarnation", |m| m.incarnation = 0),
        ("generation", |m| m.segments[0].generation = 7),
    ];
    for (what, change) in changes {
        let mut manifest = good.clone();
        change(&mut manifest);
        if let Some(closed) = &mut manifest.closed
            && what.contains("forgotten")
        {
            closed.frames = manifest.segments.iter().map(|entry| entry.frames).sum();
            closed.next_seq = manifest.segments.iter().map(|entry| entry.records).sum();
        }
        sample.write("MANIFEST", &manifest.encode().expect("encode"));
        assert!(!sample.verify().is_intact(), "{what}");
    }
    sample.write("MANIFEST", &bytes);
    assert!(sample.verify().is_intact());
}

/// The end of a log cut off with everything made to agree: only the signature still knows ([CHK-6]).
#[test]
fn a_log_shortened_by_a_segment_contradicts_its_checkpoint() {
    let sample = Sample::closed(1, 110);
    let mut manifest = Manifest::decode(&sample.read("MANIFEST")).expect("manifest");
    let gone = manifest.segments.pop().expect("segment");
    let closed = manifest.closed.as_mut().expect("closed");
    closed.frames -= gone.frames;
    closed.next_seq -= gone.records;
    let (frames, next_seq, journal_no) = (closed.frames, closed.next_seq, closed.journal_no);
    let name = indelible_format::names::journal_file_name(journal_no);
    let old = indelible_format::journal::JournalHeader::decode(&sample.read(&name)[..64]).expect("header");
    let mut journal = indelible_format::journal::JournalHeader { first_seq: next_seq, ..old }.encode();
    let previous = u32::from_le_bytes(sample.read(&name)[64 + 48..64 + 52].try_into().expect("four bytes"));
    let facts = GroupFacts {
        log_id: old.log_id,
        incarnation: old.incarnation,
        first_seq: next_seq,
        previous_crc: previous,
        durable_to: next_seq,
        framed_to: frames,
    };
    put_close_mark(&mut journal, &facts).expect("mark");
    sample.write(&name, &journal);
    sample.remove(&indelible_format::names::segment_file_name(gone.id, gone.generation));
    sample.write("MANIFEST", &manifest.encode().expect("encode"));
    let report = sample.verify();
    assert_eq!(
        report.breaks.iter().map(|found| found.file.as_str()).collect::<Vec<_>>(),
        ["checkpoint"],
        "{report:#?}"
    );
}
