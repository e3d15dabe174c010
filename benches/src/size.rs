//! Where the bytes of a closed log lie: blocks of its segments by kind, columns of its frames, leaves of its runs.

use std::collections::BTreeMap;
use std::path::Path;

use indelible_format::frame::FrameReader;
use indelible_format::names::parse_segment_file_name;
use indelible_format::segment::{BlockHeader, BlockKind, SegmentHeader};
use indelible_index::RunReader;

/// Bytes by part; names are `part` or `part: detail`, details being parts of their part.
pub type Sizes = BTreeMap<String, u64>;

/// Measures every file below `dir`.
///
/// # Errors
/// The disk's own, and segments that cannot be read.
pub fn measure(dir: &Path) -> Result<Sizes, Box<dyn std::error::Error>> {
    let mut sizes = Sizes::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("?").to_owned();
        if !path.is_dir() {
            *sizes.entry(name).or_default() += path.metadata()?.len();
            continue;
        }
        for file in std::fs::read_dir(&path)? {
            let file = file?.path();
            let in_log = format!("{name}/{}", file.file_name().and_then(|name| name.to_str()).unwrap_or("?"));
            if parse_segment_file_name(&in_log).is_some() {
                segment(&std::fs::read(&file)?, &mut sizes)?;
            } else {
                *sizes.entry(name.clone()).or_default() += file.metadata()?.len();
            }
        }
    }
    Ok(sizes)
}

/// Bytes of all parts together.
#[must_use]
pub fn total(sizes: &Sizes) -> u64 {
    sizes.iter().filter(|(name, _)| !name.contains(": ")).map(|(_, bytes)| bytes).sum()
}

fn segment(bytes: &[u8], sizes: &mut Sizes) -> Result<(), Box<dyn std::error::Error>> {
    let mut at = SegmentHeader::SIZE;
    *sizes.entry("segment header".to_owned()).or_default() += at as u64;
    let mut add = |name: String, bytes: u64| *sizes.entry(name).or_default() += bytes;
    while let Some(rest) = bytes.get(at..).filter(|rest| rest.len() >= BlockHeader::SIZE) {
        let Ok(header) = BlockHeader::decode(rest) else { break };
        let payload = rest.get(BlockHeader::SIZE..header.total() as usize).unwrap_or_default();
        let name = match header.kind {
            BlockKind::Terms => "term pages",
            BlockKind::Frame => "frames",
            BlockKind::Run => "runs",
            BlockKind::Lookup => "lookups",
            BlockKind::Footer => "footer",
            BlockKind::Authority => "authority",
        };
        add(name.to_owned(), header.total().into());
        if header.kind == BlockKind::Frame {
            let frame = FrameReader::open(payload)?;
            let mut rest = payload.len();
            for (column, bytes) in frame.column_sizes() {
                add(format!("frames: {column}"), bytes as u64);
                rest -= bytes;
            }
            add("frames: descriptor, salts, directory".to_owned(), rest as u64);
        }
        if header.kind == BlockKind::Run {
            for (column, bytes) in RunReader::open(payload)?.sizes() {
                add(format!("runs: {column}"), bytes);
            }
        }
        at += header.total() as usize;
    }
    add("segment trailer".to_owned(), (bytes.len() - at) as u64);
    Ok(())
}
