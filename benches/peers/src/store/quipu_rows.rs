//! An event as Quipu keeps it, and back.
//!
//! ```text
//! actor -> registry "actor"      target -> registry "target"      action -> method      metadata -> content
//! time  -> microseconds, and the nanoseconds that do not fit as a number      everything else -> custom text columns
//! ```

use std::collections::BTreeMap;

use indelible::{AuditEvent, Metadata};
use indelible_benches::question::time_of;
use quipu_core::{Content, EntityInput, LogView, StoredValue, TargetSnapshot, Value};
use quipu_middleware::TargetSpec;

use super::event_json;
use super::row::Columns;

/// Registry of actors.
pub const ACTOR: &str = "actor";
/// Registry of targets.
pub const TARGET: &str = "target";
/// Custom text columns.
pub const COLUMNS: [&str; 9] =
    ["id", "workspace", "lane", "session", "correlation", "actor_type", "outcome", "severity", "rest"];

/// Time in its unit.
pub fn micros(event: &AuditEvent) -> u64 {
    time_of(event).max(0).unsigned_abs() / 1_000
}

/// What an event is taken apart into.
pub struct Parts {
    pub actor: EntityInput,
    pub target: EntityInput,
    pub content: Content,
    pub custom: BTreeMap<String, Value>,
}

impl Parts {
    pub fn of(event: &AuditEvent) -> Self {
        let mut custom = BTreeMap::new();
        let mut put = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                custom.insert(name.to_owned(), Value::Text(value));
            }
        };
        put("id", event.id.clone());
        put("workspace", Some(event.workspace.clone()));
        put("lane", event.lane.clone());
        put("session", event.session.clone());
        put("correlation", event.correlation_id.clone());
        put("actor_type", Some(event.actor.kind.code().to_string()));
        put("outcome", Some(event.outcome.to_string()));
        put("severity", Some(event.severity.to_string()));
        put("rest", event_json::rest(event));
        custom.insert("ns".to_owned(), Value::Number((time_of(event) % 1_000) as f64));
        let target = &event.target;
        Self {
            actor: EntityInput::new(&event.actor.id).text("name", &event.actor.id),
            target: EntityInput::new(format!("{}\u{1f}{}", target.kind, target.id))
                .text("kind", &target.kind)
                .text("name", &target.id),
            content: Content::Text(event.metadata.as_ref().map_or("", Metadata::as_str).to_owned()),
            custom,
        }
    }

    /// The same as the pipeline takes it.
    pub fn emitted(self, event: &AuditEvent) -> quipu_middleware::AuditEvent {
        let mut emitted = quipu_middleware::AuditEvent::new(ACTOR, self.actor, &*event.action, "", self.content)
            .target(TargetSpec::new(TARGET, self.target));
        emitted.occurred_at = micros(event);
        emitted.custom = self.custom;
        emitted
    }
}

fn field(snapshot: &TargetSnapshot, name: &str) -> Option<String> {
    match snapshot.fields.get(name)? {
        StoredValue::Plain(Value::Text(text)) => Some(text.clone()),
        _ => None,
    }
}

/// The event of a record it gives back; `None` where a part is missing.
pub fn event_of(view: LogView) -> Option<AuditEvent> {
    let mut custom = view.custom;
    let nanos = match custom.get("ns") {
        Some(Value::Number(nanos)) => *nanos as i64,
        _ => return None,
    };
    let mut text = |name: &str| match custom.remove(name) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    };
    let Content::Text(metadata) = view.content else { return None };
    let target = view.targets.first()?;
    let outcome = text("outcome")?.parse::<indelible::Outcome>().ok()?;
    let severity = text("severity")?.parse::<indelible::Severity>().ok()?;
    let columns = Columns {
        time: i64::try_from(view.timestamp_micros).ok()? * 1_000 + nanos,
        codes: [text("actor_type")?.parse().ok()?, outcome.code(), severity.code()],
        ids: [text("id"), text("lane"), text("session"), text("correlation")],
        workspace: text("workspace")?,
        actor: field(&view.actor, "name")?,
        action: view.method,
        target_type: field(target, "kind")?,
        target: field(target, "name")?,
        metadata: Some(metadata).filter(|text| !text.is_empty()),
        rest: text("rest"),
    };
    columns.event()
}
