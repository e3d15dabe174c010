//! Reads the journal files and takes down what they say; what it means is decided when the frames are known (`close`).
//!
//! ```text
//! files below journal_first   leftovers: their checksums must still be right
//! files from it on            headers and groups continue each other -> records beyond the frames, framed_to, close mark
//! ```
//!
//! Damage is a break where something later in the journal says that the place was durable; otherwise it is kept as the tail
//! until it is known whether the close or the frames say so.

use indelible_evidence::FormatError;
use indelible_evidence::commit::RecordRef;
use indelible_format::journal::{Group, GroupKind, GroupScanner, JournalHeader, Position, ScanStop, find_later_group};
use indelible_format::names::journal_file_name;

use super::Run;
use super::findings::Findings;
use super::records::Rules;
use super::taken::JournalFile;
use crate::error::{Corruption, FormatContext};

/// Longest journal file that is read.
const FILE_BYTES_MAX: u64 = 1 << 31;

/// Where the journal stops before its end.
pub(super) struct Tail {
    pub(super) name: String,
    pub(super) offset: u64,
    pub(super) length: u64,
    /// Seq of the first record that cannot be read.
    pub(super) next_seq: u64,
    pub(super) error: FormatError,
}

/// Seqs and recorded-at of a group.
pub(super) struct GroupTimes {
    pub(super) name: String,
    pub(super) offset: u64,
    pub(super) first_seq: u64,
    pub(super) recorded_first: i64,
}

/// What the journal says.
#[derive(Default)]
pub(super) struct JournalFound {
    /// Frames that were synced in segments, by any whole group, and the file that says so.
    pub(super) framed_to: u64,
    pub(super) framed_by: Option<String>,
    /// First seq of the lowest file, and its name.
    pub(super) first: Option<(u64, String)>,
    /// Seq after the last whole group.
    pub(super) next_seq: Option<u64>,
    /// Number and length of the last file, and whether it ends with a close mark.
    pub(super) last: Option<(u64, u64, bool)>,
    pub(super) groups: Vec<GroupTimes>,
    pub(super) tail: Option<Tail>,
}

/// Reads every journal file.
pub(super) fn read(run: &mut Run<'_>, findings: &mut Findings) -> JournalFound {
    let mut reading =
        Reading { found: JournalFound::default(), position: Position::default(), incarnation: None, before: None };
    let taken = run.taken;
    let first_needed = taken.manifest.journal_first;
    for (index, file) in taken.journal.iter().enumerate() {
        let bytes = match bytes_of(file) {
            Ok(bytes) => bytes,
            Err(damage) => {
                findings.broken(damage);
                continue;
            }
        };
        let later = taken.journal.get(index + 1);
        if file.number < first_needed {
            leftover(run, file, &bytes, findings);
        } else {
            reading.file(run, file, &bytes, later, findings);
        }
        run.advance(file.length, 0);
    }
    reading.found
}

/// The file's bytes as far as they were there when it was opened; fewer where a writer has cut it back since.
fn bytes_of(file: &JournalFile) -> Result<Vec<u8>, Corruption> {
    let refuse = |problem: String| Corruption::at(&file.name, 0, problem);
    if file.length > FILE_BYTES_MAX {
        return Err(refuse(format!("{} bytes are more than a journal file has", file.length)));
    }
    let mut bytes = vec![0; file.length as usize];
    let read = file.file.read_at(&mut bytes, 0).map_err(|error| refuse(format!("cannot be read: {error}")))?;
    bytes.truncate(read);
    Ok(bytes)
}

/// A file that is needed no more: everything in it is framed, and all of it was durable.
fn leftover(run: &Run<'_>, file: &JournalFile, bytes: &[u8], findings: &mut Findings) {
    findings.note(format!("{}: left over; everything in it lies in frames", file.name));
    let Some(header) = findings.ok(JournalHeader::decode(bytes).in_file(&file.name, 0)) else { return };
    if header.log_id != run.taken.manifest.log_id || header.file_no != file.number {
        findings.broken(Corruption::at(&file.name, 16, "the file belongs to another log or another place"));
        return;
    }
    let Some(scanner) = findings.ok(GroupScanner::new(bytes, Position::default()).in_file(&file.name, 0)) else {
        return;
    };
    for group in scanner {
        if let Err(stop) = group {
            findings.broken(Corruption::at(&file.name, stop.offset, stop.error));
        }
    }
}

struct Reading {
    found: JournalFound,
    position: Position,
    incarnation: Option<u64>,
    /// Number of the file before.
    before: Option<u64>,
}

impl Reading {
    fn file(
        &mut self,
        run: &Run<'_>,
        file: &JournalFile,
        bytes: &[u8],
        later: Option<&JournalFile>,
        findings: &mut Findings,
    ) {
        self.found.last = Some((file.number, bytes.len() as u64, false));
        if let Some(before) = self.before.replace(file.number)
            && before + 1 != file.number
        {
            let missing = journal_file_name(before + 1);
            let next = self.position.next_seq.unwrap_or(0);
            findings.broken(
                Corruption::at(&missing, 0, format!("the file is missing: {} follows it", file.name)).over(next, next),
            );
            self.position = Position::default();
        }
        let head = bytes.get(..JournalHeader::SIZE).unwrap_or(bytes);
        let header = match JournalHeader::decode(head) {
            Ok(header) => header,
            Err(error) => return self.stop_at_header(run, file, bytes, error, later, findings),
        };
        if let Some(problem) = self.header_problem(run, file, &header) {
            let next = self.position.next_seq.unwrap_or(header.first_seq);
            findings.broken(
                Corruption::at(&file.name, 0, problem).over(next.min(header.first_seq), next.max(header.first_seq)),
            );
            self.position = Position::default();
        }
        if self.incarnation.is_none_or(|before| header.incarnation > before) {
            // The first file of all cannot tell whether others of its incarnation came before it.
            self.position.previous_crc = self.incarnation.is_some().then_some(0);
        }
        self.incarnation = self.incarnation.max(Some(header.incarnation));
        self.found.first.get_or_insert_with(|| (header.first_seq, file.name.clone()));
        self.position.next_seq = Some(header.first_seq);
        self.groups(run, file, &header, bytes, later, findings);
    }

    fn header_problem(&self, run: &Run<'_>, file: &JournalFile, header: &JournalHeader) -> Option<String> {
        let manifest = &run.taken.manifest;
        if header.log_id != manifest.log_id {
            return Some(format!("the file belongs to log {}", header.log_id));
        }
        if header.file_no != file.number {
            return Some(format!("the file was written as journal file {}", header.file_no));
        }
        if header.encrypted != manifest.encrypted {
            return Some("the file is encrypted and the log is not".to_owned());
        }
        // The first opening makes its journal file before the manifest knows of it: cut short there, no record ever was in it ([RCV-12]).
        let first_of_all = manifest.incarnation == 0
            && manifest.segments.is_empty()
            && (header.incarnation, header.first_seq) == (1, 0)
            && file.length == JournalHeader::SIZE as u64;
        if header.incarnation > manifest.incarnation && !first_of_all {
            let (file, log) = (header.incarnation, manifest.incarnation);
            return Some(format!(
                "the file is of incarnation {file}, the manifest knows {log}: an older manifest was put back"
            ));
        }
        if let Some(before) = self.incarnation.filter(|before| header.incarnation < *before) {
            return Some(format!("the file is of incarnation {}, the one before it of {before}", header.incarnation));
        }
        if let Some(next) = self.position.next_seq.filter(|next| *next != header.first_seq) {
            return Some(format!("the file begins at seq {}, the one before it ends before {next}", header.first_seq));
        }
        None
    }

    fn groups(
        &mut self,
        run: &Run<'_>,
        file: &JournalFile,
        header: &JournalHeader,
        bytes: &[u8],
        later: Option<&JournalFile>,
        findings: &mut Findings,
    ) {
        let Some(mut scanner) = findings.ok(GroupScanner::new(bytes, self.position).in_file(&file.name, 0)) else {
            return;
        };
        while let Some(next) = scanner.next() {
            match next {
                Ok(group) => self.group(run, file, &group, findings),
                Err(stop) => {
                    self.position = scanner.position();
                    self.stop_at_group(file, header, bytes, stop, later, findings);
                    break;
                }
            }
        }
        self.position = scanner.position();
        self.found.next_seq = self.position.next_seq;
        let stopped_early = scanner.offset() < bytes.len() as u64;
        self.found.last = Some((file.number, bytes.len() as u64, scanner.closed() && !stopped_early));
        if stopped_early {
            // What follows the damage is taken up again with the next file.
            self.position = Position::default();
        }
    }

    fn group(&mut self, run: &Run<'_>, file: &JournalFile, group: &Group<'_>, findings: &mut Findings) {
        let facts = &group.header.facts;
        let (first, last) = (facts.first_seq, group.header.next_seq().saturating_sub(1));
        let broken = |problem: String| Corruption::at(&file.name, group.offset, problem).over(first, last.max(first));
        if facts.framed_to < self.found.framed_to {
            findings
                .broken(broken(format!("framed_to goes back from {} to {}", self.found.framed_to, facts.framed_to)));
        } else if facts.framed_to > 0 {
            self.found.framed_to = facts.framed_to;
            self.found.framed_by = Some(file.name.clone());
        }
        if group.header.kind == GroupKind::Close || run.options.quick {
            return;
        }
        let rules = Rules::new(&run.taken.manifest);
        let mut recorded_last = None;
        for record in group.records() {
            let checked = record.map_err(|error| error.to_string()).and_then(|record| {
                record.groups.check().map_err(|error| format!("record {}: {error}", record.seq))?;
                rules.check(&RecordRef::from(&record))?;
                Ok(record)
            });
            match checked {
                Ok(record) => {
                    if recorded_last.is_some_and(|before| record.recorded_at < before) {
                        findings.broken(broken(format!("recorded-at of record {} goes back", record.seq)));
                    }
                    recorded_last = Some(record.recorded_at);
                    if record.seq == first {
                        self.times(file, group, record.recorded_at);
                    }
                }
                Err(problem) => {
                    findings.broken(broken(problem));
                    break;
                }
            }
        }
    }

    fn times(&mut self, file: &JournalFile, group: &Group<'_>, recorded_first: i64) {
        self.found.groups.push(GroupTimes {
            name: file.name.clone(),
            offset: group.offset,
            first_seq: group.header.facts.first_seq,
            recorded_first,
        });
    }

    fn stop_at_header(
        &mut self,
        run: &Run<'_>,
        file: &JournalFile,
        bytes: &[u8],
        error: FormatError,
        later: Option<&JournalFile>,
        findings: &mut Findings,
    ) {
        let next = self.position.next_seq.unwrap_or(0);
        let manifest = &run.taken.manifest;
        let expected = JournalHeader {
            encrypted: manifest.encrypted,
            log_id: manifest.log_id,
            incarnation: manifest.incarnation,
            file_no: file.number,
            first_seq: next,
        };
        // A header is synced before the first group is written, so a group of the log behind it shows that it was whole.
        let group = find_later_group(&expected, bytes, 0, next.saturating_sub(1));
        let because = match (group, later) {
            (Some(offset), _) => Some(format!("a whole group at byte {offset} follows")),
            (None, Some(later)) => Some(format!("{} follows", later.name)),
            (None, None) => None,
        };
        self.stop(file, bytes, 0, next, error, because, findings);
        self.position = Position::default();
    }

    fn stop_at_group(
        &mut self,
        file: &JournalFile,
        header: &JournalHeader,
        bytes: &[u8],
        stop: ScanStop,
        later: Option<&JournalFile>,
        findings: &mut Findings,
    ) {
        let next = self.position.next_seq.unwrap_or(header.first_seq);
        let from = usize::try_from(stop.offset).unwrap_or(usize::MAX).saturating_add(1);
        let because = match find_later_group(header, bytes, from, next) {
            Some(offset) => Some(format!("a whole group at byte {offset} follows")),
            None => later.filter(|later| has_header(later)).map(|later| format!("{} follows", later.name)),
        };
        self.stop(file, bytes, stop.offset, next, stop.error, because, findings);
    }

    #[expect(clippy::too_many_arguments, reason = "one place where the journal can stop, named by all of these")]
    fn stop(
        &mut self,
        file: &JournalFile,
        bytes: &[u8],
        offset: u64,
        next_seq: u64,
        error: FormatError,
        because: Option<String>,
        findings: &mut Findings,
    ) {
        match because {
            Some(because) => {
                let problem = format!("{error}; it was durable, because {because}");
                findings.broken(Corruption::at(&file.name, offset, problem).over(next_seq, next_seq));
            }
            None => {
                let (name, length) = (file.name.clone(), bytes.len() as u64);
                self.found.tail = Some(Tail { name, offset, length, next_seq, error });
            }
        }
    }
}

fn has_header(file: &JournalFile) -> bool {
    let mut head = vec![0; JournalHeader::SIZE];
    file.file.read_exact_at(&mut head, 0).is_ok() && JournalHeader::decode(&head).is_ok()
}
