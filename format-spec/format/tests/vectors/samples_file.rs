//! Files and their parts: term pages, lookups, footer, a whole segment, a journal, manifest, checkpoint, live file.
//!
//! They are one small log: eight records in two frames, closed.

use indelible_evidence::checkpoint::{Checkpoint, sign_checkpoint};
use indelible_evidence::commit::{chain, genesis_chain};
use indelible_evidence::descriptor::Hash;
use indelible_evidence::merkle::{LogTree, empty_root, leaf_hash};
use indelible_evidence::record::Record;
use indelible_evidence::schema::{Field, Kind};
use indelible_format::aead::{self, AssociatedData, DataKey};
use indelible_format::journal::{GroupFacts, JournalHeader, put_close_mark, put_group};
use indelible_format::live::Live;
use indelible_format::manifest::{Closed, Manifest, SegmentEntry, SegmentState};
use indelible_format::segment::{
    Authority, BlockEntry, BlockHeader, BlockKind, Footer, FooterTotals, FrameEntry, PageEntry, SegmentHeader,
    SegmentTrailer, TermPage, TermTable, encode_lookup, put_block,
};
use serde_json::json;

use super::Vector;
use super::describe_file::terms_json;
use super::dump::hex;
use super::samples::{LOG_ID, ORIGIN, START, body, event, genesis, key, system, transit};
use super::samples_frame::{DATA_KEY, Frame, NONCE};

/// Records of the small log: genesis, schedule, six events.
pub fn records() -> Vec<Record> {
    let mut records = vec![genesis(), system(1, Kind::Schedule, &body(Kind::Schedule))];
    records.extend((2..8).map(event));
    records
}

/// Header of the small log's one segment.
pub fn segment_header() -> SegmentHeader {
    let chain_before = genesis_chain(LOG_ID, ORIGIN, &key().verifier().to_string());
    SegmentHeader {
        encrypted: false,
        log_id: LOG_ID,
        segment_id: 1,
        generation: 0,
        first_seq: 0,
        first_frame: 0,
        chain_before,
    }
}

/// The segment file with what it gives.
pub struct Segment {
    /// The whole file.
    pub bytes: Vec<u8>,
    /// Its terms.
    pub terms: TermTable,
    /// Its footer.
    pub footer: Footer,
    /// The log tree over its frames.
    pub tree: LogTree,
    /// The pages, as payloads.
    pub pages: Vec<TermPage>,
}

/// Writes blocks and keeps what the footer needs.
pub struct Writer {
    out: Vec<u8>,
    footer: Footer,
    value: Hash,
    tree: LogTree,
}

impl Writer {
    /// Begins a file.
    pub fn new(header: &SegmentHeader) -> Self {
        let totals = FooterTotals {
            records: 0,
            occurred_min: i64::MAX,
            occurred_max: i64::MIN,
            recorded_min: i64::MAX,
            recorded_max: i64::MIN,
            chain_after: [0; 32],
        };
        let footer = Footer { totals, frames: Vec::new(), pages: Vec::new(), runs: Vec::new(), lookups: Vec::new() };
        Self { out: header.encode(), footer, value: header.chain_before, tree: LogTree::new() }
    }

    fn block(&mut self, kind: BlockKind, number: u64, payload: &[u8]) -> (u64, u32) {
        let offset = self.out.len() as u64;
        put_block(&mut self.out, kind, false, number, payload).expect("a small payload");
        (offset, (payload.len() + BlockHeader::SIZE) as u32)
    }

    /// Appends the head that a file was written again under.
    pub fn authority(&mut self, authority: &Authority) {
        self.block(BlockKind::Authority, 0, &authority.encode().expect("a note"));
    }

    /// Appends a term page.
    pub fn page(&mut self, number: u64, page: &TermPage) {
        let (offset, length) = self.block(BlockKind::Terms, number, &page.encode(0).expect("a page"));
        for section in &page.sections {
            let (field, first, count) = (section.field, section.first, section.len() as u32);
            self.footer.pages.push(PageEntry { offset, length, first, count, field });
        }
    }

    /// Appends a frame; `rows` are those that count for the times.
    pub fn frame<'r>(&mut self, frame: &Frame, rows: impl Iterator<Item = &'r Record>) {
        let (offset, length) = self.block(BlockKind::Frame, frame.descriptor.frame_no, &frame.payload);
        let hashed = frame.descriptor.hashed(&self.value);
        let times = rows.map(|row| (row.groups.envelope().expect("an envelope").occurred_at, row.recorded_at));
        let times: Vec<(i64, i64)> = times.collect();
        let entry = FrameEntry {
            offset,
            length,
            first_ordinal: frame.descriptor.first_seq as u32,
            occurred_min: times.iter().map(|time| time.0).min().unwrap_or(0),
            occurred_max: times.iter().map(|time| time.0).max().unwrap_or(0),
            recorded_first: times.first().map_or(0, |time| time.1),
            leaf_hash: leaf_hash(&hashed),
        };
        self.tree.push(entry.leaf_hash);
        self.value = chain(&hashed);
        let totals = &mut self.footer.totals;
        totals.records += u64::from(frame.descriptor.count);
        for (occurred, recorded) in times {
            totals.occurred_min = totals.occurred_min.min(occurred);
            totals.occurred_max = totals.occurred_max.max(occurred);
            totals.recorded_min = totals.recorded_min.min(recorded);
            totals.recorded_max = totals.recorded_max.max(recorded);
        }
        self.footer.frames.push(entry);
    }

    /// Appends lookups, footer and trailer.
    pub fn finish(mut self, terms: &TermTable) -> (Vec<u8>, Footer, LogTree) {
        for field in Field::all().filter(|&field| field.has_terms()) {
            let ordinals = terms.sorted_ordinals(field);
            if ordinals.is_empty() {
                continue;
            }
            let (offset, length) = self.block(BlockKind::Lookup, field.id().into(), &encode_lookup(field, &ordinals));
            self.footer.lookups.push(BlockEntry { offset, length, number: field.id().into() });
        }
        self.footer.totals.chain_after = self.value;
        self.footer.pages.sort_by_key(|page| (page.field, page.first));
        let footer = self.footer.clone();
        let (footer_offset, _) = self.block(BlockKind::Footer, 0, &footer.encode());
        self.out.extend_from_slice(&SegmentTrailer { footer_offset }.encode());
        (self.out, footer, self.tree)
    }
}

/// The small log's segment, as a clean close leaves it. It has no index runs: those are derived and have a chapter of
/// their own.
pub fn segment() -> Segment {
    let (mut terms, mut pages) = (TermTable::new(), Vec::new());
    let mut writer = Writer::new(&segment_header());
    for (number, part) in records().chunks(5).enumerate() {
        let mark = terms.mark();
        let frame = Frame::after(terms.clone(), number as u64, part.to_vec(), 0);
        terms = frame.terms.clone();
        for page in terms.since(&mark) {
            writer.page(pages.len() as u64, &page);
            pages.push(page);
        }
        writer.frame(&frame, part.iter());
    }
    let (bytes, footer, tree) = writer.finish(&terms);
    Segment { bytes, terms, footer, tree, pages }
}

/// Header of the small log's one journal file.
pub fn journal_header() -> JournalHeader {
    JournalHeader { encrypted: false, log_id: LOG_ID, incarnation: 1, file_no: 1, first_seq: 0 }
}

/// Facts of a group of the small log.
pub fn group_facts(first_seq: u64, previous_crc: u32, framed_to: u64) -> GroupFacts {
    GroupFacts { log_id: LOG_ID, incarnation: 1, first_seq, previous_crc, durable_to: first_seq, framed_to }
}

/// Transit forms one after the other.
pub fn payload_of(records: &[Record]) -> Vec<u8> {
    records.iter().flat_map(transit).collect()
}

/// The small log's journal: two groups and the close mark; and where they begin.
pub fn journal() -> (Vec<u8>, [usize; 3]) {
    let records = records();
    let mut out = journal_header().encode();
    let first = out.len();
    let crc = put_group(&mut out, &group_facts(0, 0, 0), 2, &payload_of(&records[..2])).expect("a group");
    let second = out.len();
    let crc = put_group(&mut out, &group_facts(2, crc, 0), 6, &payload_of(&records[2..])).expect("a group");
    let mark = out.len();
    put_close_mark(&mut out, &group_facts(8, crc, 2)).expect("a close mark");
    (out, [first, second, mark])
}

/// The small log's manifest, closed or while a writer has it open.
pub fn manifest(closed: bool) -> Manifest {
    let segment = segment();
    let totals = &segment.footer.totals;
    let at_end = |value: u64| if closed { value } else { 0 };
    let time_at_end = |value: i64| if closed { value } else { 0 };
    let entry = SegmentEntry {
        id: 1,
        generation: 0,
        state: SegmentState::Active,
        first_seq: 0,
        first_frame: 0,
        records: at_end(8),
        frames: at_end(2),
        length: at_end(segment.bytes.len() as u64),
        occurred_min: time_at_end(totals.occurred_min),
        occurred_max: time_at_end(totals.occurred_max),
        recorded_min: time_at_end(totals.recorded_min),
        recorded_max: time_at_end(totals.recorded_max),
        chain_before: segment_header().chain_before,
        chain_after: if closed { totals.chain_after } else { [0; 32] },
    };
    let journal_length = journal().0.len() as u64;
    Manifest {
        log_id: LOG_ID,
        origin: ORIGIN.to_owned(),
        key: key().verifier().to_string(),
        created_at: START as u64,
        encrypted: false,
        revision: if closed { 2 } else { 1 },
        incarnation: 1,
        closed: closed.then_some(Closed { journal_no: 1, journal_length, next_seq: 8, frames: 2 }),
        journal_first: 1,
        next_segment: 2,
        segments: vec![entry],
    }
}

/// The small log's checkpoint.
pub fn checkpoint() -> String {
    let segment = segment();
    let head = Checkpoint { origin: ORIGIN.to_owned(), size: segment.tree.size(), root: segment.tree.root() };
    sign_checkpoint(&head, &key()).expect("a head that may be signed")
}

/// A group that is sealed, at offset 64 of journal file 5, with its context.
pub fn sealed_group() -> (Vec<u8>, serde_json::Value) {
    let plain = payload_of(&records()[2..4]);
    let facts = group_facts(2, 0, 0);
    let ad = AssociatedData {
        log_id: LOG_ID,
        file_id: 5,
        generation: AssociatedData::JOURNAL,
        kind: 0,
        number: 64,
        first_seq: 2,
        count: 2,
    };
    let payload = aead::seal(&DataKey::new(DATA_KEY), &NONCE, &ad, &plain).expect("a small payload");
    let mut out = Vec::new();
    put_group(&mut out, &facts, 2, &payload).expect("a group");
    let context = json!({"log_id": hex(&LOG_ID.0), "incarnation": 1, "file_no": 5, "key": hex(&DATA_KEY)});
    (out, context)
}

/// A page whose terms compress well.
pub fn long_page() -> (TermPage, TermTable) {
    let mut terms = TermTable::new();
    for n in 0..40u8 {
        let mut value = Vec::new();
        indelible_evidence::record::put_text(&mut value, &format!("a service with a rather long name, number {n}"));
        indelible_format::segment::TermSink::intern(&mut terms, Field::SERVICE, &value);
    }
    let page = terms.since(&TermTable::new().mark()).pop().expect("one page");
    (page, terms)
}

fn segment_parts() -> Vec<Vector> {
    let segment = segment();
    let header = segment_header().encode();
    let page_terms = |page: &TermPage| {
        let mut table = TermTable::new();
        for earlier in segment.pages.iter().take_while(|earlier| *earlier != page) {
            table.load_page(earlier).expect("pages of one segment");
        }
        json!({"terms": terms_json(&table).expect("texts")})
    };
    let terms = json!({"terms": terms_json(&segment.terms).expect("texts")});
    let lookup = encode_lookup(Field::ACTION, &segment.terms.sorted_ordinals(Field::ACTION));
    let [first, second] = [0, 1].map(|i| segment.pages[i].clone());
    let (long, _) = long_page();
    let plain = |page: &TermPage| page.encode(0).expect("a page");
    let block = {
        let mut out = Vec::new();
        put_block(&mut out, BlockKind::Terms, false, 0, &plain(&first)).expect("a small payload");
        out
    };
    let trailer = segment.bytes[segment.bytes.len() - SegmentTrailer::SIZE..].to_vec();
    vec![
        Vector::good("segment/header", "segment_header", json!({}), header, "File header of the first segment."),
        Vector::good("segment/block", "block", json!({"encrypted": 0}), block, "A block: header and a term page."),
        Vector::good(
            "segment/term-page",
            "term_page",
            page_terms(&first),
            plain(&first),
            "The first page of a segment.",
        ),
        Vector::good(
            "segment/term-page-next",
            "term_page",
            page_terms(&second),
            plain(&second),
            "A later page: ordinals go on.",
        ),
        Vector::good(
            "segment/term-page-zstd",
            "term_page",
            json!({}),
            long.encode(1).expect("a page"),
            "Compressed terms.",
        ),
        Vector::good("segment/lookup", "lookup", terms, lookup, "Ordinals in the order of the texts."),
        Vector::good("segment/footer", "footer", json!({}), segment.footer.encode(), "Where everything is; zero runs."),
        Vector::good("segment/trailer", "trailer", json!({}), trailer, "The last sixteen bytes."),
        Vector::good(
            "segment/whole",
            "segment",
            json!({}),
            segment.bytes,
            "A closed segment of eight records in two frames.",
        ),
    ]
}

fn journal_parts() -> Vec<Vector> {
    let (file, [first, second, mark]) = journal();
    let context = |continues: Option<usize>| {
        let mut context = json!({"log_id": hex(&LOG_ID.0), "incarnation": 1, "file_no": 1});
        if let Some(at) = continues {
            let crc = &file[at + 92..at + 96];
            context["previous_crc"] = json!(u32::from_le_bytes(crc.try_into().expect("four bytes")));
        }
        context
    };
    let (sealed, sealed_context) = sealed_group();
    vec![
        Vector::good("journal/header", "journal_header", json!({}), journal_header().encode(), "File header."),
        Vector::good(
            "journal/group",
            "journal_group",
            context(None),
            file[first..second].to_vec(),
            "Genesis and schedule.",
        ),
        Vector::good(
            "journal/group-next",
            "journal_group",
            context(Some(first)),
            file[second..mark].to_vec(),
            "Six events.",
        ),
        Vector::good(
            "journal/close-mark",
            "journal_group",
            context(Some(second)),
            file[mark..].to_vec(),
            "The last thing of a file.",
        ),
        Vector::good("journal/group-encrypted", "journal_group", sealed_context, sealed, "A sealed payload."),
        Vector::good("journal/whole", "journal", json!({}), file.clone(), "Two groups and a close mark."),
    ]
}

/// Vectors of files and their parts.
pub fn vectors() -> Vec<Vector> {
    let mut out = segment_parts();
    out.extend(journal_parts());
    let verifier = key().verifier().to_string();
    let empty = Checkpoint { origin: ORIGIN.to_owned(), size: 0, root: empty_root() };
    let empty = sign_checkpoint(&empty, &key()).expect("a head that may be signed").into_bytes();
    let live = Live { log_id: LOG_ID, incarnation: 1, journal_no: 1, durable_end: 4_096, framed_to: 2 };
    let other_key = "\u{2014} witness.example/w1 AAAAAAECAwQF\n";
    let cosigned = format!("{}{other_key}", checkpoint()).into_bytes();
    let encode = |manifest: Manifest| manifest.encode().expect("a manifest");
    let context = json!({"key": verifier});
    let fresh = Manifest { segments: Vec::new(), next_segment: 1, ..manifest(false) };
    out.extend([
        Vector::good(
            "manifest/open",
            "manifest",
            json!({}),
            encode(manifest(false)),
            "While a writer has the log open.",
        ),
        Vector::good("manifest/closed", "manifest", json!({}), encode(manifest(true)), "After a clean close."),
        Vector::good("manifest/no-segment", "manifest", json!({}), encode(fresh), "Before the first frame."),
        Vector::good("checkpoint/signed", "checkpoint", context.clone(), checkpoint().into_bytes(), "Over two frames."),
        Vector::good(
            "checkpoint/cosigned",
            "checkpoint",
            context.clone(),
            cosigned,
            "With a line of a key nobody knows.",
        ),
        Vector::good("checkpoint/empty", "checkpoint", context, empty, "Size 0: the root of nothing."),
        Vector::good(
            "checkpoint/log-pub",
            "verifier_key",
            json!({}),
            format!("{verifier}\n").into_bytes(),
            "The file log.pub.",
        ),
        Vector::good("live/live", "live", json!({}), live.encode(), "Where readers may read to."),
    ]);
    out
}
