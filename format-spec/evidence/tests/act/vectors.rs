//! The act vectors as files: texts and notes with what a reader must make of them, and signatures at the edges of the equation.
//!
//! ```text
//! NAME.json     {"about","structure": "act" | "statement" | "note" | "hold_text", "text", "expect": {...}}
//! refused-*     the same with "refuse": the id of the rule, named by what was changed
//! ed25519.json  list of {"about","key","message","signature","accepted"}, bytes in hexadecimal
//! ```

#[path = "equation.rs"]
pub mod equation;

use std::collections::BTreeMap;

use indelible_evidence::LogId;
use indelible_evidence::act::{
    Act, Action, Base, Body, Clock, ClockCheck, Done, HoldAct, HoldText, Intent, Kept, KeyChange, LineKind, Loss,
    LossReason, Note, Placed, Profile, PurgeHead, Role, Schedule, ScheduleRule, Since, Statement, StatementBody,
    first_link, link,
};
use indelible_evidence::bundle::Filter;
use indelible_evidence::key::SigningKey;
use indelible_evidence::retention::{Basis, DoneSegment, Duty, HoldExtend, Plan, PlannedSegment, Policy, SeqSet};
use indelible_evidence::schema::Field;
use serde_json::{Value, json};

const LOG: LogId = LogId([0x11; 16]);

pub fn key(seed: u8) -> SigningKey {
    SigningKey::generate([seed; 32], &format!("key.example/{seed}")).expect("a name")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn act(role: Role, body: Body) -> Act {
    let line = if role == Role::Purge { LineKind::Deletion } else { LineKind::Charter };
    Act {
        log: LOG,
        role,
        number: 1,
        previous: first_link(LOG, line),
        charter: first_link(LOG, LineKind::Charter),
        base: Base { size: 70, root: [0xab; 32] },
        expires: 1_800_003_600,
        body,
    }
}

fn seqs(list: &[u64]) -> SeqSet {
    list.iter().copied().collect()
}

fn hold_text() -> HoldText {
    let filter = Filter::any_of(Field::ACTOR_ID, vec!["u-17".to_owned()]);
    HoldText::new([0x5a; 16], &filter, "actor is u-17")
}

/// One act of each kind and shape, by name.
pub fn acts() -> Vec<(&'static str, Act)> {
    let duty = Duty {
        keep: 31_536_000,
        identity_keep: Some(86_400),
        payload_keep: None,
        basis: Basis::Recorded,
        classes: vec![1, 2],
        filter: Some(Filter::any_of(Field::WORKSPACE, vec!["acme".to_owned()])),
        text: "workspace is \"acme\"".to_owned(),
    };
    let commit = hold_text().commit();
    let placed = Placed { name: "matter 7".into(), commit, needs: vec![1], through: 50, seqs: seqs(&[3, 4, 9]) };
    let verifier = key(4).verifier();
    let since = Some(Since { head: Base { size: 60, root: [0xcd; 32] }, date: Some(1_799_000_000) });
    let add = KeyChange::add(Role::Checkpoint, &verifier, Some(1));
    let stolen = KeyChange { action: Action::Compromised, role: Role::Purge, epoch: None, since, ..add.clone() };
    let changes =
        vec![add.clone(), KeyChange { action: Action::Drop, ..add }, KeyChange::retire(Role::Purge, &verifier), stolen];
    let rule = ScheduleRule { class: 4, label: "audit".into(), severity: 3, trees: 1 };
    let profile = Profile {
        purge_head: PurgeHead::Witnessed,
        witness_policy: Some([0x77; 32]),
        purge_notice: 604_800,
        quorum_admin: 2,
        ..Profile::default()
    };
    let loss = Loss { anchored_frames: 70, anchored_root: [0xab; 32], found_frames: 66, reason: LossReason::Behind };
    let segment = PlannedSegment { id: 1, generation: 1, first_frame: 0, frames: 64, bytes: 1_048_576 };
    let plan = Plan {
        at: 1_800_000_000,
        segments: vec![segment],
        records: seqs(&[12, 13]),
        payload: seqs(&[20]),
        ..Plan::default()
    };
    let kept = vec![Kept { name: "matter 7".into(), seqs: seqs(&[9]) }];
    let admin = |body| act(Role::Admin, body);
    vec![
        ("policy-set", admin(Body::Policy(Policy { name: "keep".into(), version: 1, duty: Some(duty) }))),
        ("policy-retire", admin(Body::Policy(Policy { name: "keep".into(), version: 2, duty: None }))),
        ("hold-place", act(Role::Hold, Body::Hold(HoldAct::Place(placed)))),
        ("hold-release", act(Role::Hold, Body::Hold(HoldAct::Release(vec!["matter 7".into(), "matter 8".into()])))),
        ("key", admin(Body::Key(changes))),
        ("key-recovery", act(Role::Recovery, Body::Key(vec![KeyChange::add(Role::Admin, &verifier, None)]))),
        ("schedule", admin(Body::Schedule(Schedule { version: 1, rules: vec![rule], default: 1 }))),
        ("profile", admin(Body::Profile(profile))),
        ("profile-default", admin(Body::Profile(Profile::default()))),
        ("clock", admin(Body::Clock(Clock { from: 10, through: 20, not_after: 1_800_000_000 }))),
        ("loss", admin(Body::Loss(loss))),
        ("void", admin(Body::Void)),
        ("end", admin(Body::End(None))),
        ("end-successor", admin(Body::End(Some([0x22; 32])))),
        ("intent", act(Role::Purge, Body::Intent(Box::new(Intent { plan, kept, clock: ClockCheck::Guard })))),
    ]
}

/// One statement of each kind, by name.
pub fn statements() -> Vec<(&'static str, Statement)> {
    let extend = HoldExtend { name: "matter 7".into(), from: 50, through: 90, seqs: seqs(&[77]) };
    let segments = vec![DoneSegment { id: 1, generation: 1, bytes: 900_000 }];
    let head = "log.example/a\n70\nq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=\n".to_owned();
    let done = Done { intent: 4, head, segments, records: 2, identity: 0, payload: 1 };
    let of = |body| Statement { log: LOG, epoch: 1, base: Base { size: 70, root: [0xab; 32] }, body };
    vec![
        ("hold-extend", of(StatementBody::HoldExtend(extend))),
        ("done", of(StatementBody::Done(Box::new(done)))),
        ("abandon", of(StatementBody::Abandon(4))),
        ("adopt", of(StatementBody::Adopt { from: 40, through: 44 })),
        ("jump", of(StatementBody::Jump { before: 1_800_000_000, after: 1_800_200_000 })),
    ]
}

/// What is changed in a text, by name, and the rule that refuses it.
pub fn mutations(text: &str) -> Vec<(&'static str, &'static str, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let with = |change: &dyn Fn(&mut Vec<&str>)| {
        let mut changed = lines.clone();
        change(&mut changed);
        format!("{}\n", changed.join("\n"))
    };
    vec![
        ("carriage-return", "ACT-1", text.replacen('\n', "\r\n", 1)),
        ("no-last-line-feed", "ACT-1", text.trim_end().to_owned()),
        ("line-after-the-body", "ACT-1", format!("{text}\n")),
        ("line-twice", "ACT-1", with(&|lines| lines.insert(2, lines[2]))),
        ("line-missing", "ACT-1", with(&|lines| drop(lines.remove(3)))),
        ("lines-swapped", "ACT-1", with(&|lines| lines.swap(2, 3))),
        ("two-spaces", "ACT-1", text.replacen("\nkind ", "\nkind  ", 1)),
        ("upper-case-root", "ACT-1", text.replacen("abab", "ABab", 1)),
        ("leading-zero", "ACT-1", text.replacen("base 70", "base 070", 1)),
        ("another-first-line", "ACT-1", text.replacen("indelible 2026-11", "indelible 2026-12", 1)),
        ("space-in-the-body", "ACT-9", text.replacen("\":", "\": ", 1)),
        (
            "another-escape",
            "ACT-9",
            text.replacen("{\"name\"", "{\"n\\u0061me\"", 1).replacen("{\"intent\"", "{\"int\\u0065nt\"", 1),
        ),
    ]
}

/// Every file by name.
pub fn files() -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut add = |name: String, description: Value| {
        files.insert(format!("{name}.json"), format!("{description:#}\n").into_bytes());
    };
    for (name, act) in acts() {
        let text = act.to_text().expect("an act");
        let note = Note::sign(text.clone(), &[&key(2), &key(3)]);
        let expect = json!({
            "role": act.role.name(), "kind": act.body.kind().name(), "number": act.number, "expires": act.expires,
            "size": act.base.size, "link": hex(&link(&text)), "record": note.act_body(),
            "keys": [key(2).verifier().to_string(), key(3).verifier().to_string()],
        });
        add(
            format!("act-{name}"),
            json!({"about": "an act, and the record of its note", "structure": "act", "text": text, "expect": expect}),
        );
    }
    for (name, statement) in statements() {
        let text = statement.to_text().expect("a statement");
        let note = Note::sign(text.clone(), &[&key(1)]);
        let expect = json!({
            "kind": statement.body.kind().name(), "epoch": statement.epoch, "size": statement.base.size,
            "record": note.statement_body(), "keys": [key(1).verifier().to_string()],
        });
        add(
            format!("statement-{name}"),
            json!({"about": "a statement, and the record of its note", "structure": "statement", "text": text, "expect": expect}),
        );
    }
    let policy = acts().remove(0).1.to_text().expect("an act");
    for (name, rule, text) in mutations(&policy) {
        add(format!("refused-act-{name}"), json!({"about": name, "structure": "act", "text": text, "refuse": rule}));
    }
    let done = statements().remove(1).1.to_text().expect("a statement");
    for (name, rule, text) in mutations(&done).into_iter().filter(|(_, _, text)| *text != done) {
        add(
            format!("refused-statement-{name}"),
            json!({"about": name, "structure": "statement", "text": text, "refuse": rule}),
        );
    }
    let text = hold_text();
    let commit = json!({"commit": hex(&text.commit())});
    add(
        "hold-text".to_owned(),
        json!({"about": "what a hold is for", "structure": "hold_text", "text": text.encode(), "expect": commit}),
    );
    let cases: Vec<Value> = equation::cases().iter().map(|case| json!({
        "about": case.about, "key": hex(&case.key), "message": hex(&case.message), "signature": hex(&case.signature), "accepted": case.accepted,
    })).collect();
    add("ed25519".to_owned(), Value::from(cases));
    files
}
