//! A log whose old events may go, and the hands of somebody who deletes in it with the engine alone.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use indelible::prove::{Ask, Open, ProveRequest, check};
use indelible::query::{Expr, Query};
use indelible::retain::{FindingKind, PolicySpec, PurgeOptions, PurgeReport};
use indelible::{
    ActorType, AuditEvent, Ledger, OpenOptions, Options, Severity, SharedClock, Timestamp, VerifyOptions, verify,
};
use indelible_engine::world::clock::{Clock as _, ManualClock};
use indelible_engine::{Ack, CompactRequest, Draft, LazyFrame, SegmentTarget};
use indelible_evidence::LogId;
use indelible_evidence::key::{SigningKey, VerifierKey};
use indelible_evidence::retention::{ClassFrames, Done, DoneSegment, Intent, Plan, PlannedSegment, SeqSet};
use indelible_evidence::schema::{Field, Kind};
use indelible_format::segment::Authority;

pub const START: i64 = 1_790_000_040_000_000_000;
pub const DAY: u64 = 86_400;

/// A log with 200 events in one sealed segment, 31 days old, and ten new ones; info is kept ten days, the rest 1,000.
pub struct Place {
    pub dir: tempfile::TempDir,
    pub clock: ManualClock,
    pub ledger: Ledger,
}

impl Place {
    pub fn new() -> Self {
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

    pub fn emit(&self, numbers: std::ops::Range<u64>) {
        for number in numbers {
            self.ledger.emit(event(number, self.clock.wall_nanos())).expect("emit");
        }
        self.ledger.flush(None).expect("flush");
    }

    pub fn log(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    pub fn log_id(&self) -> LogId {
        self.ledger.log().manifest().log_id
    }

    pub fn key(&self) -> SigningKey {
        let text = std::fs::read_to_string(self.dir.path().join("key")).expect("key");
        SigningKey::from_text(&text).expect("key")
    }

    pub fn public(&self) -> VerifierKey {
        VerifierKey::parse(&self.ledger.log().manifest().key).expect("key")
    }

    /// A system record as anybody can write it who has the log open.
    pub fn put(&self, kind: Kind, body: &str) -> u64 {
        let receipt = self.ledger.log().emit(Draft::system(kind, &self.log_id(), body)).expect("emit");
        receipt.wait(Ack::Durable, None).expect("durable").expect("stored").seq()
    }

    /// The plan that a purge would make for whole classes of the sealed frames, as an attacker changes it.
    pub fn plan(&self, class: u16) -> Plan {
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

    pub fn records_of(&self, plan: &Plan) -> u64 {
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
    pub fn compact(&self, plan: &Plan) -> Vec<DoneSegment> {
        self.compact_for(plan, self.ledger.durable_to())
    }

    /// The same in the name of an intent.
    pub fn compact_for(&self, plan: &Plan, intent: u64) -> Vec<DoneSegment> {
        let note = self.ledger.log().newest_checkpoint().expect("readable").expect("a checkpoint");
        self.compact_under(plan, intent, note)
    }

    /// The same under a head that may be an old one.
    pub fn compact_under(&self, plan: &Plan, intent: u64, note: String) -> Vec<DoneSegment> {
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
    pub fn announce(&self, plan: &Plan, key: &SigningKey) -> u64 {
        let intent = Intent::sign(self.log_id(), plan.clone(), key).expect("signed");
        let seq = self.put(Kind::Intent, &intent.encode());
        self.ledger.log().checkpoint().expect("checkpoint");
        seq
    }

    /// Closes the log and opens it again, which must go.
    pub fn reopen(self) -> Self {
        self.ledger.close().expect("close");
        let Self { dir, clock, ledger } = self;
        drop(ledger);
        let ledger = Ledger::open(dir.path().join("log"), &options(dir.path(), &clock)).expect("open");
        Self { dir, clock, ledger }
    }

    /// The next opening for writing refuses and says why, and changes nothing.
    pub fn refused_to_open(self, why: &str) {
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

    pub fn finds(&self, kind: FindingKind) {
        let audit = self.ledger.reader().audit_deletions().expect("audit");
        assert!(audit.findings.iter().any(|finding| finding.kind == kind), "{kind:?}: {:#?}", audit.findings);
    }

    /// What the records say of each deletion: done, abandoned.
    pub fn ends(&self) -> Vec<(bool, bool)> {
        let audit = self.ledger.reader().audit_deletions().expect("audit");
        assert_eq!(audit.findings, []);
        audit.deletions.iter().map(|entry| (entry.done.is_some(), entry.abandoned.is_some())).collect()
    }

    pub fn count(&self) -> u64 {
        self.ledger.reader().count(&Expr::events()).expect("count")
    }

    pub fn verified(&self) {
        let report = verify(self.log(), &VerifyOptions::default(), &mut |_| {}).expect("verify");
        assert!(report.is_intact(), "{report:#?}");
    }

    /// A whole deletion as a purge does it, of a plan that may be anything, signed by a key that may be anybody's.
    pub fn delete(&self, plan: &Plan, key: &SigningKey) {
        let records = self.records_of(plan);
        let intent = Intent::sign(self.log_id(), plan.clone(), key).expect("signed");
        let seq = self.put(Kind::Intent, &intent.encode());
        let note = self.ledger.log().checkpoint().expect("checkpoint");
        let segments = self.compact_for(plan, seq);
        let done = Done { intent: seq, checkpoint: note, segments, records, identity: 0, payload: 0 };
        self.put(Kind::Done, &done.encode().expect("a body"));
        self.ledger.log().checkpoint().expect("checkpoint");
    }

    pub fn purge(&self) -> PurgeReport {
        self.ledger.purge(&PurgeOptions::default()).expect("purge")
    }

    /// The attack is found by `verify`, and a bundle of it is refused or cannot even be made.
    pub fn caught(self, kind: FindingKind) {
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

    pub fn intact(&self) {
        let audit = self.ledger.reader().audit_deletions().expect("audit");
        assert_eq!(audit.findings, []);
    }
}

pub fn options(dir: &Path, clock: &ManualClock) -> OpenOptions {
    OpenOptions {
        clock: Some(SharedClock(Arc::new(clock.clone()))),
        sign_key_file: Some(dir.join("key")),
        engine: Options { segment_per_day: false, ..Options::default() },
        ..OpenOptions::default()
    }
}

pub fn event(number: u64, nanos: i64) -> AuditEvent {
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

pub fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("listed").map(|entry| entry.expect("an entry")) {
        let target = to.join(entry.file_name());
        match entry.file_type().expect("a type").is_dir() {
            true => copy_dir(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).expect("copied")),
        }
    }
}
