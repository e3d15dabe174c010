//! Proofs of any set of leaves of an RFC 6962 tree, log tree or class tree: one visit from the root serves making and checking.
//!
//! ```text
//! visit(tree): nothing chosen in it -> its root is in the proof | one leaf -> computed | else visit(left), visit(right)
//! ```
//!
//! Invariants: the number of hashes follows from size and set ([BND-2]), so a proof has no lengths of its own; a set of none
//! gives the root alone, a set of all nothing. Cost is bounded by the chosen leaves times the tree's height.
//! Specified in `format-spec/11-bundle.md`.

use crate::hash::Hash;

/// Appends to `proof` the hashes that prove the leaves `chosen` (ascending, below `size`) of a tree of `size` leaves.
///
/// `subtree` gives the root of `length` leaves from `first` on.
pub fn multiproof(size: u64, chosen: &[u64], subtree: &mut dyn FnMut(u64, u64) -> Hash, proof: &mut Vec<Hash>) {
    visit(0, size, chosen, &mut |first, length, is_chosen| {
        if !is_chosen {
            proof.push(subtree(first, length));
        }
    });
}

/// Hashes in such a proof.
pub fn multiproof_len(size: u64, chosen: &[u64]) -> usize {
    let mut count = 0;
    visit(0, size, chosen, &mut |_, _, is_chosen| count += usize::from(!is_chosen));
    count
}

/// Root that a proof and the chosen leaves, ascending by index, lead to; `node` hashes two subtrees into one.
///
/// `None` where leaves or proof are not exactly those that the tree of `size` needs.
pub fn multiproof_root(
    size: u64,
    leaves: &[(u64, Hash)],
    proof: &[Hash],
    node: fn(&Hash, &Hash) -> Hash,
) -> Option<Hash> {
    let ascending = leaves.windows(2).all(|pair| matches!(pair, [(a, _), (b, _)] if a < b));
    if size == 0 || !ascending || leaves.last().is_some_and(|&(last, _)| last >= size) {
        return None;
    }
    let mut proof = proof.iter();
    let root = climb(0, size, leaves, &mut proof, node)?;
    proof.next().is_none().then_some(root)
}

fn climb(
    first: u64,
    length: u64,
    leaves: &[(u64, Hash)],
    proof: &mut std::slice::Iter<'_, Hash>,
    node: fn(&Hash, &Hash) -> Hash,
) -> Option<Hash> {
    match leaves {
        [] => return proof.next().copied(),
        [(_, leaf)] if length == 1 => return Some(*leaf),
        _ => {}
    }
    let middle = split(length);
    let (left, right) = leaves.split_at(leaves.partition_point(|&(index, _)| index - first < middle));
    let left = climb(first, middle, left, proof, node)?;
    let right = climb(first + middle, length - middle, right, proof, node)?;
    Some(node(&left, &right))
}

/// Calls `meet` with first leaf, length and whether it is chosen, for every subtree at which the visit ends.
fn visit(first: u64, length: u64, chosen: &[u64], meet: &mut dyn FnMut(u64, u64, bool)) {
    if length == 0 {
        return;
    }
    if chosen.is_empty() || length == 1 {
        return meet(first, length, !chosen.is_empty());
    }
    let middle = split(length);
    let (left, right) = chosen.split_at(chosen.partition_point(|index| index.wrapping_sub(first) < middle));
    visit(first, middle, left, meet);
    visit(first + middle, length - middle, right, meet);
}

/// The largest power of two below `length`, which is at least 2.
fn split(length: u64) -> u64 {
    1 << (length - 1).ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::log_tree::{leaf_hash, node_hash};
    use crate::merkle::proof::inclusion_proof;
    use crate::merkle::proof::tests::plain_root;

    fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|i| leaf_hash(&i.to_le_bytes())).collect()
    }

    fn prove(leaves: &[Hash], chosen: &[u64]) -> Vec<Hash> {
        let mut proof = Vec::new();
        let mut subtree = |first: u64, length: u64| plain_root(&leaves[first as usize..(first + length) as usize]);
        multiproof(leaves.len() as u64, chosen, &mut subtree, &mut proof);
        proof
    }

    fn opened(leaves: &[Hash], chosen: &[u64]) -> Vec<(u64, Hash)> {
        chosen.iter().map(|&index| (index, leaves[index as usize])).collect()
    }

    /// [BND-2]
    #[test]
    fn every_set_of_every_small_tree_is_proven_and_nothing_else() {
        for size in 1..=9u64 {
            let leaves = leaves(size);
            let root = plain_root(&leaves);
            for set in 0..1u64 << size {
                let chosen: Vec<u64> = (0..size).filter(|index| set >> index & 1 == 1).collect();
                let proof = prove(&leaves, &chosen);
                assert_eq!(proof.len(), multiproof_len(size, &chosen), "{set:b} of {size}");
                let opened = opened(&leaves, &chosen);
                assert_eq!(multiproof_root(size, &opened, &proof, node_hash), Some(root), "{set:b} of {size}");
                for at in 0..opened.len() {
                    let mut changed = opened.clone();
                    changed[at].1[0] ^= 1;
                    assert_ne!(multiproof_root(size, &changed, &proof, node_hash), Some(root), "{set:b} of {size}");
                    changed.remove(at);
                    assert_ne!(multiproof_root(size, &changed, &proof, node_hash), Some(root), "{set:b} of {size}");
                }
                let longer = [proof.as_slice(), &[[0; 32]]].concat();
                assert_eq!(multiproof_root(size, &opened, &longer, node_hash), None);
                if let Some((_, shorter)) = proof.split_last() {
                    assert_eq!(multiproof_root(size, &opened, shorter, node_hash), None);
                }
            }
        }
    }

    #[test]
    fn one_leaf_needs_the_hashes_of_an_inclusion_proof() {
        let leaves = leaves(100);
        for index in [0, 1, 63, 64, 99] {
            let mut ours = prove(&leaves, &[index]);
            let mut theirs = inclusion_proof(&leaves, index, 100).unwrap();
            ours.sort_unstable();
            theirs.sort_unstable();
            assert_eq!(ours, theirs, "{index}");
        }
    }

    #[test]
    fn hostile_sizes_and_sets_are_refused_cheaply() {
        for size in [0, 1, 2, u64::MAX] {
            assert_eq!(multiproof_root(size, &[(u64::MAX, [0; 32])], &[], node_hash), None);
            assert_eq!(multiproof_root(size, &[(1, [0; 32]), (0, [0; 32])], &[], node_hash), None);
        }
        assert_eq!(multiproof_len(u64::MAX, &[0, u64::MAX - 1]), 63 + 62);
    }
}
