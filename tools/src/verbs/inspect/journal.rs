//! A journal file: header, groups, close mark; past damage on to the next group whose header is right.

use std::io;

use indelible_format::journal::{GroupHeader, GroupKind, JournalHeader, records_of};
use indelible_format::layout;

use super::report::{Part, Report};
use super::{Depth, part, record};

/// What was seen on the way.
#[derive(Default)]
struct Seen {
    groups: u64,
    records: u64,
    seqs: Option<(u64, u64)>,
    closed: bool,
}

/// Shows a journal.
pub(super) fn show(bytes: &[u8], depth: Depth, report: &mut Report<'_>) -> io::Result<()> {
    let encrypted = header(bytes, depth, report)?;
    let mut seen = Seen::default();
    let mut at = JournalHeader::SIZE;
    while at < bytes.len() {
        at = match group(bytes, at, encrypted, &mut seen, depth, report)? {
            Some(next) => next,
            None => {
                let next = next_group(bytes, at + 1).unwrap_or(bytes.len());
                let zeros = part(bytes, at, next - at).iter().all(|&byte| byte == 0);
                let what = if zeros { "zero bytes" } else { "bytes" };
                report.problem(at, next - at, &format!("{} {what} are skipped up to the next group", next - at))?;
                next
            }
        };
    }
    let mut shown = Part::at("journal", 0, 0, bytes.len()).fact("groups", seen.groups).fact("records", seen.records);
    if let Some((first, last)) = seen.seqs {
        shown = shown.fact("first_seq", first).fact("last_seq", last);
    }
    report.part(&shown.fact("closed", seen.closed))
}

fn header(bytes: &[u8], depth: Depth, report: &mut Report<'_>) -> io::Result<bool> {
    let mut encrypted = false;
    match JournalHeader::decode(bytes) {
        Ok(header) => {
            encrypted = header.encrypted;
            report.part(
                &Part::at("journal header", 0, 0, JournalHeader::SIZE)
                    .fact("log_id", header.log_id.to_string())
                    .fact("incarnation", header.incarnation)
                    .fact("file_no", header.file_no)
                    .fact("first_seq", header.first_seq)
                    .fact("encrypted", header.encrypted),
            )?;
        }
        Err(error) => report.problem(0, JournalHeader::SIZE.min(bytes.len()), &error.to_string())?,
    }
    if depth.bytes {
        report.layout(layout::JOURNAL_HEADER.fields, 0, bytes)?;
    }
    Ok(encrypted)
}

/// Shows the group at `at`; the place of the next one, `None` where there is no group here.
fn group(
    bytes: &[u8],
    at: usize,
    encrypted: bool,
    seen: &mut Seen,
    depth: Depth,
    report: &mut Report<'_>,
) -> io::Result<Option<usize>> {
    let header = match GroupHeader::decode(part(bytes, at, GroupHeader::SIZE)) {
        Ok(header) => header,
        Err(error) => {
            report.problem(at, 0, &error.to_string())?;
            return Ok(None);
        }
    };
    let payload_at = at + GroupHeader::SIZE;
    let payload = part(bytes, payload_at, header.length as usize);
    seen.closed |= header.kind == GroupKind::Close;
    if depth.frames {
        let name = if header.kind == GroupKind::Close { "close mark" } else { "group" };
        report.part(
            &Part::at(name, 1, at, GroupHeader::SIZE + header.length as usize)
                .fact("incarnation", header.facts.incarnation)
                .fact("first_seq", header.facts.first_seq)
                .fact("records", header.count)
                .fact("durable_to", header.facts.durable_to)
                .fact("framed_to", header.facts.framed_to),
        )?;
        if depth.bytes {
            report.layout(layout::GROUP_HEADER.fields, at, part(bytes, at, GroupHeader::SIZE))?;
            report.raw("records", payload_at, payload)?;
        }
    }
    if payload.len() < header.length as usize {
        let missing = header.length as usize - payload.len();
        report.problem(at, bytes.len() - at, &format!("the group goes {missing} bytes beyond the end of the file"))?;
        return Ok(None);
    }
    if let Err(error) = header.check_payload(payload) {
        report.problem(payload_at, payload.len(), &error.to_string())?;
    }
    if header.count > 0 {
        seen.groups += 1;
        seen.records += u64::from(header.count);
        let (first, last) = (header.facts.first_seq, header.next_seq().saturating_sub(1));
        seen.seqs = Some(seen.seqs.map_or((first, last), |(from, to)| (from.min(first), to.max(last))));
    }
    if depth.records && !encrypted {
        for found in records_of(payload, header.facts.first_seq, header.count) {
            match found {
                Ok(found) => record::show(&found, 2, payload_at, report)?,
                Err(error) => report.problem(payload_at, payload.len(), &error.to_string())?,
            }
        }
    }
    Ok(Some(payload_at + payload.len()))
}

/// The next place from `from` on where a group header is right.
fn next_group(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let found = bytes.get(at..)?.windows(4).position(|window| window == b"IGRP")?;
        at += found;
        if GroupHeader::decode(part(bytes, at, GroupHeader::SIZE)).is_ok() {
            return Some(at);
        }
        at += 1;
    }
}
