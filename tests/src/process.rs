//! Real writer processes and what they said, checked against the log they leave.
//!
//! ```text
//! Producer: child process ──pipe──> lines "ack SEQ RUN THREAD N" ── kept after a kill, the last one maybe cut
//! check_acks: the reopened log ──> every acknowledged event at its seq; each thread's events in order, none twice, no gap
//! ```

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use indelible_engine::query::{Expr, Query};
use indelible_engine::world::storage::Access;
use indelible_engine::{Log, LogConfig};
use indelible_evidence::record::{Record, Value};
use indelible_evidence::schema::Field;

use crate::world::signer;

/// One acknowledged event: seq, and which it is ("run/thread/n").
pub type AckLine = (u64, String);

/// A producer process and the thread that reads what it says.
pub struct Producer {
    child: Child,
    reader: std::thread::JoinHandle<Vec<AckLine>>,
    opened: std::sync::mpsc::Receiver<()>,
}

impl Producer {
    /// Starts `command`, which runs the producer program in one way or another.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn start(mut command: Command) -> std::io::Result<Self> {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let out = child.stdout.take().ok_or_else(|| std::io::Error::other("no pipe"))?;
        let (sender, opened) = std::sync::mpsc::channel();
        let reader = std::thread::spawn(move || {
            let mut acks = Vec::new();
            let mut lines = BufReader::new(out);
            let mut line = String::new();
            // A line without its end was cut by the kill: it says nothing.
            while lines.read_line(&mut line).is_ok_and(|read| read > 0) && line.ends_with('\n') {
                if line.starts_with("open") {
                    let _ = sender.send(());
                }
                acks.extend(parse(&line));
                line.clear();
            }
            acks
        });
        Ok(Self { child, reader, opened })
    }

    /// Waits until it has the log open; false where it ended before.
    pub fn wait_open(&self) -> bool {
        self.opened.recv().is_ok()
    }

    /// Kills it with signal 9; gives what it acknowledged.
    ///
    /// # Errors
    /// Where it cannot be killed.
    pub fn kill(mut self) -> std::io::Result<Vec<AckLine>> {
        self.child.kill()?;
        self.child.wait()?;
        self.reader.join().map_err(|_| std::io::Error::other("the reading thread died"))
    }

    /// Waits for its end: exit code, what it acknowledged, what it said on standard error.
    ///
    /// # Errors
    /// Where it cannot be waited for.
    pub fn wait(self) -> std::io::Result<(Option<i32>, Vec<AckLine>, String)> {
        let output = self.child.wait_with_output()?;
        let acks = self.reader.join().map_err(|_| std::io::Error::other("the reading thread died"))?;
        Ok((output.status.code(), acks, String::from_utf8_lossy(&output.stderr).into_owned()))
    }
}

fn parse(line: &str) -> Option<AckLine> {
    let mut words = line.strip_prefix("ack ")?.split_whitespace();
    let seq = words.next()?.parse().ok()?;
    Some((seq, words.collect::<Vec<_>>().join("/")))
}

/// All records of the log in `dir`, opened for writing (and so recovered) and closed again.
///
/// # Errors
/// Where it does not open, read or close.
pub fn reopen(dir: &Path) -> Result<Vec<Record>, String> {
    let mut config = LogConfig::at(dir, Access::ReadWrite).map_err(|error| error.to_string())?;
    config.signer = Some(signer());
    let log = Log::open(config).map_err(|error| format!("does not open: {error}"))?;
    let page = log.view().query(&Query::oldest(Expr::True, 10_000_000)).map_err(|error| error.to_string())?;
    log.close().map_err(|error| format!("does not close: {error}"))?;
    Ok(page.rows)
}

/// Checks the log's records against everything that producers acknowledged so far.
///
/// # Errors
/// An acknowledged event that is not at its seq, an event twice, out of order, or missing between others of its thread.
pub fn check_acks(records: &[Record], acks: &[AckLine]) -> Result<(), String> {
    let target = |record: &Record| match record.groups.value(Field::TARGET_ID) {
        Ok(Some(Value::Text(text))) => text.text().into_owned(),
        _ => String::new(),
    };
    for (seq, event) in acks {
        match records.get(*seq as usize) {
            None => {
                return Err(format!(
                    "event {event} was acknowledged at seq {seq}, the log has {} records",
                    records.len()
                ));
            }
            Some(record) if record.seq != *seq || target(record) != *event => {
                return Err(format!("event {event} was acknowledged at seq {seq}, there is {}", target(record)));
            }
            Some(_) => {}
        }
    }
    let mut next: HashMap<(String, String), u64> = HashMap::new();
    for record in records {
        let target = target(record);
        let mut parts = target.split('/');
        if let (Some(run), Some(thread), Some(n)) = (parts.next(), parts.next(), parts.next()) {
            let due = next.entry((run.to_owned(), thread.to_owned())).or_insert(0);
            if n.parse() != Ok(*due) {
                return Err(format!("event {target} at seq {} where its thread's {due} was due", record.seq));
            }
            *due += 1;
        }
    }
    Ok(())
}
