//! The arrows between the crates, read from `cargo metadata`: what may depend on what, development dependencies included.
//!
//! ```text
//! evidence <- format <- index <- engine <- ledger <- importers <- tools
//!                                       tests, benches, fuzz see everything and nothing depends on them
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use super::assert_none;
use super::tree::root;

const EVIDENCE: &str = "indelible-evidence";
const FORMAT: &str = "indelible-format";
const INDEX: &str = "indelible-index";
const ENGINE: &str = "indelible-engine";
const LEDGER: &str = "indelible";
const IMPORTERS: &str = "indelible-importers";
const TOOLS: &str = "indelible-tools";

/// What each crate may depend on within the repository. A crate that is not listed may not exist.
const ARROWS: [(&str, &[&str]); 11] = [
    (EVIDENCE, &[]),
    (FORMAT, &[EVIDENCE]),
    (INDEX, &[EVIDENCE, FORMAT]),
    (ENGINE, &[EVIDENCE, FORMAT, INDEX]),
    (LEDGER, &[EVIDENCE, FORMAT, INDEX, ENGINE]),
    (IMPORTERS, &[LEDGER]),
    (TOOLS, &[EVIDENCE, FORMAT, INDEX, ENGINE, LEDGER, IMPORTERS]),
    ("indelible-tests", &[EVIDENCE, FORMAT, INDEX, ENGINE, LEDGER, IMPORTERS, TOOLS]),
    ("indelible-benches", &[EVIDENCE, FORMAT, INDEX, ENGINE, LEDGER, TOOLS]),
    ("indelible-peers", &[EVIDENCE, FORMAT, INDEX, ENGINE, LEDGER, TOOLS, "indelible-benches"]),
    // The schedules of the tests are what the fuzzer's operations run.
    ("indelible-fuzz", &[EVIDENCE, FORMAT, INDEX, ENGINE, LEDGER, IMPORTERS, "indelible-tests"]),
];

/// Async runtimes: the crates that an embedder compiles know none of them.
const RUNTIMES: [&str; 6] = ["tokio", "async-std", "smol", "futures", "async-trait", "async-executor"];
const NO_RUNTIME: [&str; 6] = [EVIDENCE, IMPORTERS, FORMAT, INDEX, ENGINE, LEDGER];

/// A crate of the repository and the names of everything it depends on, whatever the kind and the target.
pub struct Crate {
    pub name: String,
    pub dependencies: BTreeSet<String>,
}

/// The crates of the workspace, and the fuzz crate beside it once it exists.
pub fn crates() -> Vec<Crate> {
    let root = root();
    let mut crates = metadata(&root.join("Cargo.toml"));
    let fuzz = root.join("fuzz").join("Cargo.toml");
    if fuzz.exists() {
        crates.extend(metadata(&fuzz));
    }
    crates
}

fn metadata(manifest: &std::path::Path) -> Vec<Crate> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1", "--manifest-path"])
        .arg(manifest)
        .output()
        .expect("cargo can be started");
    assert!(output.status.success(), "cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    let parsed: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    parsed["packages"].as_array().expect("metadata lists packages").iter().map(one_crate).collect()
}

fn one_crate(package: &Value) -> Crate {
    let text = |value: &Value| value["name"].as_str().expect("packages and dependencies have names").to_string();
    let dependencies =
        package["dependencies"].as_array().expect("a package lists dependencies").iter().map(text).collect();
    Crate { name: text(package), dependencies }
}

/// What is wrong with the arrows of these crates.
fn wrong_arrows(crates: &[Crate]) -> Vec<String> {
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.into_iter().collect();
    let ours: BTreeSet<&str> = crates.iter().map(|c| c.name.as_str()).collect();
    let mut findings = Vec::new();
    for one in crates {
        let Some(may) = allowed.get(one.name.as_str()) else {
            findings.push(format!("{} has no place in the layers; give it one here and in ARCHITECTURE.md", one.name));
            continue;
        };
        for dependency in one.dependencies.iter().filter(|name| ours.contains(name.as_str())) {
            if !may.contains(&dependency.as_str()) {
                findings.push(format!("{} must not depend on {dependency}", one.name));
            }
        }
    }
    findings
}

#[test]
fn arrows_point_one_way() {
    let crates = crates();
    assert!(crates.len() >= 6, "cargo metadata listed only {} crates", crates.len());
    assert_none("Arrows between the crates point one way (ARCHITECTURE.md).", &wrong_arrows(&crates));
}

#[test]
fn what_people_embed_knows_no_async_runtime() {
    let mut findings = Vec::new();
    for one in crates().into_iter().filter(|one| NO_RUNTIME.contains(&one.name.as_str())) {
        let found = one.dependencies.iter().filter(|name| RUNTIMES.contains(&name.as_str()));
        findings.extend(found.map(|name| format!("{} depends on {name}", one.name)));
    }
    assert_none("Evidence, format, index, engine, ledger and importers know no async runtime.", &findings);
}

#[test]
fn a_wrong_arrow_is_found() {
    let of = |name: &str, deps: &[&str]| Crate {
        name: name.into(),
        dependencies: deps.iter().map(|d| d.to_string()).collect(),
    };
    let good = [of(FORMAT, &["blake3"]), of(ENGINE, &[FORMAT])];
    assert_eq!(wrong_arrows(&good), [""; 0]);
    let bad = [of(FORMAT, &[ENGINE]), of(ENGINE, &[FORMAT]), of("stray", &[])];
    assert_eq!(wrong_arrows(&bad).len(), 2);
}
