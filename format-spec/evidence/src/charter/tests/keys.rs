//! Keys: who may sign, how many must, and what becomes of a key that is lost or stolen.

use super::*;
use crate::act::{Action, Profile, ReplaceReason, Since};

fn keys(changes: Vec<KeyChange>) -> Body {
    Body::Key(changes)
}

fn add(role: Role, seed: u8) -> KeyChange {
    KeyChange::add(role, &verifier(seed), None)
}

fn retire(role: Role, seed: u8) -> KeyChange {
    KeyChange::retire(role, &verifier(seed))
}

/// [ACT-5] [ACT-12] [ACT-17]
#[test]
fn strangers_key_is_no_epoch() {
    let mut log = Log::new();
    let next = |seed| keys(vec![change(Action::Add, Role::Checkpoint, seed, Some(1))]);
    assert_eq!(reason(log.clone().act(Role::Admin, next(100), &[STRANGER])), Some(Reason::Role));
    assert_eq!(reason(log.clone().act(Role::Admin, next(100), &[1])), Some(Reason::Role), "nor by the checkpoint key");
    assert_eq!(reason(log.clone().act(Role::Admin, next(STRANGER), &[ADMIN])), Some(Reason::Follows), "not the origin");
    let skips = keys(vec![change(Action::Add, Role::Checkpoint, 100, Some(2))]);
    assert_eq!(reason(log.clone().act(Role::Admin, skips, &[ADMIN])), Some(Reason::Follows));
    let again = keys(vec![change(Action::Add, Role::Checkpoint, 1, Some(1))]);
    assert_eq!(reason(log.clone().act(Role::Admin, again, &[ADMIN])), Some(Reason::Follows));
    // A key that an admin added in the tail signs no statement before a head covers it.
    log.act(Role::Admin, next(100), &[ADMIN]).unwrap();
    let jump = StatementBody::Jump { before: 1, after: 2 };
    for (epoch, seed) in [(0, 1), (1, 100)] {
        assert_eq!(reason(log.clone().say(jump.clone(), epoch, seed)), Some(Reason::Role), "epoch {epoch}");
    }
    log.sign_head();
    assert_eq!(reason(log.clone().say(jump.clone(), 0, 1)), Some(Reason::Role));
    assert_eq!(log.say(jump, 1, 100), Ok(Taken::Counts));
    assert_eq!(log.charter.open_jumps().count(), 1);
}

/// [ACT-12]
#[test]
fn lost_epoch_is_dropped() {
    let mut log = Log::new();
    let first = change(Action::Drop, Role::Checkpoint, 1, Some(1));
    assert_eq!(reason(log.clone().act(Role::Admin, keys(vec![first]), &[ADMIN])), Some(Reason::Follows));
    log.settled(Role::Admin, keys(vec![change(Action::Add, Role::Checkpoint, 100, Some(1))]), &[ADMIN]);
    let drop = change(Action::Drop, Role::Checkpoint, 100, Some(1));
    assert_eq!(
        reason(log.clone().act(Role::Admin, keys(vec![drop.clone(), drop.clone()]), &[ADMIN])),
        Some(Reason::Follows)
    );
    let mut alone = log.clone();
    alone.settled(Role::Admin, keys(vec![drop.clone()]), &[ADMIN]);
    assert_eq!(alone.charter.newest().keys().epoch().map(|epoch| epoch.epoch), Some(0), "the key before goes on");
    assert!(alone.charter.open_head(&alone.head_note(100)).is_none(), "a dropped epoch signs nothing");
    let next = change(Action::Add, Role::Checkpoint, 101, Some(2));
    assert_eq!(
        reason(alone.clone().act(
            Role::Admin,
            keys(vec![change(Action::Add, Role::Checkpoint, 101, Some(1))]),
            &[ADMIN]
        )),
        Some(Reason::Follows),
        "the number of a dropped epoch is used up"
    );
    log.settled(Role::Admin, keys(vec![drop, next]), &[ADMIN]);
    let all: Vec<_> = log.charter.newest().keys().epochs().iter().map(|epoch| epoch.dropped.is_some()).collect();
    assert_eq!(all, [false, true, false]);
    let replaced =
        KeyChange { reason: Some(ReplaceReason::Lost), ..change(Action::Replace, Role::Checkpoint, 102, Some(3)) };
    log.settled(Role::Admin, keys(vec![replaced]), &[ADMIN]);
    assert_eq!(log.charter.newest().keys().epoch().unwrap().replaced, Some(ReplaceReason::Lost));
}

/// [ACT-6] [ACT-12] Numbers, versions and epochs follow from what was before; nobody chooses them.
#[test]
fn counters_only_count() {
    let mut log = Log::new();
    log.settled(Role::Admin, keep("all", 1, Some(30)), &[ADMIN]);
    let next = log.draft(Role::Admin, keep("all", 2, Some(30)));
    for number in [1, 3, 4, u64::MAX] {
        let act = Act { number, ..next.clone() };
        assert_eq!(reason(log.clone().put_act(&act, &[ADMIN])), Some(Reason::Link), "number {number}");
    }
    for version in [1, 3, u32::MAX] {
        assert_eq!(
            reason(log.clone().act(Role::Admin, keep("all", version, Some(1)), &[ADMIN])),
            Some(Reason::Follows)
        );
    }
    for epoch in [2, 3, u32::MAX] {
        let body = keys(vec![change(Action::Add, Role::Checkpoint, 100, Some(epoch))]);
        assert_eq!(reason(log.clone().act(Role::Admin, body, &[ADMIN])), Some(Reason::Follows));
    }
    let other = Act { previous: [1; 32], charter: [1; 32], ..next.clone() };
    assert_eq!(reason(log.clone().put_act(&other, &[ADMIN])), Some(Reason::Link));
    // An intent names the charter line as it stands: an officer's act makes it stale.
    let stale = log.draft(Role::Purge, intent(&log, &[]));
    log.settled(Role::Admin, keep("all", 2, Some(40)), &[ADMIN]);
    assert_eq!(reason(log.clone().put_act(&stale, &[PURGE])), Some(Reason::Link));
    let fresh = log.draft(Role::Purge, intent(&log, &[]));
    assert_eq!(log.put_act(&fresh, &[PURGE]), Ok(Taken::Counts));
}

/// [ACT-4] [ACT-5] [ACT-13]
#[test]
fn as_many_different_keys_as_the_quorum_asks_for() {
    let mut log = Log::new();
    let two = Profile { quorum_admin: 2, quorum_purge: 2, ..Profile::default() };
    assert_eq!(reason(log.clone().act(Role::Admin, Body::Profile(two.clone()), &[ADMIN])), Some(Reason::Follows));
    log.settled(Role::Admin, keys(vec![add(Role::Admin, 10), add(Role::Purge, 11)]), &[ADMIN]);
    log.settled(Role::Admin, Body::Profile(two), &[ADMIN]);
    let policy = keep("all", 1, Some(1));
    assert_eq!(reason(log.clone().act(Role::Admin, policy.clone(), &[ADMIN])), Some(Reason::Role));
    assert_eq!(reason(log.clone().act(Role::Admin, policy.clone(), &[ADMIN, HOLD])), Some(Reason::Role));
    assert_eq!(log.clone().act(Role::Admin, policy.clone(), &[ADMIN, 10, STRANGER]), Ok(Taken::Counts));
    assert_eq!(reason(log.clone().act(Role::Purge, intent(&log, &[]), &[PURGE])), Some(Reason::Role));
    assert_eq!(log.clone().act(Role::Purge, intent(&log, &[]), &[PURGE, 11]), Ok(Taken::Counts));
    // One signature places a hold, retires a purge key, takes a number; a release takes two, of either role.
    assert_eq!(log.clone().act(Role::Admin, keys(vec![retire(Role::Purge, 11)]), &[ADMIN]), Ok(Taken::Counts));
    assert_eq!(reason(log.clone().act(Role::Admin, keys(vec![retire(Role::Admin, 10)]), &[ADMIN])), Some(Reason::Role));
    assert_eq!(log.clone().act(Role::Admin, Body::Void, &[10]), Ok(Taken::Counts));
    log.settled(Role::Hold, place("a", 5, &[2]), &[HOLD]);
    assert_eq!(reason(log.clone().act(Role::Hold, release(&["a"]), &[HOLD])), Some(Reason::Role));
    assert_eq!(log.clone().act(Role::Hold, release(&["a"]), &[HOLD, 10]), Ok(Taken::Counts));
    // Two names of one key are one key, though both are known.
    let twin = SigningKey::generate([ADMIN; 32], "key.example/twin").unwrap();
    let named_twice = keys(vec![KeyChange::add(Role::Hold, &twin.verifier(), None)]);
    log.settled(Role::Admin, named_twice, &[ADMIN, 10]);
    let act = log.draft(Role::Hold, release(&["a"]));
    let note = Note::sign(act.to_text().unwrap(), &[&key(ADMIN), &twin]);
    assert_eq!(reason(log.clone().put(6, note.act_body())), Some(Reason::Role));
    let act = log.draft(Role::Admin, policy);
    // A known key's line must verify, whatever else is there.
    let mut lines = Note::sign(act.to_text().unwrap(), &[&key(ADMIN), &key(10), &key(HOLD)]).signatures().to_vec();
    lines[2].signature[0] ^= 1;
    let note = Note::new(act.to_text().unwrap(), lines).unwrap();
    assert_eq!(reason(log.put(5, note.act_body())), Some(Reason::Signature));
}

/// [ACT-12] [ACT-13]
#[test]
fn roles_can_be_kept_apart() {
    let mut log = Log::new();
    let apart = Profile { separate: true, ..Profile::default() };
    let both = keys(vec![add(Role::Purge, ADMIN)]);
    let mut mixed = log.clone();
    mixed.settled(Role::Admin, both.clone(), &[ADMIN]);
    assert_eq!(reason(mixed.act(Role::Admin, Body::Profile(apart.clone()), &[ADMIN])), Some(Reason::Follows));
    log.settled(Role::Admin, Body::Profile(apart), &[ADMIN]);
    assert_eq!(reason(log.clone().act(Role::Admin, both.clone(), &[ADMIN])), Some(Reason::Follows));
    let signs_heads = keys(vec![change(Action::Add, Role::Checkpoint, 100, Some(1)), add(Role::Hold, 100)]);
    assert_eq!(reason(log.clone().act(Role::Admin, signs_heads, &[ADMIN])), Some(Reason::Follows));
    // Loosened in the tail, it still binds; under a head it does not.
    log.act(Role::Admin, Body::Profile(Profile::default()), &[ADMIN]).unwrap();
    assert_eq!(reason(log.clone().act(Role::Admin, both.clone(), &[ADMIN])), Some(Reason::Follows));
    log.sign_head();
    assert_eq!(log.act(Role::Admin, both, &[ADMIN]), Ok(Taken::Counts));
}

/// [ACT-5] [ACT-12]
#[test]
fn a_key_signs_nothing_more_at_once_and_nothing_yet_before_a_head() {
    let mut log = Log::new();
    let move_all =
        keys(vec![add(Role::Admin, 10), add(Role::Purge, 10), retire(Role::Admin, ADMIN), retire(Role::Purge, PURGE)]);
    assert_eq!(
        reason(log.clone().act(Role::Admin, keys(vec![retire(Role::Admin, ADMIN)]), &[ADMIN])),
        Some(Reason::Follows),
        "the last admin"
    );
    log.act(Role::Admin, move_all, &[ADMIN]).unwrap();
    for (role, body, seed) in [
        (Role::Admin, keep("all", 1, Some(1)), ADMIN),
        (Role::Admin, keep("all", 1, Some(1)), 10),
        (Role::Purge, intent(&log, &[]), PURGE),
        (Role::Purge, intent(&log, &[]), 10),
    ] {
        assert_eq!(reason(log.clone().act(role, body, &[seed])), Some(Reason::Role), "{role:?} {seed}");
    }
    log.sign_head();
    assert_eq!(log.clone().act(Role::Admin, keep("all", 1, Some(1)), &[10]), Ok(Taken::Counts));
    assert_eq!(reason(log.clone().act(Role::Admin, keep("all", 1, Some(1)), &[ADMIN])), Some(Reason::Role));
    let twice = keys(vec![add(Role::Admin, 10)]);
    assert_eq!(reason(log.clone().act(Role::Admin, twice, &[10])), Some(Reason::Follows));
    let none = keys(vec![retire(Role::Hold, 10)]);
    assert_eq!(reason(log.act(Role::Admin, none, &[10])), Some(Reason::Follows));
}

/// [ACT-5] [ACT-12]
#[test]
fn recovery_takes_the_log_back() {
    let mut log = Log::new();
    log.settled(Role::Admin, keys(vec![add(Role::Admin, 10)]), &[ADMIN]);
    // A thief of key 2 makes himself the only one, and the log strict: a quorum of his own, the longest notice, a policy for ever.
    log.settled(Role::Admin, keys(vec![add(Role::Admin, STRANGER), retire(Role::Admin, 10)]), &[ADMIN]);
    let strict = Profile { quorum_admin: 2, purge_notice: crate::act::NOTICE_MAX, ..Profile::default() };
    log.settled(Role::Admin, Body::Profile(strict), &[ADMIN]);
    log.settled(Role::Admin, keep("for ever", 1, Some(99_999)), &[ADMIN, STRANGER]);
    let recovery = keys(vec![retire(Role::Recovery, RECOVERY)]);
    assert_eq!(reason(log.clone().act(Role::Admin, recovery, &[ADMIN, STRANGER])), Some(Reason::Follows));
    for body in [keys(vec![add(Role::Purge, 12)]), keys(vec![change(Action::Add, Role::Checkpoint, 100, Some(1))])] {
        assert_eq!(reason(log.clone().act(Role::Recovery, body, &[RECOVERY])), Some(Reason::Follows));
    }
    let back = keys(vec![
        add(Role::Admin, 12),
        add(Role::Admin, 13),
        retire(Role::Admin, ADMIN),
        retire(Role::Admin, STRANGER),
    ]);
    let few = keys(vec![add(Role::Admin, 12), retire(Role::Admin, ADMIN), retire(Role::Admin, STRANGER)]);
    assert_eq!(reason(log.clone().act(Role::Recovery, few, &[RECOVERY])), Some(Reason::Follows), "below the quorum");
    log.settled(Role::Recovery, back, &[RECOVERY]);
    assert_eq!(reason(log.clone().act(Role::Admin, keep("x", 1, Some(1)), &[ADMIN, STRANGER])), Some(Reason::Role));
    log.settled(Role::Admin, Body::Profile(Profile::default()), &[12, 13]);
    log.settled(Role::Admin, keep("for ever", 2, Some(1)), &[12]);
    assert!(!log.may_go(5, START), "not before the notice that the thief chose");
    log.time += crate::act::NOTICE_MAX as i64 + DAY;
    assert!(log.may_go(5, START), "nothing is strict for ever");
}

/// [ACT-12]
#[test]
fn a_compromised_key_is_marked_from_a_head_on() {
    let mut log = Log::new();
    log.settled(Role::Admin, keep("all", 1, Some(1)), &[ADMIN]);
    let since = Since { head: log.base(), date: Some(START as u64) };
    let mark = |seed, since| KeyChange { since: Some(since), ..change(Action::Compromised, Role::Purge, seed, None) };
    let ahead = Since { head: Base { size: 90, root: [1; 32] }, date: None };
    for wrong in [mark(STRANGER, since), mark(PURGE, ahead)] {
        assert_eq!(reason(log.clone().act(Role::Admin, keys(vec![wrong]), &[ADMIN])), Some(Reason::Follows));
    }
    log.settled(Role::Admin, keys(vec![mark(PURGE, since), retire(Role::Purge, PURGE)]), &[ADMIN]);
    assert_eq!(log.charter.newest().keys().doubts()[0].since, since);
}
