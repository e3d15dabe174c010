//! AWS CloudTrail records.
//!
//! | event | from the record |
//! |---|---|
//! | id | `eventID` |
//! | time | `eventTime`, see below; where a collector dropped that, `@timestamp` |
//! | workspace | `recipientAccountId`, else `userIdentity.accountId`, else the context's |
//! | lane | `awsRegion` |
//! | session | `userIdentity.accessKeyId` of temporary credentials (ASIA...): one per session |
//! | correlation id, request id | `requestID`, which several events of one request share; else `sharedEventID` |
//! | actor type | `AWSService`, `AWSAccount` -> service; absent identity -> system; all others -> user |
//! | actor id | `userIdentity`: `arn`, else `principalId`, `userName`, `invokedBy`, `accountId`, else `unknown` |
//! | actor name | `userName`, else the session's name in the ARN |
//! | actor role | the role behind a session (`sessionContext.sessionIssuer.userName`), else the identity's `type` |
//! | actor ip | `sourceIPAddress`, also where it is the name of a service |
//! | auth method | `mfa` where the session says so, else by the key: `access_key`, `temporary_key` |
//! | action | service and `eventName`, as in IAM: `s3:GetObject` |
//! | target | the first of `resources` with an ARN; else a well-known parameter (`bucketName`, `instanceId` ...); else the service |
//! | outcome | failure where there is an `errorCode`, or a console sign-in that failed; else success |
//! | severity | critical: trails stopped or deleted; warning: root, denied or unauthorised; else info |
//! | service | `eventSource` |
//! | error | `errorCode`, `errorMessage` |
//! | metadata | `user_agent`, `read_only`, `event_type`, `shared_event_id`, `invoked_by`, `time_source` |
//!
//! `eventTime` is RFC 3339 as AWS writes it. Tools that pass records on write it with a blank for the T and without a zone (a
//! database's UTC), with an offset without a colon, or as seconds or milliseconds since 1970: all are read, and anything but
//! RFC 3339 is noted in `time_source`. One that is not understood refuses the record: the time of the import is no substitute.
//!
//! A record is one of CloudTrail's by `eventName` and `eventSource`; an Insight event, which has neither, by `insightDetails`,
//! which names both and the `state` of the insight (`Start`, `End`). Digest files are told apart and hold no records.

use super::finish::{Facts, finish};
use super::members::{Raw, elements, is, members, owned, text};
use super::times::{passed_on, zoned};
use super::{Convert, Refusal, blank};
use indelible::event::{ActorType, AuditEvent, EventError, Outcome, Severity, Target, Timestamp};

members!(Record {
    event_id: "eventID",
    event_time: "eventTime",
    collector_time: "@timestamp",
    event_source: "eventSource",
    event_name: "eventName",
    event_type: "eventType",
    region: "awsRegion",
    source_ip: "sourceIPAddress",
    user_agent: "userAgent",
    error_code: "errorCode",
    error_message: "errorMessage",
    parameters: "requestParameters",
    response: "responseElements",
    request_id: "requestID",
    shared_event_id: "sharedEventID",
    read_only: "readOnly",
    recipient: "recipientAccountId",
    identity: "userIdentity",
    resources: "resources",
    insight: "insightDetails",
});

members!(Insight { state: "state", event_source: "eventSource", event_name: "eventName", insight_type: "insightType" });
members!(Digest { bucket: "digestS3Bucket", files: "logFiles", fingerprint: "digestPublicKeyFingerprint" });

members!(Identity {
    kind: "type",
    principal: "principalId",
    arn: "arn",
    account: "accountId",
    access_key: "accessKeyId",
    user_name: "userName",
    invoked_by: "invokedBy",
    session: "sessionContext",
});

members!(SessionContext { issuer: "sessionIssuer", attributes: "attributes" });
members!(Issuer { user_name: "userName" });
members!(Attributes { mfa: "mfaAuthenticated" });
members!(Resource { arn: "ARN" | "arn", prefix: "ARNPrefix", kind: "type" });
members!(Response { console_login: "ConsoleLogin" });
members!(Parameters {
    bucket: "bucketName",
    key: "key",
    instance: "instanceId",
    db_instance: "dBInstanceIdentifier",
    secret: "secretId",
    kms_key: "keyId",
    function: "functionName",
    model: "modelId",
    trail: "trailName",
    route_table: "routeTableId",
    vpc: "vpcId",
    security_group: "groupId",
    role_arn: "roleArn",
    role: "roleName",
    user: "userName",
    group: "groupName",
    policy: "policyArn",
    resource: "resourceId",
    name: "name",
});

/// Converts one record.
pub(crate) fn convert(record: &str, job: &Convert<'_>) -> Result<AuditEvent, Refusal> {
    let members = Record::read(record).map_err(Refusal::unreadable)?;
    let (Some(name), Some(source)) = (text(members.event_name), text(members.event_source)) else {
        return if members.insight.is_some() { insight(record, &members, job) } else { Err(Refusal::OtherFormat) };
    };
    let identity = Identity::nested(members.identity);
    let mut facts = Facts::default();
    let mut event = blank(owned(members.recipient).or_else(|| owned(identity.account)), job);
    event.id = owned(members.event_id);
    event.time = time(&members, &mut facts)?;
    event.lane = owned(members.region);
    event.request_id = owned(members.request_id);
    event.correlation_id = event.request_id.clone().or_else(|| owned(members.shared_event_id));
    event.action = format!("{}:{name}", source.strip_suffix(".amazonaws.com").unwrap_or(&source));
    event.target =
        target(&members).unwrap_or_else(|| Target { kind: "service".to_owned(), id: source.clone().into_owned() });
    event.error = members.error_code.or(members.error_message).and_then(|_| {
        let error = EventError { code: owned(members.error_code), message: owned(members.error_message) };
        (error.code.is_some() || error.message.is_some()).then_some(error)
    });
    let refused_login = is(Response::nested(members.response).console_login, "Failure");
    event.outcome = if event.error.is_some() || refused_login { Outcome::Failure } else { Outcome::Success };
    event.severity = severity(&name, &event, &identity);
    event.service = Some(source.into_owned());
    set_actor(&mut event, &members, &identity);
    facts.text("user_agent", text(members.user_agent));
    facts.scalar("read_only", members.read_only);
    facts.text("event_type", text(members.event_type));
    facts.text("shared_event_id", text(members.shared_event_id));
    facts.text("invoked_by", text(identity.invoked_by));
    finish(event, facts, "cloudtrail", job.source_bytes(record), job.limits).map_err(Refusal::from)
}

/// An Insight event: the log's own word that calls of one kind became unusually many, or that this is over.
fn insight(record: &str, members: &Record<'_>, job: &Convert<'_>) -> Result<AuditEvent, Refusal> {
    let insight = Insight::nested(members.insight);
    let (Some(name), Some(source)) = (text(insight.event_name), text(insight.event_source)) else {
        return Err(Refusal::OtherFormat);
    };
    let mut facts = Facts::default();
    let mut event = blank(owned(members.recipient), job);
    event.id = owned(members.event_id);
    event.time = time(members, &mut facts)?;
    event.lane = owned(members.region);
    event.correlation_id = owned(members.shared_event_id);
    event.action = format!("cloudtrail:{}", text(insight.insight_type).unwrap_or("Insight".into()));
    let service = source.strip_suffix(".amazonaws.com").unwrap_or(&source);
    event.target = Target { kind: "AWS::ApiCall".to_owned(), id: format!("{service}:{name}") };
    event.service = Some("cloudtrail.amazonaws.com".to_owned());
    event.severity = if is(insight.state, "Start") { Severity::Warning } else { Severity::Info };
    facts.text("event_type", text(members.event_type));
    facts.text("shared_event_id", text(members.shared_event_id));
    facts.text("insight_state", text(insight.state));
    finish(event, facts, "cloudtrail", job.source_bytes(record), job.limits).map_err(Refusal::from)
}

/// Whether this is a digest file of CloudTrail, which names log files and their hashes.
pub(crate) fn is_digest(record: &str) -> bool {
    Digest::read(record)
        .is_ok_and(|digest| digest.bucket.is_some() && digest.files.is_some() && digest.fingerprint.is_some())
}

fn time(members: &Record<'_>, facts: &mut Facts) -> Result<Option<Timestamp>, Refusal> {
    let Some(given) = text(members.event_time) else {
        let collected = zoned(text(members.collector_time));
        facts.text("time_source", Some(if collected.is_some() { "@timestamp" } else { "none" }));
        return Ok(collected);
    };
    if let Some(time) = zoned(Some(given.clone())) {
        return Ok(Some(time));
    }
    let Some((time, form)) = passed_on(&given) else {
        return Err(Refusal::unread_time("eventTime", &given));
    };
    facts.text("time_source", Some(format!("eventTime, {form}")));
    Ok(Some(time))
}

fn set_actor(event: &mut AuditEvent, members: &Record<'_>, identity: &Identity<'_>) {
    let session = SessionContext::nested(identity.session);
    let kind = text(identity.kind);
    let arn = text(identity.arn);
    let session_name =
        arn.as_deref().filter(|arn| arn.contains(":assumed-role/")).and_then(|arn| arn.rsplit('/').next());
    event.actor.kind = match kind.as_deref() {
        Some("AWSService" | "AWSAccount") => ActorType::Service,
        None if arn.is_none() && identity.principal.is_none() => ActorType::System,
        _ => ActorType::User,
    };
    event.actor.name = owned(identity.user_name).or_else(|| session_name.map(str::to_owned));
    event.actor.id = [identity.arn, identity.principal, identity.user_name, identity.invoked_by, identity.account]
        .into_iter()
        .find_map(owned)
        .unwrap_or_default();
    event.actor.role = owned(Issuer::nested(session.issuer).user_name).or_else(|| kind.map(|kind| kind.into_owned()));
    event.actor.ip = owned(members.source_ip);
    let access_key = text(identity.access_key);
    let temporary = access_key.as_deref().is_some_and(|key| key.starts_with("ASIA"));
    event.actor.auth_method = if is(Attributes::nested(session.attributes).mfa, "true") {
        Some("mfa".to_owned())
    } else {
        access_key.as_ref().map(|_| if temporary { "temporary_key" } else { "access_key" }.to_owned())
    };
    event.session = access_key.filter(|_| temporary).map(|key| key.into_owned());
}

fn severity(name: &str, event: &AuditEvent, identity: &Identity<'_>) -> Severity {
    let code = event.error.as_ref().and_then(|error| error.code.as_deref()).unwrap_or_default();
    let denied = ["AccessDenied", "Unauthorized", "Forbidden"].iter().any(|word| code.contains(word));
    match name {
        "StopLogging" | "DeleteTrail" | "DeleteFlowLogs" | "DeleteDetector" if event.outcome == Outcome::Success => {
            Severity::Critical
        }
        "StopLogging" | "DeleteTrail" | "UpdateTrail" | "PutEventSelectors" | "DeleteFlowLogs" | "DeleteDetector" => {
            Severity::Warning
        }
        _ if denied || is(identity.kind, "Root") => Severity::Warning,
        _ if event.outcome == Outcome::Failure && name == "ConsoleLogin" => Severity::Warning,
        _ => Severity::Info,
    }
}

fn target(members: &Record<'_>) -> Option<Target> {
    let from_resources = elements(members.resources).into_iter().find_map(|raw| {
        let resource = Resource::nested(Some(raw));
        let id = owned(resource.arn).or_else(|| owned(resource.prefix))?;
        let kind = owned(resource.kind).unwrap_or_else(|| "AWS::Resource".to_owned());
        Some(Target { kind, id })
    });
    from_resources.or_else(|| from_parameters(members.parameters))
}

fn from_parameters(raw: Raw<'_>) -> Option<Target> {
    let parameters = Parameters::nested(raw);
    if let (Some(bucket), Some(key)) = (text(parameters.bucket), text(parameters.key)) {
        return Some(Target { kind: "AWS::S3::Object".to_owned(), id: format!("{bucket}/{key}") });
    }
    [
        ("AWS::S3::Bucket", parameters.bucket),
        ("AWS::EC2::Instance", parameters.instance),
        ("AWS::RDS::DBInstance", parameters.db_instance),
        ("AWS::SecretsManager::Secret", parameters.secret),
        ("AWS::KMS::Key", parameters.kms_key),
        ("AWS::Lambda::Function", parameters.function),
        ("AWS::Bedrock::Model", parameters.model),
        ("AWS::CloudTrail::Trail", parameters.trail),
        ("AWS::EC2::RouteTable", parameters.route_table),
        ("AWS::EC2::VPC", parameters.vpc),
        ("AWS::EC2::SecurityGroup", parameters.security_group),
        ("AWS::IAM::Role", parameters.role_arn),
        ("AWS::IAM::Role", parameters.role),
        ("AWS::IAM::User", parameters.user),
        ("AWS::IAM::Group", parameters.group),
        ("AWS::IAM::Policy", parameters.policy),
        ("AWS::Resource", parameters.resource),
        ("AWS::Resource", parameters.name),
    ]
    .into_iter()
    .find_map(|(kind, raw)| Some(Target { kind: kind.to_owned(), id: owned(raw)? }))
}
