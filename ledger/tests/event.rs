//! Events: native JSON there and back, the builder, what is refused and how it is said.

use indelible::event::NeedsOutcome;
use indelible::{
    Actor, ActorType, AuditEvent, EventBuilder, EventError, EventProblem, Limits, Metadata, Original, Outcome, Proof,
    ProofKind, Severity, Target, Timestamp,
};
use proptest::prelude::*;

fn read(line: &str) -> Result<AuditEvent, indelible::EventInvalid> {
    AuditEvent::from_native_json(line, &Limits::default())
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9._-]{1,12}",
        any::<String>().prop_filter("mandatory fields are not empty", |text| !text.is_empty()),
        Just("\0\u{1b}[2J\r\n\u{202e}\u{2028}\"\\ud800".to_owned()),
    ]
}

fn optional() -> impl Strategy<Value = Option<String>> {
    proptest::option::of(prop_oneof![text(), Just(String::new())])
}

fn metadata() -> impl Strategy<Value = Metadata> {
    let exact = prop_oneof![
        Just(r#"{ "b" : 123456789012345678901234567890 ,"a":1e999}"#.to_owned()),
        Just(r#"{"half":"\ud800","pair":"\ud83d\ude00","nul":"\u0000"}"#.to_owned()),
        Just("{}".to_owned()),
        proptest::collection::btree_map(any::<String>(), any::<i64>(), 0..4)
            .prop_map(|map| serde_json::to_string(&map).expect("a map of integers")),
    ];
    exact.prop_map(|text| Metadata::from_text(text, &Limits::default()).expect("valid metadata"))
}

fn code<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    proptest::sample::select(all)
}

fn time() -> impl Strategy<Value = Option<Timestamp>> {
    proptest::option::of(any::<i64>().prop_map(Timestamp))
}

prop_compose! {
    fn proof()(kind in code(ProofKind::ALL), data in optional(), url in optional(), hash in optional(), captured_at in time()) -> Proof {
        Proof { kind, data, url, hash, captured_at }
    }
}

prop_compose! {
    fn actor()(kind in code(ActorType::ALL), id in text(), name in optional(), role in optional(), ip in optional(), auth_method in optional()) -> Actor {
        Actor { kind, id, name, role, ip, auth_method }
    }
}

prop_compose! {
    fn original()(format in "[a-z]{1,8}", bytes in prop_oneof![any::<Vec<u8>>(), any::<String>().prop_map(String::into_bytes)]) -> Original {
        Original { format, bytes }
    }
}

prop_compose! {
    fn event()(
        (id, lane, session, correlation_id, parent_id, request_id) in (optional(), optional(), optional(), optional(), optional(), optional()),
        (time, workspace, actor, action, kind, target) in (time(), text(), actor(), text(), text(), text()),
        (outcome, severity, service, reason) in (code(Outcome::ALL), code(Severity::ALL), optional(), optional()),
        proof in proptest::option::of(proof()),
        error in proptest::option::of((optional(), optional())),
        metadata in proptest::option::of(metadata()),
        original in proptest::option::of(original()),
    ) -> AuditEvent {
        AuditEvent {
            id, time, workspace, lane, session, correlation_id, parent_id, request_id, actor, action,
            target: Target { kind, id: target }, outcome, severity, service, proof, reason,
            error: error.map(|(code, message)| EventError { code, message }), metadata, original,
        }
    }
}

proptest! {
    #[test]
    fn native_json_there_and_back(event in event(), seq in any::<Option<u64>>(), at in time()) {
        let mut line = Vec::new();
        event.write_native_json(seq, at, &mut line);
        let line = String::from_utf8(line).expect("native JSON is UTF-8");
        prop_assert!(!line.contains(['\n', '\r', '\0', '\u{1b}']), "control characters are escaped: {line}");
        prop_assert_eq!(read(&line), Ok(event));
    }

    #[test]
    fn rubbish_never_panics(line in any::<String>()) {
        let _ = read(&line);
        let _ = Metadata::from_text(line, &Limits::default());
    }

    #[test]
    fn broken_events_never_panic(event in event(), cut in any::<prop::sample::Index>(), swap in any::<char>()) {
        let mut chars: Vec<char> = event.to_native_json().chars().collect();
        let at = cut.index(chars.len());
        chars[at] = swap;
        let _ = read(&chars.iter().collect::<String>());
        let _ = read(&chars[..at].iter().collect::<String>());
    }
}

const CONTRACT: &str = r#"{"id":"0195","time":"2026-11-20T10:00:00Z","workspace":"acme","lane":"api","session":"s-1","correlation_id":"c","parent_id":null,
 "actor":{"type":"user","id":"u-7","name":"Ann","role":"admin","ip":"10.0.0.1","auth_method":"oidc"},
 "action":"document.publish","target":{"type":"document","id":"d-42"},"outcome":"success","severity":"info","service":"web",
 "proof":{"kind":"hash","hash":"abc"},"reason":null,"metadata":{"duration_ms":12}}"#;

#[test]
fn the_example_of_the_contract_keeps_its_shape() {
    let event = read(CONTRACT).expect("the contract's example");
    let expected = CONTRACT.replace("\n ", "").replace(r#""parent_id":null,"#, "").replace(r#""reason":null,"#, "");
    // Times come out with nine digits, so that texts sort as they do.
    assert_eq!(event.to_native_json(), expected.replace("10:00:00Z", "10:00:00.000000000Z"));
    assert_eq!(event.time, Some(Timestamp(1_795_168_800_000_000_000)));
}

/// A valid event with one place changed.
fn with(from: &str, to: &str) -> String {
    assert!(CONTRACT.contains(from), "{from}");
    CONTRACT.replace(from, to)
}

fn check_refusals<const N: usize>(cases: [(String, &str); N]) {
    for (line, message) in cases {
        let error = read(&line).expect_err(&line).to_string();
        assert!(error.contains(message), "{error}\nshould contain {message}");
    }
}

#[test]
fn what_is_wrong_is_said_by_field() {
    check_refusals([
        (with(r#""workspace":"acme","#, ""), "event field `workspace` is missing: it is mandatory"),
        (with(r#""workspace":"acme""#, r#""workspace":"""#), "event field `workspace` is empty: it is mandatory"),
        (with(r#""type":"user","#, ""), "event field `actor.type` is missing: it is mandatory"),
        (with(r#""id":"d-42""#, r#""id":null"#), "event field `target.id` is missing: it is mandatory"),
        (with(r#""outcome":"success","#, ""), "event field `outcome` is missing: it is mandatory"),
        (
            with(r#""outcome":"success""#, r#""outcome":"ok""#),
            "\"ok\" is not a known outcome: use one of success, failure, partial, pending",
        ),
        (with(r#""outcome":"success""#, r#""outcome":"unknown(9)""#), "event field `outcome` has the unknown code 9"),
        (with(r#""lane""#, r#""line""#), "unknown field `line`"),
        (with(r#""role""#, r#""rolle""#), "unknown field `rolle`"),
        (with(r#""lane":"api""#, r#""id":"again""#), "duplicate field `id`"),
    ]);
}

#[test]
fn what_is_wrong_inside_a_field_is_said_too() {
    check_refusals([
        (with(r#"{"duration_ms":12}"#, "[12]"), "event field `metadata` is not a JSON object"),
        (with(r#"{"duration_ms":12}"#, r#"{"a":1,"a":2}"#), "has the key \"a\" twice"),
        (with(r#""2026-11-20T10:00:00Z""#, "9223372036854775808"), "64 bits"),
        (with(r#""2026-11-20T10:00:00Z""#, "1e18"), "64 bits"),
        (with(r#""2026-11-20T10:00:00Z""#, r#""yesterday""#), "\"yesterday\" is not an RFC 3339 time"),
        (with(r#""reason":null"#, r#""original":"x""#), "event field `original_format` is missing"),
        (
            with(r#""reason":null"#, r#""original_format":"x","original_base64":"*""#),
            "event field `original_base64` cannot be read",
        ),
        (CONTRACT.replace('}', ""), "event field `event` cannot be read"),
        ("".to_owned(), "event field `event` cannot be read"),
        ("[]".to_owned(), "event field `event` cannot be read"),
    ]);
}

#[test]
fn integers_are_nanoseconds() {
    for (time, nanoseconds) in
        [("9223372036854775807", i64::MAX), ("-1", -1), ("1795168800000000001", 1_795_168_800_000_000_001)]
    {
        let event = read(&with(r#""2026-11-20T10:00:00Z""#, time)).expect(time);
        assert_eq!(event.time, Some(Timestamp(nanoseconds)));
    }
}

#[test]
fn half_a_surrogate_pair_keeps_the_whole_line() {
    let line = with("\"u-7\"", r#""u-\ud800""#);
    let event = read(&line).expect("half a pair is data");
    assert_eq!(event.actor.id, "u-\\ud800");
    assert_eq!(event.original, Some(Original { format: "native".to_owned(), bytes: line.clone().into_bytes() }));
    assert_eq!(read(&event.to_native_json()), Ok(event));
    let inside = with("{\"duration_ms\":12}", r#"{"x":"\ud800"}"#);
    assert_eq!(read(&inside).expect("kept as text").original, None);
}

fn started() -> EventBuilder<NeedsOutcome> {
    AuditEvent::in_workspace("w").action("a").actor(ActorType::Agent, "bot").target("t", "1")
}

#[test]
fn the_builder_fills_every_field() {
    let proof = Proof { kind: ProofKind::Url, data: None, url: Some("u".into()), hash: None, captured_at: None };
    let event = started()
        .failed("E1", "no")
        .id("i")
        .lane("l")
        .session("s")
        .correlation("c")
        .parent("p")
        .request("r")
        .service("v")
        .reason("because")
        .actor_name("n")
        .actor_role("o")
        .actor_ip("::1")
        .auth_method("mfa")
        .time(Timestamp(5))
        .severity(Severity::Critical)
        .proof(proof)
        .metadata(serde_json::json!({"k": [1]}))
        .original("x", *b"\xff")
        .build()
        .expect("a whole event");
    assert_eq!(
        event.to_native_json(),
        r#"{"id":"i","time":"1970-01-01T00:00:00.000000005Z","workspace":"w","lane":"l","session":"s","correlation_id":"c","parent_id":"p","request_id":"r","actor":{"type":"agent","id":"bot","name":"n","role":"o","ip":"::1","auth_method":"mfa"},"action":"a","target":{"type":"t","id":"1"},"outcome":"failure","severity":"critical","service":"v","proof":{"kind":"url","url":"u"},"reason":"because","error":{"code":"E1","message":"no"},"metadata":{"k":[1]},"original_format":"x","original_base64":"/w=="}"#
    );
}

#[test]
fn the_builder_checks_at_the_end() {
    assert_eq!(started().partial().build().map(|event| event.outcome), Ok(Outcome::Partial));
    assert_eq!(started().pending().build().map(|event| event.outcome), Ok(Outcome::Pending));
    let problem = |built: Result<AuditEvent, indelible::EventInvalid>| built.expect_err("refused").problem;
    assert_eq!(problem(started().succeeded().metadata(serde_json::json!([1])).build()), EventProblem::NotAnObject);
    assert_eq!(
        problem(started().succeeded().lane("x".repeat(4_097)).build()),
        EventProblem::TooLong { bytes: 4_097, limit: 4_096 }
    );
    assert_eq!(problem(started().outcome(Outcome::Unknown(9)).build()), EventProblem::UnknownCode { code: 9 });
    assert!(matches!(
        problem(started().succeeded().original("x", vec![0; 1 << 20]).build()),
        EventProblem::EventTooLong { limit: 1_044_480, .. }
    ));
}

#[test]
fn arrays_are_no_objects_and_reasons_name_the_field() {
    let event = |actor: &str, target: &str, rest: &str| {
        format!(r#"{{"workspace":"w","actor":{actor},"action":"a","target":{target},"outcome":"success"{rest}}}"#)
    };
    let (actor, target) = (r#"{"type":"user","id":"u"}"#, r#"{"type":"t","id":"i"}"#);
    assert!(read(&event(actor, target, "")).is_ok());
    for (line, wanted) in [
        (event(r#"["user","u",null,null,null,null]"#, target, ""), "object for the actor"),
        (event(actor, r#"["t","i"]"#, ""), "object for the target"),
        (event(actor, target, r#","proof":["hash",null,null,"ab",null]"#), "object for the proof"),
        (event(actor, target, r#","error":["c","m"]"#), "object for the error"),
        (format!("[{}]", event(actor, target, "")), "one JSON object"),
        (event(actor, target, r#","time":"9999-12-31T23:59:59Z""#), "time"),
        (event(actor, target, r#","time":"2026-01-01T00:00:00+0200""#), "time"),
        (event(actor, target, r#","proof":{"kind":"hash","captured_at":"soon"}"#), "captured_at"),
    ] {
        let error = read(&line).expect_err(&line).to_string();
        assert!(error.contains(wanted) && !error.contains("Native"), "{line}\n{error}");
    }
    let long = read(&event(actor, target, r#","time":"2026-01-01T00:00:00.123456789123Z""#)).expect("digits are cut");
    assert_eq!(long.time.map(|time| time.0 % 1_000_000_000), Some(123_456_789));
}
