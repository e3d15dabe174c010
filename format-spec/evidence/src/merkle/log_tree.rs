//! The log tree: RFC 6962 with SHA-256 over hashed descriptors, kept as a compact range.
//!
//! ```text
//! size 13 = 8 + 4 + 1      frontier: root of leaves 0..8 | root of leaves 8..12 | leaf 12
//! ```
//!
//! Invariant: the frontier holds one root for each set bit of the size, largest subtree first. It is all that is needed to
//! append and to compute the root. Not here: stored tiles, proofs (`proof`).

use sha2::{Digest, Sha256};

use super::ProofError;
use crate::hash::Hash;

/// SHA-256 of the empty string: the root of an empty tree.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// Hash of a leaf: `SHA-256(00 || hashed descriptor)`.
pub fn leaf_hash(hashed_descriptor: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(hashed_descriptor).finalize().into()
}

/// Hash of an inner node: `SHA-256(01 || left || right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// A log tree that can grow.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogTree {
    size: u64,
    frontier: Vec<Hash>,
}

impl LogTree {
    /// The empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// The tree that [`Self::size`] and [`Self::frontier`] described. Nothing but the number of hashes can be checked.
    ///
    /// # Errors
    /// [`ProofError::Length`] where there is not one hash for each set bit of `size`.
    pub fn from_frontier(size: u64, frontier: Vec<Hash>) -> Result<Self, ProofError> {
        let expected = size.count_ones() as usize;
        if frontier.len() != expected {
            return Err(ProofError::Length { found: frontier.len(), expected });
        }
        Ok(Self { size, frontier })
    }

    /// Appends a leaf, given its [`leaf_hash`].
    pub fn push(&mut self, leaf_hash: Hash) {
        let mut hash = leaf_hash;
        // Each trailing one of the size is a subtree as large as the one that just became complete.
        for _ in 0..self.size.trailing_ones() {
            let Some(left) = self.frontier.pop() else { break };
            hash = node_hash(&left, &hash);
        }
        self.frontier.push(hash);
        self.size += 1;
    }

    /// Leaves so far: frames.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root.
    pub fn root(&self) -> Hash {
        let folded = self.frontier.iter().copied().rev().reduce(|right, left| node_hash(&left, &right));
        folded.unwrap_or_else(empty_root)
    }

    /// Roots of the complete subtrees, largest first.
    pub fn frontier(&self) -> &[Hash] {
        &self.frontier
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::proof::tests::{hex, plain_root};

    /// The leaves and roots that RFC 6962 implementations share as test vectors.
    const INPUTS: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    #[test]
    fn known_roots() {
        let mut tree = LogTree::new();
        assert_eq!(hex(&tree.root()), ROOTS[0]);
        for (i, input) in INPUTS.iter().enumerate() {
            let bytes: Vec<u8> =
                (0..input.len() / 2).filter_map(|b| u8::from_str_radix(&input[2 * b..2 * b + 2], 16).ok()).collect();
            tree.push(leaf_hash(&bytes));
            assert_eq!(hex(&tree.root()), ROOTS[i + 1], "{} leaves", i + 1);
        }
    }

    #[test]
    fn a_tree_from_its_frontier_goes_on_alike() {
        let leaves: Vec<Hash> = (0..300u16).map(|i| leaf_hash(&i.to_le_bytes())).collect();
        let mut tree = LogTree::new();
        for (i, leaf) in leaves.iter().enumerate() {
            assert_eq!(tree.root(), plain_root(&leaves[..i]), "size {i}");
            assert_eq!(LogTree::from_frontier(tree.size(), tree.frontier().to_vec()), Ok(tree.clone()));
            tree.push(*leaf);
        }
    }

    #[test]
    fn a_frontier_of_another_length_is_refused() {
        for (size, hashes) in [(0, 1), (1, 0), (3, 1), (4, 2), (u64::MAX, 63)] {
            assert!(LogTree::from_frontier(size, vec![[0; 32]; hashes]).is_err(), "size {size}, {hashes} hashes");
        }
    }
}
