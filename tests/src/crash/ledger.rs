//! The schedule over the public ledger: what an embedder calls, with power cuts and kills anywhere, and what must hold after each.
//!
//! ```text
//! create ─> emit, checkpoint, hold, release, policy, days, purge, rotate, anchor, reopen ... ─> end
//!              └─ the power goes at operation n of the log's disk and the outside's, or the process is killed
//!                    └─ before anybody writes: not BROKEN ─> opened, cut while it opens now and then ─> checked
//! ```
//!
//! What must hold: an event that was acknowledged is there, unless a purge that was begun may have taken it, and then never again; an
//! event that is held is there; no event is there that was not sent; heads, the anchor's too, never go back; a key that signs goes on
//! signing or was rotated away; a verifier finds nothing broken. Not here: damage, full disks, failing syncs (the engine's schedules).

use std::collections::BTreeSet;
use std::time::Duration;

use indelible::anchor::Anchor;
use indelible::query::Expr;
use indelible::retain::{PolicySpec, PurgeOptions};
use indelible::{ActorType, AuditEvent, Error, Ledger, OpenOptions, Order, Query};
use indelible_engine::world::clock::Clock as _;
use indelible_engine::world::storage::Storage as _;
use indelible_evidence::schema::Field;

use crate::dice::Dice;
use crate::machine::{Machine, Seen};

/// Days that the one policy keeps events.
const KEEP_DAYS: u64 = 30;
const DAY: u64 = 86_400;
/// Where the anchor lies.
const ANCHOR: &str = "/anchor/head";

/// An event that was acknowledged.
#[derive(Debug, Clone)]
struct Stored {
    id: String,
    actor: u64,
    at: i64,
}

/// What the ledger promised.
#[derive(Debug, Default)]
struct Promises {
    stored: Vec<Stored>,
    /// Sent, and what became of them was not heard.
    open: BTreeSet<String>,
    /// A purge that was begun may have taken them.
    may_go: BTreeSet<String>,
    /// They were seen to be gone.
    gone: BTreeSet<String>,
    /// The actor of the open hold, its events that were there, whether placing or releasing it was acknowledged.
    hold: Option<(u64, BTreeSet<String>)>,
    holds: u64,
    policy: bool,
    frames: u64,
    anchored: u64,
    epoch: u32,
}

struct Life {
    dice: Dice,
    machine: Machine,
    ledger: Option<Ledger>,
    promises: Promises,
    /// Whether the power goes at an operation to come.
    cut: bool,
    anchor: bool,
    sent: u64,
    openings: u64,
    trace: Vec<String>,
}

/// Runs one seed; returns how many openings after a crash were checked.
///
/// # Errors
/// The promise that was broken and the steps that led there.
pub fn run(seed: u64) -> Result<u64, String> {
    let mut dice = Dice::new(seed ^ 0x1ed6_e400);
    let mut machine = Machine::new(dice.word(), dice.one_in(2));
    machine.engine.segment_bytes_max = dice.pick(&[4_096, 20_000, 1 << 20]);
    machine.engine.journal_bytes_max = dice.pick(&[4_096, 20_000]);
    let mut life = Life {
        dice,
        machine,
        ledger: None,
        promises: Promises::default(),
        cut: false,
        anchor: false,
        sent: 0,
        openings: 0,
        trace: Vec::new(),
    };
    match life.live() {
        Ok(()) => Ok(life.openings),
        Err(what) => Err(format!("{what}\n  after: {}", life.trace.join(" "))),
    }
}

/// Frames that a note signs: its second line.
fn frames_of(note: &str) -> u64 {
    note.lines().nth(1).and_then(|line| line.parse().ok()).unwrap_or(0)
}

impl Life {
    fn live(&mut self) -> Result<(), String> {
        while self.dice.one_in(3) {
            let at = self.machine.op_count() + self.dice.below(90);
            self.trace.push(format!("create,cut@{at}"));
            self.machine.cut_at(at);
            let done = self.machine.create().is_ok();
            self.machine = self.machine.crash();
            match self.machine.look()? {
                Seen::Nothing if done => return Err("a log that was created is gone".to_owned()),
                Seen::Nothing => {}
                Seen::Log => break,
            }
        }
        if self.machine.look()? == Seen::Nothing {
            self.machine.create().map_err(|error| format!("creating: {error}"))?;
        }
        self.open()?;
        for _ in 0..8 + self.dice.below(24) {
            self.step()?;
        }
        self.crash()?;
        self.reopen()
    }

    fn step(&mut self) -> Result<(), String> {
        let outcome = match self.dice.below(20) {
            0..=5 => self.emit(),
            6..=7 => self.checkpoint(),
            8 => self.place(),
            9 => self.release(),
            10 => self.policy(),
            11 => self.days(),
            12..=13 => self.purge(),
            14 => self.rotate(),
            15 => self.anchor(),
            16 => return self.reopen(),
            17..=18 => {
                let at = self.machine.op_count() + self.dice.below(80);
                self.trace.push(format!("cut@{at}"));
                self.machine.cut_at(at);
                self.cut = true;
                Ok(())
            }
            _ => return self.crash(),
        };
        self.settle(outcome)
    }

    /// An error is a finding unless the power is off; then the machine boots again.
    fn settle(&mut self, outcome: Result<(), Error>) -> Result<(), String> {
        match outcome {
            Ok(()) => Ok(()),
            Err(_) if self.cut && self.machine.log.exists("MANIFEST").is_err() => self.crash(),
            Err(error) => Err(format!("an error without a cause: {error}")),
        }
    }

    fn ledger(&self) -> Result<Ledger, Error> {
        self.ledger.clone().ok_or_else(|| indelible_engine::Error::Closed.into())
    }

    fn emit(&mut self) -> Result<(), Error> {
        let ledger = self.ledger()?;
        let count = 1 + self.dice.below(6);
        self.trace.push(format!("emit({count})"));
        let at = self.machine.clock.wall_nanos();
        let mut sent = Vec::new();
        for _ in 0..count {
            self.sent += 1;
            let (id, actor) = (format!("event-{}", self.sent), self.sent % 3);
            self.promises.open.insert(id.clone());
            let refused = |error: indelible::EmitError| match error {
                indelible::EmitError::Refused { error, .. } => Error::Log(error),
                other => Error::Option { option: "event", problem: other.to_string() },
            };
            ledger.emit(event(&id, actor)).map_err(refused)?;
            sent.push(Stored { id, actor, at });
        }
        ledger.flush(None)?;
        for stored in sent {
            self.promises.open.remove(&stored.id);
            self.promises.stored.push(stored);
        }
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<(), Error> {
        self.trace.push("checkpoint".to_owned());
        let frames = frames_of(&self.ledger()?.checkpoint()?);
        self.signed(frames);
        Ok(())
    }

    /// A head was handed out, and with it went the anchor.
    fn signed(&mut self, frames: u64) {
        self.promises.frames = self.promises.frames.max(frames);
        if self.anchor {
            self.promises.anchored = self.promises.anchored.max(frames);
        }
    }

    fn place(&mut self) -> Result<(), Error> {
        if self.promises.hold.is_some() {
            return Ok(());
        }
        let actor = self.dice.below(3);
        self.promises.holds += 1;
        self.trace.push(format!("hold({actor})"));
        let (text, matching) = (format!("actor u-{actor}"), Expr::is(Field::ACTOR_ID, format!("u-{actor}")));
        self.ledger()?.place_hold(&format!("hold-{}", self.promises.holds), &matching, &text)?;
        let promises = &self.promises;
        let there =
            promises.stored.iter().filter(|stored| stored.actor == actor && !promises.may_go.contains(&stored.id));
        let held = there.map(|stored| stored.id.clone()).collect();
        self.promises.hold = Some((actor, held));
        Ok(())
    }

    fn release(&mut self) -> Result<(), Error> {
        // From the call on nothing is promised any more: it may be durable although the answer was lost.
        if self.promises.hold.take().is_none() {
            return Ok(());
        }
        self.trace.push("release".to_owned());
        self.ledger()?.release_hold(&format!("hold-{}", self.promises.holds)).map(drop)
    }

    fn policy(&mut self) -> Result<(), Error> {
        self.trace.push("policy".to_owned());
        self.promises.policy = true;
        self.ledger()?.set_policy(&PolicySpec::keep("all", KEEP_DAYS * DAY)).map(drop)
    }

    fn days(&mut self) -> Result<(), Error> {
        let days = 1 + self.dice.below(40);
        self.trace.push(format!("days({days})"));
        // Records of different days share no frame: a service signs every minute.
        self.checkpoint()?;
        self.machine.clock.advance(Duration::from_secs(days * DAY));
        Ok(())
    }

    fn purge(&mut self) -> Result<(), Error> {
        self.trace.push("purge".to_owned());
        if self.promises.policy {
            let oldest = self.machine.clock.wall_nanos() - (KEEP_DAYS * DAY) as i64 * 1_000_000_000;
            let promises = &mut self.promises;
            let held = promises.hold.as_ref().map(|(actor, _)| *actor);
            let old = promises.stored.iter().filter(|stored| stored.at <= oldest && Some(stored.actor) != held);
            promises.may_go.extend(old.map(|stored| stored.id.clone()));
        }
        self.ledger()?.purge(&PurgeOptions { confirm_clock: true, ..PurgeOptions::default() }).map(drop)
    }

    fn rotate(&mut self) -> Result<(), Error> {
        self.trace.push("rotate".to_owned());
        let rotated = self.ledger()?.rotate_key(None)?;
        self.promises.epoch = rotated.epoch;
        self.signed(frames_of(&rotated.note));
        Ok(())
    }

    fn anchor(&mut self) -> Result<(), Error> {
        if self.anchor {
            return Ok(());
        }
        self.trace.push("anchor".to_owned());
        let (world, key) = (self.machine.world(), self.ledger()?.log().keys().first().to_string());
        self.ledger()?.checkpoint()?;
        Anchor::new_in(&world, ANCHOR.as_ref(), &key)?.catch_up().map(drop)
    }

    fn options(&mut self) -> OpenOptions {
        // Whoever sees an anchor uses it; one that was made and not acknowledged may be there or not.
        let there = indelible::world::Outside::read(
            &indelible::world::SimOutside::on(&self.machine.outside),
            ANCHOR.as_ref(),
            1 << 16,
        );
        self.anchor = matches!(there, Ok(Some(_)));
        let anchor_file = self.anchor.then(|| ANCHOR.into());
        OpenOptions { anchor_file, ..self.machine.open_options() }
    }

    fn reopen(&mut self) -> Result<(), String> {
        self.trace.push("reopen".to_owned());
        let closed = self.ledger.take().map_or(Ok(()), |ledger| ledger.close());
        match closed {
            Ok(()) if self.machine.log.exists("MANIFEST").is_ok() => self.open(),
            outcome => self.settle(outcome.and(Err(indelible_engine::Error::Closed.into()))),
        }
    }

    /// The power goes, or only the process dies.
    fn crash(&mut self) -> Result<(), String> {
        let kill = !self.cut && self.dice.one_in(3);
        self.trace.push(if kill { "kill" } else { "crash" }.to_owned());
        let image = if kill { self.machine.kill() } else { self.machine.crash() };
        self.ledger = None;
        self.machine = image;
        self.cut = false;
        self.open()
    }

    /// Opens, with power cuts on the way, and checks.
    fn open(&mut self) -> Result<(), String> {
        for round in 0.. {
            self.openings += 1;
            if self.dice.one_in(3) && self.machine.look()? != Seen::Log {
                return Err("the log is gone".to_owned());
            }
            let cut = round < 3 && self.dice.one_in(4);
            if cut {
                self.machine.cut_at(self.machine.op_count() + self.dice.below(60));
            }
            let options = self.options();
            let outcome = Ledger::open_in(&self.machine.world(), &options);
            let is_off = self.machine.log.exists("MANIFEST").is_err();
            match outcome {
                Ok(ledger) if !is_off => {
                    self.machine.cut_at(u64::MAX);
                    self.ledger = Some(ledger);
                    break;
                }
                Err(error) if !is_off => return Err(format!("does not open: {error}")),
                _ => {
                    self.trace.push("cut while it opened".to_owned());
                    self.machine = self.machine.crash();
                }
            }
        }
        self.check()
    }

    fn check(&mut self) -> Result<(), String> {
        let ledger = self.ledger().map_err(|error| error.to_string())?;
        let query = Query { filter: Expr::events(), order: Order::Oldest, limit: 100_000, cursor: None };
        let page = ledger.reader().query(&query).map_err(|error| format!("a query failed: {error}"))?;
        let there: BTreeSet<String> = page.rows.into_iter().filter_map(|row| row.event.id).collect();
        let promises = &mut self.promises;
        for stored in &promises.stored {
            match there.contains(&stored.id) {
                true if promises.gone.contains(&stored.id) => {
                    return Err(format!("{} was removed and is back", stored.id));
                }
                false if !promises.may_go.contains(&stored.id) => return Err(format!("{} is lost", stored.id)),
                true => {}
                false => drop(promises.gone.insert(stored.id.clone())),
            }
        }
        if let Some(held) = promises.hold.iter().flat_map(|(_, held)| held).find(|id| !there.contains(*id)) {
            return Err(format!("{held} was held and is gone"));
        }
        let stored: BTreeSet<&String> = promises.stored.iter().map(|stored| &stored.id).collect();
        if let Some(found) = there.iter().find(|id| !stored.contains(id) && !promises.open.contains(*id)) {
            return Err(format!("{found} is there and was never sent"));
        }
        self.check_heads(&ledger)
    }

    fn check_heads(&mut self, ledger: &Ledger) -> Result<(), String> {
        let words = |error: Error| error.to_string();
        let note = ledger.reader().checkpoint().map_err(words)?;
        let (frames, epoch) = (note.as_deref().map_or(0, frames_of), ledger.log().keys().epoch());
        if frames < self.promises.frames || epoch < self.promises.epoch {
            return Err(format!("the head went back from {} to {frames}, or the key to {epoch}", self.promises.frames));
        }
        let keys = ledger.keys().map_err(words)?;
        if keys.iter().filter(|key| key.role == indelible::retain::Role::Checkpoint).count() > epoch as usize + 1 {
            return Err(format!("a rotation was left unfinished: {keys:?}"));
        }
        self.promises.epoch = epoch;
        let anchored = ledger.anchor().map(Anchor::head).transpose().map_err(words)?.flatten();
        if anchored.map_or(0, |head| head.size) < self.promises.anchored {
            return Err(format!("the anchor went back from {}", self.promises.anchored));
        }
        Ok(())
    }
}

fn event(id: &str, actor: u64) -> AuditEvent {
    let mut event = AuditEvent::in_workspace("acme")
        .action("document.publish")
        .actor(ActorType::User, format!("u-{actor}"))
        .target("document", id)
        .succeeded()
        .build()
        .expect("an event");
    event.id = Some(id.to_owned());
    event
}
