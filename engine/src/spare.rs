//! Buffers of records that come back to those who encode, so that an emit allocates nothing once a log is under way.
//!
//! ```text
//! emitting thread: own list -> else a batch from the pool -> else a new buffer          framer: group done -> batches -> pool
//! ```
//!
//! A record is encoded by one thread and done with on another. Freed there, its buffer goes back to the first thread's heap
//! under that heap's lock, one by one and in the way of the next emit; that was where most of the slow emits came from. Here
//! buffers move by the batch, under a lock that nobody waits for.
//!
//! Invariants: a buffer that is given out is empty; the pool holds at most [`BATCHES_MAX`] batches, of buffers of ordinary size.
//! One pool serves all logs of a process. Not here: whether anything is written.

use std::cell::RefCell;

use parking_lot::Mutex;

/// Buffers that move together.
const BATCH: usize = 64;
/// Batches kept: 16,384 buffers, about 6 MiB of them.
const BATCHES_MAX: usize = 256;
/// What a new buffer has room for; most events fit.
const CAPACITY: usize = 384;
/// Larger buffers are not kept.
const CAPACITY_MAX: usize = 1_024;

static POOL: Mutex<Vec<Vec<Vec<u8>>>> = Mutex::new(Vec::new());

thread_local! {
    /// Buffers that this thread encodes into next.
    static OWN: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
    /// Buffers that this thread is done with and that are no whole batch yet: a group may have few records.
    static DONE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// An empty buffer.
pub(crate) fn take() -> Vec<u8> {
    let kept = OWN.try_with(|own| {
        let mut own = own.try_borrow_mut().ok()?;
        if own.is_empty()
            && let Some(batch) = POOL.try_lock().and_then(|mut pool| pool.pop())
        {
            *own = batch;
        }
        own.pop()
    });
    // A thread that is ending has no list any more.
    kept.ok().flatten().unwrap_or_else(|| Vec::with_capacity(CAPACITY))
}

/// Takes buffers back.
pub(crate) fn give_back(buffers: impl Iterator<Item = Vec<u8>>) {
    // A thread that is ending has no list any more: then they are freed.
    let _ = DONE.try_with(|done| {
        let Ok(mut done) = done.try_borrow_mut() else { return };
        for mut buffer in buffers.filter(|buffer| (CAPACITY..=CAPACITY_MAX).contains(&buffer.capacity())) {
            buffer.clear();
            done.push(buffer);
            if done.len() == BATCH {
                let batch = std::mem::replace(&mut *done, Vec::with_capacity(BATCH));
                let mut pool = POOL.lock();
                if pool.len() < BATCHES_MAX {
                    pool.push(batch);
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_empty_and_the_pool_is_bounded() {
        let full = |capacity: usize| {
            let mut buffer = Vec::with_capacity(capacity);
            buffer.extend_from_slice(b"somebody's secret");
            buffer
        };
        give_back((0..(BATCHES_MAX + 9) * BATCH).map(|_| full(CAPACITY)));
        give_back((0..BATCH * 2).map(|_| full(CAPACITY_MAX * 2)));
        assert!(POOL.lock().len() <= BATCHES_MAX);
        // The list is this thread's own, the pool is that of all tests.
        let waiting = || DONE.with(|done| done.borrow().len());
        let before = waiting();
        (0..BATCH + 9).for_each(|_| give_back(std::iter::once(full(CAPACITY))));
        assert_eq!(waiting(), (before + 9) % BATCH, "groups of one record come back too");
        for _ in 0..BATCH * 3 {
            let buffer = take();
            assert!(buffer.is_empty() && (CAPACITY..=CAPACITY_MAX).contains(&buffer.capacity()));
        }
    }
}
