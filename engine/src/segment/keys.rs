//! The keys of a frame's records for the index, read back from its columns.
//!
//! ```text
//! terms: ordinal + 1      codes: the code      ids: a fingerprint of the value      0: absent
//! ```
//!
//! The framer has the same keys at hand when it encodes a frame (`write`); here they are made again from what was written.

use indelible_evidence::record::put_text;
use indelible_evidence::schema::{Column, Field};
use indelible_format::frame::{FrameReader, FrameRows, IdText};
use indelible_index::{COLUMN_COUNT, KeyChunk, KeyChunkBuilder, RowKeys, fingerprint};

/// The keys of a frame's records for the index; removed records and stub rows are missing from it.
pub(crate) fn chunk_of_frame(frame: &FrameReader<'_>, first_ordinal: u32) -> Result<KeyChunk, ChunkError> {
    let mut builder = KeyChunkBuilder::new(first_ordinal);
    for position in 0..u32::from(frame.descriptor().count) {
        match frame.live_row_of_position(position) {
            Some(row) => builder.push_row(&row_keys(frame, row)?)?,
            None => builder.push_missing()?,
        }
    }
    Ok(builder.finish()?)
}

/// The same from rows that were read at once.
pub(crate) fn chunk_of_rows(
    frame: &FrameReader<'_>,
    rows: &FrameRows,
    first_ordinal: u32,
) -> Result<KeyChunk, ChunkError> {
    let count = rows.rows();
    if count != usize::from(frame.descriptor().count) || frame.stub_positions() != 0 {
        return chunk_of_frame(frame, first_ordinal);
    }
    let mut keys = vec![0u32; count * COLUMN_COUNT];
    for (field, column) in Field::indexed().zip(keys.chunks_exact_mut(count.max(1))) {
        if field.spec().column != Column::Fingerprints {
            column.iter_mut().zip(rows.keys(field)).for_each(|(place, &key)| *place = key as u32);
        } else if let Some((uuids, present)) = rows.uuids(field) {
            for (row, (place, uuid)) in column.iter_mut().zip(uuids).enumerate() {
                if present >> row & 1 == 1 {
                    let mut value = [1u8; 17];
                    value[1..].copy_from_slice(uuid);
                    *place = fingerprint(&value).get();
                }
            }
        } else {
            let mut cursor = frame.cursor();
            for (row, place) in column.iter_mut().enumerate() {
                *place = cursor.text2(row, field)?.map_or(0, |text| id_key(&text));
            }
        }
    }
    Ok(KeyChunk::from_columns(first_ordinal, keys, rows.occurred_at().to_vec(), rows.recorded_at().to_vec())?)
}

/// The key of a text of group 2.
fn id_key(text: &IdText<'_>) -> u32 {
    let mut value = Vec::with_capacity(17);
    match text {
        IdText::Uuid(uuid) => {
            value.push(1);
            value.extend_from_slice(uuid);
        }
        IdText::Text(text) => put_text(&mut value, text),
    }
    fingerprint(&value).get()
}

/// Why a frame gives no keys.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChunkError {
    #[error(transparent)]
    Format(#[from] indelible_evidence::FormatError),
    #[error(transparent)]
    Index(#[from] indelible_index::IndexError),
}

fn row_keys(frame: &FrameReader<'_>, row: usize) -> Result<RowKeys, ChunkError> {
    let mut keys =
        RowKeys { occurred: frame.occurred_at(row)?, recorded: frame.recorded_at(row)?, ..RowKeys::default() };
    for field in Field::indexed() {
        let key = match field.spec().column {
            Column::Terms => frame.term_ordinal(row, field)?.map_or(0, |ordinal| ordinal + 1),
            Column::Codes => u32::from(frame.code(row, field)?),
            Column::Fingerprints => frame.text2(row, field)?.map_or(0, |text| id_key(&text)),
            Column::None => continue,
        };
        keys.set(field.id(), key)?;
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use indelible_evidence::LogId;
    use indelible_evidence::commit::{FrameFacts, FrameView, RecordRef, Removal, Salts, commit_frame, prune};
    use indelible_evidence::record::{Groups, GroupsWriter, Record};
    use indelible_evidence::schema::Kind;
    use indelible_format::frame::{FrameEncoder, FrameOptions};
    use indelible_format::segment::TermTable;

    use super::*;

    fn event(seq: u64) -> Record {
        let mut bytes = Vec::new();
        let mut writer = GroupsWriter::new(&mut bytes, Kind::Event, 100 - seq as i64);
        writer.text(Field::ACTION, "user.login");
        let ends = writer.finish();
        let groups = Groups::from_parts(bytes, ends).expect("a writer's ends ascend");
        Record { seq, recorded_at: 1_000 + seq as i64, class: 1, groups }
    }

    /// [FRM-16]
    #[test]
    fn removed_records_and_stub_rows_have_no_keys_and_no_part_in_the_times() {
        let records: Vec<Option<Record>> = (0..6).map(|seq| Some(event(seq))).collect();
        let refs: Vec<RecordRef<'_>> = records.iter().flatten().map(RecordRef::from).collect();
        let facts =
            FrameFacts { log_id: LogId([1; 16]), frame_no: 0, schedule_version: 1, key_epoch: 0, lost_events: 0 };
        let descriptor = commit_frame(&facts, &refs, &[3; 32]).expect("six records are a frame");
        let view = FrameView { descriptor: &descriptor, salts: &Salts::Whole([3; 32]), records: &records };
        // 0 and 5 become stub rows, 1 goes, 3 loses a group and stays.
        let stubs = 0b10_0001;
        let removal = Removal::new().group(1, stubs | 0b1000).group(2, stubs).group(3, stubs).records(0b10);
        let left = prune(&view, &removal).expect("events may go");
        let rows: Vec<_> = left.records.iter().map(|record| record.as_ref().map(RecordRef::from)).collect();
        let mut encoder = FrameEncoder::new(FrameOptions::default());
        let mut terms = TermTable::new();
        let payload = encoder.encode(&descriptor, &left.salts, &rows, &mut terms).expect("a frame");
        let frame = FrameReader::open(&payload).expect("a frame");
        assert_eq!((frame.rows(), frame.stub_positions()), (5, stubs));
        let mut rows = FrameRows::new();
        rows.read(&frame, &terms).expect("its rows");
        let both = [chunk_of_frame(&frame, 40), chunk_of_rows(&frame, &rows, 40)];
        for chunk in both.map(|chunk| chunk.expect("keys of its rows")) {
            assert_eq!((chunk.present(), chunk.positions()), (0b1_1100, 6));
            let zone = chunk.zone();
            assert_eq!((zone.recorded_first, zone.recorded_last), (1_002, 1_004));
            assert_eq!((zone.occurred_min, zone.occurred_max), (96, 98));
            let times = frame.time_bounds(&mut Vec::new()).expect("its times");
            assert_eq!(times, Some([(96, 98), (1_002, 1_004)]), "the times alone say the same");
        }
    }
}
