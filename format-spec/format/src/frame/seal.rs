//! The frame payload around its body: descriptor in front, body sealed in an encrypted log; and the payload of which nothing
//! but the descriptor is left.

use super::{VERSION, salts};
use crate::aead::{self, AssociatedData, DataKey, NONCE_LEN};
use indelible_evidence::FormatError;
use indelible_evidence::bytes::Reader;
use indelible_evidence::commit::Salts;
use indelible_evidence::descriptor::Descriptor;

/// Reads the descriptor of a frame block's payload, whose checksum was checked, and gives the (sealed) body behind it.
/// Needs no key.
pub fn read_descriptor(payload: &[u8]) -> Result<(Descriptor, &[u8]), FormatError> {
    let mut reader = Reader::new("frame", payload);
    let length = reader.u32("descriptor length")? as usize;
    let at = reader.offset();
    let descriptor = Descriptor::decode(reader.take("descriptor", length)?).map_err(|error| error.shifted(at))?;
    let body = reader.take("body", reader.left())?;
    Ok((descriptor, body))
}

/// The payload of a frame block of which every record is removed: all it takes is the descriptor, no record is read or hashed.
///
/// # Errors
/// Where the frame has a record of class 0, which is permanent ([FRM-10]).
pub fn encode_expired(descriptor: &Descriptor) -> Result<Vec<u8>, FormatError> {
    Salts::Expired.check(&descriptor.classes)?;
    let stored = descriptor.encode();
    let mut out = (stored.len() as u32).to_le_bytes().to_vec();
    out.extend_from_slice(&stored);
    out.extend_from_slice(&[VERSION, salts::state_of(&Salts::Expired), 0, 0, 0, 0, 0, 0]);
    Ok(out)
}

/// The payload of a frame block of an encrypted log, from the plain one: descriptor as it is, body sealed under `key` for
/// its place. `nonce` must be fresh random bytes for every call.
pub fn seal_frame(
    payload: &[u8],
    key: &DataKey,
    nonce: &[u8; NONCE_LEN],
    segment_id: u64,
    generation: u32,
) -> Result<Vec<u8>, FormatError> {
    let (descriptor, body) = read_descriptor(payload)?;
    let ad = AssociatedData::frame(&descriptor, segment_id, generation);
    let sealed = aead::seal(key, nonce, &ad, body)?;
    let mut out = payload.get(..payload.len() - body.len()).unwrap_or_default().to_vec();
    out.extend_from_slice(&sealed);
    Ok(out)
}
