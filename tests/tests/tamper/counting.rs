//! An allocator that remembers how much a thread held at most: the bound on what hostile bytes can make the engine allocate.
//!
//! ```text
//! peak_of(f):  what this thread held before f ──> f runs ──> the most it held meanwhile, above that
//! ```
//!
//! Invariant: counts only what the calling thread allocates, so that tests beside it do not disturb. Everything is handed on
//! to the system's allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator, counting.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(bytes: isize) {
    // A thread that ends may allocate after its counters are gone: that is not counted.
    let _ = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held.get())));
    });
}

// SAFETY: every call is handed on to `System` unchanged, and what it gives is given; counting touches only two cells of this
// thread that need no allocation and no drop.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps the contract of `alloc`, which is that of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as in `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: `at` was allocated by `System` with this layout, because everything is.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // While it is copied both may exist.
        count(new_size as isize);
        count(-(layout.size() as isize));
        // SAFETY: as in `dealloc`; the caller vouches for `new_size`.
        unsafe { System.realloc(at, layout, new_size) }
    }
}

/// Runs `f` and gives the most bytes that this thread held meanwhile beyond what it held before.
pub fn peak_of<T>(f: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.get();
    PEAK.set(before);
    let result = f();
    (result, usize::try_from(PEAK.get() - before).unwrap_or(0))
}

#[test]
fn what_a_thread_holds_is_counted() {
    let (_, peak) = peak_of(|| drop(vec![0u8; 1 << 20]));
    assert!((1 << 20..1 << 21).contains(&peak), "{peak}");
    let (_, peak) = peak_of(|| ());
    assert!(peak < 1 << 10, "{peak}");
}
