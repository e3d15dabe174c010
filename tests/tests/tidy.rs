//! Keeps the house in order: rules about the repository itself, checked like everything else by `cargo test`.
//!
//! ```text
//! repository files --> tree    --> layout   headers, lengths, unsafe, words, machine paths
//!                             --> docs     paths named in prose, change log, dependency lines
//!                             --> ids      requirement ids of the format chapters, both ways
//! cargo metadata   --> manifests --------> arrows between the crates
//! ```
//!
//! Every check collects all of its findings and prints them together, so that one run shows everything there is to mend.
//! A rule without a test that shows it failing is a wish: each module feeds its checker small made-up sources first.
//!
//! Not here: formatting and lints (rustfmt and clippy know better), and the layout tables of the format chapters, which are
//! compared with the codec beside it.

#[path = "tidy/docs.rs"]
mod docs;
#[path = "tidy/ids.rs"]
mod ids;
#[path = "tidy/layout.rs"]
mod layout;
#[path = "tidy/manifests.rs"]
mod manifests;
#[path = "tidy/rust_source.rs"]
mod rust_source;
#[path = "tidy/tree.rs"]
mod tree;

/// Fails with every finding on a line of its own, under the rule that they break.
#[track_caller]
fn assert_none(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}\n{} finding(s):\n  {}\n", findings.len(), findings.join("\n  "));
}
