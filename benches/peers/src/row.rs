//! An event as bytes for stores that keep bytes: fields with their lengths, nothing clever.

use indelible::{Actor, ActorType, AuditEvent, Limits, Metadata, Outcome, Severity, Target, Timestamp};

/// Appends the event's fields; what the reference workload never has is left out.
pub fn encode(event: &AuditEvent, out: &mut Vec<u8>) {
    out.extend_from_slice(&event.time.map_or(0, |time| time.0).to_le_bytes());
    out.extend_from_slice(&[event.actor.kind.code(), event.outcome.code(), event.severity.code()]);
    let metadata = event.metadata.as_ref().map(Metadata::as_str);
    let texts = [
        event.id.as_deref(),
        Some(event.workspace.as_str()),
        event.lane.as_deref(),
        event.session.as_deref(),
        event.correlation_id.as_deref(),
        Some(event.actor.id.as_str()),
        Some(event.action.as_str()),
        Some(event.target.kind.as_str()),
        Some(event.target.id.as_str()),
        metadata,
    ];
    for text in texts {
        let text = text.unwrap_or("");
        out.extend_from_slice(&(text.len() as u16).to_le_bytes());
        out.extend_from_slice(text.as_bytes());
    }
}

/// The event of such bytes; `None` where they are not.
pub fn decode(bytes: &[u8]) -> Option<AuditEvent> {
    let (time, rest) = bytes.split_first_chunk::<8>()?;
    let ([actor_type, outcome, severity], mut rest) = rest.split_first_chunk::<3>()?;
    let mut text = || {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (text, after) = after.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        rest = after;
        String::from_utf8(text.to_vec()).ok()
    };
    let some = |text: String| (!text.is_empty()).then_some(text);
    let (id, workspace, lane, session, correlation) = (text()?, text()?, text()?, text()?, text()?);
    let (actor, action, kind, target, metadata) = (text()?, text()?, text()?, text()?, text()?);
    Some(AuditEvent {
        id: some(id),
        time: Some(Timestamp(i64::from_le_bytes(*time))),
        workspace,
        lane: some(lane),
        session: some(session),
        correlation_id: some(correlation),
        parent_id: None,
        request_id: None,
        actor: Actor {
            kind: ActorType::from_code(*actor_type),
            id: actor,
            name: None,
            role: None,
            ip: None,
            auth_method: None,
        },
        action,
        target: Target { kind, id: target },
        outcome: Outcome::from_code(*outcome),
        severity: Severity::from_code(*severity),
        service: None,
        proof: None,
        reason: None,
        error: None,
        metadata: match some(metadata) {
            Some(text) => Some(Metadata::from_text(text, &Limits::default()).ok()?),
            None => None,
        },
        original: None,
    })
}

#[cfg(test)]
mod tests {
    use indelible_tools::workload::Workload;

    #[test]
    fn events_come_back() {
        for event in Workload::new(3, 500) {
            let mut bytes = Vec::new();
            super::encode(&event, &mut bytes);
            assert_eq!(super::decode(&bytes), Some(event));
            assert_eq!(super::decode(&bytes[..bytes.len() - 1]), None);
        }
    }
}
