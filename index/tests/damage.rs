//! Damaged and hostile runs: every byte flipped, every truncation, arbitrary bytes, and lies under right checksums.

mod model;

use indelible_index::{COLUMNS, Filter, IndexError, Postings, RunReader, build_run};
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
    run.verify()
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

#[test]
fn lies_under_right_checksums_never_verify() {
    let bytes = sample(260);
    let first_ordinal = 4..8;
    let table_end = 64 + u32::from_le_bytes(bytes[16..20].try_into().expect("four bytes")) as usize * 20;
    let mut accepted = 0;
    for at in 0..bytes.len() {
        // The first ordinal is free, and checksums are made right again.
        let is_crc = (56..64).contains(&at) || (64..table_end).contains(&at) && (at - 64) % 20 >= 16;
        if first_ordinal.contains(&at) || is_crc {
            continue;
        }
        for flip in [0x01, 0x10, 0x80] {
            let mut lie = bytes.clone();
            lie[at] ^= flip;
            reseal(&mut lie);
            // What verifies must be another run in its one encoding; most lies are none.
            accepted += u32::from(ask_everything(&lie).is_ok());
        }
    }
    println!("{accepted} of {} changed runs are runs of other rows", bytes.len() * 3);
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
