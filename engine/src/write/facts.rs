//! What a frame's descriptor says of the log so far: class schedule in force, signing-key epoch, events lost.
//!
//! ```text
//! last frame of the log -> facts -> (schedule, key, gap records of the next frame, in order) -> facts of that frame
//! ```
//!
//! Invariants: each is the value at the frame's last record, and none ever decreases ([COM-7]). A body that cannot be read
//! changes nothing: `verify` reports it, and framing must not stop for it. Not here: what a schedule or a key means.

use indelible_evidence::LogId;
use indelible_evidence::commit::{FrameFacts, RecordRef};
use indelible_evidence::descriptor::Descriptor;
use indelible_evidence::record::{Groups, Value};
use indelible_evidence::schema::{Field, Kind};
use serde::Deserialize;

#[derive(Deserialize)]
struct ScheduleBody {
    version: u32,
}

#[derive(Deserialize)]
struct KeyBody {
    epoch: u32,
    role: String,
    action: String,
}

#[derive(Deserialize)]
struct GapBody {
    lost: u64,
}

/// The facts with which the frame after this one begins.
pub(crate) fn after(descriptor: &Descriptor) -> FrameFacts {
    FrameFacts {
        log_id: descriptor.log_id,
        frame_no: descriptor.frame_no + 1,
        schedule_version: descriptor.schedule_version,
        key_epoch: descriptor.key_epoch,
        lost_events: descriptor.lost_events,
    }
}

/// What the records of one frame say by themselves: highest schedule version, highest key epoch, events lost in it.
pub(crate) fn said<'a>(log_id: LogId, records: impl Iterator<Item = &'a RecordRef<'a>>) -> (u32, u32, u64) {
    let mut facts = FrameFacts { log_id, frame_no: 0, schedule_version: 0, key_epoch: 0, lost_events: 0 };
    for record in records.filter(|record| record.class == 0) {
        follow(&mut facts, std::slice::from_ref(record));
    }
    (facts.schedule_version, facts.key_epoch, facts.lost_events)
}

/// Takes in what the records of a frame say.
pub(crate) fn follow(facts: &mut FrameFacts, records: &[RecordRef<'_>]) {
    // Records that say something have class 0, which no event has, so that this costs the hot path one comparison a record.
    for record in records.iter().filter(|record| record.class == 0) {
        let kind = record.groups[0].first().and_then(|&code| Kind::from_code(code));
        match kind {
            Some(Kind::Schedule) => {
                if let Some(body) = body_of::<ScheduleBody>(record) {
                    facts.schedule_version = facts.schedule_version.max(body.version);
                }
            }
            Some(Kind::Key) => {
                let body = body_of::<KeyBody>(record);
                if let Some(body) = body.filter(|body| body.role == "checkpoint" && body.action == "add") {
                    facts.key_epoch = facts.key_epoch.max(body.epoch);
                }
            }
            Some(Kind::Gap) => {
                let lost = body_of::<GapBody>(record).map_or(0, |body| body.lost);
                facts.lost_events = facts.lost_events.saturating_add(lost);
            }
            _ => {}
        }
    }
}

fn body_of<T: for<'de> Deserialize<'de>>(record: &RecordRef<'_>) -> Option<T> {
    let groups = Groups::from_slices(record.groups);
    match groups.value(Field::METADATA) {
        Ok(Some(Value::Text(text))) => serde_json::from_str(&text.text()).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::Draft;

    /// [COM-7]
    #[test]
    fn records_move_the_facts_and_never_back() {
        let mut facts =
            FrameFacts { log_id: LogId([1; 16]), frame_no: 0, schedule_version: 1, key_epoch: 0, lost_events: 0 };
        let purge = r#"{"epoch":7,"key":"a+00000000+AA","role":"purge","action":"add"}"#;
        let retired = r#"{"epoch":9,"key":"a+00000000+AA","role":"checkpoint","action":"retire"}"#;
        let steps = [
            (Kind::Schedule, r#"{"version":3,"rules":[],"default":1}"#, (3, 0, 0)),
            (Kind::Schedule, r#"{"version":2,"rules":[],"default":1}"#, (3, 0, 0)),
            (Kind::Key, r#"{"epoch":1,"key":"a+00000000+AA","role":"checkpoint","action":"add"}"#, (3, 1, 0)),
            (Kind::Key, purge, (3, 1, 0)),
            (Kind::Key, retired, (3, 1, 0)),
            (Kind::Gap, r#"{"lost":12}"#, (3, 1, 12)),
            (Kind::Gap, r#"{"lost":30}"#, (3, 1, 42)),
            (Kind::Gap, "nonsense", (3, 1, 42)),
        ];
        for (kind, body, expected) in steps {
            let draft = Draft::system(kind, &facts.log_id, body);
            let record = RecordRef { seq: 5, recorded_at: 0, class: 0, groups: draft.slices() };
            follow(&mut facts, &[record]);
            let found = (facts.schedule_version, facts.key_epoch, facts.lost_events);
            assert_eq!(found, expected, "{kind:?} {body}");
        }
    }
}
