//! The value syntax of filters.
//!
//! ```text
//! VALUE    this text               VALUE*   texts that begin so        *    any value at all
//! *VALUE   texts that end so       *VALUE*  texts that have it inside  A*B  texts that begin and end so
//! =VALUE   this text, taken literally, whatever it begins or ends with
//! !...     not any of the above: `!VALUE`, `!VALUE*`, `!=VALUE`, `!*`
//! ```
//!
//! What a table prints is understood too, beside the text itself and not instead of it: `user:u-7` as an actor of type user and
//! id u-7, `document:d-42` as a target, `a\u{202e}b` as the text that it was printed for. `=VALUE` is none of these.
//!
//! Several values of one column mean: any of the plain ones, and none of the excluded ones. A record without the column
//! passes an exclusion and nothing else. Case counts.

use std::borrow::Cow;

use super::{Column, Expr, FilterError, Test};

/// Colons of a target at which its type may end; what has more is looked at up to there.
const COLONS_MAX: usize = 8;

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
    /// Texts made of the parts between the stars of this one, in order, with anything where a star is.
    Like(&'a str),
    /// Any value.
    Anything,
}

impl<'a> Pattern<'a> {
    /// Takes a value apart; every text is a valid one. What tables print (`any_of`) is not looked for here.
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
        text.strip_prefix('=').map_or_else(|| Matcher::pattern(text), Matcher::Exactly)
    }

    fn text(self) -> &'a str {
        match self {
            Matcher::Exactly(text) | Matcher::Prefix(text) | Matcher::Like(text) => text,
            Matcher::Anything => "*",
        }
    }

    /// A text in which stars mean something.
    fn pattern(text: &'a str) -> Self {
        match text.strip_suffix('*') {
            _ if !text.is_empty() && text.bytes().all(|byte| byte == b'*') => Matcher::Anything,
            Some(prefix) if !prefix.contains('*') => Matcher::Prefix(prefix),
            None if !text.contains('*') => Matcher::Exactly(text),
            _ => Matcher::Like(text),
        }
    }
}

/// What a text matches.
type Read = fn(&str) -> Matcher<'_>;

/// Collects what one column must, or must not, be.
#[derive(Default)]
struct Tests {
    texts: Vec<String>,
    codes: Vec<u8>,
    others: Vec<Test>,
    /// Of values as tables print them: tests of two columns.
    shown: Vec<Expr>,
}

impl Tests {
    fn add(&mut self, column: Column, matcher: Matcher<'_>) -> Result<(), FilterError> {
        match matcher {
            Matcher::Anything => self.others.push(Test::Present),
            Matcher::Exactly(text) => match column.code(text) {
                Some(code) => self.codes.push(code?),
                None => self.texts.push(text.to_owned()),
            },
            Matcher::Prefix(_) | Matcher::Like(_) if column.is_closed_set() => {
                return Err(FilterError::NoPrefix {
                    column: column.name(),
                    given: match matcher {
                        Matcher::Prefix(prefix) => format!("{prefix}*"),
                        _ => matcher.text().to_owned(),
                    },
                    expected: column.expected(),
                });
            }
            Matcher::Prefix(prefix) => self.others.push(Test::Prefix(prefix.to_owned())),
            Matcher::Like(text) => self.others.push(Test::Like(text.split('*').map(str::to_owned).collect())),
        }
        Ok(())
    }

    /// Adds what the value means beside itself, as a table prints it; `stars` where a star in it means something.
    fn add_shown(&mut self, column: Column, text: &str, stars: bool) -> Result<(), FilterError> {
        let matcher: Read = if stars { |text| Matcher::pattern(text) } else { |text| Matcher::Exactly(text) };
        if let Cow::Owned(unescaped) = unescaped(text)
            && !column.is_closed_set()
        {
            self.add(column, matcher(&unescaped))?;
            self.add_typed(column, &unescaped, matcher)?;
        }
        self.add_typed(column, text, matcher)
    }

    /// An actor or a target with its type before it.
    fn add_typed(&mut self, column: Column, text: &str, matcher: Read) -> Result<(), FilterError> {
        let kinds = match column {
            Column::ACTOR => Column::ACTOR_TYPE,
            Column::TARGET => Column::TARGET_TYPE,
            _ => return Ok(()),
        };
        for (at, _) in text.match_indices(':').take(COLONS_MAX) {
            let (kind, id) = (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default());
            if kind.is_empty() || id.is_empty() || kind.contains('*') {
                continue;
            }
            let mut of_kind = Tests::default();
            if of_kind.add(kinds, Matcher::Exactly(kind)).is_err() {
                continue;
            }
            let mut of_id = Tests::default();
            of_id.add(column, matcher(id))?;
            if let (Some(kind), Some(id)) = (of_kind.into_expr(kinds), of_id.into_expr(column)) {
                self.shown.push(Expr::And(vec![kind, id]));
            }
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
        exprs.extend(self.shown);
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
        let text = value.as_ref();
        let text = text.strip_prefix('!').unwrap_or(text);
        if !text.starts_with('=') {
            tests.add_shown(column, text, true)?;
        }
    }
    let unwanted = unwanted.into_expr(column).map(Expr::not);
    Ok(match (wanted.into_expr(column), unwanted) {
        (Some(wanted), Some(unwanted)) => Some(Expr::And(vec![wanted, unwanted])),
        (wanted, unwanted) => wanted.or(unwanted),
    })
}

/// One test of a column, for expressions: `text` is matched exactly, or as a pattern with stars.
pub(super) fn single(column: Column, text: &str, pattern: bool) -> Result<Expr, FilterError> {
    let mut tests = Tests::default();
    tests.add(column, if pattern { Matcher::pattern(text) } else { Matcher::Exactly(text) })?;
    tests.add_shown(column, text, pattern)?;
    Ok(tests.into_expr(column).unwrap_or(Expr::False))
}

/// Any of these texts, taken literally, for expressions.
pub(super) fn one_of(column: Column, texts: &[String]) -> Result<Expr, FilterError> {
    let mut tests = Tests::default();
    for text in texts {
        tests.add(column, Matcher::Exactly(text))?;
        tests.add_shown(column, text, false)?;
    }
    Ok(tests.into_expr(column).unwrap_or(Expr::False))
}

/// The text that is printed like this: characters that could deceive are printed as `\u{...}`, and then a backslash twice. Borrowed
/// where the text has no such escape, or one that names no character.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains("\\u{") {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        plain.push_str(rest.get(..at).unwrap_or_default());
        rest = rest.get(at + 1..).unwrap_or_default();
        if let Some(after) = rest.strip_prefix('\\') {
            plain.push('\\');
            rest = after;
            continue;
        }
        let escape = rest.strip_prefix("u{").and_then(|escape| escape.split_once('}'));
        let character = escape.and_then(|(digits, _)| char::from_u32(u32::from_str_radix(digits, 16).ok()?));
        let (Some((_, after)), Some(character)) = (escape, character) else { return Cow::Borrowed(text) };
        plain.push(character);
        rest = after;
    }
    plain.push_str(rest);
    Cow::Owned(plain)
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
            ("a*b", false, Matcher::Like("a*b")),
            ("*Delete*", false, Matcher::Like("*Delete*")),
            ("*User", false, Matcher::Like("*User")),
            ("**", false, Matcher::Anything),
            ("=a*b", false, Matcher::Exactly("a*b")),
            ("!*b", true, Matcher::Like("*b")),
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

    /// `user:u-7` is what tables print; as a filter it once found nothing.
    #[test]
    fn what_a_table_prints_is_understood() {
        let any = |column, values: &[&str]| any_of(column, values).expect("valid").expect("a test");
        let user = Expr::Field(Field::ACTOR_TYPE, Test::Codes(vec![1]));
        let actor = |text| texts(Field::ACTOR_ID, &[text]);
        let both = |kind: &Expr, id: Expr| Expr::And(vec![kind.clone(), id]);
        let plain = Expr::Or(vec![actor("user:u-7"), both(&user, actor("u-7"))]);
        assert_eq!(any(Column::ACTOR, &["user:u-7"]), plain);
        assert_eq!(any(Column::ACTOR, &["!user:u-7"]), plain.clone().not());
        assert_eq!(single(Column::ACTOR, "user:u-7", false), Ok(plain));
        assert_eq!(any(Column::ACTOR, &["=user:u-7"]), actor("user:u-7"));
        assert_eq!(any(Column::ACTOR, &["ann:u-7"]), actor("ann:u-7"), "no type of actors is named so");
        assert_eq!(
            any(Column::ACTOR, &["user:u-*"]),
            Expr::Or(vec![prefix(Field::ACTOR_ID, "user:u-"), both(&user, prefix(Field::ACTOR_ID, "u-"))])
        );
        let (kind, target) = (Field::TARGET_TYPE, Field::TARGET_ID);
        assert_eq!(
            any(Column::TARGET, &["a:b:c"]),
            Expr::Or(vec![
                texts(target, &["a:b:c"]),
                both(&texts(kind, &["a"]), texts(target, &["b:c"])),
                both(&texts(kind, &["a:b"]), texts(target, &["c"])),
            ])
        );
        assert_eq!(any(Column::TARGET, &["*:d-4"]), Expr::Field(target, Test::Like(vec!["".into(), ":d-4".into()])));
        assert_eq!(any(Column::LANE, &["a:b"]), texts(Field::LANE, &["a:b"]));
        let hidden = texts(Field::LANE, &["a\\u{202e}b", "a\u{202e}b"]);
        assert_eq!(any(Column::LANE, &["a\\u{202e}b"]), hidden);
        for (shown, text) in [("a\\\\b\\u{200b}", "a\\b\u{200b}"), ("x\\u{zz}", "x\\u{zz}"), ("a\\b", "a\\b")] {
            assert_eq!(unescaped(shown), text);
        }
        let many = any(Column::TARGET, &[&"x:".repeat(1_000)]);
        assert!(matches!(many, Expr::Or(parts) if parts.len() <= COLONS_MAX + 1));
    }

    #[test]
    fn closed_sets_refuse_other_names_and_prefixes() {
        let error = |value: &str| any_of(Column::OUTCOME, &[value]).map_err(|error| error.to_string());
        assert_eq!(
            error("ok"),
            Err("column outcome: \"ok\" is not one of success, failure, partial, pending, unknown(n)".to_owned())
        );
        assert!(error("succ*").is_err_and(|message| message.contains("no prefixes")));
        assert!(error("*cess").is_err_and(|message| message.contains("\"*cess\"")));
        assert!(error("!Success").is_err());
        assert!(error("*").is_ok());
    }
}
