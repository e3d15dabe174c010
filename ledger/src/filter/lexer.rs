//! Cuts an expression into words, texts and signs, each with its place.
//!
//! ```text
//! action = "doc.*" and not (lane in (api, 'web'))
//! word   =  text   word word ( word word ( word , text ) )
//! ```
//!
//! Texts stand in double or single quotes; a backslash takes the next character as it is, and `\n`, `\t`, `\r`, `\\` and
//! `\u{202e}` mean what they mean in output. A word is everything else up to white space, a quote or a sign.

use super::FilterError;

/// A piece of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// Bare letters: a keyword, a column, or a value without quotes.
    Word(String),
    /// A quoted value.
    Quoted(String),
    /// `=` or `==`.
    Equal,
    /// `!=` or `<>`.
    NotEqual,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `,`
    Comma,
    /// `!` before something else.
    Bang,
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Token::Word(word) => write!(f, "`{word}`"),
            Token::Quoted(text) => write!(f, "{text:?}"),
            Token::Equal => f.write_str("`=`"),
            Token::NotEqual => f.write_str("`!=`"),
            Token::Open => f.write_str("`(`"),
            Token::Close => f.write_str("`)`"),
            Token::Comma => f.write_str("`,`"),
            Token::Bang => f.write_str("`!`"),
        }
    }
}

/// Cuts the text; each piece comes with the character at which it begins.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, FilterError> {
    let characters: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&character) = characters.get(at) {
        let start = at;
        let second = characters.get(at + 1);
        let (token, length) = match (character, second) {
            (space, _) if space.is_whitespace() => {
                at += 1;
                continue;
            }
            ('=', Some('=')) => (Token::Equal, 2),
            ('=', _) => (Token::Equal, 1),
            ('!', Some('=')) | ('<', Some('>')) => (Token::NotEqual, 2),
            ('!', _) => (Token::Bang, 1),
            ('(', _) => (Token::Open, 1),
            (')', _) => (Token::Close, 1),
            (',', _) => (Token::Comma, 1),
            ('"' | '\'', _) => quoted(text, &characters, at)?,
            ('<' | '>', _) => {
                let problem = "columns have no order: use = != in like exists, and --from / --to for times";
                return Err(syntax(text, start, problem));
            }
            _ => word(&characters, at),
        };
        found.push((start, token));
        at += length;
    }
    Ok(found)
}

/// An error at a character of the text.
pub(super) fn syntax(text: &str, position: usize, problem: impl Into<String>) -> FilterError {
    // What is shown must stay on one line under which a mark can point: a window, and blanks for control characters.
    let before = position.saturating_sub(60);
    let blank = |character: char| if character.is_control() { ' ' } else { character };
    let excerpt = text.chars().skip(before).take(100).map(blank).collect();
    FilterError::Syntax { excerpt, mark: position - before, position, problem: problem.into() }
}

fn word(characters: &[char], start: usize) -> (Token, usize) {
    let ends = |character: &char| character.is_whitespace() || "=!()<>,\"'".contains(*character);
    let mut word: String = characters.iter().skip(start).take_while(|character| !ends(character)).collect();
    let mut length = word.chars().count();
    if word == "unknown" {
        // The one name with parentheses: a code of a later version, `unknown(9)`.
        let rest = || characters.iter().skip(start + length);
        let code: String = rest().take(5).take_while(|&&c| c == '(' || c.is_ascii_digit()).collect();
        if code.starts_with('(') && rest().nth(code.len()) == Some(&')') {
            word.push_str(&code);
            word.push(')');
            length += code.len() + 1;
        }
    }
    (Token::Word(word), length)
}

fn quoted(text: &str, characters: &[char], start: usize) -> Result<(Token, usize), FilterError> {
    let quote = characters.get(start).copied().unwrap_or('"');
    let mut value = String::new();
    let mut at = start + 1;
    while let Some(&character) = characters.get(at) {
        if character == quote {
            return Ok((Token::Quoted(value), at + 1 - start));
        }
        if character != '\\' {
            value.push(character);
            at += 1;
            continue;
        }
        let Some(&escaped) = characters.get(at + 1) else { break };
        at += 2;
        match escaped {
            'n' => value.push('\n'),
            't' => value.push('\t'),
            'r' => value.push('\r'),
            'u' if characters.get(at) == Some(&'{') => {
                let digits: String = characters.iter().skip(at + 1).take(7).take_while(|&&c| c != '}').collect();
                let named = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                let Some(named) = named else {
                    return Err(syntax(text, at - 2, "write a character as \\u{202e}, with its hexadecimal number"));
                };
                value.push(named);
                at += digits.chars().count() + 2;
            }
            other => value.push(other),
        }
    }
    Err(syntax(text, start, format!("the text that begins here has no closing {quote}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_and_places() {
        let cut = tokens(r#"a!="b c"and(x <> 'y')"#).expect("valid");
        let expected = [
            (0, Token::Word("a".to_owned())),
            (1, Token::NotEqual),
            (3, Token::Quoted("b c".to_owned())),
            (8, Token::Word("and".to_owned())),
            (11, Token::Open),
            (12, Token::Word("x".to_owned())),
            (14, Token::NotEqual),
            (17, Token::Quoted("y".to_owned())),
            (20, Token::Close),
        ];
        assert_eq!(cut, expected);
    }

    #[test]
    fn escapes_in_texts() {
        for (text, value) in [
            (r#""a\"b""#, "a\"b"),
            (r"'it\'s'", "it's"),
            (r#""\\""#, "\\"),
            (r#""\u{202e}x""#, "\u{202e}x"),
            (r#""\n\t\r""#, "\n\t\r"),
            ("\"\"", ""),
            ("'\"'", "\""),
        ] {
            assert_eq!(tokens(text), Ok(vec![(0, Token::Quoted(value.to_owned()))]), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_cut_says_where() {
        for (text, place) in [("a = \"b", 4), ("a = 'b\\", 4), (r#""\u{zz}""#, 1), (r#""\u{d800}""#, 1), ("a < b", 2)] {
            let error = tokens(text);
            assert!(matches!(&error, Err(FilterError::Syntax { position, .. }) if *position == place), "{error:?}");
        }
    }
}
