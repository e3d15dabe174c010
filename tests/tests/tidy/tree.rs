//! The repository's own files as text, and nothing that a build, a test or an editor leaves behind.
//!
//! Paths are relative to the repository root with `/` between parts, sorted, so that findings read the same everywhere.
//! Files are found by walking the directories and not by asking git: the rules hold for a tarball too, and for a file that is
//! not added yet.

use std::fs;
use std::path::{Path, PathBuf};

/// Directories that hold output, dependencies or generated inputs: never walked into.
const SKIPPED: [&str; 7] = ["target", ".git", "__pycache__", ".venv", "node_modules", "artifacts", "coverage"];

/// Names of extensionless files that are text and belong to the rules.
const TEXT_NAMES: [&str; 5] = ["run", "test", ".gitignore", "LICENSE-MIT", "LICENSE-APACHE"];
const TEXT_EXTENSIONS: [&str; 10] = ["rs", "md", "toml", "py", "txt", "sh", "yml", "yaml", "json", "html"];

/// One text file of the repository.
pub struct SourceFile {
    /// Relative to the root, `/` between parts.
    pub path: String,
    pub text: String,
}

/// The repository root: the parent of the crate that holds this test.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests crate lies in the repository root").to_path_buf()
}

/// Every text file of the repository, sorted by path.
pub fn text_files() -> Vec<SourceFile> {
    let root = root();
    let mut files = Vec::new();
    walk(&root, &root, &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(files.iter().any(|file| file.path == "Cargo.toml"), "no root manifest found under {}", root.display());
    files
}

/// The text files whose name ends in `.extension`.
pub fn files_with(extension: &str) -> Vec<SourceFile> {
    let suffix = format!(".{extension}");
    text_files().into_iter().filter(|file| file.path.ends_with(&suffix)).collect()
}

fn walk(root: &Path, dir: &Path, files: &mut Vec<SourceFile>) {
    let entries = fs::read_dir(dir).unwrap_or_else(|error| panic!("cannot list {}: {error}", dir.display()));
    for entry in entries {
        let path = entry.expect("directory entry can be read").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_string();
        if path.is_symlink() || SKIPPED.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            walk(root, &path, files);
        } else if is_text(&name) {
            let relative = path.strip_prefix(root).expect("walked from the root").to_string_lossy().replace('\\', "/");
            let bytes = fs::read(&path).unwrap_or_else(|error| panic!("cannot read {relative}: {error}"));
            // Test data may hold broken text on purpose; the rules look at what can be read.
            files.push(SourceFile { path: relative, text: String::from_utf8_lossy(&bytes).into_owned() });
        }
    }
}

fn is_text(name: &str) -> bool {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    TEXT_NAMES.contains(&name) || TEXT_EXTENSIONS.contains(&extension)
}
