//! Leaves of zones: for each frame its positions, rows and times, so that a time range touches few frames.
//!
//! ```text
//! ZonesHead 24: bases and six widths | then six packed arrays, each padded to a byte, one value a zone:
//! positions - 1 | positions - rows | occurred_min - base | occurred_max - occurred_min | recorded_first - base | recorded_last - recorded_first
//! ```
//!
//! Bases are the smallest of the zones with rows, 0 where there are none; a zone without rows has zeros in the last four.

use crate::Zone;
use crate::layout::{LeafEntry, ZONES_HEAD_BYTES};
use crate::leaf::Damage;
use crate::packed::{PackedWriter, packed_bytes, packed_get, tail_is_zero, width_of};

const ARRAYS: usize = 6;

/// Appends a leaf of zones.
pub(crate) fn write_zones(out: &mut Vec<u8>, zones: &[Zone]) {
    let with_rows = || zones.iter().filter(|zone| zone.rows > 0);
    let occurred = with_rows().map(|zone| zone.occurred_min).min().unwrap_or(0);
    let recorded = with_rows().map(|zone| zone.recorded_first).min().unwrap_or(0);
    // Differences of i64 fit u64 when they wrap, and wrap back when they are added.
    let less = |time: i64, base: i64| time.wrapping_sub(base) as u64;
    let mut arrays: [Vec<u64>; ARRAYS] = Default::default();
    for zone in zones {
        let mut values =
            [u64::from(zone.positions.saturating_sub(1)), u64::from(zone.positions - zone.rows), 0, 0, 0, 0];
        if zone.rows > 0 {
            values = [
                values[0],
                values[1],
                less(zone.occurred_min, occurred),
                less(zone.occurred_max, zone.occurred_min),
                less(zone.recorded_first, recorded),
                less(zone.recorded_last, zone.recorded_first),
            ];
        }
        arrays.iter_mut().zip(values).for_each(|(array, value)| array.push(value));
    }
    let widths = arrays.each_ref().map(|array| width_of(array.iter().copied().max().unwrap_or(0)));
    out.extend_from_slice(&occurred.to_le_bytes());
    out.extend_from_slice(&recorded.to_le_bytes());
    out.extend(widths.map(|width| width as u8));
    out.extend_from_slice(&[0; 2]);
    for (array, width) in arrays.iter().zip(widths) {
        let mut writer = PackedWriter::new(out);
        array.iter().for_each(|value| writer.push(*value, width));
        writer.finish();
    }
}

/// Appends the zones of a leaf to `zones`.
pub(crate) fn read_zones(entry: &LeafEntry, bytes: &[u8], zones: &mut Vec<Zone>) -> Result<(), Damage> {
    let count = usize::from(entry.keys);
    let (head, mut rest) = bytes.split_first_chunk::<ZONES_HEAD_BYTES>().ok_or("leaf is shorter than its head")?;
    let [o0, o1, o2, o3, o4, o5, o6, o7, r0, r1, r2, r3, r4, r5, r6, r7, w0, w1, w2, w3, w4, w5, z0, z1] = *head;
    let occurred = i64::from_le_bytes([o0, o1, o2, o3, o4, o5, o6, o7]);
    let recorded = i64::from_le_bytes([r0, r1, r2, r3, r4, r5, r6, r7]);
    let widths = [w0, w1, w2, w3, w4, w5].map(u32::from);
    if [z0, z1] != [0; 2] || widths.iter().any(|width| *width > 64) {
        return Err("reserved bytes or widths are out of range");
    }
    let mut arrays: [&[u8]; ARRAYS] = [&[]; ARRAYS];
    for (array, width) in arrays.iter_mut().zip(widths) {
        let (front, back) =
            rest.split_at_checked(packed_bytes(count, width)).ok_or("leaf ends before its arrays do")?;
        if !tail_is_zero(front, count * width as usize) {
            return Err("unused bits are not zero");
        }
        (*array, rest) = (front, back);
    }
    if !rest.is_empty() {
        return Err("bytes follow the leaf");
    }
    let mut first = entry.first_key;
    for index in 0..count {
        let mut values = arrays.into_iter().zip(widths).map(|(array, width)| packed_get(array, index, width));
        let mut next = || values.next().unwrap_or(0);
        let (positions, missing) = (next().saturating_add(1), next());
        if positions > 128 || missing > positions {
            return Err("a zone has more than 128 positions, or fewer than none");
        }
        let mut zone =
            Zone { first, positions: positions as u32, rows: (positions - missing) as u32, ..Default::default() };
        if zone.rows > 0 {
            zone.occurred_min = occurred.wrapping_add(next() as i64);
            zone.occurred_max = zone.occurred_min.wrapping_add(next() as i64);
            zone.recorded_first = recorded.wrapping_add(next() as i64);
            zone.recorded_last = zone.recorded_first.wrapping_add(next() as i64);
        }
        if zone.occurred_min > zone.occurred_max || zone.recorded_first > zone.recorded_last {
            return Err("a zone's times wrap around");
        }
        zones.push(zone);
        first = first.saturating_add(zone.positions);
    }
    if u64::from(first) != u64::from(entry.first_key) + u64::from(entry.count) {
        return Err("zones do not cover the positions that the table says");
    }
    Ok(())
}
