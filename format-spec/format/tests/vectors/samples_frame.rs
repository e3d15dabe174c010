//! Frames: whole, pruned in every way, encrypted; and their descriptors.

use indelible_evidence::commit::{
    FrameFacts, FrameView, Pruned, RecordRef, Removal, Salts, commit_frame, genesis_chain, prune,
};
use indelible_evidence::descriptor::Descriptor;
use indelible_evidence::record::Record;
use indelible_evidence::schema::{Field, Kind};
use indelible_format::aead::{DataKey, NONCE_LEN};
use indelible_format::frame::{FrameEncoder, FrameOptions, seal_frame};
use indelible_format::segment::TermTable;
use serde_json::{Value as Json, json};

use super::Vector;
use super::describe_file::terms_json;
use super::dump::hex;
use super::samples::{LOG_ID, ORIGIN, UUID, body, event, full, genesis, key, minimal, record, system};

/// The salt key of every frame of the vectors.
pub const SALT_KEY: [u8; 32] = [0x5a; 32];
/// The data key of everything encrypted.
pub const DATA_KEY: [u8; 32] = [0x33; 32];
/// The nonce of everything encrypted: fixed here, fresh random bytes in a log.
pub const NONCE: [u8; NONCE_LEN] = [0x44; NONCE_LEN];

/// A frame with what is needed to read it.
pub struct Frame {
    /// Its descriptor.
    pub descriptor: Descriptor,
    /// Records by position.
    pub records: Vec<Option<Record>>,
    /// What opens it.
    pub salts: Salts,
    /// Terms that it names.
    pub terms: TermTable,
    /// Payload of its block.
    pub payload: Vec<u8>,
}

impl Frame {
    /// A whole frame; zstd level 0 stores blocks as they are.
    pub fn whole(frame_no: u64, records: Vec<Record>, level: i32) -> Self {
        Self::after(TermTable::new(), frame_no, records, level)
    }

    /// A whole frame of a segment that has these terms already.
    pub fn after(terms: TermTable, frame_no: u64, records: Vec<Record>, level: i32) -> Self {
        let refs: Vec<RecordRef<'_>> = records.iter().map(RecordRef::from).collect();
        let facts = FrameFacts { log_id: LOG_ID, frame_no, schedule_version: 1, key_epoch: 0, lost_events: 0 };
        let descriptor = commit_frame(&facts, &refs, &SALT_KEY).expect("records that can be a frame");
        let records = records.into_iter().map(Some).collect();
        Self::encode(descriptor, Salts::Whole(SALT_KEY), records, terms, level)
    }

    fn encode(
        descriptor: Descriptor,
        salts: Salts,
        records: Vec<Option<Record>>,
        mut terms: TermTable,
        zstd_level: i32,
    ) -> Self {
        let refs: Vec<_> = records.iter().map(|record| record.as_ref().map(RecordRef::from)).collect();
        let options = FrameOptions { zstd_level, ..FrameOptions::default() };
        let payload = FrameEncoder::new(options).encode(&descriptor, &salts, &refs, &mut terms).expect("a frame");
        Self { descriptor, records, salts, terms, payload }
    }

    /// What is left after a removal, its terms only those still used.
    pub fn without(&self, removal: &Removal) -> Self {
        self.left(TermTable::new(), removal)
    }

    /// What is left after a removal, in a segment that has these terms.
    pub fn left(&self, terms: TermTable, removal: &Removal) -> Self {
        let view = FrameView { descriptor: &self.descriptor, salts: &self.salts, records: &self.records };
        let Pruned { salts, records } = prune(&view, removal).expect("a removal that is allowed");
        Self::encode(self.descriptor.clone(), salts, records, terms, 0)
    }

    /// The context a reader needs.
    pub fn context(&self) -> Json {
        let chain = genesis_chain(LOG_ID, ORIGIN, &key().verifier().to_string());
        json!({"terms": terms_json(&self.terms).expect("terms are texts"), "chain_before": hex(&chain)})
    }

    /// A vector of it.
    pub fn vector(&self, name: &str, about: &str) -> Vector {
        Vector::good(format!("frame/{name}"), "frame", self.context(), self.payload.clone(), about)
    }
}

/// Seven events of classes 1, 2 and 7 and a gap record of class 0: what the pruned vectors begin with.
pub fn mixed() -> Frame {
    let mut records: Vec<Record> = (1_000..1_007).map(event).collect();
    records.push(system(1_007, Kind::Gap, &body(Kind::Gap)));
    Frame::whole(3, records, 0)
}

/// A frame that is encrypted, with its context.
pub fn sealed() -> (Frame, Vec<u8>, Json) {
    let frame = Frame::whole(3, (1_000..1_003).map(event).collect(), 0);
    let key = DataKey::new(DATA_KEY);
    let payload = seal_frame(&frame.payload, &key, &NONCE, 9, 1).expect("a body that is not too long");
    let mut context = frame.context();
    context["key"] = json!(hex(&DATA_KEY));
    context["segment_id"] = json!(9);
    context["generation"] = json!(1);
    (frame, payload, context)
}

fn pruned() -> Vec<Vector> {
    let frame = mixed();
    let of = |class: u16| Removal::new().class(&frame.descriptor, class);
    let [one, two, seven] = [1, 2, 7].map(of);
    let cases = [
        ("pruned-expired-class", one, "Class 1 is expired: four roots are left of it."),
        (
            "pruned-removed-records",
            Removal::new().records(0b11),
            "Two records removed one by one: a stub and spelled-out salts.",
        ),
        (
            "pruned-erased-group",
            Removal::new().group(1, 0b10_0100).group(3, 0b10_0100),
            "Identity and payload of two records erased: a person.",
        ),
        (
            "pruned-erased-class-group",
            Removal::new().class_group(&frame.descriptor, 1, 3),
            "Every payload of class 1 erased: its root is left.",
        ),
        ("pruned-everything", one.and(&two).and(&seven), "Every event expired; only the system record is left."),
        (
            "pruned-stub-rows",
            Removal::new().group(1, 0b110).group(2, 0b110).group(3, 0b110),
            "Two stub rows: envelopes that are kept as evidence, without the rest of their records.",
        ),
        (
            "pruned-mixed",
            seven.and(&Removal::new().records(0b1).group(2, 0b10)),
            "An expired class, a removed record and an erased group in one frame.",
        ),
    ];
    let mut out: Vec<Vector> =
        cases.into_iter().map(|(name, removal, about)| frame.without(&removal).vector(name, about)).collect();
    let events = Frame::whole(3, (1_000..1_005).map(event).collect(), 0);
    let all = Removal::new().records(events.descriptor.all_positions());
    out.push(events.without(&all).vector("expired", "Every record is removed: the descriptor and the head of a body."));
    out
}

/// An event with nothing but a metadata text of one of two templates.
pub fn event_of_templates(seq: u64) -> Record {
    let uuid = format!("0195f3a2-0000-7abc-8def-{seq:012x}");
    let role = ["visitor", r#"editor of \"a\""#][seq as usize / 2 % 2];
    let text = if seq.is_multiple_of(2) {
        format!("{{\"n\": {seq}, \"id\":\"{uuid}\",\"role\":\"{role}\",\"empty\":\"\",\"007\":007}}")
    } else {
        format!("{{\"role\":\"{role}\", \"id\":\"{uuid}\"}}")
    };
    record(seq, 1, Kind::Event, 0, |groups| groups.text(Field::METADATA, &text))
}

/// Metadata that cannot be cut, next to some that can.
fn uncut() -> Frame {
    let texts = ["{\"a\":1}", "", UUID, "\u{1}", "{\"open", "{\"a\":1234567890123456789}", "plain 12 words"];
    let records = texts.iter().zip(1_000..);
    let records =
        records.map(|(text, seq)| record(seq, 1, Kind::Event, 0, |groups| groups.text(Field::METADATA, text)));
    Frame::whole(3, records.collect(), 0)
}

/// Vectors of descriptors and frames.
pub fn vectors() -> Vec<Vector> {
    let one = Frame::whole(0, vec![genesis()], 0);
    let first_event = event(1_000);
    let ids = |seq: u64| {
        record(seq, 1, Kind::Event, -1, |groups| {
            groups.text(Field::EVENT_ID, &format!("id {seq}"));
            groups.text(Field::CORRELATION_ID, "");
        })
    };
    let large = Frame::whole(3, (1_000..1_128).map(event).collect(), 1);
    let mut out = vec![
        one.vector("one-record", "The genesis record alone; nothing is compressed."),
        Frame::whole(3, vec![first_event, full(1_001, 2), event(1_002)], 0)
            .vector("three-records", "Classes 1 and 2; ids in other forms than UUIDs; terms of every text field."),
        Frame::whole(3, vec![minimal(1_000)], 0).vector("no-fields", "One event without fields: five columns."),
        Frame::whole(3, (1_000..1_003).map(ids).collect(), 0)
            .vector("ids-as-texts", "Event ids that are no UUIDs, and an empty text: encoding 6; times before 1970."),
        large.vector("128-records", "A full frame of three classes: timed, shared and plain UUIDs, compressed blocks."),
        Frame::whole(3, (1_000..1_006).map(event_of_templates).collect(), 0)
            .vector("templates", "Metadata of two templates: integers, UUIDs and terms; encoding 9."),
        uncut().vector(
            "templates-and-blobs",
            "Metadata that cannot be cut lies in the payload column, the rest does not.",
        ),
        mixed().vector("mixed-classes", "Events and a system record: what the pruned frames begin with."),
    ];
    for (name, frame) in [("one-class", &one), ("three-classes", &large)] {
        let about = "A stored descriptor, its chain value and its leaf of the log tree.";
        let chain = frame.context()["chain_before"].clone();
        let context = json!({"chain_before": chain});
        out.push(Vector::good(format!("descriptor/{name}"), "descriptor", context, frame.descriptor.encode(), about));
    }
    out.extend(pruned());
    let (_, payload, mut context) = sealed();
    let about = "A sealed body: nonce, ciphertext, tag; the data key is in the context.";
    out.push(Vector::good("frame/encrypted", "frame", context.clone(), payload.clone(), about));
    for name in ["key", "segment_id", "generation"] {
        context.as_object_mut().expect("an object").remove(name);
    }
    context["sealed"] = json!(true);
    let about = "The same without a key: descriptor, chain and leaf are still read.";
    out.push(Vector::good("frame/encrypted-no-key", "frame", context, payload, about));
    out
}
