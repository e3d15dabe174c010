//! What a record must be beyond its bytes: kind, class, place, and for system records their fields and body.
//!
//! Canonical bytes were checked by whoever decoded the record; here it is about meaning ([REC-7], [REC-8], [REC-10],
//! [REC-11], [CHK-5]). Parts that were erased are not asked for.

use indelible_evidence::commit::RecordRef;
use indelible_evidence::key::VerifierKey;
use indelible_evidence::record::{EnvelopeHead, Groups, Value};
use indelible_evidence::schema::{Field, Kind};
use indelible_evidence::{FORMAT_VERSION, FormatError};
use indelible_format::manifest::Manifest;
use serde::Deserialize;

/// The rules of one log.
pub(super) struct Rules<'a> {
    manifest: &'a Manifest,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GenesisBody {
    log_id: String,
    origin: String,
    key: String,
    format_version: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScheduleBody {
    version: u32,
    rules: Vec<ScheduleRule>,
    default: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScheduleRule {
    class: u16,
    #[serde(rename = "label")]
    _label: String,
    #[serde(rename = "severity")]
    _severity: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyBody {
    #[serde(rename = "epoch")]
    _epoch: u32,
    key: String,
    role: String,
    action: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LossBody {
    anchored_frames: u64,
    anchored_root: String,
    #[serde(rename = "found_frames")]
    _found_frames: u64,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GapBody {
    #[serde(rename = "lost")]
    _lost: u64,
}

impl<'a> Rules<'a> {
    /// The rules of the log with this manifest.
    pub(super) fn new(manifest: &'a Manifest) -> Self {
        Self { manifest }
    }

    /// Checks a record; gives what is wrong with it.
    pub(super) fn check(&self, record: &RecordRef<'_>) -> Result<(), String> {
        let [envelope, ..] = record.groups;
        let head = EnvelopeHead::decode(envelope).map_err(|error| error.to_string())?;
        // Decoding refused unknown kinds ([REC-7]).
        let kind = Kind::from_code(head.kind).unwrap_or(Kind::Event);
        if (record.seq == 0) != (kind == Kind::Genesis) {
            return Err(format!(
                "record {} is of kind {}: the genesis record, and no other, is record 0",
                record.seq,
                kind.name()
            ));
        }
        match kind {
            Kind::Event if record.class == 0 => {
                Err(format!("record {} is an event of class 0, which is the log's own", record.seq))
            }
            Kind::Event | Kind::Access => Ok(()),
            _ if record.class != 0 => {
                Err(format!("record {} is a system record of class {}, not 0", record.seq, record.class))
            }
            _ => self
                .check_system(kind, &Groups::from_slices(record.groups))
                .map_err(|why| format!("{} record {}: {why}", kind.name(), record.seq)),
        }
    }

    fn check_system(&self, kind: Kind, groups: &Groups) -> Result<(), String> {
        let action = format!("log.{}", kind.name());
        let log_id = self.manifest.log_id.to_string();
        let expected = [
            (Field::ACTION, action.as_str()),
            (Field::ACTOR_ID, "indelible"),
            (Field::TARGET_TYPE, "log"),
            (Field::TARGET_ID, &log_id),
        ];
        for (field, text) in expected {
            let erased = field.spec().group.is_some_and(|group| groups.group(group.into()).is_empty());
            let found = text_of(groups, field)?;
            if !erased && found.as_deref() != Some(text) {
                return Err(format!("{} is {found:?}, expected {text:?}", field.name()));
            }
        }
        if groups.value(Field::ACTOR_TYPE).map_err(said)? != Some(Value::Code(3)) {
            return Err("the actor type is not system".to_owned());
        }
        if groups.group(3).is_empty() {
            return Ok(());
        }
        let body = text_of(groups, Field::METADATA)?.ok_or("there is no body in metadata")?;
        self.check_body(kind, &body).map_err(|why| format!("body {body}: {why}"))
    }

    fn check_body(&self, kind: Kind, body: &str) -> Result<(), String> {
        match kind {
            Kind::Genesis => {
                let genesis: GenesisBody = parse(body)?;
                let manifest = self.manifest;
                let said = (genesis.log_id.as_str(), genesis.origin.as_str(), genesis.key.as_str());
                if said != (&manifest.log_id.to_string(), &manifest.origin, &manifest.key) {
                    return Err("log id, origin or key are not the manifest's".to_owned());
                }
                check(genesis.format_version == FORMAT_VERSION, "the format version is not 1")
            }
            Kind::Schedule => {
                let schedule: ScheduleBody = parse(body)?;
                let classes = schedule.rules.iter().all(|rule| rule.class > 0);
                check(schedule.version > 0 && schedule.default > 0 && classes, "versions and classes count from 1")
            }
            Kind::Key => {
                let key: KeyBody = parse(body)?;
                VerifierKey::parse(&key.key).map_err(said)?;
                let known = ["checkpoint", "purge"].contains(&key.role.as_str());
                check(known && ["add", "retire"].contains(&key.action.as_str()), "unknown role or action")
            }
            Kind::Gap => parse::<GapBody>(body).map(|_| ()),
            Kind::Loss => {
                let loss: LossBody = parse(body)?;
                let root = loss.anchored_root.len() == 64
                    && loss.anchored_root.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
                let reason = ["behind", "forked"].contains(&loss.reason.as_str());
                check(
                    loss.anchored_frames > 0 && root && reason,
                    "it names no head that was anchored, or no known reason",
                )
            }
            // Recovery's numbers are checked where the bytes it cut are; other bodies are fixed when they are first written.
            _ => parse::<serde_json::Map<String, serde_json::Value>>(body).map(|_| ()),
        }
    }
}

fn said(error: FormatError) -> String {
    error.to_string()
}

fn check(good: bool, why: &str) -> Result<(), String> {
    if good { Ok(()) } else { Err(why.to_owned()) }
}

fn parse<'de, T: Deserialize<'de>>(body: &'de str) -> Result<T, String> {
    serde_json::from_str(body).map_err(|error| error.to_string())
}

fn text_of(groups: &Groups, field: Field) -> Result<Option<String>, String> {
    match groups.value(field).map_err(said)? {
        Some(Value::Text(text)) => Ok(Some(text.text().into_owned())),
        _ => Ok(None),
    }
}
