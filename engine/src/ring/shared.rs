//! What both ends of the ring share: the tail word, what the consumer has taken, and the slots.
//!
//! ```text
//! producer   tail: load -> room? -> compare-and-swap  =  ticket      (the claim; the only contended write)
//!            slot[ticket & mask] <- item, bytes
//!            slot.stamp <- ticket + 1, Release                        (the publication)
//! consumer   slot.stamp == head + 1, Acquire -> take the item -> head + 1
//!            freed, head <- Release, once per drain                   (the slots and bytes are free again)
//! ```
//!
//! Invariants:
//! - Between a claim and its publication exactly one producer owns the slot; between publication and release, the consumer.
//! - `head` and `freed` only grow, and only the consumer writes them.
//! - A claim succeeds only within both bounds and never after CLOSED, since all of that is one compare-and-swap.
//! - Soundness does not rest on the tail word never repeating. The word wraps: a producer that sleeps between load and
//!   swap while the ring moves by an exact multiple of 2^30 items and 2^32 bytes would swap on an old verdict. `settle`
//!   therefore takes the ticket from a `head` read after the claim and waits until that slot is free. Such a coincidence
//!   costs a wait and a passing overshoot of the byte budget, never a slot with two owners.
//!
//! Not here: waiting (`park.rs`), the packing of the word (`word.rs`), the public surface (`producer.rs`, `consumer.rs`).

use std::mem::MaybeUninit;

use super::RingConfig;
use super::park::{Gate, Room};
use super::sync::{AtomicU64, AtomicUsize, Backoff, Ordering, Padded, UnsafeCell, publish, release_room};
use super::word::{CLOSE_BITS, Limits, Verdict, Word};

/// An item and what it costs of the byte budget.
struct Entry<T> {
    bytes: u32,
    item: T,
}

/// One place of the ring. Written by the claimer of its ticket, emptied by the consumer.
struct Slot<T> {
    /// Ticket of the occupant plus one, once published; older tickets' values mean "not yet". 0: never used.
    stamp: AtomicU64,
    entry: UnsafeCell<MaybeUninit<Entry<T>>>,
}

/// What the consumer has taken in its life; producers read it, the consumer writes it once per drain.
struct Taken {
    /// The next ticket the consumer takes.
    head: AtomicU64,
    /// Sum of the bytes of all items before `head`.
    freed: AtomicU64,
}

/// Why a claim was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refusal {
    /// No slot or not enough bytes.
    Full,
    /// The ring is closed.
    Closed,
}

/// The state both ends hold.
pub(super) struct Shared<T> {
    tail: Padded<AtomicU64>,
    taken: Padded<Taken>,
    slots: Box<[Slot<T>]>,
    limits: Limits,
    /// Living [`super::Producer`] handles; the last one closes the ring.
    pub(super) producers: AtomicUsize,
    /// Where the consumer sleeps.
    pub(super) gate: Gate,
    /// Where producers wait for room.
    pub(super) room: Room,
}

// SAFETY: items move from producer threads to the consumer's thread, hence `T: Send`. The cells are the only part that is
// not `Sync` by itself, and they are accessed only by the owner of the slot (first invariant of this file), with ownership
// handed over by the Release/Acquire pairs on `stamp` and `head`. No `&T` is ever shared, so `T: Sync` is not needed.
unsafe impl<T: Send> Sync for Shared<T> {}
// SAFETY: as above; dropping the shared state on another thread drops items there, which `T: Send` allows.
unsafe impl<T: Send> Send for Shared<T> {}

impl<T> Shared<T> {
    /// An empty ring whose first ticket is `first` and that has freed `freed` bytes already. Both are 0 outside of tests.
    pub(super) fn new(config: RingConfig, first: u64, freed: u64) -> Self {
        let slots = (0..config.slots)
            .map(|_| Slot { stamp: AtomicU64::new(0), entry: UnsafeCell::new(MaybeUninit::uninit()) })
            .collect();
        Shared {
            tail: Padded(AtomicU64::new(Word::at(first, freed).0)),
            taken: Padded(Taken { head: AtomicU64::new(first), freed: AtomicU64::new(freed) }),
            slots,
            limits: Limits { slots: config.slots as i64, bytes: config.bytes_max as i64 },
            producers: AtomicUsize::new(1),
            gate: Gate::new(),
            room: Room::new(),
        }
    }

    /// The byte budget.
    pub(super) fn bytes_max(&self) -> usize {
        self.limits.bytes as usize
    }

    /// The tail word as it is now.
    pub(super) fn tail(&self) -> Word {
        // Acquire: a claim was made after its producer had seen `head`, so the loads of `head` that follow see at least that.
        Word(self.tail.0.load(Ordering::Acquire))
    }

    /// Items and bytes claimed and not yet taken.
    pub(super) fn in_flight(&self) -> (usize, usize) {
        let word = self.tail();
        let items = word.items_since(self.taken.0.head.load(Ordering::Acquire));
        let bytes = word.bytes_since(self.taken.0.freed.load(Ordering::Acquire));
        // Negative: the consumer moved on between the loads, so what the word showed is gone.
        (items.max(0) as usize, bytes.max(0) as usize)
    }

    /// Items claimed so far: the ticket that the next push will get, as of some moment during the call.
    pub(super) fn claimed(&self) -> u64 {
        // The head first: the tail that is loaded after it is not behind it, so the difference is not negative.
        let head = self.taken.0.head.load(Ordering::Acquire);
        head + self.tail().items_since(head).max(0) as u64
    }

    fn slot(&self, ticket: u64) -> &Slot<T> {
        // The mask keeps the index inside: the length is a power of two (`RingConfig::new`).
        &self.slots[ticket as usize & (self.slots.len() - 1)]
    }

    /// Puts an item in; gives it back when there is no room or the ring is closed.
    pub(super) fn put(&self, item: T, bytes: u32) -> Result<u64, (Refusal, T)> {
        let claimed = match self.claim(bytes) {
            Ok(word) => word,
            Err(refusal) => return Err((refusal, item)),
        };
        let ticket = self.settle(claimed);
        let slot = self.slot(ticket);
        slot.entry.with_mut(|entry| {
            // SAFETY: the claim makes this thread the only one with this ticket; `settle` saw (Acquire) that the consumer has
            // released the slot's former occupant, and the consumer does not touch it before the stamp below. Nothing
            // initialised is overwritten: the consumer moved the former item out before it released the slot.
            unsafe { (*entry).write(Entry { bytes, item }) };
        });
        slot.stamp.store(ticket + 1, publish());
        if claimed.is_parked() {
            self.gate.open();
        }
        Ok(ticket)
    }

    /// Claims one slot and `bytes`; gives the word as it was before the claim.
    fn claim(&self, bytes: u32) -> Result<Word, Refusal> {
        let mut backoff = Backoff::new();
        let mut word = self.tail();
        loop {
            if word.is_closed() {
                return Err(Refusal::Closed);
            }
            // Loaded after the tail: an old tail beside a new head shows as Stale, an old head only as less room.
            let head = self.taken.0.head.load(Ordering::Acquire);
            let freed = self.taken.0.freed.load(Ordering::Acquire);
            match word.verdict(head, freed, bytes, self.limits) {
                Verdict::Room => {}
                Verdict::Stale => {
                    word = self.tail();
                    continue;
                }
                Verdict::Full => {
                    let now = self.tail();
                    if now == word {
                        return Err(Refusal::Full);
                    }
                    word = now;
                    continue;
                }
            }
            let next = word.after_claim(bytes);
            // Release hands on what this thread saw of `head`; Acquire takes over what earlier claimers saw.
            match self.tail.0.compare_exchange_weak(word.0, next.0, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(word),
                Err(now) => {
                    // Somebody else got the word: let them finish instead of fighting for its cache line.
                    backoff.spin();
                    word = Word(now);
                }
            }
        }
    }

    /// The full ticket of a claim whose slot is free. The first round decides, but for the coincidence in the header.
    fn settle(&self, claimed: Word) -> u64 {
        let mut backoff = Backoff::new();
        loop {
            let head = self.taken.0.head.load(Ordering::Acquire);
            let ticket = claimed.ticket_from(head);
            if ticket - head < self.slots.len() as u64 {
                return ticket;
            }
            backoff.snooze();
        }
    }

    /// The bytes of the item with ticket `head`, if it is published. For the consumer, with its own head.
    pub(super) fn published(&self, head: u64) -> Option<u32> {
        let slot = self.slot(head);
        if slot.stamp.load(Ordering::Acquire) != head + 1 {
            return None;
        }
        // SAFETY: the stamp of this very ticket was read with Acquire, so the entry was fully written before, and nobody but
        // the consumer owns the slot until it is released. `head` is the caller's next ticket: not yet moved out.
        Some(slot.entry.with(|entry| unsafe { (*entry).assume_init_ref().bytes }))
    }

    /// Moves the item with ticket `head` out of its slot.
    ///
    /// # Safety
    /// The caller is the consumer, `published(head)` was `Some`, and this ticket is taken once.
    pub(super) unsafe fn take(&self, head: u64) -> T {
        self.slot(head).entry.with(|entry| {
            // SAFETY: published, hence initialised and owned by the consumer; taken once, hence not moved out before.
            unsafe { (*entry).assume_init_read() }.item
        })
    }

    /// Gives the slots before `head` and their bytes back to the producers.
    pub(super) fn release(&self, head: u64, freed: u64) {
        self.taken.0.freed.store(freed, release_room());
        self.taken.0.head.store(head, release_room());
        self.room.call();
    }

    /// Marks the consumer as parked if the word still is `seen`; false when something happened in between.
    pub(super) fn mark_parked(&self, seen: Word) -> bool {
        self.tail.0.compare_exchange(seen.0, seen.parked().0, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Ends all claims from this moment on, and wakes everybody who waits.
    pub(super) fn close(&self) {
        let before = Word(self.tail.0.fetch_or(CLOSE_BITS, Ordering::AcqRel));
        if before.is_parked() {
            self.gate.open();
        }
        self.room.call_always();
    }
}

impl<T> Drop for Shared<T> {
    /// Drops what was accepted and never taken. Both ends are gone, so every claim is published and `head` is final.
    fn drop(&mut self) {
        let head = self.taken.0.head.load(Ordering::Relaxed);
        let tail = Word(self.tail.0.load(Ordering::Relaxed)).ticket_from(head);
        for ticket in head..tail {
            self.slot(ticket).entry.with_mut(|entry| {
                // SAFETY: tickets from `head` (the consumer's last release, done when it was dropped) up to the tail were
                // published by producers that are gone, and never taken; `&mut self` excludes every other access.
                unsafe { (*entry).assume_init_drop() };
            });
        }
    }
}
