//! One frame: descriptor, class table, columns, and its records where they are asked for.

use std::io;

use indelible::Timestamp;
use indelible_evidence::schema::Field;
use indelible_format::frame::{FrameReader, read_descriptor};
use indelible_format::layout;
use indelible_format::segment::TermTable;

use super::report::{Part, Report};
use super::{Depth, part, record};

/// Shows the payload of a frame block that begins at `at` in the file; gives its first seq and its records.
pub(super) fn show(
    payload: &[u8],
    at: usize,
    terms: &TermTable,
    depth: Depth,
    report: &mut Report<'_>,
) -> io::Result<Option<(u64, u64)>> {
    let descriptor = match read_descriptor(payload) {
        Ok((descriptor, _)) => descriptor,
        Err(error) => {
            report.problem(at, payload.len(), &error.to_string())?;
            return Ok(None);
        }
    };
    let reader = FrameReader::open(payload);
    if depth.frames {
        let root: String = descriptor.frame_root.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut shown = Part::at(format!("frame {}", descriptor.frame_no), 2, at, payload.len())
            .fact("first_seq", descriptor.first_seq)
            .fact("records", descriptor.count)
            .fact("schedule", descriptor.schedule_version)
            .fact("key_epoch", descriptor.key_epoch)
            .fact("lost_events", descriptor.lost_events);
        if let Ok(reader) = &reader {
            shown = shown.fact("rows", reader.rows());
        }
        report.part(&shown.fact("root", root))?;
        for class in &descriptor.classes {
            let time = |seconds: i64| Timestamp(seconds.saturating_mul(1_000_000_000)).to_string();
            report.part(
                &Part::at(format!("class {}", class.class), 3, at, 0)
                    .fact("records", class.count())
                    .fact("recorded_min", time(class.recorded_min))
                    .fact("recorded_max", time(class.recorded_max))
                    .fact("occurred_max", time(class.occurred_max)),
            )?;
        }
    }
    if depth.bytes && depth.frames {
        annotate(payload, at, report)?;
    }
    match reader {
        Err(error) => report.problem(at, payload.len(), &error.to_string())?,
        Ok(reader) if depth.records => match reader.all_records(terms) {
            Ok(records) => {
                for found in records.iter().flatten() {
                    record::show(found, 3, at, report)?;
                }
            }
            Err(error) => records_one_by_one(&reader, &error.to_string(), terms, at, report)?,
        },
        Ok(_) => {}
    }
    Ok(Some((descriptor.first_seq, u64::from(descriptor.count))))
}

/// Where not all records can be read, those that can.
fn records_one_by_one(
    reader: &FrameReader<'_>,
    problem: &str,
    terms: &TermTable,
    at: usize,
    report: &mut Report<'_>,
) -> io::Result<()> {
    report.problem(at, 0, problem)?;
    for row in 0..reader.rows() {
        if let Ok(found) = reader.record(row, terms) {
            record::show(&found, 3, at, report)?;
        }
    }
    Ok(())
}

/// The payload's bytes by field: descriptor, class table, body head, salts, column directory, columns.
fn annotate(payload: &[u8], base: usize, report: &mut Report<'_>) -> io::Result<()> {
    report.layout(&[("D", 4)], base, payload)?;
    let length = number(payload, 0, 4);
    let descriptor = part(payload, 4, length);
    let mut at = report.layout(indelible_evidence::layout::DESCRIPTOR_HEAD.fields, base + 4, descriptor)?;
    while at + indelible_evidence::layout::CLASS_ENTRY.size() <= descriptor.len() {
        at += report.layout(
            indelible_evidence::layout::CLASS_ENTRY.fields,
            base + 4 + at,
            part(descriptor, at, usize::MAX),
        )?;
    }
    let body_at = 4usize.saturating_add(length);
    let body = part(payload, body_at, usize::MAX);
    let mut at = report.layout(layout::BODY_HEAD.fields, base + body_at, body)?;
    let (columns, salts) = (number(body, 2, 2), number(body, 4, 4));
    report.raw("salts", base + body_at + at, part(body, at, salts))?;
    at = at.saturating_add(salts);
    let mut data = at.saturating_add(columns * layout::COLUMN_ENTRY.size());
    let mut entries = Vec::new();
    for _ in 0..columns {
        let entry = part(body, at, layout::COLUMN_ENTRY.size());
        if entry.len() < layout::COLUMN_ENTRY.size() {
            break;
        }
        at += report.layout(layout::COLUMN_ENTRY.fields, base + body_at + at, entry)?;
        entries.push((number(entry, 0, 1), number(entry, 4, 4)));
    }
    for (field, length) in entries {
        report.raw(&column_name(field), base + body_at + data, part(body, data, length))?;
        data = data.saturating_add(length);
    }
    Ok(())
}

fn column_name(field: usize) -> String {
    match field {
        0xF0 => "recorded-at".to_owned(),
        0xF1 => "occurred-at".to_owned(),
        0xF2 => "schema".to_owned(),
        0xF3 => "payload".to_owned(),
        other => u8::try_from(other)
            .ok()
            .and_then(Field::from_id)
            .map_or_else(|| format!("column {other}"), |field| field.name().to_owned()),
    }
}

/// A little-endian number of a few bytes, zero where they are missing.
pub(super) fn number(bytes: &[u8], at: usize, length: usize) -> usize {
    part(bytes, at, length).iter().rev().fold(0, |number, &byte| (number << 8) | usize::from(byte))
}
