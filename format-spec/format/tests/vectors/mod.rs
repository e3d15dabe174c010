//! The test vectors: how each is made, described and written down.
//!
//! ```text
//! samples (records, frames, files), refusals -> Vector -> NAME.hex (annotated dump) + NAME.json (what it decodes to)
//! ```
//!
//! Invariants: everything is fixed (salts, keys, nonces, times), so the files come out the same every time; a refused
//! vector differs from one that is accepted in one thing. Files are written by the `make_vectors` example alone, never by a
//! test.

mod annotate;
mod annotate_frame;
mod describe;
mod describe_file;
mod describe_frame;
mod dump;
mod frame_parts;
mod record_json;
mod refusals;
mod refused_frames;
mod samples;
mod samples_compacted;
mod samples_file;
mod samples_frame;

pub use describe::{Described, describe};
pub use dump::parse_dump;

use serde_json::{Value as Json, json};

/// A vector before it is written down.
pub struct Vector {
    /// File name without its ending; a folder in front.
    pub name: String,
    /// Which decoder it is for.
    pub structure: &'static str,
    /// What the decoder needs to know besides the bytes.
    pub context: Json,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// What it shows.
    pub about: String,
    /// The rule by which it must be refused; `None`: it must be accepted.
    pub refuse: Option<&'static str>,
}

impl Vector {
    /// A vector that must be accepted.
    pub fn good(name: impl Into<String>, structure: &'static str, context: Json, bytes: Vec<u8>, about: &str) -> Self {
        Self { name: name.into(), structure, context, bytes, about: about.to_owned(), refuse: None }
    }

    /// `NAME.hex`.
    pub fn hex(&self) -> String {
        let mut notes = dump::Notes::new(&self.bytes);
        annotate::annotate(&mut notes, self.structure, &self.context);
        let verdict = self.refuse.map_or_else(|| "accepted".to_owned(), |rule| format!("refused by [{rule}]"));
        let heading =
            [format!("{}: {}, {} bytes, {verdict}", self.name, self.structure, self.bytes.len()), self.about.clone()];
        notes.dump(&heading)
    }

    /// `NAME.json`.
    ///
    /// # Panics
    /// Where the codec does not accept what must be accepted.
    pub fn json(&self) -> String {
        let mut out = json!({"about": self.about, "structure": self.structure, "context": self.context});
        match self.refuse {
            Some(rule) => out["refuse"] = json!(rule),
            None => {
                let found = describe(self.structure, &self.context, &self.bytes);
                out["expect"] = found.unwrap_or_else(|error| panic!("{}: {error}", self.name)).value;
            }
        }
        let mut text = serde_json::to_string_pretty(&out).expect("a value is JSON");
        text.push('\n');
        text
    }
}

/// Every vector.
pub fn all() -> Vec<Vector> {
    let mut vectors = samples::vectors();
    vectors.extend(samples_frame::vectors());
    vectors.extend(samples_file::vectors());
    vectors.extend(samples_compacted::vectors());
    vectors.extend(refusals::vectors());
    vectors.extend(refused_frames::vectors());
    vectors
}
