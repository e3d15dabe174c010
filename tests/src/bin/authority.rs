//! Searches the model of the authority protocol: `authority --verbs N --attacks N --hands NAME --mutant NAME`.

use std::time::Instant;

use indelible_tests::authority::{ClockMutant, ClockSearch, Hands, Mutant, Search};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut search = Search { verbs: 3, attacks: 2, rotation: true, hands: Hands::Empty, mutant: None };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_else(|| usage());
        match argument.as_str() {
            "--verbs" => search.verbs = value().parse().unwrap_or_else(|_| usage()),
            "--attacks" => search.attacks = value().parse().unwrap_or_else(|_| usage()),
            "--no-rotation" => search.rotation = false,
            "--hands" => search.hands = named(&Hands::ALL, Hands::name, &value()),
            "--clock" => return clock(ClockSearch { mutant: None, behind: false }),
            "--mutant" => {
                let wanted = value();
                if let Some(mutant) = ClockMutant::ALL.into_iter().find(|mutant| mutant.name() == wanted) {
                    return clock(ClockSearch { mutant: Some(mutant), behind: false });
                }
                let mutant = named(&Mutant::ALL, Mutant::name, &wanted);
                (search.mutant, search.hands) = (Some(mutant), mutant.shown_by());
            }
            _ => usage(),
        }
    }
    let begun = Instant::now();
    let outcome =
        search.run_watched(|_| true, |done, known| eprintln!("{done} of {known} states, {:.0?}", begun.elapsed()));
    println!(
        "{} states ({} that verify accepts, {} of them with something deleted), {} edges, {} histories, {} directories in {:.1} s",
        outcome.states,
        outcome.accepted,
        outcome.accepted_with_gone,
        outcome.edges,
        outcome.histories,
        outcome.directories,
        begun.elapsed().as_secs_f64()
    );
    match outcome.broken {
        None => println!("no property is broken within these bounds: {search:?}"),
        Some((property, trace)) => {
            println!("{property:?}");
            trace.iter().for_each(|line| println!("  {line}"));
            std::process::exit(1);
        }
    }
}

/// The search of the clock rules, which takes no bounds.
fn clock(search: ClockSearch) {
    let begun = Instant::now();
    let outcome = search.run();
    println!("{} states in {:.1} s", outcome.states, begun.elapsed().as_secs_f64());
    match outcome.broken {
        None => println!("no property of the clock is broken"),
        Some((property, trace)) => {
            println!("{property:?}");
            trace.iter().for_each(|line| println!("  {line}"));
            std::process::exit(1);
        }
    }
}

fn named<T: Copy>(all: &[T], name: impl Fn(T) -> &'static str, wanted: &str) -> T {
    all.iter().copied().find(|&one| name(one) == wanted).unwrap_or_else(|| usage())
}

fn usage() -> ! {
    let names = |names: Vec<&str>| names.join(" | ");
    eprintln!("authority [--verbs N] [--attacks N] [--no-rotation] [--hands NAME] [--mutant NAME] | --clock");
    eprintln!("  hands: {}", names(Hands::ALL.map(Hands::name).to_vec()));
    eprintln!("  mutants: {}", names(Mutant::ALL.map(Mutant::name).to_vec()));
    eprintln!("  of the clock: {}", names(ClockMutant::ALL.map(ClockMutant::name).to_vec()));
    std::process::exit(2);
}
