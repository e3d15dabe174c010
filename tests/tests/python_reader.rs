//! The independent reader in Python runs inside the test command: its own tests, over the chapters and the vectors.
//!
//! ```text
//! format-spec/reader/requirements.txt --> virtual environment in the build directory --> python3 -m unittest
//! ```
//!
//! The environment is made once and kept until the requirements change. Where Python or a package cannot be had the test says
//! so and passes: a machine without them can still work on the rest, and CI prints what was skipped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The reader's directory.
fn reader() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join("format-spec").join("reader")
}

/// Runs a command and gives what it printed, or why it could not: both streams, so that a failure can be read.
fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(text) } else { Err(format!("{command:?}: {}\n{text}", output.status)) }
}

/// The Python of an environment with the reader's packages, made if there is none for these requirements yet.
///
/// The stamp is written last, so that a run that is stopped halfway leaves no environment that looks whole.
fn python() -> Result<PathBuf, String> {
    let requirements = fs::read_to_string(reader().join("requirements.txt")).map_err(|error| error.to_string())?;
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-reader");
    let python = home.join("bin").join("python");
    let stamp = home.join("requirements.txt");
    if python.exists() && fs::read_to_string(&stamp).is_ok_and(|made_for| made_for == requirements) {
        return Ok(python);
    }
    if home.exists() {
        fs::remove_dir_all(&home).map_err(|error| format!("{}: {error}", home.display()))?;
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&home))?;
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(reader().join("requirements.txt")))?;
    fs::write(&stamp, requirements).map_err(|error| format!("{}: {error}", stamp.display()))?;
    Ok(python)
}

#[test]
fn the_independent_reader_passes_its_own_tests() {
    let python = match python() {
        Ok(python) => python,
        Err(why) => {
            println!("SKIPPED: the Python reader needs python3 with venv and pip, and its packages: {why}");
            return;
        }
    };
    let tests =
        run(Command::new(python).args(["-m", "unittest"]).env("PYTHONDONTWRITEBYTECODE", "1").current_dir(reader()));
    let output = tests.unwrap_or_else(|failure| panic!("the Python reader's tests failed:\n{failure}"));
    assert!(output.contains("\nRan ") && !output.contains("\nRan 0 "), "no test ran:\n{output}");
}
