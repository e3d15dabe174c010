//! CSV that a spreadsheet can open without running anything.
//!
//! ```text
//! =HYPERLINK("http://x")   ->   '=HYPERLINK("http://x")        a text, not a formula
//! 'quoted                  ->   ''quoted                       so that taking one ' away gives the text back
//! ```
//!
//! A cell gets a leading apostrophe where the text begins with `=` `+` `-` `@`, a tab, a carriage return, an apostrophe,
//! or the full-width forms of the first four. Control characters are escaped first ([`super::hygiene`]), so a cell is one line.
//!
//! Not here: quoting, which is the library's.

use std::borrow::Cow;
use std::io::{self, Write};

use super::hygiene::{Flags, Place, show_identifier};

/// The text as a cell, and what was found in it.
pub fn cell(text: &str) -> (Cow<'_, str>, Flags) {
    let (shown, flags) = show_identifier(text, Place::File);
    let formula =
        text.starts_with(['=', '+', '-', '@', '\t', '\r', '\'', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']);
    if formula { (Cow::Owned(format!("'{shown}")), flags) } else { (shown, flags) }
}

/// Writes one record.
///
/// # Errors
/// What the output says.
pub fn write_record<'a>(out: &mut dyn Write, cells: impl Iterator<Item = Cow<'a, str>>) -> io::Result<()> {
    let mut line = csv::WriterBuilder::new().flexible(true).from_writer(Vec::with_capacity(256));
    for cell in cells {
        line.write_field(cell.as_ref()).map_err(io::Error::other)?;
    }
    line.write_record(None::<&[u8]>).map_err(io::Error::other)?;
    let line = line.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    out.write_all(&line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_become_texts() {
        for (text, expected) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", r"'\u{9}=1"),
            ("\r=1", r"'\u{d}=1"),
            ("'=1", "''=1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("\n=1", r"\u{a}=1"),
            (" =1", r"\u{20}=1"),
            ("a=1", "a=1"),
            ("", ""),
        ] {
            assert_eq!(cell(text).0, expected, "{text:?}");
        }
    }

    #[test]
    fn a_record_is_one_line_that_reads_back() {
        let mut out = Vec::new();
        let cells = ["a", "b,c", "say \"hi\"", "", r"x\u{a}y"];
        write_record(&mut out, cells.iter().map(|&cell| Cow::Borrowed(cell))).expect("memory");
        assert_eq!(out, b"a,\"b,c\",\"say \"\"hi\"\"\",,x\\u{a}y\n");
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(out.as_slice());
        let read: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().expect("readable");
        assert_eq!(read.first().map(|record| record.iter().collect::<Vec<_>>()), Some(cells.to_vec()));
    }
}
