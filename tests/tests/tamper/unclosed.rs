//! Logs that were not closed: an unfinished tail is a note, damage to what was durable is a break.

use indelible_format::journal::{GroupHeader, JournalHeader};
use indelible_format::segment::{BlockHeader, BlockKind, put_block};

use crate::sample::{Sample, draft};

/// A log as a killed process leaves it: everything written is there, nothing was closed.
fn killed(records: u64) -> Sample {
    let (sample, log) = Sample::open(1);
    sample.emit(&log, 0..records);
    let left = sample.on(sample.disk.crash_keep_all());
    drop(log);
    left
}

/// Offsets of the groups of a journal file, and its length.
fn groups(bytes: &[u8]) -> Vec<usize> {
    let mut at = JournalHeader::SIZE;
    let mut found = vec![at];
    while let Ok(header) = GroupHeader::decode(&bytes[at..]) {
        at += GroupHeader::SIZE + header.length as usize;
        found.push(at);
    }
    found
}

#[test]
fn a_killed_log_is_intact_before_and_after_recovery() {
    let sample = killed(75);
    let report = sample.verify();
    assert!(report.is_intact() && !report.closed, "{report:#?}");
    assert_eq!(report.records + report.journal_records, 77);
    let log = sample.reopen();
    assert!(sample.verify().is_intact());
    log.close().expect("close");
    assert!(sample.verify().is_intact());
}

/// [RCV-1] [RCV-3] [RCV-5]
#[test]
fn crashes_at_any_time_leave_a_log_that_is_intact() {
    for seed in 0..40u64 {
        let (sample, log) = Sample::open(1);
        sample.emit(&log, 0..10 + seed * 3);
        let left = sample.on(sample.disk.crash_with(seed));
        drop(log);
        let report = left.verify();
        assert!(report.is_intact(), "seed {seed}: {report:#?}");
        let log = left.reopen();
        left.emit(&log, 500..530);
        log.close().expect("close");
        let report = left.verify();
        assert!(report.is_intact(), "seed {seed}, recovered: {report:#?}");
    }
}

/// The last journal file cut anywhere in its last group is a torn tail.
#[test]
fn a_torn_tail_alone_is_a_note() {
    let (sample, log) = Sample::open(1);
    sample.emit(&log, 0..40);
    for n in 40..43 {
        log.emit(draft(n)).expect("emit");
        log.flush(None).expect("flush");
    }
    let left = sample.on(sample.disk.crash_keep_all());
    drop(log);
    let name = left.journals().pop().expect("journal");
    let bytes = left.read(&name);
    let groups = groups(&bytes);
    let last = groups[groups.len() - 2];
    for length in last + 1..bytes.len() {
        left.write(&name, &bytes[..length]);
        let report = left.verify();
        assert!(report.is_intact() && report.torn.is_some(), "cut to {length}: {report:#?}");
    }
    for offset in last..bytes.len() {
        left.write(&name, &bytes);
        left.disk.flip_bit(&name, offset as u64, 1).expect("flip");
        let report = left.verify();
        assert!(report.is_intact() && report.torn.is_some(), "byte {offset}: {report:#?}");
    }
    left.write(&name, &[&bytes[..], &[0; 700]].concat());
    let report = left.verify();
    assert!(report.is_intact() && report.torn.is_some(), "zeros behind it: {report:#?}");
    // Everything before the last group was durable, because that group came later.
    for offset in (0..last).step_by(7) {
        left.write(&name, &bytes);
        left.disk.flip_bit(&name, offset as u64, 1).expect("flip");
        left.must_name(&name, &format!("byte {offset} before the last group"));
    }
}

/// Frames that the checkpoint or a later group vouches for are durable also in a segment that grows.
#[test]
fn damage_to_synced_frames_of_an_open_segment_is_found() {
    let sample = killed(75);
    let segments = sample.segments();
    let name = segments.last().expect("segment");
    let bytes = sample.read(name);
    for offset in (0..bytes.len()).step_by(5) {
        sample.disk.flip_bit(name, offset as u64, 2).expect("flip");
        let report = sample.verify();
        let named = report.breaks.iter().any(|found| &found.file == name && found.seqs.is_some());
        // Frames after the last checkpoint that nothing vouches for are made again from the journal.
        let torn = report.torn.as_deref().is_some_and(|torn| torn.contains(name.as_str()));
        assert!(named || torn, "byte {offset}: {report:#?}");
        sample.disk.flip_bit(name, offset as u64, 2).expect("flip back");
    }
    for name in &segments[..segments.len() - 1] {
        for offset in (0..sample.read(name).len()).step_by(41) {
            sample.disk.flip_bit(name, offset as u64, 2).expect("flip");
            sample.must_name(name, &format!("byte {offset} of sealed {name}"));
            sample.disk.flip_bit(name, offset as u64, 2).expect("flip back");
        }
    }
}

#[test]
fn verifying_beside_a_writer_finds_a_log_that_is_intact() {
    let (sample, log) = Sample::open(1);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| sample.emit(&log, 0..3_000));
        let mut seen = 0;
        let mut rounds = 0;
        while !writer.is_finished() || rounds == 0 {
            let report = sample.verify();
            assert!(report.is_intact(), "{report:#?}");
            assert!(report.records >= seen, "frames went away");
            seen = report.records;
            rounds += 1;
        }
    });
    log.close().expect("close");
    let report = sample.verify();
    assert!(report.is_intact() && report.records == 3_002, "{report:#?}");
}

/// A run that a crash left half written behind the last synced frame was called damage: it is as unfinished as a frame.
#[test]
fn a_torn_run_at_the_end_of_an_open_segment_is_a_note() {
    let sample = killed(60);
    let name = sample.segments().pop().expect("segment");
    let bytes = sample.read(&name);
    let whole = sample.verify();
    let mut run = Vec::new();
    put_block(&mut run, BlockKind::Run, false, 0, &[7; 300]).expect("a block");
    for keep in [BlockHeader::SIZE, BlockHeader::SIZE + 1, run.len() - 1, run.len()] {
        // The header made it, of the payload only a part, zeros for the rest.
        let mut torn = run[..keep].to_vec();
        torn.resize(run.len(), 0);
        sample.write(&name, &[&bytes[..], &torn].concat());
        let report = sample.verify();
        assert!(report.is_intact() && report.torn.is_some(), "{keep} bytes of it: {report:#?}");
        assert_eq!(report.frames, whole.frames);
    }
    drop(sample.reopen());
    assert!(sample.verify().is_intact());
}
