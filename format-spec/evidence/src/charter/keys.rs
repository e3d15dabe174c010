//! Keys by role, and the epochs of the checkpoint key, as the acts so far give them.
//!
//! ```text
//! first keys (genesis) -> epoch 0, admins, holds, purgers, recoverers -> key acts -> members of each role, epochs, doubts
//! ```
//!
//! Invariants: a public key has a role once, under whatever name; an epoch is that of its number for ever, dropped or not ([ACT-12]). Not
//! here: which change may follow (`follow_keys`), rotation notes (`rotation`).

use crate::act::{KeyText, ReplaceReason, Role, SignatureLine, Since};
use crate::error::FormatError;
use crate::key::VerifierKey;

/// Keys that a role may have from the first record on.
pub const FIRST_KEYS_MAX: usize = 16;

/// Keys as a log's genesis body names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstKeys {
    key: VerifierKey,
    admin: Vec<VerifierKey>,
    hold: Vec<VerifierKey>,
    purge: Vec<VerifierKey>,
    recovery: Vec<VerifierKey>,
}

impl FirstKeys {
    /// A log of which one key does everything.
    pub fn one(key: VerifierKey) -> Self {
        Self { key, admin: Vec::new(), hold: Vec::new(), purge: Vec::new(), recovery: Vec::new() }
    }

    /// The first verifier key, and lists of up to 16 keys for each role; where `admin`, `hold` or `purge` is empty the first key has that role.
    ///
    /// # Errors
    /// Where a list is too long or has a key twice.
    pub fn new(
        key: VerifierKey,
        admin: Vec<VerifierKey>,
        hold: Vec<VerifierKey>,
        purge: Vec<VerifierKey>,
        recovery: Vec<VerifierKey>,
    ) -> Result<Self, FormatError> {
        for list in [&admin, &hold, &purge, &recovery] {
            let mut keys: Vec<&[u8; 32]> = list.iter().map(VerifierKey::public).collect();
            keys.sort_unstable();
            if keys.len() > FIRST_KEYS_MAX || keys.windows(2).any(|pair| pair.first() == pair.last()) {
                return Err(FormatError::invalid("genesis record", "admin", 0, "up to 16 keys a role, each once"));
            }
        }
        Ok(Self { key, admin, hold, purge, recovery })
    }

    /// The first verifier key: epoch 0 of role checkpoint.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    fn of(&self, role: Role) -> &[VerifierKey] {
        let list = match role {
            Role::Admin => &self.admin,
            Role::Hold => &self.hold,
            Role::Purge => &self.purge,
            _ => return &self.recovery,
        };
        if list.is_empty() { std::slice::from_ref(&self.key) } else { list }
    }
}

/// An epoch of the checkpoint key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    /// Its number.
    pub epoch: u32,
    /// Its key.
    pub key: KeyText,
    /// Seq of the act that brought it; `None` for the first.
    pub added: Option<u64>,
    /// Seq of the act that dropped it: it never signs.
    pub dropped: Option<u64>,
    /// Why the key before does not vouch for it, where it does not.
    pub replaced: Option<ReplaceReason>,
}

/// A key that has a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The role.
    pub role: Role,
    /// The key.
    pub key: KeyText,
    /// Seq of the act that gave it; `None` from the first record on.
    pub added: Option<u64>,
}

/// A key that somebody else has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// Seq of the act that says so.
    pub seq: u64,
    /// The role.
    pub role: Role,
    /// The key.
    pub key: KeyText,
    /// From where on.
    pub since: Since,
}

/// Keys of a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    pub(super) epochs: Vec<Epoch>,
    pub(super) members: Vec<Member>,
    pub(super) known: Vec<KeyText>,
    pub(super) doubts: Vec<Doubt>,
}

impl Keys {
    pub(super) fn new(first: &FirstKeys) -> Self {
        let epoch = Epoch { epoch: 0, key: first.key().into(), added: None, dropped: None, replaced: None };
        let mut keys = Self { epochs: vec![epoch], members: Vec::new(), known: Vec::new(), doubts: Vec::new() };
        keys.remember(&first.key().into());
        for role in [Role::Admin, Role::Hold, Role::Purge, Role::Recovery] {
            let list = if role == Role::Recovery { &first.recovery } else { first.of(role) };
            for key in list {
                keys.remember(&key.into());
                keys.members.push(Member { role, key: key.into(), added: None });
            }
        }
        keys
    }

    pub(super) fn remember(&mut self, key: &KeyText) {
        if !self.known.contains(key) {
            self.known.push(key.clone());
        }
    }

    /// Epochs of the checkpoint key; the index is the number.
    pub fn epochs(&self) -> &[Epoch] {
        &self.epochs
    }

    /// The newest epoch that is not dropped.
    pub fn epoch(&self) -> Option<&Epoch> {
        self.epochs.iter().rev().find(|epoch| epoch.dropped.is_none())
    }

    /// Keys that have a role; that of role checkpoint is the epoch's.
    pub fn members(&self, role: Role) -> impl Iterator<Item = &KeyText> {
        let checkpoint = self.epoch().filter(|_| role == Role::Checkpoint).map(|epoch| &epoch.key);
        self.members.iter().filter(move |member| member.role == role).map(|member| &member.key).chain(checkpoint)
    }

    /// Every grant that stands.
    pub fn grants(&self) -> &[Member] {
        &self.members
    }

    /// Whether a key has a role, under whatever name.
    pub fn has(&self, role: Role, key: &KeyText) -> bool {
        self.members(role).any(|member| member.same(key))
    }

    /// How many keys have a role.
    pub fn count(&self, role: Role) -> usize {
        self.members(role).count()
    }

    /// Keys that somebody else has.
    pub fn doubts(&self) -> &[Doubt] {
        &self.doubts
    }

    /// Whether no key has two of the roles that sign.
    pub fn separate(&self) -> bool {
        const ROLES: [Role; 5] = [Role::Checkpoint, Role::Admin, Role::Hold, Role::Purge, Role::Recovery];
        let own = |(at, role): (usize, &Role)| {
            let later = ROLES.get(at + 1..).unwrap_or_default();
            self.members(*role).all(|key| later.iter().all(|other| !self.has(*other, key)))
        };
        ROLES.iter().enumerate().all(own)
    }

    /// Keys that a line of a note names: of known types, and of others.
    pub(super) fn named<'a>(&'a self, line: &'a SignatureLine) -> impl Iterator<Item = &'a KeyText> {
        let id = format!("{:08x}", u32::from_be_bytes(line.id));
        self.known.iter().filter(move |key| {
            let mut parts = key.as_str().splitn(3, '+');
            parts.next() == Some(line.name.as_str()) && parts.next() == Some(id.as_str())
        })
    }
}
