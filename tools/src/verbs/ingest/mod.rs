//! `ingest`: files, folders and stdin into a log.
//!
//! ```text
//! inputs in order --> importer --> event  --> ledger.emit --> receipt           acks: durable N, while it goes on
//!   |                        `--> reject --> stderr, rejects file, count
//!   `-- not there, not readable --> stderr, count
//! ```
//!
//! Invariants: `read = stored + duplicates + rejected`; a bad or missing input never stops the rest (without `--strict`), and the
//! exit code says that there was one; memory does not grow with the input; a signal ends the reading, not the storing: what was
//! accepted is flushed, the log closed, the summary printed, exit code 4. Only a device without room keeps accepted events from
//! being stored then, and the summary says how many. No output is an input, or in a log ([`crate::outputs`]).

mod acks;
mod rejects;
mod summary;
mod times;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Instant;

use indelible::{Ack, AuditEvent, EmitError, Ledger, Limits, OpenOptions, RECORD_BYTES_MAX};
use indelible_importers::{ImportContext, Item, Rejected, import};
use indicatif::ProgressBar;

use crate::cli::{AckArg, Cli, IngestArgs};
use crate::failure::{Failure, Outcome};
use crate::output::hygiene::{Place, show};
use crate::output::{object, say};
use crate::outputs::{Outputs, Readers, is_same};
use crate::signals::Stop;
use crate::source::{self, Input, Missing};
use crate::verbs::room;
use crate::verbs::{bytes_bar, say_pressure, say_recovery};
use rejects::Rejects;
use summary::{Conflict, Counts, Signed, Source, Tally};
use times::Times;

/// Reads everything and prints the summary.
///
/// # Errors
/// A log that cannot be opened or written, a signal, inputs that were rejected or missing, with `--strict` the first of these:
/// all after the summary, where anything was read.
pub fn run(cli: &Cli, args: &IngestArgs) -> Outcome {
    let named = if args.files.is_empty() { vec![PathBuf::from(source::STDIN)] } else { args.files.clone() };
    if named.iter().filter(|file| source::is_stdin(file)).count() > 1 {
        return Err(Failure::usage("stdin (`-`) can be read once only"));
    }
    let limits = Limits::default().with_record_bytes_max(args.record_bytes_max).ok_or_else(|| {
        Failure::usage(format!("--record-bytes-max {} is not from 8,192 to {RECORD_BYTES_MAX}", args.record_bytes_max))
    })?;
    let inputs = without_outputs(source::gather(&named), &named, args);
    // Everything that can be refused is refused before the log is created.
    if !inputs.iter().any(Result::is_ok) {
        return Err(nothing_to_read(&inputs));
    }
    let outputs = Outputs::of(&args.log).reading(&named);
    let open = |option, file: &Option<PathBuf>, readers| {
        file.as_deref().map(|file| outputs.append(option, file, readers)).transpose()
    };
    let rejects = open("--rejects", &args.rejects, Readers::Owner)?.map(Rejects::append_to);
    let acks = open("--acks", &args.acks, Readers::Everybody)?;
    let options =
        OpenOptions { create: !args.no_create, unsigned: args.unsigned, limits: Some(limits), ..cli.open_options() };
    let ledger = room::opened(&args.log, &options)?;
    // Not before: while it opens, a signal ends the process, which may be waiting for room.
    let stop = Stop::on_signals()?;
    say_recovery(&ledger);
    let warned = say_pressure(&ledger);
    let files: Vec<PathBuf> = inputs.iter().flatten().cloned().collect();
    let bar = bytes_bar("ingesting", source::total_bytes(&files));
    let (started, before) = (Instant::now(), ledger.durable_to());
    let tally = Tally::default();
    let mut job = Job { ledger: &ledger, args, limits, stop: &stop, bar: &bar, rejects, tally, failure: None };
    let (result, given_up) = room::watched(&ledger, &stop, || {
        let read = acks::while_running(&ledger, acks, || {
            let read = job.all(&inputs);
            // Whatever stopped the reading, what was accepted is made durable before anything is said.
            let flushed = job.flush();
            read.and(flushed)
        });
        let _ = warned || say_pressure(&ledger);
        read.and(ledger.close().map_err(Failure::from))
    });
    bar.finish_and_clear();
    let durable = given_up.then(|| before..ledger.durable_to());
    let signed = match (ledger.is_signed(), result.is_ok()) {
        (false, _) => Signed::NoKey,
        (true, false) => Signed::NotYet,
        (true, true) => Signed::Yes,
    };
    let counts = job.tally.counts(started.elapsed(), stop.asked(), signed, durable);
    print(args, &counts)?;
    if given_up || (counts.interrupted && result.is_ok()) {
        return Err(interrupted(&counts));
    }
    result?;
    some_missing(args, &counts)
}

/// The inputs without the files that this run writes, where a folder led to them: nobody named those.
fn without_outputs(inputs: Vec<Input>, named: &[PathBuf], args: &IngestArgs) -> Vec<Input> {
    let outputs: Vec<_> =
        [&args.rejects, &args.acks].into_iter().flatten().filter_map(|file| file.metadata().ok()).collect();
    let is_output =
        |path: &Path| path.metadata().is_ok_and(|input| outputs.iter().any(|output| is_same(&input, output)));
    let stays = |input: &Input| match input {
        Ok(path) if !named.contains(path) && is_output(path) => {
            say(&format!("{}: not read: this run writes it", path.display()));
            false
        }
        _ => true,
    };
    inputs.into_iter().filter(stays).collect()
}

fn nothing_to_read(inputs: &[Input]) -> Failure {
    let missing: Vec<String> = inputs
        .iter()
        .filter_map(|input| input.as_ref().err())
        .map(|missing| format!("cannot read {}: {}", missing.path.display(), missing.problem))
        .collect();
    match missing.is_empty() {
        true => Failure::operational("there is nothing to read"),
        false => Failure::operational(missing.join("\n")),
    }
}

fn interrupted(counts: &Counts) -> Failure {
    let failure = match counts.not_stored {
        0 => Failure::interrupted("a signal came before everything was read; what is counted as stored is stored"),
        lost => Failure::interrupted(format!(
            "a signal came while the log waited for room: {lost} events that were read are not stored"
        )),
    };
    failure.help("the rest is still in the inputs: run it again with --once, which stores nothing twice that has an id")
}

fn some_missing(args: &IngestArgs, counts: &Counts) -> Outcome {
    if counts.rejected + counts.missing == 0 || args.allow_rejects {
        return Ok(());
    }
    let mut parts = Vec::new();
    if counts.rejected > 0 {
        let kept = if args.rejects.is_some() { "kept in the rejects file" } else { "not kept" };
        parts.push(format!("{} inputs were rejected ({kept})", counts.rejected));
    }
    if counts.missing > 0 {
        parts.push(format!("{} inputs could not be read", counts.missing));
    }
    let failure = Failure::operational(format!("{}; the rest is stored", parts.join(", ")));
    Err(failure.help("--rejects FILE keeps rejected inputs whole, --allow-rejects makes this exit code 0"))
}

/// An ingest under way.
struct Job<'a> {
    ledger: &'a Ledger,
    args: &'a IngestArgs,
    limits: Limits,
    stop: &'a Stop,
    bar: &'a ProgressBar,
    rejects: Option<Rejects>,
    tally: Tally,
    /// Why the reading ended early.
    failure: Option<Failure>,
}

impl Job<'_> {
    fn all(&mut self, inputs: &[Input]) -> Outcome {
        for input in inputs {
            if self.stop.asked() {
                break;
            }
            match input {
                Ok(file) => self.file(file)?,
                Err(missing) => self.missing(missing)?,
            }
        }
        Ok(())
    }

    fn file(&mut self, file: &Path) -> Outcome {
        let missing = |problem: String| Missing { path: file.to_owned(), problem };
        let input = match source::open(file, self.bar, self.stop) {
            Ok(input) => input,
            Err(failure) => return self.missing(&missing(failure.to_string())),
        };
        let mut context = ImportContext::new(file.display().to_string());
        if let Some(workspace) = &self.args.workspace {
            context = context.with_workspace(workspace);
        }
        let name: Rc<str> = if source::is_stdin(file) { "stdin".into() } else { file.display().to_string().into() };
        let mut times = Times::default();
        let limits = self.limits;
        let imported = import(input, self.args.format, &limits, &context, &mut |item| {
            // After a stop the importer sees a cut input; what it makes of the cut was never read.
            if self.stop.asked() {
                return ControlFlow::Break(());
            }
            match item {
                Item::Event(imported) => {
                    times.see(imported.event.time);
                    self.event(&name, imported.line, imported.event)
                }
                Item::Reject(rejected) => self.reject(&name, &rejected),
            }
        });
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        if let Some(warning) = times.warning() {
            self.report(&format!("{name}: warning: {warning}"));
        }
        match imported {
            Ok(_) => Ok(()),
            Err(error) => self.missing(&missing(format!("it cannot be read to its end: {error}"))),
        }
    }

    fn event(&mut self, file: &Rc<str>, line: u64, event: AuditEvent) -> ControlFlow<()> {
        let emitted = if self.args.once { self.ledger.emit_once(event) } else { self.ledger.emit(event) };
        match emitted {
            Ok(receipt) => {
                let source = self.args.once.then(|| Source { file: Rc::clone(file), line });
                let conflicts = self.tally.accepted(receipt, source);
                self.conflicts(&conflicts);
                ControlFlow::Continue(())
            }
            Err(EmitError::Invalid { reason, event }) => {
                let bytes = match event.original {
                    Some(original) => original.bytes,
                    None => event.to_native_json().into_bytes(),
                };
                self.reject(file, &Rejected { line, reason: reason.to_string(), bytes })
            }
            Err(error) => {
                self.failure = Some(Failure::operational(format!("{file}:{line}: {error}")));
                ControlFlow::Break(())
            }
        }
    }

    fn reject(&mut self, file: &str, rejected: &Rejected) -> ControlFlow<()> {
        self.tally.rejected += 1;
        let place = format!("{file}:{}", rejected.line);
        self.report(&format!("{}: {}", escaped(&place), escaped(&rejected.reason)));
        if let Some(rejects) = &mut self.rejects
            && let Err(failure) = rejects.keep(file, rejected)
        {
            self.failure = Some(failure);
            return ControlFlow::Break(());
        }
        if self.args.strict {
            self.failure = Some(
                Failure::operational(format!("stopped at a bad input: {place}"))
                    .help("what came before it is stored; without --strict the rest would be read"),
            );
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    /// Reports an input that is not there or cannot be read.
    fn missing(&mut self, missing: &Missing) -> Outcome {
        self.tally.missing += 1;
        let path = missing.path.display().to_string();
        self.report(&format!("{}: {}", escaped(&path), escaped(&missing.problem)));
        match self.args.strict {
            true => Err(Failure::operational(format!("stopped at an input that cannot be read: {path}"))
                .help("what came before it is stored; without --strict the rest would be read")),
            false => Ok(()),
        }
    }

    fn conflicts(&self, conflicts: &[Conflict]) {
        for Conflict { source: Source { file, line }, seq } in conflicts {
            self.report(&format!(
                "{}:{line}: conflict: another event has this id already; stored as an event of its own, seq {seq}",
                escaped(file)
            ));
        }
    }

    fn report(&self, message: &str) {
        self.bar.suspend(|| say(message));
    }

    fn flush(&mut self) -> Outcome {
        let flushed = match self.args.ack {
            AckArg::Durable => self.ledger.flush(None).map_err(Failure::from),
            AckArg::Written => match self.tally.last() {
                Some(receipt) => receipt.wait(Ack::Written, None).map(drop).map_err(Failure::from),
                None => Ok(()),
            },
        };
        let conflicts = self.tally.settle();
        self.conflicts(&conflicts);
        flushed
    }
}

fn escaped(text: &str) -> String {
    show(text, Place::Terminal).0.into_owned()
}

fn print(args: &IngestArgs, counts: &Counts) -> Outcome {
    use std::io::Write as _;
    let mut out = crate::output::stdout();
    match args.json {
        true => object(&mut out, &counts.json(args.once))?,
        false => crate::output::line(&mut out, &counts.text(args.once))?,
    }
    out.flush()?;
    Ok(())
}
