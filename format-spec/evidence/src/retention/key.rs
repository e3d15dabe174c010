//! Key records: which keys sign checkpoints, which may authorise deletions, and from when.
//!
//! ```text
//! {"epoch","key","role":"checkpoint"|"purge","action":"add"|"retire"}
//! ```
//!
//! Epochs count for each role: the first verifier key has epoch 0 of role checkpoint, the first purge key epoch 1. A
//! checkpoint key is followed by the next and never retired by a record of its own ([RET-5]).

use super::hold::same;
use super::json::{Object, ObjectWriter};
use crate::error::FormatError;
use crate::key::VerifierKey;

const NAME: &str = "key record";

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Sign checkpoints.
    Checkpoint,
    /// Sign intents.
    Purge,
}

/// What a key record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// From 1, for each role one more with each key.
    pub epoch: u32,
    /// The key.
    pub key: VerifierKey,
    /// What it may do.
    pub role: Role,
    /// Whether the role is given (or taken away).
    pub add: bool,
}

impl KeyRecord {
    /// Reads a key record's body ([RET-1], [RET-5]).
    ///
    /// # Errors
    /// [`FormatError`] with the member that is wrong.
    pub fn parse(body: &str) -> Result<Self, FormatError> {
        let mut object = Object::parse(NAME, body)?;
        let record = Self {
            epoch: object.number("epoch")?,
            key: VerifierKey::parse(&object.text("key")?)?,
            role: match object.text("role")?.as_str() {
                "checkpoint" => Role::Checkpoint,
                "purge" => Role::Purge,
                _ => return Err(object.invalid("role", "neither checkpoint nor purge")),
            },
            add: match object.text("action")?.as_str() {
                "add" => true,
                "retire" => false,
                _ => return Err(object.invalid("action", "neither add nor retire")),
            },
        };
        if record.epoch == 0 {
            return Err(object.invalid("epoch", "epochs of key records count from 1"));
        }
        if record.role == Role::Checkpoint && !record.add {
            return Err(object.invalid("action", "a checkpoint key is followed by the next, never retired"));
        }
        object.end()?;
        Ok(record)
    }

    /// The body of a key record.
    ///
    /// # Errors
    /// Where it is not a record that [`KeyRecord::parse`] gives back.
    pub fn encode(&self) -> Result<String, FormatError> {
        let body = ObjectWriter::new()
            .number("epoch", self.epoch)
            .text("key", &self.key.to_string())
            .text("role", if self.role == Role::Checkpoint { "checkpoint" } else { "purge" })
            .text("action", if self.add { "add" } else { "retire" })
            .end();
        same(NAME, Self::parse(&body)? == *self, body)
    }
}
