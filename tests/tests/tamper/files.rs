//! Whole files: cut, removed, swapped, doubled, of another log, older copies put back.

use indelible_engine::verify::VerifyOptions;
use indelible_format::names::{journal_file_name, segment_file_name};
use indelible_format::segment::{BlockHeader, BlockKind, SegmentHeader};

use crate::sample::Sample;

#[test]
fn an_untouched_log_is_intact_in_every_way_of_looking() {
    let sample = Sample::closed(1, 110);
    let full = sample.verify();
    // Genesis and schedule come before the events.
    assert_eq!((full.records, full.journal_records, full.closed), (112, 0, true));
    assert_eq!(full.checkpoint, Some((full.frames, full.root)));
    assert!(full.trusted_log_pub && full.canonical_bytes > 0);
    let options = [
        VerifyOptions { threads: 4, ..VerifyOptions::default() },
        VerifyOptions { quick: true, ..VerifyOptions::default() },
        VerifyOptions { from_seq: Some(30), to_seq: Some(31), ..VerifyOptions::default() },
        VerifyOptions { from_seq: Some(1_000), ..VerifyOptions::default() },
        VerifyOptions { key: Some(sample.key()), ..VerifyOptions::default() },
    ];
    for options in options {
        let report = sample.verify_with(&options);
        assert!(report.is_intact(), "{options:?}: {report:#?}");
        assert_eq!((report.root, report.chain, report.records), (full.root, full.chain, full.records), "{options:?}");
    }
}

/// [CHK-2] [CHK-4]
#[test]
fn another_key_than_the_logs_is_refused() {
    let sample = Sample::closed(1, 30);
    let other = VerifyOptions { key: Some(Sample::closed(2, 1).key()), ..VerifyOptions::default() };
    let report = sample.verify_with(&other);
    assert!(report.breaks.iter().any(|found| found.file == "MANIFEST"), "{report:#?}");
    assert!(report.breaks.iter().any(|found| found.file == "checkpoint"), "{report:#?}");
    let none = VerifyOptions { key: Some("no key".to_owned()), ..VerifyOptions::default() };
    assert!(indelible_engine::verify::verify(&sample.storage(), &none, &mut |_| {}).is_err());
}

/// [MAN-3] [SEG-7] [RCV-2]
#[test]
fn every_file_cut_anywhere_is_found() {
    let sample = Sample::closed(1, 60);
    for name in sample.evidence() {
        let bytes = sample.read(&name);
        let step = (bytes.len() / 60).max(1);
        let lengths = (0..bytes.len()).step_by(step).chain([bytes.len() - 1]);
        for length in lengths {
            sample.write(&name, &bytes[..length]);
            sample.must_name(&name, &format!("{name} cut to {length} bytes"));
        }
        sample.write(&name, &[&bytes[..], &[0]].concat());
        sample.must_name(&name, &format!("{name} with a byte more"));
        sample.write(&name, &bytes);
    }
    assert!(sample.verify().is_intact());
}

/// Without its checkpoint a log is one that signed nothing yet: said in a note, and closed by an anchor elsewhere.
#[test]
fn every_removed_file_is_missed() {
    let sample = Sample::closed(1, 60);
    for name in sample.evidence() {
        let bytes = sample.read(&name);
        sample.remove(&name);
        if name == "checkpoint" {
            let report = sample.verify();
            assert!(report.notes.iter().any(|note| note.contains("no checkpoint")), "{report:#?}");
        } else {
            sample.must_name(&name, &format!("{name} removed"));
        }
        sample.write(&name, &bytes);
    }
}

/// [CONV-8]
#[test]
fn names_that_do_not_belong_are_reported() {
    let sample = Sample::closed(1, 60);
    let segment = sample.read(&sample.segments()[0]);
    let journal = sample.read(&sample.journals()[0]);
    let strangers = [
        ("note.txt".to_owned(), b"hello".to_vec()),
        ("journal/extra".to_owned(), journal.clone()),
        ("segments/1.seg".to_owned(), segment.clone()),
        (segment_file_name(1, 1), segment.clone()),
        (segment_file_name(99, 0), segment.clone()),
        (journal_file_name(900), journal.clone()),
    ];
    for (name, bytes) in strangers {
        sample.write(&name, &bytes);
        let report = sample.verify();
        assert!(report.breaks.iter().any(|found| found.file == name), "{name}: {report:#?}");
        sample.remove(&name);
    }
    for name in ["MANIFEST.tmp", "journal/x.tmp"] {
        sample.write(name, b"half");
        let report = sample.verify();
        assert!(report.is_intact() && report.notes.iter().any(|note| note.contains(name)), "{report:#?}");
        sample.remove(name);
    }
}

/// [COM-3] [MAN-1]
#[test]
fn swapped_and_doubled_segments_are_found() {
    let sample = Sample::closed(1, 110);
    let names = sample.segments();
    let (first, second) = (sample.read(&names[0]), sample.read(&names[1]));
    sample.write(&names[0], &second);
    sample.write(&names[1], &first);
    sample.must_name(&names[0], "swapped");
    sample.must_name(&names[1], "swapped");
    sample.write(&names[0], &first);
    sample.must_name(&names[1], "the first one twice");
}

/// [SEG-3] [COM-3]
#[test]
fn frames_in_another_order_are_found() {
    let sample = Sample::closed(1, 110);
    for name in sample.segments() {
        let bytes = sample.read(&name);
        let blocks = blocks(&bytes);
        let frames: Vec<usize> = (0..blocks.len()).filter(|&i| blocks[i].0 == BlockKind::Frame).collect();
        if frames.len() < 2 {
            continue;
        }
        for pair in frames.windows(2) {
            let mut order: Vec<usize> = (0..blocks.len()).collect();
            order.swap(pair[0], pair[1]);
            let mut again = bytes[..SegmentHeader::SIZE].to_vec();
            let mut end = again.len();
            for &i in &order {
                again.extend_from_slice(&bytes[blocks[i].1.clone()]);
                end = end.max(blocks[i].1.end);
            }
            again.extend_from_slice(&bytes[end..]);
            sample.write(&name, &again);
            sample.must_name(&name, "two frames swapped");
        }
        sample.write(&name, &bytes);
    }
}

fn blocks(bytes: &[u8]) -> Vec<(BlockKind, std::ops::Range<usize>)> {
    let mut found = Vec::new();
    let mut at = SegmentHeader::SIZE;
    while let Ok(header) = BlockHeader::decode(&bytes[at..]) {
        found.push((header.kind, at..at + header.total() as usize));
        at += header.total() as usize;
    }
    found
}

/// [CHK-5]
#[test]
fn files_of_another_log_are_found() {
    let (sample, other) = (Sample::closed(1, 110), Sample::closed(2, 110));
    for name in sample.evidence().into_iter().filter(|name| other.files().contains(name)) {
        let bytes = sample.read(&name);
        sample.write(&name, &other.read(&name));
        let report = sample.verify();
        // A manifest of another log makes everything else foreign.
        let named = report.breaks.iter().any(|found| found.file == name);
        assert!(named || (name == "MANIFEST" && !report.is_intact()), "{name}: {report:#?}");
        sample.write(&name, &bytes);
    }
}

/// A file as it was at an earlier close, among the others as they are now. The checkpoint alone passes, because it was
/// right once: a note says how much it does not cover.
#[test]
fn an_older_copy_of_one_file_is_found() {
    let sample = Sample::closed(1, 50);
    let old = sample.copy();
    let log = sample.reopen();
    sample.emit(&log, 50..90);
    log.close().expect("close");
    assert!(sample.verify().is_intact());
    let mut tried = 0;
    for name in old.evidence() {
        let now = sample.evidence().contains(&name).then(|| sample.read(&name));
        if now.as_deref() == Some(&old.read(&name)) {
            continue;
        }
        tried += 1;
        sample.write(&name, &old.read(&name));
        let report = sample.verify();
        match (&now, name.as_str()) {
            (_, "checkpoint") => {
                assert!(report.notes.iter().any(|note| note.contains("older checkpoint")), "{report:#?}");
            }
            // A journal file that the log has done with: its records lie in frames.
            (None, _) => assert!(report.notes.iter().any(|note| note.contains("left over")), "{name}: {report:#?}"),
            (_, "MANIFEST") => assert!(!report.is_intact(), "{report:#?}"),
            _ => assert!(report.breaks.iter().any(|found| found.file == name), "{name}: {report:#?}"),
        }
        match now {
            Some(bytes) => sample.write(&name, &bytes),
            None => sample.remove(&name),
        }
    }
    assert!(tried >= 4, "{tried} files differ");
}
