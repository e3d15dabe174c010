//! Proofs from the library: a bundle's filter passes what a query finds, and proofs hold while the log grows.

use indelible::prove::{Ask, Open, ProveError, ProveRequest, check};
use indelible::query::{Expr, Test};
use indelible::{ActorType, AuditEvent, CreateOptions, Error, Ledger, OpenOptions, Severity, Timestamp};
use indelible_evidence::key::VerifierKey;
use indelible_evidence::schema::Field;

struct Place {
    _dir: tempfile::TempDir,
    ledger: Ledger,
    key: VerifierKey,
}

impl Place {
    fn new(events: u64) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let key_file = dir.path().join("key");
        let options = CreateOptions { origin: Some("test/prove".into()), sign_key_file: Some(key_file.clone()) };
        let created = Ledger::create(dir.path().join("log"), &options).expect("create");
        let options = OpenOptions { sign_key_file: Some(key_file), ..OpenOptions::default() };
        let ledger = Ledger::open(dir.path().join("log"), &options).expect("open");
        let key = VerifierKey::parse(&created.verifier_key).expect("a key");
        let place = Self { _dir: dir, ledger, key };
        place.emit(0..events);
        place
    }

    fn emit(&self, numbers: std::ops::Range<u64>) {
        for n in numbers {
            self.ledger.emit(event(n)).expect("emit");
        }
        self.ledger.flush(None).expect("flush");
    }

    fn prove(&self, ask: Ask) -> Result<indelible::prove::Proven, ProveError> {
        match self.ledger.prove(&ProveRequest { ask, open: Open::EVERYTHING, old: None }) {
            Ok(proven) => Ok(proven),
            Err(Error::Prove(error)) => Err(*error),
            Err(error) => panic!("{error}"),
        }
    }
}

fn event(n: u64) -> AuditEvent {
    let event = AuditEvent::in_workspace(["acme", "globex"][n as usize % 2])
        .action(["document.publish", "user.login", "user.logout"][n as usize % 3])
        .actor(ActorType::User, format!("u-{}", n % 7))
        .target("document", format!("d-{n}"));
    let event = if n.is_multiple_of(5) { event.pending() } else { event.succeeded() };
    let event = event.severity(if n.is_multiple_of(11) { Severity::Critical } else { Severity::Info });
    let event = event.time(Timestamp(1_790_000_000_000_000_000 + n as i64 * 1_000_000_000));
    let event = if n.is_multiple_of(4) { event.correlation(format!("c-{}", n / 12)) } else { event };
    event.build().expect("an event")
}

/// Filters over every kind of test.
fn filters() -> Vec<Expr> {
    let time = |n: i64| Some(1_790_000_000_000_000_000 + n * 1_000_000_000);
    let login = Expr::Field(Field::ACTION, Test::Prefix("user.".into()));
    let critical = Expr::Field(Field::SEVERITY, Test::Codes(vec![3, 3, 2]));
    vec![
        Expr::events(),
        login.clone(),
        critical.clone(),
        Expr::is(Field::CORRELATION_ID, "c-3"),
        Expr::Field(Field::CORRELATION_ID, Test::AnyOf(vec!["c-9".into(), "c-3".into(), "c-3".into()])),
        Expr::Field(Field::CORRELATION_ID, Test::Present).and(Expr::is(Field::WORKSPACE, "globex").not()),
        Expr::Occurred { from: time(100), to: time(200) },
        Expr::Or(vec![critical, Expr::And(vec![login, Expr::Occurred { from: time(250), to: None }])]),
        Expr::Recorded { from: Some(0), to: None },
    ]
}

#[test]
fn complete_answers_are_what_queries_find() {
    let place = Place::new(300);
    for filter in filters() {
        let expected: Vec<u64> = {
            let view = place.ledger.reader().view().expect("view");
            let query = indelible::query::Query::oldest(filter.clone(), 10_000);
            view.query(&query).expect("query").rows.iter().map(|row| row.seq).collect()
        };
        let proven = place.prove(Ask::Complete { filter: filter.clone(), first: 0, last: None }).expect("proven");
        let report = check(&proven.bytes, &place.key).expect("it holds");
        let found: Vec<u64> = report.rows.iter().map(|row| row.seq).collect();
        assert_eq!(found, expected, "{filter:?}");
        assert!(report.reaches_end && report.examined == 302, "{filter:?}");
        if expected.is_empty() {
            continue;
        }
        let rows = Ask::Rows { filter: filter.clone(), first: 0, last: u64::MAX, limit: 10_000 };
        let found: Vec<u64> = place.prove(rows).expect("proven").report.rows.iter().map(|row| row.seq).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
}

#[test]
fn every_record_is_proven_and_old_proofs_still_hold() {
    let place = Place::new(200);
    let early: Vec<Vec<u8>> =
        (0..202).step_by(37).map(|seq| place.prove(Ask::Record { seq }).expect("proven").bytes).collect();
    place.emit(200..500);
    for seq in (0..502).step_by(61) {
        let proven = place.prove(Ask::Record { seq }).expect("proven");
        assert!(proven.bytes.len() < 4_096 + proven.report.rows[0].groups.len(), "{} bytes", proven.bytes.len());
    }
    for bytes in early {
        check(&bytes, &place.key).expect("a proof holds forever");
    }
}

#[test]
fn what_cannot_be_proven_is_refused() {
    let place = Place::new(20);
    let is = |field| Expr::is(field, "u-1");
    assert!(matches!(place.prove(Ask::Record { seq: 22 }), Err(ProveError::NotCovered { covered: Some(21), .. })));
    let identity = Ask::Complete { filter: is(Field::ACTOR_ID), first: 0, last: None };
    assert!(matches!(place.prove(identity), Err(ProveError::Filter { .. })));
    let rows = |filter, limit| Ask::Rows { filter, first: 0, last: u64::MAX, limit };
    assert!(matches!(place.prove(rows(is(Field::LANE), 5)), Err(ProveError::Nothing)));
    assert!(matches!(place.prove(rows(Expr::True, 5)), Err(ProveError::TooMany { limit: 5 })));
    let seqs = Expr::Seq { from: 1, to: 3 };
    assert!(matches!(place.prove(rows(seqs, 5)), Err(ProveError::Filter { .. })));
    let range = |first, last| Ask::Range { first, last: Some(last) };
    assert!(matches!(place.prove(range(0, 22)), Err(ProveError::NotCovered { seq: 22, .. })));
    assert_eq!(place.prove(range(3, 21)).expect("proven").report.rows.len(), 19);
}
