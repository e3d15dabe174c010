//! Which states are asked: from the newest one that is in force for certain, to the newest one of all.
//!
//! ```text
//! S(0) .. S(f)   under the head, notice over            in force: f is the frontier
//! S(f+1) .. S(n) no head yet, or within its notice      pending: asked too, so that they restrict at once and relax later
//! ```
//!
//! Invariants ([ACT-19], [ACT-20]): the frontier never passes an act that is not in force, so a looser profile waits under the old one; the time of an act is
//! corrected by clock acts that have waited themselves. Not here: what the states say (`terms`).

use super::record::ClassZero;
use super::register::{Charter, Version};
use super::state::corrected;
use crate::act::{Clock, KeyText, LineKind, Profile, Role};

/// States that are asked about who may sign.
pub(super) struct Window<'a>(pub(super) &'a [Version]);

impl Window<'_> {
    /// Whether a key has a role in each of them.
    pub(super) fn has(&self, role: Role, key: &KeyText) -> bool {
        self.0.iter().all(|version| version.state.keys().has(role, key))
    }

    /// The largest of a number of their profiles.
    pub(super) fn most(&self, of: impl Fn(&Profile) -> u8) -> usize {
        self.0.iter().map(|version| of(version.state.profile())).max().unwrap_or(1).into()
    }

    /// The smallest of a number of their profiles.
    pub(super) fn least(&self, of: impl Fn(&Profile) -> u64) -> u64 {
        self.0.iter().map(|version| of(version.state.profile())).min().unwrap_or(0)
    }

    /// Whether one of their profiles says so.
    pub(super) fn any(&self, of: impl Fn(&Profile) -> bool) -> bool {
        self.0.iter().any(|version| of(version.state.profile()))
    }

    /// The smallest number of keys that have a role.
    pub(super) fn fewest(&self, role: Role) -> usize {
        self.0.iter().map(|version| version.state.keys().count(role)).min().unwrap_or(0)
    }
}

impl Charter {
    /// States that an act's signers must have the role in: the one before it under the head, all from the head on beyond it.
    /// An intent waits for the notice too, since a grant of the purge role lets something go.
    pub(super) fn window_of(&self, record: &ClassZero<'_>, line: LineKind) -> Window<'_> {
        self.pending_at(record, if line == LineKind::Charter { i64::MAX } else { record.time() })
    }

    /// States from the one in force at a second, seen from a record, to the one before it.
    pub(super) fn pending_at(&self, record: &ClassZero<'_>, now: i64) -> Window<'_> {
        let covered = if self.is_covered(record.frame_no) { u64::MAX } else { self.head() };
        let from = self.frontier(covered, self.versions().len() - 1, now);
        Window(self.versions().get(from..).unwrap_or_default())
    }

    /// The newest version that is in force at a second, where frames below `covered` are under a head; versions up to `newest` are there.
    pub(super) fn frontier(&self, covered: u64, newest: usize, now: i64) -> usize {
        let plain = self.in_force(covered, newest, now, &[]);
        let clocks = self.waited_clocks(covered, plain, newest, now);
        if clocks.is_empty() { plain } else { self.in_force(covered, newest, now, &clocks) }
    }

    fn in_force(&self, covered: u64, newest: usize, now: i64, clocks: &[Clock]) -> usize {
        for (at, pair) in self.versions().windows(2).take(newest).enumerate() {
            let [before, version] = pair else { continue };
            let waits = before.state.profile().purge_notice;
            let time = corrected(clocks, version.seq, version.time);
            if version.frame_no >= covered || i128::from(time) + i128::from(waits) > i128::from(now) {
                return at;
            }
        }
        newest
    }

    /// Clock acts beyond a frontier that have waited the longest notice since, so that nobody shortens a notice with one.
    fn waited_clocks(&self, covered: u64, frontier: usize, newest: usize, now: i64) -> Vec<Clock> {
        let mut waits = 0;
        let mut clocks = Vec::new();
        for (at, version) in self.versions().iter().enumerate().take(newest + 1).skip(frontier) {
            let own = version.clock.filter(|_| at > frontier && version.frame_no < covered);
            if let Some(clock) = own.filter(|_| i128::from(version.time) + i128::from(waits) <= i128::from(now)) {
                clocks.push(clock);
            }
            waits = waits.max(version.state.profile().purge_notice);
        }
        clocks
    }
}
