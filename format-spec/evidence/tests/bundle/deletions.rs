//! Deletion proofs: legitimate deletions hold, and every way to delete wrongly, or to show it wrongly, is refused.
//!
//! Each lie is checked as a bundle and, where a log did it, on the frames of that log as `verify` has them.

use indelible_evidence::bundle::{Bundle, CheckError, check};
use indelible_evidence::commit::FrameView;
use indelible_evidence::retention::{DeletionAudit, DeletionReport, Finding, FindingKind, FrameEvidence, History};

use crate::vectors::deletion_lies::{DeletionLie, lies};
use crate::vectors::refusals::resealed;
use crate::vectors::story::{LOG_ID, PURGE, Story, verifier};

/// The same audit that a log directory gets: every frame as it is, class 0 from the records.
fn audited(story: &Story) -> (Vec<DeletionReport>, Vec<Finding>) {
    let mut history = History::new(LOG_ID, story.trail());
    let mut findings = Vec::new();
    for frame in &story.frames {
        for record in frame.records.iter().flatten().filter(|record| record.class == 0) {
            findings.extend(history.take(record, frame.descriptor.frame_no).err());
        }
    }
    let mut audit = DeletionAudit::new(&history);
    for (frame, leaf) in story.frames.iter().zip(&story.leaves) {
        let view = FrameView { descriptor: &frame.descriptor, salts: &frame.salts, records: &frame.records };
        audit.frame(&frame.descriptor, *leaf, &FrameEvidence::of_view(&view, audit.wanted(&frame.descriptor)));
    }
    let (reports, more, left) = audit.finish();
    assert_eq!(left, 0);
    findings.extend(more);
    (reports, findings)
}

/// [BND-13] [BND-14] [BND-15] [BND-16] [BND-17]
#[test]
fn legitimate_deletions_hold_in_every_claim() {
    for (name, _, bundle) in crate::vectors::deletions() {
        let bytes = bundle.encode();
        assert_eq!(Bundle::decode(&bytes).as_ref(), Ok(&bundle), "{name}");
        let report = check(&bytes, &verifier(1)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(report.deletions.is_some(), bundle.whole_history, "{name}");
        assert_eq!(report.unknowns.is_empty(), !bundle.whole_history, "{name}");
    }
}

/// [RET-14] [RET-15] [RET-16] [RET-17]
#[test]
fn a_log_and_its_bundle_tell_the_same_deletions() {
    for story in [Story::weeks(), Story::purged(), Story::purged_again()] {
        let (reports, findings) = audited(&story);
        assert_eq!(findings, []);
        let bundle = story.bundle(indelible_evidence::bundle::Claim::Deletions, |_| None);
        let shown = check(&bundle.encode(), &verifier(1)).unwrap().deletions.unwrap();
        assert_eq!(reports, shown);
    }
}

#[test]
fn every_kind_of_removal_is_in_the_story() {
    let mut story = Story::weeks();
    let plan = story.plan();
    let named: Vec<(u16, u8)> = plan.classes.iter().map(|entry| (entry.class, entry.group)).collect();
    assert_eq!(named, [(1, 3), (3, 0)], "{plan:?}");
    assert!(!plan.records.is_empty() && !plan.envelopes.is_empty() && !plan.identity.is_empty(), "{plan:?}");
    let mut again = Story::purged_again();
    assert!(again.plan().is_empty(), "{:?}", again.plan());
    let (reports, _) = audited(&again);
    assert!(reports[1].effect.records() > 0 && reports.iter().any(|report| report.effect.unknown > 0));
}

/// [RET-17]
#[test]
fn what_nothing_declares_is_removed_without_authority() {
    let mut story = Story::weeks();
    let plan = story.plan();
    story.execute(&plan);
    let (_, findings) = audited(&story);
    assert!(findings.iter().any(|finding| finding.kind == FindingKind::Undeclared), "{findings:?}");
}

/// [RET-17]
#[test]
fn a_declared_deletion_may_be_carried_out_or_not_yet() {
    let mut story = Story::weeks();
    let plan = story.plan();
    story.declare(plan.clone(), PURGE);
    assert_eq!(audited(&story).1, []);
    story.execute(&plan);
    let (reports, findings) = audited(&story);
    assert_eq!((findings, reports[0].done), (vec![], None));
}

#[test]
fn any_changed_bit_of_a_deletion_bundle_is_refused() {
    for name in ["deletions-twice", "rotated-record"] {
        let (_, _, bundle) = crate::vectors::deletions().into_iter().find(|(found, ..)| *found == name).unwrap();
        let bytes = bundle.encode();
        for at in (0..bytes.len() - 4).step_by(41) {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(check(&resealed(changed), &verifier(1)).is_err(), "{name}: byte {at}");
        }
        for end in (0..bytes.len()).step_by(67).skip(1) {
            assert!(check(&resealed(bytes[..end].to_vec()), &verifier(1)).is_err(), "{name}: {end}");
        }
    }
}

fn refused(lie: &DeletionLie) {
    let DeletionLie { name, bundle, kind, story, .. } = lie;
    let error = check(&bundle.encode(), &verifier(1)).expect_err(name);
    if let Some(kind) = kind {
        assert!(matches!(&error, CheckError::Deletion(finding) if finding.kind == *kind), "{name}: {error:?}");
    } else {
        assert!(!matches!(error, CheckError::Format(_)), "{name}: {error}");
    }
    if let (Some(story), Some(kind)) = (story, kind) {
        let (_, findings) = audited(story);
        assert!(findings.iter().any(|finding| finding.kind == *kind), "{name}: {findings:?}");
    }
}

macro_rules! caught {
    ($($test:ident $name:literal),* $(,)?) => {
        $(#[test]
        fn $test() {
            let all = lies();
            refused(all.iter().find(|lie| lie.name == $name).expect("the lie is told"));
        })*

        #[test]
        fn every_lie_has_its_test() {
            let told: Vec<&str> = lies().iter().map(|lie| lie.name).collect();
            assert_eq!(told, [$($name),*]);
        }
    };
}

// [RET-8] [RET-9] [RET-10] [RET-11] [RET-12] [RET-13] [RET-14] [RET-15] [RET-16] [RET-18]
caught! {
    deleted_too_early "refused-purge-too-early",
    payloads_taken_too_early "refused-purge-group-early",
    more_than_eligible "refused-purge-more",
    a_record_that_no_filter_matches "refused-purge-unmatched",
    an_identity_that_no_policy_lets_go "refused-purge-identity",
    records_until_none_is_left "refused-purge-none-left",
    removed_again "refused-purge-again",
    beyond_the_log "refused-purge-beyond",
    outside_the_segments "refused-purge-outside",
    deleted_under_hold "refused-purge-held",
    hold_released_after "refused-purge-released-after",
    hold_not_extended_far_enough "refused-purge-unresolved",
    no_purge_key "refused-purge-no-role",
    the_checkpoint_key "refused-purge-checkpoint-key",
    a_retired_key "refused-purge-retired-key",
    a_key_granted_after "refused-purge-granted-after",
    another_logs_intent "refused-purge-replayed",
    policies_not_in_force "refused-purge-other-policies",
    a_hold_not_named "refused-purge-unnamed-hold",
    counted_from_the_future "refused-purge-future",
    a_policy_version_left_out "refused-policy-version",
    not_published_before_done "refused-purge-unpublished",
    published_in_another_tree "refused-purge-other-head",
    published_by_another_key "refused-purge-unsigned-head",
    done_before_it_was_published "refused-purge-done-before",
    done_without_intent "refused-done-alone",
    done_with_other_counts "refused-done-counts",
    done_twice "refused-done-twice",
    said_to_be_gone_and_there "refused-purge-not-done",
    given_up_and_gone "refused-abandoned-but-gone",
    done_after_it_was_given_up "refused-done-after-abandon",
    given_up_twice "refused-abandoned-twice",
    announced_while_one_is_open "refused-intent-while-open",
    a_stub_left_out "refused-stub-left-out",
    a_policy_record_left_out "refused-system-left-out",
    a_forged_stub "refused-stub-forged",
    back_dated_to_delete_early "refused-class-backdated",
    a_descriptor_left_out "refused-descriptor-left-out",
    deletions_without_history "refused-no-history",
    an_edited_policy "refused-policy-edited",
    a_survivor_left_out "refused-survivor-left-out",
    a_deletion_not_done_yet "refused-not-done-yet",
    a_survivor_left_out_of_a_complete_claim "refused-complete-survivor",
    a_trail_left_out "refused-trail-missing",
    a_usurper "refused-trail-usurped",
    another_key_record "refused-trail-other-record",
    an_inconsistent_rotation "refused-trail-inconsistent",
    a_closed_key_record "refused-trail-closed",
    a_retired_signer "refused-retired-signer",
    a_swapped_key "refused-trail-swapped",
}
