//! Importers on small inputs: what becomes of each field, and of inputs that are broken on purpose.

use std::io::{Read, Write};
use std::ops::ControlFlow;

use indelible::{ActorType, AuditEvent, Limits, Outcome, Severity};
use indelible_importers::{Format, ImportContext, ImportSummary, Imported, Item, Rejected, import};
use proptest::prelude::*;

/// Everything that came out of one import.
struct Run {
    events: Vec<Imported>,
    rejects: Vec<Rejected>,
    summary: ImportSummary,
}

fn run_as(input: impl Read, format: Format) -> Run {
    let (mut events, mut rejects) = (Vec::new(), Vec::new());
    let context = ImportContext::new("test").with_workspace("home");
    let summary = import(input, format, &Limits::default(), &context, &mut |item| {
        match item {
            Item::Event(imported) => events.push(*imported),
            Item::Reject(rejected) => rejects.push(rejected),
        }
        ControlFlow::Continue(())
    })
    .expect("memory can be read");
    assert_eq!(summary.read, summary.events + summary.rejected);
    assert_eq!((summary.events, summary.rejected), (events.len() as u64, rejects.len() as u64));
    Run { events, rejects, summary }
}

fn run(input: impl AsRef<[u8]>) -> Run {
    run_as(input.as_ref(), Format::Auto)
}

fn one(input: &str) -> AuditEvent {
    let mut run = run(input);
    assert!(run.rejects.is_empty(), "{:?}", run.rejects);
    assert_eq!(run.events.len(), 1);
    run.events.remove(0).event
}

/// Checks native JSON against the parts it should contain, and that the original is the exact input.
fn check(input: &str, parts: &[&str]) {
    let event = one(input);
    assert_eq!(event.original.as_ref().map(|original| original.bytes.as_slice()), Some(input.as_bytes()));
    let native = event.to_native_json();
    for part in parts {
        assert!(native.contains(part), "{native}\nshould contain {part}");
    }
    assert_eq!(
        AuditEvent::from_native_json(&native, &Limits::default()),
        Ok(event),
        "query output can be ingested again"
    );
}

const TRAIL: &str = r#"{"eventVersion":"1.08","userIdentity":{"type":"AssumedRole","principalId":"AROA:ann","arn":"arn:aws:sts::111:assumed-role/admin/ann","accountId":"111","accessKeyId":"ASIA1","sessionContext":{"sessionIssuer":{"userName":"admin"},"attributes":{"mfaAuthenticated":"true"}}},"eventTime":"2023-07-10T12:23:15Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"us-east-1","sourceIPAddress":"10.0.0.1","userAgent":"cli","errorCode":"AccessDenied","errorMessage":"no","requestParameters":{"bucketName":"b","key":"k","size":123456789012345678901234567890},"requestID":"r","eventID":"e","readOnly":true,"eventType":"AwsApiCall","recipientAccountId":"222"}"#;

#[test]
fn cloudtrail_fields() {
    check(
        TRAIL,
        &[
            r#"{"id":"e","time":"2023-07-10T12:23:15.000000000Z","workspace":"222","lane":"us-east-1","session":"ASIA1","correlation_id":"r","request_id":"r","#,
            r#""actor":{"type":"user","id":"arn:aws:sts::111:assumed-role/admin/ann","name":"ann","role":"admin","ip":"10.0.0.1","auth_method":"mfa"}"#,
            r#""action":"s3:GetObject","target":{"type":"AWS::S3::Object","id":"b/k"},"outcome":"failure","severity":"warning","service":"s3.amazonaws.com""#,
            r#""error":{"code":"AccessDenied","message":"no"},"metadata":{"user_agent":"cli","read_only":true,"event_type":"AwsApiCall"}"#,
            r#""original_format":"cloudtrail""#,
        ],
    );
    check(
        r#"{"eventSource":"signin.amazonaws.com","eventName":"ConsoleLogin","responseElements":{"ConsoleLogin":"Failure"},"@timestamp":"2020-09-14T00:44:23.000Z"}"#,
        &[
            r#"{"time":"2020-09-14T00:44:23.000000000Z","workspace":"home","actor":{"type":"system","id":"unknown"},"action":"signin:ConsoleLogin","#,
            r#""target":{"type":"service","id":"signin.amazonaws.com"},"outcome":"failure","severity":"warning""#,
            r#""metadata":{"time_source":"@timestamp"}"#,
        ],
    );
    check(
        r#"{"eventSource":"cloudtrail.amazonaws.com","eventName":"StopLogging","userIdentity":"odd","errorCode":null,"eventID":12,"resources":[{"accountId":"1"},{"ARN":"arn:t","type":"AWS::X"}]}"#,
        &[
            r#"{"id":"12","#,
            r#""target":{"type":"AWS::X","id":"arn:t"},"outcome":"success","severity":"critical""#,
            r#"{"time_source":"none"}"#,
        ],
    );
}

const POD: &str = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Request","auditID":"57a","stage":"ResponseComplete","requestURI":"/api/v1/x?command=sh","verb":"create","user":{"username":"system:serviceaccount:kube-system:cron","groups":["a","b"]},"impersonatedUser":{"username":"bob"},"sourceIPs":["192.168.49.1","x"],"userAgent":"kubectl","objectRef":{"resource":"pods","namespace":"foo","name":"p-1","subresource":"exec"},"responseStatus":{"code":403,"message":"forbidden"},"requestReceivedTimestamp":"2023-05-17T15:08:22.763960Z","stageTimestamp":"2023-05-17T15:08:30.619910Z","annotations":{"authorization.k8s.io/decision":"forbid"}}"#;

#[test]
fn kubernetes_fields() {
    check(
        POD,
        &[
            r#"{"id":"57a/ResponseComplete","time":"2023-05-17T15:08:30.619910000Z","workspace":"home","lane":"foo","correlation_id":"57a","request_id":"57a","#,
            r#""actor":{"type":"service","id":"system:serviceaccount:kube-system:cron","role":"a,b","ip":"192.168.49.1"}"#,
            r#""action":"k8s.create.pods/exec","target":{"type":"pods/exec","id":"foo/p-1"},"outcome":"failure","severity":"warning","service":"kube-apiserver""#,
            r#""error":{"code":"403","message":"forbidden"},"metadata":{"user_agent":"kubectl","level":"Request","stage":"ResponseComplete","impersonated_user":"bob","decision":"forbid"}"#,
        ],
    );
    check(
        r#"{"auditID":"1","kind":"Event","verb":"get","requestURI":"/healthz?x","stage":"RequestReceived","timestamp":"2018-10-26T13:38:34+02:00"}"#,
        &[
            r#""time":"2018-10-26T11:38:34.000000000Z""#,
            r#""actor":{"type":"system","id":"unknown"},"action":"k8s.get","target":{"type":"url","id":"/healthz"},"outcome":"pending""#,
        ],
    );
    check(
        r#"{"auditID":"1","apiVersion":"audit.k8s.io/v1beta1","verb":"create","objectRef":{"resource":"deployments","namespace":"d"},"requestObject":{"metadata":{"name":"web"}},"responseStatus":{"code":201},"user":{"username":"system:anonymous"}}"#,
        &[
            r#""target":{"type":"deployments","id":"d/web"}"#,
            r#""type":"user","id":"system:anonymous""#,
            r#""severity":"warning""#,
        ],
    );
    check(
        r#"{"auditID":"1","kind":"Event","verb":"list","objectRef":{"resource":"nodes"},"user":{"username":"ann"}}"#,
        &[r#""action":"k8s.list.nodes","target":{"type":"nodes","id":"*"}"#],
    );
}

#[test]
fn windows_fields() {
    check(
        r#"{"SourceName":"Microsoft-Windows-Security-Auditing","Level":"0","Keywords":"0x8010000000000000","Channel":"Security","Hostname":"PC1.Lab.Example","TimeCreated":"2022-08-08T12:48:43.209Z","EventID":4625,"SubjectUserName":"PC1$","SubjectLogonId":"0x3e7","TargetUserName":"ann","TargetDomainName":"LAB","LogonType":"3","IpAddress":"10.1.1.1","LogonGuid":"{00000000-0000-0000-0000-000000000000}","Status":"0xc000006d","RecordNumber":18446744073709551616}"#,
        &[
            r#"{"time":"2022-08-08T12:48:43.209000000Z","workspace":"lab.example","lane":"PC1.Lab.Example","session":"0x3e7","actor":{"type":"user","id":"LAB\\ann","name":"ann","ip":"10.1.1.1"}"#,
            r#""action":"windows.security-auditing.4625","target":{"type":"host","id":"PC1.Lab.Example"},"outcome":"failure","severity":"warning""#,
            r#""error":{"code":"0xc000006d"},"metadata":{"event_id":4625,"channel":"Security","record_number":18446744073709551616,"logon_type":"3"}"#,
        ],
    );
    // nxlog 2020: local times, a signed keyword mask, and the zone between the lines.
    check(
        r#"{"EventTime":"2020-09-18 13:05:52","EventReceivedTime":"2020-09-18 13:07:52","@timestamp":"2020-09-18T17:07:52.019Z","EventID":4688,"SourceName":"Microsoft-Windows-Security-Auditing","Channel":"security","Hostname":"W6","Keywords":-9218868437227405312,"EventType":"INFO","SeverityValue":2,"SubjectUserName":"-","SubjectUserSid":"S-1-5-18","NewProcessName":"C:\\a.exe"}"#,
        &[
            r#"{"time":"2020-09-18T17:05:52.000000000Z","workspace":"home","#,
            r#""actor":{"type":"system","id":"S-1-5-18"}"#,
            r#""target":{"type":"process","id":"C:\\a.exe"},"outcome":"failure""#,
            r#""time_source":"EventTime","time_zone":"derived UTC-4""#,
        ],
    );
    check(
        r#"{"EventTime":"2020-09-18 13:05:52","EventID":10,"SourceName":"Microsoft-Windows-Sysmon","UtcTime":"2020-09-18 17:05:52.724","User":"NT AUTHORITY\\SYSTEM","ProcessGuid":"{1}"}"#,
        &[
            r#""time":"2020-09-18T17:05:52.724000000Z""#,
            r#""correlation_id":"{1}""#,
            r#""type":"system","id":"NT AUTHORITY\\SYSTEM","name":"SYSTEM""#,
        ],
    );
    check(
        r#"{"EventTime":"2020-09-18 13:05:52","EventID":"7040","SourceName":"Service Control Manager"}"#,
        &[
            r#""time":"2020-09-18T13:05:52.000000000Z""#,
            r#""time_zone":"assumed UTC""#,
            r#""action":"windows.service-control-manager.7040","target":{"type":"host","id":"unknown"}"#,
        ],
    );
    // winlogbeat: nested twice.
    check(
        r#"{"@timestamp":"2024-01-01T00:00:00.5Z","winlog":{"event_id":"1102","channel":"Security","provider_name":"Microsoft-Windows-Eventlog","computer_name":"dc.lab.example","record_id":7,"keywords":["Audit Success"],"activity_id":"{A}","event_data":{"Channel":"Other","SubjectUserName":"eve","SubjectDomainName":"LAB"}},"event":{"code":"1102","outcome":"success"},"log":{"level":"information"},"host":{"name":"dc"}}"#,
        &[
            r#"{"time":"2024-01-01T00:00:00.500000000Z","workspace":"lab.example","lane":"dc.lab.example","correlation_id":"{A}","actor":{"type":"user","id":"LAB\\eve","name":"eve"}"#,
            r#""action":"windows.eventlog.1102""#,
            r#""outcome":"success","severity":"critical","service":"Microsoft-Windows-Eventlog""#,
            r#""metadata":{"event_id":"1102","channel":"Security","record_number":7}"#,
        ],
    );
    check(
        r#"{"winlog":{"event_id":4625,"provider_name":"P","keywords":["Audit Failure"]}}"#,
        &[r#""outcome":"failure","severity":"warning""#],
    );
}

const NATIVE: &str = r#"{"workspace":"w","actor":{"type":"user","id":"u"},"action":"a","target":{"type":"t","id":"1"},"outcome":"success"}"#;

#[test]
fn formats_may_be_mixed_and_every_repeat_is_kept() {
    let input = format!(
        "{NATIVE}\n{TRAIL}\n{TRAIL}\n\n{POD}\n{{\"kind\": 0}}\n[{NATIVE},{POD}]\n{{\"workspace\":\"w\",\"action\":\"a\"}}\n"
    );
    let run = run(&input);
    let formats: Vec<_> = run
        .events
        .iter()
        .map(|imported| (imported.line, imported.event.original.as_ref().map_or("native", |original| &original.format)))
        .collect();
    let expected =
        [(1, "native"), (2, "cloudtrail"), (3, "cloudtrail"), (5, "kubernetes"), (7, "native"), (7, "kubernetes")];
    assert_eq!(formats, expected);
    let reasons: Vec<_> = run.rejects.iter().map(|reject| (reject.line, reject.reason.as_str())).collect();
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(reasons[0].0 == 6 && reasons[0].1.starts_with("no known audit record"), "{reasons:?}");
    assert_eq!(reasons[1], (8, "event field `actor` is missing: it is mandatory"));
    assert_eq!(run.rejects[0].bytes, b"{\"kind\": 0}");
}

#[test]
fn a_format_that_was_asked_for_is_the_only_one() {
    let input = format!("{NATIVE}\n{TRAIL}");
    let run = run_as(input.as_bytes(), Format::CloudTrail);
    assert_eq!((run.events.len(), run.rejects.len()), (1, 1));
    assert_eq!(run.rejects[0].reason, "not a record of the format cloudtrail: try --format auto");
    assert_eq!("k8s".parse(), Ok(Format::Kubernetes));
    assert!("json".parse::<Format>().is_err());
    for format in [Format::Auto, Format::Native, Format::CloudTrail, Format::Windows, Format::Kubernetes] {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
}

#[test]
fn the_sink_can_stop() {
    let input = format!("{NATIVE}\n{NATIVE}\n");
    let context = ImportContext::new("test");
    let summary = import(input.as_bytes(), Format::Auto, &Limits::default(), &context, &mut |_| ControlFlow::Break(()));
    assert_eq!(summary.expect("memory can be read").read, 1);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("into memory");
    encoder.finish().expect("into memory")
}

#[test]
fn compressed_inputs_and_what_is_left_of_cut_ones() {
    let input = format!("{NATIVE}\n").repeat(2_000);
    let zst = zstd::encode_all(input.as_bytes(), 3).expect("into memory");
    let gz = gzip(input.as_bytes());
    for whole in [&zst, &gz] {
        assert_eq!(run(whole).summary.events, 2_000);
        assert_eq!(run([whole.as_slice(), whole].concat()).summary.events, 4_000, "members one after the other");
        let cut = run(whole.get(..whole.len() - 5).expect("long enough"));
        let last = cut.rejects.last().expect("the cut is reported");
        assert!(
            last.reason.contains("cannot be read to its end") || last.reason.contains("ends inside"),
            "{}",
            last.reason
        );
        for length in 0..whole.len().min(60) {
            run(whole.get(..length).expect("shorter"));
        }
    }
}

fn utf16(text: &str, big_endian: bool) -> Vec<u8> {
    text.encode_utf16().flat_map(|unit| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

#[test]
fn utf_16_and_marks() {
    let named = NATIVE.replace("\"u\"", "\"Ünal \u{1F600}\"");
    let marked = format!("\u{feff}{named}\r\n{TRAIL}\r\nrubbish\r\n");
    for big_endian in [false, true] {
        for text in [marked.as_str(), marked.trim_start_matches('\u{feff}')] {
            let run = run(utf16(text, big_endian));
            assert_eq!((run.events.len(), run.rejects.len()), (2, 1));
            assert_eq!(run.events[0].event.actor.id, "Ünal \u{1F600}");
            let original = run.events[1].event.original.as_ref().expect("imported");
            assert_eq!(original.bytes, utf16(TRAIL, big_endian), "exact source bytes");
            assert_eq!(run.rejects[0].bytes, utf16("rubbish\r", big_endian));
        }
    }
    let mut odd = utf16(&marked, false);
    odd.push(b'{');
    assert_eq!(run(&odd).rejects.last().map(|reject| reject.bytes.as_slice()), Some(&b"{"[..]));
    assert_eq!(run(&marked).events.len(), 2, "a UTF-8 mark");
}

#[test]
fn hostile_inputs_are_rejected_whole() {
    let deep =
        format!("{{\"eventSource\":\"s\",\"eventName\":\"n\",\"x\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
    let nul_inside = TRAIL.replace("cli", "a\0b");
    let bad_utf8: Vec<u8> = TRAIL.bytes().map(|byte| if byte == b'k' { 0xFF } else { byte }).collect();
    let cases: [(&[u8], &str); 8] = [
        (deep.as_bytes(), "nested deeper than 128 levels"),
        (nul_inside.as_bytes(), "not valid JSON"),
        (&bad_utf8, "not valid UTF-8 at byte"),
        (b"\0\0\0\0\0", "not a JSON object"),
        (b"{\"a\":tru}", "not valid JSON"),
        (b"\"text\"", "not a JSON object"),
        (b"{\"a\":", "the input ends inside this record"),
        (&TRAIL.as_bytes()[..TRAIL.len() - 1], "the input ends inside this record"),
    ];
    for (bad, reason) in cases {
        let input = [NATIVE.as_bytes(), b"\n", bad, b"\n", NATIVE.as_bytes()].concat();
        let run = run(&input);
        assert_eq!(run.events.len(), 2, "the good ones around it: {reason}");
        assert_eq!(run.rejects.len(), 1, "{reason}");
        assert_eq!(run.rejects[0].bytes, bad, "{reason}");
        let said = &run.rejects[0].reason;
        let cut_in_the_middle = reason.starts_with("the input ends") && said.contains("was expected");
        assert!(said.contains(reason) || cut_in_the_middle, "{said}\nshould contain {reason}");
    }
    for empty in ["", "\n\n \r\n", "\u{feff}", "[]", "{\"Records\":[]}"] {
        assert_eq!(run(empty).summary.read, 0, "{empty:?}");
    }
}

#[test]
fn one_line_of_fifty_megabytes_is_one_reject_with_all_its_bytes() {
    let input = format!("{NATIVE}\n{{\"eventSource\":\"s\",\"eventName\":\"{}\"}}\n{NATIVE}\n", "x".repeat(50 << 20));
    let run = run(&input);
    assert_eq!(run.events.len(), 2);
    assert_eq!(run.rejects[0].bytes.len(), input.len() - 2 * NATIVE.len() - 3);
    assert!(run.rejects[0].reason.contains("over the limit of 1044480"), "{}", run.rejects[0].reason);
}

#[test]
fn fields_that_are_too_long_are_cut_and_said_to_be() {
    let long = TRAIL.replace("GetObject", &"é".repeat(3_000));
    let event = one(&long);
    assert!(event.action.len() <= 4_096 && event.action.ends_with("é\u{2026}"));
    assert_eq!(event.metadata.and_then(|metadata| metadata.get("clipped")), Some("action".into()));
    assert_eq!(event.original.map(|original| original.bytes), Some(long.into_bytes()));
    let empty =
        one(r#"{"eventSource":"s","eventName":"n","userIdentity":{"type":"Root","arn":""},"recipientAccountId":""}"#);
    assert_eq!((empty.workspace.as_str(), empty.actor.id.as_str()), ("home", "unknown"));
    assert_eq!(
        (empty.actor.kind, empty.outcome, empty.severity),
        (ActorType::User, Outcome::Success, Severity::Warning)
    );
}

#[test]
fn an_input_cut_anywhere_gives_what_came_before() {
    let layouts = [
        format!("{TRAIL}\n{TRAIL}\n"),
        format!("{{\"Records\":[{TRAIL},{TRAIL}]}}\n"),
        format!("[\n  {TRAIL},\n  {TRAIL}\n]\n"),
        format!("{{\"items\": [{POD},{POD}], \"kind\": \"EventList\"}}"),
    ];
    for layout in layouts {
        for length in 0..layout.len() {
            let run = run(&layout[..length]);
            let whole = layout[..length].matches("\"AwsApiCall\",\"recipientAccountId\":\"222\"}").count()
                + layout[..length].matches("\"forbid\"}}").count();
            assert_eq!(run.events.len(), whole, "{}", &layout[..length]);
        }
        assert_eq!(run(&layout).rejects, []);
    }
}

proptest! {
    #[test]
    fn any_bytes_at_all(bytes in proptest::collection::vec(prop_oneof![any::<u8>(), proptest::sample::select(&b"{}[],:\"\\\n 1a"[..])], 0..400)) {
        let run = run(&bytes);
        let kept: usize = run.rejects.iter().map(|reject| reject.bytes.len()).sum();
        prop_assert!(kept <= bytes.len());
    }

    #[test]
    fn any_change_to_a_record(at in any::<prop::sample::Index>(), byte in any::<u8>(), pick in 0..3usize) {
        let mut input = [TRAIL, POD, NATIVE][pick].as_bytes().to_vec();
        let at = at.index(input.len());
        input[at] = byte;
        let whole = input.clone();
        let input = [b"\n".as_slice(), &input, b"\n", NATIVE.as_bytes(), b"\n"].concat();
        let run = run(&input);
        prop_assert!(run.summary.read >= 2);
        let last = run.events.last().map(|imported| &imported.event.action);
        prop_assert_eq!(last.map(String::as_str), Some("a"), "the record after it");
        if run.rejects.len() == 1 && byte != b'\n' {
            prop_assert_eq!(&run.rejects[0].bytes, &whole);
        }
    }
}

/// Shapes in which real tools write the same records: (input, events, rejects, what each event's native form contains).
#[test]
fn shapes_of_real_tools() {
    let item = r#"{"level":"Metadata","auditID":"0c-1","stage":"ResponseComplete","requestURI":"/api/v1/pods","verb":"list","user":{"username":"admin"},"stageTimestamp":"2025-04-25T11:07:48.385811Z"}"#;
    let list =
        format!(r#"{{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{{}},"items":[{item},{item}]}}"#);
    let both = run(&list);
    assert_eq!((both.events.len(), both.rejects.len()), (2, 0), "items of a list have no kind of their own");
    assert_eq!(run_as(item.as_bytes(), Format::Kubernetes).events.len(), 1);

    let docker = format!(
        r#"{{"log":{},"stream":"stdout","time":"2025-04-25T11:07:48.5Z"}}"#,
        serde_json::json!(format!("{item}\n"))
    );
    check(&docker, &[r#""id":"0c-1/ResponseComplete""#, r#""action":"k8s.list""#]);

    let lookup = r#"{"EventId":"bb","EventName":"RunInstances","EventTime":1754042400.0,"CloudTrailEvent":"{\"eventTime\":\"2025-08-01T10:00:00Z\",\"eventSource\":\"ec2.amazonaws.com\",\"eventName\":\"RunInstances\",\"eventID\":\"bb\"}"}"#;
    check(lookup, &[r#""id":"bb","time":"2025-08-01T10:00:00"#, r#""action":"ec2:RunInstances""#]);
    assert_eq!(run(format!(r#"{{"Events":[{lookup},{lookup}]}}"#)).events.len(), 2);

    check(
        r#"{"eventTime":"2025-07-13T09:08:00Z","eventID":"55ed","eventType":"AwsCloudTrailInsight","recipientAccountId":"1","sharedEventID":"6a59","insightDetails":{"state":"Start","eventSource":"autoscaling.amazonaws.com","eventName":"CompleteLifecycleAction","insightType":"ApiCallRateInsight"}}"#,
        &[
            r#""action":"cloudtrail:ApiCallRateInsight","target":{"type":"AWS::ApiCall","id":"autoscaling:CompleteLifecycleAction"}"#,
            r#""insight_state":"Start""#,
        ],
    );
    let digest = run(r#"{"digestS3Bucket":"b","digestPublicKeyFingerprint":"31e8","logFiles":[{"s3Object":"o"}]}"#);
    assert!(digest.rejects[0].reason.contains("digest file"), "{}", digest.rejects[0].reason);
    let vendor = run(r#"{"@timestamp":1700000000000,"action":"repo.create","actor":"octo","repo":"acme/x"}"#);
    assert!(vendor.rejects[0].reason.starts_with("no known audit record"), "{}", vendor.rejects[0].reason);
}

#[test]
fn windows_shapes_of_real_tools() {
    let evtx = r##"{"Event":{"#attributes":{"xmlns":"x"},"System":{"Provider":{"#attributes":{"Name":"Microsoft-Windows-Security-Auditing"}},"EventID":4624,"TimeCreated":{"#attributes":{"SystemTime":"2025-03-30T02:30:00.123456Z"}},"Channel":"Security","Computer":"h1","EventRecordID":"5","Keywords":"0x8010000000000000","Security":{"#attributes":{"UserID":"S-1-5-18"}}},"EventData":{"TargetUserName":"bob","TargetDomainName":"D"}}}"##;
    check(
        evtx,
        &[
            r#""time":"2025-03-30T02:30:00.123456"#,
            r#""id":"D\\bob""#,
            r#""action":"windows.security-auditing.4624""#,
            r#""outcome":"failure""#,
            r#""record_number":"5""#,
        ],
    );
    for (event_id, rest) in [
        (r#"{"Qualifiers":16384,"Value":7036}"#, r#""SourceName":"Service Control Manager""#),
        (
            r##"{"#attributes":{"Qualifiers":"49152"},"#text":7036}"##,
            r#""Provider":{"Name":"Service Control Manager"}"#,
        ),
        ("[7036]", r#""SourceName":"Service Control Manager""#),
        (r#""7036""#, r##""Provider":{"#attributes":{"Name":"Service Control Manager"}}"##),
    ] {
        let record = format!(
            r#"{{"EventID":{event_id},"Channel":"System",{rest},"Hostname":"h1","TimeCreated":"2025-03-30T02:30:00.1234567Z"}}"#
        );
        check(
            &record,
            &[r#""action":"windows.service-control-manager.7036""#, r#""time":"2025-03-30T02:30:00.1234567"#],
        );
    }
    check(
        r#"{"Id":4624,"ProviderName":"Microsoft-Windows-Security-Auditing","LogName":"Security","MachineName":"h1.corp.example","TimeCreated":"\/Date(1743301800000)\/","Level":0,"RecordId":12,"UserId":null}"#,
        &[
            r#""time":"2025-03-30T02:30:00"#,
            r#""workspace":"corp.example","lane":"h1.corp.example""#,
            r#""record_number":12"#,
        ],
    );
    let texts = r##"{"Event":{"System":{"Provider":{"#attributes":{"Name":"MSExchange CmdletLogs"}},"EventID":{"#attributes":{"Qualifiers":16384},"#text":1},"TimeCreated":{"#attributes":{"SystemTime":"2025-03-30T02:30:00Z"}},"Channel":"MSExchange Management","Computer":"h1"},"EventData":{"Data":{"#text":["Set-Mailbox","-x"]}}}}"##;
    check(texts, &[r#""action":"windows.msexchange-cmdletlogs.1""#]);
    let cleared = r##"{"Event":{"System":{"Provider":{"#attributes":{"Name":"Microsoft-Windows-Eventlog"}},"EventID":104,"TimeCreated":{"#attributes":{"SystemTime":"2025-03-30T02:30:00Z"}},"Channel":"System","Computer":"h1"},"UserData":{"LogFileCleared":{"SubjectUserName":"eve","SubjectDomainName":"D","Channel":"Application"}}}}"##;
    check(cleared, &[r#""severity":"critical""#, r#""id":"D\\eve""#, r#""channel":"System""#]);
}

#[test]
fn times_that_are_passed_on_are_read_and_others_refuse_the_record() {
    let trail = |time: &str| {
        format!(r#"{{"eventTime":{time},"eventSource":"iam.amazonaws.com","eventName":"CreateUser","eventID":"t"}}"#)
    };
    for (time, read) in [
        (r#""2022-11-21 18:06:52""#, "2022-11-21T18:06:52"),
        (r#""2025-01-21 17:49:47.000000000""#, "2025-01-21T17:49:47"),
        (r#""2025-01-21T17:49:47+0000""#, "2025-01-21T17:49:47"),
        ("1737481787000", "2025-01-21T17:49:47"),
    ] {
        check(&trail(time), &[&format!(r#""time":"{read}"#), "time_source"]);
    }
    let refused = [
        trail(r#""yesterday""#),
        r#"{"kind":"Event","auditID":"a","verb":"get","stageTimestamp":"soon"}"#.to_owned(),
        r#"{"EventID":1,"Channel":"c","TimeCreated":"soon"}"#.to_owned(),
    ];
    for record in refused {
        let run = run(&record);
        assert!(run.rejects[0].reason.contains("no time that can be read"), "{record}: {}", run.rejects[0].reason);
    }
}
