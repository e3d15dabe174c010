//! What every storage must do, run against all of them; and what only the real one has: permissions, links, processes.
//!
//! Invariant: a check in the first part uses the trait alone, so an implementation joins by a line in [`everywhere`].
//!
//! Deliberately not here: crashes and faults (`sim_tests.rs`).

use super::sim::{SimOptions, SimStorage};
use super::{Access, DirStorage, LockError, OpenMode, Storage};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

fn everywhere(check: fn(&dyn Storage)) {
    let dir = tempfile::tempdir().unwrap();
    check(&DirStorage::open(dir.path().join("log"), Access::Create).unwrap());
    check(&SimStorage::new(1, SimOptions::default()));
}

fn create(storage: &dyn Storage, name: &str, bytes: &[u8]) {
    storage.open(name, OpenMode::CreateNew).unwrap().write_at(bytes, 0).unwrap();
}

fn kind<T>(result: io::Result<T>) -> ErrorKind {
    match result {
        Ok(_) => panic!("an error was expected"),
        Err(error) => error.kind(),
    }
}

#[test]
fn open_modes_demand_what_they_say() {
    everywhere(|storage| {
        assert_eq!(kind(storage.open("a", OpenMode::Read)), ErrorKind::NotFound);
        assert_eq!(kind(storage.open("a", OpenMode::ReadWrite)), ErrorKind::NotFound);
        assert_eq!(kind(storage.open("d/a", OpenMode::CreateNew)), ErrorKind::NotFound);
        create(storage, "a", b"x");
        assert_eq!(kind(storage.open("a", OpenMode::CreateNew)), ErrorKind::AlreadyExists);
        assert_eq!(kind(storage.open("../a", OpenMode::Read)), ErrorKind::InvalidInput);
        let file = storage.open("a", OpenMode::Read).unwrap();
        // EBADF and EINVAL: neither may be mistaken for success.
        assert_eq!(file.write_at(b"y", 0).unwrap_err().raw_os_error(), Some(9));
        assert_eq!(file.set_len(0).unwrap_err().raw_os_error(), Some(22));
        assert_eq!(storage.read("a", 9).unwrap(), b"x");
    });
}

#[test]
fn bytes_are_read_where_they_were_written() {
    everywhere(|storage| {
        let file = storage.open("a", OpenMode::CreateNew).unwrap();
        assert!(file.is_empty().unwrap());
        file.write_at(b"hello", 5000).unwrap();
        file.write_at(b"", 9000).unwrap();
        file.write_at(b"J", 5000).unwrap();
        assert_eq!(file.len().unwrap(), 5005);
        let mut buf = [7; 8];
        for (offset, read, bytes) in
            [(0, 8, &[0; 8][..]), (4998, 7, b"\0\0Jello"), (5004, 1, b"o"), (5005, 0, b""), (9999, 0, b"")]
        {
            assert_eq!(file.read_at(&mut buf, offset).unwrap(), read, "{offset}");
            assert_eq!(&buf[..read], bytes, "{offset}");
        }
        assert_eq!(kind(file.read_exact_at(&mut buf, 4998)), ErrorKind::UnexpectedEof);
        file.read_exact_at(&mut buf[..7], 4998).unwrap();
        // A cut takes the bytes away for good.
        file.set_len(5002).unwrap();
        file.set_len(5006).unwrap();
        file.sync_data().unwrap();
        assert_eq!(storage.open("a", OpenMode::ReadWrite).unwrap().read_at(&mut buf, 4999).unwrap(), 7);
        assert_eq!(&buf[..7], b"\0Je\0\0\0\0");
    });
}

#[test]
fn directories_list_their_files_sorted() {
    everywhere(|storage| {
        assert!(storage.list("").unwrap().is_empty() && storage.list("d").unwrap().is_empty());
        assert!(!storage.exists("d").unwrap() && !storage.exists("d/x").unwrap());
        storage.create_dir("d").unwrap();
        storage.create_dir("d").unwrap();
        storage.create_dir("").unwrap();
        for name in ["b", "a", "d/2", "d/10"] {
            create(storage, name, b"");
        }
        assert_eq!(storage.list("").unwrap(), ["a", "b"]);
        assert_eq!(storage.list("d").unwrap(), ["10", "2"]);
        assert_eq!(storage.list("d").unwrap(), ["10", "2"], "listing twice gives the same");
        assert!(storage.exists("d").unwrap() && storage.exists("d/2").unwrap() && !storage.exists("d/3").unwrap());
        assert_eq!(kind(storage.create_dir("a")), ErrorKind::NotADirectory);
        assert_eq!(kind(storage.list("a")), ErrorKind::NotADirectory);
        assert_eq!(kind(storage.list("d/e")), ErrorKind::InvalidInput);
        assert_eq!(kind(storage.remove("d")), ErrorKind::IsADirectory);
        assert_eq!(kind(storage.sync_dir("e")), ErrorKind::NotFound);
        storage.sync_dir("d").unwrap();
        storage.sync_dir("").unwrap();
    });
}

#[test]
fn files_outlive_their_names() {
    everywhere(|storage| {
        create(storage, "a", b"old");
        create(storage, "b", b"new");
        let old = storage.open("a", OpenMode::ReadWrite).unwrap();
        let map = storage.map("a").unwrap();
        storage.rename("b", "a").unwrap();
        assert_eq!(storage.list("").unwrap(), ["a"]);
        assert_eq!(storage.read("a", 3).unwrap(), b"new");
        storage.remove("a").unwrap();
        // A directory sync may free what has no name; but not under an open handle.
        storage.sync_dir("").unwrap();
        let mut buf = [0; 3];
        old.read_exact_at(&mut buf, 0).unwrap();
        old.write_at(b"!", 3).unwrap();
        assert_eq!((&buf, &*map, old.len().unwrap()), (b"old", &b"old"[..], 4));
        assert_eq!(kind(storage.remove("a")), ErrorKind::NotFound);
        assert_eq!(kind(storage.rename("a", "b")), ErrorKind::NotFound);
        assert_eq!(kind(storage.rename("a", "d/a")), ErrorKind::InvalidInput);
    });
}

#[test]
fn large_and_small_files_map() {
    everywhere(|storage| {
        for len in [0, 1, 70_000, 200_001] {
            let bytes: Vec<u8> = (0..len).map(|i| (i * 31 / 7) as u8).collect();
            let name = len.to_string();
            create(storage, &name, &bytes);
            assert_eq!(*storage.map(&name).unwrap(), *bytes, "{len}");
        }
        assert_eq!(kind(storage.map("missing")), ErrorKind::NotFound);
    });
}

#[test]
fn read_refuses_what_is_too_long_before_allocating() {
    everywhere(|storage| {
        create(storage, "a", b"12345");
        assert_eq!(storage.read("a", 5).unwrap(), b"12345");
        assert_eq!(kind(storage.read("a", 4)), ErrorKind::InvalidData);
        // Sparse: no test machine has the memory for it.
        storage.open("a", OpenMode::ReadWrite).unwrap().set_len(1 << 33).unwrap();
        assert_eq!(kind(storage.read("a", 1 << 20)), ErrorKind::InvalidData);
    });
}

#[test]
fn replace_writes_over_what_is_there_and_over_leftovers() {
    everywhere(|storage| {
        storage.create_dir("d").unwrap();
        for name in ["m", "d/m"] {
            create(storage, &format!("{name}.tmp"), b"left over by a crash, and longer");
            storage.replace(name, b"one").unwrap();
            storage.replace(name, b"").unwrap();
            storage.replace(name, b"three").unwrap();
            assert_eq!(storage.read(name, 5).unwrap(), b"three");
        }
        assert_eq!(
            (storage.list("").unwrap(), storage.list("d").unwrap()),
            (vec!["m".to_owned()], vec!["m".to_owned()])
        );
        assert_eq!(kind(storage.replace("e/m", b"")), ErrorKind::NotFound);
        assert_eq!(kind(storage.replace("d", b"x")), ErrorKind::IsADirectory);
        assert_eq!(storage.list("").unwrap(), ["m"], "a failed replacement cleans up");
    });
}

#[test]
fn a_lock_has_one_holder_until_it_is_dropped() {
    everywhere(|storage| {
        let guard = storage.try_lock("LOCK").unwrap();
        assert!(guard.is_current().unwrap());
        match storage.try_lock("LOCK") {
            Err(LockError::Held { name, pid }) => {
                assert_eq!((name.as_str(), pid), ("LOCK", Some(std::process::id())))
            }
            other => panic!("{other:?}"),
        }
        let other = storage.try_lock("OTHER").unwrap();
        drop(guard);
        let again = storage.try_lock("LOCK").unwrap();
        assert!(again.is_current().unwrap() && other.is_current().unwrap());
        drop((again, other));
        assert_eq!(storage.read("LOCK", 10).unwrap(), b"", "a closed log does not remember its process");
        assert!(matches!(storage.try_lock("d/LOCK"), Err(LockError::Io { .. })));
    });
}

#[test]
fn a_lock_file_that_was_replaced_is_noticed() {
    everywhere(|storage| {
        let first = storage.try_lock("LOCK").unwrap();
        storage.remove("LOCK").unwrap();
        assert!(!first.is_current().unwrap(), "removed");
        // Nothing can keep the second one out; but the first learns of it.
        let second = storage.try_lock("LOCK").unwrap();
        assert!(second.is_current().unwrap() && !first.is_current().unwrap());
        drop(first);
        assert!(second.is_current().unwrap());
        assert!(
            matches!(storage.try_lock("LOCK"), Err(LockError::Held { .. })),
            "dropping the stale one frees nothing"
        );
    });
}

#[test]
fn handles_work_from_several_threads() {
    everywhere(|storage| {
        let file = storage.open("a", OpenMode::CreateNew).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4_u8 {
                let file = Arc::clone(&file);
                scope.spawn(move || {
                    for block in 0..50 {
                        file.write_at(&[thread + 1; 100], (block * 4 + u64::from(thread)) * 100).unwrap();
                    }
                });
            }
        });
        let bytes = storage.read("a", 20_000).unwrap();
        assert!(bytes.chunks(100).enumerate().all(|(i, block)| block == [i as u8 % 4 + 1; 100]));
        assert!(storage.free_bytes().unwrap() > 0);
    });
}

// The real directory alone.

fn real(access: Access, path: &Path) -> DirStorage {
    DirStorage::open(path, access).unwrap()
}

#[test]
fn read_only_access_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    create(&real(Access::ReadWrite, dir.path()), "a", b"x");
    let storage = real(Access::ReadOnly, dir.path());
    let refused = [
        kind(storage.open("a", OpenMode::ReadWrite)),
        kind(storage.open("b", OpenMode::CreateNew)),
        kind(storage.create_dir("d")),
        kind(storage.remove("a")),
        kind(storage.rename("a", "b")),
        kind(storage.replace("a", b"y")),
        kind(storage.sync_dir("")),
    ];
    assert_eq!(refused, [ErrorKind::ReadOnlyFilesystem; 7]);
    assert!(matches!(storage.try_lock("LOCK"), Err(LockError::Io { .. })));
    assert_eq!((storage.list("").unwrap(), storage.read("a", 1).unwrap()), (vec!["a".to_owned()], b"x".to_vec()));
    let missing = dir.path().join("missing");
    for access in [Access::ReadOnly, Access::ReadWrite] {
        assert_eq!(kind(DirStorage::open(&missing, access)), ErrorKind::NotFound);
    }
    assert_eq!(kind(DirStorage::open(missing.join("deeper"), Access::Create)), ErrorKind::NotFound);
    assert_eq!(kind(DirStorage::open(dir.path().join("a"), Access::Create)), ErrorKind::NotADirectory);
}

#[test]
fn files_are_private_and_the_directory_may_move() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let (before, after) = (dir.path().join("before"), dir.path().join("after"));
    let storage = real(Access::Create, &before);
    storage.create_dir("d").unwrap();
    create(&storage, "d/a", b"x");
    std::fs::rename(&before, &after).unwrap();
    std::fs::create_dir(&before).unwrap();
    create(&storage, "d/b", b"y");
    assert_eq!(storage.list("d").unwrap(), ["a", "b"]);
    for (path, mode) in [("", 0o700), ("d", 0o700), ("d/a", 0o600), ("d/b", 0o600)] {
        let bits = std::fs::metadata(after.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!(bits, mode, "{path}");
    }
}

#[test]
fn links_fifos_and_directories_are_not_files() {
    let dir = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), b"secret").unwrap();
    let storage = real(Access::ReadWrite, dir.path());
    std::os::unix::fs::symlink(outside.path().join("secret"), dir.path().join("link")).unwrap();
    std::os::unix::fs::symlink(outside.path(), dir.path().join("linked")).unwrap();
    let fifo = dir.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    storage.create_dir("d").unwrap();
    for name in ["link", "linked/secret", "fifo", "d"] {
        for opened in [storage.open(name, OpenMode::Read).err(), storage.map(name).err()] {
            assert!(opened.is_some(), "{name} was opened");
        }
        assert!(storage.try_lock(name).is_err(), "{name} was locked");
    }
    assert_eq!(storage.list("").unwrap(), ["fifo", "link", "linked"]);
    assert_eq!(std::fs::read(outside.path().join("secret")).unwrap(), b"secret");
}

/// The window between opening and locking: the winner must have locked the file that the name stands for.
#[test]
fn locks_raced_against_removal_leave_one_current_holder() {
    let dir = tempfile::tempdir().unwrap();
    let storage = real(Access::ReadWrite, dir.path());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..300 {
                    if let Ok(guard) = storage.try_lock("LOCK") {
                        // Whoever holds the lock is the only one to remove it, so until here nobody else can have.
                        assert!(guard.is_current().unwrap(), "locked a file that has no name any more");
                        storage.remove("LOCK").unwrap();
                    }
                }
            });
        }
    });
}
