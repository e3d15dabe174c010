//! Event rows in every format.
//!
//! ```text
//! table    !  seq  time  severity  outcome  workspace  actor  action  target
//! line     seq  time  severity  outcome  workspace  actor  action  target        one row a line, for `tail`
//! json     {"rows":[native event + seq + recorded_at, ...],"next_cursor":"..."|null}
//! ndjson   native event + seq + recorded_at, a line each
//! csv      every field a column, then `flagged`: what was escaped in the row
//! ```
//!
//! Invariant: JSON rows have the exact values of the log; tables and CSV show texts escaped ([`super::hygiene`]).

use std::borrow::Cow;
use std::io::{self, Write};

use indelible::{AuditEvent, Outcome, Severity, Timestamp};
use indelible_evidence::schema::Kind;

use super::hygiene::{self, Flags, Place};
use super::table::{Content, Table, clip};
use super::{Format, Look, csv, drawn, line};

/// A row to be shown.
#[derive(Debug, Clone, Copy)]
pub struct RowRef<'a> {
    /// Position in the log.
    pub seq: u64,
    /// When the log wrote it.
    pub recorded_at: Timestamp,
    /// What sort of record.
    pub kind: Kind,
    /// The event.
    pub event: &'a AuditEvent,
}

/// Writes rows one after the other.
pub struct RowWriter<'o> {
    out: &'o mut dyn Write,
    format: Format,
    look: Look,
    /// Rows of the table being collected.
    table: Option<Table>,
    rows: u64,
    flagged: bool,
    buffer: Vec<u8>,
}

const TITLES: [&str; 8] = ["seq", "time", "severity", "outcome", "workspace", "actor", "action", "target"];
/// Rows after which a table is printed and another begun, so that memory stays bounded.
const TABLE_ROWS_MAX: u64 = 1_000;

impl<'o> RowWriter<'o> {
    /// Writes to `out`.
    pub fn new(format: Format, look: Look, out: &'o mut dyn Write) -> Self {
        Self { out, format, look, table: None, rows: 0, flagged: false, buffer: Vec::new() }
    }

    /// Writes one row.
    ///
    /// # Errors
    /// What the output says.
    pub fn row(&mut self, row: RowRef<'_>) -> io::Result<()> {
        let first = self.rows == 0;
        self.rows += 1;
        match self.format {
            Format::Table => {
                let look = self.look;
                self.table.get_or_insert_with(|| Table::new(&TITLES, look)).row(contents(row));
                if self.rows.is_multiple_of(TABLE_ROWS_MAX) {
                    self.print_table()?;
                }
                Ok(())
            }
            Format::Json => {
                self.out.write_all(if first { b"{\"rows\":[\n" } else { b",\n" })?;
                self.json(row)
            }
            Format::Ndjson => {
                self.json(row)?;
                self.out.write_all(b"\n")
            }
            Format::Csv => {
                if first {
                    csv::write_record(self.out, COLUMNS.iter().map(|&column| Cow::Borrowed(column)))?;
                }
                self.csv(row)
            }
        }
    }

    /// Writes one row as one line, whatever the format: a table's row without its frame.
    ///
    /// # Errors
    /// What the output says.
    pub fn line(&mut self, row: RowRef<'_>) -> io::Result<()> {
        if self.format != Format::Table {
            return self.row(row);
        }
        self.rows += 1;
        let (text, flags) = one_line(row, self.look.colour);
        self.flagged |= !flags.is_empty();
        drawn(self.out, &text)
    }

    /// Hands what was written on to the reader.
    ///
    /// # Errors
    /// What the output says.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Ends the document; true where a table had to escape something.
    ///
    /// # Errors
    /// What the output says.
    pub fn finish(mut self, next_cursor: Option<&str>) -> io::Result<bool> {
        match self.format {
            Format::Table => self.print_table()?,
            Format::Json => {
                self.out.write_all(if self.rows == 0 { b"{\"rows\":[" } else { b"\n" })?;
                let cursor = serde_json::to_string(&next_cursor)?;
                line(self.out, &format!("],\"next_cursor\":{cursor}}}"))?;
            }
            Format::Csv if self.rows == 0 => {
                csv::write_record(self.out, COLUMNS.iter().map(|&column| Cow::Borrowed(column)))?;
            }
            Format::Ndjson | Format::Csv => {}
        }
        self.out.flush()?;
        Ok(self.flagged)
    }

    /// Rows written so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    fn print_table(&mut self) -> io::Result<()> {
        let Some(table) = self.table.take() else { return Ok(()) };
        self.flagged |= table.is_flagged();
        drawn(self.out, &table.render())
    }

    fn json(&mut self, row: RowRef<'_>) -> io::Result<()> {
        self.buffer.clear();
        row.event.write_native_json(Some(row.seq), Some(row.recorded_at), &mut self.buffer);
        let mut escaped = Vec::with_capacity(self.buffer.len());
        hygiene::escape_json(&self.buffer, &mut escaped);
        self.out.write_all(&escaped)
    }

    fn csv(&mut self, row: RowRef<'_>) -> io::Result<()> {
        let mut flags = Flags::NONE;
        let mut cells: Vec<Cow<'_, str>> = vec![Cow::Owned(row.seq.to_string())];
        cells.push(Cow::Owned(row.recorded_at.to_rfc3339_nanos()));
        let texts = texts(row);
        for text in &texts {
            let (cell, found) = csv::cell(text);
            flags.add(found);
            cells.push(cell);
        }
        cells.push(Cow::Owned(flags.to_string()));
        csv::write_record(self.out, cells.into_iter())
    }
}

/// The columns of CSV: seq, recorded-at, [`texts`], flags.
const COLUMNS: [&str; 36] = [
    "seq",
    "recorded_at",
    "kind",
    "id",
    "time",
    "workspace",
    "lane",
    "session",
    "correlation_id",
    "parent_id",
    "request_id",
    "actor_type",
    "actor_id",
    "actor_name",
    "actor_role",
    "actor_ip",
    "auth_method",
    "action",
    "target_type",
    "target_id",
    "outcome",
    "severity",
    "service",
    "proof_kind",
    "proof_data",
    "proof_url",
    "proof_hash",
    "proof_captured_at",
    "reason",
    "error_code",
    "error_message",
    "metadata",
    "original_format",
    "original",
    "original_base64",
    "flagged",
];

/// The texts of a row in the order of [`COLUMNS`].
fn texts<'a>(row: RowRef<'a>) -> [Cow<'a, str>; 33] {
    use base64::Engine as _;
    let event = row.event;
    let optional = |text: &'a Option<String>| Cow::Borrowed(text.as_deref().unwrap_or(""));
    let plain = |text: &'a String| Cow::Borrowed(text.as_str());
    let time = |time: Option<Timestamp>| Cow::Owned(time.map(Timestamp::to_rfc3339_nanos).unwrap_or_default());
    let (proof, error) = (event.proof.as_ref(), event.error.as_ref());
    let of_proof = |text: Option<&'a Option<String>>| text.map_or(Cow::Borrowed(""), optional);
    let original = event.original.as_ref();
    let text = original.and_then(|original| std::str::from_utf8(&original.bytes).ok());
    let base64 = original
        .filter(|_| text.is_none())
        .map(|original| base64::engine::general_purpose::STANDARD.encode(&original.bytes));
    [
        Cow::Borrowed(row.kind.name()),
        optional(&event.id),
        time(event.time),
        plain(&event.workspace),
        optional(&event.lane),
        optional(&event.session),
        optional(&event.correlation_id),
        optional(&event.parent_id),
        optional(&event.request_id),
        Cow::Owned(event.actor.kind.to_string()),
        plain(&event.actor.id),
        optional(&event.actor.name),
        optional(&event.actor.role),
        optional(&event.actor.ip),
        optional(&event.actor.auth_method),
        plain(&event.action),
        plain(&event.target.kind),
        plain(&event.target.id),
        Cow::Owned(event.outcome.to_string()),
        Cow::Owned(event.severity.to_string()),
        optional(&event.service),
        Cow::Owned(proof.map(|proof| proof.kind.to_string()).unwrap_or_default()),
        of_proof(proof.map(|proof| &proof.data)),
        of_proof(proof.map(|proof| &proof.url)),
        of_proof(proof.map(|proof| &proof.hash)),
        time(proof.and_then(|proof| proof.captured_at)),
        optional(&event.reason),
        of_proof(error.map(|error| &error.code)),
        of_proof(error.map(|error| &error.message)),
        Cow::Borrowed(event.metadata.as_ref().map_or("", |metadata| metadata.as_str())),
        Cow::Borrowed(original.map_or("", |original| original.format.as_str())),
        Cow::Borrowed(text.unwrap_or("")),
        Cow::Owned(base64.unwrap_or_default()),
    ]
}

/// The cells of a table's row.
fn contents(row: RowRef<'_>) -> Vec<Content> {
    let event = row.event;
    let severity = event.severity.to_string();
    let outcome = event.outcome.to_string();
    vec![
        Content::Number(row.seq.to_string()),
        Content::Plain(short_time(event.time.unwrap_or(row.recorded_at))),
        match event.severity {
            Severity::Info => Content::Plain(severity),
            Severity::Warning => Content::Warning(severity),
            Severity::Critical | Severity::Unknown(_) => Content::Alarm(severity),
        },
        match event.outcome {
            Outcome::Success => Content::Good(outcome),
            Outcome::Failure => Content::Alarm(outcome),
            _ => Content::Warning(outcome),
        },
        Content::Untrusted(event.workspace.clone()),
        Content::Untrusted(format!("{}:{}", event.actor.kind, event.actor.id)),
        Content::Untrusted(event.action.clone()),
        Content::Untrusted(format!("{}:{}", event.target.kind, event.target.id)),
    ]
}

/// A row on one line, and what was found in it.
fn one_line(row: RowRef<'_>, colour: bool) -> (String, Flags) {
    let event = row.event;
    let mut flags = Flags::NONE;
    let mut show = |text: &str| {
        let (shown, found) = hygiene::show_identifier(text, Place::Terminal);
        flags.add(found);
        clip(&shown)
    };
    let workspace = show(&event.workspace);
    let actor = show(&format!("{}:{}", event.actor.kind, event.actor.id));
    let action = show(&event.action);
    let target = show(&format!("{}:{}", event.target.kind, event.target.id));
    let mark = if flags.is_empty() { ' ' } else { '!' };
    let (severity, outcome) = (event.severity.to_string(), event.outcome.to_string());
    let paint = |text: &str, code: u8, width: usize| match colour {
        true => format!("\u{1b}[{code}m{text:<width$}\u{1b}[0m"),
        false => format!("{text:<width$}"),
    };
    let severity_code = match event.severity {
        Severity::Info => 0,
        Severity::Warning => 33,
        _ => 31,
    };
    let outcome_code = match event.outcome {
        Outcome::Success => 32,
        Outcome::Failure => 31,
        _ => 33,
    };
    let text = format!(
        "{mark} {:>8}  {}  {}  {}  {workspace:<12}  {actor:<24}  {action:<24}  {target}",
        row.seq,
        short_time(event.time.unwrap_or(row.recorded_at)),
        paint(&severity, severity_code, 8),
        paint(&outcome, outcome_code, 7),
    );
    (text, flags)
}

/// UTC to the millisecond, always equally wide: enough to read along, while JSON has every digit.
fn short_time(time: Timestamp) -> String {
    let text = time.to_rfc3339_nanos();
    let (date, rest) = text.split_once('T').unwrap_or((&text, ""));
    let clock: String = rest.chars().take(12).collect();
    format!("{date} {clock}Z")
}

#[cfg(test)]
mod tests;
