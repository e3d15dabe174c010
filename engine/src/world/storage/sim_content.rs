//! The bytes of one simulated file: sparse pages that copies share until one of them is written.
//!
//! ```text
//! len ─┐            page 0        page 1     page 2 ...
//!      │  pages = [ Some(Arc) ,   None    ,  Some(Arc) ]      None, and everything behind the vector, reads as zeros
//! ```
//!
//! Invariants: bytes at and behind `len` are zeros in every page that exists, so growing a file never uncovers old bytes.
//! Cloning copies pointers only.
//!
//! Deliberately not here: which of these bytes are durable (`sim_disk.rs`).

use std::sync::Arc;

/// The block of the simulated file system: the unit of allocation.
pub(super) const PAGE_BYTES: usize = 4096;

/// Longest file: bounds the pointer vector when a test writes at a mad offset.
pub(super) const FILE_BYTES_MAX: u64 = 1 << 34;

type Page = [u8; PAGE_BYTES];

#[derive(Clone, Default)]
pub(super) struct Content {
    len: u64,
    pages: Vec<Option<Arc<Page>>>,
}

impl Content {
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Pages that take space on the disk.
    pub(super) fn allocated_pages(&self) -> u64 {
        self.pages.iter().flatten().count() as u64
    }

    /// The numbers of the allocated pages that hold anything at or behind `offset`.
    pub(super) fn allocated_from(&self, offset: u64) -> impl Iterator<Item = u64> + '_ {
        let first = page_of(offset);
        self.pages.iter().enumerate().skip(first).filter(|(_, page)| page.is_some()).map(|(number, _)| number as u64)
    }

    /// How many of `len` bytes at `offset` can be written when only `free` more pages can be allocated.
    pub(super) fn fitting(&self, offset: u64, len: usize, free: u64) -> usize {
        let end = offset.saturating_add(len as u64);
        let mut missing = 0;
        let mut at = offset;
        while at < end {
            let number = page_of(at);
            if !matches!(self.pages.get(number), Some(Some(_))) {
                missing += 1;
                if missing > free {
                    return (at - offset) as usize;
                }
            }
            at = (number as u64 + 1).saturating_mul(PAGE_BYTES as u64);
        }
        len
    }

    pub(super) fn read_at(&self, buf: &mut [u8], offset: u64) -> usize {
        let len = self.len.saturating_sub(offset).min(buf.len() as u64) as usize;
        let (wanted, _) = buf.split_at_mut(len);
        for (piece, number, within) in pieces_mut(wanted, offset) {
            match self.pages.get(number) {
                Some(Some(page)) => piece.copy_from_slice(&page[within..within + piece.len()]),
                _ => piece.fill(0),
            }
        }
        len
    }

    pub(super) fn to_vec(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.len as usize];
        self.read_at(&mut bytes, 0);
        bytes
    }

    /// Writes the part of `bytes` that lies before the end of the file; the length does not change.
    pub(super) fn write_at(&mut self, bytes: &[u8], offset: u64) {
        let len = self.len.saturating_sub(offset).min(bytes.len() as u64) as usize;
        let (mut rest, _) = bytes.split_at(len);
        let mut at = offset;
        while !rest.is_empty() {
            let (number, within) = (page_of(at), at as usize % PAGE_BYTES);
            let (piece, behind) = rest.split_at(rest.len().min(PAGE_BYTES - within));
            self.page_mut(number)[within..within + piece.len()].copy_from_slice(piece);
            at += piece.len() as u64;
            rest = behind;
        }
    }

    /// Grows the file with zeros to at least `len`.
    pub(super) fn grow_to(&mut self, len: u64) {
        self.len = self.len.max(len);
    }

    /// Cuts or grows the file.
    pub(super) fn set_len(&mut self, len: u64) {
        if len < self.len {
            let within = len as usize % PAGE_BYTES;
            self.pages.truncate(page_of(len) + usize::from(within > 0));
            // Keeps the invariant that nothing lies behind the end.
            if within > 0
                && let Some(Some(page)) = self.pages.get_mut(page_of(len))
            {
                Arc::make_mut(page)[within..].fill(0);
            }
        }
        self.len = len;
    }

    /// Inverts one bit (0 is the lowest); `false` if the byte lies behind the end.
    pub(super) fn flip(&mut self, offset: u64, bit: u8) -> bool {
        let mut byte = [0];
        if self.read_at(&mut byte, offset) == 0 {
            return false;
        }
        self.write_at(&[byte[0] ^ (1 << (bit % 8))], offset);
        true
    }

    fn page_mut(&mut self, number: usize) -> &mut Page {
        if self.pages.len() <= number {
            self.pages.resize(number + 1, None);
        }
        Arc::make_mut(self.pages[number].get_or_insert_with(|| Arc::new([0; PAGE_BYTES])))
    }
}

fn page_of(offset: u64) -> usize {
    (offset / PAGE_BYTES as u64) as usize
}

/// Cuts a buffer at page boundaries: each piece with its page's number and its place within the page.
fn pieces_mut(buf: &mut [u8], offset: u64) -> impl Iterator<Item = (&mut [u8], usize, usize)> {
    let mut rest = buf;
    let mut at = offset;
    std::iter::from_fn(move || {
        let (number, within) = (page_of(at), at as usize % PAGE_BYTES);
        let all = std::mem::take(&mut rest);
        if all.is_empty() {
            return None;
        }
        let len = all.len().min(PAGE_BYTES - within);
        let (piece, behind) = all.split_at_mut(len);
        rest = behind;
        at += len as u64;
        Some((piece, number, within))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against a plain vector: any sequence of writes and lengths, and a copy taken on the way that must not change.
        #[test]
        fn behaves_like_a_vector(steps in prop::collection::vec((any::<bool>(), 0_u64..20_000, 0_usize..9_000, any::<u8>()), 1..12)) {
            let (mut content, mut model) = (Content::default(), Vec::new());
            let mut copy = (content.clone(), model.clone());
            for (number, (write, offset, len, byte)) in steps.iter().copied().enumerate() {
                if number == 5 {
                    copy = (content.clone(), model.clone());
                }
                if write {
                    let end = offset as usize + len;
                    content.grow_to(end as u64);
                    content.write_at(&vec![byte; len], offset);
                    model.resize(model.len().max(end), 0);
                    model[offset as usize..end].fill(byte);
                } else {
                    content.set_len(offset);
                    model.resize(offset as usize, 0);
                }
                prop_assert_eq!(&content.to_vec(), &model);
            }
            prop_assert_eq!(copy.0.to_vec(), copy.1);
        }
    }

    #[test]
    fn space_is_counted_in_pages() {
        let page = PAGE_BYTES as u64;
        let mut content = Content::default();
        content.set_len(page * 10);
        assert_eq!(content.allocated_pages(), 0);
        content.write_at(b"xy", page * 2 - 1);
        assert_eq!(content.allocated_pages(), 2);
        assert_eq!(content.allocated_from(page * 2).collect::<Vec<_>>(), [2]);
        // Pages 1 and 2 exist, 0 and 3 do not.
        for (offset, len, free, fits) in [
            (page, 2 * page, 0, 2 * page),
            (page, 2 * page + 1, 0, 2 * page),
            (0, 10, 0, 0),
            (5, 4 * page, 1, 3 * page - 5),
            (5, 4 * page, 9, 4 * page),
        ] {
            assert_eq!(content.fitting(offset, len as usize, free), fits as usize, "{offset} {len} {free}");
        }
    }

    #[test]
    fn flips_one_bit_inside_the_file_only() {
        let mut content = Content::default();
        content.grow_to(2);
        assert!(content.flip(1, 3) && !content.flip(2, 3));
        assert_eq!(content.to_vec(), [0, 8]);
    }
}
