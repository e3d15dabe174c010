//! The journal as a reader follows it: only what is new is read.

use std::sync::Arc;

use indelible_format::journal::{GroupScanner, JournalHeader, Position};
use indelible_format::manifest::Manifest;
use indelible_format::names::{journal_file_name, parse_journal_file_name};

use crate::error::{Corruption, FormatContext, IoContext, Result};
use crate::snapshot::TailGroup;
use crate::world::storage::{OpenMode, Storage};

/// Most bytes of a journal file read at once.
const READ_MAX: u64 = 1 << 31;

/// Where in the journal the reader is, and the groups it has that are not framed.
#[derive(Default)]
pub(super) struct JournalTail {
    at: Option<Place>,
    groups: Vec<Arc<TailGroup>>,
}

struct Place {
    file_no: u64,
    offset: u64,
    incarnation: u64,
    position: Position,
}

impl JournalTail {
    /// Groups that reach beyond `framed_seq`, ascending.
    pub(super) fn groups(&mut self, framed_seq: u64) -> Vec<Arc<TailGroup>> {
        self.groups.retain(|group| group.end_seq() > framed_seq);
        self.groups.clone()
    }

    /// Reads what is new up to `limit` (file number, offset); without a limit, as far as the journal is whole.
    pub(super) fn read(
        &mut self,
        storage: &dyn Storage,
        manifest: &Manifest,
        framed_seq: u64,
        limit: Option<(u64, u64)>,
    ) -> Result<()> {
        let mut numbers: Vec<u64> = storage
            .list("journal")
            .doing("list", "journal")?
            .iter()
            .filter_map(|name| parse_journal_file_name(&format!("journal/{name}")))
            .filter(|number| *number >= manifest.journal_first)
            .filter(|number| limit.is_none_or(|(last, _)| *number <= last))
            .collect();
        numbers.sort_unstable();
        let marked = limit.filter(|(last, _)| numbers.last() == Some(last));
        let from = self.at.as_ref().map_or(manifest.journal_first, |place| place.file_no);
        for file_no in numbers.into_iter().filter(|number| *number >= from) {
            let end = limit.and_then(|(last, offset)| (last == file_no).then_some(offset));
            match self.read_file(storage, manifest, file_no, end) {
                // The writer removes files whose records are framed.
                Err(crate::error::Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
                read => {
                    if !read? {
                        break;
                    }
                }
            }
        }
        if let Some((file_no, end)) = marked
            && self.at.as_ref().is_none_or(|place| (place.file_no, place.offset) != (file_no, end))
        {
            let problem = format!("not whole up to byte {end}, which the writer's mark says is durable");
            return Err(Corruption::at(&journal_file_name(file_no), end, problem).into());
        }
        self.check_dense(framed_seq)
    }

    /// Reads one file from where it was left; gives whether it was whole to its end.
    fn read_file(
        &mut self,
        storage: &dyn Storage,
        manifest: &Manifest,
        file_no: u64,
        end: Option<u64>,
    ) -> Result<bool> {
        let name = journal_file_name(file_no);
        let file = storage.open(&name, OpenMode::Read).doing("open", &name)?;
        let length = file.len().doing("measure", &name)?.min(end.unwrap_or(u64::MAX)).min(READ_MAX);
        let head_size = JournalHeader::SIZE as u64;
        if length < head_size {
            return Ok(false);
        }
        let mut bytes = vec![0; JournalHeader::SIZE];
        file.read_exact_at(&mut bytes, 0).doing("read", &name)?;
        let header = match JournalHeader::decode(&bytes) {
            // Without a group behind it, it may never have been synced.
            Err(_) if length == head_size => return Ok(false),
            decoded => decoded.in_file(&name, 0)?,
        };
        if header.log_id != manifest.log_id {
            return Err(Corruption::at(&name, 0, "the file belongs to another log").into());
        }
        let resumed = self.at.as_ref().filter(|place| place.file_no == file_no);
        // A file in between may have gone before it was read: then nothing is known of the group before the first.
        let same_incarnation = self.at.as_ref().filter(|place| {
            place.incarnation == header.incarnation && place.position.next_seq == Some(header.first_seq)
        });
        let (offset, position) = match (resumed, same_incarnation) {
            (Some(place), _) => (place.offset, place.position),
            (None, Some(place)) => (head_size, Position { next_seq: Some(header.first_seq), ..place.position }),
            (None, None) => (head_size, Position { previous_crc: None, next_seq: Some(header.first_seq) }),
        };
        bytes.clear();
        bytes.resize(usize::try_from(length.saturating_sub(offset)).unwrap_or(0), 0);
        let read = file.read_at(&mut bytes, offset).doing("read", &name)?;
        bytes.truncate(read);
        let mut scanner = GroupScanner::resume(header, &bytes, offset, position);
        let mut whole = true;
        for next in scanner.by_ref() {
            let Ok(group) = next else {
                whole = false;
                break;
            };
            let mut records = Vec::with_capacity(group.header.count as usize);
            for record in group.records() {
                records.push(record.in_file(&name, group.offset)?);
            }
            if !records.is_empty() {
                self.groups.push(Arc::new(TailGroup::new(records)));
            }
        }
        self.at = Some(Place {
            file_no,
            offset: scanner.offset(),
            incarnation: header.incarnation,
            position: scanner.position(),
        });
        Ok(whole)
    }

    /// No record may be missing between the frames and the tail, or inside it.
    fn check_dense(&self, framed_seq: u64) -> Result<()> {
        let mut next = framed_seq;
        for group in self.groups.iter().filter(|group| group.end_seq() > framed_seq) {
            let first = group.records.first().map_or(next, |record| record.seq);
            if first > next {
                let problem = format!("records {next} to {} are missing", first - 1);
                return Err(Corruption::at("journal", 0, problem).over(next, first - 1).into());
            }
            next = group.end_seq();
        }
        Ok(())
    }
}

/// First seq of the first journal file there is: every record below it lies in a synced frame. `None` where there is no
/// file, or only one that never held a record.
pub(super) fn first_journal_seq(storage: &dyn Storage, manifest: &Manifest) -> Result<Option<u64>> {
    let first = storage
        .list("journal")
        .doing("list", "journal")?
        .iter()
        .filter_map(|name| parse_journal_file_name(&format!("journal/{name}")))
        .filter(|number| *number >= manifest.journal_first)
        .min();
    let Some(file_no) = first else { return Ok(None) };
    let name = journal_file_name(file_no);
    let file = storage.open(&name, OpenMode::Read).doing("open", &name)?;
    let mut bytes = [0; JournalHeader::SIZE];
    let read = file.read_at(&mut bytes, 0).doing("read", &name)?;
    match JournalHeader::decode(bytes.get(..read).unwrap_or_default()) {
        Err(_) if file.len().doing("measure", &name)? <= JournalHeader::SIZE as u64 => Ok(None),
        header => Ok(Some(header.in_file(&name, 0)?.first_seq)),
    }
}
