//! The fixed layouts of a log's files; see `indelible_evidence::layout` for how a layout is declared and checked.

indelible_evidence::layouts! {
    SEGMENT_HEADER = "SegmentHeader" {
        magic: 8, version: 2, suite: 2, flags: 4, log_id: 16, segment_id: 8, generation: 4, reserved: 4,
        first_seq: 8, first_frame: 8, chain_before: 32, reserved2: 28, crc: 4,
    } = 128;
    BLOCK_HEADER = "BlockHeader" {
        magic: 4, kind: 1, flags: 1, reserved: 2, number: 8, length: 4, payload_crc: 4, reserved2: 4, crc: 4,
    } = 32;
    AUTHORITY_HEAD = "AuthorityHead" { version: 2, intent: 8, length: 4 } = 14;
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
    ASSOCIATED_DATA = "AssociatedData" {
        magic: 8, log_id: 16, file_id: 8, generation: 4, kind: 4, number: 8, first_seq: 8, count: 4, reserved: 4,
    } = 64;
}
