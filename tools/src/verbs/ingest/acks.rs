//! The acks file: a line `durable N` whenever the highest synced seq has grown.
//!
//! Unbuffered, so that whoever kills the process afterwards knows what must be in the log: a line is written only after
//! everything up to its seq was synced.

use std::fs::File;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indelible::Ledger;

use crate::failure::{Failure, Outcome};

/// How often the log is asked how far it is.
const INTERVAL: Duration = Duration::from_millis(1);

/// Runs `work` and reports what becomes durable meanwhile, and once more at its end.
///
/// # Errors
/// What `work` says, or that the file could not be written.
pub fn while_running(ledger: &Ledger, acks: Option<File>, work: impl FnOnce() -> Outcome) -> Outcome {
    let Some(file) = acks else { return work() };
    let done = AtomicBool::new(false);
    // Before any work: the thread may begin only when all of it is durable.
    let reported = ledger.durable_to();
    std::thread::scope(|scope| {
        let reporter = scope.spawn(|| {
            let mut reporter = Reporter { file, reported };
            loop {
                // Read before the last report, so that nothing durable at the end is missed.
                let last = done.load(Ordering::Acquire);
                reporter.report(ledger.durable_to())?;
                if last {
                    return Ok(());
                }
                std::thread::sleep(INTERVAL);
            }
        });
        let result = work();
        done.store(true, Ordering::Release);
        let reported = reporter.join().unwrap_or_else(|_| Err(Failure::operational("the acks file's writer stopped")));
        result.and(reported)
    })
}

struct Reporter {
    file: File,
    /// Every seq below this one is in the file, or was durable before.
    reported: u64,
}

impl Reporter {
    fn report(&mut self, durable_to: u64) -> Outcome {
        if durable_to > self.reported {
            // One write per line: a kill leaves whole lines.
            let line = format!("durable {}\n", durable_to - 1);
            let written = self.file.write_all(line.as_bytes());
            written.map_err(|error| Failure::operational(format!("cannot write the acks file: {error}")))?;
            self.reported = durable_to;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_name_the_highest_synced_seq() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("acks");
        std::fs::write(&path, "durable 0\n").expect("written");
        let mut reporter = Reporter { file: File::options().append(true).open(&path).expect("opened"), reported: 1 };
        for durable_to in [1, 3, 3, 8] {
            reporter.report(durable_to).expect("written");
        }
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "durable 0\ndurable 2\ndurable 7\n");
    }
}
