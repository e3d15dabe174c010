//! Bodies come back byte for byte and are refused in any other form; plans of frames follow the rules.

use std::sync::Arc;

use super::*;
use crate::LogId;
use crate::bundle::Filter;
use crate::descriptor::{ClassEntry, Descriptor};
use crate::error::FormatError;
use crate::key::{SigningKey, VerifierKey};
use crate::record::{GROUPS, Groups, GroupsWriter, Record};
use crate::schema::{Field, Kind};

const DAY: u64 = 86_400;
const START: i64 = 1_795_168_800;

fn key(seed: u8) -> SigningKey {
    SigningKey::generate([seed; 32], "log.example/retention").unwrap()
}

fn verifier(seed: u8) -> VerifierKey {
    key(seed).verifier()
}

fn duty(days: u64) -> Duty {
    Duty {
        keep: days * DAY,
        identity_keep: None,
        payload_keep: None,
        basis: Basis::Recorded,
        classes: Vec::new(),
        filter: None,
        text: String::new(),
    }
}

fn policy(name: &str, version: u32, duty: Option<Duty>) -> Policy {
    Policy { name: name.into(), version, duty }
}

fn acme() -> Option<Filter> {
    Some(Filter::any_of(Field::WORKSPACE, vec!["acme".into()]))
}

fn plan() -> Plan {
    Plan {
        at: 1_795_168_800,
        policies: vec![("info".into(), 2), ("warning".into(), 1)],
        holds: vec![("case 7".into(), 900)],
        segments: vec![PlannedSegment { id: 1, generation: 1, first_frame: 0, frames: 9, bytes: 4_096 }],
        classes: vec![
            ClassFrames { class: 1, group: 0, frames: [0, 1, 2].into_iter().collect() },
            ClassFrames { class: 1, group: 3, frames: [4].into_iter().collect() },
        ],
        records: [600, 601].into_iter().collect(),
        envelopes: [700].into_iter().collect(),
        identity: SeqSet::new(),
        payload: [800, 803].into_iter().collect(),
    }
}

/// Bodies of every kind, and whether a text is read as the kind.
type Reads = fn(&str) -> bool;

fn bodies() -> Vec<(&'static str, String, Reads)> {
    let set = policy("info", 3, Some(Duty { classes: vec![1, 4], filter: acme(), payload_keep: Some(5), ..duty(30) }));
    let placed = Placement {
        filter: Filter::Occurred { from: Some(1), to: None },
        text: "since \"then\"".into(),
        through: 90,
        seqs: [3, 89].into_iter().collect(),
    };
    let extend = HoldExtend { name: "case".into(), from: 90, through: 95, seqs: [94].into_iter().collect() };
    let grant = KeyRecord { epoch: 1, key: verifier(3), role: Role::Purge, add: true };
    let intent = Intent::sign(LogId([7; 16]), plan(), &key(3)).unwrap();
    let segments = vec![DoneSegment { id: 1, generation: 1, bytes: 900 }];
    let done = Done { intent: 7, checkpoint: "note\n".into(), segments, records: 4, identity: 0, payload: 2 };
    vec![
        ("policy", set.encode().unwrap(), |text| Policy::parse(text).is_ok()),
        ("retired", policy("info", 4, None).encode().unwrap(), |text| Policy::parse(text).is_ok()),
        ("hold", HoldRecord { name: "case".into(), placed: Some(placed) }.encode().unwrap(), |text| {
            HoldRecord::parse(text).is_ok()
        }),
        ("release", HoldRecord { name: "case".into(), placed: None }.encode().unwrap(), |text| {
            HoldRecord::parse(text).is_ok()
        }),
        ("extend", extend.encode().unwrap(), |text| HoldExtend::parse(text).is_ok()),
        ("key", grant.encode().unwrap(), |text| KeyRecord::parse(text).is_ok()),
        ("plan", plan().encode().unwrap(), |text| Plan::parse(text).is_ok()),
        ("intent", intent.encode(), |text| Intent::parse(text).is_ok()),
        ("done", done.encode().unwrap(), |text| Done::parse(text).is_ok()),
    ]
}

/// [RET-1]
#[test]
fn bodies_have_exactly_their_members() {
    for (name, body, reads) in bodies() {
        assert!(reads(&body), "{name}: {body}");
        let members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&body).unwrap();
        for member in members.keys() {
            let mut less = members.clone();
            less.remove(member);
            assert!(!reads(&serde_json::Value::from(less).to_string()), "{name} without {member}");
            let twice = format!("{{{}:{},{}", serde_json::Value::from(member.as_str()), members[member], &body[1..]);
            assert!(!reads(&twice), "{name} with {member} twice");
        }
        assert!(!reads(&format!("{{\"x\":1,{}", &body[1..])), "{name} with another member");
        assert!(!reads(&format!("{body}{body}")) && !reads("null") && !reads("[]"), "{name}");
    }
}

fn refuses(body: &str, from: &str, to: &str, reads: Reads) {
    let changed = body.replacen(from, to, 1);
    assert_ne!(changed, body, "{from} is not in {body}");
    assert!(!reads(&changed), "{changed}");
}

/// [RET-3]
#[test]
fn policies_are_refused_in_any_other_form() {
    let body = policy("info", 3, Some(Duty { classes: vec![1, 4], ..duty(30) })).encode().unwrap();
    let reads: Reads = |text| Policy::parse(text).is_ok();
    for (from, to) in [
        ("\"version\":3", "\"version\":0"),
        ("[1,4]", "[0,4]"),
        ("[1,4]", "[4,1]"),
        ("[1,4]", "[1,1]"),
        ("[1,4]", "[1,65536]"),
        ("\"recorded\"", "\"times\""),
        ("\"set\"", "\"keep\""),
        ("\"identity_keep\":null", "\"identity_keep\":2592001"),
        ("\"filter\":null", "\"filter\":\"\""),
        ("\"info\"", "\"\""),
        ("\"info\"", "\"a\\n\""),
    ] {
        refuses(&body, from, to, reads);
    }
    let timed = [Filter::Occurred { from: None, to: Some(1) }, Filter::Recorded { from: None, to: None }];
    let of_group = [Field::ACTOR_ID, Field::EVENT_ID].map(Filter::Present);
    for filter in timed.into_iter().chain(of_group) {
        let inner = Filter::Not(Box::new(Filter::All(vec![filter])));
        assert!(policy("p", 1, Some(Duty { filter: Some(inner.clone()), ..duty(1) })).encode().is_err(), "{inner:?}");
    }
}

/// [RET-4] [RET-5]
#[test]
fn holds_and_keys_are_refused_in_any_other_form() {
    let hold = |through, seqs: &[u64]| {
        let filter = Filter::everything();
        let seqs = seqs.iter().copied().collect();
        HoldRecord { name: "h".into(), placed: Some(Placement { filter, text: String::new(), through, seqs }) }.encode()
    };
    assert!(hold(5, &[0, 4]).is_ok() && hold(0, &[]).is_ok() && hold(5, &[5]).is_err());
    let extend = |from, through, seqs: &[u64]| {
        HoldExtend { name: "h".into(), from, through, seqs: seqs.iter().copied().collect() }.encode()
    };
    assert!(extend(5, 7, &[5, 6]).is_ok() && extend(5, 6, &[]).is_ok());
    assert!(extend(5, 5, &[]).is_err() && extend(5, 7, &[4]).is_err() && extend(5, 7, &[7]).is_err());
    let key = |epoch, role, add| KeyRecord { epoch, key: verifier(1), role, add }.encode();
    assert!(key(1, Role::Checkpoint, true).is_ok() && key(2, Role::Purge, false).is_ok());
    assert!(key(0, Role::Purge, true).is_err() && key(1, Role::Checkpoint, false).is_err());
}

/// [RET-6]
#[test]
fn plans_are_refused_in_any_other_form() {
    assert_eq!(Plan::parse(&plan().encode().unwrap()), Ok(plan()));
    let changed = |change: &dyn Fn(&mut Plan)| {
        let mut changed = plan();
        change(&mut changed);
        changed.encode()
    };
    assert!(changed(&|plan| plan.policies.reverse()).is_err());
    assert!(changed(&|plan| plan.holds.push(("a".into(), 1))).is_err());
    assert!(changed(&|plan| plan.classes.reverse()).is_err());
    assert!(changed(&|plan| plan.classes[0].class = 0).is_err());
    assert!(changed(&|plan| plan.classes[1].group = 4).is_err());
    assert!(changed(&|plan| plan.classes[1].frames = SeqSet::new()).is_err());
    assert!(changed(&|plan| plan.at = u64::MAX).is_err());
    let overlapping = PlannedSegment { id: 2, generation: 1, first_frame: 8, frames: 1, bytes: 0 };
    assert!(changed(&|plan| plan.segments.push(overlapping)).is_err());
    let reads: Reads = |text| Plan::parse(text).is_ok();
    let text = plan().encode().unwrap();
    refuses(&text, "{\"group\":3,\"seqs\"", "{\"group\":2,\"seqs\"", reads);
    refuses(&text, "\"groups\":[", "\"groups\":[{\"group\":1,\"seqs\":\"AA==\"},", reads);
}

/// [RET-7]
#[test]
fn an_intent_is_signed_for_its_log_and_its_plan() {
    let intent = Intent::sign(LogId([7; 16]), plan(), &key(3)).unwrap();
    assert_eq!(Intent::parse(&intent.encode()).as_ref(), Ok(&intent));
    assert!(intent.verify(LogId([7; 16])).is_ok() && intent.verify(LogId([8; 16])).is_err());
    assert!(Intent { key: verifier(4), ..intent.clone() }.verify(LogId([7; 16])).is_err());
    let spaced = Intent { plan_text: format!("{} ", intent.plan_text), ..intent };
    assert!(Intent::parse(&spaced.encode()).is_ok() && spaced.verify(LogId([7; 16])).is_err());
}

/// [RET-13]
#[test]
fn records_follow_from_what_was_said_before() {
    let mut register = Register::new(verifier(1));
    let set = |name: &str, version| policy(name, version, Some(duty(1))).encode().unwrap();
    let retire = |name: &str, version| policy(name, version, None).encode().unwrap();
    let place = |name: &str, through| {
        let (filter, seqs) = (Filter::everything(), [1].into_iter().collect());
        let placed = Some(Placement { filter, text: String::new(), through, seqs });
        HoldRecord { name: name.into(), placed }.encode().unwrap()
    };
    let release = |name: &str| HoldRecord { name: name.into(), placed: None }.encode().unwrap();
    let extend = |name: &str, from| {
        HoldExtend { name: name.into(), from, through: from + 5, seqs: [from].into_iter().collect() }.encode().unwrap()
    };
    let key = |epoch, seed, role, add| KeyRecord { epoch, key: verifier(seed), role, add }.encode().unwrap();
    use Kind::{Hold, HoldExtend as Extend, Key, Policy as Set};
    let story = [
        (Set, set("a", 2), false),
        (Set, retire("a", 1), false),
        (Set, set("a", 1), true),
        (Set, set("a", 1), false),
        (Set, set("a", 2), true),
        (Set, retire("a", 3), true),
        (Set, retire("a", 4), false),
        (Set, set("a", 4), true),
        (Hold, release("h"), false),
        (Extend, extend("h", 4), false),
        (Hold, place("h", 1_000), false),
        (Hold, place("h", 4), true),
        (Hold, place("h", 4), false),
        (Extend, extend("h", 5), false),
        (Extend, extend("h", 4), true),
        (Extend, extend("h", 9), true),
        (Hold, release("h"), true),
        (Hold, place("h", 4), true),
        (Key, key(2, 2, Role::Checkpoint, true), false),
        (Key, key(1, 1, Role::Checkpoint, true), false),
        (Key, key(1, 2, Role::Checkpoint, true), true),
        (Key, key(1, 2, Role::Purge, false), false),
        (Key, key(1, 2, Role::Purge, true), true),
        (Key, key(2, 2, Role::Purge, true), false),
        (Key, key(1, 2, Role::Purge, false), true),
        (Key, key(1, 2, Role::Purge, false), false),
        (Key, key(2, 2, Role::Purge, true), true),
    ];
    for (seq, (kind, body, good)) in (100..).zip(story) {
        let before = format!("{register:?}");
        let taken = register.take(seq, kind, &body);
        assert_eq!(taken.is_ok(), good, "seq {seq}: {body}: {taken:?}");
        assert!(good || format!("{register:?}") == before, "seq {seq}: refused, yet something changed");
    }
    assert_eq!(register.checkpoint_epoch(), 1);
    assert_eq!(register.purge_key(&verifier(2)).unwrap().epoch, 2);
    assert!(register.purge_key(&verifier(1)).is_none());
    assert_eq!(register.rules(0).held(), &[1].into_iter().collect());
}

/// A record of class 1 to 3 by workspace, times in days before `START`.
fn record(seq: u64, class: u16, workspace: &str, recorded: i64, occurred: i64) -> Record {
    let mut bytes = Vec::new();
    let time = |days: i64| (START - days * DAY as i64) * 1_000_000_000 + 5;
    let mut writer = GroupsWriter::new(&mut bytes, Kind::Event, time(occurred));
    writer.text(Field::WORKSPACE, workspace);
    writer.text(Field::ACTOR_ID, "u");
    writer.text(Field::METADATA, "{}");
    let ends = writer.finish();
    Record { seq, recorded_at: time(recorded), class, groups: Groups::from_parts(bytes, ends).unwrap() }
}

struct Frame {
    descriptor: Descriptor,
    gone: [u128; GROUPS],
    records: Vec<Option<Record>>,
    asked: u32,
}

impl PlanSource for Frame {
    type Error = FormatError;

    fn gone(&mut self) -> Result<[u128; GROUPS], FormatError> {
        Ok(self.gone)
    }

    fn records(&mut self) -> Result<Vec<Option<Record>>, FormatError> {
        self.asked += 1;
        Ok(self.records.clone())
    }
}

fn frame(records: Vec<Record>) -> Frame {
    let mut classes: Vec<ClassEntry> = Vec::new();
    let mut ids: Vec<u16> = records.iter().map(|record| record.class).collect();
    ids.sort_unstable();
    ids.dedup();
    for class in ids {
        let own = || records.iter().enumerate().filter(|(_, record)| record.class == class);
        let recorded = || own().map(|(_, record)| record.recorded_at.div_euclid(1_000_000_000));
        let occurred = own().map(|(_, record)| record.groups.envelope().unwrap().occurred_at.div_euclid(1_000_000_000));
        classes.push(ClassEntry {
            class,
            positions: own().fold(0, |bits, (position, _)| bits | 1 << position),
            recorded_min: recorded().min().unwrap(),
            recorded_max: recorded().max().unwrap(),
            occurred_max: occurred.max().unwrap(),
        });
    }
    let descriptor = Descriptor {
        schema: 1,
        count: records.len() as u16,
        log_id: LogId([7; 16]),
        frame_no: 3,
        first_seq: 300,
        schedule_version: 1,
        key_epoch: 0,
        lost_events: 0,
        frame_root: [0; 32],
        index_hash: [0; 32],
        classes,
    };
    Frame { descriptor, gone: [0; GROUPS], records: records.into_iter().map(Some).collect(), asked: 0 }
}

/// Four records: 40, 20, 10 and 5 days old, of class 1, 2, 1 and 2; the third one claims to be 50 days old.
fn four() -> Frame {
    frame(vec![
        record(300, 1, "acme", 40, 40),
        record(301, 2, "acme", 20, 20),
        record(302, 1, "acme", 10, 50),
        record(303, 2, "globex", 5, 5),
    ])
}

fn rules(policies: &[Duty], held: &[u64]) -> Rules {
    let named = |(at, duty): (usize, &Duty)| policy(&format!("p{at}"), 1, Some(duty.clone()));
    let policies = policies.iter().enumerate().map(named).collect();
    Rules::new(policies, vec![("h".into(), 400)], Arc::new(held.iter().copied().collect()), START as u64)
}

fn planned(frame: &mut Frame, policies: &[Duty], held: &[u64]) -> FramePlan {
    let plan = rules(policies, held).plan_frame(&frame.descriptor.clone(), frame).unwrap();
    let mut whole = Plan::default();
    whole.add(&frame.descriptor, &plan);
    assert_eq!(whole.of_frame(&frame.descriptor), plan, "a plan says of a frame what was put in");
    plan
}

fn classes(list: &[(u16, u8)]) -> FramePlan {
    FramePlan { classes: list.to_vec(), ..FramePlan::default() }
}

/// [RET-9]
#[test]
fn a_class_goes_when_its_latest_is_past_and_waits_before() {
    let days = |keep: u64| Duty { classes: vec![1], ..duty(keep) };
    let mut waiting = four();
    assert_eq!(planned(&mut waiting, &[days(10)], &[]), FramePlan::default());
    assert_eq!(waiting.asked, 0, "nothing is looked into for a class that waits for its latest");
    assert_eq!(planned(&mut waiting, &[days(9)], &[]), classes(&[(1, 0)]));
    assert_eq!(waiting.asked, 0);
    assert_eq!(planned(&mut four(), &[duty(4)], &[]), classes(&[(1, 0), (2, 0)]));
    assert_eq!(planned(&mut four(), &[], &[]), FramePlan::default(), "what no policy matches is kept");
    let mut expired = Frame { gone: [0b0101; GROUPS], ..four() };
    assert_eq!(planned(&mut expired, &[duty(4)], &[]), classes(&[(2, 0)]), "what is gone is not named again");
}

/// [RET-9]
#[test]
fn the_longest_duty_wins() {
    assert_eq!(planned(&mut four(), &[duty(4), Duty { classes: vec![1], ..duty(90) }], &[]), classes(&[(2, 0)]));
    // A filter that may match the class keeps what it matches, and only that.
    let acme_longer = Duty { filter: acme(), ..duty(90) };
    let plan = planned(&mut four(), &[duty(4), acme_longer], &[]);
    assert_eq!(plan, FramePlan { envelopes: 0b1000, ..FramePlan::default() });
}

/// [RET-10]
#[test]
fn records_go_on_their_own_where_times_or_filters_decide() {
    // By event time the third record is past, but the first is its class's other one and is past too: the class goes.
    let event = Duty { basis: Basis::Event, ..duty(39) };
    assert_eq!(planned(&mut four(), std::slice::from_ref(&event), &[]), classes(&[(1, 0)]));
    let longer = Duty { basis: Basis::Event, ..duty(45) };
    assert_eq!(planned(&mut four(), &[longer], &[]), FramePlan { records: 0b0100, ..FramePlan::default() });
    let filtered = Duty { filter: acme(), ..duty(15) };
    assert_eq!(
        planned(&mut four(), std::slice::from_ref(&filtered), &[]),
        FramePlan { envelopes: 0b0011, ..FramePlan::default() }
    );
    // A record that left its envelope goes with a closed stub when every policy lets it go.
    let mut stub = Frame { gone: [0, 0b0001, 0b0001, 0b0001], ..four() };
    assert_eq!(planned(&mut stub, std::slice::from_ref(&filtered), &[]).envelopes, 0b0010);
    assert_eq!(planned(&mut stub, &[filtered, duty(30)], &[]).records, 0b0001);
}

/// [RET-11]
#[test]
fn what_is_held_stays_and_the_rest_goes_alone() {
    let plan = planned(&mut four(), &[duty(4)], &[300]);
    assert_eq!(plan, FramePlan { classes: vec![(2, 0)], records: 0b0100, ..FramePlan::default() });
    let shorter = Duty { payload_keep: Some(DAY), identity_keep: Some(DAY), ..duty(90) };
    let plan = planned(&mut four(), &[shorter], &[301]);
    assert_eq!(plan.classes, [(1, 1), (1, 3)]);
    assert_eq!((plan.identity, plan.payload), (0b1000, 0b1000));
    let near = Rules::new(Vec::new(), vec![("h".into(), 303)], Arc::default(), 0);
    assert_eq!(near.unresolved_hold(&four().descriptor), Some("h"));
    assert_eq!(rules(&[], &[]).unresolved_hold(&four().descriptor), None);
}

/// [RET-12]
#[test]
fn nothing_of_a_class_is_left_only_when_its_latest_is_past() {
    let event = |days| Duty { basis: Basis::Event, classes: vec![1], ..duty(days) };
    let mut frame = four();
    assert_eq!(planned(&mut frame, &[event(45)], &[]).records, 0b0100);
    frame.gone = [0b0100; GROUPS];
    frame.records[2] = None;
    // The policy is longer now: the record that is gone would not be past, so the last one waits with it.
    assert_eq!(planned(&mut frame, &[event(39)], &[]), classes(&[(1, 0)]));
    let recorded = Duty { filter: None, classes: vec![1], ..duty(39) };
    assert_eq!(planned(&mut frame, &[event(1), recorded], &[]), FramePlan::default());
}

#[test]
fn groups_go_before_their_records() {
    let shorter = Duty { payload_keep: Some(4 * DAY), ..duty(30) };
    assert_eq!(planned(&mut four(), std::slice::from_ref(&shorter), &[]), classes(&[(1, 3), (2, 3)]));
    let filtered = Duty { identity_keep: Some(6 * DAY), filter: acme(), ..duty(30) };
    let plan = planned(&mut four(), &[filtered], &[]);
    assert_eq!(plan, FramePlan { identity: 0b0110, envelopes: 0b0001, ..FramePlan::default() });
    // A policy that says nothing of the group keeps it as long as the record.
    assert_eq!(planned(&mut four(), &[shorter, duty(60)], &[]), FramePlan::default());
}

#[test]
fn explanations_name_every_policy_that_matches() {
    let event = Duty { basis: Basis::Event, payload_keep: Some(DAY), ..duty(7) };
    let other = Duty { filter: Some(Filter::any_of(Field::WORKSPACE, vec!["globex".into()])), ..duty(900) };
    let rules = rules(&[duty(30), other, event], &[]);
    let explained = rules.explain(four().records[2].as_ref().unwrap()).unwrap();
    let names: Vec<&str> = explained.iter().map(|explanation| explanation.policy.as_str()).collect();
    assert_eq!(names, ["p0", "p2"]);
    assert_eq!(explained[0].keeps_until, START + 20 * DAY as i64);
    assert_eq!(explained[1].keeps_until, START - 43 * DAY as i64);
    assert_eq!(explained[1].payload_until, Some(START - 49 * DAY as i64));
}
