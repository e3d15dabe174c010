//! Which bytes of a frame block's payload are which field: descriptor, salts part, directory, columns.

use indelible_evidence::descriptor::{ClassEntry, Descriptor};
use indelible_evidence::schema::Field;
use indelible_format::layout;

use super::annotate::descriptor;
use super::dump::Notes;

/// A frame block's payload; the body of a sealed one is nonce, ciphertext and tag.
pub fn frame(notes: &mut Notes<'_>, sealed: bool) {
    let length = notes.number(4, "D, length of the stored descriptor");
    let stored = &notes.ahead()[..length.min(notes.left())];
    let decoded = Descriptor::decode(stored);
    let mut inner = Notes::new(stored);
    descriptor(&mut inner);
    notes.adopt(inner);
    if sealed {
        notes.take(24, "body: nonce");
        notes.take(notes.left().saturating_sub(16), "body: ciphertext");
        notes.take(16, "body: tag");
        return;
    }
    let Ok(found) = decoded else { return };
    let head = notes.ahead();
    let (state, columns) = (head.get(1).copied(), head.get(2).copied().unwrap_or(0));
    let salts_length = head.get(4..8).map_or(0, |bytes| u32::from_le_bytes(bytes.try_into().expect("four bytes")));
    notes.layout(&layout::BODY_HEAD);
    let mut salts = Notes::new(&notes.ahead()[..(salts_length as usize).min(notes.left())]);
    let rows = match state {
        Some(1) => found.classes.iter().map(|entry| removal_of_class(&mut salts, entry)).sum(),
        Some(2) => 0,
        _ => {
            salts.take(32, "frame_salt_key");
            usize::from(found.count)
        }
    };
    notes.adopt(salts);
    let mut entries = Vec::new();
    for _ in 0..columns {
        let entry = notes.ahead();
        let length = entry.get(4..8).map_or(0, |bytes| u32::from_le_bytes(bytes.try_into().expect("four bytes")));
        entries.push((entry.first().copied().unwrap_or(0), entry.get(1).copied().unwrap_or(0), length as usize));
        notes.layout(&layout::COLUMN_ENTRY);
    }
    for (code, encoding, length) in entries {
        let mut data = Notes::new(&notes.ahead()[..length.min(notes.left())]);
        column(&mut data, &format!("column {}", column_name(code)), encoding, rows);
        notes.adopt(data);
    }
}

fn column_name(code: u8) -> String {
    match (code, Field::from_id(code)) {
        (0xf0, _) => "recorded-at".to_owned(),
        (0xf1, _) => "occurred-at".to_owned(),
        (0xf2, _) => "schema".to_owned(),
        (0xf3, _) => "payload".to_owned(),
        (_, Some(field)) => field.name().to_owned(),
        (_, None) => format!("{code:#x}"),
    }
}

/// Names one class's four states; gives how many of its records have group 0.
fn removal_of_class(notes: &mut Notes<'_>, entry: &ClassEntry) -> usize {
    let mut kept = 0;
    for k in 0..4 {
        let label = format!("removal: class {}, group {k}", entry.class);
        let left = match notes.number(1, format!("{label}: state")) {
            1 => {
                notes.take(32, format!("{label}: K"));
                entry.count() as usize
            }
            2 => {
                notes.take(32, format!("{label}: root T"));
                0
            }
            _ => partly(notes, &label, k, entry.count()),
        };
        if k == 0 {
            kept = left;
        }
    }
    kept
}

fn partly(notes: &mut Notes<'_>, label: &str, k: usize, count: u32) -> usize {
    let bits = notes.take(16, format!("{label}: removed ranks"));
    let removed = bits.try_into().map_or(0, u128::from_le_bytes);
    let mut kept = 0;
    for rank in 0..count {
        if removed >> rank & 1 == 0 {
            notes.take(16, format!("{label}: salt of rank {rank}"));
            kept += 1;
            continue;
        }
        notes.take(32, format!("{label}: stub of rank {rank}"));
        if k == 0 {
            notes.take(8, format!("{label}: recorded-at of rank {rank}"));
            notes.take(8, format!("{label}: occurred-at of rank {rank}"));
        }
    }
    kept
}

fn column(notes: &mut Notes<'_>, name: &str, encoding: u8, rows: usize) {
    match encoding {
        1 => {
            notes.take(1, format!("{name}: base"));
            notes.take(1, format!("{name}: width"));
        }
        2 => {
            notes.take(8, format!("{name}: base"));
            notes.take(1, format!("{name}: scale"));
            notes.take(1, format!("{name}: width"));
        }
        3 => {
            notes.take(4, format!("{name}: base"));
            notes.take(1, format!("{name}: width"));
        }
        4 => {
            presence(notes, name, rows);
            uuids(notes, name, notes.left() / 16);
        }
        5 => {
            let distinct = notes.number(1, format!("{name}: distinct"));
            uuids(notes, name, distinct);
            notes.take(1, format!("{name}: width"));
        }
        8 => {
            let present = presence(notes, name, rows);
            notes.take(8, format!("{name}: base"));
            let width = notes.number(1, format!("{name}: width"));
            notes.take((present * width).div_ceil(8), format!("{name}: milliseconds, packed"));
            (0..present).for_each(|index| {
                notes.take(10, format!("{name}: last ten bytes of value {index}"));
            });
        }
        6 | 7 => blobs(notes, name, rows),
        9 => templates(notes, name, rows),
        _ => {}
    }
    notes.take(notes.left(), format!("{name}: values, packed"));
}

/// Names the presence part; gives the rows that have a value.
fn presence(notes: &mut Notes<'_>, name: &str, rows: usize) -> usize {
    if notes.number(1, format!("{name}: all")) == 1 {
        return rows;
    }
    let bits = notes.take(16, format!("{name}: presence"));
    bits.iter().map(|byte| byte.count_ones() as usize).sum()
}

fn uuids(notes: &mut Notes<'_>, name: &str, count: usize) {
    (0..count).for_each(|index| {
        notes.take(16, format!("{name}: UUID {index}"));
    });
}

/// Templates, kinds, codes; the columns' values are one span, since their bounds follow from the codes.
fn templates(notes: &mut Notes<'_>, name: &str, rows: usize) {
    let count = notes.number(1, format!("{name}: templates"));
    let columns = notes.number(1, format!("{name}: columns"));
    for index in 0..count {
        notes.take(4, format!("{name}: template {index}: ordinal"));
        let holes = notes.number(1, format!("{name}: template {index}: holes"));
        notes.take(holes, format!("{name}: template {index}: columns of its holes"));
    }
    notes.take(columns, format!("{name}: kinds of the columns"));
    let width = notes.number(1, format!("{name}: width of codes"));
    notes.take((rows * width).div_ceil(8), format!("{name}: codes, packed"));
    notes.take(notes.left(), format!("{name}: the columns' values"));
}

fn blobs(notes: &mut Notes<'_>, name: &str, rows: usize) {
    let width = notes.number(1, format!("{name}: width of lengths"));
    let blocks = notes.number(1, format!("{name}: blocks"));
    notes.take((rows * width).div_ceil(8), format!("{name}: lengths, packed"));
    let mut stored = Vec::new();
    for index in 0..blocks {
        notes.take(1, format!("{name}: block {index}: first row"));
        notes.take(1, format!("{name}: block {index}: compression"));
        notes.take(2, format!("{name}: block {index}: zero"));
        notes.take(4, format!("{name}: block {index}: raw length"));
        stored.push(notes.number(4, format!("{name}: block {index}: stored length")));
    }
    for (index, length) in stored.into_iter().enumerate() {
        notes.take(length, format!("{name}: block {index}"));
    }
}
