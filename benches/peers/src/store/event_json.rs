//! Events whose fields do not all fit the columns that the stores share: what is left over travels as JSON beside them.
//!
//! The reference workload leaves nothing over. Other data may have names, roles, proofs, reasons, errors and originals.

use indelible::{AuditEvent, Limits};

/// The whole event as native JSON where it has a field that [`super::row`] does not write; `None` where it has not.
pub fn rest(event: &AuditEvent) -> Option<String> {
    let actor = &event.actor;
    let texts = [
        &event.parent_id,
        &event.request_id,
        &event.service,
        &event.reason,
        &actor.name,
        &actor.role,
        &actor.ip,
        &actor.auth_method,
    ];
    let more = texts.iter().any(|text| text.is_some())
        || event.proof.is_some()
        || event.error.is_some()
        || event.original.is_some()
        // An empty text and none at all are one in the columns.
        || [&event.id, &event.lane, &event.session, &event.correlation_id].iter().any(|text| text.as_deref() == Some(""));
    more.then(|| event.to_native_json())
}

/// The event of such JSON.
pub fn whole(json: &str) -> Option<AuditEvent> {
    AuditEvent::from_native_json(json, &Limits::unbounded()).ok()
}
