//! Which names a storage accepts, decided once for all implementations.
//!
//! ```text
//! name = [ dir "/" ] file      dir, file = 1 to 255 bytes, no "/", no control characters, not "." or ".."
//! ```
//!
//! Invariant: an accepted name cannot leave the log directory by itself; symbolic links are the implementation's business.
//!
//! Deliberately not here: what the names of a log are; any layout that fits is fine.

use std::io;

/// Longest component in bytes, as on every file system in use.
const COMPONENT_BYTES_MAX: usize = 255;

/// Splits a file's name into its directory (`""` for the root) and the name within it.
pub(super) fn split(name: &str) -> io::Result<(&str, &str)> {
    let (dir, file) = name.rsplit_once('/').unwrap_or(("", name));
    if component(file) && (component(dir) || (dir.is_empty() && !name.starts_with('/'))) {
        return Ok((dir, file));
    }
    Err(invalid(format!("{name:?} is no name of a file in a log: at most one directory, and no \"..\", are allowed")))
}

/// Accepts `""` or the name of one directory.
pub(super) fn check_dir(dir: &str) -> io::Result<()> {
    if dir.is_empty() || component(dir) {
        return Ok(());
    }
    Err(invalid(format!("{dir:?} is no name of a directory in a log: one component without \"..\" is allowed")))
}

/// Splits both names of a rename and accepts them if they share a directory.
pub(super) fn split_rename<'a>(from: &'a str, to: &'a str) -> io::Result<(&'a str, &'a str, &'a str)> {
    let (from_dir, from_file) = split(from)?;
    let (to_dir, to_file) = split(to)?;
    if from_dir == to_dir {
        return Ok((from_dir, from_file, to_file));
    }
    Err(invalid(format!(
        "cannot rename {from:?} to {to:?}: a rename across directories cannot be made durable in one step"
    )))
}

fn component(part: &str) -> bool {
    !matches!(part, "" | "." | "..")
        && part.len() <= COMPONENT_BYTES_MAX
        && !part.chars().any(|c| c == '/' || c.is_control())
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_split_or_are_refused() {
        let good = [("a", ("", "a")), ("d/a", ("d", "a")), ("a..b", ("", "a..b")), ("d/.x", ("d", ".x"))];
        for (name, parts) in good {
            assert_eq!(split(name).unwrap(), parts);
        }
        let long = "x".repeat(256);
        for name in ["", "/", "/a", "a/", "a/b/c", ".", "..", "../a", "d/..", "a\0b", "a\nb", "//a", long.as_str()] {
            assert_eq!(split(name).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{name:?}");
        }
    }

    #[test]
    fn renames_stay_in_one_directory() {
        assert_eq!(split_rename("d/a", "d/b").unwrap(), ("d", "a", "b"));
        assert_eq!(split_rename("d/a", "a").unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert!(
            check_dir("").is_ok() && check_dir("d").is_ok() && check_dir("d/e").is_err() && check_dir("..").is_err()
        );
    }
}
