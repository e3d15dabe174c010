//! What every state that is asked lets go: one question for who plans and for who checks.
//!
//! ```text
//! Moment { head, newest, at } -> states S(f) .. S(n) -> Terms { rules of each state, all their holds } -> class_may_go, closed_may_go, open_may_go
//! ```
//!
//! Invariants ([ACT-19]): a part may go only if the rules of every state let it, and no hold of any of them holds it; where a hold has no text, or a record is not
//! decided, nothing goes. The rules themselves are `retention::Rules`, one for each state. Not here: which records there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::holds::{Hold, Holding};
use super::register::{Charter, Deletion, Version};
use super::state::{State, corrected};
use crate::act::Clock;
use crate::bundle::{Filter, Open};
use crate::descriptor::{ClassEntry, Descriptor};
use crate::error::FormatError;
use crate::record::Record;
use crate::retention::{Decides, FramePlan, PlanSource, Rules, SeqSet, plan_frame};

/// When, and over which acts, is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Frames under a signed head.
    pub head: u64,
    /// Acts in frames below this count; `u64::MAX`: all that are durable.
    pub newest: u64,
    /// The time that durations count back from, seconds since 1970.
    pub at: u64,
    /// With a profile that asks for witnesses: the cosignature's time, which notices must have passed at too.
    pub witnessed: Option<u64>,
}

impl Moment {
    /// Everything that is durable, at a time.
    pub fn now(head: u64, at: u64) -> Self {
        Self { head, newest: u64::MAX, at, witnessed: None }
    }

    /// The second at which notices must have passed.
    fn second(&self) -> i64 {
        i64::try_from(self.witnessed.map_or(self.at, |time| time.min(self.at))).unwrap_or(i64::MAX)
    }
}

/// Why nothing may go at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blocked {
    /// An open hold has no text, so nobody can say what it holds.
    HoldWithoutText(String),
    /// A record that this reader does not know decides.
    Undecided(u64),
}

/// Rules of one state.
#[derive(Debug, Clone)]
struct Set {
    rules: Rules,
    clocks: Arc<Vec<Clock>>,
}

/// What every state that is asked lets go.
#[derive(Debug, Clone)]
pub struct Terms {
    sets: Vec<Set>,
    holds: Vec<(Hold, Option<Filter>)>,
    resolved: Vec<(String, u64)>,
    held: Arc<SeqSet>,
    blocked: Option<Blocked>,
    at: u64,
}

impl Charter {
    /// States that are asked at a moment, the oldest first: the newest one in force for certain, and all that are pending.
    pub fn states(&self, moment: &Moment) -> impl Iterator<Item = &State> {
        self.asked(moment).iter().map(|version| &version.state)
    }

    /// What all states from the signed head to the newest one let go ([ACT-19]).
    pub fn between(&self, moment: &Moment) -> Terms {
        self.terms(self.asked(moment), moment)
    }

    /// What could go by a deletion: asked as of the head of `size` frames that its files name, and of every state from the intent's charter on.
    pub fn terms_of(&self, deletion: &Deletion, size: u64, witnessed: Option<u64>) -> Terms {
        let moment = Moment { head: size, newest: size, at: deletion.intent.plan.at, witnessed };
        let newest = self.newest_below(size);
        let named = self.versions().iter().rposition(|version| version.charter == deletion.charter).unwrap_or(0);
        let from = self.frontier(moment.head, newest, moment.second()).min(named);
        self.terms(self.versions().get(from..=newest).unwrap_or_default(), &moment)
    }

    fn newest_below(&self, frames: u64) -> usize {
        let there = |version: &&Version| version.frame_no < frames || frames == u64::MAX;
        self.versions().iter().skip(1).take_while(there).count()
    }

    fn asked(&self, moment: &Moment) -> &[Version] {
        let newest = self.newest_below(moment.newest);
        let from = self.frontier(moment.head, newest, moment.second());
        self.versions().get(from..=newest).unwrap_or_default()
    }

    fn terms(&self, versions: &[Version], moment: &Moment) -> Terms {
        let mut open: BTreeMap<u64, &Hold> = BTreeMap::new();
        for version in versions {
            open.extend(self.holds_of(&version.state).map(|hold| (hold.seq, hold)));
        }
        let mut blocked = versions.iter().find_map(|version| version.state.undecided).map(Blocked::Undecided);
        let (mut held, mut resolved, mut holds) = (SeqSet::new(), Vec::new(), Vec::new());
        for hold in open.into_values() {
            let (through, seqs) = hold.until(moment.newest);
            held = held.union(&seqs);
            resolved.push((hold.placed.name.clone(), through));
            let filter = self.hold_text(&hold.placed.commit).map(|(_, filter)| filter.clone());
            if filter.is_none() {
                blocked = blocked.or_else(|| Some(Blocked::HoldWithoutText(hold.placed.name.clone())));
            }
            holds.push((hold.clone(), filter));
        }
        let held = Arc::new(held);
        let mut sets: Vec<Set> = Vec::new();
        let mut before: Option<&State> = None;
        for version in versions {
            let state = &version.state;
            let same = before.is_some_and(|before| {
                Arc::ptr_eq(&before.policies, &state.policies) && Arc::ptr_eq(&before.clocks, &state.clocks)
            });
            before = Some(state);
            if !same {
                let policies = state.policies().cloned().collect();
                let rules = Rules::new(policies, resolved.clone(), Arc::clone(&held), moment.at);
                sets.push(Set { rules, clocks: Arc::clone(&state.clocks) });
            }
        }
        Terms { sets, holds, resolved, held, blocked, at: moment.at }
    }
}

impl Terms {
    /// The time that durations count back from.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// Why nothing may go at all.
    pub fn blocked(&self) -> Option<&Blocked> {
        self.blocked.as_ref()
    }

    /// Rules of each state that is asked, the oldest first; states that ask for the same are one.
    pub fn rules(&self) -> impl Iterator<Item = &Rules> {
        self.sets.iter().map(|set| &set.rules)
    }

    /// Open holds of all states, and what each is for.
    pub fn holds(&self) -> &[(Hold, Option<Filter>)] {
        &self.holds
    }

    /// Every seq that is committed as held.
    pub fn held(&self) -> &SeqSet {
        &self.held
    }

    /// The same terms with more records held: what filters found among those that would lose something.
    #[must_use]
    pub fn with_held(mut self, more: &SeqSet) -> Self {
        self.held = Arc::new(self.held.union(more));
        self
    }

    /// Name of a hold that holds a record, and why; `there` are the parts of the record that are open.
    ///
    /// # Errors
    /// Where the record's bytes are not canonical.
    pub fn holding(&self, record: &Record, there: Open) -> Result<Option<(&str, Holding)>, FormatError> {
        for (hold, filter) in &self.holds {
            let why = match filter {
                Some(filter) => hold.holds(filter, record, there)?,
                None => Some(Holding::Undecidable),
            };
            if let Some(why) = why {
                return Ok(Some((&hold.placed.name, why)));
            }
        }
        Ok(None)
    }

    /// An open hold that is not resolved up to a frame's end: nothing of the frame may go before it is ([RET-11]).
    pub fn unresolved_hold(&self, descriptor: &Descriptor) -> Option<&str> {
        let end = descriptor.first_seq.saturating_add(descriptor.count.into());
        self.resolved.iter().find(|(_, through)| *through < end).map(|(name, _)| name.as_str())
    }

    /// What of a frame may go, and is there to go.
    ///
    /// # Errors
    /// What the source says, or that a record is not canonical.
    pub fn plan_frame<S: PlanSource>(&self, descriptor: &Descriptor, source: &mut S) -> Result<FramePlan, S::Error> {
        plan_frame(self, descriptor, source)
    }

    fn all(&self, lets: impl Fn(&Set) -> bool) -> bool {
        self.blocked.is_none() && !self.sets.is_empty() && self.sets.iter().all(lets)
    }
}

impl Set {
    /// The latest second at which a record of a class of a frame counts as recorded.
    fn latest(&self, descriptor: &Descriptor, entry: &ClassEntry) -> i64 {
        if self.clocks.is_empty() {
            return entry.recorded_max;
        }
        let of = |position: u32| {
            let seq = descriptor.first_seq.saturating_add(position.into());
            corrected(&self.clocks, seq, entry.recorded_max)
        };
        entry.ranks().map(of).max().unwrap_or(entry.recorded_max)
    }
}

impl Decides for Terms {
    fn held_positions(&self, descriptor: &Descriptor) -> u128 {
        self.held.window(descriptor.first_seq) & descriptor.all_positions()
    }

    fn class_may_go(&self, descriptor: &Descriptor, entry: &ClassEntry, k: usize) -> bool {
        self.all(|set| set.rules.closed_expired(entry.class, k, set.latest(descriptor, entry), entry.occurred_max))
    }

    fn closed_may_go(&self, record: (u64, u16), k: usize, recorded: i64, occurred: i64) -> bool {
        let (seq, class) = record;
        self.all(|set| set.rules.closed_expired(class, k, corrected(&set.clocks, seq, recorded), occurred))
    }

    fn open_may_go(&self, record: &Record, k: usize) -> Result<bool, FormatError> {
        if self.blocked.is_some() || self.sets.is_empty() {
            return Ok(false);
        }
        for set in &self.sets {
            let recorded = corrected(&set.clocks, record.seq, record.recorded_at.div_euclid(1_000_000_000));
            if !set.rules.open_expired_at(record, k, recorded)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn looks_at_records(&self, entry: &ClassEntry, held: u128) -> bool {
        self.sets.iter().any(|set| set.rules.looks_at_records(entry, held))
    }
}
