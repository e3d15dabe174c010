//! The text of an act: the bytes that are signed and that the next act links to.
//!
//! ```text
//! indelible 2026-11 act v1 | log | role | number | previous | charter | base | expires | kind | body      each ended by a line feed
//! charter line   1 <- 2 <- 3 ...        roles admin, hold, recovery; `charter` equals `previous`
//! deletion line  1 <- 2 ...             role purge; `charter` is the newest act of the charter line
//! ```
//!
//! Invariants ([ACT-1]): the lines stand in this order, each once, and what is read encodes to the same text. Not here:
//! whether the links are those of a log (`charter`).

use sha2::{Digest, Sha256};

use super::body::{Body, Kind};
use super::keys::Role;
use super::line::{Lines, hex};
use crate::LogId;
use crate::descriptor::Hash;
use crate::error::FormatError;

const NAME: &str = "act";
const FIRST: &str = "indelible 2026-11 act v1";

/// A tree head that whoever signs has before him.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base {
    /// Size of the log tree.
    pub size: u64,
    /// Its root.
    pub root: Hash,
}

/// The lines on which acts count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineKind {
    /// What is kept and who may say so.
    Charter,
    /// Deletions.
    Deletion,
}

/// An act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// The log it is of.
    pub log: LogId,
    /// In which role it is signed.
    pub role: Role,
    /// From 1, up by one on its line.
    pub number: u64,
    /// Link of the act before on its line.
    pub previous: Hash,
    /// Link of the newest act of the charter line.
    pub charter: Hash,
    /// The newest head when it was prepared.
    pub base: Base,
    /// Last second in which it may be recorded, since 1970.
    pub expires: u64,
    /// What it says.
    pub body: Body,
}

impl Act {
    /// The line it counts on.
    pub fn line(&self) -> LineKind {
        if self.role == Role::Purge { LineKind::Deletion } else { LineKind::Charter }
    }

    /// The text that is signed ([ACT-1]).
    ///
    /// # Errors
    /// Where it is not an act that [`Act::parse`] gives back.
    pub fn to_text(&self) -> Result<String, FormatError> {
        let text = self.write()?;
        if Self::read(&text)? == *self {
            Ok(text)
        } else {
            Err(FormatError::invalid(NAME, "body", 0, "the act has no such text"))
        }
    }

    fn write(&self) -> Result<String, FormatError> {
        let Self { log, role, number, previous, charter, base, expires, body } = self;
        let (role, kind, previous, charter) = (role.name(), body.kind().name(), hex(previous), hex(charter));
        let (size, root, body) = (base.size, hex(&base.root), body.encode()?);
        Ok(format!(
            "{FIRST}\nlog {log}\nrole {role}\nnumber {number}\nprevious {previous}\ncharter {charter}\n\
             base {size} {root}\nexpires {expires}\nkind {kind}\n{body}\n"
        ))
    }

    /// Reads a text ([ACT-1], [ACT-3], [ACT-9]).
    ///
    /// # Errors
    /// [`FormatError`] with the line that is wrong.
    pub fn parse(text: &str) -> Result<Self, FormatError> {
        let act = Self::read(text)?;
        // Every part has one form, so this finds nothing more; it is what the whole promises.
        if act.write()? == text {
            Ok(act)
        } else {
            Err(FormatError::invalid(NAME, "text", 0, "not in the one form of this act"))
        }
    }

    fn read(text: &str) -> Result<Self, FormatError> {
        let mut lines = Lines::new(NAME, text, FIRST)?;
        let log = lines.log()?;
        let role = Role::parse(lines.take("role")?).filter(|role| role.signs_acts());
        let role = role.ok_or_else(|| lines.invalid("role", "none of admin, hold, purge, recovery"))?;
        let number = lines.number("number")?;
        let (previous, charter) = (lines.hash("previous")?, lines.hash("charter")?);
        let (base, expires) = (lines.base()?, lines.number("expires")?);
        let kind = Kind::parse(lines.take("kind")?);
        let kind = kind.ok_or_else(|| lines.invalid("kind", "no kind of act"))?;
        if number == 0 {
            return Err(lines.invalid("number", "acts count from 1"));
        }
        if !kind.fits(role) {
            return Err(lines.invalid("role", "this role does not sign acts of this kind"));
        }
        let body = Body::parse(kind, lines.body()?)?;
        let act = Self { log, role, number, previous, charter, base, expires, body };
        if act.line() == LineKind::Charter && previous != charter {
            return Err(FormatError::invalid(NAME, "charter", 0, "on the charter line it is the act before"));
        }
        Ok(act)
    }
}

/// What the next act of a line links to: SHA-256 of the text of the one before.
pub fn link(text: &str) -> Hash {
    Sha256::digest(text).into()
}

/// What the first act of a line links to.
pub fn first_link(log: LogId, line: LineKind) -> Hash {
    let name = if line == LineKind::Charter { "charter" } else { "deletion" };
    link(&format!("indelible 2026-11 line v1\n{log}\n{name}\n"))
}
