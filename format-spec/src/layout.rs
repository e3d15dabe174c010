//! One declaration per fixed layout: field offsets, the total size, and the table that the specification shows.
//!
//! ```text
//! layout! { LIVE_FILE: LiveFile { magic: 8, log_id: 16, ..., crc: 4 } }
//!   -> pub mod live_file-style constants are not generated; LIVE_FILE.size() and LIVE_FILE.offset("crc") are.
//! ```
//!
//! A test parses the tables of `format-spec/*.md` and compares them with [`ALL`]; so code and prose cannot drift apart.

/// A fixed layout: its name in the specification and its fields' names and sizes in order.
#[derive(Debug)]
pub struct Layout {
    /// As in the `layout` comment above the table.
    pub name: &'static str,
    /// Field name and size in bytes, in order, without gaps.
    pub fields: &'static [(&'static str, usize)],
}

impl Layout {
    /// Total bytes.
    pub const fn size(&self) -> usize {
        let mut sum = 0;
        let mut i = 0;
        while i < self.fields.len() {
            sum += self.fields[i].1;
            i += 1;
        }
        sum
    }

    /// Offset of the field at `index`: the running sum of the sizes before it.
    pub const fn offset_of(&self, index: usize) -> usize {
        let mut sum = 0;
        let mut i = 0;
        while i < index {
            sum += self.fields[i].1;
            i += 1;
        }
        sum
    }
}

macro_rules! layouts {
    ($($const_name:ident = $name:literal { $($field:ident : $size:literal),* $(,)? } = $total:literal;)*) => {
        $(
            #[doc = concat!("Layout `", $name, "`, ", stringify!($total), " bytes.")]
            pub const $const_name: Layout = Layout { name: $name, fields: &[$((stringify!($field), $size)),*] };
            const _: () = assert!($const_name.size() == $total, "layout sizes do not add up");
        )*
        /// Every layout of the format, for the test that compares them with the prose.
        pub const ALL: &[&Layout] = &[$(&$const_name),*];
    };
}

layouts! {
    ENVELOPE_HEAD = "EnvelopeHead" { kind: 1, schema: 1, occurred_at: 8, presence: 1 } = 11;
    CLASS_ENTRY = "ClassEntry" { class: 2, count: 2, positions: 16, recorded_min: 8, recorded_max: 8, occurred_max: 8 } = 44;
    DESCRIPTOR_HEAD = "DescriptorHead" {
        version: 2, suite: 2, classes: 1, schema: 1, count: 2, log_id: 16, frame_no: 8, first_seq: 8,
        schedule_version: 4, key_epoch: 4, lost_events: 8, frame_root: 32, index_hash: 32,
    } = 120;
    SEGMENT_HEADER = "SegmentHeader" {
        magic: 8, version: 2, suite: 2, flags: 4, log_id: 16, segment_id: 8, generation: 4, reserved: 4,
        first_seq: 8, first_frame: 8, chain_before: 32, reserved2: 28, crc: 4,
    } = 128;
    BLOCK_HEADER = "BlockHeader" {
        magic: 4, kind: 1, flags: 1, reserved: 2, number: 8, length: 4, payload_crc: 4, reserved2: 4, crc: 4,
    } = 32;
    TERM_PAGE_HEAD = "TermPageHead" { version: 1, compression: 1, sections: 2, raw_length: 4 } = 8;
    TERM_SECTION = "TermSection" { field: 1, reserved: 3, first: 4, count: 4 } = 12;
    FOOTER_HEAD = "FooterHead" {
        version: 2, reserved: 2, frames: 4, pages: 4, runs: 4, lookups: 4, reserved2: 4, records: 8,
        occurred_min: 8, occurred_max: 8, recorded_min: 8, recorded_max: 8, chain_after: 32,
    } = 96;
    FRAME_ENTRY = "FrameEntry" {
        offset: 8, length: 4, first_ordinal: 4, occurred_min: 8, occurred_max: 8, recorded_first: 8, leaf_hash: 32,
    } = 72;
    PAGE_ENTRY = "PageEntry" { offset: 8, length: 4, first: 4, count: 4, field: 1, reserved: 3 } = 24;
    BLOCK_ENTRY = "BlockEntry" { offset: 8, length: 4, number: 4 } = 16;
    SEGMENT_TRAILER = "SegmentTrailer" { footer_offset: 8, crc: 4, magic: 4 } = 16;
    BODY_HEAD = "BodyHead" { version: 1, state: 1, columns: 2, salts_length: 4 } = 8;
    COLUMN_ENTRY = "ColumnEntry" { field: 1, encoding: 1, reserved: 2, length: 4 } = 8;
    JOURNAL_HEADER = "JournalHeader" {
        magic: 8, version: 2, flags: 2, reserved: 4, log_id: 16, incarnation: 8, file_no: 8, first_seq: 8,
        reserved2: 4, crc: 4,
    } = 64;
    GROUP_HEADER = "GroupHeader" {
        magic: 4, kind: 2, reserved: 2, log_id: 16, incarnation: 8, first_seq: 8, count: 4, length: 4,
        previous_crc: 4, payload_crc: 4, durable_to: 8, framed_to: 8, reserved2: 16, reserved3: 4, crc: 4,
    } = 96;
    LIVE_FILE = "LiveFile" {
        magic: 8, log_id: 16, incarnation: 8, journal_no: 8, durable_end: 8, framed_to: 8, reserved: 4, crc: 4,
    } = 64;
    MANIFEST_HEAD = "ManifestHead" { magic: 8, version: 2, reserved: 2, length: 4, body_crc: 4, crc: 4 } = 24;
    BUNDLE_HEAD = "BundleHead" { magic: 8, version: 2, claim: 1, flags: 1, reserved: 4, log_id: 16 } = 32;
    ASSOCIATED_DATA = "AssociatedData" {
        magic: 8, log_id: 16, file_id: 8, generation: 4, kind: 4, number: 8, first_seq: 8, count: 4, reserved: 4,
    } = 64;
}
