//! The class schedule: which retention class an event gets when it is appended.
//!
//! The class never changes afterwards; what duty a class has can. Class 0 is permanent and belongs to the records that proofs
//! need. The schedule is a record of the log (`schedule`), so that a checker knows the rules that were in force.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::event::Severity;

/// Which retention class an event gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Counts from 1.
    pub version: u32,
    /// The first rule that matches decides.
    pub rules: Vec<Rule>,
    /// Class of events that no rule matches.
    pub default: u16,
}

/// A rule of the schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Retention class, 1 to 65,535.
    pub class: u16,
    /// What people call the class.
    pub label: String,
    /// Severity code that it applies to.
    pub severity: u8,
}

impl Default for Schedule {
    /// By severity: info 1, warning 2, critical 3.
    fn default() -> Self {
        let rule =
            |class, label: &str, severity: Severity| Rule { class, label: label.to_owned(), severity: severity.code() };
        Self {
            version: 1,
            rules: vec![
                rule(1, "info", Severity::Info),
                rule(2, "warning", Severity::Warning),
                rule(3, "critical", Severity::Critical),
            ],
            default: 1,
        }
    }
}

impl Schedule {
    /// Reads a schedule from JSON: `rules` and `default`; a `version` may stand there and counts for nothing, because the log counts.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn from_json(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Given {
            #[serde(rename = "version", default)]
            _version: u32,
            rules: Vec<Rule>,
            default: u16,
        }
        let given: Given = serde_json::from_str(text).map_err(|error| error.to_string())?;
        Ok(Self { version: 1, rules: given.rules, default: given.default })
    }

    /// The class of an event.
    #[must_use]
    pub fn class_of(&self, severity: Severity) -> u16 {
        self.class_of_code(severity.code())
    }

    /// Refuses what no log can have: class 0 is the log's own.
    pub(crate) fn check(&self) -> Result<()> {
        let refuse = |problem: &str| Err(Error::Option { option: "schedule", problem: problem.to_owned() });
        if self.default == 0 || self.rules.iter().any(|rule| rule.class == 0) {
            return refuse("class 0 is permanent and the log's own: classes of events are 1 to 65535");
        }
        if self.rules.iter().any(|rule| rule.severity == 0) {
            return refuse("severity codes count from 1: info 1, warning 2, critical 3");
        }
        Ok(())
    }

    /// The class of events with this severity code.
    pub(crate) fn class_of_code(&self, code: u8) -> u16 {
        self.rules.iter().find(|rule| rule.severity == code).map_or(self.default, |rule| rule.class)
    }

    /// Body of the schedule record.
    pub(crate) fn body(&self) -> String {
        // Plain numbers and texts always serialize.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [RCV-7] A log whose creation was cut short gets the schedule that this crate goes by.
    #[test]
    fn the_engine_completes_a_log_with_the_schedule_of_this_crate() {
        assert_eq!(Schedule::default().body(), indelible_engine::DEFAULT_SCHEDULE);
    }
}
