//! Notices numbers in `time` that count something else than nanoseconds.
//!
//! ```text
//! 1700000000 seconds, 1700000000000 milliseconds, 1700000000000000 microseconds  --> as nanoseconds all in January 1970
//! ```
//!
//! The contract says nanoseconds, so nothing is changed; but a file whose times all lie there was hardly meant so.

use indelible::Timestamp;

/// End of January 1970, ns.
const JANUARY_ENDS: i64 = 31 * 86_400 * 1_000_000_000;

/// What was seen of one file's times.
#[derive(Debug, Default)]
pub struct Times {
    early: u64,
    others: u64,
}

impl Times {
    /// Looks at the time of an event; one that gives none says nothing.
    pub fn see(&mut self, time: Option<Timestamp>) {
        match time {
            Some(time) if (0..JANUARY_ENDS).contains(&time.as_nanos()) => self.early += 1,
            Some(_) => self.others += 1,
            None => {}
        }
    }

    /// What to say once the file is read.
    pub fn warning(&self) -> Option<String> {
        (self.early > 0 && self.others == 0).then(|| {
            format!(
                "all {} times lie in January 1970: a number in `time` counts nanoseconds, so seconds have to be multiplied by \
                 1,000,000,000, or written as RFC 3339",
                self.early
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_no_nanoseconds_are_noticed() {
        let warns = |times: &[Option<i64>]| {
            let mut seen = Times::default();
            times.iter().for_each(|time| seen.see(time.map(Timestamp)));
            seen.warning().is_some()
        };
        let now = 1_700_000_000_000_000_000;
        for unit in [1_000, 1_000_000, 1_000_000_000] {
            assert!(warns(&[Some(now / unit), None, Some(now / unit + 1)]), "{unit}");
            assert!(!warns(&[Some(now / unit), Some(now)]), "{unit}");
        }
        assert!(!warns(&[]) && !warns(&[None]) && !warns(&[Some(now)]) && !warns(&[Some(-1)]));
    }
}
