//! The world of a simulated log: its configuration, its key, its drafts.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use indelible_engine::world::World;
use indelible_engine::world::clock::ManualClock;
use indelible_engine::world::rng::SeededRng;
use indelible_engine::world::storage::Storage;
use indelible_engine::{CreateSpec, Draft, LogConfig, Options};
use indelible_evidence::checkpoint::open_checkpoint;
use indelible_evidence::key::{SigningKey, VerifierKey};
use indelible_evidence::schema::{Field, Kind};
use indelible_evidence::{FormatError, LogId};

use crate::dice::Dice;

/// Origin of the simulated logs.
pub const ORIGIN: &str = "test/crash";
/// Id of the simulated logs.
pub const LOG_ID: LogId = LogId([5; 16]);

/// The signing key of the simulated logs: one, because making one costs more than a recovery.
pub fn signer() -> Arc<SigningKey> {
    static KEY: OnceLock<Arc<SigningKey>> = OnceLock::new();
    Arc::clone(KEY.get_or_init(|| Arc::new(SigningKey::generate([3; 32], ORIGIN).expect("a valid name"))))
}

/// The key that checkpoints verify with.
pub fn verifier() -> &'static VerifierKey {
    static KEY: OnceLock<VerifierKey> = OnceLock::new();
    KEY.get_or_init(|| VerifierKey::parse(&signer().verifier().to_string()).expect("its own text form"))
}

/// Size and root that a note signs. Notes that verified are remembered: the same one lies on image after image, and to verify
/// it costs as much as a small recovery.
///
/// # Errors
/// Why it does not verify.
pub fn signed_head(note: &str) -> Result<(u64, [u8; 32]), FormatError> {
    thread_local! {
        static SEEN: RefCell<HashMap<String, (u64, [u8; 32])>> = RefCell::default();
    }
    if let Some(head) = SEEN.with_borrow(|seen| seen.get(note).copied()) {
        return Ok(head);
    }
    let checkpoint = open_checkpoint(note, verifier())?;
    let head = (checkpoint.size, checkpoint.root);
    SEEN.with_borrow_mut(|seen| {
        if seen.len() >= 4_096 {
            seen.clear();
        }
        seen.insert(note.to_owned(), head);
    });
    Ok(head)
}

/// What the simulated logs are.
pub fn spec() -> CreateSpec {
    CreateSpec {
        log_id: LOG_ID,
        origin: ORIGIN.to_owned(),
        key: signer().verifier().to_string(),
        schedule: r#"{"version":1,"rules":[],"default":1}"#.to_owned(),
    }
}

/// Options under which rotation, sealing and syncs of frames happen every few steps.
pub fn small_options(dice: &mut Dice) -> Options {
    Options {
        journal_bytes_max: dice.pick(&[4_096, 6_000, 20_000]),
        segment_bytes_max: dice.pick(&[4_096, 6_000, 30_000]),
        frame_unsynced_bytes_max: dice.pick(&[1, 3_000, 1 << 20]),
        segment_per_day: !dice.one_in(3),
        cache_bytes_max: 1 << 20,
        ..Options::default()
    }
}

/// A configuration over `storage`. Salts follow from `salt_seed`, which must differ from opening to opening: frames made
/// again must get other roots, or signing two roots for one size would go unseen.
pub fn config(storage: Arc<dyn Storage>, options: &Options, clock: &ManualClock, salt_seed: u64) -> LogConfig {
    LogConfig {
        world: World { storage, clock: Arc::new(clock.clone()), rng: Arc::new(SeededRng::new(salt_seed)) },
        options: options.clone(),
        signer: Some(signer()),
        kept: None,
        path: "simulated".to_owned(),
    }
}

/// The `n`-th event of a schedule; `extra` bytes of metadata make records of all sizes.
pub fn draft(n: u64, extra: usize) -> Draft {
    let class = 1 + (n % 3) as u16;
    Draft::write(Kind::Event, Some(1_700_000_000_000_000_000 + n as i64 * 1_000_000), class, |groups| {
        groups.text(Field::WORKSPACE, ["alpha", "beta", "gamma"][n as usize % 3]);
        groups.text(Field::ACTION, ["document.publish", "user.login"][n as usize % 2]);
        groups.code(Field::SEVERITY, 1 + (n % 3) as u8);
        groups.code(Field::OUTCOME, 1);
        groups.code(Field::ACTOR_TYPE, 1);
        groups.text(Field::TARGET_TYPE, "document");
        groups.text(Field::ACTOR_ID, &format!("user-{}", n % 7));
        groups.text(Field::TARGET_ID, &format!("doc-{n}"));
        groups.text(Field::EVENT_ID, &format!("0195f3a2-0000-7abc-8def-{n:012x}"));
        if extra > 0 {
            groups.text(Field::METADATA, &format!("{{\"n\":{n},\"pad\":\"{}\"}}", pad(n, extra)));
        }
    })
}

/// Text that does not compress to nothing, so that frames have the sizes of real ones.
fn pad(n: u64, length: usize) -> String {
    let mut dice = Dice::new(n);
    let mut pad = String::with_capacity(length + 16);
    while pad.len() < length {
        pad.push_str(&format!("{:016x}", dice.word()));
    }
    pad.truncate(length);
    pad
}

/// Event `n` of a thread of a run of the producer process; its target says which.
pub fn numbered(run: u64, thread: u64, n: u64) -> Draft {
    Draft::write(Kind::Event, Some(1_700_000_000_000_000_000 + n as i64), 1, |groups| {
        groups.text(Field::WORKSPACE, "processes");
        groups.text(Field::ACTION, "process.tick");
        groups.code(Field::SEVERITY, 1);
        groups.code(Field::OUTCOME, 1);
        groups.text(Field::ACTOR_ID, &format!("thread-{thread}"));
        groups.text(Field::TARGET_ID, &format!("{run}/{thread}/{n}"));
        if n.is_multiple_of(50) {
            groups.text(Field::METADATA, &format!("{{\"pad\":\"{}\"}}", pad(n, 900)));
        }
    })
}
