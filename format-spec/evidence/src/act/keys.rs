//! Key acts: which keys have which roles, as one list of changes that takes effect as a whole.
//!
//! ```text
//! {"changes":[{"action":"add"|"retire"|"drop"|"replace"|"compromised","role","key","epoch","since","reason"}, ...]}
//! ```
//!
//! Invariants of a parsed act ([ACT-9]): what does not apply to an action is null: epochs belong to `add`, `drop` and `replace` of checkpoint keys,
//! `since` to `compromised`, a reason to `replace`. A key of a type that this reader does not know is kept as text. Not here: who may
//! sign it, and what follows (`charter`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::line::{hex, parse_hex};
use super::text::Base;
use crate::error::FormatError;
use crate::key::{VerifierKey, check_origin};
use crate::retention::json::{Object, ObjectWriter};

/// What a key may do. The last three are names that are kept for later: nothing follows from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Sign heads and statements.
    Checkpoint,
    /// Sign every act of the charter line.
    Admin,
    /// Place and release holds.
    Hold,
    /// Sign intents.
    Purge,
    /// Replace keys of admin and recovery.
    Recovery,
    /// A second mandatory signature under heads.
    Checkpoint2,
    /// Cosign heads.
    Witness,
    /// Open what is sealed for somebody.
    Subject,
}

impl Role {
    const ALL: [(Role, &'static str); 8] = [
        (Role::Checkpoint, "checkpoint"),
        (Role::Admin, "admin"),
        (Role::Hold, "hold"),
        (Role::Purge, "purge"),
        (Role::Recovery, "recovery"),
        (Role::Checkpoint2, "checkpoint2"),
        (Role::Witness, "witness"),
        (Role::Subject, "subject"),
    ];

    /// Name in texts.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|&&(role, _)| role == self).map_or("", |&(_, name)| name)
    }

    /// The role of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|&&(_, known)| known == name).map(|&(role, _)| role)
    }

    /// Whether the role signs acts.
    pub fn signs_acts(self) -> bool {
        matches!(self, Role::Admin | Role::Hold | Role::Purge | Role::Recovery)
    }

    /// Whether the name is only kept for later.
    pub fn reserved(self) -> bool {
        matches!(self, Role::Checkpoint2 | Role::Witness | Role::Subject)
    }
}

/// A verifier key as it stands in an act; of a type this reader knows, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyText {
    text: String,
    known: Option<VerifierKey>,
}

impl KeyText {
    /// Reads a key: a sound one of type 01, or one of another type ([ACT-22]).
    ///
    /// # Errors
    /// Where it is not in the form, or a bad key of type 01.
    pub fn parse(text: &str) -> Result<Self, FormatError> {
        let other_type = || {
            let mut parts = text.splitn(3, '+');
            let (name, id, body) = (parts.next()?, parts.next()?, STANDARD.decode(parts.next()?).ok()?);
            let id = id.len() == 8 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            (check_origin(name).is_ok() && id && body.first().is_some_and(|&kind| kind != 1)).then_some(())
        };
        if other_type().is_some() {
            return Ok(Self { text: text.to_owned(), known: None });
        }
        let key = VerifierKey::parse(text)?;
        Ok(Self { text: text.to_owned(), known: Some(key) })
    }

    /// The key, where this reader knows its type.
    pub fn known(&self) -> Option<&VerifierKey> {
        self.known.as_ref()
    }

    /// Its text form.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.text.split('+').next().unwrap_or_default()
    }

    /// Whether it is the same key, under whatever name.
    pub fn same(&self, other: &KeyText) -> bool {
        match (&self.known, &other.known) {
            (Some(own), Some(others)) => own.public() == others.public(),
            (None, None) => self.text == other.text,
            _ => false,
        }
    }
}

impl From<&VerifierKey> for KeyText {
    fn from(key: &VerifierKey) -> Self {
        Self { text: key.to_string(), known: Some(key.clone()) }
    }
}

/// What happens to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// It gets the role.
    Add,
    /// It loses the role.
    Retire,
    /// An epoch of the checkpoint key that never signed alone is given up.
    Drop,
    /// The next checkpoint key, which the one before does not vouch for.
    Replace,
    /// It is in somebody else's hands.
    Compromised,
}

/// Why a checkpoint key is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReplaceReason {
    /// Its file is lost.
    Lost,
    /// Somebody else has it.
    Compromised,
}

/// From where on nothing of a compromised key is above doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// The last head that is held good.
    pub head: Base,
    /// The date, seconds since 1970, where one is known.
    pub date: Option<u64>,
}

/// A change of a key act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyChange {
    /// What happens.
    pub action: Action,
    /// In which role.
    pub role: Role,
    /// To which key.
    pub key: KeyText,
    /// Epoch of a checkpoint key that is added, dropped or brought in by a replacement.
    pub epoch: Option<u32>,
    /// With `compromised`.
    pub since: Option<Since>,
    /// With `replace`.
    pub reason: Option<ReplaceReason>,
}

const ACTIONS: [(Action, &str); 5] = [
    (Action::Add, "add"),
    (Action::Retire, "retire"),
    (Action::Drop, "drop"),
    (Action::Replace, "replace"),
    (Action::Compromised, "compromised"),
];

impl KeyChange {
    /// A key gets a role; `epoch` for checkpoint keys.
    pub fn add(role: Role, key: &VerifierKey, epoch: Option<u32>) -> Self {
        Self { action: Action::Add, role, key: key.into(), epoch, since: None, reason: None }
    }

    /// A key loses a role.
    pub fn retire(role: Role, key: &VerifierKey) -> Self {
        Self { action: Action::Retire, role, key: key.into(), epoch: None, since: None, reason: None }
    }

    pub(super) fn take(object: &mut Object) -> Result<Self, FormatError> {
        let action = object.text("action")?;
        let action = ACTIONS.iter().find(|(_, name)| *name == action).map(|&(action, _)| action);
        let action = action.ok_or_else(|| object.invalid("action", "no action of a key act"))?;
        let role = Role::parse(&object.text("role")?).ok_or_else(|| object.invalid("role", "no role"))?;
        let key = KeyText::parse(&object.text("key")?)?;
        let epoch = object.optional_number("epoch")?.map(u32::try_from).transpose();
        let epoch = epoch.map_err(|_| object.invalid("epoch", "too large a number"))?;
        let since = object.optional_object("since", |since| {
            let (size, root, date) = (since.number("size")?, since.text("root")?, since.optional_number("date")?);
            let root = parse_hex(&root).ok_or_else(|| since.invalid("root", "not 64 hexadecimal digits"))?;
            Ok(Since { head: Base { size, root }, date })
        })?;
        let reason = match object.optional_text("reason")?.as_deref() {
            None => None,
            Some("lost") => Some(ReplaceReason::Lost),
            Some("compromised") => Some(ReplaceReason::Compromised),
            Some(_) => return Err(object.invalid("reason", "neither lost nor compromised")),
        };
        let change = Self { action, role, key, epoch, since, reason };
        change.check(object)?;
        Ok(change)
    }

    /// What belongs to the action is there, and nothing else.
    fn check(&self, object: &Object) -> Result<(), FormatError> {
        let checkpoint = self.role == Role::Checkpoint;
        let fits = match self.action {
            Action::Add => true,
            Action::Retire => !checkpoint,
            Action::Drop | Action::Replace => checkpoint,
            Action::Compromised => !self.role.reserved(),
        };
        if !fits {
            return Err(object.invalid("action", "the action does not belong to this role"));
        }
        let epochs = checkpoint && matches!(self.action, Action::Add | Action::Drop | Action::Replace);
        if self.epoch.is_some() != epochs || self.epoch == Some(0) {
            return Err(
                object.invalid("epoch", "checkpoint keys that come or are dropped have an epoch from 1, no others")
            );
        }
        if self.since.is_some() != (self.action == Action::Compromised) {
            return Err(object.invalid("since", "a compromised key has it, no other"));
        }
        if self.reason.is_some() != (self.action == Action::Replace) {
            return Err(object.invalid("reason", "a replacement has one, nothing else"));
        }
        Ok(())
    }

    pub(super) fn encode(&self) -> String {
        let action = ACTIONS.iter().find(|(action, _)| *action == self.action).map_or("", |(_, name)| name);
        let since = self.since.as_ref().map(|since| {
            let writer = ObjectWriter::new().number("size", since.head.size).text("root", &hex(&since.head.root));
            writer.optional("date", since.date).end()
        });
        let reason = self.reason.map(|reason| match reason {
            ReplaceReason::Lost => "lost",
            ReplaceReason::Compromised => "compromised",
        });
        ObjectWriter::new()
            .text("action", action)
            .text("role", self.role.name())
            .text("key", self.key.as_str())
            .optional("epoch", self.epoch.map(u64::from))
            .raw("since", since.as_deref().unwrap_or("null"))
            .optional_text("reason", reason)
            .end()
    }
}
