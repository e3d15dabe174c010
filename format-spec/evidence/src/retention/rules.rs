//! What may be deleted at a time: a pure function of policies, holds, class tables and records.
//!
//! ```text
//! policies in force, held seqs, at -> Rules --+-- plan_frame(descriptor, source) -> FramePlan -> commit::Removal
//!                                             +-- class_expired, closed_expired, open_expired: what a checker asks
//! ```
//!
//! Invariants: who plans a purge and who checks it ask the same questions here. What no policy matches is kept for ever, the
//! longest duty wins, a held record stays whole. Class 0 never expires. A class goes from a frame as a whole only where its
//! latest times say so, also where its records went one after the other ([RET-12]). Not here: which policies are in force
//! (`register`). Specified in `format-spec/13-retention.md`.

use std::sync::Arc;

use super::policy::{Basis, Duty, Policy};
use super::seqset::SeqSet;
use crate::commit::Removal;
use crate::descriptor::{ClassEntry, Descriptor};
use crate::error::FormatError;
use crate::record::{GROUPS, Record};

const SECOND: i64 = 1_000_000_000;

/// Policies and holds of one moment, asked at one time.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    policies: Vec<Policy>,
    holds: Vec<(String, u64)>,
    held: Arc<SeqSet>,
    at: u64,
}

/// What goes of one frame; bitmaps are of positions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FramePlan {
    /// Classes that go as a whole (group 0) or lose a group, ascending.
    pub classes: Vec<(u16, u8)>,
    /// Records that go on their own, with a closed stub.
    pub records: u128,
    /// Records that go on their own but for group 0.
    pub envelopes: u128,
    /// Records that stay and lose group 1.
    pub identity: u128,
    /// Records that stay and lose group 3.
    pub payload: u128,
}

/// What a plan asks of a frame beyond its descriptor; asked only where needed.
pub trait PlanSource {
    /// Why the frame cannot be read.
    type Error: From<FormatError>;

    /// Positions that do not have group `k` any more.
    ///
    /// # Errors
    /// Where the frame cannot be read.
    fn gone(&mut self) -> Result<[u128; GROUPS], Self::Error>;

    /// Records by position; `None` where removed, a group that was erased is empty.
    ///
    /// # Errors
    /// Where the frame cannot be read.
    fn records(&mut self) -> Result<Vec<Option<Record>>, Self::Error>;
}

/// What one policy asks for one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Name of the policy.
    pub policy: String,
    /// Its version.
    pub version: u32,
    /// The time it counts from.
    pub basis: Basis,
    /// The last whole second at which the policy keeps the record.
    pub keeps_until: i64,
    /// The last whole second at which it keeps the identity group, where that is shorter.
    pub identity_until: Option<i64>,
    /// The last whole second at which it keeps the payload group, where that is shorter.
    pub payload_until: Option<i64>,
}

impl FramePlan {
    /// Whether nothing goes.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty() && (self.records | self.envelopes | self.identity | self.payload) == 0
    }

    /// Records that go, and records that stay and lose group 1, and group 3; `gone` are the positions without group `k` before.
    /// A stub row counts as gone.
    pub fn counts(&self, descriptor: &Descriptor, gone: &[u128; GROUPS]) -> [u64; 3] {
        let removal = self.removal(descriptor);
        let after: [u128; GROUPS] = std::array::from_fn(|k| gone.get(k).copied().unwrap_or(0) | removal.positions(k));
        let rows = |gone: &[u128; GROUPS]| gone[0] | (gone[1] & gone[2] & gone[3]);
        let lost = |k: usize| after[k] & !gone[k] & !rows(&after);
        [rows(&after) & !rows(gone), lost(1), lost(3)].map(|bits| bits.count_ones().into())
    }

    /// The same for the commitments.
    pub fn removal(&self, descriptor: &Descriptor) -> Removal {
        let mut removal = Removal::new().records(self.records).group(1, self.identity).group(3, self.payload);
        for k in 1..GROUPS {
            removal = removal.group(k, self.envelopes);
        }
        for &(class, group) in &self.classes {
            removal = match group {
                0 => removal.class(descriptor, class),
                group => removal.class_group(descriptor, class, group.into()),
            };
        }
        removal
    }
}

impl Rules {
    /// Rules at a time (whole seconds): policies in force ascending by name, open holds with their `through`, what they hold.
    pub fn new(policies: Vec<Policy>, holds: Vec<(String, u64)>, held: Arc<SeqSet>, at: u64) -> Self {
        Self { policies, holds, held, at }
    }

    /// The time that durations count back from.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// Policies in force, ascending by name.
    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// Open holds and how far each is resolved, ascending by name.
    pub fn holds(&self) -> &[(String, u64)] {
        &self.holds
    }

    /// Every seq that an open hold holds.
    pub fn held(&self) -> &SeqSet {
        &self.held
    }

    /// An open hold that is not resolved up to a frame's end: nothing of the frame may go before it is ([RET-11]).
    pub fn unresolved_hold(&self, descriptor: &Descriptor) -> Option<&str> {
        let end = descriptor.first_seq.saturating_add(descriptor.count.into());
        self.holds.iter().find(|(_, through)| *through < end).map(|(name, _)| name.as_str())
    }

    /// Positions of a frame that are held.
    pub fn held_positions(&self, descriptor: &Descriptor) -> u128 {
        self.held.window(descriptor.first_seq) & descriptor.all_positions()
    }

    fn possible(&self, class: u16) -> impl Iterator<Item = (&Policy, &Duty)> {
        let in_force = self.policies.iter().filter_map(|policy| Some((policy, policy.duty.as_ref()?)));
        in_force.filter(move |(_, duty)| duty.covers_class(class))
    }

    /// Whether every policy that can match a record of the class lets group `k` go at these times (whole seconds), one of
    /// them whatever the record is: decided without seeing it. Group 0 stands for the record ([RET-9]).
    pub fn closed_expired(&self, class: u16, k: usize, recorded: i64, occurred: i64) -> bool {
        let mut certain = false;
        for (_, duty) in self.possible(class) {
            if !self.expired(duty, k, recorded, occurred) {
                return false;
            }
            certain |= duty.filter.is_none();
        }
        certain
    }

    /// Whether some policy matches the record, whose group 0 is there, and every one that does lets group `k` go ([RET-10]).
    ///
    /// # Errors
    /// Where the record's group 0 is not canonical.
    pub fn open_expired(&self, record: &Record, k: usize) -> Result<bool, FormatError> {
        self.open_expired_at(record, k, record.recorded_at.div_euclid(SECOND))
    }

    /// The same for a record that counts as recorded at this second ([ACT-14]).
    ///
    /// # Errors
    /// Where the record's group 0 is not canonical.
    pub fn open_expired_at(&self, record: &Record, k: usize, recorded: i64) -> Result<bool, FormatError> {
        let (_, occurred) = times_of(record)?;
        let mut matched = false;
        for (_, duty) in self.possible(record.class) {
            if !matches(duty, record)? {
                continue;
            }
            if !self.expired(duty, k, recorded, occurred) {
                return Ok(false);
            }
            matched = true;
        }
        Ok(matched)
    }

    /// Whether group `k` of a whole class goes from a frame, by the latest times of the class ([RET-9]). Holds are apart.
    pub fn class_expired(&self, entry: &ClassEntry, k: usize) -> bool {
        self.closed_expired(entry.class, k, entry.recorded_max, entry.occurred_max)
    }

    fn expired(&self, duty: &Duty, k: usize, recorded: i64, occurred: i64) -> bool {
        let time = if duty.basis == Basis::Recorded { recorded } else { occurred };
        duty.keep_of(k).is_some_and(|keep| i128::from(time) < i128::from(self.at) - i128::from(keep))
    }

    /// What of a frame may go, and is there to go.
    ///
    /// # Errors
    /// What the source says, or that a record is not canonical.
    pub fn plan_frame<S: PlanSource>(&self, descriptor: &Descriptor, source: &mut S) -> Result<FramePlan, S::Error> {
        plan_frame(self, descriptor, source)
    }

    /// What each policy that matches a record asks for. None: it is kept for ever.
    ///
    /// # Errors
    /// Where the record's group 0 is not canonical.
    pub fn explain(&self, record: &Record) -> Result<Vec<Explanation>, FormatError> {
        let (recorded, occurred) = times_of(record)?;
        let mut list = Vec::new();
        for (policy, duty) in self.possible(record.class) {
            if !matches(duty, record)? {
                continue;
            }
            let time = if duty.basis == Basis::Recorded { recorded } else { occurred };
            let until = |keep: u64| time.saturating_add_unsigned(keep);
            list.push(Explanation {
                policy: policy.name.clone(),
                version: policy.version,
                basis: duty.basis,
                keeps_until: until(duty.keep),
                identity_until: duty.identity_keep.map(until),
                payload_until: duty.payload_keep.map(until),
            });
        }
        Ok(list)
    }
}

impl Decides for Rules {
    fn held_positions(&self, descriptor: &Descriptor) -> u128 {
        Rules::held_positions(self, descriptor)
    }

    fn class_may_go(&self, _: &Descriptor, entry: &ClassEntry, k: usize) -> bool {
        self.class_expired(entry, k)
    }

    fn closed_may_go(&self, (_, class): (u64, u16), k: usize, recorded: i64, occurred: i64) -> bool {
        self.closed_expired(class, k, recorded, occurred)
    }

    fn open_may_go(&self, record: &Record, k: usize) -> Result<bool, FormatError> {
        self.open_expired(record, k)
    }

    fn looks_at_records(&self, entry: &ClassEntry, held: u128) -> bool {
        let decides = |(_, duty): (&Policy, &Duty)| duty.basis == Basis::Event || duty.filter.is_some();
        self.possible(entry.class).next().is_some()
            && (held & entry.positions != 0 || self.possible(entry.class).any(decides))
    }
}

/// Who says what may go: the rules of one state, or those of several together (`charter`).
pub trait Decides {
    /// Positions of a frame that are held.
    fn held_positions(&self, descriptor: &Descriptor) -> u128;

    /// Whether group `k` of a whole class goes from a frame ([RET-9]); group 0 stands for the records.
    fn class_may_go(&self, descriptor: &Descriptor, entry: &ClassEntry, k: usize) -> bool;

    /// Whether group `k` of a record goes whatever the record is, by seq and class and its times in seconds ([RET-9]).
    fn closed_may_go(&self, record: (u64, u16), k: usize, recorded: i64, occurred: i64) -> bool;

    /// Whether group `k` of a record goes that is looked at ([RET-10]).
    ///
    /// # Errors
    /// Where the record's group 0 is not canonical.
    fn open_may_go(&self, record: &Record, k: usize) -> Result<bool, FormatError>;

    /// Whether records of the class are looked at one by one: not where they only wait for the latest of them.
    fn looks_at_records(&self, entry: &ClassEntry, held: u128) -> bool;
}

/// What of a frame may go, and is there to go.
///
/// # Errors
/// What the source says, or that a record is not canonical.
pub fn plan_frame<D: Decides, S: PlanSource>(
    decides: &D,
    descriptor: &Descriptor,
    source: &mut S,
) -> Result<FramePlan, S::Error> {
    let held = decides.held_positions(descriptor);
    let mut plan = FramePlan::default();
    let mut gone = None;
    let mut records: Option<Vec<Option<Record>>> = None;
    for entry in descriptor.classes.iter().filter(|entry| entry.class != 0) {
        let whole: [bool; GROUPS] =
            std::array::from_fn(|k| held & entry.positions == 0 && decides.class_may_go(descriptor, entry, k));
        let singly = !whole[0] && decides.looks_at_records(entry, held);
        if !singly && whole == [false; GROUPS] {
            continue;
        }
        let gone = match gone {
            Some(gone) => gone,
            None => *gone.insert(source.gone()?),
        };
        if whole[0] {
            if entry.positions & !gone[0] != 0 {
                plan.classes.push((entry.class, 0));
            }
            continue;
        }
        if singly && entry.positions & !gone[0] & !held != 0 {
            let records = match &mut records {
                Some(records) => records,
                none => none.insert(source.records()?),
            };
            plan_singles(decides, entry, held, &gone, &whole, records, &mut plan)?;
        }
        let left = entry.positions & !plan.records & !plan.envelopes;
        for (k, gone) in gone.iter().enumerate().skip(1) {
            if whole.get(k) == Some(&true) && left & !gone != 0 {
                plan.classes.push((entry.class, k as u8));
            }
        }
    }
    Ok(plan)
}

fn plan_singles<D: Decides>(
    decides: &D,
    entry: &ClassEntry,
    held: u128,
    gone: &[u128; GROUPS],
    whole: &[bool; GROUPS],
    records: &[Option<Record>],
    plan: &mut FramePlan,
) -> Result<(), FormatError> {
    let (mut closed, mut open, mut erased) = (0u128, 0u128, [0u128; GROUPS]);
    let stubs = gone[1] & gone[2] & gone[3];
    for position in entry.ranks().filter(|&position| (held | gone[0]) >> position & 1 == 0) {
        let Some(record) = records.get(position as usize).and_then(Option::as_ref) else { continue };
        let (recorded, occurred) = times_of(record)?;
        let bit = 1u128 << position;
        if decides.closed_may_go((record.seq, entry.class), 0, recorded, occurred) {
            closed |= bit;
        } else if decides.open_may_go(record, 0)? {
            open |= bit & !stubs;
        } else {
            for k in [1, 3] {
                if gone[k] & bit == 0 && !whole[k] && decides.open_may_go(record, k)? {
                    erased[k] |= bit;
                }
            }
        }
    }
    // What would leave nothing of the class waits until its latest times let all of it go ([RET-12]).
    if (gone[0] | closed) & entry.positions != entry.positions {
        plan.records |= closed;
    }
    plan.envelopes |= open;
    plan.identity |= erased[1];
    plan.payload |= erased[3];
    Ok(())
}

fn matches(duty: &Duty, record: &Record) -> Result<bool, FormatError> {
    duty.filter.as_ref().map_or(Ok(true), |filter| filter.passes(record))
}

/// Recorded-at and occurred-at of a record whose group 0 is there, whole seconds.
fn times_of(record: &Record) -> Result<(i64, i64), FormatError> {
    let occurred = record.groups.envelope()?.occurred_at;
    Ok((record.recorded_at.div_euclid(SECOND), occurred.div_euclid(SECOND)))
}
