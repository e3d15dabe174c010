//! The directories of a simulated disk: what their readers see, what would survive, and the operations in between.
//!
//! ```text
//! durable entries ──pending operations, in order──> visible entries
//!        └── a crash applies any prefix of them; sync_dir applies all
//! ```
//!
//! Invariants: `durable` plus all of `pending` is `visible`, except after a sync that failed and dropped operations. A
//! directory's own name is an entry of the root and as lost as any other until the root is synced.
//!
//! Deliberately not here: what the files hold (`sim_disk.rs`), and how a prefix is chosen (`sim_crash.rs`).

use rustix::io::Errno;
use std::collections::BTreeMap;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    File(u64),
    Dir,
}

pub(super) type Entries = BTreeMap<String, Node>;

/// A change of entries, with all it needs to be applied to any state of them.
#[derive(Debug, Clone)]
pub(super) enum EntryOp {
    Link { name: String, node: Node },
    Unlink { name: String },
    Rename { from: String, to: String, node: Node },
}

#[derive(Debug, Clone, Default)]
pub(super) struct Dir {
    pub(super) visible: Entries,
    pub(super) durable: Entries,
    pub(super) pending: Vec<EntryOp>,
}

impl Dir {
    /// A directory whose entries are all durable.
    pub(super) fn durable(entries: Entries) -> Self {
        Dir { visible: entries.clone(), durable: entries, pending: Vec::new() }
    }

    /// Does it for readers, and remembers it for the next sync.
    pub(super) fn change(&mut self, op: EntryOp) {
        apply(&mut self.visible, &op);
        self.pending.push(op);
    }

    /// Makes all changes so far durable.
    pub(super) fn sync(&mut self) {
        for op in self.pending.drain(..) {
            apply(&mut self.durable, &op);
        }
    }

    /// The entries after a crash that the first `kept` pending operations survived.
    pub(super) fn after_crash(&self, kept: usize) -> Entries {
        let mut entries = self.durable.clone();
        for op in self.pending.iter().take(kept) {
            apply(&mut entries, op);
        }
        entries
    }

    pub(super) fn file(&self, name: &str) -> Result<u64, Errno> {
        match self.visible.get(name) {
            Some(Node::File(inode)) => Ok(*inode),
            Some(Node::Dir) => Err(Errno::ISDIR),
            None => Err(Errno::NOENT),
        }
    }

    /// Every file that readers see, or that a crash could bring back.
    pub(super) fn files(&self) -> impl Iterator<Item = u64> + '_ {
        let pending = self.pending.iter().filter_map(|op| match op {
            EntryOp::Link { node, .. } | EntryOp::Rename { node, .. } => Some(node),
            EntryOp::Unlink { .. } => None,
        });
        self.visible.values().chain(self.durable.values()).chain(pending).filter_map(|node| match node {
            Node::File(inode) => Some(*inode),
            Node::Dir => None,
        })
    }
}

fn apply(entries: &mut Entries, op: &EntryOp) {
    match op {
        EntryOp::Link { name, node } => {
            entries.insert(name.clone(), *node);
        }
        EntryOp::Unlink { name } => {
            entries.remove(name);
        }
        EntryOp::Rename { from, to, node } => {
            entries.remove(from);
            entries.insert(to.clone(), *node);
        }
    }
}
