//! Tests of the UUID encodings: which is chosen, that values come back, that there is one form.

use super::*;
use proptest::prelude::*;

fn uuid(time: u64, rest: u8) -> Uuid {
    let mut uuid = [rest; 16];
    uuid[..6].copy_from_slice(&time.to_be_bytes()[2..]);
    uuid[6] = 0x70 | rest & 15;
    uuid[8] = 0x80 | rest & 63;
    uuid
}

fn encode(values: &[Option<Uuid>]) -> (u8, Vec<u8>) {
    let texts: Vec<Vec<u8>> = values.iter().map(|v| v.map_or(vec![], |uuid| [&[1][..], &uuid].concat())).collect();
    let mut out = Vec::new();
    let encoding = put_ids(&mut out, &texts.iter().map(Vec::as_slice).collect::<Vec<_>>());
    (encoding.unwrap(), out)
}

fn read(encoding: u8, data: &[u8], rows: usize) -> Result<Vec<Option<Uuid>>, FormatError> {
    let column = IdColumn::open(data, 0, rows, encoding)?;
    let mut uuids = Vec::new();
    let presence = column.values(data, rows, &mut Vec::new(), &mut uuids)?;
    let present = |row: usize| (presence >> row & 1 == 1).then(|| uuids[row]);
    let all: Vec<Option<Uuid>> = (0..rows).map(present).collect();
    assert_eq!((0..rows).map(|row| column.get(data, row)).collect::<Result<Vec<_>, _>>(), Ok(all.clone()));
    Ok(all)
}

#[test]
fn the_smallest_encoding_is_chosen() {
    let unique: Vec<_> = (0..128).map(|i| Some(uuid(1_700_000_000_000 + i, i as u8))).collect();
    let shared: Vec<_> = (0..128).map(|i| Some(uuid(1_700_000_000_000 + i / 5, (i / 5) as u8))).collect();
    let random: Vec<_> = (0..128).map(|i| Some([i as u8; 16])).collect();
    let few: Vec<_> = (0..128).map(|i| (i == 77).then_some([9; 16])).collect();
    for (values, expected) in [(unique, 8), (shared, 5), (random, 4), (few, 4)] {
        let (encoding, data) = encode(&values);
        assert_eq!(encoding, expected);
        assert_eq!(read(encoding, &data, values.len()).unwrap(), values);
    }
    assert_eq!(put_ids(&mut Vec::new(), &[&[1; 17], &[2, b'a']]), None);
}

/// [CONV-2] [CONV-4] [FRM-12]
#[test]
fn a_changed_byte_is_refused_or_gives_other_values() {
    let columns = [
        vec![Some([1; 16]), None, Some([2; 16])],
        vec![Some([1; 16]), Some([1; 16]), None, Some([2; 16]), Some([1; 16])],
        vec![Some(uuid(1000, 1)), Some(uuid(1003, 2)), None, Some(uuid(1001, 3))],
    ];
    let mut seen = Vec::new();
    for values in columns {
        let mut forms = vec![(4, Vec::new()), (5, Vec::new()), (8, Vec::new())];
        put_plain(&mut forms[0].1, &values);
        put_shared(&mut forms[1].1, &share(&values));
        put_timed(&mut forms[2].1, &values);
        for (encoding, data) in forms {
            let Ok(back) = read(encoding, &data, values.len()) else { continue };
            assert_eq!(back, values);
            seen.push(encoding);
            for at in 0..data.len() {
                for bit in 0..8 {
                    let mut changed = data.clone();
                    changed[at] ^= 1 << bit;
                    assert_ne!(read(encoding, &changed, values.len()), Ok(values.clone()), "{encoding}: byte {at}");
                }
                assert!(read(encoding, &data[..at], values.len()).is_err());
            }
        }
    }
    assert_eq!(seen, [4, 5, 4, 5, 4, 5, 8]);
}

/// [FRM-12]
#[test]
fn other_forms_of_the_same_uuids_are_refused() {
    let two = [[1; 16], [2; 16]].concat();
    let none = [&[0][..], &[0; 16]].concat();
    let every = [&[0, 0b11][..], &[0; 15], &two].concat();
    let refused: [(u8, Vec<u8>, &str); 8] = [
        (4, none, "no row has one"),
        (4, every, "all spelled as a bitmap"),
        (4, [&[2][..], &two].concat(), "all is 0 or 1"),
        (5, [&[2][..], &two, &[2, 0b01_10]].concat(), "not in order of first use"),
        (5, [&[2][..], &two, &[2, 0b01_01]].concat(), "one not used"),
        (5, [&[2][..], &[1; 32], &[2, 0b10_01]].concat(), "twice the same"),
        (5, [&[2][..], &two, &[3, 0b10_001, 0]].concat(), "too wide"),
        (5, [&[2][..], &two, &[2, 0b11_01]].concat(), "a code above the table"),
    ];
    for (encoding, data, why) in refused {
        assert!(read(encoding, &data, 2).is_err(), "{why}");
    }
    assert!(read(5, &[&[2][..], &two, &[2, 0b10_01]].concat(), 2).is_ok());
    let mut wide = Vec::new();
    put_timed(&mut wide, &[Some(uuid((1 << 48) - 1, 1)), Some(uuid((1 << 48) - 2, 1))]);
    assert!(read(8, &wide, 2).is_ok());
    wide[1] = 0xff;
    assert!(read(8, &wide, 2).is_err(), "milliseconds above 48 bits");
}

proptest! {
    #[test]
    fn every_column_comes_back(picks in proptest::collection::vec((0u8..6, any::<[u8; 16]>(), any::<u16>()), 1..=128)) {
        let values: Vec<Option<Uuid>> = picks
            .iter()
            .map(|(pick, random, time)| match pick {
                0 => None,
                1 => Some(*random),
                2 => Some([3; 16]),
                _ => Some(uuid(u64::from(*time), random[0])),
            })
            .collect();
        prop_assume!(values.iter().any(Option::is_some));
        let (encoding, data) = encode(&values);
        prop_assert_eq!(read(encoding, &data, values.len()).unwrap(), values);
    }

    #[test]
    fn arbitrary_bytes_never_panic(data in proptest::collection::vec(any::<u8>(), 0..200), rows in 0usize..129) {
        for encoding in [4, 5, 8] {
            let _ = read(encoding, &data, rows);
        }
    }
}
