//! Attacks on deletion, on real logs: what somebody who has the log open, and even its signing key, could delete or hide, and what
//! finds it. Each attack is carried out with the engine, which knows no policies; the audit of `verify` and the check of a bundle
//! must find it. The pure checks have attacks of their own in the format crate; other attacks are in `attacks.rs`.

#[path = "attacks_deletion/place.rs"]
mod place;

use std::path::{Path, PathBuf};
use std::time::Duration;

use indelible::prove::{Ask, Open, ProveRequest, check};
use indelible::query::Expr;
use indelible::retain::{Basis, FindingKind, PolicySpec, PurgeError, PurgeOptions, PurgeStep};
use indelible::{Error, Ledger, LedgerReader, OpenOptions, ReadOptions, VerifyOptions, verify};
use indelible_engine::world::clock::Clock as _;
use indelible_engine::{CompactRequest, LazyFrame, SegmentTarget};
use indelible_evidence::LogId;
use indelible_evidence::commit::{GroupState, Removal, Salts};
use indelible_evidence::key::SigningKey;
use indelible_evidence::retention::{Abandon, ClassFrames, Done, DoneSegment, Intent, Plan, PlannedSegment, SeqSet};
use indelible_evidence::schema::{Field, Kind};
use indelible_format::manifest::Manifest;
use indelible_format::names::segment_file_name;
use indelible_format::segment::Authority;

use place::*;

#[test]
fn a_deletion_by_the_rules_is_found_to_be_one() {
    let place = Place::new();
    place.delete(&place.plan(1), &place.key());
    place.intact();
    let place = Place::new();
    assert_eq!(place.purge().counts.records, 67);
    place.intact();
}

#[test]
fn delete_without_a_word() {
    let place = Place::new();
    place.ledger.checkpoint().expect("checkpoint");
    place.compact(&place.plan(2));
    place.ledger.checkpoint().expect("checkpoint");
    place.caught(FindingKind::Undeclared);
}

#[test]
fn delete_more_than_was_announced() {
    let place = Place::new();
    let plan = place.plan(1);
    let seq =
        place.put(Kind::Intent, &Intent::sign(place.log_id(), plan.clone(), &place.key()).expect("signed").encode());
    let note = place.ledger.log().checkpoint().expect("checkpoint");
    let records = place.records_of(&plan);
    let both = Plan { classes: [place.plan(1).classes, place.plan(2).classes].concat(), ..plan };
    let segments = place.compact_for(&both, seq);
    let done = Done { intent: seq, checkpoint: note, segments, records, identity: 0, payload: 0 };
    place.put(Kind::Done, &done.encode().expect("a body"));
    place.ledger.log().checkpoint().expect("checkpoint");
    place.caught(FindingKind::Undeclared);
}

#[test]
fn delete_too_early() {
    let place = Place::new();
    place.delete(&place.plan(2), &place.key());
    place.caught(FindingKind::Eligible);
}

#[test]
fn delete_under_hold() {
    let place = Place::new();
    place.ledger.place_hold("case", &Expr::is(Field::ACTOR_ID, "u-3"), "").expect("place");
    place.delete(&place.plan(1), &place.key());
    place.caught(FindingKind::Held);
}

#[test]
fn leave_the_hold_out_of_the_plan() {
    let place = Place::new();
    place.ledger.place_hold("case", &Expr::is(Field::ACTOR_ID, "u-3"), "").expect("place");
    let plan = Plan { holds: Vec::new(), ..place.plan(1) };
    place.delete(&plan, &place.key());
    place.caught(FindingKind::Terms);
}

#[test]
fn delete_without_authority() {
    let place = Place::new();
    let other = SigningKey::generate([9; 32], "somebody").expect("a key");
    place.delete(&place.plan(1), &other);
    place.caught(FindingKind::Authority);
}

#[test]
fn give_the_authority_afterwards() {
    let place = Place::new();
    let other = SigningKey::generate([9; 32], "somebody").expect("a key");
    place.delete(&place.plan(1), &other);
    place.ledger.grant_purge(&other.verifier()).expect("grant");
    place.caught(FindingKind::Authority);
}

#[test]
fn use_an_authority_that_was_taken_away() {
    let place = Place::new();
    let key = place.key();
    place.ledger.revoke_purge(&key.verifier()).expect("revoke");
    place.delete(&place.plan(1), &key);
    place.caught(FindingKind::Authority);
}

#[test]
fn replay_another_logs_intent() {
    let place = Place::new();
    let plan = place.plan(1);
    let other = Intent::sign(LogId([7; 16]), plan.clone(), &place.key()).expect("signed");
    place.put(Kind::Intent, &other.encode());
    place.ledger.checkpoint().expect("checkpoint");
    place.compact(&plan);
    place.caught(FindingKind::Authority);
}

#[test]
fn count_from_a_time_that_has_not_come() {
    let place = Place::new();
    let plan = Plan { at: place.plan(2).at + 2_000 * DAY, ..place.plan(2) };
    place.delete(&plan, &place.key());
    place.caught(FindingKind::Terms);
}

#[test]
fn delete_first_and_publish_afterwards() {
    let place = Place::new();
    let plan = place.plan(1);
    let old = place.ledger.checkpoint().expect("checkpoint");
    let records = place.records_of(&plan);
    let segments = place.compact(&plan);
    let seq = place.put(Kind::Intent, &Intent::sign(place.log_id(), plan, &place.key()).expect("signed").encode());
    let done = Done { intent: seq, checkpoint: old, segments, records, identity: 0, payload: 0 };
    place.put(Kind::Done, &done.encode().expect("a body"));
    place.ledger.checkpoint().expect("checkpoint");
    place.caught(FindingKind::Published);
}

#[test]
fn say_done_and_keep_it() {
    let place = Place::new();
    let plan = place.plan(1);
    let seq =
        place.put(Kind::Intent, &Intent::sign(place.log_id(), plan.clone(), &place.key()).expect("signed").encode());
    let note = place.ledger.log().checkpoint().expect("checkpoint");
    let segment = plan.segments[0];
    let segments = vec![DoneSegment { id: segment.id, generation: segment.generation, bytes: 1 }];
    let done =
        Done { intent: seq, checkpoint: note, segments, records: place.records_of(&plan), identity: 0, payload: 0 };
    place.put(Kind::Done, &done.encode().expect("a body"));
    place.ledger.log().checkpoint().expect("checkpoint");
    let audit = place.ledger.reader().audit_deletions().expect("audit");
    assert!(audit.findings.iter().any(|finding| finding.kind == FindingKind::StillThere), "{:#?}", audit.findings);
}

#[test]
fn say_that_less_was_removed() {
    let place = Place::new();
    let plan = place.plan(1);
    let seq =
        place.put(Kind::Intent, &Intent::sign(place.log_id(), plan.clone(), &place.key()).expect("signed").encode());
    let note = place.ledger.log().checkpoint().expect("checkpoint");
    let segments = place.compact_for(&plan, seq);
    let done = Done { intent: seq, checkpoint: note, segments, records: 1, identity: 0, payload: 0 };
    place.put(Kind::Done, &done.encode().expect("a body"));
    place.ledger.log().checkpoint().expect("checkpoint");
    place.caught(FindingKind::Done);
}

#[test]
fn change_the_policy_in_hindsight() {
    let place = Place::new();
    // The plan names the version that keeps warnings ten days, which is set only afterwards.
    let mut plan = place.plan(2);
    plan.policies.iter_mut().filter(|(name, _)| name == "warning").for_each(|(_, version)| *version = 2);
    place.delete(&plan, &place.key());
    let spec = PolicySpec { classes: vec![2], ..PolicySpec::keep("warning", 10 * DAY) };
    place.ledger.set_policy(&spec).expect("set");
    place.caught(FindingKind::Terms);
}

#[test]
fn release_the_hold_in_hindsight() {
    let place = Place::new();
    place.ledger.place_hold("case", &Expr::is(Field::ACTOR_ID, "u-3"), "").expect("place");
    place.delete(&place.plan(1), &place.key());
    place.ledger.release_hold("case").expect("release");
    place.caught(FindingKind::Held);
}

#[test]
fn delete_what_came_after_the_hold_was_looked_at() {
    let place = Place::new();
    place.ledger.place_hold("case", &Expr::is(Field::ACTOR_ID, "u-3"), "").expect("place");
    place.emit(210..400);
    place.ledger.log().seal().expect("seal");
    place.clock.advance(Duration::from_secs(31 * DAY));
    let mut plan = place.plan(1);
    let view = place.ledger.reader().view().expect("view");
    let later = view.segment_facts().expect("segments")[1];
    plan.segments = vec![PlannedSegment {
        id: later.id,
        generation: 1,
        first_frame: later.first_frame,
        frames: later.frames,
        bytes: later.bytes,
    }];
    let mut frames = SeqSet::new();
    frames.insert(later.first_frame + later.frames - 1);
    plan.classes = vec![ClassFrames { class: 1, group: 0, frames }];
    place.delete(&plan, &place.key());
    place.caught(FindingKind::Held);
}

#[test]
fn what_is_left_of_a_deleted_value_cannot_be_guessed_at() {
    let place = Place::new();
    place.purge();
    let view = place.ledger.reader().view().expect("view");
    let segment = view.segment_facts().expect("segments")[0];
    view.survey(segment.id, 0..usize::MAX, &mut |frame: &mut indelible_engine::query::SurveyedFrame<'_>| {
        let classes: Vec<u16> = frame.descriptor().classes.iter().map(|entry| entry.class).collect();
        let Salts::Pruned(states) = frame.salts()? else { return Ok(()) };
        for (class, states) in classes.iter().zip(&states) {
            for state in states {
                // Of the deleted class one root stays for each group: neither a key nor a salt, so a guess at a value of few bits
                // cannot be compared with anything.
                assert_eq!(*class == 1, matches!(state, GroupState::Removed { .. }), "{class}: {state:?}");
            }
        }
        Ok::<(), indelible_engine::Error>(())
    })
    .expect("survey");
}

#[test]
fn an_event_that_was_back_dated_is_deleted_early_and_the_check_says_that_it_cannot_know() {
    let place = Place::new();
    let spec = PolicySpec { classes: vec![2], basis: Basis::Event, ..PolicySpec::keep("warning", 10 * DAY) };
    place.ledger.set_policy(&spec).expect("set");
    // The caller claims an event of today to be a hundred days old. Nothing can know better: it is not caught, and said so.
    let back = place.clock.wall_nanos() - 100 * DAY as i64 * 1_000_000_000;
    place.ledger.emit(event(1, back)).expect("emit");
    place.ledger.flush(None).expect("flush");
    place.clock.advance(Duration::from_secs(1));
    let report = place.purge();
    assert!(report.counts.by_class.get(&2).is_some_and(|count| *count > 0), "{report:?}");
    place.intact();
    let proven =
        place.ledger.prove(&ProveRequest { ask: Ask::Deletions, open: Open::NOTHING, old: None }).expect("proven");
    let report = check(&proven.bytes, &place.public()).expect("it holds");
    assert!(report.unknowns.iter().any(|unknown| unknown.contains("times")), "{:?}", report.unknowns);
}

#[test]
fn put_the_log_of_before_the_deletion_back() {
    let place = Place::new();
    let anchor = place.dir.path().join("anchor");
    let key = place.public().to_string();
    let anchored = || indelible::anchor::Anchor::new(&anchor, &place.log(), &key).expect("an anchor");
    place.ledger.checkpoint().expect("checkpoint");
    copy_dir(&place.log(), &place.dir.path().join("before"));
    place.purge();
    anchored().catch_up().expect("anchored");
    place.ledger.close().expect("close");
    std::fs::remove_dir_all(place.log()).expect("removed");
    copy_dir(&place.dir.path().join("before"), &place.log());
    let view = LedgerReader::open(place.log(), &ReadOptions::default()).expect("open").view().expect("view");
    assert!(anchored().check(&view).is_err(), "the log is behind its anchor");
}

#[test]
fn put_one_segment_of_before_the_deletion_back() {
    let place = Place::new();
    copy_dir(&place.log(), &place.dir.path().join("before"));
    place.purge();
    place.ledger.close().expect("close");
    let segments = |dir: &Path| {
        let mut names: Vec<PathBuf> = std::fs::read_dir(dir.join("segments"))
            .expect("listed")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        names.sort();
        names
    };
    let (old, new) = (segments(&place.dir.path().join("before")), segments(&place.log()));
    std::fs::copy(&old[0], &new[0]).expect("copied");
    let report = verify(place.log(), &VerifyOptions::default(), &mut |_| {}).expect("verify");
    assert!(!report.is_intact());
}

/// Carried out under a published intent, DONE not written: fine, and the next opening writes it. With a head in the files that does
/// not cover the intent, or that names another intent: broken.
/// [RET-19] [SEG-22]
#[test]
fn gone_without_done_needs_its_head() {
    let place = Place::new();
    let plan = place.plan(1);
    let seq = place.announce(&plan, &place.key());
    place.compact_for(&plan, seq);
    place.verified();
    assert_eq!(place.ends(), [(false, false)]);
    let place = place.reopen();
    assert_eq!((place.ends(), place.count()), (vec![(true, false)], 143));
    place.verified();

    let place = Place::new();
    let old = place.ledger.checkpoint().expect("checkpoint");
    let plan = place.plan(1);
    let seq = place.announce(&plan, &place.key());
    place.compact_under(&plan, seq, old);
    place.finds(FindingKind::Published);
    place.refused_to_open("does not cover the intent");

    let place = Place::new();
    let plan = place.plan(1);
    let seq = place.announce(&plan, &place.key());
    place.compact_for(&plan, seq - 1);
    place.finds(FindingKind::Published);
    place.refused_to_open("names another intent");
}

/// An opening gives up what was announced and not carried out; that removed nothing, and nothing of it is in the way of the next.
#[test]
fn abandoned_intent_spoils_nothing() {
    let place = Place::new();
    place.announce(&place.plan(1), &place.key());
    let place = place.reopen();
    assert_eq!((place.ends(), place.count()), (vec![(false, true)], 210));
    place.verified();
    let place = place.reopen();
    assert_eq!(place.ends(), [(false, true)], "given up once");
    // A plan of the same second could be the same bytes, which count once.
    let refused = place.ledger.purge(&PurgeOptions::default());
    assert!(
        matches!(&refused, Err(Error::Purge(error)) if matches!(**error, PurgeError::SameSecond { .. })),
        "{refused:?}"
    );
    place.clock.advance(Duration::from_secs(1));
    assert_eq!(place.purge().counts.records, 67);
    assert_eq!(place.ends(), [(false, true), (true, false)]);
    place.verified();
    let proven = place.ledger.prove(&ProveRequest { ask: Ask::Deletions, open: Open::NOTHING, old: None });
    let report = check(&proven.expect("proven").bytes, &place.public()).expect("it holds");
    let removed: Vec<u64> = report.deletions.expect("looked at").iter().map(|one| one.effect.records()).collect();
    assert_eq!(removed, [0, 67]);
}

/// Nothing is decided between an intent and its end: what is left open is ended before, or, without the key, refused.
#[test]
fn nothing_is_decided_while_a_deletion_is_open() {
    let place = Place::new();
    place.announce(&place.plan(1), &place.key());
    place.ledger.place_hold("case", &Expr::is(Field::ACTOR_ID, "u-3"), "").expect("place");
    assert_eq!(place.ends(), [(false, true)], "the intent was given up first");
    place.clock.advance(Duration::from_secs(1));
    place.purge();
    place.announce(&place.plan(1), &place.key());
    place.ledger.close().expect("close");
    let unsigned = OpenOptions { sign_key_file: None, unsigned: true, ..options(place.dir.path(), &place.clock) };
    let ledger = Ledger::open(place.log(), &unsigned).expect("open");
    let refused = ledger.release_hold("case");
    assert!(
        matches!(&refused, Err(Error::Purge(error)) if matches!(**error, PurgeError::Unended { .. })),
        "{refused:?}"
    );
    ledger.emit(event(1, place.clock.wall_nanos())).expect("events are taken");
    ledger.close().expect("close");
}

/// A signed intent counts once: announced again after it was given up it is nobody's, and what it takes is broken.
#[test]
fn intent_announced_twice() {
    let place = Place::new();
    let plan = place.plan(1);
    place.announce(&plan, &place.key());
    let place = place.reopen();
    assert_eq!(place.ends(), [(false, true)]);
    let seq = place.announce(&plan, &place.key());
    place.finds(FindingKind::Authority);
    place.compact_for(&plan, seq);
    place.finds(FindingKind::Undeclared);
    place.refused_to_open("no deletion that counts did that");
}

/// [RET-20]
#[test]
fn abandoned_but_gone() {
    let place = Place::new();
    let plan = place.plan(1);
    let seq = place.announce(&plan, &place.key());
    place.put(Kind::Abandon, &Abandon { intent: seq }.encode());
    place.ledger.checkpoint().expect("checkpoint");
    assert_eq!(place.ends(), [(false, true)]);
    place.compact_for(&plan, seq);
    place.finds(FindingKind::Undeclared);
    place.refused_to_open("no deletion that counts did that");
}

/// A plan over two segments, carried out in one of them.
/// [RET-21]
#[test]
fn carried_out_in_part() {
    let place = Place::new();
    place.ledger.log().seal().expect("seal");
    place.clock.advance(Duration::from_secs(31 * DAY));
    let mut plan = place.plan(1);
    let view = place.ledger.reader().view().expect("view");
    let later = view.segment_facts().expect("segments")[1];
    plan.segments.push(PlannedSegment {
        id: later.id,
        generation: 1,
        first_frame: later.first_frame,
        frames: later.frames,
        bytes: later.bytes,
    });
    plan.classes[0].frames.insert(later.first_frame + later.frames - 1);
    let seq = place.announce(&plan, &place.key());
    place.compact_for(&Plan { segments: plan.segments[..1].to_vec(), ..plan.clone() }, seq);
    place.finds(FindingKind::Published);
    place.refused_to_open("in part");
}

/// The segment of before the swap is put back after DONE, beside everything newer, and the manifest names it.
/// [RET-20]
#[test]
fn done_but_there() {
    let place = Place::new();
    let before = place.dir.path().join("before");
    let copy = |step: PurgeStep| {
        if matches!(step, PurgeStep::Published(_)) {
            copy_dir(&place.log(), &before);
        }
    };
    place.ledger.purge(&PurgeOptions { on_step: Some(&copy), ..PurgeOptions::default() }).expect("purge");
    assert_eq!(place.ends(), [(true, false)]);
    place.ledger.close().expect("close");
    let name = segment_file_name(1, 0);
    std::fs::copy(before.join(&name), place.log().join(&name)).expect("copied");
    let manifest = |dir: &Path| Manifest::decode(&std::fs::read(dir.join("MANIFEST")).expect("read")).expect("decodes");
    let (mut forged, old) = (manifest(&place.log()), manifest(&before));
    forged.segments[0] = old.segments[0].clone();
    std::fs::write(place.log().join("MANIFEST"), forged.encode().expect("encodes")).expect("written");
    place.refused_to_open("an old file of it is back");
}

#[test]
fn gone_by_a_strangers_intent_is_broken() {
    let place = Place::new();
    let plan = place.plan(1);
    let seq = place.announce(&plan, &SigningKey::generate([9; 32], "somebody").expect("a key"));
    place.finds(FindingKind::Authority);
    place.compact_for(&plan, seq);
    place.finds(FindingKind::Undeclared);
    place.refused_to_open("no deletion that counts did that");
}

#[test]
fn a_rule_that_removes_nothing_removes_nothing() {
    let place = Place::new();
    let note = place.ledger.checkpoint().expect("checkpoint");
    let plan = place.plan(1);
    let targets = vec![SegmentTarget { id: plan.segments[0].id, generation: plan.segments[0].generation }];
    let authority = Authority { intent: 0, note };
    let request = CompactRequest { segments: targets, covered_by: plan.segments[0].frames, authority };
    place.ledger.log().compact(&request, &|_: &mut LazyFrame<'_>| Ok(Removal::new())).expect("compact");
    place.intact();
    assert_eq!(place.ledger.reader().count(&Expr::events()).expect("count"), 210);
}
