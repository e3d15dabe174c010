//! The bundle vectors as files: `NAME.bundle` and `NAME.json`, which says what a checker must make of it.

#[path = "refusals.rs"]
pub mod refusals;
#[path = "sample.rs"]
pub mod sample;

use std::collections::BTreeMap;

use indelible_format::bundle::{CheckReport, Claim, Open, check, check_witnessed};
use indelible_format::witness::{WitnessPolicy, WitnessSigner};
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
    witnessed(&sample, &mut add);
    files
}

/// Bundles whose checkpoint witnesses have cosigned, and who is asked for.
fn witnessed(sample: &Sample, add: &mut dyn FnMut(&str, Vec<u8>, Value)) {
    let [one, two, three] =
        [1, 2, 3].map(|seed| WitnessSigner::new([seed; 32], &format!("witness.example/{seed}")).expect("a name"));
    let mut bundle = sample.one(77, Open::EVERYTHING);
    for witness in [&one, &two] {
        bundle.checkpoint = witness.cosign(&bundle.checkpoint, 1_795_168_900).expect("a note");
    }
    let policy = |quorum: u32, witnesses: &[&WitnessSigner]| {
        let lines = witnesses.iter().map(|witness| format!("witness {}\n", witness.verifier()));
        format!("# who watches\nquorum {quorum}\n{}", lines.collect::<String>())
    };
    let key = sample.verifier().to_string();
    let (bytes, all) = (bundle.encode(), policy(2, &[&one, &two, &three]));
    let report = check_witnessed(&bytes, &sample.verifier(), &WitnessPolicy::parse(&all).expect("a policy"));
    let summary = summary(&report.expect("it is cosigned"));
    let about = "one record, its checkpoint cosigned by two of three witnesses";
    add("bundle-witnessed", bytes.clone(), json!({"about": about, "key": key, "witnesses": all, "expect": summary}));
    let about = "fewer witnesses than asked for";
    let more = policy(3, &[&one, &two, &three]);
    add("refused-quorum", bytes, json!({"about": about, "key": key, "witnesses": more, "refuse": true}));
    let mut forged = bundle;
    forged.checkpoint = forged.checkpoint.replace("witness.example/2 ", "witness.example/3 ");
    let about = "the line of one witness under the name of another";
    add("refused-cosignature", forged.encode(), json!({"about": about, "key": key, "witnesses": all, "refuse": true}));
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
