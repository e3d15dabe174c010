//! The tour of the README, run as it stands: every command succeeds and prints what the README says it prints.
//!
//! ```text
//! README.md, between the tour marks -> ```console blocks -> "$ command" + expected lines -> sh, in an empty directory
//! ```
//!
//! Ids, times, keys and rates differ from run to run, so words are compared without their digits, and long words of random
//! text (hexadecimal, base64) not at all. Not here: what the verbs do in detail (`command.rs`).

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// A command of the tour and the lines it is said to print.
struct Step {
    command: String,
    expected: Vec<String>,
}

fn readme() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join("README.md");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Commands between the marks. A here-document belongs to its command up to the line `EOF`.
fn steps(readme: &str) -> Vec<Step> {
    let tour = readme.split("<!-- tour: begin -->").nth(1).and_then(|rest| rest.split("<!-- tour: end -->").next());
    let mut steps: Vec<Step> = Vec::new();
    let (mut inside, mut document) = (false, false);
    for line in tour.expect("the README has a tour between its marks").lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| inside) {
            document = command.contains("<<'EOF'");
            steps.push(Step { command: command.to_owned(), expected: Vec::new() });
        } else if let Some(step) = steps.last_mut().filter(|_| inside) {
            if document {
                step.command.push('\n');
                step.command.push_str(line);
                document = line != "EOF";
            } else {
                step.expected.push(line.to_owned());
            }
        }
    }
    steps
}

/// A line without what differs from run to run: digits, random text, measured units.
fn shape(line: &str) -> String {
    let words = line.split(|c: char| c.is_whitespace() || "=\",:{}".contains(c)).filter(|word| !word.is_empty());
    let fixed = words.map(|word| {
        let random = word.len() >= 16 && word.chars().any(|c| c.is_ascii_digit() || c.is_ascii_uppercase());
        let unit = ["B", "KiB", "MiB", "s", "B/s", "KiB/s", "MiB/s"].contains(&word);
        if random || unit { String::new() } else { word.replace(|c: char| c.is_ascii_digit(), "") }
    });
    fixed.filter(|word| !word.chars().all(|c| ".-".contains(c))).collect::<Vec<_>>().join(" ")
}

/// A shell in the tour's directory that finds the command.
fn shell(command: &str, dir: &Path) -> Command {
    let bin = Path::new(env!("CARGO_BIN_EXE_indelible")).parent().expect("a binary lies in a directory").to_path_buf();
    let old = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&old))).expect("directories join");
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(dir).env("PATH", path);
    shell.env("XDG_DATA_HOME", dir.join("data")).env("NO_COLOR", "1");
    shell
}

/// What a command printed; it has to succeed.
fn printed_by(step: &Step, dir: &Path) -> Vec<String> {
    let output = shell(&step.command, dir).output().expect("sh can be started");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "$ {}\n{out}{err}", step.command);
    out.lines().map(str::to_owned).collect()
}

/// As many lines as the README shows of a command that follows for ever, which is then stopped.
fn followed_by(step: &Step, dir: &Path) -> Vec<String> {
    let command = format!("exec {}", step.command);
    let mut child = shell(&command, dir).stdout(Stdio::piped()).spawn().expect("sh can be started");
    let lines = BufReader::new(child.stdout.take().expect("its output is piped")).lines();
    let printed = lines.take(step.expected.len()).map(|line| line.expect("the command prints text")).collect();
    child.kill().expect("the command still follows");
    child.wait().expect("the command was stopped");
    printed
}

#[test]
fn the_tour_does_what_the_readme_says() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let steps = steps(&readme());
    assert!(steps.len() >= 10, "only {} commands found between the marks", steps.len());
    for step in steps {
        let follows = step.command.starts_with("indelible tail");
        let printed = if follows { followed_by(&step, dir.path()) } else { printed_by(&step, dir.path()) };
        let shapes = |lines: &[String]| lines.iter().map(|line| shape(line)).collect::<Vec<_>>();
        assert_eq!(shapes(&printed), shapes(&step.expected), "$ {}\n{}", step.command, printed.join("\n"));
    }
}

#[test]
fn shapes_keep_words_and_drop_what_varies() {
    assert_eq!(shape("records     4"), "records");
    assert_eq!(shape("│   3 ┆ warning  ┆ user:u-9 │"), "│ ┆ warning ┆ user u- │");
    assert_eq!(shape("id 0195d1a0-0000-7000-8000-000000000001 x"), "id x");
    assert_ne!(shape("VERIFIED every record"), shape("BROKEN every record"));
}
