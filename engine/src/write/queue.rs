//! Hands synced groups from the writer to the framer, bounded in records and bytes.
//!
//! When the bound is reached the writer waits: the ring fills, and its overflow policy decides what emitters see.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use indelible_evidence::key::SigningKey;
use parking_lot::{Condvar, Mutex};

use super::framer::CloseFacts;
use crate::error::Result;
use crate::snapshot::TailGroup;

/// Where the framer leaves the answer to a request.
pub(crate) type Reply<T> = std::sync::mpsc::SyncSender<Result<T>>;

/// How far a log has settled: nothing below these seqs moves any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// Seq after the last record that lies in a synced frame.
    pub framed_seq: u64,
    /// Seq after the last record that lies in a sealed segment.
    pub sealed_seq: u64,
}

/// What the framer is asked to do.
pub(crate) enum Work {
    /// Frame these records when there are enough of them.
    Group(Arc<TailGroup>),
    /// Frame everything, sync, sign: the note of the newest checkpoint.
    /// Only once every record below this seq has come through the queue: a group is shown durable before it is queued.
    Checkpoint(u64, Reply<String>),
    /// As a checkpoint, signed by this key as well, which signs alone from then on.
    Rotate(u64, Arc<SigningKey>, Reply<String>),
    /// Frame everything and sync, once every record below this seq has come through the queue; with `true` seal the active
    /// segment too. Answers with the seq after the last frame that is synced, and after the last sealed one.
    Settle(u64, bool, Reply<Settled>),
    /// Frame everything, sync, write the footer, sign; nothing follows.
    Close(Reply<CloseFacts>),
}

#[derive(Default)]
struct State {
    work: VecDeque<Work>,
    records: usize,
    bytes: usize,
    stopped: bool,
}

/// A bounded queue with one producer side and one consumer.
pub(crate) struct FrameQueue {
    state: Mutex<State>,
    changed: Condvar,
    records_max: usize,
    bytes_max: usize,
}

impl FrameQueue {
    pub(crate) fn new(records_max: usize, bytes_max: usize) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), records_max, bytes_max }
    }

    /// Adds work; waits while the bound is reached. Does nothing more once the framer has stopped: returns false.
    pub(crate) fn push(&self, work: Work) -> bool {
        let mut state = self.state.lock();
        if matches!(work, Work::Group(_)) {
            while !state.stopped && (state.records >= self.records_max || state.bytes >= self.bytes_max) {
                self.changed.wait(&mut state);
            }
        }
        if state.stopped {
            return false;
        }
        if let Work::Group(group) = &work {
            state.records += group.records.len();
            state.bytes += group.bytes;
        }
        state.work.push_back(work);
        self.changed.notify_all();
        true
    }

    /// Takes all waiting work, waiting up to `timeout` for some.
    pub(crate) fn take(&self, timeout: Duration) -> VecDeque<Work> {
        let mut state = self.state.lock();
        if state.work.is_empty() {
            self.changed.wait_for(&mut state, timeout);
        }
        std::mem::take(&mut state.work)
    }

    /// Frees the room of records that are framed and written.
    pub(crate) fn release(&self, records: usize, bytes: usize) {
        let mut state = self.state.lock();
        state.records = state.records.saturating_sub(records);
        state.bytes = state.bytes.saturating_sub(bytes);
        self.changed.notify_all();
    }

    /// The framer takes no more work; who waits is let go.
    pub(crate) fn stop(&self) {
        let mut state = self.state.lock();
        state.stopped = true;
        state.work.clear();
        self.changed.notify_all();
    }

    /// Records waiting to be framed.
    pub(crate) fn records(&self) -> usize {
        self.state.lock().records
    }
}
