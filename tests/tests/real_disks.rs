//! Real file systems that lose power, fill up, and fail: what the simulated disk is a model of.
//!
//! Needs root, loop devices, `mkfs.ext4`, `mkfs.xfs`, `strace`; what is missing is said and its test skipped.
//! `INDELIBLE_POWER_CUTS=N` cuts the power more often.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use indelible_engine::query::Expr;
use indelible_engine::world::storage::Access;
use indelible_engine::{Ack, Error, Log, LogConfig, Options, Overflow, Receipt};
use indelible_tests::mount::{Journaled, Mount};
use indelible_tests::process::{AckLine, Producer, check_acks, reopen};
use indelible_tests::world::{numbered, spec};

/// Says why a test does nothing here.
fn skip(test: &str, why: &str) {
    println!("SKIPPED: {test}: {why}");
}

fn power_cuts(kind: Journaled) -> Result<(), String> {
    let cuts = std::env::var("INDELIBLE_POWER_CUTS").ok().and_then(|cuts| cuts.parse().ok()).unwrap_or(6u64);
    let parent = tempfile::tempdir().map_err(|error| error.to_string())?;
    let (image, at) = (parent.path().join("image"), parent.path().join("mnt"));
    std::fs::create_dir(&at).map_err(|error| error.to_string())?;
    Mount::make(kind, &image, if kind == Journaled::Xfs { 320 } else { 64 })?;
    let mut mount = Mount::image(&image, &at)?;
    let mut acks: Vec<AckLine> = Vec::new();
    for run in 0..cuts {
        let mut command = Command::new(env!("CARGO_BIN_EXE_producer"));
        command.arg(at.join("log")).args([run.to_string(), "3".to_owned()]);
        let writer = Producer::start(command).expect("the producer starts");
        assert!(writer.wait_open(), "run {run}: {:?}", writer.wait());
        std::thread::sleep(Duration::from_millis(20 + (run * 53) % 150));
        if let Err(why) = mount.cut_power() {
            let _ = writer.kill();
            return Err(why);
        }
        // It ends by itself, poisoned, or is killed: what it said before is what counts.
        acks.extend(writer.kill().expect("it dies"));
        mount.unmount().expect("the file system can be unmounted");
        mount = Mount::image(&image, &at).expect("the file system can be mounted again");
        let records = reopen(&at.join("log")).unwrap_or_else(|what| panic!("{kind:?}, cut {run}: {what}"));
        check_acks(&records, &acks).unwrap_or_else(|what| panic!("{kind:?}, cut {run}: {what}"));
    }
    println!("{kind:?}: {cuts} power cuts, {} events acknowledged", acks.len());
    mount.unmount()
}

#[test]
fn what_was_acknowledged_outlives_a_power_cut_on_ext4() {
    if let Err(why) = power_cuts(Journaled::Ext4) {
        skip("power cut on ext4", &why);
    }
}

#[test]
fn what_was_acknowledged_outlives_a_power_cut_on_xfs() {
    if let Err(why) = power_cuts(Journaled::Xfs) {
        skip("power cut on xfs", &why);
    }
}

/// Fills the disk around a running log, looks at what it promises then, makes room, and counts.
fn fill_and_free(at: &Path) {
    let mut config = LogConfig::at(&at.join("log"), Access::Create).expect("the directory opens");
    config.options = Options {
        overflow: Overflow::Block { timeout: Some(Duration::from_millis(200)) },
        ring_bytes_max: 2 << 20,
        ..Options::default()
    };
    let log = Log::create(config, &spec()).expect("the log is made");
    let mut receipts: Vec<Receipt> = Vec::new();
    let mut n = 0;
    let emit = |n: &mut u64, receipts: &mut Vec<Receipt>| {
        let emitted = log.emit(numbered(0, 0, *n)).map_err(|refused| refused.error);
        emitted.map(|receipt| {
            *n += 1;
            receipts.push(receipt);
        })
    };
    for _ in 0..500 {
        emit(&mut n, &mut receipts).expect("there is room");
    }
    log.flush(None).expect("there is room");
    let ballast = at.join("ballast");
    let free = log.health().expect("health").free_bytes;
    let _ = std::fs::write(&ballast, vec![7u8; usize::try_from(free.saturating_sub(64 << 10)).expect("a small disk")]);
    let refused = loop {
        if let Err(error) = emit(&mut n, &mut receipts) {
            break error;
        }
    };
    assert!(matches!(refused, Error::DiskFull), "{refused}");
    let health = log.health().expect("health");
    assert!(health.disk_full && !health.poisoned, "{health:?}");
    assert!(matches!(log.flush(Some(Instant::now() + Duration::from_millis(100))), Err(Error::DiskFull)));
    assert!(log.view().count(&Expr::events()).expect("reads go on") >= 500);
    std::fs::remove_file(&ballast).expect("room is made");
    log.flush(Some(Instant::now() + Duration::from_secs(30))).expect("writing resumes by itself");
    for receipt in &receipts {
        receipt.wait(Ack::Durable, None).expect("what was accepted is durable");
    }
    assert_eq!(log.view().count(&Expr::events()).expect("count"), n);
    log.close().expect("it closes");
    let config = LogConfig::at(&at.join("log"), Access::ReadWrite).expect("the directory opens");
    let log = Log::open(config).expect("it opens");
    assert!(log.recovery().was_closed);
    assert_eq!(log.view().count(&Expr::events()).expect("count"), n, "nothing lost, nothing twice");
}

#[test]
fn a_full_tmpfs_stops_writing_only_until_there_is_room() {
    let at = tempfile::tempdir().expect("a directory");
    match Mount::tmpfs(at.path(), 8 << 20) {
        Ok(mount) => {
            fill_and_free(at.path());
            mount.unmount().expect("it unmounts");
        }
        Err(why) => skip("full tmpfs", &why),
    }
}

#[test]
fn a_full_ext4_stops_writing_only_until_there_is_room() {
    let parent = tempfile::tempdir().expect("a directory");
    let (image, at) = (parent.path().join("image"), parent.path().join("mnt"));
    std::fs::create_dir(&at).expect("a directory");
    match Mount::make(Journaled::Ext4, &image, 16).and_then(|()| Mount::image(&image, &at)) {
        Ok(mount) => {
            fill_and_free(&at);
            mount.unmount().expect("it unmounts");
        }
        Err(why) => skip("full ext4", &why),
    }
}

/// Runs a producer under strace with one system call failing; what it acknowledged must be there.
fn injected(call: &str, error: &str, when: u64) -> Result<(), String> {
    let parent = tempfile::tempdir().map_err(|error| error.to_string())?;
    let dir = parent.path().join("log");
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o"]).arg(parent.path().join("trace"));
    command.args(["-e", &format!("trace={call}"), "-e", &format!("inject={call}:error={error}:when={when}")]);
    command.arg(env!("CARGO_BIN_EXE_producer")).arg(&dir).args(["0", "2", "400"]);
    let writer = Producer::start(command).map_err(|error| format!("strace is missing: {error}"))?;
    let (code, acks, said) = writer.wait().map_err(|error| error.to_string())?;
    if said.contains("strace:") {
        return Err(said);
    }
    assert!(code != Some(101) && code.is_some(), "{call} {when}: the writer died: {said}");
    match reopen(&dir) {
        Err(what) if acks.is_empty() => println!("{call} {when}: nothing was acknowledged, and the log {what}"),
        records => check_acks(&records.unwrap_or_else(|what| panic!("{call} {when}: {what}")), &acks)
            .unwrap_or_else(|what| panic!("{call} {when}: {what}")),
    }
    Ok(())
}

#[test]
fn failing_system_calls_lose_nothing_that_was_acknowledged() {
    for (call, error) in
        [("fdatasync", "EIO"), ("pwrite64", "EIO"), ("pwrite64", "ENOSPC"), ("fsync", "EIO"), ("rename", "EIO")]
    {
        for when in [1, 2, 5, 9, 20] {
            if let Err(why) = injected(call, error, when) {
                return skip("injected errors", &why);
            }
        }
    }
}
