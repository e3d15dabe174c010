//! A pointer to an `Arc` that is replaced while others clone it.
//!
//! ```text
//! load:  pin -> read pointer -> clone the Arc -> unpin          store: swap pointer -> free the old box when no pin can see it
//! ```
//!
//! The one use of `crossbeam-epoch`. Never pinned across I/O or anyone's code: a pin lasts for one `Arc::clone`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam_epoch::{Atomic, Owned, pin, unprotected};

use crate::ring::sync::weakened;

/// How often a dropped swap asks for what it replaced to be freed: an epoch, and so what was put aside in it, ends after two.
const COLLECTIONS: usize = 4;

/// How a new value becomes visible to whoever loads the pointer. The models of `ring` weaken it, to show that they notice.
#[inline(always)]
fn publish() -> Ordering {
    if weakened("snapshot") { Ordering::Relaxed } else { Ordering::AcqRel }
}

/// Holds an `Arc<T>` that readers clone without locking.
#[derive(Debug)]
pub(super) struct Swap<T> {
    pointer: Atomic<Arc<T>>,
}

impl<T: Send + Sync + 'static> Swap<T> {
    pub(super) fn new(value: Arc<T>) -> Self {
        Self { pointer: Atomic::new(value) }
    }

    pub(super) fn load(&self) -> Arc<T> {
        let guard = pin();
        let shared = self.pointer.load(Ordering::Acquire, &guard);
        // SAFETY: the pointer is never null (`new` sets it, `store` replaces it by a non-null one), and what it points to is
        // freed only by `defer_destroy` after every pin that could have read it has ended; ours lasts to the end of this function.
        unsafe { Arc::clone(shared.deref()) }
    }

    pub(super) fn store(&self, value: Arc<T>) {
        let guard = pin();
        let old = self.pointer.swap(Owned::new(value), publish(), &guard);
        // SAFETY: `old` was just unlinked by the swap, so no later load can find it, and only the thread whose swap returned it
        // destroys it: it is destroyed once.
        unsafe { guard.defer_destroy(old) }
        // An old value may hold much: a snapshot has every record that was not framed then. Left to itself, a thread puts 64 of
        // them aside before it looks whether the first can go.
        guard.flush();
    }
}

impl<T> Drop for Swap<T> {
    fn drop(&mut self) {
        // SAFETY: `&mut self` proves that no other thread holds a reference to the swap, so nobody can load from it any more;
        // the pointer is non-null and owned by us.
        unsafe {
            let old = self.pointer.swap(crossbeam_epoch::Shared::null(), Ordering::AcqRel, unprotected());
            drop(old.into_owned());
        }
        // Old values hold files open; without this they would stay until somebody happens to store elsewhere.
        for _ in 0..COLLECTIONS {
            pin().flush();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_see_whole_values_while_another_thread_stores() {
        let rounds: u64 = if cfg!(miri) { 50 } else { 20_000 };
        let swap = Arc::new(Swap::new(Arc::new((0u64, 0u64))));
        let reader = {
            let swap = Arc::clone(&swap);
            std::thread::spawn(move || {
                let mut last = 0;
                while last < rounds {
                    let value = swap.load();
                    assert_eq!(value.0, value.1);
                    assert!(value.0 >= last, "a load went back");
                    last = value.0;
                }
            })
        };
        for round in 1..=rounds {
            swap.store(Arc::new((round, round)));
        }
        reader.join().expect("reader");
    }

    /// Values that are no longer current go soon, and not by the dozen: what they hold would be a multiple of what is in use.
    /// The collector is that of the whole process: a thread of another test that is interrupted while it is pinned holds them
    /// up. So there is a pause after each store, most of the rounds decide, and while others hold everything up it is looked again.
    #[test]
    fn old_values_do_not_pile_up() {
        const LOOKS: usize = 40;
        let swap = Swap::new(Arc::new(Arc::new(0)));
        let mut stored = Vec::new();
        let mut look = || {
            let mut kept: Vec<usize> = (0..100)
                .map(|round| {
                    let value = Arc::new(round);
                    stored.push(Arc::downgrade(&value));
                    swap.store(Arc::new(value));
                    std::thread::sleep(std::time::Duration::from_millis(5));
                    stored.retain(|value| value.strong_count() > 0);
                    stored.len()
                })
                .collect();
            kept.sort_unstable();
            kept[50]
        };
        let looks: Vec<usize> = (0..LOOKS).map_while(|_| Some(look()).filter(|&kept| kept > 8)).collect();
        assert!(looks.len() < LOOKS, "in most rounds of every look more than 8 values were still there: {looks:?}");
    }

    #[test]
    fn dropping_the_swap_drops_its_value_once() {
        let value = Arc::new(7);
        drop(Swap::new(Arc::clone(&value)));
        assert_eq!(Arc::strong_count(&value), 1);
    }
}

/// A model of the publication: values are slots, the pointer is the number of one, and loom sees whether who finds a slot
/// finds it filled. When old values are freed is the affair of `crossbeam-epoch`, which has models of its own.
#[cfg(all(test, loom))]
mod model {
    use ::loom::cell::UnsafeCell;
    use ::loom::sync::Arc;
    use ::loom::sync::atomic::AtomicUsize;
    use ::loom::thread;

    use super::{Ordering, publish};

    struct Slots {
        newest: AtomicUsize,
        values: [UnsafeCell<u64>; 3],
    }

    #[test]
    fn who_loads_a_value_finds_it_whole() {
        ::loom::model(|| {
            let slots =
                Arc::new(Slots { newest: AtomicUsize::new(0), values: std::array::from_fn(|_| UnsafeCell::new(0)) });
            let writer = {
                let slots = Arc::clone(&slots);
                thread::spawn(move || {
                    for next in 1..3 {
                        // An access is all that loom needs to see.
                        slots.values[next].with_mut(|_| ());
                        slots.newest.swap(next, publish());
                    }
                })
            };
            let mut last = 0;
            for _ in 0..2 {
                let found = slots.newest.load(Ordering::Acquire);
                slots.values[found].with(|_| ());
                assert!(found >= last, "a load went back");
                last = found;
            }
            writer.join().expect("the writer failed");
        });
    }
}
