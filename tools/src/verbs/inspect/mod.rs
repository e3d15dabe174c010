//! `inspect`: shows the structure of a log directory or of one file, down to annotated bytes.
//!
//! ```text
//! directory --> bytes by kind, what is free on the device, then MANIFEST, checkpoint, log.pub, live, segments/*, journal/*, rotations/*, torn/*, anything else
//! file      --> by its magic, or by its name where the magic is damaged
//!                 segment: header, blocks (terms, frames, runs, lookups, footer), trailer
//!                 journal: header, groups, close mark
//! ```
//!
//! Invariants: never writes, never judges (the exit code is 0 for any bytes; `verify` judges); what cannot be read is said
//! with its place, and reading goes on at the next place that can be: the next block or group whose header is right.
//!
//! Not here: hashes, chain and signatures; nothing is recomputed but checksums.

mod frame;
mod index;
mod journal;
mod record;
mod report;
mod segment;
mod small;

use std::path::{Path, PathBuf};

use indelible::{Options, Pressure};
use indelible_engine::world::storage::{Access, DirStorage, Storage as _};

use crate::cli::InspectArgs;
use crate::failure::{Failure, InFile, Outcome};
use crate::output;
use report::{Part, Report};

/// What is to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Depth {
    /// Every frame and journal group.
    pub frames: bool,
    /// Every record.
    pub records: bool,
    /// Term pages, index runs, lookups, footer.
    pub index: bool,
    /// Bytes, field by field.
    pub bytes: bool,
}

/// Shows the file or directory.
///
/// # Errors
/// Where it cannot be read at all, or stdout cannot be written.
pub fn run(args: &InspectArgs) -> Outcome {
    let depth = Depth { frames: args.frames, records: args.records, index: args.index, bytes: args.bytes };
    let mut out = output::stdout();
    let mut report = Report::new(&mut out, args.json);
    // One file, or bytes without saying of what, is what somebody wants to see more of.
    let unsaid = !(depth.frames || depth.records || depth.index);
    let depth = if unsaid && (depth.bytes || !args.path.is_dir()) {
        Depth { frames: true, index: true, ..depth }
    } else {
        depth
    };
    if args.path.is_dir() {
        directory(&args.path, depth, &mut report)?
    } else {
        file(&args.path, depth, &mut report)?
    }
    report.finish()?;
    Ok(())
}

/// The files of a log in the order in which a reader meets them.
fn directory(path: &Path, depth: Depth, report: &mut Report<'_>) -> Outcome {
    let mut files = Vec::new();
    collect(path, &mut files, 0)?;
    if files.is_empty() {
        return Err(Failure::operational(format!("{} is empty: there is nothing to inspect", path.display())));
    }
    let rank = |file: &Path| {
        let name = relative(path, file);
        let first = |name: &str| match name {
            "MANIFEST" => 0,
            "log.pub" => 1,
            "checkpoint" => 2,
            "live" => 3,
            name if name.starts_with("segments") => 4,
            name if name.starts_with("journal") => 5,
            _ => 6,
        };
        (first(&name), name)
    };
    files.sort_by_cached_key(|file| rank(file));
    space(path, &files, report)?;
    for file_path in files {
        report.file(&relative(path, &file_path));
        match std::fs::read(&file_path) {
            Ok(bytes) => show(&file_path, &bytes, depth, report)?,
            Err(error) => report.problem(0, 0, &format!("cannot be opened: {error}"))?,
        }
    }
    Ok(())
}

/// What the files take, by kind, and what is left on the device for them.
fn space(path: &Path, files: &[PathBuf], report: &mut Report<'_>) -> Outcome {
    let bytes_of = |wanted: &str| -> u64 {
        let kinds = files.iter().filter(|file| match relative(path, file).split_once('/') {
            Some(("rotations", _)) => wanted.is_empty(),
            Some((dir, _)) => dir == wanted,
            None => wanted.is_empty(),
        });
        kinds.filter_map(|file| Some(file.metadata().ok()?.len())).sum()
    };
    let kinds = ["segments", "journal", "torn", ""].map(bytes_of);
    let [segments, journal, torn, other] = kinds;
    let part = Part::at("directory", 0, 0, usize::try_from(kinds.iter().sum::<u64>()).unwrap_or(usize::MAX))
        .fact("segments", segments)
        .fact("journal", journal)
        .fact("torn", torn)
        .fact("other", other);
    let free = DirStorage::open(path, Access::ReadOnly).and_then(|storage| storage.free_bytes());
    let part = match free {
        Ok(free) => {
            let pressure = Pressure::of(free, Options::default().free_bytes_warn);
            part.fact("free_bytes", free).fact("pressure", pressure.name())
        }
        Err(_) => part,
    };
    report.file(".");
    Ok(report.part(&part)?)
}

fn relative(root: &Path, file: &Path) -> String {
    file.strip_prefix(root).unwrap_or(file).display().to_string()
}

/// Files below a directory; logs are two levels deep, and links are not followed.
fn collect(path: &Path, files: &mut Vec<PathBuf>, level: usize) -> Outcome {
    for entry in std::fs::read_dir(path).doing("list", path)? {
        let entry = entry.doing("list", path)?;
        let kind = entry.file_type().doing("look at", &entry.path())?;
        if kind.is_dir() && level < 2 {
            collect(&entry.path(), files, level + 1)?;
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn file(path: &Path, depth: Depth, report: &mut Report<'_>) -> Outcome {
    let bytes = std::fs::read(path).doing("read", path)?;
    report.file(&path.display().to_string());
    show(path, &bytes, depth, report)
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Manifest,
    Segment,
    Journal,
    Live,
    Checkpoint,
    Rotation,
    Key,
    Torn,
    Empty,
    Unknown,
}

fn sort_of(path: &Path, bytes: &[u8]) -> Sort {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match (bytes.get(..8).unwrap_or_default(), name.as_str()) {
        (b"INDELMAN", _) => Sort::Manifest,
        (b"INDELSEG", _) => Sort::Segment,
        (b"INDELJNL", _) => Sort::Journal,
        (b"INDELLIV", _) => Sort::Live,
        ([], _) if bytes.is_empty() => Sort::Empty,
        (_, "checkpoint") => Sort::Checkpoint,
        (_, "log.pub") => Sort::Key,
        // The magic is damaged, the name is not: the rest may still be readable.
        (_, "MANIFEST") => Sort::Manifest,
        (_, "live") => Sort::Live,
        (_, name) if name.ends_with(".seg") => Sort::Segment,
        (_, name) if name.ends_with(".jnl") => Sort::Journal,
        (_, name) if name.ends_with(".cut") => Sort::Torn,
        (_, name) if name.ends_with(".note") => Sort::Rotation,
        _ => Sort::Unknown,
    }
}

fn show(path: &Path, bytes: &[u8], depth: Depth, report: &mut Report<'_>) -> Outcome {
    match sort_of(path, bytes) {
        Sort::Manifest => small::manifest(bytes, depth, report)?,
        Sort::Segment => segment::show(bytes, depth, report)?,
        Sort::Journal => journal::show(bytes, depth, report)?,
        Sort::Live => small::live(bytes, depth, report)?,
        Sort::Checkpoint => small::checkpoint(bytes, depth, report)?,
        Sort::Rotation => small::rotation(bytes, depth, report)?,
        Sort::Key => small::key(bytes, depth, report)?,
        Sort::Torn => small::opaque("torn bytes", bytes, depth, report)?,
        Sort::Empty => small::opaque("empty file", bytes, depth, report)?,
        Sort::Unknown => small::opaque("no file of a log", bytes, depth, report)?,
    }
    Ok(())
}

/// Bytes of a range, as far as there are any.
pub(crate) fn part(bytes: &[u8], at: usize, length: usize) -> &[u8] {
    let from = at.min(bytes.len());
    let to = at.saturating_add(length).min(bytes.len());
    bytes.get(from..to).unwrap_or_default()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
