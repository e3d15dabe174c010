//! Signed heads handed on: to a file, to a command, to the anchor, as soon as they are signed.
//!
//! ```text
//! framer signs -> mailbox (never waits) -> keeper thread -> anchor, file, command on its own time
//! ```
//!
//! A head that left the machine is what finds a log that was rolled back or rewritten later (`SECURITY.md`), so it should leave
//! by itself. Invariants: ingest never waits for a destination; a destination that fails is reported, once for each head, and the
//! next head is tried again. Not here: what an anchor is ([`crate::anchor`]).

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indelible_engine::Log;
use indelible_engine::query::View;
use indelible_evidence::LogId;
use parking_lot::{Condvar, Mutex};
use serde::{Deserialize, Serialize};

use crate::anchor::Anchor;
use crate::error::{Error, Result};
use crate::keys;
use crate::world::{Machine, Outside, World};

/// Heads that wait for slow destinations; older ones are given up, and reported.
const WAITING_MAX: usize = 1_024;
/// Longest file of what is remembered.
const BYTES_MAX: usize = 64 << 10;
/// Failures that are kept until somebody asks for them.
const FAILURES_MAX: usize = 64;

/// Where every new signed head goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadOptions {
    /// A file outside the log directory.
    pub file: Option<PathBuf>,
    /// Whether heads are appended to the file, an empty line between them; otherwise the newest replaces the one before.
    pub append: bool,
    /// A command for `sh -c`, which gets the head on its standard input.
    pub command: Option<String>,
    /// Seconds after which the command, with everything that it started, is ended and counts as failed.
    pub command_seconds_max: u64,
}

impl Default for HeadOptions {
    fn default() -> Self {
        Self { file: None, append: true, command: None, command_seconds_max: 10 }
    }
}

impl HeadOptions {
    /// Whether heads go nowhere.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.file.is_none() && self.command.is_none()
    }

    /// Refuses a file that lies in a log, the world's or another: heads appended there would destroy it.
    ///
    /// # Errors
    /// [`Error::Inside`].
    pub fn check(&self, world: &World) -> Result<()> {
        match &self.file {
            Some(file) if world.outside.lies_in(file, &world.path) => {
                Err(Error::Inside { file: file.clone(), log: world.path.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Remembers this for a log of this machine, beside its signing key, so that every later opening for writing hands heads on.
    ///
    /// # Errors
    /// Where there is no place to remember it; the disk's own.
    pub fn remember(&self, log_id: LogId) -> Result<()> {
        self.remember_in(&Machine, log_id)
    }

    /// As [`HeadOptions::remember`], in any world.
    ///
    /// # Errors
    /// As [`HeadOptions::remember`].
    pub fn remember_in(&self, outside: &dyn Outside, log_id: LogId) -> Result<()> {
        let file = place(outside, log_id)?;
        let text = serde_json::to_vec(self).unwrap_or_default();
        outside.replace(&file, &text).map_err(|error| refused(format!("{}: {error}", file.display())))
    }

    /// What is remembered for a log of this machine.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn remembered(log_id: LogId) -> Result<Option<Self>> {
        Self::remembered_in(&Machine, log_id)
    }

    /// As [`HeadOptions::remembered`], in any world.
    ///
    /// # Errors
    /// As [`HeadOptions::remembered`].
    pub fn remembered_in(outside: &dyn Outside, log_id: LogId) -> Result<Option<Self>> {
        // Without a home there is nothing that could have been remembered.
        let Ok(file) = place(outside, log_id) else { return Ok(None) };
        match outside.read(&file, BYTES_MAX) {
            Ok(Some(bytes)) => match serde_json::from_slice(&bytes) {
                Ok(options) => Ok(Some(options)),
                Err(error) => Err(refused(format!("{}: {error}", file.display()))),
            },
            Ok(None) => Ok(None),
            Err(error) => Err(refused(format!("{}: {error}", file.display()))),
        }
    }

    /// Hands one head on, to every destination.
    ///
    /// # Errors
    /// What each destination that failed said.
    pub fn deliver(&self, outside: &dyn Outside, note: &str) -> Result<(), Vec<HeadFailure>> {
        let mut failures = Vec::new();
        let mut took = |destination: String, outcome: std::io::Result<()>| {
            if let Err(error) = outcome {
                failures.push(HeadFailure { destination, problem: error.to_string() });
            }
        };
        if let Some(file) = &self.file {
            took(
                file.display().to_string(),
                match self.append {
                    true => outside.append(file, format!("{note}\n").as_bytes()),
                    false => outside.replace(file, note.as_bytes()),
                },
            );
        }
        if let Some(command) = &self.command {
            let limit = Duration::from_secs(self.command_seconds_max);
            took(command.clone(), outside.run(command, note.as_bytes(), limit));
        }
        if failures.is_empty() { Ok(()) } else { Err(failures) }
    }
}

/// A destination that did not take a head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadFailure {
    /// The file, the command or the anchor.
    pub destination: String,
    /// Why.
    pub problem: String,
}

impl std::fmt::Display for HeadFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the signed head did not reach {}: {}", self.destination, self.problem)
    }
}

fn place(outside: &dyn Outside, log_id: LogId) -> Result<PathBuf> {
    Ok(keys::default_in(outside, log_id)?.with_extension("heads"))
}

fn refused(problem: String) -> Error {
    Error::Option { option: "heads", problem }
}

/// What the signing thread and the keeper share.
#[derive(Default)]
struct Mailbox {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<String>,
    busy: bool,
    stopped: bool,
    failures: VecDeque<HeadFailure>,
}

impl Mailbox {
    /// Takes a head in; never waits for a destination.
    fn put(&self, note: &str) {
        let mut state = self.state.lock();
        if state.waiting.len() >= WAITING_MAX {
            state.waiting.pop_front();
            let problem = "destinations are too slow, and it was given up for newer ones".to_owned();
            state.fail(HeadFailure { destination: "any destination".to_owned(), problem });
        }
        state.waiting.push_back(note.to_owned());
        self.changed.notify_all();
    }
}

impl State {
    fn fail(&mut self, failure: HeadFailure) {
        if self.failures.len() >= FAILURES_MAX {
            self.failures.pop_front();
        }
        self.failures.push_back(failure);
    }
}

/// The thread that hands heads on while a log is open.
pub(crate) struct HeadKeeper {
    mailbox: Arc<Mailbox>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for HeadKeeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HeadKeeper")
    }
}

impl HeadKeeper {
    /// Hands on every head that `log` signs from now on.
    pub(crate) fn start(
        log: &Arc<Log>,
        outside: &Arc<dyn Outside>,
        options: HeadOptions,
        anchor: Option<Arc<Anchor>>,
    ) -> Result<Self> {
        let mailbox = Arc::new(Mailbox::default());
        let inbox = Arc::clone(&mailbox);
        log.on_checkpoint(Arc::new(move |note: &str| inbox.put(note)));
        let (own, log, outside) = (Arc::clone(&mailbox), Arc::downgrade(log), Arc::clone(outside));
        let thread = std::thread::Builder::new()
            .name("indelible-heads".to_owned())
            .spawn(move || keep(&own, (outside.as_ref(), &options), anchor.as_deref(), &log))
            .map_err(|error| refused(format!("the thread cannot be started: {error}")))?;
        Ok(Self { mailbox, thread: Some(thread) })
    }

    /// Waits until every head that was signed has been handed on, or was refused; at most until the deadline.
    pub(crate) fn drain(&self, deadline: Instant) {
        let mut state = self.mailbox.state.lock();
        while (state.busy || !state.waiting.is_empty()) && Instant::now() < deadline {
            self.mailbox.changed.wait_until(&mut state, deadline);
        }
    }

    /// The failures since somebody asked last.
    pub(crate) fn failures(&self) -> Vec<HeadFailure> {
        self.mailbox.state.lock().failures.drain(..).collect()
    }
}

impl Drop for HeadKeeper {
    fn drop(&mut self) {
        self.mailbox.state.lock().stopped = true;
        self.mailbox.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // What is still waiting is handed on first: each destination has its time limit.
            let _ = thread.join();
        }
    }
}

fn keep(mailbox: &Mailbox, (outside, options): (&dyn Outside, &HeadOptions), anchor: Option<&Anchor>, log: &Weak<Log>) {
    loop {
        let note = {
            let mut state = mailbox.state.lock();
            state.busy = false;
            mailbox.changed.notify_all();
            loop {
                if let Some(note) = state.waiting.pop_front() {
                    state.busy = true;
                    break note;
                }
                if state.stopped {
                    return;
                }
                mailbox.changed.wait(&mut state);
            }
        };
        let mut failures = options.deliver(outside, &note).err().unwrap_or_default();
        if let Some(anchor) = anchor
            && let Some(view) = log.upgrade().map(|log| log.view())
            && let Err(failure) = advance(anchor, &note, &view)
        {
            failures.push(failure);
        }
        let mut state = mailbox.state.lock();
        failures.into_iter().for_each(|failure| state.fail(failure));
    }
}

fn advance(anchor: &Anchor, note: &str, view: &View) -> Result<(), HeadFailure> {
    let failed = |error: Error| HeadFailure {
        destination: format!("the anchor {}", anchor.file().display()),
        problem: error.to_string(),
    };
    anchor.advance(note, view).map(|_| ()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn options(file: Option<PathBuf>, append: bool, command: Option<&str>) -> HeadOptions {
        HeadOptions { file, append, command: command.map(str::to_owned), command_seconds_max: 1 }
    }

    #[test]
    fn heads_reach_files_and_commands() {
        let dir = tempfile::tempdir().expect("a directory");
        let (file, copy) = (dir.path().join("heads"), dir.path().join("copy"));
        let command = format!("cat > {}", copy.display());
        for (append, expected) in [(true, "a\n\nb\n\n"), (false, "b\n")] {
            let _ = fs::remove_file(&file);
            let options = options(Some(file.clone()), append, Some(&command));
            options.deliver(&Machine, "a\n").and_then(|()| options.deliver(&Machine, "b\n")).expect("delivered");
            assert_eq!(fs::read_to_string(&file).expect("heads"), expected);
            assert_eq!(fs::read_to_string(&copy).expect("copy"), "b\n");
        }
    }

    #[test]
    fn a_destination_that_fails_is_named_and_a_slow_one_ended() {
        let failed = |command: &str| {
            let failures = options(None, true, Some(command)).deliver(&Machine, "a\n").expect_err("it fails");
            failures.into_iter().map(|failure| failure.to_string()).collect::<String>()
        };
        assert!(failed("exit 3").contains("exit 3") && failed("exit 3").contains("status: 3"));
        assert!(failed("sleep 60 | sleep 60").contains("longer than 1 s"));
        let nowhere = options(Some(PathBuf::from("/no/such/directory/heads")), true, None);
        assert_eq!(nowhere.deliver(&Machine, "a\n").expect_err("it fails").len(), 1);
        options(None, true, Some("exit 0")).deliver(&Machine, "a\n").expect("a command that reads nothing is fine");
    }
}
