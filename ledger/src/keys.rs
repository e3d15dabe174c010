//! Where the signing key lies: outside the log directory, readable by its owner alone. Both are checked before a key is used.
//!
//! ```text
//! named by the caller (after rotations: NAME.EPOCH.key beside it)  |  $XDG_DATA_HOME/indelible/keys/<log id>.key  |  $HOME/.local/share/indelible/keys/<log id>.key
//! ```

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use indelible_evidence::LogId;
use indelible_evidence::key::SigningKey;
use indelible_evidence::rotation::KeyTrail;

use crate::error::{Error, Result};

/// The default place of a log's signing key.
///
/// # Errors
/// [`Error::Key`] where neither `XDG_DATA_HOME` nor `HOME` says where the user's data lies.
pub fn default_key_file(log_id: LogId) -> Result<PathBuf> {
    let dir = std::env::var_os("XDG_DATA_HOME").filter(|dir| Path::new(dir).is_absolute()).map(PathBuf::from);
    let dir = dir.or_else(|| {
        let home = std::env::var_os("HOME").filter(|home| !home.is_empty())?;
        Some(Path::new(&home).join(".local/share"))
    });
    let dir = dir.ok_or_else(|| Error::Key {
        file: PathBuf::new(),
        problem: "neither XDG_DATA_HOME nor HOME is set, so there is no default place: name a key file".to_owned(),
    })?;
    Ok(dir.join("indelible/keys").join(format!("{log_id}.key")))
}

/// The place of the key of an epoch beside a key file: `audit.key` -> `audit.1.key`, `audit.1.key` -> `audit.2.key`.
pub(crate) fn of_epoch(file: &Path, epoch: u32) -> PathBuf {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let base = match stem.rsplit_once('.') {
        Some((base, number)) if !base.is_empty() && number.parse::<u32>().is_ok() => base.to_owned(),
        _ => stem,
    };
    let extension = file.extension().map_or_else(String::new, |end| format!(".{}", end.to_string_lossy()));
    file.with_file_name(format!("{base}.{epoch}{extension}"))
}

/// The current signing key, from `file` or, where that holds an older one of the log, from the place of the current epoch beside it.
/// Gives the key and where it lies; `None` where there is no file and `required` is not set.
pub(crate) fn load_current(file: &Path, required: bool, trail: &KeyTrail) -> Result<Option<(SigningKey, PathBuf)>> {
    let Some(key) = load(file, required)? else { return Ok(None) };
    if trail.epoch_of(&key.verifier()).is_some_and(|epoch| epoch < trail.epoch()) {
        let newer = of_epoch(file, trail.epoch());
        if let Some(current) = load(&newer, false)? {
            return Ok(Some((current, newer)));
        }
    }
    Ok(Some((key, file.to_owned())))
}

/// Makes a signing key and writes it to a file that must not exist, mode 0600.
pub(crate) fn create(file: &Path, origin: &str) -> Result<SigningKey> {
    let refuse = |problem: String| Error::Key { file: file.to_owned(), problem };
    let mut seed = [0u8; 32];
    getrandom::fill(&mut seed).map_err(|error| refuse(format!("the system gave no randomness: {error}")))?;
    let key = SigningKey::generate(seed, origin).map_err(|error| refuse(error.to_string()))?;
    if let Some(dir) = file.parent() {
        create_private_dir(dir).map_err(|error| refuse(format!("its directory cannot be made: {error}")))?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(file).map_err(|error| refuse(format!("cannot be created: {error}")))?;
    writeln!(out, "{}", key.to_text().as_str())
        .and_then(|()| out.sync_all())
        .map_err(|error| refuse(format!("cannot be written: {error}")))?;
    Ok(key)
}

/// Makes a directory, and those above it, that only their owner may enter, whatever the process's umask says.
pub(crate) fn create_private_dir(dir: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Refuses a key that others than its owner may read or change, or that lies where the log lies: whoever can take the key there
/// can sign for the log. Of a file that is not there yet only the place counts.
pub(crate) fn check_private(file: &Path, log: &Path) -> Result<()> {
    let refuse = |problem: String| Err(Error::Key { file: file.to_owned(), problem });
    if crate::outside::check(file, Some(log)).is_err() {
        return refuse(format!(
            "it lies in a log, so whoever can change that can sign what was changed: keep the key out of {}, and name its place \
             with --sign-key",
            log.display()
        ));
    }
    let Ok(metadata) = fs::metadata(file) else { return Ok(()) };
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777;
        if mode & 0o077 != 0 {
            return refuse(format!(
                "others than its owner can read or change it (mode {mode:04o}), so its signature proves nothing: run \
                 `chmod 600 {}`, and rotate the key where somebody else may have read it (`indelible key LOG rotate`)",
                file.display()
            ));
        }
    }
    Ok(())
}

/// Reads a signing key. `None` where the file is not there and `required` is not set.
pub(crate) fn load(file: &Path, required: bool) -> Result<Option<SigningKey>> {
    let refuse = |problem: String| Error::Key { file: file.to_owned(), problem };
    match fs::read_to_string(file) {
        Ok(text) => {
            let text = zeroize::Zeroizing::new(text);
            SigningKey::from_text(&text).map(Some).map_err(|error| refuse(error.to_string()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => Ok(None),
        Err(error) => Err(refuse(format!("cannot be read: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_later_epochs_lie_beside_the_first() {
        for (file, epoch, expected) in [
            ("d/audit.key", 1, "d/audit.1.key"),
            ("d/audit.1.key", 2, "d/audit.2.key"),
            ("key", 1, "key.1"),
            ("d/0f-3e.key", 12, "d/0f-3e.12.key"),
        ] {
            assert_eq!(of_epoch(Path::new(file), epoch), Path::new(expected));
        }
    }
}
