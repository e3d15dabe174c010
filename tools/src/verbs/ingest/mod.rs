//! `ingest`: files and stdin into a log.
//!
//! ```text
//! files in order --> importer --> event  --> ledger.emit --> receipt           acks: durable N, while it goes on
//!                            `--> reject --> stderr, rejects file, count
//! ```
//!
//! Invariants: `read = stored + duplicates + rejected`; a bad input never stops the rest (without `--strict`); memory does
//! not grow with the input; a signal ends the reading, never the storing: what was accepted is flushed, the log closed,
//! the summary printed.

mod acks;
mod rejects;
mod summary;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use indelible::{Ack, AuditEvent, EmitError, Ledger, Limits, OpenOptions};
use indelible_importers::{ImportContext, Item, Rejected, import};
use indicatif::ProgressBar;

use crate::cli::{AckArg, Cli, IngestArgs};
use crate::failure::{Failure, Outcome};
use crate::output::hygiene::{Place, show};
use crate::output::say;
use crate::signals::Stop;
use crate::source;
use crate::verbs::{bytes_bar, say_pressure, say_recovery};
use rejects::Rejects;
use summary::{Counts, Tally};

/// Reads everything and prints the summary.
///
/// # Errors
/// A log that cannot be opened or written; with `--strict` the first bad input; both after the summary, where anything
/// was read.
pub fn run(cli: &Cli, args: &IngestArgs) -> Outcome {
    let files = if args.files.is_empty() { vec![PathBuf::from(source::STDIN)] } else { args.files.clone() };
    if files.iter().filter(|file| source::is_stdin(file)).count() > 1 {
        return Err(Failure::usage("stdin (`-`) can be read once only"));
    }
    // Everything that can be refused is refused before the log is created.
    files.iter().try_for_each(|file| source::check(file))?;
    let rejects = args.rejects.as_deref().map(Rejects::create).transpose()?;
    let acks = args.acks.as_deref().map(acks::open).transpose()?;
    let stop = Stop::on_signals()?;
    let options = OpenOptions { create: !args.no_create, ..cli.open_options() };
    let ledger = Ledger::open(&args.log, &options)?;
    say_recovery(&ledger);
    let warned = say_pressure(&ledger);
    let bar = bytes_bar("ingesting", source::total_bytes(&files));
    let started = Instant::now();
    let mut job =
        Job { ledger: &ledger, args, stop: &stop, bar: &bar, rejects, tally: Tally::default(), failure: None };
    let result = acks::while_running(&ledger, acks, || {
        let read = job.all(&files);
        // Whatever stopped the reading, what was accepted is made durable before anything is said.
        let flushed = job.flush();
        read.and(flushed)
    });
    bar.finish_and_clear();
    let tally = job.tally;
    let _ = warned || say_pressure(&ledger);
    let result = result.and(ledger.close().map_err(Failure::from));
    let counts = tally.counts(started.elapsed(), stop.asked());
    print(args, &counts)?;
    result
}

/// An ingest under way.
struct Job<'a> {
    ledger: &'a Ledger,
    args: &'a IngestArgs,
    stop: &'a Stop,
    bar: &'a ProgressBar,
    rejects: Option<Rejects>,
    tally: Tally,
    /// Why the reading ended early.
    failure: Option<Failure>,
}

impl Job<'_> {
    fn all(&mut self, files: &[PathBuf]) -> Outcome {
        for file in files {
            if self.stop.asked() {
                break;
            }
            self.file(file)?;
        }
        Ok(())
    }

    fn file(&mut self, file: &Path) -> Outcome {
        let input = source::open(file, self.bar, self.stop)?;
        let mut context = ImportContext::new(file.display().to_string());
        if let Some(workspace) = &self.args.workspace {
            context = context.with_workspace(workspace);
        }
        let name = if source::is_stdin(file) { "stdin".to_owned() } else { file.display().to_string() };
        let imported = import(input, self.args.format, &Limits::default(), &context, &mut |item| {
            // After a stop the importer sees a cut input; what it makes of the cut was never read.
            if self.stop.asked() {
                return ControlFlow::Break(());
            }
            match item {
                Item::Event(imported) => self.event(&name, imported.line, imported.event),
                Item::Reject(rejected) => self.reject(&name, &rejected),
            }
        });
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        imported.map_err(|error| Failure::operational(format!("cannot read {error}")))?;
        Ok(())
    }

    fn event(&mut self, file: &str, line: u64, event: AuditEvent) -> ControlFlow<()> {
        let emitted = if self.args.once { self.ledger.emit_once(event) } else { self.ledger.emit(event) };
        match emitted {
            Ok(receipt) => {
                self.tally.accepted(receipt, self.args.once);
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
        let escaped = |text: &str| show(text, Place::Terminal).0.into_owned();
        let message = format!("{}: {}", escaped(&place), escaped(&rejected.reason));
        self.bar.suspend(|| say(&message));
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

    fn flush(&mut self) -> Outcome {
        match self.args.ack {
            AckArg::Durable => self.ledger.flush(None)?,
            AckArg::Written => {
                if let Some(receipt) = self.tally.last() {
                    receipt.wait(Ack::Written, None)?;
                }
            }
        }
        self.tally.settle();
        Ok(())
    }
}

fn print(args: &IngestArgs, counts: &Counts) -> Outcome {
    use std::io::Write as _;
    let mut out = crate::output::stdout();
    let text = if args.json { counts.json(args.once) } else { counts.text(args.once) };
    crate::output::line(&mut out, &text)?;
    out.flush()?;
    if counts.rejected > 0 && args.rejects.is_none() && !args.json {
        say("the rejected inputs were not kept: --rejects FILE keeps them whole");
    }
    Ok(())
}
