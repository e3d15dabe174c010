//! What system records have said so far: policies in force, open holds, keys and their roles.
//!
//! ```text
//! class-0 records in seq order -> take(seq, kind, body) -> rules(at), purge_key(key), checkpoint_key(epoch)
//! ```
//!
//! Invariants ([RET-13]): versions of a policy and epochs of a role count up by one; only what is in force is retired, only an
//! open hold is extended or released, and an extension begins where the hold is resolved to. A record that breaks one of these
//! is refused and changes nothing. Not here: intents and what they remove (`history`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::hold::{HoldExtend, HoldRecord};
use super::key::{KeyRecord, Role};
use super::policy::Policy;
use super::rules::Rules;
use super::seqset::SeqSet;
use crate::bundle::Filter;
use crate::error::FormatError;
use crate::key::VerifierKey;
use crate::schema::Kind;

/// Policies, holds and keys as the records so far give them.
#[derive(Debug, Clone)]
pub struct Register {
    policies: BTreeMap<String, Policy>,
    holds: BTreeMap<String, OpenHold>,
    checkpoint_keys: Vec<CheckpointKey>,
    purge_keys: Vec<PurgeKey>,
    held: Option<Arc<SeqSet>>,
}

/// A hold that is placed and not released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenHold {
    /// Seq of the record that placed it.
    pub placed: u64,
    /// Which records are held.
    pub filter: Filter,
    /// The filter as people wrote it.
    pub text: String,
    /// Every record below this seq was tested.
    pub through: u64,
    /// Those that matched.
    pub seqs: SeqSet,
}

/// A key that signs checkpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointKey {
    /// The key.
    pub key: VerifierKey,
    /// Seq of the record that added it; `None` for the first.
    pub added: Option<u64>,
}

/// A key that was given the purge role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurgeKey {
    /// The key.
    pub key: VerifierKey,
    /// Epoch in its role.
    pub epoch: u32,
    /// Seq of the record that added it.
    pub added: u64,
    /// Seq of the record that retired it.
    pub retired: Option<u64>,
}

impl Register {
    /// A log that has said nothing yet but its first verifier key.
    pub fn new(first: VerifierKey) -> Self {
        Self {
            policies: BTreeMap::new(),
            holds: BTreeMap::new(),
            checkpoint_keys: vec![CheckpointKey { key: first, added: None }],
            purge_keys: Vec::new(),
            held: None,
        }
    }

    /// Takes the next system record; kinds that nothing here follows from are passed over.
    ///
    /// # Errors
    /// Where the body is not one, or does not follow from what was said before ([RET-13]).
    pub fn take(&mut self, seq: u64, kind: Kind, body: &str) -> Result<(), FormatError> {
        match kind {
            Kind::Policy => self.take_policy(Policy::parse(body)?),
            Kind::Hold => self.take_hold(seq, HoldRecord::parse(body)?),
            Kind::HoldExtend => self.take_extend(HoldExtend::parse(body)?),
            Kind::Key => self.take_key(seq, KeyRecord::parse(body)?),
            _ => Ok(()),
        }
    }

    fn take_policy(&mut self, policy: Policy) -> Result<(), FormatError> {
        let before = self.policies.get(&policy.name);
        let version = before.map_or(0, |before| before.version);
        if version.checked_add(1) != Some(policy.version) {
            let why = format!("version {} of policy {:?} follows version {version}", policy.version, policy.name);
            return Err(FormatError::invalid("policy record", "version", 0, why));
        }
        if policy.duty.is_none() && before.is_none_or(|before| before.duty.is_none()) {
            return Err(FormatError::invalid("policy record", "action", 0, "the policy is not in force"));
        }
        self.policies.insert(policy.name.clone(), policy);
        Ok(())
    }

    fn take_hold(&mut self, seq: u64, hold: HoldRecord) -> Result<(), FormatError> {
        let refuse = |why| Err(FormatError::invalid("hold record", "name", 0, format!("{:?}: {why}", hold.name)));
        match (hold.placed, self.holds.contains_key(&hold.name)) {
            (Some(_), true) => return refuse("a hold of this name is open"),
            (None, false) => return refuse("no hold of this name is open"),
            (None, true) => {
                self.holds.remove(&hold.name);
            }
            (Some(placed), false) => {
                if placed.through > seq {
                    return refuse("it tests records that are not there yet");
                }
                let open = OpenHold {
                    placed: seq,
                    filter: placed.filter,
                    text: placed.text,
                    through: placed.through,
                    seqs: placed.seqs,
                };
                self.holds.insert(hold.name, open);
            }
        }
        self.held = None;
        Ok(())
    }

    fn take_extend(&mut self, extend: HoldExtend) -> Result<(), FormatError> {
        let refuse =
            |why| Err(FormatError::invalid("hold_extend record", "name", 0, format!("{:?}: {why}", extend.name)));
        let Some(hold) = self.holds.get_mut(&extend.name) else { return refuse("no hold of this name is open") };
        if hold.through != extend.from {
            return refuse("it does not begin where the hold is resolved to");
        }
        hold.through = extend.through;
        hold.seqs = hold.seqs.union(&extend.seqs);
        self.held = None;
        Ok(())
    }

    fn take_key(&mut self, seq: u64, record: KeyRecord) -> Result<(), FormatError> {
        let refuse = |why| Err(FormatError::invalid("key record", "epoch", 0, format!("{}: {why}", record.key)));
        let last = match record.role {
            Role::Checkpoint => self.checkpoint_epoch(),
            Role::Purge => self.purge_keys.last().map_or(0, |key| key.epoch),
        };
        if record.add && last.checked_add(1) != Some(record.epoch) {
            return refuse("its epoch does not follow");
        }
        match (record.role, record.add) {
            (Role::Checkpoint, _) => {
                if self.checkpoint_keys.iter().any(|known| known.key == record.key) {
                    return refuse("the key signed in an epoch before");
                }
                if self.checkpoint_keys.first().is_some_and(|first| first.key.name() != record.key.name()) {
                    return refuse("the name of a checkpoint key is the log's origin");
                }
                self.checkpoint_keys.push(CheckpointKey { key: record.key, added: Some(seq) });
            }
            (Role::Purge, true) => {
                if self.purge_key(&record.key).is_some() {
                    return refuse("the key has the role already");
                }
                self.purge_keys.push(PurgeKey { key: record.key, epoch: record.epoch, added: seq, retired: None });
            }
            (Role::Purge, false) => {
                let own = |known: &&mut PurgeKey| known.key == record.key && known.epoch == record.epoch;
                match self.purge_keys.iter_mut().filter(own).find(|known| known.retired.is_none()) {
                    Some(known) => known.retired = Some(seq),
                    None => return refuse("the key does not have the role"),
                }
            }
        }
        Ok(())
    }

    /// Policies in force, ascending by name.
    pub fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.policies.values().filter(|policy| policy.duty.is_some())
    }

    /// The newest version of a policy, retired ones too.
    pub fn policy(&self, name: &str) -> Option<&Policy> {
        self.policies.get(name)
    }

    /// Open holds, ascending by name.
    pub fn holds(&self) -> impl Iterator<Item = (&str, &OpenHold)> {
        self.holds.iter().map(|(name, hold)| (name.as_str(), hold))
    }

    /// The key of role purge that is this key and not retired.
    pub fn purge_key(&self, key: &VerifierKey) -> Option<&PurgeKey> {
        self.purge_keys.iter().find(|known| known.key == *key && known.retired.is_none())
    }

    /// Every key that was ever given the purge role, ascending by epoch.
    pub fn purge_keys(&self) -> &[PurgeKey] {
        &self.purge_keys
    }

    /// Checkpoint keys; the index is the epoch.
    pub fn checkpoint_keys(&self) -> &[CheckpointKey] {
        &self.checkpoint_keys
    }

    /// Epoch of the newest checkpoint key.
    pub fn checkpoint_epoch(&self) -> u32 {
        u32::try_from(self.checkpoint_keys.len().saturating_sub(1)).unwrap_or(u32::MAX)
    }

    /// The rules as they stand, asked at a time (whole seconds).
    pub fn rules(&mut self, at: u64) -> Rules {
        let held = self.held.get_or_insert_with(|| {
            Arc::new(self.holds.values().fold(SeqSet::new(), |held, hold| held.union(&hold.seqs)))
        });
        let holds = self.holds.iter().map(|(name, hold)| (name.clone(), hold.through)).collect();
        let policies = self.policies.values().filter(|policy| policy.duty.is_some()).cloned().collect();
        Rules::new(policies, holds, Arc::clone(held), at)
    }
}
