//! Tests of the ring on real threads, small enough for Miri. The models that try every interleaving are in `loom.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::*;

/// Items that the threaded tests push through, each.
const MANY: u64 = if cfg!(miri) { 60 } else { 40_000 };

fn config(slots: usize, bytes_max: usize) -> RingConfig {
    RingConfig::new(slots, bytes_max).expect("the test asked for a valid ring")
}

/// Everything that can be drained now.
fn drain_all<T: Send>(consumer: &mut Consumer<T>) -> Vec<T> {
    let mut out = Vec::new();
    consumer.drain(&mut out, usize::MAX, usize::MAX);
    out
}

/// Drains in batches of `batch` until the ring is closed and empty; gives everything in order.
fn drain_until_closed<T: Send>(consumer: &mut Consumer<T>, batch: usize) -> Vec<T> {
    let mut out = Vec::new();
    while consumer.wait(Duration::MAX) == Wakeup::Ready {
        assert!(consumer.drain(&mut out, batch, usize::MAX) > 0, "Ready without an item");
    }
    out
}

/// Counts how often it is dropped.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn config_refuses_what_cannot_be_built() {
    for slots in [0, 3, 1 << 25, usize::MAX] {
        assert!(matches!(RingConfig::new(slots, 1), Err(RingConfigError::Slots { slots: got, .. }) if got == slots));
    }
    for bytes in [0, (1 << 30) + 1, usize::MAX] {
        assert!(
            matches!(RingConfig::new(1, bytes), Err(RingConfigError::Bytes { bytes_max, .. }) if bytes_max == bytes)
        );
    }
    let largest = config(1 << 24, 1 << 30);
    assert_eq!((largest.slots(), largest.bytes_max()), (1 << 24, 1 << 30));
}

#[test]
fn full_in_slots_then_full_in_bytes_then_room_again() {
    // The second and third start wrap the ticket and the byte counter on the way.
    for (first, freed) in [(0, 0), ((1 << 30) - 3, u32::MAX as u64 - 7), ((5 << 30) - 1, (1 << 32) - 100)] {
        let (producer, mut consumer) = ring_at::<u64>(config(4, 100), first, freed);
        for round in 0..50 {
            let base = first + 4 * round;
            for i in 0..4 {
                let ticket = producer.try_push(i, 10).expect("there is room");
                assert_eq!(ticket, Ticket(base + i));
            }
            assert!(matches!(producer.try_push(9, 0), Err(PushError::Full(9))), "a fifth item in four slots");
            assert_eq!((producer.len(), producer.bytes(), consumer.lag()), (4, 40, (4, 40)));
            assert_eq!(drain_all(&mut consumer), [0, 1, 2, 3]);
            assert!(producer.is_empty() && producer.bytes() == 0);
        }
    }
}

#[test]
fn bytes_are_bounded_and_given_back_on_drain() {
    let (producer, mut consumer) = ring(config(16, 100));
    assert!(matches!(producer.try_push("huge", 101), Err(PushError::TooLarge("huge"))));
    assert!(matches!(producer.push("huge", usize::MAX, None), Err(PushError::TooLarge("huge"))));
    producer.try_push("small", 1).expect("there is room");
    assert!(matches!(producer.try_push("all of it", 100), Err(PushError::Full("all of it"))));
    producer.try_push("the rest", 99).expect("exactly fits");
    assert!(matches!(producer.try_push("one more", 1), Err(PushError::Full(_))));
    producer.try_push("nothing", 0).expect("an item of no bytes needs only a slot");
    assert_eq!(drain_all(&mut consumer), ["small", "the rest", "nothing"]);
    producer.try_push("all of it", 100).expect("more than half the budget is fine when it is free");
}

#[test]
fn drain_stops_at_its_limits() {
    let (producer, mut consumer) = ring(config(16, 1000));
    for i in 0..10u8 {
        producer.try_push(i, 10).expect("there is room");
    }
    let mut out = vec![255];
    for (items, bytes, wanted) in
        [(0, 100, 0), (3, 1000, 3), (9, 25, 2), (9, 20, 2), (9, 5, 1), (9, 0, 1), (9, 1000, 1)]
    {
        assert_eq!(consumer.drain(&mut out, items, bytes), wanted, "drain({items}, {bytes})");
    }
    assert_eq!(out, [255, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9], "appended, in order");
    assert_eq!(consumer.drain(&mut out, 9, 1000), 0);
}

#[test]
fn a_closed_ring_refuses_and_still_drains() {
    let (producer, mut consumer) = ring(config(4, 100));
    producer.try_push(1, 1).expect("there is room");
    producer.close();
    producer.close();
    assert!(producer.is_closed());
    assert!(matches!(producer.try_push(2, 1), Err(PushError::Closed(2))));
    assert!(matches!(producer.push(3, 1, None), Err(PushError::Closed(3))));
    assert_eq!(consumer.wait(Duration::ZERO), Wakeup::Ready);
    assert_eq!(drain_all(&mut consumer), [1]);
    assert_eq!(consumer.wait(Duration::MAX), Wakeup::Closed);
}

#[test]
fn the_last_producer_closes_and_so_does_the_consumer() {
    let (producer, consumer) = ring::<u8>(config(4, 100));
    let second = producer.clone();
    drop(producer);
    assert_eq!(consumer.wait(Duration::ZERO), Wakeup::TimedOut);
    drop(second);
    assert_eq!(consumer.wait(Duration::ZERO), Wakeup::Closed);

    let (producer, consumer) = ring(config(1, 100));
    producer.try_push(1, 1).expect("there is room");
    let blocked = thread::spawn({
        let producer = producer.clone();
        move || producer.push(2, 1, None)
    });
    drop(consumer);
    assert!(matches!(blocked.join().expect("the producer failed"), Err(PushError::Closed(2))));
    assert!(matches!(producer.try_push(3, 1), Err(PushError::Closed(3))));
}

#[test]
fn deadlines_give_the_item_back() {
    let (producer, consumer) = ring(config(1, 10));
    assert_eq!(consumer.wait(Duration::from_millis(1)), Wakeup::TimedOut);
    producer.push(1, 1, Some(Instant::now())).expect("room needs no waiting");
    for deadline in [Instant::now(), Instant::now() + Duration::from_millis(1)] {
        assert!(matches!(producer.push(2, 1, Some(deadline)), Err(PushError::Full(2))));
    }
    assert_eq!(consumer.lag(), (1, 1));
}

#[test]
fn every_item_is_dropped_exactly_once() {
    for (pushed, drained, consumer_first) in [(5, 0, true), (5, 2, false), (8, 8, true), (0, 0, false), (13, 7, true)] {
        let drops = Arc::new(AtomicUsize::new(0));
        let (producer, mut consumer) = ring(config(16, 100));
        for _ in 0..pushed {
            producer.try_push(Counted(Arc::clone(&drops)), 1).expect("there is room");
        }
        let mut out = Vec::new();
        consumer.drain(&mut out, drained, 100);
        assert_eq!(drops.load(Ordering::Relaxed), 0);
        drop(out);
        assert_eq!(drops.load(Ordering::Relaxed), drained);
        if consumer_first {
            drop(consumer);
            // A refused item comes back and is the caller's to drop.
            drop(producer.try_push(Counted(Arc::clone(&drops)), 1).expect_err("the consumer is gone"));
            drop(producer);
            assert_eq!(drops.load(Ordering::Relaxed), pushed + 1);
        } else {
            drop(producer);
            drop(consumer);
            assert_eq!(drops.load(Ordering::Relaxed), pushed);
        }
    }
}

/// Producers push `(producer, n, ticket order)` through a ring; checks order, completeness and the tickets.
fn check_threads(slots: usize, bytes_max: usize, producers: u64, waiting: bool) {
    let (producer, mut consumer) = ring_at(config(slots, bytes_max), (1 << 30) - 5, (1 << 32) - 5);
    let handles: Vec<_> = (0..producers)
        .map(|id| {
            let producer = producer.clone();
            thread::spawn(move || {
                let mut tickets = Vec::new();
                for n in 0..MANY {
                    let mut item = Box::new((id, n));
                    let bytes = (n % 7) as usize;
                    let ticket = if waiting {
                        producer.push(item, bytes, None).expect("the ring stays open")
                    } else {
                        loop {
                            match producer.try_push(item, bytes) {
                                Ok(ticket) => break ticket,
                                Err(refused) => item = refused.into_item(),
                            }
                            thread::yield_now();
                        }
                    };
                    tickets.push((ticket, (id, n)));
                }
                tickets
            })
        })
        .collect();
    drop(producer);
    let drained = drain_until_closed(&mut consumer, 5);
    let mut by_ticket: Vec<_> =
        handles.into_iter().flat_map(|handle| handle.join().expect("a producer failed")).collect();
    by_ticket.sort_unstable();
    assert_eq!(drained.len() as u64, producers * MANY);
    for (place, (item, (ticket, pushed))) in drained.iter().zip(&by_ticket).enumerate() {
        assert_eq!((ticket.0, **item), ((1 << 30) - 5 + place as u64, *pushed));
    }
    for id in 0..producers {
        let own: Vec<_> = drained.iter().filter(|item| item.0 == id).map(|item| item.1).collect();
        assert!(own.iter().copied().eq(0..MANY), "producer {id} kept its order");
    }
    assert_eq!(consumer.lag(), (0, 0));
}

#[test]
fn threads_through_a_wide_ring() {
    check_threads(256, 1 << 20, 3, false);
}

#[test]
fn threads_through_one_slot() {
    check_threads(1, 1 << 20, 2, true);
}

#[test]
fn threads_through_a_tight_byte_budget() {
    check_threads(64, 9, 3, true);
}

#[test]
fn what_was_accepted_before_a_close_is_drained() {
    for _ in 0..if cfg!(miri) { 3 } else { 200 } {
        let (producer, mut consumer) = ring(config(8, 1000));
        let handles: Vec<_> = (0..3u64)
            .map(|_| {
                let producer = producer.clone();
                thread::spawn(move || {
                    let mut accepted = 0u64;
                    while producer.push((), 1, None).is_ok() {
                        accepted += 1;
                    }
                    accepted
                })
            })
            .collect();
        let closer = thread::spawn(move || {
            thread::yield_now();
            producer.close();
        });
        let drained = drain_until_closed(&mut consumer, 3).len() as u64;
        closer.join().expect("the closer failed");
        let accepted: u64 = handles.into_iter().map(|handle| handle.join().expect("a producer failed")).sum();
        assert_eq!(drained, accepted);
        assert_eq!(consumer.wait(Duration::ZERO), Wakeup::Closed, "nothing appears after Closed");
    }
}

#[test]
fn ends_may_cross_threads_but_the_consumer_is_not_shared() {
    fn crosses<T: Send>() {}
    fn is_shared<T: Sync>() {}
    // An item that is Send but not Sync.
    type Item = std::cell::Cell<u8>;
    crosses::<Producer<Item>>();
    is_shared::<Producer<Item>>();
    crosses::<Consumer<Item>>();
}
