//! `retain`: policies, the class schedule, why an event is kept, and what was deleted.

use std::io::Write as _;

use indelible::filter::parse_time;
use indelible::retain::{Audit, Basis, Explained, Policy, PolicySpec, Profile, State};
use indelible::{LedgerReader, ReadOptions, Schedule, Timestamp};
use serde_json::{Value, json};

use crate::cli::filters::now;
use crate::cli::{BasisArg, Cli, FilterArgs, ProfileArg, RetainArgs, RetainVerb, SetArgs};
use crate::failure::{Failure, InFile, Outcome};
use crate::output::table::{bytes, thousands};
use crate::output::{self, line, object, printable};
use crate::verbs::opened;

/// Does it and says what became of it.
///
/// # Errors
/// A policy that cannot be, a log that cannot be opened.
pub fn run(cli: &Cli, args: &RetainArgs) -> Outcome {
    match &args.verb {
        RetainVerb::Set(set) => self::set(cli, args, set),
        RetainVerb::Retire { name } => {
            let ledger = opened(cli, &args.log)?;
            let seq = ledger.retire_policy(name);
            ledger.close()?;
            let seq = seq?;
            tell(args.json, &json!({"name": name, "seq": seq}), &[format!("retired  {} at seq {seq}", printable(name))])
        }
        RetainVerb::List => list(args),
        RetainVerb::Explain { seq } => {
            let explained = reader(args)?.explain_retention(*seq)?;
            tell(args.json, &explained_json(&explained), &explained_lines(&explained))
        }
        RetainVerb::Schedule { file: None } => {
            let schedule = reader(args)?.schedule()?;
            tell(args.json, &schedule_json(&schedule), &schedule_lines(&schedule))
        }
        RetainVerb::Schedule { file: Some(file) } => {
            let text = std::fs::read_to_string(file).doing("read the schedule", file)?;
            let schedule =
                Schedule::from_json(&text).map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
            let ledger = opened(cli, &args.log)?;
            let seq = ledger.set_schedule(&schedule);
            let schedule = ledger.schedule();
            ledger.close()?;
            let seq = seq?;
            let mut lines = vec![format!("in force from seq {seq} on; events keep the classes they have")];
            lines.extend(schedule_lines(&schedule));
            tell(args.json, &json!({"seq": seq, "schedule": schedule_json(&schedule)}), &lines)
        }
        RetainVerb::History => {
            let audit = reader(args)?.audit_deletions()?;
            tell(args.json, &history_json(&audit), &history_lines(&audit))
        }
    }
}

fn reader(args: &RetainArgs) -> Outcome<LedgerReader> {
    Ok(LedgerReader::open(&args.log, &ReadOptions::default())?)
}

fn tell(json: bool, summary: &Value, lines: &[String]) -> Outcome {
    let mut out = output::stdout();
    match json {
        true => object(&mut out, summary)?,
        false => lines.iter().try_for_each(|text| line(&mut out, text))?,
    }
    out.flush()?;
    Ok(())
}

fn set(cli: &Cli, args: &RetainArgs, set: &SetArgs) -> Outcome {
    let spec = set.name.as_deref().map(|name| spec(name, set)).transpose()?;
    let ledger = opened(cli, &args.log)?;
    let done = match (&spec, set.profile) {
        (_, Some(profile)) => ledger.set_profile(match profile {
            ProfileArg::Severity => Profile::Severity,
            ProfileArg::SevenYears => Profile::SevenYears,
            ProfileArg::ThirtyDays => Profile::ThirtyDays,
        }),
        (Some(spec), None) => ledger.set_policy(spec).map(|set| vec![set]),
        (None, None) => Ok(Vec::new()),
    };
    let policies = ledger.reader().policies();
    ledger.close()?;
    let (done, policies) = (done?, policies?);
    let of = |name: &str| policies.iter().find(|policy| policy.name == name);
    let mut lines = Vec::new();
    for set in &done {
        let said = of(&set.name).map(policy_text).unwrap_or_default();
        lines.push(format!("set      {} version {} at seq {}: {said}", printable(&set.name), set.version, set.seq));
        if let Some(granted) = set.granted {
            lines.push(format!("granted  the signing key may authorise deletions, from seq {granted} on"));
        }
    }
    let list: Vec<Value> = done
        .iter()
        .map(|set| {
            json!({"name": set.name, "version": set.version, "seq": set.seq, "granted_seq": set.granted,
                "policy": of(&set.name).map(policy_json)})
        })
        .collect();
    tell(args.json, &json!({"set": list}), &lines)
}

fn spec(name: &str, set: &SetArgs) -> Outcome<PolicySpec> {
    let optional = |text: &Option<String>| text.as_deref().map(span).transpose();
    let (filters, now) = (set.filters.filters(), now());
    Ok(PolicySpec {
        name: name.to_owned(),
        keep: span(&set.keep)?,
        identity_keep: optional(&set.identity_keep)?,
        payload_keep: optional(&set.payload_keep)?,
        basis: if set.basis == BasisArg::Event { Basis::Event } else { Basis::Recorded },
        classes: set.class.clone(),
        labels: set.label.clone(),
        filter: Some(filters.expr(now)?),
        text: filter_text(&filters, now),
    })
}

/// Seconds of a span like 90s, 15m, 6h, 30d, 12w, 7y; a year is 365 days.
pub(crate) fn span(text: &str) -> Outcome<u64> {
    let refuse =
        || Failure::usage(format!("{text:?} is no span")).help("a number and a unit: 90s, 15m, 6h, 30d, 12w, 7y");
    let digits = text.trim_end_matches(|unit: char| unit.is_ascii_alphabetic());
    let seconds = match text.get(digits.len()..) {
        Some("s") => 1,
        Some("m") => 60,
        Some("h") => 3_600,
        Some("d") => 86_400,
        Some("w") => 7 * 86_400,
        Some("y") => 365 * 86_400,
        _ => return Err(refuse()),
    };
    digits.parse::<u64>().ok().and_then(|number| number.checked_mul(seconds)).ok_or_else(refuse)
}

/// The filter as it was written, for people; nothing follows from it. Times are absolute: whoever reads it later has another now.
pub(crate) fn filter_text(filters: &FilterArgs, now: Timestamp) -> String {
    let lists = [
        ("workspace", &filters.workspace),
        ("lane", &filters.lane),
        ("session", &filters.session),
        ("actor", &filters.actor),
        ("actor-type", &filters.actor_type),
        ("action", &filters.action),
        ("target-type", &filters.target_type),
        ("target", &filters.target),
        ("outcome", &filters.outcome),
        ("severity", &filters.severity),
        ("service", &filters.service),
        ("correlation", &filters.correlation),
        ("id", &filters.id),
    ];
    let mut parts: Vec<String> = Vec::new();
    for (name, values) in lists {
        parts.extend(values.iter().map(|value| format!("--{name} {value}")));
    }
    let times = [
        ("from", &filters.from),
        ("to", &filters.to),
        ("recorded-from", &filters.recorded_from),
        ("recorded-to", &filters.recorded_to),
    ];
    let absolute = |text: &String| parse_time(text, now).map_or_else(|_| text.clone(), |time| time.to_string());
    parts.extend(times.into_iter().filter_map(|(name, text)| Some(format!("--{name} {}", absolute(text.as_ref()?)))));
    parts.extend(filters.expression.iter().map(|expression| format!("--where {expression}")));
    parts.join(" ")
}

fn span_text(seconds: u64) -> String {
    match seconds {
        whole if whole % 86_400 == 0 => format!("{} days", thousands(whole / 86_400)),
        seconds => format!("{} s", thousands(seconds)),
    }
}

fn policy_text(policy: &Policy) -> String {
    let Some(duty) = &policy.duty else { return "retired".to_owned() };
    let mut text = format!("keeps {}", span_text(duty.keep));
    if duty.basis == Basis::Event {
        text.push_str(" from the event's own time");
    }
    for (what, keep) in [("identity", duty.identity_keep), ("payload", duty.payload_keep)] {
        if let Some(keep) = keep {
            text.push_str(&format!(", {what} {}", span_text(keep)));
        }
    }
    let classes: Vec<String> = duty.classes.iter().map(ToString::to_string).collect();
    if !classes.is_empty() {
        text.push_str(&format!("; class {}", classes.join(", ")));
    }
    if duty.filter.is_some() {
        text.push_str(&format!("; {}", if duty.text.is_empty() { "a filter".into() } else { printable(&duty.text) }));
    }
    text
}

fn policy_json(policy: &Policy) -> Value {
    let duty = policy.duty.as_ref();
    json!({
        "name": policy.name, "version": policy.version,
        "keep_seconds": duty.map(|duty| duty.keep),
        "identity_keep_seconds": duty.and_then(|duty| duty.identity_keep),
        "payload_keep_seconds": duty.and_then(|duty| duty.payload_keep),
        "basis": duty.map(|duty| if duty.basis == Basis::Event { "event" } else { "recorded" }),
        "classes": duty.map(|duty| duty.classes.clone()),
        "filter": duty.filter(|duty| duty.filter.is_some()).map(|duty| duty.text.clone()),
    })
}

fn list(args: &RetainArgs) -> Outcome {
    let reader = reader(args)?;
    let (policies, schedule) = (reader.policies()?, reader.schedule()?);
    let mut lines: Vec<String> = policies
        .iter()
        .map(|policy| format!("{:<20} {:>3}  {}", printable(&policy.name), policy.version, policy_text(policy)))
        .collect();
    if lines.is_empty() {
        lines.push("no policies: everything is kept for ever".to_owned());
    }
    lines.extend(schedule_lines(&schedule));
    let list: Vec<Value> = policies.iter().map(policy_json).collect();
    tell(args.json, &json!({"policies": list, "schedule": schedule_json(&schedule)}), &lines)
}

fn schedule_json(schedule: &Schedule) -> Value {
    serde_json::to_value(schedule).unwrap_or(Value::Null)
}

fn schedule_lines(schedule: &Schedule) -> Vec<String> {
    let rules = schedule
        .rules
        .iter()
        .map(|rule| format!("class {:<5} {:<14} severity code {}", rule.class, printable(&rule.label), rule.severity));
    let mut lines = vec![format!("class schedule, version {}:", schedule.version)];
    lines.extend(rules);
    lines.push(format!("class {:<5} all others", schedule.default));
    lines
}

fn time(seconds: i64) -> String {
    Timestamp(seconds.saturating_mul(1_000_000_000)).to_string()
}

fn explained_json(explained: &Explained) -> Value {
    let mut json = json!({"seq": explained.seq, "class": explained.class, "label": explained.label});
    let state = match &explained.state {
        State::Permanent => json!({"state": "permanent"}),
        State::Unmatched => json!({"state": "kept", "until": null, "policies": [], "holds": []}),
        State::Removed { intent } => json!({"state": "removed", "intent": intent}),
        State::Kept(kept) => json!({
            "state": "kept", "holds": kept.holds, "until": kept.until.map(time),
            "decided_by": kept.longest().map(|policy| &policy.policy),
            "policies": kept.policies.iter().map(|policy| json!({
                "name": policy.policy, "version": policy.version, "keeps_until": time(policy.keeps_until),
                "identity_until": policy.identity_until.map(time), "payload_until": policy.payload_until.map(time),
                "basis": if policy.basis == Basis::Event { "event" } else { "recorded" },
            })).collect::<Vec<_>>(),
        }),
    };
    if let (Some(all), Value::Object(state)) = (json.as_object_mut(), state) {
        all.extend(state);
    }
    json
}

fn explained_lines(explained: &Explained) -> Vec<String> {
    let class = match (explained.class, &explained.label) {
        (Some(class), Some(label)) => format!("class {class}, {}", printable(label)),
        (Some(class), None) => format!("class {class}"),
        (None, _) => "class not known any more".to_owned(),
    };
    let mut lines = vec![format!("seq {} ({class})", explained.seq)];
    match &explained.state {
        State::Permanent => lines.push("kept for ever: a record of the log's own, which proofs need".to_owned()),
        State::Unmatched => lines.push("kept for ever: no policy matches it".to_owned()),
        State::Removed { intent: Some(intent) } => {
            lines
                .push(format!("removed by the deletion announced at seq {intent}: see `indelible retain LOG history`"));
        }
        State::Removed { intent: None } => {
            lines.push("removed, and no deletion declares it: run `indelible verify`".into())
        }
        State::Kept(kept) => {
            for hold in &kept.holds {
                lines.push(format!("held      by {}, whatever policies say", printable(hold)));
            }
            for policy in &kept.policies {
                let wins = kept.longest().is_some_and(|longest| longest.policy == policy.policy);
                let basis = if policy.basis == Basis::Event { "the event's own time" } else { "the log's time" };
                let mut text = format!(
                    "{}  {} version {} keeps it until {}, by {basis}",
                    if wins { "decides " } else { "shorter " },
                    printable(&policy.policy),
                    policy.version,
                    time(policy.keeps_until)
                );
                for (what, until) in [("identity", policy.identity_until), ("payload", policy.payload_until)] {
                    if let Some(until) = until {
                        text.push_str(&format!("; its {what} until {}", time(until)));
                    }
                }
                lines.push(text);
            }
            if kept.policies.is_empty() {
                lines.push("no policy matches it: kept for ever, hold or not".to_owned());
            }
        }
    }
    lines
}

fn history_json(audit: &Audit) -> Value {
    let stats = audit.stats();
    let deletions: Vec<Value> = audit
        .deletions
        .iter()
        .map(|entry| {
            json!({
                "intent_seq": entry.intent, "done_seq": entry.done, "abandoned_seq": entry.abandoned, "recorded_at": Timestamp(entry.recorded_at).to_string(),
                "at": time(i64::try_from(entry.at).unwrap_or(i64::MAX)), "key": entry.key,
                "published_frames": entry.published, "records": entry.records(), "by_class": entry.by_class,
                "identity": entry.identity, "payload": entry.payload, "holds": entry.holds,
                "policies": entry.policies.iter().map(|(name, version)| json!({"name": name, "version": version})).collect::<Vec<_>>(),
                "seqs": entry.seqs.runs().iter().map(|run| [run.start, run.end - 1]).collect::<Vec<_>>(),
                "bytes_before": entry.bytes_before, "bytes_after": entry.bytes_after,
            })
        })
        .collect();
    json!({
        "deletions": deletions,
        "findings": audit.findings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "total": {"deletions": stats.deletions, "records": stats.records, "identity": stats.identity,
            "payload": stats.payload, "by_class": stats.by_class, "bytes_freed": stats.bytes_freed},
    })
}

fn history_lines(audit: &Audit) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in &audit.deletions {
        let policies: Vec<String> =
            entry.policies.iter().map(|(name, version)| format!("{} v{version}", printable(name))).collect();
        let state = match (entry.done, entry.abandoned, entry.published) {
            (Some(done), ..) => format!("done at seq {done}"),
            (None, Some(abandoned), _) => format!("given up at seq {abandoned}, nothing was removed"),
            (None, None, Some(_)) => "carried out, DONE not recorded yet".to_owned(),
            (None, None, None) => "not carried out".to_owned(),
        };
        lines.push(format!(
            "seq {}  {}  {} records, {} identities, {} payloads; {state}; under {}",
            entry.intent,
            Timestamp(entry.recorded_at),
            thousands(entry.records()),
            thousands(entry.identity),
            thousands(entry.payload),
            policies.join(", ")
        ));
        if let (Some(first), Some(last)) = (entry.seqs.first(), entry.seqs.last()) {
            lines.push(format!("    seqs {first} to {last}, in {} runs", thousands(entry.seqs.runs().len() as u64)));
        }
        if let Some(after) = entry.bytes_after {
            lines.push(format!("    segments {} before, {} after", bytes(entry.bytes_before), bytes(after)));
        }
    }
    if lines.is_empty() {
        lines.push("nothing was deleted".to_owned());
    }
    lines.extend(audit.findings.iter().map(|finding| format!("WRONG  {}", printable(&finding.to_string()))));
    let stats = audit.stats();
    lines.push(format!("total  {} records in {} deletions", thousands(stats.records), thousands(stats.deletions)));
    lines
}

#[cfg(test)]
mod tests {
    use indelible::Timestamp;

    use super::{filter_text, span};
    use crate::cli::FilterArgs;

    /// A hold placed with `--from -7d` once said "-7d" for ever.
    #[test]
    fn times_of_a_filter_are_said_absolutely() {
        let now: Timestamp = "2026-11-20T10:00:00Z".parse().expect("a time");
        let filters = FilterArgs {
            actor: vec!["u-7".to_owned()],
            from: Some("-7d".to_owned()),
            recorded_to: Some("now".to_owned()),
            ..FilterArgs::default()
        };
        let text = "--actor u-7 --from 2026-11-13T10:00:00Z --recorded-to 2026-11-20T10:00:00Z";
        assert_eq!(filter_text(&filters, now), text);
    }

    #[test]
    fn spans_are_numbers_with_a_unit() {
        for (text, seconds) in [("90s", 90), ("15m", 900), ("6h", 21_600), ("30d", 2_592_000), ("7y", 220_752_000)] {
            assert_eq!(span(text).ok(), Some(seconds), "{text}");
        }
        for text in ["", "d", "30", "-1d", "1.5d", "30 d", "30D", "99999999999999999999d"] {
            assert!(span(text).is_err(), "{text}");
        }
    }
}
