//! Runs Python in a virtual environment with the reader's requirements.
//!
//! Invariant: the environment is made once a test run, below the target directory, and never below the sources.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value as Json;

/// What the reader said of a log.
pub struct ReadLog {
    /// Exit code.
    pub exit: i32,
    /// One object a record.
    pub records: Vec<Json>,
    /// The summary; `None` where reading ended early.
    pub summary: Option<Json>,
    /// Everything it wrote to stderr.
    pub stderr: String,
}

fn reader_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../format-spec/reader")
}

/// Reads a log with `--records --json`; `None` where Python is not to be had.
pub fn read_log(dir: &Path) -> Option<ReadLog> {
    let dir = dir.to_str().expect("temporary paths are UTF-8");
    let output = run(&["-m", "indelible_reader", dir, "--records", "--json"])?;
    let stdout = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let records = stdout.lines().map(|line| serde_json::from_str(line).expect("one object a line")).collect();
    let exit = output.status.code().expect("ended by itself");
    Some(ReadLog { exit, records, summary: serde_json::from_str(&stderr).ok(), stderr })
}

/// Runs Python in the reader's folder; `None`, with a message, where it is not to be had.
pub fn run(arguments: &[&str]) -> Option<Output> {
    let python = environment()?;
    let mut command = Command::new(python);
    command.args(arguments).current_dir(reader_dir()).env("PYTHONDONTWRITEBYTECODE", "1");
    Some(command.output().expect("the interpreter that was just made runs"))
}

/// The environment's interpreter.
fn environment() -> Option<&'static Path> {
    static MADE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let made = MADE.get_or_init(|| match make() {
        Ok(python) => Some(python),
        Err(why) => {
            println!("skipped: no Python environment for format-spec/reader: {why}");
            None
        }
    });
    made.as_deref()
}

fn make() -> Result<PathBuf, String> {
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-reader");
    let python = venv.join("bin/python3");
    let requirements = reader_dir().join("requirements.txt");
    let wanted = std::fs::read_to_string(&requirements).map_err(|error| error.to_string())?;
    let stamp = venv.join("requirements-installed.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) && works(&python) {
        return Ok(python);
    }
    let run = |program: &Path, arguments: &[&str]| -> Result<(), String> {
        let output = Command::new(program).args(arguments).output().map_err(|error| format!("{program:?}: {error}"))?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        if output.status.success() { Ok(()) } else { Err(format!("{program:?} {arguments:?}: {}", stderr.trim())) }
    };
    let text = |path: &Path| path.to_str().map(str::to_owned).ok_or("a path that is not UTF-8");
    run(Path::new("python3"), &["-m", "venv", "--clear", &text(&venv)?])?;
    run(&python, &["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", &text(&requirements)?])?;
    std::fs::write(&stamp, wanted).map_err(|error| error.to_string())?;
    Ok(python)
}

fn works(python: &Path) -> bool {
    let output = Command::new(python).args(["-c", "import blake3, zstandard"]).output();
    output.is_ok_and(|output| output.status.success())
}
