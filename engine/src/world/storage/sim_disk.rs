//! The state of a simulated disk and every operation on it, one at a time under one lock.
//!
//! ```text
//! Disk ── dirs:   "" and sub-directories ── visible / durable entries, pending operations   (sim_dir.rs)
//!      ├─ inodes: number -> visible / durable bytes, pending operations                     (sim_content.rs)
//!      ├─ faults, capacity, power: what makes an operation fail                             (sim_faults.rs)
//!      └─ crash(): another Disk, made of what survives                                      (sim_crash.rs)
//! ```
//!
//! Invariants: readers see `visible` only; a crash starts from `durable` and `pending` only. Everything is a function of the
//! seed and of the operations in their order: no clock, no addresses, no hash order.
//!
//! Deliberately not here: names with directories in them, handles and traits (`sim.rs`).

use super::sim_content::{Content, FILE_BYTES_MAX, PAGE_BYTES};
use super::sim_crash::{FileOp, Survive, surviving_content, surviving_prefix};
use super::sim_dir::{Dir, Entries, EntryOp, Node};
use super::sim_faults::{Fault, Kind, Schedule};
use crate::world::rng::SplitMix;
use parking_lot::Mutex;
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

/// The error of every operation on a disk whose power is off.
#[derive(Debug, thiserror::Error)]
#[error("the simulated power went off at operation {at}")]
pub(super) struct PowerOff {
    at: u64,
}

/// Free space that a disk without a limit reports.
const FREE_BYTES_UNLIMITED: u64 = 1 << 50;

/// The power of one machine: its operations are counted over all its disks, so that it can go at any of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Power {
    pub(super) off_at: Option<u64>,
    /// Changing operations so far: the index of the next one.
    pub(super) ops: u64,
    is_off: bool,
}

impl Power {
    fn look(&self) -> io::Result<()> {
        if self.is_off { Err(io::Error::other(PowerOff { at: self.ops })) } else { Ok(()) }
    }
}

#[derive(Clone, Default)]
struct Inode {
    visible: Content,
    durable: Content,
    pending: Vec<FileOp>,
    /// Open files and locks: an unlinked inode lives on while there are any.
    handles: u32,
}

#[derive(Clone)]
pub(super) struct Disk {
    pub(super) rng: SplitMix,
    pub(super) tear_sectors: bool,
    pub(super) faults: Schedule,
    pub(super) capacity_bytes: Option<u64>,
    pub(super) lying_syncs: bool,
    /// The machine's power, which other disks of it may share.
    pub(super) power: Arc<Mutex<Power>>,
    dirs: BTreeMap<String, Dir>,
    inodes: BTreeMap<u64, Inode>,
    inode_next: u64,
    locked: BTreeSet<u64>,
}

impl Disk {
    pub(super) fn new(rng: SplitMix, tear_sectors: bool, capacity_bytes: Option<u64>) -> Self {
        Disk {
            rng,
            tear_sectors,
            faults: Schedule::default(),
            capacity_bytes,
            lying_syncs: false,
            power: Arc::default(),
            dirs: BTreeMap::from([(String::new(), Dir::default())]),
            inodes: BTreeMap::new(),
            inode_next: 0,
            locked: BTreeSet::new(),
        }
    }

    /// The same disk, unsynced operations included, for somebody else: nobody has it open, nobody holds a lock.
    pub(super) fn fork(&self) -> Disk {
        let mut fork = self.clone();
        fork.power = Arc::new(Mutex::new(self.power.lock().clone()));
        fork.locked.clear();
        fork.inodes.values_mut().for_each(|inode| inode.handles = 0);
        fork
    }

    /// What a machine finds after the power came back. Faults, counters and locks do not outlive it.
    pub(super) fn crash(&self, survive: Survive, mut rng: SplitMix) -> Disk {
        let mut image = Disk::new(SplitMix::new(rng.next_word()), self.tear_sectors, self.capacity_bytes);
        image.inode_next = self.inode_next;
        for (name, dir) in &self.dirs {
            let kept = surviving_prefix(dir.pending.len(), survive, &mut rng);
            // The root sorts first, so it is decided by now which directories exist.
            if name.is_empty() || image.node("", name) == Some(Node::Dir) {
                image.dirs.insert(name.clone(), Dir::durable(dir.after_crash(kept)));
            }
        }
        let files: BTreeSet<u64> = image.dirs.values().flat_map(Dir::files).collect();
        for number in files {
            if let Some(inode) = self.inodes.get(&number) {
                let content = surviving_content(&inode.durable, &inode.pending, survive, &mut rng);
                image.inodes.insert(number, Inode { visible: content.clone(), durable: content, ..Inode::default() });
            }
        }
        image
    }

    /// Fails if the power is off; every operation that only looks starts with this.
    pub(super) fn look(&self) -> io::Result<()> {
        self.power.lock().look()
    }

    /// Counts an operation that changes something, and fails if the power goes off at it.
    fn change(&mut self) -> io::Result<()> {
        let mut power = self.power.lock();
        power.is_off |= power.off_at.is_some_and(|at| power.ops >= at);
        power.look()?;
        power.ops += 1;
        Ok(())
    }

    pub(super) fn node(&self, dir: &str, name: &str) -> Option<Node> {
        self.dirs.get(dir)?.visible.get(name).copied()
    }

    /// The entries of a directory, if it exists.
    pub(super) fn entries(&self, dir: &str) -> io::Result<Option<&Entries>> {
        self.look()?;
        match self.dirs.get(dir) {
            Some(found) => Ok(Some(&found.visible)),
            None if self.node("", dir).is_some() => Err(Errno::NOTDIR.into()),
            None => Ok(None),
        }
    }

    fn dir_mut(&mut self, dir: &str) -> io::Result<&mut Dir> {
        let missing = if self.node("", dir).is_some() { Errno::NOTDIR } else { Errno::NOENT };
        self.dirs.get_mut(dir).ok_or_else(|| missing.into())
    }

    fn inode_mut(&mut self, number: u64) -> io::Result<&mut Inode> {
        self.inodes.get_mut(&number).ok_or_else(|| Errno::STALE.into())
    }

    // Entries.

    /// Finds a file and counts a handle on it.
    pub(super) fn open(&mut self, dir: &str, name: &str) -> io::Result<u64> {
        self.look()?;
        let number = self.dir_mut(dir)?.file(name)?;
        self.inode_mut(number)?.handles += 1;
        Ok(number)
    }

    /// Makes an empty file and counts a handle on it.
    pub(super) fn create(&mut self, dir: &str, name: &str) -> io::Result<u64> {
        self.change()?;
        let number = self.inode_next;
        let found = self.dir_mut(dir)?;
        if found.visible.contains_key(name) {
            return Err(Errno::EXIST.into());
        }
        found.change(EntryOp::Link { name: name.to_owned(), node: Node::File(number) });
        self.inode_next += 1;
        self.inodes.insert(number, Inode { handles: 1, ..Inode::default() });
        Ok(number)
    }

    pub(super) fn close(&mut self, number: u64) {
        if let Some(inode) = self.inodes.get_mut(&number) {
            inode.handles = inode.handles.saturating_sub(1);
        }
    }

    pub(super) fn create_dir(&mut self, dir: &str) -> io::Result<()> {
        self.change()?;
        match self.node("", dir) {
            _ if dir.is_empty() => Ok(()),
            Some(Node::Dir) => Ok(()),
            Some(Node::File(_)) => Err(Errno::NOTDIR.into()),
            None => {
                self.dir_mut("")?.change(EntryOp::Link { name: dir.to_owned(), node: Node::Dir });
                self.dirs.insert(dir.to_owned(), Dir::default());
                Ok(())
            }
        }
    }

    pub(super) fn remove(&mut self, dir: &str, name: &str) -> io::Result<()> {
        self.change()?;
        let found = self.dir_mut(dir)?;
        found.file(name)?;
        found.change(EntryOp::Unlink { name: name.to_owned() });
        Ok(())
    }

    pub(super) fn rename(&mut self, dir: &str, from: &str, to: &str) -> io::Result<()> {
        self.change()?;
        let found = self.dir_mut(dir)?;
        let node = Node::File(found.file(from)?);
        match found.file(to) {
            Err(Errno::ISDIR) => return Err(Errno::ISDIR.into()),
            _ if from == to => return Ok(()),
            _ => {}
        }
        found.change(EntryOp::Rename { from: from.to_owned(), to: to.to_owned(), node });
        Ok(())
    }

    pub(super) fn sync_dir(&mut self, dir: &str) -> io::Result<()> {
        self.change()?;
        // Under the name that its files begin with, so that one prefix in the schedule means both.
        let fault = self.faults.strike(Kind::Sync, &if dir.is_empty() { String::new() } else { format!("{dir}/") });
        let (lying, mut rng) = (self.lying_syncs, self.rng.clone());
        let survive = Survive::Chosen { tear_sectors: self.tear_sectors };
        let found = self.dir_mut(dir)?;
        match fault {
            Some(Fault::FailSync) => found.pending.clear(),
            Some(Fault::FailSyncPartly) => {
                found.durable = found.after_crash(surviving_prefix(found.pending.len(), survive, &mut rng));
                found.pending.clear();
                self.rng = rng;
            }
            _ if fault.is_some() || lying => return Ok(()),
            _ => {
                found.sync();
                self.forget_unreachable();
                return Ok(());
            }
        }
        Err(Errno::IO.into())
    }

    /// Drops the inodes that neither a reader nor a crash can reach any more.
    fn forget_unreachable(&mut self) {
        let reachable: BTreeSet<u64> = self.dirs.values().flat_map(Dir::files).collect();
        if reachable.len() < self.inodes.len() {
            self.inodes.retain(|number, inode| inode.handles > 0 || reachable.contains(number));
        }
    }

    // Bytes.

    pub(super) fn len(&self, number: u64) -> io::Result<u64> {
        self.look()?;
        let inode = self.inodes.get(&number).ok_or(Errno::STALE)?;
        Ok(inode.visible.len())
    }

    pub(super) fn read(&mut self, number: u64, name: &str, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        Ok(self.readable(number, name)?.read_at(buf, offset))
    }

    pub(super) fn read_all(&mut self, number: u64, name: &str) -> io::Result<Vec<u8>> {
        Ok(self.readable(number, name)?.to_vec())
    }

    fn readable(&mut self, number: u64, name: &str) -> io::Result<&Content> {
        self.look()?;
        match self.faults.strike(Kind::Read, name) {
            Some(_) => Err(Errno::IO.into()),
            None => Ok(&self.inode_mut(number)?.visible),
        }
    }

    pub(super) fn write(&mut self, number: u64, name: &str, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.change()?;
        let fault = self.faults.strike(Kind::Write, name);
        check_end(offset.checked_add(bytes.len() as u64))?;
        let (mut keep, mut error) = match fault {
            Some(Fault::FailWrite) => return Err(Errno::IO.into()),
            Some(Fault::NoRoom) => return Err(Errno::NOSPC.into()),
            Some(Fault::ShortWrite { keep }) => (keep.min(bytes.len()), Some(Errno::IO)),
            _ => (bytes.len(), None),
        };
        let free = self.free_pages();
        let inode = self.inode_mut(number)?;
        if let Some(free) = free {
            let fitting = inode.visible.fitting(offset, keep, free);
            if fitting < keep {
                (keep, error) = (fitting, Some(Errno::NOSPC));
            }
        }
        if keep > 0 {
            let (kept, _) = bytes.split_at(keep);
            let grow_to = offset + keep as u64;
            inode.visible.grow_to(grow_to);
            inode.visible.write_at(kept, offset);
            let (at, on_medium) = where_it_lands(fault, kept, offset);
            inode.pending.push(FileOp::Write { at, bytes: on_medium.into(), grow_to });
        }
        error.map_or(Ok(()), |error| Err(error.into()))
    }

    pub(super) fn set_len(&mut self, number: u64, len: u64) -> io::Result<()> {
        self.change()?;
        check_end(Some(len))?;
        let inode = self.inode_mut(number)?;
        inode.visible.set_len(len);
        inode.pending.push(FileOp::SetLen(len));
        Ok(())
    }

    pub(super) fn sync(&mut self, number: u64, name: &str) -> io::Result<()> {
        self.change()?;
        let fault = self.faults.strike(Kind::Sync, name);
        let survive = Survive::Chosen { tear_sectors: self.tear_sectors };
        let inode = self.inodes.get_mut(&number).ok_or(Errno::STALE)?;
        match fault {
            Some(Fault::FailSync) => inode.pending.clear(),
            Some(Fault::FailSyncPartly) => {
                inode.durable = surviving_content(&inode.durable, &inode.pending, survive, &mut self.rng);
                inode.pending.clear();
            }
            _ if fault.is_some() || self.lying_syncs => return Ok(()),
            _ => {
                for op in inode.pending.drain(..) {
                    op.apply(&mut inode.durable);
                }
                return Ok(());
            }
        }
        Err(Errno::IO.into())
    }

    /// Inverts a bit on the medium and in what readers see.
    pub(super) fn flip_bit(&mut self, dir: &str, name: &str, offset: u64, bit: u8) -> io::Result<()> {
        let number = self.dir_mut(dir)?.file(name)?;
        let inode = self.inode_mut(number)?;
        let seen = inode.visible.flip(offset, bit);
        let stored = inode.durable.flip(offset, bit);
        if seen || stored { Ok(()) } else { Err(Errno::INVAL.into()) }
    }

    // Space.

    /// Pages that may still be allocated, where there is a limit.
    fn free_pages(&self) -> Option<u64> {
        let capacity = self.capacity_bytes? / PAGE_BYTES as u64;
        let linked: BTreeSet<u64> =
            self.dirs.values().flat_map(|dir| dir.visible.values()).filter_map(file_number).collect();
        let used: u64 = self
            .inodes
            .iter()
            .filter(|(number, inode)| inode.handles > 0 || linked.contains(number))
            .map(|(_, inode)| inode.visible.allocated_pages())
            .sum();
        Some(capacity.saturating_sub(used))
    }

    pub(super) fn free_bytes(&self) -> io::Result<u64> {
        self.look()?;
        Ok(self.free_pages().map_or(FREE_BYTES_UNLIMITED, |pages| pages.saturating_mul(PAGE_BYTES as u64)))
    }

    // Locks.

    /// Locks an inode that the caller has a handle on; `false` if it is locked already.
    pub(super) fn lock(&mut self, number: u64) -> bool {
        self.locked.insert(number)
    }

    pub(super) fn unlock(&mut self, number: u64) {
        self.locked.remove(&number);
    }
}

fn file_number(node: &Node) -> Option<u64> {
    match node {
        Node::File(number) => Some(*number),
        Node::Dir => None,
    }
}

fn check_end(end: Option<u64>) -> io::Result<()> {
    match end {
        Some(end) if end <= FILE_BYTES_MAX => Ok(()),
        _ => Err(Errno::FBIG.into()),
    }
}

/// What the medium gets of a write, and where: as asked, unless a fault says otherwise.
fn where_it_lands(fault: Option<Fault>, bytes: &[u8], offset: u64) -> (u64, &[u8]) {
    match fault {
        Some(Fault::LoseWrite) => (offset, &[]),
        Some(Fault::MisdirectWrite { by }) => match offset.checked_add_signed(by) {
            Some(at) => (at, bytes),
            // Begins before the file: what lies before its start is cut off.
            None => (0, bytes.get((by.unsigned_abs() - offset) as usize..).unwrap_or(&[])),
        },
        _ => (offset, bytes),
    }
}
