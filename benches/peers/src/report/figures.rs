//! Medians, spreads and ratios over the runs of a store.

use indelible_benches::question::KINDS;

use crate::job::{PurgeRun, StoreRun};
use crate::rounds::Measured;
use crate::store;

/// Middle value with the extremes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Median.
    pub median: f64,
    /// Least.
    pub low: f64,
    /// Most.
    pub high: f64,
}

impl Spread {
    /// Of these; `None` where there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let upper = *sorted.get(middle)?;
        let lower = if sorted.len().is_multiple_of(2) { *sorted.get(middle - 1)? } else { upper };
        Some(Self { median: (lower + upper) / 2.0, low, high })
    }
}

/// The value at a share of ascending values; zero where there are none.
pub fn at(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).or(sorted.last()).copied().unwrap_or(0.0)
}

/// A store and its runs.
#[derive(Debug)]
pub struct Store<'a> {
    /// Short name.
    pub key: &'static str,
    /// Name in tables.
    pub name: &'static str,
    /// What is durable when.
    pub durability: &'static str,
    /// What it keeps besides events.
    pub keeps: &'static str,
    runs: Vec<&'a StoreRun>,
    events: f64,
}

/// Stores that have runs, the one everything is compared with first.
pub fn stores(all: &Measured) -> Vec<Store<'_>> {
    let of = |peer: Box<dyn store::Peer>| Store {
        key: peer.key(),
        name: peer.name(),
        durability: peer.durability(),
        keeps: peer.keeps(),
        runs: all.stores.iter().filter(|run| run.key == peer.key()).collect(),
        events: all.events as f64,
    };
    store::all().into_iter().map(of).filter(|store| !store.runs.is_empty()).collect()
}

/// The store everything is compared with; `None` where it failed.
pub fn ours<'s, 'a>(stores: &'s [Store<'a>]) -> Option<&'s Store<'a>> {
    stores.iter().find(|store| store.key == "indelible")
}

impl<'a> Store<'a> {
    /// Events that were loaded.
    pub fn events(&self) -> f64 {
        self.events
    }

    /// Runs.
    pub fn runs(&self) -> usize {
        self.runs.len()
    }

    /// Events a second to the last byte.
    pub fn rate(&self) -> Option<Spread> {
        Spread::of(self.runs.iter().map(|run| self.events / run.load))
    }

    /// CPU us an event.
    pub fn cpu(&self) -> Option<Spread> {
        Spread::of(self.runs.iter().map(|run| run.cpu * 1e6 / self.events))
    }

    /// Bytes an event.
    pub fn size(&self) -> Option<Spread> {
        Spread::of(self.runs.iter().map(|run| run.bytes as f64 / self.events))
    }

    /// Open to the first answer, ms, over all runs.
    pub fn open(&self) -> Option<Spread> {
        Spread::of(self.runs.iter().flat_map(|run| run.opens.iter().copied()))
    }

    /// A percentile of a kind of question, ms: median and extremes over the runs that were asked.
    pub fn query(&self, kind: usize, share: f64) -> Option<Spread> {
        Spread::of(self.asked(kind).map(|took| at(took, share)))
    }

    /// Questions of a kind that were asked in a run.
    pub fn questions(&self, kind: usize) -> usize {
        self.asked(kind).map(<[f64]>::len).max().unwrap_or(0)
    }

    /// Latencies of a kind over all runs, ascending.
    pub fn latencies(&self, kind: usize) -> Vec<f64> {
        let mut all: Vec<f64> = self.asked(kind).flatten().copied().collect();
        all.sort_by(f64::total_cmp);
        all
    }

    fn asked(&self, kind: usize) -> impl Iterator<Item = &'a [f64]> + '_ {
        self.runs.iter().filter_map(move |run| run.queries.get(kind)).map(Vec::as_slice).filter(|took| !took.is_empty())
    }

    /// Answers that were compared, over all runs.
    pub fn compared(&self) -> usize {
        self.runs.iter().map(|run| run.compared).sum()
    }

    /// Checks with so many threads: seconds and bytes a second.
    pub fn verify(&self, threads: usize) -> Option<(Spread, Spread)> {
        let of = || self.runs.iter().flat_map(|run| run.verify.iter()).filter(move |(with, _, _)| *with == threads);
        let took = Spread::of(of().map(|(_, took, _)| *took))?;
        Some((took, Spread::of(of().map(|(_, took, bytes)| *bytes as f64 / took))?))
    }

    /// The purge.
    pub fn purge(&self) -> Option<&'a PurgeRun> {
        self.runs.iter().find_map(|run| run.purge.as_ref())
    }

    /// Bytes by part of the first run.
    pub fn parts(&self) -> Vec<(String, f64)> {
        let parts = self.runs.first().map(|run| run.parts.as_slice()).unwrap_or_default();
        parts.iter().map(|(name, bytes)| (name.clone(), *bytes as f64 / self.events)).collect()
    }
}

/// Number of kinds of questions.
pub const KIND_COUNT: usize = KINDS.len();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_lies_in_the_middle_and_extremes_are_kept() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Some(Spread { median: 2.0, low: 1.0, high: 3.0 }));
        assert_eq!(Spread::of([4.0, 1.0]), Some(Spread { median: 2.5, low: 1.0, high: 4.0 }));
        assert_eq!(Spread::of([]), None);
        assert_eq!((at(&[1.0, 2.0, 3.0, 4.0], 0.5), at(&[1.0, 2.0], 0.95), at(&[], 0.5)), (2.0, 2.0, 0.0));
    }
}
