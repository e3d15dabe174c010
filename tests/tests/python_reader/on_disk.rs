//! What a log directory says when only the codec reads it: frames, chain, root, checkpoint; and ways to copy and damage it.
//!
//! Walks manifest and segment blocks by itself, so that the comparison does not rest on the engine's memory.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indelible_engine::world::storage::Storage;
use indelible_evidence::checkpoint::open_checkpoint;
use indelible_evidence::commit::{chain, genesis_chain};
use indelible_evidence::key::VerifierKey;
use indelible_evidence::merkle::{LogTree, leaf_hash};
use indelible_format::frame::read_descriptor;
use indelible_format::manifest::Manifest;
use indelible_format::names::{CHECKPOINT, JOURNAL_DIR, MANIFEST, SEGMENTS_DIR, TORN_DIR, segment_file_name};
use indelible_format::segment::{BlockHeader, BlockKind, SegmentHeader};

/// What the descriptors of a log give.
pub struct Facts {
    /// Frames in all segments.
    pub frames: u64,
    /// Segments of the manifest.
    pub segments: usize,
    /// Chain value after the last frame, hexadecimal.
    pub chain: String,
    /// Root of the log tree, base64.
    pub root: String,
    /// Size and root of the checkpoint, where there is one.
    pub checkpoint: Option<(u64, String)>,
    /// Chain value after the last segment as the manifest has it; of a closed log.
    pub manifest_chain: Option<String>,
}

/// Reads what the codec sees in a directory.
pub fn facts(dir: &Path) -> Facts {
    let read = |name: &str| std::fs::read(dir.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let manifest = Manifest::decode(&read(MANIFEST)).expect("manifest");
    let mut value = genesis_chain(manifest.log_id, &manifest.origin, &manifest.key);
    let mut tree = LogTree::new();
    for segment in &manifest.segments {
        let bytes = read(&segment_file_name(segment.id, segment.generation));
        let mut rest = bytes.get(SegmentHeader::SIZE..).expect("a segment has a header");
        while let Ok(header) = BlockHeader::decode(rest) {
            let (block, after) = rest.split_at(header.total() as usize);
            rest = after;
            if header.kind == BlockKind::Frame {
                let (descriptor, _) = read_descriptor(&block[BlockHeader::SIZE..]).expect("descriptor");
                let hashed = descriptor.hashed(&value);
                tree.push(leaf_hash(&hashed));
                value = chain(&hashed);
            }
        }
    }
    let key = VerifierKey::parse(&manifest.key).expect("key");
    let note = std::fs::read_to_string(dir.join(CHECKPOINT)).ok();
    let checkpoint = note.map(|note| open_checkpoint(&note, &key).expect("checkpoint"));
    let last = manifest.segments.last().filter(|_| manifest.closed.is_some());
    Facts {
        frames: tree.size(),
        segments: manifest.segments.len(),
        chain: hex(&value),
        root: STANDARD.encode(tree.root()),
        checkpoint: checkpoint.map(|checkpoint| (checkpoint.size, STANDARD.encode(checkpoint.root))),
        manifest_chain: last.map(|segment| hex(&segment.chain_after)),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Copies a log directory, one level of folders deep.
pub fn copy(from: &Path, to: &Path) {
    try_copy(from, to).expect("copy");
}

fn try_copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for (name, path) in entries(from) {
        if path.is_dir() {
            try_copy(&path, &to.join(name))?;
        } else {
            std::fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}

/// Copies a log directory whose writer may still be framing what it took: until nothing changed while it was copied, so
/// that the copy is what a crash at one moment would leave.
pub fn copy_at_rest(from: &Path, to: &Path) {
    loop {
        let before = state_of(from);
        if try_copy(from, to).is_ok() && state_of(from) == before {
            return;
        }
        std::fs::remove_dir_all(to).expect("remove");
    }
}

/// Every file's name and length, and what the manifest holds.
fn state_of(dir: &Path) -> (Vec<(PathBuf, u64)>, Vec<u8>) {
    let folders = ["", JOURNAL_DIR, SEGMENTS_DIR].into_iter().flat_map(|folder| entries(&dir.join(folder)));
    let length = |path: &Path| std::fs::metadata(path).map_or(u64::MAX, |data| data.len());
    let files = folders.map(|(_, path)| (path.clone(), length(&path))).collect();
    (files, std::fs::read(dir.join(MANIFEST)).unwrap_or_default())
}

/// Writes the files of a simulated disk into a directory.
pub fn dump(storage: &dyn Storage, to: &Path) {
    for folder in ["", JOURNAL_DIR, SEGMENTS_DIR, TORN_DIR] {
        std::fs::create_dir_all(to.join(folder)).expect("create");
        for name in storage.list(folder).expect("list") {
            let name = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            let bytes = storage.read(&name, 1 << 26).expect("read");
            std::fs::write(to.join(name), bytes).expect("write");
        }
    }
}

fn entries(dir: &Path) -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(dir).expect("read directory").map(|entry| entry.expect("entry"));
    let mut named: Vec<_> =
        entries.map(|entry| (entry.file_name().into_string().expect("UTF-8"), entry.path())).collect();
    named.sort();
    named
}

/// Appends bytes to the last file of a folder.
pub fn append_to_newest(dir: &Path, folder: &str, bytes: &[u8]) {
    let (_, path) = entries(&dir.join(folder)).pop().expect("a file");
    let mut content = std::fs::read(&path).expect("read");
    content.extend_from_slice(bytes);
    std::fs::write(&path, content).expect("write");
}

/// Flips the lowest bit of one byte.
pub fn flip(path: &Path, at: usize) {
    let mut content = std::fs::read(path).expect("read");
    content[at] ^= 1;
    std::fs::write(path, content).expect("write");
}

/// Two places of every file that a verifier answers for, and one more in each segment.
pub fn some_places(dir: &Path) -> Vec<(String, usize)> {
    let mut places = Vec::new();
    for (name, path) in entries(dir) {
        let files = if path.is_dir() {
            entries(&path).into_iter().map(|(inner, path)| (format!("{name}/{inner}"), path)).collect()
        } else {
            vec![(name, path)]
        };
        for (name, path) in files {
            let length = std::fs::metadata(&path).expect("metadata").len() as usize;
            if length == 0 || name == "lock" || name == "live" {
                continue;
            }
            places.extend([(name.clone(), length / 2), (name.clone(), length - 1)]);
            if name.ends_with(".seg") {
                places.push((name, length / 3));
            }
        }
    }
    places
}
