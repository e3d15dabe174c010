//! Inclusion and consistency proofs of the log tree, made from leaf hashes and checked against roots.
//!
//! ```text
//! inclusion    leaf `index` lies in the tree of `size`      the siblings on the way up, lowest first
//! consistency  the tree of `old` is a prefix of that of `new`
//! ```
//!
//! Invariants: a proof has exactly the hashes it needs; any other number, index or size is refused; checking costs at most
//! 65 node hashes, whatever is given. The algorithms are those of RFC 6962 (making) and RFC 9162 (checking).

use super::log_tree::{empty_root, node_hash};
use crate::hash::Hash;

/// Why a proof does not hold or cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// No such leaf or tree.
    #[error("index or size {asked} is beyond the tree of size {size}")]
    Range {
        /// The index or size asked for.
        asked: u64,
        /// The size it must fit.
        size: u64,
    },
    /// Not as many hashes as the sizes need.
    #[error("{found} hashes where {expected} are needed")]
    Length {
        /// Hashes given.
        found: usize,
        /// Hashes needed.
        expected: usize,
    },
    /// The hashes do not lead to the root.
    #[error("the proof does not lead to the {which} root: what it speaks of is not what was committed")]
    Root {
        /// "old" or "new", or "tree" for an inclusion proof.
        which: &'static str,
    },
}

/// Proof that leaf `index` lies in the tree over the first `size` of `leaves` (leaf hashes).
///
/// # Errors
/// [`ProofError::Range`] where `size` exceeds the leaves or `index` is not below `size`.
pub fn inclusion_proof(leaves: &[Hash], index: u64, size: u64) -> Result<Vec<Hash>, ProofError> {
    let mut tree = prefix(leaves, size)?;
    let mut index = usize::try_from(index)
        .ok()
        .filter(|&index| index < tree.len())
        .ok_or(ProofError::Range { asked: index, size })?;
    let mut proof = Vec::new();
    while tree.len() > 1 {
        let (left, right) = tree.split_at(split(tree.len()));
        if index < left.len() {
            proof.push(root_of(right));
            tree = left;
        } else {
            proof.push(root_of(left));
            index -= left.len();
            tree = right;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// Proof that the tree over the first `old` of `leaves` is a prefix of that over the first `new`.
///
/// # Errors
/// [`ProofError::Range`] where `new` exceeds the leaves or `old` exceeds `new`.
pub fn consistency_proof(leaves: &[Hash], old: u64, new: u64) -> Result<Vec<Hash>, ProofError> {
    let mut tree = prefix(leaves, new)?;
    let mut old_size = prefix(tree, old)?.len();
    let mut proof = Vec::new();
    if old_size == 0 || old_size == tree.len() {
        return Ok(proof);
    }
    // The old tree's own root is left out where it is a complete subtree on the left edge: the checker has it.
    let mut whole = true;
    while old_size != tree.len() {
        let (left, right) = tree.split_at(split(tree.len()));
        if old_size <= left.len() {
            proof.push(root_of(right));
            tree = left;
        } else {
            proof.push(root_of(left));
            old_size -= left.len();
            tree = right;
            whole = false;
        }
    }
    if !whole {
        proof.push(root_of(tree));
    }
    proof.reverse();
    Ok(proof)
}

/// Checks that `leaf` (a leaf hash) lies at `index` in the tree of `size` with this root.
///
/// # Errors
/// [`ProofError`] that says what does not fit.
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Range { asked: index, size });
    }
    // Below the highest bit in which the index differs from the last index every level has a sibling; above it only the
    // levels where the path is a right child do.
    let inner = (u64::BITS - (index ^ (size - 1)).leading_zeros()) as usize;
    let outer = index.checked_shr(inner as u32).unwrap_or(0).count_ones() as usize;
    if proof.len() != inner + outer {
        return Err(ProofError::Length { found: proof.len(), expected: inner + outer });
    }
    let (below, above) = proof.split_at(inner);
    let mut hash = *leaf;
    for (level, sibling) in below.iter().enumerate() {
        hash = if index >> level & 1 == 0 { node_hash(&hash, sibling) } else { node_hash(sibling, &hash) };
    }
    hash = above.iter().fold(hash, |hash, left| node_hash(left, &hash));
    if hash == *root { Ok(()) } else { Err(ProofError::Root { which: "tree" }) }
}

/// Checks that the tree of `old_size` with `old_root` is a prefix of the tree of `new_size` with `new_root`.
///
/// # Errors
/// [`ProofError`] that says what does not fit.
pub fn verify_consistency(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old_size > new_size {
        return Err(ProofError::Range { asked: old_size, size: new_size });
    }
    if old_size == 0 || old_size == new_size {
        return verify_trivial(old_size, old_root, new_size, new_root, proof);
    }
    let expected = consistency_length(old_size, new_size);
    if proof.len() != expected {
        return Err(ProofError::Length { found: proof.len(), expected });
    }
    let (mut node, mut last) = (old_size - 1, new_size - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let mut siblings = proof.iter();
    let start = if old_size.is_power_of_two() { old_root } else { siblings.next().unwrap_or(old_root) };
    let (mut old_hash, mut new_hash) = (*start, *start);
    for sibling in siblings {
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    match (old_hash == *old_root, new_hash == *new_root) {
        (false, _) => Err(ProofError::Root { which: "old" }),
        (true, false) => Err(ProofError::Root { which: "new" }),
        (true, true) => Ok(()),
    }
}

/// Nothing is needed where the old tree is empty or the whole of the new one.
fn verify_trivial(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if !proof.is_empty() {
        return Err(ProofError::Length { found: proof.len(), expected: 0 });
    }
    if old_size == 0 && *old_root != empty_root() {
        return Err(ProofError::Root { which: "old" });
    }
    if old_size == new_size && old_root != new_root {
        return Err(ProofError::Root { which: "new" });
    }
    Ok(())
}

/// Hashes that a consistency proof between sizes `0 < old < new` has.
fn consistency_length(old: u64, new: u64) -> usize {
    let (mut node, mut last) = (old - 1, new - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let mut length = usize::from(!old.is_power_of_two());
    while last != 0 {
        // On the right edge only right children have a sibling.
        length += usize::from(node != last || node & 1 == 1);
        node >>= 1;
        last >>= 1;
    }
    length
}

fn prefix(leaves: &[Hash], size: u64) -> Result<&[Hash], ProofError> {
    let range = || ProofError::Range { asked: size, size: leaves.len() as u64 };
    usize::try_from(size).ok().and_then(|size| leaves.get(..size)).ok_or_else(range)
}

/// The largest power of two below `length`, which is at least 2.
fn split(length: usize) -> usize {
    1 << (length - 1).ilog2()
}

fn root_of(leaves: &[Hash]) -> Hash {
    let mut tree = super::LogTree::new();
    for leaf in leaves {
        tree.push(*leaf);
    }
    tree.root()
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::leaf_hash;
    use super::*;

    pub(in crate::merkle) fn hex(hash: &Hash) -> String {
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The recursive definition of RFC 6962.
    pub(in crate::merkle) fn plain_root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => empty_root(),
            [only] => *only,
            _ => {
                let mut middle = 1;
                while middle * 2 < leaves.len() {
                    middle *= 2;
                }
                node_hash(&plain_root(&leaves[..middle]), &plain_root(&leaves[middle..]))
            }
        }
    }

    fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|i| leaf_hash(&i.to_le_bytes())).collect()
    }

    /// Every way to spoil a proof a little: a flipped bit, a hash more, a hash less, two swapped.
    fn spoiled(proof: &[Hash]) -> Vec<Vec<Hash>> {
        let mut all = vec![[proof, &[[0; 32]]].concat(), [&[[0; 32]], proof].concat()];
        for i in 0..proof.len() {
            let mut flipped = proof.to_vec();
            flipped[i][i % 32] ^= 1;
            all.push(flipped);
            let mut shorter = proof.to_vec();
            shorter.remove(i);
            all.push(shorter);
            if i > 0 {
                let mut swapped = proof.to_vec();
                swapped.swap(i, i - 1);
                all.push(swapped);
            }
        }
        all
    }

    #[test]
    fn inclusion_holds_for_every_leaf_and_nothing_else() {
        let leaves = leaves(64);
        for size in 1..=64u64 {
            let root = plain_root(&leaves[..size as usize]);
            for index in 0..size {
                let leaf = &leaves[index as usize];
                let proof = inclusion_proof(&leaves, index, size).unwrap();
                assert_eq!(verify_inclusion(leaf, index, size, &proof, &root), Ok(()), "{index} of {size}");
                for wrong in spoiled(&proof) {
                    assert!(verify_inclusion(leaf, index, size, &wrong, &root).is_err(), "{index} of {size}");
                }
                let other = (index + 1) % size;
                assert!(other == index || verify_inclusion(leaf, other, size, &proof, &root).is_err());
                assert!(verify_inclusion(leaf, index, size, &proof, &[0; 32]).is_err());
                assert!(verify_inclusion(&[0; 32], index, size, &proof, &root).is_err());
            }
        }
    }

    #[test]
    fn consistency_holds_for_every_prefix_and_nothing_else() {
        let leaves = leaves(64);
        let roots: Vec<Hash> = (0..=64).map(|size| plain_root(&leaves[..size])).collect();
        for new in 0..=64u64 {
            for old in 0..=new {
                let (old_root, new_root) = (&roots[old as usize], &roots[new as usize]);
                let proof = consistency_proof(&leaves, old, new).unwrap();
                assert_eq!(verify_consistency(old, old_root, new, new_root, &proof), Ok(()), "{old} to {new}");
                for wrong in spoiled(&proof) {
                    assert!(verify_consistency(old, old_root, new, new_root, &wrong).is_err(), "{old} to {new}");
                }
                assert!(verify_consistency(old, &[0; 32], new, new_root, &proof).is_err(), "{old} to {new}");
                // Every root is consistent with the empty tree, so only there the new root is not checked.
                assert!(old == 0 || verify_consistency(old, old_root, new, &[0; 32], &proof).is_err());
            }
        }
    }

    #[test]
    fn a_tree_that_was_rewritten_is_not_consistent() {
        let honest = leaves(20);
        let mut rewritten = honest.clone();
        rewritten[3][0] ^= 1;
        for old in 4..20 {
            let old_root = plain_root(&honest[..old as usize]);
            let proof = consistency_proof(&rewritten, old, 20).unwrap();
            assert!(verify_consistency(old, &old_root, 20, &plain_root(&rewritten), &proof).is_err(), "from {old}");
        }
    }

    #[test]
    fn hostile_sizes_are_refused_cheaply() {
        let hash = [1; 32];
        for size in [0, 1, 2, 3, u64::MAX - 1, u64::MAX] {
            for index in [0, 1, size / 2, size.saturating_sub(1), size, u64::MAX] {
                for length in [0, 1, 2, 63, 64, 65, 200] {
                    let proof = vec![hash; length];
                    assert!(verify_inclusion(&hash, index, size, &proof, &[0; 32]).is_err());
                    let checked = verify_consistency(index, &hash, size, &[0; 32], &proof);
                    assert!(checked.is_err(), "{index} {size} {length}");
                }
            }
        }
        assert!(inclusion_proof(&[hash], 1, 1).is_err() && inclusion_proof(&[hash], 0, 2).is_err());
        assert!(consistency_proof(&[hash], 0, 2).is_err() && consistency_proof(&[hash], 1, 0).is_err());
    }
}
