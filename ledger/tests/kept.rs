//! The head kept beside the signing key: what a directory can no longer be made to say behind the signer's back.

use std::path::{Path, PathBuf};

use indelible::{
    ActorType, AuditEvent, CreateOptions, Error, KnownHeads, Ledger, OpenOptions, VerifyOptions, verify, verify_known,
};
use indelible_engine::{Error as Log, KeptError};

struct Place {
    dir: tempfile::TempDir,
    log_id: String,
    first_key: String,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let key = dir.path().join("keys/audit.key");
        let options = CreateOptions { origin: Some("test/kept".into()), sign_key_file: Some(key) };
        let created = Ledger::create(dir.path().join("log"), &options).expect("create");
        Self { dir, log_id: created.log_id.to_string(), first_key: created.verifier_key }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn kept(&self) -> PathBuf {
        self.path(&format!("keys/{}.head", self.log_id))
    }

    fn options(&self) -> OpenOptions {
        OpenOptions { sign_key_file: Some(self.path("keys/audit.key")), ..OpenOptions::default() }
    }

    fn try_open(&self) -> Result<Ledger, Error> {
        Ledger::open(self.path("log"), &self.options())
    }

    /// Opens, writes one event, perhaps rotates, closes.
    fn live(&self, rotate: bool) {
        let ledger = self.try_open().expect("open");
        emit(&ledger);
        if rotate {
            ledger.rotate_key(None).expect("rotate");
            emit(&ledger);
        }
        ledger.close().expect("close");
    }

    fn breaks(&self, key: Option<&str>) -> Vec<String> {
        let options = VerifyOptions { key: key.map(str::to_owned), ..VerifyOptions::default() };
        let report = verify(self.path("log"), &options, &mut |_| {}).expect("verify");
        report.breaks.iter().map(ToString::to_string).collect()
    }

    /// Frames that the directory's head signs.
    fn signed(&self) -> u64 {
        let report = verify(self.path("log"), &VerifyOptions::default(), &mut |_| {}).expect("verify");
        report.checkpoint.expect("a head").0
    }

    /// Whether a verification beside the key says this.
    fn says(&self, what: &str) -> bool {
        self.says_beside("keys/audit.key", what)
    }

    fn says_beside(&self, key: &str, what: &str) -> bool {
        let known = KnownHeads { key_file: Some(self.path(key)), ..KnownHeads::default() };
        let report = verify_known(self.path("log"), &VerifyOptions::default(), &known, &mut |_| {}).expect("verify");
        assert!(report.is_intact(), "{:?}", report.breaks);
        report.notes.iter().any(|note| note.contains(what))
    }

    fn replace(&self, with: &str) {
        std::fs::remove_dir_all(self.path("log")).expect("removed");
        copy(&self.path(with), &self.path("log"));
    }
}

fn emit(ledger: &Ledger) {
    let event = AuditEvent::in_workspace("acme")
        .action("user.login")
        .actor(ActorType::User, "u-1")
        .target("session", "s")
        .succeeded();
    ledger.store(event.build().expect("an event")).expect("stored");
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

fn kept_error(result: Result<Ledger, Error>) -> KeptError {
    match result {
        Err(Error::Log(Log::Kept(error))) => *error,
        other => panic!("{other:?}"),
    }
}

/// [CHK-10]
#[test]
fn a_new_log_keeps_its_first_head_at_once() {
    let place = Place::new();
    let kept = std::fs::read_to_string(place.kept()).expect("kept");
    assert_eq!(kept, std::fs::read_to_string(place.path("log/checkpoint")).expect("checkpoint"));
}

/// [CHK-10]
#[test]
fn cut_below_the_kept_head() {
    let place = Place::new();
    place.live(false);
    copy(&place.path("log"), &place.path("old"));
    // A crash between keeping the head and writing it: the next opening writes it back.
    let older = std::fs::read(place.path("log/checkpoint")).expect("checkpoint");
    place.live(false);
    let newest = std::fs::read(place.kept()).expect("kept");
    assert!(!place.says("the head kept beside the signing key signs"), "both are the newest");
    std::fs::write(place.path("log/checkpoint"), &older).expect("put back");
    assert!(place.says("the head kept beside the signing key signs"), "the directory has an older one");
    let ledger = place.try_open().expect("open");
    assert_eq!(std::fs::read(place.path("log/checkpoint")).expect("checkpoint"), newest);
    drop(ledger);
    // The head was kept, and then the log was cut: an older copy, which verifies.
    place.replace("old");
    assert!(place.breaks(None).is_empty());
    assert!(matches!(kept_error(place.try_open()), KeptError::Cut { kept, found } if kept > found));
    // The same with another content of the same length.
    let unkept = place.path("elsewhere");
    std::fs::rename(place.kept(), &unkept).expect("moved");
    let adopting = OpenOptions { adopt_head: true, ..place.options() };
    for _ in 0..2 {
        let ledger = Ledger::open(place.path("log"), &adopting).expect("adopted");
        emit(&ledger);
        ledger.close().expect("close");
    }
    std::fs::rename(unkept, place.kept()).expect("moved back");
    std::fs::remove_file(place.path("log/checkpoint")).expect("removed");
    assert!(matches!(kept_error(place.try_open()), KeptError::Forked { .. }));
}

/// [CHK-10]
#[test]
fn somebody_else_signs() {
    let place = Place::new();
    place.live(false);
    let kept = std::fs::read(place.kept()).expect("kept");
    // A thief of the key signs on a machine of his, and puts the result here.
    place.live(false);
    std::fs::write(place.kept(), kept).expect("as it was");
    assert!(matches!(kept_error(place.try_open()), KeptError::SignedElsewhere { found, kept } if found > kept));
    let known = KnownHeads { key_file: Some(place.path("keys/audit.key")), ..KnownHeads::default() };
    let report = verify_known(place.path("log"), &VerifyOptions::default(), &known, &mut |_| {}).expect("verify");
    assert!(report.breaks.iter().any(|found| found.to_string().contains("somebody else")), "{:?}", report.breaks);
    // Nobody without the kept head can see it.
    assert!(place.breaks(None).is_empty());
}

/// [CHK-10]
#[test]
fn a_new_machine_needs_the_kept_head_an_anchor_or_a_word() {
    let place = Place::new();
    place.live(false);
    std::fs::remove_file(place.kept()).expect("removed");
    assert!(matches!(kept_error(place.try_open()), KeptError::NotKept { .. }));
    let anchor = place.path("anchor");
    indelible::anchor::Anchor::new(&anchor, &place.path("log"), &place.first_key)
        .and_then(|anchor| anchor.catch_up())
        .expect("anchored");
    let anchored = OpenOptions { anchor_file: Some(anchor), ..place.options() };
    Ledger::open(place.path("log"), &anchored).expect("covered").close().expect("close");
    assert!(place.kept().exists());
    assert!(!place.says("--adopt-head"), "the anchor vouched for it");
    std::fs::remove_file(place.kept()).expect("removed");
    let adopting = OpenOptions { adopt_head: true, ..place.options() };
    let adopted = place.signed();
    Ledger::open(place.path("log"), &adopting).expect("adopted").close().expect("close");
    let says = format!("the head of {adopted} frames was taken for the signer's own");
    assert!(place.says(&says));
    // It is said from then on, and goes where the key goes.
    let ledger = Ledger::open(place.path("log"), &adopting).expect("nothing to adopt");
    emit(&ledger);
    std::fs::create_dir(place.path("keys2")).expect("a directory");
    ledger.rotate_key(Some(&place.path("keys2/audit.key"))).expect("rotate");
    ledger.close().expect("close");
    assert!(place.says(&says) && place.says_beside("keys2/audit.key", &says));
}

/// [CHK-12] The log was written anew on another machine, longer than what was kept, and the newest head put into it.
#[test]
fn nothing_is_signed_over_another_content_than_the_kept_head_signs() {
    let place = Place::new();
    place.live(false);
    copy(&place.path("log"), &place.path("old"));
    copy(&place.path("keys"), &place.path("thief"));
    place.live(false);
    let newest = std::fs::read(place.kept()).expect("kept");
    let options = OpenOptions { sign_key_file: Some(place.path("thief/audit.key")), ..place.options() };
    for _ in 0..3 {
        let ledger = Ledger::open(place.path("old"), &options).expect("open");
        emit(&ledger);
        emit(&ledger);
        ledger.close().expect("close");
    }
    place.replace("old");
    std::fs::write(place.path("log/checkpoint"), &newest).expect("put in");
    let ledger = place.try_open().expect("its first frames are compared when the next head is signed");
    let refused = ledger.checkpoint().expect_err("another content").to_string();
    assert!(refused.contains("another content"), "{refused}");
    assert!(ledger.close().is_err());
    for file in [place.kept(), place.path("log/checkpoint")] {
        assert_eq!(std::fs::read(file).expect("the head"), newest, "nothing was signed");
    }
}

/// A head that witnesses signed too was once taken for another one at the next opening, and their signatures were lost.
#[test]
fn cosignatures_stay() {
    use indelible_evidence::witness::{WitnessPolicy, WitnessSigner};
    let place = Place::new();
    place.live(false);
    let witness = WitnessSigner::new([1; 32], "witness.example/1").expect("a witness");
    let policy = WitnessPolicy::new(vec![witness.verifier()], 1).expect("a policy");
    let read = || std::fs::read_to_string(place.path("log/checkpoint")).expect("checkpoint");
    let cosigned = witness.cosign(&read(), 1_795_000_000).expect("cosigned");
    indelible::add_cosignatures(place.path("log"), &cosigned, &policy).expect("added");
    let before = read();
    let ledger = place.try_open().expect("open");
    assert_eq!(ledger.checkpoint().expect("the same head"), before);
    ledger.close().expect("close");
    assert_eq!(read(), before);
}

/// [CHK-9]
#[test]
fn retired_key_signs_nothing() {
    let place = Place::new();
    place.live(true);
    std::fs::rename(place.path("keys/audit.1.key"), place.path("away")).expect("moved");
    std::fs::remove_dir_all(place.path("log/rotations")).expect("removed");
    std::fs::remove_file(place.path("log/checkpoint")).expect("removed");
    let refused = place.try_open().expect_err("the old key").to_string();
    assert!(refused.contains("rotated away"), "{refused}");
    // The thief of the old key signs the newest tree with it, by hand.
    let text = std::fs::read_to_string(place.path("keys/audit.key")).expect("key");
    let key = indelible_evidence::key::SigningKey::from_text(text.trim()).expect("a key");
    let report = verify(place.path("log"), &VerifyOptions::default(), &mut |_| {}).expect("verify");
    let head = indelible_evidence::checkpoint::Checkpoint {
        origin: "test/kept".into(),
        size: report.frames,
        root: report.root,
    };
    let note = indelible_evidence::checkpoint::sign_checkpoint(&head, &key).expect("signed");
    std::fs::write(place.path("log/checkpoint"), note).expect("written");
    let breaks = place.breaks(Some(&place.first_key));
    assert!(breaks.iter().any(|found| found.contains("epoch")), "{breaks:?}");
}

/// [CHK-9]
#[test]
fn opening_never_falls_back() {
    let place = Place::new();
    place.live(true);
    // Nothing but the old key, on another machine.
    std::fs::create_dir(place.path("thief")).expect("a directory");
    std::fs::copy(place.path("keys/audit.key"), place.path("thief/audit.key")).expect("copied");
    std::fs::remove_dir_all(place.path("log/rotations")).expect("removed");
    std::fs::remove_file(place.path("log/checkpoint")).expect("removed");
    let options =
        OpenOptions { sign_key_file: Some(place.path("thief/audit.key")), adopt_head: true, ..place.options() };
    match Ledger::open(place.path("log"), &options) {
        Err(Error::Log(Log::RotationOpen { frames: 1, signer: 0 })) => {}
        other => panic!("{other:?}"),
    }
    assert!(!place.path("log/checkpoint").exists());
    // The signer's own opening restores both.
    place.live(false);
    assert!(place.path("log/rotations/00000001.note").exists());
    assert!(place.breaks(Some(&place.first_key)).is_empty());
}

/// [CHK-9], [CHK-10]
#[test]
fn rotation_note_removed_after_a_crash() {
    let place = Place::new();
    place.live(false);
    let before = std::fs::read(place.path("log/checkpoint")).expect("checkpoint");
    place.live(true);
    // The power went right after the note was kept, or somebody removed what was written since.
    std::fs::remove_dir_all(place.path("log/rotations")).expect("removed");
    std::fs::write(place.path("log/checkpoint"), before).expect("put back");
    let ledger = place.try_open().expect("open");
    assert_eq!(ledger.log().keys().epoch(), 1);
    emit(&ledger);
    ledger.close().expect("close");
    assert!(place.breaks(Some(&place.first_key)).is_empty());
}

/// [CHK-11]
#[test]
fn trust_begins_at_any_epoch() {
    let place = Place::new();
    let ledger = place.try_open().expect("open");
    let second = ledger.rotate_key(None).expect("rotate").key.to_string();
    emit(&ledger);
    ledger.checkpoint().expect("signed");
    let third = ledger.rotate_key(None).expect("rotate").key.to_string();
    emit(&ledger);
    ledger.close().expect("close");
    for key in [&place.first_key, &second, &third] {
        assert_eq!(place.breaks(Some(key)), Vec::<String>::new());
    }
    // A head of an older epoch is nothing to whoever trusts the newest key.
    let note = std::fs::read_to_string(place.path("log/rotations/00000001.note")).expect("a note");
    let note = note.split_once('\n').expect("two parts").1;
    std::fs::write(place.path("log/checkpoint"), note).expect("put back");
    assert!(place.breaks(Some(&second)).is_empty());
    let breaks = place.breaks(Some(&third));
    assert!(breaks.iter().any(|found| found.contains("older")), "{breaks:?}");
}

/// An older copy verifies, because it was right once; the machine that has the anchor knows better.
#[test]
fn verify_asks_the_anchor() {
    let place = Place::new();
    place.live(false);
    copy(&place.path("log"), &place.path("old"));
    place.live(false);
    let file = place.path("anchor");
    let anchor = indelible::anchor::Anchor::new(&file, &place.path("log"), &place.first_key).expect("an anchor");
    anchor.catch_up().expect("anchored");
    let known = KnownHeads { anchor_file: Some(file), ..KnownHeads::default() };
    let look = || verify_known(place.path("log"), &VerifyOptions::default(), &known, &mut |_| {}).expect("verify");
    let report = look();
    assert!(report.is_intact() && report.notes.iter().any(|note| note.contains("the anchor")), "{:?}", report.notes);
    place.replace("old");
    assert!(place.breaks(None).is_empty());
    let breaks = look().breaks;
    assert!(breaks.iter().any(|found| found.to_string().contains("behind its anchor")), "{breaks:?}");
}

/// Going on without what the kept head signs is said aloud and recorded, as with an anchor.
#[test]
fn an_accepted_loss_of_what_was_kept_is_recorded() {
    let place = Place::new();
    copy(&place.path("log"), &place.path("old"));
    place.live(false);
    place.replace("old");
    let options = OpenOptions { ignore_kept: true, ..place.options() };
    let ledger = Ledger::open(place.path("log"), &options).expect("open all the same");
    assert!(ledger.accept_loss().expect("accepted").is_some(), "something was lost");
    ledger.close().expect("close");
    let ledger = place.try_open().expect("the kept head is of this log again");
    assert_eq!(ledger.accept_loss().expect("nothing to accept"), None);
    ledger.close().expect("close");
}
