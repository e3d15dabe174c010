//! Damaged and hostile runs: every byte flipped, every truncation, arbitrary bytes, and lies under right checksums.

mod model;

use std::sync::Arc;

use indelible_index::{COLUMNS, Filter, IndexError, KeyChunkBuilder, Postings, RowKeys, RunReader, build_run};
use model::random_model;
use proptest::prelude::*;

/// Touches everything that can be asked of a run; returns the first error.
fn ask_everything(bytes: &[u8]) -> Result<(), IndexError> {
    let run = RunReader::open(bytes)?;
    run.present()?;
    run.zones()?;
    run.evaluate(&Filter::Occurred { from: Some(1_700_000_000_300_000_000), to: None })?;
    for column in &COLUMNS {
        let keys = run.keys(column.field)?;
        let within = (0..run.positions() / 2).collect();
        run.count_by(column.field, &within)?;
        run.evaluate(&Filter::Not(Box::new(Filter::Present { field: column.field })))?;
        for keys in keys.chunks(40) {
            let keys: Vec<u32> = keys.iter().map(|(key, _)| *key).collect();
            let one = Filter::Key { field: column.field, keys: keys.iter().copied().take(1).collect() };
            run.evaluate(&one)?;
            run.count(&one)?;
            run.evaluate(&Filter::Key { field: column.field, keys })?;
        }
    }
    ask_conjunctions(&run)?;
    run.verify()
}

/// The smallest key of each column with those of the columns beside it: lists probed, read and compared, bitmaps asked.
fn ask_conjunctions(run: &RunReader<'_>) -> Result<(), IndexError> {
    let key = |slot: usize| -> Result<Filter, IndexError> {
        let field = COLUMNS[slot % COLUMNS.len()].field;
        Ok(Filter::Key { field, keys: run.keys(field)?.iter().map(|(key, _)| *key).take(1).collect() })
    };
    for slot in 0..COLUMNS.len() {
        for (second, third) in [(1, 2), (3, 7), (5, 11)] {
            let filter = Filter::And(vec![key(slot)?, key(slot + second)?, key(slot + third)?]);
            run.evaluate(&filter)?;
            run.count(&filter)?;
        }
    }
    Ok(())
}

fn sample(positions: usize) -> Vec<u8> {
    build_run(&random_model(4, positions, 10).chunks).expect("fits a run")
}

#[test]
fn every_flipped_byte_is_found() {
    let bytes = sample(300);
    ask_everything(&bytes).expect("sound before");
    for at in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xFF] {
            let mut damaged = bytes.clone();
            damaged[at] ^= flip;
            let found = RunReader::open(&damaged).and_then(|run| run.verify());
            assert!(found.is_err(), "byte {at} ^ {flip:#x} was not found");
            assert!(ask_everything(&damaged).is_err());
        }
    }
}

#[test]
fn every_truncation_is_found() {
    let bytes = sample(300);
    for length in 0..bytes.len() {
        assert!(RunReader::open(&bytes[..length]).is_err(), "cut to {length} bytes");
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert!(RunReader::open(&longer).is_err(), "a byte too many");
}

#[test]
fn zeros_are_no_run() {
    assert_eq!(RunReader::open(&[0; 4096]).err(), Some(IndexError::Version { found: 0, reads: 1 }));
}

/// Makes all checksums right again after bytes were changed, as an attacker would.
fn reseal(bytes: &mut [u8]) {
    let leaves = u32::from_le_bytes(bytes[16..20].try_into().expect("four bytes")) as usize;
    let table_end = (64 + leaves * 20).min(bytes.len());
    for at in (64..table_end.saturating_sub(19)).step_by(20) {
        let offset = u32::from_le_bytes(bytes[at + 8..at + 12].try_into().expect("four bytes")) as usize;
        let length = usize::from(u16::from_le_bytes(bytes[at + 12..at + 14].try_into().expect("two bytes")));
        if let Some(leaf) = bytes.get(offset..offset + length) {
            let crc = crc32fast::hash(leaf);
            bytes[at + 16..at + 20].copy_from_slice(&crc.to_le_bytes());
        }
    }
    let table_crc = crc32fast::hash(&bytes[64..table_end]);
    bytes[56..60].copy_from_slice(&table_crc.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..60]);
    bytes[60..64].copy_from_slice(&crc.to_le_bytes());
}

/// The run built again from what a run says: keys of every row, and rows with the times of their zones.
fn rebuilt(bytes: &[u8]) -> Vec<u8> {
    let run = RunReader::open(bytes).expect("verified");
    let present = run.present().expect("verified");
    let mut rows = vec![RowKeys::default(); run.positions() as usize];
    for (slot, column) in COLUMNS.iter().enumerate() {
        for (key, _) in run.keys(column.field).expect("verified") {
            let found = run.evaluate(&Filter::Key { field: column.field, keys: vec![key] }).expect("verified");
            found.maybe().iter().for_each(|position| rows[position as usize].keys[slot] = key);
        }
    }
    let mut chunks = Vec::new();
    for zone in run.zones().expect("verified") {
        let mut builder = KeyChunkBuilder::new(run.first_ordinal() + zone.first);
        let mut times = [(zone.occurred_min, zone.recorded_first)].into_iter();
        for position in zone.first..zone.first + zone.positions {
            if present.contains(position) {
                let (occurred, recorded) = times.next().unwrap_or((zone.occurred_max, zone.recorded_last));
                let row = RowKeys { occurred, recorded, ..rows[position as usize] };
                builder.push_row(&row).expect("a verified run holds keys in range");
            } else {
                builder.push_missing().expect("a zone has at most 128 positions");
            }
        }
        chunks.push(Arc::new(builder.finish().expect("a zone has a position")));
    }
    build_run(&chunks).expect("a verified run fits a run")
}

/// [IDX-2] order and gaps, [IDX-3] sums of counts, [IDX-4] one key a row, [IDX-5] where leaves are cut, [IDX-6] keys and
/// spans, [IDX-7] bitmaps, [IDX-8] zones: what a verified run says, built again, gives its bytes.
#[test]
fn lies_under_right_checksums_verify_only_as_the_one_encoding_of_other_rows() {
    let bytes = sample(260);
    assert!(rebuilt(&bytes) == bytes, "rebuilt from itself");
    let table_end = 64 + u32::from_le_bytes(bytes[16..20].try_into().expect("four bytes")) as usize * 20;
    let mut accepted = 0;
    for at in 0..bytes.len() {
        // Checksums are made right again, so that changing them changes nothing.
        if (56..64).contains(&at) || (64..table_end).contains(&at) && (at - 64) % 20 >= 16 {
            continue;
        }
        for flip in [0x01, 0x10, 0x80] {
            let mut lie = bytes.clone();
            lie[at] ^= flip;
            reseal(&mut lie);
            if ask_everything(&lie).is_ok() {
                accepted += 1;
                assert!(rebuilt(&lie) == lie, "byte {at} ^ {flip:#x}: two encodings of the same rows");
            }
        }
    }
    println!("{accepted} of {} changed runs are runs of other rows", bytes.len() * 3);
}

/// The same for a run large enough for bitmap leaves: head, table, the first bytes of every leaf and a sample of the rest.
#[test]
fn lies_about_bitmaps_verify_only_as_the_one_encoding_of_other_rows() {
    let bytes = build_run(&random_model(1, 9000, 10).chunks).expect("fits a run");
    assert!(rebuilt(&bytes) == bytes, "rebuilt from itself");
    let leaves = u32::from_le_bytes(bytes[16..20].try_into().expect("four bytes")) as usize;
    let table_end = 64 + leaves * 20;
    let bitmaps = (0..leaves).filter(|leaf| bytes[64 + leaf * 20 + 1] == 3).count();
    assert!(bitmaps > 2, "{bitmaps} bitmaps");
    let mut places: Vec<usize> = (0..table_end).collect();
    for leaf in 0..leaves {
        let at = 64 + leaf * 20 + 8;
        let offset = u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize;
        places.extend(offset..(offset + 24).min(bytes.len()));
    }
    places.extend((table_end..bytes.len()).step_by(1999));
    for at in places {
        let mut lie = bytes.clone();
        lie[at] ^= 1 << (at % 8);
        reseal(&mut lie);
        let _ = RunReader::open(&lie).and_then(|run| ask_conjunctions(&run));
        if lie != bytes && RunReader::open(&lie).and_then(|run| run.verify()).is_ok() {
            assert!(rebuilt(&lie) == lie, "byte {at}: two encodings of the same rows");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = ask_everything(&bytes);
    }

    #[test]
    fn arbitrary_changes_under_right_checksums_never_panic(
        seed in 0_u64..4, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let mut bytes = build_run(&random_model(seed, 200, 10).chunks).expect("fits a run");
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        reseal(&mut bytes);
        let _ = ask_everything(&bytes);
    }
}
