//! What the command prints: tables for people, JSON, NDJSON and CSV for programs.
//!
//! ```text
//! event rows ---> rows -+-> table    (terminal: escaped, flagged, framed)
//! counts etc. --> grid -+-> json     one document          ndjson  one object a line
//!                       +-> csv      escaped, flagged, no formulas
//! ```
//!
//! Invariants: results go to stdout and nothing else does; text from a log passes [`hygiene`] on its way, whatever the
//! format, and what a caller forgot is escaped by [`line`], `object` and `say` themselves: only `drawn` writes control
//! characters, and only the drawers of rows and tables call it; colour and terminal widths only where a terminal reads them
//! and `NO_COLOR` is not set.

pub mod csv;
pub mod grid;
pub mod hygiene;
pub mod rows;
pub mod table;

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

/// Form of the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// One JSON document.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated values with a header, for spreadsheets.
    Csv,
}

/// How wide and how colourful a table may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Look {
    /// Columns of the terminal; `None`: as wide as it takes.
    pub width: Option<u16>,
    /// Whether colours may be used.
    pub colour: bool,
}

impl Look {
    /// What standard output allows.
    pub fn of_stdout() -> Self {
        if !io::stdout().is_terminal() {
            return Self::default();
        }
        // The table library asks the terminal itself; it is used here for nothing but that answer.
        let width = comfy_table::Table::new().width();
        Self { width, colour: colour_allowed() }
    }
}

/// Whether `NO_COLOR` leaves colours on, and the terminal knows them.
pub fn colour_allowed() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Buffered standard output.
pub fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::with_capacity(1 << 16, io::stdout().lock())
}

/// Says something on stderr, on one line; whoever closed it does not want to hear it, so errors are no errors.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{}", hygiene::harmless(text));
}

/// Writes a line to `out`: whatever is in the text, it stays one line and drives no terminal.
pub(crate) fn line(out: &mut dyn Write, text: &str) -> io::Result<()> {
    out.write_all(hygiene::harmless(text).as_bytes())?;
    out.write_all(b"\n")
}

/// Writes a JSON document as a line to `out`; its texts stay what they are, their dangerous characters as `\\uXXXX`.
pub(crate) fn object(out: &mut dyn Write, value: &serde_json::Value) -> io::Result<()> {
    let mut escaped = Vec::new();
    hygiene::escape_json(value.to_string().as_bytes(), &mut escaped);
    escaped.push(b'\n');
    out.write_all(&escaped)
}

/// Writes what was drawn for a terminal, colours and lines of its own included: every text in it was escaped before.
pub(crate) fn drawn(out: &mut dyn Write, text: &str) -> io::Result<()> {
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")
}

/// Text that cannot drive a terminal, whatever is in it.
pub fn printable(text: &str) -> String {
    hygiene::show(text, hygiene::Place::Terminal).0.into_owned()
}
