//! A state: everything that the acts up to one of them say.
//!
//! ```text
//! S(i) = policies, open holds, keys, schedule, profile, corrections of the clock, end          S(i+1) shares what did not change
//! ```
//!
//! Invariants: a state never changes once it stands; its parts are shared between states, so that a log with many acts keeps
//! each part once. Not here: how the next one comes about (`follow`), which states are asked (`asked`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::keys::{FirstKeys, Keys};
use crate::act::{Clock, Profile, Schedule};
use crate::descriptor::Hash;
use crate::retention::Policy;

/// What the acts up to one of them say.
#[derive(Debug, Clone)]
pub struct State {
    pub(super) policies: Arc<BTreeMap<String, Policy>>,
    /// Places in the charter's list of holds, by name.
    pub(super) holds: Arc<BTreeMap<String, usize>>,
    pub(super) keys: Arc<Keys>,
    pub(super) schedule: Arc<Schedule>,
    /// How each class that a schedule ever named commits its groups.
    pub(super) trees: Arc<BTreeMap<u16, u8>>,
    pub(super) profile: Arc<Profile>,
    pub(super) clocks: Arc<Vec<Clock>>,
    pub(super) end: Option<Option<Hash>>,
    pub(super) undecided: Option<u64>,
}

impl State {
    pub(super) fn first(keys: &FirstKeys) -> Self {
        let schedule = Schedule::default();
        Self {
            policies: Arc::default(),
            holds: Arc::default(),
            keys: Arc::new(Keys::new(keys)),
            trees: Arc::new(schedule.rules.iter().map(|rule| (rule.class, rule.trees)).collect()),
            schedule: Arc::new(schedule),
            profile: Arc::default(),
            clocks: Arc::default(),
            end: None,
            undecided: None,
        }
    }

    /// Policies in force, ascending by name.
    pub fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.policies.values().filter(|policy| policy.duty.is_some())
    }

    /// The newest version of a policy, retired ones too.
    pub fn policy(&self, name: &str) -> Option<&Policy> {
        self.policies.get(name)
    }

    /// Names of open holds, ascending.
    pub fn hold_names(&self) -> impl Iterator<Item = &str> {
        self.holds.keys().map(String::as_str)
    }

    /// Keys by role.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The class schedule.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// How a class commits its groups: 0 together, 1 apart; together where no schedule says otherwise.
    pub fn trees(&self, class: u16) -> u8 {
        self.trees.get(&class).copied().unwrap_or(0)
    }

    /// The profile.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Corrections of the clock, in the order they came.
    pub fn clocks(&self) -> &[Clock] {
        &self.clocks
    }

    /// The successor's identity, where the log has ended and has one.
    pub fn end(&self) -> Option<Option<Hash>> {
        self.end
    }

    /// Seq of the first record that this reader cannot decide.
    pub fn undecided(&self) -> Option<u64> {
        self.undecided
    }
}

/// A second as corrections have it: not later than any of those that cover its record.
pub(super) fn corrected(clocks: &[Clock], seq: u64, second: i64) -> i64 {
    let covers = |clock: &&Clock| clock.from <= seq && seq < clock.through;
    let limit = |clock: &Clock| i64::try_from(clock.not_after).unwrap_or(i64::MAX);
    clocks.iter().filter(covers).map(limit).fold(second, i64::min)
}
