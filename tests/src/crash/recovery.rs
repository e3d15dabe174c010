//! Opens what a crash left, crashing the recovery itself now and then, and checks everything that was promised.

use std::sync::Arc;

use indelible_engine::step::StepLog;
use indelible_engine::verify::{VerifyOptions, verify};
use indelible_engine::world::storage::Storage;
use indelible_engine::world::storage::sim::SimStorage;
use indelible_engine::{Error, LogReader};
use indelible_evidence::record::{Record, Value};
use indelible_evidence::schema::{Field, Kind};

use super::faults::is_power_cut;
use super::{Life, all_records};
use crate::audit::{Audit, audit};
use crate::model::{Model, Sent};
use crate::world::{config, draft, signed_head};

impl Life {
    /// The main line goes on with what is on the disk.
    pub(crate) fn reopen(&mut self, was_closed: bool) -> Result<(), String> {
        let disk = self.disk.clone();
        let faulty = std::mem::take(&mut self.faulty);
        let (log, disk, found) = self.recover(disk, faulty)?;
        self.faulty = disk.faults_waiting() > 0;
        self.full = false;
        disk.set_capacity(None);
        if was_closed && self.calm && !log.recovery().was_closed {
            return Err("a log that was closed cleanly does not say so".to_owned());
        }
        self.model.adopt(&found);
        (self.disk, self.log) = (disk, Some(log));
        Ok(())
    }

    /// Some disks as a power cut now would leave them, each recovered and checked; the main line does not notice.
    pub(crate) fn check_images(&mut self, count: usize) -> Result<(), String> {
        for _ in 0..count {
            let image = match self.dice.below(8) {
                0 => self.disk.crash_keep_all(),
                1 => self.disk.crash_lose_all(),
                _ => self.disk.crash(),
            };
            if self.dice.one_in(6) {
                self.check_reader(&image)?;
            }
            if self.dice.one_in(8) {
                check_intact(&image).map_err(|what| format!("before recovery: {what}"))?;
            }
            let (log, image, found) = self.recover(image, false).map_err(|what| format!("in an image: {what}"))?;
            if self.dice.one_in(5) {
                self.go_on(log, image, &found).map_err(|what| format!("after going on in an image: {what}"))?;
            }
        }
        Ok(())
    }

    /// Opens, with power cuts on the way, until it is open, and checks it.
    /// `faulty`: whether the disk was told to fail.
    fn recover(
        &mut self,
        mut disk: SimStorage,
        mut faulty: bool,
    ) -> Result<(StepLog, SimStorage, Vec<Record>), String> {
        let mut cuts = 0;
        let log = loop {
            self.recoveries += 1;
            let cut = !self.calm && cuts < 4 && self.dice.one_in(4);
            if cut {
                disk.crash_at(disk.op_count() + self.dice.below(30));
            }
            let salt = self.dice.word();
            match StepLog::open(config(Arc::new(disk.clone()), &self.options, &self.clock, salt)) {
                Ok(log) => {
                    disk.crash_at(u64::MAX);
                    break log;
                }
                Err(error) if is_power_cut(&error) => {
                    cuts += 1;
                    disk = disk.crash();
                }
                Err(error) if error.is_disk_full() && self.full => {
                    disk.set_capacity(None);
                }
                Err(error) if faulty && matches!(error, Error::Poisoned { .. } | Error::Io { .. }) => {
                    faulty = false;
                    disk = disk.crash();
                }
                Err(error) => return Err(format!("does not open after {cuts} cuts of the recovery: {error}")),
            }
        };
        let found = self.check_open(&log, &disk, cuts)?;
        Ok((log, disk, found))
    }

    fn check_open(&mut self, log: &StepLog, disk: &SimStorage, cuts: u32) -> Result<Vec<Record>, String> {
        let found = all_records(&log.view())?;
        let cut = log.recovery().cut_anything() || !log.recovery().earlier_cuts.is_empty();
        self.model.check(&found, cut || cuts > 0)?;
        let report = found.last().is_some_and(|last| last.groups.group(0).first() == Some(&(Kind::Recovery as u8)));
        if cut && !report {
            return Err("something was cut and no record says so".to_owned());
        }
        let audit = audit(disk).map_err(|what| format!("audit: {what}"))?;
        audit.check(&self.model, stored_head(disk)?, log.next_seq()).map_err(|what| format!("audit: {what}"))?;
        check_torn(&audit, &found)?;
        if self.dice.one_in(8) {
            check_intact(disk)?;
        }
        Ok(found)
    }

    /// A reader of a log whose writer died shows a beginning of it and finds nothing wrong.
    fn check_reader(&mut self, image: &SimStorage) -> Result<(), String> {
        let config = config(Arc::new(image.clone()), &self.options, &self.clock, 0);
        let view = LogReader::open(&config).and_then(|reader| reader.view());
        let view = view.map_err(|error| format!("a reader of a log that crashed: {error}"))?;
        self.model.check_prefix(&all_records(&view)?)
    }

    /// Writes on in a recovered log, closes it, opens it again: what recovery left must bear weight.
    fn go_on(&mut self, mut log: StepLog, disk: SimStorage, found: &[Record]) -> Result<(), String> {
        let mut model: Model = self.model.clone();
        model.adopt(found);
        let on_disk = |error: Error| error.to_string();
        disk.set_capacity(None);
        let count = 1 + self.dice.below(4);
        let drafts: Vec<_> = (0..count).map(|n| draft((1 << 32) + n, 0)).collect();
        model.sent(drafts.iter().map(Sent::of).collect());
        log.append(drafts).map_err(on_disk)?;
        log.sync().map_err(on_disk)?;
        let all = all_records(&log.view())?;
        model.acknowledged(all.get(found.len()..).unwrap_or_default())?;
        log.frame(true).map_err(on_disk)?;
        model.signed(&log.checkpoint().map_err(on_disk)?)?;
        log.tidy().map_err(on_disk)?;
        let closing = self.dice.one_in(2);
        if closing {
            log.close().map_err(on_disk)?;
        }
        drop(log);
        let disk = if closing || self.dice.one_in(2) { disk } else { disk.crash() };
        let before = std::mem::replace(&mut self.model, model);
        let checked = self.recover(disk, false);
        self.model = before;
        checked.map(drop)
    }
}

/// The engine's own verification finds nothing damaged.
fn check_intact(disk: &SimStorage) -> Result<(), String> {
    let options = VerifyOptions { threads: 1, ..VerifyOptions::default() };
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let report = verify(&storage, &options, &mut |_| {}).map_err(|error| format!("verify: {error}"))?;
    match report.breaks.first() {
        Some(found) => Err(format!("verify: {found}")),
        None => Ok(()),
    }
}

/// Size and root of the checkpoint in the directory.
pub(crate) fn stored_head(disk: &SimStorage) -> Result<Option<(u64, [u8; 32])>, String> {
    if !disk.exists("checkpoint").map_err(|error| error.to_string())? {
        return Ok(None);
    }
    let note = disk.read("checkpoint", 1 << 16).map_err(|error| error.to_string())?;
    let note = String::from_utf8(note).map_err(|error| error.to_string())?;
    signed_head(&note).map(Some).map_err(|error| format!("the stored checkpoint: {error}"))
}

/// Whatever lies in `torn/` is told by a recovery record.
fn check_torn(audit: &Audit, found: &[Record]) -> Result<(), String> {
    for (file, offset) in &audit.torn {
        let told = format!("\"journal_file\":{file},\"journal_offset\":{offset},");
        let tells = |record: &Record| match record.groups.value(Field::METADATA) {
            Ok(Some(Value::Text(text))) => text.text().contains(&told),
            _ => false,
        };
        if !found.iter().any(tells) {
            return Err(format!("journal file {file} was cut at {offset} and no record says so"));
        }
    }
    Ok(())
}
