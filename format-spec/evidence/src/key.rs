//! Keys of checkpoints: Ed25519, in the text forms of C2SP signed notes.
//!
//! ```text
//! verifier key  <name>+<key id, 8 lower-case hex digits>+<base64(01 || public key 32)>
//! signing key   PRIVATE+KEY+<name>+<key id>+<base64(01 || seed 32)>
//! key id        first 4 bytes of SHA-256(name || 0A || 01 || public key), shown big-endian
//! ```
//!
//! Invariants: the name is an origin ([CHK-1]); a text has one form, its key id is recomputed; weak public keys are refused
//! and signatures are verified strictly. Seeds are wiped when dropped. Not here: randomness (the seed is an argument),
//! files and their modes, notes (`checkpoint`). Specified in `format-spec/03-checkpoint.md`.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::ed25519;
use crate::error::{FormatError, Problem};

/// Signature type of Ed25519 in signed notes.
const ALGORITHM: u8 = 1;
const PRIVATE: &str = "PRIVATE+KEY+";
/// Most bytes of an origin.
const ORIGIN_BYTES_MAX: usize = 255;

/// Checks an origin, which is also a key's name: 1 to 255 bytes, no white space, no `+` ([CHK-1]), no control characters,
/// which no signed note may hold.
///
/// # Errors
/// [`Problem::Invalid`] that says what is wrong.
pub fn check_origin(origin: &str) -> Result<(), FormatError> {
    let invalid = |why: &'static str| FormatError::invalid("origin", "origin", 0, why);
    if origin.is_empty() || origin.len() > ORIGIN_BYTES_MAX {
        return Err(invalid("an origin has 1 to 255 bytes"));
    }
    if origin.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+') {
        return Err(invalid("an origin has no white space, no control characters and no '+'"));
    }
    Ok(())
}

/// Signs checkpoints of the log whose origin is its name.
pub struct SigningKey {
    name: String,
    key: ed25519_dalek::SigningKey,
}

impl SigningKey {
    /// The key of a seed of 32 random bytes.
    ///
    /// # Errors
    /// Where `name` is no origin ([`check_origin`]).
    pub fn generate(seed: [u8; 32], name: &str) -> Result<Self, FormatError> {
        let seed = Zeroizing::new(seed);
        check_origin(name)?;
        Ok(Self { name: name.to_owned(), key: ed25519_dalek::SigningKey::from_bytes(&seed) })
    }

    /// Reads the text form; one line feed at its end is allowed, as files have it.
    ///
    /// # Errors
    /// Where the text is not exactly in the form, or its key id is not that of its key.
    pub fn from_text(text: &str) -> Result<Self, FormatError> {
        let invalid = |field, why: &'static str| FormatError::invalid("signing key", field, 0, why);
        let line = text.strip_suffix('\n').unwrap_or(text);
        let rest = line.strip_prefix(PRIVATE).ok_or_else(|| invalid("prefix", "does not begin with PRIVATE+KEY+"))?;
        let parts = KeyParts::parse("signing key", rest)?;
        let read = Self::generate(*parts.bytes, parts.name)?;
        if read.verifier().id != parts.id {
            return Err(invalid("key id", "not the id of this key: the text is damaged"));
        }
        Ok(read)
    }

    /// The text form, without a line feed.
    pub fn to_text(&self) -> Zeroizing<String> {
        let seed = Zeroizing::new(self.key.to_bytes());
        let body = Zeroizing::new(encode_key(&seed));
        let verifier = self.verifier();
        Zeroizing::new(format!("{PRIVATE}{}+{}+{}", self.name, hex_id(verifier.id), body.as_str()))
    }

    /// The key that verifies what this one signs.
    pub fn verifier(&self) -> VerifierKey {
        let key = self.key.verifying_key();
        VerifierKey { id: key_id(&self.name, key.as_bytes()), name: self.name.clone(), key }
    }

    /// Name: the log's origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Ed25519 signature of `text`.
    pub fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.key.sign(text).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    /// Shows whose key it is, never the seed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.verifier())
    }
}

/// Verifies checkpoints of the log whose origin is its name.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: [u8; 4],
    key: ed25519_dalek::VerifyingKey,
}

impl VerifierKey {
    /// Reads the text form.
    ///
    /// # Errors
    /// Where the text is not exactly in the form, its key id is not that of its key, or the key is no sound public key.
    pub fn parse(text: &str) -> Result<Self, FormatError> {
        const NAME: &str = "verifier key";
        let invalid = |field, why: &'static str| FormatError::invalid(NAME, field, 0, why);
        let parts = KeyParts::parse(NAME, text)?;
        let key = ed25519::public_key(&parts.bytes)
            .ok_or_else(|| invalid("public key", "not a sound Ed25519 public key in its one encoding"))?;
        if key_id(parts.name, key.as_bytes()) != parts.id {
            return Err(invalid("key id", "not the id of this key: the text is damaged"));
        }
        Ok(Self { name: parts.name.to_owned(), id: parts.id, key })
    }

    /// Reads the content of a key file: the text form and a line feed, nothing else ([CHK-4]).
    ///
    /// # Errors
    /// As [`Self::parse`], and where the line feed is missing.
    pub fn from_file_text(text: &str) -> Result<Self, FormatError> {
        let missing =
            || FormatError::invalid("verifier key", "end", text.len(), "the file does not end with a line feed");
        Self::parse(text.strip_suffix('\n').ok_or_else(missing)?)
    }

    /// Name: the log's origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Key id.
    pub fn id(&self) -> [u8; 4] {
        self.id
    }

    /// The public key: what two names of one key have in common.
    pub fn public(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Checks an Ed25519 signature of `text` by the one equation ([ACT-23]).
    ///
    /// # Errors
    /// [`Problem::Hash`] where it is not this key's signature of this text.
    pub fn verify(&self, text: &[u8], signature: &[u8; 64]) -> Result<(), FormatError> {
        if ed25519::verifies(&self.key, text, signature) {
            return Ok(());
        }
        let why = format!("the signature is not that of key {}+{}", self.name, hex_id(self.id));
        Err(FormatError::new("checkpoint", "signature", 0, Problem::Hash(why.into())))
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}+{}", self.name, hex_id(self.id), encode_key(self.key.as_bytes()))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

/// The parts that both text forms have.
struct KeyParts<'a> {
    name: &'a str,
    id: [u8; 4],
    bytes: Zeroizing<[u8; 32]>,
}

impl<'a> KeyParts<'a> {
    fn parse(structure: &'static str, text: &'a str) -> Result<Self, FormatError> {
        let invalid = |field, why: &'static str| FormatError::invalid(structure, field, 0, why);
        // The base64 part may hold a '+' of its own; the name and the id may not.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(body)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(invalid("form", "not of the form name+id+key"));
        };
        check_origin(name)?;
        let id = parse_id(id).ok_or_else(|| invalid("key id", "not eight lower-case hexadecimal digits"))?;
        let decoded = Zeroizing::new(STANDARD.decode(body).map_err(|_| invalid("key", "not padded base64"))?);
        let Some((&ALGORITHM, bytes)) = decoded.split_first() else {
            return Err(invalid("key", "not an Ed25519 key (type 01)"));
        };
        let bytes = bytes.try_into().map_err(|_| invalid("key", "a key has 32 bytes"))?;
        Ok(Self { name, id, bytes: Zeroizing::new(bytes) })
    }
}

fn parse_id(text: &str) -> Option<[u8; 4]> {
    let lower_hex = text.len() == 8 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let value = u32::from_str_radix(text, 16).ok().filter(|_| lower_hex)?;
    Some(value.to_be_bytes())
}

fn hex_id(id: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
}

fn key_id(name: &str, public: &[u8; 32]) -> [u8; 4] {
    let hash: [u8; 32] =
        Sha256::new().chain_update(name).chain_update([b'\n', ALGORITHM]).chain_update(public).finalize().into();
    let [a, b, c, d, ..] = hash;
    [a, b, c, d]
}

fn encode_key(bytes: &[u8; 32]) -> String {
    let mut typed = Zeroizing::new([ALGORITHM; 33]);
    typed[1..].copy_from_slice(bytes);
    STANDARD.encode(typed.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signing_key() -> SigningKey {
        SigningKey::generate([7; 32], "log.example/0195f3a2").unwrap()
    }

    /// [CHK-1]
    #[test]
    fn origins() {
        let long = "x".repeat(255);
        for origin in ["a", "log.example/0195f3a2-0000-7abc-8def-001122334455", "größe", &long] {
            assert_eq!(check_origin(origin), Ok(()), "{origin}");
        }
        let longer = "x".repeat(256);
        for origin in ["", "a b", "a+b", "a\n", "a\tb", "a\u{a0}b", "a\u{3000}b", "a\u{0}", &longer] {
            assert!(check_origin(origin).is_err(), "{origin:?}");
            assert!(SigningKey::generate([7; 32], origin).is_err(), "{origin:?}");
        }
    }

    #[test]
    fn texts_come_back() {
        for seed in 0..50u8 {
            let key = SigningKey::generate([seed; 32], "log.example/a").unwrap();
            let text = key.to_text();
            let again = SigningKey::from_text(&text).unwrap();
            assert_eq!(again.to_text(), text);
            assert_eq!(again.verifier(), key.verifier());
            let shown = key.verifier().to_string();
            assert_eq!(VerifierKey::parse(&shown), Ok(key.verifier()));
            // A seed must not show in diagnostics.
            assert!(!format!("{key:?}").contains(text.rsplit_once('+').unwrap().1));
        }
    }

    #[test]
    fn another_implementation_reads_both_texts() {
        let key = signing_key();
        let theirs = signed_note::StandardSigner::new(&key.to_text()).unwrap();
        assert_eq!(signed_note::Signer::name(&theirs), key.name());
        let theirs = signed_note::StandardVerifier::new(&key.verifier().to_string()).unwrap();
        assert_eq!(signed_note::Verifier::key_id(&theirs).to_be_bytes(), key.verifier().id());
    }

    /// [CHK-4]
    #[test]
    fn a_key_file_holds_one_line() {
        let shown = signing_key().verifier().to_string();
        assert!(VerifierKey::from_file_text(&format!("{shown}\n")).is_ok());
        for wrong in [shown.clone(), format!("{shown}\n\n"), format!("{shown}\r\n"), format!(" {shown}\n")] {
            assert!(VerifierKey::from_file_text(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn any_changed_character_is_refused() {
        let key = signing_key();
        let texts = [key.verifier().to_string(), key.to_text().to_string()];
        for (i, text) in texts.iter().enumerate() {
            let parses = |text: &str| match i {
                0 => VerifierKey::parse(text).is_ok(),
                _ => SigningKey::from_text(text).is_ok(),
            };
            assert!(parses(text));
            for at in 0..text.len() {
                for other in [b'A', b'f', b'0', b'+', b'=', b' '] {
                    let mut bytes = text.clone().into_bytes();
                    if std::mem::replace(&mut bytes[at], other) != other {
                        assert!(!parses(std::str::from_utf8(&bytes).unwrap()), "byte {at} as {}", other as char);
                    }
                }
                assert!(!parses(&text[..at]), "cut at {at}");
            }
            assert!(!parses(&format!("{text}=")) && !parses(&format!("{text}\n\n")));
        }
    }

    #[test]
    fn weak_public_keys_are_refused() {
        // The identity point: every signature of a certain form would verify.
        let mut weak = [0u8; 32];
        weak[0] = 1;
        let text = format!("a+{}+{}", hex_id(key_id("a", &weak)), encode_key(&weak));
        assert!(VerifierKey::parse(&text).is_err());
    }
}
