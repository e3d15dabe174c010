//! What readers have decoded and share, bounded in bytes: term pages, and frames whose columns are found.
//!
//! The quarter that was used longest ago goes when the bound is passed, so that what is hot costs a lock and a look-up.
//!
//! Invariant: what a key names never changes in its file, so nothing kept goes stale. A reader of another process that follows
//! a growing segment keeps no frames of it: after a crash of the writer others may come to lie at their places.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use hashbrown::HashMap;
use indelible_format::frame::FrameReader;
use indelible_format::segment::TermPage;
use parking_lot::RwLock;

/// Segment id, generation, offset of the block.
type Key = (u64, u32, u64);

/// A bounded cache, and the count of what is bounded beside it: sealed segments that are open, mapped and with their directory
/// in memory. They are closed by handing out views with fresh ones (see [`Cache::must_close`]); what older views hold stays.
#[derive(Debug)]
pub struct Cache {
    bytes_max: usize,
    open_segments_max: usize,
    open_segments: AtomicUsize,
    /// How many of the open ones are known to be held by older views alone.
    held: AtomicUsize,
    clock: AtomicU64,
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    blocks: HashMap<Key, Kept>,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    decoded: Decoded,
    bytes: usize,
    used: AtomicU64,
}

#[derive(Debug, Clone)]
enum Decoded {
    Page(Arc<TermPage>),
    Frame(Arc<FrameReader<'static>>),
}

impl Cache {
    /// A cache that keeps at most `bytes_max` decoded bytes, of a log that keeps about `open_segments_max` segments open.
    pub fn new(bytes_max: usize, open_segments_max: usize) -> Arc<Self> {
        Arc::new(Self {
            bytes_max,
            open_segments_max,
            open_segments: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
            clock: AtomicU64::new(0),
            inner: RwLock::default(),
        })
    }

    pub(super) fn segment_opened(&self) {
        self.open_segments.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn segment_closed(&self) {
        self.open_segments.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether the next view should have fresh segments in the place of those that are open.
    pub(crate) fn must_close(&self) -> bool {
        let open = self.open_segments.load(Ordering::Relaxed);
        // What was held may have been let go since: it counts no longer.
        let held = self.held.fetch_min(open, Ordering::Relaxed).min(open);
        open - held > self.open_segments_max
    }

    /// The newest view has fresh segments: what is still open is held by older ones.
    pub(crate) fn has_closed(&self) {
        self.held.store(self.open_segments.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// The page, decoded by `load` when it is not here.
    pub(crate) fn page<E>(&self, key: Key, load: impl FnOnce() -> Result<TermPage, E>) -> Result<Arc<TermPage>, E> {
        if let Some(Decoded::Page(page)) = self.find(key) {
            return Ok(page);
        }
        let page = Arc::new(load()?);
        // A term costs its bytes and about eight of offsets.
        let bytes = page.sections.iter().map(|section| section.byte_len() + 8 * section.len() + 64).sum();
        self.keep(key, Decoded::Page(Arc::clone(&page)), bytes);
        Ok(page)
    }

    /// The frame, opened by `load` when it is not here.
    pub(crate) fn frame<E>(
        &self,
        key: Key,
        load: impl FnOnce() -> Result<FrameReader<'static>, E>,
    ) -> Result<Arc<FrameReader<'static>>, E> {
        if let Some(Decoded::Frame(frame)) = self.find(key) {
            return Ok(frame);
        }
        let frame = Arc::new(load()?);
        self.keep(key, Decoded::Frame(Arc::clone(&frame)), frame.memory());
        Ok(frame)
    }

    fn find(&self, key: Key) -> Option<Decoded> {
        let now = self.clock.fetch_add(1, Ordering::Relaxed);
        let inner = self.inner.read();
        let kept = inner.blocks.get(&key)?;
        kept.used.store(now, Ordering::Relaxed);
        Some(kept.decoded.clone())
    }

    fn keep(&self, key: Key, decoded: Decoded, bytes: usize) {
        let now = self.clock.fetch_add(1, Ordering::Relaxed);
        let mut inner = self.inner.write();
        if inner.blocks.insert(key, Kept { decoded, bytes, used: AtomicU64::new(now) }).is_none() {
            inner.bytes += bytes;
        }
        if inner.bytes > self.bytes_max {
            inner.shed();
        }
    }

    /// Bytes kept now.
    pub fn bytes(&self) -> usize {
        self.inner.read().bytes
    }
}

impl Inner {
    fn shed(&mut self) {
        let mut uses: Vec<u64> = self.blocks.values().map(|kept| kept.used.load(Ordering::Relaxed)).collect();
        uses.sort_unstable();
        let Some(&limit) = uses.get(uses.len() / 4) else { return };
        self.blocks.retain(|_, kept| kept.used.load(Ordering::Relaxed) > limit);
        self.bytes = self.blocks.values().map(|kept| kept.bytes).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use indelible_evidence::schema::Field;
    use indelible_format::segment::TermSection;

    fn page(bytes: usize) -> Result<TermPage, ()> {
        let mut section = TermSection::new(Field::LANE, 0);
        section.push(&vec![0; bytes]);
        Ok(TermPage { sections: vec![section] })
    }

    #[test]
    fn what_was_used_longest_ago_goes_and_the_bound_holds() {
        let cache = Cache::new(10_000, 8);
        for offset in 0..1_000 {
            cache.page((1, 0, offset), || page(400)).unwrap();
            // Asked for again each time, so it stays.
            cache.page((1, 0, 0), || -> Result<TermPage, ()> { panic!("page 0 went although it is in use") }).unwrap();
            assert!(cache.bytes() <= 10_000, "{} bytes", cache.bytes());
        }
        let mut loaded = false;
        cache
            .page((1, 0, 1), || {
                loaded = true;
                page(400)
            })
            .unwrap();
        assert!(loaded, "an old page was still there");
    }
}
