//! Work on many frames, on as many threads as the machine has cores, results in order.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::Result;

/// Frames that a thread takes at a time.
const SLICE: usize = 16;

/// Does `jobs` jobs, each thread with a state of its own, `slice` at a time; the first error by job number ends it.
pub(super) fn parallel<S, T: Send>(
    jobs: usize,
    slice: usize,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut own = state();
        let mut done: Vec<(usize, Result<T>)> = Vec::new();
        loop {
            // Only hands out numbers: what a job needs was there before the threads were.
            let first = next.fetch_add(slice, Ordering::Relaxed);
            if first >= jobs {
                return done;
            }
            for job in first..jobs.min(first + slice) {
                let result = work(&mut own, job);
                let failed = result.is_err();
                done.push((job, result));
                if failed {
                    next.store(jobs, Ordering::Relaxed);
                    return done;
                }
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(jobs.div_ceil(slice.max(1)));
    let mut done = if threads <= 1 {
        worker()
    } else {
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(worker)).collect();
            let mut done = worker();
            for other in others {
                done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            done
        })
    };
    done.sort_unstable_by_key(|(job, _)| *job);
    done.into_iter().map(|(_, result)| result).collect()
}

/// [`parallel`] over frames.
pub(super) fn over_frames<S, T: Send>(
    frames: usize,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    parallel(frames, SLICE, state, work)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn results_come_in_order_and_an_error_ends_it() {
        let squares = over_frames(1_000, || 0, |_, job| Ok(job * job)).expect("no error");
        assert!(squares.iter().enumerate().all(|(job, square)| *square == job * job));
        let failed = over_frames(1_000, || 0, |_, job| if job == 700 { Err(Error::Closed) } else { Ok(job) });
        assert!(matches!(failed, Err(Error::Closed)));
        assert_eq!(over_frames(0, || (), |(), _| Ok(1)).expect("nothing to do"), Vec::<i32>::new());
    }
}
