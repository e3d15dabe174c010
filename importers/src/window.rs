//! The part of an input that is in memory, and where in the input it is.
//!
//! ```text
//! ....consumed....|window.bytes()............|not read yet....
//!                 ^ line, indentation
//! ```
//!
//! Invariants: every byte is moved a constant number of times on average; after the end, or after an error that is not
//! the system's, nothing more is read.

use std::io::{self, Read};

const READ_BYTES: usize = 256 << 10;

/// Zero bytes in a row that are padding rather than data.
pub(super) const PADDING_MIN: usize = 8;

/// What each text of an RFC 7464 sequence begins with. JSON has it nowhere unescaped.
pub(super) const RECORD_SEPARATOR: u8 = 0x1E;

/// The part of the input that is in memory, and where it is.
pub(super) struct Window<R> {
    source: R,
    buffer: Vec<u8>,
    start: usize,
    pub(super) ended: bool,
    /// Why the input ended before its end.
    pub(super) failure: Option<String>,
    /// Bytes before the first one.
    pub(super) position: u64,
    /// The line of the first byte, from 1.
    pub(super) line: u64,
    /// How many blanks stand before the first byte on its line; `None` where something else does.
    pub(super) indentation: Option<usize>,
}

impl<R: Read> Window<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            source,
            buffer: Vec::new(),
            start: 0,
            ended: false,
            failure: None,
            position: 0,
            line: 1,
            indentation: Some(0),
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// Reads more; `false` at the end.
    pub(super) fn fill(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        // Moving only when at least half is behind keeps the moves linear.
        if self.start * 2 >= self.buffer.len() {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        let length = self.buffer.len();
        self.buffer.resize(length + READ_BYTES.max(length / 2), 0);
        let read = loop {
            match self.source.read(self.buffer.get_mut(length..).unwrap_or_default()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.buffer.truncate(length + read.as_ref().copied().unwrap_or(0));
        match read {
            Ok(0) => self.ended = true,
            Ok(_) => {}
            Err(error) if error.raw_os_error().is_some() => return Err(error),
            Err(error) => {
                self.failure = Some(error.to_string());
                self.ended = true;
            }
        }
        Ok(!self.ended)
    }

    pub(super) fn consume(&mut self, length: usize) {
        let gone = self.buffer.get(self.start..self.start + length).unwrap_or_default();
        let lines = gone.iter().filter(|&&byte| byte == b'\n').count();
        let last = gone.get(gone.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1)..).unwrap_or_default();
        let blank = last.iter().all(|byte| matches!(byte, b' ' | b'\t'));
        let before = if lines > 0 { Some(0) } else { self.indentation };
        self.indentation = before.filter(|_| blank).map(|before| before + last.len());
        self.line += lines as u64;
        self.position += length as u64;
        self.start += length;
    }

    /// The first byte that is neither white space nor padding, with all before it consumed. Padding is what stands between
    /// records without being one: zero bytes, at least [`PADDING_MIN`] of them, which a log that was copied and truncated while
    /// it was written has in front and one that was preallocated has behind, and the record separator of RFC 7464.
    pub(super) fn skip_white_space(&mut self) -> io::Result<Option<u8>> {
        let mut in_padding = false;
        loop {
            let bytes = self.bytes();
            let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
            let all = zeros == bytes.len();
            if zeros > 0 && (in_padding || zeros >= PADDING_MIN) {
                self.consume(zeros);
                // What is in memory may end within it.
                in_padding = all;
                continue;
            }
            if all {
                if self.fill()? {
                    continue;
                }
                return Ok((zeros > 0).then_some(0));
            }
            if zeros > 0 {
                return Ok(Some(0));
            }
            in_padding = false;
            let is_blank = |byte: &u8| matches!(*byte, b' ' | b'\t' | b'\r' | b'\n' | RECORD_SEPARATOR);
            let blanks = bytes.iter().take_while(|byte| is_blank(byte)).count();
            if blanks == 0 {
                return Ok(bytes.first().copied());
            }
            self.consume(blanks);
        }
    }

    pub(super) fn starts_with(&mut self, wanted: &[u8]) -> io::Result<bool> {
        while self.bytes().len() < wanted.len() && self.fill()? {}
        Ok(self.bytes().starts_with(wanted))
    }
}
