//! The bundle vectors as files: `NAME.bundle` and `NAME.json`, which says what a checker must make of it.

#[path = "deletion_lies.rs"]
pub mod deletion_lies;
#[path = "refusals.rs"]
pub mod refusals;
#[path = "sample.rs"]
pub mod sample;
#[path = "story.rs"]
pub mod story;

use std::collections::BTreeMap;

use indelible_evidence::bundle::{Bundle, CheckReport, Claim, Filter, Open, check, check_witnessed};
use indelible_evidence::record::Record;
use indelible_evidence::retention::DeletionReport;
use indelible_evidence::schema::Field;
use indelible_evidence::witness::{WitnessPolicy, WitnessSigner};
use sample::Sample;
use serde_json::{Value, json};
use story::{PURGE, Story};

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
    let key = story::verifier(1);
    for (name, about, bundle) in deletions() {
        let bytes = bundle.encode();
        let report = check(&bytes, &key).unwrap_or_else(|error| panic!("{name}: {error}"));
        add(name, bytes, json!({"about": about, "key": key.to_string(), "expect": summary(&report)}));
    }
    for lie in deletion_lies::lies() {
        let description = json!({"about": lie.about, "key": key.to_string(), "refuse": true});
        add(lie.name, lie.bundle.encode(), description);
    }
    files
}

/// Bundles of logs that deleted by policy, and of one whose key was rotated.
pub fn deletions() -> Vec<(&'static str, &'static str, Bundle)> {
    let (purged, again) = (Story::purged(), Story::purged_again());
    let last = again.next_seq() - 1;
    let withheld = Open::EVERYTHING.without_group(1).without_group(3);
    let filter = Filter::any_of(Field::CORRELATION_ID, vec!["c-1".into()]);
    let claim = Claim::Complete { first: 5, last: 40, disclosed: filter.needs(), filter: filter.clone() };
    let complete = purged.bundle(claim, |record| match filter.passes(record) {
        _ if !(5..=40).contains(&record.seq) => None,
        Ok(true) => Some(withheld.without_group(0)),
        _ => Some(filter.needs()),
    });
    let acme = Filter::any_of(Field::WORKSPACE, vec!["acme".into()]);
    let rows =
        purged.bundle(Claim::Rows { filter: acme.clone() }, |record| acme.passes(record).unwrap().then_some(withheld));
    let mut declared = Story::weeks();
    let plan = declared.plan();
    declared.declare(plan, PURGE);
    let mut abandoned = Story::weeks();
    let plan = abandoned.plan();
    let intent = abandoned.declare(plan, PURGE);
    abandoned.abandon(intent);
    let plan = abandoned.plan();
    abandoned.purge(plan);
    let nothing = |_: &Record| None;
    vec![
        ("deletions", "the deletions of a log, nothing else", purged.bundle(Claim::Deletions, nothing)),
        ("deletions-none", "a log that deleted nothing", Story::weeks().bundle(Claim::Deletions, nothing)),
        ("deletions-declared", "a deletion that is not done yet", declared.bundle(Claim::Deletions, nothing)),
        (
            "deletions-abandoned",
            "a deletion that was given up, and one of the same parts that was carried out",
            abandoned.bundle(Claim::Deletions, nothing),
        ),
        (
            "deletions-twice",
            "two deletions, the signing key rotated between them",
            again.bundle(Claim::Deletions, nothing),
        ),
        (
            "deletions-range",
            "the whole log, what is missing removed by two deletions",
            again.bundle(Claim::Range { first: 0, last }, |_| Some(withheld)),
        ),
        ("deletions-complete", "rows of a correlation id in a range with deletions", complete),
        ("deletions-rows", "rows of a workspace, with the whole history", rows),
        (
            "deletions-record",
            "one record, with the whole history",
            purged.bundle(Claim::Record { seq: 33 }, |record| (record.seq == 33).then_some(Open::EVERYTHING)),
        ),
        ("rotated-record", "one record of a log whose key was rotated", again.one(4, 3)),
    ]
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
        Claim::Deletions => "deletions",
    };
    let deletions = report.deletions.as_ref().map(|list| list.iter().map(deletion).collect::<Vec<_>>());
    json!({
        "claim": claim,
        "size": report.checkpoint.size,
        "old_size": report.old.as_ref().map(|old| old.size),
        "frames": report.frames,
        "examined": report.examined,
        "opened": report.opened,
        "reaches_end": report.reaches_end,
        "keys": report.keys.len(),
        "removed": report.removed,
        "deletions": deletions,
        "unknowns": report.unknowns.len(),
        "seqs": report.rows.iter().map(|row| row.seq).collect::<Vec<_>>(),
    })
}

fn deletion(report: &DeletionReport) -> Value {
    json!({
        "intent": report.intent,
        "at": report.at,
        "key": report.key,
        "policies": report.policies.iter().map(|(name, version)| json!([name, version])).collect::<Vec<_>>(),
        "holds": report.holds,
        "frames": report.effect.frames,
        "classes": report.effect.classes.iter().map(|(class, records)| json!([class, records])).collect::<Vec<_>>(),
        "identity": report.effect.identity,
        "payload": report.effect.payload,
        "unknown": report.effect.unknown,
        "done": report.done,
        "published": report.published,
    })
}
