//! Counting instructions works: every path runs, and where valgrind is there something is counted.

use indelible_benches::instructions::{PATHS, available, count, run};

#[test]
fn every_path_runs() {
    for (path, what, _) in PATHS {
        let dir = tempfile::tempdir().expect("a directory for the test");
        let units = run(path, 300, dir.path()).unwrap_or_else(|error| panic!("{path} ({what}): {error}"));
        assert!(units >= 20, "{path}: {units} units");
    }
}

#[test]
fn a_path_that_does_not_exist_is_an_error() {
    let dir = tempfile::tempdir().expect("a directory for the test");
    assert!(run("nowhere", 1, dir.path()).is_err());
}

#[test]
fn instructions_are_counted() {
    if !available() {
        println!("skipped: valgrind is not installed, so no instructions can be counted");
        return;
    }
    let program = std::ffi::OsStr::new(env!("CARGO_BIN_EXE_instructions"));
    let counted = |times: u64| {
        let args = ["--path=commit".to_owned(), format!("--events={times}")];
        count(program, &args).expect("the path runs")
    };
    // Paths with threads, clocks and maps, which valgrind does not take as they are everywhere.
    for path in ["q1", "verify"] {
        let args = [format!("--path={path}"), "--events=256".to_owned()];
        assert!(count(program, &args).expect("the path runs").each() > 100.0, "{path}");
    }
    let (once, more) = (counted(128), counted(512));
    assert_eq!((once.units, more.units), (128, 512));
    // Hashing a record takes hundreds of instructions at least, and four frames take about four times as many as one.
    assert!(once.each() > 500.0, "{once:?}");
    let ratio = more.instructions as f64 / once.instructions as f64;
    assert!((3.0..5.0).contains(&ratio), "{once:?} {more:?}");
}
