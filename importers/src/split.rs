//! Cuts a stream into records, each as its exact bytes, and goes on after a broken one.
//!
//! ```text
//! {..}\n{..}\n        one record a line              [ {..}, {..} ]              an array
//! {..}{..}            one after the other            {"Records":[ {..}, .. ]}    an envelope, also "items", "Events", "rows"
//! {\n  "a": 1\n}\n    pretty-printed                 and all of these after one another
//! RS {..}\n RS {..}  RFC 7464                       zero bytes between records are padding
//! ```
//!
//! Where a record is broken, what is given up is as little as can be told apart:
//!
//! | the broken record | is given up to |
//! |---|---|
//! | begins a line of its own, outside an array | the end of that line, or the padding or the record separator in it |
//! | pretty-printed | the next line that begins with `{` at the same indentation |
//! | inside an array, or the head of an envelope | the next record, wherever in a line it begins (`resync`) |
//! | inside an array, the last one, with brackets that balance | its closing bracket |
//! | inside an array, otherwise | the next line that begins with `{` at the same indentation |
//! | none of these | the end of the input |
//!
//! Invariants: every byte of the input is in a record, in a broken piece, or is structure (white space, the brackets and
//! commas of arrays, padding, a byte-order mark, the members of an envelope beside its records). Memory is bounded by
//! [`PIECE_BYTES_MAX`]: what is longer comes out as several broken pieces, all of it.
//!
//! Not here: what a record means, and whether it is valid UTF-8 or JSON in every detail.

use std::io::{self, Read};

use super::resync::{Next, end_before, next_record};
use super::scan::{Balance, Scanner, Step, balance};
use super::window::{PADDING_MIN, RECORD_SEPARATOR, Window};

/// The longest piece that is held in memory.
pub(super) const PIECE_BYTES_MAX: usize = 64 << 20;

/// Arrays and envelopes inside one another: past this, they are values like any other.
const CONTAINERS_MAX: usize = 8;

/// One part of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    /// The line that it begins on, from 1.
    pub(super) line: u64,
    /// Its exact bytes.
    pub(super) bytes: &'a [u8],
    /// Why it is no record, where it is none.
    pub(super) broken: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Container {
    Array,
    /// The records of an envelope; its object goes on behind them.
    Envelope,
}

/// What a look for the next record found, by places in the input.
#[derive(Clone, Copy)]
struct Looked {
    from: u64,
    /// Valid for looks that begin before here.
    until: u64,
    next: Option<u64>,
}

/// What the next piece is, as a length from the start of the window.
struct Cut {
    length: usize,
    broken: Option<String>,
    /// Whether it goes to the end of the input, because that ended where it should not.
    to_end: bool,
}

impl Cut {
    fn record(length: usize) -> Self {
        Self { length, broken: None, to_end: false }
    }

    fn broken(length: usize, why: String) -> Self {
        Self { length, broken: Some(why), to_end: false }
    }

    fn to_end(length: usize, why: String) -> Self {
        Self { length, broken: Some(why), to_end: true }
    }
}

/// Reads pieces one after the other.
pub(super) struct Splitter<R> {
    window: Window<R>,
    containers: Vec<Container>,
    /// Inside an envelope's object, after its records.
    after_records: bool,
    /// Inside the tail of a piece that was too long.
    too_long: bool,
    envelopes: bool,
    /// Whether a text looks like an audit record.
    is_record: fn(&str) -> bool,
    /// What the last look for a record found.
    looked: Option<Looked>,
    /// A piece that was given and is no record: its length, and what is wrong with it.
    refused: Option<(usize, String)>,
    /// The bytes of the piece that was given last: still in the window while the caller looks at it.
    given: usize,
    end_reported: bool,
}

impl<R: Read> Splitter<R> {
    /// `envelopes` says whether objects with an array under `Records`, `items`, `Events` or `rows` are opened, `is_record` whether a
    /// text looks like an audit record: behind a broken one the next is looked for.
    pub(super) fn new(source: R, envelopes: bool, is_record: fn(&str) -> bool) -> Self {
        Self {
            window: Window::new(source),
            containers: Vec::new(),
            after_records: false,
            too_long: false,
            envelopes,
            is_record,
            looked: None,
            refused: None,
            given: 0,
            end_reported: false,
        }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// Errors of the system. An error of a decompressor is the end of the input, and is reported as a broken piece.
    pub(super) fn next_piece(&mut self) -> io::Result<Option<Piece<'_>>> {
        if let Some((length, why)) = self.refused.take() {
            let cut = self.inside_broken_head(Cut::broken(length, why))?;
            return Ok(Some(self.give(cut)));
        }
        self.window.consume(self.given);
        self.given = 0;
        loop {
            let found = if self.too_long {
                self.rest_of_too_long()?
            } else if self.after_records {
                self.rest_of_envelope()?
            } else {
                match self.window.skip_white_space()? {
                    Some(byte) => self.at_byte(byte)?,
                    None => break,
                }
            };
            if let Some(cut) = found {
                return Ok(Some(self.give(cut)));
            }
        }
        Ok(self.at_end())
    }

    /// Says that the piece given last is no record. It comes again as a broken one, without the records that lie in it: what
    /// holds them may be an envelope under a name that nobody knows.
    pub(super) fn refuse(&mut self, why: String) {
        self.refused = Some((self.given, why));
        self.given = 0;
    }

    fn give(&mut self, cut: Cut) -> Piece<'_> {
        self.given = cut.length;
        let bytes = self.window.bytes();
        // At the end, a piece is broken because the input ends, and no second piece has to say so.
        self.end_reported = cut.to_end;
        Piece { line: self.window.line, bytes: bytes.get(..cut.length).unwrap_or_default(), broken: cut.broken }
    }

    fn at_end(&mut self) -> Option<Piece<'_>> {
        let inside = !self.containers.is_empty() || self.after_records;
        let failure = self.window.failure.take();
        if self.end_reported || (!inside && failure.is_none()) {
            return None;
        }
        self.end_reported = true;
        let broken = Some(match failure {
            Some(failure) => format!("the input cannot be read to its end ({failure}): records after this are missing"),
            None => "the input ends inside an array of records: it was cut, get a whole copy".to_owned(),
        });
        Some(Piece { line: self.window.line, bytes: &[], broken })
    }

    fn at_byte(&mut self, byte: u8) -> io::Result<Option<Cut>> {
        let room = self.containers.len() < CONTAINERS_MAX;
        match (self.containers.last().copied(), byte) {
            (_, b'{') => self.value(),
            (_, b'[') if room => {
                self.containers.push(Container::Array);
                self.window.consume(1);
                Ok(None)
            }
            (Some(container), b']') => {
                self.containers.pop();
                self.after_records = container == Container::Envelope;
                self.window.consume(1);
                Ok(None)
            }
            (Some(_), b',') => {
                self.window.consume(1);
                Ok(None)
            }
            (None, 0xEF) if self.window.starts_with(&[0xEF, 0xBB, 0xBF])? => {
                self.window.consume(3);
                Ok(None)
            }
            (Some(_), _) => self.stray(),
            (None, _) => {
                let line = self.line_of("this is not a JSON object".to_owned())?;
                self.inside_broken_head(line).map(Some)
            }
        }
    }

    /// A record, or what is left of one; `None` where it is an envelope, whose records come next.
    fn value(&mut self) -> io::Result<Option<Cut>> {
        let envelopes = self.envelopes && self.containers.len() < CONTAINERS_MAX;
        let mut scanner = Scanner::new(envelopes);
        loop {
            match scanner.advance(self.window.bytes()) {
                Step::Done(length) => return Ok(Some(Cut::record(length))),
                Step::Envelope(at) => {
                    self.containers.push(Container::Envelope);
                    self.window.consume(at + 1);
                    return Ok(None);
                }
                Step::Broken(at, why) => {
                    return self.broken(format!("{why} at byte {at} of this record")).map(Some);
                }
                Step::More if self.window.bytes().len() >= PIECE_BYTES_MAX => {
                    return Ok(Some(self.begin_too_long()));
                }
                Step::More => {
                    if !self.window.fill()? {
                        let why = self.window.failure.clone().unwrap_or_else(|| "it was cut".to_owned());
                        return self.broken(format!("the input ends inside this record ({why})")).map(Some);
                    }
                }
            }
        }
    }

    /// What follows the records of an envelope, up to the end of its object.
    fn rest_of_envelope(&mut self) -> io::Result<Option<Cut>> {
        let mut scanner = Scanner::after_records();
        self.after_records = false;
        loop {
            match scanner.advance(self.window.bytes()) {
                Step::Done(length) => {
                    self.window.consume(length);
                    return Ok(None);
                }
                Step::Envelope(at) => {
                    self.containers.push(Container::Envelope);
                    self.window.consume(at + 1);
                    return Ok(None);
                }
                Step::Broken(at, why) => {
                    return self.line_of(format!("{why} at byte {at} behind the records of an envelope")).map(Some);
                }
                Step::More if self.window.bytes().len() >= PIECE_BYTES_MAX => {
                    return Ok(Some(self.begin_too_long()));
                }
                Step::More => {
                    if !self.window.fill()? {
                        let length = self.window.bytes().len();
                        let why = "the input ends inside an envelope: it was cut".to_owned();
                        return Ok(Some(Cut::to_end(length, why)));
                    }
                }
            }
        }
    }

    /// Something in an array that is no object: a value of another kind, or a record that lost its beginning.
    fn stray(&mut self) -> io::Result<Option<Cut>> {
        let why = "this is not a JSON object";
        if let Some(length) = self.before_next_record(usize::MAX)? {
            return Ok(Some(Cut::broken(length, why.to_owned())));
        }
        self.stray_element()
    }

    /// Bytes up to the next record that begins below `limit`; `None` where there is none.
    fn before_next_record(&mut self, limit: usize) -> io::Result<Option<usize>> {
        let position = self.window.position;
        let known = self.looked.filter(|looked| looked.from <= position && position < looked.until);
        let looked = match known {
            Some(looked) => looked,
            None => {
                let next = self.look_for_record()?.map(|at| position + at as u64);
                let end = position + self.window.bytes().len() as u64;
                let until = next.unwrap_or(if self.window.ended { u64::MAX } else { end });
                Looked { from: position, until, next }
            }
        };
        self.looked = Some(looked);
        let at = looked.next.and_then(|at| usize::try_from(at - position).ok());
        Ok(at.filter(|&at| at < limit).map(|at| end_before(self.window.bytes(), at)))
    }

    /// The next record behind the first byte, as far as the window may grow.
    fn look_for_record(&mut self) -> io::Result<Option<usize>> {
        // Looking again only when the window has doubled keeps this linear.
        let mut looked_at = 0;
        loop {
            let bytes = self.window.bytes();
            let full = bytes.len() >= PIECE_BYTES_MAX;
            if bytes.len() >= looked_at * 2 || self.window.ended || full {
                looked_at = bytes.len();
                match next_record(bytes, 1, self.window.ended || full, self.is_record) {
                    Next::At(at) => return Ok(Some(at)),
                    Next::Nowhere => return Ok(None),
                    Next::More => {}
                }
            }
            self.window.fill()?;
        }
    }

    /// An array element that is no object.
    fn stray_element(&mut self) -> io::Result<Option<Cut>> {
        let mut scanner = Scanner::new(false);
        loop {
            match scanner.advance(self.window.bytes()) {
                Step::Done(length) => {
                    return Ok(Some(Cut::broken(length, "this element is not a JSON object".to_owned())));
                }
                Step::More if self.window.bytes().len() < PIECE_BYTES_MAX && self.window.fill()? => {}
                _ => {
                    return self.line_of("this is not a JSON value".to_owned()).map(Some);
                }
            }
        }
    }

    /// Everything up to the end of the line, as a broken piece.
    fn line_of(&mut self, why: String) -> io::Result<Cut> {
        let mut from = 0;
        loop {
            let bytes = self.window.bytes();
            if let Some(at) = line_end(bytes, from) {
                return Ok(Cut::broken(at, why));
            }
            // Padding may begin at the end of what is here.
            from = bytes.len().saturating_sub(PADDING_MIN);
            if bytes.len() >= PIECE_BYTES_MAX {
                return Ok(self.begin_too_long());
            }
            if !self.window.fill()? {
                return Ok(Cut::to_end(self.window.bytes().len(), why));
            }
        }
    }

    /// How much of a broken record is given up; the table is in the module's header.
    fn broken(&mut self, why: String) -> io::Result<Cut> {
        let bytes = self.window.bytes();
        let first_line = bytes.get(..find(bytes, 0, b'\n').unwrap_or(bytes.len())).unwrap_or_default();
        let pretty = first_line.get(1..).unwrap_or_default().trim_ascii().is_empty();
        if self.containers.is_empty() {
            let broken = if pretty { self.up_to_sibling(why)? } else { self.line_of(why)? };
            return self.inside_broken_head(broken);
        }
        if let Some(length) = self.before_next_record(usize::MAX)? {
            return Ok(Cut::broken(length, why));
        }
        // The whole record may not have arrived yet; looking again only when the window has doubled keeps this linear.
        let mut looked_at = 0;
        loop {
            let bytes = self.window.bytes();
            if bytes.len() >= looked_at * 2 || self.window.ended {
                looked_at = bytes.len();
                match balance(bytes) {
                    Balance::At(length) => return Ok(Cut::broken(length, why)),
                    Balance::Never => return self.up_to_sibling(why),
                    Balance::More => {}
                }
            }
            if bytes.len() >= PIECE_BYTES_MAX || !self.window.fill()? {
                return self.up_to_sibling(why);
            }
        }
    }

    /// Outside an array a broken piece with records inside was the head of an envelope: they are taken for an array's.
    fn inside_broken_head(&mut self, broken: Cut) -> io::Result<Cut> {
        if !self.envelopes {
            return Ok(broken);
        }
        let limit = broken.length;
        let Some(length) = self.before_next_record(limit)? else { return Ok(broken) };
        self.containers.push(Container::Array);
        Ok(Cut { length, to_end: false, ..broken })
    }

    /// Up to the next line that begins with `{` at the indentation of this record.
    fn up_to_sibling(&mut self, why: String) -> io::Result<Cut> {
        let indentation = self.window.indentation;
        let mut from = 0;
        loop {
            let bytes = self.window.bytes();
            while let (Some(indentation), Some(at)) = (indentation, find(bytes, from, b'\n')) {
                let line = bytes.get(at + 1..).unwrap_or_default();
                let blanks = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
                let Some(first) = line.get(blanks) else { break };
                if *first == b'{' && blanks == indentation {
                    return Ok(Cut::broken(at, why));
                }
                from = at + 1;
            }
            if bytes.len() >= PIECE_BYTES_MAX {
                return Ok(self.begin_too_long());
            }
            if !self.window.fill()? {
                return Ok(Cut::to_end(self.window.bytes().len(), why));
            }
        }
    }

    fn begin_too_long(&mut self) -> Cut {
        self.too_long = true;
        let length = self.window.bytes().len();
        let why = format!(
            "no record ends within {PIECE_BYTES_MAX} bytes: this is the first part of what is skipped, up to the end of the line"
        );
        Cut::broken(length, why)
    }

    fn rest_of_too_long(&mut self) -> io::Result<Option<Cut>> {
        let mut from = 0;
        loop {
            let bytes = self.window.bytes();
            let end = find(bytes, from, b'\n');
            let length = end.unwrap_or(bytes.len());
            from = length;
            let more = end.is_none() && length < PIECE_BYTES_MAX && self.window.fill()?;
            if more {
                continue;
            }
            self.too_long = end.is_none() && !self.window.ended;
            let why = "this is a further part of something too long for a record".to_owned();
            return Ok((length > 0).then(|| Cut::broken(length, why)));
        }
    }
}

fn find(bytes: &[u8], from: usize, wanted: u8) -> Option<usize> {
    bytes.get(from..)?.iter().position(|&byte| byte == wanted).map(|found| found + from)
}

/// Where a line ends that is given up: at its line feed, at the separator before the next text, or where padding begins.
fn line_end(bytes: &[u8], from: usize) -> Option<usize> {
    bytes.get(from..)?.iter().enumerate().map(|(at, byte)| (at + from, *byte)).find_map(|(at, byte)| match byte {
        b'\n' => Some(at),
        RECORD_SEPARATOR => (at > 0).then_some(at),
        0 => (at > 0 && bytes.get(at..at + PADDING_MIN)?.iter().all(|byte| *byte == 0)).then_some(at),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn never(_: &str) -> bool {
        false
    }

    /// Gives a few bytes at a time.
    struct Drip<'a>(&'a [u8], usize);

    impl Read for Drip<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let (now, later) = self.0.split_at(self.1.min(self.0.len()).min(out.len()));
            out.get_mut(..now.len()).expect("checked").copy_from_slice(now);
            self.0 = later;
            Ok(now.len())
        }
    }

    /// Each piece as `line:text`, with `!` in front of a broken one; the same however the bytes arrive.
    fn pieces(input: &str) -> Vec<String> {
        let run = |chunk: usize| {
            let mut splitter = Splitter::new(Drip(input.as_bytes(), chunk), true, never);
            let mut out = Vec::new();
            while let Some(piece) = splitter.next_piece().expect("reads") {
                let mark = if piece.broken.is_some() { "!" } else { "" };
                out.push(format!("{mark}{}:{}", piece.line, String::from_utf8_lossy(piece.bytes)));
            }
            out
        };
        let whole = run(usize::MAX);
        for chunk in [1, 2, 7] {
            assert_eq!(run(chunk), whole, "in chunks of {chunk}: {input}");
        }
        whole
    }

    #[test]
    fn all_layouts_are_cut_into_records() {
        for (input, expected) in [
            ("", vec![]),
            (" \n\r\n\u{feff}\n", vec![]),
            ("\u{feff}{\"a\":1}\r\n\r\n{\"b\":2}", vec!["1:{\"a\":1}", "3:{\"b\":2}"]),
            ("{}{}\n{}", vec!["1:{}", "1:{}", "2:{}"]),
            ("[{\"a\":[1]},\n {}]\n[]\n[{}]", vec!["1:{\"a\":[1]}", "2:{}", "4:{}"]),
            ("{\n  \"a\": {\n  }\n}\n{\n}", vec!["1:{\n  \"a\": {\n  }\n}", "5:{\n}"]),
            ("{\"Records\":[{},{\"a\":1}]}\n{\"Records\":[{}]}", vec!["1:{}", "1:{\"a\":1}", "2:{}"]),
            ("{\"Records\":[]}", vec![]),
            ("{\"kind\":\"List\",\"items\":[{}],\"metadata\":{\"x\":[1]}}{}", vec!["1:{}", "1:{}"]),
            ("{\"rows\":[\n{\"a\":1},\n{}\n],\"next_cursor\":\"x\"}\n", vec!["2:{\"a\":1}", "3:{}"]),
            ("\u{1e}{\"a\":1}\n\u{1e}{\n\"b\":2}\n", vec!["1:{\"a\":1}", "2:{\n\"b\":2}"]),
            ("\0\0\0\0\0\0\0\0\0{\"a\":1}\n{}\n\0\0\0\0\0\0\0\0", vec!["1:{\"a\":1}", "2:{}"]),
            ("[{\"Records\":[{\"a\":1}],\"items\":[{}]},{}]", vec!["1:{\"a\":1}", "1:{}", "1:{}"]),
        ] {
            assert_eq!(pieces(input), expected, "{input}");
        }
    }

    #[test]
    fn a_broken_record_costs_as_little_as_can_be_told_apart() {
        for (input, expected) in [
            // Outside arrays: its line.
            ("{\"a\":1\n{\"b\":2}\n", vec!["!1:{\"a\":1", "2:{\"b\":2}"]),
            ("{\"a\":\n{\"b\":2}\n{\"c\":3}", vec!["!1:{\"a\":", "2:{\"b\":2}", "3:{\"c\":3}"]),
            ("hello\n{\"b\":2}\nworld", vec!["!1:hello", "2:{\"b\":2}", "!3:world"]),
            ("{\"a\" 1}{}\n{}", vec!["!1:{\"a\" 1}{}", "2:{}"]),
            ("{}\n{\"a\":\"x", vec!["1:{}", "!2:{\"a\":\"x"]),
            // Its line up to padding or to the next text of a sequence.
            ("{\"a\":\0\0\0\0\0\0\0\0\0{\"b\":2}\n{}", vec!["!1:{\"a\":", "1:{\"b\":2}", "2:{}"]),
            ("{\"a\":\0{\"b\":2}\n{}", vec!["!1:{\"a\":\0{\"b\":2}", "2:{}"]),
            ("\u{1e}{\"a\":1,\u{1e}{\"b\":2}\n", vec!["!1:{\"a\":1,", "1:{\"b\":2}"]),
            // Pretty-printed: up to the next one.
            ("{\n \"a\": 1\n \"b\": 2\n}\n{\n}", vec!["!1:{\n \"a\": 1\n \"b\": 2\n}", "5:{\n}"]),
            // Inside arrays: its brackets, or the next one at its indentation, or the rest.
            ("[{\"a\" 1},{\"b\":2}]", vec!["!1:{\"a\" 1}", "1:{\"b\":2}"]),
            ("[\n {\n  \"a\n },\n {\"b\":2}\n]", vec!["!2:{\n  \"a\n },", "5:{\"b\":2}"]),
            ("{\"Records\":[{\"a\":1},{\"b\":", vec!["1:{\"a\":1}", "!1:{\"b\":"]),
            ("{\"Records\":[{\"a\":1},", vec!["1:{\"a\":1}", "!1:"]),
            ("{\"Records\":[{\"a\":1}]", vec!["1:{\"a\":1}", "!1:"]),
            ("{\"Records\":[{\"a\":1}],\"x\":", vec!["1:{\"a\":1}", "!1:,\"x\":"]),
            ("[1,\"a]\",{},[2]]{}", vec!["!1:1", "!1:\"a]\"", "1:{}", "!1:2", "1:{}"]),
            ("]\n{}", vec!["!1:]", "2:{}"]),
        ] {
            assert_eq!(pieces(input), expected, "{input}");
        }
    }

    #[test]
    fn many_brackets_that_never_balance_take_no_quadratic_time() {
        let lines = 100_000;
        let run = pieces_of(("[\n".to_owned() + &"{\"a\" [\n".repeat(lines)).as_bytes());
        assert_eq!(run, lines);
        let run = pieces_of(("[\n".to_owned() + &"{\"a\": [\n".repeat(lines)).as_bytes());
        assert_eq!(run, lines);
    }

    fn pieces_of(input: &[u8]) -> usize {
        let mut splitter = Splitter::new(input, true, never);
        let mut count = 0;
        while splitter.next_piece().expect("reads").is_some() {
            count += 1;
        }
        count
    }

    #[test]
    fn something_endless_is_given_in_parts() {
        let mut input = vec![b'{', b'"'];
        input.resize(PIECE_BYTES_MAX + PIECE_BYTES_MAX / 2, b'x');
        input.extend_from_slice(b"\n{}");
        let mut splitter = Splitter::new(input.as_slice(), true, never);
        let mut total = 0;
        let mut records = 0;
        while let Some(piece) = splitter.next_piece().expect("reads") {
            assert!(piece.bytes.len() <= 2 * PIECE_BYTES_MAX);
            total += piece.bytes.len();
            records += usize::from(piece.broken.is_none());
        }
        assert_eq!((total, records), (input.len() - 1, 1));
    }
}
