//! Whether what is gone of one frame might go, deletion by deletion.
//!
//! ```text
//! descriptor, what is shown of it + deletions, in order  ->  what each removed, what nothing declares, what cannot be known
//! ```
//!
//! Invariants: a part counts as removed by the first deletion that names it, and none may name it again. A class that goes as
//! a whole is judged by its class table's latest times, a record that goes alone by the times and the envelope of its stub.
//! Where a later deletion took the stub too, the earlier one cannot be judged any more, which is counted.

use super::audit::{Effect, FrameEvidence};
use super::finding::{Finding, FindingKind, Place};
use super::history::Deletion;
use super::rules::FramePlan;
use crate::descriptor::{ClassEntry, Descriptor};
use crate::record::GROUPS;

/// What a deletion did to a frame, and what was gone before it.
struct Step<'a> {
    deletion: &'a Deletion,
    part: FramePlan,
    /// Positions without group `k`, before and after.
    before: [u128; GROUPS],
    after: [u128; GROUPS],
}

/// A frame under the deletions that name it.
pub(super) struct FrameCheck<'a> {
    descriptor: &'a Descriptor,
    evidence: &'a FrameEvidence<'a>,
    steps: Vec<Step<'a>>,
    findings: Vec<Finding>,
}

/// Positions whose groups 1 to 3 are gone: with group 0 still there, a stub row.
fn without_groups(gone: &[u128; GROUPS]) -> u128 {
    gone[1] & gone[2] & gone[3]
}

impl<'a> FrameCheck<'a> {
    pub(super) fn new(descriptor: &'a Descriptor, evidence: &'a FrameEvidence<'a>, deletions: &'a [Deletion]) -> Self {
        let mut steps: Vec<Step<'_>> = Vec::new();
        let mut before = [0; GROUPS];
        for deletion in deletions.iter().filter(|deletion| deletion.may_have_removed()) {
            let part = deletion.plan.of_frame(descriptor);
            if part.is_empty() {
                continue;
            }
            let removal = part.removal(descriptor);
            let after = std::array::from_fn(|k| before[k] | removal.positions(k));
            steps.push(Step { deletion, part, before, after });
            before = after;
        }
        Self { descriptor, evidence, steps, findings: Vec::new() }
    }

    /// Runs all checks: effects by intent, and what is wrong.
    pub(super) fn run(mut self) -> (Vec<(u64, Effect)>, Vec<Finding>) {
        let mut effects = Vec::with_capacity(self.steps.len());
        for at in 0..self.steps.len() {
            if let Some(effect) = self.step(at) {
                effects.push(effect);
            }
        }
        self.presence();
        (effects, self.findings)
    }

    fn find(&mut self, kind: FindingKind, intent: u64, place: Place, problem: &'static str) {
        self.findings.push(Finding::new(kind, Some(intent), Some(place), problem));
    }

    fn seq(&self, positions: u128) -> Place {
        Place::Seq(self.descriptor.first_seq.saturating_add(positions.trailing_zeros().into()))
    }

    fn class(&self, entry: &ClassEntry) -> Place {
        Place::Class { frame_no: self.descriptor.frame_no, class: entry.class }
    }

    fn step(&mut self, at: usize) -> Option<(u64, Effect)> {
        let step = self.steps.get(at)?;
        let (deletion, before, after, part) = (step.deletion, step.before, step.after, step.part.clone());
        let (intent, descriptor) = (deletion.intent, self.descriptor);
        let frame = Place::Frame(descriptor.frame_no);
        if deletion.plan.segment_of(descriptor.frame_no).is_none() || descriptor.frame_no >= deletion.frame_no {
            self.find(FindingKind::Plan, intent, frame, "the frame lies in no segment of the plan");
        }
        if deletion.rules.unresolved_hold(descriptor).is_some() {
            self.find(FindingKind::Held, intent, frame, "a hold was open that had not been resolved up to its end");
        }
        let touched: u128 = (0..GROUPS).fold(0, |all, k| all | (after[k] & !before[k]));
        let held = deletion.rules.held_positions(descriptor) & touched;
        if held != 0 {
            self.find(FindingKind::Held, intent, self.seq(held), "a hold held the record");
        }
        self.overlaps(intent, &part, &before);
        self.classes(deletion, &part, &before);
        let mut effect = Effect { frames: 1, ..Effect::default() };
        for entry in &descriptor.classes {
            let singles = (part.records | part.envelopes | part.identity | part.payload) & entry.positions;
            if entry.class == 0 && singles != 0 {
                self.find(FindingKind::Eligible, intent, self.seq(singles), "class 0 is permanent");
                continue;
            }
            let named = part.classes.contains(&(entry.class, 0));
            let all_gone = after[0] & entry.positions == entry.positions;
            if all_gone && !named && before[0] & entry.positions != entry.positions {
                self.find(
                    FindingKind::Eligible,
                    intent,
                    self.class(entry),
                    "its records go alone until none is left, where only the class may go",
                );
            }
            effect.unknown += self.singles(at, entry, singles);
            let rows_before = before[0] | without_groups(&before);
            let rows_after = after[0] | without_groups(&after);
            let records = (rows_after & !rows_before & entry.positions).count_ones();
            effect.add(entry.class, records);
            let stay = entry.positions & !rows_after;
            effect.identity += u64::from((after[1] & !before[1] & stay).count_ones());
            effect.payload += u64::from((after[3] & !before[3] & stay).count_ones());
        }
        Some((intent, effect))
    }

    /// Nothing is named twice, by one plan or by two.
    fn overlaps(&mut self, intent: u64, part: &FramePlan, before: &[u128; GROUPS]) {
        let FramePlan { records, envelopes, identity, payload, .. } = *part;
        let of = |k: u8| {
            let named = self.descriptor.classes.iter().filter(|entry| part.classes.contains(&(entry.class, k)));
            named.fold(0u128, |all, entry| all | entry.positions)
        };
        let twice = (records & envelopes)
            | ((records | envelopes) & (identity | payload))
            | (of(0) & (records | envelopes | identity | payload | of(1) | of(2) | of(3)))
            | (of(1) & identity)
            | (of(3) & payload);
        if twice != 0 {
            self.find(FindingKind::Plan, intent, self.seq(twice), "the plan names it twice");
        }
        let again = (records & before[0])
            | (envelopes & (before[0] | without_groups(before)))
            | (identity & before[1])
            | (payload & before[3]);
        if again != 0 {
            self.find(FindingKind::Plan, intent, self.seq(again), "it was gone before");
        }
    }

    /// Whole classes.
    fn classes(&mut self, deletion: &Deletion, part: &FramePlan, before: &[u128; GROUPS]) {
        for &(class, group) in &part.classes {
            let k = usize::from(group);
            let Some(entry) = self.descriptor.classes.iter().find(|entry| entry.class == class) else {
                let place = Place::Class { frame_no: self.descriptor.frame_no, class };
                self.find(FindingKind::Plan, deletion.intent, place, "the frame has no record of the class");
                continue;
            };
            if !deletion.rules.class_expired(entry, k) {
                self.find(
                    FindingKind::Eligible,
                    deletion.intent,
                    self.class(entry),
                    "no policy, or not every policy, had let the latest of its records go",
                );
            }
            if before.get(k).is_some_and(|gone| entry.positions & !gone == 0) {
                self.find(FindingKind::Plan, deletion.intent, self.class(entry), "it was gone before");
            }
        }
    }

    /// Records of a class that a step names alone; gives how many cannot be judged any more.
    fn singles(&mut self, at: usize, entry: &ClassEntry, mut positions: u128) -> u64 {
        let mut unknown = 0;
        while positions != 0 {
            let position = positions.trailing_zeros();
            positions &= positions - 1;
            let Some(step) = self.steps.get(at) else { break };
            let (intent, bit) = (step.deletion.intent, 1u128 << position);
            let group = [(step.part.identity, 1), (step.part.payload, 3)];
            let parts = [(step.part.records | step.part.envelopes, 0)].into_iter().chain(group);
            let parts: Vec<usize> = parts.filter(|(bits, _)| bits & bit != 0).map(|(_, k)| k).collect();
            let closed = step.part.records & bit != 0;
            for k in parts {
                match self.single(at, entry, position, k, closed) {
                    Judged::Fine => {}
                    Judged::Unknown => unknown += 1,
                    Judged::Wrong(kind, problem) => self.find(kind, intent, self.seq(bit), problem),
                }
            }
        }
        unknown
    }

    fn single(&self, at: usize, entry: &ClassEntry, position: u32, k: usize, closed: bool) -> Judged {
        let (Some(step), Some(last)) = (self.steps.get(at), self.steps.last()) else { return Judged::Unknown };
        if last.after[0] & entry.positions == entry.positions {
            // The class is gone as a whole, stubs and all.
            return Judged::Unknown;
        }
        let Some(row) = self.evidence.rows.iter().find(|row| u32::from(row.position) == position) else {
            return Judged::Wrong(FindingKind::Evidence, "its stub is left out");
        };
        let rules = &step.deletion.rules;
        if rules.closed_expired(entry.class, k, row.recorded, row.occurred) {
            return Judged::Fine;
        }
        if closed {
            return Judged::Wrong(FindingKind::Eligible, "not every policy of its class had let the record go");
        }
        let Some(record) = &row.record else {
            return match last.after[0] >> position & 1 {
                0 => Judged::Wrong(FindingKind::Evidence, "its envelope is closed, though a filter decided"),
                _ => Judged::Unknown,
            };
        };
        match rules.open_expired(record, k) {
            Ok(true) => Judged::Fine,
            Ok(false) => {
                Judged::Wrong(FindingKind::Eligible, "no policy, or not every policy that matches, had let it go")
            }
            Err(_) => Judged::Wrong(FindingKind::Evidence, "its envelope is not canonical"),
        }
    }

    /// What is gone is declared, and what is declared as done is gone.
    fn presence(&mut self) {
        let mut executed = [0u128; GROUPS];
        let mut by = None;
        for step in self.steps.iter().filter(|step| step.deletion.has_removed()) {
            for (k, executed) in executed.iter_mut().enumerate() {
                *executed |= step.after[k] & !step.before[k];
            }
            by = Some(step.deletion.intent);
        }
        let declared = self.steps.last().map_or([0; GROUPS], |step| step.after);
        for k in 0..GROUPS {
            let there = executed[k] & self.evidence.there[k];
            if there != 0 {
                let problem = format!("group {k} is there, though the deletion is said to be done");
                let place = Some(self.seq(there));
                self.findings.push(Finding::new(FindingKind::StillThere, by, place, problem));
            }
            let undeclared = self.evidence.gone[k] & !declared[k];
            if undeclared != 0 {
                let problem = format!("group {k} is gone, and no deletion declares it: removed without authority");
                let place = Some(self.seq(undeclared));
                self.findings.push(Finding::new(FindingKind::Undeclared, None, place, problem));
                return;
            }
        }
    }
}

enum Judged {
    Fine,
    Unknown,
    Wrong(FindingKind, &'static str),
}
