//! Checks of what people give by hand or from elsewhere: native events, filters, cursors and importers.

use std::ops::ControlFlow;

use indelible::filter::{COLUMNS, Filters, Pattern, TimeRange, parse_expression, parse_span, parse_time};
use indelible::{AuditEvent, Limits, Timestamp};
use indelible_engine::query::Cursor;
use indelible_importers::{Format, ImportContext, Item, import};

use crate::{prepared, repair};

/// One native event as a line of JSON.
pub fn native_event(data: &[u8]) {
    let bytes = prepared(data, repair::nothing);
    let Ok(line) = std::str::from_utf8(&bytes) else { return };
    let limits = Limits::default();
    let Ok(event) = AuditEvent::from_native_json(line, &limits) else { return };
    assert!(event.validate(&limits).is_ok(), "what was read keeps the limits");
    let again = event.to_native_json();
    let read = AuditEvent::from_native_json(&again, &limits);
    assert_eq!(read.as_ref(), Ok(&event), "an event reads as it was written: {again}");
}

/// Filters as people write them: expressions, values of every column, times. An error can be shown.
pub fn filter(data: &[u8]) {
    let bytes = prepared(data, repair::nothing);
    let Ok(text) = std::str::from_utf8(&bytes) else { return };
    let now = Timestamp(1_795_168_800_000_000_000);
    let expression = parse_expression(text);
    if let Err(error) = &expression {
        assert!(!error.to_string().is_empty(), "an error says something");
    }
    assert_eq!(
        expression.is_ok(),
        Filters::new().expression(text).is_ok(),
        "an expression is the same alone and among filters"
    );
    let _ = Pattern::parse(text);
    for &column in COLUMNS {
        if let Err(error) = Filters::new().column(column, &[text]) {
            assert!(!error.to_string().is_empty(), "an error says something");
        }
    }
    let _ = (parse_span(text), TimeRange::parse("event time", Some(text), None, now));
    if let Ok(time) = parse_time(text, now) {
        assert_eq!(parse_time(&time.to_string(), now).ok(), Some(time), "a time reads as it was written");
    }
}

/// A cursor as it is printed.
pub fn cursor(data: &[u8]) {
    let bytes = prepared(data, repair::cursor);
    let Ok(text) = std::str::from_utf8(&bytes) else { return };
    if let Ok(cursor) = Cursor::parse(text) {
        assert_eq!(cursor.to_string(), text, "a cursor prints as it was read");
    }
}

/// Importers with the format found record by record; compression and UTF-16 included.
pub fn import_auto(data: &[u8]) {
    imported(data, Format::Auto);
}

/// CloudTrail records.
pub fn import_cloudtrail(data: &[u8]) {
    imported(data, Format::CloudTrail);
}

/// Windows events.
pub fn import_windows(data: &[u8]) {
    imported(data, Format::Windows);
}

/// Kubernetes audit events.
pub fn import_kubernetes(data: &[u8]) {
    imported(data, Format::Kubernetes);
}

fn imported(data: &[u8], format: Format) {
    let bytes = prepared(data, repair::nothing);
    let limits = Limits::default();
    let (mut events, mut rejects, mut line) = (0, 0, 1);
    let mut sink = |item: Item| {
        let at = match item {
            Item::Event(imported) => {
                assert!(imported.event.validate(&limits).is_ok(), "an imported event keeps the limits");
                events += 1;
                imported.line
            }
            Item::Reject(rejected) => {
                assert!(!rejected.reason.is_empty(), "a reject has a reason");
                rejects += 1;
                rejected.line
            }
        };
        assert!(at >= line, "lines never go back");
        line = at;
        ControlFlow::Continue(())
    };
    let summary =
        import(&bytes[..], format, &limits, &ImportContext::new("fuzz"), &mut sink).expect("reading from memory");
    assert_eq!(
        (summary.read, summary.events, summary.rejected),
        (events + rejects, events, rejects),
        "nothing is lost"
    );
}
