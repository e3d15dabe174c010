//! Whether an act may stand where it stands: the checks of the table, in its order.
//!
//! ```text
//! form, log, kind and role -> signatures -> quorum -> number and links -> base -> expiry -> follows from what was before
//! ```
//!
//! Invariants: beyond the head a key must have its role in every state from the head on, and the strictest quorum counts; under it the state just
//! before is all there is ([ACT-5]). Pure: what an act changes is given back. Not here: what follows from it (`follow`), statements.

use super::asked::Window;
use super::holds::Hold;
use super::record::{Broken, ClassZero, LogFacts, Reason, broken};
use super::register::{BaseClaim, Charter};
use super::state::State;
use crate::act::{Act, Action, Base, Body, HoldAct, Kind, LineKind, Note, Role, link};
use crate::descriptor::Hash;
use crate::key::VerifierKey;

/// What an act changes.
pub(super) struct Next {
    pub(super) line: LineKind,
    pub(super) link: Hash,
    pub(super) act: Act,
    pub(super) state: State,
    pub(super) hold: Option<Hold>,
    pub(super) signers: Vec<VerifierKey>,
    pub(super) unchecked: Vec<BaseClaim>,
    pub(super) decided: bool,
}

/// What a reader of version 1 makes of a text that begins as an act or a statement.
pub(super) fn other_version(text: &str, what: &str) -> bool {
    let version = text.strip_prefix("indelible 2026-11 ").and_then(|rest| rest.strip_prefix(what));
    let version = version.and_then(|rest| rest.strip_prefix(" v")).and_then(|rest| rest.split('\n').next());
    version.is_some_and(|version| {
        version != "1" && version.bytes().all(|byte| byte.is_ascii_digit()) && !version.is_empty()
    })
}

impl Charter {
    /// What an act changes, or the first rule that it breaks; `None` where a newer reader decides.
    pub(super) fn judge_act(
        &self,
        record: &ClassZero<'_>,
        kind: Kind,
        facts: &dyn LogFacts,
    ) -> Result<Option<Next>, Broken> {
        let Some(body) = record.body else { return broken(Reason::Form, "an act is never erased") };
        let note = Note::of_act(body)?;
        if other_version(note.text(), "act") {
            return Ok(None);
        }
        let act = Act::parse(note.text())?;
        if act.log != self.log() {
            return broken(Reason::Log, format!("it is an act of log {}", act.log));
        }
        if act.body.kind() != kind {
            return broken(Reason::Log, "its record is of another kind");
        }
        let window = self.window_of(record, act.line());
        let (signers, decided) = self.signers(&note, &act, &window)?;
        self.check_links(&act)?;
        let mut unchecked = self.check_base(record, act.base, facts)?;
        if i128::from(record.time()) > i128::from(act.expires) {
            let why = format!("it expired at {}, and was recorded or taken in at {}", act.expires, record.time());
            return broken(Reason::Expired, why);
        }
        let (mut state, hold) = self.follow(record, &act, &signers, &window, facts, &mut unchecked)?;
        if !decided {
            state.undecided = state.undecided.or(Some(record.seq));
        }
        let (line, link) = (act.line(), link(note.text()));
        Ok(Some(Next { line, link, act, state, hold, signers, unchecked, decided }))
    }

    /// Keys that sign and have the role ([ACT-4], [ACT-5]); whether that is decided.
    fn signers(&self, note: &Note, act: &Act, window: &Window<'_>) -> Result<(Vec<VerifierKey>, bool), Broken> {
        let keys = self.newest().keys();
        let (mut signers, mut others): (Vec<VerifierKey>, usize) = (Vec::new(), 0);
        for line in note.signatures() {
            let mut named = keys.named(line).peekable();
            if named.peek().is_none() {
                continue;
            }
            let (mut verified, mut unknown) = (None, None);
            for key in named {
                match key.known() {
                    Some(known) if line.verifies(known, note.text()) => verified = Some((key, known)),
                    Some(_) => {}
                    None => unknown = Some(key),
                }
            }
            let Some((key, known)) = verified else {
                let Some(key) = unknown else {
                    return broken(Reason::Signature, format!("the signature of {} does not verify", line.name));
                };
                others += usize::from(roles(act).iter().any(|&role| window.has(role, key)));
                continue;
            };
            let counted = signers.iter().any(|before| before.public() == known.public());
            if !counted && roles(act).iter().any(|&role| window.has(role, key)) {
                signers.push(known.clone());
            }
        }
        let needed = quorum(act, window);
        if signers.len() + others < needed {
            let why = format!(
                "{} of {needed} signatures are there by keys that have the role {} just before it",
                signers.len(),
                act.role.name()
            );
            return broken(Reason::Role, why);
        }
        let decided = signers.len() >= needed;
        Ok((signers, decided))
    }

    /// Number, previous and charter ([ACT-6]).
    fn check_links(&self, act: &Act) -> Result<(), Broken> {
        let (number, previous) = self.line_end(act.line());
        if act.number != number + 1 || act.previous != previous {
            let why = format!("number {} does not follow number {number} of its line: sign it anew", act.number);
            return broken(Reason::Link, why);
        }
        if act.charter != self.line_end(LineKind::Charter).1 {
            return broken(Reason::Link, "the charter line has a newer act than it names: sign it anew");
        }
        Ok(())
    }

    /// The base lies below the record's frame and is the log's ([ACT-7]); gives it back where nobody knows.
    pub(super) fn check_base(
        &self,
        record: &ClassZero<'_>,
        base: Base,
        facts: &dyn LogFacts,
    ) -> Result<Vec<BaseClaim>, Broken> {
        if base.size > record.frame_no {
            let why = format!("its base of {} frames does not lie below its own frame {}", base.size, record.frame_no);
            return broken(Reason::Base, why);
        }
        match facts.root(base.size) {
            Some(root) if root == base.root => Ok(Vec::new()),
            Some(_) => {
                broken(Reason::Base, format!("its base of {} frames is another log's, or another branch's", base.size))
            }
            None if base.size == 0 => Ok(Vec::new()),
            None => Ok(vec![BaseClaim::Root { seq: record.seq, base }]),
        }
    }
}

/// Roles of which keys count under an act: for a release either of two.
fn roles(act: &Act) -> &'static [Role] {
    match (&act.body, act.role) {
        (Body::Hold(HoldAct::Release(_)), _) => &[Role::Hold, Role::Admin],
        (_, Role::Hold) => &[Role::Hold],
        (_, Role::Purge) => &[Role::Purge],
        (_, Role::Recovery) => &[Role::Recovery],
        _ => &[Role::Admin],
    }
}

/// How many keys must sign: it follows from kind and action alone ([ACT-5]).
fn quorum(act: &Act, window: &Window<'_>) -> usize {
    let restricts = match &act.body {
        Body::Hold(HoldAct::Place(_)) | Body::Void => true,
        Body::Key(changes) => changes
            .iter()
            .all(|change| change.action == Action::Retire && matches!(change.role, Role::Purge | Role::Hold)),
        _ => false,
    };
    match act.role {
        _ if restricts => 1,
        Role::Purge => window.most(|profile| profile.quorum_purge),
        // Else a stolen admin key could ask for more recovery keys than there are.
        Role::Recovery => window.most(|profile| profile.quorum_admin).min(window.fewest(Role::Recovery)).max(1),
        _ => window.most(|profile| profile.quorum_admin),
    }
}
