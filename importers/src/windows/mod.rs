//! Windows events as JSON: nxlog (flat, 2020), its later exports (flat, `TimeCreated`), winlogbeat (`winlog.*`), evtx_dump
//! (`Event.System`), `Get-WinEvent` (flat, `Id`); `shapes` makes them alike.
//!
//! | event | from the record, the first that is there and is not `-` |
//! |---|---|
//! | id | none: record numbers repeat across channels, machines and clears |
//! | time | see below |
//! | workspace | the DNS domain of the host's full name; the context's for a bare host name |
//! | lane | `Hostname`, `winlog.computer_name`: the machine |
//! | session | `TargetLogonId` of a logon, else `SubjectLogonId`, `LogonId` |
//! | correlation id | `ActivityID`, a `LogonGuid` that is not zero, `ProcessGuid` or `SourceProcessGUID` (one process in Sysmon) |
//! | actor id | `SubjectDomainName\SubjectUserName`; `User`, `SourceUser`; `Domain\AccountName`; `winlog.user`; a SID; else `unknown`. For logons and tickets (4624, 4625, 4634, 4647, 4768, 4769, 4771, 4776) the `Target...` user, since the subject is the machine |
//! | actor type | system for SYSTEM and the built-in services, for accounts ending in `$`, and without identity; else user |
//! | actor name, ip | the user's bare name; `IpAddress`, `SourceIp`, `SourceAddress` |
//! | auth method | `AuthenticationPackageName` |
//! | action | provider and event id, since an id means something per provider: `windows.security-auditing.4624`, `windows.sysmon.1` |
//! | target | see [`target`]; else the host |
//! | outcome | failure for the keyword Audit Failure (also inside 64-bit keyword masks) and for level error or critical; else success |
//! | severity | critical: log cleared (1102, 104), audit policy changed (4719), level critical; warning: other failures, level warning, event log stopped (1100); else info |
//! | service | the provider: `SourceName`, `winlog.provider_name` |
//! | error | `Status` or `SubStatus` and `FailureReason` of a failure |
//! | metadata | `event_id`, `channel`, `record_number`, `logon_type`, `process`, `time_source`, `time_zone` |
//!
//! Times: `TimeCreated` has a zone. `UtcTime` is UTC by its name. `EventTime` is local: the zone is taken from
//! `EventReceivedTime` (local) and `@timestamp` (UTC), two readings of one moment, and noted as `time_zone`
//! `derived UTC-4`; without them it is read as UTC and noted as `assumed UTC`. `@timestamp` is when the event was made
//! in winlogbeat, and when it was collected in nxlog (noted in `time_source`). Where times are there and none is understood the
//! record is refused.
//!
//! A record is one of these by an event id and a channel, provider or `winlog` object.

mod shapes;

use std::borrow::Cow;

use crate::finish::{Facts, finish};
use crate::members::{Raw, elements, members, owned, text};
use crate::times::{powershell, zone_offset, zoned, zoneless};
use crate::{Convert, Refusal, blank};
use indelible::event::{ActorType, AuditEvent, EventError, Outcome, Severity, Target, Timestamp};

members!(Record {
    event_id: "EventID" | "event_id",
    event: "Event",
    channel: "Channel" | "log_name" | "channel",
    provider: "SourceName" | "source_name" | "provider_name",
    provider_object: "Provider",
    correlation: "Correlation",
    security: "Security",
    host: "Hostname" | "Computer" | "computer_name",
    beat: "winlog",
    beat_event: "event",
    beat_log: "log",
    beat_data: "event_data",
    beat_user: "user",
    keywords: "Keywords" | "keywords",
    level: "Level" | "level",
    severity_value: "SeverityValue",
    event_type: "EventType",
    record_number: "RecordNumber" | "EventRecordID" | "record_number" | "record_id",
    time_created: "TimeCreated",
    timestamp: "@timestamp",
    utc_time: "UtcTime",
    event_time: "EventTime",
    received_time: "EventReceivedTime",
    shell_id: "Id",
    shell_provider: "ProviderName",
    shell_log: "LogName",
    shell_host: "MachineName",
    shell_record: "RecordId",
    shell_user: "UserId",
    activity: "ActivityID" | "activity_id",
    subject_name: "SubjectUserName",
    subject_domain: "SubjectDomainName",
    subject_sid: "SubjectUserSid",
    subject_logon: "SubjectLogonId",
    target_name: "TargetUserName",
    target_domain: "TargetDomainName",
    target_sid: "TargetUserSid" | "TargetSid",
    target_logon: "TargetLogonId",
    user: "User",
    source_user: "SourceUser",
    account_name: "AccountName",
    account_domain: "Domain",
    user_sid: "UserID" | "UserSid",
    logon: "LogonId",
    logon_guid: "LogonGuid",
    logon_type: "LogonType",
    process_guid: "ProcessGuid" | "ProcessGUID",
    source_process_guid: "SourceProcessGUID" | "SourceProcessGuid",
    ip_address: "IpAddress",
    source_ip: "SourceIp",
    source_address: "SourceAddress",
    package: "AuthenticationPackageName",
    status: "Status",
    sub_status: "SubStatus",
    failure_reason: "FailureReason",
    image: "Image" | "ProcessName",
    source_image: "SourceImage",
    new_process: "NewProcessName",
    target_image: "TargetImage",
    image_loaded: "ImageLoaded",
    target_object: "TargetObject",
    target_file: "TargetFilename",
    object_name: "ObjectName",
    object_type: "ObjectType",
    destination: "DestinationIp" | "DestAddress",
    destination_port: "DestinationPort" | "DestPort",
    query_name: "QueryName",
    pipe_name: "PipeName",
    service_name: "ServiceName",
    task_name: "TaskName",
    share_name: "ShareName",
});

members!(BeatEvent { outcome: "outcome", code: "code", provider: "provider" });
members!(BeatLog { level: "level" });
members!(BeatUser { name: "name", domain: "domain", identifier: "identifier" });

/// Keyword bit that Windows sets on refused audits.
const AUDIT_FAILURE: u64 = 0x0010_0000_0000_0000;

/// Logons, logoffs and tickets, whose actor is the target user.
const LOGONS: [&str; 8] = ["4624", "4625", "4634", "4647", "4768", "4769", "4771", "4776"];

/// A text that is not Windows' mark for absent.
fn present(raw: Raw<'_>) -> Option<Cow<'_, str>> {
    text(raw).filter(|text| text != "-")
}

fn first<'a>(raws: impl IntoIterator<Item = Raw<'a>>) -> Option<Cow<'a, str>> {
    raws.into_iter().find_map(present)
}

/// Converts one record.
pub(crate) fn convert(record: &str, job: &Convert<'_>) -> Result<AuditEvent, Refusal> {
    let mut members = Record::read(record).map_err(Refusal::unreadable)?;
    let beat = members.beat.or(members.beat_data).is_some();
    // winlogbeat nests twice: the event's own data lies inside `winlog`. What the envelope says comes first: the data of
    // a "log cleared" event has a `Channel` too, the one that was cleared.
    members.fill_from(&Record::nested(members.beat));
    members.fill_from(&Record::nested(members.beat_data));
    let members = members.unfolded(members.event);
    let beat_event = BeatEvent::nested(members.beat_event);
    let event_id = present(members.event_id).or_else(|| present(beat_event.code));
    let provider = first([members.provider, beat_event.provider, members.channel]);
    let (Some(event_id), Some(provider)) = (event_id, provider) else {
        return Err(Refusal::OtherFormat);
    };
    let mut facts = Facts::default();
    let host = present(members.host);
    let domain = host.as_deref().and_then(|host| host.split_once('.')).map(|(_, domain)| domain.to_ascii_lowercase());
    let mut event = blank(domain.filter(|domain| !domain.is_empty()), job);
    facts.scalar("event_id", members.event_id);
    facts.text("channel", present(members.channel));
    facts.scalar("record_number", members.record_number);
    facts.scalar("logon_type", members.logon_type);
    facts.text("process", first([members.image, members.source_image]));
    event.time = time(&members, beat, &mut facts);
    if event.time.is_none()
        && let Some(given) =
            [members.time_created, members.event_time, members.utc_time, members.timestamp].into_iter().find_map(text)
    {
        return Err(Refusal::unread_time("the event's time", &given));
    }
    event.lane = host.as_deref().map(str::to_owned);
    event.action = action(&provider, &event_id);
    event.service = Some(provider.clone().into_owned());
    let logon = LOGONS.contains(&event_id.as_ref()) && present(members.target_name).is_some();
    set_actor(&mut event, &members, logon);
    set_links(&mut event, &members, logon);
    event.target = target(&members, logon)
        .unwrap_or_else(|| Target { kind: "host".to_owned(), id: host.as_deref().unwrap_or_default().to_owned() });
    set_result(&mut event, &members, &beat_event, &event_id);
    finish(event, facts, "windows", job.source_bytes(record), job.limits).map_err(Refusal::from)
}

fn action(provider: &str, event_id: &str) -> String {
    let short = provider.strip_prefix("Microsoft-Windows-").unwrap_or(provider);
    let mut action = String::with_capacity(short.len() + event_id.len() + 9);
    action.push_str("windows.");
    action.extend(short.chars().map(|letter| if letter.is_whitespace() { '-' } else { letter.to_ascii_lowercase() }));
    action.push('.');
    action.push_str(event_id);
    action
}

fn time(members: &Record<'_>, beat: bool, facts: &mut Facts) -> Option<Timestamp> {
    if let Some(time) = zoned(text(members.time_created)).or_else(|| powershell(text(members.time_created))) {
        return Some(time);
    }
    if let Some(time) = zoneless(text(members.utc_time)) {
        facts.text("time_source", Some("UtcTime"));
        return Some(time);
    }
    let collected = zoned(text(members.timestamp));
    if beat && collected.is_some() {
        return collected;
    }
    if let Some(time) = zoned(text(members.event_time)) {
        return Some(time);
    }
    if let Some(local) = zoneless(text(members.event_time)) {
        facts.text("time_source", Some("EventTime"));
        let received = zoneless(text(members.received_time));
        let offset = received.zip(collected).and_then(|(received, collected)| zone_offset(received, collected));
        facts.text("time_zone", Some(offset.map_or("assumed UTC".into(), describe_offset)));
        return Some(Timestamp(local.0.saturating_sub(offset.unwrap_or(0))));
    }
    facts.text("time_source", Some(if collected.is_some() { "@timestamp" } else { "none" }));
    collected
}

fn describe_offset(nanoseconds: i64) -> Cow<'static, str> {
    let minutes = nanoseconds / 60_000_000_000;
    let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
    let sign = if minutes < 0 { '-' } else { '+' };
    if rest == 0 { format!("derived UTC{sign}{hours}") } else { format!("derived UTC{sign}{hours}:{rest:02}") }.into()
}

fn set_actor(event: &mut AuditEvent, members: &Record<'_>, logon: bool) {
    let beat_user = BeatUser::nested(members.beat_user);
    let target_user = (members.target_domain, members.target_name);
    let subject = (members.subject_domain, members.subject_name);
    let account = (members.account_domain, members.account_name);
    let pairs = [
        if logon { target_user } else { (None, None) },
        subject,
        (None, members.user),
        (None, members.source_user),
        account,
        (beat_user.domain, beat_user.name),
    ];
    let sids = [members.subject_sid, members.user_sid, beat_user.identifier, members.target_sid];
    let named = pairs.into_iter().find_map(|(domain, name)| Some((present(domain), present(name)?)));
    let sid = first(sids);
    let system_sid = matches!(sid.as_deref(), Some("S-1-5-18" | "S-1-5-19" | "S-1-5-20"));
    let Some((domain, name)) = named else {
        event.actor.kind = if sid.is_none() || system_sid { ActorType::System } else { ActorType::User };
        event.actor.id = sid.map(|sid| sid.into_owned()).unwrap_or_default();
        return;
    };
    event.actor.id = match domain {
        Some(domain) => format!("{domain}\\{name}"),
        None => name.clone().into_owned(),
    };
    let bare = name.rsplit('\\').next().unwrap_or_default();
    let built_in = ["SYSTEM", "LOCAL SERVICE", "NETWORK SERVICE", "ANONYMOUS LOGON"];
    let system = built_in.iter().any(|built_in| bare.eq_ignore_ascii_case(built_in)) || bare.ends_with('$');
    event.actor.kind = if system { ActorType::System } else { ActorType::User };
    event.actor.name = Some(bare.to_owned());
}

fn set_links(event: &mut AuditEvent, members: &Record<'_>, logon: bool) {
    let target_logon = if logon { members.target_logon } else { None };
    event.session = first([target_logon, members.subject_logon, members.logon]).map(Cow::into_owned);
    let logon_guid =
        present(members.logon_guid).filter(|guid| guid.bytes().any(|byte| byte.is_ascii_hexdigit() && byte != b'0'));
    event.correlation_id = present(members.activity)
        .or(logon_guid)
        .or_else(|| first([members.process_guid, members.source_process_guid]))
        .map(Cow::into_owned);
    event.actor.ip = first([members.ip_address, members.source_ip, members.source_address]).map(Cow::into_owned);
    event.actor.auth_method = present(members.package).map(Cow::into_owned);
}

/// What was acted upon: the most specific thing that the record names.
fn target(members: &Record<'_>, logon: bool) -> Option<Target> {
    let thing = |kind: &str, id: Cow<'_, str>| Target { kind: kind.to_owned(), id: id.into_owned() };
    if let Some(id) = present(members.object_name) {
        let kind = present(members.object_type).map_or("object".into(), |kind| kind.to_ascii_lowercase());
        return Some(thing(&kind, id));
    }
    if let Some(address) = present(members.destination) {
        return Some(match present(members.destination_port) {
            Some(port) => thing("address", format!("{address}:{port}").into()),
            None => thing("address", address),
        });
    }
    for (kind, raw) in [
        ("registry", members.target_object),
        ("file", members.target_file),
        ("module", members.image_loaded),
        ("process", members.new_process),
        ("process", members.target_image),
        ("pipe", members.pipe_name),
        ("domain_name", members.query_name),
        ("share", members.share_name),
        ("service", members.service_name),
        ("task", members.task_name),
    ] {
        if let Some(id) = present(raw) {
            return Some(thing(kind, id));
        }
    }
    if let (false, Some(name)) = (logon, present(members.target_name)) {
        return Some(match present(members.target_domain) {
            Some(domain) => thing("account", format!("{domain}\\{name}").into()),
            None => thing("account", name),
        });
    }
    if logon {
        return None;
    }
    present(members.image).map(|id| thing("process", id))
}

fn set_result(event: &mut AuditEvent, members: &Record<'_>, beat: &BeatEvent<'_>, event_id: &str) {
    let level = Level::of(members);
    let refused = audit_failed(members) || present(beat.outcome).as_deref() == Some("failure");
    let failed = refused || level >= Level::Error;
    event.outcome = if failed { Outcome::Failure } else { Outcome::Success };
    if failed {
        let no_error = |code: &Cow<'_, str>| code.bytes().any(|byte| byte.is_ascii_hexdigit() && byte != b'0');
        let code = present(members.status).filter(no_error).or_else(|| present(members.sub_status).filter(no_error));
        let message = present(members.failure_reason).map(Cow::into_owned);
        event.error =
            (code.is_some() || message.is_some()).then(|| EventError { code: code.map(Cow::into_owned), message });
    }
    // The numbers are of the Security and System logs; other providers use them for other things.
    let provider = event.service.as_deref().unwrap_or_default();
    let log_itself = provider == "Microsoft-Windows-Eventlog" || provider == "Microsoft-Windows-Security-Auditing";
    event.severity = match event_id {
        "1102" | "104" | "4719" if log_itself => Severity::Critical,
        _ if level == Level::Critical => Severity::Critical,
        "1100" if log_itself => Severity::Warning,
        _ if failed || level == Level::Warning => Severity::Warning,
        _ => Severity::Info,
    };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Quiet,
    Warning,
    Error,
    Critical,
}

impl Level {
    fn of(members: &Record<'_>) -> Self {
        if let Some(value) = present(members.severity_value) {
            return match value.as_ref() {
                "3" => Self::Warning,
                "4" => Self::Error,
                "5" => Self::Critical,
                _ => Self::Quiet,
            };
        }
        let level = present(members.level).or_else(|| present(BeatLog::nested(members.beat_log).level));
        match level.as_deref().map(str::to_ascii_lowercase).as_deref() {
            Some("3" | "warning") => Self::Warning,
            Some("2" | "error") => Self::Error,
            Some("1" | "critical") => Self::Critical,
            _ => Self::Quiet,
        }
    }
}

/// Keywords come as a hexadecimal mask, as a signed 64-bit integer, or as a list of names.
fn audit_failed(members: &Record<'_>) -> bool {
    if text(members.event_type).as_deref() == Some("AUDIT_FAILURE") {
        return true;
    }
    let Some(keywords) = text(members.keywords) else {
        return elements(members.keywords).into_iter().any(|raw| owned(Some(raw)).as_deref() == Some("Audit Failure"));
    };
    let mask = match keywords.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => keywords.parse::<i64>().map(i64::cast_unsigned).ok().or_else(|| keywords.parse().ok()),
    };
    match mask {
        Some(mask) => mask & AUDIT_FAILURE != 0,
        None => keywords.contains("Audit Failure"),
    }
}
