//! What somebody without a key, or with one too many, can put into a log's tail, and why none of it counts.

use super::*;
use crate::act::{Done, Loss, LossReason, Profile};
use crate::retention::{DoneSegment, HoldExtend};

/// [ACT-6]
#[test]
fn replayed_release() {
    let mut log = Log::new();
    log.settled(Role::Hold, place("a", 5, &[2]), &[HOLD]);
    let released = log.records.len();
    log.settled(Role::Hold, release(&["a"]), &[HOLD]);
    log.settled(Role::Hold, place("a", 5, &[2]), &[HOLD]);
    let again = log.records[released].body.clone();
    let refused = log.put(6, again).unwrap_err();
    assert_eq!((refused.reason, refused.standing), (Reason::Link, Standing::SetAside));
    assert!(log.charter.newest().hold_names().eq(["a"]));
    // Under a head the same is a finding, and counts as little.
    let read = Log::read(&log.records, 99, log.facts);
    assert_eq!(read.refusals().iter().map(|refusal| refusal.standing).collect::<Vec<_>>(), [Standing::Finding]);
    assert!(read.newest().hold_names().eq(["a"]));
}

/// [ACT-6]
#[test]
fn tail_cut_in_the_middle() {
    let mut log = Log::new();
    log.settled(Role::Hold, place("a", 5, &[2]), &[HOLD]);
    let head = log.charter.head();
    log.act(Role::Hold, place("b", 5, &[3]), &[HOLD]).unwrap();
    log.act(Role::Hold, release(&["a"]), &[HOLD]).unwrap();
    let mut cut = log.records.clone();
    cut.remove(1);
    for head in [head, 99] {
        let read = Log::read(&cut, head, log.facts);
        assert_eq!(read.refusals()[0].reason, Reason::Link);
        assert!(read.newest().hold_names().eq(["a"]), "the release counts only after what it was made because of");
    }
    let whole = Log::read(&log.records, head, log.facts);
    assert!(whole.refusals().is_empty() && whole.newest().hold_names().eq(["b"]));
}

/// [ACT-8]
#[test]
fn late_bearer_act() {
    let mut log = Log::new();
    log.settled(Role::Hold, place("a", 5, &[2]), &[HOLD]);
    let paper = log.draft(Role::Hold, release(&["a"]));
    let backdated = log.time;
    let adopted = backdated + 21 * DAY;
    let stored = |adopted| Stored {
        seq: log.seq,
        frame_no: log.frame,
        time: backdated,
        kind: 6,
        body: signed(&paper, &[HOLD]),
        adopted,
    };
    // Weeks later, dated back in a tail without marks: the time of the adopt counts, not that of the record.
    assert_eq!(reason(log.clone().put_stored(stored(Some(adopted)))), Some(Reason::Expired));
    assert_eq!(log.clone().put_stored(stored(None)), Ok(Taken::Counts));
    assert_eq!(log.clone().put_stored(stored(Some(paper.expires as i64))), Ok(Taken::Counts));
    assert_eq!(reason(log.clone().put_stored(stored(Some(paper.expires as i64 + 1)))), Some(Reason::Expired));
    // Who regrets it in time takes its number.
    log.settled(Role::Admin, Body::Void, &[ADMIN]);
    assert_eq!(reason(log.put_act(&paper, &[HOLD])), Some(Reason::Link));
}

/// [ACT-6] [ACT-7]
#[test]
fn acts_of_a_lost_branch() {
    let mut log = Log::new();
    log.settled(Role::Admin, keep("all", 1, Some(30)), &[ADMIN]);
    let mut copy = log.clone();
    // The branch that is lost goes on, and an act is signed for it.
    log.settled(Role::Admin, keep("all", 2, Some(20)), &[ADMIN]);
    let lost = log.draft(Role::Admin, keep("all", 3, Some(1)));
    let same_number = {
        let mut number_two = log.clone();
        number_two.charter = copy.charter.clone();
        Act { base: log.base(), ..number_two.draft(Role::Admin, keep("all", 2, Some(1))) }
    };
    // The copy is restored; its frames part from those of the branch.
    copy.facts = Facts { parts_at: copy.charter.head() };
    copy.frame += 5;
    assert_eq!(reason(copy.clone().put_act(&same_number, &[ADMIN])), Some(Reason::Base), "another root at its base");
    let (anchored_frames, anchored_root) = (log.charter.head(), [3; 32]);
    let loss = Loss { anchored_frames, anchored_root, found_frames: 2, reason: LossReason::Behind };
    copy.settled(Role::Admin, Body::Loss(loss), &[ADMIN]);
    for act in [lost, same_number] {
        assert_eq!(reason(copy.clone().put_act(&act, &[ADMIN])), Some(Reason::Link), "the loss took the number");
    }
    let more = Loss { found_frames: anchored_frames, ..loss };
    assert_eq!(reason(copy.act(Role::Admin, Body::Loss(more), &[ADMIN])), Some(Reason::Follows));
}

/// [ACT-3] [ACT-7]
#[test]
fn act_in_a_clone() {
    let mut log = Log::new();
    log.settled(Role::Admin, keep("all", 1, Some(30)), &[ADMIN]);
    let mut clone = log.clone();
    clone.facts = Facts { parts_at: log.charter.head() };
    log.frame += 3;
    log.sign_head();
    let act = log.draft(Role::Admin, keep("all", 2, Some(1)));
    assert_eq!(reason(clone.clone().put_act(&act, &[ADMIN])), Some(Reason::Base), "its base is not below the frame");
    clone.frame += 9;
    assert_eq!(reason(clone.clone().put_act(&act, &[ADMIN])), Some(Reason::Base), "its base has another root");
    let elsewhere = Act { log: LogId([8; 16]), ..clone.draft(Role::Admin, keep("all", 2, Some(1))) };
    assert_eq!(reason(clone.clone().put_act(&elsewhere, &[ADMIN])), Some(Reason::Log));
    assert_eq!(log.put_act(&act, &[ADMIN]), Ok(Taken::Counts));
    // Who has only the records says what he did not check.
    let mut read = Charter::new(LOG, &first_keys(), 99);
    for stored in &log.records {
        read.take(&stored.record(), &NoFacts).unwrap();
    }
    assert_eq!(read.unchecked(), [BaseClaim::Root { seq: log.records[1].seq, base: act.base }]);
}

/// [ACT-6] [ACT-15] [ACT-16]
#[test]
fn intent_announced_twice() {
    let mut log = Log::new();
    let at = log.seq;
    let act = log.draft(Role::Purge, intent(&log, &[]));
    log.put_act(&act, &[PURGE]).unwrap();
    log.sign_head();
    let second = intent(&log, &[]);
    assert_eq!(reason(log.clone().act(Role::Purge, second, &[PURGE])), Some(Reason::IntentOpen));
    assert_eq!(reason(log.clone().act(Role::Admin, keep("all", 1, None), &[ADMIN])), Some(Reason::IntentOpen));
    assert_eq!(reason(log.clone().put_act(&act, &[PURGE])), Some(Reason::Link));
    log.say(StatementBody::Abandon(at), 0, 1).unwrap();
    assert_eq!(reason(log.clone().put_act(&act, &[PURGE])), Some(Reason::Link), "its number is taken for ever");
    assert_eq!(reason(log.clone().say(StatementBody::Abandon(at), 0, 1)), Some(Reason::Ending));
    // The next deletion is not spoilt by the one that was abandoned, nor by an officer's act before it.
    log.settled(Role::Admin, keep("all", 1, Some(1)), &[ADMIN]);
    log.settled(Role::Purge, intent(&log, &[]), &[PURGE]);
    assert!(matches!(log.charter.deletions()[0].ending, Some(Ending::Abandoned { .. })));
    assert!(log.charter.open_intent().is_some_and(|open| log.charter.is_published(open)));
}

fn done(intent: u64, head: String) -> StatementBody {
    let segments = vec![DoneSegment { id: 1, generation: 1, bytes: 50 }];
    StatementBody::Done(Box::new(Done { intent, head, segments, records: 1, identity: 0, payload: 0 }))
}

/// [ACT-16] [ACT-17]
#[test]
fn forged_end_of_a_deletion() {
    let mut log = Log::new();
    let early = {
        log.frame += 1;
        log.sign_head();
        log.head_note(1)
    };
    let at = log.seq;
    log.settled(Role::Purge, intent(&log, &[]), &[PURGE]);
    let head = log.head_note(1);
    let good = done(at, head.clone());
    assert_eq!(log.clone().say(good.clone(), 0, 1), Ok(Taken::Counts));
    for seed in [ADMIN, PURGE, STRANGER, 100] {
        for body in [good.clone(), StatementBody::Abandon(at)] {
            assert_eq!(reason(log.clone().say(body, 0, seed)), Some(Reason::Signature), "key {seed}");
        }
    }
    let unsigned = Statement { log: LOG, epoch: 0, base: log.base(), body: StatementBody::Abandon(at) };
    let bare = format!("{{\"statement\":{:?}}}", unsigned.to_text().unwrap());
    assert_eq!(reason(log.clone().put(15, bare)), Some(Reason::Form));
    assert_eq!(reason(log.clone().say(good.clone(), 1, 1)), Some(Reason::Role), "an epoch that never was");
    assert_eq!(reason(log.clone().say(done(at + 1, head.clone()), 0, 1)), Some(Reason::Ending));
    assert_eq!(reason(log.clone().say(done(at, early), 0, 1)), Some(Reason::Ending), "the intent was not published");
    assert_eq!(reason(log.clone().say(done(at, log.head_note(100)), 0, 1)), Some(Reason::Ending));
    let StatementBody::Done(mut other) = good else { unreachable!() };
    other.segments[0].generation = 2;
    assert_eq!(reason(log.clone().say(StatementBody::Done(other), 0, 1)), Some(Reason::Ending));
}

/// [ACT-11] [ACT-17]
#[test]
fn forged_extension() {
    let mut log = Log::new();
    log.settled(Role::Hold, place("a", 5, &[2]), &[HOLD]);
    let extend = |from, through, seqs: &[u64]| {
        let seqs = seqs.iter().copied().collect();
        StatementBody::HoldExtend(HoldExtend { name: "a".to_owned(), from, through, seqs })
    };
    assert_eq!(reason(log.clone().say(extend(5, 20, &[]), 0, HOLD)), Some(Reason::Signature));
    assert_eq!(reason(log.clone().say(extend(5, 20_000, &[]), 0, 1)), Some(Reason::Follows), "far ahead of itself");
    assert_eq!(reason(log.clone().say(extend(6, 20, &[]), 0, 1)), Some(Reason::Follows), "not where it is resolved to");
    assert_eq!(log.say(extend(5, 20, &[7]), 0, 1), Ok(Taken::Counts));
    assert_eq!(reason(log.clone().say(extend(5, 20, &[7]), 0, 1)), Some(Reason::Follows), "valid once");
    // It holds at once, and what the filter matches is held whatever extensions say.
    log.put(14, text_of("a").encode()).unwrap();
    let terms = log.charter.between(&Moment::now(log.charter.head(), log.time as u64));
    assert!(terms.held().contains(7) && terms.blocked().is_none());
}

/// [ACT-11] [ACT-12]
#[test]
fn hold_spam_is_released_at_once() {
    let mut log = Log::new();
    let profile = Profile { holds_per_key: 40, ..Profile::default() };
    log.settled(Role::Admin, Body::Profile(profile), &[ADMIN]);
    let names: Vec<String> = (0..41).map(|number| format!("spam {number:02}")).collect();
    for name in &names[..40] {
        log.act(Role::Hold, place(name, 0, &[]), &[HOLD]).unwrap();
    }
    assert_eq!(reason(log.clone().act(Role::Hold, place(&names[40], 0, &[]), &[HOLD])), Some(Reason::Follows));
    assert_eq!(log.clone().act(Role::Admin, place(&names[40], 0, &[]), &[ADMIN]), Ok(Taken::Counts), "counted by key");
    log.settled(Role::Admin, Body::Key(vec![KeyChange::retire(Role::Hold, &verifier(HOLD))]), &[ADMIN]);
    let all: Vec<&str> = names[..40].iter().map(String::as_str).collect();
    log.settled(Role::Admin, release(&all), &[ADMIN]);
    assert_eq!(log.charter.newest().hold_names().count(), 0);
    assert_eq!(reason(log.act(Role::Hold, place("again", 0, &[]), &[HOLD])), Some(Reason::Role));
}

/// [ACT-5] [ACT-21]
#[test]
fn strangers_strictness_counts_nothing() {
    let mut log = Log::new();
    log.settled(Role::Admin, keep("all", 1, Some(1)), &[ADMIN]);
    log.time += 10 * DAY;
    assert!(log.may_go(5, START));
    for (role, body) in [
        (Role::Hold, place("never", 5, &[5])),
        (Role::Admin, keep("for ever", 1, Some(99_999))),
        (Role::Admin, Body::Profile(Profile { quorum_admin: 1, purge_notice: 99 * DAY as u64, ..Profile::default() })),
    ] {
        let mut log = log.clone();
        assert_eq!(reason(log.act(role, body, &[STRANGER])), Some(Reason::Role));
        assert!(log.may_go(5, START), "what is set aside is no stricter either");
    }
    let unsigned = r#"{"name":"never","action":"place"}"#.to_owned();
    assert_eq!(reason(log.put(6, unsigned)), Some(Reason::Form));
    assert!(log.may_go(5, START));
}

/// [ACT-5] [ACT-21]
#[test]
fn strangers_acts_are_set_aside() {
    let mut log = Log::new();
    log.settled(Role::Hold, place("a", 5, &[2]), &[HOLD]);
    let grant = Body::Key(vec![KeyChange::add(Role::Purge, &verifier(STRANGER), None)]);
    for (role, body) in [
        (Role::Hold, release(&["a"])),
        (Role::Admin, keep("short", 1, Some(0))),
        (Role::Admin, grant),
        (Role::Purge, intent(&log, &["a"])),
    ] {
        let mut tail = log.clone();
        let refused = tail.act(role, body, &[STRANGER]).unwrap_err();
        assert_eq!((refused.reason, refused.standing), (Reason::Role, Standing::SetAside));
        assert!(tail.charter.newest().hold_names().eq(["a"]) && tail.charter.open_intent().is_none());
        // Everything after it goes with it, what is well signed too.
        let after = tail.act(Role::Admin, keep("all", 1, Some(1)), &[ADMIN]).unwrap_err();
        assert_eq!((after.reason, tail.charter.set_aside()), (Reason::AfterSetAside, Some(refused.seq)));
        let read = Log::read(&tail.records[..2], 99, tail.facts);
        assert_eq!(read.refusals().iter().map(|refusal| refusal.standing).collect::<Vec<_>>(), [Standing::Finding]);
    }
}
