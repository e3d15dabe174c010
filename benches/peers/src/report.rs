//! The table with ratios, as Markdown, and the plots beside it.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use indelible_benches::question::KINDS;

use crate::Measured;
use crate::peer::Result;
use crate::plot;

fn median<T: Copy + PartialOrd>(values: &[T]) -> Option<T> {
    let mut sorted = values.to_vec();
    sorted.sort_by(|one, two| one.partial_cmp(two).unwrap_or(std::cmp::Ordering::Equal));
    sorted.get(sorted.len() / 2).copied()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

impl Measured {
    fn rates(&self, events: u64) -> Vec<f64> {
        self.loads.iter().map(|load| events as f64 / load.took.as_secs_f64()).collect()
    }

    fn rate(&self, events: u64) -> f64 {
        median(&self.rates(events)).unwrap_or(0.0)
    }

    fn size(&self, events: u64) -> f64 {
        self.loads.last().map_or(0.0, |load| load.bytes as f64 / events as f64)
    }

    fn cpu(&self, events: u64) -> f64 {
        let each: Vec<f64> = self.loads.iter().map(|load| load.cpu.as_secs_f64() * 1e6 / events as f64).collect();
        median(&each).unwrap_or(0.0)
    }
}

/// Prints the tables; with `results`, writes them there and the plots beside.
pub fn print(all: &[Measured], what: &str, events: u64, results: Option<&Path>) -> Result<()> {
    let mut text = String::new();
    let ours = all.first().ok_or("nothing was measured")?;
    writeln!(text, "## Compared with other stores\n\nMeasured: {what}. {}\n", machine())?;
    writeln!(text, "| store | events/s, median (least to most) | ours | CPU us an event | bytes an event | open ms |")?;
    writeln!(text, "|---|---|---|---|---|---|")?;
    for measured in all {
        let rates = measured.rates(events);
        let (least, most) =
            rates.iter().fold((f64::MAX, 0.0_f64), |(low, high), rate| (low.min(*rate), high.max(*rate)));
        writeln!(
            text,
            "| {} | {:.0} ({least:.0} to {most:.0}) | {:.1} x | {:.2} | {:.1} | {:.2} |",
            measured.name,
            measured.rate(events),
            ours.rate(events) / measured.rate(events),
            measured.cpu(events),
            measured.size(events),
            millis(median(&measured.opens).unwrap_or_default())
        )?;
    }
    writeln!(text, "\np50 / p95 in ms; in brackets how often ours fits into theirs (below 1: they are faster).\n")?;
    writeln!(text, "| store | {} |", KINDS.join(" | "))?;
    writeln!(text, "|---|{}", "---|".repeat(KINDS.len()))?;
    for measured in all {
        write!(text, "| {} |", measured.name)?;
        for (own, theirs) in ours.queries.iter().zip(&measured.queries) {
            let ratio = theirs.at(0.5).as_secs_f64() / own.at(0.5).as_secs_f64().max(1e-9);
            write!(text, " {:.3} / {:.3} ({ratio:.1}) |", millis(theirs.at(0.5)), millis(theirs.at(0.95)))?;
        }
        writeln!(text)?;
    }
    print!("{text}");
    if let Some(results) = results {
        std::fs::write(results, &text)?;
        let plots = results.with_file_name("plots");
        std::fs::create_dir_all(&plots)?;
        let bars = |value: &dyn Fn(&Measured) -> f64| -> Vec<(String, f64)> {
            all.iter().map(|measured| (measured.name.clone(), value(measured))).collect()
        };
        std::fs::write(
            plots.join("throughput.svg"),
            plot::bars("Durable events a second", &bars(&|measured| measured.rate(events))),
        )?;
        std::fs::write(plots.join("size.svg"), plot::bars("Bytes an event", &bars(&|measured| measured.size(events))))?;
        for (kind, name) in KINDS.iter().enumerate() {
            let curves: Vec<(String, Vec<f64>)> = all
                .iter()
                .filter_map(|measured| {
                    let took = measured.queries.get(kind)?;
                    Some((measured.name.clone(), took.all().iter().copied().map(millis).collect()))
                })
                .collect();
            let file = format!("latency-{}.svg", name.to_lowercase());
            std::fs::write(plots.join(file), plot::curves(&format!("{name}: share answered within, ms"), &curves))?;
        }
    }
    Ok(())
}

/// What ran it.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("").trim_start_matches(['\t', ' ', ':']);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or("?");
    format!("{cores} cores of {model}, Linux {}, load {load} at the end.", read("/proc/sys/kernel/osrelease").trim())
}
