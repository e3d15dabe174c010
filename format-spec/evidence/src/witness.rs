//! Witnesses: cosignatures of checkpoints, and how many of whose are asked for.
//!
//! ```text
//! — <witness name> base64(key id 4 || time u64 big-endian || Ed25519 64)        over "cosignature/v1\ntime <t>\n" + checkpoint text
//! policy file:  quorum 2 / witness <name>+<key id>+<base64(04 || public key)> / ...
//! ```
//!
//! Invariants: a line of a known witness verifies or the note is refused; a witness counts once. Not here: whether the note
//! is the log's (`checkpoint`), getting cosignatures from anywhere. Specified in `format-spec/12-witness.md`.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::checkpoint::Checkpoint;
use crate::ed25519;
use crate::error::{FormatError, Problem};
use crate::key::check_origin;

const NAME: &str = "cosignature";
/// Signature type of cosignatures in signed notes.
const ALGORITHM: u8 = 4;

/// A witness's verifier key.
#[derive(Clone, PartialEq, Eq)]
pub struct WitnessKey {
    name: String,
    id: [u8; 4],
    key: ed25519_dalek::VerifyingKey,
}

impl WitnessKey {
    /// Reads the text form.
    ///
    /// # Errors
    /// Where the text is not exactly in the form, its key id is not that of its key, or the key is no sound public key.
    pub fn parse(text: &str) -> Result<Self, FormatError> {
        let invalid = |why: &'static str| FormatError::invalid("witness key", "key", 0, why);
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(body)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(invalid("not of the form name+id+key"));
        };
        check_origin(name)?;
        let decoded = STANDARD.decode(body).map_err(|_| invalid("not padded base64"))?;
        let Some((&ALGORITHM, bytes)) = decoded.split_first() else {
            return Err(invalid("not a key of cosignatures (type 04)"));
        };
        let bytes: &[u8; 32] = bytes.try_into().map_err(|_| invalid("a key has 32 bytes"))?;
        let key = ed25519::public_key(bytes);
        let read = Self::new(name, key.ok_or_else(|| invalid("not a sound Ed25519 public key in its one encoding"))?);
        if hex_id(read.id) != id {
            return Err(invalid("the key id is not that of the key: the text is damaged"));
        }
        Ok(read)
    }

    fn new(name: &str, key: ed25519_dalek::VerifyingKey) -> Self {
        let hash = Sha256::new().chain_update(name).chain_update([b'\n', ALGORITHM]).chain_update(key.as_bytes());
        let [a, b, c, d, ..]: [u8; 32] = hash.finalize().into();
        Self { name: name.to_owned(), id: [a, b, c, d], key }
    }

    /// The witness's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The time of this witness's cosignature in a line; `None` where the line is another's.
    fn check_line(&self, text: &str, line: &str) -> Result<Option<u64>, FormatError> {
        let refuse = |why: &'static str| FormatError::new(NAME, "signature", 0, Problem::Hash(why.into()));
        let Some((name, body)) = line.strip_prefix("\u{2014} ").and_then(|rest| rest.split_once(' ')) else {
            return Ok(None);
        };
        let decoded = STANDARD.decode(body).unwrap_or_default();
        let Some((id, rest)) = decoded.split_first_chunk::<4>() else { return Ok(None) };
        if name != self.name || *id != self.id {
            return Ok(None);
        }
        let parts = rest
            .split_first_chunk::<8>()
            .and_then(|(time, signature)| Some((u64::from_be_bytes(*time), <&[u8; 64]>::try_from(signature).ok()?)));
        let (time, signature) = parts.ok_or_else(|| refuse("not a time and a signature"))?;
        if !ed25519::verifies(&self.key, message(text, time).as_bytes(), signature) {
            return Err(refuse("not the witness's signature of this checkpoint"));
        }
        Ok(Some(time))
    }
}

impl fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let typed = [&[ALGORITHM][..], self.key.as_bytes()].concat();
        write!(f, "{}+{}+{}", self.name, hex_id(self.id), STANDARD.encode(typed))
    }
}

impl fmt::Debug for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WitnessKey({self})")
    }
}

/// A cosignature that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosignature {
    /// Name of the witness.
    pub witness: String,
    /// When it signed, by its own clock: seconds since 1970.
    pub time: u64,
}

/// Witnesses and how many of them must have cosigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessPolicy {
    witnesses: Vec<WitnessKey>,
    quorum: usize,
}

impl WitnessPolicy {
    /// A policy of these witnesses ([WIT-2]).
    ///
    /// # Errors
    /// Where the quorum is none that the witnesses can reach, or two of them are one.
    pub fn new(witnesses: Vec<WitnessKey>, quorum: usize) -> Result<Self, FormatError> {
        let invalid = |why: &'static str| FormatError::invalid("witness policy", "quorum", 0, why);
        if quorum == 0 || quorum > witnesses.len() {
            return Err(invalid("the quorum is at least 1 and at most the number of witnesses"));
        }
        let mut keys: Vec<&[u8; 32]> = witnesses.iter().map(|witness| witness.key.as_bytes()).collect();
        keys.sort_unstable();
        if keys.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(invalid("two witnesses have the same key"));
        }
        Ok(Self { witnesses, quorum })
    }

    /// Reads a policy file.
    ///
    /// # Errors
    /// The line that is not understood; as [`WitnessPolicy::new`].
    pub fn parse(text: &str) -> Result<Self, FormatError> {
        let (mut witnesses, mut quorum) = (Vec::new(), None);
        for (number, line) in (1u32..).zip(text.lines()) {
            let invalid = |why: &str| {
                let why = format!("line {number}: {why}");
                Err(FormatError::invalid("witness policy", "line", 0, why))
            };
            match line.trim_end().split_once(' ') {
                _ if line.trim().is_empty() || line.starts_with('#') => {}
                Some(("quorum", value)) if quorum.is_none() => match value.parse::<usize>() {
                    Ok(value) => quorum = Some(value),
                    Err(_) => return invalid("the quorum is a number"),
                },
                Some(("witness", key)) => witnesses.push(WitnessKey::parse(key)?),
                _ => return invalid("`quorum N` once, or `witness KEY`, is expected"),
            }
        }
        Self::new(witnesses, quorum.unwrap_or(0))
    }

    /// How many witnesses must have cosigned.
    pub fn quorum(&self) -> usize {
        self.quorum
    }

    /// The cosignatures of this policy's witnesses on a note ([WIT-1]). Their number is not judged.
    ///
    /// # Errors
    /// Where a line of a witness of the policy does not verify, or stands twice.
    pub fn cosignatures(&self, note: &str) -> Result<Vec<Cosignature>, FormatError> {
        let mut found = Vec::new();
        for witness in &self.witnesses {
            let mut times = Vec::new();
            for line in lines(note)?.1 {
                times.extend(witness.check_line(lines(note)?.0, line)?);
            }
            match times.as_slice() {
                [] => {}
                [time] => found.push(Cosignature { witness: witness.name.clone(), time: *time }),
                _ => return Err(FormatError::invalid(NAME, "signature", 0, "two lines of one witness")),
            }
        }
        Ok(found)
    }

    /// `note` with the lines of this policy's witnesses that `cosigned`, a note of the same checkpoint, has and it has not.
    ///
    /// # Errors
    /// Where the notes are of different checkpoints, or a line of a witness does not verify.
    pub fn merge(&self, note: &str, cosigned: &str) -> Result<String, FormatError> {
        let ((text, mine), (other, theirs)) = (lines(note)?, lines(cosigned)?);
        if text != other {
            return Err(FormatError::invalid(NAME, "text", 0, "the notes are of different checkpoints"));
        }
        let mut merged = note.to_owned();
        for witness in &self.witnesses {
            let mut cosigns = |line: &&str| witness.check_line(text, line).transpose();
            if mine.iter().find_map(&mut cosigns).transpose()?.is_some() {
                continue;
            }
            for line in &theirs {
                if witness.check_line(text, line)?.is_some() {
                    merged.push_str(line);
                    merged.push('\n');
                    break;
                }
            }
        }
        self.cosignatures(&merged)?;
        Ok(merged)
    }
}

/// Signs checkpoints as a witness does. Whoever uses it sees to it that each extends the one before.
pub struct WitnessSigner {
    name: String,
    key: ed25519_dalek::SigningKey,
}

impl WitnessSigner {
    /// The witness of a seed of 32 random bytes.
    ///
    /// # Errors
    /// Where `name` is none that a note can have.
    pub fn new(seed: [u8; 32], name: &str) -> Result<Self, FormatError> {
        let seed = Zeroizing::new(seed);
        check_origin(name)?;
        Ok(Self { name: name.to_owned(), key: ed25519_dalek::SigningKey::from_bytes(&seed) })
    }

    /// The key that verifies its cosignatures.
    pub fn verifier(&self) -> WitnessKey {
        WitnessKey::new(&self.name, self.key.verifying_key())
    }

    /// The note with its cosignature, made at `time` (seconds since 1970).
    ///
    /// # Errors
    /// Where `note` is none.
    pub fn cosign(&self, note: &str, time: u64) -> Result<String, FormatError> {
        let (text, _) = lines(note)?;
        let signature = self.key.sign(message(text, time).as_bytes()).to_bytes();
        let body = [&self.verifier().id[..], &time.to_be_bytes(), &signature].concat();
        Ok(format!("{note}\u{2014} {} {}\n", self.name, STANDARD.encode(body)))
    }
}

impl fmt::Debug for WitnessSigner {
    /// Shows whose key it is, never the seed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WitnessSigner({})", self.verifier())
    }
}

/// The checkpoint's text and the signature lines of a note.
fn lines(note: &str) -> Result<(&str, Vec<&str>), FormatError> {
    let invalid = |why: &'static str| FormatError::invalid(NAME, "note", 0, why);
    let border = note.find("\n\n").ok_or_else(|| invalid("no empty line before the signatures"))?;
    let (text, rest) = note.split_at(border + 1);
    Checkpoint::parse_text(text)?;
    let rest = rest.strip_prefix('\n').and_then(|rest| rest.strip_suffix('\n'));
    Ok((text, rest.ok_or_else(|| invalid("the last line is not ended"))?.split('\n').collect()))
}

fn message(text: &str, time: u64) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

fn hex_id(id: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{open_checkpoint, sign_checkpoint};
    use crate::key::SigningKey;

    fn note(size: u64) -> String {
        let key = SigningKey::generate([9; 32], "log.example/w").unwrap();
        sign_checkpoint(&Checkpoint { origin: "log.example/w".into(), size, root: [3; 32] }, &key).unwrap()
    }

    fn witness(seed: u8) -> WitnessSigner {
        WitnessSigner::new([seed; 32], &format!("witness.example/{seed}")).unwrap()
    }

    fn policy(seeds: &[u8], quorum: usize) -> WitnessPolicy {
        WitnessPolicy::new(seeds.iter().map(|&seed| witness(seed).verifier()).collect(), quorum).unwrap()
    }

    /// [WIT-1]
    #[test]
    fn cosignatures_hold_for_their_checkpoint_and_no_other() {
        let cosigned = witness(2).cosign(&witness(1).cosign(&note(7), 100).unwrap(), 200).unwrap();
        let found = policy(&[1, 2, 3], 2).cosignatures(&cosigned).unwrap();
        let times: Vec<u64> = found.iter().map(|cosignature| cosignature.time).collect();
        assert_eq!(times, [100, 200]);
        let key = SigningKey::generate([9; 32], "log.example/w").unwrap().verifier();
        assert_eq!(open_checkpoint(&cosigned, &key).unwrap().size, 7);
        assert!(policy(&[1], 1).cosignatures(&cosigned.replace("\n7\n", "\n8\n")).is_err());
        let twice = witness(1).cosign(&cosigned, 101).unwrap();
        assert!(policy(&[1], 1).cosignatures(&twice).is_err());
        let last = cosigned.lines().last().unwrap().to_owned();
        for at in "\u{2014} witness.example/2 ".len() + 6..last.len() - 2 {
            let mut changed = last.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = cosigned.replace(&last, &String::from_utf8(changed).unwrap());
            assert!(policy(&[2], 1).cosignatures(&changed).is_err(), "character {at}");
        }
    }

    #[test]
    fn merging_adds_what_is_missing_and_verifies_it() {
        let both = policy(&[1, 2], 1);
        let (one, two) = (witness(1).cosign(&note(7), 1).unwrap(), witness(2).cosign(&note(7), 2).unwrap());
        let merged = both.merge(&one, &two).unwrap();
        assert_eq!(both.cosignatures(&merged).unwrap().len(), 2);
        assert_eq!(both.merge(&merged, &two), Ok(merged.clone()));
        assert_eq!(both.merge(&note(7), &witness(3).cosign(&note(7), 3).unwrap()), Ok(note(7)));
        assert!(both.merge(&one, &witness(2).cosign(&note(8), 2).unwrap()).is_err());
    }

    /// [WIT-2]
    #[test]
    fn policies() {
        let (one, two) = (witness(1).verifier(), witness(2).verifier());
        let text = format!("# who watches\nquorum 2\n\nwitness {one}\nwitness {two}\n");
        assert_eq!(WitnessPolicy::parse(&text), Ok(policy(&[1, 2], 2)));
        for wrong in [
            format!("quorum 3\nwitness {one}\nwitness {two}\n"),
            format!("quorum 0\nwitness {one}\n"),
            format!("witness {one}\n"),
            format!("quorum 1\nquorum 1\nwitness {one}\n"),
            format!("quorum 1\nwitness {one}\nwitness {one}\n"),
            format!("quorum 1\nwitness {one}x\n"),
            format!("quorum 1\nkey {one}\n"),
            String::new(),
        ] {
            assert!(WitnessPolicy::parse(&wrong).is_err(), "{wrong}");
        }
    }
}
