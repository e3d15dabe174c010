//! What this reader does not know: never broken, never fine.

use super::*;
use crate::act::Action;

fn newer_key(name: &str) -> KeyText {
    KeyText::parse(&format!("{name}+0a0b0c0d+BgECAwQ=")).unwrap()
}

/// [ACT-22]
#[test]
fn a_newer_readers_records_are_not_decided() {
    let mut log = Log::new();
    log.settled(Role::Admin, keep("all", 1, Some(1)), &[ADMIN]);
    let old = log.time - 50 * DAY;
    assert!(log.may_go(3, old));
    let text = log.draft(Role::Admin, keep("all", 2, Some(1))).to_text().unwrap();
    let version_two = Note::sign(text.replacen(" v1\n", " v2\n", 1), &[&key(ADMIN)]).act_body();
    for (kind, body) in [(22, "{}".to_owned()), (63, "{}".to_owned()), (5, version_two)] {
        let mut tail = log.clone();
        assert_eq!(reason(tail.put(kind, body.clone())), Some(Reason::Unknown), "beyond the head it is set aside");
        assert!(tail.may_go(3, old));
        let mut covered = log.clone();
        covered.charter.cover(covered.frame + 1);
        assert_eq!(covered.put(kind, body), Ok(Taken::Undecided));
        assert!(covered.charter.refusals().is_empty() && !covered.may_go(3, old));
        let seq = covered.records.last().unwrap().seq;
        let terms = covered.charter.between(&Moment::now(99, covered.time as u64));
        assert_eq!(terms.blocked(), Some(&Blocked::Undecided(seq)));
        covered.settled(Role::Admin, Body::Void, &[ADMIN]);
        assert_eq!(covered.charter.newest().undecided(), Some(seq), "what rests on it is not decided either");
    }
    assert_eq!(log.clone().put(64, "{}".to_owned()), Ok(Taken::Note));
    for kind in [0, 1, 128, 255] {
        assert_eq!(reason(log.clone().put(kind, "{}".to_owned())), Some(Reason::Form), "kind {kind}");
    }
}

/// [ACT-22]
#[test]
fn keys_of_other_types_decide_nothing_here() {
    let mut log = Log::new();
    let newer = newer_key("key.example/newer");
    let grant = KeyChange { key: newer.clone(), ..change(Action::Add, Role::Admin, 10, None) };
    log.settled(Role::Admin, Body::Key(vec![grant]), &[ADMIN]);
    let act = log.draft(Role::Admin, keep("all", 1, Some(1)));
    let line = crate::act::SignatureLine {
        name: newer.name().to_owned(),
        id: [0x0a, 0x0b, 0x0c, 0x0d],
        signature: vec![1; 2_420],
    };
    let note = Note::new(act.to_text().unwrap(), vec![line.clone()]).unwrap();
    assert_eq!(reason(log.clone().put(5, note.act_body())), Some(Reason::Unknown));
    let mut covered = log.clone();
    covered.charter.cover(covered.frame + 1);
    assert_eq!(covered.put(5, note.act_body()), Ok(Taken::Undecided));
    assert!(covered.charter.newest().undecided().is_some());
    // A known admin's signature beside it decides.
    let mut lines = vec![line];
    lines.extend(Note::sign(act.to_text().unwrap(), &[&key(ADMIN)]).signatures().to_vec());
    let both = Note::new(act.to_text().unwrap(), lines).unwrap();
    assert_eq!(log.put(5, both.act_body()), Ok(Taken::Counts));
    assert_eq!(log.charter.newest().undecided(), None);
    // From a checkpoint key of another type on, everything is a newer reader's.
    let next = KeyChange { key: newer_key(ORIGIN), ..change(Action::Add, Role::Checkpoint, 100, Some(1)) };
    log.settled(Role::Admin, Body::Key(vec![next]), &[ADMIN]);
    assert!(log.charter.newest().undecided().is_some());
    assert!(KeyText::parse(&verifier(10).to_string().replace("/10", "/11")).is_err(), "a bad key of type 01");
}

/// [ACT-22]
#[test]
fn reserved_roles_are_kept_and_mean_nothing() {
    let mut log = Log::new();
    let changes = [Role::Witness, Role::Subject, Role::Checkpoint2].map(|role| change(Action::Add, role, 10, None));
    log.settled(Role::Admin, Body::Key(changes.to_vec()), &[ADMIN]);
    assert_eq!(log.charter.newest().keys().grants().len(), 4);
    assert_eq!(reason(log.act(Role::Admin, Body::Void, &[10])), Some(Reason::Role));
}
