//! Somebody changes one bit in a copy of the log, and verification says where.
//!
//! The bit lies in a frame in the middle of the largest segment. A checksum would be enough to catch it; whoever mends the checksum is
//! caught by the hashes behind it, which is what the tests of the format show.

use std::path::{Path, PathBuf};
use std::time::Instant;

use indelible::{Corruption, Error, VerifyOptions, verify};
use indelible_engine::Error as Log;
use indelible_format::segment::{BlockHeader, BlockKind};

use super::Story;
use crate::failure::{Failure, InFile, Outcome};
use crate::output::table::{Content, Table, thousands};
use crate::verbs::bytes_bar;

/// Copies, flips, verifies, tells, and removes the copy.
pub(super) fn run(log: &Path, copy: &Path, story: &mut Story<'_>) -> Outcome {
    let target = copy_log(log, copy)?;
    let offset = flip_one_bit(&copy.join(&target))?;
    let bar = bytes_bar("verifying", Some(0));
    let started = Instant::now();
    let result = verify(copy, &VerifyOptions::default(), &mut |progress| {
        bar.set_length(progress.bytes_total);
        bar.set_position(progress.bytes_done);
    });
    let seconds = started.elapsed().as_secs_f64();
    bar.finish_and_clear();
    let found = match result {
        Ok(report) => report.breaks.into_iter().next(),
        Err(Error::Log(Log::Corrupt(corruption))) => Some(*corruption),
        Err(error) => return Err(error.into()),
    };
    std::fs::remove_dir_all(copy).doing("remove the copy", copy)?;
    let Some(found) = found else {
        return Err(Failure::verification(format!(
            "one bit of {} was flipped at byte {offset} and verification did not see it",
            target.display()
        )));
    };
    tell(&target, offset, seconds, &found, story)
}

fn tell(target: &Path, offset: u64, seconds: f64, found: &Corruption, story: &mut Story<'_>) -> Outcome {
    let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    let seqs = found.seqs.map_or_else(|| "-".to_owned(), |(first, last)| format!("{first} to {last}"));
    let mut table = Table::new(&["tampering", "one bit flipped in a copy"], story.look);
    let rows = [
        ("flipped", format!("{}, byte {}", target.display(), thousands(offset))),
        ("caught in", format!("{seconds:.2} s")),
        ("file", found.file.clone()),
        ("segment", number(found.segment)),
        ("frame", number(found.frame)),
        ("seqs", seqs.clone()),
        ("expected", found.problem.clone()),
    ];
    for (name, value) in rows {
        table.row(vec![Content::Plain(name.to_owned()), Content::Alarm(value)]);
    }
    story.table("Tampering", table)?;
    story.note(
        "tampering",
        "caught".to_owned(),
        format!("segment {}, frame {}, seqs {seqs}", number(found.segment), number(found.frame)),
    );
    Ok(())
}

/// Copies the log; gives its largest segment, relative to the log.
fn copy_log(log: &Path, copy: &Path) -> Outcome<PathBuf> {
    let mut largest = (0, PathBuf::new());
    copy_directory(log, copy, Path::new(""), &mut largest)?;
    match largest {
        (0, _) => Err(Failure::operational("the log has no segment to tamper with")),
        (_, path) => Ok(path),
    }
}

fn copy_directory(from: &Path, to: &Path, below: &Path, largest: &mut (u64, PathBuf)) -> Outcome {
    std::fs::create_dir_all(to.join(below)).doing("make", to)?;
    let directory = from.join(below);
    for entry in std::fs::read_dir(&directory).doing("list", &directory)? {
        let entry = entry.doing("list", &directory)?;
        let name = below.join(entry.file_name());
        if entry.file_type().doing("look at", &entry.path())?.is_dir() {
            copy_directory(from, to, &name, largest)?;
            continue;
        }
        let length = std::fs::copy(entry.path(), to.join(&name)).doing("copy", &entry.path())?;
        if length > largest.0 && name.extension().is_some_and(|extension| extension == "seg") {
            *largest = (length, name);
        }
    }
    Ok(())
}

/// Flips the lowest bit of the byte in the middle of a frame in the middle of the segment; gives its offset.
fn flip_one_bit(path: &Path) -> Outcome<u64> {
    let mut bytes = std::fs::read(path).doing("read", path)?;
    let offset = frame_after(&bytes, bytes.len() / 2).or_else(|| frame_after(&bytes, 0));
    let Some((offset, byte)) = offset.and_then(|offset| Some((offset, bytes.get_mut(offset)?))) else {
        return Err(Failure::operational(format!("{} has no frame to tamper with", path.display())));
    };
    *byte ^= 1;
    std::fs::write(path, &bytes).doing("change", path)?;
    Ok(offset as u64)
}

/// The middle of the payload of the first frame block at or after `from`.
fn frame_after(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += bytes.get(at..)?.windows(4).position(|window| window == b"IBLK")?;
        match BlockHeader::decode(bytes.get(at..)?) {
            Ok(header) if header.kind == BlockKind::Frame => {
                return Some(at + BlockHeader::SIZE + header.length as usize / 2);
            }
            _ => at += 1,
        }
    }
}
