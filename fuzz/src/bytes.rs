//! Checks of the format's decoders.

use std::collections::HashSet;
use std::sync::OnceLock;

use indelible_evidence::bundle::Bundle;
use indelible_evidence::bytes::Reader;
use indelible_evidence::checkpoint::{Checkpoint, open_checkpoint};
use indelible_evidence::commit::{FrameView, Removal, verify_frame};
use indelible_evidence::descriptor::Descriptor;
use indelible_evidence::key::{SigningKey, VerifierKey};
use indelible_evidence::record::{Record, put_transit, take_transit};
use indelible_evidence::schema::Field;
use indelible_format::frame::{FrameOptions, FramePruner, FrameReader};
use indelible_format::journal::{Group, GroupKind, GroupScanner, JournalHeader, Position, find_later_group};
use indelible_format::live::Live;
use indelible_format::manifest::Manifest;
use indelible_format::segment::{
    Authority, BlockHeader, BlockKind, Footer, FooterView, LookupView, SegmentHeader, SegmentTrailer, TermPage,
    TermTable, TermUse, check_payload,
};

use crate::{postings, prepared, repair, seeds};

/// A journal file: header, groups, records in transit.
pub fn journal(data: &[u8]) {
    let bytes = prepared(data, repair::journal);
    let Ok(header) = JournalHeader::decode(&bytes) else { return };
    assert_eq!(header.encode(), bytes[..JournalHeader::SIZE], "journal header");
    let scanner = GroupScanner::new(&bytes, Position::default()).expect("its header was just decoded");
    let mut next_seq = header.first_seq;
    for group in scanner {
        match group {
            Ok(group) => {
                assert_eq!(group.header.facts.first_seq, next_seq, "a scanner hands out adjoining groups");
                next_seq = group.header.next_seq();
                records(&group);
            }
            Err(stop) => {
                assert!(stop.offset <= bytes.len() as u64, "a scan stops within the file");
                if let Some(found) = find_later_group(&header, &bytes, stop.offset as usize + 1, next_seq) {
                    assert!(found > stop.offset as usize, "a later group lies behind the damage");
                }
            }
        }
    }
}

fn records(group: &Group<'_>) {
    if group.header.kind == GroupKind::Close {
        return;
    }
    let mut again = Vec::new();
    let mut all = true;
    for record in group.records() {
        match record {
            Ok(record) => {
                values(&record);
                put_transit(&mut again, record.recorded_at, record.class, record.groups.slices());
            }
            Err(_) => all = false,
        }
    }
    assert!(!all || again == group.payload, "records of a group encode to its payload");
}

/// Every value of a record is read; a record whose groups check out has nothing that cannot be.
fn values(record: &Record) {
    let sound = record.groups.check().is_ok();
    for field in Field::all() {
        assert!(record.groups.value(field).is_ok() || !sound, "{field:?} of a checked record cannot be read");
    }
}

/// One record in transit form.
pub fn record(data: &[u8]) {
    let bytes = prepared(data, repair::nothing);
    let mut reader = Reader::new("fuzz", &bytes);
    let Ok(record) = take_transit(&mut reader, 7) else { return };
    values(&record);
    let mut again = Vec::new();
    put_transit(&mut again, record.recorded_at, record.class, record.groups.slices());
    assert_eq!(again, bytes[..reader.offset()], "a record encodes to what it was decoded from");
}

fn terms() -> &'static TermTable {
    static TERMS: OnceLock<TermTable> = OnceLock::new();
    TERMS.get_or_init(seeds::terms)
}

/// The payload of a frame block.
pub fn frame(data: &[u8]) {
    frame_payload(&prepared(data, repair::nothing));
}

fn frame_payload(payload: &[u8]) {
    let Ok(reader) = FrameReader::open(payload) else { return };
    let strict = reader.check().is_ok();
    let records = reader.all_records(terms());
    for row in 0..reader.rows() {
        let (position, seq) = (reader.position_of_row(row), reader.seq(row));
        assert!(position.is_some() && seq.is_some(), "every row has a place");
        assert_eq!(position.and_then(|position| reader.row_of_position(position)), Some(row));
        let one = reader.record(row, terms());
        if let (Ok(records), Some(position)) = (&records, position) {
            let among_all = records.get(position as usize).and_then(Option::as_ref);
            assert_eq!(one.as_ref().ok(), among_all, "a row reads the same alone and among all");
        }
    }
    if let Ok(records) = records {
        let view = FrameView { descriptor: reader.descriptor(), salts: reader.salts(), records: &records };
        let committed = verify_frame(&view).is_ok();
        assert!(!(committed && strict) || records.iter().flatten().all(|record| record.groups.len() > 0));
        if committed {
            cut_down(&reader);
        }
    }
    let _ = reader.mark_terms(&mut TermUse::none_of(&terms().mark()));
}

/// Takes every third record and some groups of a frame that verifies: what is left must verify too, with the terms it marks alone.
fn cut_down(reader: &FrameReader<'_>) {
    let every = reader.descriptor().all_positions();
    let removal = Removal::new().records(every & (u128::MAX / 7)).group(1, every & (u128::MAX / 3));
    // Refused where a record of class 0 would go.
    let Ok(left) = FramePruner::new(FrameOptions::default()).prune(reader, &removal, terms()) else { return };
    let left = FrameReader::open(&left).expect("what is left is a frame");
    let mut used = TermUse::none_of(&terms().mark());
    left.mark_terms(&mut used).expect("its terms are there");
    let mut kept = TermTable::new();
    for page in terms().since(&TermTable::new().mark()) {
        kept.load_page(&page.retain(|field, ordinal| used.has(field, ordinal))).expect("pages go on");
    }
    let records = left.all_records(&kept).expect("its records are whole");
    let view = FrameView { descriptor: left.descriptor(), salts: left.salts(), records: &records };
    assert!(verify_frame(&view).is_ok(), "what is left verifies");
}

/// A stored descriptor.
pub fn descriptor(data: &[u8]) {
    let bytes = prepared(data, repair::nothing);
    if let Ok(descriptor) = Descriptor::decode(&bytes) {
        assert_eq!(descriptor.encode(), bytes, "a descriptor encodes to what it was decoded from");
    }
}

/// A segment file: header, blocks with what they hold, trailer.
pub fn segment(data: &[u8]) {
    let bytes = prepared(data, repair::segment);
    if let Ok(header) = SegmentHeader::decode(&bytes) {
        assert_eq!(header.encode(), bytes[..SegmentHeader::SIZE], "segment header");
    }
    if let Ok(trailer) = SegmentTrailer::decode(&bytes) {
        assert_eq!(trailer.encode(), bytes[bytes.len() - SegmentTrailer::SIZE..], "segment trailer");
    }
    let mut rest = bytes.get(SegmentHeader::SIZE..).unwrap_or_default();
    while let Ok(header) = BlockHeader::decode(rest) {
        assert_eq!(header.encode(), rest[..BlockHeader::SIZE], "block header");
        let after = &rest[BlockHeader::SIZE..];
        let Some(payload) = after.get(..header.length as usize) else { break };
        if check_payload(&header, payload).is_ok() && !header.encrypted {
            block(header.kind, payload);
        }
        rest = &after[payload.len()..];
    }
}

fn block(kind: BlockKind, payload: &[u8]) {
    match kind {
        BlockKind::Terms => page(payload),
        BlockKind::Frame => frame_payload(payload),
        BlockKind::Run => postings::run(payload),
        BlockKind::Authority => {
            if let Ok(authority) = Authority::decode(payload) {
                assert_eq!(authority.encode().as_deref(), Ok(payload));
            }
        }
        BlockKind::Lookup => {
            if let Ok(lookup) = LookupView::open(payload) {
                let terms = (lookup.len() as u32).saturating_mul(2);
                let sound = lookup.check(terms).is_ok();
                let named: HashSet<u32> = (0..lookup.len()).filter_map(|rank| lookup.get(rank)).collect();
                let distinct = named.len() == lookup.len() && named.iter().all(|ordinal| *ordinal < terms);
                assert!(!sound || distinct, "a checked lookup names no ordinal twice");
            }
        }
        BlockKind::Footer => {
            let view = FooterView::open(payload);
            let whole = Footer::decode(payload);
            assert!(view.is_ok() || whole.is_err(), "a footer that decodes can be opened");
            if let Ok(footer) = whole {
                assert_eq!(footer.encode(), payload, "a footer encodes to what it was decoded from");
            }
            if let Ok(view) = view {
                let _ = view.check();
                for field in Field::all() {
                    let _ = (
                        view.pages_of(field),
                        view.term_count(field),
                        view.find_page(field, 0),
                        view.find_lookup(field),
                    );
                }
                let _ = view.find_frame_by_ordinal(0);
            }
        }
    }
}

/// The payload of a term page.
pub fn term_page(data: &[u8]) {
    page(&prepared(data, repair::nothing));
}

fn page(payload: &[u8]) {
    let Ok(page) = TermPage::decode(payload) else { return };
    for level in [0, 1] {
        let again = page.encode(level).expect("a page that was decoded can be encoded");
        assert_eq!(TermPage::decode(&again).as_ref(), Ok(&page), "level {level} changes no page");
    }
    let _ = TermTable::new().load_page(&page);
}

/// A manifest.
pub fn manifest(data: &[u8]) {
    let bytes = prepared(data, repair::manifest);
    if let Ok(manifest) = Manifest::decode(&bytes) {
        let again = manifest.encode().expect("a manifest that was decoded can be encoded");
        assert_eq!(again, bytes, "a manifest encodes to what it was decoded from");
    }
}

/// A live file.
pub fn live(data: &[u8]) {
    let bytes = prepared(data, repair::live);
    if let Ok(live) = Live::decode(&bytes) {
        assert_eq!(live.encode(), bytes, "a live file encodes to what it was decoded from");
    }
}

/// A proof bundle, and its check under the keys of the seeds.
pub fn bundle(data: &[u8]) {
    let bytes = prepared(data, repair::bundle);
    if let Ok(bundle) = Bundle::decode(&bytes) {
        assert_eq!(bundle.encode(), bytes, "a bundle encodes to what it was decoded from");
        for key in seeds::bundle_keys() {
            let _ = bundle.clone().check(&key);
        }
    }
}

/// A checkpoint with its signatures, its text alone, and keys as text.
pub fn checkpoint(data: &[u8]) {
    let bytes = prepared(data, repair::nothing);
    let Ok(text) = std::str::from_utf8(&bytes) else { return };
    if let Ok(checkpoint) = Checkpoint::parse_text(text) {
        assert_eq!(checkpoint.to_text(), text, "a checkpoint writes the text it was read from");
    }
    if let Ok(key) = VerifierKey::parse(text) {
        assert_eq!(key.to_string(), text, "a verifier key writes the text it was read from");
    }
    if let Ok(key) = SigningKey::from_text(text) {
        assert_eq!(key.to_text().as_str(), text, "a signing key writes the text it was read from");
    }
    if let Ok(checkpoint) = open_checkpoint(text, &seeds::signing_key().verifier()) {
        assert!(text.starts_with(&checkpoint.to_text()), "what is signed is what stands first");
    }
}
