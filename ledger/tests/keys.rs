//! Keys: rotation is followed from the first key, and signed heads leave the machine.

use std::path::{Path, PathBuf};
use std::time::Duration;

use indelible::anchor::Anchor;
use indelible::retain::Role;
use indelible::{
    Ack, ActorType, AuditEvent, CreateOptions, Error, HeadOptions, Ledger, OpenOptions, Options, VerifyOptions, verify,
};
use indelible_evidence::schema::Kind;

struct Place {
    dir: tempfile::TempDir,
    first_key: String,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let key = dir.path().join("audit.key");
        let options = CreateOptions { origin: Some("test/keys".into()), sign_key_file: Some(key) };
        let created = Ledger::create(dir.path().join("log"), &options).expect("create");
        Self { dir, first_key: created.verifier_key }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn options(&self) -> OpenOptions {
        OpenOptions { sign_key_file: Some(self.path("audit.key")), ..OpenOptions::default() }
    }

    fn open(&self) -> Ledger {
        Ledger::open(self.path("log"), &self.options()).expect("open")
    }

    fn intact(&self) -> Result<(), String> {
        let options = VerifyOptions { key: Some(self.first_key.clone()), ..VerifyOptions::default() };
        let report = verify(self.path("log"), &options, &mut |_| {}).expect("verify");
        report.breaks.first().map_or(Ok(()), |broken| Err(broken.to_string()))
    }
}

fn emit(ledger: &Ledger, number: u64) {
    let event = AuditEvent::in_workspace("acme")
        .action("user.login")
        .actor(ActorType::User, format!("u-{number}"))
        .target("session", "s")
        .succeeded();
    ledger.store(event.build().expect("an event")).expect("stored");
}

#[test]
fn a_rotated_key_signs_and_is_followed_from_the_first() {
    let place = Place::new();
    for epoch in 1..=3u32 {
        let ledger = place.open();
        emit(&ledger, epoch.into());
        let rotated = ledger.rotate_key(None).expect("rotate");
        assert_eq!((rotated.epoch, rotated.key_file), (epoch, place.path(&format!("audit.{epoch}.key"))));
        emit(&ledger, 100 + u64::from(epoch));
        ledger.close().expect("close");
        place.intact().expect("intact");
    }
    let ledger = place.open();
    let keys = ledger.keys().expect("keys");
    let in_force: Vec<u32> = keys.iter().filter(|key| key.in_force).map(|key| key.epoch).collect();
    assert_eq!((keys.len(), in_force), (4, vec![3]));
    assert!(keys.windows(2).all(|pair| pair[0].from_frames < pair[1].from_frames), "{keys:?}");
    // The old keys are refused, and say why.
    let old = OpenOptions { sign_key_file: Some(place.path("audit.2.key")), ..place.options() };
    drop(ledger);
    std::fs::rename(place.path("audit.3.key"), place.path("away")).expect("moved");
    let refused = Ledger::open(place.path("log"), &old).expect_err("a retired key").to_string();
    assert!(refused.contains("epoch 2") && refused.contains("rotated away"), "{refused}");
}

#[test]
fn the_purge_role_moves_with_the_signing_key() {
    let place = Place::new();
    let ledger = place.open();
    let key = ledger.log().keys().current().clone();
    ledger.grant_purge(&key).expect("grant").expect("a record");
    assert_eq!(ledger.grant_purge(&key).expect("grant"), None, "it has it already");
    let rotated = ledger.rotate_key(Some(&place.path("elsewhere.key"))).expect("rotate");
    assert!(rotated.purge_moved);
    let keys = ledger.keys().expect("keys");
    let purge: Vec<_> = keys.iter().filter(|key| key.role == Role::Purge && key.in_force).collect();
    assert!(purge.len() == 1 && purge[0].key == rotated.key && purge[0].epoch == 2, "{keys:?}");
    ledger.revoke_purge(&rotated.key).expect("revoke");
    assert!(ledger.revoke_purge(&rotated.key).is_err());
    assert!(ledger.rotate_key(Some(&place.path("audit.key"))).is_err(), "a key that signed before");
}

#[test]
fn a_rotation_without_a_key_record_is_refused() {
    let place = Place::new();
    let ledger = place.open();
    emit(&ledger, 1);
    let key = indelible_evidence::key::SigningKey::generate([3; 32], "test/keys").expect("a key");
    // Somebody with the directory makes a rotation of the newest head; here the engine does it for him.
    ledger.log().rotate_key(std::sync::Arc::new(key)).expect("rotate");
    drop(ledger);
    // The frames are of the old key's epoch, since no record brought the new one: its head does not count ([CHK-9]).
    let refused = place.intact().expect_err("no record announces the key");
    assert!(refused.contains("of key epoch 1") && refused.contains("of epoch 0"), "{refused}");
}

/// The frames have the epoch that a key record began, and the rotation brings another key than the record names.
#[test]
fn a_rotation_to_another_key_than_its_record_names_is_refused() {
    use indelible_evidence::key::SigningKey;
    use indelible_evidence::retention::KeyRecord;
    let place = Place::new();
    let ledger = place.open();
    let [announced, brought] = [3, 4].map(|seed| SigningKey::generate([seed; 32], "test/keys").expect("a key"));
    let record = KeyRecord { epoch: 1, key: announced.verifier(), role: Role::Checkpoint, add: true };
    let body = record.encode().expect("a record");
    let draft = indelible_engine::Draft::system(Kind::Key, &ledger.log().manifest().log_id, &body);
    ledger.log().emit(draft).expect("taken").wait(Ack::Durable, None).expect("durable");
    ledger.log().rotate_key(std::sync::Arc::new(brought)).expect("rotate");
    drop(ledger);
    let refused = place.intact().expect_err("the record names another key");
    assert!(refused.contains("no key record announces the key of epoch 1"), "{refused}");
}

#[test]
fn an_anchor_follows_a_rotation() {
    let place = Place::new();
    let anchor = place.path("anchor");
    let options = OpenOptions { anchor_file: Some(anchor.clone()), ..place.options() };
    Anchor::new(&anchor, &place.path("log"), &place.first_key).and_then(|anchor| anchor.catch_up()).expect("anchored");
    for number in 0..3 {
        let ledger = Ledger::open(place.path("log"), &options).expect("open");
        emit(&ledger, number);
        ledger.rotate_key(None).expect("rotate");
        emit(&ledger, number);
        ledger.close().expect("close");
    }
    let held = std::fs::read_to_string(&anchor).expect("anchor");
    assert_eq!(held, std::fs::read_to_string(place.path("log/checkpoint")).expect("checkpoint"));
    // An older copy of the whole directory is noticed.
    copy(&place.path("log"), &place.path("old"));
    let ledger = Ledger::open(place.path("log"), &options).expect("open");
    emit(&ledger, 9);
    ledger.close().expect("close");
    std::fs::remove_dir_all(place.path("log")).expect("removed");
    copy(&place.path("old"), &place.path("log"));
    assert!(matches!(Ledger::open(place.path("log"), &options), Err(Error::Anchor(_))));
}

#[test]
fn heads_of_the_interval_leave_by_themselves() {
    let place = Place::new();
    let (file, anchor) = (place.path("heads"), place.path("anchor"));
    Anchor::new(&anchor, &place.path("log"), &place.first_key).and_then(|anchor| anchor.catch_up()).expect("anchored");
    let before = std::fs::read_to_string(&anchor).expect("anchor");
    let options = OpenOptions {
        heads: Some(HeadOptions { file: Some(file.clone()), ..HeadOptions::default() }),
        anchor_file: Some(anchor.clone()),
        engine: Options { checkpoint_interval: Duration::from_millis(20), ..Options::default() },
        ..place.options()
    };
    let ledger = Ledger::open(place.path("log"), &options).expect("open");
    emit(&ledger, 1);
    let moved = |path: &Path| std::fs::read_to_string(path).is_ok_and(|text| text != before && !text.is_empty());
    while !moved(&file) || !moved(&anchor) {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(ledger.head_failures(), []);
    ledger.close().expect("close");
    let heads = std::fs::read_to_string(&file).expect("heads");
    assert!(heads.ends_with(&format!("{}\n", std::fs::read_to_string(place.path("log/checkpoint")).expect("note"))));
}

#[test]
fn a_destination_that_fails_stops_nothing() {
    let place = Place::new();
    let heads = HeadOptions { command: Some("exit 7".into()), ..HeadOptions::default() };
    let ledger = Ledger::open(place.path("log"), &OpenOptions { heads: Some(heads), ..place.options() }).expect("open");
    emit(&ledger, 1);
    ledger.checkpoint().expect("the checkpoint is made");
    let failures = ledger.head_failures();
    assert!(failures.len() == 1 && failures[0].problem.contains('7'), "{failures:?}");
    ledger.close().expect("close");
    place.intact().expect("intact");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("listed").map(|entry| entry.expect("an entry")) {
        let target = to.join(entry.file_name());
        match entry.file_type().expect("a type").is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).expect("copied")),
        }
    }
}

/// Keys that others can read, or that lie where the log lies, were once taken without a word.
#[test]
fn key_file_must_be_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let refused = |result: Result<Ledger, Error>, says: &str| match result {
        Err(Error::Key { problem, .. }) => assert!(problem.contains(says), "{problem}"),
        other => panic!("{other:?}"),
    };
    let place = Place::new();
    let set =
        |mode| std::fs::set_permissions(place.path("audit.key"), std::fs::Permissions::from_mode(mode)).expect("set");
    for mode in [0o640, 0o604, 0o620, 0o666, 0o700 | 0o007] {
        set(mode);
        refused(Ledger::open(place.path("log"), &place.options()), "chmod 600");
        let create = CreateOptions { origin: Some("test/keys".into()), sign_key_file: Some(place.path("audit.key")) };
        assert!(matches!(Ledger::create(place.path("other"), &create), Err(Error::Key { .. })), "{mode:o}");
    }
    for mode in [0o600, 0o400] {
        set(mode);
        place.open().close().expect("close");
    }
    // In the log, whichever way it is named, and in a log that is none yet.
    std::fs::copy(place.path("audit.key"), place.path("log/audit.key")).expect("copied");
    std::os::unix::fs::symlink(place.path("log"), place.path("link")).expect("linked");
    for name in ["log/audit.key", "link/audit.key"] {
        let options = OpenOptions { sign_key_file: Some(place.path(name)), ..place.options() };
        refused(Ledger::open(place.path("log"), &options), "lies in a log");
    }
    std::fs::remove_file(place.path("log/audit.key")).expect("removed");
    let create = CreateOptions { origin: None, sign_key_file: Some(place.path("new/audit.key")) };
    assert!(matches!(Ledger::create(place.path("new"), &create), Err(Error::Key { .. })));
    let ledger = place.open();
    assert!(matches!(ledger.rotate_key(Some(&place.path("log/next.key"))), Err(Error::Key { .. })));
    assert!(!place.path("log/next.key").exists() && !place.path("new").join("audit.key").exists());
    ledger.close().expect("close");
    place.intact().expect("nothing changed");
}

/// A log whose key is not there was once written without a signature and without a word.
#[test]
fn without_its_key_a_log_is_opened_unsigned_or_not_at_all() {
    let place = Place::new();
    std::fs::rename(place.path("audit.key"), place.path("away")).expect("moved");
    let default = OpenOptions { sign_key_file: None, ..place.options() };
    match Ledger::open(place.path("log"), &default) {
        Err(Error::NoSigningKey { file }) => assert!(file.to_string_lossy().ends_with(".key"), "{file:?}"),
        other => panic!("{other:?}"),
    }
    let ledger = Ledger::open(place.path("log"), &OpenOptions { unsigned: true, ..default }).expect("open");
    assert!(!ledger.is_signed());
    emit(&ledger, 1);
    ledger.close().expect("close");
    std::fs::rename(place.path("away"), place.path("audit.key")).expect("moved back");
    let ledger = place.open();
    assert!(ledger.is_signed());
    ledger.close().expect("close");
    place.intact().expect("intact");
}
