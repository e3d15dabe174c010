//! The events that are measured: the reference workload, or native events from a file.
//!
//! Invariants: ids and times are there, times ascend and no two are alike, so that every store has one order to answer in.
//! Events of a file that lack an id get one that names their line; equal times are spread by a nanosecond each.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use indelible::{AuditEvent, Limits, Timestamp};
use indelible_tools::workload::Workload;

use crate::question::time_of;

/// Where events come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// The reference workload of a seed.
    Workload {
        /// Its seed.
        seed: u64,
    },
    /// A file with one native event a line.
    Ndjson(PathBuf),
}

impl Source {
    /// The first `count` events of it; of a file at most as many as it has.
    ///
    /// # Errors
    /// Where the file cannot be read, or a line is no event with a time.
    pub fn events(&self, count: u64) -> Result<Vec<AuditEvent>, Box<dyn Error + Send + Sync>> {
        match self {
            Source::Workload { seed } => Ok(Workload::new(*seed, count).collect()),
            Source::Ndjson(file) => ndjson(file, count),
        }
    }

    /// As the tables name it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Source::Workload { seed } => format!("reference workload, seed {seed}"),
            Source::Ndjson(file) => {
                format!("native events of {}", file.file_name().unwrap_or_default().to_string_lossy())
            }
        }
    }
}

fn ndjson(file: &Path, count: u64) -> Result<Vec<AuditEvent>, Box<dyn Error + Send + Sync>> {
    let name = file.display();
    let lines = BufReader::new(std::fs::File::open(file).map_err(|error| format!("{name}: {error}"))?).lines();
    let mut events = Vec::new();
    for (number, line) in (1..).zip(lines) {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let mut event = AuditEvent::from_native_json(&line, &Limits::default())
            .map_err(|error| format!("{name}, line {number}: {error}"))?;
        if event.time.is_none() {
            return Err(format!("{name}, line {number}: an event without a time cannot be compared").into());
        }
        event.id.get_or_insert_with(|| format!("line-{number:08}"));
        events.push(event);
        if events.len() as u64 >= count {
            break;
        }
    }
    in_order(&mut events);
    Ok(events)
}

/// Sorts by time and spreads equal times.
fn in_order(events: &mut [AuditEvent]) {
    events.sort_by_key(time_of);
    let mut last = i64::MIN;
    for event in events {
        let time = time_of(event).max(last.saturating_add(1));
        event.time = Some(Timestamp(time));
        last = time;
    }
}

/// Distinct values of the columns that are asked for, for the description of other data than the reference workload.
#[must_use]
pub fn cardinalities(events: &[AuditEvent]) -> Vec<(&'static str, usize)> {
    let distinct = |value: fn(&AuditEvent) -> &str| events.iter().map(value).collect::<BTreeSet<_>>().len();
    vec![
        ("workspace", distinct(|event| &event.workspace)),
        ("actor", distinct(|event| &event.actor.id)),
        ("action", distinct(|event| &event.action)),
        ("target type", distinct(|event| &event.target.kind)),
        ("target", distinct(|event| &event.target.id)),
        ("correlation", distinct(|event| event.correlation_id.as_deref().unwrap_or(""))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(lines: &[&str]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a file for the test");
        std::fs::write(file.path(), lines.join("\n")).expect("the file can be written");
        file
    }

    const EVENT: &str = r#"{"time":"2026-01-01T00:00:00Z","workspace":"a","actor":{"type":"user","id":"u"},
        "action":"x","target":{"type":"t","id":"1"},"outcome":"success"}"#;

    #[test]
    fn events_of_a_file_have_ids_and_times_of_their_own() {
        let event = EVENT.replace('\n', " ");
        let later = event.replace("2026-01-01", "2026-01-02");
        let file = file(&[&later, "", &event, &event, &event]);
        let events = Source::Ndjson(file.path().to_owned()).events(4).expect("valid events");
        let times: Vec<i64> = events.iter().map(time_of).collect();
        assert_eq!(times.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<_>>(), [1, 1, 86_399_999_999_998]);
        let ids: Vec<&str> = events.iter().filter_map(|event| event.id.as_deref()).collect();
        assert_eq!(ids, ["line-00000003", "line-00000004", "line-00000005", "line-00000001"]);
        assert_eq!(Source::Ndjson(file.path().to_owned()).events(2).map(|events| events.len()).ok(), Some(2));
        assert_eq!(cardinalities(&events)[0], ("workspace", 1));
    }

    #[test]
    fn a_line_that_cannot_be_compared_is_named() {
        for (line, said) in
            [("{", "line 1"), (&*EVENT.replace("\"time\":\"2026-01-01T00:00:00Z\",", ""), "without a time")]
        {
            let file = file(&[&line.replace('\n', " ")]);
            let error = Source::Ndjson(file.path().to_owned()).events(1).expect_err("no event with a time");
            assert!(error.to_string().contains(said), "{error}");
        }
    }
}
