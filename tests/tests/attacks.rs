//! Attacks on a log and on its proofs, one test each: what somebody could want to hide, and what finds it.
//!
//! The forger here is a strong one: it rewrites the whole log, every hash, chain value and checksum right again, and lacks
//! only the signing key ([`Story::forged`]). What not even the key's owner may do is found by older checkpoints and the anchor.
//! Deletion has attacks of its own elsewhere; damage byte by byte is in `tamper/`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use indelible::anchor::AnchorError;
use indelible::prove::{Ask, Open, ProveError, ProveRequest};
use indelible::{ActorType, AuditEvent, CreateOptions, Error, Ledger, LedgerReader, OpenOptions, ReadOptions};
use indelible_engine::verify::{VerifyOptions, VerifyReport, verify};
use indelible_engine::world::World;
use indelible_engine::world::clock::ManualClock;
use indelible_engine::world::rng::SeededRng;
use indelible_engine::world::storage::sim::{SimOptions, SimStorage};
use indelible_engine::world::storage::{OpenMode, Storage};
use indelible_engine::{CreateSpec, Draft, Log, LogConfig, Options};
use indelible_evidence::LogId;
use indelible_evidence::bundle::{check, check_witnessed};
use indelible_evidence::key::{SigningKey, VerifierKey};
use indelible_evidence::schema::{Field, Kind};
use indelible_evidence::witness::{WitnessPolicy, WitnessSigner};
use indelible_format::manifest::Manifest;
use indelible_format::names::segment_file_name;

/// One event of a story: what is emitted, and when the log takes it.
#[derive(Clone)]
struct Step {
    number: u64,
    action: &'static str,
    severity: u8,
    class: u16,
    occurred_at: i64,
    /// How long after the step before.
    pause: Duration,
}

impl Step {
    fn draft(&self) -> Draft {
        Draft::write(Kind::Event, Some(self.occurred_at), self.class, |groups| {
            groups.text(Field::WORKSPACE, "acme");
            groups.text(Field::ACTION, self.action);
            groups.code(Field::SEVERITY, self.severity);
            groups.code(Field::OUTCOME, 1);
            groups.text(Field::ACTOR_ID, &format!("u-{}", self.number % 7));
            groups.text(Field::EVENT_ID, &format!("0195f3a2-0000-7abc-8def-{:012x}", self.number));
            groups.text(Field::METADATA, &format!(r#"{{"n":{},"filler":"{}"}}"#, self.number, "x".repeat(120)));
        })
    }
}

/// What happened, in order; logs are made of it.
#[derive(Clone)]
struct Story {
    log_id: LogId,
    salts: u64,
    steps: Vec<Step>,
}

const EVENTS: u64 = 300;

impl Story {
    fn new() -> Self {
        let steps = (0..EVENTS).map(|number| Step {
            number,
            action: if number % 3 == 0 { "user.login" } else { "document.publish" },
            severity: 1 + (number % 2) as u8,
            class: 1 + (number % 2) as u16,
            occurred_at: 1_799_000_000_000_000_000 + number as i64 * 1_000_000_000,
            pause: Duration::from_secs(1),
        });
        Self { log_id: LogId([7; 16]), salts: 1, steps: steps.collect() }
    }

    fn signer(&self) -> SigningKey {
        SigningKey::generate([7; 32], "test/attacked").expect("name")
    }

    /// The log of the story: small frames, several sealed segments, closed and signed.
    fn told(&self) -> SimStorage {
        let disk = SimStorage::new(1, SimOptions::default());
        let clock = Arc::new(ManualClock::new(1_800_000_000_000_000_000));
        let options = Options { segment_bytes_max: 4 << 10, segment_per_day: false, ..Options::default() };
        let config = LogConfig {
            world: World {
                storage: Arc::new(disk.clone()),
                clock: Arc::clone(&clock) as Arc<dyn indelible_engine::world::clock::Clock>,
                rng: Arc::new(SeededRng::new(self.salts)),
            },
            options,
            signer: Some(Arc::new(self.signer())),
            kept: None,
            path: "attacked".to_owned(),
        };
        let spec = CreateSpec {
            log_id: self.log_id,
            origin: "test/attacked".to_owned(),
            key: self.signer().verifier().to_string(),
            schedule: r#"{"version":1,"rules":[],"default":1}"#.to_owned(),
        };
        let log = Log::create(config, &spec).expect("create");
        for (at, step) in self.steps.iter().enumerate() {
            clock.advance(step.pause);
            log.emit(step.draft()).expect("emit");
            log.flush(None).expect("flush");
            if at % 10 == 9 {
                log.checkpoint().expect("checkpoint");
            }
        }
        log.close().expect("close");
        disk
    }

    /// The story as a forger tells it who can write the directory and make every hash anew, but not sign.
    fn forged(&self, truth: &SimStorage) -> SimStorage {
        let forged = self.told();
        write(&forged, "checkpoint", &read(truth, "checkpoint"));
        forged
    }
}

fn read(disk: &SimStorage, name: &str) -> Vec<u8> {
    disk.read(name, usize::MAX).expect(name)
}

fn write(disk: &SimStorage, name: &str, bytes: &[u8]) {
    if disk.exists(name).expect("exists") {
        disk.remove(name).expect("remove");
    }
    disk.open(name, OpenMode::CreateNew).expect("create").write_at(bytes, 0).expect("write");
}

fn verified(disk: &SimStorage) -> VerifyReport {
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let options = VerifyOptions { key: Some(Story::new().signer().verifier().to_string()), ..VerifyOptions::default() };
    verify(&storage, &options, &mut |_| {}).expect("verify")
}

fn caught(disk: &SimStorage) {
    assert!(!verified(disk).is_intact(), "the attack went unnoticed");
}

/// A forger changes the story; the log it makes of it is caught by the signed checkpoint.
fn caught_forging(change: impl FnOnce(&mut Story)) {
    let mut story = Story::new();
    let truth = story.told();
    assert!(verified(&truth).is_intact());
    change(&mut story);
    let forged = story.forged(&truth);
    let report = verified(&forged);
    assert!(report.breaks.iter().any(|found| found.file == "checkpoint"), "{report:#?}");
}

#[test]
fn edit_a_record() {
    caught_forging(|story| story.steps[60].action = "document.deleted");
}

#[test]
fn edit_recorded_at() {
    caught_forging(|story| story.steps[60].pause = Duration::from_millis(999));
}

#[test]
fn edit_occurred_at() {
    caught_forging(|story| story.steps[60].occurred_at += 1);
}

#[test]
fn edit_a_header_field_outside_the_payload() {
    caught_forging(|story| story.steps[60].severity = 3);
}

#[test]
fn edit_a_class_table() {
    caught_forging(|story| story.steps[60].class = 9);
}

#[test]
fn drop_a_record() {
    caught_forging(|story| {
        story.steps.remove(60);
    });
}

#[test]
fn insert_a_record() {
    caught_forging(|story| story.steps.insert(60, Step { number: 1_000, ..story.steps[60].clone() }));
}

#[test]
fn reorder_records() {
    caught_forging(|story| story.steps.swap(60, 61));
}

#[test]
fn truncate_the_tail() {
    caught_forging(|story| story.steps.truncate(120));
}

#[test]
fn make_the_salts_anew() {
    caught_forging(|story| story.salts = 2);
}

fn sealed(disk: &SimStorage) -> Vec<(String, u64)> {
    let manifest = Manifest::decode(&read(disk, "MANIFEST")).expect("manifest");
    manifest.segments.iter().map(|entry| (segment_file_name(entry.id, entry.generation), entry.id)).collect()
}

/// Takes a segment away, once leaving the manifest alone and once making it right again.
fn unlink(which: impl Fn(usize) -> usize) {
    let truth = Story::new().told();
    let segments = sealed(&truth);
    assert!(segments.len() >= 4, "{} segments are too few", segments.len());
    let (name, id) = &segments[which(segments.len())];
    let disk = truth.fork();
    disk.remove(name).expect("remove");
    caught(&disk);
    let mut manifest = Manifest::decode(&read(&truth, "MANIFEST")).expect("manifest");
    let at = manifest.segments.iter().position(|entry| entry.id == *id).expect("listed");
    manifest.segments.remove(at);
    if let Ok(bytes) = manifest.encode() {
        write(&disk, "MANIFEST", &bytes);
        caught(&disk);
    }
}

#[test]
fn unlink_the_oldest_segment() {
    unlink(|_| 0);
}

#[test]
fn unlink_a_middle_segment() {
    unlink(|count| count / 2);
}

#[test]
fn unlink_the_newest_sealed_segment() {
    unlink(|count| count - 2);
}

#[test]
fn unlink_the_last_segment() {
    unlink(|count| count - 1);
}

#[test]
fn swap_segments() {
    let disk = Story::new().told();
    let segments = sealed(&disk);
    let (first, second) = (read(&disk, &segments[1].0), read(&disk, &segments[2].0));
    write(&disk, &segments[1].0, &second);
    write(&disk, &segments[2].0, &first);
    caught(&disk);
}

#[test]
fn swap_frames() {
    use indelible_format::segment::{BlockHeader, BlockKind, SegmentHeader};
    let disk = Story::new().told();
    for (name, _) in sealed(&disk) {
        let bytes = read(&disk, &name);
        let mut frames = Vec::new();
        let mut at = SegmentHeader::SIZE;
        while let Ok(header) = bytes.get(at..).map_or(Err(()), |rest| BlockHeader::decode(rest).map_err(|_| ())) {
            let end = at + header.total() as usize;
            if header.kind == BlockKind::Frame {
                frames.push(at..end);
            }
            at = end;
        }
        let [first, .., last] = frames.as_slice() else { continue };
        let mut swapped = bytes[..first.start].to_vec();
        swapped.extend_from_slice(&bytes[last.clone()]);
        swapped.extend_from_slice(&bytes[first.end..last.start]);
        swapped.extend_from_slice(&bytes[first.clone()]);
        swapped.extend_from_slice(&bytes[last.end..]);
        let copy = disk.fork();
        write(&copy, &name, &swapped);
        caught(&copy);
    }
}

#[test]
fn replay_another_logs_frames() {
    let truth = Story::new().told();
    let stranger = Story { log_id: LogId([8; 16]), ..Story::new() }.told();
    let twin = Story { salts: 2, ..Story::new() }.told();
    for other in [stranger, twin] {
        for (name, _) in sealed(&truth) {
            if other.exists(&name).expect("exists") {
                let disk = truth.fork();
                write(&disk, &name, &read(&other, &name));
                caught(&disk);
            }
        }
    }
}

/// A log on a real disk with its key and anchor.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { dir: tempfile::tempdir().expect("a directory") };
        let options =
            CreateOptions { origin: Some("test/attacked".to_owned()), sign_key_file: Some(place.path("key")) };
        Ledger::create(place.path("log"), &options).expect("create");
        place.emit("log", 0..40);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn options(&self) -> OpenOptions {
        OpenOptions {
            sign_key_file: Some(self.path("key")),
            anchor_file: self.path("anchor").exists().then(|| self.path("anchor")),
            ..OpenOptions::default()
        }
    }

    fn open(&self, name: &str) -> Result<Ledger, Error> {
        Ledger::open(self.path(name), &self.options())
    }

    fn emit(&self, name: &str, numbers: std::ops::Range<u64>) {
        // Who goes on with a copy is the signer himself, or has his key and not his machine: the kept head holds back neither.
        let adopt_head = name != "log" && self.forget_kept();
        let options = OpenOptions { anchor_file: None, adopt_head, ..self.options() };
        let ledger = Ledger::open(self.path(name), &options).expect("open");
        for number in numbers {
            ledger.emit(event(number)).expect("emit");
        }
        ledger.close().expect("close");
    }

    /// Removes the head kept beside the key.
    fn forget_kept(&self) -> bool {
        for entry in std::fs::read_dir(self.dir.path()).expect("listed").map(|entry| entry.expect("an entry").path()) {
            if entry.extension().is_some_and(|end| end == "head") {
                std::fs::remove_file(entry).expect("removed");
            }
        }
        true
    }

    fn anchor(&self, name: &str) {
        let manifest = indelible_engine::read_manifest(&self.path(name)).expect("manifest");
        let anchor =
            indelible::anchor::Anchor::new(&self.path("anchor"), &self.path(name), &manifest.key).expect("anchor");
        anchor.catch_up().expect("anchored");
    }

    fn copy(&self, from: &str, to: &str) {
        copy_dir(&self.path(from), &self.path(to));
    }

    fn checkpoint(&self, name: &str) -> String {
        let reader = LedgerReader::open(self.path(name), &ReadOptions::default()).expect("open");
        reader.checkpoint().expect("read").expect("a checkpoint")
    }

    /// Proves the first record of a log, with an older checkpoint.
    fn prove(&self, name: &str, old: String) -> Result<Vec<u8>, ProveError> {
        let request = ProveRequest { ask: Ask::Record { seq: 5 }, open: Open::EVERYTHING, old: Some(old) };
        let reader = LedgerReader::open(self.path(name), &ReadOptions::default()).expect("open");
        match reader.prove(&request) {
            Ok(proven) => Ok(proven.bytes),
            Err(Error::Prove(error)) => Err(*error),
            Err(error) => panic!("{error}"),
        }
    }
}

fn event(number: u64) -> AuditEvent {
    AuditEvent::in_workspace("acme")
        .action("document.publish")
        .actor(ActorType::User, format!("u-{}", number % 5))
        .target("document", format!("d-{number}"))
        .succeeded()
        .build()
        .expect("an event")
}

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("listed") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// An old copy verifies, because it was right once: the anchor, or anybody's newer checkpoint, finds it.
#[test]
fn restore_an_old_copy() {
    let place = Place::new();
    place.copy("log", "old");
    place.emit("log", 40..80);
    place.anchor("log");
    place.open("log").expect("the right log opens").close().expect("close");
    let refused = place.open("old").expect_err("the old copy is refused");
    assert!(matches!(&refused, Error::Anchor(error) if matches!(**error, AnchorError::Behind { .. })), "{refused}");
    assert!(refused.to_string().contains("--accept-loss"), "{refused}");
    let refused = place.prove("old", place.checkpoint("log")).expect_err("behind");
    assert!(matches!(refused, ProveError::Behind { .. }), "{refused}");
}

/// The owner of the key cuts the log and goes on: every head that was handed out before shows it.
#[test]
fn truncate_then_continue() {
    let place = Place::new();
    place.copy("log", "fork");
    place.emit("log", 40..80);
    let handed_out = place.checkpoint("log");
    place.anchor("log");
    for round in 0..4 {
        place.emit("fork", 100 + round * 50..150 + round * 50);
    }
    let refused = place.open("fork").expect_err("the fork is refused");
    assert!(matches!(&refused, Error::Anchor(error) if matches!(**error, AnchorError::Forked { .. })), "{refused}");
    let refused = place.prove("fork", handed_out.clone()).expect_err("the fork has another past");
    assert!(matches!(refused, ProveError::Refused(_)), "{refused}");
    assert!(place.prove("log", handed_out).is_ok());
}

/// Two heads of one size for two audiences: whoever holds one refuses the proof against the other.
#[test]
fn split_view() {
    let place = Place::new();
    place.copy("log", "other");
    place.emit("log", 40..60);
    place.emit("other", 60..80);
    let refused = place.prove("other", place.checkpoint("log")).expect_err("another view");
    assert!(matches!(refused, ProveError::Refused(_)), "{refused}");
}

/// Witnesses sign a head only if it extends the last that they signed, so a view that others see has no quorum.
#[test]
fn split_view_with_a_cosignature_quorum() {
    let place = Place::new();
    place.copy("log", "other");
    place.emit("log", 40..60);
    place.emit("other", 60..80);
    let witnesses =
        [1, 2, 3].map(|seed| WitnessSigner::new([seed; 32], &format!("witness.example/{seed}")).expect("name"));
    let policy = WitnessPolicy::new(witnesses.iter().map(WitnessSigner::verifier).collect(), 2).expect("a policy");
    let heads = [place.checkpoint("log"), place.checkpoint("other")];
    // The first and the second witness see the log first, the third sees the other view.
    for (view, name) in ["log", "other"].into_iter().enumerate() {
        let mut note = heads[view].clone();
        for (witness, first) in witnesses.iter().zip([0, 0, 1]) {
            match first == view {
                true => note = witness.cosign(&note, 1_795_000_000).expect("a note"),
                // Asked for a proof that the view extends what this witness signed, its owner has none.
                false => assert!(place.prove(name, heads[first].clone()).is_err()),
            }
        }
        indelible::add_cosignatures(place.path(name), &note, &policy).expect("kept");
        let proven = place.prove(name, heads[view].clone()).expect("proven");
        let key = indelible_engine::read_manifest(&place.path(name)).expect("manifest").key;
        let key = VerifierKey::parse(&key).expect("a key");
        assert_eq!(check_witnessed(&proven, &key, &policy).is_ok(), view == 0, "{name}");
        assert!(check(&proven, &key).is_ok(), "without witnesses either view stands alone");
    }
}

/// A log rewritten from the beginning and signed with the right key: older heads show it.
#[test]
fn reseal_with_the_current_key() {
    let place = Place::new();
    let handed_out = place.checkpoint("log");
    place.anchor("log");
    let manifest = indelible_engine::read_manifest(&place.path("log")).expect("manifest");
    let text = std::fs::read_to_string(place.path("key")).expect("key");
    let mut config =
        LogConfig::at(&place.path("forged"), indelible_engine::world::storage::Access::Create).expect("a directory");
    config.signer = Some(Arc::new(SigningKey::from_text(&text).expect("key")));
    let schedule = r#"{"version":1,"rules":[],"default":1}"#.to_owned();
    let spec = CreateSpec { log_id: manifest.log_id, origin: manifest.origin, key: manifest.key, schedule };
    Log::create(config, &spec).expect("create").close().expect("close");
    place.emit("forged", 500..560);
    let refused = place.open("forged").expect_err("the forged log is refused");
    assert!(matches!(refused, Error::Anchor(_)), "{refused}");
    assert!(place.prove("forged", handed_out).is_err());
}

/// Going on behind the anchor is possible, said aloud, and recorded in the log.
#[test]
fn an_accepted_loss_is_recorded() {
    let place = Place::new();
    place.copy("log", "old");
    place.emit("log", 40..80);
    place.anchor("log");
    assert!(place.open("old").is_err());
    let options = OpenOptions { ignore_anchor: true, ignore_kept: true, ..place.options() };
    let ledger = Ledger::open(place.path("old"), &options).expect("open all the same");
    let seq = ledger.accept_loss().expect("accepted").expect("something was lost");
    let record = ledger.reader().view().expect("view").record(seq).expect("read").expect("there");
    let metadata = record.groups.value(Field::METADATA).expect("read");
    assert!(format!("{metadata:?}").contains("anchored_frames"), "{metadata:?}");
    ledger.close().expect("close");
    let again = place.open("old").expect("the anchor is set back");
    assert_eq!(again.accept_loss().expect("nothing to accept"), None);
    again.close().expect("close");
}

/// Lies in bundles, as the format's vectors have them; the TypeScript checker reads the same files.
#[test]
fn lies_in_bundles() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../format-spec/bundle-vectors");
    for (attack, names) in [
        (
            "omit rows",
            &["range-first", "range-middle", "range-last", "complete-first", "complete-middle", "complete-last"][..],
        ),
        ("leave a descriptor out", &["frame-left-out", "end-left-out"]),
        ("swap frames", &["frames-swapped"]),
        ("replay another log's frames", &["other-log", "other-root"]),
        ("edit a record", &["edited-payload", "moved"]),
        ("edit a time", &["edited-time", "edited-table"]),
        ("edit the class table", &["edited-class"]),
        ("edit the descriptor", &["edited-descriptor"]),
        ("rewrite or cut the log", &["rewritten", "cut-log"]),
        ("sign with another key", &["other-key", "unsigned"]),
    ] {
        for name in names {
            let json = std::fs::read_to_string(folder.join(format!("refused-{name}.json"))).expect(name);
            let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
            let key = VerifierKey::parse(json["key"].as_str().expect("a key")).expect("a key");
            let bytes = std::fs::read(folder.join(format!("refused-{name}.bundle"))).expect(name);
            assert!(check(&bytes, &key).is_err(), "{attack}: {name}");
        }
    }
}
