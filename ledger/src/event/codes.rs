//! Closed sets with a number on disk: actor type, outcome, severity, proof kind.
//!
//! Each value has a code from 1 in the order of declaration (0 is never used, so that zeros never decode as valid) and a
//! name in lower snake case. The sets are closed on write and open on read: a code of a later version is kept as
//! `Unknown(n)`, shown as `unknown(n)`, and refused by [`crate::AuditEvent::validate`].

use std::fmt;
use std::str::FromStr;

/// A name that is not in its closed set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a known {what}: use one of {expected}")]
#[non_exhaustive]
pub struct UnknownName {
    /// The set: `outcome`, `severity` and so on.
    pub what: &'static str,
    /// What was given.
    pub given: String,
    /// The names of the set.
    pub expected: &'static str,
}

/// Reads the number of `unknown(n)`.
fn unknown_code(name: &str) -> Option<u8> {
    name.strip_prefix("unknown(")?.strip_suffix(')')?.parse().ok()
}

macro_rules! closed_set {
    ($(#[$doc:meta])* $set:ident, $what:literal, $expected:literal, { $($(#[$vdoc:meta])* $variant:ident = $code:literal $name:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $set {
            $($(#[$vdoc])* $variant,)+
            /// A code of a later version: kept on read, refused on write.
            Unknown(u8),
        }

        impl $set {
            /// Every known value, in the order of the codes.
            pub const ALL: &'static [$set] = &[$($set::$variant),+];

            /// The number on disk; never 0 for a known value.
            #[must_use]
            pub const fn code(self) -> u8 {
                match self {
                    $($set::$variant => $code,)+
                    $set::Unknown(code) => code,
                }
            }

            /// The value of a number on disk; a number that is not known is kept as `Unknown`.
            #[must_use]
            pub const fn from_code(code: u8) -> Self {
                match code {
                    $($code => $set::$variant,)+
                    other => $set::Unknown(other),
                }
            }

            /// The name, where the value is known.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $($set::$variant => Some($name),)+
                    $set::Unknown(_) => None,
                }
            }
        }

        impl fmt::Display for $set {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => f.pad(name),
                    None => write!(f, "unknown({})", self.code()),
                }
            }
        }

        impl FromStr for $set {
            type Err = UnknownName;

            /// Reads a name, or `unknown(n)` as [`fmt::Display`] writes it.
            fn from_str(name: &str) -> Result<Self, UnknownName> {
                match name {
                    $($name => Ok($set::$variant),)+
                    _ => match unknown_code(name).map($set::from_code) {
                        Some(value @ $set::Unknown(_)) => Ok(value),
                        _ => Err(UnknownName { what: $what, given: name.to_owned(), expected: $expected }),
                    },
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $set {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = super::text::Text::deserialize(deserializer)?;
                name.as_str().parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

closed_set! {
    /// What sort of actor.
    ActorType, "actor type", "user, agent, system, webhook, service", {
        /// A person.
        User = 1 "user",
        /// A program that acts with its own judgement, on behalf of a person or not.
        Agent = 2 "agent",
        /// The machine or product itself.
        System = 3 "system",
        /// A call from outside that was asked for earlier.
        Webhook = 4 "webhook",
        /// Another service.
        Service = 5 "service",
    }
}

closed_set! {
    /// How it ended.
    Outcome, "outcome", "success, failure, partial, pending", {
        /// It was done.
        Success = 1 "success",
        /// It was refused or went wrong.
        Failure = 2 "failure",
        /// Some of it was done.
        Partial = 3 "partial",
        /// It has begun, and how it ends is not known yet.
        Pending = 4 "pending",
    }
}

closed_set! {
    /// How much it matters; retention and durability go by it.
    #[derive(Default)]
    Severity, "severity", "info, warning, critical", {
        /// Day to day.
        #[default]
        Info = 1 "info",
        /// Worth a look.
        Warning = 2 "warning",
        /// Synced at once, kept longest.
        Critical = 3 "critical",
    }
}

closed_set! {
    /// What sort of evidence.
    ProofKind, "proof kind", "screenshot, api_response, hash, url, none", {
        /// A picture of a screen.
        Screenshot = 1 "screenshot",
        /// The answer of a service.
        ApiResponse = 2 "api_response",
        /// A hash of something kept elsewhere.
        Hash = 3 "hash",
        /// An address where the effect can be seen.
        Url = 4 "url",
        /// Said to be without evidence, on purpose.
        None = 5 "none",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_and_every_name_comes_back() {
        for code in 0..=255u8 {
            assert_eq!(ActorType::from_code(code).code(), code);
            assert_eq!(Severity::from_code(code).code(), code);
            assert_eq!(ProofKind::from_code(code).code(), code);
            let outcome = Outcome::from_code(code);
            assert_eq!(outcome.code(), code);
            assert_eq!(outcome.to_string().parse::<Outcome>(), Ok(outcome));
        }
        assert_eq!(Outcome::from_code(0), Outcome::Unknown(0), "zeros never decode as a known value");
        assert_eq!(ProofKind::ApiResponse.to_string(), "api_response");
        assert_eq!(ActorType::ALL.len(), 5);
    }

    #[test]
    fn names_outside_the_set_are_refused() {
        for name in ["", "Success", "ok", "unknown", "unknown(1)", "unknown(256)", "unknown()"] {
            assert!(name.parse::<Outcome>().is_err(), "{name}");
        }
        let error = "ok".parse::<Outcome>().map_err(|error| error.to_string());
        assert_eq!(
            error,
            Err("\"ok\" is not a known outcome: use one of success, failure, partial, pending".to_owned())
        );
    }
}
