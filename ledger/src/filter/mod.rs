//! Filters as people write them: text in, a predicate of the engine out.
//!
//! ```text
//! --actor 'u-*' --actor '!u-7' --from -7d --where 'severity = "critical" or not exists lane'
//!        |                          |              |
//!      value                      time         expression           each checked here, before the log is touched
//!        `--------------------------+--------------'
//!                       Expr::And([...])
//! ```
//!
//! Invariants: pure (the present time is an argument); no input panics or recurses without bound; an error says what was
//! given, where it is wrong and what would be right.
//!
//! Not here: the meaning of a predicate on a record ([`indelible_engine::query::Expr::matches`]) and how it is answered.

mod column;
mod expression;
mod lexer;
mod time;
mod value;

pub use column::{COLUMNS, Column};
pub use expression::{DEPTH_MAX, parse_expression};
pub use indelible_engine::query::{Expr, Test};
pub use time::{parse_span, parse_time};
pub use value::Pattern;

use crate::event::Timestamp;

/// A filter that cannot be read: what was given, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterError {
    /// No column has this name.
    #[error("there is no column {given:?}: use one of {}", column::names())]
    UnknownColumn {
        /// What was given.
        given: String,
    },
    /// A value that a column with a closed set cannot have.
    #[error("column {column}: {given:?} is not one of {expected}, unknown(n)")]
    UnknownName {
        /// The column.
        column: &'static str,
        /// What was given.
        given: String,
        /// The names of its set.
        expected: &'static str,
    },
    /// A prefix or a pattern of a column with a closed set, which has none.
    #[error(
        "column {column} has a closed set of values and no prefixes or patterns: {given:?} needs one of {expected}"
    )]
    NoPrefix {
        /// The column.
        column: &'static str,
        /// What was given.
        given: String,
        /// The names of its set.
        expected: &'static str,
    },
    /// A time in none of the accepted forms.
    #[error("{given:?} is not a time: {problem}")]
    Time {
        /// What was given.
        given: String,
        /// What is wrong, and which forms there are.
        problem: String,
    },
    /// A range that ends before it begins, or where it begins.
    #[error("the {clock} range is empty: it begins at {from} and ends before {to}")]
    EmptyRange {
        /// Which of the two clocks: `event time` or `recording time`.
        clock: &'static str,
        /// Its first time.
        from: Timestamp,
        /// The first time after it.
        to: Timestamp,
    },
    /// An expression that cannot be read, with the place.
    #[error("--where, at character {}: {problem}\n  {excerpt}\n  {}^", position + 1, " ".repeat(*mark))]
    Syntax {
        /// The expression around the place, control characters blanked.
        excerpt: String,
        /// Which character of the excerpt.
        mark: usize,
        /// Which character of it, from 0.
        position: usize,
        /// What is wrong there, and what would be right.
        problem: String,
    },
}

/// Half-open range of times: `from` is in it, `to` is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeRange {
    /// First time in the range.
    pub from: Option<Timestamp>,
    /// First time after the range.
    pub to: Option<Timestamp>,
}

impl TimeRange {
    /// Reads both ends; `now` is what relative times are relative to.
    ///
    /// # Errors
    /// [`FilterError::Time`], and [`FilterError::EmptyRange`] where nothing can lie in it; `clock` names the range there.
    pub fn parse(
        clock: &'static str,
        from: Option<&str>,
        to: Option<&str>,
        now: Timestamp,
    ) -> Result<Self, FilterError> {
        let read = |text: Option<&str>| text.map(|text| parse_time(text, now)).transpose();
        let range = Self { from: read(from)?, to: read(to)? };
        match (range.from, range.to) {
            (Some(from), Some(to)) if from >= to => Err(FilterError::EmptyRange { clock, from, to }),
            _ => Ok(range),
        }
    }

    fn bounds(self) -> Option<(Option<i64>, Option<i64>)> {
        let ends = (self.from.map(Timestamp::as_nanos), self.to.map(Timestamp::as_nanos));
        (ends != (None, None)).then_some(ends)
    }
}

/// Everything that narrows a query down, collected and then combined with *and*.
///
/// ```
/// use indelible::Timestamp;
/// use indelible::filter::{Column, Filters, TimeRange};
///
/// let now: Timestamp = "2026-11-20T10:00:00Z".parse()?;
/// let filters = Filters::new()
///     .column(Column::ACTOR, &["u-*", "!u-7"])?
///     .occurred(TimeRange::parse("event time", Some("-7d"), None, now)?)
///     .expression(r#"severity in ("warning", "critical")"#)?;
/// assert!(!filters.is_empty());
/// let _expr = filters.into_expr();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters {
    parts: Vec<Expr>,
}

impl Filters {
    /// Nothing narrowed down yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the values given for a column: any of the plain ones and none of the excluded ones; no values, no effect.
    ///
    /// # Errors
    /// [`FilterError::UnknownName`] or [`FilterError::NoPrefix`] for columns with a closed set.
    pub fn column<V: AsRef<str>>(mut self, column: Column, values: &[V]) -> Result<Self, FilterError> {
        if let Some(expr) = value::any_of(column, values)? {
            self.parts.push(expr);
        }
        Ok(self)
    }

    /// Only events whose own time lies in the range.
    #[must_use]
    pub fn occurred(mut self, range: TimeRange) -> Self {
        if let Some((from, to)) = range.bounds() {
            self.parts.push(Expr::Occurred { from, to });
        }
        self
    }

    /// Only records that the log wrote within the range.
    #[must_use]
    pub fn recorded(mut self, range: TimeRange) -> Self {
        if let Some((from, to)) = range.bounds() {
            self.parts.push(Expr::Recorded { from, to });
        }
        self
    }

    /// Adds an expression; see [`parse_expression`].
    ///
    /// # Errors
    /// [`FilterError::Syntax`] with the place in the text.
    pub fn expression(mut self, text: &str) -> Result<Self, FilterError> {
        self.parts.push(parse_expression(text)?);
        Ok(self)
    }

    /// Whether nothing narrows the query down.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// All of it as one predicate.
    #[must_use]
    pub fn into_expr(mut self) -> Expr {
        match self.parts.len() {
            0 => Expr::True,
            1 => self.parts.remove(0),
            _ => Expr::And(self.parts),
        }
    }
}

#[cfg(test)]
mod tests {
    use indelible_evidence::schema::Field;

    use super::*;

    const NOW: Timestamp = Timestamp(1_795_168_800_000_000_000);

    #[test]
    fn parts_are_combined_with_and() {
        assert_eq!(Filters::new().into_expr(), Expr::True);
        let one = Filters::new().column(Column::LANE, &["api"]).expect("a value");
        assert_eq!(one.clone().into_expr(), Expr::is(Field::LANE, "api"));
        let range = TimeRange::parse("event time", Some("-1d"), Some("now"), NOW).expect("a range");
        let two = one.occurred(range).recorded(TimeRange::default()).expression("exists session").expect("a test");
        let day = 86_400_000_000_000;
        assert_eq!(
            two.into_expr(),
            Expr::And(vec![
                Expr::is(Field::LANE, "api"),
                Expr::Occurred { from: Some(NOW.0 - day), to: Some(NOW.0) },
                Expr::Field(Field::SESSION, Test::Present),
            ])
        );
    }

    #[test]
    fn a_range_that_ends_before_it_begins_is_refused() {
        let range = TimeRange::parse("event time", Some("now"), Some("-1d"), NOW);
        assert!(matches!(range, Err(FilterError::EmptyRange { clock: "event time", .. })), "{range:?}");
    }
}
