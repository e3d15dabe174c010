//! Each crash and each fault of the simulated disk by itself: what it can bring about, and what it never may.
//!
//! Invariant: outcomes are sets; a test names all of them, so one too few fails as well as one too many.
//!
//! Deliberately not here: what both storages do alike (`suite.rs`), and random programs (`sim_oracle.rs`).

use super::sim::{Fault, SimOptions, SimStorage};
use super::{OpenMode, Storage, StorageFile};
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

const EIO: Option<i32> = Some(5);
const ENOSPC: Option<i32> = Some(28);

fn disk() -> SimStorage {
    SimStorage::new(42, SimOptions::default())
}

/// A disk with one durable file `a` of these bytes, and the open file.
fn disk_with(bytes: &[u8]) -> (SimStorage, Arc<dyn StorageFile>) {
    let disk = disk();
    let file = disk.open("a", OpenMode::CreateNew).unwrap();
    file.write_at(bytes, 0).unwrap();
    file.sync_data().unwrap();
    disk.sync_dir("").unwrap();
    (disk, file)
}

fn contents(disk: &SimStorage, name: &str) -> Vec<u8> {
    disk.read(name, 1 << 20).unwrap()
}

/// The different contents of `a` that a number of crashes leave.
fn outcomes(disk: &SimStorage, crashes: usize) -> BTreeSet<Vec<u8>> {
    (0..crashes).map(|_| contents(&disk.crash(), "a")).collect()
}

#[test]
fn a_crash_reaches_every_mix_of_sectors_and_no_other() {
    let (disk, file) = disk_with(&[1; 1536]);
    file.write_at(&[2; 1536], 0).unwrap();
    let mixes = outcomes(&disk, 300);
    assert_eq!(mixes.len(), 8, "three sectors, each old or new");
    for mix in &mixes {
        assert!(mix.chunks(512).all(|sector| sector == [1; 512] || sector == [2; 512]));
    }
    assert_eq!(contents(&disk.crash_lose_all(), "a"), [1; 1536]);
    assert_eq!(contents(&disk.crash_keep_all(), "a"), [2; 1536]);
    assert_eq!(contents(&disk, "a"), [2; 1536], "the disk itself goes on");
}

#[test]
fn two_writes_into_one_sector_come_back_in_order() {
    let (disk, file) = disk_with(b"....");
    file.write_at(b"1", 0).unwrap();
    file.write_at(b"2", 1).unwrap();
    let states = [&b"...."[..], b"1...", b"12.."];
    assert_eq!(outcomes(&disk, 200), states.into_iter().map(<[u8]>::to_vec).collect());
}

#[test]
fn an_append_can_leave_length_without_bytes() {
    let (disk, file) = disk_with(b"");
    file.write_at(&[9; 512], 0).unwrap();
    assert_eq!(outcomes(&disk, 100), BTreeSet::from([vec![], vec![0; 512], vec![9; 512]]));
}

#[test]
fn a_cut_that_survived_never_uncovers_old_bytes() {
    let (disk, file) = disk_with(&[1; 600]);
    file.set_len(100).unwrap();
    file.write_at(&[2; 100], 500).unwrap();
    for image in outcomes(&disk, 500) {
        // The last length of 600 looks like the first; whoever sees 100 bytes sees the cut.
        let legal = |from: usize, allowed: [u8; 3]| image.iter().skip(from).all(|byte| allowed.contains(byte));
        assert!(
            matches!(image.len(), 100 | 600) && image.iter().take(100).all(|byte| *byte == 1) && legal(100, [0, 1, 2])
        );
    }
    file.sync_data().unwrap();
    file.set_len(0).unwrap();
    file.set_len(600).unwrap();
    file.set_len(601).unwrap();
    let grown: Vec<_> = outcomes(&disk, 300).into_iter().filter(|image| image.len() == 601).collect();
    assert_eq!(grown, [vec![0; 601]], "the cut came before the growth, so it happened");
}

#[test]
fn sectors_tear_only_when_asked_to() {
    for tear_sectors in [false, true] {
        let disk = SimStorage::new(5, SimOptions { tear_sectors, ..SimOptions::default() });
        let file = disk.open("a", OpenMode::CreateNew).unwrap();
        file.write_at(&[1; 512], 0).unwrap();
        file.sync_data().unwrap();
        disk.sync_dir("").unwrap();
        file.write_at(&[2; 512], 0).unwrap();
        let torn = outcomes(&disk, 200).into_iter().filter(|image| image.contains(&1) && image.contains(&2)).count();
        assert_eq!(torn > 10, tear_sectors, "{torn} torn images");
    }
}

#[test]
fn names_survive_as_a_prefix_of_their_order() {
    let disk = disk();
    disk.create_dir("d").unwrap();
    disk.sync_dir("").unwrap();
    for name in ["d/1", "d/2", "d/3"] {
        disk.open(name, OpenMode::CreateNew).unwrap().sync_data().unwrap();
    }
    disk.rename("d/1", "d/4").unwrap();
    disk.remove("d/2").unwrap();
    let seen: BTreeSet<String> = (0..200).map(|_| disk.crash().list("d").unwrap().concat()).collect();
    assert_eq!(seen, ["", "1", "12", "123", "234", "34"].map(str::to_owned).into());
    disk.sync_dir("d").unwrap();
    assert_eq!(disk.crash_lose_all().list("d").unwrap(), ["3", "4"]);
}

#[test]
fn a_directory_nobody_synced_takes_its_files_with_it() {
    let disk = disk();
    disk.create_dir("d").unwrap();
    disk.open("d/a", OpenMode::CreateNew).unwrap().sync_data().unwrap();
    disk.sync_dir("d").unwrap();
    let image = disk.crash_lose_all();
    assert!(!image.exists("d").unwrap() && image.open("d/a", OpenMode::Read).is_err());
    disk.sync_dir("").unwrap();
    assert_eq!(disk.crash_lose_all().list("d").unwrap(), ["a"]);
}

#[test]
fn the_seed_decides_everything() {
    let run = |seed| {
        let disk = SimStorage::new(seed, SimOptions { tear_sectors: true, ..SimOptions::default() });
        for name in ["a", "b"] {
            let file = disk.open(name, OpenMode::CreateNew).unwrap();
            file.write_at(&[1; 20_000], 100).unwrap();
            file.set_len(9_000).unwrap();
        }
        disk.sync_dir("").unwrap();
        disk.inject("", 1, Fault::FailSyncPartly);
        assert!(disk.open("b", OpenMode::ReadWrite).unwrap().sync_data().is_err());
        let images = [disk.crash(), disk.crash(), disk.crash_with(3), disk.fork().crash()];
        images.map(|image| [contents(&image, "a"), contents(&image, "b"), contents(&image.crash(), "b")])
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
    let [first, second, ..] = run(1);
    assert_ne!(first, second, "each crash draws another outcome");
}

#[test]
fn a_fork_shares_nothing_but_the_past() {
    let (disk, file) = disk_with(b"durable");
    file.write_at(b"pending", 0).unwrap();
    let guard = disk.try_lock("LOCK").unwrap();
    let fork = disk.fork();
    drop(fork.try_lock("LOCK").unwrap());
    file.write_at(b"later", 0).unwrap();
    assert_eq!(contents(&fork, "a"), b"pending");
    assert_eq!(contents(&fork.crash_lose_all(), "a"), b"durable");
    fork.remove("a").unwrap();
    assert_eq!(contents(&disk, "a"), b"laterng");
    // A crash frees the locks, and only in the image.
    assert!(disk.crash_keep_all().try_lock("LOCK").is_ok() && disk.try_lock("LOCK").is_err());
    drop(guard);
}

#[test]
fn a_failed_sync_loses_its_data_whatever_comes_after() {
    let (disk, file) = disk_with(b"old");
    file.write_at(b"new", 0).unwrap();
    disk.inject("", 2, Fault::FailSync);
    disk.sync_dir("").unwrap();
    assert_eq!(file.sync_data().unwrap_err().raw_os_error(), EIO);
    assert_eq!(contents(&disk, "a"), b"new", "the cache still has it");
    file.write_at(b"!", 3).unwrap();
    file.sync_data().unwrap();
    assert_eq!(contents(&disk.crash_keep_all(), "a"), b"old!");
    // The same for names.
    disk.open("b", OpenMode::CreateNew).unwrap();
    disk.inject("", 1, Fault::FailSync);
    assert_eq!(disk.sync_dir("").unwrap_err().raw_os_error(), EIO);
    disk.sync_dir("").unwrap();
    assert_eq!((disk.list("").unwrap().len(), disk.crash_keep_all().list("").unwrap().len()), (2, 1));
    assert_eq!(disk.faults_waiting(), 0);
}

#[test]
fn a_sync_that_fails_partly_leaves_some_of_it() {
    let (disk, file) = disk_with(&[1; 8192]);
    file.write_at(&[2; 8192], 0).unwrap();
    let mixed = (0..20).filter(|_| {
        let fork = disk.fork();
        // The fork continues with the same choices; a crash moves this disk's on.
        disk.crash();
        fork.inject("a", 1, Fault::FailSyncPartly);
        let error = fork.open("a", OpenMode::ReadWrite).unwrap().sync_data().unwrap_err();
        assert_eq!(error.raw_os_error(), EIO);
        let left = contents(&fork.crash_keep_all(), "a");
        left.contains(&1) && left.contains(&2)
    });
    assert!(mixed.count() > 5);
}

#[test]
fn a_lying_sync_is_found_out_by_a_crash_and_made_good_by_an_honest_one() {
    for always in [false, true] {
        let (disk, file) = disk_with(b"old");
        file.write_at(b"new", 0).unwrap();
        if always {
            disk.set_lying_syncs(true);
        } else {
            disk.inject("a", 1, Fault::LieOnSync);
        }
        file.sync_data().unwrap();
        assert_eq!(contents(&disk.crash_lose_all(), "a"), b"old");
        disk.set_lying_syncs(false);
        file.sync_data().unwrap();
        assert_eq!(contents(&disk.crash_lose_all(), "a"), b"new");
    }
}

#[test]
fn writes_fail_whole_or_in_part() {
    let (disk, file) = disk_with(b"....");
    disk.inject("b", 1, Fault::FailWrite);
    disk.inject("a", 2, Fault::FailWrite);
    disk.inject("a", 3, Fault::ShortWrite { keep: 2 });
    file.write_at(b"1", 0).unwrap();
    assert_eq!(file.write_at(b"2", 0).unwrap_err().raw_os_error(), EIO);
    assert_eq!(file.write_at(b"345", 3).unwrap_err().raw_os_error(), EIO);
    assert_eq!(contents(&disk, "a"), b"1..34");
    file.sync_data().unwrap();
    assert_eq!(contents(&disk.crash_lose_all(), "a"), b"1..34");
    disk.inject("a", 1, Fault::FailRead);
    assert_eq!(disk.map("a").unwrap_err().raw_os_error(), EIO);
    assert_eq!(disk.faults_waiting(), 1, "the fault of another file waits on");
}

#[test]
fn lost_and_misdirected_writes_show_after_a_restart_only() {
    let cases: [(Fault, u64, &[u8]); 5] = [
        (Fault::LoseWrite, 2, b"abcdefgh"),
        (Fault::MisdirectWrite { by: 4 }, 2, b"abcdefXY"),
        (Fault::MisdirectWrite { by: 5 }, 2, b"abcdefgX"),
        (Fault::MisdirectWrite { by: -3 }, 2, b"Ybcdefgh"),
        (Fault::MisdirectWrite { by: -9 }, 2, b"abcdefgh"),
    ];
    for (fault, offset, after) in cases {
        let (disk, file) = disk_with(b"abcdefgh");
        disk.inject("", 1, fault);
        file.write_at(b"XY", offset).unwrap();
        file.sync_data().unwrap();
        assert_eq!(contents(&disk, "a"), b"abXYefgh", "{fault:?}");
        assert_eq!(contents(&disk.crash_keep_all(), "a"), after, "{fault:?}");
    }
}

#[test]
fn a_full_disk_stops_at_a_block_and_goes_on_when_there_is_room() {
    let (disk, file) = disk_with(&[1; 4096]);
    disk.set_capacity(Some(3 * 4096 + 100));
    assert_eq!(disk.free_bytes().unwrap(), 2 * 4096);
    file.set_len(1 << 20).unwrap();
    assert_eq!(file.write_at(&[2; 10_000], 4000).unwrap_err().raw_os_error(), ENOSPC);
    file.set_len(4000).unwrap();
    assert_eq!(disk.free_bytes().unwrap(), 2 * 4096, "cutting gives blocks back");
    file.write_at(&[3; 96], 4000).unwrap();
    let other = disk.open("b", OpenMode::CreateNew).unwrap();
    assert_eq!(other.write_at(&[4; 9000], 1).unwrap_err().raw_os_error(), ENOSPC);
    assert_eq!(other.len().unwrap(), 8192, "what fits was written");
    assert_eq!(disk.replace("a", b"x").unwrap_err().raw_os_error(), ENOSPC);
    assert_eq!(disk.list("").unwrap(), ["a", "b"]);
    // An unlinked file takes space as long as it is open.
    disk.remove("b").unwrap();
    assert_eq!(disk.free_bytes().unwrap(), 0);
    drop(other);
    disk.replace("a", b"x").unwrap();
    disk.set_capacity(None);
    file.write_at(&[5; 100_000], 0).unwrap();
}

#[test]
fn bit_rot_is_there_at_once_and_stays() {
    let (disk, _file) = disk_with(b"abc");
    disk.flip_bit("a", 1, 0).unwrap();
    assert_eq!((contents(&disk, "a"), contents(&disk.crash_lose_all(), "a")), (b"acc".to_vec(), b"acc".to_vec()));
    assert_eq!(disk.flip_bit("a", 3, 0).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    assert_eq!(disk.flip_bit("b", 0, 0).unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[test]
fn after_power_off_nothing_works_and_the_image_is_there() {
    let (disk, file) = disk_with(b"old");
    let guard = disk.try_lock("LOCK").unwrap();
    disk.crash_at(disk.op_count() + 1);
    file.write_at(b"new", 0).unwrap();
    assert_eq!(contents(&disk, "a"), b"new", "reads work until the power is off");
    let mut buf = [0];
    let errors = [
        file.sync_data().unwrap_err(),
        file.read_at(&mut buf, 0).unwrap_err(),
        file.len().unwrap_err(),
        disk.open("a", OpenMode::Read).err().unwrap(),
        disk.list("").unwrap_err(),
        disk.remove("a").unwrap_err(),
        disk.free_bytes().unwrap_err(),
        guard.is_current().unwrap_err(),
    ];
    assert!(errors.iter().all(SimStorage::is_crash), "{errors:?}");
    assert!(!SimStorage::is_crash(&io::Error::from_raw_os_error(5)));
    assert_eq!(outcomes(&disk, 50), BTreeSet::from([b"old".to_vec(), b"new".to_vec()]));
    let image = disk.crash();
    assert_eq!(image.op_count(), 0);
    drop(image.try_lock("LOCK").unwrap());
    image.replace("a", b"next").unwrap();
}

/// The provided `replace` at every operation index, with many outcomes each: wholly the old file or wholly the new one.
#[test]
fn replace_is_all_or_nothing_across_crashes() {
    let (old, new) = (vec![1; 1500], vec![2; 2500]);
    let (base, _file) = disk_with(&old);
    let mut finished = false;
    for at in 0.. {
        let disk = base.fork();
        disk.crash_at(base.op_count() + at);
        let done = disk.replace("a", &new);
        for seed in 0..40 {
            let left = contents(&disk.crash_with(seed), "a");
            assert!(left == new || (done.is_err() && left == old), "operation {at}, seed {seed}: {} bytes", left.len());
        }
        if done.is_ok() {
            finished = true;
            assert!(at >= 5, "create, write, sync, rename, sync the directory: at least five places to crash");
            break;
        }
    }
    assert!(finished);
}
