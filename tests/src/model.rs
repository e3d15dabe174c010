//! What the log promised so far, and what it may show after a crash.
//!
//! ```text
//! records: 0 .................. durable ......... durable + in flight
//!          byte for byte        a whole group or nothing, then only recovery records
//! notes:   size -> root, all that were ever handed out: never another root for a size, never beyond what is there
//! ```

use std::collections::BTreeMap;

use indelible_engine::Draft;
use indelible_evidence::record::{Groups, Record};
use indelible_evidence::schema::Kind;

use crate::world::signed_head;

/// A record that was handed to the log and has no place yet.
#[derive(Debug, Clone)]
pub struct Sent {
    groups: Groups,
    class: u16,
}

impl Sent {
    /// What a draft says.
    pub fn of(draft: &Draft) -> Self {
        Self { groups: Groups::from_slices(draft.slices()), class: draft.class }
    }
}

/// What the log promised.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// Acknowledged durable; `recorded_at` as it was first read.
    durable: Vec<Record>,
    /// The group whose sync has not returned, or failed.
    in_flight: Vec<Sent>,
    /// Where the acknowledged groups end, ascending.
    ends: Vec<u64>,
    /// Checkpoints that were handed out.
    notes: BTreeMap<u64, [u8; 32]>,
    /// Seqs of a compaction that has not returned: all of them are there, or none.
    going: Vec<u64>,
    /// What was removed, as it was: views that are older than the removal may still show it.
    removed: BTreeMap<u64, Record>,
}

/// What stands in the model, and in what is compared with it, in the place of a record that was removed.
pub fn gap(seq: u64) -> Record {
    Record { seq, recorded_at: i64::MIN, class: 0, groups: Groups::default() }
}

fn is_gap(record: &Record) -> bool {
    record.recorded_at == i64::MIN
}

impl Model {
    /// Number of durable records.
    pub fn durable(&self) -> u64 {
        self.durable.len() as u64
    }

    /// The durable records.
    pub fn records(&self) -> &[Record] {
        &self.durable
    }

    /// Checkpoints handed out: size and root.
    pub fn notes(&self) -> &BTreeMap<u64, [u8; 32]> {
        &self.notes
    }

    /// A compaction is to remove those of `seqs` that are there and that `may` go. Returns how many these are.
    pub fn going(&mut self, seqs: impl Iterator<Item = u64>, may: impl Fn(&Record) -> bool) -> u64 {
        let there = |seq: &u64| self.durable.get(*seq as usize).is_some_and(|record| !is_gap(record) && may(record));
        self.going = seqs.filter(there).collect();
        self.going.len() as u64
    }

    /// The compaction returned: what was to go must never be seen again in a new view.
    pub fn gone(&mut self) {
        for seq in std::mem::take(&mut self.going) {
            if let Some(place) = self.durable.get_mut(seq as usize) {
                self.removed.insert(seq, std::mem::replace(place, gap(seq)));
            }
        }
    }

    /// The compaction was refused, or gave up: nothing has changed.
    pub fn stayed(&mut self) {
        self.going.clear();
    }

    /// How many records were durable before the last `groups` acknowledged groups.
    pub fn durable_before(&self, groups: usize) -> u64 {
        let mut ends = self.ends.clone();
        ends.dedup();
        ends.len().checked_sub(groups + 1).and_then(|index| ends.get(index)).copied().unwrap_or(0)
    }

    /// A group was given to the log; what becomes of it is open.
    pub fn sent(&mut self, group: Vec<Sent>) {
        self.in_flight = group;
    }

    /// The group was refused and must never be seen.
    pub fn refused(&mut self) {
        self.in_flight.clear();
    }

    /// The group was acknowledged durable; `read` are the log's records from the old end on.
    pub fn acknowledged(&mut self, read: &[Record]) -> Result<(), String> {
        if read.len() != self.in_flight.len() {
            return Err(format!("{} records acknowledged, {} in view", self.in_flight.len(), read.len()));
        }
        self.in_flight.iter().zip(read).try_for_each(|(sent, found)| same_content(sent, found))?;
        self.durable.extend_from_slice(read);
        self.ends.push(self.durable());
        self.in_flight.clear();
        Ok(())
    }

    /// A checkpoint was handed out: the same size never has two roots ([CHK-3]).
    pub fn signed(&mut self, note: &str) -> Result<(), String> {
        let (size, root) = signed_head(note).map_err(|error| format!("a note that does not verify: {error}"))?;
        match self.notes.insert(size, root) {
            Some(other) if other != root => Err(format!("two roots signed for size {size}")),
            _ => Ok(()),
        }
    }

    /// Checks what a log shows after it was opened again; `recovered`: whether it may have added a recovery record.
    pub fn check(&self, found: &[Record], recovered: bool) -> Result<(), String> {
        self.check_prefix(found)?;
        let extra = found.get(self.durable.len()..).unwrap_or_default();
        if extra.len() + self.durable.len() < found.len() || found.len() < self.durable.len() {
            return Err(format!("{} records were durable, {} are there", self.durable.len(), found.len()));
        }
        let group = extra.iter().take_while(|record| kind(record) != Some(Kind::Recovery as u8)).count();
        let (group, system) = extra.split_at(group);
        if !group.is_empty() {
            if group.len() != self.in_flight.len() {
                let (here, sent) = (group.len(), self.in_flight.len());
                return Err(format!(
                    "{here} records beyond the durable ones, {sent} were in flight: a phantom or half a group"
                ));
            }
            self.in_flight.iter().zip(group).try_for_each(|(sent, found)| same_content(sent, found))?;
        }
        if system.iter().any(|record| kind(record) != Some(Kind::Recovery as u8)) {
            return Err("records follow a recovery record that nobody sent".to_owned());
        }
        if !system.is_empty() && !recovered {
            return Err("a recovery record where nothing was cut".to_owned());
        }
        Ok(())
    }

    /// Checks that `found` begins with what was durable, as far as both go, dense and in the order of time.
    pub fn check_prefix(&self, found: &[Record]) -> Result<(), String> {
        for (seq, record) in found.iter().enumerate() {
            if record.seq != seq as u64 {
                return Err(format!("seq {} where {seq} was due", record.seq));
            }
        }
        let there: Vec<&Record> = found.iter().filter(|record| !is_gap(record)).collect();
        for (before, after) in there.iter().zip(there.iter().skip(1)) {
            if after.recorded_at < before.recorded_at {
                return Err(format!("recorded-at goes back at seq {}", after.seq));
            }
        }
        let going = self.gone_in(found)?;
        let differs = |(durable, found): &(&Record, &Record)| durable != found && !self.is_going(durable.seq, going);
        match self.durable.iter().zip(found).find(differs) {
            Some((durable, found)) if is_gap(durable) => Err(format!("record {} was removed and is back", found.seq)),
            Some((durable, found)) if is_gap(found) => Err(format!("the durable record {} is missing", durable.seq)),
            Some((durable, _)) => Err(format!("the durable record {} is not what it was", durable.seq)),
            None => Ok(()),
        }
    }

    /// Whether a compaction that has not returned shows in what was found: wholly or not at all.
    fn gone_in(&self, found: &[Record]) -> Result<bool, String> {
        let mut seen = self.going.iter().filter_map(|seq| found.get(*seq as usize)).map(is_gap);
        let Some(first) = seen.next() else { return Ok(false) };
        if seen.any(|other| other != first) {
            return Err("a compaction was carried out by half".to_owned());
        }
        Ok(first)
    }

    fn is_going(&self, seq: u64, gone: bool) -> bool {
        gone && self.going.binary_search(&seq).is_ok()
    }

    /// As [`Model::check_prefix`], for a view that may be older than the last removals: it shows what they took, or does not.
    pub fn check_view(&self, found: &[Record]) -> Result<(), String> {
        let mut then = self.clone();
        for (seq, record) in &self.removed {
            if let (Some(place), Some(found)) = (then.durable.get_mut(*seq as usize), found.get(*seq as usize))
                && !is_gap(found)
            {
                *place = record.clone();
            }
        }
        then.check_prefix(found)
    }

    /// Takes what an opened log shows as the new state: recovery made it durable.
    pub fn adopt(&mut self, found: &[Record]) {
        self.durable = found.to_vec();
        self.ends.push(self.durable());
        self.in_flight.clear();
        self.going.clear();
    }
}

fn kind(record: &Record) -> Option<u8> {
    record.groups.group(0).first().copied()
}

fn same_content(sent: &Sent, found: &Record) -> Result<(), String> {
    if (&sent.groups, sent.class) == (&found.groups, found.class) {
        return Ok(());
    }
    Err(format!("record {} is not what was sent", found.seq))
}
