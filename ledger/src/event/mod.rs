//! The audit event: who did what to which thing, with which outcome.
//!
//! ```text
//! codes      closed sets with a number on disk (actor type, outcome, severity, proof kind)
//! timestamp  nanoseconds since 1970, RFC 3339 in and out
//! metadata   the exact text of an open JSON object, checked once
//! plain      the usual sort of it, known at sight
//! limits     sizes, and what is wrong with an event that breaks them
//! builder    typestate: a missing mandatory field does not compile
//! text       JSON strings as data, unpaired surrogates included
//! native     one JSON object a line, read and written
//! ```
//!
//! Invariants: [`AuditEvent`] is plain data and may be incomplete; [`AuditEvent::validate`] is the one gate before it is
//! written. Control characters, NUL and bidirectional marks are data here: they are kept as they came and escaped where
//! they are shown.
//!
//! Not here: sequence numbers and the recording time (the log assigns them), the bytes on disk, the import of other
//! formats (crate `indelible-importers`).

mod builder;
mod codes;
mod limits;
mod metadata;
mod native_read;
mod native_write;
mod object;
mod plain;
mod text;
mod timestamp;

pub use builder::{Complete, EventBuilder, NeedsAction, NeedsActor, NeedsOutcome, NeedsTarget};
pub use codes::{ActorType, Outcome, ProofKind, Severity, UnknownName};
pub use limits::{EventInvalid, EventProblem, Limits, RECORD_BYTES_DEFAULT, RECORD_BYTES_MAX};
pub use metadata::Metadata;
pub use text::Text;
pub use timestamp::{Timestamp, TimestampInvalid};

/// One thing that happened, as the caller tells it.
///
/// Mandatory and not empty: `workspace`, `action`, `actor.id`, `target.kind`, `target.id`. An absent optional field and
/// an empty one are different values.
///
/// ```
/// use indelible::{ActorType, AuditEvent};
///
/// let event = AuditEvent::in_workspace("acme")
///     .action("document.publish")
///     .actor(ActorType::User, "u-7")
///     .target("document", "d-42")
///     .succeeded()
///     .build()?;
/// assert_eq!(event.actor.id, "u-7");
/// # Ok::<(), indelible::EventInvalid>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// The caller's own id of the event; the log assigns one where it is missing.
    pub id: Option<String>,
    /// When it happened, by the caller's clock; the recording time where it is missing.
    pub time: Option<Timestamp>,
    /// The tenant, account or cluster that the event belongs to.
    pub workspace: String,
    /// A stream within the workspace: `api`, `browser`, a namespace, a channel.
    pub lane: Option<String>,
    /// The session of the actor.
    pub session: Option<String>,
    /// Ties together the events of one operation, across services.
    pub correlation_id: Option<String>,
    /// The id of the event that caused this one.
    pub parent_id: Option<String>,
    /// The id of the request that caused this event.
    pub request_id: Option<String>,
    /// Who did it.
    pub actor: Actor,
    /// What was done, for example `document.publish`.
    pub action: String,
    /// What it was done to.
    pub target: Target,
    /// How it ended.
    pub outcome: Outcome,
    /// How much it matters.
    pub severity: Severity,
    /// The service that reports it.
    pub service: Option<String>,
    /// Evidence of a side effect.
    pub proof: Option<Proof>,
    /// Why it was done, in the actor's words.
    pub reason: Option<String>,
    /// What went wrong, where something did.
    pub error: Option<EventError>,
    /// Open facts, kept as their exact JSON text.
    pub metadata: Option<Metadata>,
    /// The record that this event was imported from.
    pub original: Option<Original>,
}

/// Who did it, with name and role as they were at that time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// What sort of actor.
    pub kind: ActorType,
    /// Its id; mandatory.
    pub id: String,
    /// Its display name at that time.
    pub name: Option<String>,
    /// Its role at that time.
    pub role: Option<String>,
    /// The address it came from, as text; not parsed, since sources put host and service names here too.
    pub ip: Option<String>,
    /// How it proved who it is: `oidc`, `password`, `mfa`.
    pub auth_method: Option<String>,
}

/// What it was done to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// What sort of thing: `document`, `pods`, `process`; mandatory.
    pub kind: String,
    /// Its id; mandatory.
    pub id: String,
}

/// Evidence of a side effect; committed in the record's hash like everything else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// What sort of evidence.
    pub kind: ProofKind,
    /// The evidence itself or a reference to it, as text.
    pub data: Option<String>,
    /// Where the evidence can be fetched.
    pub url: Option<String>,
    /// A hash of the evidence, with its algorithm as the caller writes it.
    pub hash: Option<String>,
    /// When the evidence was taken.
    pub captured_at: Option<Timestamp>,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventError {
    /// A code to search for.
    pub code: Option<String>,
    /// A sentence to read.
    pub message: Option<String>,
}

/// The record that an event was imported from, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original {
    /// The importer's name for the format: `cloudtrail`, `windows`, `kubernetes`.
    pub format: String,
    /// The record's exact bytes in its source, in the source's encoding.
    pub bytes: Vec<u8>,
}

/// Calls `visit(field name, text)` for every text field that is present.
pub(crate) fn each_text<'a>(event: &'a AuditEvent, mut visit: impl FnMut(&'static str, &'a str)) {
    let mut optional = |field, text: &'a Option<String>| {
        if let Some(text) = text {
            visit(field, text);
        }
    };
    optional("id", &event.id);
    optional("lane", &event.lane);
    optional("session", &event.session);
    optional("correlation_id", &event.correlation_id);
    optional("parent_id", &event.parent_id);
    optional("request_id", &event.request_id);
    optional("actor.name", &event.actor.name);
    optional("actor.role", &event.actor.role);
    optional("actor.ip", &event.actor.ip);
    optional("actor.auth_method", &event.actor.auth_method);
    optional("service", &event.service);
    optional("reason", &event.reason);
    if let Some(proof) = &event.proof {
        optional("proof.data", &proof.data);
        optional("proof.url", &proof.url);
        optional("proof.hash", &proof.hash);
    }
    if let Some(error) = &event.error {
        optional("error.code", &error.code);
        optional("error.message", &error.message);
    }
    visit("workspace", &event.workspace);
    visit("actor.id", &event.actor.id);
    visit("action", &event.action);
    visit("target.type", &event.target.kind);
    visit("target.id", &event.target.id);
}
