//! What follows from an act: the next state, or why it does not follow from the one before.
//!
//! ```text
//! S(i) + body -> S(i+1)        policy, hold, schedule, profile, clock, loss, void, end, intent (changes no state)
//! ```
//!
//! Invariants ([ACT-10] to [ACT-15]): versions count up by one, names are open once, no class changes its trees; between an intent and its end no act
//! stands, after `end` none of the charter line. Not here: keys (`follow_keys`).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::asked::Window;
use super::holds::{Hold, Piece};
use super::judge::Next;
use super::record::{Broken, ClassZero, LogFacts, Reason, broken};
use super::register::{BaseClaim, Charter};
use super::state::{State, corrected};
use crate::act::{
    Act, Body, Clock, HoldAct, HoldText, Intent, LineKind, Loss, LossReason, Placed, Profile, Role, Schedule,
};
use crate::key::VerifierKey;
use crate::retention::Policy;

fn refuse<T>(why: String) -> Result<T, Broken> {
    broken(Reason::Follows, why)
}

impl Charter {
    pub(super) fn follow(
        &self,
        record: &ClassZero<'_>,
        act: &Act,
        signers: &[VerifierKey],
        window: &Window<'_>,
        facts: &dyn LogFacts,
        unchecked: &mut Vec<BaseClaim>,
    ) -> Result<(State, Option<Hold>), Broken> {
        if let Some(open) = self.open_intent() {
            return broken(Reason::IntentOpen, format!("the deletion of intent {} is open: end it first", open.seq));
        }
        let mut state = self.newest().clone();
        if act.line() == LineKind::Charter && state.end.is_some() {
            return refuse("the log has ended: no act follows".to_owned());
        }
        let mut hold = None;
        match &act.body {
            Body::Policy(policy) => follow_policy(&mut state, policy)?,
            Body::Schedule(schedule) => follow_schedule(&mut state, schedule)?,
            Body::Hold(HoldAct::Place(placed)) => {
                hold = Some(self.place(record, &mut state, placed, signers, window)?);
            }
            Body::Hold(HoldAct::Release(names)) => release(&mut state, names)?,
            Body::Key(changes) => self.follow_keys(record, act.role, &mut state, changes, window)?,
            Body::Profile(profile) => follow_profile(&mut state, profile)?,
            Body::Clock(clock) => follow_clock(record, &mut state, *clock, facts, unchecked)?,
            Body::Loss(loss) => check_loss(loss)?,
            Body::Void => {}
            Body::End(successor) => state.end = Some(*successor),
            Body::Intent(intent) => self.check_intent(record, intent)?,
        }
        Ok((state, hold))
    }

    /// [ACT-11]
    fn place(
        &self,
        record: &ClassZero<'_>,
        state: &mut State,
        placed: &Placed,
        signers: &[VerifierKey],
        window: &Window<'_>,
    ) -> Result<Hold, Broken> {
        let name = &placed.name;
        if state.holds.contains_key(name) {
            return refuse(format!("a hold named {name:?} is open: release it first, or choose another name"));
        }
        if placed.through > record.seq {
            return refuse(format!("hold {name:?} tests records that are not there yet"));
        }
        let most = window.least(|profile| profile.holds_per_key);
        for signer in signers {
            let by_signer = |hold: &&Hold| hold.by.iter().any(|key| key.public() == signer.public());
            let open = self.holds_of(state).filter(by_signer).count();
            if u64::try_from(open).unwrap_or(u64::MAX) >= most {
                return refuse(format!(
                    "{} has placed {open} holds that are open, and the profile allows {most}",
                    signer.name()
                ));
            }
        }
        if let Some((_, filter)) = self.hold_text(&placed.commit)
            && HoldText::needs(filter) != placed.needs
        {
            return broken(
                Reason::HoldText,
                format!("the filter of hold {name:?} needs other groups than the act names"),
            );
        }
        Arc::make_mut(&mut state.holds).insert(name.clone(), self.all_holds().len());
        let piece = Piece { frame_no: record.frame_no, through: placed.through, seqs: placed.seqs.clone() };
        Ok(Hold { seq: record.seq, placed: placed.clone(), by: signers.to_vec(), pieces: vec![piece] })
    }

    /// [ACT-15]
    fn check_intent(&self, record: &ClassZero<'_>, intent: &Intent) -> Result<(), Broken> {
        let (at, recorded) = (intent.plan.at, record.recorded_at.div_euclid(1_000_000_000));
        if i128::from(at) > i128::from(recorded) {
            return refuse(format!("it counts from {at}, which had not come when it was recorded at {recorded}"));
        }
        // Holds are those of the states that the plan asked, as of the time that it counts from.
        let asked = self.pending_at(record, i64::try_from(at).unwrap_or(i64::MAX));
        let open: BTreeSet<&str> = asked.0.iter().flat_map(|version| version.state.hold_names()).collect();
        if !open.iter().copied().eq(intent.kept.iter().map(|kept| kept.name.as_str())) {
            return refuse("the holds that it names are not those that were open".to_owned());
        }
        Ok(())
    }

    /// Puts what an act changes into force.
    pub(super) fn apply(&mut self, record: &ClassZero<'_>, next: Next) {
        let clock = if let Body::Clock(clock) = &next.act.body { Some(*clock) } else { None };
        self.all_holds_mut().extend(next.hold);
        self.note_unchecked(next.unchecked);
        self.advance(next.line, next.act.number, next.link);
        match next.act.body {
            Body::Intent(intent) => {
                if next.decided {
                    self.announce(record, *intent, next.signers, next.act.charter);
                } else {
                    self.add_version(record, next.state, None);
                }
            }
            _ => self.add_version(record, next.state, clock),
        }
    }
}

/// [ACT-10]
fn follow_policy(state: &mut State, policy: &Policy) -> Result<(), Broken> {
    let before = state.policies.get(&policy.name);
    let version = before.map_or(0, |before| before.version);
    if version.checked_add(1) != Some(policy.version) {
        return refuse(format!("version {} of policy {:?} follows version {version}", policy.version, policy.name));
    }
    if policy.duty.is_none() && before.is_none_or(|before| before.duty.is_none()) {
        return refuse(format!("policy {:?} is not in force", policy.name));
    }
    Arc::make_mut(&mut state.policies).insert(policy.name.clone(), policy.clone());
    Ok(())
}

/// [ACT-10]
fn follow_schedule(state: &mut State, schedule: &Schedule) -> Result<(), Broken> {
    let version = state.schedule.version;
    if version.checked_add(1) != Some(schedule.version) {
        return refuse(format!("version {} of the schedule follows version {version}", schedule.version));
    }
    // A default class that no rule names has the trees it had, or is together.
    let default = (schedule.default, state.trees(schedule.default));
    let ruled = schedule.rules.iter().any(|rule| rule.class == schedule.default);
    let rules = schedule.rules.iter().map(|rule| (rule.class, rule.trees));
    let trees = Arc::make_mut(&mut state.trees);
    for (class, kind) in rules.chain(std::iter::once(default).filter(|_| !ruled)) {
        if *trees.entry(class).or_insert(kind) != kind {
            return refuse(format!("class {class} commits its groups otherwise, for ever: choose another class"));
        }
    }
    state.schedule = Arc::new(schedule.clone());
    Ok(())
}

/// [ACT-11]
fn release(state: &mut State, names: &[String]) -> Result<(), Broken> {
    let holds = Arc::make_mut(&mut state.holds);
    for name in names {
        if holds.remove(name).is_none() {
            return refuse(format!("no hold named {name:?} is open"));
        }
    }
    Ok(())
}

/// [ACT-13]
fn follow_profile(state: &mut State, profile: &Profile) -> Result<(), Broken> {
    let admins = state.keys.count(Role::Admin);
    if usize::from(profile.quorum_admin) > admins {
        return refuse(format!("{} keys are to sign, and {admins} have the role admin", profile.quorum_admin));
    }
    if profile.separate && !state.keys.separate() {
        return refuse("a key has two roles: part them before the profile asks for it".to_owned());
    }
    state.profile = Arc::new(profile.clone());
    Ok(())
}

/// [ACT-14]
fn follow_clock(
    record: &ClassZero<'_>,
    state: &mut State,
    clock: Clock,
    facts: &dyn LogFacts,
    unchecked: &mut Vec<BaseClaim>,
) -> Result<(), Broken> {
    let recorded = record.recorded_at.div_euclid(1_000_000_000);
    if clock.through > record.seq {
        return refuse("it corrects records that are not there yet".to_owned());
    }
    if i128::from(clock.not_after) > i128::from(recorded) {
        return refuse(format!("{} had not come when it was recorded at {recorded}", clock.not_after));
    }
    match (clock.from.checked_sub(1), facts.recorded_before(clock.from)) {
        (None, _) => {}
        (Some(_), None) => unchecked.push(BaseClaim::Clock { seq: record.seq, clock }),
        (Some(before), Some(second)) => {
            let second = corrected(&state.clocks, before, second);
            if i128::from(clock.not_after) < i128::from(second) {
                return refuse(format!("the record before seq {} was recorded at {second}, later", clock.from));
            }
        }
    }
    Arc::make_mut(&mut state.clocks).push(clock);
    Ok(())
}

fn check_loss(loss: &Loss) -> Result<(), Broken> {
    let fits = match loss.reason {
        LossReason::Behind => loss.found_frames < loss.anchored_frames,
        LossReason::Forked => loss.found_frames <= loss.anchored_frames,
    };
    if fits { Ok(()) } else { refuse("more frames are found than were anchored".to_owned()) }
}
