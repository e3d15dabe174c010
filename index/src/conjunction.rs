//! And: the branch that is expected to leave the fewest rows first, the others asked only of what is left.
//!
//! ```text
//! estimate from the leaf table -> order -> what is left:  all -> few (a list of positions) -> fewer ... nothing: stop
//!                                                          \--> bounds (bitmaps) -----------/
//! ```
//!
//! A branch that every row passes, as the head or the leaf table says, is not read at all. Not subtracts; its complement is
//! never built.

use crate::columns::{ColumnKind, column_of};
use crate::few::{FEW_ROWS, bitmap_of};
use crate::layout::LeafKind;
use crate::postings::{Overlap, overlap};
use crate::reader::RunReader;
use crate::{Bounds, Count, Filter, IndexError, Postings};

/// What the branches so far leave.
enum Left {
    /// Every row.
    All,
    /// A few rows; whether each is still to be checked on its record.
    Few(Vec<u16>, bool),
    /// Any number of rows.
    Bounds(Bounds),
}

/// A branch with the rows that it is expected to leave.
type Branch<'f> = (u64, &'f Filter);

impl RunReader<'_> {
    /// Rows that match all of these.
    pub(crate) fn all_of(&self, filters: &[Filter]) -> Result<Bounds, IndexError> {
        let left = self.narrow_by(&self.in_order(filters)?)?;
        self.bounds_of(left)
    }

    /// How many rows match all of these; of the last branch no more is built than its intersection's length takes.
    pub(crate) fn count_all_of(&self, filters: &[Filter]) -> Result<Count, IndexError> {
        let mut order = self.in_order(filters)?;
        let last = order.pop();
        let left = self.narrow_by(&order)?;
        let left = match (left, last) {
            (Left::Bounds(first), Some((_, filter))) if !first.is_nothing() && !self.is_all(filter)? => {
                let last = self.bounds(filter)?;
                if first.is_exact() && last.is_exact() {
                    let rows = first.sure.intersection_len(&last.sure);
                    return Ok(Count { sure: rows, maybe: rows });
                }
                Left::Bounds(first.and(&last))
            }
            (left, Some(last)) => self.narrow(left, last)?,
            (left, None) => left,
        };
        Ok(match left {
            Left::All => self.bounds_of(Left::All)?.count(),
            Left::Few(rows, unsure) => {
                let maybe = rows.len() as u64;
                Count { sure: if unsure { 0 } else { maybe }, maybe }
            }
            Left::Bounds(bounds) => bounds.count(),
        })
    }

    /// Branches of an And, those that are expected to leave the fewest rows first.
    fn in_order<'f>(&self, filters: &'f [Filter]) -> Result<Vec<Branch<'f>>, IndexError> {
        let mut order = Vec::with_capacity(filters.len());
        for filter in filters {
            order.push((self.estimate(filter)?, filter));
        }
        order.sort_by_key(|(estimate, _)| *estimate);
        Ok(order)
    }

    fn narrow_by(&self, order: &[Branch<'_>]) -> Result<Left, IndexError> {
        let mut left = Left::All;
        for branch in order {
            left = match left {
                Left::Few(rows, _) if rows.is_empty() => return Ok(Left::Few(rows, false)),
                Left::Bounds(bounds) if bounds.is_nothing() => return Ok(Left::Bounds(bounds)),
                left => self.narrow(left, *branch)?,
            };
        }
        Ok(left)
    }

    /// What one more branch leaves.
    fn narrow(&self, left: Left, (estimate, filter): Branch<'_>) -> Result<Left, IndexError> {
        if self.is_all(filter)? {
            return Ok(left);
        }
        if let Filter::Key { field, keys } = filter
            && let Some((slot, unsure)) = kind_of_hits(*field, keys)?
        {
            match &left {
                Left::All if estimate <= FEW_ROWS => return Ok(Left::Few(self.few_of(slot, keys, estimate)?, unsure)),
                Left::Few(rows, before) => return Ok(Left::Few(self.narrowed(rows, slot, keys)?, unsure | before)),
                Left::Bounds(bounds) if bounds.is_exact() && bounds.sure.len() <= FEW_ROWS => {
                    let rows: Vec<u16> = bounds.sure.iter().map(|row| row as u16).collect();
                    return Ok(Left::Few(self.narrowed(&rows, slot, keys)?, unsure));
                }
                _ => {}
            }
        }
        let bounds = match (left, filter) {
            (Left::All, filter) => self.bounds(filter)?,
            (Left::Few(mut rows, unsure), Filter::Ordinals { from, to }) => {
                let first = self.first_ordinal();
                rows.retain(|row| (*from..*to).contains(&(first + u32::from(*row))));
                return Ok(Left::Few(rows, unsure));
            }
            (left, Filter::Not(inner)) => self.bounds_of(left)?.and_not(&self.bounds(inner)?),
            (left, filter) => self.bounds_of(left)?.and(&self.bounds(filter)?),
        };
        Ok(Left::Bounds(bounds))
    }

    fn bounds_of(&self, left: Left) -> Result<Bounds, IndexError> {
        Ok(match left {
            Left::All => Bounds::exact(self.present()?),
            Left::Few(rows, false) => Bounds::exact(bitmap_of(&rows)?),
            Left::Few(rows, true) => Bounds { unsure: bitmap_of(&rows)?, ..Bounds::default() },
            Left::Bounds(bounds) => bounds,
        })
    }

    /// Whether head or leaf table already say that every row matches.
    fn is_all(&self, filter: &Filter) -> Result<bool, IndexError> {
        let covers = |from: &Option<i64>, to: &Option<i64>, (min, max)| overlap(*from, *to, min, max) == Overlap::All;
        Ok(match filter {
            Filter::All => true,
            Filter::Occurred { from, to } => covers(from, to, self.head().occurred),
            Filter::Recorded { from, to } => covers(from, to, self.head().recorded),
            Filter::Ordinals { from, to } => {
                let first = self.first_ordinal();
                *from <= first && first.saturating_add(self.positions()) <= *to
            }
            Filter::Key { field, keys } => {
                let Some((slot, false)) = kind_of_hits(*field, keys)? else { return Ok(false) };
                let mut leaves = self.leaves_of(slot);
                match (leaves.next(), leaves.next()) {
                    (Some(number), None) => {
                        let entry = self.entry(number)?;
                        entry.kind == LeafKind::Bitmap && keys.contains(&entry.first_key)
                    }
                    _ => false,
                }
            }
            _ => false,
        })
    }

    /// About how many rows match, from head and leaf table alone; an upper bound but for Not.
    fn estimate(&self, filter: &Filter) -> Result<u64, IndexError> {
        let rows = u64::from(self.rows());
        Ok(match filter {
            Filter::Nothing => 0,
            Filter::All | Filter::Present { .. } => rows,
            Filter::Key { field, keys } => self.estimate_keys(column_of(*field)?.0, keys)?,
            Filter::Occurred { from, to } => self.estimate_time(*from, *to, self.head().occurred),
            Filter::Recorded { from, to } => self.estimate_time(*from, *to, self.head().recorded),
            Filter::Ordinals { from, to } => u64::from(to.saturating_sub(*from)).min(rows),
            Filter::And(filters) => {
                filters.iter().try_fold(rows, |least, filter| self.estimate(filter).map(|own| least.min(own)))?
            }
            Filter::Or(filters) => {
                let sum = filters.iter().try_fold(0, |sum, filter| self.estimate(filter).map(|own| own + sum))?;
                rows.min(sum)
            }
            Filter::Not(inner) => rows.saturating_sub(self.estimate(inner)?),
        })
    }

    /// The same for keys of a slot.
    pub(crate) fn estimate_keys(&self, slot: usize, keys: &[u32]) -> Result<u64, IndexError> {
        let mut sum = 0;
        for key in keys {
            if let Some(number) = self.leaf_for(slot, *key)? {
                let entry = self.entry(number)?;
                sum += (u64::from(entry.count) / u64::from(entry.keys.max(1))).max(1);
            }
        }
        Ok(sum.min(u64::from(self.rows())))
    }

    fn estimate_time(&self, from: Option<i64>, to: Option<i64>, (min, max): (i64, i64)) -> u64 {
        match overlap(from, to, min, max) {
            Overlap::None => 0,
            Overlap::Some | Overlap::All => u64::from(self.rows()),
        }
    }
}

/// Slot of a field, and whether all hits on these keys are unsure; nothing where some are and some are not.
fn kind_of_hits(field: u8, keys: &[u32]) -> Result<Option<(usize, bool)>, IndexError> {
    let (slot, column) = column_of(field)?;
    let fingerprints = column.kind == ColumnKind::Fingerprints;
    let unsure = fingerprints && !keys.contains(&0);
    Ok((unsure || !fingerprints || keys.iter().all(|key| *key == 0)).then_some((slot, unsure)))
}
