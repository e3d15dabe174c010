//! Policies and the class schedule: set, retired and listed, as records of the log.
//!
//! ```text
//! PolicySpec -> next version of its name -> policy record (durable)        Schedule -> schedule record -> classes of later events
//! ```
//!
//! Invariants: what a log with policies deletes follows from its records alone; the first policy gives the signing key the purge
//! role, unless some key has it. Not here: what a policy means (`indelible_evidence::retention`), deleting ([`super::purge`]).

use std::sync::atomic::{AtomicU16, Ordering};

use indelible_engine::query::{Expr, View};
use indelible_evidence::retention::{Basis, Duty, Policy};
use indelible_evidence::schema::Kind;

use super::records::system_records;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::prove::filter::to_bundle;
use crate::reader::LedgerReader;
use crate::schedule::Schedule;

/// Seconds of a day.
pub const DAY: u64 = 86_400;
/// Seven years as the ready profiles count them, in seconds.
pub const SEVEN_YEARS: u64 = 2_555 * DAY;

/// A policy to be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySpec {
    /// Its name; a policy of this name gets a new version.
    pub name: String,
    /// How long records are kept, seconds.
    pub keep: u64,
    /// How long their identity group (who, on what, from where) is kept where shorter, seconds.
    pub identity_keep: Option<u64>,
    /// How long their payload group is kept where shorter, seconds.
    pub payload_keep: Option<u64>,
    /// The time that it counts from.
    pub basis: Basis,
    /// Retention classes; empty: all of them.
    pub classes: Vec<u16>,
    /// Labels of classes in the schedule, for instance of a framework; they stand for the classes that have them now.
    pub labels: Vec<String>,
    /// Which records of these classes; `None`: all. Columns of the envelope alone (workspace, lane, service, action, severity, outcome, actor type,
    /// target type).
    pub filter: Option<Expr>,
    /// The filter as people wrote it.
    pub text: String,
}

impl PolicySpec {
    /// Keeps every record that long, by the log's own time.
    #[must_use]
    pub fn keep(name: impl Into<String>, seconds: u64) -> Self {
        Self {
            name: name.into(),
            keep: seconds,
            identity_keep: None,
            payload_keep: None,
            basis: Basis::Recorded,
            classes: Vec::new(),
            labels: Vec::new(),
            filter: None,
            text: String::new(),
        }
    }
}

/// Policies that come ready-made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Critical events 2,555 days, warnings 1,095, info 365, by the classes that the schedule gives them.
    Severity,
    /// Everything seven years (2,555 days).
    SevenYears,
    /// Everything 30 days.
    ThirtyDays,
}

impl Profile {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Profile::Severity => "severity",
            Profile::SevenYears => "seven-years",
            Profile::ThirtyDays => "thirty-days",
        }
    }

    /// The profile of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Profile::Severity, Profile::SevenYears, Profile::ThirtyDays].into_iter().find(|profile| profile.name() == name)
    }

    fn policies(self, schedule: &Schedule) -> Result<Vec<PolicySpec>> {
        match self {
            Profile::SevenYears => Ok(vec![PolicySpec::keep(self.name(), SEVEN_YEARS)]),
            Profile::ThirtyDays => Ok(vec![PolicySpec::keep(self.name(), 30 * DAY)]),
            Profile::Severity => {
                let severities = [("critical", 3, SEVEN_YEARS), ("warning", 2, 1_095 * DAY), ("info", 1, 365 * DAY)];
                severities.into_iter().map(|(name, code, keep)| severity_policy(schedule, name, code, keep)).collect()
            }
        }
    }
}

/// A policy over the class that events of one severity get, which no other severity may share.
fn severity_policy(schedule: &Schedule, name: &str, code: u8, keep: u64) -> Result<PolicySpec> {
    let class = schedule.class_of_code(code);
    let shared = (1..=3).filter(|other| schedule.class_of_code(*other) == class).count() > 1;
    if shared {
        let problem = format!(
            "the class schedule gives events of severity {name} the class of another severity: set policies by filter instead"
        );
        return Err(Error::Option { option: "profile", problem });
    }
    Ok(PolicySpec { classes: vec![class], ..PolicySpec::keep(format!("severity-{name}"), keep) })
}

/// What setting a policy did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySet {
    /// The policy's name.
    pub name: String,
    /// Its version from now on.
    pub version: u32,
    /// Seq of its record.
    pub seq: u64,
    /// Seq of the record that gave the signing key the purge role, where this was the first policy and no key had it.
    pub granted: Option<u64>,
}

impl Ledger {
    /// Sets a policy: its first version, or the next one of its name.
    ///
    /// # Errors
    /// Where the policy cannot be: a filter on more than the envelope, a class 0, a label that no class has.
    pub fn set_policy(&self, spec: &PolicySpec) -> Result<PolicySet> {
        let _one = self.administer();
        self.set_policy_alone(spec)
    }

    fn set_policy_alone(&self, spec: &PolicySpec) -> Result<PolicySet> {
        let refuse = |problem: String| Error::Option { option: "policy", problem };
        let register = self.register()?;
        let duty = self.duty(spec)?;
        let version = register.policy(&spec.name).map_or(0, |policy| policy.version) + 1;
        let policy = Policy { name: spec.name.clone(), version, duty: Some(duty) };
        let body = policy.encode().map_err(|error| refuse(error.to_string()))?;
        let none_may_purge = register.purge_keys().iter().all(|key| key.retired.is_some());
        let granted = match self.log().keys().current() {
            // A log that is not signed cannot be purged, so there is nobody to give the role to.
            key if none_may_purge && self.key_file().is_some() => self.grant_purge_alone(key)?,
            _ => None,
        };
        let seq = self.put_system(Kind::Policy, &body)?;
        Ok(PolicySet { name: spec.name.clone(), version, seq, granted })
    }

    fn duty(&self, spec: &PolicySpec) -> Result<Duty> {
        let mut classes = spec.classes.clone();
        let schedule = self.schedule();
        for label in &spec.labels {
            let labelled: Vec<u16> =
                schedule.rules.iter().filter(|rule| rule.label == *label).map(|rule| rule.class).collect();
            if labelled.is_empty() {
                let known: Vec<&str> = schedule.rules.iter().map(|rule| rule.label.as_str()).collect();
                let problem = format!("no class is labelled {label:?}; the schedule has {}", known.join(", "));
                return Err(Error::Option { option: "label", problem });
            }
            classes.extend(labelled);
        }
        classes.sort_unstable();
        classes.dedup();
        Ok(Duty {
            keep: spec.keep,
            identity_keep: spec.identity_keep,
            payload_keep: spec.payload_keep,
            basis: spec.basis,
            classes,
            filter: spec.filter.as_ref().filter(|filter| **filter != Expr::True).map(to_bundle).transpose()?,
            text: spec.text.clone(),
        })
    }

    /// Sets the policies of a ready profile.
    ///
    /// # Errors
    /// As [`Ledger::set_policy`]; where the class schedule does not tell severities apart.
    pub fn set_profile(&self, profile: Profile) -> Result<Vec<PolicySet>> {
        let _one = self.administer();
        let specs = profile.policies(&self.schedule())?;
        specs.iter().map(|spec| self.set_policy_alone(spec)).collect()
    }

    /// Retires a policy: from now on it neither keeps nor deletes anything. Gives the seq of the record.
    ///
    /// # Errors
    /// Where no policy of this name is in force.
    pub fn retire_policy(&self, name: &str) -> Result<u64> {
        let _one = self.administer();
        let register = self.register()?;
        let Some(policy) = register.policy(name).filter(|policy| policy.duty.is_some()) else {
            return Err(Error::Option { option: "policy", problem: format!("no policy {name:?} is in force") });
        };
        let retired = Policy { name: name.to_owned(), version: policy.version + 1, duty: None };
        self.put_system(Kind::Policy, &retired.encode().map_err(indelible_engine::Error::Record)?)
    }

    /// Puts a new class schedule in force: events emitted after this returns get their class from it. Classes given before stay. The version
    /// is set here. Gives the seq of the record.
    ///
    /// # Errors
    /// Classes or labels that cannot be.
    pub fn set_schedule(&self, schedule: &Schedule) -> Result<u64> {
        let _one = self.administer();
        schedule.check()?;
        let next = Schedule { version: self.schedule().version + 1, ..schedule.clone() };
        let seq = self.put_system(Kind::Schedule, &next.body())?;
        self.classes().set(&next);
        Ok(seq)
    }

    /// The class schedule in force.
    #[must_use]
    pub fn schedule(&self) -> Schedule {
        self.classes().schedule()
    }
}

impl LedgerReader {
    /// Policies in force, by name.
    ///
    /// # Errors
    /// Where the log is damaged.
    pub fn policies(&self) -> Result<Vec<Policy>> {
        Ok(self.register()?.policies().cloned().collect())
    }

    /// The class schedule in force.
    ///
    /// # Errors
    /// Where the log is damaged.
    pub fn schedule(&self) -> Result<Schedule> {
        schedule_of(&self.view()?)
    }
}

/// The newest schedule that the log's records give.
pub(crate) fn schedule_of(view: &View) -> Result<Schedule> {
    let records = system_records(view, &[Kind::Schedule])?;
    let read = records.iter().rev().find_map(|record| serde_json::from_str(&record.body).ok());
    Ok(read.unwrap_or_default())
}

/// Which class an event gets, by its severity code: read by every emit, so without a lock.
#[derive(Debug)]
pub(crate) struct Classes {
    by_severity: [AtomicU16; 256],
    schedule: parking_lot::Mutex<Schedule>,
}

impl Classes {
    pub(crate) fn new(schedule: Schedule) -> Self {
        let by_severity = std::array::from_fn(|code| AtomicU16::new(schedule.class_of_code(code as u8)));
        Self { by_severity, schedule: parking_lot::Mutex::new(schedule) }
    }

    /// The class of events of a severity.
    pub(crate) fn of(&self, severity: u8) -> u16 {
        // The array has a place for every code.
        self.by_severity.get(usize::from(severity)).map_or(1, |class| class.load(Ordering::Relaxed))
    }

    fn set(&self, schedule: &Schedule) {
        *self.schedule.lock() = schedule.clone();
        for (code, class) in (0u8..=255).zip(&self.by_severity) {
            class.store(schedule.class_of_code(code), Ordering::Relaxed);
        }
    }

    fn schedule(&self) -> Schedule {
        self.schedule.lock().clone()
    }
}
