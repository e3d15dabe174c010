//! The bundle vectors as files: `NAME.bundle` and `NAME.json`, which says what a checker must make of it.

#[path = "refusals.rs"]
pub mod refusals;
#[path = "sample.rs"]
pub mod sample;

use std::collections::BTreeMap;

use indelible_format::bundle::{CheckReport, Claim, check};
use sample::Sample;
use serde_json::{Value, json};

/// Every file by name.
pub fn files() -> BTreeMap<String, Vec<u8>> {
    let sample = Sample::new();
    let mut files = BTreeMap::new();
    let mut add = |name: &str, bytes: Vec<u8>, description: Value| {
        files.insert(format!("{name}.bundle"), bytes);
        files.insert(format!("{name}.json"), format!("{description:#}\n").into_bytes());
    };
    let key = sample.verifier().to_string();
    for (name, about, bundle) in sample.every_kind() {
        let bytes = bundle.encode();
        let report = check(&bytes, &sample.verifier()).expect("the sample's bundles hold");
        add(name, bytes, json!({"about": about, "key": key, "expect": summary(&report)}));
    }
    for lie in refusals::lies(&sample) {
        add(lie.name, lie.bytes, json!({"about": lie.about, "key": lie.key, "refuse": true}));
    }
    files
}

/// What the description holds of a report.
pub fn summary(report: &CheckReport) -> Value {
    let claim = match report.claim {
        Claim::Record { .. } => "record",
        Claim::Rows { .. } => "rows",
        Claim::Range { .. } => "range",
        Claim::Complete { .. } => "complete",
    };
    json!({
        "claim": claim,
        "size": report.checkpoint.size,
        "old_size": report.old.as_ref().map(|old| old.size),
        "frames": report.frames,
        "examined": report.examined,
        "opened": report.opened,
        "reaches_end": report.reaches_end,
        "seqs": report.rows.iter().map(|row| row.seq).collect::<Vec<_>>(),
    })
}
