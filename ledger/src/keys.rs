//! Where the signing key lies: outside the log directory, readable by its owner alone.
//!
//! ```text
//! named by the caller  |  $XDG_DATA_HOME/indelible/keys/<log id>.key  |  $HOME/.local/share/indelible/keys/<log id>.key
//! ```

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use indelible_format::LogId;
use indelible_format::key::SigningKey;

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

/// Makes a signing key and writes it to a file that must not exist, mode 0600.
pub(crate) fn create(file: &Path, origin: &str) -> Result<SigningKey> {
    let refuse = |problem: String| Error::Key { file: file.to_owned(), problem };
    let mut seed = [0u8; 32];
    getrandom::fill(&mut seed).map_err(|error| refuse(format!("the system gave no randomness: {error}")))?;
    let key = SigningKey::generate(seed, origin).map_err(|error| refuse(error.to_string()))?;
    if let Some(dir) = file.parent() {
        fs::create_dir_all(dir).map_err(|error| refuse(format!("its directory cannot be made: {error}")))?;
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
