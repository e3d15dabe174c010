//! Requirement ids of the format chapters, both ways: every MUST has one, every one is cited by a test, every id that is cited
//! anywhere is defined.
//!
//! ```text
//! format-spec/NN-name.md   "[SEG-1] A payload MUST NOT ..."     defines SEG-1
//! a test                   // SEG-1: ...                        cites it
//! ```
//!
//! What counts as a test: files in `tests` directories, modules under `#[cfg(test)]` (inline or in a file of their own), and
//! the Python reader's tests. A citation is a promise by whoever wrote it that the test fails when the sentence is broken;
//! nothing here can check that part.

use std::collections::{BTreeMap, BTreeSet};

use super::assert_none;
use super::rust_source::{masked, test_parts};
use super::tree::{SourceFile, text_files};

/// Ids that stand in `text`, with or without brackets, and the line of each.
fn ids_in(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for piece in line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_')) {
            if let Some(id) = as_id(piece) {
                found.push((number + 1, id.to_string()));
            }
        }
    }
    found
}

/// `REC-12`: two to four capitals, a hyphen, a number.
fn as_id(piece: &str) -> Option<&str> {
    let (prefix, number) = piece.split_once('-')?;
    let right = (2..=4).contains(&prefix.len())
        && prefix.bytes().all(|byte| byte.is_ascii_uppercase())
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit());
    right.then_some(piece)
}

/// Whether a file is a chapter of the specification: `format-spec/NN-name.md`.
fn is_chapter(path: &str) -> bool {
    path.strip_prefix("format-spec/").is_some_and(|name| {
        !name.contains('/') && name.ends_with(".md") && name.bytes().take(2).all(|byte| byte.is_ascii_digit())
    })
}

/// Ids that chapters define (in brackets), each with the places where they do.
fn defined(files: &[SourceFile]) -> BTreeMap<String, Vec<String>> {
    let mut ids: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files.iter().filter(|file| is_chapter(&file.path)) {
        for (line, id) in ids_in(&file.text) {
            let text = file.text.lines().nth(line - 1).unwrap_or_default();
            if text.contains(&format!("[{id}]")) {
                ids.entry(id).or_default().push(format!("{}:{line}", file.path));
            }
        }
    }
    ids
}

/// The parts of the repository that are tests, as (path, text).
fn test_texts(files: &[SourceFile]) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    let mut module_files = BTreeSet::new();
    for file in files.iter().filter(|file| file.path.ends_with(".rs")) {
        let code = masked(&file.text);
        let parts = test_parts(&code);
        for range in parts.inline {
            // A string that is sliced by offsets of its masked copy: both have the same length and line breaks.
            texts.push((file.path.clone(), String::from_utf8_lossy(&file.text.as_bytes()[range]).into_owned()));
        }
        module_files.extend(parts.modules.into_iter().flat_map(|name| module_paths(&file.path, &name)));
    }
    for file in files {
        let in_tests =
            file.path.split('/').rev().skip(1).any(|part| part == "tests") && !file.path.starts_with("tests/src/");
        let is_code = file.path.ends_with(".rs") || file.path.ends_with(".py");
        let own_rules = file.path.starts_with("tests/tests/tidy");
        if is_code && !own_rules && (in_tests || module_files.iter().any(|path| belongs_to(&file.path, path))) {
            texts.push((file.path.clone(), file.text.clone()));
        }
    }
    texts
}

/// Where the file of module `name`, declared in `parent`, may lie, without extension.
fn module_paths(parent: &str, name: &str) -> Vec<String> {
    let (dir, file) = parent.rsplit_once('/').unwrap_or(("", parent));
    match file {
        "mod.rs" | "lib.rs" | "main.rs" => vec![format!("{dir}/{name}")],
        _ => vec![format!("{}/{name}", parent.trim_end_matches(".rs"))],
    }
}

/// Whether `path` is the module `module` (without extension) or lies in its directory.
fn belongs_to(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

#[test]
fn every_id_is_defined_once_and_cited_by_a_test() {
    let files = text_files();
    let defined = defined(&files);
    assert!(defined.len() > 40, "only {} ids found: are the chapters where they were?", defined.len());
    let cited: BTreeSet<String> =
        test_texts(&files).iter().flat_map(|(_, text)| ids_in(text)).map(|(_, id)| id).collect();
    let mut findings = Vec::new();
    for (id, places) in &defined {
        if places.len() > 1 {
            findings.push(format!("{id} is defined {} times: {}", places.len(), places.join(", ")));
        }
        if !cited.contains(id) {
            findings.push(format!("{id} ({}) is cited by no test", places.join(", ")));
        }
    }
    assert_none("Every requirement id is defined once and cited by a test.", &findings);
}

#[test]
fn every_cited_id_is_defined() {
    let files = text_files();
    let defined = defined(&files);
    let prefixes: BTreeSet<&str> = defined.keys().filter_map(|id| id.split('-').next()).collect();
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| !file.path.starts_with("tests/tests/tidy")) {
        for (line, id) in ids_in(&file.text) {
            let known_family = id.split('-').next().is_some_and(|prefix| prefixes.contains(prefix));
            if known_family && !defined.contains_key(&id) {
                findings.push(format!("{}:{line}: {id}", file.path));
            }
        }
    }
    assert_none("Every requirement id that is cited stands in a chapter.", &findings);
}

#[test]
fn every_must_has_an_id() {
    let mut findings = Vec::new();
    for file in text_files().iter().filter(|file| is_chapter(&file.path)) {
        findings.extend(musts_without_id(&file.text).into_iter().map(|sentence| format!("{}: {sentence}", file.path)));
    }
    assert_none("Every sentence of a chapter with a MUST carries an id.", &findings);
}

/// Sentences that say MUST and carry no id. Paragraphs are parted by empty lines, sentences by a full stop.
fn musts_without_id(chapter: &str) -> Vec<String> {
    let mut findings = Vec::new();
    for paragraph in chapter.split("\n\n") {
        let flat = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
        for sentence in flat.split(". ") {
            let must = sentence.split(|c: char| !c.is_ascii_alphabetic()).any(|word| word == "MUST");
            let has_id = ids_in(sentence).iter().any(|(_, id)| sentence.contains(&format!("[{id}]")));
            if must && !has_id {
                findings.push(sentence.to_string());
            }
        }
    }
    findings
}

#[test]
fn the_checkers_find_what_they_look_for() {
    let ids: Vec<String> =
        ids_in("[REC-1] and SEG-22, not UTF8-1, X-1, REC-1a, ABCDE-1\n").into_iter().map(|i| i.1).collect();
    assert_eq!(ids, ["REC-1", "SEG-22"]);
    assert_eq!(musts_without_id("[A-1] no. It MUST.\n\n[REC-1] This MUST\nhold. Fine."), ["It MUST."]);
    assert!(is_chapter("format-spec/01-record.md") && !is_chapter("format-spec/README.md"));
    let files = [
        SourceFile { path: "a/src/lib.rs".into(), text: "//! REC-1\n#[cfg(test)]\nmod checks;\n".into() },
        SourceFile { path: "a/src/checks.rs".into(), text: "// REC-2\n".into() },
        SourceFile { path: "a/src/b.rs".into(), text: "// REC-3\n#[cfg(test)]\nmod tests {\n// REC-4\n}\n".into() },
        SourceFile { path: "a/tests/c.rs".into(), text: "// REC-5\n".into() },
    ];
    let cited: Vec<String> = test_texts(&files).iter().flat_map(|(_, text)| ids_in(text)).map(|(_, id)| id).collect();
    assert_eq!(cited, ["REC-4", "REC-2", "REC-5"]);
}
