//! A stock C2SP and RFC 6962 implementation, the crate `tlog_tiles`, agrees with ours: hashes, roots, checkpoints, inclusion and
//! consistency proofs, each made by one and checked by the other, for every size and place of small trees.

use indelible_evidence::checkpoint::{Checkpoint, sign_checkpoint};
use indelible_evidence::key::SigningKey;
use indelible_evidence::merkle::{
    LogTree, consistency_proof, inclusion_proof, leaf_hash, verify_consistency, verify_inclusion,
};
use tlog_tiles::{
    Checkpoint as TheirCheckpoint, Error, Hash, HashReader, check_record, check_tree, prove_record, prove_tree,
    record_hash, stored_hashes, tree_hash,
};

const LEAVES: u64 = 70;

/// Their storage of hashes, in memory.
#[derive(Default)]
struct Stored(Vec<Hash>);

impl HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        indexes.iter().map(|&index| self.0.get(index as usize).copied().ok_or(Error::MalformedHash)).collect()
    }
}

/// Stands for a descriptor: any bytes do, the tree hashes them all alike.
fn leaf(number: u64) -> Vec<u8> {
    (0..152 + number % 3 * 44).map(|at| (number * 31 + at) as u8).collect()
}

/// Both trees over the same leaves: our leaf hashes, our root and theirs at each size from 0.
fn trees() -> (Vec<[u8; 32]>, Vec<[u8; 32]>, Stored) {
    let (mut ours, mut stored, mut tree) = (Vec::new(), Stored::default(), LogTree::new());
    let mut roots = vec![tree.root()];
    for number in 0..LEAVES {
        let new = stored_hashes(number, &leaf(number), &stored).expect("their tree grows");
        stored.0.extend(new);
        ours.push(leaf_hash(&leaf(number)));
        tree.push(leaf_hash(&leaf(number)));
        roots.push(tree.root());
        assert_eq!(record_hash(&leaf(number)).0, leaf_hash(&leaf(number)));
        assert_eq!(tree_hash(number + 1, &stored).expect("their root").0, tree.root(), "size {}", number + 1);
    }
    (ours, roots, stored)
}

fn theirs(hashes: &[[u8; 32]]) -> Vec<Hash> {
    hashes.iter().copied().map(Hash).collect()
}

fn ours(hashes: &[Hash]) -> Vec<[u8; 32]> {
    hashes.iter().map(|hash| hash.0).collect()
}

#[test]
fn inclusion_proofs_are_accepted_both_ways() {
    let (leaves, roots, stored) = trees();
    for size in 1..=LEAVES {
        let root = roots[size as usize];
        for index in 0..size {
            let hash = leaves[index as usize];
            let proof = inclusion_proof(&leaves, index, size).expect("a proof");
            check_record(&theirs(&proof), size, Hash(root), index, Hash(hash)).expect("they accept ours");
            let proof = prove_record(size, index, &stored).expect("their proof");
            verify_inclusion(&hash, index, size, &ours(&proof), &root).expect("we accept theirs");
            let other = leaves[(index as usize + 1) % leaves.len()];
            assert!(check_record(&proof, size, Hash(root), index, Hash(other)).is_err(), "{index} of {size}");
        }
    }
}

#[test]
fn consistency_proofs_are_accepted_both_ways() {
    let (leaves, roots, stored) = trees();
    for new in 1..=LEAVES {
        for old in 1..=new {
            let (old_root, new_root) = (roots[old as usize], roots[new as usize]);
            let proof = consistency_proof(&leaves, old, new).expect("a proof");
            check_tree(&theirs(&proof), new, Hash(new_root), old, Hash(old_root)).expect("they accept ours");
            let proof = prove_tree(new, old, &stored).expect("their proof");
            verify_consistency(old, &old_root, new, &new_root, &ours(&proof)).expect("we accept theirs");
            let wrong = roots[old as usize - 1];
            assert!(
                check_tree(&theirs(&ours(&proof)), new, Hash(new_root), old, Hash(wrong)).is_err(),
                "{old} to {new}"
            );
        }
    }
}

#[test]
fn checkpoints_are_read_by_them() {
    let key = SigningKey::generate([7; 32], "example.org/audit").expect("a key");
    let (_, roots, _) = trees();
    for size in [0, 1, 69, 70] {
        let checkpoint = Checkpoint { origin: "example.org/audit".into(), size, root: roots[size as usize] };
        let note = sign_checkpoint(&checkpoint, &key).expect("a note");
        let text = note.split_once("\n\n").map(|(text, _)| format!("{text}\n")).expect("text and signatures");
        let read = TheirCheckpoint::from_bytes(text.as_bytes()).expect("they read ours");
        assert_eq!((read.origin(), read.size(), read.hash().0), ("example.org/audit", size, roots[size as usize]));
        assert_eq!(read.extension(), "");
        assert_eq!(read.to_bytes(), text.as_bytes(), "one form");
    }
}
