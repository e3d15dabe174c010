//! The general schedules find planted bugs: each mutant is caught by some seed, on which the engine without it passes.
//!
//! Needs the feature: `cargo test --release -p indelible-tests --features mutants --test mutants -- --nocapture`.
#![cfg(feature = "mutants")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use indelible_engine::mutant::{Mutant, plant};

/// Seeds after which a mutant counts as not found.
const SEEDS_MAX: u64 = 4_000;

/// How the seed ended with this bug planted, a panic being an end like another.
fn run(mutant: Option<Mutant>, seed: u64) -> Result<u64, String> {
    plant(mutant);
    let ended = catch_unwind(AssertUnwindSafe(|| indelible_tests::run_seed(seed)));
    plant(None);
    ended.unwrap_or_else(|_| Err("it panicked".to_owned()))
}

/// How many seeds it takes to catch the mutant, and by which words.
fn hunt(mutant: Mutant) -> Result<(u64, String), String> {
    for seed in 0..SEEDS_MAX {
        if let Err(what) = run(Some(mutant), seed) {
            run(None, seed).map_err(|what| format!("seed {seed} fails without a mutant too: {what}"))?;
            return Ok((seed + 1, what.lines().next().unwrap_or_default().to_owned()));
        }
    }
    Err(format!("{SEEDS_MAX} seeds did not notice {mutant:?}"))
}

#[test]
fn the_general_schedules_catch_every_planted_bug() {
    let next = AtomicUsize::new(0);
    let missed = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(&mutant) = Mutant::ALL.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match hunt(mutant) {
                        Ok((seeds, what)) => {
                            println!("{mutant:?}: caught by seed {}, the {seeds}th: {what}", seeds - 1)
                        }
                        Err(what) => missed.lock().expect("nobody panics while pushing").push(what),
                    }
                }
            });
        }
    });
    let missed = missed.into_inner().expect("all threads are done");
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
