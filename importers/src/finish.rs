//! The last steps that all importers share: facts into metadata, fields cut to their limits, the original attached.
//!
//! Invariant: a record that was recognised is never refused for a field that is too long or empty. Long fields are cut
//! at a character and end in an ellipsis, their names are listed in the metadata under `clipped`, and the whole text is
//! in the original; empty mandatory fields become `unknown`.

use std::borrow::Cow;

use indelible::event::{AuditEvent, EventInvalid, Limits, Metadata, Original};

use super::members::{Raw, text};

/// No single fact in the metadata is longer than this.
const FACT_BYTES_MAX: usize = 1_024;

/// A few well-known facts on the way into the metadata, in the order in which they are added.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    json: Vec<u8>,
}

impl Facts {
    fn key(&mut self, key: &str) {
        self.json.extend_from_slice(if self.json.is_empty() { b"{\"" } else { b",\"" });
        self.json.extend_from_slice(key.as_bytes());
        self.json.extend_from_slice(b"\":");
    }

    /// Adds a text; `key` needs no escape.
    pub(crate) fn text(&mut self, key: &str, fact: Option<impl AsRef<str>>) {
        if let Some(fact) = fact {
            self.key(key);
            // A string into memory: neither serde nor the vector can fail.
            let _ = serde_json::to_writer(&mut self.json, &clip(fact.as_ref(), FACT_BYTES_MAX));
        }
    }

    /// Adds a number or a boolean as the source wrote it, and anything else as text.
    pub(crate) fn scalar(&mut self, key: &str, raw: Raw<'_>) {
        let Some(json) = raw.map(|raw| raw.get()) else {
            return;
        };
        if json.len() <= 64
            && json.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | 't' | 'f'))
        {
            self.key(key);
            self.json.extend_from_slice(json.as_bytes());
        } else {
            self.text(key, text(raw));
        }
    }

    fn metadata(mut self, limits: &Limits) -> Result<Option<Metadata>, EventInvalid> {
        if self.json.is_empty() {
            return Ok(None);
        }
        self.json.push(b'}');
        // Keys and numbers are ASCII or came from a string, and strings are UTF-8.
        Metadata::from_text(String::from_utf8_lossy(&self.json).into_owned(), limits).map(Some)
    }
}

/// Completes an imported event and checks it.
pub(crate) fn finish(
    mut event: AuditEvent,
    mut facts: Facts,
    format: &'static str,
    record: Vec<u8>,
    limits: &Limits,
) -> Result<AuditEvent, EventInvalid> {
    let mut clipped = Vec::new();
    each_field(&mut event, |field, value, mandatory| {
        let max = limits.of_field(field);
        if value.is_empty() && mandatory {
            value.push_str("unknown");
        } else if value.len() > max {
            *value = clip(value, max).into_owned();
            clipped.push(field);
        }
    });
    if !clipped.is_empty() {
        facts.text("clipped", Some(clipped.join(",")));
    }
    event.metadata = facts.metadata(limits)?;
    event.original = Some(Original { format: format.to_owned(), bytes: record });
    event.validate(limits)?;
    Ok(event)
}

/// Calls `visit(field name, text, mandatory)` for the text fields that importers fill.
fn each_field(event: &mut AuditEvent, mut visit: impl FnMut(&'static str, &mut String, bool)) {
    visit("workspace", &mut event.workspace, true);
    visit("actor.id", &mut event.actor.id, true);
    visit("action", &mut event.action, true);
    visit("target.type", &mut event.target.kind, true);
    visit("target.id", &mut event.target.id, true);
    let (code, message) = match &mut event.error {
        Some(error) => (error.code.as_mut(), error.message.as_mut()),
        None => (None, None),
    };
    for (field, value) in [
        ("id", event.id.as_mut()),
        ("lane", event.lane.as_mut()),
        ("session", event.session.as_mut()),
        ("correlation_id", event.correlation_id.as_mut()),
        ("request_id", event.request_id.as_mut()),
        ("actor.name", event.actor.name.as_mut()),
        ("actor.role", event.actor.role.as_mut()),
        ("actor.ip", event.actor.ip.as_mut()),
        ("actor.auth_method", event.actor.auth_method.as_mut()),
        ("service", event.service.as_mut()),
        ("reason", event.reason.as_mut()),
        ("error.code", code),
        ("error.message", message),
    ] {
        if let Some(value) = value {
            visit(field, value, false);
        }
    }
}

/// At most `max` bytes, ending in an ellipsis where something was cut.
fn clip(text: &str, max: usize) -> Cow<'_, str> {
    const ELLIPSIS: &str = "\u{2026}";
    if text.len() <= max {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(max.saturating_sub(ELLIPSIS.len()));
    Cow::Owned(text.get(..end).unwrap_or_default().to_owned() + ELLIPSIS)
}
