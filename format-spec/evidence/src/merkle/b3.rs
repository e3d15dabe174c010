//! Roots of class trees: many trees climb together, level by level, so that even small trees fill the lanes.
//!
//! ```text
//! level 0   a b c d e | x y z          pairs of all trees lie side by side: ab cd xy -> three nodes in one step
//! level 1   ab cd e   | xy z           an odd last hash climbs unchanged, which gives the RFC 6962 shape
//! ```
//!
//! Invariant: the root equals that of the recursive definition (largest power of two to the left); tests compare.

use crate::hash::{BLOCK, Hash, Purpose};
use crate::lanes::b3_many;

/// Root of one tree over at least one hash; `None` over none.
pub fn b3_root(leaves: &[Hash]) -> Option<Hash> {
    let mut roots = Vec::with_capacity(1);
    b3_roots(&mut leaves.to_vec(), &mut [leaves.len()], &mut Vec::new(), &mut roots);
    roots.first().copied()
}

/// Appends to `roots` the root of each tree of a forest.
///
/// `hashes` holds the leaves of all trees one after the other and `lengths` how many each has; a tree without leaves has
/// no root and gives none. Both are used up; `nodes` is scratch.
pub fn b3_roots(hashes: &mut Vec<Hash>, lengths: &mut [usize], nodes: &mut Vec<Hash>, roots: &mut Vec<Hash>) {
    debug_assert_eq!(lengths.iter().sum::<usize>(), hashes.len(), "lengths cover the forest");
    let mut pairs: Vec<u8> = Vec::with_capacity(hashes.len() / 2 * BLOCK);
    while lengths.iter().any(|&length| length > 1) {
        pairs.clear();
        each_tree(hashes, lengths, |tree| {
            let (paired, _) = tree.as_chunks::<2>();
            pairs.extend_from_slice(paired.as_flattened().as_flattened());
        });
        nodes.clear();
        b3_many(Purpose::Node, &pairs, BLOCK, nodes);
        climb(hashes, lengths, nodes);
    }
    roots.extend_from_slice(hashes);
}

/// Replaces every pair by its node, in place: writing never overtakes reading.
fn climb(hashes: &mut Vec<Hash>, lengths: &mut [usize], nodes: &[Hash]) {
    let (mut read, mut write) = (0, 0);
    let mut nodes = nodes;
    for length in lengths.iter_mut() {
        let pairs = *length / 2;
        let (own, rest) = nodes.split_at_checked(pairs).unwrap_or((nodes, &[]));
        nodes = rest;
        if let Some(places) = hashes.get_mut(write..write + own.len()) {
            places.copy_from_slice(own);
        }
        write += pairs;
        if *length % 2 == 1 {
            hashes.copy_within(read + *length - 1..read + *length, write);
            write += 1;
        }
        read += *length;
        *length = length.div_ceil(2);
    }
    hashes.truncate(write);
}

fn each_tree(hashes: &[Hash], lengths: &[usize], mut visit: impl FnMut(&[Hash])) {
    let mut left = hashes;
    for &length in lengths {
        let (tree, rest) = left.split_at_checked(length).unwrap_or((left, &[]));
        left = rest;
        visit(tree);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::b3;

    fn leaves(count: usize, seed: u8) -> Vec<Hash> {
        (0..count).map(|i| b3(Purpose::Leaf, &[seed, i as u8, (i >> 8) as u8])).collect()
    }

    fn recursive(leaves: &[Hash]) -> Hash {
        if let [only] = leaves {
            return *only;
        }
        let mut split = 1;
        while split * 2 < leaves.len() {
            split *= 2;
        }
        let (left, right) = leaves.split_at(split);
        b3(Purpose::Node, &[recursive(left), recursive(right)].concat())
    }

    #[test]
    fn level_by_level_gives_the_recursive_shape() {
        assert_eq!(b3_root(&[]), None);
        for count in 1..=130 {
            let leaves = leaves(count, 1);
            assert_eq!(b3_root(&leaves), Some(recursive(&leaves)), "{count} leaves");
        }
    }

    #[test]
    fn a_forest_gives_each_tree_its_root() {
        for lengths in [&[1][..], &[1, 1, 1], &[128, 1, 3, 127, 2], &[5, 5, 5, 5], &[7, 0, 2]] {
            let trees: Vec<Vec<Hash>> = lengths.iter().enumerate().map(|(i, &n)| leaves(n, i as u8)).collect();
            let mut roots = Vec::new();
            b3_roots(&mut trees.concat(), &mut lengths.to_vec(), &mut Vec::new(), &mut roots);
            let expected: Vec<Hash> =
                trees.iter().filter(|tree| !tree.is_empty()).map(|tree| recursive(tree)).collect();
            assert_eq!(roots, expected, "{lengths:?}");
        }
    }
}
