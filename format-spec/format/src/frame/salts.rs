//! The salts part of a frame's body: a frame salt key, the removal section, or nothing.

use super::NAME;
use indelible_evidence::FormatError;
use indelible_evidence::bytes::Reader;
use indelible_evidence::commit::{GroupState, Salts, Stub};
use indelible_evidence::descriptor::{ClassEntry, Descriptor};

/// The body's state byte.
pub(super) fn state_of(salts: &Salts) -> u8 {
    match salts {
        Salts::Whole(_) => 0,
        Salts::Pruned(_) => 1,
        Salts::Expired => 2,
    }
}

/// Appends the salts part.
pub(super) fn put_salts(out: &mut Vec<u8>, salts: &Salts) {
    let states = match salts {
        Salts::Whole(key) => return out.extend_from_slice(key),
        Salts::Expired => return,
        Salts::Pruned(states) => states,
    };
    for state in states.iter().flatten() {
        match state {
            GroupState::Whole { key } => {
                out.push(1);
                out.extend_from_slice(key);
            }
            GroupState::Removed { root } => {
                out.push(2);
                out.extend_from_slice(root);
            }
            GroupState::Partly { removed, stubs, salts } => put_partly(out, *removed, stubs, salts),
        }
    }
}

fn put_partly(out: &mut Vec<u8>, removed: u128, stubs: &[Stub], salts: &[[u8; 16]]) {
    out.push(3);
    out.extend_from_slice(&removed.to_le_bytes());
    let (mut stubs, mut salts) = (stubs.iter(), salts.iter());
    for rank in 0..128 {
        if removed >> rank & 1 == 0 {
            let Some(salt) = salts.next() else { break };
            out.extend_from_slice(salt);
            continue;
        }
        let Some(stub) = stubs.next() else { break };
        out.extend_from_slice(&stub.g);
        if let Some((recorded_at, occurred_at)) = stub.times {
            out.extend_from_slice(&recorded_at.to_le_bytes());
            out.extend_from_slice(&occurred_at.to_le_bytes());
        }
    }
}

/// Reads the salts part ([FRM-1] to [FRM-3], [FRM-15]).
pub(super) fn take_salts(state: u8, bytes: &[u8], descriptor: &Descriptor) -> Result<Salts, FormatError> {
    let mut reader = Reader::new("frame salts", bytes);
    let salts = match state {
        0 => Salts::Whole(reader.array("frame_salt_key")?),
        1 => {
            let mut states = Vec::with_capacity(descriptor.classes.len());
            for entry in &descriptor.classes {
                let mut groups = [const { GroupState::Removed { root: [0; 32] } }; 4];
                for (k, group) in groups.iter_mut().enumerate() {
                    *group = take_group(&mut reader, k, entry)?;
                }
                states.push(groups);
            }
            Salts::Pruned(states)
        }
        2 => Salts::Expired,
        other => return Err(FormatError::invalid(NAME, "state", 1, format!("unknown state {other}"))),
    };
    reader.end()?;
    salts.check(&descriptor.classes)?;
    Ok(salts)
}

fn take_group(reader: &mut Reader<'_>, k: usize, entry: &ClassEntry) -> Result<GroupState, FormatError> {
    let start = reader.offset();
    match reader.u8("group state")? {
        1 => Ok(GroupState::Whole { key: reader.array("K")? }),
        2 => Ok(GroupState::Removed { root: reader.array("T")? }),
        3 => {
            let removed = u128::from_le_bytes(reader.array("removed ranks")?);
            // A class has at most 128 records, so these grow by at most that many.
            let (mut stubs, mut salts) = (Vec::new(), Vec::new());
            for rank in 0..entry.count() {
                if removed >> rank & 1 == 0 {
                    salts.push(reader.array("salt")?);
                    continue;
                }
                let g = reader.array("stub")?;
                let times = if k == 0 {
                    Some((reader.i64("stub recorded-at")?, reader.i64("stub occurred-at")?))
                } else {
                    None
                };
                stubs.push(Stub { g, times });
            }
            Ok(GroupState::Partly { removed, stubs, salts })
        }
        other => Err(reader.invalid("group state", start, format!("unknown state {other}"))),
    }
}
