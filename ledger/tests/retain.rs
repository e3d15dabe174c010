//! Retention from the library: policies, holds, purges, their proofs, and what a crash at any step leaves.

#[path = "retain/place.rs"]
mod place;

use std::cell::RefCell;
use std::path::PathBuf;
use std::time::Duration;

use indelible::prove::{Ask, Open, ProveRequest, check};
use indelible::query::Expr;
use indelible::retain::{Basis, PolicySpec, Profile, PurgeError, PurgeOptions, PurgeStep, State};
use indelible::{Error, Ledger, LedgerReader, OpenOptions, ReadOptions, Rule, Schedule};
use indelible_evidence::schema::Field;
use place::*;

#[test]
fn whole_classes_expire_and_the_proof_holds() {
    let place = Place::new();
    place.ledger().set_profile(Profile::Severity).expect("profile");
    place.emit(0..400);
    place.days(366);
    place.emit(400..500);
    let before = place.count();
    let report = place.purge();
    assert_eq!((report.counts.records, place.count()), (200, before - 200));
    assert_eq!(report.counts.by_class.get(&1), Some(&200));
    assert_eq!(report.deletions.len(), 1);
    place.intact();
    // Nothing more goes now.
    assert_eq!(place.purge().counts.records, 0);
    place.days(1_095);
    let later = place.purge();
    assert_eq!(later.counts.by_class.get(&2), Some(&100), "{later:?}");
    place.intact();
    let ask = ProveRequest { ask: Ask::Deletions, open: Open::NOTHING, old: None };
    let proven = place.ledger().prove(&ask).expect("proven");
    let checked = check(&proven.bytes, &place.key).expect("it holds");
    let deletions = checked.deletions.expect("looked at");
    assert_eq!(deletions.iter().map(|deletion| deletion.effect.records()).collect::<Vec<_>>(), [200, 150]);
    place.close();
    place.intact();
}

#[test]
fn records_go_alone_where_a_policy_cuts_across_classes() {
    let place = Place::new();
    place.set(&PolicySpec { filter: Some(Expr::is(Field::WORKSPACE, "acme")), ..PolicySpec::keep("acme", 30 * DAY) });
    place.emit(0..300);
    place.days(31);
    place.emit(300..310);
    let report = place.purge();
    assert_eq!((report.counts.records, report.counts.stubs), (150, 150));
    assert_eq!(place.count_of(Expr::is(Field::WORKSPACE, "acme")), 5);
    assert_eq!(place.count_of(Expr::is(Field::WORKSPACE, "globex")), 155);
    place.intact();
    // A range over what is gone says so, and holds.
    let ask = Ask::Range { first: 0, last: Some(200) };
    let proven = place.ledger().prove(&ProveRequest { ask, open: Open::EVERYTHING, old: None }).expect("proven");
    let checked = check(&proven.bytes, &place.key).expect("it holds");
    assert!(checked.removed > 50 && checked.rows.len() as u64 + checked.removed >= 201, "{}", checked.removed);
    place.reopen();
    assert_eq!(place.count(), 160);
    place.intact();
}

#[test]
fn a_hold_beats_every_policy_and_later_matches_are_held_too() {
    let place = Place::new();
    place.set(&PolicySpec::keep("all", 10 * DAY));
    place.emit(0..100);
    let held = Expr::is(Field::ACTOR_ID, "u-3");
    let placed = place.ledger().place_hold("case", &held, "--actor u-3").expect("place");
    assert_eq!(placed.held, 14);
    assert!(place.ledger().place_hold("case", &held, "").is_err(), "the name is taken");
    place.emit(100..200);
    place.days(11);
    place.emit(200..210);
    place.purge();
    // Of the 200 old ones 29 are held; of the ten new ones one is by the same actor.
    assert_eq!((place.count(), place.count_of(held.clone())), (39, 30));
    place.intact();
    place.reopen();
    let holds = place.ledger().reader().holds().expect("holds");
    assert_eq!((holds.len(), holds[0].name.as_str()), (1, "case"));
    place.ledger().release_hold("case").expect("release");
    assert!(place.ledger().release_hold("case").is_err());
    place.days(11);
    place.emit(210..220);
    place.purge();
    assert_eq!(place.count(), 10);
    place.intact();
}

#[test]
fn the_longest_duty_wins_and_explain_says_which() {
    let place = Place::new();
    place.set(&PolicySpec::keep("short", 10 * DAY));
    place.set(&PolicySpec { filter: Some(Expr::is(Field::WORKSPACE, "acme")), ..PolicySpec::keep("long", 100 * DAY) });
    place.emit(0..50);
    let seq = |workspace: &str| {
        let view = place.ledger().reader().view().expect("view");
        view.first_match(&Expr::is(Field::WORKSPACE, workspace)).expect("a match").expect("one")
    };
    let explain = |seq: u64| place.ledger().reader().explain_retention(seq).expect("explained").state;
    let State::Kept(kept) = explain(seq("acme")) else { panic!("kept") };
    assert_eq!((kept.policies.len(), kept.longest().map(|policy| policy.policy.as_str())), (2, Some("long")));
    assert_eq!(kept.until, Some(START / 1_000_000_000 + 100 * DAY as i64));
    let State::Kept(kept) = explain(seq("globex")) else { panic!("kept") };
    assert_eq!(kept.longest().map(|policy| policy.policy.as_str()), Some("short"));
    assert_eq!(explain(0), State::Permanent);
    let gone = seq("globex");
    place.days(11);
    place.emit(50..52);
    let purged = place.purge();
    assert_eq!(purged.counts.records, 25);
    assert_eq!(explain(gone), State::Removed { intent: Some(purged.deletions[0].intent) });
    place.ledger().retire_policy("long").expect("retire");
    assert!(place.ledger().retire_policy("long").is_err());
    place.purge();
    assert_eq!(place.count(), 2);
    assert!(place.ledger().reader().explain_retention(10_000).is_err());
    place.intact();
}

#[test]
fn groups_of_records_that_stay_are_erased() {
    let place = Place::new();
    let spec = PolicySpec {
        identity_keep: Some(10 * DAY),
        payload_keep: Some(20 * DAY),
        ..PolicySpec::keep("people", 1_000 * DAY)
    };
    place.set(&spec);
    place.emit(0..130);
    place.days(11);
    place.emit(130..140);
    let report = place.purge();
    assert_eq!((report.counts.records, report.counts.identity, report.counts.payload), (0, 130, 0));
    assert_eq!(place.count_of(Expr::is(Field::ACTOR_ID, "u-3")), 1, "only the newest");
    assert_eq!(place.count(), 140);
    place.days(11);
    place.emit(140..150);
    let report = place.purge();
    assert_eq!((report.counts.identity, report.counts.payload), (10, 130));
    place.intact();
    let ask = Ask::Complete { filter: Expr::is(Field::WORKSPACE, "acme"), first: 0, last: None };
    let proven = place.ledger().prove(&ProveRequest { ask, open: Open::EVERYTHING, old: None }).expect("proven");
    assert_eq!(check(&proven.bytes, &place.key).expect("it holds").rows.len(), 75);
}

#[test]
fn event_time_counts_where_the_policy_says_so() {
    let place = Place::new();
    place.set(&PolicySpec { basis: Basis::Event, ..PolicySpec::keep("event", 30 * DAY) });
    let ledger = place.ledger();
    for number in 0..200u64 {
        let seconds = place.clock_seconds() - (number % 60) as i64 * DAY as i64;
        ledger.emit(event(number, seconds)).expect("emit");
    }
    ledger.flush(None).expect("flush");
    let report = place.purge();
    // 31 to 59 days old: three full rounds of 29, and of the last 20 none.
    assert_eq!((report.counts.records, place.count()), (87, 113));
    place.intact();
}

#[test]
fn a_schedule_gives_later_events_their_class() {
    let place = Place::new();
    place.emit(0..8);
    let rule = |class, label: &str, severity| Rule { class, label: label.into(), severity };
    let schedule = Schedule { version: 0, rules: vec![rule(40, "sox", 3), rule(41, "plain", 1)], default: 41 };
    place.ledger().set_schedule(&schedule).expect("set");
    place.emit(8..16);
    place.reopen();
    place.emit(16..24);
    assert_eq!(place.ledger().reader().schedule().expect("schedule").version, 2);
    let spec = PolicySpec { labels: vec!["plain".into()], ..PolicySpec::keep("plain", DAY) };
    place.set(&spec);
    let unknown = PolicySpec { labels: vec!["hipaa".into()], ..spec };
    assert!(place.ledger().set_policy(&unknown).is_err());
    assert!(place.ledger().set_profile(Profile::Severity).is_err(), "severities share a class");
    place.days(2);
    place.emit(24..28);
    let report = place.purge();
    assert_eq!(report.counts.by_class.into_iter().collect::<Vec<_>>(), [(41, 12)]);
    assert_eq!(place.count(), 28 - 12);
    let zero = Schedule { version: 0, rules: Vec::new(), default: 0 };
    assert!(place.ledger().set_schedule(&zero).is_err());
    place.intact();
}

#[test]
fn what_may_not_be_purged_is_refused_and_nothing_is_gone() {
    let place = Place::new();
    let refused = |options: &PurgeOptions<'_>| match place.ledger().purge(options) {
        Err(Error::Purge(error)) => *error,
        other => panic!("{other:?}"),
    };
    place.set(&PolicySpec::keep("all", DAY));
    place.emit(0..20);
    let key = place.ledger().log().keys().current().clone();
    place.ledger().revoke_purge(&key).expect("revoke");
    place.days(2);
    assert!(matches!(refused(&PurgeOptions::default()), PurgeError::NoRole { .. }));
    place.ledger().grant_purge(&key).expect("grant");
    // A clock that is ahead alone, with nothing that says so.
    place.close();
    place.days(2);
    place.clock.advance(Duration::from_secs(1));
    place.reopen();
    assert!(matches!(refused(&PurgeOptions::default()), PurgeError::ClockJump { .. }));
    assert_eq!(place.count(), 20);
    let confirmed = PurgeOptions { confirm_clock: true, ..PurgeOptions::default() };
    assert_eq!(place.ledger().purge(&confirmed).expect("purge").counts.records, 20);
    place.close();
    let unsigned = OpenOptions { sign_key_file: None, ..place.options() };
    assert!(matches!(Ledger::open(place.path("log"), &unsigned), Err(Error::NoSigningKey { .. })));
    let unsigned = OpenOptions { unsigned: true, ..unsigned };
    let ledger = Ledger::open(place.path("log"), &unsigned).expect("open");
    assert!(matches!(ledger.purge(&confirmed), Err(Error::Purge(error)) if matches!(*error, PurgeError::NoSigningKey)));
}

#[test]
fn a_dry_run_says_what_a_purge_does() {
    let place = Place::new();
    place.ledger().set_profile(Profile::ThirtyDays).expect("profile");
    place.emit(0..77);
    place.days(31);
    place.ledger().checkpoint().expect("framed");
    let dry = place.ledger().purge(&PurgeOptions { dry_run: true, ..PurgeOptions::default() }).expect("dry run");
    assert!(dry.dry_run && place.count() == 77);
    assert_eq!(dry.counts, place.purge().counts);
    assert_eq!(place.count(), 0);
}

#[test]
fn opening_carries_nothing_out() {
    let place = Place::new();
    place.ledger().set_profile(Profile::ThirtyDays).expect("profile");
    place.ledger().place_hold("case", &Expr::is(Field::ACTOR_ID, "u-1"), "--actor u-1").expect("place");
    place.emit(0..150);
    place.days(31);
    place.emit(150..160);
    let steps = RefCell::new(Vec::new());
    let log = place.path("log");
    let on_step = |step: PurgeStep| {
        let copy = place.path(&format!("step-{}", steps.borrow().len()));
        copy_dir(&log, &copy);
        place.copy_keys(&place.path(&format!("step-{}.keys", steps.borrow().len())));
        steps.borrow_mut().push(step);
    };
    let report =
        place.ledger().purge(&PurgeOptions { on_step: Some(&on_step), ..PurgeOptions::default() }).expect("purge");
    let after = place.count();
    assert_eq!(after, 160 - report.counts.records);
    for (at, step) in steps.borrow().iter().enumerate() {
        let copy = place.path(&format!("step-{at}"));
        // The kept head of that moment goes with it: it is a file of the same machine.
        let key = place.path(&format!("step-{at}.keys/key"));
        let ledger = Ledger::open(&copy, &OpenOptions { sign_key_file: Some(key), ..place.options() }).expect("open");
        let count = ledger.reader().count(&Expr::events()).expect("count");
        let swapped = matches!(step, PurgeStep::Compacted(_) | PurgeStep::Done(_) | PurgeStep::Finished);
        assert_eq!(count, if swapped { after } else { 160 }, "{step:?}");
        let audit = ledger.reader().audit_deletions().expect("audit");
        assert_eq!(audit.findings, [], "{step:?}");
        assert!(audit.deletions.iter().all(|entry| entry.done.is_some() == swapped), "{step:?}");
        assert!(audit.deletions.iter().all(|entry| entry.abandoned.is_some() != swapped), "{step:?}");
        // And it can be purged as if nothing had happened, by a plan of another second.
        place.clock.advance(Duration::from_secs(1));
        ledger.purge(&PurgeOptions::default()).expect("purge");
        assert_eq!(ledger.reader().count(&Expr::events()).expect("count"), after, "{step:?}");
        ledger.close().expect("close");
        intact(&copy, &place.key);
    }
}

#[test]
fn purged_bytes_are_in_no_file() {
    let place = Place::new();
    place.set(&PolicySpec { filter: Some(Expr::is(Field::ACTION, "user.login")), ..PolicySpec::keep("logins", DAY) });
    place.set(&PolicySpec { classes: vec![1], ..PolicySpec::keep("info", 2 * DAY) });
    let ledger = place.ledger();
    // Ids are kept as 16 bytes that do not compress: event id, target, and the session of half of them.
    let id = |number: u64, part: u64| {
        uuid::Uuid::from_u64_pair(
            number.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            (!number).wrapping_mul(31).wrapping_add(part),
        )
    };
    for number in 0..300u64 {
        let mut event = event(number, place.clock_seconds());
        event.id = Some(id(number, 0).to_string());
        event.target.id = id(number, 1).to_string();
        event.session = Some(id(number / 2, 2).to_string());
        ledger.emit(event).expect("emit");
    }
    ledger.flush(None).expect("flush");
    let found = |uuid: uuid::Uuid, files: &[(PathBuf, Vec<u8>)]| {
        let wanted = uuid.into_bytes();
        files.iter().find(|(_, bytes)| bytes.windows(16).any(|part| part == wanted)).map(|(name, _)| name.clone())
    };
    let before = files_of(&place.path("log"));
    assert!((0..300).all(|number| found(id(number, 1), &before).is_some()), "the search finds what is there");
    place.days(3);
    place.emit(300..310);
    assert_eq!(place.purge().counts.records, 225);
    let after = files_of(&place.path("log"));
    for number in 0..300u64 {
        // Info (0 and 1 of 4) and logins (odd) are gone; warnings of another action (2 of 4) stay.
        let stays = number % 4 == 2;
        assert_eq!(found(id(number, 0), &after).is_some(), stays, "event {number}");
        assert!(stays || found(id(number, 1), &after).is_none(), "the target of event {number}");
    }
    // Targets and sessions that stay may lie in compressed pages; what goes is nowhere.
    for session in (0..150).step_by(2) {
        assert_eq!(found(id(session, 2), &after), None, "session {session}");
    }
    place.close();
    place.intact();
}

#[test]
fn queries_right_before_during_and_after_a_purge_under_ingest() {
    let place = Place::new();
    place.set(&PolicySpec { classes: vec![1], ..PolicySpec::keep("info", DAY) });
    place.emit(0..2_000);
    place.days(2);
    let before = place.ledger().reader().view().expect("view");
    let stop = std::sync::atomic::AtomicBool::new(false);
    let warnings = severity(2);
    /// Ends the other threads, also where this one fails.
    struct Stop<'a>(&'a std::sync::atomic::AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, std::sync::atomic::Ordering::Release);
        }
    }
    std::thread::scope(|scope| {
        let stopping = Stop(&stop);
        let (ledger, seconds) = (place.ledger(), place.clock_seconds());
        let stop = &stop;
        let ingest = scope.spawn(move || {
            let mut number = 2_000;
            while !stop.load(std::sync::atomic::Ordering::Acquire) {
                ledger.emit(event(number, seconds)).expect("emit");
                number += 1;
                std::thread::sleep(Duration::from_micros(200));
            }
            ledger.flush(None).expect("flush");
            number
        });
        let reader = LedgerReader::open(place.path("log"), &ReadOptions::default()).expect("open");
        let queries = scope.spawn(move || {
            let mut counts = Vec::new();
            while !stop.load(std::sync::atomic::Ordering::Acquire) {
                counts.push(reader.count(&severity(2).and(Expr::Seq { from: 0, to: 2_004 })).expect("count"));
            }
            counts
        });
        let report = place.purge();
        assert_eq!(report.counts.records, 1_000);
        drop(stopping);
        let emitted = ingest.join().expect("ingest");
        let counts = queries.join().expect("queries");
        assert!(counts.iter().all(|count| *count == 500), "{counts:?}");
        assert_eq!(place.count(), emitted - 1_000);
    });
    // Who looked before finishes on what was there.
    assert_eq!(before.count(&Expr::events()).expect("count"), 2_000);
    assert_eq!(before.count(&warnings).expect("count"), 500);
    place.close();
    place.intact();
}

#[test]
fn a_scheduler_purges_and_stops() {
    let place = Place::new();
    place.ledger().set_profile(Profile::ThirtyDays).expect("profile");
    place.emit(0..30);
    place.days(31);
    let scheduler = place.ledger().purge_every(Duration::from_secs(3_600)).expect("scheduler");
    assert!(scheduler.last().is_none());
    let outcome = scheduler.run_now().expect("an outcome");
    assert_eq!((outcome.runs, outcome.result.map(|report| report.counts.records)), (1, Ok(30)));
    drop(scheduler);
    let scheduler = place.ledger().purge_every(Duration::from_millis(1)).expect("scheduler");
    while scheduler.last().is_none_or(|last| last.runs < 2) {
        std::thread::sleep(Duration::from_millis(1));
    }
    drop(scheduler);
    place.close();
}

#[test]
fn a_long_plan_is_announced_and_carried_out_in_parts() {
    let place = Place::new();
    place.set(&PolicySpec { filter: Some(Expr::is(Field::WORKSPACE, "acme")), ..PolicySpec::keep("acme", DAY) });
    place.emit(0..1_000);
    place.days(2);
    let options = PurgeOptions { plan_bytes_max: 800, ..PurgeOptions::default() };
    let report = place.ledger().purge(&options).expect("purge");
    assert!(report.deletions.len() > 3, "{report:?}");
    assert_eq!((report.counts.records, place.count()), (500, 500));
    let audit = place.ledger().reader().audit_deletions().expect("audit");
    assert_eq!((audit.findings.len(), audit.stats().records), (0, 500));
    place.intact();
    place.reopen();
    assert_eq!(place.count(), 500);
}

#[test]
fn a_hold_too_long_for_one_record_goes_on_in_others() {
    let place = Place::new();
    place.set(&PolicySpec::keep("all", DAY));
    place.emit(0..100_100);
    let placed = place.ledger().place_hold("half", &Expr::is(Field::WORKSPACE, "acme"), "").expect("place");
    assert_eq!(placed.held, 50_050);
    place.days(2);
    place.purge();
    assert_eq!(place.count(), 50_050);
    assert_eq!(place.ledger().reader().audit_deletions().expect("audit").findings, []);
}

#[test]
fn cut_tails_go_when_everything_of_their_age_may() {
    let place = Place::new();
    place.set(&PolicySpec::keep("all", 10 * DAY));
    place.emit(0..20);
    let copy = place.path("killed");
    copy_dir(&place.path("log"), &copy);
    let journal = files_of(&copy.join("journal")).into_iter().map(|(name, _)| name).max().expect("a journal file");
    let mut torn = std::fs::OpenOptions::new().append(true).open(journal).expect("open");
    std::io::Write::write_all(&mut torn, b"what somebody wrote and was never told is durable").expect("written");
    let cuts = || {
        files_of(&copy)
            .into_iter()
            .filter(|(name, _)| name.ends_with("torn") || name.extension().is_some_and(|end| end == "cut"))
            .count()
    };
    let ledger = Ledger::open(&copy, &place.options()).expect("recovered");
    assert_eq!(cuts(), 1, "kept aside");
    assert_eq!(ledger.purge(&PurgeOptions::default()).expect("purge").torn_removed, 0, "too young");
    ledger.checkpoint().expect("checkpoint");
    place.clock.advance(Duration::from_secs(11 * DAY));
    assert_eq!(ledger.purge(&PurgeOptions::default()).expect("purge").torn_removed, 1);
    assert_eq!(cuts(), 0);
    ledger.close().expect("close");
    intact(&copy, &place.key);
}

#[test]
fn survivors_keep_the_proofs_that_they_had() {
    let place = Place::new();
    place.set(&PolicySpec { classes: vec![1], ..PolicySpec::keep("info", DAY) });
    place.emit(0..100);
    let seq = place.ledger().reader().view().expect("view").first_match(&severity(3)).expect("a match").expect("one");
    let ask = |seq| ProveRequest { ask: Ask::Record { seq }, open: Open::EVERYTHING, old: None };
    let early = place.ledger().prove(&ask(seq)).expect("proven");
    let old = place.ledger().checkpoint().expect("checkpoint");
    place.days(2);
    place.emit(100..101);
    assert_eq!(place.purge().counts.records, 50);
    check(&early.bytes, &place.key).expect("a proof holds for ever");
    let again = place.ledger().prove(&ProveRequest { old: Some(old), ..ask(seq) }).expect("proven again");
    assert_eq!(check(&again.bytes, &place.key).expect("it holds").rows, early.report.rows);
    let gone = place.ledger().prove(&ask(3));
    assert!(gone.is_err() || place.ledger().reader().view().expect("view").record(3).expect("read").is_some());
}
