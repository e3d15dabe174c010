//! The files outside a log's directory on a real machine. With `ledger/tests` the only place of this crate that opens files.
//!
//! ```text
//! NAME.PID.N.tmp (0600) ── write, fsync ──┬─ link to NAME, unlink: create, fails where NAME exists
//!                                         └─ rename over NAME: replace          then fsync of the directory
//! ```
//!
//! Invariants: modes do not depend on the umask's generosity; a temporary file has a name that no other thread or process uses. What a
//! killed process leaves of one is private and means nothing. Not here: following a log's own rules for its directory (the engine).

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub mod outputs;

use super::outside::Outside;

/// The machine's own files.
#[derive(Debug, Clone, Copy, Default)]
pub struct Machine;

/// Numbers temporary files of this process.
static TEMPORARIES: AtomicU64 = AtomicU64::new(0);

impl Outside for Machine {
    fn data_dir(&self) -> Option<PathBuf> {
        let dir = std::env::var_os("XDG_DATA_HOME").filter(|dir| Path::new(dir).is_absolute()).map(PathBuf::from);
        dir.or_else(|| {
            let home = std::env::var_os("HOME").filter(|home| !home.is_empty())?;
            Some(Path::new(&home).join(".local/share"))
        })
    }

    fn absolute(&self, file: &Path) -> io::Result<PathBuf> {
        std::path::absolute(file)
    }

    fn lies_in(&self, file: &Path, dir: &Path) -> bool {
        outputs::check(file, Some(dir)).is_err()
    }

    fn mode(&self, file: &Path) -> io::Result<Option<u32>> {
        match fs::metadata(file) {
            Ok(metadata) => Ok(Some(metadata.permissions().mode() & 0o777)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read(&self, file: &Path, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let mut bytes = Vec::new();
        file.take(bytes_max as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > bytes_max {
            let problem = format!("it has more than the {bytes_max} bytes that such a file can have");
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        Ok(Some(bytes))
    }

    fn create(&self, file: &Path, bytes: &[u8]) -> io::Result<()> {
        let temporary = Temporary::write(file, bytes)?;
        match fs::hard_link(&temporary.0, file) {
            Ok(()) => {}
            // A file system without links: the file may be seen before it is whole, but never in the place of another.
            Err(error) if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported) => {
                let mut out = private().create_new(true).open(file)?;
                out.write_all(bytes).and_then(|()| out.sync_all())?;
            }
            Err(error) => return Err(error),
        }
        drop(temporary);
        sync_parent(file)
    }

    fn replace(&self, file: &Path, bytes: &[u8]) -> io::Result<()> {
        let temporary = Temporary::write(file, bytes)?;
        fs::rename(&temporary.0, file)?;
        std::mem::forget(temporary);
        sync_parent(file)
    }

    fn append(&self, file: &Path, bytes: &[u8]) -> io::Result<()> {
        let is_new = !file.exists();
        let mut out = OpenOptions::new().create(true).append(true).mode(0o600).open(file)?;
        out.write_all(bytes)?;
        out.sync_all()?;
        if is_new { sync_parent(file) } else { Ok(()) }
    }

    fn lock(&self, file: &Path) -> io::Result<Box<dyn Send>> {
        let mut name = file.as_os_str().to_owned();
        name.push(".lock");
        let lock = private().create(true).truncate(false).open(PathBuf::from(name))?;
        lock.lock()?;
        Ok(Box::new(lock))
    }

    fn run(&self, command: &str, input: &[u8], limit: Duration) -> io::Result<()> {
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // A group of its own, so that what the shell started ends with it.
        let mut child = shell.process_group(0).spawn()?;
        let deadline = Instant::now() + limit;
        // A note is far smaller than a pipe, so writing it does not wait for the command; one that reads nothing is no failure.
        let written = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(input));
        loop {
            match child.try_wait()? {
                Some(status) if status.success() => {
                    return written.or_else(|error| match error.kind() {
                        io::ErrorKind::BrokenPipe => Ok(()),
                        _ => Err(error),
                    });
                }
                Some(status) => return Err(io::Error::other(format!("it ended with {status}"))),
                None if Instant::now() >= deadline => {
                    let group = rustix::process::Pid::from_child(&child);
                    let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
                    child.wait()?;
                    let problem = format!("it took longer than {} s and was ended", limit.as_secs());
                    return Err(io::Error::new(io::ErrorKind::TimedOut, problem));
                }
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }
}

/// A file that is written beside the one it is to become, and removed if it does not become it.
struct Temporary(PathBuf);

impl Temporary {
    fn write(file: &Path, bytes: &[u8]) -> io::Result<Self> {
        let dir = parent(file);
        if !dir.exists() {
            make_dirs(dir)?;
        }
        let number = TEMPORARIES.fetch_add(1, Ordering::Relaxed);
        let mut name = file.as_os_str().to_owned();
        name.push(format!(".{}.{number}.tmp", std::process::id()));
        let temporary = Temporary(PathBuf::from(name));
        // A dead process may have had this one's number.
        match fs::remove_file(&temporary.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut out = private().create_new(true).open(&temporary.0)?;
        out.write_all(bytes)?;
        out.sync_all()?;
        Ok(temporary)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Tidiness only: whatever made it needless was said already.
        let _ = fs::remove_file(&self.0);
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

/// Makes a directory with those on the way to it, and has each of them found after a crash.
fn make_dirs(dir: &Path) -> io::Result<()> {
    if let Some(above) = dir.parent()
        && !above.as_os_str().is_empty()
        && !above.exists()
    {
        make_dirs(above)?;
    }
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_parent(dir),
    }
}

fn parent(file: &Path) -> &Path {
    file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync_parent(file: &Path) -> io::Result<()> {
    File::open(parent(file))?.sync_all()
}
