//! Appends groups to the journal and rotates its files.
//!
//! ```text
//! append: header + payload, one write -> sync -> caller moves the durable watermark
//! file full: new file (header, sync, directory sync) -> next group goes there -> files whose records are framed are removed
//! ```
//!
//! Invariants: a failed append is cut back to the last good byte, so that it can be tried again; a failed sync is final.
//! A file is removed only when the framer says that every record in it lies in a synced frame.

use std::collections::VecDeque;
use std::sync::Arc;

use indelible_evidence::LogId;
use indelible_format::journal::{GroupFacts, JournalHeader, put_close_mark, put_group};
use indelible_format::names::journal_file_name;

use crate::error::{Error, IoContext, Result};
use crate::mutant::{Mutant, planted};
use crate::world::storage::{OpenMode, Storage, StorageFile};

/// A journal file that may still be needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeptFile {
    pub(crate) file_no: u64,
    /// Seq after its last record.
    pub(crate) end_seq: u64,
}

/// The growing end of the journal.
pub(crate) struct JournalWriter {
    storage: Arc<dyn Storage>,
    log_id: LogId,
    incarnation: u64,
    file_bytes_max: u64,
    file: Arc<dyn StorageFile>,
    name: String,
    file_no: u64,
    end: u64,
    previous_crc: u32,
    next_seq: u64,
    durable_to: u64,
    kept: VecDeque<KeptFile>,
    buffer: Vec<u8>,
    /// Set while bytes behind `end` may lie in the file after a failed write that could not be cut back.
    dirty_tail: bool,
}

impl JournalWriter {
    /// Begins an incarnation with a new file. `kept` are older files whose records are not all framed.
    pub(crate) fn create(
        storage: Arc<dyn Storage>,
        log_id: LogId,
        incarnation: u64,
        file_no: u64,
        next_seq: u64,
        file_bytes_max: u64,
        kept: Vec<KeptFile>,
    ) -> Result<Self> {
        let (file, name, end) = new_file(&storage, log_id, incarnation, file_no, next_seq)?;
        Ok(Self {
            storage,
            log_id,
            incarnation,
            file_bytes_max,
            file,
            name,
            file_no,
            end,
            previous_crc: 0,
            next_seq,
            durable_to: next_seq,
            kept: kept.into(),
            buffer: Vec::new(),
            dirty_tail: false,
        })
    }

    /// Number of the file being written.
    pub(crate) fn file_no(&self) -> u64 {
        self.file_no
    }

    /// Bytes of the file being written.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Lowest file that may hold records which are not framed.
    pub(crate) fn first_file(&self) -> u64 {
        self.kept.front().map_or(self.file_no, |kept| kept.file_no)
    }

    /// Whether the file being written holds any group.
    pub(crate) fn holds_groups(&self) -> bool {
        self.end > JournalHeader::SIZE as u64
    }

    /// Writes one group; not synced yet. After an error that is not a poisoned log the same group may be tried again.
    pub(crate) fn append(&mut self, count: u32, payload: &[u8], framed_to: u64) -> Result<()> {
        self.cut_dirty_tail()?;
        if self.end > self.file_bytes_max {
            self.rotate()?;
        }
        self.buffer.clear();
        let facts = self.facts(framed_to);
        let crc = put_group(&mut self.buffer, &facts, count as usize, payload).map_err(Error::Record)?;
        self.write_buffer()?;
        self.previous_crc = crc;
        self.next_seq += u64::from(count);
        Ok(())
    }

    /// Makes everything appended so far durable.
    ///
    /// A sync that fails is never tried again: the kernel may have dropped the pages and would report success.
    pub(crate) fn sync(&mut self) -> Result<()> {
        let mut synced = self.file.sync_data();
        if synced.is_err() && planted(Mutant::RetryFailedSync) {
            synced = self.file.sync_data();
        }
        synced.map_err(|error| Error::Poisoned { reason: format!("sync of {}: {error}", self.name) })?;
        self.durable_to = self.next_seq;
        Ok(())
    }

    /// Ends the incarnation: a close mark, synced.
    pub(crate) fn close(&mut self, framed_to: u64) -> Result<()> {
        self.cut_dirty_tail()?;
        self.buffer.clear();
        let facts = self.facts(framed_to);
        put_close_mark(&mut self.buffer, &facts).map_err(Error::Record)?;
        self.write_buffer()?;
        self.sync()
    }

    /// Removes files whose records all lie below `framed_seq`, never the current one; returns whether any went.
    pub(crate) fn remove_framed(&mut self, framed_seq: u64) -> Result<bool> {
        let mut removed = false;
        while let Some(kept) = self.kept.front().copied() {
            if kept.end_seq > framed_seq {
                break;
            }
            let name = journal_file_name(kept.file_no);
            match self.storage.remove(&name) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error).doing("remove", &name),
                _ => {}
            }
            self.kept.pop_front();
            removed = true;
        }
        Ok(removed)
    }

    /// Starts a new file if the current one holds records, so that those can be removed once they are framed.
    pub(crate) fn rotate(&mut self) -> Result<()> {
        if self.durable_to < self.next_seq {
            // A later file says that what lay before it was durable.
            self.sync()?;
        }
        let (file, name, end) =
            new_file(&self.storage, self.log_id, self.incarnation, self.file_no + 1, self.next_seq)?;
        self.kept.push_back(KeptFile { file_no: self.file_no, end_seq: self.next_seq });
        (self.file, self.name, self.end) = (file, name, end);
        self.file_no += 1;
        Ok(())
    }

    fn facts(&self, framed_to: u64) -> GroupFacts {
        GroupFacts {
            log_id: self.log_id,
            incarnation: self.incarnation,
            first_seq: self.next_seq,
            previous_crc: self.previous_crc,
            durable_to: self.durable_to,
            framed_to,
        }
    }

    fn write_buffer(&mut self) -> Result<()> {
        match self.file.write_at(&self.buffer, self.end) {
            Ok(()) => {
                self.end += self.buffer.len() as u64;
                Ok(())
            }
            Err(error) => {
                self.dirty_tail = true;
                // Now, so that a crash finds a clean tail. A cut that fails may be tried again by `append`, which insists
                // on it before it writes; a sync that fails is final here as anywhere.
                match self.cut_dirty_tail() {
                    Err(poisoned @ Error::Poisoned { .. }) => Err(poisoned),
                    _ => Err(error).doing("append to", &self.name),
                }
            }
        }
    }

    /// Cuts what a failed write left behind the last good byte, and syncs the cut.
    fn cut_dirty_tail(&mut self) -> Result<()> {
        if self.dirty_tail {
            self.file.set_len(self.end).doing("cut back", &self.name)?;
            self.sync_cut()?;
            self.dirty_tail = false;
        }
        Ok(())
    }

    fn sync_cut(&mut self) -> Result<()> {
        self.file.sync_data().map_err(|error| Error::Poisoned { reason: format!("sync of {}: {error}", self.name) })
    }
}

/// Removes a file that got no header, for good: the writer goes on with the one before, and a headless file behind records that
/// are durable by now would look like damage.
fn take_back(storage: &Arc<dyn Storage>, name: &str) -> Result<()> {
    let removed = storage.remove(name).and_then(|()| storage.sync_dir("journal"));
    removed.map_err(|error| Error::Poisoned { reason: format!("removing {name}, which got no header: {error}") })
}

fn new_file(
    storage: &Arc<dyn Storage>,
    log_id: LogId,
    incarnation: u64,
    file_no: u64,
    first_seq: u64,
) -> Result<(Arc<dyn StorageFile>, String, u64)> {
    let name = journal_file_name(file_no);
    let header = JournalHeader { encrypted: false, log_id, incarnation, file_no, first_seq }.encode();
    // A file of this name can only be what an attempt that ran out of space left behind: it never held a record.
    let file = match storage.open(&name, OpenMode::CreateNew) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => storage.open(&name, OpenMode::ReadWrite),
        opened => opened,
    }
    .doing("create", &name)?;
    if let Err(error) = file.set_len(0).and_then(|()| file.write_at(&header, 0)) {
        take_back(storage, &name)?;
        return Err(error).doing("write the header of", &name);
    }
    file.sync_data().map_err(|error| Error::Poisoned { reason: format!("sync of {name}: {error}") })?;
    if planted(Mutant::NoDirectorySync) {
        return Ok((file, name, header.len() as u64));
    }
    storage
        .sync_dir("journal")
        .map_err(|error| Error::Poisoned { reason: format!("sync of the directory journal: {error}") })?;
    Ok((file, name, header.len() as u64))
}
