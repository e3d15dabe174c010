//! Breadth first through every state within the bounds; where a property breaks, the shortest way there.
//!
//! ```text
//! beginnings ──> queue: packed states in the order met ──> expand: operator's verbs, attacker's steps ──> new ones at the end
//!                table of numbers into the queue ─────────────────────────────────────┘ (met before?)
//! ```
//!
//! Invariants: every state is expanded once; a state's parent is the first that led to it, so a trace is a shortest one, in
//! verbs and attacks alike, since both are edges. Nothing is sampled and nothing depends on chance or time.

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

use super::attacker::Attack;
use super::opening::{Durable, Next};
use super::operator::Verb;
use super::properties::{Property, Tried};
use super::record::HistoryId;
use super::rules::Search;
use super::state::{State, World};

/// One edge of the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The operator began a verb; this was the last thing that became durable before a crash, or the answer.
    Operator(Verb, Durable),
    /// The attacker did this.
    Attacker(Attack),
}

/// What a search found.
#[derive(Debug, Default)]
pub struct Outcome {
    /// States met.
    pub states: usize,
    /// Edges followed.
    pub edges: u64,
    /// States that verify accepts: those in which most properties say something.
    pub accepted: usize,
    /// Those of them in which something was deleted.
    pub accepted_with_gone: usize,
    /// Different histories met.
    pub histories: usize,
    /// Different directories met.
    pub directories: usize,
    /// The property that was broken, and a shortest way there, a line a step.
    pub broken: Option<(Property, Vec<String>)>,
}

#[derive(Debug)]
struct Queue {
    states: Vec<u128>,
    parents: Vec<u32>,
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Queue {
    fn new() -> Self {
        Self { states: Vec::new(), parents: Vec::new(), table: HashTable::new(), hasher: DefaultHashBuilder::default() }
    }

    /// Puts a state at the end, unless it was met before.
    fn offer(&mut self, packed: u128, parent: u32) {
        let Self { states, parents, table, hasher } = self;
        let same = |&at: &u32| states[at as usize] == packed;
        let hash = |&at: &u32| hasher.hash_one(states[at as usize]);
        if let Entry::Vacant(place) = table.entry(hasher.hash_one(packed), same, hash) {
            place.insert(states.len() as u32);
            states.push(packed);
            parents.push(parent);
        }
    }
}

impl Search {
    /// Searches everything within the bounds, until a property breaks.
    pub fn run(self) -> Outcome {
        self.run_for(|_| true)
    }

    /// The same, until one of these properties breaks; others are passed over.
    pub fn run_for(self, wanted: impl Fn(Property) -> bool) -> Outcome {
        self.run_watched(wanted, |_, _| ())
    }

    /// The same; `watch` is told now and then how many states were expanded, and how many are known.
    pub fn run_watched(self, wanted: impl Fn(Property) -> bool, mut watch: impl FnMut(usize, usize)) -> Outcome {
        let mut world = World::new(self);
        let mut queue = Queue::new();
        for state in world.beginnings() {
            let packed = world.pack(&state);
            queue.offer(packed, u32::MAX);
        }
        let (mut tried, mut outcome) = (Tried::default(), Outcome::default());
        let mut at = 0;
        while at < queue.states.len() && outcome.broken.is_none() {
            if at % (1 << 18) == 0 {
                watch(at, queue.states.len());
            }
            if let Some((property, last)) = expand(&mut world, &mut queue, at, &wanted, &mut tried, &mut outcome) {
                outcome.broken = Some((property, trace(&mut world, &queue, at, last)));
            }
            at += 1;
        }
        outcome.states = queue.states.len();
        outcome.histories = world.histories.len();
        outcome.directories = world.directories_met();
        outcome
    }
}

/// Checks a state, and offers everything that one step makes of it. A broken property comes with the step that broke it, where
/// it was not the state itself.
fn expand(
    world: &mut World,
    queue: &mut Queue,
    at: usize,
    wanted: &impl Fn(Property) -> bool,
    tried: &mut Tried,
    outcome: &mut Outcome,
) -> Option<(Property, Option<(State, Step)>)> {
    let state = world.unpack(queue.states[at]);
    let verdict = world.verify(&state);
    if let Some(property) = world.check_state(&state, verdict).filter(|&broken| wanted(broken)) {
        return Some((property, None));
    }
    let symmetric = world.is_symmetric(&state);
    for next in operator_steps(world, &state) {
        if symmetric && next.step.0.is_second() {
            continue;
        }
        outcome.edges += 1;
        if let Some(property) = world.check_step(verdict.is_ok(), &next).filter(|&broken| wanted(broken)) {
            return Some((property, Some((next.state, Step::Operator(next.step.0, next.step.1)))));
        }
        let packed = world.pack(&next.state);
        queue.offer(packed, at as u32);
    }
    for next in attacker_steps(world, &state) {
        if symmetric && next.step.is_second() {
            continue;
        }
        outcome.edges += 1;
        let packed = world.pack(&next.state);
        queue.offer(packed, at as u32);
    }
    if verdict.is_err() {
        return None;
    }
    outcome.accepted += 1;
    outcome.accepted_with_gone += usize::from(state.directory.gone() != 0);
    world.check_progress(&state, tried).filter(|&broken| wanted(broken)).map(|property| (property, None))
}

fn operator_steps(world: &mut World, state: &State) -> Vec<Next<(Verb, Durable)>> {
    let mut reached = Vec::new();
    if state.verbs > 0 {
        for verb in world.verbs() {
            // A verb that is refused has written nothing.
            let _refused = world.run(state, verb, &mut reached);
        }
    }
    reached
}

fn attacker_steps(world: &mut World, state: &State) -> Vec<Next<Attack>> {
    let mut reached = Vec::new();
    if state.attacks > 0 {
        world.attacks(state, &mut reached);
    }
    reached
}

/// The way to a state, a line a step.
fn trace(world: &mut World, queue: &Queue, end: usize, last: Option<(State, Step)>) -> Vec<String> {
    let mut way = vec![end];
    while let Some(&at) = way.last().filter(|&&at| queue.parents[at] != u32::MAX) {
        way.push(queue.parents[at] as usize);
    }
    way.reverse();
    let first = world.unpack(queue.states[way[0]]);
    let mut lines = vec![format!("begins with    {}", picture(world, &first))];
    for pair in way.windows(2) {
        let (before, after) = (world.unpack(queue.states[pair[0]]), queue.states[pair[1]]);
        let mut steps: Vec<(State, Step)> =
            operator_steps(world, &before).into_iter().map(|n| (n.state, Step::Operator(n.step.0, n.step.1))).collect();
        steps.extend(attacker_steps(world, &before).into_iter().map(|n| (n.state, Step::Attacker(n.step))));
        let step = steps.into_iter().find(|(state, _)| world.pack(state) == after);
        lines.extend(step.map(|(state, step)| line(world, &state, step)));
    }
    lines.extend(last.map(|(state, step)| line(world, &state, step)));
    lines
}

fn line(world: &World, state: &State, step: Step) -> String {
    let step = match step {
        Step::Operator(verb, Durable::Answered) => format!("operator: {verb:?}, answered"),
        Step::Operator(verb, last) => format!("operator: {verb:?}, crash after {last:?}"),
        Step::Attacker(Attack::Replay(record)) => format!("attacker: appends again {}", world.histories.record(record)),
        Step::Attacker(attack) => format!("attacker: {attack:?}"),
    };
    format!("{step}\n      {}", picture(world, state))
}

/// A state in words.
fn picture(world: &World, state: &State) -> String {
    let log: Vec<String> = world
        .histories
        .records_of(state.directory.log)
        .into_iter()
        .map(|id| world.histories.record(id).to_string())
        .collect();
    let size = |history: HistoryId| world.histories.length(history);
    let head = |head: Option<super::state::Head>| {
        head.map_or("none".to_owned(), |head| format!("{} of {:?}", size(head.history), head.keys))
    };
    format!(
        "log [{}], files {:?}, checkpoint {}, kept {}, verify {:?}",
        log.join(" | "),
        state.directory.files,
        head(state.directory.checkpoint),
        head(state.kept.head),
        world.verify(state),
    )
}
