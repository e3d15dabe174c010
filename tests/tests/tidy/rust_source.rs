//! Just enough of a Rust lexer for the rules: what is code, where functions end, and which lines are tests.
//!
//! ```text
//! let s = "fn { }"; // unsafe     source
//! let s = "      ";               masked: same lines, same columns, no comments, no contents of literals
//! ```
//!
//! Masking keeps every line break and every byte offset, so a place in the masked text is a place in the source. Byte-wise:
//! everything the rules look for is ASCII, and other bytes are only ever skipped.

/// A function that was found: its name and the lines from its `fn` to its closing brace, counted from 1.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    pub first_line: usize,
    pub lines: usize,
}

/// The source with comments and the contents of string and character literals replaced by spaces.
pub fn masked(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let (end, keep) = token(bytes, at);
        // `keep` bytes on either side are delimiters, which stay so that the code keeps its shape.
        for byte in &mut out[(at + keep).min(end)..end.saturating_sub(keep).max((at + keep).min(end))] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// End of the token at `at`, and how many bytes at both of its ends are kept (all, for code).
fn token(bytes: &[u8], at: usize) -> (usize, usize) {
    let rest = &bytes[at..];
    let after_word = at > 0 && is_word(bytes[at - 1]);
    if rest.starts_with(b"//") {
        (at + rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len()), 0)
    } else if rest.starts_with(b"/*") {
        (at + block_comment_len(rest), 0)
    } else if let Some(len) = raw_string_len(rest).filter(|_| !after_word) {
        (at + len, 0)
    } else if rest[0] == b'"' {
        (at + quoted_len(rest), 1)
    } else if let Some(len) = char_len(rest) {
        (at + len, 1)
    } else {
        (at + 1, 1)
    }
}

fn block_comment_len(rest: &[u8]) -> usize {
    let (mut at, mut depth) = (2, 1);
    while at < rest.len() && depth > 0 {
        let step = match &rest[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                2
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                2
            }
            _ => 1,
        };
        at += step;
    }
    at.min(rest.len())
}

/// Length of `r"..."`, `r#"..."#`, `br"..."` at the start, if one stands there.
fn raw_string_len(rest: &[u8]) -> Option<usize> {
    let prefix =
        if rest.starts_with(b"br") || rest.starts_with(b"cr") { 2 } else { usize::from(rest.starts_with(b"r")) };
    if prefix == 0 {
        return None;
    }
    let hashes = rest[prefix..].iter().take_while(|&&byte| byte == b'#').count();
    let open = prefix + hashes;
    if rest.get(open) != Some(&b'"') {
        return None;
    }
    let mut close = vec![b'"'];
    close.resize(hashes + 1, b'#');
    let body = &rest[open + 1..];
    let end = body.windows(close.len()).position(|window| window == close).unwrap_or(body.len());
    Some((open + 1 + end + close.len()).min(rest.len()))
}

fn quoted_len(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// Length of a character literal at the start; a lifetime is none.
fn char_len(rest: &[u8]) -> Option<usize> {
    if rest[0] != b'\'' {
        return None;
    }
    if rest.get(1) == Some(&b'\\') {
        let end = rest.iter().skip(3).position(|&byte| byte == b'\'')?;
        return Some(end + 4);
    }
    let width = match rest.get(1)? {
        0..=0x7F => 1,
        0xC0..=0xDF => 2,
        0xE0..=0xEF => 3,
        _ => 4,
    };
    (rest.get(1 + width) == Some(&b'\'')).then_some(width + 2)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Byte offsets of `word` in masked text, where it stands as a whole word.
pub fn word_offsets(masked: &str, word: &str) -> Vec<usize> {
    let bytes = masked.as_bytes();
    masked
        .match_indices(word)
        .map(|(at, _)| at)
        .filter(|&at| at == 0 || !is_word(bytes[at - 1]))
        .filter(|&at| bytes.get(at + word.len()).is_none_or(|&byte| !is_word(byte)))
        .collect()
}

/// Line of a byte offset, from 1.
pub fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset].iter().filter(|&&byte| byte == b'\n').count() + 1
}

/// Every function with a body, those in functions included.
pub fn functions(masked: &str) -> Vec<Function> {
    word_offsets(masked, "fn").into_iter().filter_map(|at| function_at(masked, at)).collect()
}

fn function_at(masked: &str, at: usize) -> Option<Function> {
    let bytes = masked.as_bytes();
    let name_at = at + 2 + bytes[at + 2..].iter().position(|byte| !byte.is_ascii_whitespace())?;
    let name: String = masked[name_at..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    if name.is_empty() {
        // A function pointer type: `fn(u8) -> u8`.
        return None;
    }
    let open = body_start(bytes, name_at)?;
    let close = matching_brace(bytes, open)?;
    let first_line = line_of(masked, at);
    Some(Function { name, first_line, lines: line_of(masked, close) - first_line + 1 })
}

/// The brace that opens the body of a function whose name begins at `from`; none where a `;` ends it.
fn body_start(bytes: &[u8], from: usize) -> Option<usize> {
    let mut depth = 0i32;
    for (at, byte) in bytes.iter().enumerate().skip(from) {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b'{' if depth == 0 => return Some(at),
            b';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// The brace that closes the one at `open`.
fn matching_brace(bytes: &[u8], open: usize) -> Option<usize> {
    let mut depth = 0i32;
    for (at, byte) in bytes.iter().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// What a file holds in test-only modules.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TestParts {
    /// Byte ranges of modules written out under a test attribute.
    pub inline: Vec<std::ops::Range<usize>>,
    /// Names of modules in files of their own under a test attribute.
    pub modules: Vec<String>,
}

/// The test-only modules of a file: those under `#[cfg(test)]` or `#[cfg(all(test, ...))]`.
pub fn test_parts(masked: &str) -> TestParts {
    let mut parts = TestParts::default();
    for (at, _) in masked.match_indices("#[cfg(") {
        let Some(close) = masked[at..].find(']').map(|len| at + len + 1) else { continue };
        let condition = &masked[at..close];
        if word_offsets(condition, "test").is_empty() || condition.contains("not(test") {
            continue;
        }
        let rest = &masked[close..];
        let item = rest.trim_start();
        let Some(named) = item.strip_prefix("pub(crate) mod ").or_else(|| item.strip_prefix("mod ")) else { continue };
        let name: String = named.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let after = close + (rest.len() - named.len()) + name.len();
        match masked[after..].trim_start().as_bytes().first() {
            Some(b';') => parts.modules.push(name),
            Some(b'{') => {
                let open = after + masked[after..].find('{').unwrap_or_default();
                let end = matching_brace(masked.as_bytes(), open).unwrap_or(masked.len() - 1);
                parts.inline.push(at..end + 1);
            }
            _ => {}
        }
    }
    parts
}

#[test]
fn masking_hides_literals_and_comments_and_keeps_places() {
    let cases = [
        ("let a = \"fn {\"; // unsafe\nx", "let a = \"    \";          \nx"),
        ("/* a /* b */ c */ y", "                  y"),
        ("let c = '{'; let l: &'a u8;", "let c = ' '; let l: &'a u8;"),
        (r"let c = '\''; z", "let c = '  '; z"),
        ("let r = r#\"un\"safe\"#; w", "let r =             ; w"),
        ("for_r(\"x\")", "for_r(\" \")"),
    ];
    for (source, expected) in cases {
        assert_eq!(masked(source), expected, "masking {source:?}");
    }
}

#[test]
fn functions_are_measured_from_fn_to_brace() {
    let source = "fn a() {\n  let f: fn(u8) -> u8 = b;\n  if true { }\n}\ntrait T { fn none(&self); fn some(&self) {} }\n\
                  fn w<T>(x: [u8; 3]) -> T where T: Copy\n{\n}\n";
    let found: Vec<(String, usize, usize)> =
        functions(&masked(source)).into_iter().map(|f| (f.name, f.first_line, f.lines)).collect();
    assert_eq!(found, [("a".into(), 1, 4), ("some".into(), 5, 1), ("w".into(), 6, 3)]);
}

#[test]
fn test_modules_are_found_inline_and_in_files() {
    let source = "fn a() {}\n#[cfg(test)]\nmod tests { fn b() {} }\n#[cfg(all(test, not(loom)))]\nmod far;\n#[cfg(loom)]\nmod no;\n";
    let parts = test_parts(source);
    assert_eq!(parts.modules, ["far"]);
    assert_eq!(
        parts.inline.iter().map(|range| &source[range.clone()]).collect::<Vec<_>>(),
        ["#[cfg(test)]\nmod tests { fn b() {} }"]
    );
}
