//! An audit event as a record, and back: the schema of the format filled with the words of the audit domain.
//!
//! ```text
//! AuditEvent --encode--> Draft (groups 0 to 3) ... log ... Record --decode--> AuditEvent
//! ```
//!
//! Invariant: `decode(encode(event)) == event`, but for the id and the time that the log fills in where they are missing.

use indelible_engine::Draft;
use indelible_evidence::FormatError;
use indelible_evidence::record::{GROUPS, Value, fields_of};
use indelible_evidence::schema::{Field, Kind};

use crate::event::{
    Actor, ActorType, AuditEvent, EventError, Limits, Metadata, Original, Outcome, Proof, ProofKind, Severity, Target,
    Timestamp,
};

/// Encodes an event as a draft of retention class `class`; `id` stands in where the event has none.
pub(crate) fn encode(event: &AuditEvent, id: &str, class: u16) -> Draft {
    Draft::write(Kind::Event, event.time.map(Timestamp::as_nanos), class, |groups| {
        groups.text(Field::WORKSPACE, &event.workspace);
        groups.optional(Field::LANE, event.lane.as_deref());
        groups.optional(Field::SERVICE, event.service.as_deref());
        groups.text(Field::ACTION, &event.action);
        groups.code(Field::SEVERITY, event.severity.code());
        groups.code(Field::OUTCOME, event.outcome.code());
        groups.code(Field::ACTOR_TYPE, event.actor.kind.code());
        groups.text(Field::TARGET_TYPE, &event.target.kind);
        groups.text(Field::ACTOR_ID, &event.actor.id);
        groups.optional(Field::ACTOR_NAME, event.actor.name.as_deref());
        groups.optional(Field::ACTOR_ROLE, event.actor.role.as_deref());
        groups.optional(Field::ACTOR_IP, event.actor.ip.as_deref());
        groups.optional(Field::AUTH_METHOD, event.actor.auth_method.as_deref());
        groups.text(Field::TARGET_ID, &event.target.id);
        groups.optional(Field::SESSION, event.session.as_deref());
        groups.text(Field::EVENT_ID, event.id.as_deref().unwrap_or(id));
        groups.optional(Field::CORRELATION_ID, event.correlation_id.as_deref());
        groups.optional(Field::PARENT_ID, event.parent_id.as_deref());
        groups.optional(Field::REQUEST_ID, event.request_id.as_deref());
        if let Some(proof) = &event.proof {
            let texts = [proof.data.as_deref(), proof.url.as_deref(), proof.hash.as_deref()];
            groups.proof(proof.kind.code(), texts, proof.captured_at.map(Timestamp::as_nanos));
        }
        groups.optional(Field::REASON, event.reason.as_deref());
        if let Some(error) = &event.error {
            groups.optional(Field::ERROR_CODE, error.code.as_deref());
            groups.optional(Field::ERROR_MESSAGE, error.message.as_deref());
        }
        groups.optional(Field::METADATA, event.metadata.as_ref().map(Metadata::as_str));
        if let Some(original) = &event.original {
            groups.text(Field::ORIGINAL_FORMAT, &original.format);
            groups.bytes(Field::ORIGINAL, &original.bytes);
        }
    })
}

/// Fills a [`blank`] event from a record. Fields of erased groups, and fields that a system record does not have, stay empty.
pub(crate) fn decode(groups: [&[u8]; GROUPS], event: &mut AuditEvent) -> Result<(), FormatError> {
    let mut error = EventError { code: None, message: None };
    let (mut format, mut original) = (None, None);
    for (k, bytes) in (0u8..).zip(groups) {
        if bytes.is_empty() {
            continue;
        }
        for item in fields_of(k, bytes)? {
            match item? {
                (field, Value::Code(code)) => set_code(event, field, code),
                (Field::PROOF, Value::Proof(proof)) => {
                    let text = |text: Option<indelible_evidence::record::TextRef<'_>>| {
                        text.map(|text| text.text().into_owned())
                    };
                    event.proof = Some(Proof {
                        kind: ProofKind::from_code(proof.kind),
                        data: text(proof.data),
                        url: text(proof.url),
                        hash: text(proof.hash),
                        captured_at: proof.captured_at.map(Timestamp),
                    });
                }
                (Field::ORIGINAL, Value::Bytes(bytes)) => original = Some(bytes.to_vec()),
                (field, Value::Text(text)) => {
                    let text = text.text().into_owned();
                    match field {
                        Field::ERROR_CODE => error.code = Some(text),
                        Field::ERROR_MESSAGE => error.message = Some(text),
                        Field::ORIGINAL_FORMAT => format = Some(text),
                        Field::METADATA => event.metadata = metadata(text)?,
                        _ => set_text(event, field, text),
                    }
                }
                _ => {}
            }
        }
    }
    event.error = (error.code.is_some() || error.message.is_some()).then_some(error);
    event.original = original.map(|bytes| Original { format: format.unwrap_or_default(), bytes });
    Ok(())
}

fn metadata(text: String) -> Result<Option<Metadata>, FormatError> {
    Metadata::from_text(text, &Limits::unbounded())
        .map(Some)
        .map_err(|error| FormatError::invalid("group 3 (payload)", "metadata", 0, error.to_string()))
}

/// An event of this time with nothing in it.
pub(crate) fn blank(time: Timestamp) -> AuditEvent {
    AuditEvent {
        id: None,
        time: Some(time),
        workspace: String::new(),
        lane: None,
        session: None,
        correlation_id: None,
        parent_id: None,
        request_id: None,
        actor: Actor {
            kind: ActorType::System,
            id: String::new(),
            name: None,
            role: None,
            ip: None,
            auth_method: None,
        },
        action: String::new(),
        target: Target { kind: String::new(), id: String::new() },
        outcome: Outcome::Success,
        severity: Severity::Info,
        service: None,
        proof: None,
        reason: None,
        error: None,
        metadata: None,
        original: None,
    }
}

fn set_code(event: &mut AuditEvent, field: Field, code: u8) {
    match field {
        Field::SEVERITY => event.severity = Severity::from_code(code),
        Field::OUTCOME => event.outcome = Outcome::from_code(code),
        Field::ACTOR_TYPE => event.actor.kind = ActorType::from_code(code),
        _ => {}
    }
}

fn set_text(event: &mut AuditEvent, field: Field, text: String) {
    match field {
        Field::WORKSPACE => event.workspace = text,
        Field::LANE => event.lane = Some(text),
        Field::SERVICE => event.service = Some(text),
        Field::ACTION => event.action = text,
        Field::TARGET_TYPE => event.target.kind = text,
        Field::ACTOR_ID => event.actor.id = text,
        Field::ACTOR_NAME => event.actor.name = Some(text),
        Field::ACTOR_ROLE => event.actor.role = Some(text),
        Field::ACTOR_IP => event.actor.ip = Some(text),
        Field::AUTH_METHOD => event.actor.auth_method = Some(text),
        Field::TARGET_ID => event.target.id = text,
        Field::SESSION => event.session = Some(text),
        Field::EVENT_ID => event.id = Some(text),
        Field::CORRELATION_ID => event.correlation_id = Some(text),
        Field::PARENT_ID => event.parent_id = Some(text),
        Field::REQUEST_ID => event.request_id = Some(text),
        Field::REASON => event.reason = Some(text),
        _ => {}
    }
}
