//! The columns that filters, expressions and statistics know, by name.
//!
//! ```text
//! workspace lane session actor actor_type action target_type target outcome severity service correlation id
//!                          |                               |                                    |         |
//! also as:              actor_id                       target_id                        correlation_id  event_id
//! ```
//!
//! Columns with a closed set (actor type, outcome, severity) take the names of the set and `unknown(n)`. A dash counts as
//! an underscore, so that option names are column names.

use indelible_evidence::schema::Field;

use super::FilterError;
use crate::event::{ActorType, Outcome, Severity};

/// A column by which events are filtered and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Column {
    name: &'static str,
    alias: Option<&'static str>,
    field: Field,
    set: Option<Set>,
}

/// The closed sets that columns draw from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Set {
    ActorType,
    Outcome,
    Severity,
}

macro_rules! columns {
    ($($const_name:ident $name:literal $alias:expr, $field:ident, $set:expr;)*) => {
        impl Column {
            $(#[doc = concat!("Column `", $name, "`.")]
            pub const $const_name: Column = Column { name: $name, alias: $alias, field: Field::$field, set: $set };)*
        }
        /// Every column, in the order in which help and errors list them.
        pub const COLUMNS: &[Column] = &[$(Column::$const_name),*];
    };
}

columns! {
    WORKSPACE "workspace" None, WORKSPACE, None;
    LANE "lane" None, LANE, None;
    SESSION "session" None, SESSION, None;
    ACTOR "actor" Some("actor_id"), ACTOR_ID, None;
    ACTOR_TYPE "actor_type" None, ACTOR_TYPE, Some(Set::ActorType);
    ACTION "action" None, ACTION, None;
    TARGET_TYPE "target_type" None, TARGET_TYPE, None;
    TARGET "target" Some("target_id"), TARGET_ID, None;
    OUTCOME "outcome" None, OUTCOME, Some(Set::Outcome);
    SEVERITY "severity" None, SEVERITY, Some(Set::Severity);
    SERVICE "service" None, SERVICE, None;
    CORRELATION "correlation" Some("correlation_id"), CORRELATION_ID, None;
    ID "id" Some("event_id"), EVENT_ID, None;
}

impl Column {
    /// The column of this name or alias; a dash counts as an underscore.
    ///
    /// # Errors
    /// [`FilterError::UnknownColumn`], which lists the names.
    pub fn from_name(name: &str) -> Result<Self, FilterError> {
        let wanted = name.replace('-', "_");
        COLUMNS
            .iter()
            .find(|column| column.name == wanted || column.alias == Some(wanted.as_str()))
            .copied()
            .ok_or_else(|| FilterError::UnknownColumn { given: name.to_owned() })
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// The field of the record that it shows.
    pub const fn field(self) -> Field {
        self.field
    }

    /// Whether its values are a closed set, held as codes.
    pub const fn is_closed_set(self) -> bool {
        self.set.is_some()
    }

    /// The names of its closed set, as a list for messages.
    pub(super) const fn expected(self) -> &'static str {
        match self.set {
            Some(Set::ActorType) => "user, agent, system, webhook, service",
            Some(Set::Outcome) => "success, failure, partial, pending",
            Some(Set::Severity) => "info, warning, critical",
            None => "",
        }
    }

    /// The code of a name of its closed set; `None` for columns with texts.
    pub(super) fn code(self, name: &str) -> Option<Result<u8, FilterError>> {
        let code = match self.set? {
            Set::ActorType => name.parse().map(ActorType::code),
            Set::Outcome => name.parse().map(Outcome::code),
            Set::Severity => name.parse().map(Severity::code),
        };
        Some(code.map_err(|_| FilterError::UnknownName {
            column: self.name,
            given: name.to_owned(),
            expected: self.expected(),
        }))
    }

    /// The name of a code of its closed set; `None` for columns with texts.
    pub fn code_name(self, code: u8) -> Option<String> {
        Some(match self.set? {
            Set::ActorType => ActorType::from_code(code).to_string(),
            Set::Outcome => Outcome::from_code(code).to_string(),
            Set::Severity => Severity::from_code(code).to_string(),
        })
    }
}

/// All names, for messages.
pub(super) fn names() -> String {
    let names: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use indelible_evidence::schema::{Column as IndexColumn, FieldType};

    use super::*;

    #[test]
    fn every_column_is_indexed_and_found_by_its_names() {
        for &column in COLUMNS {
            assert_ne!(column.field.spec().column, IndexColumn::None, "{}", column.name);
            assert_eq!(column.field.spec().field_type == FieldType::Code, column.is_closed_set(), "{}", column.name);
            assert_eq!(Column::from_name(column.name), Ok(column));
            assert_eq!(Column::from_name(&column.name.replace('_', "-")), Ok(column));
            assert_eq!(Column::from_name(column.field.name()), Ok(column), "the field's own name is an alias");
        }
        assert_eq!(COLUMNS.len() + 1, Field::indexed().count(), "all indexed fields but the record kind");
    }

    #[test]
    fn an_unknown_column_lists_the_known_ones() {
        let message = Column::from_name("actr").map_err(|error| error.to_string());
        assert_eq!(
            message,
            Err("there is no column \"actr\": use one of workspace, lane, session, actor, actor_type, action, \
                 target_type, target, outcome, severity, service, correlation, id"
                .to_owned())
        );
    }

    #[test]
    fn codes_and_names_of_closed_sets_agree() {
        for (column, name, code) in [
            (Column::SEVERITY, "critical", 3),
            (Column::OUTCOME, "pending", 4),
            (Column::ACTOR_TYPE, "unknown(77)", 77),
        ] {
            assert_eq!(column.code(name), Some(Ok(code)));
            assert_eq!(column.code_name(code).as_deref(), Some(name));
        }
        assert_eq!(Column::LANE.code("api"), None);
        assert!(matches!(Column::SEVERITY.code("high"), Some(Err(FilterError::UnknownName { .. }))));
    }
}
