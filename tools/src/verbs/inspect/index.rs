//! What is derived in a segment, and its term pages: pages, runs, lookups, footer.

use std::io;

use indelible::Timestamp;
use indelible_format::layout;
use indelible_format::segment::{FooterView, LookupView, TermPage};
use indelible_index::{Postings, RunReader};
use serde_json::json;

use super::report::{Part, Report};
use super::{Depth, part};

/// Shows a term page.
pub(super) fn page(page: &TermPage, at: usize, length: usize, report: &mut Report<'_>) -> io::Result<()> {
    for section in &page.sections {
        report.part(
            &Part::at(format!("terms of {}", section.field.name()), 2, at, length)
                .fact("first", section.first)
                .fact("terms", section.len())
                .fact("bytes", section.byte_len()),
        )?;
    }
    Ok(())
}

/// Shows an index run: how many rows, and the keys of each column.
pub(super) fn run(payload: &[u8], at: usize, depth: Depth, report: &mut Report<'_>) -> io::Result<()> {
    match RunReader::open(payload) {
        Ok(run) => {
            report.part(&Part::at("run", 2, at, payload.len()).fact("rows", run.rows()))?;
            for (column, bytes) in run.sizes() {
                report.part(&Part::at(format!("postings of {column}"), 3, at, 0).fact("bytes", bytes))?;
            }
        }
        Err(error) => report.problem(at, payload.len(), &error.to_string())?,
    }
    if depth.bytes {
        report.raw("run", at, payload)?;
    }
    Ok(())
}

/// Shows a lookup.
pub(super) fn lookup(payload: &[u8], at: usize, depth: Depth, report: &mut Report<'_>) -> io::Result<()> {
    match LookupView::open(payload) {
        Ok(lookup) => report.part(
            &Part::at(format!("lookup of {}", lookup.field().name()), 2, at, payload.len()).fact("terms", lookup.len()),
        )?,
        Err(error) => report.problem(at, payload.len(), &error.to_string())?,
    }
    if depth.bytes {
        report.raw("lookup", at, payload)?;
    }
    Ok(())
}

/// Shows a footer and its entries.
pub(super) fn footer(payload: &[u8], at: usize, depth: Depth, report: &mut Report<'_>) -> io::Result<()> {
    match FooterView::open(payload) {
        Ok(view) => {
            let totals = view.totals();
            report.part(
                &Part::at("footer", 2, at, payload.len())
                    .fact("records", totals.records)
                    .fact("frames", view.frame_count())
                    .fact("pages", view.page_count())
                    .fact("runs", view.run_count())
                    .fact("lookups", view.lookup_count())
                    .fact("occurred", json!([time(totals.occurred_min), time(totals.occurred_max)]))
                    .fact("recorded", json!([time(totals.recorded_min), time(totals.recorded_max)])),
            )?;
            if let Err(error) = view.check() {
                report.problem(at, payload.len(), &error.to_string())?;
            }
        }
        Err(error) => report.problem(at, payload.len(), &error.to_string())?,
    }
    if depth.bytes {
        annotate(payload, at, report)?;
    }
    Ok(())
}

fn annotate(payload: &[u8], base: usize, report: &mut Report<'_>) -> io::Result<()> {
    let mut at = report.layout(layout::FOOTER_HEAD.fields, base, payload)?;
    let counts = [4, 8, 12, 16].map(|place| super::frame::number(payload, place, 4));
    let layouts = [&layout::FRAME_ENTRY, &layout::PAGE_ENTRY, &layout::BLOCK_ENTRY, &layout::BLOCK_ENTRY];
    for (layout, count) in layouts.into_iter().zip(counts) {
        for _ in 0..count {
            let entry = part(payload, at, layout.size());
            if entry.len() < layout.size() {
                return Ok(());
            }
            at += report.layout(layout.fields, base + at, entry)?;
        }
    }
    Ok(())
}

fn time(nanos: i64) -> String {
    Timestamp(nanos).to_string()
}
