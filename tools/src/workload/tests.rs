//! The workload is what the module says, and stays the same.

use std::collections::{HashMap, HashSet};

use super::*;

const EVENTS: u64 = 50_000;

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let mut line = Vec::new();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for event in Workload::new(42, 10_000) {
        line.clear();
        event.write_native_json(None, None, &mut line);
        // FNV-1a: a fingerprint of the bytes, nothing more.
        hash = line.iter().fold(hash, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    }
    assert_eq!(hash, GOLDEN, "the workload of a seed must never change: figures are compared over it");
    assert_ne!(Workload::new(1, 10).collect::<Vec<_>>(), Workload::new(2, 10).collect::<Vec<_>>());
}

/// Fingerprint of the first 10,000 events of seed 42 as native JSON. It changed when times got nine digits in that form, which
/// changed no event.
const GOLDEN: u64 = 1_917_631_639_946_033_938;

#[test]
fn events_are_valid_and_of_the_reference_size() {
    let limits = Limits::default();
    let mut line = Vec::new();
    let mut bytes = 0;
    for event in Workload::new(7, EVENTS) {
        assert_eq!(event.validate(&limits), Ok(()));
        let keys = event.metadata.as_ref().and_then(|metadata| {
            serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(metadata.as_str()).ok()
        });
        let keys = keys.map_or(0, |keys| keys.len());
        assert!((3..=6).contains(&keys), "{keys} keys of metadata");
        line.clear();
        event.write_native_json(None, None, &mut line);
        bytes += line.len() as u64 + 1;
    }
    let mean = bytes / EVENTS;
    assert!((568..=588).contains(&mean), "{mean} bytes an event, the reference has 578");
}

#[test]
fn values_are_as_many_and_as_skewed_as_they_should_be() {
    let events: Vec<AuditEvent> = Workload::new(7, EVENTS).collect();
    let distinct = |value: fn(&AuditEvent) -> &str| events.iter().map(value).collect::<HashSet<_>>().len();
    assert_eq!(distinct(|event| event.id.as_deref().unwrap_or("")), events.len());
    assert_eq!(distinct(|event| &event.workspace), 50);
    assert!((190..=200).contains(&distinct(|event| event.lane.as_deref().unwrap_or(""))));
    assert_eq!(distinct(|event| &event.action), 120);
    assert_eq!(distinct(|event| &event.target.kind), 30);
    assert!(distinct(|event| event.session.as_deref().unwrap_or("")) > 7_000);
    let share =
        |test: fn(&AuditEvent) -> bool| events.iter().filter(|event| test(event)).count() * 1_000 / events.len();
    assert!((45..=55).contains(&share(|event| event.outcome == Outcome::Failure)));
    assert!((85..=95).contains(&share(|event| event.severity == Severity::Warning)));
    assert!((7..=13).contains(&share(|event| event.severity == Severity::Critical)));
    assert!(share(|event| event.workspace == "ws-00") > 150, "the first of 50 has more than a seventh");
}

#[test]
fn times_increase_and_operations_are_short() {
    let events: Vec<AuditEvent> = Workload::new(7, EVENTS).collect();
    let times: Vec<i64> = events.iter().filter_map(|event| event.time).map(Timestamp::as_nanos).collect();
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]));
    let span = (times[times.len() - 1] - times[0]) / 86_400_000_000_000;
    assert_eq!(span, 29, "thirty days less the last step");
    let mut operations: HashMap<&str, (&str, usize)> = HashMap::new();
    for event in &events {
        let session = event.session.as_deref().unwrap_or("");
        let found = operations.entry(event.correlation_id.as_deref().unwrap_or("")).or_insert((session, 0));
        assert_eq!(found.0, session, "an operation belongs to one session");
        found.1 += 1;
    }
    let mean = events.len() as f64 / operations.len() as f64;
    assert!((4.5..5.5).contains(&mean), "{mean} events an operation");
}

#[test]
fn ids_are_uuids_of_version_7_with_the_event_time() {
    for event in Workload::new(7, 1_000) {
        let id = event.id.unwrap_or_default();
        let digits: String = id.split('-').collect();
        let value = u128::from_str_radix(&digits, 16).expect("hexadecimal digits");
        assert_eq!((id.len(), (value >> 76) & 0xF, (value >> 62) & 0x3), (36, 7, 2), "{id}");
        assert_eq!((value >> 80) as i64, event.time.map_or(0, |time| time.0 / 1_000_000));
    }
}

#[test]
fn a_workload_of_any_count_ends() {
    for count in [0, 1, 2, 1_000] {
        assert_eq!(Workload::new(1, count).count() as u64, count);
    }
}
