//! An event as bytes for stores that keep bytes: fields with their lengths, nothing clever.

use indelible::{Actor, ActorType, AuditEvent, Limits, Metadata, Outcome, Severity, Target, Timestamp};

use super::event_json;

/// Appends the event's fields.
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
        push(text.unwrap_or(""), out);
    }
    if let Some(rest) = event_json::rest(event) {
        push(&rest, out);
    }
}

fn push(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&(text.len() as u32).to_le_bytes()[..3]);
    out.extend_from_slice(text.as_bytes());
}

/// The columns of an event as a store gives them back, and what [`event_json::rest`] made of the others.
pub struct Columns {
    pub time: i64,
    /// Codes of actor type, outcome and severity.
    pub codes: [u8; 3],
    /// Event id, lane, session, correlation id.
    pub ids: [Option<String>; 4],
    pub workspace: String,
    pub actor: String,
    pub action: String,
    pub target_type: String,
    pub target: String,
    pub metadata: Option<String>,
    pub rest: Option<String>,
}

impl Columns {
    /// The event; `None` where metadata or the rest are not what was written.
    pub fn event(self) -> Option<AuditEvent> {
        if let Some(rest) = self.rest {
            return event_json::whole(&rest);
        }
        let [id, lane, session, correlation_id] = self.ids;
        let [actor_type, outcome, severity] = self.codes;
        Some(AuditEvent {
            id,
            time: Some(Timestamp(self.time)),
            workspace: self.workspace,
            lane,
            session,
            correlation_id,
            parent_id: None,
            request_id: None,
            actor: Actor {
                kind: ActorType::from_code(actor_type),
                id: self.actor,
                name: None,
                role: None,
                ip: None,
                auth_method: None,
            },
            action: self.action,
            target: Target { kind: self.target_type, id: self.target },
            outcome: Outcome::from_code(outcome),
            severity: Severity::from_code(severity),
            service: None,
            proof: None,
            reason: None,
            error: None,
            metadata: match self.metadata {
                Some(text) => Some(Metadata::from_text(text, &Limits::unbounded()).ok()?),
                None => None,
            },
            original: None,
        })
    }
}

/// The event of such bytes; `None` where they are not.
pub fn decode(bytes: &[u8]) -> Option<AuditEvent> {
    let (time, rest) = bytes.split_first_chunk::<8>()?;
    let (codes, mut rest) = rest.split_first_chunk::<3>()?;
    let mut text = || {
        let ([low, middle, high], after) = rest.split_first_chunk::<3>()?;
        let (text, after) = after.split_at_checked(u32::from_le_bytes([*low, *middle, *high, 0]) as usize)?;
        rest = after;
        String::from_utf8(text.to_vec()).ok()
    };
    let some = |text: String| (!text.is_empty()).then_some(text);
    let (id, workspace, lane, session, correlation) = (text()?, text()?, text()?, text()?, text()?);
    let (actor, action, target_type, target, metadata) = (text()?, text()?, text()?, text()?, text()?);
    let more = text();
    let columns = Columns {
        time: i64::from_le_bytes(*time),
        codes: *codes,
        ids: [some(id), some(lane), some(session), some(correlation)],
        workspace,
        actor,
        action,
        target_type,
        target,
        metadata: some(metadata),
        rest: more,
    };
    rest.is_empty().then_some(columns)?.event()
}

#[cfg(test)]
mod tests {
    use indelible::{AuditEvent, EventError};
    use indelible_tools::workload::Workload;

    fn check(event: AuditEvent) {
        let mut bytes = Vec::new();
        super::encode(&event, &mut bytes);
        assert_eq!(super::decode(&bytes), Some(event));
        assert_eq!(super::decode(&bytes[..bytes.len() - 1]), None);
    }

    #[test]
    fn events_come_back() {
        Workload::new(3, 500).for_each(check);
    }

    #[test]
    fn so_do_events_with_fields_that_the_workload_never_has() {
        for (place, mut event) in Workload::new(3, 5).enumerate() {
            match place {
                0 => event.actor.name = Some("Ada".to_owned()),
                1 => event.error = Some(EventError { code: Some("E7".to_owned()), message: None }),
                2 => event.lane = Some(String::new()),
                3 => event.service = Some("billing".to_owned()),
                _ => (event.correlation_id, event.session, event.metadata) = (None, None, None),
            }
            check(event);
        }
    }
}
