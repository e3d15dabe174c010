//! Inputs of `ingest`: files and stdin as readers that count what was read and end when the command is asked to stop.
//!
//! ```text
//! file  --------------------------------> Counted --> importer
//! stdin --> thread --> channel of blocks --> Counted      a blocked read cannot hold up a stop
//! ```

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use indicatif::ProgressBar;

use crate::failure::{InFile, Outcome};
use crate::signals::Stop;

/// Bytes that stdin's thread reads at once.
const BLOCK_BYTES: usize = 64 << 10;
/// Blocks that may wait between stdin and the importer.
const BLOCKS_WAITING: usize = 4;
/// How often a waiting reader looks whether it should stop.
const STOP_INTERVAL: Duration = Duration::from_millis(50);

/// The name under which stdin is given and reported.
pub const STDIN: &str = "-";

/// Whether the path stands for stdin.
pub fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == STDIN
}

/// Total bytes of the files; `None` where one of them is stdin or has no size.
pub fn total_bytes(files: &[PathBuf]) -> Option<u64> {
    files.iter().try_fold(0u64, |sum, file| {
        let metadata = std::fs::metadata(file).ok().filter(|metadata| metadata.is_file() && !is_stdin(file))?;
        Some(sum + metadata.len())
    })
}

/// An input as it was named or found in a folder: a path to read, or why there is nothing to read.
pub type Input = Result<PathBuf, Missing>;

/// An input that is not there or cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// What was named.
    pub path: PathBuf,
    /// Why it cannot be read.
    pub problem: String,
}

/// The inputs that the arguments name, in order, folders replaced by the files in them. Nothing is read yet.
pub fn gather(named: &[PathBuf]) -> Vec<Input> {
    let mut inputs = Vec::new();
    for path in named {
        if is_stdin(path) {
            inputs.push(Ok(path.clone()));
            continue;
        }
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                let before = inputs.len();
                folder(path, 0, &mut inputs);
                if inputs.len() == before {
                    let problem = "there are no files in this folder".to_owned();
                    inputs.push(Err(Missing { path: path.clone(), problem }));
                }
            }
            // A named pipe is not opened: it can be opened once only.
            Ok(metadata) if !metadata.is_file() => inputs.push(Ok(path.clone())),
            _ => inputs.push(readable(path)),
        }
    }
    inputs
}

/// Folders inside one another that are looked into.
const FOLDERS_MAX: usize = 64;

/// Adds the files of a folder and of those below it, by name. Links to folders are not followed, so there are no circles; a log
/// and what a file system keeps for its repair are no inputs.
fn folder(dir: &Path, depth: usize, inputs: &mut Vec<Input>) {
    let missing = |path: &Path, problem: String| Err(Missing { path: path.to_owned(), problem });
    if depth > FOLDERS_MAX {
        inputs.push(missing(dir, format!("more than {FOLDERS_MAX} folders inside one another")));
        return;
    }
    if dir.join("MANIFEST").is_file() && dir.join("log.pub").is_file() {
        inputs
            .push(missing(dir, "it is a log, which is no input: use `indelible query LOG --format ndjson`".to_owned()));
        return;
    }
    let listed = std::fs::read_dir(dir).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries = match listed {
        Ok(entries) => entries,
        Err(error) => return inputs.push(missing(dir, error.to_string())),
    };
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries.into_iter().filter(|entry| entry.file_name() != "lost+found") {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            folder(&path, depth + 1, inputs);
        } else if std::fs::metadata(&path).map_or(true, |metadata| metadata.is_file()) {
            inputs.push(readable(&path));
        }
    }
}

/// Whether a file can be opened now, so that a missing one is known before anything is created.
fn readable(path: &Path) -> Input {
    match File::open(path) {
        Ok(_) => Ok(path.to_owned()),
        Err(error) => Err(Missing { path: path.to_owned(), problem: error.to_string() }),
    }
}

/// Opens a file, or stdin for `-`.
///
/// # Errors
/// Where the file cannot be read, or is a directory.
pub fn open(path: &Path, bar: &ProgressBar, stop: &Stop) -> Outcome<Counted> {
    let inner: Box<dyn Read + Send> = if is_stdin(path) {
        Box::new(Interruptible::over(io::stdin()))
    } else {
        let file = File::open(path).doing("read", path)?;
        if file.metadata().doing("read", path)?.is_dir() {
            let error = io::Error::new(io::ErrorKind::IsADirectory, "it is a directory: name the files in it");
            return Err(error).doing("read", path);
        }
        Box::new(file)
    };
    Ok(Counted { inner, bar: bar.clone(), stop: stop.clone() })
}

/// A reader that moves the progress bar, and is at its end once the command should stop.
pub struct Counted {
    inner: Box<dyn Read + Send>,
    bar: ProgressBar,
    stop: Stop,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.stop.asked() {
                return Ok(0);
            }
            match self.inner.read(buffer) {
                Ok(bytes) => {
                    self.bar.inc(bytes as u64);
                    return Ok(bytes);
                }
                // Nothing came in time: a moment to look whether to go on.
                Err(error) if matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::Interrupted) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// A reader whose reads end after a while, with `TimedOut`, also where the one behind it blocks.
struct Interruptible {
    blocks: Receiver<io::Result<Vec<u8>>>,
    block: Vec<u8>,
    read: usize,
}

impl Interruptible {
    fn over(mut inner: impl Read + Send + 'static) -> Self {
        let (sender, blocks) = sync_channel(BLOCKS_WAITING);
        // The thread ends with the input or when nobody takes its blocks; a read that never ends dies with the process.
        std::thread::spawn(move || {
            loop {
                let mut block = vec![0; BLOCK_BYTES];
                let message = match inner.read(&mut block) {
                    Ok(0) => break,
                    Ok(bytes) => {
                        block.truncate(bytes);
                        Ok(block)
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => Err(error),
                };
                let last = message.is_err();
                if sender.send(message).is_err() || last {
                    break;
                }
            }
        });
        Self { blocks, block: Vec::new(), read: 0 }
    }
}

impl Read for Interruptible {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read == self.block.len() {
            self.block = match self.blocks.recv_timeout(STOP_INTERVAL) {
                Ok(block) => block?,
                Err(RecvTimeoutError::Timeout) => return Err(io::ErrorKind::TimedOut.into()),
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
            };
            self.read = 0;
        }
        let bytes = self.block.get(self.read..).unwrap_or_default().read(buffer)?;
        self.read += bytes;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one block, then blocks for ever.
    struct Stuck(bool);

    impl Read for Stuck {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                loop {
                    std::thread::park();
                }
            }
            (&b"abc"[..]).read(buffer)
        }
    }

    #[test]
    fn a_stuck_input_cannot_hold_up_a_stop() {
        let stop = Stop::default();
        let bar = ProgressBar::hidden();
        let inner = Box::new(Interruptible::over(Stuck(false)));
        let mut reader = Counted { inner, bar: bar.clone(), stop: stop.clone() };
        let mut buffer = [0; 8];
        assert_eq!(reader.read(&mut buffer).ok(), Some(3));
        let waiter = std::thread::spawn(move || reader.read(&mut [0; 8]).ok());
        stop.ask();
        assert_eq!(waiter.join().expect("no panic"), Some(0));
        assert_eq!(bar.position(), 3);
    }

    #[test]
    fn blocks_come_whole_and_in_order() {
        let data: Vec<u8> = (0..300_000u32).map(|at| at as u8).collect();
        let inner = Box::new(Interruptible::over(io::Cursor::new(data.clone())));
        let mut reader = Counted { inner, bar: ProgressBar::hidden(), stop: Stop::default() };
        let mut read = Vec::new();
        reader.read_to_end(&mut read).expect("memory");
        assert_eq!(read, data);
    }

    #[test]
    fn a_folder_stands_for_its_files() {
        let dir = tempfile::tempdir().expect("a directory");
        let at = |name: &str| dir.path().join(name);
        for made in ["in/b", "in/lost+found", "in/log", "empty"] {
            std::fs::create_dir_all(at(made)).expect("made");
        }
        for file in ["in/c", "in/b/a", "in/a", "in/lost+found/x", "in/log/MANIFEST", "in/log/log.pub"] {
            std::fs::write(at(file), "x").expect("written");
        }
        std::os::unix::fs::symlink(at("in"), at("in/circle")).expect("linked");
        std::os::unix::fs::symlink(at("gone"), at("in/dangling")).expect("linked");
        let found = gather(&[at("in"), at("empty"), at("gone"), PathBuf::from(STDIN)]);
        let names: Vec<(bool, PathBuf)> = found
            .iter()
            .map(|input| match input {
                Ok(path) => (true, path.clone()),
                Err(missing) => (false, missing.path.clone()),
            })
            .collect();
        let expected = [
            (true, at("in/a")),
            (true, at("in/b/a")),
            (true, at("in/c")),
            (false, at("in/dangling")),
            (false, at("in/log")),
            (false, at("empty")),
            (false, at("gone")),
            (true, PathBuf::from(STDIN)),
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn a_directory_and_a_missing_file_are_named() {
        for path in [std::env::temp_dir(), PathBuf::from("no/such/file")] {
            let failure = open(&path, &ProgressBar::hidden(), &Stop::default()).err().expect("refused");
            assert!(failure.to_string().contains(&path.display().to_string()), "{failure}");
        }
        assert_eq!(total_bytes(&[PathBuf::from(STDIN)]), None);
        assert_eq!(total_bytes(&[]), Some(0));
    }
}
