//! Runs the general schedules for a while, or one seed: `crash --seconds N --seed S --only --ledger`.

use std::time::{Duration, Instant};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut seconds, mut first, mut only, mut ledger) = (10.0, None, false, false);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_else(|| usage());
        match argument.as_str() {
            "--seconds" => seconds = value().parse().unwrap_or_else(|_| usage()),
            "--seed" => first = Some(value().parse::<u64>().unwrap_or_else(|_| usage())),
            "--only" => only = true,
            "--ledger" => ledger = true,
            _ => usage(),
        }
    }
    let begun = Instant::now();
    let (mut seed, mut runs, mut recoveries, mut failures) = (first.unwrap_or(0), 0u64, 0u64, 0u64);
    loop {
        let run = if ledger { indelible_tests::run_ledger_seed } else { indelible_tests::run_seed };
        match run(seed) {
            Ok(checked) => recoveries += checked,
            Err(what) => {
                failures += 1;
                println!(
                    "seed {seed}: {what}\n  again: cargo run --release -p indelible-tests --bin crash -- --seed {seed} --only{}",
                    if ledger { " --ledger" } else { "" }
                );
            }
        }
        runs += 1;
        seed += 1;
        if only || failures >= 20 || begun.elapsed() >= Duration::from_secs_f64(seconds) {
            break;
        }
    }
    let took = begun.elapsed().as_secs_f64();
    println!("{runs} runs, {recoveries} recoveries checked in {took:.1} s, {failures} failed");
    println!("  {:.0} a second of the clock", recoveries as f64 / took);
    match cpu_seconds() {
        Some(cpu) => println!("  {:.0} a second of one core ({cpu:.1} s of it used)", recoveries as f64 / cpu),
        None => println!("  how much of a core was used is not known here (no /proc/self/schedstat)"),
    }
    std::process::exit(i32::from(failures > 0));
}

/// Time that this program, which has one thread, has spent on a core.
fn cpu_seconds() -> Option<f64> {
    let counters = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    let nanos: f64 = counters.split_whitespace().next()?.parse().ok()?;
    Some(nanos / 1e9)
}

fn usage() -> ! {
    eprintln!("crash [--seconds N] [--seed FIRST] [--only] [--ledger]");
    std::process::exit(2);
}
