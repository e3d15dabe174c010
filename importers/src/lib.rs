//! Importers: other people's audit records into events, one stream at a time.
//!
//! ```text
//! bytes -> input (gzip, zstd, UTF-16) -> split (records, exact bytes) -> native | cloudtrail | windows | kubernetes
//!                                                                     -> finish (limits, original) -> sink
//! ```
//!
//! What becomes of each field stands in a table at the top of each format's module.
//!
//! Invariants: `read == events + rejected`, always; a bad record never stops the rest; every rejected byte is handed to
//! the sink; repeats are all kept; memory is bounded by the largest record, and by 64 MiB where something never ends.
//! An imported event carries its record's exact source bytes.
//!
//! Not here: where the events go, and where the rejects are kept.

mod carrier;
mod cloudtrail;
mod finish;
mod input;
mod kubernetes;
mod members;
mod resync;
mod scan;
mod split;
mod times;
mod window;
mod windows;

use std::fmt;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::str::FromStr;

use self::input::Encoding;
use self::members::members;
use self::split::{Piece, Splitter};
use indelible::event::{ActorType, AuditEvent, EventInvalid, EventProblem, Limits, Outcome};

/// Which importer reads a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Format {
    /// Whichever knows the record, decided record by record.
    #[default]
    Auto,
    /// Native events.
    Native,
    /// AWS CloudTrail.
    CloudTrail,
    /// Windows events as JSON: nxlog, winlogbeat.
    Windows,
    /// Kubernetes audit events.
    Kubernetes,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Auto => "auto",
            Self::Native => "native",
            Self::CloudTrail => "cloudtrail",
            Self::Windows => "windows",
            Self::Kubernetes => "kubernetes",
        })
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Ok(match name {
            "auto" => Self::Auto,
            "native" => Self::Native,
            "cloudtrail" => Self::CloudTrail,
            "windows" => Self::Windows,
            "kubernetes" | "k8s" => Self::Kubernetes,
            _ => return Err(UnknownFormat { given: name.to_owned() }),
        })
    }
}

/// A name that no importer has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a known format: use one of auto, native, cloudtrail, windows, kubernetes")]
#[non_exhaustive]
pub struct UnknownFormat {
    /// What was given.
    pub given: String,
}

/// What an importer knows besides the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportContext {
    /// The name of the input, for error messages.
    pub file: String,
    /// The workspace of records that do not name one; `default` unless said otherwise.
    pub workspace: String,
}

impl ImportContext {
    /// The context of a file, or of `-` for standard input.
    #[must_use]
    pub fn new(file: impl Into<String>) -> Self {
        Self { file: file.into(), workspace: "default".to_owned() }
    }

    /// Sets the workspace of records that do not name one.
    #[must_use]
    pub fn with_workspace(mut self, workspace: impl Into<String>) -> Self {
        self.workspace = workspace.into();
        self
    }
}

/// A record that became an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The line that the record begins on, from 1, after decompression.
    pub line: u64,
    /// The event, checked against the limits.
    pub event: AuditEvent,
}

/// A piece of input that did not become an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The line that the piece begins on, from 1, after decompression.
    pub line: u64,
    /// What is wrong and what to do about it.
    pub reason: String,
    /// The whole piece in the source's encoding; empty where something is missing rather than wrong.
    pub bytes: Vec<u8>,
}

/// One part of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A record that became an event.
    Event(Box<Imported>),
    /// A piece that did not.
    Reject(Rejected),
}

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ImportSummary {
    /// Everything that was handed to the sink.
    pub read: u64,
    /// The events among it.
    pub events: u64,
    /// The rejects among it.
    pub rejected: u64,
    /// The format of the last event, or what was asked for where there was none.
    pub format: Format,
}

/// Why a record did not become an event.
enum Refusal {
    /// It is a record of another format, or of none.
    OtherFormat,
    /// It is of this format and cannot be taken.
    Bad(String),
}

impl Refusal {
    fn unreadable(error: serde_json::Error) -> Self {
        Self::Bad(format!("not valid JSON: {error} (of this record)"))
    }

    /// A time that is there and not understood: the time of the import must not stand for it.
    fn unread_time(field: &str, given: &str) -> Self {
        let given: String = given.chars().take(64).collect();
        Self::Bad(format!("{field} {given:?} is no time that can be read: give RFC 3339, such as 2026-11-20T10:00:00Z"))
    }
}

impl From<EventInvalid> for Refusal {
    fn from(error: EventInvalid) -> Self {
        Self::Bad(error.to_string())
    }
}

/// What a conversion needs besides the record.
#[derive(Clone, Copy)]
struct Convert<'a> {
    limits: &'a Limits,
    context: &'a ImportContext,
    encoding: Encoding,
    /// The object that carries the record as a text, where one does.
    carrier: Option<&'a str>,
}

impl Convert<'_> {
    fn source_bytes(&self, record: &str) -> Vec<u8> {
        self.encoding.source_bytes(self.carrier.unwrap_or(record).as_bytes())
    }
}

/// An event with nothing but a workspace, to be filled by an importer.
fn blank(workspace: Option<String>, job: &Convert<'_>) -> AuditEvent {
    AuditEvent::in_workspace(workspace.unwrap_or_else(|| job.context.workspace.clone()))
        .action("")
        .actor(ActorType::System, "")
        .target("", "")
        .outcome(Outcome::Success)
        .unchecked()
}

/// Imports one stream; the sink stops it by breaking.
///
/// ```
/// use std::ops::ControlFlow;
/// use indelible_importers::{Format, ImportContext, Item, import};
/// use indelible::Limits;
///
/// let input = br#"{"Records":[{"eventSource":"s3.amazonaws.com","eventName":"GetObject","eventTime":"2026-11-20T10:00:00Z"}]}"#;
/// let mut actions = Vec::new();
/// let summary = import(&input[..], Format::Auto, &Limits::default(), &ImportContext::new("trail.json"), &mut |item| {
///     match item {
///         Item::Event(imported) => actions.push(imported.event.action),
///         Item::Reject(rejected) => eprintln!("trail.json:{}: {}", rejected.line, rejected.reason),
///     }
///     ControlFlow::Continue(())
/// })?;
/// assert_eq!(actions, ["s3:GetObject"]);
/// assert_eq!(summary.read, summary.events + summary.rejected);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// Errors of the system while reading. Input that is broken, compressed badly or cut is no error: what came before is
/// imported and the rest is rejected with a reason.
pub fn import<R: Read>(
    input: R,
    format: Format,
    limits: &Limits,
    context: &ImportContext,
    sink: &mut dyn FnMut(Item) -> ControlFlow<()>,
) -> io::Result<ImportSummary> {
    let in_file = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", context.file));
    let opened = input::open(input).map_err(in_file)?;
    let job = Convert { limits, context, encoding: opened.encoding, carrier: None };
    let mut splitter = Splitter::new(opened.reader, !matches!(format, Format::Windows), is_record);
    let mut run =
        Run { asked: format, last: format, job, summary: ImportSummary { format, ..Default::default() }, sink };
    let mut line = 1;
    while let Some(piece) = splitter.next_piece().map_err(in_file)? {
        line = piece.line;
        match run.piece(&piece) {
            Taken::Handed => {}
            Taken::Stopped => return Ok(run.summary),
            Taken::Unknown(why) => splitter.refuse(why),
        }
    }
    if let Some(byte) = opened.odd_byte.get() {
        let reason = "the UTF-16 input ends in half a character: it was cut, get a whole copy".to_owned();
        let _ = run.hand_over(Item::Reject(Rejected { line, reason, bytes: vec![byte] }));
    }
    Ok(run.summary)
}

/// What became of a piece.
enum Taken {
    /// The sink has it.
    Handed,
    /// The sink has it and wants no more.
    Stopped,
    /// It is a JSON object and no record: why.
    Unknown(String),
}

impl From<ControlFlow<()>> for Taken {
    fn from(flow: ControlFlow<()>) -> Self {
        if flow.is_break() { Self::Stopped } else { Self::Handed }
    }
}

/// An import under way.
struct Run<'a> {
    asked: Format,
    /// The format of the last event: the first guess for the next one.
    last: Format,
    job: Convert<'a>,
    summary: ImportSummary,
    sink: &'a mut dyn FnMut(Item) -> ControlFlow<()>,
}

impl Run<'_> {
    fn piece(&mut self, piece: &Piece<'_>) -> Taken {
        let reason = match (&piece.broken, std::str::from_utf8(piece.bytes)) {
            (Some(why), _) => why.clone(),
            (None, Err(error)) => {
                format!(
                    "not valid UTF-8 at byte {} of this record: find out how its source writes text",
                    error.valid_up_to()
                )
            }
            // Far too long is said before it is parsed.
            (None, Ok(record)) if record.len() > self.job.limits.event_bytes_max => {
                let limit = self.job.limits.event_bytes_max;
                format!("the record {}", EventProblem::EventTooLong { bytes: record.len(), limit })
            }
            (None, Ok(record)) => match self.convert(record) {
                Ok(event) => {
                    let imported = Imported { line: piece.line, event };
                    return self.hand_over(Item::Event(Box::new(imported))).into();
                }
                Err(Refusal::Bad(reason)) => reason,
                Err(Refusal::OtherFormat) => return Taken::Unknown(self.unknown(record)),
            },
        };
        let bytes = self.job.encoding.source_bytes(piece.bytes);
        self.hand_over(Item::Reject(Rejected { line: piece.line, reason, bytes })).into()
    }

    fn hand_over(&mut self, item: Item) -> ControlFlow<()> {
        self.summary.read += 1;
        match item {
            Item::Event(_) => self.summary.events += 1,
            Item::Reject(_) => self.summary.rejected += 1,
        }
        (self.sink)(item)
    }

    /// Tries the format that was asked for; otherwise the last one, and where that is wrong whichever the shape tells. What
    /// is no record may carry one.
    fn convert(&mut self, record: &str) -> Result<AuditEvent, Refusal> {
        let (mut format, mut converted) = self.convert_shaped(record, &self.job);
        if matches!(converted, Err(Refusal::OtherFormat))
            && let Some(inner) = carrier::carried(record)
        {
            (format, converted) = self.convert_shaped(&inner, &Convert { carrier: Some(record), ..self.job });
        }
        if converted.is_ok() {
            self.last = format;
            self.summary.format = format;
        }
        converted
    }

    fn convert_shaped(&self, record: &str, job: &Convert<'_>) -> (Format, Result<AuditEvent, Refusal>) {
        let converted = convert_as(self.last, record, job);
        if self.asked != Format::Auto || !matches!(converted, Err(Refusal::OtherFormat)) {
            return (self.last, converted);
        }
        let format = shape(record).unwrap_or(Format::Auto);
        (format, convert_as(format, record, job))
    }

    fn unknown(&self, record: &str) -> String {
        if cloudtrail::is_digest(record) {
            return DIGEST.to_owned();
        }
        match (shape(record), self.asked) {
            (Err(error), _) => format!("not valid JSON: {error} (of this record)"),
            (Ok(_), Format::Auto) => UNKNOWN.to_owned(),
            (Ok(_), Format::Native) => match AuditEvent::from_native_json(record, self.job.limits) {
                Err(error) => error.to_string(),
                Ok(_) => UNKNOWN.to_owned(),
            },
            (Ok(_), asked) => format!("not a record of the format {asked}: try --format auto"),
        }
    }
}

const UNKNOWN: &str = "no known audit record (CloudTrail has eventSource and eventName, Windows EventID and a channel or \
                       provider, Kubernetes auditID and verb, a native event workspace, actor and action): convert it \
                       to a native event";

const DIGEST: &str = "a CloudTrail digest file: it holds hashes of log files and no audit record; keep it beside the log \
                      files that it names";

fn convert_as(format: Format, record: &str, job: &Convert<'_>) -> Result<AuditEvent, Refusal> {
    match format {
        Format::Auto => Err(Refusal::OtherFormat),
        Format::Native => convert_native(record, job),
        Format::CloudTrail => cloudtrail::convert(record, job),
        Format::Windows => windows::convert(record, job),
        Format::Kubernetes => kubernetes::convert(record, job),
    }
}

fn convert_native(record: &str, job: &Convert<'_>) -> Result<AuditEvent, Refusal> {
    AuditEvent::from_native_json(record, job.limits).map_err(|error| match shape(record) {
        // Only what looks native is told its flaw: anything else may be another format, or not JSON at all.
        Ok(Format::Native) => error.into(),
        _ => Refusal::OtherFormat,
    })
}

members!(Shape {
    workspace: "workspace",
    actor: "actor",
    action: "action",
    event_source: "eventSource",
    event_name: "eventName",
    insight: "insightDetails",
    audit_id: "auditID",
    event_id: "EventID" | "event_id" | "winlog" | "Event" | "ProviderName",
});

/// Whether a text looks like a record that some importer takes.
fn is_record(text: &str) -> bool {
    !matches!(shape(text), Ok(Format::Auto) | Err(_)) || carrier::carried(text).is_some()
}

/// The format that a record's members suggest; [`Format::Auto`] where they suggest none.
fn shape(record: &str) -> Result<Format, serde_json::Error> {
    let shape = Shape::read(record)?;
    let object = |raw: members::Raw<'_>| raw.is_some_and(|raw| raw.get().starts_with(['{', '[']));
    // An actor that is a plain text is some other product's.
    let native = [shape.workspace, shape.action, shape.actor.filter(|raw| object(Some(raw)))];
    Ok(if (shape.event_source.is_some() && shape.event_name.is_some()) || object(shape.insight) {
        Format::CloudTrail
    } else if shape.audit_id.is_some() {
        Format::Kubernetes
    } else if native.iter().flatten().count() >= 2 {
        Format::Native
    } else if shape.event_id.is_some() {
        Format::Windows
    } else {
        Format::Auto
    })
}
