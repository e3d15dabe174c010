//! Creation and rotation are one commit point each: whatever operation the power goes at, readers find the state before or the
//! state after, and whoever comes next completes it.

use indelible::{ActorType, AuditEvent, Error, Ledger, LedgerReader, ReadOptions};
use indelible_tests::machine::{Machine, Seen};

/// Images of each power cut: what is kept of unsynced operations is drawn anew for each.
const IMAGES: usize = 4;

fn event(number: u64) -> AuditEvent {
    let event = AuditEvent::in_workspace("acme")
        .action("user.login")
        .actor(ActorType::User, format!("u-{number}"))
        .target("session", "s")
        .succeeded();
    event.build().expect("an event")
}

/// What the next boots find: after power cuts, and after a kill.
fn images(machine: &Machine) -> Vec<(&'static str, Machine)> {
    let mut images: Vec<_> = (0..IMAGES).map(|_| ("cut", machine.crash())).collect();
    images.push(("cut, nothing kept", machine.crash_lose_all()));
    images.push(("kill", machine.kill()));
    images
}

/// The log takes events, signs, closes and verifies.
fn works(machine: &Machine) -> Result<(), String> {
    let ledger = machine.open().map_err(|error| format!("opening: {error}"))?;
    ledger.store(event(1)).map_err(|error| format!("an event: {error}"))?;
    ledger.checkpoint().map_err(|error| format!("a checkpoint: {error}"))?;
    ledger.close().map_err(|error| format!("closing: {error}"))?;
    drop(ledger);
    match machine.look()? {
        Seen::Log => Ok(()),
        Seen::Nothing => Err("the log is gone".to_owned()),
    }
}

/// What must hold after a creation was cut short, or was not.
fn after_creation(machine: &Machine, done: bool) -> Result<(), String> {
    let seen = machine.look()?;
    match (seen, machine.create()) {
        (Seen::Nothing, _) if done => return Err("a log that was created is gone".to_owned()),
        (Seen::Nothing, Ok(_)) => {}
        (Seen::Log, Err(Error::Log(indelible_engine::Error::Exists { .. }))) => {}
        (seen, Ok(_)) => return Err(format!("created over what was seen: {seen:?}")),
        (seen, Err(error)) => return Err(format!("creating again where {seen:?} was seen: {error}")),
    }
    works(machine)
}

fn creation_cut_everywhere(named: bool) {
    let whole = Machine::new(1, named);
    whole.create().expect("create");
    let operations = whole.op_count();
    assert!(operations > 20, "{operations} operations are too few to be all of them");
    let mut failures = Vec::new();
    for at in 0..=operations {
        let machine = Machine::new(at, named);
        machine.cut_at(at);
        let done = machine.create().is_ok();
        for (what, image) in images(&machine) {
            if let Err(problem) = after_creation(&image, done) {
                failures.push(format!("{what} at operation {at} of {operations}: {problem}"));
            }
        }
    }
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

/// [RCV-7] [RCV-12] kill -9 in `init` left a directory that nothing accepted.
#[test]
fn a_creation_that_is_cut_anywhere_is_completed_by_the_next() {
    creation_cut_everywhere(true);
}

/// With the default origin the log's id is in the key's name: it was another one at the second try, and the key was refused.
#[test]
fn a_creation_by_default_that_is_cut_anywhere_is_completed_by_the_next() {
    creation_cut_everywhere(false);
}

/// Two first writers left `log.pub` and MANIFEST of different logs.
#[test]
fn of_two_that_create_at_the_same_time_one_does_and_the_log_is_one() {
    for round in 0..40 {
        let machine = Machine::new(round, false);
        let start = std::sync::Barrier::new(3);
        let outcomes: Vec<Result<(), String>> = std::thread::scope(|scope| {
            let writer = || {
                start.wait();
                let options = indelible::OpenOptions { create: true, ..machine.open_options() };
                match Ledger::open_in(&machine.world(), &options) {
                    Ok(ledger) => {
                        ledger.store(event(1)).map_err(|error| error.to_string())?;
                        ledger.close().map_err(|error| error.to_string()).map(|()| true)
                    }
                    Err(Error::Log(indelible_engine::Error::Locked)) => Ok(false),
                    Err(error) => Err(error.to_string()),
                }
            };
            let running: Vec<_> = (0..3).map(|_| scope.spawn(writer)).collect();
            let ended = running.into_iter().map(|writer| writer.join().expect("no panic"));
            let ended: Vec<Result<bool, String>> = ended.collect();
            assert!(ended.contains(&Ok(true)), "round {round}: nobody wrote: {ended:?}");
            ended.into_iter().map(|outcome| outcome.map(drop)).collect()
        });
        assert!(outcomes.iter().all(Result::is_ok), "round {round}: {outcomes:?}");
        assert_eq!(machine.look(), Ok(Seen::Log), "round {round}");
        works(&machine).expect("works");
    }
}

/// [RCV-13] A directory that holds files of a log without its manifest, or anything else, is left as it is.
#[test]
fn what_no_creation_left_is_refused() {
    use indelible_engine::world::storage::{OpenMode, Storage};
    for (dir, file) in [("journal", "journal/0000000000000001.jnl"), ("", "notes.txt"), ("pictures", "pictures/1")] {
        let machine = Machine::new(3, true);
        machine.log.create_dir(dir).expect("a directory");
        drop(machine.log.open(file, OpenMode::CreateNew).expect("a file"));
        let before = machine.op_count();
        let refused = machine.create().expect_err("there is something").to_string();
        assert!(refused.contains("is not empty"), "{refused}");
        assert_eq!((machine.op_count(), machine.has("lock")), (before, Ok(false)), "{file}");
    }
}

/// A log with events, a checkpoint and the purge role given, closed.
fn with_events(seed: u64, named: bool) -> Machine {
    let machine = Machine::new(seed, named);
    machine.create().expect("create");
    let ledger = machine.open().expect("open");
    for number in 0..5 {
        ledger.store(event(number)).expect("stored");
    }
    let key = ledger.log().keys().current().clone();
    ledger.grant_purge(&key).expect("granted");
    ledger.checkpoint().expect("checkpoint");
    ledger.close().expect("close");
    machine
}

/// What must hold after a rotation was cut short, or was not.
fn after_rotation(machine: &Machine, done: bool) -> Result<(), String> {
    if machine.look()? != Seen::Log {
        return Err("the log is gone".to_owned());
    }
    let ledger = machine.open().map_err(|error| format!("opening: {error}"))?;
    let keys = ledger.keys().map_err(|error| format!("keys: {error}"))?;
    let epoch = ledger.log().keys().epoch();
    if done && epoch != 1 {
        return Err("the new key is forgotten".to_owned());
    }
    let purge = |role| keys.iter().filter(move |key| key.role == role && key.in_force);
    let checkpoint: Vec<_> = keys.iter().filter(|key| key.role == indelible::retain::Role::Checkpoint).collect();
    if checkpoint.len() != epoch as usize + 1 {
        return Err(format!("a rotation was left unfinished: {keys:?}"));
    }
    let current = ledger.log().keys().current().clone();
    let purgers: Vec<_> = purge(indelible::retain::Role::Purge).map(|key| key.key.clone()).collect();
    if purgers != [current] {
        return Err(format!("the purge role did not move with the key: {keys:?}"));
    }
    ledger.close().map_err(|error| format!("closing: {error}"))?;
    drop(ledger);
    works(machine)
}

fn rotation_cut_everywhere(named: bool) {
    let start = with_events(1, named);
    let rotate = |machine: &Machine| -> Result<(), Error> {
        let ledger = machine.open()?;
        ledger.rotate_key(None)?;
        // Dropping it closes the log too; a kill comes before.
        Ok(())
    };
    let whole = start.fork();
    let before = whole.op_count();
    rotate(&whole).expect("rotate");
    let operations = whole.op_count() - before;
    assert!(operations > 20, "{operations} operations are too few to be all of them");
    let mut failures = Vec::new();
    for at in 0..=operations {
        let machine = start.fork();
        machine.cut_at(before + at);
        let done = rotate(&machine).is_ok();
        for (what, image) in images(&machine) {
            if let Err(problem) = after_rotation(&image, done) {
                failures.push(format!("{what} at operation {at} of {operations}: {problem}"));
            }
        }
    }
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

/// [CHK-7] kill -9 in `key rotate` left a log that `verify` called BROKEN until it was next opened for writing.
#[test]
fn a_rotation_that_is_cut_anywhere_is_finished_by_the_next_opening() {
    rotation_cut_everywhere(true);
}

#[test]
fn a_rotation_by_default_that_is_cut_anywhere_is_finished_by_the_next_opening() {
    rotation_cut_everywhere(false);
}

/// A verifier beside the writer never finds a rotation whose key record it does not see yet.
#[test]
fn a_reader_beside_a_rotation_sees_the_key_before_or_after() {
    let machine = with_events(9, true);
    let ledger = machine.open().expect("open");
    let stop = std::sync::atomic::AtomicBool::new(false);
    let looked = std::thread::scope(|scope| {
        let looking = scope.spawn(|| -> Result<u32, String> {
            let mut looks = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                machine.look()?;
                looks += 1;
            }
            Ok(looks)
        });
        for number in 0..12 {
            ledger.store(event(number)).expect("stored");
            ledger.rotate_key(None).expect("rotate");
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        looking.join().expect("no panic")
    });
    assert!(looked.as_ref().is_ok_and(|looks| *looks > 0), "{looked:?}");
    let reader = LedgerReader::open_in(&machine.world(), &ReadOptions::default()).expect("a reader");
    assert_eq!(reader.keys().expect("keys").iter().filter(|key| key.in_force).count(), 2);
}
