//! Which plots there are.

use std::path::Path;

use indelible_benches::question::KINDS;

use super::figures::{Store, at, ours};
use super::plot::{bars, curves, lines, stacks};
use crate::rounds::Measured;
use crate::store::Result;

/// Writes the plots into `dir` and gives the files' names.
pub fn write(all: &Measured, stores: &[Store<'_>], dir: &Path) -> Result<Vec<String>> {
    std::fs::create_dir_all(dir)?;
    let mut names = Vec::new();
    let mut put = |name: &str, svg: String| -> Result<()> {
        std::fs::write(dir.join(name), svg)?;
        names.push(name.to_owned());
        Ok(())
    };
    let of = |value: &dyn Fn(&Store<'_>) -> Option<f64>| -> Vec<(String, f64)> {
        stores.iter().filter_map(|store| Some((store.name.to_owned(), value(store)?))).collect()
    };
    put("throughput.svg", bars("Events a second, to the last byte", &of(&|store| Some(store.rate()?.median))))?;
    put("size.svg", bars("Bytes an event", &of(&|store| Some(store.size()?.median))))?;
    let parts = ours(stores).map(Store::parts).unwrap_or_default();
    put("parts.svg", stacks("Bytes an event by part", &by_part(&parts)))?;
    for (kind, name) in KINDS.iter().enumerate() {
        let took: Vec<(String, Vec<f64>)> = stores
            .iter()
            .map(|store| (store.name.to_owned(), store.latencies(kind)))
            .filter(|(_, took)| !took.is_empty())
            .collect();
        put(
            &format!("latency-{}.svg", name.to_lowercase()),
            curves(&format!("{name}: share answered within, ms"), &took),
        )?;
    }
    let emits: Vec<(String, Vec<f64>)> = [1, 4, 16]
        .into_iter()
        .filter_map(|producers| {
            let run = all.emits.iter().find(|run| run.producers == producers)?;
            Some((format!("{producers} producers"), run.nanos.iter().map(|nanos| *nanos as f64).collect()))
        })
        .collect();
    put("emit.svg", curves("emit at 200,000 a second: share that returns within, ns", &emits))?;
    let singles: Vec<(String, Vec<f64>)> =
        all.singles.iter().map(|run| (run.name.clone(), run.micros.clone())).collect();
    put("single.svg", curves("A single durable event: share done within, us", &singles))?;
    if !all.curve.is_empty() {
        let line = |name: &str, value: &dyn Fn(&crate::job::CurveRun) -> f64| {
            (name.to_owned(), all.curve.iter().map(|run| (run.events as f64, value(run))).collect::<Vec<_>>())
        };
        let mut cost: Vec<(String, Vec<(f64, f64)>)> = KINDS
            .iter()
            .enumerate()
            .map(|(kind, name)| {
                line(&format!("{name} p50, ms"), &|run| run.queries.get(kind).map_or(0.0, |took| at(took, 0.5)))
            })
            .collect();
        cost.push(line("open, ms", &|run| at(&run.opens, 0.5)));
        put("curve-queries.svg", lines("Cost of questions against the number of events", &cost))?;
        let ingest = [
            line("us an event, elapsed", &|run| {
                run.stages.iter().map(|(_, took)| took).sum::<f64>() * 1e6 / run.events as f64
            }),
            line("us an event, CPU", &|run| run.cpu * 1e6 / run.events as f64),
            line("100 bytes an event", &|run| run.bytes as f64 / run.events as f64 / 100.0),
        ];
        put("curve-ingest.svg", lines("Cost of an event against the number of events", &ingest))?;
    }
    Ok(names)
}

/// Parts with what they are made of: name, total, details.
fn by_part(parts: &[(String, f64)]) -> Vec<(String, Vec<(String, f64)>)> {
    let mut found: Vec<(String, Vec<(String, f64)>)> = Vec::new();
    for (name, bytes) in parts.iter().filter(|(name, bytes)| !name.contains(": ") && *bytes >= 0.05) {
        let inside = format!("{name}: ");
        let mut of: Vec<(String, f64)> =
            parts.iter().filter_map(|(part, bytes)| Some((part.strip_prefix(&inside)?.to_owned(), *bytes))).collect();
        of.sort_by(|one, two| two.1.total_cmp(&one.1));
        let rest = bytes - of.iter().map(|(_, bytes)| bytes).sum::<f64>();
        if of.is_empty() || rest > 0.05 {
            of.push(("other".to_owned(), rest));
        }
        found.push((name.clone(), of));
    }
    found.sort_by(|one, two| {
        let sum = |part: &(String, Vec<(String, f64)>)| part.1.iter().map(|(_, bytes)| bytes).sum::<f64>();
        sum(two).total_cmp(&sum(one))
    });
    found
}
