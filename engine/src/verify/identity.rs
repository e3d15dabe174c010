//! Whose log it is: manifest, `log.pub`, the key that the caller trusts. The genesis record is compared in `records`.

use indelible_evidence::key::VerifierKey;
use indelible_evidence::rotation::KeyTrail;
use indelible_format::names::{LOG_PUB, MANIFEST, rotation_file_name};

use super::VerifyOptions;
use super::findings::Findings;
use super::taken::Taken;
use crate::error::{Corruption, Error, FormatContext, Result};

/// The key that the caller trusts, if one was given.
pub(super) fn key_option(options: &VerifyOptions) -> Result<Option<VerifierKey>> {
    let Some(text) = &options.key else { return Ok(None) };
    let refuse = |problem: String| Error::Option { option: "key", problem };
    VerifierKey::parse(text.trim_end())
        .map(Some)
        .map_err(|error| refuse(format!("{error}; a verifier key reads NAME+KEYID+BASE64, as in the file log.pub")))
}

/// Checks that manifest, `log.pub` and the trusted key agree ([CHK-4], [CHK-1]); gives the keys that checkpoints must have.
pub(super) fn check(taken: &Taken, trusted: Option<&VerifierKey>, findings: &mut Findings) -> Option<KeyTrail> {
    let manifest = &taken.manifest;
    let own = findings.ok(VerifierKey::parse(&manifest.key).in_file(MANIFEST, 0));
    if let Some(own) = &own
        && own.name() != manifest.origin
    {
        let problem = format!("the key is named {:?}, the origin is {:?}", own.name(), manifest.origin);
        findings.broken(Corruption::at(MANIFEST, 0, problem));
    }
    match &taken.log_pub {
        None => findings.broken(Corruption::at(LOG_PUB, 0, "the file is missing: it holds the log's verifier key")),
        Some(bytes) => {
            let expected = format!("{}\n", manifest.key);
            if bytes != expected.as_bytes() {
                let same = bytes.iter().zip(expected.as_bytes()).take_while(|(a, b)| a == b).count() as u64;
                let problem = format!("expected the manifest's key {} and a line feed", manifest.key);
                findings.broken(Corruption::at(LOG_PUB, same, problem));
            }
        }
    }
    let mut trail = trail(taken, own?, findings)?;
    if let Some(trusted) = trusted
        && trail.trust(trusted).is_err()
    {
        let problem = format!("the log's key is {}, not the one given, {trusted}, nor did it follow", manifest.key);
        findings.broken(Corruption::at(MANIFEST, 0, problem));
        return Some(KeyTrail::new(trusted.clone()));
    }
    Some(trail)
}

/// Follows the rotations from the first key ([CHK-7]). Where one does not hold, the keys before it are all that is trusted.
fn trail(taken: &Taken, first: VerifierKey, findings: &mut Findings) -> Option<KeyTrail> {
    let mut trail = KeyTrail::new(first);
    for (epoch, (name, bytes)) in (1..).zip(&taken.rotations) {
        if *name != rotation_file_name(epoch) {
            let problem = format!("the rotation to epoch {epoch} is missing");
            findings.broken(Corruption::at(name, 0, problem));
            break;
        }
        let text = String::from_utf8_lossy(bytes);
        if findings.ok(trail.push(&text).in_file(name, 0)).is_none() {
            break;
        }
    }
    Some(trail)
}
