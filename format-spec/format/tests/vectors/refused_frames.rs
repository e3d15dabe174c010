//! Frames that must be refused: each is a good one with one part made wrong, checksums and hashes apart.

use indelible_evidence::commit::{RecordRef, Removal, frame_hashes};
use indelible_evidence::hash::{Purpose, b3};
use indelible_evidence::record::Record;
use indelible_evidence::schema::{Field, Kind};
use serde_json::{Value as Json, json};

use super::Vector;
use super::frame_parts::Parts;
use super::refusals::refused;
use super::samples::{body, event, record, system};
use super::samples_frame::{Frame, SALT_KEY, mixed, sealed};

const METADATA: u8 = 23;
const KIND: u8 = 26;
const RECORDED_AT: u8 = 0xf0;
const OCCURRED_AT: u8 = 0xf1;
const PAYLOAD: u8 = 0xf3;

/// A good frame with something changed.
fn changed(frame: &Frame, change: impl FnOnce(&mut Parts)) -> Vec<u8> {
    let mut parts = Parts::of(&frame.payload);
    change(&mut parts);
    parts.join()
}

struct List(Vec<Vector>);

impl List {
    fn add(&mut self, name: &str, rule: &'static str, frame: &Frame, about: &str, change: impl FnOnce(&mut Parts)) {
        self.put(name, rule, frame.context(), changed(frame, change), about);
    }

    fn put(&mut self, name: &str, rule: &'static str, context: Json, bytes: Vec<u8>, about: &str) {
        self.0.push(refused(&format!("frame/{name}"), "frame", rule, context, bytes, about));
    }
}

/// Vectors of frames that must be refused.
pub fn vectors() -> Vec<Vector> {
    let mut list = List(Vec::new());
    removals(&mut list);
    directories(&mut list);
    numbers(&mut list);
    ids_and_blobs(&mut list);
    templates(&mut list);
    commitments(&mut list);
    list.0
}

fn removals(list: &mut List) {
    let whole = mixed();
    // Class 0 comes first, kept whole: four states of 33 bytes.
    let class_1 = 4 * 33;
    let expired = whole.without(&Removal::new().class(&whole.descriptor, 1));
    list.add("frm-1", "FRM-1", &expired, "Group 1 of an expired class is said to be whole.", |parts| {
        parts.salts[class_1 + 33] = 1;
    });
    let removed = whole.without(&Removal::new().records(0b11));
    list.add("frm-2-rank", "FRM-2", &removed, "A removed rank at the class's count.", |parts| {
        parts.salts[class_1 + 1] |= 1 << 4;
    });
    list.add("frm-2-state", "FRM-2", &removed, "A state that does not exist.", |parts| parts.salts[class_1] = 4);
    list.add("frm-3", "FRM-3", &whole, "A removal section with nothing removed.", |parts| {
        parts.state = 1;
        parts.salts = whole.descriptor.classes.iter().flat_map(|entry| class_keys(entry.class)).flatten().collect();
    });
    expired_frames(list, &whole);
    let erased = whole.without(&Removal::new().group(1, 0b100));
    let gap = system(1_000, Kind::Gap, &body(Kind::Gap));
    let root = frame_hashes(&[RecordRef::from(&gap)], &SALT_KEY).expect("a frame").classes[0].groups[3].root;
    list.add(
        "frm-10",
        "FRM-10",
        &Frame::whole(3, vec![gap], 0),
        "The payload of a record of class 0 is erased.",
        |parts| {
            parts.state = 1;
            parts.salts = class_keys(0).into_iter().take(3).flatten().chain([2]).chain(root).collect();
            let at = parts.index(METADATA);
            parts.columns.remove(at);
        },
    );
    let actor = Field::ACTOR_ID.id();
    let column = Parts::of(&whole.payload).column(actor).clone();
    let bytes = changed(&erased, |parts| *parts.column(actor) = column);
    list.put("frm-9-erased", "FRM-9", whole.context(), bytes, "A row has an actor although its group 1 is erased.");
    list.add("frm-9-no-payload", "FRM-9", &one(), "A row without a payload that was not erased.", |parts| {
        let at = parts.index(METADATA);
        parts.columns.remove(at);
    });
}

/// Frames that say in the wrong way, or of the wrong records, that everything is removed.
fn expired_frames(list: &mut List, with_class_0: &Frame) {
    let events = Frame::whole(3, (1_000..1_003).map(event).collect(), 0);
    let refs: Vec<RecordRef<'_>> = events.records.iter().flatten().map(RecordRef::from).collect();
    let hashes = frame_hashes(&refs, &SALT_KEY).expect("a frame");
    let roots = hashes.classes.iter().flat_map(|class| class.groups.each_ref().map(|group| group.root));
    let roots: Vec<u8> = roots.flat_map(|root| [&[2][..], &root].concat()).collect();
    let gone = events.without(&Removal::new().records(events.descriptor.all_positions()));
    let about = "Everything is removed, but roots are kept.";
    list.add("frm-15-pruned", "FRM-15", &gone, about, |parts| {
        parts.state = 1;
        parts.salts = roots;
    });
    list.add("frm-15-salts", "FRM-15", &gone, "An expired frame that kept its salt key.", |parts| {
        parts.salts = SALT_KEY.to_vec();
    });
    let column = Parts::of(&events.payload).column(KIND).clone();
    list.add("frm-4-expired", "FRM-4", &gone, "An expired frame with a column.", |parts| parts.columns.push(column));
    list.add("frm-10-expired", "FRM-10", with_class_0, "A frame with a record of class 0 is expired.", |parts| {
        parts.state = 2;
        parts.salts.clear();
        parts.columns.clear();
    });
}

/// Four states 1: every record of the class has the group.
fn class_keys(class: u16) -> Vec<Vec<u8>> {
    let key = |k: u8| b3(Purpose::SaltKey, &[&SALT_KEY[..], &class.to_le_bytes(), &[k]].concat());
    (0..4).map(|k| [&[1][..], &key(k)].concat()).collect()
}

fn one() -> Frame {
    Frame::whole(3, vec![event(1_000)], 0)
}

fn directories(list: &mut List) {
    let frame = one();
    list.add("frm-4-order", "FRM-4", &frame, "Two columns change places.", |parts| parts.columns.swap(0, 1));
    list.add("frm-4-missing", "FRM-4", &frame, "No column of recorded-at.", |parts| {
        let at = parts.index(RECORDED_AT);
        parts.columns.remove(at);
    });
    list.add("frm-4-encoding", "FRM-4", &frame, "Kinds in encoding 2.", |parts| parts.column(KIND).encoding = 2);
    list.add("frm-4-empty", "FRM-4", &frame, "A column that is absent in every row.", |parts| {
        let at = parts.index(Field::SEVERITY.id());
        let mut outcome = parts.columns[at].clone();
        outcome.code = Field::OUTCOME.id();
        outcome.data = vec![0, 0];
        parts.columns.insert(at + 1, outcome);
    });
    list.add("rec-7-kind", "REC-7", &frame, "Record kind 14.", |parts| parts.column(KIND).data[0] = 14);
    let mut context = frame.context();
    let terms = context["terms"][Field::TARGET_ID.id().to_string()].as_array_mut().expect("terms of the field");
    terms.pop();
    list.put("seg-8", "SEG-8", context, frame.payload.clone(), "An ordinal without a term.");
    let mut context = frame.context();
    context["terms"][Field::TARGET_ID.id().to_string()] = json!([null]);
    list.put("seg-8-void", "SEG-8", context, frame.payload.clone(), "An ordinal whose term is void.");
    let mut extra = frame.payload.clone();
    extra.push(0);
    list.put("frm-4-trailing", "FRM-4", frame.context(), extra, "A byte after the last column.");
}

fn numbers(list: &mut List) {
    let frame = one();
    let severity = Field::SEVERITY.id();
    list.add("frm-5-width", "FRM-5", &frame, "One bit for a value that needs none.", |parts| {
        parts.column(severity).data = vec![2, 1, 0];
    });
    list.add("frm-5-base", "FRM-5", &frame, "The base is below the minimum.", |parts| {
        parts.column(severity).data = vec![1, 1, 1];
    });
    list.add("frm-5-scale", "FRM-5", &frame, "Equal times in another scale than seconds.", |parts| {
        parts.column(OCCURRED_AT).data[8] = 6;
    });
    list.add("frm-5-scale-unknown", "FRM-5", &frame, "A scale that is none of 0, 3, 6, 9.", |parts| {
        parts.column(OCCURRED_AT).data[8] = 1;
    });
    let two = Frame::whole(3, vec![event(1_000), event(1_001)], 0);
    list.add("frm-5-range", "FRM-5", &two, "A time beyond the last one that 64 bits hold.", |parts| {
        let data = [&i64::MAX.to_le_bytes()[..], &[0, 1, 0b10]].concat();
        parts.column(OCCURRED_AT).data = data;
    });
    list.add("conv-2", "CONV-2", &two, "An unused bit of packed values is set.", |parts| {
        let data = &mut parts.column(severity).data;
        assert_eq!(data.len(), 3, "base, width and one byte of two values");
        data[2] |= 0x80;
    });
}

fn ids_and_blobs(list: &mut List) {
    let many = Frame::whole(3, (1_000..1_020).map(event).collect(), 1);
    let blobs = Frame::whole(3, (1_000..1_020).map(event_with_reason).collect(), 1);
    list.add("frm-6", "FRM-6", &blobs, "The first block begins with row 1.", |parts| {
        let data = &mut parts.column(PAYLOAD).data;
        let entry = 2 + (20 * usize::from(data[0])).div_ceil(8);
        data[entry] = 1;
    });
    list.add("frm-8", "FRM-8", &blobs, "A byte after the zstd frame of a block.", |parts| {
        let data = &mut parts.column(PAYLOAD).data;
        assert_eq!(data[1], 1, "one block");
        let entry = 2 + (20 * usize::from(data[0])).div_ceil(8);
        data[entry + 8] += 1;
        data.push(0);
    });
    let all_have_parents = Frame::whole(3, (0..4).map(|n| event_at(1_000 + n)).collect(), 0);
    list.add(
        "frm-12-presence",
        "FRM-12",
        &all_have_parents,
        "Presence spelled out where every row has one.",
        |parts| {
            let column = parts.in_encoding(4);
            column.data.splice(0..1, [&[0u8][..], &0b1111u128.to_le_bytes()].concat());
        },
    );
    list.add("frm-12-shared", "FRM-12", &many, "A shared UUID listed twice.", |parts| {
        let data = &mut parts.in_encoding(5).data;
        data.copy_within(1..17, 17);
    });
    list.add("frm-12-timed", "FRM-12", &many, "A timed UUID that is not of version 7.", |parts| {
        let data = &mut parts.in_encoding(8).data;
        let at = data.len() - 10;
        data[at] = 0x4a;
    });
}

/// An event whose payload is more than a metadata text, so that it lies in a blob.
fn event_with_reason(seq: u64) -> Record {
    record(seq, 1, Kind::Event, 0, |groups| {
        groups.text(Field::REASON, "the owner asked for it, as so often");
        groups.text(Field::METADATA, &format!("{{\"n\":{seq}}}"));
    })
}

/// Metadata cut into templates: two of them, with an integer, a UUID and a term in common.
fn templates(list: &mut List) {
    let frame = Frame::whole(3, (1_000..1_004).map(super::samples_frame::event_of_templates).collect(), 0);
    // t 2, c 3, then per template: ordinal 4, holes 1, columns.
    list.add("frm-13-twice", "FRM-13", &frame, "A template with a column twice.", |parts| {
        let data = &mut parts.column(METADATA).data;
        assert_eq!(data[..8], [2, 3, data[2], 0, 0, 0, 3, 0], "two templates, three columns");
        data[8] = 0;
    });
    list.add("frm-13-width", "FRM-13", &frame, "Codes wider than the templates need.", |parts| {
        let data = &mut parts.column(METADATA).data;
        let at = codes_at(data);
        assert_eq!(data[at], 2, "two bits for two templates");
        data[at] = 4;
        data.insert(at + 2, 0);
    });
    list.add("frm-13-kind", "FRM-13", &frame, "A column of kind 4.", |parts| {
        let data = &mut parts.column(METADATA).data;
        let at = codes_at(data);
        data[at - 1] = 4;
    });
    let text = |term: &str| {
        let mut context = frame.context();
        let terms = context["terms"][METADATA.to_string()].as_array_mut().expect("terms of metadata");
        let place = terms.iter().position(|known| known == "visitor").expect("the term");
        terms[place] = json!(term);
        context
    };
    let about = "A term that ends its quoted text early, so that the text would be cut otherwise.";
    list.put("frm-14-cut", "FRM-14", text("a\",\"b"), frame.payload.clone(), about);
    let about = "A term in the 16-byte form.";
    list.put("frm-14-uuid", "FRM-14", text(super::samples::UUID), frame.payload.clone(), about);
    let metadata = Parts::of(&frame.payload).column(METADATA).clone();
    let twice = Frame::whole(3, (1_000..1_004).map(event_with_reason).collect(), 0);
    let mut bytes = Parts::of(&twice.payload);
    let at = bytes.columns.iter().position(|column| column.code > METADATA).expect("kinds");
    bytes.columns.insert(at, metadata);
    list.put("frm-9-twice", "FRM-9", frame.context(), bytes.join(), "A payload in both columns.");
}

/// Where the width of the codes stands in a column of templates.
fn codes_at(data: &[u8]) -> usize {
    let mut at = 2;
    for _ in 0..data[0] {
        at += 5 + usize::from(data[at + 4]);
    }
    at + usize::from(data[1])
}

/// An event whose parent id is a UUID of version 4 that no other has.
fn event_at(seq: u64) -> Record {
    record(seq, 1, Kind::Event, 0, |groups| {
        groups.text(Field::PARENT_ID, &format!("5c0ffee0-0000-4000-8000-{seq:012x}"));
    })
}

fn commitments(list: &mut List) {
    let frame = one();
    list.add("frm-7", "FRM-7", &frame, "A bit of the frame salt key is flipped.", |parts| parts.salts[0] ^= 1);
    let mut context = frame.context();
    let workspace = Field::WORKSPACE.id().to_string();
    context["terms"][&workspace] = json!(["workspace-9"]);
    list.put("frm-7-term", "FRM-7", context, frame.payload.clone(), "A term page says something else.");
    let full = Frame::whole(3, (1_000..1_128).map(with_workspace).collect(), 1);
    let mut context = full.context();
    context["terms"][&workspace] = json!(["w".repeat(8_300)]);
    list.put("frm-11", "FRM-11", context, full.payload.clone(), "128 rows name a term of 8,300 bytes: over 1 MiB.");
    list.add("com-5", "COM-5", &frame, "The class table's latest recorded-at is a second late.", |parts| {
        parts.descriptor[120 + 28] ^= 1;
    });
    list.add("com-1-length", "COM-1", &frame, "A byte after the class table.", |parts| parts.descriptor.push(0));
    let (_, payload, context) = sealed();
    let mut flipped = payload.clone();
    *flipped.last_mut().expect("a payload") ^= 1;
    list.put("enc-1-tag", "ENC-1", context.clone(), flipped, "A bit of the tag is flipped.");
    let mut moved = context;
    moved["segment_id"] = json!(10);
    list.put("enc-1-place", "ENC-1", moved, payload, "A sealed body in another segment.");
}

fn with_workspace(seq: u64) -> Record {
    record(seq, 1, Kind::Event, 0, |groups| groups.text(Field::WORKSPACE, "w"))
}
