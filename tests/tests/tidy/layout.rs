//! Rules about Rust files: a header on each, no file and no function too long, `unsafe` only where it is argued for, pure
//! layers without I/O, no unfinished work, no path of somebody's machine.

use super::assert_none;
use super::rust_source::{functions, line_of, masked, test_parts, word_offsets};
use super::tree::{files_with, text_files};

/// Most lines a Rust file may have, and most a function may have, from `fn` to its closing brace.
const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;

/// Functions that may be longer, as (path, name, reason). Empty is the goal.
const LONG_FUNCTIONS: [(&str, &str, &str); 0] = [];

/// Where `unsafe` may stand. Each block there says which invariant makes it sound; clippy checks that it says so.
const UNSAFE_ALLOWED: [&str; 4] = [
    "engine/src/ring/",
    "engine/src/world/storage/map.rs",
    "engine/src/snapshot/swap.rs",
    // An allocator that counts: a trait that only `unsafe` can implement, in a test.
    "tests/tests/tamper/counting.rs",
];

/// Sources of the layers that do no I/O, and what that rules out there.
const PURE_LAYERS: [&str; 3] = ["format-spec/evidence/src/", "format-spec/format/src/", "index/src/"];
const IMPURE: [&str; 8] = [
    "std::fs",
    "std::net",
    "std::thread",
    "std::process",
    "std::env",
    "std::time::Instant",
    "std::time::SystemTime",
    "std::io::stdin",
];

/// Where engine and ledger may touch the machine: what lies behind the traits of `World`. All else of them goes through these.
const MACHINE: [&str; 3] = [
    "engine/src/world/",
    "ledger/src/world/machine/",
    // The name of the weakened ordering that a loom model is to find: compiled for models alone.
    "engine/src/ring/sync.rs",
];
const OF_THE_MACHINE: [&str; 5] = ["std::fs", "std::env", "std::process::Command", "std::net", "SystemTime"];

#[test]
fn every_rust_file_begins_with_a_header() {
    let findings: Vec<String> = files_with("rs")
        .into_iter()
        .filter(|file| !file.text.starts_with("//! ") || file.text.lines().next().is_none_or(|line| line.len() < 20))
        .map(|file| format!("{}: begin it with `//!` and a sentence that says what the file is for", file.path))
        .collect();
    assert_none("Every .rs file begins with a header that says its purpose.", &findings);
}

#[test]
fn files_are_short() {
    let findings: Vec<String> = files_with("rs")
        .into_iter()
        .map(|file| (file.text.lines().count(), file.path))
        .filter(|(lines, _)| *lines > FILE_LINES_MAX)
        .map(|(lines, path)| format!("{path}: {lines} lines; split it by what its parts are for"))
        .collect();
    assert_none(&format!("No .rs file is longer than {FILE_LINES_MAX} lines."), &findings);
}

#[test]
fn functions_are_short() {
    let mut findings = Vec::new();
    let mut excused = Vec::new();
    for file in files_with("rs") {
        for function in functions(&masked(&file.text)).into_iter().filter(|f| f.lines > FUNCTION_LINES_MAX) {
            if LONG_FUNCTIONS.iter().any(|(path, name, _)| *path == file.path && *name == function.name) {
                excused.push((file.path.clone(), function.name));
                continue;
            }
            findings.push(format!(
                "{}:{}: `{}` has {} lines",
                file.path, function.first_line, function.name, function.lines
            ));
        }
    }
    for (path, name, _) in LONG_FUNCTIONS {
        if !excused.iter().any(|(p, n)| p == path && n == name) {
            findings.push(format!("{path}: `{name}` is excused for its length and need not be"));
        }
    }
    assert_none(&format!("No function is longer than {FUNCTION_LINES_MAX} lines."), &findings);
}

#[test]
fn unsafe_stands_only_where_it_is_argued_for() {
    let mut findings = Vec::new();
    for file in files_with("rs") {
        if UNSAFE_ALLOWED.iter().any(|allowed| file.path.starts_with(allowed)) {
            continue;
        }
        let code = masked(&file.text);
        for at in word_offsets(&code, "unsafe") {
            findings.push(format!("{}:{}", file.path, line_of(&code, at)));
        }
    }
    assert_none(&format!("`unsafe` stands only in {}.", UNSAFE_ALLOWED.join(", ")), &findings);
}

#[test]
fn pure_layers_do_no_io() {
    let mut findings = Vec::new();
    for file in files_with("rs").into_iter().filter(|f| PURE_LAYERS.iter().any(|layer| f.path.starts_with(layer))) {
        findings.extend(
            impure_uses(&file.text, &IMPURE).into_iter().map(|(line, what)| format!("{}:{line}: {what}", file.path)),
        );
    }
    assert_none("Format and index are pure: no files, network, threads, clock or environment.", &findings);
}

#[test]
fn the_machine_is_touched_in_one_place() {
    let mut findings = Vec::new();
    let ours = |path: &str| path.starts_with("engine/src/") || path.starts_with("ledger/src/");
    let apart = |path: &str| MACHINE.iter().any(|machine| path.starts_with(machine)) || path.ends_with("/tests.rs");
    for file in files_with("rs").into_iter().filter(|file| ours(&file.path) && !apart(&file.path)) {
        let uses = impure_uses(&file.text, &OF_THE_MACHINE);
        findings.extend(uses.into_iter().map(|(line, what)| format!("{}:{line}: {what}", file.path)));
    }
    let places = MACHINE.join(", ");
    assert_none(&format!("Files, environment, commands and the time of day are met only in {places}."), &findings);
}

/// Lines outside test modules that name something impure.
fn impure_uses(source: &str, impure: &[&'static str]) -> Vec<(usize, &'static str)> {
    let code = masked(source);
    let tests = test_parts(&code).inline;
    let mut found = Vec::new();
    for &what in impure {
        let places =
            code.match_indices(what).map(|(at, _)| at).filter(|at| !tests.iter().any(|range| range.contains(at)));
        found.extend(places.map(|at| (line_of(&code, at), what)));
    }
    found
}

#[test]
fn no_unfinished_work() {
    let mut findings = Vec::new();
    for file in files_with("rs") {
        let code = masked(&file.text);
        for what in [concat!("to", "do!"), concat!("unimpl", "emented!"), concat!("#[ig", "nore")] {
            for (at, _) in code.match_indices(what) {
                findings.push(format!("{}:{}: {what}", file.path, line_of(&code, at)));
            }
        }
    }
    assert_none("No unfinished code and no test that is switched off.", &findings);
}

#[test]
fn no_path_of_a_machine() {
    let roots = ["work", "home", "root", "Users", "tmp", "farm"].map(|name| format!("/{name}/"));
    let mut findings = Vec::new();
    for file in text_files() {
        for (number, line) in file.text.lines().enumerate() {
            if let Some(root) = roots.iter().find(|root| names_absolute(line, root)) {
                findings.push(format!("{}:{}: a path under {root}", file.path, number + 1));
            }
        }
    }
    assert_none("Nothing committed names a directory of one machine.", &findings);
}

/// Whether `line` holds `root` where a path begins: not behind a name, a dot or another part of a path or address.
fn names_absolute(line: &str, root: &str) -> bool {
    line.match_indices(root).any(|(at, _)| {
        line[..at].chars().next_back().is_none_or(|before| !before.is_alphanumeric() && !"._-/}~*".contains(before))
    })
}

#[test]
fn the_checkers_find_what_they_look_for() {
    assert_eq!(
        impure_uses("use std::fs;\n#[cfg(test)]\nmod tests { use std::env; }\n// std::net\n", &IMPURE),
        [(1, "std::fs")]
    );
    let root = format!("/{}/", "home");
    assert!(names_absolute(&format!("see {root}ann/log"), &root));
    assert!(!names_absolute(&format!("see target{root}ann/log"), &root));
}
