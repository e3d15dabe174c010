//! The rejects file: every bad input whole, with where it was and what is wrong with it.
//!
//! ```text
//! {"file":"trail.json","line":12,"reason":"...","text":"the whole input"}            where it is UTF-8
//! {"file":"trail.json","line":12,"reason":"...","bytes_base64":"//4A"}               where it is not
//! ```
//!
//! One JSON object a line, so that inputs with line feeds of their own come back byte for byte.

use std::fs::File;
use std::io::Write as _;

use indelible_importers::Rejected;
use serde_json::json;

use crate::failure::{Failure, Outcome};

/// The file, open.
#[derive(Debug)]
pub struct Rejects {
    file: File,
}

impl Rejects {
    /// Appends to what is there: rejects of an earlier run are evidence too.
    pub fn append_to(file: File) -> Self {
        Self { file }
    }

    /// Keeps one input.
    ///
    /// # Errors
    /// Where it cannot be written: then the run must stop, since the input would be lost.
    pub fn keep(&mut self, file: &str, rejected: &Rejected) -> Outcome {
        let written = self.file.write_all(line(file, rejected).as_bytes());
        written.map_err(|error| Failure::operational(format!("cannot write the rejects file: {error}")))
    }
}

fn line(file: &str, rejected: &Rejected) -> String {
    use base64::Engine as _;
    let (line, reason) = (rejected.line, &rejected.reason);
    let object = match std::str::from_utf8(&rejected.bytes) {
        Ok(text) => json!({"file": file, "line": line, "reason": reason, "text": text}),
        Err(_) => {
            let base64 = base64::engine::general_purpose::STANDARD.encode(&rejected.bytes);
            json!({"file": file, "line": line, "reason": reason, "bytes_base64": base64})
        }
    };
    format!("{object}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_come_back_byte_for_byte() {
        for bytes in [&b"plain"[..], b"two\nlines\r\n", b"\xff\xfe\x00", b"", "\u{202e}".as_bytes()] {
            let rejected = Rejected { line: 3, reason: "no".to_owned(), bytes: bytes.to_vec() };
            let text = line("f.json", &rejected);
            assert_eq!(text.matches('\n').count(), 1);
            let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            use base64::Engine as _;
            let back = match value["text"].as_str() {
                Some(text) => text.as_bytes().to_vec(),
                None => {
                    let base64 = value["bytes_base64"].as_str().expect("one of the two");
                    base64::engine::general_purpose::STANDARD.decode(base64).expect("base64")
                }
            };
            assert_eq!(back, bytes);
            assert_eq!((value["file"].as_str(), value["line"].as_u64()), (Some("f.json"), Some(3)));
        }
    }
}
