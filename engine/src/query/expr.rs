//! What a query asks for: a predicate over columns, seqs and times, and its exact meaning on one record.
//!
//! An expression is resolved per segment into keys for the index; [`Expr::matches`] is the truth that the index must agree
//! with, and decides records that have no index yet and hits that the index is not sure of.

use indelible_evidence::FormatError;
use indelible_evidence::record::{Record, TextRef, Value};
use indelible_evidence::schema::{Field, FieldType};

/// A predicate over records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expr {
    /// Every record.
    True,
    /// No record.
    False,
    /// The field's value passes the test; a record without the field does not.
    Field(Field, Test),
    /// Occurred-at in the half-open range, ns.
    Occurred {
        /// First time that matches.
        from: Option<i64>,
        /// First time that no longer matches.
        to: Option<i64>,
    },
    /// Recorded-at in the half-open range, ns.
    Recorded {
        /// First time that matches.
        from: Option<i64>,
        /// First time that no longer matches.
        to: Option<i64>,
    },
    /// Seq in the half-open range.
    Seq {
        /// First seq that matches.
        from: u64,
        /// First seq that no longer matches.
        to: u64,
    },
    /// All of these.
    And(Vec<Expr>),
    /// Any of these.
    Or(Vec<Expr>),
    /// Not this.
    Not(Box<Expr>),
}

/// A test of one field's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// Equal to any of these texts.
    AnyOf(Vec<String>),
    /// Begins with this text.
    Prefix(String),
    /// Made of these texts in this order, with anything or nothing between two of them; the first and the last one are where
    /// the value begins and ends, so `["", "Delete", ""]` is any value with `Delete` in it. No text matches nothing at all.
    Like(Vec<String>),
    /// Any of these codes (code fields only).
    Codes(Vec<u8>),
    /// Present at all.
    Present,
}

impl Expr {
    /// Equality of a text field.
    pub fn is(field: Field, value: impl Into<String>) -> Expr {
        Expr::Field(field, Test::AnyOf(vec![value.into()]))
    }

    /// Only records that callers emitted, no system records.
    pub fn events() -> Expr {
        Expr::Field(Field::KIND, Test::Codes(vec![indelible_evidence::schema::Kind::Event as u8]))
    }

    /// Both, without nesting more than needed.
    pub fn and(self, other: Expr) -> Expr {
        match (self, other) {
            (Expr::True, expr) | (expr, Expr::True) => expr,
            (Expr::And(mut list), expr) => {
                list.push(expr);
                Expr::And(list)
            }
            (one, two) => Expr::And(vec![one, two]),
        }
    }

    /// Negation.
    #[expect(clippy::should_implement_trait, reason = "reads as the other constructors do; `!expr` would hide it")]
    pub fn not(self) -> Expr {
        Expr::Not(Box::new(self))
    }

    /// Whether a record matches: the meaning of the expression.
    ///
    /// # Errors
    /// Where the record's bytes are damaged.
    pub fn matches(&self, record: &Record) -> Result<bool, FormatError> {
        self.holds(record)
    }

    /// The same of anything that has a record's facts.
    pub(super) fn holds(&self, record: &dyn Facts) -> Result<bool, FormatError> {
        Ok(match self {
            Expr::True => true,
            Expr::False => false,
            Expr::Field(field, test) => test.passes(record, *field)?,
            Expr::Occurred { from, to } => within(record.occurred_at()?, *from, *to),
            Expr::Recorded { from, to } => within(record.recorded_at()?, *from, *to),
            Expr::Seq { from, to } => (*from..*to).contains(&record.seq()),
            Expr::And(list) => {
                for expr in list {
                    if !expr.holds(record)? {
                        return Ok(false);
                    }
                }
                true
            }
            Expr::Or(list) => {
                for expr in list {
                    if expr.holds(record)? {
                        return Ok(true);
                    }
                }
                false
            }
            Expr::Not(expr) => !expr.holds(record)?,
        })
    }

    /// Refuses tests that a field cannot have: codes on texts, texts on codes, fields without an index.
    ///
    /// # Errors
    /// A sentence naming the field.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Expr::Field(field, test) => {
                let spec = field.spec();
                if spec.column == indelible_evidence::schema::Column::None {
                    return Err(format!("{} is not a column that can be filtered", spec.name));
                }
                match (spec.field_type, test) {
                    (_, Test::Present) | (FieldType::Code, Test::Codes(_)) => Ok(()),
                    (FieldType::Text, Test::AnyOf(_) | Test::Prefix(_) | Test::Like(_)) => Ok(()),
                    _ => Err(format!("{} cannot be tested that way", spec.name)),
                }
            }
            Expr::And(list) | Expr::Or(list) => list.iter().try_for_each(Expr::check),
            Expr::Not(expr) => expr.check(),
            _ => Ok(()),
        }
    }
}

fn within(time: i64, from: Option<i64>, to: Option<i64>) -> bool {
    from.is_none_or(|from| time >= from) && to.is_none_or(|to| time < to)
}

impl Test {
    fn passes(&self, record: &dyn Facts, field: Field) -> Result<bool, FormatError> {
        if field == Field::KIND {
            let kind = record.kind()?;
            return Ok(match self {
                Test::Codes(codes) => codes.contains(&kind),
                Test::Present => true,
                _ => false,
            });
        }
        record.with_value(field, &mut |value| match (self, value) {
            (_, None) => false,
            (Test::Present, Some(_)) => true,
            (Test::Codes(codes), Some(Value::Code(code))) => codes.contains(&code),
            (Test::AnyOf(texts), Some(Value::Text(text))) => texts.iter().any(|wanted| same(wanted, &text)),
            (Test::Prefix(prefix), Some(Value::Text(text))) => text.text().starts_with(prefix.as_str()),
            (Test::Like(parts), Some(Value::Text(text))) => like(parts, &text.text()),
            _ => false,
        })
    }
}

/// Whether `text` is made of the parts, see [`Test::Like`]. Takes the first place of each part, which finds a match where there
/// is one, in time that grows with the text times the parts and no faster.
pub(crate) fn like(parts: &[String], text: &str) -> bool {
    let [first, middle @ .., last] = parts else {
        return parts.first().is_some_and(|only| only == text);
    };
    let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
    for part in middle {
        let Some(at) = rest.find(part.as_str()) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last.as_str())
}

/// What an expression asks of a record, wherever it lies.
pub(super) trait Facts {
    fn seq(&self) -> u64;
    fn recorded_at(&self) -> Result<i64, FormatError>;
    fn occurred_at(&self) -> Result<i64, FormatError>;
    fn kind(&self) -> Result<u8, FormatError>;
    /// What `with` says of the value of a field, `None` where it is absent.
    fn with_value(&self, field: Field, with: &mut dyn FnMut(Option<Value<'_>>) -> bool) -> Result<bool, FormatError>;
}

impl Facts for Record {
    fn seq(&self) -> u64 {
        self.seq
    }

    fn recorded_at(&self) -> Result<i64, FormatError> {
        Ok(self.recorded_at)
    }

    fn occurred_at(&self) -> Result<i64, FormatError> {
        Ok(self.groups.envelope()?.occurred_at)
    }

    fn kind(&self) -> Result<u8, FormatError> {
        Ok(self.groups.envelope()?.kind)
    }

    fn with_value(&self, field: Field, with: &mut dyn FnMut(Option<Value<'_>>) -> bool) -> Result<bool, FormatError> {
        Ok(with(self.groups.value(field)?))
    }
}

fn same(wanted: &str, found: &TextRef<'_>) -> bool {
    match found {
        TextRef::Utf8(text) => *text == wanted,
        TextRef::Uuid(uuid) => indelible_evidence::record::parse_uuid(wanted).as_ref() == Some(uuid),
    }
}

#[cfg(test)]
mod tests {
    use super::like;

    #[test]
    fn parts_come_in_order_and_do_not_overlap() {
        for (parts, text, expected) in [
            (&["", "Delete", ""][..], "s3:DeleteBucket", true),
            (&["", "delete", ""], "s3:DeleteBucket", false),
            (&["", "User"], "iam:DeleteUser", true),
            (&["", "User"], "iam:DeleteUsers", false),
            (&["s3:", "Bucket"], "s3:DeleteBucket", true),
            (&["s3:", "Bucket"], "s3:Bucket", true),
            (&["ab", "ba"], "aba", false),
            (&["a", "b", "a"], "aba", true),
            (&["a", "b", "c", "a"], "abca", true),
            (&["a", "c", "b", "a"], "abca", false),
            (&["", ""], "", true),
            (&["", "\u{e9}", ""], "caf\u{e9}s", true),
            (&["x"], "x", true),
            (&["x"], "xx", false),
            (&[], "", false),
        ] {
            let parts: Vec<String> = parts.iter().map(|&part| part.to_owned()).collect();
            assert_eq!(like(&parts, text), expected, "{parts:?} {text}");
        }
    }
}
