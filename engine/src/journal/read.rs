//! Reads what the journal files hold and tells torn from corrupt.
//!
//! ```text
//! files from journal_first on, ascending -> groups, each checked against the one before -> records from `from_seq` on
//! stops at the first group that is not whole: torn, unless something later says that the place was durable
//! ```

use indelible_evidence::commit::RecordRef;
use indelible_evidence::record::{Groups, Record};
use indelible_evidence::{FormatError, LogId};
use indelible_format::journal::{Group, GroupScanner, JournalHeader, Position, ScanStop, find_later_group};
use indelible_format::names::{journal_file_name, parse_journal_file_name};

use super::window::Window;
use crate::error::{Corruption, FormatContext, IoContext, Result};
use crate::mutant::{Mutant, planted};
use crate::snapshot::TailGroup;
use crate::world::storage::Storage;

/// Where the journal stops before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JournalDamage {
    pub(crate) file_no: u64,
    pub(crate) name: String,
    /// Offset of the first byte that is not whole.
    pub(crate) offset: u64,
    /// Length of the file.
    pub(crate) length: u64,
    pub(crate) error: FormatError,
    /// Why the place must have been durable: the damage is corruption, not a torn tail.
    pub(crate) durable_because: Option<String>,
}

/// What the journal holds.
#[derive(Debug, Default)]
pub(crate) struct JournalState {
    /// Records from the asked seq on, by group.
    pub(crate) groups: Vec<TailGroup>,
    /// Seq after the last record in the journal, or the asked seq where there is none beyond it.
    pub(crate) next_seq: u64,
    /// Highest `framed_to` of any valid group.
    pub(crate) framed_to: u64,
    /// File numbers present with the seq after their last record, ascending.
    pub(crate) files: Vec<(u64, u64)>,
    /// Whether the last file ends with a close mark.
    pub(crate) closed: bool,
    /// Length of the last file.
    pub(crate) last_length: u64,
    /// Where the last whole group of the last file begins, or 0 where it has none: what lies before it was synced before
    /// it was written.
    pub(crate) last_group: u64,
    /// Number of the last file that holds a group of records.
    pub(crate) last_with_records: Option<u64>,
    /// Latest recorded-at.
    pub(crate) recorded_last: Option<i64>,
    /// Highest incarnation seen.
    pub(crate) incarnation: u64,
    pub(crate) damage: Option<JournalDamage>,
}

/// Reads all journal files numbered `first_file` and up. `from_seq` is the seq after the last framed record.
///
/// `limit` (file number, offset) is how far a reader beside a live writer may look.
pub(crate) fn read_journal(
    storage: &dyn Storage,
    log_id: LogId,
    first_file: u64,
    from_seq: u64,
    limit: Option<(u64, u64)>,
) -> Result<JournalState> {
    let mut numbers: Vec<u64> = storage
        .list("journal")
        .doing("list", "journal")?
        .iter()
        .filter_map(|name| parse_journal_file_name(&format!("journal/{name}")))
        .filter(|number| *number >= first_file)
        .filter(|number| limit.is_none_or(|(last, _)| *number <= last))
        .collect();
    numbers.sort_unstable();
    let mut state = JournalState { next_seq: from_seq, ..JournalState::default() };
    let mut position = Position { previous_crc: None, next_seq: None };
    let mut last_incarnation = None;
    let mut window = Window::default();
    for (index, &file_no) in numbers.iter().enumerate() {
        let name = journal_file_name(file_no);
        let length_max = limit.filter(|(last, _)| *last == file_no).map_or(u64::MAX, |(_, offset)| offset);
        window.open(storage, &name, length_max).doing("read", &name)?;
        if index > 0 && numbers.get(index - 1) != Some(&(file_no - 1)) {
            return Err(Corruption::at(&name, 0, format!("journal file {} is missing", file_no - 1)).into());
        }
        let head = window.bytes();
        let header = match JournalHeader::decode(head.get(..JournalHeader::SIZE).unwrap_or(head)) {
            Ok(header) => header,
            Err(error) => {
                state.stop_at_header(file_no, &name, window.length(), error, index + 1 < numbers.len());
                break;
            }
        };
        if header.log_id != log_id || header.file_no != file_no {
            return Err(Corruption::at(&name, 0, "the file belongs to another log or another place").into());
        }
        check_follows(&header, &name, (index == 0).then_some(from_seq), last_incarnation, &mut position)?;
        last_incarnation = Some(header.incarnation);
        state.incarnation = state.incarnation.max(header.incarnation);
        state.last_length = window.length();
        state.last_group = 0;
        state.closed = false;
        let before = Position { next_seq: Some(header.first_seq), ..position };
        position = before;
        let stop = state.take_file(&name, &header, &mut window, from_seq, &mut position)?;
        let end_seq = position.next_seq.unwrap_or(header.first_seq);
        state.files.push((file_no, end_seq));
        if end_seq > header.first_seq {
            state.last_with_records = Some(file_no);
        }
        if let Some(stop) = stop {
            let later_file = numbers.get(index + 1).copied();
            state.stop_in_file(storage, &header, &name, &mut window, stop, later_file)?;
            break;
        }
    }
    Ok(state)
}

/// Refuses a file that does not follow the one before it, of incarnation `before`; the lowest file must reach down to
/// `frames_end`, where frames end.
fn check_follows(
    header: &JournalHeader,
    name: &str,
    frames_end: Option<u64>,
    before: Option<u64>,
    position: &mut Position,
) -> Result<(), Corruption> {
    if let Some(end) = frames_end.filter(|end| header.first_seq > *end) {
        let problem = format!("the journal begins at seq {}, frames end at {end}", header.first_seq);
        return Err(Corruption::at(name, 48, problem).over(end, header.first_seq - 1));
    }
    if before.is_some_and(|before| header.incarnation < before) {
        return Err(Corruption::at(name, 0, "the file is of an older incarnation than the one before it"));
    }
    if before.is_some_and(|before| header.incarnation > before) {
        position.previous_crc = Some(0);
    }
    if let Some(next_seq) = position.next_seq.filter(|next_seq| header.first_seq != *next_seq) {
        let problem = format!("the file begins at seq {}, the one before it ends at {next_seq}", header.first_seq);
        return Err(Corruption::at(name, 48, problem).over(next_seq, header.first_seq));
    }
    Ok(())
}

impl JournalState {
    /// Takes the groups of a file; `position` is where the file before it ended, and becomes where the last whole group does.
    fn take_file(
        &mut self,
        name: &str,
        header: &JournalHeader,
        window: &mut Window,
        from_seq: u64,
        position: &mut Position,
    ) -> Result<Option<ScanStop>> {
        let mut at = JournalHeader::SIZE as u64;
        loop {
            let skip = usize::try_from(at.saturating_sub(window.start())).unwrap_or(usize::MAX);
            let at_hand = window.bytes().get(skip..).unwrap_or_default();
            let mut scanner = GroupScanner::resume(*header, at_hand, at, *position);
            let stop = self.take_groups(name, &mut scanner, from_seq, position)?;
            let closed = scanner.closed();
            at = scanner.offset();
            match stop {
                Some(stop) if closed || window.holds_group_at(at) => return forgive(stop, name, window),
                None if window.at_end() => {
                    self.closed = closed;
                    return Ok(None);
                }
                None if closed => {
                    let error = FormatError::invalid("journal group", "magic", 0, "bytes follow the close mark");
                    return forgive(ScanStop { offset: at, error }, name, window);
                }
                // The group may go on where what is at hand does not.
                _ => window.advance(at).doing("read", name)?,
            }
        }
    }

    fn take_groups(
        &mut self,
        name: &str,
        scanner: &mut GroupScanner<'_>,
        from_seq: u64,
        position: &mut Position,
    ) -> Result<Option<ScanStop>> {
        while let Some(next) = scanner.next() {
            let group = match next {
                Ok(group) => group,
                Err(stop) => return Ok(Some(stop)),
            };
            self.last_group = group.offset;
            self.framed_to = self.framed_to.max(group.header.facts.framed_to);
            let records = self.take_records(name, &group, from_seq)?;
            if let Some(first) = records.first() {
                if first.seq != self.next_seq {
                    let problem = format!("records {} to {} are missing", self.next_seq, first.seq - 1);
                    return Err(Corruption::at(name, group.offset, problem).over(self.next_seq, first.seq - 1).into());
                }
                let group = TailGroup::new(records);
                self.next_seq = group.end_seq();
                self.groups.push(group);
            }
            *position = GroupScanner::position(scanner);
        }
        Ok(None)
    }

    /// The records of a group from `from_seq` on. Those before it are read from their frame wherever they are wanted, so what
    /// they hold is not looked at again.
    fn take_records(&mut self, name: &str, group: &Group<'_>, from_seq: u64) -> Result<Vec<Record>> {
        let wanted = group.header.next_seq().saturating_sub(from_seq).min(group.header.count.into());
        let mut records = Vec::with_capacity(wanted as usize);
        for record in group.record_refs() {
            let record = record.in_file(name, group.offset)?;
            let damaged = |damage: Corruption| damage.over(record.seq, record.seq);
            if self.recorded_last.is_some_and(|last| record.recorded_at < last) {
                return Err(damaged(Corruption::at(name, group.offset, "recorded-at goes back")).into());
            }
            self.recorded_last = Some(record.recorded_at);
            if record.seq >= from_seq {
                let RecordRef { seq, recorded_at, class, groups } = record;
                let groups = Groups::from_slices(groups);
                groups.check().in_file(name, group.offset).map_err(damaged)?;
                records.push(Record { seq, recorded_at, class, groups });
            }
        }
        Ok(records)
    }

    fn stop_at_header(&mut self, file_no: u64, name: &str, length: u64, error: FormatError, later_file: bool) {
        let later_file = later_file && !planted(Mutant::TruncateNonFinal);
        let durable_because = if later_file {
            Some("a later journal file exists".to_owned())
        } else {
            // A group is written only after the header is synced.
            (length > JournalHeader::SIZE as u64).then(|| "groups were written behind it".to_owned())
        };
        self.damage = Some(JournalDamage { file_no, name: name.to_owned(), offset: 0, length, error, durable_because });
    }

    fn stop_in_file(
        &mut self,
        storage: &dyn Storage,
        header: &JournalHeader,
        name: &str,
        window: &mut Window,
        stop: ScanStop,
        later_file: Option<u64>,
    ) -> Result<()> {
        let last_seq = self.files.last().map_or(0, |&(_, end)| end);
        let rest = window.rest(stop.offset).doing("read", name)?;
        let later_group = find_later_group(header, rest, 1, last_seq.max(header.first_seq))
            .map(|skipped| stop.offset + skipped as u64)
            .filter(|_| !planted(Mutant::CorruptIsTorn));
        let later_file = later_file.filter(|_| !planted(Mutant::TruncateNonFinal));
        let durable_because = match (later_group, later_file) {
            _ if planted(Mutant::TornIsCorrupt) => Some("it is damaged".to_owned()),
            (Some(offset), _) => Some(format!("a later group at byte {offset} is whole")),
            (None, Some(number)) if valid_header(storage, number) => {
                Some(format!("the later journal file {number} exists"))
            }
            _ => None,
        };
        self.damage = Some(JournalDamage {
            file_no: header.file_no,
            name: name.to_owned(),
            offset: stop.offset,
            length: window.length(),
            error: stop.error,
            durable_because,
        });
        Ok(())
    }
}

/// The stop, unless a planted bug takes it for something else.
fn forgive(stop: ScanStop, name: &str, window: &mut Window) -> Result<Option<ScanStop>> {
    if !planted(Mutant::AcceptZeros) && !planted(Mutant::TrustLength) {
        return Ok(Some(stop));
    }
    let rest = window.rest(stop.offset).doing("read", name)?;
    let length = rest.get(44..48).and_then(|length| length.try_into().ok()).map_or(0, u32::from_le_bytes);
    let forgiven = (planted(Mutant::AcceptZeros) && rest.iter().all(|byte| *byte == 0))
        || (planted(Mutant::TrustLength) && length > 0 && 96 + length as usize >= rest.len());
    Ok((!forgiven).then_some(stop))
}

fn valid_header(storage: &dyn Storage, file_no: u64) -> bool {
    let mut window = Window::default();
    window.open(storage, &journal_file_name(file_no), JournalHeader::SIZE as u64).is_ok()
        && JournalHeader::decode(window.bytes()).is_ok()
}

impl JournalDamage {
    /// The damage as corruption.
    pub(crate) fn corruption(&self, next_seq: u64) -> Corruption {
        let because = self.durable_because.as_deref().unwrap_or("it was durable");
        Corruption::at(&self.name, self.offset, format!("{} ({because})", self.error)).over(next_seq, next_seq)
    }
}

#[cfg(test)]
mod tests;
