//! The clock of a purge, searched apart: what a wrong boot clock or a stranger's date can make an honest operator delete.
//!
//! ```text
//! true day ──────0──1──2──3──> wall clock: right, or far ahead (a boot clock)     session: monotonic days since it opened
//! event: recorded-at = max(last, wall), a `jump` first where nobody saw the time pass
//! purge: guard (ahead? behind? a jump?) ──> what was recorded more than KEEP days before the wall clock goes
//! ```
//!
//! Two properties: nothing goes before its true time; and once the clock is right, everything goes in its time, with the
//! clock act and one confirmation at most. Mutants are guards that leave something out.
//!
//! Whoever confirms a clock, or signs a clock act, has looked: the operator does so only while it is right.
//! Not here: a clock that creeps (witness times bound it), and, as a search of its own that must fail, a clock that was behind:
//! a record stamped by it seems older than it is, and no question about the newest record can tell.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Days for which the policy keeps a record.
const KEEP: u8 = 2;
/// How far a wrong boot clock is ahead.
const FAR: u8 = 100;
/// Days that a run lasts at most.
const DAYS_MAX: u8 = 5;

/// What a guard leaves out, or another rule of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockMutant {
    /// That of release 6205107: ahead of the newest durable record, whoever wrote it, and nothing else.
    Release6205107,
    /// Both sides of the newest record, without jumps.
    NewestWithoutJumps,
    /// Only "not ahead" and jumps: the clock may be behind the newest record.
    OneSided,
    /// There is no clock act.
    NoClockAct,
    /// Beyond the listed ones: a confirmation speaks for a clock behind the newest record, too.
    ConfirmedWhileBehind,
    /// Beyond the listed ones: behind the newest record of the opening, not of now.
    BehindAtOpening,
    /// Beyond the listed ones: a clock act leaves what the guard remembers of the opening.
    ActLeavesOpening,
}

impl ClockMutant {
    /// The four that the design lists, then three more that the search itself showed to be needed.
    pub const ALL: [Self; 7] = [
        Self::Release6205107,
        Self::NewestWithoutJumps,
        Self::OneSided,
        Self::NoClockAct,
        Self::ConfirmedWhileBehind,
        Self::BehindAtOpening,
        Self::ActLeavesOpening,
    ];

    /// The name by which the command knows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Release6205107 => "clock-release-6205107",
            Self::NewestWithoutJumps => "clock-newest-without-jumps",
            Self::OneSided => "clock-one-sided",
            Self::NoClockAct => "clock-no-act",
            Self::ConfirmedWhileBehind => "clock-confirmed-while-behind",
            Self::BehindAtOpening => "clock-behind-at-opening",
            Self::ActLeavesOpening => "clock-act-leaves-opening",
        }
    }
}

/// How the wall clock goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Wall {
    Right,
    Ahead,
    Behind,
}

/// One event: when it truly happened, and what counts as its recorded-at, which a clock act may put earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Event {
    day: u8,
    recorded: u8,
}

/// An opening that is not closed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Session {
    /// Monotonic days since it opened.
    passed: u8,
    /// Monotonic days since it stamped a record, or opened.
    seen: u8,
    /// Recorded-at of the newest record when it opened.
    newest: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct State {
    day: u8,
    wall: Wall,
    session: Option<Session>,
    /// Recorded-at of the newest record that counts.
    last: u8,
    /// A jump since the last intent or clock act.
    jump: bool,
    /// A stranger's event of the far future lies in the tail.
    foreign: bool,
    events: [Option<Event>; 3],
    /// How often the clock may still go wrong.
    faults: u8,
}

/// One step of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    DayPasses,
    ClockGoesAhead,
    ClockGoesBehind,
    ClockSetRight,
    Open,
    Close,
    StrangerWritesTheFuture,
    Event,
    Purge,
    PurgeConfirmed,
    ClockAct,
}

const STEPS: [Step; 11] = [
    Step::DayPasses,
    Step::ClockGoesAhead,
    Step::ClockGoesBehind,
    Step::ClockSetRight,
    Step::Open,
    Step::Close,
    Step::StrangerWritesTheFuture,
    Step::Event,
    Step::Purge,
    Step::PurgeConfirmed,
    Step::ClockAct,
];

/// A search of the clock rules.
#[derive(Debug, Clone, Copy)]
pub struct ClockSearch {
    /// What is left out.
    pub mutant: Option<ClockMutant>,
    /// Whether a clock may also be behind, which the rules do not claim to survive.
    pub behind: bool,
}

/// What a search of the clock rules found.
#[derive(Debug)]
pub struct ClockOutcome {
    /// States met.
    pub states: usize,
    /// What is wrong and a shortest way there.
    pub broken: Option<(ClockProperty, Vec<String>)>,
}

/// A property of the clock rules that was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockProperty {
    /// A purge took an event before its time.
    GoneEarly,
    /// An event stays for ever, or no purge passes the guard any more, though the clock is right.
    StaysForEver,
}

impl ClockSearch {
    fn is(&self, mutant: ClockMutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// Searches every state.
    pub fn run(self) -> ClockOutcome {
        let begin = State {
            day: 0,
            wall: Wall::Right,
            session: None,
            last: 0,
            jump: false,
            foreign: false,
            events: [None; 3],
            faults: 3,
        };
        let (mut queue, mut parents) = (vec![begin], HashMap::from([(begin, None)]));
        let mut at = 0;
        while let Some(&state) = queue.get(at) {
            at += 1;
            if self.stays(&state) {
                return ClockOutcome {
                    states: queue.len(),
                    broken: Some((ClockProperty::StaysForEver, way(&parents, state))),
                };
            }
            for step in STEPS {
                let Some(next) = self.step(&state, step) else { continue };
                if let Entry::Vacant(place) = parents.entry(next) {
                    place.insert(Some((state, step)));
                    queue.push(next);
                }
                if took_early(&state, &next) {
                    let mut lines = way(&parents, state);
                    lines.push(format!("{step:?}"));
                    return ClockOutcome { states: queue.len(), broken: Some((ClockProperty::GoneEarly, lines)) };
                }
            }
        }
        ClockOutcome { states: queue.len(), broken: None }
    }

    /// What a step makes of a state, where it can be taken and changes something.
    fn step(&self, state: &State, step: Step) -> Option<State> {
        let mut next = *state;
        match step {
            Step::DayPasses => return (state.day < DAYS_MAX).then(|| a_day_later(state)),
            Step::ClockGoesAhead | Step::ClockGoesBehind => {
                next.faults = state.faults.checked_sub(1)?;
                next.wall = if step == Step::ClockGoesAhead { Wall::Ahead } else { Wall::Behind };
                if next.wall == Wall::Behind && !self.behind {
                    return None;
                }
            }
            Step::ClockSetRight => next.wall = Wall::Right,
            Step::Open if state.session.is_none() => self.open(&mut next),
            Step::Close => next.session = None,
            Step::StrangerWritesTheFuture if state.session.is_none() => next.foreign = true,
            Step::Event => self.event(&mut next)?,
            Step::Purge => self.purge(&mut next, false)?,
            Step::PurgeConfirmed if state.wall == Wall::Right => self.purge(&mut next, true)?,
            Step::ClockAct if state.wall == Wall::Right => self.clock_act(&mut next)?,
            Step::Open | Step::StrangerWritesTheFuture | Step::PurgeConfirmed | Step::ClockAct => return None,
        }
        (next != *state).then_some(next)
    }

    /// "No mark, recorded-at over a day ahead of the clock: sets aside"; else it adopts, and says `jump` first.
    fn open(&self, state: &mut State) {
        let newest_durable = if state.foreign { state.last.max(FAR) } else { state.last };
        if std::mem::take(&mut state.foreign) {
            let believed = self.is(ClockMutant::Release6205107) || state.wall() + 1 >= FAR;
            if believed && state.last < FAR {
                state.jump |= state.last + 1 < FAR;
                state.last = FAR;
            }
        }
        let newest = if self.is(ClockMutant::Release6205107) { newest_durable } else { state.last };
        state.session = Some(Session { passed: 0, seen: 0, newest });
    }

    /// Appends an event: "recorded-at = max(last, wall)".
    fn event(&self, state: &mut State) -> Option<()> {
        state.session?;
        let free = state.events.iter().position(Option::is_none)?;
        state.stamp();
        state.events[free] = Some(Event { day: state.day, recorded: state.last });
        Some(())
    }

    /// "Purge's guard asks three things"; `--confirm-clock` speaks for a log that was idle and for a jump that was right, but
    /// a log from the future needs a clock act first: else the intent would be a confirmed point in that future.
    fn passes(&self, state: &State, session: Session, confirmed: bool) -> bool {
        let wall = state.wall();
        let ahead = wall > session.newest.saturating_add(session.passed + 1);
        let newest_now = if self.is(ClockMutant::BehindAtOpening) { session.newest } else { state.last };
        let behind = wall + 1 < newest_now;
        match self.mutant {
            Some(ClockMutant::Release6205107) => confirmed || !ahead,
            Some(ClockMutant::NewestWithoutJumps) => (confirmed || !ahead) && !behind,
            Some(ClockMutant::OneSided) => confirmed || !(ahead || state.jump),
            Some(ClockMutant::ConfirmedWhileBehind) => confirmed || !(ahead || behind || state.jump),
            _ => (confirmed || !(ahead || state.jump)) && !behind,
        }
    }

    /// A purge: intent, which is a record and a confirmed point, and then what the policy lets go.
    fn purge(&self, state: &mut State, confirmed: bool) -> Option<()> {
        let session = state.session?;
        if !self.passes(state, session, confirmed) {
            return None;
        }
        let wall = state.wall();
        let before = state.events;
        for place in &mut state.events {
            *place = place.filter(|event| event.recorded.saturating_add(KEEP) >= wall);
        }
        if state.events != before {
            state.stamp();
            state.jump = false;
        }
        Some(())
    }

    /// The clock act: what was recorded in the future counts as recorded now, and stamping begins anew now. So does what the
    /// guard knows of the opening: else a clock that goes wrong again finds the old future there.
    fn clock_act(&self, state: &mut State) -> Option<()> {
        let (session, wall) = (state.session?, state.wall());
        if self.is(ClockMutant::NoClockAct) || state.last <= wall + 1 {
            return None;
        }
        for event in state.events.iter_mut().flatten() {
            event.recorded = event.recorded.min(wall);
        }
        (state.last, state.jump) = (wall, false);
        let newest = if self.is(ClockMutant::ActLeavesOpening) { session.newest } else { wall };
        state.session = Some(Session { passed: 0, seen: 0, newest });
        Some(())
    }

    /// Whether the operator cannot get on from here: he sets the clock right, opens, signs a clock act where one is needed,
    /// waits until everything has had its time, confirms once; then all is gone. And the next scheduled purge passes.
    fn stays(&self, state: &State) -> bool {
        let mut now = State { wall: Wall::Right, session: None, ..*state };
        self.open(&mut now);
        let _needless = self.clock_act(&mut now);
        for _ in 0..=KEEP {
            now = a_day_later(&now);
        }
        let purged = self.purge(&mut now, true);
        let something_went = now.events != state.events;
        let all_went = now.events.iter().all(Option::is_none);
        now.session = None;
        self.open(&mut now);
        let next_passes = now.session.is_some_and(|session| self.passes(&now, session, false));
        purged.is_none() || !all_went || (something_went && !next_passes)
    }
}

impl State {
    /// What the wall clock says.
    fn wall(&self) -> u8 {
        match self.wall {
            Wall::Right => self.day,
            Wall::Ahead => FAR + self.day,
            Wall::Behind => 0,
        }
    }

    /// Stamps a record: a jump first, where it lies more than a day after the newest and that time was not seen to pass.
    fn stamp(&mut self) {
        let now = self.last.max(self.wall());
        if let Some(session) = &mut self.session {
            self.jump |= now > self.last.saturating_add(session.seen + 1);
            session.seen = 0;
        }
        self.last = now;
    }
}

fn a_day_later(state: &State) -> State {
    let session = state.session.map(|s| Session { passed: s.passed + 1, seen: s.seen + 1, ..s });
    State { day: state.day + 1, session, ..*state }
}

/// Whether the step removed an event that had not been there for its time, in true days.
fn took_early(before: &State, after: &State) -> bool {
    before.events.iter().zip(&after.events).any(|(before, now)| match (before, now) {
        (Some(event), None) => after.day < event.day + KEEP,
        _ => false,
    })
}

/// The steps to a state.
fn way(parents: &HashMap<State, Option<(State, Step)>>, end: State) -> Vec<String> {
    let mut lines = Vec::new();
    let mut at = end;
    while let Some(Some((before, step))) = parents.get(&at) {
        lines.push(format!("{step:?}"));
        at = *before;
    }
    lines.reverse();
    lines
}
