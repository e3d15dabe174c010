//! Attacks on deletion, on real logs: what somebody who has the log open, and even its signing key, could delete or hide, and what
//! finds it. Each attack is carried out with the engine, which knows no policies; the audit of `verify` and the check of a bundle
//! must find it. The pure checks have attacks of their own in the format crate; other attacks are in `attacks.rs`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use indelible::prove::{Ask, Open, ProveRequest, check};
use indelible::query::{Expr, Query};
use indelible::retain::{Basis, FindingKind, PolicySpec, PurgeError, PurgeOptions, PurgeReport, PurgeStep};
use indelible::{
    ActorType, AuditEvent, Error, Ledger, LedgerReader, OpenOptions, Options, ReadOptions, Severity, SharedClock,
    Timestamp, VerifyOptions, verify,
};
use indelible_engine::world::clock::{Clock as _, ManualClock};
use indelible_engine::{Ack, CompactRequest, Draft, LazyFrame, SegmentTarget};
use indelible_evidence::LogId;
use indelible_evidence::commit::{GroupState, Removal, Salts};
use indelible_evidence::key::{SigningKey, VerifierKey};
use indelible_evidence::retention::{Abandon, ClassFrames, Done, DoneSegment, Intent, Plan, PlannedSegment, SeqSet};
use indelible_evidence::schema::{Field, Kind};
use indelible_format::manifest::Manifest;
use indelible_format::names::segment_file_name;
use indelible_format::segment::Authority;

const START: i64 = 1_790_000_040_000_000_000;
const DAY: u64 = 86_400;

/// A log with 200 events in one sealed segment, 31 days old, and ten new ones; info is kept ten days, the rest 1,000.
struct Place {
    dir: tempfile::TempDir,
    clock: ManualClock,
    ledger: Ledger,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let clock = ManualClock::new(START);
        let ledger = Ledger::open(dir.path().join("log"), &OpenOptions { create: true, ..options(dir.path(), &clock) });
        let place = Self { ledger: ledger.expect("open"), dir, clock };
        let policy = |name: &str, class: u16, keep: u64| PolicySpec {
            classes: vec![class],
            ..PolicySpec::keep(name, keep * DAY)
        };
        for spec in [policy("info", 1, 10), policy("warning", 2, 1_000), policy("critical", 3, 1_000)] {
            place.ledger.set_policy(&spec).expect("set");
        }
        place.emit(0..200);
        place.ledger.log().seal().expect("seal");
        place.clock.advance(Duration::from_secs(31 * DAY));
        place.emit(200..210);
        place
    }

    fn emit(&self, numbers: std::ops::Range<u64>) {
        for number in numbers {
            self.ledger.emit(event(number, self.clock.wall_nanos())).expect("emit");
        }
        self.ledger.flush(None).expect("flush");
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    fn log_id(&self) -> LogId {
        self.ledger.log().manifest().log_id
    }

    fn key(&self) -> SigningKey {
        let text = std::fs::read_to_string(self.dir.path().join("key")).expect("key");
        SigningKey::from_text(&text).expect("key")
    }

    fn public(&self) -> VerifierKey {
        VerifierKey::parse(&self.ledger.log().manifest().key).expect("key")
    }

    /// A system record as anybody can write it who has the log open.
    fn put(&self, kind: Kind, body: &str) -> u64 {
        let receipt = self.ledger.log().emit(Draft::system(kind, &self.log_id(), body)).expect("emit");
        receipt.wait(Ack::Durable, None).expect("durable").expect("stored").seq()
    }

    /// The plan that a purge would make for whole classes of the sealed frames, as an attacker changes it.
    fn plan(&self, class: u16) -> Plan {
        let view = self.ledger.reader().view().expect("view");
        let segment = view.segment_facts().expect("segments")[0];
        let mut register = indelible_evidence::retention::Register::new(self.public());
        for record in view.query(&Query::oldest(Expr::True, 10_000)).expect("rows").rows {
            let kind = Kind::from_code(record.groups.envelope().expect("head").kind).expect("a kind");
            if let Ok(Some(indelible_evidence::record::Value::Text(text))) = record.groups.value(Field::METADATA) {
                let _ = register.take(record.seq, kind, &text.text());
            }
        }
        let rules = register.rules((self.clock.wall_nanos() / 1_000_000_000) as u64);
        let mut frames = SeqSet::new();
        view.survey(segment.id, 0..usize::MAX, &mut |frame: &mut indelible_engine::query::SurveyedFrame<'_>| {
            let descriptor = frame.descriptor();
            if descriptor.classes.iter().any(|entry| entry.class == class) {
                frames.insert(descriptor.frame_no);
            }
            Ok::<(), indelible_engine::Error>(())
        })
        .expect("survey");
        Plan {
            at: rules.at(),
            policies: rules.policies().iter().map(|policy| (policy.name.clone(), policy.version)).collect(),
            holds: rules.holds().to_vec(),
            segments: vec![PlannedSegment {
                id: segment.id,
                generation: segment.generation + 1,
                first_frame: segment.first_frame,
                frames: segment.frames,
                bytes: segment.bytes,
            }],
            classes: vec![ClassFrames { class, group: 0, frames }],
            ..Plan::default()
        }
    }

    fn records_of(&self, plan: &Plan) -> u64 {
        let view = self.ledger.reader().view().expect("view");
        let mut records = 0;
        view.survey(plan.segments[0].id, 0..usize::MAX, &mut |frame: &mut indelible_engine::query::SurveyedFrame<
            '_,
        >| {
            let descriptor = frame.descriptor();
            let removal = plan.of_frame(descriptor).removal(descriptor);
            records += u64::from(removal.positions(0).count_ones());
            Ok::<(), indelible_engine::Error>(())
        })
        .expect("survey");
        records
    }

    /// Removes what the plan names, under any checkpoint that covers the segments.
    fn compact(&self, plan: &Plan) -> Vec<DoneSegment> {
        self.compact_for(plan, self.ledger.durable_to())
    }

    /// The same in the name of an intent.
    fn compact_for(&self, plan: &Plan, intent: u64) -> Vec<DoneSegment> {
        let note = self.ledger.log().newest_checkpoint().expect("readable").expect("a checkpoint");
        self.compact_under(plan, intent, note)
    }

    /// The same under a head that may be an old one.
    fn compact_under(&self, plan: &Plan, intent: u64, note: String) -> Vec<DoneSegment> {
        let segments = plan.segments.iter();
        let targets =
            segments.map(|segment| SegmentTarget { id: segment.id, generation: segment.generation }).collect();
        let prune = |frame: &mut LazyFrame<'_>| {
            let descriptor = frame.descriptor();
            Ok(plan.of_frame(descriptor).removal(descriptor))
        };
        let covered_by = plan.segments.iter().map(|segment| segment.first_frame + segment.frames).max().unwrap_or(1);
        let request = CompactRequest { segments: targets, covered_by, authority: Authority { intent, note } };
        let report = self.ledger.log().compact(&request, &prune).expect("compact");
        let done = report.segments.iter();
        done.map(|done| DoneSegment { id: done.id, generation: done.generation, bytes: done.bytes_after }).collect()
    }

    /// Announces a plan, under a head.
    fn announce(&self, plan: &Plan, key: &SigningKey) -> u64 {
        let intent = Intent::sign(self.log_id(), plan.clone(), key).expect("signed");
        let seq = self.put(Kind::Intent, &intent.encode());
        self.ledger.log().checkpoint().expect("checkpoint");
        seq
    }

    /// Closes the log and opens it again, which must go.
    fn reopen(self) -> Self {
        self.ledger.close().expect("close");
        let Self { dir, clock, ledger } = self;
        drop(ledger);
        let ledger = Ledger::open(dir.path().join("log"), &options(dir.path(), &clock)).expect("open");
        Self { dir, clock, ledger }
    }

    /// The next opening for writing refuses and says why, and changes nothing.
    fn refused_to_open(self, why: &str) {
        self.ledger.close().expect("close");
        let Self { dir, clock, ledger } = self;
        drop(ledger);
        for _ in 0..2 {
            let error = Ledger::open(dir.path().join("log"), &options(dir.path(), &clock)).expect_err("refused");
            assert!(error.to_string().contains(why) || format!("{error:?}").contains(why), "{error:?}");
        }
        let report = verify(dir.path().join("log"), &VerifyOptions::default(), &mut |_| {}).expect("verify");
        assert!(!report.is_intact(), "verify finds nothing");
    }

    fn finds(&self, kind: FindingKind) {
        let audit = self.ledger.reader().audit_deletions().expect("audit");
        assert!(audit.findings.iter().any(|finding| finding.kind == kind), "{kind:?}: {:#?}", audit.findings);
    }

    /// What the records say of each deletion: done, abandoned.
    fn ends(&self) -> Vec<(bool, bool)> {
        let audit = self.ledger.reader().audit_deletions().expect("audit");
        assert_eq!(audit.findings, []);
        audit.deletions.iter().map(|entry| (entry.done.is_some(), entry.abandoned.is_some())).collect()
    }

    fn count(&self) -> u64 {
        self.ledger.reader().count(&Expr::events()).expect("count")
    }

    fn verified(&self) {
        let report = verify(self.log(), &VerifyOptions::default(), &mut |_| {}).expect("verify");
        assert!(report.is_intact(), "{report:#?}");
    }

    /// A whole deletion as a purge does it, of a plan that may be anything, signed by a key that may be anybody's.
    fn delete(&self, plan: &Plan, key: &SigningKey) {
        let records = self.records_of(plan);
        let intent = Intent::sign(self.log_id(), plan.clone(), key).expect("signed");
        let seq = self.put(Kind::Intent, &intent.encode());
        let note = self.ledger.log().checkpoint().expect("checkpoint");
        let segments = self.compact_for(plan, seq);
        let done = Done { intent: seq, checkpoint: note, segments, records, identity: 0, payload: 0 };
        self.put(Kind::Done, &done.encode().expect("a body"));
        self.ledger.log().checkpoint().expect("checkpoint");
    }

    fn purge(&self) -> PurgeReport {
        self.ledger.purge(&PurgeOptions::default()).expect("purge")
    }

    /// The attack is found by `verify`, and a bundle of it is refused or cannot even be made.
    fn caught(self, kind: FindingKind) {
        let key = self.public();
        let reader = self.ledger.reader();
        let audit = reader.audit_deletions().expect("audit");
        assert!(audit.findings.iter().any(|finding| finding.kind == kind), "{kind:?}: {:#?}", audit.findings);
        let proven = self.ledger.prove(&ProveRequest { ask: Ask::Deletions, open: Open::NOTHING, old: None });
        let refused = proven.map(|proven| check(&proven.bytes, &key).is_err()).unwrap_or(true);
        // What nothing declares is not in a bundle of declared deletions: a claim over the range finds it.
        let range = Ask::Range { first: 0, last: None };
        let ranged = self.ledger.prove(&ProveRequest { ask: range, open: Open::HEADER, old: None });
        assert!(refused || ranged.is_err(), "a bundle shows it as legitimate");
        let log = self.log();
        self.ledger.close().expect("close");
        let report =
            verify(&log, &VerifyOptions { key: Some(key.to_string()), ..VerifyOptions::default() }, &mut |_| {});
        assert!(!report.expect("verify").is_intact(), "verify finds nothing");
    }

    fn intact(&self) {
        let audit = self.ledger.reader().audit_deletions().expect("audit");
        assert_eq!(audit.findings, []);
    }
}

fn options(dir: &Path, clock: &ManualClock) -> OpenOptions {
    OpenOptions {
        clock: Some(SharedClock(Arc::new(clock.clone()))),
        sign_key_file: Some(dir.join("key")),
        engine: Options { segment_per_day: false, ..Options::default() },
        ..OpenOptions::default()
    }
}

fn event(number: u64, nanos: i64) -> AuditEvent {
    AuditEvent::in_workspace("acme")
        .action("user.login")
        .actor(ActorType::User, format!("u-{}", number % 7))
        .target("session", format!("s-{number}"))
        .succeeded()
        .severity([Severity::Info, Severity::Warning, Severity::Critical][number as usize % 3])
        .time(Timestamp(nanos))
        .build()
        .expect("an event")
}

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

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("listed").map(|entry| entry.expect("an entry")) {
        let target = to.join(entry.file_name());
        match entry.file_type().expect("a type").is_dir() {
            true => copy_dir(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).expect("copied")),
        }
    }
}
