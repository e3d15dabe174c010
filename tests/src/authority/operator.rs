//! The operator's verbs: place and release a hold, set a policy, purge, rotate the key, sign an act offline, submit it.
//!
//! ```text
//! place, release, policy: open -> act durable -> head kept -> head written -> answer
//! purge: open (signs everything) -> plan -> INTENT -> head P kept, written -> asked again -> manifest -> DONE -> head -> answer
//! rotate: open -> key act -> note kept -> head kept -> note written -> head written -> answer
//! ```
//!
//! Every verb is an opening of its own, so it also shows what an opening does after whatever came before.
//! "Asked again" finds nothing new here, because no other process works between; the order of the steps is what is searched.

use super::history::ITEMS;
use super::opening::{Durable, Next, Run};
use super::record::{Body, LET_GO, Mask, RecordId};
use super::rules::{Hands, Mutant};
use super::state::{File, State, Told, World};
use super::verify::Finding;

/// What the operator asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// `hold place`.
    Place(u8),
    /// `hold release`.
    Release(u8),
    /// `retain set`.
    Policy(u8),
    /// `purge`.
    Purge,
    /// `key rotate`.
    Rotate,
    /// `act prepare`, and somebody signs: the act lies in a mail.
    SignOffline(Body),
    /// `act submit`.
    Submit,
}

const VERBS: [Verb; 7] =
    [Verb::Place(0), Verb::Place(1), Verb::Release(0), Verb::Release(1), Verb::Policy(0), Verb::Policy(1), Verb::Purge];

impl World {
    /// The verbs of this search.
    pub fn verbs(&self) -> Vec<Verb> {
        let mut verbs = VERBS.to_vec();
        if self.search.rotation {
            verbs.push(Verb::Rotate);
        }
        if self.search.hands == Hands::Paper {
            let offline = [Body::Release(0), Body::Release(1), Body::Policy(LET_GO)];
            verbs.extend(offline.map(Verb::SignOffline));
            verbs.push(Verb::Submit);
        }
        verbs
    }

    /// Runs a verb: every state that was durable on the way, the last one that of its answer; or why the opening refused.
    pub fn run(
        &mut self,
        state: &State,
        verb: Verb,
        reached: &mut Vec<Next<(Verb, Durable)>>,
    ) -> Result<State, Finding> {
        let mut state = *state;
        state.verbs = state.verbs.saturating_sub(1);
        let mut run = Run { world: self, state, verb, reached };
        match verb {
            Verb::Place(hold) => run.act(|run| run.placing(hold)),
            Verb::Release(hold) => run.act(|run| (run.holds() & 1 << hold != 0).then_some(Body::Release(hold))),
            Verb::Policy(policy) => run.act(|run| (run.policy() != policy).then_some(Body::Policy(policy))),
            Verb::Purge => run.purge(),
            Verb::Rotate => run.rotate(),
            Verb::SignOffline(body) => run.sign_offline(body),
            Verb::Submit => run.submit(),
        }?;
        Ok(run.state)
    }
}

impl Run<'_> {
    fn holds(&self) -> Mask {
        self.world.facts(self.state.directory.log).holds
    }

    fn policy(&self) -> u8 {
        self.world.facts(self.state.directory.log).policy
    }

    /// An act, where it still says something new after the opening.
    fn act(&mut self, body: impl Fn(&Self) -> Option<Body>) -> Result<(), Finding> {
        self.open()?;
        let body = body(self);
        if let Some(body) = body {
            self.append(body);
            if self.world.search.is(Mutant::SuccessBeforeHead) {
                self.answer(true);
            }
            self.sign_all();
        }
        self.answer(body.is_some());
        Ok(())
    }

    /// "What a hold holds, at placing: scan of all frames verified to their roots, filter on the records."
    fn placing(&self, hold: u8) -> Option<Body> {
        let lied_to = self.state.index_lies && self.world.search.is(Mutant::TrustIndexForHold);
        let found = if lied_to { 0 } else { 1 << hold };
        (self.holds() & 1 << hold == 0).then_some(Body::Place { hold, found })
    }

    fn purge(&mut self) -> Result<(), Finding> {
        self.open()?;
        let facts = *self.world.facts(self.state.directory.log);
        let lied_to = self.state.index_lies && self.world.search.is(Mutant::HoldsByPostings);
        let held = if lied_to { 0 } else { self.world.histories.held(&facts) };
        let there = 0b11 & !self.state.directory.gone();
        let plan = if facts.policy == LET_GO { there & !held } else { 0 };
        // Survivors and what goes are read "from frames checked against their roots"; a file that is not what its root says
        // ends the purge. Where the plan is empty there is nothing to say.
        let files = self.state.directory.files;
        let damaged = ITEMS.into_iter().any(|i| plan & 1 << i != 0 && files[usize::from(i)] == File::Damaged);
        if plan == 0 || damaged {
            return Ok(());
        }
        let intent = self.append(Body::Intent(plan));
        if self.world.search.is(Mutant::SwapBeforeHead) {
            self.swap(intent);
            self.sign_all();
        } else {
            self.sign_all();
            self.swap(intent);
        }
        self.append(Body::Done(intent));
        self.sign_all();
        Ok(())
    }

    fn rotate(&mut self) -> Result<(), Finding> {
        self.open()?;
        if self.world.facts(self.state.directory.log).epoch == 0 {
            self.append(Body::Rotate);
            self.make_note();
            self.answer(true);
        }
        Ok(())
    }

    /// The text names the newest head; it is signed elsewhere; nothing is written.
    fn sign_offline(&mut self, body: Body) -> Result<(), Finding> {
        let head = self.world.effective_head(&self.state)?;
        let record = self.world.draft(head.history, body, head.history);
        if self.state.paper.is_none() && self.world.histories.admits(head.history, record) {
            self.state.told.begin(body);
            self.state.paper = Some(record);
            self.durable(Durable::SignedOffline);
        }
        Ok(())
    }

    /// "Checks it against the log, appends, has a head signed, returns."
    fn submit(&mut self) -> Result<(), Finding> {
        self.open()?;
        if let Some(paper) = self.state.paper
            && self.world.histories.admits(self.state.directory.log, paper)
        {
            self.append_record(paper);
            self.sign_all();
            self.answer(true);
        }
        Ok(())
    }

    /// The operator is told what is in force now: what the acts say that he and his people signed, each once, in their order.
    /// Where an act of his took the next number, what he signed before and what did not get in is nothing any more.
    fn answer(&mut self, number_taken: bool) {
        let (mut holds, mut policy) = (0, super::record::KEEP);
        let ids = self.world.histories.records_of(self.state.directory.log);
        for (at, id) in ids.iter().enumerate() {
            let record = self.world.histories.record(*id);
            if !record.ours || ids[..at].contains(id) {
                continue;
            }
            match record.body {
                Body::Place { hold, .. } => holds |= 1 << hold,
                Body::Release(hold) => holds &= !(1 << hold),
                Body::Policy(now) => policy = now,
                _ => {}
            }
        }
        self.state.told = Told { holds, policy, ..self.state.told };
        if number_taken {
            self.state.told = Told { placing: 0, releasing: 0, setting: 0, ..self.state.told };
        }
        self.durable(Durable::Answered);
    }
}

impl Told {
    /// The operator signed this, and has no answer yet.
    pub fn begin(&mut self, body: Body) {
        match body {
            Body::Place { hold, .. } => self.placing |= 1 << hold,
            Body::Release(hold) => self.releasing |= 1 << hold,
            Body::Policy(policy) => self.setting |= 1 << policy,
            _ => {}
        }
    }
}

/// Whether a record is an act or a statement, which somebody may want to replay.
pub fn is_signed(world: &World, record: RecordId) -> bool {
    let body = world.histories.record(record).body;
    body.line().is_some() || body.is_statement()
}
