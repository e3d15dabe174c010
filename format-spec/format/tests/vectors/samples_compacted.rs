//! The small log's segment after a deletion: event 4 expired with its class, event 3 left as a stub row, a whole frame expired.
//!
//! ```text
//! generation 0   page 0 | frame 0: genesis, schedule, events 2 3 4 | page 1 | frame 1: events 5 6 7 | lookups | footer
//! generation 1   page 0 | frame 0: genesis, schedule, event 2, stub row 3  | page 1 | frame 1: expired | lookups | footer
//! ```
//!
//! Ordinals are those of generation 0; voids stand for terms that nothing names any more.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashSet;

use indelible_evidence::FormatError;
use indelible_evidence::commit::Removal;
use indelible_evidence::schema::Field;
use indelible_format::frame::FrameReader;
use indelible_format::segment::{Authority, SegmentHeader, TermPage, TermSource, TermTable};
use serde_json::json;

use super::Vector;
use super::describe_file::terms_json;
use super::refusals::refused;
use super::samples_file::{Writer, records, segment, segment_header};
use super::samples_frame::Frame;

/// The form of a note; whose it is, and whether it is right, takes the log's keys.
const NOTE: &str =
    "log.example/vectors\n9\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\u{2014} log.example/vectors AAAAAAA=\n";

/// The frames of generation 1, all ordinals those of the segment's terms.
fn frames(terms: &TermTable) -> Vec<Frame> {
    let all = records();
    let [first, second] =
        [(0, &all[..5]), (1, &all[5..])].map(|(number, part)| Frame::after(terms.clone(), number, part.to_vec(), 0));
    let class = all[4].class;
    assert!(all[2].class != class && all[3].class != class, "event 4 is alone in its class");
    let removal = Removal::new().class(&first.descriptor, class);
    let stub = 1 << 3;
    let removal = removal.group(1, stub).group(2, stub).group(3, stub);
    let everything = Removal::new().records(second.descriptor.all_positions());
    vec![first.left(terms.clone(), &removal), second.left(terms.clone(), &everything)]
}

/// A table that remembers which of its terms were asked for.
struct Marking<'a> {
    table: &'a TermTable,
    used: RefCell<HashSet<(Field, u32)>>,
}

impl TermSource for Marking<'_> {
    fn term(&self, field: Field, ordinal: u32) -> Result<Option<Cow<'_, [u8]>>, FormatError> {
        self.used.borrow_mut().insert((field, ordinal));
        self.table.term(field, ordinal)
    }
}

/// The file, with its authority block or without, and its pages.
fn compacted(generation: u32, authority: bool) -> (Vec<u8>, Vec<TermPage>) {
    let before = segment();
    let frames = frames(&before.terms);
    let marking = Marking { table: &before.terms, used: RefCell::default() };
    for frame in &frames {
        FrameReader::open(&frame.payload)
            .and_then(|frame| frame.all_records(&marking))
            .expect("a frame that was just made");
    }
    let used = marking.used.into_inner();
    let header = SegmentHeader { generation, ..segment_header() };
    let mut writer = Writer::new(&header);
    if authority {
        writer.authority(&Authority { intent: 8, note: NOTE.to_owned() });
    }
    let mut left = TermTable::new();
    let mut pages = Vec::new();
    // The two pages and the two frames alternate, as they did before.
    for (number, (page, frame)) in before.pages.iter().zip(&frames).enumerate() {
        let page = page.retain(|field, ordinal| used.contains(&(field, ordinal)));
        writer.page(number as u64, &page);
        left.load_page(&page).expect("pages of one segment");
        pages.push(page);
        writer.frame(
            frame,
            (number == 0).then(|| &frame.records[..]).into_iter().flatten().flatten().filter(|record| {
                // Stub rows have no part in the times.
                !record.groups.group(3).is_empty()
            }),
        );
    }
    (writer.finish(&left).0, pages)
}

/// Vectors of a segment from which records were removed.
pub fn vectors() -> Vec<Vector> {
    let (file, pages) = compacted(1, true);
    let page = pages[1].encode(0).expect("a page");
    let mut table = TermTable::new();
    table.load_page(&pages[0]).expect("the first page");
    let before = json!({"terms": terms_json(&table).expect("texts")});
    table.load_page(&pages[1]).expect("the second page");
    let context = json!({"terms": terms_json(&table).expect("texts")});
    let lookup = |ordinals: &[u32]| indelible_format::segment::encode_lookup(Field::ACTION, ordinals);
    let sorted = table.sorted_ordinals(Field::ACTION);
    let void = (0..table.len(Field::ACTION)).find(|&ordinal| table.get(Field::ACTION, ordinal).is_none());
    let mut naming = sorted.clone();
    naming.push(void.expect("an action that only removed events had"));
    let (about, void_about) =
        ("What a deletion leaves: stub row, expired class, expired frame, voids.", "It names a void.");
    vec![
        Vector::good("segment/compacted", "segment", json!({}), file, about),
        Vector::good("segment/term-page-voids", "term_page", before, page, "Terms that are gone are one byte each."),
        Vector::good("segment/lookup-voids", "lookup", context.clone(), lookup(&sorted), "Voids are left out."),
        refused("lookup/seg-6-void", "lookup", "SEG-6", context, lookup(&naming), void_about),
        refused(
            "segment/seg-20",
            "segment",
            "SEG-20",
            json!({}),
            compacted(1, false).0,
            "A file that was written again without a head.",
        ),
        refused(
            "segment/seg-20-first",
            "segment",
            "SEG-20",
            json!({}),
            compacted(0, true).0,
            "A file of generation 0 with one.",
        ),
        refused(
            "segment/seg-11",
            "segment",
            "SEG-11",
            json!({}),
            compacted(0, false).0,
            "Voids in a file of generation 0.",
        ),
    ]
}
