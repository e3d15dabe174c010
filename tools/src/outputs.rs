//! Outputs of verbs: the one place that opens a file to write results into.
//!
//! ```text
//! --rejects --acks -o  -->  in a log? refuse   an input of this run? refuse  -->  opened 0600 or 0644, or written whole
//! ```
//!
//! Invariants: no verb writes into a log, of its own or another; what is read is not written in the same run, whatever its
//! names: files are compared by device and number, once before and once after the output is made. Not here: signed heads, anchors
//! and keys, which the crate opens by the same rules ([`indelible::world::outputs`]), and standard output, which the shell opens.

use std::fs::{File, Metadata};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use indelible::world::outputs;
pub use indelible::world::outputs::Readers;

use crate::failure::{Failure, InFile, Outcome};

/// What outputs of a run must not be.
#[derive(Debug, Clone, Copy)]
pub struct Outputs<'a> {
    log: &'a Path,
    inputs: &'a [PathBuf],
}

impl<'a> Outputs<'a> {
    /// Outputs of a verb on a log, which need not exist yet.
    pub fn of(log: &'a Path) -> Self {
        Self { log, inputs: &[] }
    }

    /// The same for a verb that reads files.
    #[must_use]
    pub fn reading(self, inputs: &'a [PathBuf]) -> Self {
        Self { inputs, ..self }
    }

    /// Opens an output to append to it; `option` names it.
    ///
    /// # Errors
    /// A file in a log, an input, a file that cannot be written.
    pub fn append(&self, option: &str, file: &Path, readers: Readers) -> Outcome<File> {
        self.check(option, file)?;
        let opened = outputs::append(file, readers).doing("write", file)?;
        self.is_no_input(option, file, &opened.metadata().doing("write", file)?)?;
        Ok(opened)
    }

    /// Writes an output whole or not at all; its owner alone may read it.
    ///
    /// # Errors
    /// As [`Outputs::append`].
    pub fn replace(&self, option: &str, file: &Path, bytes: &[u8]) -> Outcome {
        self.check(option, file)?;
        let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut out = tempfile::NamedTempFile::new_in(dir).doing("write", file)?;
        out.write_all(bytes).and_then(|()| out.as_file().sync_all()).doing("write", file)?;
        out.persist(file).map(|_| ()).map_err(|error| error.error).doing("write", file)
    }

    /// Refuses an output that must not be, without making it.
    ///
    /// # Errors
    /// A file in a log, an input.
    pub fn check(&self, option: &str, file: &Path) -> Outcome {
        outputs::check(file, Some(self.log)).map_err(|error| Failure::usage(format!("{option}: {error}")))?;
        match std::fs::metadata(file) {
            Ok(metadata) => self.is_no_input(option, file, &metadata),
            Err(_) => Ok(()),
        }
    }

    fn is_no_input(&self, option: &str, file: &Path, output: &Metadata) -> Outcome {
        let same = |input: &&PathBuf| metadata_of(input).is_some_and(|input| is_same(&input, output));
        match self.inputs.iter().find(same).filter(|_| output.is_file()) {
            None => Ok(()),
            Some(input) => Err(Failure::usage(format!(
                "{option} {} is also an input ({}): it would be read as it is written",
                file.display(),
                input.display()
            ))
            .help("name another file for it, or leave it out of the inputs")),
        }
    }
}

/// Whether two files are one.
pub fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// What an input is; of stdin, what the shell opened.
fn metadata_of(input: &Path) -> Option<Metadata> {
    let path = if crate::source::is_stdin(input) { Path::new("/dev/stdin") } else { input };
    std::fs::metadata(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_neither_an_input_nor_in_a_log() {
        let dir = tempfile::tempdir().expect("a directory");
        let at = |name: &str| dir.path().join(name);
        std::fs::create_dir_all(at("log/journal")).expect("made");
        std::fs::write(at("log/MANIFEST"), "x").expect("written");
        for name in ["in", "other"] {
            std::fs::write(at(name), "x").expect("written");
        }
        std::os::unix::fs::symlink(at("in"), at("link")).expect("linked");
        std::fs::hard_link(at("in"), at("hard")).expect("linked");
        let (log, inputs) = (at("log"), [at("in")]);
        let outputs = Outputs::of(&log).reading(&inputs);
        for refused in ["in", "link", "hard", "log/MANIFEST", "log/new"] {
            let failure = outputs.append("--rejects", &at(refused), Readers::Owner).expect_err(refused);
            assert_eq!(failure.exit().code(), 2, "{refused}: {failure}");
            assert!(failure.to_string().contains("--rejects"), "{failure}");
            assert!(outputs.replace("-o", &at(refused), b"y").is_err(), "{refused}");
        }
        assert_eq!(std::fs::read(at("in")).expect("read"), b"x");
        assert!(!at("log/new").exists());
        outputs.append("--acks", &at("other"), Readers::Everybody).expect("opened").write_all(b"y").expect("written");
        outputs.replace("-o", &at("new"), b"z").expect("written");
        assert_eq!(std::fs::read(at("other")).expect("read"), b"xy");
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(at("new")).expect("there").permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
}
