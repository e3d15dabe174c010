//! Which states are asked: the tail restricts at once and relaxes nothing, and a notice is waited for.

use super::*;
use crate::act::{Clock, Profile, Schedule, ScheduleRule};
use crate::bundle::Open;

fn notice(days: i64) -> Body {
    Body::Profile(Profile { purge_notice: (days * DAY) as u64, ..Profile::default() })
}

/// [ACT-19]
#[test]
fn tail_relaxes_nothing() {
    let mut log = Log::new();
    log.settled(Role::Admin, keep("all", 1, Some(100)), &[ADMIN]);
    log.settled(Role::Hold, place("a", 5, &[2]), &[HOLD]);
    log.put(14, text_of("a").encode()).unwrap();
    log.sign_head();
    let old = log.time - 50 * DAY;
    let older = log.time - 200 * DAY;
    assert!(!log.may_go(3, old) && log.may_go(3, older) && !log.may_go(2, older));
    // Relaxing waits for a head.
    for (role, body, seeds, seq, recorded) in
        [(Role::Admin, keep("all", 2, Some(1)), [ADMIN], 3, old), (Role::Hold, release(&["a"]), [HOLD], 2, older)]
    {
        let mut log = log.clone();
        log.act(role, body, &seeds).unwrap();
        assert!(!log.may_go(seq, recorded), "the tail lets nothing go");
        log.sign_head();
        assert!(log.may_go(seq, recorded));
    }
    // Restricting does not; and what is looser in one way and stricter in another is both.
    for (role, body, seeds) in [
        (Role::Hold, place("b", 5, &[3]), [HOLD]),
        (Role::Admin, keep("all", 2, Some(900)), [ADMIN]),
        (Role::Admin, keep("all", 2, None), [ADMIN]),
    ] {
        let mut log = log.clone();
        log.act(role, body, &seeds).unwrap();
        log.put(14, text_of("b").encode()).unwrap();
        assert!(!log.may_go(3, older), "the tail holds and keeps at once");
    }
    let mut both = log.clone();
    both.act(Role::Admin, keep("other", 1, Some(1)), &[ADMIN]).unwrap();
    let moment = Moment::now(both.charter.head(), both.time as u64);
    assert_eq!(both.charter.states(&moment).count(), 2);
    assert!(both.may_go(3, older) && !both.may_go(3, old), "two sets of policies, both asked");
    assert_eq!(both.charter.signed().policies().count(), 1);
}

/// [ACT-20]
#[test]
fn notice_is_waited_for() {
    let mut log = Log::new();
    log.settled(Role::Admin, keep("all", 1, Some(900)), &[ADMIN]);
    log.settled(Role::Admin, notice(7), &[ADMIN]);
    log.time += 300 * DAY;
    let relaxed = log.time;
    log.settled(Role::Admin, keep("all", 2, Some(1)), &[ADMIN]);
    let record = relaxed - 100 * DAY;
    for (after, goes) in [(0, false), (7 * DAY - 1, false), (7 * DAY, true)] {
        log.time = relaxed + after;
        assert_eq!(log.may_go(3, record), goes, "{after}");
    }
    // Published under witnesses, a cosignature from before its end is too early.
    let moment = Moment { witnessed: Some((relaxed + DAY) as u64), ..Moment::now(log.charter.head(), log.time as u64) };
    assert!(!log.charter.between(&moment).closed_may_go((3, 1), 0, record, record));
    // Taken in without a mark, it waits from the adopt on.
    let mut records = log.records.clone();
    let act = records.last_mut().unwrap();
    act.adopted = Some(relaxed + 1_800);
    let read = Log::read(&records, log.charter.head(), log.facts);
    assert!(read.refusals().is_empty());
    let asked =
        |at: i64| read.between(&Moment::now(log.charter.head(), at as u64)).closed_may_go((3, 1), 0, record, record);
    assert!(!asked(relaxed + 7 * DAY) && asked(relaxed + 7 * DAY + 1_800));
    // A grant of the purge role waits too: what it lets somebody announce would be a deletion.
    let grant = Body::Key(vec![KeyChange::add(Role::Purge, &verifier(10), None)]);
    let granted = log.time;
    log.settled(Role::Admin, grant, &[ADMIN]);
    assert_eq!(reason(log.clone().act(Role::Purge, intent(&log, &[]), &[10])), Some(Reason::Role));
    log.time = granted + 7 * DAY;
    assert_eq!(log.clone().act(Role::Purge, intent(&log, &[]), &[10]), Ok(Taken::Counts));
}

/// [ACT-13] [ACT-20]
#[test]
fn profile_loosened_first() {
    let mut log = Log::new();
    log.settled(Role::Admin, keep("all", 1, Some(900)), &[ADMIN]);
    log.settled(Role::Admin, notice(7), &[ADMIN]);
    let loosened = log.time;
    log.settled(Role::Admin, notice(0), &[ADMIN]);
    log.settled(Role::Admin, keep("all", 2, Some(1)), &[ADMIN]);
    let record = loosened - 100 * DAY;
    assert!(!log.may_go(3, record));
    log.time = loosened + 7 * DAY - 1;
    assert!(!log.may_go(3, record), "looser, it waits under the old setting, and so does what follows");
    log.time = loosened + 7 * DAY;
    assert!(log.may_go(3, record));
    // In the tail the tighter one counts at once: an intent beyond the head needs the larger quorum.
    log.settled(Role::Admin, Body::Key(vec![KeyChange::add(Role::Purge, &verifier(10), None)]), &[ADMIN]);
    let two = Body::Profile(Profile { quorum_purge: 2, ..Profile::default() });
    log.act(Role::Admin, two, &[ADMIN]).unwrap();
    assert_eq!(reason(log.clone().act(Role::Purge, intent(&log, &[]), &[PURGE])), Some(Reason::Role));
    log.sign_head();
    log.act(Role::Admin, Body::Profile(Profile::default()), &[ADMIN]).unwrap();
    assert_eq!(reason(log.clone().act(Role::Purge, intent(&log, &[]), &[PURGE])), Some(Reason::Role), "looser: waits");
    assert_eq!(log.act(Role::Purge, intent(&log, &[]), &[PURGE, 10]), Ok(Taken::Counts));
}

/// [ACT-18] [ACT-19]
#[test]
fn undecidable_hold_can_be_released() {
    let mut log = Log::new();
    log.settled(Role::Admin, keep("all", 1, Some(1)), &[ADMIN]);
    log.settled(Role::Hold, place("a", 5, &[2]), &[HOLD]);
    let old = log.time - 50 * DAY;
    let terms = |log: &Log| log.charter.between(&Moment::now(log.charter.head(), log.time as u64));
    assert!(!log.may_go(3, old));
    assert_eq!(
        terms(&log).blocked(),
        Some(&Blocked::HoldWithoutText("a".to_owned())),
        "named, so that somebody can act"
    );
    // A text that fits another commitment is no help; one that fits is, before the act or after it.
    log.put(14, text_of("b").encode()).unwrap();
    assert!(!log.may_go(3, old));
    let mut told = log.clone();
    told.put(14, text_of("a").encode()).unwrap();
    assert!(told.may_go(3, old) && !told.may_go(2, old));
    // Released under a head it blocks nothing more, and its text may be erased.
    log.act(Role::Admin, release(&["a"]), &[ADMIN]).unwrap();
    assert!(!log.may_go(3, old));
    log.sign_head();
    assert!(log.may_go(3, old) && log.may_go(2, old));
    let erased = ClassZero { seq: 900, frame_no: 90, recorded_at: 0, kind: 14, body: None, adopted_at: None };
    assert_eq!(log.charter.take(&erased, &NoFacts), Ok(Taken::Note));
    let act = ClassZero { kind: 6, ..erased };
    assert_eq!(reason(log.charter.take(&act, &NoFacts)), Some(Reason::Form), "nothing else of class 0 is ever erased");
}

/// [ACT-18]
#[test]
fn the_text_of_a_hold_says_what_the_act_says() {
    let mut log = Log::new();
    let Body::Hold(HoldAct::Place(placed)) = place("a", 5, &[2]) else { unreachable!() };
    let wrong = Body::Hold(HoldAct::Place(Placed { needs: vec![0, 1], ..placed }));
    let mut text_first = log.clone();
    text_first.put(14, text_of("a").encode()).unwrap();
    assert_eq!(reason(text_first.act(Role::Hold, wrong.clone(), &[HOLD])), Some(Reason::HoldText));
    log.act(Role::Hold, wrong, &[HOLD]).unwrap();
    assert_eq!(reason(log.clone().put(14, text_of("a").encode())), Some(Reason::HoldText));
    let payload = HoldText::new([1; 16], &Filter::any_of(Field::REASON, vec!["x".into()]), "x");
    assert_eq!(reason(log.put(14, payload.encode())), Some(Reason::Form));
    // Every part is committed, and parts cannot be moved between filter and text.
    let text = text_of("a");
    let mut commits = vec![text.commit()];
    commits.push(HoldText { salt: [4; 16], ..text.clone() }.commit());
    commits.push(HoldText { text: "b".into(), ..text.clone() }.commit());
    commits.push(crate::act::hold_commit(&text.salt, &[&text.filter[..], b"a"].concat(), ""));
    commits.sort_unstable();
    assert!(commits.windows(2).all(|pair| pair[0] != pair[1]));
}

/// [ACT-19] A record is held by the set, by the filter, or because nobody can say.
#[test]
fn filters_are_asked_again() {
    let mut log = Log::new();
    log.settled(Role::Hold, place("a", 5, &[2]), &[HOLD]);
    log.put(14, text_of("a").encode()).unwrap();
    let terms = log.charter.between(&Moment::now(log.charter.head(), log.time as u64));
    let record = |seq, actor: &str| {
        let mut bytes = Vec::new();
        let mut writer = crate::record::GroupsWriter::new(&mut bytes, crate::schema::Kind::Event, 0);
        writer.text(Field::ACTOR_ID, actor);
        let ends = writer.finish();
        let groups = crate::record::Groups::from_parts(bytes, ends).unwrap();
        crate::record::Record { seq, recorded_at: 0, class: 1, groups }
    };
    let (all, stub) = (Open::EVERYTHING, Open::EVERYTHING.without_group(1));
    for (seq, actor, there, held) in [
        (9, "a", all, Some(Holding::Matches)),
        (9, "b", all, None),
        (2, "b", all, Some(Holding::Committed)),
        (9, "b", stub, Some(Holding::Undecidable)),
        (4, "b", stub, None),
        (4, "a", all, Some(Holding::Matches)),
    ] {
        let found = terms.holding(&record(seq, actor), there).unwrap();
        assert_eq!(found, held.map(|why| ("a", why)), "{seq} {actor}");
    }
    let more = terms.with_held(&[9].into_iter().collect());
    assert!(more.held().contains(9) && more.held().contains(2));
}

/// [ACT-8] [ACT-14]
#[test]
fn clock_act_under_a_future_log() {
    let mut log = Log::new();
    log.settled(Role::Admin, keep("all", 1, Some(100)), &[ADMIN]);
    let right = log.time;
    // A wrong clock stamps the year 2200, and everything is late there.
    log.time = 7_258_118_400;
    let poisoned = log.seq;
    log.settled(Role::Admin, keep("other", 1, Some(1)), &[ADMIN]);
    let late = { Act { expires: (right + 3_600) as u64, ..log.draft(Role::Admin, keep("all", 2, Some(1))) } };
    assert_eq!(reason(log.clone().put_act(&late, &[ADMIN])), Some(Reason::Expired));
    // A clock act counts by its own time, though that lies below the last one.
    log.time = right + 600;
    let clock = |from, through, not_after: i64| Body::Clock(Clock { from, through, not_after: not_after as u64 });
    let fits = clock(poisoned, poisoned + 10, right + 600);
    for wrong in [
        clock(poisoned, poisoned + 11, right),
        clock(poisoned, poisoned + 10, log.time + 1),
        clock(poisoned, poisoned + 10, START - DAY),
    ] {
        assert_eq!(reason(log.clone().act(Role::Admin, wrong, &[ADMIN])), Some(Reason::Follows));
    }
    log.act(Role::Admin, fits, &[ADMIN]).unwrap();
    log.time = right + 300 * DAY;
    assert!(!log.may_go(poisoned + 1, 7_258_118_400), "it relaxes, so it waits for a head");
    log.sign_head();
    assert!(log.may_go(poisoned + 1, 7_258_118_400), "it counts as recorded not later than the clock act says");
    assert!(!log.may_go(poisoned + 11, 7_258_118_400), "other records count as they are");
    assert_eq!(log.charter.newest().clocks().len(), 1);
}

/// [ACT-14] [ACT-20] A clock act shortens no notice but by waiting one itself.
#[test]
fn a_notice_is_not_shortened_by_the_clock() {
    let mut log = Log::new();
    log.settled(Role::Admin, keep("all", 1, Some(900)), &[ADMIN]);
    log.settled(Role::Admin, notice(7), &[ADMIN]);
    log.time += 300 * DAY;
    let (relaxed, at) = (log.time, log.seq);
    log.settled(Role::Admin, keep("all", 2, Some(1)), &[ADMIN]);
    let clock = Clock { from: 1, through: at + 10, not_after: START as u64 };
    log.settled(Role::Admin, Body::Clock(clock), &[ADMIN]);
    log.time = relaxed + DAY;
    assert!(!log.may_go(3, START), "a thief gains nothing by dating his act back");
    // An act that a wrong clock put a hundred years ahead blocks what follows only until a clock act has waited.
    let mut log = Log::new();
    log.settled(Role::Admin, notice(7), &[ADMIN]);
    let (right, at) = (log.time, log.seq);
    log.time = 7_258_118_400;
    log.settled(Role::Admin, keep("all", 1, Some(1)), &[ADMIN]);
    log.time = right + 600;
    let clock = Clock { from: at, through: at + 10, not_after: (right + 600) as u64 };
    log.settled(Role::Admin, Body::Clock(clock), &[ADMIN]);
    log.time = right + 600 + 7 * DAY - 1;
    assert!(!log.may_go(3, START - DAY));
    log.time += 1;
    assert!(log.may_go(3, START - DAY));
}

/// [ACT-10]
#[test]
fn a_class_commits_its_groups_one_way() {
    let mut log = Log::new();
    let rule = |class, trees| ScheduleRule { class, label: "l".to_owned(), severity: 3, trees };
    let schedule = |version, rules: Vec<ScheduleRule>, default| Body::Schedule(Schedule { version, rules, default });
    assert_eq!(log.charter.newest().schedule().version, 0);
    assert_eq!(reason(log.clone().act(Role::Admin, schedule(2, vec![], 1), &[ADMIN])), Some(Reason::Follows));
    assert_eq!(
        reason(log.clone().act(Role::Admin, schedule(1, vec![rule(2, 1)], 1), &[ADMIN])),
        Some(Reason::Follows),
        "together by the default schedule"
    );
    log.settled(Role::Admin, schedule(1, vec![rule(7, 1)], 9), &[ADMIN]);
    assert_eq!((log.charter.newest().trees(7), log.charter.newest().trees(9)), (1, 0));
    for wrong in [vec![rule(7, 0)], vec![rule(9, 1)]] {
        assert_eq!(reason(log.clone().act(Role::Admin, schedule(2, wrong, 1), &[ADMIN])), Some(Reason::Follows));
    }
    log.settled(Role::Admin, schedule(2, vec![rule(8, 1)], 7), &[ADMIN]);
    assert_eq!(log.charter.newest().trees(7), 1, "a default class keeps what it had");
    assert_eq!(
        reason(log.clone().act(Role::Admin, keep("p", 1, None), &[ADMIN])),
        Some(Reason::Follows),
        "not in force"
    );
}

/// [ACT-15]
#[test]
fn an_intent_names_what_open_holds_keep() {
    let mut log = Log::new();
    log.settled(Role::Admin, notice(1), &[ADMIN]);
    log.settled(Role::Hold, place("a", 5, &[2]), &[HOLD]);
    log.put(14, text_of("a").encode()).unwrap();
    for kept in [&[][..], &["b"], &["a", "b"]] {
        assert_eq!(reason(log.clone().act(Role::Purge, intent(&log, kept), &[PURGE])), Some(Reason::Follows));
    }
    assert_eq!(log.clone().act(Role::Purge, intent(&log, &["a"]), &[PURGE]), Ok(Taken::Counts));
    // Released, it holds until the notice is over.
    log.settled(Role::Hold, release(&["a"]), &[HOLD]);
    assert_eq!(reason(log.clone().act(Role::Purge, intent(&log, &[]), &[PURGE])), Some(Reason::Follows));
    log.time += 2 * DAY;
    let ahead = {
        let mut later = log.clone();
        later.time += 1;
        intent(&later, &[])
    };
    assert_eq!(reason(log.clone().act(Role::Purge, ahead, &[PURGE])), Some(Reason::Follows), "from tomorrow");
    log.settled(Role::Purge, intent(&log, &[]), &[PURGE]);
    let deletion = log.charter.deletions()[0].clone();
    let terms = log.charter.terms_of(&deletion, log.charter.head(), None);
    assert_eq!((terms.at(), terms.holds().len()), (deletion.intent.plan.at, 0));
    // Asked before the notice was over, or as of the head at which the hold was open, the hold counts.
    let early = Moment { at: deletion.intent.plan.at - 2 * DAY as u64, ..Moment::now(log.charter.head(), 0) };
    assert_eq!(log.charter.between(&early).holds().len(), 1);
}

/// [ACT-15]
#[test]
fn nothing_follows_the_end() {
    let mut log = Log::new();
    log.act(Role::Admin, Body::End(Some([5; 32])), &[ADMIN]).unwrap();
    assert_eq!(reason(log.clone().act(Role::Admin, Body::Void, &[ADMIN])), Some(Reason::Follows));
    log.sign_head();
    assert_eq!(log.charter.newest().end(), Some(Some([5; 32])));
    assert_eq!(
        log.act(Role::Purge, intent(&log, &[]), &[PURGE]),
        Ok(Taken::Counts),
        "policies go on to be carried out"
    );
}

/// [ACT-17]
#[test]
fn records_are_taken_in_once() {
    let mut log = Log::new();
    let adopt = |from, through| StatementBody::Adopt { from, through };
    assert_eq!(reason(log.clone().say(adopt(0, 11), 0, 1)), Some(Reason::Follows), "not there yet");
    log.say(adopt(0, 10), 0, 1).unwrap();
    assert_eq!(reason(log.clone().say(adopt(9, 12), 0, 1)), Some(Reason::Follows));
    log.say(adopt(10, 20), 0, 1).unwrap();
    let jump = |after: i64| StatementBody::Jump { before: 1, after: after as u64 };
    assert_eq!(reason(log.clone().say(jump(log.time + 1), 0, 1)), Some(Reason::Follows));
    log.say(jump(log.time), 0, 1).unwrap();
    assert_eq!(log.charter.open_jumps().count(), 1);
    log.settled(Role::Purge, intent(&log, &[]), &[PURGE]);
    assert_eq!(log.charter.open_jumps().count(), 0, "somebody vouches for the clock");
}
