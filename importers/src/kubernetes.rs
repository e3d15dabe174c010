//! Kubernetes audit events (`audit.k8s.io`, v1 and the betas before it).
//!
//! | event | from the record |
//! |---|---|
//! | id | `auditID` and `stage`, as one request is reported once a stage: `841d.../ResponseComplete` |
//! | time | `stageTimestamp`, else `requestReceivedTimestamp`, `timestamp`, `metadata.creationTimestamp` |
//! | workspace | the context's: a record does not name its cluster |
//! | lane | `objectRef.namespace` |
//! | correlation id, request id | `auditID`, which the stages of one request share |
//! | actor type | `system:serviceaccount:...` -> service; `system:anonymous`, `system:admin` -> user; other `system:...` -> system; else user |
//! | actor id | `user.username`, else `user.uid`, else `unknown` |
//! | actor role | `user.groups`, with commas |
//! | actor ip | the first of `sourceIPs` |
//! | action | `k8s.`, `verb` and the resource: `k8s.create.pods/exec`, `k8s.get` where there is no resource |
//! | target type | `objectRef.resource` with its subresource; `url` where there is none |
//! | target id | namespace and name, `*` for all of them: `default/nginx`, `default/*`, `*`; the name of a new object from its body; else the path of `requestURI` |
//! | outcome | failure where `responseStatus.code` >= 400, its status is `Failure` or the stage is `Panic`; pending for `RequestReceived`; else success |
//! | severity | warning: 401, 403, `Panic`, the anonymous user, commands in pods (exec, attach, portforward); else info |
//! | service | `kube-apiserver` |
//! | error | code, and message or reason, of a failed `responseStatus` |
//! | metadata | `user_agent`, `level`, `stage`, `impersonated_user`, `decision`, `time_source` |
//!
//! A record is one of these by `auditID`, `verb` or `requestURI`, and one of `kind` `Event`, an `audit.k8s.io` version, `stage` and
//! `level`: the items of a list that a webhook is sent have neither kind nor version of their own.

use super::finish::{Facts, finish};
use super::members::{elements, is, members, owned, text};
use super::times::{passed_on, zoned};
use super::{Convert, Refusal, blank};
use indelible::event::{ActorType, AuditEvent, EventError, Outcome, Severity, Target, Timestamp};

members!(Record {
    kind: "kind",
    api_version: "apiVersion",
    audit_id: "auditID",
    stage: "stage",
    level: "level",
    request_uri: "requestURI",
    verb: "verb",
    user: "user",
    impersonated: "impersonatedUser",
    source_ips: "sourceIPs",
    user_agent: "userAgent",
    object_ref: "objectRef",
    request_object: "requestObject",
    response_object: "responseObject",
    response_status: "responseStatus",
    annotations: "annotations",
    stage_time: "stageTimestamp",
    received_time: "requestReceivedTimestamp",
    timestamp: "timestamp",
    metadata: "metadata",
});

members!(User { name: "username", uid: "uid", groups: "groups" });
members!(ObjectRef { resource: "resource", namespace: "namespace", name: "name", subresource: "subresource" });
members!(Status { code: "code", status: "status", message: "message", reason: "reason" });
members!(Annotations { decision: "authorization.k8s.io/decision" });
members!(ObjectMeta { created: "creationTimestamp", name: "name" });
members!(Object { metadata: "metadata" });

/// Converts one record.
pub(crate) fn convert(record: &str, job: &Convert<'_>) -> Result<AuditEvent, Refusal> {
    let members = Record::read(record).map_err(Refusal::unreadable)?;
    let audit_version = text(members.api_version).is_some_and(|version| version.starts_with("audit.k8s.io/"));
    let audit_id = text(members.audit_id);
    let is_request = members.verb.is_some() || members.request_uri.is_some();
    let is_audit = is(members.kind, "Event") || audit_version || members.stage.is_some() || members.level.is_some();
    let (Some(audit_id), true) = (audit_id, is_request && is_audit) else {
        return Err(Refusal::OtherFormat);
    };
    let object = ObjectRef::nested(members.object_ref);
    let mut facts = Facts::default();
    let mut event = blank(None, job);
    event.id = Some(text(members.stage).map_or_else(|| audit_id.to_string(), |stage| format!("{audit_id}/{stage}")));
    event.correlation_id = Some(audit_id.to_string());
    event.request_id = Some(audit_id.into_owned());
    event.time = time(&members)?;
    if event.time.is_none() {
        facts.text("time_source", Some("none"));
    }
    event.lane = owned(object.namespace);
    let verb = text(members.verb).unwrap_or("unknown".into());
    let kind = resource(&object);
    event.action = match &kind {
        Some(kind) => format!("k8s.{verb}.{kind}"),
        None => format!("k8s.{verb}"),
    };
    event.target = target(kind, &object, &members);
    event.service = Some("kube-apiserver".to_owned());
    let status = Status::nested(members.response_status);
    event.outcome = outcome(&members, &status);
    if event.outcome == Outcome::Failure {
        let message = owned(status.message).or_else(|| owned(status.reason));
        event.error = Some(EventError { code: owned(status.code), message });
    }
    set_actor(&mut event, &members);
    event.severity = severity(&event, &members, &object, &status);
    facts.text("user_agent", text(members.user_agent));
    facts.text("level", text(members.level));
    facts.text("stage", text(members.stage));
    facts.text("impersonated_user", text(User::nested(members.impersonated).name));
    facts.text("decision", text(Annotations::nested(members.annotations).decision));
    finish(event, facts, "kubernetes", job.source_bytes(record), job.limits).map_err(Refusal::from)
}

fn time(members: &Record<'_>) -> Result<Option<Timestamp>, Refusal> {
    let created = ObjectMeta::nested(members.metadata).created;
    let times = [members.stage_time, members.received_time, members.timestamp, created];
    let read = times.into_iter().find_map(|raw| {
        let given = text(raw)?;
        zoned(Some(given.clone())).or_else(|| passed_on(&given).map(|(time, _)| time))
    });
    match times.into_iter().find_map(text) {
        Some(given) if read.is_none() => Err(Refusal::unread_time("stageTimestamp", &given)),
        _ => Ok(read),
    }
}

fn resource(object: &ObjectRef<'_>) -> Option<String> {
    let resource = text(object.resource)?;
    Some(match text(object.subresource) {
        Some(subresource) => format!("{resource}/{subresource}"),
        None => resource.into_owned(),
    })
}

fn target(kind: Option<String>, object: &ObjectRef<'_>, members: &Record<'_>) -> Target {
    let Some(kind) = kind else {
        let uri = text(members.request_uri).unwrap_or_default();
        let path = uri.split('?').next().unwrap_or_default();
        return Target { kind: "url".to_owned(), id: path.to_owned() };
    };
    let body_name = |raw| owned(ObjectMeta::nested(Object::nested(raw).metadata).name);
    // Only what is created lacks a name although it is one object; a list has many.
    let name = owned(object.name).or_else(|| {
        is(members.verb, "create")
            .then(|| body_name(members.response_object).or_else(|| body_name(members.request_object)))?
    });
    let name = name.unwrap_or_else(|| "*".to_owned());
    let id = match text(object.namespace) {
        Some(namespace) => format!("{namespace}/{name}"),
        None => name,
    };
    Target { kind, id }
}

fn outcome(members: &Record<'_>, status: &Status<'_>) -> Outcome {
    let code: u32 = text(status.code).and_then(|code| code.parse().ok()).unwrap_or(0);
    if code >= 400 || is(status.status, "Failure") || is(members.stage, "Panic") {
        Outcome::Failure
    } else if is(members.stage, "RequestReceived") {
        Outcome::Pending
    } else {
        Outcome::Success
    }
}

fn set_actor(event: &mut AuditEvent, members: &Record<'_>) {
    let user = User::nested(members.user);
    let name = text(user.name);
    event.actor.kind = match name.as_deref() {
        Some("system:anonymous" | "system:admin") => ActorType::User,
        Some(name) if name.starts_with("system:serviceaccount:") => ActorType::Service,
        Some(name) if name.starts_with("system:") => ActorType::System,
        Some(_) => ActorType::User,
        None => ActorType::System,
    };
    event.actor.id = name.map(|name| name.into_owned()).or_else(|| owned(user.uid)).unwrap_or_default();
    let groups: Vec<_> = elements(user.groups).into_iter().filter_map(|raw| text(Some(raw))).collect();
    event.actor.role = (!groups.is_empty()).then(|| groups.join(","));
    event.actor.ip = elements(members.source_ips).first().and_then(|raw| owned(Some(raw)));
}

fn severity(event: &AuditEvent, members: &Record<'_>, object: &ObjectRef<'_>, status: &Status<'_>) -> Severity {
    let refused = matches!(text(status.code).as_deref(), Some("401" | "403"));
    let command = matches!(text(object.subresource).as_deref(), Some("exec" | "attach" | "portforward"));
    let anonymous = event.actor.id == "system:anonymous";
    if refused || command || anonymous || is(members.stage, "Panic") { Severity::Warning } else { Severity::Info }
}
