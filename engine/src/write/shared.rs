//! What the writer, the framer and compactions of an open log share.
//!
//! Owners: the framer moves `framed` and replaces the signing key, writer and framer count `written`, everybody publishes.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use indelible_evidence::key::SigningKey;
use parking_lot::RwLock;

use super::manifest::ManifestStore;
use super::poison::Poison;
use crate::compact::Compactions;
use crate::error::{Error, Result};
use crate::kept::KeptHeads;
use crate::keys::KeyTrail;
use crate::options::Options;
use crate::segment::Cache;
use crate::snapshot::{Published, Snapshot};
use crate::world::rng::Rng;
use crate::world::storage::Storage;

/// How far framing has come; the writer reads it for group headers and to remove journal files.
#[derive(Debug, Default)]
pub(crate) struct Framed {
    /// Frames that are synced.
    pub(crate) frames: AtomicU64,
    /// Seq after the last record in a synced frame.
    pub(crate) seq: AtomicU64,
    /// Lowest journal file still needed, for the manifest.
    pub(crate) journal_first: AtomicU64,
}

impl Framed {
    /// What recovery found: frames that are synced, where they end, and the lowest journal file still needed.
    pub(crate) fn at(frames: u64, seq: u64, journal_first: u64) -> Self {
        Self { frames: AtomicU64::new(frames), seq: AtomicU64::new(seq), journal_first: AtomicU64::new(journal_first) }
    }
}

/// Who is told of every new signed head.
pub type HeadHook = Arc<dyn Fn(&str) + Send + Sync>;

/// The signing key, the keys before it, and who is told of signed heads.
pub(crate) struct Keys {
    /// Signs checkpoints; the framer alone replaces it.
    pub(crate) signer: RwLock<Option<Arc<SigningKey>>>,
    pub(crate) trail: RwLock<KeyTrail>,
    /// Gets every head before the directory does.
    pub(crate) kept: Option<KeptHeads>,
    pub(crate) hook: RwLock<Option<HeadHook>>,
}

impl Keys {
    /// Nobody is told of heads yet.
    pub(crate) fn new(signer: Option<Arc<SigningKey>>, trail: KeyTrail, kept: Option<KeptHeads>) -> Self {
        Self { signer: RwLock::new(signer), trail: RwLock::new(trail), kept, hook: RwLock::default() }
    }

    /// Whether checkpoints can be made.
    pub(crate) fn can_sign(&self) -> bool {
        self.signer.read().is_some()
    }

    pub(super) fn signer(&self) -> Result<Arc<SigningKey>> {
        self.signer.read().clone().ok_or_else(|| Error::Option {
            option: "sign key",
            problem:
                "no signing key was given, so no checkpoint can be made: pass --sign-key or set INDELIBLE_SIGN_KEY"
                    .to_owned(),
        })
    }

    pub(super) fn tell(&self, note: &str) {
        if let Some(hook) = self.hook.read().clone() {
            hook(note);
        }
    }
}

/// Bytes written since the log was opened, for whoever asks how fast it grows.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// To the journal; the writer counts.
    pub(crate) journal: AtomicU64,
    /// To segments; the framer counts.
    pub(crate) framed: AtomicU64,
}

/// What the framer shares with the rest.
pub(crate) struct Shared {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) options: Options,
    pub(crate) manifest: ManifestStore,
    pub(crate) published: Published,
    pub(crate) framed: Framed,
    pub(crate) written: Written,
    pub(crate) cache: Arc<Cache>,
    pub(crate) keys: Keys,
    pub(crate) poison: Poison,
    pub(crate) compactions: Compactions,
}

impl Shared {
    /// The newest snapshot, for a reader; its segments closed where too many were open.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        if self.cache.must_close() {
            self.published.update(Snapshot::close_segments);
            self.cache.has_closed();
        }
        self.published.load()
    }
}
