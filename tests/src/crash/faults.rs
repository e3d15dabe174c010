//! What goes wrong in a life: power, processes, failing operations, a full disk; and what the log must answer.

use indelible_engine::Error;
use indelible_engine::world::storage::Storage;
use indelible_engine::world::storage::sim::{Fault, SimStorage};

use super::Life;
use crate::world::draft;

/// Whether the error says that the simulated power went off, however deep.
pub(crate) fn is_power_cut(error: &Error) -> bool {
    match error {
        Error::Io { source, .. } => SimStorage::is_crash(source),
        other => other.to_string().contains("the simulated power went off"),
    }
}

impl Life {
    /// An operation failed: expected, or a finding?
    pub(crate) fn failed(&mut self, error: &Error) -> Result<(), String> {
        self.trace.push(format!("[{error}]"));
        if is_power_cut(error) {
            return self.power_cut();
        }
        if error.is_disk_full() && self.full {
            let poisoned = self.log.as_ref().and_then(|log| log.poisoned());
            return match poisoned {
                Some(reason) => Err(format!("a full disk poisoned the log: {reason}")),
                None => Ok(()),
            };
        }
        if !self.faulty {
            return Err(format!("an error without a cause: {error}"));
        }
        self.check_poisoned()?;
        let reason = error.to_string();
        // A failed sync of a directory leaves names that are neither there nor not, until the next boot.
        let of_a_file =
            ["sync of journal/", "sync of segments/", "append to "].iter().any(|part| reason.contains(part));
        if of_a_file && self.dice.one_in(2) { self.kill() } else { self.power_cut() }
    }

    /// After an error that is final nothing is accepted any more, and nothing more is acknowledged.
    fn check_poisoned(&mut self) -> Result<(), String> {
        let Some(log) = &mut self.log else { return Ok(()) };
        let before = self.disk.op_count();
        let answers = [
            log.append(vec![draft(1 << 40, 0)]).map(drop),
            log.sync().map(drop),
            log.frame(true).map(drop),
            log.sync_frames(),
            log.checkpoint().map(drop),
            log.tidy(),
        ];
        if answers.iter().any(|answer| !matches!(answer, Err(Error::Poisoned { .. }))) {
            return Err("a step was taken after an error that is final".to_owned());
        }
        if self.disk.op_count() != before {
            return Err("the disk was changed after an error that is final".to_owned());
        }
        Ok(())
    }

    /// The process dies; the machine goes on with everything that was written.
    pub(crate) fn kill(&mut self) -> Result<(), String> {
        self.trace.push("kill".to_owned());
        self.log = None;
        self.unsynced = false;
        self.lift_limits();
        self.reopen(false)
    }

    /// The power goes now.
    pub(crate) fn power_cut(&mut self) -> Result<(), String> {
        self.trace.push("cut".to_owned());
        self.check_images(1)?;
        self.log = None;
        self.unsynced = false;
        self.disk = self.disk.crash();
        // Faults and limits of operations do not outlive a boot.
        self.faulty = false;
        self.reopen(false)
    }

    /// The power goes at one of the next operations.
    pub(crate) fn power_cut_soon(&mut self) -> Result<(), String> {
        let at = self.disk.op_count() + self.dice.below(25);
        self.trace.push(format!("cut@{at}"));
        self.disk.crash_at(at);
        Ok(())
    }

    /// One of the next operations of a kind fails.
    pub(crate) fn inject(&mut self) -> Result<(), String> {
        if self.faulty {
            return Ok(());
        }
        let prefix = self.dice.pick(&["", "journal/", "segments/", "MANIFEST", "checkpoint"]);
        let nth = 1 + self.dice.below(4);
        let keep = self.dice.below(700) as usize;
        let fault = self.dice.pick(&[
            Fault::FailSync,
            Fault::FailSync,
            Fault::FailSyncPartly,
            Fault::FailWrite,
            Fault::ShortWrite { keep },
        ]);
        self.trace.push(format!("inject({prefix},{nth},{fault:?})"));
        self.disk.inject(prefix, nth, fault);
        self.faulty = true;
        Ok(())
    }

    /// The disk fills up, or somebody makes room.
    pub(crate) fn fill_disk(&mut self) -> Result<(), String> {
        if self.full {
            self.trace.push("room".to_owned());
            self.full = false;
            self.disk.set_capacity(None);
            return Ok(());
        }
        self.disk.set_capacity(Some(1 << 40));
        let used = (1 << 40) - self.disk.free_bytes().unwrap_or(1 << 40);
        let room = self.dice.below(6) * 4_096;
        self.trace.push(format!("full({room})"));
        self.disk.set_capacity(Some(used + room));
        self.full = true;
        Ok(())
    }

    pub(crate) fn lift_limits(&mut self) {
        self.full = false;
        self.disk.set_capacity(None);
    }
}
