//! Rules about prose: paths it names exist, links lead somewhere, the change log has its sections, and every dependency has a
//! line that says why it is there.

use std::collections::BTreeSet;

use super::assert_none;
use super::manifests::crates;
use super::tree::{SourceFile, files_with, root};

/// Endings that make a name in backticks a file of the repository.
const FILE_ENDINGS: [&str; 6] = [".rs", ".md", ".toml", ".py", ".txt", ".hex"];

#[test]
fn paths_in_prose_exist() {
    let root = root();
    let mut findings = Vec::new();
    for file in files_with("md") {
        let dir = file.path.rsplit_once('/').map_or("", |(dir, _)| dir);
        let exists = |path: &str| root.join(dir).join(path).exists() || root.join(path).exists();
        for (line, path) in paths_in(&file.text, &exists) {
            if !exists(&path) {
                findings.push(format!("{}:{line}: `{path}` does not exist", file.path));
            }
        }
    }
    assert_none("Documents name only paths that exist.", &findings);
}

/// What looks like a path of the repository: code in backticks, and targets of relative links. For a pattern, its directory.
fn paths_in(text: &str, exists: &dyn Fn(&str) -> bool) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        let spans = line.split('`').skip(1).step_by(2);
        let spans = spans.filter(|span| looks_like_path(span, exists)).map(|span| without_pattern(span).to_string());
        found.extend(spans.map(|path| (number + 1, path)));
        for target in line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target) {
            let path = target.split('#').next().unwrap_or_default();
            if !path.is_empty() && !path.contains(':') {
                found.push((number + 1, path.to_string()));
            }
        }
    }
    found
}

/// A name with an ending that files of the repository have, or a path whose first part exists here. What a build makes is neither:
/// whether it is there depends on what was built before.
fn looks_like_path(span: &str, exists: &dyn Fn(&str) -> bool) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/*".contains(c);
    if span.starts_with('/') || span.starts_with('*') || !span.chars().all(plain) {
        return false;
    }
    let first = span.split('/').next().unwrap_or_default();
    let named = FILE_ENDINGS.iter().any(|ending| span.len() > ending.len() && span.ends_with(ending));
    let placeholder = span.contains("NAME") || span.contains("NNN");
    let built = first == "target";
    !placeholder && !built && (named || (span.contains('/') && (first == ".." || exists(first))))
}

/// `a/b*.rs` is checked as `a`.
fn without_pattern(span: &str) -> &str {
    match span.find('*') {
        Some(star) => span[..star].rsplit_once('/').map_or(".", |(dir, _)| dir),
        None => span,
    }
}

fn document(name: &str) -> SourceFile {
    files_with("md").into_iter().find(|file| file.path == name).unwrap_or_else(|| panic!("{name} is missing"))
}

#[test]
fn the_house_has_its_documents() {
    let root = root();
    let findings: Vec<String> = [
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "deny.toml",
        "Cargo.lock",
        ".ci/run",
    ]
    .into_iter()
    .filter(|name| !root.join(name).is_file())
    .map(|name| format!("{name} is missing"))
    .collect();
    assert_none("The repository has the documents that its readers look for.", &findings);
}

#[test]
fn the_change_log_says_what_changed_for_callers_and_for_bytes() {
    let log = document("CHANGELOG.md");
    let mut findings = Vec::new();
    let versions: Vec<&str> = log.text.split("\n## ").skip(1).collect();
    assert!(!versions.is_empty(), "CHANGELOG.md has no version");
    for version in versions {
        let title = version.lines().next().unwrap_or_default();
        for section in ["### API", "### FORMAT"] {
            if !version.lines().any(|line| line.trim() == section) {
                findings.push(format!("{title}: no section `{section}`"));
            }
        }
    }
    assert_none("Every version in the change log has an API and a FORMAT section.", &findings);
}

#[test]
fn every_dependency_has_a_reason() {
    let all = crates();
    let ours: BTreeSet<&str> = all.iter().map(|one| one.name.as_str()).collect();
    let used: BTreeSet<String> = all
        .iter()
        .flat_map(|one| one.dependencies.iter())
        .filter(|name| !ours.contains(name.as_str()))
        .cloned()
        .collect();
    let reasons = reasons(&document("ARCHITECTURE.md").text);
    let mut findings: Vec<String> =
        used.difference(&reasons).map(|name| format!("`{name}` is used and has no line in ARCHITECTURE.md")).collect();
    findings
        .extend(reasons.difference(&used).map(|name| format!("`{name}` has a line in ARCHITECTURE.md and no user")));
    assert_none("Every dependency has a line in ARCHITECTURE.md that says why, and no line is left over.", &findings);
}

/// Names in the first column of the table below the heading `## Dependencies`; one cell may name several.
fn reasons(architecture: &str) -> BTreeSet<String> {
    let Some((_, section)) = architecture.split_once("\n## Dependencies") else { return BTreeSet::new() };
    let section = section.split("\n## ").next().unwrap_or_default();
    section
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|rest| rest.split(" | ").next())
        .flat_map(|cell| cell.split('`').step_by(2).map(str::to_string).collect::<Vec<_>>())
        .filter(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)))
        .collect()
}

#[test]
fn the_checkers_find_what_they_look_for() {
    let exists = |path: &str| ["engine", "engine/src", "x.md", "target"].contains(&path);
    let text = "`engine/src` `target/release/x` `engine/gone` `torn/` `a b.rs` `lost.rs`\n```\n`engine/no`\n```\n[x](x.md#y) [z](https://a.b) `engine/*.rs`";
    let found: Vec<String> = paths_in(text, &exists).into_iter().map(|(_, path)| path).collect();
    assert_eq!(found, ["engine/src", "engine/gone", "lost.rs", "engine", "x.md"]);
    let table = "\n## Dependencies\n\n| crate | why |\n|---|---|\n| `a-b`, `c` | `d` why |\n\n## Next\n| `e` | - |\n";
    assert_eq!(reasons(table).into_iter().collect::<Vec<_>>(), ["a-b", "c"]);
}
