//! What must hold in every state and for every step of the writer, sentence by sentence.
//!
//! ```text
//! state ──> verify ──accepts──> missing parts were announced, gone ones stay gone, the operator was told the truth,
//!                               the opening accepts, release + policy + purge succeed
//! step of the writer ──> removes nothing held, kept or unpublished; what it signs, verify accepts
//! ```
//!
//! Properties compare with `Told`, which no rule reads, and never with a mutant.

use hashbrown::HashSet;

use super::history::ITEMS;
use super::opening::{Durable, Next};
use super::operator::Verb;
use super::record::{LET_GO, Mask};
use super::rules::Hands;
use super::state::{Kept, State, Told, World};
use super::verify::Finding;

/// A property that was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Property {
    /// The writer removed an item that a hold holds, by the operator's last answer, and that nobody began to release.
    RemovedHeld,
    /// The writer removed an item that the policy keeps, by the operator's last answer, and no other was signed since.
    RemovedKept,
    /// The writer removed an item before a head over its intent lay in the directory.
    RemovedUnpublished,
    /// A part is gone that no kept head announced, and verify accepts it.
    GoneUnseen,
    /// A part came back after a kept head said that it went, and verify accepts it.
    CameBackUnseen,
    /// Verify accepts a log whose holds or policy are not what the operator was told.
    NotAsTold,
    /// Nobody attacked, and verify finds something.
    HonestIsBroken(Finding),
    /// Verify accepts what an opening refuses.
    OpeningRefuses(Finding),
    /// Verify does not accept what the writer made of an accepted log, or signed over any.
    WriterMadeBroken(Finding),
    /// From an accepted state, releasing, setting a policy and purging does not succeed.
    Stuck(Option<Finding>),
    /// Somebody without a kept head accepts a head over frames of a later epoch, or under that epoch's trust anchor, that the
    /// signer did not sign.
    OutsiderDeceived,
}

/// States in which openings were tried, and those from which the operator got on: both follow from what an opening can know.
#[derive(Debug, Default)]
pub struct Tried {
    alive: HashSet<(u64, bool)>,
}

impl World {
    /// Whether removing these items now breaks what the operator was told, or comes before it was published.
    pub fn breaks_a_promise(&self, state: &State, items: Mask) -> Option<Property> {
        let told = state.told;
        if items & told.holds & !told.releasing != 0 {
            return Some(Property::RemovedHeld);
        }
        if told.policy != LET_GO && told.setting & 1 << LET_GO == 0 {
            return Some(Property::RemovedKept);
        }
        let published = state.directory.checkpoint.is_some_and(|head| items & !self.facts(head.history).planned == 0);
        (!published).then_some(Property::RemovedUnpublished)
    }

    /// What is wrong with a state, if anything, whoever made it.
    pub fn check_state(&self, state: &State, verdict: Result<(), Finding>) -> Option<Property> {
        if let (Err(finding), true) = (verdict, state.attacks == self.search.attacks) {
            return Some(Property::HonestIsBroken(finding));
        }
        if self.outsider_is_deceived(state) {
            return Some(Property::OutsiderDeceived);
        }
        if verdict.is_err() {
            return None;
        }
        let gone = state.directory.gone();
        if gone & !(state.told.announced | state.told.gone) != 0 {
            return Some(Property::GoneUnseen);
        }
        if state.told.gone & !gone != 0 {
            return Some(Property::CameBackUnseen);
        }
        (!self.is_as_told(state)).then_some(Property::NotAsTold)
    }

    /// The state that the acts of the log give is that of the operator's last answer, but for what he began since.
    fn is_as_told(&self, state: &State) -> bool {
        let told = state.told;
        let facts = self.facts(self.facts(state.directory.log).valid_to);
        let undecided = told.placing | told.releasing;
        (facts.holds ^ told.holds) & !undecided == 0
            && (facts.policy == told.policy || told.setting & 1 << facts.policy != 0)
    }

    /// A step of the writer from a state that verify accepted leads to one that it accepts. From any state, the records and
    /// heads that it leaves are in order, since it opened only where they were.
    pub fn check_step(&self, accepted: bool, next: &Next<(Verb, Durable)>) -> Option<Property> {
        if next.broken.is_some() {
            return next.broken;
        }
        let verdict = if accepted { self.verify(&next.state) } else { self.effective_head(&next.state).map(|_| ()) };
        verdict.err().map(Property::WriterMadeBroken)
    }

    /// Both readers without a kept head. With the present checkpoint key stolen they can be deceived: only witnesses or a newer
    /// head of their own help them.
    fn outsider_is_deceived(&self, state: &State) -> bool {
        if self.search.hands == Hands::CheckpointKey {
            return false;
        }
        let Some(head) = state.directory.checkpoint else {
            return false;
        };
        let Kept { head: Some(kept), note } = state.kept else {
            return false;
        };
        let signed =
            [Some(kept), note].into_iter().flatten().any(|own| self.histories.begins_with(own.history, head.history));
        let rotated = note.is_some();
        let later = self.facts(head.history).epoch == 1;
        let by_anchor = |anchor| self.outsider_accepts(&state.directory, anchor);
        !signed && ((later && by_anchor(0)) || (rotated && by_anchor(1)))
    }

    /// "What verify accepts an opening accepts", and from there release, policy and purge succeed, to the last item.
    pub fn check_progress(&mut self, state: &State, tried: &mut Tried) -> Option<Property> {
        if !tried.alive.insert((self.seen_by_opening(state), state.index_lies)) {
            return None;
        }
        let mut reached = Vec::new();
        // What the operator was told does not matter here: he asks for everything to go.
        let told = Told { policy: LET_GO, setting: 0b11, releasing: 0b11, placing: 0b11, ..Told::default() };
        let begun = State { told, ..*state };
        let opened = match self.run(&begun, Verb::Policy(LET_GO), &mut reached) {
            Ok(opened) => opened,
            Err(finding) => return Some(Property::OpeningRefuses(finding)),
        };
        let mut now = opened;
        for verb in ITEMS.map(Verb::Release).into_iter().chain([Verb::Purge]) {
            now = match self.run(&now, verb, &mut reached) {
                Ok(next) => next,
                Err(finding) => return Some(Property::Stuck(Some(finding))),
            };
        }
        if let Some(broken) = reached.iter().find_map(|next| next.broken) {
            return Some(broken);
        }
        match self.verify(&now) {
            Ok(()) if now.directory.gone() == 0b11 => None,
            Ok(()) => Some(Property::Stuck(None)),
            Err(finding) => Some(Property::Stuck(Some(finding))),
        }
    }
}
