//! Random programs on the simulated disk, crashed many times, against an oracle that knows what a crash may leave.
//!
//! ```text
//! random operations ──> SimStorage ──crash, many times──> image
//!          └─────────> oracle: all states of every file since its last sync ──> allows the image, or not
//! ```
//!
//! Invariant: the oracle knows nothing of how the disk chooses; it keeps whole contents, no operations.
//!
//! Deliberately not here: faults (`sim_tests.rs`).

use super::sim::{SimOptions, SimStorage};
use super::{OpenMode, Storage, StorageFile};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn contents(disk: &SimStorage, name: &str) -> Vec<u8> {
    disk.read(name, 1 << 20).unwrap()
}

#[derive(Debug, Clone)]
enum Step {
    Write { file: usize, offset: u64, len: usize },
    SetLen { file: usize, len: u64 },
    Sync { file: usize },
    Create { file: usize },
    Remove { file: usize },
    Rename { from: usize, to: usize },
    SyncDir,
}

fn step() -> impl Strategy<Value = Step> {
    let file = || 0_usize..3;
    prop_oneof![
        6 => (file(), 0_u64..5_000, 1_usize..2_000).prop_map(|(file, offset, len)| Step::Write { file, offset, len }),
        2 => (file(), 0_u64..6_000).prop_map(|(file, len)| Step::SetLen { file, len }),
        3 => file().prop_map(|file| Step::Sync { file }),
        3 => file().prop_map(|file| Step::Create { file }),
        1 => file().prop_map(|file| Step::Remove { file }),
        1 => (file(), file()).prop_map(|(from, to)| Step::Rename { from, to }),
        2 => Just(Step::SyncDir),
    ]
}

/// Each file's whole contents since its last sync, that state first; and each directory state since the last sync of it.
#[derive(Default)]
struct Oracle {
    histories: Vec<Vec<Vec<u8>>>,
    dirs: Vec<BTreeMap<String, usize>>,
}

impl Oracle {
    fn dir(&self) -> BTreeMap<String, usize> {
        self.dirs.last().cloned().unwrap_or_default()
    }

    /// Whether this image is one that the promises of the storage allow.
    fn check(&self, image: &SimStorage) -> Result<(), String> {
        let names = image.list("").unwrap();
        let found = |dir: &&BTreeMap<String, usize>| dir.keys().eq(names.iter());
        let mut errors = vec![format!("names {names:?} are no state of the directory")];
        for dir in self.dirs.iter().filter(found) {
            let wrong = dir.iter().find(|(name, file)| !self.allows(**file, &contents(image, name)));
            match wrong {
                None => return Ok(()),
                Some((name, _)) => errors.push(format!("{name} is no mix of its states")),
            }
        }
        Err(errors.join("; "))
    }

    fn allows(&self, file: usize, bytes: &[u8]) -> bool {
        let history = &self.histories[file];
        let sector = |state: &[u8], start: usize| {
            let mut padded = [0; 512];
            for (to, from) in padded.iter_mut().zip(state.get(start..).unwrap_or(&[])) {
                *to = *from;
            }
            padded
        };
        let cut = |state: &[u8]| state[..state.len().min(bytes.len())].to_vec();
        history.iter().any(|state| state.len() == bytes.len())
            && (0..bytes.len())
                .step_by(512)
                .all(|start| history.iter().any(|state| sector(&cut(state), start) == sector(bytes, start)))
    }
}

/// Runs the steps on both; the disk's answer and the oracle's must agree on the way already.
fn run(steps: &[Step], disk: &SimStorage) -> Oracle {
    let mut oracle = Oracle { histories: Vec::new(), dirs: vec![BTreeMap::new()] };
    for (number, step) in steps.iter().enumerate() {
        let name = |file: usize| format!("f{file}");
        let mut dir = oracle.dir();
        let change = |oracle: &mut Oracle, file: usize, edit: &dyn Fn(&dyn StorageFile, &mut Vec<u8>)| {
            if let Some(inode) = oracle.dir().get(&name(file)) {
                let mut state = oracle.histories[*inode].last().cloned().unwrap_or_default();
                edit(&*disk.open(&name(file), OpenMode::ReadWrite).unwrap(), &mut state);
                oracle.histories[*inode].push(state);
            }
        };
        match *step {
            Step::Write { file, offset, len } => change(&mut oracle, file, &|handle, state| {
                let (bytes, end) = (vec![number as u8 + 1; len], offset as usize + len);
                handle.write_at(&bytes, offset).unwrap();
                state.resize(state.len().max(end), 0);
                state[offset as usize..end].copy_from_slice(&bytes);
            }),
            Step::SetLen { file, len } => change(&mut oracle, file, &|handle, state| {
                handle.set_len(len).unwrap();
                state.resize(len as usize, 0);
            }),
            Step::Sync { file } => {
                if let Some(inode) = dir.get(&name(file)) {
                    disk.open(&name(file), OpenMode::Read).unwrap().sync_data().unwrap();
                    let history = &mut oracle.histories[*inode];
                    history.drain(..history.len() - 1);
                }
            }
            Step::Create { file } => {
                if disk.open(&name(file), OpenMode::CreateNew).is_ok() {
                    dir.insert(name(file), oracle.histories.len());
                    oracle.histories.push(vec![Vec::new()]);
                    oracle.dirs.push(dir);
                }
            }
            Step::Remove { file } => {
                if disk.remove(&name(file)).is_ok() {
                    dir.remove(&name(file)).unwrap();
                    oracle.dirs.push(dir);
                }
            }
            Step::Rename { from, to } => {
                if disk.rename(&name(from), &name(to)).is_ok() {
                    let inode = dir.remove(&name(from)).unwrap();
                    dir.insert(name(to), inode);
                    oracle.dirs.push(dir);
                }
            }
            Step::SyncDir => {
                disk.sync_dir("").unwrap();
                oracle.dirs = vec![dir];
            }
        }
    }
    oracle
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// The promise that everything above stands on: whatever was synced is there after any crash, and what was not is
    /// a mix of states that the file went through; never anything else.
    #[test]
    fn no_crash_loses_what_was_synced(steps in prop::collection::vec(step(), 1..40), seed: u64) {
        let disk = SimStorage::new(seed, SimOptions::default());
        let oracle = run(&steps, &disk);
        for image in [disk.crash_keep_all(), disk.crash_lose_all()].into_iter().chain((0..12).map(|_| disk.crash())) {
            prop_assert_eq!(oracle.check(&image), Ok(()));
            // What the boot found is on the medium: a second crash changes nothing.
            let again = image.crash();
            for name in image.list("").unwrap() {
                prop_assert_eq!(contents(&image, &name), contents(&again, &name));
            }
        }
        for (name, inode) in oracle.dir() {
            prop_assert_eq!(&contents(&disk, &name), oracle.histories[inode].last().unwrap());
        }
    }
}

/// The oracle itself must be able to say no: a lying disk loses what it said was synced.
#[test]
fn the_oracle_catches_a_lying_disk() {
    let disk = SimStorage::new(42, SimOptions::default());
    disk.set_lying_syncs(true);
    let steps =
        [Step::Create { file: 0 }, Step::SyncDir, Step::Write { file: 0, offset: 0, len: 600 }, Step::Sync { file: 0 }];
    let oracle = run(&steps, &disk);
    assert!(oracle.check(&disk.crash_lose_all()).is_err());
    assert_eq!(oracle.check(&disk.crash_keep_all()), Ok(()));
}
