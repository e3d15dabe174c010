//! The reference workload: deterministic audit events of a service, for the demo, the benches and tests.
//!
//! ```text
//! seed --> random numbers --> 16 open operations, each of one session --> one event at a time, about 5 per operation
//!          30 days, one step per event, jitter within the step: times increase
//! ```
//!
//! | field | values |
//! |---|---|
//! | id, time | UUIDv7 of the time; 30 days in equal steps with random nanoseconds |
//! | workspace, lane, session | 50 (zipf), 200, 20,000; a session belongs to one workspace, lane and actor |
//! | actor, actor type | 2,000 (zipf), 4 |
//! | action, target type, target | 120 bound to 30 types, 100,000 ids (zipf) bound to their type |
//! | outcome, severity | failure 5 %, partial 2 %, pending 1 %; warning 9 %, critical 1 % |
//! | correlation id | a UUID for each operation |
//! | metadata | ip, request_id (UUID), duration_ms; mostly user_agent and path; sometimes attempt |
//!
//! Invariants: the same seed and count give the same events on every machine; about 578 bytes an event as native JSON.

mod names;
mod random;

pub use random::{Random, Zipf};

use indelible::{Actor, ActorType, AuditEvent, Limits, Metadata, Outcome, Severity, Target, Timestamp};
use names::{LANES, TARGETS};

/// Days that a workload spans.
pub const DAYS: u64 = 30;
/// 2026-10-21T00:00:00Z, the first moment of a workload, ns.
pub const START: Timestamp = Timestamp(1_792_540_800_000_000_000);

const WORKSPACES: usize = 50;
const SESSIONS: usize = 20_000;
const ACTORS: usize = 2_000;
const TARGET_IDS: usize = 100_000;
/// Operations that are open at the same time, so that their events interleave.
const OPEN: usize = 16;

/// What does not change during a session.
#[derive(Debug, Clone, Copy)]
struct Session {
    workspace: u16,
    lane: u16,
    actor: u16,
    agent: u16,
    ip: u32,
}

/// An operation in progress.
#[derive(Debug, Clone, Copy)]
struct Operation {
    session: u32,
    correlation: u128,
}

/// An iterator of events; see the module.
///
/// ```
/// use indelible_tools::workload::Workload;
///
/// let events: Vec<_> = Workload::new(42, 100).collect();
/// assert_eq!(events.len(), 100);
/// assert_eq!(events, Workload::new(42, 100).collect::<Vec<_>>());
/// ```
#[derive(Debug, Clone)]
pub struct Workload {
    random: Random,
    count: u64,
    next: u64,
    step: u64,
    targets: Zipf,
    sessions: Vec<Session>,
    agents: Vec<String>,
    actions: Vec<String>,
    open: [Operation; OPEN],
    limits: Limits,
}

impl Workload {
    /// The events of this seed; `count` of them spread over [`DAYS`].
    pub fn new(seed: u64, count: u64) -> Self {
        let mut random = Random::new(seed);
        let (workspaces, actors) = (Zipf::new(WORKSPACES), Zipf::new(ACTORS));
        let agents = names::user_agents();
        let sessions: Vec<Session> = (0..SESSIONS)
            .map(|_| {
                let workspace = workspaces.draw(&mut random) as u16;
                Session {
                    workspace,
                    lane: workspace * LANES.len() as u16 + random.below(LANES.len() as u64) as u16,
                    actor: actors.draw(&mut random) as u16,
                    agent: random.below(agents.len() as u64) as u16,
                    ip: random.bits() as u32,
                }
            })
            .collect();
        let open = std::array::from_fn(|_| operation(&mut random));
        let verbs = TARGETS.iter().flat_map(|(kind, verbs)| verbs.iter().map(move |verb| format!("{kind}.{verb}")));
        Self {
            targets: Zipf::new(TARGET_IDS),
            actions: verbs.collect(),
            step: (DAYS * 86_400_000_000_000 / count.max(1)).max(1),
            count,
            next: 0,
            sessions,
            agents,
            open,
            random,
            limits: Limits::default(),
        }
    }

    /// Takes one of the open operations, and opens another in its place one time in five.
    fn operation(&mut self) -> Operation {
        let place = self.random.below(OPEN as u64) as usize;
        let chosen = self.open[place];
        if self.random.below(5) == 0 {
            self.open[place] = operation(&mut self.random);
        }
        chosen
    }

    fn metadata(&mut self, session: &Session, target: usize, kind: &str) -> Option<Metadata> {
        let random = &mut self.random;
        let mut text = String::with_capacity(320);
        text.push_str(r#"{"ip":""#);
        for (place, byte) in session.ip.to_be_bytes().into_iter().enumerate() {
            if place > 0 {
                text.push('.');
            }
            push_number(&mut text, u64::from(byte), 1);
        }
        text.push_str(r#"","request_id":""#);
        push_uuid(&mut text, random_uuid(random));
        text.push_str(r#"","duration_ms":"#);
        // The product of two even draws: many short requests, few long ones.
        let duration = 1 + random.below(60) * random.below(60);
        push_number(&mut text, duration, 1);
        if random.percent(90) {
            text.push_str(r#","user_agent":""#);
            text.push_str(self.agents.get(usize::from(session.agent)).map_or("", String::as_str));
            text.push('"');
        }
        if random.percent(90) {
            text.push_str(r#","path":"/v1/"#);
            text.push_str(kind);
            text.push('/');
            push_number(&mut text, target as u64, 6);
            text.push('"');
        }
        if random.percent(10) {
            text.push_str(r#","attempt":"#);
            push_number(&mut text, 2 + random.below(3), 1);
        }
        text.push('}');
        // The text is valid JSON within the limits; a test reads every kind of it.
        Metadata::from_text(text, &self.limits).ok()
    }
}

fn operation(random: &mut Random) -> Operation {
    Operation { session: random.below(SESSIONS as u64) as u32, correlation: random_uuid(random) }
}

impl Iterator for Workload {
    type Item = AuditEvent;

    fn next(&mut self) -> Option<AuditEvent> {
        if self.next >= self.count {
            return None;
        }
        let time = START.0 as u64 + self.next * self.step + self.random.below(self.step);
        self.next += 1;
        let operation = self.operation();
        let session = self.sessions.get(operation.session as usize).copied()?;
        let target = self.targets.draw(&mut self.random);
        let (kind, verbs) = TARGETS.get(target % TARGETS.len())?;
        let verb = self.random.below(verbs.len() as u64) as usize;
        let action = self.actions.get((target % TARGETS.len()) * verbs.len() + verb)?.clone();
        let outcome = outcome(self.random.below(100));
        let severity = severity(self.random.below(100));
        let id = (u128::from(time / 1_000_000) << 80) | (random_uuid(&mut self.random) & ((1 << 80) - 1));
        let metadata = self.metadata(&session, target, kind);
        Some(AuditEvent {
            id: Some(uuid_text((id & !(0xF << 76)) | (7 << 76))),
            time: Some(Timestamp(time as i64)),
            workspace: numbered("ws-", u64::from(session.workspace), 2),
            lane: Some(lane(session.lane)),
            session: Some(numbered("session-", u64::from(operation.session), 5)),
            correlation_id: Some(uuid_text(operation.correlation)),
            parent_id: None,
            request_id: None,
            actor: Actor {
                kind: actor_type(session.actor),
                id: numbered("actor-", u64::from(session.actor), 4),
                name: None,
                role: None,
                ip: None,
                auth_method: None,
            },
            action,
            target: Target { kind: (*kind).to_owned(), id: target_id(kind, target as u64) },
            outcome,
            severity,
            service: None,
            proof: None,
            reason: None,
            error: None,
            metadata,
            original: None,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.count - self.next).ok();
        (left.unwrap_or(usize::MAX), left)
    }
}

fn outcome(draw: u64) -> Outcome {
    match draw {
        0..5 => Outcome::Failure,
        5..7 => Outcome::Partial,
        7 => Outcome::Pending,
        _ => Outcome::Success,
    }
}

fn severity(draw: u64) -> Severity {
    match draw {
        0 => Severity::Critical,
        1..10 => Severity::Warning,
        _ => Severity::Info,
    }
}

/// Most actors are people.
fn actor_type(actor: u16) -> ActorType {
    match actor % 10 {
        0..6 => ActorType::User,
        6 | 7 => ActorType::Service,
        8 => ActorType::Agent,
        _ => ActorType::System,
    }
}

fn lane(lane: u16) -> String {
    numbered_after(LANES.get(usize::from(lane) % LANES.len()).copied().unwrap_or(""), u64::from(lane), 3)
}

fn target_id(kind: &str, target: u64) -> String {
    numbered_after(kind, target, 6)
}

fn numbered(prefix: &str, number: u64, digits: usize) -> String {
    let mut text = String::with_capacity(prefix.len() + digits);
    text.push_str(prefix);
    push_number(&mut text, number, digits);
    text
}

fn numbered_after(name: &str, number: u64, digits: usize) -> String {
    let mut text = String::with_capacity(name.len() + 1 + digits);
    text.push_str(name);
    text.push('-');
    push_number(&mut text, number, digits);
    text
}

/// Appends at least `digits` digits.
fn push_number(text: &mut String, number: u64, digits: usize) {
    let mut power = 1;
    let mut wanted = 1;
    while wanted < digits || number / power >= 10 {
        power *= 10;
        wanted += 1;
    }
    while power > 0 {
        text.push(char::from(b'0' + (number / power % 10) as u8));
        power /= 10;
    }
}

/// A version 4 UUID.
fn random_uuid(random: &mut Random) -> u128 {
    let bits = (u128::from(random.bits()) << 64) | u128::from(random.bits());
    (bits & !(0xF << 76) & !(0x3 << 62)) | (4 << 76) | (2 << 62)
}

fn uuid_text(uuid: u128) -> String {
    let mut text = String::with_capacity(36);
    push_uuid(&mut text, uuid);
    text
}

fn push_uuid(text: &mut String, uuid: u128) {
    let mut buffer = [b'-'; 36];
    let digits = |half: u64, place: usize| b"0123456789abcdef"[(half >> (60 - 4 * place)) as usize & 0xF];
    let (high, low) = ((uuid >> 64) as u64, uuid as u64);
    let places = (0..8).chain(9..13).chain(14..18);
    for (place, at) in places.enumerate() {
        buffer[at] = digits(high, place);
    }
    for (place, at) in (19..23).chain(24..36).enumerate() {
        buffer[at] = digits(low, place);
    }
    text.push_str(std::str::from_utf8(&buffer).unwrap_or_default());
}

#[cfg(test)]
mod tests;
