//! What the benchmarks work on: records and frames made from the reference workload.
//!
//! ```text
//! Workload (tools) -> AuditEvent -> group bytes -> Record -> one full frame, committed
//! ```
//!
//! Not here: the command's own measurements at full size (`indelible demo`), and figures to quote, which need a quiet machine.

use indelible::AuditEvent;
use indelible_evidence::LogId;
use indelible_evidence::commit::{FrameFacts, RecordRef, Salts, commit_frame};
use indelible_evidence::descriptor::Descriptor;
use indelible_evidence::record::{Groups, GroupsWriter, Record};
use indelible_evidence::schema::{Field, Kind};
use indelible_tools::workload::Workload;

/// Seed of every workload here: the same events each time.
pub const SEED: u64 = 20_261_120;

/// A full frame before it is encoded.
#[derive(Debug)]
pub struct Frame {
    /// 128 records.
    pub records: Vec<Record>,
    /// What does not follow from them.
    pub facts: FrameFacts,
    /// What they commit to.
    pub descriptor: Descriptor,
    /// What opens the commitment.
    pub salts: Salts,
}

impl Frame {
    /// The first frame of the workload.
    ///
    /// # Panics
    /// Where the workload makes events that are no frame, which its own tests would show first.
    #[must_use]
    pub fn of_workload() -> Self {
        let records: Vec<Record> = Workload::new(SEED, 128).zip(0..).map(|(event, seq)| record(&event, seq)).collect();
        let facts =
            FrameFacts { log_id: LogId([1; 16]), frame_no: 0, schedule_version: 1, key_epoch: 0, lost_events: 0 };
        let refs: Vec<RecordRef<'_>> = records.iter().map(RecordRef::from).collect();
        let descriptor = commit_frame(&facts, &refs, &[3; 32]).expect("128 small records are a frame");
        Self { records, facts, descriptor, salts: Salts::Whole([3; 32]) }
    }

    /// The records as the codec takes them.
    #[must_use]
    pub fn refs(&self) -> Vec<RecordRef<'_>> {
        self.records.iter().map(RecordRef::from).collect()
    }
}

/// The columns and the payload of an event as a record.
fn record(event: &AuditEvent, seq: u64) -> Record {
    let mut bytes = Vec::new();
    let time = event.time.map_or(0, |time| time.0);
    let mut writer = GroupsWriter::new(&mut bytes, Kind::Event, time);
    let field = |name| Field::from_name(name).expect("a field of the schema");
    writer.text(field("workspace"), &event.workspace);
    writer.optional(field("lane"), event.lane.as_deref());
    writer.optional(field("service"), event.service.as_deref());
    writer.text(field("action"), &event.action);
    writer.code(field("severity"), 1);
    writer.code(field("outcome"), 1);
    writer.code(field("actor_type"), 1);
    writer.text(field("target_type"), &event.target.kind);
    writer.text(field("actor_id"), &event.actor.id);
    writer.text(field("target_id"), &event.target.id);
    writer.optional(field("session"), event.session.as_deref());
    writer.optional(field("event_id"), event.id.as_deref());
    writer.optional(field("correlation_id"), event.correlation_id.as_deref());
    writer.optional(field("metadata"), event.metadata.as_ref().map(|metadata| metadata.as_str()));
    let ends = writer.finish();
    let groups = Groups::from_parts(bytes, ends).expect("a writer's ends ascend");
    Record { seq, recorded_at: time, class: 1, groups }
}
