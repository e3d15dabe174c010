//! Reads a native event: one JSON object, strict at the top and inside actor, target, proof and error.
//!
//! ```text
//! {"id","time","workspace","lane","session","correlation_id","parent_id","request_id",
//!  "actor":{"type","id","name","role","ip","auth_method"},"action","target":{"type","id"},"outcome","severity","service",
//!  "proof":{"kind","data","url","hash","captured_at"},"reason","error":{"code","message"},"metadata":{..},
//!  "seq","recorded_at",                                    ignored: the log assigns its own
//!  "original_format","original" | "original_base64"}
//! ```
//!
//! Invariants: an unknown key, a key twice, a missing mandatory key are errors, so that a misspelt field is never lost;
//! `null` is the same as absent for optional keys; metadata is taken as its exact text. Where a string has half a
//! surrogate pair, which no string here can hold, the whole line is kept as the event's original (format `native`).

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::limits::{EventInvalid, EventProblem, Limits};
use super::object::Object;
use super::text::{Text, unpaired_surrogates};
use super::{
    Actor, ActorType, AuditEvent, EventError, Metadata, Original, Outcome, Proof, ProofKind, Severity, Target,
    Timestamp,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a native event, one JSON object")]
struct NativeEvent<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    time: Option<TimeField>,
    workspace: Option<Text<'a>>,
    lane: Option<Text<'a>>,
    session: Option<Text<'a>>,
    correlation_id: Option<Text<'a>>,
    parent_id: Option<Text<'a>>,
    request_id: Option<Text<'a>>,
    actor: Option<Object<NativeActor<'a>>>,
    action: Option<Text<'a>>,
    target: Option<Object<NativeTarget<'a>>>,
    outcome: Option<Outcome>,
    severity: Option<Severity>,
    service: Option<Text<'a>>,
    proof: Option<Object<NativeProof<'a>>>,
    reason: Option<Text<'a>>,
    error: Option<Object<NativeError<'a>>>,
    metadata: Option<&'a RawValue>,
    original_format: Option<Text<'a>>,
    original: Option<Text<'a>>,
    original_base64: Option<Text<'a>>,
    #[serde(rename = "seq")]
    _seq: Option<IgnoredAny>,
    #[serde(rename = "recorded_at")]
    _recorded_at: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object for the actor, with type and id")]
struct NativeActor<'a> {
    r#type: Option<ActorType>,
    #[serde(borrow)]
    id: Option<Text<'a>>,
    name: Option<Text<'a>>,
    role: Option<Text<'a>>,
    ip: Option<Text<'a>>,
    auth_method: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object for the target, with type and id")]
struct NativeTarget<'a> {
    #[serde(borrow)]
    r#type: Option<Text<'a>>,
    id: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object for the proof, with kind")]
struct NativeProof<'a> {
    kind: Option<ProofKind>,
    #[serde(borrow)]
    data: Option<Text<'a>>,
    url: Option<Text<'a>>,
    hash: Option<Text<'a>>,
    captured_at: Option<TimeField>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object for the error, with code or message")]
struct NativeError<'a> {
    #[serde(borrow)]
    code: Option<Text<'a>>,
    message: Option<Text<'a>>,
}

/// A time as it stands in the line, or what is wrong with it, which is said with the name of its field.
struct TimeField(Result<Timestamp, String>);

impl<'de> Deserialize<'de> for TimeField {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        // What the parser says of the place counts from the beginning of the value, and helps nobody.
        let plain = |error: serde_json::Error| {
            let message = error.to_string();
            message.rsplit_once(" at line ").map_or(message.clone(), |(problem, _)| problem.to_owned())
        };
        Ok(Self(serde_json::from_str(raw.get()).map_err(plain)))
    }
}

fn read_time(field: &'static str, time: Option<TimeField>) -> Result<Option<Timestamp>, EventInvalid> {
    let unreadable = |message| EventInvalid::new(field, EventProblem::Unreadable { message });
    time.map(|time| time.0).transpose().map_err(unreadable)
}

impl AuditEvent {
    /// Reads one native event, as `indelible query --format ndjson` writes it or a producer does.
    ///
    /// ```
    /// use indelible::{AuditEvent, Limits};
    ///
    /// let line = r#"{"workspace":"acme","actor":{"type":"user","id":"u-7"},"action":"login",
    ///               "target":{"type":"app","id":"web"},"outcome":"success"}"#;
    /// let event = AuditEvent::from_native_json(line, &Limits::default())?;
    /// assert_eq!(event.action, "login");
    /// # Ok::<(), indelible::EventInvalid>(())
    /// ```
    ///
    /// # Errors
    /// Not JSON, a key that is unknown, twice there or missing, or what [`AuditEvent::validate`] refuses.
    pub fn from_native_json(line: &str, limits: &Limits) -> Result<AuditEvent, EventInvalid> {
        let Object(native): Object<NativeEvent<'_>> = serde_json::from_str(line)
            .map_err(|error| EventInvalid::new("event", EventProblem::Unreadable { message: error.to_string() }))?;
        let event = convert(native, line, limits)?;
        event.validate(limits)?;
        Ok(event)
    }
}

fn owned(text: Option<Text<'_>>) -> Option<String> {
    text.map(Text::into_string)
}

fn mandatory<T>(field: &'static str, value: Option<T>) -> Result<T, EventInvalid> {
    value.ok_or_else(|| EventInvalid::new(field, EventProblem::Missing))
}

fn convert(native: NativeEvent<'_>, line: &str, limits: &Limits) -> Result<AuditEvent, EventInvalid> {
    let Object(actor) = mandatory("actor", native.actor)?;
    let Object(target) = mandatory("target", native.target)?;
    // Only what lies outside the metadata loses anything: the metadata is kept as text.
    let kept = native.metadata.map_or(0, |metadata| unpaired_surrogates(metadata.get()));
    let altered = unpaired_surrogates(line) > kept;
    let original = read_original(native.original_format, native.original, native.original_base64)?;
    let whole_line = || Original { format: "native".to_owned(), bytes: line.as_bytes().to_vec() };
    Ok(AuditEvent {
        id: owned(native.id),
        time: read_time("time", native.time)?,
        workspace: mandatory("workspace", native.workspace)?.into_string(),
        lane: owned(native.lane),
        session: owned(native.session),
        correlation_id: owned(native.correlation_id),
        parent_id: owned(native.parent_id),
        request_id: owned(native.request_id),
        actor: Actor {
            kind: mandatory("actor.type", actor.r#type)?,
            id: mandatory("actor.id", actor.id)?.into_string(),
            name: owned(actor.name),
            role: owned(actor.role),
            ip: owned(actor.ip),
            auth_method: owned(actor.auth_method),
        },
        action: mandatory("action", native.action)?.into_string(),
        target: Target {
            kind: mandatory("target.type", target.r#type)?.into_string(),
            id: mandatory("target.id", target.id)?.into_string(),
        },
        outcome: mandatory("outcome", native.outcome)?,
        severity: native.severity.unwrap_or_default(),
        service: owned(native.service),
        proof: native.proof.map(|Object(proof)| read_proof(proof)).transpose()?,
        reason: owned(native.reason),
        error: native.error.map(|Object(error)| EventError { code: owned(error.code), message: owned(error.message) }),
        metadata: native.metadata.map(|raw| Metadata::from_text(raw.get(), limits)).transpose()?,
        original: original.or_else(|| altered.then(whole_line)),
    })
}

fn read_proof(proof: NativeProof<'_>) -> Result<Proof, EventInvalid> {
    Ok(Proof {
        kind: mandatory("proof.kind", proof.kind)?,
        data: owned(proof.data),
        url: owned(proof.url),
        hash: owned(proof.hash),
        captured_at: read_time("proof.captured_at", proof.captured_at)?,
    })
}

fn read_original(
    format: Option<Text<'_>>,
    text: Option<Text<'_>>,
    base64: Option<Text<'_>>,
) -> Result<Option<Original>, EventInvalid> {
    use base64::Engine as _;
    let unreadable =
        |field: &'static str, message: String| EventInvalid::new(field, EventProblem::Unreadable { message });
    let bytes = match (text, base64) {
        (None, None) => return Ok(None),
        (Some(text), None) => text.into_string().into_bytes(),
        (None, Some(base64)) => base64::engine::general_purpose::STANDARD
            .decode(base64.as_str())
            .map_err(|error| unreadable("original_base64", error.to_string()))?,
        (Some(_), Some(_)) => {
            return Err(unreadable("original", "give original or original_base64, not both".to_owned()));
        }
    };
    Ok(Some(Original { format: mandatory("original_format", format)?.into_string(), bytes }))
}
