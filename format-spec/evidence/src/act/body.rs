//! What an act says: one body for each kind, one line of JSON without spaces.
//!
//! ```text
//! policy | hold | key | schedule | profile | clock | loss | void | end | intent       name in the text, code of the record
//! ```
//!
//! Invariants ([ACT-9]): members stand in the order of the chapter, without spaces, texts escaped in one way; a body that reads encodes
//! to itself. Not here: what follows (`charter`).

use super::hold::HoldAct;
use super::intent::Intent;
use super::keys::{KeyChange, Role};
use super::line::{hex, parse_hex};
use super::profile::Profile;
use crate::descriptor::Hash;
use crate::error::FormatError;
use crate::retention::Policy;
use crate::retention::json::{Object, ObjectWriter};

const NAME: &str = "act body";

/// Kinds of acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A retention policy.
    Policy,
    /// Holds placed or released.
    Hold,
    /// Keys and their roles.
    Key,
    /// The class schedule.
    Schedule,
    /// What is asked of deletions.
    Profile,
    /// A wrong clock, put right for retention.
    Clock,
    /// Something signed is missing, and the log goes on.
    Loss,
    /// Takes a number and says nothing.
    Void,
    /// The last act of the charter line.
    End,
    /// A deletion about to happen.
    Intent,
}

impl Kind {
    /// Every kind, its name and the code of its record kind.
    pub const ALL: [(Kind, &'static str, u8); 10] = [
        (Kind::Key, "key", 3),
        (Kind::Schedule, "schedule", 4),
        (Kind::Policy, "policy", 5),
        (Kind::Hold, "hold", 6),
        (Kind::Intent, "intent", 10),
        (Kind::Loss, "loss", 13),
        (Kind::Profile, "profile", 17),
        (Kind::Clock, "clock", 18),
        (Kind::Void, "void", 19),
        (Kind::End, "end", 20),
    ];

    /// Name in texts.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|entry| entry.0 == self).map_or("", |entry| entry.1)
    }

    /// Code of the record kind.
    pub fn code(self) -> u8 {
        Self::ALL.iter().find(|entry| entry.0 == self).map_or(0, |entry| entry.2)
    }

    /// The kind of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|entry| entry.1 == name).map(|entry| entry.0)
    }

    /// The kind of acts that records of this kind hold.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.iter().find(|entry| entry.2 == code).map(|entry| entry.0)
    }

    /// Whether a role signs acts of this kind ([ACT-3]).
    pub fn fits(self, role: Role) -> bool {
        match role {
            Role::Admin => self != Kind::Intent,
            Role::Hold => self == Kind::Hold,
            Role::Purge => self == Kind::Intent,
            Role::Recovery => self == Kind::Key,
            _ => false,
        }
    }
}

/// What an act says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A version of a policy.
    Policy(Policy),
    /// Holds.
    Hold(HoldAct),
    /// Changes of keys, which take effect together.
    Key(Vec<KeyChange>),
    /// A version of the class schedule.
    Schedule(Schedule),
    /// The profile.
    Profile(Profile),
    /// A correction of the clock.
    Clock(Clock),
    /// A loss that was accepted.
    Loss(Loss),
    /// Nothing.
    Void,
    /// The log ends; identity of the one that continues it.
    End(Option<Hash>),
    /// A deletion.
    Intent(Box<Intent>),
}

/// A class schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Counts up by one; 0 is what counts before the first schedule act.
    pub version: u32,
    /// The first rule that matches decides.
    pub rules: Vec<ScheduleRule>,
    /// Class of events that no rule matches.
    pub default: u16,
}

/// A rule of a class schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleRule {
    /// Class of the events.
    pub class: u16,
    /// What people call it.
    pub label: String,
    /// Severity that it applies to.
    pub severity: u8,
    /// 0: the class commits its groups together, 1: apart.
    pub trees: u8,
}

impl Default for Schedule {
    /// By severity: info 1, warning 2, critical 3.
    fn default() -> Self {
        let rule =
            |class, label: &str| ScheduleRule { class, label: label.to_owned(), severity: class as u8, trees: 0 };
        Self { version: 0, rules: vec![rule(1, "info"), rule(2, "warning"), rule(3, "critical")], default: 1 }
    }
}

/// Records that count, for retention, as recorded not later than a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// First seq.
    pub from: u64,
    /// The seq after the last one.
    pub through: u64,
    /// Seconds since 1970.
    pub not_after: u64,
}

/// How the log differs from what was anchored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LossReason {
    /// Frames are missing.
    Behind,
    /// They are others.
    Forked,
}

/// A loss that somebody accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss {
    /// Size of the head that was anchored.
    pub anchored_frames: u64,
    /// Its root.
    pub anchored_root: Hash,
    /// Frames that the log has of them.
    pub found_frames: u64,
    /// How it differs.
    pub reason: LossReason,
}

impl Body {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Body::Policy(_) => Kind::Policy,
            Body::Hold(_) => Kind::Hold,
            Body::Key(_) => Kind::Key,
            Body::Schedule(_) => Kind::Schedule,
            Body::Profile(_) => Kind::Profile,
            Body::Clock(_) => Kind::Clock,
            Body::Loss(_) => Kind::Loss,
            Body::Void => Kind::Void,
            Body::End(_) => Kind::End,
            Body::Intent(_) => Kind::Intent,
        }
    }

    /// Reads the body of an act of a kind ([ACT-9]).
    ///
    /// # Errors
    /// [`FormatError`] with the member that is wrong; where it is not in its one form.
    pub fn parse(kind: Kind, line: &str) -> Result<Self, FormatError> {
        let body = Self::read(kind, line)?;
        if body.encode()? == line {
            Ok(body)
        } else {
            Err(FormatError::invalid(NAME, "body", 0, "not in its one form: members in order, without spaces"))
        }
    }

    fn read(kind: Kind, line: &str) -> Result<Self, FormatError> {
        if kind == Kind::Policy {
            return Policy::parse(line).map(Body::Policy);
        }
        let mut object = Object::parse(NAME, line)?;
        let body = match kind {
            Kind::Policy | Kind::Hold => Body::Hold(HoldAct::take(&mut object)?),
            Kind::Key => Body::Key(object.objects("changes", KeyChange::take)?),
            Kind::Schedule => Body::Schedule(take_schedule(&mut object)?),
            Kind::Profile => Body::Profile(Profile::take(&mut object)?),
            Kind::Clock => Body::Clock(take_clock(&mut object)?),
            Kind::Loss => Body::Loss(take_loss(&mut object)?),
            Kind::Void => Body::Void,
            Kind::End => Body::End(match object.optional_text("successor")? {
                None => None,
                Some(text) => {
                    Some(parse_hex(&text).ok_or_else(|| object.invalid("successor", "not 64 hexadecimal digits"))?)
                }
            }),
            Kind::Intent => Body::Intent(Box::new(Intent::take(&mut object)?)),
        };
        if matches!(&body, Body::Key(changes) if changes.is_empty()) {
            return Err(object.invalid("changes", "at least one"));
        }
        object.end()?;
        Ok(body)
    }

    /// The body's line, without the line feed.
    ///
    /// # Errors
    /// Where a policy is none that reads again.
    pub fn encode(&self) -> Result<String, FormatError> {
        let writer = ObjectWriter::new();
        Ok(match self {
            Body::Policy(policy) => policy.encode()?,
            Body::Hold(hold) => hold.encode(),
            Body::Key(changes) => writer.list("changes", changes.iter().map(KeyChange::encode)).end(),
            Body::Schedule(schedule) => schedule_text(schedule),
            Body::Profile(profile) => profile.encode(),
            Body::Clock(clock) => {
                let writer = writer.number("from", clock.from).number("through", clock.through);
                writer.number("not_after", clock.not_after).end()
            }
            Body::Loss(loss) => writer
                .number("anchored_frames", loss.anchored_frames)
                .text("anchored_root", &hex(&loss.anchored_root))
                .number("found_frames", loss.found_frames)
                .text("reason", if loss.reason == LossReason::Behind { "behind" } else { "forked" })
                .end(),
            Body::Void => writer.end(),
            Body::End(successor) => {
                writer.optional_text("successor", successor.map(|hash| hex(&hash)).as_deref()).end()
            }
            Body::Intent(intent) => intent.encode(),
        })
    }
}

fn take_schedule(object: &mut Object) -> Result<Schedule, FormatError> {
    let version = object.number("version")?;
    let rules = object.objects("rules", |rule| {
        let (class, label) = (rule.number("class")?, rule.text("label")?);
        Ok(ScheduleRule { class, label, severity: rule.number("severity")?, trees: rule.number("trees")? })
    })?;
    let schedule = Schedule { version, rules, default: object.number("default")? };
    if version == 0 {
        return Err(object.invalid("version", "versions count from 1"));
    }
    if schedule.default == 0 || schedule.rules.iter().any(|rule| rule.class == 0 || rule.severity == 0) {
        return Err(object.invalid("rules", "class 0 is the log's own, and severity 0 is none"));
    }
    let trees =
        |rule: &ScheduleRule| schedule.rules.iter().all(|other| other.class != rule.class || other.trees == rule.trees);
    if schedule.rules.iter().any(|rule| rule.trees > 1 || !trees(rule)) {
        return Err(object.invalid("trees", "0 or 1, and the same wherever a class stands"));
    }
    Ok(schedule)
}

fn schedule_text(schedule: &Schedule) -> String {
    let rules = schedule.rules.iter().map(|rule| {
        let writer = ObjectWriter::new().number("class", rule.class).text("label", &rule.label);
        writer.number("severity", rule.severity).number("trees", rule.trees).end()
    });
    let writer = ObjectWriter::new().number("version", schedule.version).list("rules", rules);
    writer.number("default", schedule.default).end()
}

fn take_clock(object: &mut Object) -> Result<Clock, FormatError> {
    let (from, through, not_after) = (object.number("from")?, object.number("through")?, object.number("not_after")?);
    if from >= through || i64::try_from(not_after).is_err() {
        return Err(object.invalid("through", "from lies below through, and not_after is a time"));
    }
    Ok(Clock { from, through, not_after })
}

fn take_loss(object: &mut Object) -> Result<Loss, FormatError> {
    let (anchored_frames, root) = (object.number("anchored_frames")?, object.text("anchored_root")?);
    let anchored_root = parse_hex(&root).ok_or_else(|| object.invalid("anchored_root", "not 64 hexadecimal digits"))?;
    let found_frames = object.number("found_frames")?;
    let reason = match object.text("reason")?.as_str() {
        "behind" => LossReason::Behind,
        "forked" => LossReason::Forked,
        _ => return Err(object.invalid("reason", "neither behind nor forked")),
    };
    if anchored_frames == 0 {
        return Err(object.invalid("anchored_frames", "at least 1"));
    }
    Ok(Loss { anchored_frames, anchored_root, found_frames, reason })
}
