//! Bytes that are put together from many short pieces, and used again.
//!
//! A piece of up to 32 bytes is copied as two overlapping words, without the call that a copy of unknown length is: a frame's
//! groups are some two thousand pieces of about ten bytes.

/// A growing run of bytes; room behind them is kept.
#[derive(Debug, Default)]
pub(super) struct Arena {
    /// Longer than what is in use.
    room: Vec<u8>,
    len: usize,
}

impl Arena {
    /// Forgets the bytes and keeps the room.
    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    /// Bytes in use.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        self.room.get(..self.len).unwrap_or_default()
    }

    /// Appends one byte.
    #[inline]
    pub(super) fn push(&mut self, byte: u8) {
        self.put(&[byte]);
    }

    /// Sets a byte that was appended before.
    pub(super) fn set(&mut self, at: usize, byte: u8) {
        if let Some(place) = self.room.get_mut(at) {
            *place = byte;
        }
    }

    /// Appends some bytes.
    #[inline]
    pub(super) fn put(&mut self, piece: &[u8]) {
        let end = self.len + piece.len();
        if end > self.room.len() {
            self.grow(end);
        }
        let Some(place) = self.room.get_mut(self.len..end) else { return };
        copy(place, piece);
        self.len = end;
    }

    #[cold]
    fn grow(&mut self, end: usize) {
        self.room.resize((end * 2).max(1 << 10), 0);
    }
}

#[inline]
fn copy(place: &mut [u8], piece: &[u8]) {
    match piece.len() {
        0 => {}
        1..4 => {
            for (to, from) in place.iter_mut().zip(piece) {
                *to = *from;
            }
        }
        4..8 => ends::<4>(place, piece),
        8..16 => ends::<8>(place, piece),
        16..=32 => ends::<16>(place, piece),
        _ => place.copy_from_slice(piece),
    }
}

/// Copies the first and the last `N` of at least `N` and at most twice as many bytes.
#[inline]
fn ends<const N: usize>(place: &mut [u8], piece: &[u8]) {
    if let (Some(to), Some(from)) = (place.first_chunk_mut::<N>(), piece.first_chunk::<N>()) {
        *to = *from;
    }
    if let (Some(to), Some(from)) = (place.last_chunk_mut::<N>(), piece.last_chunk::<N>()) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_of_every_length_come_out_one_behind_the_other(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..70), 0..80),
        ) {
            let mut arena = Arena::default();
            for _ in 0..2 {
                arena.clear();
                pieces.iter().for_each(|piece| arena.put(piece));
                prop_assert_eq!(arena.bytes(), pieces.concat());
            }
        }
    }
}
