//! A fixed number of the general schedules: every seed must keep every promise. Longer runs: the `crash` command of this crate.
//!
//! `INDELIBLE_CRASH_SEEDS=N` runs another number of seeds, `INDELIBLE_CRASH_FIRST=S` begins elsewhere.

use std::sync::atomic::{AtomicU64, Ordering};

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

#[test]
fn every_seed_keeps_every_promise() {
    run_all("", 500, indelible_tests::run_seed);
}

/// The same through the public ledger: events, checkpoints, holds, policies, purges, rotations, an anchor.
#[test]
fn every_seed_of_a_ledger_keeps_every_promise() {
    run_all(" --ledger", 60, indelible_tests::run_ledger_seed);
}

fn run_all(option: &str, seeds: u64, run: impl Fn(u64) -> Result<u64, String> + Sync) {
    let first = number("INDELIBLE_CRASH_FIRST", 0);
    let end = first + number("INDELIBLE_CRASH_SEEDS", seeds);
    let (next, recoveries) = (AtomicU64::new(first), AtomicU64::new(0));
    let failures = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        break;
                    }
                    match run(seed) {
                        Ok(checked) => recoveries.fetch_add(checked, Ordering::Relaxed),
                        Err(what) => {
                            let mut failures = failures.lock().expect("nobody panics while pushing");
                            failures.push(format!("seed {seed}: {what}"));
                            0
                        }
                    };
                }
            });
        }
    });
    let failures = failures.into_inner().expect("all threads are done");
    println!("seeds {first} to {end}: {} recoveries and views checked", recoveries.into_inner());
    let again = format!("cargo run --release -p indelible-tests --bin crash -- --only --seed N{option}");
    assert!(failures.is_empty(), "{}\nagain, one seed N: {again}", failures.join("\n"));
}
