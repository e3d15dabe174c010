//! A file that is read a part at a time gives what one gives that is scanned whole.

use indelible_evidence::record::{GroupsWriter, put_transit};
use indelible_evidence::schema::{Field, Kind};
use indelible_format::journal::{GroupFacts, put_close_mark, put_group};

use super::*;
use crate::world::storage::OpenMode;
use crate::world::storage::sim::{SimOptions, SimStorage};

const LOG: LogId = LogId([7; 16]);

/// A journal file of groups with payloads of about these many KiB each, the first two records `less` bytes shorter than others, and
/// where each group begins; the end last.
fn file_of(sizes: &[usize], less: usize, close: bool) -> (Vec<u8>, Vec<usize>) {
    let header = JournalHeader { encrypted: false, log_id: LOG, incarnation: 1, file_no: 1, first_seq: 0 };
    let mut bytes = header.encode();
    let mut starts = Vec::new();
    let mut facts =
        GroupFacts { log_id: LOG, incarnation: 1, first_seq: 0, previous_crc: 0, durable_to: 0, framed_to: 0 };
    for (index, &kib) in sizes.iter().enumerate() {
        let mut payload = Vec::new();
        let mut count = 0;
        while payload.len() < kib << 10 {
            let mut groups = Vec::new();
            let mut writer = GroupsWriter::new(&mut groups, Kind::Event, index as i64);
            writer.text(Field::ACTION, "user.login");
            let shorter = if starts.is_empty() { [less / 2, less - less / 2].get(count).copied() } else { None };
            let length = (60 << 10) - shorter.unwrap_or(0);
            writer.text(Field::METADATA, &"a".repeat(length));
            let ends = writer.finish();
            let groups = Groups::from_parts(groups, ends).expect("a writer's ends ascend");
            put_transit(&mut payload, index as i64, 1, groups.slices());
            count += 1;
        }
        starts.push(bytes.len());
        facts.previous_crc = put_group(&mut bytes, &facts, count, &payload).expect("a group");
        facts.first_seq += count as u64;
        facts.durable_to = facts.first_seq;
        facts.framed_to = index as u64;
    }
    starts.push(bytes.len());
    if close {
        put_close_mark(&mut bytes, &facts).expect("a close mark");
    }
    (bytes, starts)
}

fn read(bytes: &[u8], from_seq: u64) -> Result<JournalState> {
    let disk = SimStorage::new(1, SimOptions::default());
    disk.create_dir("journal").expect("a directory");
    let file = disk.open(&journal_file_name(1), OpenMode::CreateNew).expect("a file");
    file.write_at(bytes, 0).expect("written");
    read_journal(&disk, LOG, 1, from_seq, None)
}

/// Compares with a scan of all bytes at once.
fn check(bytes: &[u8], from_seq: u64, what: &str) {
    let state = read(bytes, from_seq).expect(what);
    let mut scanner = GroupScanner::new(bytes, Position::default()).expect("a header");
    let (mut records, mut last_group, mut stop, mut end_seq) = (Vec::new(), 0, None, 0);
    for next in scanner.by_ref() {
        match next {
            Ok(group) => {
                last_group = group.offset;
                end_seq = group.header.next_seq();
                records.extend(group.records().map(|record| record.expect("a record")));
            }
            Err(found) => stop = Some(found),
        }
    }
    let stop = stop.map(|stop| (stop.offset, stop.error));
    let damage = state.damage.as_ref().map(|damage| (damage.offset, damage.error.clone()));
    assert_eq!(damage, stop, "{what}");
    assert!(state.damage.as_ref().is_none_or(|damage| damage.length == bytes.len() as u64), "{what}");
    assert_eq!((state.last_group, state.last_length), (last_group, bytes.len() as u64), "{what}");
    assert_eq!(
        (state.files.as_slice(), state.closed),
        (&[(1, end_seq)][..], scanner.closed() && stop.is_none()),
        "{what}"
    );
    records.retain(|record| record.seq >= from_seq);
    let read: Vec<&Record> = state.groups.iter().flat_map(|group| &group.records).collect();
    assert!(read.iter().copied().eq(&records), "{what}: other records");
    assert_eq!(state.next_seq, end_seq.max(from_seq), "{what}");
    let header = JournalHeader::decode(bytes).expect("a header");
    let later = stop.and_then(|(offset, _)| find_later_group(&header, bytes, offset as usize + 1, end_seq));
    let because = state.damage.and_then(|damage| damage.durable_because);
    assert_eq!(because, later.map(|offset| format!("a later group at byte {offset} is whole")), "{what}");
}

/// Groups of a few records, of just about as much as is read ahead, and of nearly as much as a group can hold.
const SIZES: [usize; 7] = [60, 3_000, 1_200, 60, 16_000, 4_096, 100];

/// [RCV-3]
#[test]
fn groups_that_reach_beyond_what_is_at_hand_are_read_as_from_the_whole_file() {
    for close in [false, true] {
        let (bytes, starts) = file_of(&SIZES, 0, close);
        check(&bytes, 0, "whole");
        for &start in &starts {
            for cut in [start, start + 50, start + 96, start + 1_000].into_iter().filter(|cut| *cut <= bytes.len()) {
                check(&bytes[..cut], 0, &format!("cut at {cut}"));
            }
            for at in [start + 3, start + 45, start + 70, start + 200].into_iter().filter(|at| *at < bytes.len()) {
                let mut changed = bytes.clone();
                changed[at] ^= 0x10;
                check(&changed, 0, &format!("damaged at {at}"));
            }
        }
        for tail in [1, 96, 5 << 20, 17 << 20] {
            let longer = [&bytes[..], &vec![0; tail]].concat();
            check(&longer, 0, &format!("{tail} zeros behind, closed: {close}"));
        }
    }
}

/// The mark ends what was read ahead, and one more byte lies behind that.
#[test]
fn bytes_behind_a_close_mark_are_found_where_the_mark_ends_what_is_at_hand() {
    let ahead = 4 << 20;
    let over = file_of(&[4_090], 0, true).0.len() - ahead;
    assert!(over < 60 << 10, "{over} bytes can be taken off two records without their lengths taking fewer");
    let (bytes, _) = file_of(&[4_090], over, true);
    assert_eq!(bytes.len(), ahead, "the mark ends where the first part does");
    for behind in [0, 1, 96, 5 << 20] {
        check(&[&bytes[..], &vec![1; behind]].concat(), 0, &format!("{behind} bytes behind the mark"));
    }
}

/// What frames hold is skipped, its checksums are not.
#[test]
fn records_that_frames_hold_are_skipped_and_their_groups_checked() {
    let (bytes, starts) = file_of(&SIZES, 0, false);
    let total = read(&bytes, 0).expect("whole").next_seq;
    for from_seq in [0, 1, total / 2, total - 1, total] {
        check(&bytes, from_seq, &format!("from seq {from_seq}"));
        let mut changed = bytes.clone();
        changed[starts[1] + 5_000] ^= 1;
        let damage = read(&changed, from_seq).expect("read to the damage").damage.expect("damage is found");
        assert_eq!((damage.offset, damage.durable_because.is_some()), (starts[1] as u64, true));
    }
}
