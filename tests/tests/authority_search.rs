//! Every state of the authority model within small bounds keeps its properties, and every planted bug breaks one.
//!
//! ```text
//! Search { verbs, attacks, hands, mutant } ──> states, all of them ──> nothing broken │ the property that the mutant breaks
//! ```
//!
//! Longer searches are one command, see `tests/README.md`. Not here: what the model is (`tests/src/authority/mod.rs`).

use indelible_tests::authority::{ClockMutant, ClockProperty, ClockSearch, Hands, Mutant, Property, Search};

/// Searches and says what it cost; a broken property comes with the way there.
#[track_caller]
fn check(search: Search, accepted_min: usize) {
    let outcome = search.run();
    println!(
        "{search:?}: {} states, {} accepted, {} with something deleted",
        outcome.states, outcome.accepted, outcome.accepted_with_gone
    );
    if let Some((property, trace)) = outcome.broken {
        panic!("{property:?}\n{}", trace.join("\n"));
    }
    // Properties that speak of accepted states and of deleted items must have had some to speak of.
    assert!(outcome.accepted >= accepted_min, "{} accepted states are too few", outcome.accepted);
    assert!(outcome.accepted_with_gone >= accepted_min / 20, "{} with something gone", outcome.accepted_with_gone);
}

fn search(verbs: u8, attacks: u8, hands: Hands) -> Search {
    Search { verbs, attacks, rotation: true, hands, mutant: None }
}

#[test]
fn nobody_gets_around_the_protocol_with_write_access_alone() {
    check(search(3, 2, Hands::Empty), 100_000);
}

#[test]
fn four_verbs_with_a_crash_anywhere_and_one_attack() {
    check(search(4, 1, Hands::Empty), 100_000);
}

#[test]
fn nobody_gets_around_the_protocol_with_three_steps_of_his_own() {
    check(search(2, 3, Hands::Empty), 100_000);
}

#[test]
fn a_signed_paper_or_a_stolen_key_opens_no_way_around_the_protocol() {
    for hands in [Hands::Paper, Hands::OldKey, Hands::PurgeKey, Hands::CheckpointKey] {
        check(search(3, 2, hands), 50_000);
    }
}

#[test]
fn without_an_attack_nothing_is_ever_called_broken() {
    for hands in Hands::ALL {
        let outcome = search(4, 0, hands).run();
        assert!(outcome.broken.is_none(), "{hands:?}: {:?}", outcome.broken);
        assert_eq!(outcome.accepted, outcome.states, "{hands:?}");
    }
}

/// What each planted bug breaks first, that is, on a shortest way.
fn expected(mutant: Mutant, found: Property) -> bool {
    match mutant {
        Mutant::ObeyTheTail | Mutant::ActsWithoutLinks | Mutant::SuccessBeforeHead | Mutant::NoKeptHead => {
            found == Property::NotAsTold
        }
        Mutant::TrustIndexForHold | Mutant::HoldsByPostings => found == Property::RemovedHeld,
        Mutant::OpeningCarriesOut | Mutant::SwapBeforeHead => found == Property::RemovedUnpublished,
        Mutant::OldKeySigns => found == Property::OutsiderDeceived,
        Mutant::DoneNotAskedFor => found == Property::CameBackUnseen,
        Mutant::GoneRestsOnTail
        | Mutant::NoAbandon
        | Mutant::VerifyForgetsAbandon
        | Mutant::FilesNameNoHead
        | Mutant::FileHeadBeyondKept
        | Mutant::DoneInTailBelieved => found == Property::GoneUnseen,
        Mutant::HeadWrittenBeforeKept | Mutant::OpeningFallsBack => matches!(found, Property::WriterMadeBroken(_)),
    }
}

#[test]
fn every_planted_bug_breaks_a_property() {
    for mutant in Mutant::ALL {
        let outcome = Search { mutant: Some(mutant), ..search(3, 2, mutant.shown_by()) }.run();
        let Some((property, trace)) = outcome.broken else {
            panic!("{mutant:?}: nothing broken in {} states", outcome.states);
        };
        println!("{mutant:?}: {property:?} in {} steps, {} states", trace.len() - 1, outcome.states);
        assert!(expected(mutant, property), "{mutant:?} breaks {property:?}:\n{}", trace.join("\n"));
    }
}

#[test]
fn bugs_that_change_what_the_operator_was_told_let_the_writer_remove_what_is_held_or_kept() {
    for mutant in [Mutant::ObeyTheTail, Mutant::ActsWithoutLinks, Mutant::SuccessBeforeHead, Mutant::NoKeptHead] {
        let outcome = Search { mutant: Some(mutant), ..search(3, 2, Hands::Empty) }
            .run_for(|property| matches!(property, Property::RemovedHeld | Property::RemovedKept));
        let (property, trace) = outcome.broken.unwrap_or_else(|| panic!("{mutant:?}: {} states", outcome.states));
        println!("{mutant:?}: {property:?} in {} steps, {} states", trace.len() - 1, outcome.states);
    }
}

#[test]
fn the_clock_rules_let_nothing_go_early_and_keep_nothing_for_ever() {
    let outcome = ClockSearch { mutant: None, behind: false }.run();
    println!("{} states", outcome.states);
    assert!(outcome.broken.is_none(), "{:?}", outcome.broken);
}

#[test]
fn every_guard_that_leaves_something_out_is_caught() {
    for mutant in ClockMutant::ALL {
        let outcome = ClockSearch { mutant: Some(mutant), behind: false }.run();
        let (property, trace) = outcome.broken.unwrap_or_else(|| panic!("{mutant:?}: nothing broken"));
        println!("{mutant:?}: {property:?}: {}", trace.join(", "));
        let right =
            if mutant == ClockMutant::NoClockAct { ClockProperty::StaysForEver } else { ClockProperty::GoneEarly };
        assert_eq!(property, right, "{mutant:?}: {trace:?}");
    }
}

#[test]
fn records_stamped_by_a_clock_that_was_behind_are_the_stated_exception() {
    let outcome = ClockSearch { mutant: None, behind: true }.run();
    assert!(matches!(outcome.broken, Some((ClockProperty::GoneEarly, _))), "the limit is stated and no longer there");
}
