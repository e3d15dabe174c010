//! The two threads of an open log: loops around the writer and the framer, which do the work.
//!
//! ```text
//! writer: drain ring -> append -> written -> sync -> durable -> queue        (natural batching: while one sync runs the next gathers)
//! framer: take queue -> frame full frames -> release; partial frames and a checkpoint when they are due
//! ```
//!
//! A full disk is waited out: the group stays in hand, reads go on, and writing resumes by itself when there is room.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indelible_evidence::key::SigningKey;

use crate::draft::Progress;
use crate::error::{Error, Result};
use crate::log::Status;
use crate::options::Options;
use crate::ring::{Consumer, Wakeup};
use crate::write::framer::{CloseFacts, Framer};
use crate::write::orders::{Order, Orders};
use crate::write::queue::{FrameQueue, Reply, Settled, Work};
use crate::write::shared::Shared;
use crate::write::writer::{Item, Writer};

/// How long to wait before a full disk is tried again.
const DISK_FULL_PAUSE: Duration = Duration::from_millis(50);
/// How often an idle writer looks whether there is something to tidy.
const IDLE: Duration = Duration::from_millis(500);

/// The writer's loop.
pub(crate) struct WriterThread {
    pub(crate) shared: Arc<Shared>,
    pub(crate) writer: Writer,
    pub(crate) consumer: Consumer<Item>,
    pub(crate) queue: Arc<FrameQueue>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) status: Arc<Status>,
    pub(crate) options: Options,
    /// What other threads want done between two groups.
    pub(crate) orders: Arc<Orders>,
    pub(crate) tickets: u64,
    /// Records that go before anyone else's.
    pub(crate) first: Vec<Item>,
}

impl WriterThread {
    /// Runs until the ring is closed and empty, then closes the log.
    pub(crate) fn run(mut self, framer: JoinHandle<()>) -> Result<()> {
        let outcome = self.write_all();
        let outcome = outcome.and_then(|()| self.close());
        if let Err(error) = &outcome {
            self.shared.poison.set(error);
            self.poison();
        }
        self.queue.stop();
        self.orders.stop();
        let _ = framer.join();
        outcome
    }

    fn poison(&self) {
        self.progress.written.poison();
        self.progress.durable.poison();
        self.shared.published.durable.poison();
        self.status.stopped.poison();
    }

    fn write_all(&mut self) -> Result<()> {
        let mut batch = std::mem::take(&mut self.first);
        if !batch.is_empty() {
            self.write_batch(&mut batch, 0)?;
        }
        self.status.stopped.advance(1);
        let mut framed = 0;
        loop {
            batch.clear();
            let drained = self.consumer.drain(&mut batch, self.options.group_records_max, self.options.group_bytes_max);
            self.orders.take_wakes(&mut batch);
            self.carry_out()?;
            let now_framed = self.shared.framed.frames.load(Ordering::Acquire);
            if now_framed != framed {
                framed = now_framed;
                if drained == 0 {
                    self.writer.write_live()?;
                }
                // Under load too, when no pause comes: what lies in the journal is disk space, and time for a recovery.
                self.writer.tidy_journal()?;
            }
            if drained == 0 {
                self.check_framer()?;
                match self.consumer.wait(IDLE) {
                    Wakeup::Closed => return Ok(()),
                    _ => continue,
                }
            }
            self.write_batch(&mut batch, drained as u64)?;
        }
    }

    /// Does what other threads asked for. Every group that was appended is synced by now.
    fn carry_out(&mut self) -> Result<()> {
        for order in self.orders.take() {
            match order {
                Order::Rotate(reply) => self.answer(reply, Writer::rotate_journal)?,
                Order::Tidy(reply) => self.answer(reply, Writer::remove_framed_for_good)?,
            }
        }
        Ok(())
    }

    /// Answers an order; a full disk is the asker's trouble, anything else the log's too.
    fn answer<T>(&mut self, reply: Reply<T>, order: impl FnOnce(&mut Writer) -> Result<T>) -> Result<()> {
        let answer = order(&mut self.writer);
        let failed = match &answer {
            Err(error) if !error.is_disk_full() => Err(Error::Poisoned { reason: error.to_string() }),
            _ => Ok(()),
        };
        let _ = reply.send(answer);
        failed
    }

    /// Appends and syncs one group, waiting out a full disk.
    fn write_batch(&mut self, batch: &mut [Item], tickets: u64) -> Result<()> {
        loop {
            match self.writer.append(batch) {
                Ok(()) => break,
                Err(error) if error.is_disk_full() => {
                    self.status.disk_full.store(true, Ordering::Release);
                    self.writer.tidy_journal()?;
                    self.check_framer()?;
                    self.status.pause_for_room()?;
                }
                Err(error) => return Err(error),
            }
        }
        self.status.disk_full.store(false, Ordering::Release);
        self.tickets += tickets;
        self.progress.written.advance(self.tickets);
        if let Some(group) = self.writer.sync()? {
            self.status.syncs.fetch_add(1, Ordering::Relaxed);
            self.progress.durable.advance(self.tickets);
            if !self.queue.push(Work::Group(group)) {
                self.check_framer()?;
            }
        }
        self.progress.durable.advance(self.tickets);
        Ok(())
    }

    /// The framer's failure is the log's.
    fn check_framer(&self) -> Result<()> {
        self.shared.poison.check()
    }

    fn close(&mut self) -> Result<()> {
        let (reply, answer) = std::sync::mpsc::sync_channel(1);
        self.queue.push(Work::Close(reply));
        let facts: CloseFacts = answer.recv().unwrap_or_else(|_| {
            self.check_framer()?;
            Err(Error::Closed)
        })?;
        self.writer.finish(facts)
    }
}

/// The framer's loop.
pub(crate) struct FramerThread {
    shared: Arc<Shared>,
    framer: Framer,
    queue: Arc<FrameQueue>,
    status: Arc<Status>,
    /// Since when records wait that are in no signed checkpoint.
    waiting_since: Option<Instant>,
    /// Seq after the last record that came through the queue.
    received: u64,
    /// Checkpoints asked for, each with the seq that must be received before, and the key that signs from then on.
    asked: Vec<(u64, Option<Arc<SigningKey>>, Reply<String>)>,
    /// Askers that wait for everything to be framed, or sealed, in the same way.
    settling: Vec<(u64, bool, Reply<Settled>)>,
}

impl FramerThread {
    pub(crate) fn new(shared: Arc<Shared>, framer: Framer, queue: Arc<FrameQueue>, status: Arc<Status>) -> Self {
        let waiting_since = framer.has_pending().then(Instant::now);
        let received = shared.published.load().next_seq;
        Self { shared, framer, queue, status, waiting_since, received, asked: Vec::new(), settling: Vec::new() }
    }

    /// Runs until it is told to close, or fails.
    pub(crate) fn run(mut self) {
        if let Err(error) = self.frame_all() {
            self.shared.poison.set(&error);
        }
        self.queue.stop();
    }

    fn frame_all(&mut self) -> Result<()> {
        let interval = self.shared.options.checkpoint_interval;
        loop {
            let due_in = self.waiting_since.map_or(interval, |since| interval.saturating_sub(since.elapsed()));
            let mut close = None;
            for work in self.queue.take(due_in.min(IDLE)) {
                match work {
                    Work::Group(group) => {
                        self.waiting_since.get_or_insert_with(Instant::now);
                        self.received = self.received.max(group.end_seq());
                        self.framer.push(group);
                    }
                    Work::Checkpoint(through, reply) => self.asked.push((through, None, reply)),
                    Work::Rotate(through, key, reply) => self.asked.push((through, Some(key), reply)),
                    Work::Settle(through, seal, reply) => self.settling.push((through, seal, reply)),
                    Work::Close(reply) => close = Some(reply),
                }
            }
            self.frame(false)?;
            self.answer_asked()?;
            self.answer_settling()?;
            if let Some(reply) = close {
                self.frame(true)?;
                let _ = reply.send(self.framer.close());
                return Ok(());
            }
            if self.waiting_since.is_some_and(|since| since.elapsed() >= interval) {
                self.frame(true)?;
                self.framer.sync()?;
                self.sign_when_due()?;
            }
        }
    }

    /// Signs the checkpoints that were asked for and whose records have all been received.
    fn answer_asked(&mut self) -> Result<()> {
        let received = self.received;
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.asked).into_iter().partition(|(through, ..)| *through <= received);
        self.asked = later;
        for (_, key, reply) in due {
            self.frame(true)?;
            let signed = match key {
                None => self.framer.checkpoint(),
                Some(key) => self.framer.rotate(key),
            };
            self.waiting_since = None;
            let _ = reply.send(signed);
        }
        Ok(())
    }

    /// Frames, and where asked seals, everything for those whose records have all been received.
    fn answer_settling(&mut self) -> Result<()> {
        let received = self.received;
        let (due, later) =
            std::mem::take(&mut self.settling).into_iter().partition(|(through, ..)| *through <= received);
        self.settling = later;
        let due: Vec<(u64, bool, Reply<Settled>)> = due;
        for (_, seal, reply) in due {
            self.frame(true)?;
            let settled = self.framer.settle(seal);
            let failed = matches!(&settled, Err(error) if !error.is_disk_full());
            let reason = settled.as_ref().err().map(ToString::to_string);
            let _ = reply.send(settled);
            if let Some(reason) = reason.filter(|_| failed) {
                return Err(Error::Poisoned { reason });
            }
        }
        Ok(())
    }

    /// The checkpoint of the interval. A full disk is no reason to stop: it is tried again, and no request waits for it.
    fn sign_when_due(&mut self) -> Result<()> {
        if self.framer.may_sign() {
            match self.framer.checkpoint() {
                Err(error) if error.is_disk_full() => {
                    self.status.disk_full.store(true, Ordering::Release);
                    std::thread::sleep(DISK_FULL_PAUSE);
                    return Ok(());
                }
                signed => signed.map(drop)?,
            }
            self.status.disk_full.store(false, Ordering::Release);
        }
        self.waiting_since = None;
        Ok(())
    }

    /// Frames what is pending, waiting out a full disk.
    fn frame(&mut self, partial: bool) -> Result<()> {
        let mut was_full = false;
        loop {
            match self.framer.frame(partial) {
                Ok((records, bytes)) => {
                    if was_full {
                        // Nobody else says so where no event comes; a writer that still waits says the contrary again.
                        self.status.disk_full.store(false, Ordering::Release);
                    }
                    self.queue.release(records, bytes);
                    return Ok(());
                }
                Err(error) if error.is_disk_full() => {
                    was_full = true;
                    self.status.disk_full.store(true, Ordering::Release);
                    self.status.pause_for_room()?;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl Status {
    /// Waits a moment before a full disk is tried again; an error where nobody wants to wait any longer.
    fn pause_for_room(&self) -> Result<()> {
        if self.give_up.load(Ordering::Acquire) {
            return Err(Error::DiskFull);
        }
        std::thread::sleep(DISK_FULL_PAUSE);
        Ok(())
    }
}
