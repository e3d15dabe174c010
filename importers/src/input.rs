//! Opens an input: decompresses it and turns UTF-16 into UTF-8, both by its first bytes.
//!
//! ```text
//! 1f 8b        gzip, several members too         ff fe / fe ff, or a bracket beside a zero byte   UTF-16 LE / BE
//! 28 b5 2f fd  zstd, windows up to 128 MiB       ef bb bf                                         UTF-8 with a mark
//! 50..5f 2a 4d 18   zstd that begins with a skippable frame, as parallel and seekable writers make
//! ```
//!
//! Invariants: memory is bounded however far a small input unpacks, since everything streams. UTF-16 becomes UTF-8 in
//! which half a surrogate pair is three bytes, so that [`Encoding::source_bytes`] gives back the exact source bytes of
//! any piece. An odd last byte of UTF-16 is kept aside for the caller to report.
//!
//! Not here: judging characters; invalid UTF-8 passes through.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// The widest zstd window that is accepted, as a power of two: 128 MiB, what `zstd --long=27` makes.
const WINDOW_LOG_MAX: u32 = 27;

/// How the characters of a source are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
}

/// An input that gives UTF-8, or what claims to be.
pub(super) struct Opened<'r> {
    pub(super) reader: Box<dyn Read + 'r>,
    pub(super) encoding: Encoding,
    /// The odd byte that UTF-16 ended in, once everything is read.
    pub(super) odd_byte: Rc<Cell<Option<u8>>>,
}

/// Looks at the first bytes and puts the right readers in front.
pub(super) fn open<'r, R: Read + 'r>(input: R) -> io::Result<Opened<'r>> {
    let (magic, reader) = peek(Box::new(input))?;
    let reader: Box<dyn Read + 'r> = if magic.starts_with(&[0x1F, 0x8B]) {
        Box::new(flate2::read::MultiGzDecoder::new(reader))
    } else if is_zstd(&magic) {
        let mut decoder = zstd::stream::read::Decoder::new(reader)?;
        decoder.window_log_max(WINDOW_LOG_MAX)?;
        Box::new(decoder)
    } else {
        return decode(magic, reader);
    };
    // A broken start is not an error yet: the reader meets it again, and it is reported as a broken input there.
    match peek(reader) {
        Ok((magic, reader)) => decode(magic, reader),
        Err(error) if error.raw_os_error().is_some() => Err(error),
        Err(error) => decode(Vec::new(), Box::new(Failing(Some(error)))),
    }
}

/// A frame of zstd, or one of the sixteen kinds that every reader of zstd skips.
fn is_zstd(magic: &[u8]) -> bool {
    matches!(magic, [0x28, 0xB5, 0x2F, 0xFD, ..] | [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..])
}

/// Gives one error, then the end.
struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// The first four bytes, or fewer at the end, and a reader that still gives them.
fn peek<'r>(mut reader: Box<dyn Read + 'r>) -> io::Result<(Vec<u8>, Box<dyn Read + 'r>)> {
    let mut first = Vec::new();
    match (&mut reader).take(4).read_to_end(&mut first) {
        // What came before the error is still given; the error comes again where it belongs.
        Err(error) if first.is_empty() || error.raw_os_error().is_some() => return Err(error),
        Err(error) => {
            let chained = io::Cursor::new(first.clone()).chain(Failing(Some(error)));
            return Ok((first, Box::new(chained)));
        }
        Ok(_) => {}
    }
    let chained = io::Cursor::new(first.clone()).chain(reader);
    Ok((first, Box::new(chained)))
}

fn decode<'r>(first: Vec<u8>, reader: Box<dyn Read + 'r>) -> io::Result<Opened<'r>> {
    let odd_byte = Rc::new(Cell::new(None));
    let encoding = match first.as_slice() {
        [0xFF, 0xFE, ..] | [b'{' | b'[' | b' ' | b'\r' | b'\n', 0, _, 0] => Encoding::Utf16Le,
        [0xFE, 0xFF, ..] | [0, b'{' | b'[' | b' ' | b'\r' | b'\n', 0, _] => Encoding::Utf16Be,
        _ => {
            return Ok(Opened { reader, encoding: Encoding::Utf8, odd_byte });
        }
    };
    let reader = Box::new(Utf16Reader {
        source: reader,
        big_endian: encoding == Encoding::Utf16Be,
        raw: Vec::new(),
        ready: io::Cursor::new(Vec::new()),
        odd_byte: Rc::clone(&odd_byte),
        ended: false,
    });
    Ok(Opened { reader, encoding, odd_byte })
}

impl Encoding {
    /// The bytes that a decoded piece has in the source.
    pub(super) fn source_bytes(self, piece: &[u8]) -> Vec<u8> {
        let big_endian = match self {
            Self::Utf8 => return piece.to_vec(),
            Self::Utf16Le => false,
            Self::Utf16Be => true,
        };
        let mut out = Vec::with_capacity(piece.len() * 2);
        let mut rest = piece;
        while let Some((code, after)) = next_code(rest) {
            rest = after;
            let mut push = |unit: u16| {
                out.extend_from_slice(&if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() });
            };
            match u16::try_from(code) {
                Ok(unit) => push(unit),
                Err(_) => {
                    let offset = code - 0x1_0000;
                    push(0xD800 | (offset >> 10) as u16);
                    push(0xDC00 | (offset & 0x3FF) as u16);
                }
            }
        }
        out
    }
}

/// The first code point of generalised UTF-8, half surrogate pairs included. The bytes were made by this module.
fn next_code(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let low = |byte: u8| u32::from(byte & 0x3F);
    match bytes {
        [a @ ..=0x7F, rest @ ..] => Some((u32::from(*a), rest)),
        [a @ 0xC0..=0xDF, b, rest @ ..] => Some((u32::from(a & 0x1F) << 6 | low(*b), rest)),
        [a @ 0xE0..=0xEF, b, c, rest @ ..] => Some((u32::from(a & 0x0F) << 12 | low(*b) << 6 | low(*c), rest)),
        [a, b, c, d, rest @ ..] => Some((u32::from(a & 0x07) << 18 | low(*b) << 12 | low(*c) << 6 | low(*d), rest)),
        _ => None,
    }
}

fn push_code(code: u32, out: &mut Vec<u8>) {
    let tail = |shift: u32| 0x80 | ((code >> shift) & 0x3F) as u8;
    match code {
        0..=0x7F => out.push(code as u8),
        0x80..=0x7FF => out.extend_from_slice(&[0xC0 | (code >> 6) as u8, tail(0)]),
        0x800..=0xFFFF => out.extend_from_slice(&[0xE0 | (code >> 12) as u8, tail(6), tail(0)]),
        _ => out.extend_from_slice(&[0xF0 | (code >> 18) as u8, tail(12), tail(6), tail(0)]),
    }
}

/// Reads UTF-16 and gives generalised UTF-8.
struct Utf16Reader<'r> {
    source: Box<dyn Read + 'r>,
    big_endian: bool,
    /// Source bytes that are not decoded yet: at most an odd byte and the first half of a pair between two reads.
    raw: Vec<u8>,
    ready: io::Cursor<Vec<u8>>,
    odd_byte: Rc<Cell<Option<u8>>>,
    ended: bool,
}

impl Read for Utf16Reader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let given = self.ready.read(out)?;
            if given > 0 || self.ended {
                return Ok(given);
            }
            let mut chunk = [0; 16_384];
            let read = self.source.read(&mut chunk)?;
            self.ended = read == 0;
            self.raw.extend_from_slice(chunk.get(..read).unwrap_or_default());
            self.decode_raw();
        }
    }
}

impl Utf16Reader<'_> {
    fn decode_raw(&mut self) {
        let mut out = std::mem::take(&mut self.ready).into_inner();
        out.clear();
        let mut used = 0;
        while let Some(unit) = self.unit(used) {
            let next = self.unit(used + 2);
            match (unit, next) {
                (0xD800..=0xDBFF, Some(low @ 0xDC00..=0xDFFF)) => {
                    push_code(0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00), &mut out);
                    used += 4;
                }
                (0xD800..=0xDBFF, None) if !self.ended => break,
                _ => {
                    push_code(unit, &mut out);
                    used += 2;
                }
            }
        }
        self.raw.drain(..used);
        if self.ended {
            self.odd_byte.set(self.raw.first().copied());
        }
        self.ready = io::Cursor::new(out);
    }

    fn unit(&self, at: usize) -> Option<u32> {
        let bytes: [u8; 2] = self.raw.get(at..at + 2)?.try_into().ok()?;
        Some(u32::from(if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives one byte at a time, the hardest way to arrive.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            match (self.0, out) {
                ([first, rest @ ..], [slot, ..]) => {
                    *slot = *first;
                    self.0 = rest;
                    Ok(1)
                }
                _ => Ok(0),
            }
        }
    }

    proptest! {
        #[test]
        fn any_utf_16_comes_back_byte_for_byte(units in proptest::collection::vec(any::<u16>(), 0..50), big in any::<bool>()) {
            let mut source = if big { vec![0xFE, 0xFF] } else { vec![0xFF, 0xFE] };
            for unit in units {
                source.extend_from_slice(&if big { unit.to_be_bytes() } else { unit.to_le_bytes() });
            }
            let with_odd_byte = [source.as_slice(), &[7]].concat();
            let mut opened = open(Drip(&with_odd_byte)).expect("opens");
            let mut text = Vec::new();
            opened.reader.read_to_end(&mut text).expect("reads");
            prop_assert_eq!(opened.odd_byte.get(), Some(7));
            prop_assert_eq!(opened.encoding.source_bytes(&text), source);
        }
    }

    #[test]
    fn an_empty_input_and_a_short_one_open() {
        for bytes in [&b""[..], b"{", b"\x1f\x8b", b"\x28\xb5\x2f\xfd"] {
            let mut opened = open(bytes).expect("opens");
            let _ = opened.reader.read_to_end(&mut Vec::new());
        }
    }
}
