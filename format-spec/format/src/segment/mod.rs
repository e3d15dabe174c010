//! Segment files: a header, blocks one after the other, and at the end of a sealed or closed one a trailer.
//!
//! ```text
//! header 128 | block | block | ... | lookups | footer | trailer 16
//!              block = header 32 | payload
//! ```
//!
//! A length is believed only after the checksum of the header that holds it; a payload only after its own. Not here: what
//! a frame block holds (`frame`), what a run block holds (the index), files. Specified in `format-spec/04-segment.md`.

mod authority;
mod block;
mod entries;
mod footer;
mod header;
mod lookup;
mod term_page;
mod term_table;
mod term_use;
mod trailer;

pub use authority::Authority;
pub use block::{BLOCK_PAYLOAD_MAX, BlockHeader, BlockKind, check_payload, put_block};
pub use entries::{BlockEntry, FrameEntry, PageEntry};
pub use footer::{Footer, FooterTotals, FooterView};
pub use header::SegmentHeader;
pub use lookup::{LookupView, encode_lookup};
pub use term_page::{TERM_PAGE_RAW_MAX, TermPage, TermSection};
pub use term_table::{TermMark, TermSink, TermSource, TermTable};
pub use term_use::TermUse;
pub use trailer::SegmentTrailer;
