//! Intent and done: a deletion about to happen, signed; and what came of it.
//!
//! ```text
//! intent  {"plan": text, "key": verifier key, "signature": base64 of 64 bytes}
//!         signed: "indelible 2026-11 intent v1" LF log id in UUID form LF plan
//! abandon {"intent": seq}
//! done    {"intent": seq, "checkpoint": note, "segments":[{"id","generation","bytes"}],"records","identity","payload"}
//! ```
//!
//! Invariants: the plan's text is signed byte for byte, with the log's id before it, so it cannot be another log's. Not here:
//! whether the key had the purge role (`register`), whether the plan was legitimate and published (`audit`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::hold::same;
use super::json::{Object, ObjectWriter};
use super::plan::Plan;
use crate::LogId;
use crate::error::FormatError;
use crate::key::{SigningKey, VerifierKey};

const INTENT: &str = "intent record";
const DONE: &str = "done record";
const ABANDON: &str = "abandon record";
/// What the signed text begins with.
const CONTEXT: &str = "indelible 2026-11 intent v1";

/// A deletion about to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// What it removes.
    pub plan: Plan,
    /// The exact text that is signed.
    pub plan_text: String,
    /// Who authorises it.
    pub key: VerifierKey,
    /// Ed25519.
    pub signature: [u8; 64],
}

/// A deletion that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// Seq of the intent.
    pub intent: u64,
    /// The signed note, covering the intent's frame, under which it was executed.
    pub checkpoint: String,
    /// Segments as they were written again, ascending by id.
    pub segments: Vec<DoneSegment>,
    /// Records that it removed.
    pub records: u64,
    /// Records that stay and that it took group 1 from.
    pub identity: u64,
    /// Records that stay and that it took group 3 from.
    pub payload: u64,
}

/// The end of a deletion that was announced and will not be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abandon {
    /// Seq of the intent.
    pub intent: u64,
}

impl Abandon {
    /// Reads an abandon record's body ([RET-1]).
    ///
    /// # Errors
    /// [`FormatError`] with the member that is wrong.
    pub fn parse(body: &str) -> Result<Self, FormatError> {
        let mut object = Object::parse(ABANDON, body)?;
        let abandon = Self { intent: object.number("intent")? };
        object.end()?;
        Ok(abandon)
    }

    /// The body of an abandon record.
    pub fn encode(&self) -> String {
        ObjectWriter::new().number("intent", self.intent).end()
    }
}

/// A segment after a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DoneSegment {
    /// Id of the segment.
    pub id: u64,
    /// Generation of the new file.
    pub generation: u32,
    /// Bytes of the new file.
    pub bytes: u64,
}

impl Intent {
    /// Signs a plan.
    ///
    /// # Errors
    /// Where the plan is none that [`Plan::parse`] gives back.
    pub fn sign(log_id: LogId, plan: Plan, key: &SigningKey) -> Result<Self, FormatError> {
        let plan_text = plan.encode()?;
        let signature = key.sign(signed_text(log_id, &plan_text).as_bytes());
        Ok(Self { plan, plan_text, key: key.verifier(), signature })
    }

    /// Checks the signature ([RET-7]).
    ///
    /// # Errors
    /// [`crate::Problem::Hash`] where it is not the key's signature of this plan for this log.
    pub fn verify(&self, log_id: LogId) -> Result<(), FormatError> {
        self.key.verify(signed_text(log_id, &self.plan_text).as_bytes(), &self.signature).map_err(|_| {
            let why = format!("not the signature of {} under this plan for this log", self.key);
            FormatError::new(INTENT, "signature", 0, crate::Problem::Hash(why.into()))
        })
    }

    /// Reads an intent record's body; the signature is checked by [`Intent::verify`] ([RET-1], [RET-6]).
    ///
    /// # Errors
    /// [`FormatError`] with the member that is wrong.
    pub fn parse(body: &str) -> Result<Self, FormatError> {
        let mut object = Object::parse(INTENT, body)?;
        let plan_text = object.text("plan")?;
        let key = VerifierKey::parse(&object.text("key")?)?;
        let signature = STANDARD.decode(object.text("signature")?).ok();
        let signature = signature.and_then(|bytes| <[u8; 64]>::try_from(bytes).ok());
        let signature = signature.ok_or_else(|| object.invalid("signature", "not base64 of 64 bytes"))?;
        object.end()?;
        Ok(Self { plan: Plan::parse(&plan_text)?, plan_text, key, signature })
    }

    /// The body of an intent record.
    pub fn encode(&self) -> String {
        let writer = ObjectWriter::new().text("plan", &self.plan_text).text("key", &self.key.to_string());
        writer.text("signature", &STANDARD.encode(self.signature)).end()
    }
}

impl Done {
    /// Reads a done record's body; the checkpoint is checked by the audit ([RET-1], [RET-8]).
    ///
    /// # Errors
    /// [`FormatError`] with the member that is wrong.
    pub fn parse(body: &str) -> Result<Self, FormatError> {
        let mut object = Object::parse(DONE, body)?;
        let done = Self {
            intent: object.number("intent")?,
            checkpoint: object.text("checkpoint")?,
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
        object.end()?;
        Ok(done)
    }

    /// The body of a done record.
    ///
    /// # Errors
    /// Where it is not one that [`Done::parse`] gives back.
    pub fn encode(&self) -> Result<String, FormatError> {
        let segments = self.segments.iter().map(|segment| {
            let writer = ObjectWriter::new().number("id", segment.id).number("generation", segment.generation);
            writer.number("bytes", segment.bytes).end()
        });
        let body = ObjectWriter::new()
            .number("intent", self.intent)
            .text("checkpoint", &self.checkpoint)
            .list("segments", segments)
            .number("records", self.records)
            .number("identity", self.identity)
            .number("payload", self.payload)
            .end();
        same(DONE, Self::parse(&body)? == *self, body)
    }
}

fn signed_text(log_id: LogId, plan: &str) -> String {
    format!("{CONTEXT}\n{log_id}\n{plan}")
}
