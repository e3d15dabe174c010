//! A scan that leaves keys for later gives what one gives that reads every key with its frame.

use indelible_evidence::schema::{Field, Kind};
use indelible_format::segment::SegmentHeader;

use super::*;
use crate::draft::Draft;
use crate::options::Options;
use crate::sample;
use crate::step::StepLog;
use crate::world::storage::sim::{SimOptions, SimStorage};
use crate::world::storage::{OpenMode, Storage};

/// The active segment's bytes of a log that was closed after each of `parts` records but the last, and killed after those.
fn segment_of(parts: &[u64]) -> Vec<u8> {
    let disk = SimStorage::new(1, SimOptions::default());
    let config = || sample::config(&disk, Options::default());
    let draft = |n: u64| {
        Draft::write(Kind::Event, Some((n * 7_919 % 5_000) as i64), 1, |groups| {
            groups.text(Field::WORKSPACE, &format!("w-{}", n % 5));
            groups.text(Field::ACTION, &format!("action {}", n / 90));
            groups.text(Field::EVENT_ID, &format!("00000000-0000-7000-8000-{n:012x}"));
        })
    };
    let mut log = StepLog::create(config(), &sample::spec()).expect("create");
    let mut next = 0;
    for (index, &part) in parts.iter().enumerate() {
        log.append((next..next + part).map(draft).collect()).expect("append");
        log.sync().expect("sync");
        log.frame(true).expect("frame");
        next += part;
        if index + 1 < parts.len() {
            log.close().expect("close");
            drop(log);
            log = StepLog::open(config()).expect("open");
        }
    }
    log.sync_frames().expect("sync of frames");
    let name = indelible_format::names::segment_file_name(1, 0);
    disk.read(&name, 1 << 30).expect("the segment")
}

/// Blocks of a segment file: kind, first byte, byte after the last.
fn blocks_of(bytes: &[u8]) -> Vec<(BlockKind, usize, usize)> {
    let mut found = Vec::new();
    let mut at = SegmentHeader::SIZE;
    while at < bytes.len() {
        let header = BlockHeader::decode(&bytes[at..]).expect("a block");
        found.push((header.kind, at, at + header.total() as usize));
        at += header.total() as usize;
    }
    found
}

/// What a scan fills, and how it is asked for.
struct Filled {
    blocks: Blocks,
    header: SegmentHeader,
    directory: Directory,
    terms: TermTable,
}

impl Filled {
    fn over(bytes: &[u8]) -> Self {
        let disk = SimStorage::new(1, SimOptions::default());
        let file = disk.open("seg", OpenMode::CreateNew).expect("a file");
        file.write_at(bytes, 0).expect("written");
        let blocks = Blocks::File(file);
        let header = blocks.header("seg").expect("a segment header");
        let directory = Directory::empty(SegmentHeader::SIZE as u64, header.chain_before);
        Self { blocks, header, directory, terms: TermTable::new() }
    }

    fn scan(&mut self, with: impl FnOnce(&Blocks, &mut Target<'_>) -> Scanned) -> String {
        let Self { blocks, header, directory, terms } = self;
        let mut target = Target { directory, terms, first_seq: header.first_seq, first_frame: header.first_frame };
        let scanned = with(blocks, &mut target);
        let end = match scanned.end {
            ScanEnd::Broken(damage) => format!("broken at {} of {}", damage.offset, damage.file),
            other => format!("{other:?}"),
        };
        format!("{end}, whole to {}", scanned.end_offset)
    }

    /// Everything that readers and the framer ask of it.
    fn content(&self) -> String {
        let directory = &self.directory;
        let runs: Vec<_> = directory.runs.iter().map(|run| (run.entry, run.positions)).collect();
        let terms: Vec<_> = Field::all()
            .map(|field| (0..self.terms.len(field)).map(|n| self.terms.get(field, n)).collect::<Vec<_>>())
            .collect();
        format!(
            "{:?}\n{:?}\n{runs:?}\n{:?}\n{:?}\n{terms:?}",
            directory.frames,
            directory.pages,
            directory.chunks,
            (directory.records(), directory.end, directory.page_count, directory.chain_after, directory.recorded_max),
        )
    }
}

/// Scans both ways; gives how many frames were found.
fn check(bytes: &[u8], what: &str) -> usize {
    let (mut quick, mut full) = (Filled::over(bytes), Filled::over(bytes));
    let ends = (
        quick.scan(|blocks, target| scan_blocks(blocks, "seg", usize::MAX, target)),
        full.scan(|blocks, target| read_blocks(blocks, "seg", usize::MAX, Keys::Now, target)),
    );
    assert_eq!(ends.0, ends.1, "{what}");
    assert!(quick.content() == full.content(), "{what}: not the same directory, {}", ends.0);
    full.directory.frames.len()
}

/// With the checksum of the block from `start` to `end` made right again.
fn checked_again(mut bytes: Vec<u8>, start: usize, end: usize) -> Vec<u8> {
    let old = BlockHeader::decode(&bytes[start..]).expect("a header");
    let payload = bytes[start + BlockHeader::SIZE..end].to_vec();
    let new = BlockHeader::new(old.kind, old.encrypted, old.number, &payload).expect("a header");
    bytes[start..start + BlockHeader::SIZE].copy_from_slice(&new.encode());
    bytes
}

/// Two runs, the second over frames of three openings, and frames behind it.
fn long_segment() -> Vec<u8> {
    let bytes = segment_of(&[1_100, 300, 900, 300]);
    let runs = blocks_of(&bytes).iter().filter(|(kind, ..)| *kind == BlockKind::Run).count();
    assert_eq!(runs, 2, "the segment is the one that this test is about");
    bytes
}

/// [RCV-1] [RCV-2]
#[test]
fn keys_left_for_later_change_nothing_wherever_a_segment_is_torn_or_damaged() {
    let bytes = long_segment();
    let blocks = blocks_of(&bytes);
    let all = check(&bytes, "whole");
    for &(kind, start, end) in &blocks {
        for cut in [start, start + 7, start + BlockHeader::SIZE, (start + end) / 2, end - 1] {
            check(&bytes[..cut], &format!("{kind:?} cut at {cut}"));
        }
        for at in [start + 5, start + 18, start + 40, end - 1] {
            let mut changed = bytes.clone();
            changed[at] ^= 4;
            assert!(check(&changed, &format!("{kind:?} damaged at {at}")) <= all);
        }
        let mut zeros = bytes.clone();
        zeros[start..].fill(0);
        check(&zeros, &format!("zeros from {start}"));
    }
}

/// A run that is whole and not the next one ends a scan, and the frames before it keep their keys.
#[test]
fn runs_that_do_not_follow_leave_the_keys_of_their_frames() {
    let bytes = long_segment();
    let blocks = blocks_of(&bytes);
    let runs: Vec<_> = blocks.iter().filter(|(kind, ..)| *kind == BlockKind::Run).collect();
    let (first, second) = (runs[0].1..runs[0].2, runs[1].1..runs[1].2);
    let without_first = [&bytes[..first.start], &bytes[first.end..]].concat();
    check(&without_first, "the second run without the first");
    let twice = [&bytes[..first.end], &bytes[first.clone()], &bytes[first.end..]].concat();
    check(&twice, "the first run twice");
    let early = [&bytes[..first.end], &bytes[second.clone()], &bytes[first.end..]].concat();
    check(&early, "the second run before its frames");
    let none = [&bytes[..first.start], &bytes[first.end..second.start], &bytes[second.end..]].concat();
    assert_eq!(check(&none, "no run at all"), check(&bytes, "whole"));
}

/// A frame behind the last run whose columns give no keys, right checksum or not, ends a scan: what followed it is forgotten.
#[test]
fn a_frame_without_whole_keys_ends_the_scan_there() {
    let bytes = long_segment();
    let blocks = blocks_of(&bytes);
    let last_run = blocks.iter().rposition(|(kind, ..)| *kind == BlockKind::Run).expect("a run");
    let behind = &blocks[last_run + 1..];
    let &(_, start, end) = behind.iter().find(|(kind, ..)| *kind == BlockKind::Frame).expect("a frame");
    let all = check(&bytes, "whole");
    let mut ended = 0;
    for at in (start + BlockHeader::SIZE..end).step_by(3) {
        for bit in [1, 0x80] {
            let mut changed = bytes.clone();
            changed[at] ^= bit;
            let changed = checked_again(changed, start, end);
            ended += usize::from(check(&changed, &format!("byte {at} of a frame changed, its checksum right")) < all);
        }
    }
    assert!(ended > 0, "none of the changes ended a scan");
}

/// A term page whose block is whole and whose terms were there before ends a scan.
#[test]
fn a_term_page_that_comes_twice_ends_the_scan_there() {
    let bytes = long_segment();
    let pages: Vec<_> = blocks_of(&bytes).into_iter().filter(|(kind, ..)| *kind == BlockKind::Terms).collect();
    let all = check(&bytes, "whole");
    for &(_, start, end) in &pages[1..] {
        let (_, first, first_end) = pages[0];
        let mut twice = [&bytes[..start], &bytes[first..first_end], &bytes[end..]].concat();
        // The number of the page that it stands for, so that only its terms are wrong.
        let number = BlockHeader::decode(&bytes[start..]).expect("a header").number;
        let payload = twice[start + BlockHeader::SIZE..start + first_end - first].to_vec();
        let header = BlockHeader::new(BlockKind::Terms, false, number, &payload).expect("a header");
        twice[start..start + BlockHeader::SIZE].copy_from_slice(&header.encode());
        assert!(check(&twice, &format!("page {number} is page 0 again")) < all);
    }
}

/// A reader beside a writer scans on from where it was, shown a few frames more each time.
#[test]
fn a_scan_in_steps_gives_what_one_scan_gives() {
    let bytes = long_segment();
    let mut steps = Filled::over(&bytes);
    for frames_max in [0, 1, 2, 9, 10, 11, 18, usize::MAX] {
        let mut once = Filled::over(&bytes);
        let ends = (
            steps.scan(|blocks, target| scan_blocks(blocks, "seg", frames_max, target)),
            once.scan(|blocks, target| read_blocks(blocks, "seg", frames_max, Keys::Now, target)),
        );
        assert_eq!(ends.0, ends.1, "up to {frames_max} frames");
        assert!(steps.content() == once.content(), "up to {frames_max} frames");
    }
}
