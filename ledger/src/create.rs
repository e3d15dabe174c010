//! Creating a ledger: a log and its signing key, in an order that a crash can cut anywhere.
//!
//! ```text
//! lock -> log.pub says for which key -> key file, outside, whole -> MANIFEST: the log exists -> genesis, schedule
//! ```
//!
//! Invariants: a log never exists without its key; a creation that was cut short is taken over by the next one in that directory, with
//! the key that it had kept. Not here: the log's own files ([`indelible_engine::Creation`]).

use std::path::PathBuf;
use std::sync::Arc;

use indelible_engine::{CreateSpec, Creation, Log, Options};
use indelible_evidence::LogId;
use indelible_evidence::key::VerifierKey;

use crate::error::{Error, Result};
use crate::kept::{self, KeptFiles};
use crate::keys;
use crate::schedule::Schedule;
use crate::world::World;

/// What the origin of a log begins with that got none; its id follows.
const DEFAULT_ORIGIN: &str = "indelible/";

/// How a log is created.
#[derive(Debug, Clone, Default)]
pub struct CreateOptions {
    /// Origin of its checkpoints: no white space, no `+`. Default: `indelible/<log id>`.
    pub origin: Option<String>,
    /// Where the signing key is written. Default: under the user's data directory, by log id.
    pub sign_key_file: Option<PathBuf>,
}

/// What creating a log made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// The log's id.
    pub log_id: LogId,
    /// Origin of its checkpoints.
    pub origin: String,
    /// Where the signing key lies. Whoever has it can sign for the log; keep a copy elsewhere.
    pub key_file: PathBuf,
    /// The verifier key: give it to whoever will check the log.
    pub verifier_key: String,
}

/// Creates a log: its key is announced in the directory, then kept outside it, then the manifest makes it a log. Where an earlier
/// creation was cut short after it had kept the key, that key and the origin are taken over.
pub(crate) fn create(
    world: &World,
    options: &CreateOptions,
    engine: Options,
) -> Result<(Created, Log, Arc<KeptFiles>)> {
    // Before the directory is locked: what is refused changes nothing.
    if let Some(origin) = &options.origin {
        check_origin(origin)?;
    }
    let mut creation = Creation::begin(&world.log.storage, &world.name())?;
    let outside = world.outside.as_ref();
    let announced = creation.announced().and_then(|key| VerifierKey::parse(key).ok());
    let log_id = announced.as_ref().and_then(|key| default_id(key.name())).unwrap_or_else(|| new_id(world));
    let origin = options.origin.clone().unwrap_or_else(|| format!("{DEFAULT_ORIGIN}{log_id}"));
    let key_file = match &options.sign_key_file {
        Some(file) => file.clone(),
        None => keys::default_in(outside, log_id)?,
    };
    keys::check_private(world, &key_file)?;
    let key = match keys::load(outside, &key_file, false)? {
        Some(key) if key.name() == origin => key,
        Some(key) => {
            let problem = format!("it exists and is for the origin {}, not {origin}: name another file", key.name());
            return Err(Error::Key { file: key_file, problem });
        }
        None => {
            let key = keys::generate(world.log.rng.as_ref(), &key_file, &origin)?;
            creation.announce(&key.verifier().to_string())?;
            keys::keep(outside, &key_file, &key)?;
            key
        }
    };
    let verifier_key = key.verifier().to_string();
    let mut config = world.config(&engine);
    config.signer = Some(Arc::new(key));
    let kept = Arc::new(KeptFiles::beside(&world.outside, &key_file, log_id));
    config.kept = Some(kept::heads(&kept, &key_file, 0, indelible_engine::Adopt::Never, false));
    let schedule = Schedule::default().body();
    let spec = CreateSpec { log_id, origin: origin.clone(), key: verifier_key.clone(), schedule };
    let log = Log::create_begun(creation, config, &spec)?;
    Ok((Created { log_id, origin, key_file, verifier_key }, log, kept))
}

fn check_origin(origin: &str) -> Result<()> {
    indelible_evidence::key::check_origin(origin)
        .map_err(|error| Error::Option { option: "origin", problem: error.to_string() })
}

/// The log id in an origin that was made from one.
fn default_id(origin: &str) -> Option<LogId> {
    let id = uuid::Uuid::parse_str(origin.strip_prefix(DEFAULT_ORIGIN)?).ok()?;
    Some(LogId(*id.as_bytes()))
}

fn new_id(world: &World) -> LogId {
    let mut random = [0u8; 16];
    world.log.rng.fill(&mut random);
    LogId(*uuid::Builder::from_random_bytes(random).into_uuid().as_bytes())
}
