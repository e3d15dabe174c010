//! Clocks, memory, and percentiles.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// CPU time of all threads of this process so far, those that ended included.
#[must_use]
pub fn process_cpu() -> Duration {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(spent.tv_sec.unsigned_abs(), u32::try_from(spent.tv_nsec).unwrap_or(0))
}

/// CPU time of the calling thread.
#[must_use]
pub fn thread_cpu() -> Duration {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(spent.tv_sec.unsigned_abs(), u32::try_from(spent.tv_nsec).unwrap_or(0))
}

/// Most resident memory this process has had, bytes; 0 where the kernel does not say.
#[must_use]
pub fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("");
    line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) * 1_024
}

/// Durations in order.
#[derive(Debug, Clone, Default)]
pub struct Latencies {
    sorted: Vec<Duration>,
}

impl Latencies {
    /// Sorts them.
    #[must_use]
    pub fn new(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        Self { sorted: all }
    }

    /// The smallest value that at least this share (0 to 1) of all do not exceed; zero where there are none.
    #[must_use]
    pub fn at(&self, share: f64) -> Duration {
        let rank = (share * self.sorted.len() as f64).ceil() as usize;
        self.sorted.get(rank.saturating_sub(1)).or(self.sorted.last()).copied().unwrap_or_default()
    }

    /// All of them, ascending.
    #[must_use]
    pub fn all(&self) -> &[Duration] {
        &self.sorted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_ranks() {
        let latencies = Latencies::new((1..=200).rev().map(Duration::from_micros).collect());
        let at = |share| latencies.at(share).as_micros();
        assert_eq!((at(0.0), at(0.5), at(0.95), at(1.0)), (1, 100, 190, 200));
        assert_eq!(Latencies::default().at(0.5), Duration::ZERO);
    }

    #[test]
    fn clocks_and_memory_move() {
        let before = (process_cpu(), thread_cpu());
        let work = (0..2_000_000_u64).fold(0, |sum, x| std::hint::black_box(sum ^ x));
        assert!(std::hint::black_box(work) < u64::MAX && process_cpu() > before.0 && thread_cpu() > before.1);
        assert!(peak_memory() > 1 << 20);
    }
}
