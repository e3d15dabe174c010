//! The language of `--where`.
//!
//! ```text
//! expression = term { "or" term }              term = factor { "and" factor }
//! factor     = "not" factor | "!" factor | "(" expression ")" | test
//! test       = column ( "=" value | "!=" value | [ "not" ] "in" "(" value { "," value } ")"
//!                     | [ "not" ] "like" pattern | [ "not" ] "exists" )
//!            | "exists" column
//! ```
//!
//! Values are taken literally; only a pattern after `like` gives a `*` a meaning, wherever it stands. Keywords are read in any
//! case. A column named like a keyword does not exist, so nothing is ambiguous. `!=`, `not in` and `not like` also match
//! records without the column, as exclusions do everywhere.
//!
//! Invariant: nesting is bounded by [`DEPTH_MAX`], so no text can exhaust the stack.

use super::lexer::{Token, syntax, tokens};
use super::{Column, Expr, FilterError, Test, value};

/// Deepest nesting of parentheses and negations.
pub const DEPTH_MAX: usize = 64;

/// Reads an expression.
///
/// ```
/// let expr = indelible::filter::parse_expression(r#"action like "doc.*" and not (lane = api or exists session)"#)?;
/// # Ok::<(), indelible::filter::FilterError>(())
/// ```
///
/// # Errors
/// [`FilterError::Syntax`] with the place and what would be right there.
pub fn parse_expression(text: &str) -> Result<Expr, FilterError> {
    let mut parser = Parser { text, tokens: tokens(text)?, next: 0 };
    let expr = parser.expression(0)?;
    match parser.peek() {
        None => Ok(expr),
        Some(Token::Close) => Err(parser.error("this `)` closes nothing")),
        Some(token) => {
            let problem = format!("expected `and`, `or` or the end, found {token}");
            Err(parser.error(problem))
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<(usize, Token)>,
    next: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.next += 1;
        token
    }

    /// Takes the next token if it is this keyword, in any case.
    fn keyword(&mut self, keyword: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword));
        self.next += usize::from(found);
        found
    }

    fn sign(&mut self, sign: &Token) -> bool {
        let found = self.peek() == Some(sign);
        self.next += usize::from(found);
        found
    }

    /// An error at the next token.
    fn error(&self, problem: impl Into<String>) -> FilterError {
        let end = || self.text.chars().count();
        let position = self.tokens.get(self.next).map_or_else(end, |(position, _)| *position);
        syntax(self.text, position, problem)
    }

    /// An error at the token just taken.
    fn error_before(&mut self, problem: impl Into<String>) -> FilterError {
        self.next = self.next.saturating_sub(1);
        self.error(problem)
    }

    fn expression(&mut self, depth: usize) -> Result<Expr, FilterError> {
        let mut terms = vec![self.term(depth)?];
        while self.keyword("or") {
            terms.push(self.term(depth)?);
        }
        Ok(join(terms, Expr::Or))
    }

    fn term(&mut self, depth: usize) -> Result<Expr, FilterError> {
        let mut factors = vec![self.factor(depth)?];
        while self.keyword("and") {
            factors.push(self.factor(depth)?);
        }
        Ok(join(factors, Expr::And))
    }

    fn factor(&mut self, depth: usize) -> Result<Expr, FilterError> {
        if depth >= DEPTH_MAX {
            return Err(self.error(format!("nested deeper than {DEPTH_MAX} levels: write it flatter")));
        }
        if self.keyword("not") || self.sign(&Token::Bang) {
            return Ok(self.factor(depth + 1)?.not());
        }
        if !self.sign(&Token::Open) {
            return self.test();
        }
        let expr = self.expression(depth + 1)?;
        if !self.sign(&Token::Close) {
            return Err(self.error("expected `)` here"));
        }
        Ok(expr)
    }

    fn test(&mut self) -> Result<Expr, FilterError> {
        if self.keyword("exists") {
            let column = self.column()?;
            return Ok(Expr::Field(column.field(), Test::Present));
        }
        let column = self.column()?;
        let negated = self.keyword("not");
        let expr = if self.keyword("in") {
            self.list(column)?
        } else if self.keyword("like") {
            let text = self.value()?;
            value::single(column, &text, true).map_err(|error| self.error_before(error.to_string()))?
        } else if self.keyword("exists") {
            Expr::Field(column.field(), Test::Present)
        } else if negated {
            return Err(self.error("expected `in`, `like` or `exists` after `not`"));
        } else {
            return self.comparison(column);
        };
        Ok(if negated { expr.not() } else { expr })
    }

    fn comparison(&mut self, column: Column) -> Result<Expr, FilterError> {
        let unequal = self.sign(&Token::NotEqual);
        if !unequal && !self.sign(&Token::Equal) {
            return Err(self.error(format!("expected `=`, `!=`, `in`, `like` or `exists` after `{}`", column.name())));
        }
        let text = self.value()?;
        let expr = value::single(column, &text, false).map_err(|error| self.error_before(error.to_string()))?;
        Ok(if unequal { expr.not() } else { expr })
    }

    fn list(&mut self, column: Column) -> Result<Expr, FilterError> {
        if !self.sign(&Token::Open) {
            return Err(self.error("expected `(` after `in`, then values with commas between"));
        }
        let mut texts = Vec::new();
        loop {
            let text = self.value()?;
            // Checked one by one, so that the error points at the value that is wrong.
            value::single(column, &text, false).map_err(|error| self.error_before(error.to_string()))?;
            texts.push(text);
            if self.sign(&Token::Close) {
                return value::one_of(column, &texts);
            }
            if !self.sign(&Token::Comma) {
                return Err(self.error("expected `,` or `)` here"));
            }
        }
    }

    fn column(&mut self) -> Result<Column, FilterError> {
        match self.take() {
            Some(Token::Word(name)) => {
                Column::from_name(&name.to_ascii_lowercase()).map_err(|error| self.error_before(error.to_string()))
            }
            Some(token) => Err(self.error_before(format!("expected a column, found {token}"))),
            None => Err(self.error_before("expected a column, but the expression ends here")),
        }
    }

    fn value(&mut self) -> Result<String, FilterError> {
        match self.take() {
            Some(Token::Quoted(text)) => Ok(text),
            Some(Token::Word(word)) if !is_keyword(&word) => Ok(word),
            Some(token) => Err(self.error_before(format!("expected a value, found {token}: put texts in quotes"))),
            None => Err(self.error_before("expected a value, but the expression ends here")),
        }
    }
}

fn is_keyword(word: &str) -> bool {
    ["and", "or", "not", "in", "like", "exists"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
}

fn join(mut parts: Vec<Expr>, combine: fn(Vec<Expr>) -> Expr) -> Expr {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            combine(parts)
        }
        None => Expr::True,
    }
}

#[cfg(test)]
mod tests {
    use indelible_evidence::schema::Field;

    use super::*;

    fn is(field: Field, text: &str) -> Expr {
        Expr::is(field, text)
    }

    #[test]
    fn expressions_mean_what_they_say() {
        let (lane, actor) = (Field::LANE, Field::ACTOR_ID);
        let cases = [
            (r#"lane = "api""#, is(lane, "api")),
            ("lane == api", is(lane, "api")),
            ("LANE = api", is(lane, "api")),
            ("actor-id = 'u 7'", is(actor, "u 7")),
            ("lane = \"a*\"", is(lane, "a*")),
            ("lane != api", is(lane, "api").not()),
            ("lane like \"a*\"", Expr::Field(lane, Test::Prefix("a".to_owned()))),
            ("lane like '*a*i'", Expr::Field(lane, Test::Like(vec!["".into(), "a".into(), "i".into()]))),
            ("lane = '*a'", is(lane, "*a")),
            ("lane like api", is(lane, "api")),
            ("lane not like \"a*\"", Expr::Field(lane, Test::Prefix("a".to_owned())).not()),
            ("lane like '*'", Expr::Field(lane, Test::Present)),
            ("exists lane", Expr::Field(lane, Test::Present)),
            ("lane not exists", Expr::Field(lane, Test::Present).not()),
            (
                "lane in (api, 'web', \"and\")",
                Expr::Field(lane, Test::AnyOf(vec!["api".into(), "web".into(), "and".into()])),
            ),
            ("severity IN (critical, unknown(9))", Expr::Field(Field::SEVERITY, Test::Codes(vec![3, 9]))),
            ("not lane = a AND actor = b", Expr::And(vec![is(lane, "a").not(), is(actor, "b")])),
            (
                "lane = a or lane = b and actor = c",
                Expr::Or(vec![is(lane, "a"), Expr::And(vec![is(lane, "b"), is(actor, "c")])]),
            ),
            (
                "(lane = a or lane = b) and !(actor = c)",
                Expr::And(vec![Expr::Or(vec![is(lane, "a"), is(lane, "b")]), is(actor, "c").not()]),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_expression(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn errors_point_at_the_place() {
        for (text, place, says) in [
            ("", 0, "expected a column"),
            ("lane", 4, "expected `=`"),
            ("lane = ", 7, "expected a value"),
            ("lane = and", 7, "put texts in quotes"),
            ("lane = a lane = b", 9, "expected `and`, `or` or the end"),
            ("lane = a and", 12, "expected a column"),
            ("colour = red", 0, "there is no column \"colour\""),
            ("(lane = a", 9, "expected `)`"),
            ("lane = a)", 8, "closes nothing"),
            ("lane in a", 8, "expected `(`"),
            ("lane in ()", 9, "expected a value"),
            ("lane in (a b)", 11, "expected `,` or `)`"),
            ("outcome = ok", 10, "not one of success"),
            ("outcome in (success, ok)", 21, "not one of success"),
            ("outcome like 'succ*'", 13, "no prefixes"),
            ("lane not = a", 9, "after `not`"),
            ("\"lane\" = a", 0, "expected a column"),
            ("läne = a", 0, "there is no column"),
        ] {
            match parse_expression(text) {
                Err(FilterError::Syntax { position, problem, .. }) => {
                    assert_eq!(position, place, "{text}: {problem}");
                    assert!(problem.contains(says), "{text}: {problem}");
                }
                other => panic!("{text}: {other:?}"),
            }
        }
        let message = parse_expression("lane ~ a").map_err(|error| error.to_string());
        let expected =
            "--where, at character 6: expected `=`, `!=`, `in`, `like` or `exists` after `lane`\n  lane ~ a\n       ^";
        assert_eq!(message, Err(expected.to_owned()));
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| format!("{}lane = a{}", "(".repeat(depth), ")".repeat(depth));
        assert_eq!(parse_expression(&nested(DEPTH_MAX - 1)), Ok(is(Field::LANE, "a")));
        for text in [nested(DEPTH_MAX), nested(200_000), "not ".repeat(200_000), "!".repeat(200_000)] {
            let error = parse_expression(&text);
            assert!(matches!(&error, Err(FilterError::Syntax { problem, .. }) if problem.contains("64 levels")));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,60}", pieces in proptest::collection::vec(0usize..16, 0..24)) {
            let words = ["and", "or", "not", "(", ")", "lane", "=", "!=", "in", "like", "exists", ",", "'x'", "\"", "!", "severity"];
            let soup: Vec<&str> = pieces.iter().filter_map(|&piece| words.get(piece).copied()).collect();
            for candidate in [text.as_str(), &soup.join(" ")] {
                if let Err(FilterError::Syntax { position, excerpt, mark, .. }) = parse_expression(candidate) {
                    proptest::prop_assert!(position <= candidate.chars().count());
                    proptest::prop_assert!(mark <= excerpt.chars().count());
                }
            }
        }
    }
}
