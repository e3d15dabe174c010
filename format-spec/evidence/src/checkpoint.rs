//! Checkpoints: signed tree heads, as C2SP tlog-checkpoint notes.
//!
//! ```text
//! <origin>
//! <size: frames, decimal>
//! <root: base64 of 32 bytes>
//!
//! — <name> <base64(key id 4 || signature)>      one line or more
//! ```
//!
//! Invariants: a note is accepted only exactly in this form, with one valid signature of the log's key, whose name is the
//! origin; lines of other keys are kept and ignored. Not here: whether the size is synced and signed once ([CHK-3], the
//! engine's), whether the root is the log's (compare with [`crate::merkle::LogTree`]).
//! Specified in `format-spec/03-checkpoint.md`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::{FormatError, Problem};
use crate::hash::Hash;
use crate::key::{SigningKey, VerifierKey, check_origin};
use crate::merkle::empty_root;

const NAME: &str = "checkpoint";
/// Longest note that is read: a checkpoint with some hundred cosignatures.
const NOTE_BYTES_MAX: usize = 64 * 1024;

/// A tree head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's origin.
    pub origin: String,
    /// Size of the log tree: frames.
    pub size: u64,
    /// Root of the log tree of that size.
    pub root: Hash,
}

impl Checkpoint {
    /// The text that is signed: three lines, each ended by a line feed.
    pub fn to_text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }

    /// Reads the three lines ([CHK-1], [CHK-2]).
    ///
    /// # Errors
    /// Where the text is not exactly in this form, or the root of size 0 is not that of the empty tree.
    pub fn parse_text(text: &str) -> Result<Self, FormatError> {
        let mut lines =
            text.strip_suffix('\n').ok_or_else(|| invalid("text", "the last line is not ended"))?.split('\n');
        let (Some(origin), Some(size), Some(root), None) = (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(invalid("text", "a checkpoint has three lines"));
        };
        check_origin(origin)?;
        let parsed: u64 = size.parse().map_err(|_| invalid("size", "not a decimal number of 64 bits"))?;
        if parsed.to_string() != size {
            return Err(invalid("size", "not written the one way: no sign, no leading zero"));
        }
        let root = STANDARD.decode(root).ok().and_then(|root| Hash::try_from(root).ok());
        let root = root.ok_or_else(|| invalid("root", "not base64 of 32 bytes"))?;
        if parsed == 0 && root != empty_root() {
            return Err(invalid("root", "not the root of the empty tree"));
        }
        Ok(Self { origin: origin.to_owned(), size: parsed, root })
    }
}

/// Signs a tree head: the note that the file `checkpoint` holds.
///
/// The caller sees to it that the size is synced and no other root was ever signed for it ([CHK-3]).
///
/// # Errors
/// Where the key's name is not the origin, or the tree head is none (see [`Checkpoint::parse_text`]).
pub fn sign_checkpoint(checkpoint: &Checkpoint, key: &SigningKey) -> Result<String, FormatError> {
    let text = checkpoint.to_text();
    Checkpoint::parse_text(&text)?;
    Ok(format!("{text}\n{}", signature_line(checkpoint, key)?))
}

/// The signature line of `key` under a tree head.
pub(crate) fn signature_line(checkpoint: &Checkpoint, key: &SigningKey) -> Result<String, FormatError> {
    if checkpoint.origin != key.name() {
        return Err(invalid("origin", "not the name of the signing key"));
    }
    let signature = [&key.verifier().id()[..], &key.sign(checkpoint.to_text().as_bytes())].concat();
    Ok(format!("\u{2014} {} {}\n", key.name(), STANDARD.encode(signature)))
}

/// Opens a note: checks its form and the signature of `key`, the log's ([CHK-1], [CHK-2]).
///
/// # Errors
/// [`Problem::Hash`] where the signature is missing or not the key's; [`Problem::Invalid`] where the form is not exact.
pub fn open_checkpoint(note: &str, key: &VerifierKey) -> Result<Checkpoint, FormatError> {
    if note.len() > NOTE_BYTES_MAX {
        return Err(invalid("note", "longer than 65,536 bytes"));
    }
    // Neither part has an empty line, so the first one is the border.
    let border = note.find("\n\n").ok_or_else(|| invalid("signatures", "no empty line before the signatures"))?;
    let (text, lines) = note.split_at(border + 1);
    let checkpoint = Checkpoint::parse_text(text)?;
    if checkpoint.origin != key.name() {
        return Err(invalid("origin", format!("the log's origin is {}", key.name())));
    }
    let lines = lines.strip_prefix('\n').and_then(|lines| lines.strip_suffix('\n'));
    let mut verified = false;
    for line in lines.ok_or_else(|| invalid("signatures", "the last line is not ended"))?.split('\n') {
        let (name, id, signature) = parse_signature(line)?;
        if name != key.name() || id != key.id() {
            continue;
        }
        let signature = <&[u8; 64]>::try_from(signature.as_slice());
        key.verify(text.as_bytes(), signature.map_err(|_| invalid("signature", "not 64 bytes long"))?)?;
        if std::mem::replace(&mut verified, true) {
            return Err(invalid("signature", "two signatures of the log's key"));
        }
    }
    if verified {
        return Ok(checkpoint);
    }
    let why = format!("no signature of the log's key {key}");
    Err(FormatError::new(NAME, "signature", 0, Problem::Hash(why.into())))
}

/// Name, key id and signature of one line.
pub(crate) fn parse_signature(line: &str) -> Result<(&str, [u8; 4], Vec<u8>), FormatError> {
    let parts = line.strip_prefix("\u{2014} ").and_then(|rest| rest.split_once(' '));
    let (name, body) = parts.ok_or_else(|| invalid("signature", "not of the form '\u{2014} name base64'"))?;
    check_origin(name)?;
    let decoded = STANDARD.decode(body).map_err(|_| invalid("signature", "not padded base64"))?;
    match decoded.split_first_chunk::<4>() {
        Some((id, signature)) if !signature.is_empty() => Ok((name, *id, signature.to_vec())),
        _ => Err(invalid("signature", "shorter than a key id and a signature")),
    }
}

fn invalid(field: &'static str, why: impl Into<std::borrow::Cow<'static, str>>) -> FormatError {
    FormatError::invalid(NAME, field, 0, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "log.example/0195f3a2";

    fn key() -> SigningKey {
        SigningKey::generate([9; 32], ORIGIN).unwrap()
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint { origin: ORIGIN.into(), size: 70, root: [0xfb; 32] }
    }

    fn note() -> String {
        sign_checkpoint(&checkpoint(), &key()).unwrap()
    }

    /// The crate `signed_note`: whether it accepts a note under the key.
    fn they_accept(note: &str) -> bool {
        let verifier = signed_note::StandardVerifier::new(&key().verifier().to_string()).unwrap();
        let verifiers = signed_note::VerifierList::new(vec![Box::new(verifier)]);
        signed_note::Note::from_bytes(note.as_bytes()).is_ok_and(|note| note.verify(&verifiers).is_ok())
    }

    /// [CHK-2]
    #[test]
    fn what_is_signed_opens_here_and_elsewhere() {
        assert_eq!(open_checkpoint(&note(), &key().verifier()), Ok(checkpoint()));
        assert!(they_accept(&note()));
        let changed = note().replace("\n70\n", "\n71\n");
        assert!(!they_accept(&changed) && open_checkpoint(&changed, &key().verifier()).is_err());
        let empty = Checkpoint { origin: ORIGIN.into(), size: 0, root: empty_root() };
        let signed = sign_checkpoint(&empty, &key()).unwrap();
        assert_eq!(open_checkpoint(&signed, &key().verifier()), Ok(empty));
    }

    /// [CHK-2]
    #[test]
    fn any_changed_bit_is_refused() {
        let note = note();
        for at in 0..note.len() {
            for bit in 0..8 {
                let mut bytes = note.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let Ok(changed) = String::from_utf8(bytes) else { continue };
                assert!(open_checkpoint(&changed, &key().verifier()).is_err(), "byte {at}, bit {bit}");
            }
            assert!(note.get(..at).is_none_or(|cut| open_checkpoint(cut, &key().verifier()).is_err()), "cut at {at}");
        }
    }

    /// [CHK-1] [CHK-2]
    #[test]
    fn other_forms_are_refused() {
        let (text, signatures) = (checkpoint().to_text(), note().split_once("\n\n").unwrap().1.to_owned());
        let root = STANDARD.encode([0xfb; 32]);
        let texts = [
            format!("{ORIGIN}\n070\n{root}\n"),
            format!("{ORIGIN}\n+70\n{root}\n"),
            format!("{ORIGIN}\n-1\n{root}\n"),
            format!("{ORIGIN}\n18446744073709551616\n{root}\n"),
            format!("{ORIGIN}\n70\n{root}\nextension\n"),
            format!("{ORIGIN}\n70\n{}\n", STANDARD.encode([0xfb; 31])),
            format!("{ORIGIN}\n70\n{}\n", root.trim_end_matches('=')),
            format!("{ORIGIN}\r\n70\n{root}\n"),
            format!("{ORIGIN} \n70\n{root}\n"),
            format!("{ORIGIN}\n0\n{root}\n"),
            format!("{ORIGIN}\n70\n{root}"),
            format!("\n70\n{root}\n"),
            String::new(),
        ];
        for text in texts {
            assert!(Checkpoint::parse_text(&text).is_err(), "{text:?}");
            // Even signed by the log's own key.
            let signature = [&key().verifier().id()[..], &key().sign(text.as_bytes())].concat();
            let signed = format!("{text}\n\u{2014} {ORIGIN} {}\n", STANDARD.encode(signature));
            assert!(open_checkpoint(&signed, &key().verifier()).is_err(), "{text:?}");
        }
        let notes = [
            format!("{text}\n"),
            format!("{text}\n\n{signatures}"),
            format!("{text}\n{signatures}\n"),
            format!("{text}\n{}", signatures.trim_end()),
            format!("{text}\n{signatures}{signatures}"),
            format!("{text}\n{signatures}junk\n"),
            format!("{text}\n{}", signatures.replace('\u{2014}', "-")),
            format!("{text}\n{signatures}\u{2014} other AAAA\n"),
            format!("{text}\n{signatures}{}", "\u{2014} other AAAAAAAA\n".repeat(4_000)),
        ];
        for note in notes {
            assert!(open_checkpoint(&note, &key().verifier()).is_err(), "{note:?}");
        }
    }

    #[test]
    fn lines_of_other_keys_are_ignored() {
        let with_others = format!("{}\u{2014} witness.example/w AAAAAAAAAAAA\n", note());
        assert_eq!(open_checkpoint(&with_others, &key().verifier()), Ok(checkpoint()));
        assert!(they_accept(&with_others));
    }

    #[test]
    fn another_logs_key_does_not_open_it() {
        let same_name = SigningKey::generate([1; 32], ORIGIN).unwrap();
        let same_seed = SigningKey::generate([9; 32], "log.example/other").unwrap();
        for other in [same_name, same_seed] {
            assert!(open_checkpoint(&note(), &other.verifier()).is_err());
        }
        assert!(sign_checkpoint(&checkpoint(), &SigningKey::generate([9; 32], "another").unwrap()).is_err());
    }
}
