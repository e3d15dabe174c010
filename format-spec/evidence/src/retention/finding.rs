//! What a check of deletions can find wrong, with the place.
//!
//! Every finding names the intent or the record it is about; who reports it adds nothing but the file.

use std::borrow::Cow;

/// What kind of thing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FindingKind {
    /// A system record has no valid body, or does not follow from those before it.
    Record,
    /// An intent is not signed by a key that had the purge role.
    Authority,
    /// An intent names other policies or holds than those in force, or a time that was not there yet.
    Terms,
    /// Something is removed that no policy had let go.
    Eligible,
    /// Something is removed that a hold held, or that was not tested for a hold.
    Held,
    /// A plan names what is not there, or what was gone before.
    Plan,
    /// A deletion was carried out before its intent was published, or under a checkpoint that is not the log's.
    Published,
    /// A done record does not say what its intent removed.
    Done,
    /// Something is gone that no deletion declares.
    Undeclared,
    /// Something is there that a deletion says it removed.
    StillThere,
    /// What a check needs of a removed record, its stub, is left out.
    Evidence,
}

/// Something wrong about deletions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{problem}", intent.map_or(String::new(), |seq| format!("deletion of intent {seq}: ")), place.map_or(String::new(), Place::shown))]
pub struct Finding {
    /// What kind of thing.
    pub kind: FindingKind,
    /// Seq of the intent, where one is concerned.
    pub intent: Option<u64>,
    /// Where.
    pub place: Option<Place>,
    /// What is wrong, and what would be right.
    pub problem: Cow<'static, str>,
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A record.
    Seq(u64),
    /// A class of a frame.
    Class {
        /// Number of the frame.
        frame_no: u64,
        /// Retention class.
        class: u16,
    },
    /// A frame.
    Frame(u64),
}

impl Place {
    fn shown(self) -> String {
        match self {
            Place::Seq(seq) => format!("seq {seq}: "),
            Place::Class { frame_no, class } => format!("class {class} of frame {frame_no}: "),
            Place::Frame(frame_no) => format!("frame {frame_no}: "),
        }
    }
}

impl Finding {
    pub(super) fn new(
        kind: FindingKind,
        intent: Option<u64>,
        place: Option<Place>,
        problem: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { kind, intent, place, problem: problem.into() }
    }
}
