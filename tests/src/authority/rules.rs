//! What is searched: bounds, what the attacker has in his hands, and the planted bug, if any.
//!
//! ```text
//! Search { verbs, attacks, rotation, index, hands, mutant } ──> World ──> every rule asks `is(Mutant::..)` where it would be left out
//! ```
//!
//! A mutant is a rule of the protocol left out at the place where the rule stands, nothing else: no step and no property knows
//! which one is planted. Without a mutant every search must end with no property violated, with one it must not.
//!
//! Not here: the rules themselves (`history`, `verify`, `opening`, `operator`) and the properties (`properties`).

/// What an attacker has beside write access to the directory, which he always has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hands {
    /// No key of any kind; all roles lie in one key, as `init` without options makes them.
    Empty,
    /// The same, and an act that an administrator signed offline: a bearer paper.
    Paper,
    /// The first checkpoint key, which had every role until a rotation retired it.
    OldKey,
    /// A key that has the `purge` role alone. The roles are separate.
    PurgeKey,
    /// The checkpoint key of every epoch, and nothing else. The roles are separate.
    CheckpointKey,
}

impl Hands {
    /// Every configuration, the base first.
    pub const ALL: [Self; 5] = [Self::Empty, Self::Paper, Self::OldKey, Self::PurgeKey, Self::CheckpointKey];

    /// The name by which the command knows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Paper => "paper",
            Self::OldKey => "old-key",
            Self::PurgeKey => "purge-key",
            Self::CheckpointKey => "checkpoint-key",
        }
    }

    /// Whether admin and purge roles have keys of their own here.
    pub fn separate(self) -> bool {
        matches!(self, Self::PurgeKey | Self::CheckpointKey)
    }
}

/// A rule that is left out. Each breaks a property, which the test of this search shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// Acts beyond the head are obeyed whoever signed them.
    ObeyTheTail,
    /// What a hold holds is resolved through postings when it is placed, and nobody evaluates its filter again.
    TrustIndexForHold,
    /// The purge finds holds by postings, so a hold that the index hides does not hold.
    HoldsByPostings,
    /// An opening carries out the open intent that it finds, instead of abandoning it.
    OpeningCarriesOut,
    /// A head counts whichever epoch's key signed it.
    OldKeySigns,
    /// Nobody compares what is there with the DONE records.
    DoneNotAskedFor,
    /// A part counts as rightly gone when an intent for it stands in the log, under a head or not.
    GoneRestsOnTail,
    /// Nobody asks whether an act continues the line of acts.
    ActsWithoutLinks,
    /// A verb says done when its act is durable, before a head covers it.
    SuccessBeforeHead,
    /// The signer keeps no head beside its key; the directory's is all there is.
    NoKeptHead,
    /// A head is written into the directory before it is kept, the rotation note too.
    HeadWrittenBeforeKept,
    /// An opening leaves an intent open that was not carried out, and acts go on behind it.
    NoAbandon,
    /// Verify takes an abandoned intent for a reason why a part is gone.
    VerifyForgetsAbandon,
    /// The manifest is replaced before a head covers the intent.
    SwapBeforeHead,
    /// The files that a deletion wrote carry no head, so that nobody can ask whether it was published before.
    FilesNameNoHead,
    /// Beyond the listed ones: after a rotation the writer signs with the old key where `rotations/` is missing.
    OpeningFallsBack,
    /// Beyond the listed ones: a head inside a file counts even when it is newer than every head that the signer kept.
    FileHeadBeyondKept,
    /// Beyond the listed ones: an opening looks into the files of the open intent alone, and believes a DONE in the tail.
    DoneInTailBelieved,
}

impl Mutant {
    /// All of them: the fifteen that the design lists, in its order, then three more. `DoneInTailBelieved` is one that
    /// the search itself showed to be a rule that was missing.
    pub const ALL: [Self; 18] = [
        Self::ObeyTheTail,
        Self::TrustIndexForHold,
        Self::HoldsByPostings,
        Self::OpeningCarriesOut,
        Self::OldKeySigns,
        Self::DoneNotAskedFor,
        Self::GoneRestsOnTail,
        Self::ActsWithoutLinks,
        Self::SuccessBeforeHead,
        Self::NoKeptHead,
        Self::HeadWrittenBeforeKept,
        Self::NoAbandon,
        Self::VerifyForgetsAbandon,
        Self::SwapBeforeHead,
        Self::FilesNameNoHead,
        Self::OpeningFallsBack,
        Self::FileHeadBeyondKept,
        Self::DoneInTailBelieved,
    ];

    /// The name by which the command knows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ObeyTheTail => "obey-the-tail",
            Self::TrustIndexForHold => "trust-index-for-hold",
            Self::HoldsByPostings => "holds-by-postings",
            Self::OpeningCarriesOut => "opening-carries-out",
            Self::OldKeySigns => "old-key-signs",
            Self::DoneNotAskedFor => "done-not-asked-for",
            Self::GoneRestsOnTail => "gone-rests-on-tail",
            Self::ActsWithoutLinks => "acts-without-links",
            Self::SuccessBeforeHead => "success-before-head",
            Self::NoKeptHead => "no-kept-head",
            Self::HeadWrittenBeforeKept => "head-written-before-kept",
            Self::NoAbandon => "no-abandon",
            Self::VerifyForgetsAbandon => "verify-forgets-abandon",
            Self::SwapBeforeHead => "swap-before-head",
            Self::FilesNameNoHead => "files-name-no-head",
            Self::OpeningFallsBack => "opening-falls-back",
            Self::FileHeadBeyondKept => "file-head-beyond-kept",
            Self::DoneInTailBelieved => "done-in-tail-believed",
        }
    }

    /// Whose hands show it.
    pub fn shown_by(self) -> Hands {
        match self {
            Self::OldKeySigns => Hands::OldKey,
            Self::FileHeadBeyondKept | Self::DoneInTailBelieved => Hands::CheckpointKey,
            _ => Hands::Empty,
        }
    }

    /// Whether a rule of this mutant reads the index. No rule of the protocol does, so only then is it part of a state.
    pub fn reads_index(self) -> bool {
        matches!(self, Self::TrustIndexForHold | Self::HoldsByPostings)
    }
}

/// One search: how far, against whom, with which bug.
#[derive(Debug, Clone, Copy)]
pub struct Search {
    /// Verbs that the operator may begin, each in an opening of its own.
    pub verbs: u8,
    /// Steps that the attacker may take, anywhere between verbs and after every crash.
    pub attacks: u8,
    /// Whether rotation is among the verbs.
    pub rotation: bool,
    /// What the attacker has.
    pub hands: Hands,
    /// The rule that is left out.
    pub mutant: Option<Mutant>,
}

impl Search {
    /// Whether this rule is left out.
    pub fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// Whether the index is part of a state.
    pub fn has_index(&self) -> bool {
        self.mutant.is_some_and(Mutant::reads_index)
    }
}
