//! A writer process to be killed: several threads emit, and what is durable is said on standard output, a line at a time.
//!
//! ```text
//! producer DIR RUN THREADS [EVENTS]        ack SEQ RUN THREAD N      one line each, written whole, only after Durable
//! ```
//!
//! Exit 0 after EVENTS events a thread and a clean close; 3 where the log is locked; 4 where it is poisoned; 1 otherwise.

use std::io::Write;
use std::path::Path;

use indelible_engine::world::storage::Access;
use indelible_engine::{Ack, Error, Log, LogConfig, Options, Outcome, Receipt};
use indelible_tests::world::{numbered, signer, spec};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [dir, run, threads, rest @ ..] = arguments.as_slice() else {
        return fail("producer DIR RUN THREADS [EVENTS]", 2);
    };
    let (Ok(run), Ok(threads)) = (run.parse::<u64>(), threads.parse::<u64>()) else { return fail("numbers", 2) };
    let events = rest.first().and_then(|events| events.parse().ok()).unwrap_or(u64::MAX);
    let log = match open(Path::new(dir)) {
        Ok(log) => log,
        Err(error) => return failed(&error),
    };
    say("open\n");
    let outcome = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn({
                    let log = &log;
                    move || produce(log, run, thread, events)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or(Err(Error::Closed)))
            .collect::<Result<Vec<()>, Error>>()
    });
    match outcome.and_then(|_| log.close()) {
        Ok(()) => say("closed\n"),
        Err(error) => failed(&error),
    }
}

fn open(dir: &Path) -> Result<Log, Error> {
    let mut config = LogConfig::at(dir, Access::Create)?;
    config.signer = Some(signer());
    config.options = Options {
        journal_bytes_max: 64 << 10,
        segment_bytes_max: 256 << 10,
        checkpoint_interval: std::time::Duration::from_millis(20),
        ..Options::default()
    };
    match Log::create(config.clone(), &spec()) {
        Err(Error::Exists { .. }) => Log::open(config),
        created => created,
    }
}

/// Emits in windows and says what became durable.
fn produce(log: &Log, run: u64, thread: u64, events: u64) -> Result<(), Error> {
    let mut n = 0;
    while n < events {
        let window = (1 + (n % 7) * 5).min(events - n);
        let receipts: Result<Vec<Receipt>, Error> =
            (n..n + window).map(|n| log.emit(numbered(run, thread, n)).map_err(|refused| refused.error)).collect();
        for (n, receipt) in (n..).zip(receipts?) {
            if let Some(Outcome::Stored(seq)) = receipt.wait(Ack::Durable, None)? {
                say(&format!("ack {seq} {run} {thread} {n}\n"));
            }
        }
        n += window;
    }
    Ok(())
}

/// Writes a line in one piece: a line that is there was acknowledged.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
}

fn failed(error: &Error) {
    let code = match error {
        Error::Locked => 3,
        Error::Poisoned { .. } => 4,
        _ => 1,
    };
    fail(&error.to_string(), code);
}

fn fail(why: &str, code: i32) {
    eprintln!("producer: {why}");
    std::process::exit(code);
}
