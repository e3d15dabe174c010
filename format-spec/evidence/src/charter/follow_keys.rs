//! What follows from a key act: its changes one after the other, and what must hold once all of them are made.
//!
//! ```text
//! add -> member, or the next epoch     retire -> member no more     drop -> epoch never signs     replace -> next epoch, not vouched for
//! compromised -> doubt from a head on
//! ```
//!
//! Invariants ([ACT-12]): epochs count up by one, dropped ones included; no key signs heads in two epochs, and its name is the origin; admins never become fewer
//! than their quorum, and never none; recovery keys are changed by recovery alone, which changes nothing but those and admins.

use std::sync::Arc;

use super::asked::Window;
use super::keys::{Doubt, Epoch, Keys, Member};
use super::record::{Broken, ClassZero, Reason, broken};
use super::register::Charter;
use super::state::State;
use crate::act::{Action, KeyChange, Role};

fn refuse<T>(change: &KeyChange, why: &str) -> Result<T, Broken> {
    broken(Reason::Follows, format!("{}: {why}", change.key.as_str()))
}

impl Charter {
    pub(super) fn follow_keys(
        &self,
        record: &ClassZero<'_>,
        role: Role,
        state: &mut State,
        changes: &[KeyChange],
        window: &Window<'_>,
    ) -> Result<(), Broken> {
        let quorum = usize::from(state.profile.quorum_admin);
        let keys = Arc::make_mut(&mut state.keys);
        let mut newer = None;
        for change in changes {
            check_role(role, change)?;
            keys.remember(&change.key);
            match change.action {
                _ if change.role.reserved() => {}
                Action::Add | Action::Replace if change.role == Role::Checkpoint => {
                    self.add_epoch(record, keys, change)?;
                    newer = newer.or(change.key.known().is_none().then_some(record.seq));
                }
                Action::Add | Action::Replace => add_member(record, keys, change)?,
                Action::Retire => retire(keys, change)?,
                Action::Drop => drop_epoch(record, keys, change)?,
                Action::Compromised => mark(record, keys, change)?,
            }
        }
        let admins = keys.count(Role::Admin);
        if admins < quorum.max(1) {
            return broken(
                Reason::Follows,
                format!("{admins} keys would have the role admin, and {quorum} are to sign"),
            );
        }
        if window.any(|profile| profile.separate) && !keys.separate() {
            return broken(Reason::Follows, "a key would have two roles, which the profile forbids");
        }
        // Heads of a key that this reader does not know are a newer reader's.
        state.undecided = state.undecided.or(newer);
        Ok(())
    }

    fn add_epoch(&self, record: &ClassZero<'_>, keys: &mut Keys, change: &KeyChange) -> Result<(), Broken> {
        let next = u32::try_from(keys.epochs.len()).unwrap_or(u32::MAX);
        let Some(epoch) = change.epoch.filter(|&epoch| epoch == next) else {
            return refuse(change, "its epoch does not follow");
        };
        if keys.epochs.iter().any(|before| before.key.same(&change.key)) {
            return refuse(change, "the key was that of an epoch before");
        }
        if change.key.name() != self.origin() {
            return refuse(change, "the name of a checkpoint key is the log's origin");
        }
        keys.remember(&change.key);
        let (key, added) = (change.key.clone(), Some(record.seq));
        keys.epochs.push(Epoch { epoch, key, added, dropped: None, replaced: change.reason });
        Ok(())
    }
}

/// Which roles a key act of a role changes.
fn check_role(role: Role, change: &KeyChange) -> Result<(), Broken> {
    let fits = match role {
        Role::Recovery => {
            matches!(change.role, Role::Admin | Role::Recovery)
                && matches!(change.action, Action::Add | Action::Retire | Action::Compromised)
        }
        _ => change.role != Role::Recovery,
    };
    if fits {
        Ok(())
    } else {
        refuse(change, "recovery keys are changed by recovery alone, which changes admins besides")
    }
}

fn add_member(record: &ClassZero<'_>, keys: &mut Keys, change: &KeyChange) -> Result<(), Broken> {
    if keys.has(change.role, &change.key) {
        return refuse(change, "the key has the role already");
    }
    keys.remember(&change.key);
    keys.members.push(Member { role: change.role, key: change.key.clone(), added: Some(record.seq) });
    Ok(())
}

fn retire(keys: &mut Keys, change: &KeyChange) -> Result<(), Broken> {
    let own = |member: &Member| member.role == change.role && member.key == change.key;
    match keys.members.iter().position(own) {
        Some(at) => {
            keys.members.remove(at);
            Ok(())
        }
        None => refuse(change, "the key does not have the role"),
    }
}

/// An epoch is given up only while no later one is there; epoch 0 has signed.
fn drop_epoch(record: &ClassZero<'_>, keys: &mut Keys, change: &KeyChange) -> Result<(), Broken> {
    match keys.epochs.last_mut() {
        Some(last) if Some(last.epoch) == change.epoch && last.key == change.key && last.dropped.is_none() => {
            last.dropped = Some(record.seq);
            Ok(())
        }
        _ => refuse(change, "it is not the newest epoch, which alone can be dropped"),
    }
}

fn mark(record: &ClassZero<'_>, keys: &mut Keys, change: &KeyChange) -> Result<(), Broken> {
    let Some(since) = change.since else { return refuse(change, "it does not say since when") };
    if since.head.size > record.frame_no {
        return refuse(change, "the last head that is held good is not there yet");
    }
    let had = keys.epochs.iter().any(|epoch| epoch.key.same(&change.key)) && change.role == Role::Checkpoint;
    if !had && !keys.known.iter().any(|known| known.same(&change.key)) {
        return refuse(change, "nobody knows the key");
    }
    keys.doubts.push(Doubt { seq: record.seq, role: change.role, key: change.key.clone(), since });
    Ok(())
}
