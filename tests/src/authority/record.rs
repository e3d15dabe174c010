//! Records as the model has them: one a frame, an act with its number, links and base head, known by an id.
//!
//! ```text
//! genesis │ item 0 │ item 1 │ policy │ place 0 │ intent {0} │ abandon │ ...
//!                             └────── previous ──┘  the charter line      intent: the deletion line
//! ```
//!
//! A link is the id of the record before on the line, a root is the id of a history (`history`): equal ids are equal bytes, so
//! ids do what hashes do in the protocol, and nobody can make two texts with one id.
//!
//! Not here: clocks, so neither expiry nor notice (`clock` is a search of its own); quorum; schedules; events, of which
//! nothing follows but that a tail may hold them.

/// Which record, by content. 0 is genesis.
pub type RecordId = u32;

/// Which history, by content: the records in their order from genesis on. It stands for a root. 0 is genesis alone.
pub type HistoryId = u32;

/// A set of the two items of data, or of the two holds: bit *i*. Hold *i* names item *i*.
pub type Mask = u8;

/// A policy that keeps both items.
pub const KEEP: u8 = 0;
/// A policy that lets both items go.
pub const LET_GO: u8 = 1;

/// Who made a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signer {
    /// Nobody, or a key that has no role.
    Stranger,
    /// The checkpoint key of epoch 0 or 1. Where the roles are not separate it has them all while its epoch lasts.
    Checkpoint(u8),
    /// The admin and hold key, where the roles are separate.
    Admin,
    /// The purge key, where the roles are separate.
    Purge,
}

/// What a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Body {
    /// The first record; names the first keys.
    Genesis,
    /// An item of data.
    Item(u8),
    /// Act of the charter line: this policy from here on.
    Policy(u8),
    /// Act of the charter line: the hold is open.
    Place {
        /// Which hold. Its filter matches the item of the same number.
        hold: u8,
        /// Its committed set: the items that it was found to hold when it was placed.
        found: Mask,
    },
    /// Act of the charter line: the hold is released.
    Release(u8),
    /// Act of the charter line: the key of epoch 1 replaces that of epoch 0 in all its roles. Its frame is the first of epoch 1.
    Rotate,
    /// Act of the deletion line: these items are to go.
    Intent(Mask),
    /// Statement: the intent was carried out.
    Done(RecordId),
    /// Statement: the intent was not carried out and never will be.
    Abandon(RecordId),
}

/// The line that an act stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// Policies, holds, keys.
    Charter,
    /// Intents.
    Deletion,
}

impl Body {
    /// The line of an act; nothing for statements and for what nobody signs.
    pub fn line(self) -> Option<Line> {
        match self {
            Self::Policy(_) | Self::Place { .. } | Self::Release(_) | Self::Rotate => Some(Line::Charter),
            Self::Intent(_) => Some(Line::Deletion),
            Self::Genesis | Self::Item(_) | Self::Done(_) | Self::Abandon(_) => None,
        }
    }

    /// Whether this is what the log's process says of itself, under the checkpoint key.
    pub fn is_statement(self) -> bool {
        matches!(self, Self::Done(_) | Self::Abandon(_))
    }
}

/// One record, alone in its frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Record {
    /// What it says.
    pub body: Body,
    /// Whose signature it carries.
    pub signer: Signer,
    /// `number`: one more than the act before on its line. 0 for what is no act.
    pub number: u8,
    /// `previous`: the act before on its line. 0 at the beginning of a line and for what is no act.
    pub previous: RecordId,
    /// `charter`: the newest act of the charter line.
    pub charter: RecordId,
    /// `base`: a head that it was made over, as the history under it.
    pub base: HistoryId,
    /// Whether the operator or his process made it. Properties ask this; no rule may.
    pub ours: bool,
}

impl std::fmt::Display for Record {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.body {
            Body::Genesis => write!(out, "genesis"),
            Body::Item(item) => write!(out, "item {item}"),
            Body::Policy(KEEP) => write!(out, "policy keep"),
            Body::Policy(_) => write!(out, "policy let-go"),
            Body::Place { hold, found } => write!(out, "place {hold} (set {found:02b})"),
            Body::Release(hold) => write!(out, "release {hold}"),
            Body::Rotate => write!(out, "rotate"),
            Body::Intent(items) => write!(out, "intent {items:02b}"),
            Body::Done(_) => write!(out, "done"),
            Body::Abandon(_) => write!(out, "abandon"),
        }?;
        if self.body.line().is_some() || self.body.is_statement() {
            write!(out, " by {:?}", self.signer)?;
        }
        if self.body.line().is_some() { write!(out, ", number {}", self.number) } else { Ok(()) }
    }
}
