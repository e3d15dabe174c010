//! The value syntax of filters.
//!
//! ```text
//! VALUE    this text               VALUE*   texts that begin so        *    any value at all
//! =VALUE   this text, taken literally, whatever it begins or ends with
//! !...     not any of the above: `!VALUE`, `!VALUE*`, `!=VALUE`, `!*`
//! ```
//!
//! Several values of one column mean: any of the plain ones, and none of the excluded ones. A record without the column
//! passes an exclusion and nothing else. Case counts.

use super::{Column, Expr, FilterError, Test};

/// One value of a filter, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern<'a> {
    /// Whether what it matches is left out.
    pub excluded: bool,
    /// What it matches.
    pub matcher: Matcher<'a>,
}

/// What a value matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matcher<'a> {
    /// Exactly this text.
    Exactly(&'a str),
    /// Texts that begin with this one.
    Prefix(&'a str),
    /// Any value.
    Anything,
}

impl<'a> Pattern<'a> {
    /// Takes a value apart; every text is a valid one.
    pub fn parse(text: &'a str) -> Self {
        let (excluded, rest) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        Self { excluded, matcher: Matcher::parse(rest) }
    }
}

impl<'a> Matcher<'a> {
    fn parse(text: &'a str) -> Self {
        match (text.strip_prefix('='), text.strip_suffix('*')) {
            (Some(literal), _) => Matcher::Exactly(literal),
            (None, Some("")) => Matcher::Anything,
            (None, Some(prefix)) => Matcher::Prefix(prefix),
            (None, None) => Matcher::Exactly(text),
        }
    }
}

/// Collects what one column must, or must not, be.
#[derive(Default)]
struct Tests {
    texts: Vec<String>,
    codes: Vec<u8>,
    others: Vec<Test>,
}

impl Tests {
    fn add(&mut self, column: Column, matcher: Matcher<'_>) -> Result<(), FilterError> {
        match matcher {
            Matcher::Anything => self.others.push(Test::Present),
            Matcher::Exactly(text) => match column.code(text) {
                Some(code) => self.codes.push(code?),
                None => self.texts.push(text.to_owned()),
            },
            Matcher::Prefix(prefix) if column.is_closed_set() => {
                return Err(FilterError::NoPrefix {
                    column: column.name(),
                    given: format!("{prefix}*"),
                    expected: column.expected(),
                });
            }
            Matcher::Prefix(prefix) => self.others.push(Test::Prefix(prefix.to_owned())),
        }
        Ok(())
    }

    /// Any of them; `None` where there are none.
    fn into_expr(self, column: Column) -> Option<Expr> {
        let mut tests = self.others;
        if !self.texts.is_empty() {
            tests.insert(0, Test::AnyOf(self.texts));
        }
        if !self.codes.is_empty() {
            tests.insert(0, Test::Codes(self.codes));
        }
        let mut exprs: Vec<Expr> = tests.into_iter().map(|test| Expr::Field(column.field(), test)).collect();
        match exprs.len() {
            0 => None,
            1 => exprs.pop(),
            _ => Some(Expr::Or(exprs)),
        }
    }
}

/// What the values given for a column mean together; `None` where there are none.
pub(super) fn any_of<V: AsRef<str>>(column: Column, values: &[V]) -> Result<Option<Expr>, FilterError> {
    let (mut wanted, mut unwanted) = (Tests::default(), Tests::default());
    for value in values {
        let pattern = Pattern::parse(value.as_ref());
        let tests = if pattern.excluded { &mut unwanted } else { &mut wanted };
        tests.add(column, pattern.matcher)?;
    }
    let unwanted = unwanted.into_expr(column).map(Expr::not);
    Ok(match (wanted.into_expr(column), unwanted) {
        (Some(wanted), Some(unwanted)) => Some(Expr::And(vec![wanted, unwanted])),
        (wanted, unwanted) => wanted.or(unwanted),
    })
}

/// One test of a column, for expressions: `text` is matched exactly, or as a pattern with a `*` at its end.
pub(super) fn single(column: Column, text: &str, pattern: bool) -> Result<Expr, FilterError> {
    let matcher = match text.strip_suffix('*') {
        Some("") if pattern => Matcher::Anything,
        Some(prefix) if pattern => Matcher::Prefix(prefix),
        _ => Matcher::Exactly(text),
    };
    let mut tests = Tests::default();
    tests.add(column, matcher)?;
    Ok(tests.into_expr(column).unwrap_or(Expr::False))
}

/// Any of these texts, taken literally, for expressions.
pub(super) fn one_of(column: Column, texts: &[String]) -> Result<Expr, FilterError> {
    let mut tests = Tests::default();
    for text in texts {
        tests.add(column, Matcher::Exactly(text))?;
    }
    Ok(tests.into_expr(column).unwrap_or(Expr::False))
}

#[cfg(test)]
mod tests {
    use indelible_evidence::schema::Field;

    use super::*;

    fn texts(field: Field, texts: &[&str]) -> Expr {
        Expr::Field(field, Test::AnyOf(texts.iter().map(|&text| text.to_owned()).collect()))
    }

    fn prefix(field: Field, text: &str) -> Expr {
        Expr::Field(field, Test::Prefix(text.to_owned()))
    }

    #[test]
    fn values_are_taken_apart() {
        for (text, excluded, matcher) in [
            ("u-7", false, Matcher::Exactly("u-7")),
            ("", false, Matcher::Exactly("")),
            ("u-*", false, Matcher::Prefix("u-")),
            ("*", false, Matcher::Anything),
            ("a*b", false, Matcher::Exactly("a*b")),
            ("=u-*", false, Matcher::Exactly("u-*")),
            ("=!x", false, Matcher::Exactly("!x")),
            ("==", false, Matcher::Exactly("=")),
            ("=", false, Matcher::Exactly("")),
            ("!u-7", true, Matcher::Exactly("u-7")),
            ("!u-*", true, Matcher::Prefix("u-")),
            ("!*", true, Matcher::Anything),
            ("!=u-*", true, Matcher::Exactly("u-*")),
            ("!!x", true, Matcher::Exactly("!x")),
            ("!", true, Matcher::Exactly("")),
        ] {
            assert_eq!(Pattern::parse(text), Pattern { excluded, matcher }, "{text:?}");
        }
    }

    #[test]
    fn values_of_a_column_are_combined() {
        let lane = Field::LANE;
        let cases: [(&[&str], Option<Expr>); 7] = [
            (&[], None),
            (&["a", "b"], Some(texts(lane, &["a", "b"]))),
            (&["a", "b*", "c"], Some(Expr::Or(vec![texts(lane, &["a", "c"]), prefix(lane, "b")]))),
            (&["!a"], Some(texts(lane, &["a"]).not())),
            (&["!a", "!b*"], Some(Expr::Or(vec![texts(lane, &["a"]), prefix(lane, "b")]).not())),
            (&["a*", "!ab"], Some(Expr::And(vec![prefix(lane, "a"), texts(lane, &["ab"]).not()]))),
            (&["!*"], Some(Expr::Field(lane, Test::Present).not())),
        ];
        for (values, expected) in cases {
            assert_eq!(any_of(Column::LANE, values), Ok(expected), "{values:?}");
        }
        let codes = Expr::Field(Field::SEVERITY, Test::Codes(vec![2, 3]));
        assert_eq!(any_of(Column::SEVERITY, &["warning", "=critical"]), Ok(Some(codes)));
    }

    #[test]
    fn closed_sets_refuse_other_names_and_prefixes() {
        let error = |value: &str| any_of(Column::OUTCOME, &[value]).map_err(|error| error.to_string());
        assert_eq!(
            error("ok"),
            Err("column outcome: \"ok\" is not one of success, failure, partial, pending, unknown(n)".to_owned())
        );
        assert!(error("succ*").is_err_and(|message| message.contains("no prefixes")));
        assert!(error("!Success").is_err());
        assert!(error("*").is_ok());
    }
}
