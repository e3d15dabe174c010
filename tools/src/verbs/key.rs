//! `key`: rotates the signing key, lists keys, gives and takes the role of authorising deletions.

use std::io::Write as _;

use indelible::retain::Role;
use indelible::{LedgerReader, LogKey, ReadOptions};
use indelible_evidence::key::{SigningKey, VerifierKey};
use serde_json::json;

use crate::cli::keys::RoleArgs;
use crate::cli::{Cli, KeyArgs, KeyVerb};
use crate::failure::{Failure, Outcome};
use crate::output::table::thousands;
use crate::output::{self, line, object, say};
use crate::verbs::verify::key_text;
use crate::verbs::{opened, say_heads};

/// Does it and says what became of it.
///
/// # Errors
/// A log that cannot be opened, a key that is none, files that cannot be written.
pub fn run(cli: &Cli, args: &KeyArgs) -> Outcome {
    match &args.verb {
        KeyVerb::List => list(args),
        KeyVerb::Rotate { new_key } => {
            let ledger = opened(cli, &args.log)?;
            let rotated = ledger.rotate_key(new_key.as_deref());
            say_heads(&ledger);
            ledger.close()?;
            let rotated = rotated?;
            let summary = json!({
                "epoch": rotated.epoch, "verifier_key": rotated.key.to_string(), "seq": rotated.seq,
                "sign_key_file": rotated.key_file.display().to_string(), "purge_moved": rotated.purge_moved,
            });
            let lines = [
                format!("rotated       to epoch {}; the key record is seq {}", rotated.epoch, rotated.seq),
                format!("verifier key  {}", rotated.key),
                "anchor        give the verifier key above to everybody who checks the log: whoever keeps the old one can be shown forks".to_owned(),
                format!("signing key   {} (keep it safe, and out of the log)", rotated.key_file.display()),
                match rotated.purge_moved {
                    true => "purge role    moved to the new key".to_owned(),
                    false => "purge role    as before".to_owned(),
                },
            ];
            tell(args.json, &summary, &lines)
        }
        KeyVerb::Grant(role) => change(cli, args, role, true),
        KeyVerb::Revoke(role) => change(cli, args, role, false),
    }
}

fn tell(json: bool, summary: &serde_json::Value, lines: &[String]) -> Outcome {
    let mut out = output::stdout();
    match json {
        true => object(&mut out, summary)?,
        false => lines.iter().try_for_each(|text| line(&mut out, text))?,
    }
    out.flush()?;
    Ok(())
}

fn change(cli: &Cli, args: &KeyArgs, role: &RoleArgs, give: bool) -> Outcome {
    let key = role.key.as_deref().map(verifier).transpose()?;
    let ledger = opened(cli, &args.log)?;
    let key = key.unwrap_or_else(|| ledger.log().keys().current().clone());
    let done = if give { ledger.grant_purge(&key) } else { ledger.revoke_purge(&key).map(Some) };
    let closed = ledger.close();
    let seq = done?;
    closed?;
    let summary = json!({"key": key.to_string(), "role": "purge", "granted": give, "seq": seq});
    let text = match (give, seq) {
        (_, None) => format!("unchanged  {key} has the purge role already"),
        (true, Some(seq)) => format!("granted    {key} may authorise deletions from seq {seq} on"),
        (false, Some(seq)) => format!("revoked    {key} may not authorise deletions from seq {seq} on"),
    };
    tell(args.json, &summary, &[text])
}

/// A verifier key from its text, a file with it, or a file with the signing key.
fn verifier(key: &str) -> Outcome<VerifierKey> {
    let text = key_text(key)?;
    let parsed = VerifierKey::parse(&text)
        .or_else(|error| SigningKey::from_text(&text).map(|key| key.verifier()).map_err(|_| error));
    parsed.map_err(|error| Failure::usage(format!("--key: {error}")))
}

fn list(args: &KeyArgs) -> Outcome {
    let keys = LedgerReader::open(&args.log, &ReadOptions::default())?.keys()?;
    if args.json {
        let list: Vec<_> = keys.iter().map(key_json).collect();
        return tell(true, &json!({"keys": list}), &[]);
    }
    let lines: Vec<String> = keys.iter().map(key_line).collect();
    tell(false, &json!(null), &lines)?;
    if keys.iter().any(|key| key.role == Role::Checkpoint && key.from_frames.is_none()) {
        say("a rotation was begun and not finished: `indelible key LOG rotate` finishes it");
    }
    Ok(())
}

fn role(key: &LogKey) -> &'static str {
    if key.role == Role::Checkpoint { "checkpoint" } else { "purge" }
}

fn key_json(key: &LogKey) -> serde_json::Value {
    json!({
        "role": role(key), "epoch": key.epoch, "key": key.key.to_string(), "added_seq": key.added,
        "from_frames": key.from_frames, "in_force": key.in_force,
    })
}

fn key_line(key: &LogKey) -> String {
    let state = if key.in_force { "in force" } else { "retired " };
    let since = match (key.added, key.from_frames) {
        (None, _) => "from the beginning".to_owned(),
        (Some(seq), Some(frames)) => format!("added at seq {seq}, signs from {} frames on", thousands(frames)),
        (Some(seq), None) => format!("added at seq {seq}"),
    };
    format!("{:<10}  {:>3}  {state}  {}  {since}", role(key), key.epoch, key.key)
}
