//! Sets of seqs or of frame numbers, as ascending runs.
//!
//! ```text
//! base64( varint runs | per run: varint gap from the end of the run before | varint length - 1 )
//! ```
//!
//! Invariants: runs ascend and neither touch nor overlap, so a set has one encoding ([RET-2]). `u64::MAX` is in no set: the
//! end of a run must be a number too. Decoding allocates nothing that the bytes at hand do not fill.

use std::fmt;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::bytes::{Reader, put_varint};
use crate::error::FormatError;

const NAME: &str = "seq set";

/// A set of numbers below `u64::MAX`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct SeqSet {
    runs: Vec<Range<u64>>,
}

impl SeqSet {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// How many numbers are in it.
    pub fn len(&self) -> u64 {
        self.runs.iter().map(|run| run.end - run.start).sum()
    }

    /// Lowest number.
    pub fn first(&self) -> Option<u64> {
        self.runs.first().map(|run| run.start)
    }

    /// Highest number.
    pub fn last(&self) -> Option<u64> {
        self.runs.last().map(|run| run.end - 1)
    }

    /// Half-open runs, ascending, that do not touch.
    pub fn runs(&self) -> &[Range<u64>] {
        &self.runs
    }

    /// The numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.runs.iter().flat_map(Clone::clone)
    }

    /// Whether a number is in it.
    pub fn contains(&self, number: u64) -> bool {
        let at = self.runs.partition_point(|run| run.end <= number);
        self.runs.get(at).is_some_and(|run| run.start <= number)
    }

    /// Puts a number in; `u64::MAX` never is.
    pub fn insert(&mut self, number: u64) {
        self.insert_run(number..number.saturating_add(1));
    }

    /// Puts a half-open run in. Ascending runs are put in at constant cost.
    pub fn insert_run(&mut self, run: Range<u64>) {
        if run.is_empty() {
            return;
        }
        if self.runs.last().is_none_or(|last| last.end < run.start) {
            self.runs.push(run);
            return;
        }
        // All runs that the new one touches become one with it.
        let from = self.runs.partition_point(|before| before.end < run.start);
        let to = self.runs.partition_point(|before| before.start <= run.end);
        let touched = self.runs.get(from..to).unwrap_or_default();
        let start = touched.first().map_or(run.start, |first| first.start.min(run.start));
        let end = touched.last().map_or(run.end, |last| last.end.max(run.end));
        self.runs.splice(from..to, std::iter::once(start..end));
    }

    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &SeqSet) -> SeqSet {
        let (mut left, mut right) = (self.runs.iter().peekable(), other.runs.iter().peekable());
        let mut union = SeqSet::new();
        loop {
            let from_left = match (left.peek(), right.peek()) {
                (Some(a), Some(b)) => a.start <= b.start,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (None, None) => return union,
            };
            let next = if from_left { left.next() } else { right.next() };
            next.into_iter().for_each(|run| union.insert_run(run.clone()));
        }
    }

    /// Whether no number is in both.
    pub fn is_disjoint(&self, other: &SeqSet) -> bool {
        let (few, many) = if self.runs.len() < other.runs.len() { (self, other) } else { (other, self) };
        few.runs.iter().all(|run| !many.meets(run.clone()))
    }

    /// Whether any number of a half-open run is in it.
    pub fn meets(&self, run: Range<u64>) -> bool {
        let at = self.runs.partition_point(|own| own.end <= run.start);
        !run.is_empty() && self.runs.get(at).is_some_and(|own| own.start < run.end)
    }

    /// Bitmap of the numbers from `first` to `first + 127`: bit `p` is `first + p`.
    pub fn window(&self, first: u64) -> u128 {
        let end = first.saturating_add(128);
        let at = self.runs.partition_point(|run| run.end <= first);
        let mut bits = 0u128;
        for run in self.runs.iter().skip(at).take_while(|run| run.start < end) {
            let (start, length) = (run.start.max(first) - first, run.end.min(end) - run.start.max(first));
            bits |= u128::MAX.checked_shr(128u64.saturating_sub(length) as u32).unwrap_or(0) << start;
        }
        bits
    }

    /// Puts in `first + p` for every bit `p` of a bitmap.
    pub fn insert_window(&mut self, first: u64, mut bits: u128) {
        while bits != 0 {
            let start = bits.trailing_zeros();
            let length = (bits >> start).trailing_ones();
            let from = first.saturating_add(start.into());
            self.insert_run(from..from.saturating_add(length.into()));
            bits &= u128::MAX.checked_shl(start + length).unwrap_or(0);
        }
    }

    /// The text form.
    pub fn to_text(&self) -> String {
        let mut bytes = Vec::new();
        put_varint(&mut bytes, self.runs.len() as u64);
        let mut before = 0;
        for run in &self.runs {
            put_varint(&mut bytes, run.start - before);
            put_varint(&mut bytes, run.end - run.start - 1);
            before = run.end;
        }
        STANDARD.encode(bytes)
    }

    /// Reads the text form ([RET-2]).
    ///
    /// # Errors
    /// Where the text is not the one form of a set.
    pub fn parse(text: &str) -> Result<Self, FormatError> {
        let invalid = |why: &'static str| FormatError::invalid(NAME, "runs", 0, why);
        let bytes = STANDARD.decode(text).map_err(|_| invalid("not padded base64"))?;
        let mut reader = Reader::new(NAME, &bytes);
        let count = reader.varint("runs")?;
        if count > (reader.left() / 2) as u64 {
            return Err(invalid("more runs than bytes for them"));
        }
        let mut runs = Vec::with_capacity(count as usize);
        let mut before = 0u64;
        for index in 0..count {
            let (gap, more) = (reader.varint("gap")?, reader.varint("length")?);
            if gap == 0 && index > 0 {
                return Err(invalid("two runs touch"));
            }
            let start = before.checked_add(gap).ok_or_else(|| invalid("beyond 64 bits"))?;
            let end = start.checked_add(more).and_then(|last| last.checked_add(1));
            before = end.ok_or_else(|| invalid("beyond 64 bits"))?;
            runs.push(start..before);
        }
        reader.end()?;
        Ok(Self { runs })
    }
}

impl fmt::Debug for SeqSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.runs).finish()
    }
}

impl FromIterator<u64> for SeqSet {
    fn from_iter<I: IntoIterator<Item = u64>>(numbers: I) -> Self {
        let mut set = Self::new();
        numbers.into_iter().for_each(|number| set.insert(number));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn set(numbers: &BTreeSet<u64>) -> SeqSet {
        numbers.iter().copied().collect()
    }

    /// [RET-2]
    #[test]
    fn the_empty_set_and_a_small_one_have_known_texts() {
        assert_eq!(SeqSet::new().to_text(), "AA==");
        assert_eq!(SeqSet::from_iter([3, 4, 5, 9]).to_text(), STANDARD.encode([2, 3, 2, 3, 0]));
    }

    /// [RET-2]
    #[test]
    fn other_forms_are_refused() {
        let forms: [&[u8]; 9] = [
            &[],
            &[1],
            &[0, 0],
            &[2, 0, 0, 0, 0],
            &[1, 0x80, 0, 0],
            &[1, 0, 0, 0],
            &[0xff, 0xff, 3, 0, 0],
            &[1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0],
            &[1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
        ];
        for bytes in forms {
            assert!(SeqSet::parse(&STANDARD.encode(bytes)).is_err(), "{bytes:02x?}");
        }
        assert!(SeqSet::parse("AA").is_err() && SeqSet::parse("").is_err() && SeqSet::parse("AA==\n").is_err());
    }

    proptest! {
        /// [RET-2]
        #[test]
        fn sets_are_what_a_tree_says(
            a in prop::collection::btree_set(0u64..300, 0..80),
            b in prop::collection::btree_set(0u64..300, 0..80),
            order in prop::collection::vec(0u64..300, 0..80),
            first in 0u64..200,
        ) {
            let (left, right) = (set(&a), set(&b));
            prop_assert_eq!(left.iter().collect::<BTreeSet<_>>(), a.clone());
            prop_assert_eq!(left.len(), a.len() as u64);
            prop_assert_eq!(SeqSet::parse(&left.to_text()), Ok(left.clone()));
            prop_assert_eq!(left.union(&right), set(&a.union(&b).copied().collect()));
            prop_assert_eq!(left.is_disjoint(&right), a.is_disjoint(&b));
            prop_assert_eq!(order.iter().copied().collect::<SeqSet>(), set(&order.iter().copied().collect()));
            let window = left.window(first);
            for p in 0..128 {
                prop_assert_eq!(window >> p & 1 == 1, a.contains(&(first + p)));
                prop_assert_eq!(left.contains(first + p), a.contains(&(first + p)));
            }
            let mut again = SeqSet::new();
            again.insert_window(first, window);
            prop_assert_eq!(again.window(first), window);
            prop_assert_eq!(left.meets(first..first + 9), a.range(first..first + 9).next().is_some());
        }
    }
}
