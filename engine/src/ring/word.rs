//! The one word that decides every push: how far the tickets and the bytes have got, and whether the ring is closed.
//!
//! ```text
//!  63          34 33             2     1        0
//! +--------------+----------------+--------+--------+
//! | ticket (30)  |   bytes (32)   | PARKED | CLOSED |
//! +--------------+----------------+--------+--------+
//!  low bits of    low bits of all  consumer  nothing is
//!  the next       bytes ever       sleeps    claimed any
//!  ticket         claimed                    more
//! ```
//!
//! Both counters only ever grow and wrap silently. The consumer keeps the matching full-width counters of what it took,
//! so *in flight = claimed - taken*, in wrapping arithmetic. Because one compare-and-swap moves all four fields, "is there
//! a slot", "is there room for the bytes", "is it closed" and "must I wake the consumer" are one decision, not four that
//! can disagree.
//!
//! Invariants: what is in flight stays far below half of each counter's range ([`SLOTS_MAX`], [`BYTES_MAX`]), so that a
//! negative difference always means "this copy of the word is old" and never "very full".
//!
//! Not here: atomics and memory ordering (`shared.rs`). This file is arithmetic only.

/// The most slots a ring can have: 2^24, far below half of the 30-bit ticket.
pub(super) const SLOTS_MAX: usize = 1 << 24;

/// The largest byte budget of a ring: 1 GiB, half of what a signed difference of two 32-bit counters can hold.
pub(super) const BYTES_MAX: usize = 1 << 30;

const CLOSED: u64 = 1;
const PARKED: u64 = 1 << 1;
const BYTES_SHIFT: u32 = 2;
const TICKET_SHIFT: u32 = 34;
const TICKET_BITS: u32 = 64 - TICKET_SHIFT;
const TICKET_MASK: u64 = (1 << TICKET_BITS) - 1;

/// A copy of the tail word, taken at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Word(pub(super) u64);

/// What a copy of the word says about a push, given what the consumer has taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// There is a slot and the bytes fit.
    Room,
    /// No slot is free, or the bytes do not fit.
    Full,
    /// The consumer is past this copy of the word: read it again.
    Stale,
}

/// The bits that [`super::shared::Shared`] sets with a fetch-or when it closes the ring.
pub(super) const CLOSE_BITS: u64 = CLOSED;

impl Word {
    /// The word of a ring whose next ticket is `ticket` and that has claimed `bytes` in its life.
    pub(super) fn at(ticket: u64, bytes: u64) -> Word {
        let bytes = u64::from(bytes as u32);
        Word((ticket & TICKET_MASK) << TICKET_SHIFT | bytes << BYTES_SHIFT)
    }

    fn ticket_low(self) -> u64 {
        self.0 >> TICKET_SHIFT
    }

    fn bytes_low(self) -> u32 {
        (self.0 >> BYTES_SHIFT) as u32
    }

    /// True once no further push can be claimed.
    pub(super) fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    /// True when whoever changes the word next must wake the consumer.
    pub(super) fn is_parked(self) -> bool {
        self.0 & PARKED != 0
    }

    /// The same position with the consumer marked as parked.
    pub(super) fn parked(self) -> Word {
        Word(self.0 | PARKED)
    }

    /// The word after one claim of `bytes`. It clears PARKED: the claimer has taken over the duty to wake.
    pub(super) fn after_claim(self, bytes: u32) -> Word {
        let ticket = self.ticket_low().wrapping_add(1);
        let bytes = self.bytes_low().wrapping_add(bytes);
        let mut next = Word::at(ticket, u64::from(bytes));
        next.0 |= self.0 & CLOSED;
        next
    }

    /// Items claimed and not taken; negative when this copy is older than `head`.
    pub(super) fn items_since(self, head: u64) -> i64 {
        let ahead = self.ticket_low().wrapping_sub(head) & TICKET_MASK;
        // Sign-extend the 30-bit difference.
        ((ahead << TICKET_SHIFT) as i64) >> TICKET_SHIFT
    }

    /// Bytes claimed and not taken; negative when this copy is older than `freed`.
    pub(super) fn bytes_since(self, freed: u64) -> i64 {
        i64::from(self.bytes_low().wrapping_sub(freed as u32) as i32)
    }

    /// The full ticket this word stands for, given a `head` that is not past it.
    pub(super) fn ticket_from(self, head: u64) -> u64 {
        head + (self.ticket_low().wrapping_sub(head) & TICKET_MASK)
    }

    /// Whether one more item of `bytes` fits beside what is in flight.
    pub(super) fn verdict(self, head: u64, freed: u64, bytes: u32, limits: Limits) -> Verdict {
        let items = self.items_since(head);
        let held = self.bytes_since(freed);
        if items < 0 || held < 0 {
            Verdict::Stale
        } else if items >= limits.slots || held + i64::from(bytes) > limits.bytes {
            Verdict::Full
        } else {
            Verdict::Room
        }
    }
}

/// The two bounds of a ring, in the type the differences come in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Slots, a power of two of at most [`SLOTS_MAX`].
    pub(super) slots: i64,
    /// Byte budget, at most [`BYTES_MAX`].
    pub(super) bytes: i64,
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { slots: 4, bytes: 100 };

    /// Starting points around every wrap of both counters.
    const STARTS: [(u64, u64); 5] =
        [(0, 0), ((1 << 30) - 2, 0), (5, u32::MAX as u64 - 20), ((1 << 30) - 1, u32::MAX as u64), (7 << 30, 9 << 32)];

    #[test]
    fn fields_do_not_leak_into_each_other() {
        for (ticket, bytes) in STARTS {
            let mut word = Word::at(ticket, bytes).parked();
            for step in 0..4 {
                assert_eq!(word.items_since(ticket), step, "from {ticket}");
                assert_eq!(word.bytes_since(bytes), step * 25, "from {bytes}");
                assert_eq!(word.ticket_from(ticket), ticket + step as u64);
                assert!(!word.is_closed());
                word = word.after_claim(25);
                assert!(!word.is_parked(), "a claim takes the duty to wake with it");
            }
            let closed = Word(word.0 | CLOSE_BITS);
            assert!(closed.is_closed() && closed.items_since(ticket) == 4);
        }
    }

    #[test]
    fn verdicts_at_the_bounds() {
        for (ticket, bytes) in STARTS {
            let empty = Word::at(ticket, bytes);
            let three = empty.after_claim(1).after_claim(1).after_claim(1);
            let four = three.after_claim(1);
            let cases = [
                (empty, 100, Verdict::Room),
                (empty, 101, Verdict::Full),
                (three, 97, Verdict::Room),
                (three, 98, Verdict::Full),
                (four, 0, Verdict::Full),
            ];
            for (word, size, wanted) in cases {
                assert_eq!(word.verdict(ticket, bytes, size, LIMITS), wanted, "{word:?} + {size}");
            }
            assert_eq!(empty.verdict(ticket + 1, bytes, 0, LIMITS), Verdict::Stale);
            assert_eq!(empty.verdict(ticket, bytes + 1, 0, LIMITS), Verdict::Stale);
        }
    }

    #[test]
    fn the_largest_limits_stay_unambiguous() {
        let limits = Limits { slots: SLOTS_MAX as i64, bytes: BYTES_MAX as i64 };
        let full = Word::at(SLOTS_MAX as u64, BYTES_MAX as u64);
        assert_eq!(full.verdict(0, 0, 0, limits), Verdict::Full);
        assert_eq!(full.verdict(1, BYTES_MAX as u64, BYTES_MAX as u32, limits), Verdict::Room);
    }
}
