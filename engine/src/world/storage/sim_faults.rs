//! What can go wrong on a simulated disk besides power, and when.
//!
//! ```text
//! inject("journal/", 3, Fault::FailSync)      counts down 3 ── 2 ── 1 ──> strikes once, and is gone
//!         │           └ the 3rd sync from now on
//!         └ of a file or directory whose name begins so; "" is any
//! ```
//!
//! Invariant: the schedule depends on the operations alone, so a run with the same operations meets the same faults.
//!
//! Deliberately not here: a disk that fills (`SimStorage::set_capacity`), rots (`SimStorage::flip_bit`) or always lies
//! (`SimStorage::set_lying_syncs`): these are states, not events.

/// One thing that goes wrong, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A sync fails with `EIO`, and what it should have made durable is lost: as with a real kernel, readers go on seeing
    /// the new bytes, but they count as clean, and no later sync writes them.
    FailSync,
    /// As [`Fault::FailSync`], but an arbitrary part (by the seed) became durable before the error.
    FailSyncPartly,
    /// A sync reports success and does nothing. A later honest sync catches up.
    LieOnSync,
    /// A write fails with `EIO` and changes nothing.
    FailWrite,
    /// A write fails with `ENOSPC` and changes nothing: a disk that is full for one moment. For one that stays full see
    /// [`super::sim::SimStorage::set_capacity`].
    NoRoom,
    /// A write fails with `EIO` after its first `keep` bytes.
    ShortWrite {
        /// Bytes written before the error.
        keep: usize,
    },
    /// A write reports success, and readers see it while the disk is up; but the medium never gets the bytes, whatever is
    /// synced. Any crash shows it, [`super::sim::SimStorage::crash_keep_all`] too.
    LoseWrite,
    /// As [`Fault::LoseWrite`], and the bytes land at another place of the same file instead.
    MisdirectWrite {
        /// How far from the right place in bytes; what would lie before the start or behind the end of the file is cut off.
        by: i64,
    },
    /// A read fails with `EIO`.
    FailRead,
}

/// The operations that faults count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    Write,
    Sync,
}

impl Fault {
    fn kind(self) -> Kind {
        match self {
            Fault::FailSync | Fault::FailSyncPartly | Fault::LieOnSync => Kind::Sync,
            Fault::FailWrite
            | Fault::NoRoom
            | Fault::ShortWrite { .. }
            | Fault::LoseWrite
            | Fault::MisdirectWrite { .. } => Kind::Write,
            Fault::FailRead => Kind::Read,
        }
    }
}

/// The faults still to come.
#[derive(Debug, Clone, Default)]
pub(super) struct Schedule {
    waiting: Vec<Waiting>,
}

#[derive(Debug, Clone)]
struct Waiting {
    prefix: String,
    /// Operations of this kind and prefix until it strikes, the striking one included; at least 1.
    left: u64,
    fault: Fault,
}

impl Schedule {
    pub(super) fn add(&mut self, prefix: &str, nth: u64, fault: Fault) {
        self.waiting.push(Waiting { prefix: prefix.to_owned(), left: nth.max(1), fault });
    }

    /// Counts one operation, and says which fault strikes it. Where several are due, the one injected first strikes and
    /// the others strike the following operations.
    pub(super) fn strike(&mut self, kind: Kind, name: &str) -> Option<Fault> {
        let mut due = None;
        for (place, waiting) in self.waiting.iter_mut().enumerate() {
            if waiting.fault.kind() != kind || !name.starts_with(&waiting.prefix) {
                continue;
            }
            waiting.left = waiting.left.saturating_sub(1);
            if waiting.left == 0 && due.is_none() {
                due = Some(place);
            }
        }
        due.map(|place| self.waiting.remove(place).fault)
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_strike_the_counted_operation_once() {
        let mut schedule = Schedule::default();
        schedule.add("", 3, Fault::FailWrite);
        schedule.add("d/", 1, Fault::LoseWrite);
        schedule.add("", 1, Fault::FailSync);
        let struck = [
            (Kind::Write, "a", None),
            (Kind::Sync, "a", Some(Fault::FailSync)),
            (Kind::Write, "d/a", Some(Fault::LoseWrite)),
            (Kind::Read, "a", None),
            (Kind::Write, "a", Some(Fault::FailWrite)),
            (Kind::Write, "d/a", None),
            (Kind::Sync, "a", None),
        ];
        for (kind, name, fault) in struck {
            assert_eq!(schedule.strike(kind, name), fault, "{kind:?} {name}");
        }
        assert_eq!(schedule.len(), 0);
    }

    #[test]
    fn two_faults_due_at_once_strike_one_after_the_other() {
        let mut schedule = Schedule::default();
        schedule.add("", 1, Fault::FailWrite);
        schedule.add("", 1, Fault::LoseWrite);
        assert_eq!(schedule.strike(Kind::Write, "a"), Some(Fault::FailWrite));
        assert_eq!(schedule.strike(Kind::Write, "a"), Some(Fault::LoseWrite));
    }
}
