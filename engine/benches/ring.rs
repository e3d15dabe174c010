//! The ring against `crossbeam_queue::ArrayQueue` and one `rtrb` lane per producer. `cargo bench -p indelible-engine --bench ring`
//!
//! ```text
//! alone      one thread pushes a batch and drains it: the cost of the instructions, no contention
//! together   N producer threads and one consumer: all items through, spawn included (a few tens of microseconds)
//! ```
//!
//! The queues that are compared keep no byte budget, no dense ticket, no close and no parking; the consumer here polls
//! and yields for all three alike. Lanes also give up the one order over all producers.

use std::sync::Arc;
use std::thread;

use crossbeam_queue::ArrayQueue;
use divan::counter::ItemsCount;
use indelible_engine::ring::{RingConfig, ring};

/// What an emitted event is in the ring: a boxed record, its receipt and a few words.
type Item = [u64; 6];

const SLOTS: usize = 8192;
const BATCH: usize = 1024;
const ITEMS: usize = 200_000;
const PRODUCERS: [usize; 3] = [1, 2, 4];

fn main() {
    divan::main();
}

fn config() -> RingConfig {
    RingConfig::new(SLOTS, 1 << 24).expect("constants of this bench")
}

/// Retries `push` until it takes the item, yielding in between.
fn insist(mut item: Item, mut push: impl FnMut(Item) -> Result<(), Item>) {
    while let Err(back) = push(item) {
        item = back;
        thread::yield_now();
    }
}

/// Runs `drain` until it has given all items, yielding whenever there is nothing.
fn collect(mut drain: impl FnMut() -> usize) {
    let mut seen = 0;
    while seen < ITEMS {
        match drain() {
            0 => thread::yield_now(),
            some => seen += some,
        }
    }
}

#[divan::bench_group(sample_count = 200)]
mod alone {
    use super::*;

    #[divan::bench]
    fn indelible(bencher: divan::Bencher) {
        let (producer, mut consumer) = ring(config());
        let mut out = Vec::with_capacity(BATCH);
        bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
            for n in 0..BATCH {
                producer.try_push([n as u64; 6], 300).expect("the batch fits");
            }
            out.clear();
            consumer.drain(&mut out, BATCH, usize::MAX)
        });
    }

    #[divan::bench]
    fn array_queue(bencher: divan::Bencher) {
        let queue = ArrayQueue::<Item>::new(SLOTS);
        let mut out = Vec::with_capacity(BATCH);
        bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
            for n in 0..BATCH {
                queue.push([n as u64; 6]).expect("the batch fits");
            }
            out.clear();
            while let Some(item) = queue.pop() {
                out.push(item);
            }
            out.len()
        });
    }

    #[divan::bench]
    fn rtrb_lane(bencher: divan::Bencher) {
        let (mut producer, mut consumer) = rtrb::RingBuffer::<Item>::new(SLOTS);
        let mut out = Vec::with_capacity(BATCH);
        bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
            for n in 0..BATCH {
                producer.push([n as u64; 6]).expect("the batch fits");
            }
            out.clear();
            while let Ok(item) = consumer.pop() {
                out.push(item);
            }
            out.len()
        });
    }
}

#[divan::bench_group(sample_count = 20, sample_size = 1)]
mod together {
    use super::*;

    #[divan::bench(args = PRODUCERS)]
    fn indelible(bencher: divan::Bencher, producers: usize) {
        bencher.counter(ItemsCount::new(ITEMS)).bench(|| {
            let (producer, mut consumer) = ring(config());
            thread::scope(|scope| {
                for _ in 0..producers {
                    let producer = producer.clone();
                    scope.spawn(move || {
                        for n in 0..ITEMS / producers {
                            insist([n as u64; 6], |item| match producer.try_push(item, 300) {
                                Ok(_) => Ok(()),
                                Err(refused) => Err(refused.into_item()),
                            });
                        }
                    });
                }
                let mut out = Vec::with_capacity(BATCH);
                collect(|| {
                    out.clear();
                    consumer.drain(&mut out, BATCH, usize::MAX)
                });
            });
        });
    }

    #[divan::bench(args = PRODUCERS)]
    fn array_queue(bencher: divan::Bencher, producers: usize) {
        bencher.counter(ItemsCount::new(ITEMS)).bench(|| {
            let queue = Arc::new(ArrayQueue::<Item>::new(SLOTS));
            thread::scope(|scope| {
                for _ in 0..producers {
                    let queue = Arc::clone(&queue);
                    scope.spawn(move || {
                        for n in 0..ITEMS / producers {
                            insist([n as u64; 6], |item| queue.push(item));
                        }
                    });
                }
                let mut out = Vec::with_capacity(BATCH);
                collect(|| {
                    out.clear();
                    while out.len() < BATCH
                        && let Some(item) = queue.pop()
                    {
                        out.push(item);
                    }
                    out.len()
                });
            });
        });
    }

    #[divan::bench(args = PRODUCERS)]
    fn rtrb_lanes(bencher: divan::Bencher, producers: usize) {
        bencher.counter(ItemsCount::new(ITEMS)).bench(|| {
            thread::scope(|scope| {
                let mut lanes = Vec::new();
                for _ in 0..producers {
                    let (mut producer, consumer) = rtrb::RingBuffer::<Item>::new(SLOTS / producers);
                    lanes.push(consumer);
                    scope.spawn(move || {
                        for n in 0..ITEMS / producers {
                            insist([n as u64; 6], |item| {
                                producer.push(item).map_err(|rtrb::PushError::Full(item)| item)
                            });
                        }
                    });
                }
                let mut out = Vec::with_capacity(BATCH);
                collect(|| {
                    out.clear();
                    for lane in &mut lanes {
                        while out.len() < BATCH
                            && let Ok(item) = lane.pop()
                        {
                            out.push(item);
                        }
                    }
                    out.len()
                });
            });
        });
    }
}
