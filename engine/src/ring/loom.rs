//! Models of the ring and the watermark: loom runs each of them through every interleaving and every value that a weak
//! memory model lets a load return, within a bound on preemptions.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test -p indelible-engine --release --lib ring::loom
//! ```
//!
//! A model has no clock, so nothing here times out: a missed wake-up is a deadlock, and loom reports it. Slots sit in
//! loom's cells, so two owners of one slot are reported whatever the values are.
//!
//! `LOOM_MAX_PREEMPTIONS` widens or narrows the bound. The README of this folder lists what must fail when an ordering
//! is weakened.

use std::time::Duration;

use ::loom::thread;

use super::sync::Arc;
use super::*;
use crate::watermark::{WaitOutcome, Watermark};

/// Runs a model with at most `preemptions` forced switches per execution, or what the environment says.
fn check(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = ::loom::model::Builder::new();
    if builder.preemption_bound.is_none() {
        builder.preemption_bound = Some(preemptions);
    }
    builder.check(model);
}

fn config(slots: usize, bytes_max: usize) -> RingConfig {
    RingConfig::new(slots, bytes_max).expect("the model asked for a valid ring")
}

/// Drains until the ring is closed and empty.
fn drain_until_closed<T: Send>(consumer: &mut Consumer<T>) -> Vec<T> {
    let mut out = Vec::new();
    while consumer.wait(Duration::MAX) == Wakeup::Ready {
        assert!(consumer.drain(&mut out, usize::MAX, usize::MAX) > 0, "Ready without an item");
    }
    out
}

#[test]
fn two_producers_and_the_consumer() {
    check(3, || {
        let (producer, mut consumer) = ring(config(2, 100));
        let handles = [10, 20].map(|item| {
            let producer = producer.clone();
            thread::spawn(move || producer.try_push(Box::new(item), 1).map_err(|_| ()).expect("two slots, two items").0)
        });
        drop(producer);
        let drained = drain_until_closed(&mut consumer);
        let tickets = handles.map(|handle| handle.join().expect("a producer failed"));
        assert_eq!(drained.len(), 2);
        assert_eq!([*drained[tickets[0] as usize], *drained[tickets[1] as usize]], [10, 20]);
    });
}

#[test]
fn a_slot_is_reused_only_after_its_release() {
    check(3, || {
        let (producer, mut consumer) = ring(config(1, 100));
        let pusher = thread::spawn(move || {
            let mut accepted = Vec::new();
            for item in 0..3 {
                // Boxed, so that a slot with two owners would also be a double free.
                if let Ok(ticket) = producer.try_push(Box::new(item), 1) {
                    assert_eq!(ticket.0, accepted.len() as u64);
                    accepted.push(item);
                }
            }
            accepted
        });
        let drained: Vec<_> = drain_until_closed(&mut consumer).into_iter().map(|item| *item).collect();
        assert_eq!(drained, pusher.join().expect("the producer failed"));
    });
}

#[test]
fn a_full_ring_lets_the_waiting_producer_in() {
    check(3, || {
        let (producer, mut consumer) = ring(config(1, 100));
        producer.try_push(0, 1).expect("there is room");
        let pusher = thread::spawn(move || producer.push(1, 1, None).expect("the ring stays open").0);
        assert_eq!(drain_until_closed(&mut consumer), [0, 1]);
        assert_eq!(pusher.join().expect("the producer failed"), 1);
    });
}

#[test]
fn two_waiting_producers_are_both_let_in() {
    check(2, || {
        let (producer, mut consumer) = ring(config(1, 100));
        let handles = [1, 2].map(|item| {
            let producer = producer.clone();
            thread::spawn(move || producer.push(item, 1, None).expect("the ring stays open"))
        });
        drop(producer);
        let mut drained = drain_until_closed(&mut consumer);
        drained.sort_unstable();
        assert_eq!(drained, [1, 2]);
        for handle in handles {
            handle.join().expect("a producer failed");
        }
    });
}

#[test]
fn an_accepted_push_is_drained_before_closed() {
    check(3, || {
        let (producer, mut consumer) = ring(config(2, 100));
        let pusher = thread::spawn({
            let producer = producer.clone();
            move || {
                let accepted = producer.try_push(7, 1).is_ok();
                let later = producer.try_push(8, 1).is_ok();
                assert!(accepted || !later, "a closed ring does not open again");
                usize::from(accepted) + usize::from(later)
            }
        });
        let closer = thread::spawn(move || producer.close());
        let drained = drain_until_closed(&mut consumer).len();
        closer.join().expect("the closer failed");
        assert_eq!(drained, pusher.join().expect("the producer failed"));
        assert_eq!(consumer.wait(Duration::ZERO), Wakeup::Closed, "nothing appears after Closed");
    });
}

#[test]
fn closing_releases_a_waiting_producer() {
    check(3, || {
        let (producer, consumer) = ring(config(1, 100));
        producer.try_push(0, 1).expect("there is room");
        let pusher = thread::spawn({
            let producer = producer.clone();
            move || matches!(producer.push(1, 1, None), Err(PushError::Closed(1)))
        });
        drop(consumer);
        assert!(pusher.join().expect("the producer failed"));
    });
}

#[test]
fn the_byte_budget_holds_and_comes_back() {
    check(2, || {
        let (producer, mut consumer) = ring(config(4, 10));
        let handles = [6, 5].map(|bytes| {
            let producer = producer.clone();
            thread::spawn(move || producer.push(bytes, bytes, None).expect("the ring stays open"))
        });
        drop(producer);
        let mut seen = Vec::new();
        while consumer.wait(Duration::MAX) == Wakeup::Ready {
            assert!(consumer.lag().1 <= 10, "6 + 5 bytes were in flight at once");
            // A drain frees only at its end, so two items in one drain were in flight together.
            assert_eq!(consumer.drain(&mut seen, usize::MAX, usize::MAX), 1);
        }
        seen.sort_unstable();
        assert_eq!(seen, [5, 6]);
        for handle in handles {
            handle.join().expect("a producer failed");
        }
    });
}

#[test]
fn what_is_left_is_dropped_once() {
    check(3, || {
        let (producer, mut consumer) = ring(config(2, 100));
        let token = Arc::new(());
        let pusher = thread::spawn({
            let token = Arc::clone(&token);
            move || {
                for _ in 0..2 {
                    drop(producer.try_push(Arc::clone(&token), 1));
                }
            }
        });
        let mut out = Vec::new();
        consumer.drain(&mut out, 1, 100);
        drop(consumer);
        pusher.join().expect("the producer failed");
        drop(out);
        // Loom's `Arc` reports leaks and double drops by itself; this also catches a clone that is still held.
        assert_eq!(Arc::strong_count(&token), 1);
    });
}

#[test]
fn watermark_wakes_those_it_reaches() {
    check(3, || {
        let mark = Arc::new(Watermark::new(0));
        let waiters = [1, 2].map(|target| {
            let mark = Arc::clone(&mark);
            thread::spawn(move || mark.wait_for(target, None))
        });
        mark.advance(1);
        mark.advance(2);
        for waiter in waiters {
            assert_eq!(waiter.join().expect("a waiter failed"), WaitOutcome::Reached);
        }
    });
}

#[test]
fn watermark_poison_wakes_the_rest() {
    check(3, || {
        let mark = Arc::new(Watermark::new(0));
        let waiters = [1, 2].map(|target| {
            let mark = Arc::clone(&mark);
            thread::spawn(move || mark.wait_for(target, None))
        });
        mark.advance(1);
        mark.poison();
        mark.advance(2);
        let outcomes = waiters.map(|waiter| waiter.join().expect("a waiter failed"));
        assert_eq!(outcomes[1], WaitOutcome::Poisoned);
        assert_eq!(outcomes[0], WaitOutcome::Reached);
    });
}
