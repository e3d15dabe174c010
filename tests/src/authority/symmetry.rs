//! Item 0 and item 1 are alike: of two steps that differ in nothing else, one is searched, as long as nothing told them apart.
//!
//! ```text
//! symmetric state ──place 0──> searched          symmetric state ──place 1──> left out: its mirror image is the one above
//! ```
//!
//! The mirror image swaps items, their files, and the holds that name them. Every rule, step and property maps to itself under
//! it, so a property breaks on one side if and only if it breaks on the other. It halves the states and hides nothing.

use super::attacker::Attack;
use super::operator::Verb;
use super::record::{Body, Mask};
use super::state::{Directory, State, World};

impl World {
    /// Whether a state is its own mirror image: nothing in it mentions one item or hold without the other.
    pub(super) fn is_symmetric(&self, state: &State) -> bool {
        let told = state.told;
        let masks = [told.holds, told.placing, told.releasing, told.announced, told.gone];
        masks.into_iter().all(both_or_none)
            && self.is_symmetric_directory(&state.directory)
            && state.copy.is_none_or(|copy| self.is_symmetric_directory(&copy))
            && state.kept.head.is_none_or(|head| self.facts(head.history).symmetric)
            && state.paper.is_none_or(|paper| mirrors_itself(self.histories.record(paper).body))
    }

    fn is_symmetric_directory(&self, directory: &Directory) -> bool {
        let heads = [directory.checkpoint, directory.note].into_iter().flatten();
        directory.files[0] == directory.files[1]
            && self.facts(directory.log).symmetric
            && heads.into_iter().all(|head| self.facts(head.history).symmetric)
    }
}

fn both_or_none(mask: Mask) -> bool {
    mask == 0 || mask == 0b11
}

/// Whether a record says the same of both items.
pub(super) fn mirrors_itself(body: Body) -> bool {
    match body {
        Body::Place { .. } | Body::Release(_) => false,
        Body::Intent(items) => both_or_none(items),
        // Genesis and the items are the same in every log; the intent that a statement names stands before it.
        Body::Genesis | Body::Item(_) | Body::Policy(_) | Body::Rotate | Body::Done(_) | Body::Abandon(_) => true,
    }
}

/// Whether a record is about item or hold 1 alone.
fn is_second(body: Body) -> bool {
    matches!(body, Body::Place { hold: 1, .. } | Body::Release(1) | Body::Intent(0b10))
}

impl Verb {
    /// Whether a verb is about item or hold 1 alone.
    pub(super) fn is_second(self) -> bool {
        match self {
            Self::Place(hold) | Self::Release(hold) => hold == 1,
            Self::SignOffline(body) => is_second(body),
            Self::Policy(_) | Self::Purge | Self::Rotate | Self::Submit => false,
        }
    }
}

impl Attack {
    /// Whether a step is about item or hold 1 alone.
    pub(super) fn is_second(self) -> bool {
        match self {
            Self::PutBackFile(item) | Self::Damage(item) => item == 1,
            Self::Append(body, _) => is_second(body),
            Self::Remove(items, _) => items == 0b10,
            _ => false,
        }
    }
}
