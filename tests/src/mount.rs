//! File systems of a test's own: a small tmpfs, ext4 and xfs in a file on a loop device, and their power switch.
//!
//! ```text
//! image file ──mkfs──> mount -o loop ──> used, shut down without flushing its log ──> unmounted, mounted again: as after a power cut
//! ```
//!
//! Needs root, loop devices and the tools; [`Mount`] says what is missing, and the test that asked is skipped with that.
//! Unmounted on drop, whatever happened.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A mounted file system.
#[derive(Debug)]
pub struct Mount {
    at: PathBuf,
    mounted: bool,
}

/// Kinds of file systems that have a power switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Journaled {
    /// ext4: `EXT4_IOC_SHUTDOWN`.
    Ext4,
    /// xfs: `XFS_IOC_GOINGDOWN`, the same number.
    Xfs,
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    match Command::new(program).args(arguments).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{program} failed: {}", String::from_utf8_lossy(&output.stderr).trim())),
        Err(error) => Err(format!("{program} is missing or does not run: {error}")),
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}

impl Mount {
    /// A tmpfs of `bytes` at `at`, which must be an empty directory.
    ///
    /// # Errors
    /// What is missing, in words for a message.
    pub fn tmpfs(at: &Path, bytes: u64) -> Result<Self, String> {
        run("mount", &["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs", text(at)])?;
        Ok(Self { at: at.to_owned(), mounted: true })
    }

    /// Makes a file system of `mib` MiB in the file `image`.
    ///
    /// # Errors
    /// What is missing.
    pub fn make(kind: Journaled, image: &Path, mib: u64) -> Result<(), String> {
        File::create(image).and_then(|file| file.set_len(mib << 20)).map_err(|error| error.to_string())?;
        match kind {
            Journaled::Ext4 => run("mkfs.ext4", &["-q", "-F", text(image)]),
            Journaled::Xfs => run("mkfs.xfs", &["-q", "-f", text(image)]),
        }
    }

    /// Mounts the file system in `image` at `at`.
    ///
    /// # Errors
    /// What is missing.
    pub fn image(image: &Path, at: &Path) -> Result<Self, String> {
        run("mount", &["-o", "loop", text(image), text(at)])?;
        Ok(Self { at: at.to_owned(), mounted: true })
    }

    /// Cuts the power: nothing that is not on the device gets there any more, the file system's own log included.
    ///
    /// # Errors
    /// Where the call fails or there is nothing to make it with.
    pub fn cut_power(&self) -> Result<(), String> {
        // EXT4_IOC_SHUTDOWN and XFS_IOC_GOINGDOWN are one number, _IOR('X', 125, __u32); 2: without flushing the log. Made by
        // perl, because a call by number would be the only unsafe code of these tests.
        let call = r#"open(my $dir, "<", $ARGV[0]) or die "$!"; my $how = pack("L", 2); ioctl($dir, 0x8004587d, $how) or die "$!""#;
        run("perl", &["-e", call, text(&self.at)])
    }

    /// Unmounts.
    ///
    /// # Errors
    /// What `umount` says.
    pub fn unmount(mut self) -> Result<(), String> {
        run("umount", &[text(&self.at)])?;
        self.mounted = false;
        Ok(())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if self.mounted {
            // Lazily: a process that still has a file open must not keep the test from ending.
            let _ = run("umount", &["-l", text(&self.at)]);
        }
    }
}
