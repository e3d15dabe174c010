//! Every byte of every file of a small closed log, one at a time.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::sample::Sample;

/// Bits flipped in each byte: all of them in files that are small.
fn bits(length: usize, offset: usize) -> Vec<u8> {
    if length <= 1024 { (0..8).collect() } else { vec![(offset * 5 % 8) as u8] }
}

/// [CONV-3] [CONV-5] [COM-4] [FRM-7] [SEG-5] [MAN-3] [JRN-4] [RCV-4]
#[test]
fn every_flipped_byte_of_a_closed_log_is_found_and_its_file_named() {
    let sample = Sample::closed(1, 230);
    let report = sample.verify();
    assert!(report.is_intact() && report.torn.is_none() && report.notes.is_empty(), "{report:#?}");
    assert!(report.segments >= 3, "{report:#?}");
    let mut flips = Vec::new();
    for file in sample.evidence() {
        let length = sample.read(&file).len();
        for offset in 0..length {
            flips.extend(bits(length, offset).into_iter().map(|bit| (file.clone(), offset as u64, bit)));
        }
    }
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let own = sample.copy();
                while let Some((file, offset, bit)) = flips.get(next.fetch_add(1, Ordering::Relaxed)) {
                    own.disk.flip_bit(file, *offset, *bit).expect("flip");
                    own.must_name(file, &format!("bit {bit} of byte {offset} of {file}"));
                    own.disk.flip_bit(file, *offset, *bit).expect("flip back");
                }
                assert!(own.verify().is_intact());
            });
        }
    });
}

/// Damage inside a frame is said to be in that frame, with its seqs and no others.
#[test]
fn damage_in_a_frame_names_the_frame_and_its_seqs() {
    use indelible_format::segment::{BlockHeader, BlockKind, SegmentHeader};
    let sample = Sample::closed(1, 230);
    let mut frames = 0;
    for name in sample.segments() {
        let bytes = sample.read(&name);
        let mut at = SegmentHeader::SIZE;
        while let Ok(header) = BlockHeader::decode(&bytes[at..]) {
            let total = header.total() as usize;
            if header.kind == BlockKind::Frame {
                let payload = &bytes[at + BlockHeader::SIZE..at + total];
                let frame = indelible_format::frame::FrameReader::open(payload).expect("frame");
                let first = frame.descriptor().first_seq;
                let last = first + u64::from(frame.descriptor().count) - 1;
                // In the header, in the descriptor, in the body.
                for offset in [at + 9, at + BlockHeader::SIZE + 30, at + total - 1] {
                    sample.disk.flip_bit(&name, offset as u64, 3).expect("flip");
                    let report = sample.verify();
                    let found = &report.breaks[0];
                    let place = (found.file.as_str(), found.frame, found.seqs);
                    assert_eq!(place, (name.as_str(), Some(header.number), Some((first, last))), "{found}");
                    assert!(report.breaks.iter().all(|found| found.file == name), "{report:#?}");
                    sample.disk.flip_bit(&name, offset as u64, 3).expect("flip back");
                }
                frames += 1;
            }
            at += total;
        }
    }
    assert_eq!(frames, sample.verify().frames);
}
