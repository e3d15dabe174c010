//! Deletions that were not legitimate, or are not shown as they must be: each wrong in one way, everything else right.

use indelible_evidence::bundle::{Bundle, Claim, Filter, Open};
use indelible_evidence::record::Groups;
use indelible_evidence::retention::{FindingKind, Intent, KeyRecord, Policy, Role};
use indelible_evidence::rotation::Rotation;
use indelible_evidence::schema::{Field, Kind};
use indelible_evidence::{LogId, checkpoint};

use super::story::{DAY, PURGE, START, Story, duty, key, laxer, verifier};

/// A lie about deletions.
#[allow(dead_code, reason = "who writes the vectors needs the bundles alone")]
pub struct DeletionLie {
    pub name: &'static str,
    pub about: &'static str,
    pub bundle: Bundle,
    /// What the check of deletions finds; `None`: hashes or the claim fail before.
    pub kind: Option<FindingKind>,
    /// The log that did it, where a log did.
    pub story: Option<Story>,
}

fn deletions(story: &Story) -> Bundle {
    story.bundle(Claim::Deletions, |_| None)
}

fn did(name: &'static str, about: &'static str, kind: FindingKind, story: Story) -> DeletionLie {
    DeletionLie { name, about, bundle: deletions(&story), kind: Some(kind), story: Some(story) }
}

/// Purges the story's weeks with a plan that a change made wrong.
fn with_plan(change: impl Fn(&mut Story, &mut indelible_evidence::retention::Plan)) -> Story {
    let mut story = Story::weeks();
    let mut plan = story.plan();
    change(&mut story, &mut plan);
    story.purge(plan);
    story
}

/// Every lie.
pub fn lies() -> Vec<DeletionLie> {
    let mut lies = Vec::new();
    too_much(&mut lies);
    held(&mut lies);
    authority(&mut lies);
    terms(&mut lies);
    order(&mut lies);
    ends(&mut lies);
    bundles(&mut lies);
    ranges(&mut lies);
    trails(&mut lies);
    lies
}

fn too_much(lies: &mut Vec<DeletionLie>) {
    use FindingKind::{Eligible, Plan};
    let early = with_plan(|story, plan| {
        let rules = laxer(&story.rules(), 4, true);
        *plan = story.plan_by(&rules);
    });
    lies.push(did("refused-purge-too-early", "records deleted days before their policy lets them go", Eligible, early));
    let class = with_plan(|_, plan| {
        let entry = plan.classes.iter_mut().find(|entry| (entry.class, entry.group) == (1, 3)).unwrap();
        entry.frames.insert(4);
    });
    lies.push(did("refused-purge-group-early", "payloads of a class taken too early", Eligible, class));
    let more = with_plan(|story, plan| plan.records.insert(story.frames[4].descriptor.first_seq + 6));
    lies.push(did("refused-purge-more", "a plan that names one record more than may go", Eligible, more));
    let unmatched = with_plan(|story, plan| plan.envelopes.insert(story.frames[1].descriptor.first_seq + 3));
    lies.push(did("refused-purge-unmatched", "a record that no policy's filter matches", Eligible, unmatched));
    let identity = with_plan(|story, plan| plan.identity.insert(story.frames[4].descriptor.first_seq + 3));
    lies.push(did("refused-purge-identity", "an identity that no policy lets go", Eligible, identity));
    let mut none_left = Story::weeks();
    let mut plan = none_left.plan();
    let first = none_left.frames[3].descriptor.first_seq;
    plan.classes.retain(|entry| !entry.frames.contains(3));
    for offset in [4, 5, 6] {
        plan.records.insert(first + offset);
    }
    none_left.purge(plan);
    let about = "records of a class go alone until none is left to show";
    lies.push(did("refused-purge-none-left", about, Eligible, none_left));
    let again = {
        let mut story = Story::purged();
        let mut plan = story.plan();
        plan.records.insert(story.frames[1].descriptor.first_seq);
        story.purge(plan);
        story
    };
    lies.push(did("refused-purge-again", "a record that an earlier deletion removed", Plan, again));
    let beyond = with_plan(|_, plan| plan.records.insert(9_000));
    lies.push(did("refused-purge-beyond", "a plan that names a seq beyond the log", Plan, beyond));
    let outside = with_plan(|_, plan| plan.segments[0].frames = 1);
    lies.push(did("refused-purge-outside", "frames that lie in no segment of the plan", Plan, outside));
}

fn held(lies: &mut Vec<DeletionLie>) {
    let free = |story: &mut Story| {
        let rules = laxer(&story.rules(), 0, false);
        story.plan_by(&rules)
    };
    let mut under = Story::weeks();
    let plan = free(&mut under);
    under.purge(plan);
    lies.push(did("refused-purge-held", "records deleted under a hold", FindingKind::Held, under.clone()));
    under.release("case 7");
    under.frame();
    let about = "records deleted under a hold that was released after";
    lies.push(did("refused-purge-released-after", about, FindingKind::Held, under));
    let mut behind = Story::begin();
    for day in [0, 30] {
        behind.now = START + day * DAY;
        (0..8).for_each(|n| behind.event(n));
        if day == 0 {
            behind.place("case 7", "u-1");
        }
        behind.frame();
    }
    behind.now = START + 70 * DAY;
    let plan = behind.plan();
    behind.purge(plan);
    let about = "records deleted that an open hold was not extended to";
    lies.push(did("refused-purge-unresolved", about, FindingKind::Held, behind));
}

fn authority(lies: &mut Vec<DeletionLie>) {
    use FindingKind::Authority;
    let by = |seed: u8, before: &dyn Fn(&mut Story), after: &dyn Fn(&mut Story)| {
        let mut story = Story::weeks();
        before(&mut story);
        let plan = story.plan();
        let intent = story.declare(plan.clone(), seed);
        after(&mut story);
        let note = story.note(story.size());
        let counts = story.execute(&plan);
        story.report(intent, note, counts);
        story
    };
    let none = by(9, &|_| (), &|_| ());
    lies.push(did("refused-purge-no-role", "signed by a key that never had the purge role", Authority, none));
    let signer = by(1, &|_| (), &|_| ());
    lies.push(did("refused-purge-checkpoint-key", "signed by the key of checkpoints", Authority, signer));
    let retire = |story: &mut Story| {
        story.grant(PURGE, 1, false);
        story.frame();
    };
    let retired = by(PURGE, &retire, &|_| ());
    lies.push(did("refused-purge-retired-key", "signed by a key whose role was taken away", Authority, retired));
    let grant = |story: &mut Story| {
        story.grant(9, 2, true);
        story.frame();
    };
    let after = by(9, &|_| (), &grant);
    lies.push(did("refused-purge-granted-after", "signed by a key that got the role later", Authority, after));
    let mut replayed = Story::weeks();
    let plan = replayed.plan();
    let foreign = Intent::sign(LogId([0x24; 16]), plan.clone(), &key(PURGE)).unwrap();
    replayed.system(Kind::Intent, &foreign.encode());
    replayed.frame();
    let (intent, note) = (replayed.next_seq() - 1, replayed.note(replayed.size()));
    let counts = replayed.execute(&plan);
    replayed.report(intent, note, counts);
    lies.push(did("refused-purge-replayed", "the intent of another log", Authority, replayed));
}

fn terms(lies: &mut Vec<DeletionLie>) {
    use FindingKind::{Record, Terms};
    let other = with_plan(|_, plan| plan.policies[0].1 = 2);
    lies.push(did("refused-purge-other-policies", "a version of a policy that is not in force", Terms, other));
    let unnamed = with_plan(|_, plan| plan.holds.clear());
    lies.push(did("refused-purge-unnamed-hold", "an open hold that the plan does not name", Terms, unnamed));
    let future = with_plan(|story, plan| {
        plan.at += 40 * DAY as u64;
        let rules = story.rules();
        let later = indelible_evidence::retention::Rules::new(
            rules.policies().to_vec(),
            rules.holds().to_vec(),
            rules.held().clone().into(),
            plan.at,
        );
        let planned = story.plan_by(&later);
        *plan = indelible_evidence::retention::Plan { at: plan.at, ..planned };
    });
    lies.push(did("refused-purge-future", "counted from a time that had not come", Terms, future));
    let mut skipped = Story::weeks();
    skipped.policy(&Policy { name: "info".into(), version: 3, duty: Some(duty(&[1], 1)) });
    skipped.frame();
    lies.push(did("refused-policy-version", "a version of a policy is left out", Record, skipped));
}

fn order(lies: &mut Vec<DeletionLie>) {
    use FindingKind::{Done, Published, StillThere};
    let published = |note: &dyn Fn(&Story) -> String| {
        let mut story = Story::weeks();
        let plan = story.plan();
        let intent = story.declare(plan.clone(), PURGE);
        let note = note(&story);
        let counts = story.execute(&plan);
        story.report(intent, note, counts);
        story
    };
    let before = published(&|story| story.note(story.size() - 1));
    let about = "carried out under a checkpoint that does not cover its intent";
    lies.push(did("refused-purge-unpublished", about, Published, before));
    let foreign = published(&|story| {
        let head = checkpoint::Checkpoint { root: [7; 32], ..story.head(story.size()) };
        checkpoint::sign_checkpoint(&head, &key(1)).unwrap()
    });
    lies.push(did("refused-purge-other-head", "carried out under a checkpoint of another tree", Published, foreign));
    let unsigned = published(&|story| checkpoint::sign_checkpoint(&story.head(story.size()), &key(9)).unwrap());
    lies.push(did("refused-purge-unsigned-head", "a checkpoint that another key signed", Published, unsigned));
    let mut later = Story::weeks();
    let plan = later.plan();
    let intent = later.declare(plan.clone(), PURGE);
    let counts = later.execute(&plan);
    let mut ahead = later.clone();
    ahead.report(intent, later.note(later.size()), counts);
    let note = ahead.note(ahead.size());
    later.report(intent, note, counts);
    let about = "done before the checkpoint that it names was there";
    lies.push(did("refused-purge-done-before", about, Published, later));
    let mut undeclared = Story::weeks();
    let note = undeclared.note(undeclared.size());
    undeclared.report(3, note, [0; 3]);
    lies.push(did("refused-done-alone", "done, though no intent declares it", Done, undeclared));
    let mut wrong = Story::weeks();
    let plan = wrong.plan();
    let intent = wrong.declare(plan.clone(), PURGE);
    let note = wrong.note(wrong.size());
    let [records, identity, payload] = wrong.execute(&plan);
    wrong.report(intent, note, [records + 1, identity, payload]);
    lies.push(did("refused-done-counts", "done says that more was removed than the plan names", Done, wrong));
    let mut twice = Story::purged();
    let done = twice.frames.last().unwrap().records[0].clone().unwrap();
    let body = done.groups.value(Field::METADATA).unwrap().unwrap();
    let indelible_evidence::record::Value::Text(body) = body else { panic!("a body is a text") };
    twice.system(Kind::Done, &body.text());
    twice.frame();
    lies.push(did("refused-done-twice", "a deletion is done twice", Done, twice));
    let mut kept = Story::weeks();
    let plan = kept.plan();
    let intent = kept.declare(plan.clone(), PURGE);
    let note = kept.note(kept.size());
    let counts = kept.clone().execute(&plan);
    kept.report(intent, note, counts);
    let bundle = kept.bundle(Claim::Range { first: 0, last: kept.next_seq() - 1 }, |_| Some(Open::EVERYTHING));
    let (name, about) = ("refused-purge-not-done", "what a deletion is said to have removed is shown");
    lies.push(DeletionLie { name, about, bundle, kind: Some(StillThere), story: Some(kept) });
}

fn ends(lies: &mut Vec<DeletionLie>) {
    use FindingKind::{Done, Record};
    let announced = || {
        let mut story = Story::weeks();
        let plan = story.plan();
        let intent = story.declare(plan.clone(), PURGE);
        (story, plan, intent)
    };
    let (mut gone, plan, intent) = announced();
    gone.execute(&plan);
    gone.abandon(intent);
    // Of single deletions the claim shows no row; a range must account for every one.
    let bundle = gone.bundle(Claim::Range { first: 0, last: gone.next_seq() - 1 }, |_| Some(Open::EVERYTHING));
    let (name, about) = ("refused-abandoned-but-gone", "what was given up is gone all the same");
    lies.push(DeletionLie { name, about, bundle, kind: None, story: None });
    let (mut done, plan, intent) = announced();
    done.abandon(intent);
    let note = done.note(done.size());
    let counts = done.execute(&plan);
    done.report(intent, note, counts);
    lies.push(did("refused-done-after-abandon", "a deletion is done after it was given up", Done, done));
    let (mut twice, _, intent) = announced();
    twice.abandon(intent);
    twice.abandon(intent);
    lies.push(did("refused-abandoned-twice", "a deletion is given up twice", Done, twice));
    let (mut open, plan, _) = announced();
    open.purge(plan);
    lies.push(did("refused-intent-while-open", "a deletion is announced while one is open", Record, open));
}

fn bundles(lies: &mut Vec<DeletionLie>) {
    let story = Story::purged();
    let mut tell = |name, about, kind, bundle| lies.push(DeletionLie { name, about, bundle, kind, story: None });
    let whole = deletions(&story);
    // The frame of day 0: a stub of a record that went alone, and rows of which envelopes are open.
    let stub = |bundle: &Bundle| bundle.frames[1].rows.iter().position(|row| row.open == Open::HEADER).unwrap();
    let rows = |keep: &dyn Fn(u64) -> bool| {
        let mut altered = story.clone();
        altered.history = story.replayed();
        let mut bundle = deletions(&altered);
        for (at, frame) in bundle.frames.iter_mut().enumerate() {
            let gone = indelible_evidence::retention::PlanSource::gone(&mut altered.frames[at].clone()).unwrap();
            let first = frame.descriptor.first_seq;
            let masks = altered.history.evidence(&frame.descriptor, &gone);
            let masks: Vec<_> = masks.into_iter().filter(|(position, _)| keep(first + u64::from(*position))).collect();
            *frame = altered.opened(at, &masks);
        }
        bundle
    };
    let stub_seq = story.frames[1].descriptor.first_seq + u64::from(whole.frames[1].rows[stub(&whole)].position);
    let evidence = Some(FindingKind::Evidence);
    tell(
        "refused-stub-left-out",
        "the stub of a record that went alone is left out",
        evidence,
        rows(&|seq| seq != stub_seq),
    );
    tell("refused-system-left-out", "a policy record is left out", None, rows(&|seq| seq != 4));
    let mut forged = whole.clone();
    let at = stub(&forged);
    forged.frames[1].rows[at].recorded_at -= 60 * DAY * 1_000_000_000;
    tell("refused-stub-forged", "a stub says that its record was older", None, forged);
    let mut dated = whole.clone();
    for entry in &mut dated.frames[2].descriptor.classes {
        entry.recorded_max -= 60 * DAY;
        entry.recorded_min -= 60 * DAY;
    }
    tell("refused-class-backdated", "a class table says that its records were older", None, dated);
    let mut hidden = whole.clone();
    hidden.frames.remove(2);
    let chain = story.frames[3].chain_before;
    hidden.frames[2].chain_before = Some(chain);
    hidden.tree = indelible_evidence::bundle::tree_proof(&story.leaves, story.size(), &numbers(&hidden)).unwrap();
    tell("refused-descriptor-left-out", "a frame of the history is left out", None, hidden);
    let mut partial = whole.clone();
    partial.whole_history = false;
    tell("refused-no-history", "deletions without the whole history", None, partial);
    let mut edited = whole;
    let rows = edited.frames[0].rows.iter_mut();
    for row in rows {
        let mut slices = row.groups.slices().map(<[u8]>::to_vec);
        if let Some(at) = slices[3].windows(7).position(|window| window == b"2592000") {
            slices[3][at..at + 7].copy_from_slice(b"0000001");
            row.groups = Groups::from_slices(slices.each_ref().map(Vec::as_slice));
        }
    }
    tell("refused-policy-edited", "a policy's duration changed in its record", None, edited);
}

/// Ranges and complete claims that do not account for every record.
fn ranges(lies: &mut Vec<DeletionLie>) {
    let story = Story::purged();
    let mut tell = |name, about, bundle| lies.push(DeletionLie { name, about, bundle, kind: None, story: None });
    let last = story.next_seq() - 1;
    let survivor = story.frames[4].descriptor.first_seq + 2;
    let range =
        story.bundle(Claim::Range { first: 0, last }, |record| (record.seq != survivor).then_some(Open::HEADER));
    tell("refused-survivor-left-out", "a range without a record that no deletion removed", range);
    let mut weeks = Story::weeks();
    let plan = weeks.plan();
    weeks.declare(plan.clone(), PURGE);
    weeks.execute(&plan);
    let range = weeks.bundle(Claim::Range { first: 0, last: 20 }, |record| (record.seq <= 20).then_some(Open::HEADER));
    tell("refused-not-done-yet", "a range that counts on a deletion that is not done", range);
    let filter = Filter::any_of(Field::CORRELATION_ID, vec!["c-1".into()]);
    let claim = Claim::Complete { first: 0, last, disclosed: filter.needs(), filter: filter.clone() };
    let complete = story.bundle(claim, |record| {
        let open = if filter.passes(record).unwrap() { Open::HEADER.and(Open::group(2)) } else { Open::group(2) };
        (record.seq != survivor).then_some(open)
    });
    tell("refused-complete-survivor", "a complete claim without a record that no deletion removed", complete);
}

fn numbers(bundle: &Bundle) -> Vec<u64> {
    bundle.frames.iter().map(|frame| frame.descriptor.frame_no).collect()
}

fn trails(lies: &mut Vec<DeletionLie>) {
    let story = Story::purged_again();
    let mut tell = |name, about, bundle| lies.push(DeletionLie { name, about, bundle, kind: None, story: None });
    let mut missing = story.one(1, 3);
    missing.trail.clear();
    tell("refused-trail-missing", "signed by a key that no rotation leads to", missing);
    // The old key's own note, and beside its signature that of a key that the log knows nothing of.
    let mut usurped = story.one(1, 3);
    let size = story.rotations[0].1.checkpoint.size;
    let rotation = Rotation::sign(&story.head(size), &key(1), &key(9)).unwrap();
    usurped.trail[0].text = rotation.to_text();
    usurped.checkpoint = checkpoint::sign_checkpoint(&story.head(story.size()), &key(9)).unwrap();
    tell("refused-trail-usurped", "a key that no key record brings", usurped);
    let mut other = story.one(1, 3);
    let record = other.trail[0].record.as_mut().unwrap();
    record.frame = story.alone(0, 2, Open::EVERYTHING);
    record.tree = indelible_evidence::bundle::tree_proof(&story.leaves, size, &[0]).unwrap();
    tell("refused-trail-other-record", "the key record of another role", other);
    let mut cut = story.one(1, 3);
    cut.trail[0].record.as_mut().unwrap().consistency.clear();
    tell("refused-trail-inconsistent", "a rotation that the newer checkpoint does not extend", cut);
    let mut closed = story.one(1, 3);
    let (frame_no, _) = story.rotations[0];
    let record = closed.trail[0].record.as_mut().unwrap();
    record.frame = story.alone(frame_no, 0, Open::HEADER.and(Open::group(0)));
    tell("refused-trail-closed", "a key record that is not open", closed);
    let mut retired = story.bundle(Claim::Deletions, |_| None);
    retired.checkpoint = checkpoint::sign_checkpoint(&story.head(story.size()), &key(1)).unwrap();
    tell("refused-retired-signer", "signed by a key after it was retired", retired);
    // A rotation that names another key than the key record does.
    let mut swapped = story.clone();
    swapped.system(
        Kind::Key,
        &KeyRecord { epoch: 2, key: verifier(3), role: Role::Checkpoint, add: true }.encode().unwrap(),
    );
    swapped.frame();
    let frame_no = swapped.size() - 1;
    let rotation = Rotation::sign(&swapped.head(swapped.size()), &key(2), &key(4)).unwrap();
    swapped.rotations.push((frame_no, rotation));
    swapped.keys.push(4);
    tell("refused-trail-swapped", "a rotation to another key than its record names", deletions(&swapped));
}
