//! Bytes of acts and statements: each has one encoding, and none is anything else.

use super::*;
use crate::LogId;
use crate::checkpoint::{Checkpoint, open_checkpoint, sign_checkpoint};
use crate::key::SigningKey;
use crate::retention::{Basis, DoneSegment, Duty, HoldExtend, Plan, PlannedSegment, Policy, SeqSet};

fn key(seed: u8) -> SigningKey {
    SigningKey::generate([seed; 32], "key.example/a").unwrap()
}

fn base() -> Base {
    Base { size: 7, root: [0xab; 32] }
}

fn act(role: Role, body: Body) -> Act {
    let (previous, charter) = ([1; 32], if role == Role::Purge { [2; 32] } else { [1; 32] });
    Act { log: LogId([7; 16]), role, number: 3, previous, charter, base: base(), expires: 1_900_000_000, body }
}

fn seqs(list: &[u64]) -> SeqSet {
    list.iter().copied().collect()
}

/// One act of each kind and shape.
fn acts() -> Vec<Act> {
    let duty = Duty {
        keep: 9,
        identity_keep: Some(3),
        payload_keep: None,
        basis: Basis::Event,
        classes: vec![1, 7],
        filter: None,
        text: "a \"quoted\" \\ text\u{1}\n/é".to_owned(),
    };
    let placed = Placed { name: "m-1".into(), commit: [9; 32], needs: vec![0, 2], through: 50, seqs: seqs(&[3, 4, 9]) };
    let verifier = key(4).verifier();
    let since = Some(Since { head: base(), date: Some(5) });
    let change = KeyChange::add(Role::Checkpoint, &verifier, Some(2));
    let changes = vec![
        change.clone(),
        KeyChange { action: Action::Drop, ..change.clone() },
        KeyChange { action: Action::Replace, reason: Some(ReplaceReason::Lost), ..change.clone() },
        KeyChange::retire(Role::Recovery, &verifier),
        KeyChange { action: Action::Compromised, role: Role::Admin, epoch: None, since, ..change },
        KeyChange::add(Role::Witness, &verifier, None),
    ];
    let rule = ScheduleRule { class: 4, label: "four".into(), severity: 3, trees: 1 };
    let witnessed = Profile {
        purge_head: PurgeHead::Witnessed,
        witness_policy: Some([5; 32]),
        separate: true,
        ..Profile::default()
    };
    let segment = PlannedSegment { id: 1, generation: 2, first_frame: 0, frames: 4, bytes: 100 };
    let plan = Plan { at: 99, segments: vec![segment], records: seqs(&[12]), ..Plan::default() };
    let kept = vec![Kept { name: "m-1".into(), seqs: seqs(&[13]) }];
    let loss = Loss { anchored_frames: 9, anchored_root: [3; 32], found_frames: 7, reason: LossReason::Forked };
    let admin = |body| act(Role::Admin, body);
    vec![
        admin(Body::Policy(Policy { name: "p".into(), version: 1, duty: Some(duty) })),
        admin(Body::Policy(Policy { name: "p".into(), version: 2, duty: None })),
        act(Role::Hold, Body::Hold(HoldAct::Place(placed))),
        act(Role::Hold, Body::Hold(HoldAct::Release(vec!["a".into(), "b".into()]))),
        act(Role::Recovery, Body::Key(changes)),
        admin(Body::Schedule(Schedule { version: 1, rules: vec![rule], default: 2 })),
        admin(Body::Profile(witnessed)),
        admin(Body::Clock(Clock { from: 3, through: 9, not_after: 77 })),
        admin(Body::Loss(loss)),
        admin(Body::Void),
        admin(Body::End(Some([6; 32]))),
        admin(Body::End(None)),
        act(Role::Purge, Body::Intent(Box::new(Intent { plan, kept, clock: ClockCheck::Confirmed }))),
    ]
}

fn statements() -> Vec<Statement> {
    let extend = HoldExtend { name: "m-1".into(), from: 5, through: 9, seqs: seqs(&[6]) };
    let segments = vec![DoneSegment { id: 1, generation: 2, bytes: 60 }];
    let done = Done { intent: 4, head: "a\nb\n".into(), segments, records: 1, identity: 2, payload: 3 };
    let bodies = [
        StatementBody::HoldExtend(extend),
        StatementBody::Done(Box::new(done)),
        StatementBody::Abandon(4),
        StatementBody::Adopt { from: 1, through: 2 },
        StatementBody::Jump { before: 5, after: 6 },
    ];
    bodies.map(|body| Statement { log: LogId([7; 16]), epoch: 1, base: base(), body }).to_vec()
}

/// Texts that say the same in another form, or nearly.
fn mutations(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let joined = |lines: &[&str]| format!("{}\n", lines.join("\n"));
    let mut all =
        vec![text.replace('\n', "\r\n"), text.trim_end().to_owned(), format!("{text}\n"), format!("\n{text}")];
    for at in 0..lines.len() {
        let mut changed = lines.clone();
        let line = changed.remove(at);
        all.push(joined(&changed));
        changed.insert(at, line);
        changed.insert(at, line);
        all.push(joined(&changed));
        if at + 1 < lines.len() {
            let mut swapped = lines.clone();
            swapped.swap(at, at + 1);
            all.push(joined(&swapped));
        }
        let forms = [
            format!("{line} "),
            format!(" {line}"),
            line.replacen(' ', "  ", 1),
            line.replacen(' ', "\t", 1),
            format!("{line}\r"),
            line.to_uppercase(),
            line.replacen(':', ": ", 1),
            line.replacen(',', ", ", 1),
            line.replacen("\":", "\" :", 1),
            line.replacen('/', "\\/", 1),
            line.replacen('é', "\\u00e9", 1),
        ];
        for form in forms.iter().filter(|form| *form != line) {
            let mut changed = lines.clone();
            changed[at] = form;
            all.push(joined(&changed));
        }
        if let Some((word, number)) = line.rsplit_once(' ').filter(|(_, number)| number.parse::<u64>().is_ok()) {
            for form in
                [format!("{word} 0{number}"), format!("{word} +{number}"), format!("{word} 18446744073709551616")]
            {
                let mut changed = lines.clone();
                changed[at] = &form;
                all.push(joined(&changed));
            }
        }
    }
    all.into_iter().filter(|changed| changed != text).collect()
}

/// [ACT-1] [ACT-9]
#[test]
fn act_has_one_encoding() {
    let mut refused = 0;
    for act in acts() {
        let text = act.to_text().unwrap();
        assert_eq!(Act::parse(&text), Ok(act.clone()), "{text}");
        for changed in mutations(&text) {
            assert!(Act::parse(&changed).is_err(), "{changed:?}");
            refused += 1;
        }
        assert!(Statement::parse(&text).is_err());
    }
    for statement in statements() {
        let text = statement.to_text().unwrap();
        assert_eq!(Statement::parse(&text), Ok(statement), "{text}");
        for changed in mutations(&text) {
            assert!(Statement::parse(&changed).is_err(), "{changed:?}");
            refused += 1;
        }
        assert!(Act::parse(&text).is_err());
    }
    assert!(refused > 1_000, "{refused}");
}

/// [ACT-9]
#[test]
fn members_stand_in_one_order() {
    for act in acts() {
        let line = act.body.encode().unwrap();
        let kind = act.body.kind();
        assert_eq!(Body::parse(kind, &line), Ok(act.body.clone()));
        let Ok(serde_json::Value::Object(members)) = serde_json::from_str(&line) else { panic!("{line}") };
        for name in members.keys() {
            let mut fewer = members.clone();
            let value = fewer.remove(name).unwrap();
            let text = |members: &serde_json::Map<String, serde_json::Value>| {
                serde_json::Value::from(members.clone()).to_string()
            };
            assert!(Body::parse(kind, &text(&fewer)).is_err(), "{kind:?} without {name}");
            let twice = line.replacen('{', &format!("{{\"{name}\":{value},"), 1);
            assert!(Body::parse(kind, &twice).is_err(), "{kind:?}: {name} twice");
        }
        let more = line.replacen('{', "{\"more\":1,", 1).replace(",}", "}");
        assert!(Body::parse(kind, &more).is_err());
        for other in Kind::ALL.map(|entry| entry.0).into_iter().filter(|&other| other != kind) {
            assert!(Body::parse(other, &line).is_err(), "{kind:?} as {other:?}");
        }
    }
    for (kind, wrong) in [
        (
            Kind::Profile,
            r#"{"purge_head":"signed","witness_policy":null,"purge_notice":0,"quorum_admin":6,"quorum_purge":1,"separate":false,"refuse_unmarked":false,"holds_per_key":1}"#,
        ),
        (
            Kind::Profile,
            r#"{"purge_head":"signed","witness_policy":null,"purge_notice":31622401,"quorum_admin":1,"quorum_purge":1,"separate":false,"refuse_unmarked":false,"holds_per_key":1}"#,
        ),
        (
            Kind::Profile,
            r#"{"purge_head":"witnessed","witness_policy":null,"purge_notice":0,"quorum_admin":1,"quorum_purge":1,"separate":false,"refuse_unmarked":false,"holds_per_key":1}"#,
        ),
        (
            Kind::Profile,
            r#"{"purge_head":"signed","witness_policy":null,"purge_notice":0,"quorum_admin":1,"quorum_purge":1,"separate":0,"refuse_unmarked":false,"holds_per_key":1}"#,
        ),
        (Kind::Hold, r#"{"action":"release","names":[]}"#),
        (Kind::Hold, r#"{"action":"release","names":["b","a"]}"#),
        (Kind::Hold, r#"{"action":"release","names":["a","a"]}"#),
        (Kind::Key, r#"{"changes":[]}"#),
        (Kind::Clock, r#"{"from":3,"through":3,"not_after":7}"#),
        (Kind::Schedule, r#"{"version":0,"rules":[],"default":1}"#),
        (Kind::Schedule, r#"{"version":1,"rules":[],"default":0}"#),
        (
            Kind::Schedule,
            r#"{"version":1,"rules":[{"class":1,"label":"a","severity":1,"trees":0},{"class":1,"label":"a","severity":2,"trees":1}],"default":1}"#,
        ),
    ] {
        assert!(Body::parse(kind, wrong).is_err(), "{wrong}");
    }
}

/// [ACT-9] What does not belong to an action is null.
#[test]
fn a_change_of_keys_has_what_belongs_to_it() {
    let verifier = key(4).verifier();
    let add = KeyChange::add(Role::Checkpoint, &verifier, Some(2));
    let since = Some(Since { head: base(), date: None });
    for wrong in [
        KeyChange { epoch: None, ..add.clone() },
        KeyChange { epoch: Some(0), ..add.clone() },
        KeyChange { since, ..add.clone() },
        KeyChange { reason: Some(ReplaceReason::Lost), ..add.clone() },
        KeyChange { role: Role::Admin, ..add.clone() },
        KeyChange { action: Action::Retire, epoch: None, ..add.clone() },
        KeyChange { action: Action::Replace, ..add.clone() },
        KeyChange { action: Action::Drop, role: Role::Hold, epoch: None, ..add.clone() },
        KeyChange { action: Action::Compromised, epoch: None, ..add.clone() },
        KeyChange { action: Action::Compromised, role: Role::Subject, epoch: None, since, ..add },
    ] {
        assert!(act(Role::Admin, Body::Key(vec![wrong.clone()])).to_text().is_err(), "{wrong:?}");
    }
}

/// [ACT-3]
#[test]
fn roles_sign_their_kinds_alone() {
    for good in acts() {
        for role in [Role::Checkpoint, Role::Admin, Role::Hold, Role::Purge, Role::Recovery, Role::Witness] {
            let changed = Act { role, ..good.clone() };
            let fits = good.body.kind().fits(role) && (changed.previous == changed.charter || role == Role::Purge);
            assert_eq!(changed.to_text().is_ok(), fits, "{role:?} {:?}", good.body.kind());
        }
    }
}

/// [ACT-1] [ACT-3]
#[test]
fn cross_protocol_signatures() {
    let act = act(Role::Admin, Body::Void);
    let text = act.to_text().unwrap();
    let note = Note::sign(text.clone(), &[&key(1)]);
    // An act is no checkpoint, though it is signed and formed like one, and no message that a witness signs.
    assert!(open_checkpoint(&note.to_text(), &key(1).verifier()).is_err());
    assert!(Checkpoint::parse_text(&text).is_err());
    assert!(crate::key::check_origin(text.lines().next().unwrap()).is_err(), "the first line is no origin");
    let head = Checkpoint { origin: "key.example/a".into(), size: 7, root: [1; 32] };
    let signed = sign_checkpoint(&head, &key(1)).unwrap();
    for other in [signed.clone(), format!("cosignature/v1\ntime 5\n{}", head.to_text())] {
        assert!(Act::parse(&other).is_err() && Statement::parse(&other).is_err());
    }
    let carried = Note::parse(&signed).unwrap();
    assert!(Act::parse(carried.text()).is_err() && Note::of_act(&carried.act_body()).is_ok());
    // A signature is that of one text: of one log, one role, one number, one kind.
    let line = &note.signatures()[0];
    assert!(line.verifies(&key(1).verifier(), &text) && !line.verifies(&key(2).verifier(), &text));
    for other in [
        Act { log: LogId([8; 16]), ..act.clone() },
        Act { number: 4, ..act.clone() },
        Act { expires: 1, ..act.clone() },
        Act { role: Role::Purge, body: acts().pop().unwrap().body, ..act.clone() },
    ] {
        assert!(!line.verifies(&key(1).verifier(), &other.to_text().unwrap()));
    }
    assert_ne!(first_link(act.log, LineKind::Charter), first_link(act.log, LineKind::Deletion));
    assert_ne!(first_link(act.log, LineKind::Charter), first_link(LogId([8; 16]), LineKind::Charter));
    let statement = statements().remove(2).to_text().unwrap();
    assert!(Note::of_act(&Note::sign(statement, &[&key(1)]).statement_body()).is_err(), "another member");
}

/// [ACT-2]
#[test]
fn notes_have_one_form() {
    let text = act(Role::Admin, Body::Void).to_text().unwrap();
    let note = Note::sign(text.clone(), &[&key(1), &key(2)]);
    assert_eq!(Note::parse(&note.to_text()), Ok(note.clone()));
    assert_eq!(Note::of_act(&note.act_body()), Ok(note.clone()));
    let whole = note.to_text();
    let line = note.signatures()[0].to_text();
    for wrong in [
        text.clone(),
        format!("{text}\n"),
        whole.trim_end().to_owned(),
        format!("{whole}\n"),
        format!("{whole}{line}\n"),
        whole.replace('\u{2014}', "-"),
        whole.replace("\n\n", "\n"),
        format!("{whole}junk\n"),
    ] {
        assert!(Note::parse(&wrong).is_err(), "{wrong:?}");
    }
    let lines: Vec<SignatureLine> =
        (0..65).map(|at| SignatureLine { id: [0, 0, 0, at], ..note.signatures()[0].clone() }).collect();
    assert!(Note::new(text.clone(), lines[..64].to_vec()).is_ok() && Note::new(text, lines).is_err());
    let body = note.act_body();
    for wrong in [
        body.replacen(':', ": ", 1),
        body.replacen('{', "{ ", 1),
        body.replacen("\"}", "\",\"more\":1}", 1),
        body.replacen('\u{2014}', "\\u2014", 1),
        note.statement_body(),
    ] {
        assert!(Note::of_act(&wrong).is_err(), "{wrong}");
    }
    // What a link is made of does not see who signs.
    assert_eq!(link(note.text()), link(Note::parse(&whole).unwrap().text()));
}
