//! A builder that does not compile while something mandatory is missing.
//!
//! ```text
//! in_workspace -> NeedsAction --action--> NeedsActor --actor--> NeedsTarget --target--> NeedsOutcome
//!              --succeeded | failed | partial | pending--> Complete --optional fields*--> build
//! ```
//!
//! Each step leaves one state for the next, so the order is fixed and no field can be forgotten:
//!
//! ```compile_fail
//! # use indelible::*;
//! // No workspace: there is no other way to begin.
//! let event = AuditEvent::action("a").actor(ActorType::User, "u").target("t", "1").succeeded().build();
//! ```
//! ```compile_fail
//! # use indelible::*;
//! // No action.
//! let event = AuditEvent::in_workspace("w").actor(ActorType::User, "u").target("t", "1").succeeded().build();
//! ```
//! ```compile_fail
//! # use indelible::*;
//! // No actor.
//! let event = AuditEvent::in_workspace("w").action("a").target("t", "1").succeeded().build();
//! ```
//! ```compile_fail
//! # use indelible::*;
//! // No target.
//! let event = AuditEvent::in_workspace("w").action("a").actor(ActorType::User, "u").succeeded().build();
//! ```
//! ```compile_fail
//! # use indelible::*;
//! // No outcome.
//! let event = AuditEvent::in_workspace("w").action("a").actor(ActorType::User, "u").target("t", "1").build();
//! ```
//!
//! Invariant: what only a value can tell (an empty string, a size, metadata that is no object) comes out of
//! [`EventBuilder::build`] as an error; no step before it fails.

use std::marker::PhantomData;

use serde::Serialize;

use super::limits::{EventInvalid, EventProblem, Limits};
use super::{
    Actor, ActorType, AuditEvent, EventError, Metadata, Original, Outcome, Proof, Severity, Target, Timestamp,
};

/// State: the action comes next.
#[derive(Debug, Clone, Copy)]
pub struct NeedsAction;
/// State: the actor comes next.
#[derive(Debug, Clone, Copy)]
pub struct NeedsActor;
/// State: the target comes next.
#[derive(Debug, Clone, Copy)]
pub struct NeedsTarget;
/// State: the outcome comes next.
#[derive(Debug, Clone, Copy)]
pub struct NeedsOutcome;
/// State: everything mandatory is there.
#[derive(Debug, Clone, Copy)]
pub struct Complete;

/// An event in the making; see [`AuditEvent::in_workspace`].
#[derive(Debug, Clone)]
#[must_use = "an event that is not built is not recorded"]
pub struct EventBuilder<State> {
    event: AuditEvent,
    /// The metadata's text, unchecked until the limits are known, or why there is none.
    metadata: Option<Result<String, EventInvalid>>,
    state: PhantomData<State>,
}

impl AuditEvent {
    /// Begins an event of this workspace.
    ///
    /// ```
    /// use indelible::{ActorType, AuditEvent, Severity};
    /// use serde_json::json;
    ///
    /// let event = AuditEvent::in_workspace("acme")
    ///     .action("payment.refund")
    ///     .actor(ActorType::Agent, "refund-bot")
    ///     .target("payment", "p-9")
    ///     .failed("card_declined", "the bank refused")
    ///     .severity(Severity::Warning)
    ///     .correlation("4bf92f3577b34da6a3ce929d0e0e4736")
    ///     .metadata(json!({"amount_cents": 1250}))
    ///     .build()?;
    /// assert_eq!(event.error.and_then(|error| error.code).as_deref(), Some("card_declined"));
    /// # Ok::<(), indelible::EventInvalid>(())
    /// ```
    pub fn in_workspace(workspace: impl Into<String>) -> EventBuilder<NeedsAction> {
        let actor =
            Actor { kind: ActorType::System, id: String::new(), name: None, role: None, ip: None, auth_method: None };
        let event = AuditEvent {
            id: None,
            time: None,
            workspace: workspace.into(),
            lane: None,
            session: None,
            correlation_id: None,
            parent_id: None,
            request_id: None,
            actor,
            action: String::new(),
            target: Target { kind: String::new(), id: String::new() },
            outcome: Outcome::Pending,
            severity: Severity::Info,
            service: None,
            proof: None,
            reason: None,
            error: None,
            metadata: None,
            original: None,
        };
        EventBuilder { event, metadata: None, state: PhantomData }
    }
}

impl<State> EventBuilder<State> {
    fn then<Next>(self) -> EventBuilder<Next> {
        EventBuilder { event: self.event, metadata: self.metadata, state: PhantomData }
    }
}

impl EventBuilder<NeedsAction> {
    /// What was done, for example `document.publish`.
    pub fn action(mut self, action: impl Into<String>) -> EventBuilder<NeedsActor> {
        self.event.action = action.into();
        self.then()
    }
}

impl EventBuilder<NeedsActor> {
    /// Who did it.
    pub fn actor(mut self, kind: ActorType, id: impl Into<String>) -> EventBuilder<NeedsTarget> {
        self.event.actor.kind = kind;
        self.event.actor.id = id.into();
        self.then()
    }
}

impl EventBuilder<NeedsTarget> {
    /// What it was done to.
    pub fn target(mut self, kind: impl Into<String>, id: impl Into<String>) -> EventBuilder<NeedsOutcome> {
        self.event.target = Target { kind: kind.into(), id: id.into() };
        self.then()
    }
}

impl EventBuilder<NeedsOutcome> {
    /// It was done.
    pub fn succeeded(self) -> EventBuilder<Complete> {
        self.outcome(Outcome::Success)
    }

    /// It was refused or went wrong: a code to search for and a sentence to read.
    pub fn failed(mut self, code: impl Into<String>, message: impl Into<String>) -> EventBuilder<Complete> {
        self.event.error = Some(EventError { code: Some(code.into()), message: Some(message.into()) });
        self.outcome(Outcome::Failure)
    }

    /// Some of it was done.
    pub fn partial(self) -> EventBuilder<Complete> {
        self.outcome(Outcome::Partial)
    }

    /// It has begun; how it ends is not known yet.
    pub fn pending(self) -> EventBuilder<Complete> {
        self.outcome(Outcome::Pending)
    }

    /// An outcome that is only known at run time.
    pub fn outcome(mut self, outcome: Outcome) -> EventBuilder<Complete> {
        self.event.outcome = outcome;
        self.then()
    }
}

macro_rules! optional_text {
    ($($(#[$doc:meta])* $method:ident => $($field:ident).+;)+) => {
        $($(#[$doc])*
        pub fn $method(mut self, value: impl Into<String>) -> Self {
            self.event.$($field).+ = Some(value.into());
            self
        })+
    };
}

impl EventBuilder<Complete> {
    optional_text! {
        /// The caller's own id of the event.
        id => id;
        /// A stream within the workspace.
        lane => lane;
        /// The session of the actor.
        session => session;
        /// Ties together the events of one operation.
        correlation => correlation_id;
        /// The id of the event that caused this one.
        parent => parent_id;
        /// The id of the request that caused this event.
        request => request_id;
        /// The service that reports it.
        service => service;
        /// Why it was done, in the actor's words.
        reason => reason;
        /// The actor's display name at that time.
        actor_name => actor.name;
        /// The actor's role at that time.
        actor_role => actor.role;
        /// The address the actor came from.
        actor_ip => actor.ip;
        /// How the actor proved who it is.
        auth_method => actor.auth_method;
    }

    /// When it happened; the recording time where this is not said.
    pub fn time(mut self, time: Timestamp) -> Self {
        self.event.time = Some(time);
        self
    }

    /// How much it matters; info where this is not said.
    pub fn severity(mut self, severity: Severity) -> Self {
        self.event.severity = severity;
        self
    }

    /// Evidence of a side effect.
    pub fn proof(mut self, proof: Proof) -> Self {
        self.event.proof = Some(proof);
        self
    }

    /// Open facts: anything that serde writes as a JSON object.
    pub fn metadata(mut self, metadata: impl Serialize) -> Self {
        self.metadata =
            Some(serde_json::to_string(&metadata).map_err(|error| {
                EventInvalid::new("metadata", EventProblem::Unreadable { message: error.to_string() })
            }));
        self
    }

    /// The record that this event was made from.
    pub fn original(mut self, format: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        self.event.original = Some(Original { format: format.into(), bytes: bytes.into() });
        self
    }

    /// The event, checked against the default limits.
    ///
    /// # Errors
    /// What [`AuditEvent::validate`] and [`Metadata::from_text`] refuse.
    pub fn build(self) -> Result<AuditEvent, EventInvalid> {
        self.build_within(&Limits::default())
    }

    /// The event as it stands, for importers, which fill in the rest and check it afterwards; a log checks it once more.
    pub fn unchecked(self) -> AuditEvent {
        self.event
    }

    /// The event, checked against these limits.
    ///
    /// # Errors
    /// As [`EventBuilder::build`].
    pub fn build_within(self, limits: &Limits) -> Result<AuditEvent, EventInvalid> {
        let mut event = self.event;
        if let Some(text) = self.metadata {
            event.metadata = Some(Metadata::from_text(text?, limits)?);
        }
        event.validate(limits)?;
        Ok(event)
    }
}
