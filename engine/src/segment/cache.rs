//! Decoded term pages that readers share, bounded in bytes.
//!
//! The oldest quarter goes when the bound is passed (by last use), so that a hot page costs a lock and a hash look-up.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use indelible_format::segment::TermPage;
use parking_lot::RwLock;

/// Segment id, generation, offset of the page's block.
type Key = (u64, u32, u64);

/// A bounded cache of decoded term pages.
#[derive(Debug)]
pub struct Cache {
    bytes_max: usize,
    clock: AtomicU64,
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    pages: HashMap<Key, Kept>,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    page: Arc<TermPage>,
    bytes: usize,
    used: AtomicU64,
}

impl Cache {
    /// A cache that keeps at most `bytes_max` bytes of decoded pages.
    pub fn new(bytes_max: usize) -> Arc<Self> {
        Arc::new(Self { bytes_max, clock: AtomicU64::new(0), inner: RwLock::default() })
    }

    /// The page, decoded by `load` when it is not here.
    pub(crate) fn page<E>(&self, key: Key, load: impl FnOnce() -> Result<TermPage, E>) -> Result<Arc<TermPage>, E> {
        let now = self.clock.fetch_add(1, Ordering::Relaxed);
        if let Some(kept) = self.inner.read().pages.get(&key) {
            kept.used.store(now, Ordering::Relaxed);
            return Ok(Arc::clone(&kept.page));
        }
        let page = Arc::new(load()?);
        // A term costs its bytes and about eight of offsets.
        let bytes = page.sections.iter().map(|section| section.byte_len() + 8 * section.len() + 64).sum();
        let mut inner = self.inner.write();
        let kept = Kept { page: Arc::clone(&page), bytes, used: AtomicU64::new(now) };
        if inner.pages.insert(key, kept).is_none() {
            inner.bytes += bytes;
        }
        if inner.bytes > self.bytes_max {
            inner.shed();
        }
        Ok(page)
    }

    /// Bytes kept now.
    pub fn bytes(&self) -> usize {
        self.inner.read().bytes
    }
}

impl Inner {
    fn shed(&mut self) {
        let mut uses: Vec<u64> = self.pages.values().map(|kept| kept.used.load(Ordering::Relaxed)).collect();
        uses.sort_unstable();
        let Some(&limit) = uses.get(uses.len() / 4) else { return };
        self.pages.retain(|_, kept| kept.used.load(Ordering::Relaxed) > limit);
        self.bytes = self.pages.values().map(|kept| kept.bytes).sum();
    }
}
