//! Statements: what the log's process says of itself, signed with the checkpoint key of its epoch.
//!
//! ```text
//! indelible 2026-11 statement v1 | log | epoch | base | kind | body                each ended by a line feed
//! hold_extend {"name","from","through","seqs"}     done {"intent","head","segments","records","identity","payload"}
//! abandon {"intent"}     adopt {"from","through"}     jump {"before","after"}
//! ```
//!
//! Invariants ([ACT-1], [ACT-9]): as those of acts. They have no number: each is valid once, by its content. Not here: whether it is
//! (`charter`).

use super::line::Lines;
use super::text::Base;
use crate::LogId;
use crate::error::FormatError;
use crate::retention::json::{Object, ObjectWriter};
use crate::retention::{DoneSegment, HoldExtend};

const NAME: &str = "statement";
const FIRST: &str = "indelible 2026-11 statement v1";

/// Kinds of statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatementKind {
    /// Later matches of an open hold.
    HoldExtend,
    /// A deletion was carried out.
    Done,
    /// A deletion will not be carried out.
    Abandon,
    /// Records without a mark were taken in.
    Adopt,
    /// Time went by that nobody saw pass.
    Jump,
}

impl StatementKind {
    /// Every kind, its name and the code of its record kind.
    pub const ALL: [(StatementKind, &'static str, u8); 5] = [
        (StatementKind::HoldExtend, "hold_extend", 7),
        (StatementKind::Done, "done", 11),
        (StatementKind::Abandon, "abandon", 15),
        (StatementKind::Adopt, "adopt", 16),
        (StatementKind::Jump, "jump", 21),
    ];

    /// Name in texts.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|entry| entry.0 == self).map_or("", |entry| entry.1)
    }

    /// Code of the record kind.
    pub fn code(self) -> u8 {
        Self::ALL.iter().find(|entry| entry.0 == self).map_or(0, |entry| entry.2)
    }

    /// The kind of statements that records of this kind hold.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.iter().find(|entry| entry.2 == code).map(|entry| entry.0)
    }
}

/// How a deletion was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// Seq of the intent.
    pub intent: u64,
    /// The note that published it, as its files have it.
    pub head: String,
    /// Segments as they were written again, ascending by id.
    pub segments: Vec<DoneSegment>,
    /// Records that it removed.
    pub records: u64,
    /// Records that stay and that it took group 1 from.
    pub identity: u64,
    /// Records that stay and that it took group 3 from.
    pub payload: u64,
}

/// What a statement says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatementBody {
    /// Later matches of an open hold.
    HoldExtend(HoldExtend),
    /// A deletion was carried out.
    Done(Box<Done>),
    /// The intent of this seq will not be carried out.
    Abandon(u64),
    /// Records of these seqs, which have no mark, were taken in.
    Adopt {
        /// First seq.
        from: u64,
        /// The seq after the last one.
        through: u64,
    },
    /// The clock went from here to there, seconds since 1970, and nobody saw that time pass.
    Jump {
        /// Before.
        before: u64,
        /// After.
        after: u64,
    },
}

/// A statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The log it is of.
    pub log: LogId,
    /// Epoch of the checkpoint key that signs it.
    pub epoch: u32,
    /// The newest head when it was made.
    pub base: Base,
    /// What it says.
    pub body: StatementBody,
}

impl Statement {
    /// The text that is signed ([ACT-1]).
    ///
    /// # Errors
    /// Where it is not a statement that [`Statement::parse`] gives back.
    pub fn to_text(&self) -> Result<String, FormatError> {
        let text = self.write()?;
        if Self::read(&text)? == *self {
            Ok(text)
        } else {
            Err(FormatError::invalid(NAME, "body", 0, "the statement has no such text"))
        }
    }

    fn write(&self) -> Result<String, FormatError> {
        let Self { log, epoch, base, body } = self;
        let (kind, size, root) = (body.kind().name(), base.size, super::line::hex(&base.root));
        Ok(format!("{FIRST}\nlog {log}\nepoch {epoch}\nbase {size} {root}\nkind {kind}\n{}\n", body.encode()?))
    }

    /// Reads a text ([ACT-1], [ACT-9]).
    ///
    /// # Errors
    /// [`FormatError`] with the line that is wrong.
    pub fn parse(text: &str) -> Result<Self, FormatError> {
        let statement = Self::read(text)?;
        if statement.write()? == text {
            Ok(statement)
        } else {
            Err(FormatError::invalid(NAME, "text", 0, "not in the one form of this statement"))
        }
    }

    fn read(text: &str) -> Result<Self, FormatError> {
        let mut lines = Lines::new(NAME, text, FIRST)?;
        let log = lines.log()?;
        let epoch = u32::try_from(lines.number("epoch")?).map_err(|_| lines.invalid("epoch", "too large a number"))?;
        let base = lines.base()?;
        let kind = lines.take("kind")?;
        let kind = StatementKind::ALL.iter().find(|entry| entry.1 == kind).map(|entry| entry.0);
        let kind = kind.ok_or_else(|| lines.invalid("kind", "no kind of statement"))?;
        Ok(Self { log, epoch, base, body: StatementBody::read(kind, lines.body()?)? })
    }
}

impl StatementBody {
    /// Its kind.
    pub fn kind(&self) -> StatementKind {
        match self {
            StatementBody::HoldExtend(_) => StatementKind::HoldExtend,
            StatementBody::Done(_) => StatementKind::Done,
            StatementBody::Abandon(_) => StatementKind::Abandon,
            StatementBody::Adopt { .. } => StatementKind::Adopt,
            StatementBody::Jump { .. } => StatementKind::Jump,
        }
    }

    fn read(kind: StatementKind, line: &str) -> Result<Self, FormatError> {
        if kind == StatementKind::HoldExtend {
            return HoldExtend::parse(line).map(StatementBody::HoldExtend);
        }
        let mut object = Object::parse(NAME, line)?;
        let body = match kind {
            StatementKind::HoldExtend | StatementKind::Done => StatementBody::Done(Box::new(take_done(&mut object)?)),
            StatementKind::Abandon => StatementBody::Abandon(object.number("intent")?),
            StatementKind::Adopt => {
                let (from, through) = (object.number("from")?, object.number("through")?);
                if from >= through {
                    return Err(object.invalid("through", "from lies below through"));
                }
                StatementBody::Adopt { from, through }
            }
            StatementKind::Jump => {
                let (before, after): (u64, u64) = (object.number("before")?, object.number("after")?);
                if before >= after || i64::try_from(after).is_err() {
                    return Err(object.invalid("after", "before lies below after, and both are times"));
                }
                StatementBody::Jump { before, after }
            }
        };
        object.end()?;
        Ok(body)
    }

    fn encode(&self) -> Result<String, FormatError> {
        let writer = ObjectWriter::new();
        Ok(match self {
            StatementBody::HoldExtend(extend) => extend.encode()?,
            StatementBody::Done(done) => done_text(done),
            StatementBody::Abandon(intent) => writer.number("intent", intent).end(),
            StatementBody::Adopt { from, through } => writer.number("from", from).number("through", through).end(),
            StatementBody::Jump { before, after } => writer.number("before", before).number("after", after).end(),
        })
    }
}

fn take_done(object: &mut Object) -> Result<Done, FormatError> {
    let done = Done {
        intent: object.number("intent")?,
        head: object.text("head")?,
        segments: object.objects("segments", |segment| {
            let (id, generation) = (segment.number("id")?, segment.number("generation")?);
            Ok(DoneSegment { id, generation, bytes: segment.number("bytes")? })
        })?,
        records: object.number("records")?,
        identity: object.number("identity")?,
        payload: object.number("payload")?,
    };
    if !done.segments.is_sorted_by(|a, b| a.id < b.id) {
        return Err(object.invalid("segments", "segments do not ascend"));
    }
    Ok(done)
}

fn done_text(done: &Done) -> String {
    let segments = done.segments.iter().map(|segment| {
        let writer = ObjectWriter::new().number("id", segment.id).number("generation", segment.generation);
        writer.number("bytes", segment.bytes).end()
    });
    let writer = ObjectWriter::new().number("intent", done.intent).text("head", &done.head).list("segments", segments);
    writer.number("records", done.records).number("identity", done.identity).number("payload", done.payload).end()
}
