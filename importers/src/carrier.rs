//! Records that another product carries as a text inside a JSON object of its own.
//!
//! | carrier | the record |
//! |---|---|
//! | a container's log line (`log`, `stream`, `time`) | the text of `log` |
//! | an element of CloudTrail's `lookup-events` (`EventId`, `EventName` ...) | the text of `CloudTrailEvent` |
//!
//! What the event keeps as its original is the carrier, byte for byte: that is what the input has.
//!
//! Not here: the record inside, which its own importer reads.

use super::members::{members, text};

members!(Carrier { log: "log", stream: "stream", cloudtrail: "CloudTrailEvent" });

/// The record that this object carries; `None` where it carries none.
pub(crate) fn carried(record: &str) -> Option<String> {
    let carrier = Carrier::read(record).ok()?;
    let line = if carrier.stream.is_some() { carrier.log } else { None };
    let inner = text(carrier.cloudtrail.or(line))?;
    let inner = inner.trim_ascii();
    inner.starts_with('{').then(|| inner.to_owned())
}
